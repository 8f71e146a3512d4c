/* regalloc.c - linear register assignment over one block, forward, with last uses known. */
#include "core/regalloc.h"

#include <assert.h>
#include <string.h>

#include "core/cpu.h"
#include "core/log.h"

#define BIT(r) ((uint64_t)1 << (r))
static const uint64_t VEC_REGS = 0xffffffff00000000u;

static bool is_vec_value(const struct ra *ra, ir_ref v) { return ir_op_info[ra->ir->ops[v].op].res == IR_CLASS_V; }
static int value_size(const struct ra *ra, ir_ref v) { return is_vec_value(ra, v) ? 16 : 8; }
static bool is_pin(const struct ra *ra, int reg) { return !(ra->host->allocatable & BIT(reg)); }

static bool is_rematerialisable(const struct ra *ra, ir_ref v)
{
    unsigned op = ra->ir->ops[v].op;
    return op == IR_const || op == IR_addr || op == IR_vconst;
}

/* Live beyond the current operation. */
static bool lives(const struct ra *ra, ir_ref v) { return ra->value[v].last_use > ra->at; }
/* Needed by the current operation or later. */
static bool needed(const struct ra *ra, ir_ref v) { return ra->value[v].last_use >= ra->at; }

bool ra_dies(const struct ra *ra, ir_ref v) { return !lives(ra, v); }

/* ---- Backward pass -------------------------------------------------------------------- */

struct prepare {
    struct ra *ra;
    struct ir *ir;
    struct ra_note *note;           /* per operation */
    uint16_t next_barrier;          /* nearest later operation at which all homes must be exact */
    uint16_t next_exit;             /* nearest later operation that may leave the block other than by a fault of its access */
    uint16_t next_put[IR_MAX_VARS]; /* nearest later put of a variable */
    uint16_t next_get[IR_MAX_VARS]; /* nearest later get of a variable, since its next put */
};

static void use_value(struct prepare *p, ir_ref v, ir_ref at)
{
    struct ra_value *value = &p->ra->value[v];
    if (v && value->folded_into) { /* it has another use */
        at = value->folded_into;
        value->folded_into = 0;
    }
    if (v && value->last_use < at)
        value->last_use = at;
}

/* The operation at I can do its second operand with itself, if that has no other use. */
static bool can_fold(const struct prepare *p, ir_ref i)
{
    const struct ir_op *by = &p->ir->ops[i], *op = &p->ir->ops[by->b];
    uint64_t n;
    if (op->type != by->type || p->ra->value[by->b].last_use != 0 || p->ra->value[by->b].folded_into)
        return false;
    if (by->op == IR_fma)
        return p->ra->host->folds_negations && op->op == IR_fneg && type_lane_log2(op->type) >= 2 && by->b != by->c &&
               by->b != by->a;
    return by->op == IR_add && !(by->aux & IR_S) && by->a != by->b && op->op == IR_shl && ir_is_const(p->ir, op->b, &n) &&
           n >= 1 && n <= 3;
}

/* A use of flags: if the host's flags may be gone by then, what is needed to make them again stays alive. */
static void use_flags(struct prepare *p, ir_ref f, ir_ref at, unsigned cond)
{
    const struct ir_op *op = &p->ir->ops[f];
    if (p->ra->value[f].flags_until < at)
        p->ra->value[f].flags_until = at;
    if (op->op == IR_getf)
        return;
    if (p->note[at].clobbers == p->note[f + 1].clobbers)
        return;
    switch (op->op) {
    case IR_add: case IR_sub: case IR_and: case IR_andn:
        if (cond <= COND_NE || cond == COND_MI || cond == COND_PL) {
            use_value(p, f, at);
            return;
        }
        use_value(p, op->a, at);
        use_value(p, op->b, at);
        return;
    case IR_fcmp:
        use_value(p, op->a, at);
        use_value(p, op->b, at);
        return;
    default:
        p->ra->value[f].must_save = true;
    }
}

/* Accesses that the host may make in steps of which the first already changes the result register. */
static bool is_stepwise_access(const struct ir_op *op)
{
    return (ir_op_info[op->op].props & IR_FAULT) && op->op != IR_load && op->op != IR_swp && op->op != IR_ldadd &&
           !(op->op == IR_loadv && (op->aux & MEM_SIZE) >= 2);
}

/* Need the home of VAR not be written by the put at I? */
static bool can_defer(const struct prepare *p, ir_ref i, unsigned var)
{
    const struct ra *ra = p->ra;
    const struct ir_var *row = &p->ir->vars[var];
    ir_ref v = p->ir->ops[i].a;
    uint16_t next = p->next_put[var];
    if (ra->host->pin[var] != RA_NONE || !next || next > p->next_exit || p->next_get[var] != 0)
        return false;
    if (row->size != value_size(ra, v) || is_rematerialisable(ra, v))
        return false;
    uint16_t fault = p->note[next].fault_before;
    return ra->value[v].last_use > fault ||
           (ra->value[v].last_use == fault && !is_stepwise_access(&p->ir->ops[fault]));
}

static void prepare_put(struct prepare *p, ir_ref i, const struct ir_op *op)
{
    struct ra *ra = p->ra;
    unsigned var = (unsigned)op->imm;
    ra->value[i].deferred = !ra->host->no_deferred_puts && can_defer(p, i, var);
    p->next_get[var] = 0;
    p->next_put[var] = i;
    if (ra->host->pin[var] != RA_NONE && ra->value[op->a].want == RA_NONE) {
        ra->value[op->a].want = ra->host->pin[var];
        p->note[op->a].put_at = i;
    }
}

static void prepare_op(struct prepare *p, ir_ref i)
{
    const struct ir_op *op = &p->ir->ops[i];
    const struct ir_op_info *info = &ir_op_info[op->op];
    struct ra *ra = p->ra;
    struct ra_value *v = &ra->value[i];

    if (op->op == IR_get || op->op == IR_getv)
        p->next_get[op->imm] = i;
    if (v->want != RA_NONE) {
        const struct ir_op *put = &p->ir->ops[p->note[i].put_at];
        uint16_t get = p->next_get[put->imm];
        if (p->next_barrier < p->note[i].put_at || (get != 0 && get < p->note[i].put_at) || is_stepwise_access(op))
            v->want = RA_NONE;
    }
    /* The low part is often all there is: its operand may be made where the put wants it. Operations that raise nothing rather
     * work in the register of an operand that dies. */
    if (op->op == IR_vlow && v->want != RA_NONE && ra->value[op->a].last_use == 0 && ra->value[op->a].want == RA_NONE &&
        !(ir_op_info[p->ir->ops[op->a].op].props & IR_PURE)) {
        ra->value[op->a].want = v->want;
        p->note[op->a].put_at = p->note[i].put_at;
    }
    if ((info->props & (IR_FAULT | IR_END | IR_EXIT | IR_CALL)) != 0)
        p->next_barrier = i;
    if ((info->props & (IR_END | IR_EXIT | IR_CALL)) != 0 || op->op == IR_align)
        p->next_exit = i;
    if (op->op == IR_put || op->op == IR_putv)
        prepare_put(p, i, op);
    if (p->note[i].saves && ra->value[p->note[i].saves].flags_until > i) {
        v->saves_flags = true;
        use_flags(p, p->note[i].saves, i, COND_AL);
    }
    unsigned cond = op->op == IR_exit_if || op->op == IR_cset || op->op == IR_csel || op->op == IR_vcsel ? op->aux
                                                                                                         : COND_AL;
    if (info->a == IR_CLASS_F) { /* putf: a marker, no use, unless it stores */
        if (op->a && op->aux)
            use_flags(p, op->a, i, COND_AL);
    } else if (v->folded_into) {
        use_value(p, op->a, v->folded_into);
        return;
    } else if (info->a != IR_CLASS_N)
        use_value(p, op->a, i);
    bool folds = can_fold(p, i);
    if (folds) {
        ra->value[op->b].folded_into = i;
    } else if (info->b == IR_CLASS_F) {
        if (op->b)
            use_flags(p, op->b, i, COND_AL);
    } else if (info->b != IR_CLASS_N) {
        use_value(p, op->b, i);
    }
    if (info->c == IR_CLASS_F) {
        if (op->c)
            use_flags(p, op->c, i, cond);
    } else if (info->c != IR_CLASS_N) {
        use_value(p, op->c, i);
    }
}

void ra_prepare(struct ra *ra, struct ir *ir, const struct ra_host *host, void *ctx, struct ra_space *space)
{
    struct ra_note *note = space->note;
    ra->host = host;
    ra->ctx = ctx;
    ra->ir = ir;
    ra->value = space->value;
    ra->locked = 0;
    ra->spill_used[0] = ra->spill_used[1] = 0;
    ra->n_deferred = 0;
    memset(ra->held, 0, sizeof ra->held);
    memset(ra->var_value, 0, ir->n_vars * sizeof *ra->var_value);
    struct prepare p = {.ra = ra, .ir = ir, .note = note, .next_barrier = UINT16_MAX, .next_exit = UINT16_MAX};
    uint16_t count = 0, fault = 0;
    ir_ref flags = IR_NONE;
    for (uint32_t i = 0; i < ir->n; i++) {
        const struct ir_op *op = &ir->ops[i];
        ra->value[i] = (struct ra_value){.reg = RA_NONE, .want = RA_NONE, .slot = -1};
        note[i] = (struct ra_note){.clobbers = count, .fault_before = fault};
        count += (host->clobbers_flags[op->op] & (op->aux | FLAGS_CLOBBERED)) != 0;
        if (op->op == IR_putf)
            flags = op->a;
        if (!(ir_op_info[op->op].props & IR_FAULT))
            continue;
        fault = (uint16_t)i;
        /* The first fault point after the host's flags are gone stores the guest's. */
        if (flags && note[i].clobbers != note[flags + 1].clobbers)
            note[i].saves = flags, flags = 0;
    }
    note[ir->n].clobbers = count;
    for (uint32_t i = ir->n; i-- > 1;)
        if (ir->ops[i].op > IR_insn)
            prepare_op(&p, (ir_ref)i);
}

/* ---- Locations -------------------------------------------------------------------------- */

static void release_spill(struct ra *ra, ir_ref v)
{
    int32_t slot = ra->value[v].slot;
    int32_t gpr = slot - (int32_t)offsetof(struct cpu, spill_gpr), vec = slot - (int32_t)offsetof(struct cpu, spill_vec);
    if (gpr >= 0 && gpr < (int32_t)sizeof(((struct cpu *)0)->spill_gpr))
        ra->spill_used[0] &= ~BIT(gpr / 8);
    else if (vec >= 0 && vec < (int32_t)sizeof(((struct cpu *)0)->spill_vec))
        ra->spill_used[1] &= ~BIT(vec / 16);
    ra->value[v].slot = -1;
}

static void spill(struct ra *ra, ir_ref v)
{
    struct ra_value *value = &ra->value[v];
    bool vec = is_vec_value(ra, v);
    if (~ra->spill_used[vec] == 0) { /* reclaim slots of dead values */
        for (ir_ref i = 1; i < ra->at; i++)
            if (ra->value[i].slot >= 0 && !needed(ra, i))
                release_spill(ra, i);
        if (~ra->spill_used[vec] == 0)
            bug("register allocator: out of spill slots");
    }
    int n = __builtin_ctzll(~ra->spill_used[vec]);
    ra->spill_used[vec] |= BIT(n);
    value->slot = vec ? (int32_t)offsetof(struct cpu, spill_vec) + 16 * n : (int32_t)offsetof(struct cpu, spill_gpr) + 8 * n;
    ra->host->store(ra->ctx, value->reg, value->slot, vec ? 16 : 8);
}

/* Empty REG; if its value is still needed it stays somewhere. */
static void evict(struct ra *ra, int reg)
{
    ir_ref v = ra->held[reg];
    ra->held[reg] = IR_NONE;
    if (!v || ra->value[v].reg != reg)
        return;
    if (needed(ra, v) && ra->value[v].slot < 0 && !is_rematerialisable(ra, v))
        spill(ra, v);
    ra->value[v].reg = RA_NONE;
}

static int alloc_from(struct ra *ra, uint64_t set)
{
    int best = RA_NONE;
    uint32_t best_score = 0;
    uint64_t class = set & VEC_REGS ? VEC_REGS : ~VEC_REGS;
    set &= ra->host->allocatable & ~ra->locked;
    for (uint64_t s = set; s; s &= s - 1) {
        int reg = __builtin_ctzll(s);
        ir_ref v = ra->held[reg];
        if (!v || ra->value[v].reg != reg || !needed(ra, v)) {
            ra->held[reg] = IR_NONE;
            ra->locked |= BIT(reg);
            return reg;
        }
        uint32_t score = ra->value[v].last_use;
        if (ra->value[v].slot >= 0 || is_rematerialisable(ra, v))
            score += 1u << 20; /* clean values first */
        if (score >= best_score)
            best = reg, best_score = score;
    }
    if (best == RA_NONE) {
        if (!ra->host->may_run_out)
            bug("register allocator: no register left");
        ra->ran_out = true;
        return __builtin_ctzll(class & ra->host->allocatable);
    }
    evict(ra, best);
    ra->locked |= BIT(best);
    return best;
}

static int alloc(struct ra *ra, bool vec) { return alloc_from(ra, vec ? VEC_REGS : ~VEC_REGS); }

static void set_reg(struct ra *ra, ir_ref v, int reg)
{
    ra->value[v].reg = ra->value[v].was = (int8_t)reg;
    ra->held[reg] = v;
    ra->locked |= BIT(reg);
}

/* Put V's value into REG (already free) from wherever it is. */
static void load_into(struct ra *ra, ir_ref v, int reg)
{
    const struct ra_value *value = &ra->value[v];
    if (value->reg != RA_NONE)
        ra->host->move(ra->ctx, reg, value->reg);
    else if (is_rematerialisable(ra, v))
        ra->host->load_const(ra->ctx, reg, &ra->ir->ops[v]);
    else if (value->slot >= 0)
        ra->host->load(ra->ctx, reg, value->slot, value_size(ra, v));
    else
        bug("register allocator: value %u (%s) is nowhere", v, ir_op_info[ra->ir->ops[v].op].name);
}

/* V is in REG, which is about to change. If another variable's home holds it too, it is there from now on. */
static bool move_to_other_home(struct ra *ra, ir_ref v, int reg)
{
    for (unsigned var = 0; var < ra->ir->n_vars; var++) {
        int pin = ra->host->pin[var];
        if (pin == RA_NONE || pin == reg || ra->var_value[var] != v || ra->held[pin])
            continue; /* what a register holds for a coming put comes before the variable's value */
        ra->held[pin] = v;
        ra->value[v].reg = ra->value[v].was = (int8_t)pin;
        return true;
    }
    return false;
}

/* ---- Interface of the emitter ------------------------------------------------------------ */

void ra_begin_op(struct ra *ra, ir_ref ref)
{
    ra->at = ref;
    ra->locked = 0;
    const struct ir_op *op = &ra->ir->ops[ref];
    if (op->op != IR_get && op->op != IR_getv)
        return;
    unsigned var = (unsigned)op->imm;
    int pin = ra->host->pin[var];
    if (pin != RA_NONE)
        set_reg(ra, ref, pin);
    else
        ra->value[ref].slot = ra->ir->vars[var].offset;
    ra->var_value[var] = ref;
}

void ra_end_op(struct ra *ra) { ra->locked = 0; }

int ra_use(struct ra *ra, ir_ref v)
{
    int reg = ra->value[v].reg;
    if (reg == RA_NONE) {
        reg = alloc(ra, is_vec_value(ra, v));
        load_into(ra, v, reg);
    }
    set_reg(ra, v, reg);
    return reg;
}

int ra_use_mem(struct ra *ra, ir_ref v, int32_t *offset)
{
    const struct ra_value *value = &ra->value[v];
    if (value->reg != RA_NONE || value->slot < 0 || lives(ra, v))
        return ra_use(ra, v);
    *offset = value->slot;
    return RA_NONE;
}

/* The register that a coming put wants V in, if it may be overwritten now. */
static int wanted(struct ra *ra, ir_ref v)
{
    int reg = ra->value[v].want;
    if (reg == RA_NONE)
        return RA_NONE;
    ir_ref old = ra->held[reg];
    if (old && old != v && ra->value[old].reg == reg && lives(ra, old) && !move_to_other_home(ra, old, reg))
        return RA_NONE;
    return reg;
}

static int take_wanted(struct ra *ra, ir_ref v, int reg)
{
    ir_ref old = ra->held[reg];
    if (old && old != v && ra->value[old].reg == reg)
        ra->value[old].reg = RA_NONE;
    set_reg(ra, v, reg);
    return reg;
}

int ra_def(struct ra *ra, ir_ref v)
{
    int reg = wanted(ra, v);
    if (reg != RA_NONE && !(ra->locked & BIT(reg))) {
        ir_ref old = ra->held[reg];
        if (!old || ra->value[old].reg != reg || !needed(ra, old))
            return take_wanted(ra, v, reg);
    }
    reg = alloc(ra, is_vec_value(ra, v));
    set_reg(ra, v, reg);
    return reg;
}

int ra_def_reuse(struct ra *ra, ir_ref v)
{
    int reg = wanted(ra, v);
    if (reg != RA_NONE)
        return take_wanted(ra, v, reg);
    uint64_t set = is_vec_value(ra, v) ? VEC_REGS : ~VEC_REGS;
    for (uint64_t s = ra->locked & ra->host->allocatable & set; s; s &= s - 1) {
        int r = __builtin_ctzll(s);
        ir_ref old = ra->held[r];
        if (old && ra->value[old].reg == r && !lives(ra, old)) {
            ra->value[old].reg = RA_NONE;
            set_reg(ra, v, r);
            return r;
        }
    }
    return ra_def(ra, v);
}

int ra_def_over(struct ra *ra, ir_ref v, ir_ref a)
{
    int before = ra->value[a].reg, want = wanted(ra, v), from = ra->value[a].reg;
    bool dies = !lives(ra, a);
    if (want != RA_NONE && (want == from ? dies : !(ra->locked & BIT(want)))) {
        ir_ref old = ra->held[want];
        if (want == from || !old || ra->value[old].reg != want || !needed(ra, old)) {
            if (want == from)
                ra->value[a].reg = RA_NONE;
            else if (want != before)
                load_into(ra, a, want);
            return take_wanted(ra, v, want);
        }
    }
    if (from != RA_NONE && dies && !is_pin(ra, from)) {
        ra->value[a].reg = RA_NONE;
        set_reg(ra, v, from);
        return from;
    }
    int reg = alloc(ra, is_vec_value(ra, v));
    load_into(ra, a, reg);
    set_reg(ra, v, reg);
    return reg;
}

int ra_def_exchanged(struct ra *ra, ir_ref v, ir_ref a)
{
    int from = ra->value[a].reg;
    if (from != RA_NONE && !lives(ra, a) && (from == ra->value[v].want || !is_pin(ra, from)))
        return take_wanted(ra, v, from);
    int reg = alloc(ra, is_vec_value(ra, v));
    load_into(ra, a, reg);
    set_reg(ra, v, reg);
    return reg;
}

int ra_temp(struct ra *ra, bool vec)
{
    return alloc(ra, vec);
}

void ra_take(struct ra *ra, int reg)
{
    ir_ref v = ra->held[reg];
    if (v && ra->value[v].reg == reg && needed(ra, v)) {
        uint64_t others = ra->host->allocatable & ~ra->locked & ~BIT(reg) & (reg >= RA_VEC ? VEC_REGS : ~VEC_REGS);
        bool clean = ra->value[v].slot >= 0 || is_rematerialisable(ra, v);
        int to = RA_NONE;
        for (uint64_t s = others; s && to == RA_NONE && !clean; s &= s - 1) {
            int r = __builtin_ctzll(s);
            ir_ref w = ra->held[r];
            if (!w || ra->value[w].reg != r || !needed(ra, w))
                to = r;
        }
        if (to != RA_NONE) {
            ra->host->move(ra->ctx, to, reg);
            ra->held[to] = v;
            ra->value[v].reg = ra->value[v].was = (int8_t)to;
        } else {
            evict(ra, reg);
        }
    }
    ra->held[reg] = IR_NONE;
    ra->locked |= BIT(reg);
}

void ra_def_in(struct ra *ra, ir_ref v, int reg)
{
    set_reg(ra, v, reg);
}

/* The home of VAR is about to change: a value that lives only there moves to a temporary. */
static void save_old(struct ra *ra, unsigned var, ir_ref v)
{
    ir_ref old = ra->var_value[var];
    int pin = ra->host->pin[var];
    if (pin != RA_NONE) {
        ir_ref in = ra->held[pin];
        if (in && in != v && ra->value[in].reg == pin) {
            if (lives(ra, in) && move_to_other_home(ra, in, pin))
                return;
            if (lives(ra, in) && ra->value[in].slot < 0) {
                int reg = alloc(ra, pin >= RA_VEC);
                ra->host->move(ra->ctx, reg, pin);
                set_reg(ra, in, reg);
            } else {
                ra->value[in].reg = RA_NONE;
            }
        }
        return;
    }
    if (old && old != v && ra->value[old].slot == ra->ir->vars[var].offset) {
        if (lives(ra, old) && ra->value[old].reg == RA_NONE && !is_rematerialisable(ra, old))
            ra_use(ra, old);
        ra->value[old].slot = -1;
    }
}

static void set_deferred(struct ra *ra, unsigned var, ir_ref v)
{
    unsigned i = 0;
    while (i < ra->n_deferred && ra->deferred[i].var != var)
        i++;
    if (v) {
        ra->n_deferred += i == ra->n_deferred;
        ra->deferred[i] = (struct ra_deferred){(uint8_t)var, v};
    } else if (i < ra->n_deferred) {
        ra->deferred[i] = ra->deferred[--ra->n_deferred];
    }
}

int ra_place(const struct ra *ra, ir_ref v, int32_t *slot)
{
    const struct ra_value *value = &ra->value[v];
    *slot = value->slot;
    return value->slot >= 0 ? RA_NONE : value->was;
}

void ra_put(struct ra *ra, unsigned var, ir_ref v)
{
    bool deferred = ra->value[ra->at].deferred;
    set_deferred(ra, var, deferred ? v : IR_NONE);
    if (deferred)
        return;
    const struct ir_var *row = &ra->ir->vars[var];
    int pin = ra->host->pin[var];
    if (ra->var_value[var] == v && (pin == RA_NONE ? ra->value[v].slot == row->offset : ra->value[v].reg == pin))
        return;
    save_old(ra, var, v);
    struct ra_value *value = &ra->value[v];
    if (pin != RA_NONE) {
        if (value->reg != pin) {
            int from = value->reg;
            load_into(ra, v, pin);
            ra->held[pin] = v;
            if (from != RA_NONE && !is_pin(ra, from))
                ra->held[from] = IR_NONE;
            if (from == RA_NONE || !is_pin(ra, from))
                value->reg = value->was = (int8_t)pin;
            else
                ra->held[pin] = IR_NONE; /* v stays known as the other variable's register */
        }
    } else {
        uint64_t imm;
        bool stored = row->class == IR_CLASS_I && row->size == 8 && value->reg == RA_NONE &&
                      ir_is_const(ra->ir, v, &imm) && ra->host->store_const(ra->ctx, row->offset, imm);
        if (!stored)
            ra->host->store(ra->ctx, ra_use(ra, v), row->offset, row->size);
        if (row->size == value_size(ra, v) && !is_rematerialisable(ra, v)) {
            release_spill(ra, v);
            value->slot = row->offset;
        }
    }
    ra->var_value[var] = v;
}

void ra_forget_vars(struct ra *ra)
{
    for (unsigned var = 0; var < ra->ir->n_vars; var++) {
        ir_ref v = ra->var_value[var];
        int pin = ra->host->pin[var];
        ra->var_value[var] = IR_NONE;
        if (!v)
            continue;
        struct ra_value *value = &ra->value[v];
        if (pin != RA_NONE && value->reg == pin) {
            if (lives(ra, v) && value->slot < 0 && !is_rematerialisable(ra, v))
                spill(ra, v);
            value->reg = RA_NONE;
            ra->held[pin] = IR_NONE;
        } else if (pin == RA_NONE && value->slot == ra->ir->vars[var].offset) {
            if (lives(ra, v) && value->reg == RA_NONE)
                ra_use(ra, v);
            value->slot = -1;
        }
    }
}

void ra_make_room(struct ra *ra, bool vec, unsigned n)
{
    const uint64_t set = ra->host->allocatable & (vec ? VEC_REGS : ~VEC_REGS);
    for (;;) {
        unsigned room = 0;
        ir_ref last = IR_NONE;
        for (uint64_t s = set; s; s &= s - 1) {
            int reg = __builtin_ctzll(s);
            ir_ref v = ra->held[reg];
            if (!v || ra->value[v].reg != reg || !needed(ra, v) || ra->value[v].slot >= 0 || is_rematerialisable(ra, v))
                room++;
            else if (!last || ra->value[v].last_use > ra->value[last].last_use)
                last = v;
        }
        if (room >= n || !last)
            return;
        spill(ra, last); /* it keeps its register until that is wanted */
    }
}

void ra_evict(struct ra *ra, uint64_t clobbered)
{
    for (uint64_t s = clobbered & ra->host->allocatable; s; s &= s - 1) {
        int reg = __builtin_ctzll(s);
        ir_ref v = ra->held[reg];
        ra->held[reg] = IR_NONE;
        if (!v || ra->value[v].reg != reg)
            continue;
        if (lives(ra, v) && ra->value[v].slot < 0 && !is_rematerialisable(ra, v))
            spill(ra, v);
        ra->value[v].reg = RA_NONE;
    }
}
