/* guest_exclusive.c - a load-exclusive, its store-exclusive and what is between them as one atomic
 * operation.
 *
 * Joined are pairs of the same size and base register with nothing but integer instructions and
 * forward branches between them, as compilers make them for fetch-and-add, exchange,
 * compare-and-exchange and the like; with the CBNZ that goes back to the load, or without. What
 * such a pair stores depends on registers and on the loaded value alone. So it is exact to store if
 * memory still (or again) has that value, which is a compare-and-swap; and where the stored value
 * is one simple operation of the loaded one, it is that atomic operation, which cannot fail.
 *
 * Faults are exact: a compare-and-swap belongs to the store-exclusive, and follows a load that
 * belongs to the load-exclusive. An atomic operation belongs to the load-exclusive, with registers
 * as before it; if writing faults (where reading may be allowed), a64_split_again makes the place
 * use a compare-and-swap. */
#include <string.h>

#include "arch/aarch64/guest_translate.h"
#include "core/dispatch.h"
#include "core/memory.h"

enum { MAX_BODY = 8 };

struct exclusive {
    guest_addr pc;   /* of the load */
    unsigned n_body; /* instructions between load and store */
    uint32_t word[MAX_BODY + 2];
    unsigned esz; /* log2 of a register's bytes in memory */
    bool is_pair;
    bool has_exits; /* branches in the body */
    bool is_loop;   /* CBNZ status, load follows the store */
    unsigned rn;
    unsigned rt, rt2;         /* loaded */
    unsigned vt, vt2, status; /* stored; result of the store */
};

/* ---- Places that are not to be one operation because writing faulted there
 * ------------------------------- */

enum { N_SPLIT = 256 };
static guest_addr
    split[N_SPLIT]; /* by a hash of the pc; a lost entry comes back by its next fault */

static guest_addr *split_slot(guest_addr pc)
{
    return &split[(pc >> 2) % N_SPLIT];
}

static bool is_load(uint32_t w)
{
    return (w & 0x3fe00000) == 0x08400000 || (w & 0xbfe00000) == 0x88600000;
}

bool a64_split_again(guest_addr pc)
{
    uint32_t w;
    /* A load-exclusive by itself does not write. */
    if (memory_read(&w, pc, sizeof w) != 0 || !is_load(w))
        return false;
    __atomic_store_n(split_slot(pc), pc, __ATOMIC_RELAXED);
    return true;
}

/* ---- Recognition
 * ----------------------------------------------------------------------------------------- */

static bool is_integer_insn(uint32_t w)
{
    unsigned class = w >> 25 & 0xf;
    return class == 8 || class == 9 || (class & 7) == 5;
}

/* B.cond (not AL), CBZ, CBNZ, TBZ, TBNZ. Sets *TARGET. */
static bool is_conditional_branch(uint32_t w, guest_addr pc, guest_addr *target)
{
    int64_t offset = (int32_t)(w << 8) >> 13;
    if ((w & 0x7e000000) == 0x36000000)
        offset = (int32_t)(w << 13) >> 18;
    else if ((w & 0x7e000000) != 0x34000000 && ((w & 0xff000010) != 0x54000000 || (w & 0xe) == 0xe))
        return false;
    *target = pc + (uint64_t)(offset * 4);
    return true;
}

static bool is_store_of(uint32_t w, uint32_t load)
{
    /* Size, single or pair, and base register. */
    return (w & 0xffe003e0) == (load & 0xffa003e0);
}

static bool exits_lead_past_store(const struct exclusive *x)
{
    for (unsigned i = 0; i < x->n_body; i++) {
        guest_addr target, store = x->pc + 4 + 4 * x->n_body;
        if (is_conditional_branch(x->word[i], x->pc + 4 + 4 * i, &target) &&
            target - store - 1 >= (guest_addr)1 << 20)
            return false;
    }
    return true;
}

/* The registers of a pair must not make it unpredictable (Arm ARM, "Constrained unpredictable
 * behaviour"). */
static bool registers_are_distinct(const struct exclusive *x)
{
    if (x->status == x->vt || (x->status == x->rn && x->rn != 31) ||
        (x->rt == x->rn && x->rn != 31))
        return false;
    return !x->is_pair ||
           (x->rt != x->rt2 && x->status != x->vt2 && (x->rt2 != x->rn || x->rn == 31));
}

static bool find_store(struct translator *t, struct exclusive *x)
{
    for (;; x->n_body++) {
        uint32_t *w = &x->word[x->n_body];
        guest_addr pc = x->pc + 4 + 4 * x->n_body, target;
        if (x->n_body > MAX_BODY || !translate_fetch(t, pc, w, sizeof *w))
            return false;
        if (is_store_of(*w, t->insn))
            break;
        if (is_conditional_branch(*w, pc, &target))
            x->has_exits = true;
        else if (!is_integer_insn(*w))
            return false;
    }
    uint32_t store = x->word[x->n_body], after;
    guest_addr pc = x->pc + 8 + 4 * x->n_body, target;
    x->status = store >> 16 & 31;
    x->vt = store & 31;
    x->vt2 = store >> 10 & 31;
    x->is_loop = translate_fetch(t, pc, &after, sizeof after) &&
                 (after & 0x7f00001f) == (0x35000000 | x->status) &&
                 is_conditional_branch(after, pc, &target) && target == x->pc;
    return registers_are_distinct(x) && exits_lead_past_store(x);
}

/* ---- Translation
 * ----------------------------------------------------------------------------------------- */

static void next_insn(struct translator *t)
{
    t->pc = t->next_pc;
    translate_begin_insn(t);
}

static bool translate_body(struct translator *t, const struct exclusive *x)
{
    for (unsigned i = 0; i < x->n_body; i++) {
        next_insn(t);
        if (!a64_translate_word(t, x->word[i]) || t->done)
            return false;
    }
    return true;
}

static unsigned access_size(const struct exclusive *x)
{
    return x->esz + x->is_pair;
}

/* The loaded value as the compare-and-swap takes it; written to the registers. A branch may lead to
 * another store-exclusive, so it finds the monitor set. */
static ir_ref load_registers(struct translator *t, const struct exclusive *x, ir_ref base)
{
    unsigned size = access_size(x), type = type_of(size == 3);
    ir_ref old;
    if (size == 4) {
        old = x->has_exits ? ir_1x(&t->ir, IR_ldxv, T_2D, base, 4, 0)
                           : ir_loadv(&t->ir, base, IR_NONE, 0, 4);
        split_doublewords(t, old, x->rt, x->rt2);
        return old;
    }
    old = x->has_exits ? ir_1x(&t->ir, IR_ldx, type, base, size, 0)
                       : ir_load(&t->ir, type, base, IR_NONE, 0, size);
    if (x->is_pair)
        split_words(t, old, x->rt, x->rt2);
    else
        write_x(t, x->rt, old);
    return old;
}

static ir_ref lanes_differ(struct ir *ir, ir_ref a, ir_ref b, unsigned lane)
{
    return ir_2(ir, IR_xor, T_I64, ir_1x(ir, IR_vget, T_2D, a, lane, 0),
                ir_1x(ir, IR_vget, T_2D, b, lane, 0));
}

/* Compare-and-swap. Returns 0 if it stored, else anything. */
static ir_ref store_if_unchanged(struct translator *t, const struct exclusive *x, ir_ref base,
                                 ir_ref old)
{
    struct ir *ir = &t->ir;
    unsigned size = access_size(x);
    if (size == 4) {
        ir_ref seen = ir_3x(ir, IR_casv, T_2D, base, old, join_doublewords(t, x->vt, x->vt2), 4, 0);
        return ir_2(ir, IR_or, T_I64, lanes_differ(ir, seen, old, 0),
                    lanes_differ(ir, seen, old, 1));
    }
    ir_ref value = x->is_pair ? join_words(t, x->vt, x->vt2) : read_x(t, x->vt);
    return ir_2(ir, IR_xor, T_I64, ir_3x(ir, IR_cas, type_of(size == 3), base, old, value, size, 0),
                old);
}

static void compare_and_swap(struct translator *t, const struct exclusive *x)
{
    struct ir *ir = &t->ir;
    ir_ref base = read_sp(t, x->rn);
    check_alignment(t, base, 0, access_size(x));
    ir_ref old = load_registers(t, x, base);
    translate_body(t, x);
    next_insn(t);
    ir_ref failed = store_if_unchanged(t, x, base, old);
    ir_0(ir, IR_clrex, T_NONE);
    if (!x->is_loop) {
        ir_ref flags = ir_2x(ir, IR_sub, T_I64, failed, ir_const(ir, 0), IR_S, 0);
        write_x(
            t, x->status,
            ir_add(ir, (struct ir_op){.op = IR_cset, .type = T_I64, .aux = COND_NE, .c = flags}));
        return;
    }
    write_x(t, x->status, ir_const(ir, 1));
    next_insn(t);
    translate_retry(t, failed, x->pc);
    write_x(t, x->status, ir_const(ir, 0));
}

/* ---- One atomic operation
 * -------------------------------------------------------------------------------- */

/* What a value outside of the joined instructions is, so that it can be had again at another place.
 */
struct operand {
    enum { NOT_OUTSIDE, EARLIER, CONSTANT, VARIABLE } kind;
    uint64_t value; /* reference, constant, variable */
};

struct atomic {
    unsigned op;     /* IR_swp, IR_ldadd ... */
    unsigned change; /* IR_neg, IR_not: done to the operand first; IR_nop: none */
    struct operand operand;
};

static struct operand operand_of(const struct ir *ir, ir_ref ref, ir_ref first)
{
    const struct ir_op *op = &ir->ops[ref];
    if (op->op == IR_const)
        return (struct operand){CONSTANT, op->imm};
    if (ref < first)
        return (struct operand){EARLIER, ref};
    if (op->op == IR_get)
        return (struct operand){VARIABLE, op->imm};
    return (struct operand){NOT_OUTSIDE, 0};
}

/* clang-format off */
static const struct { uint8_t op, atomic, change, commutes; } atomic_rows[] = {
    {IR_add,  IR_ldadd, IR_nop, true},
    {IR_sub,  IR_ldadd, IR_neg, false},
    {IR_and,  IR_ldand, IR_nop, true},
    {IR_andn, IR_ldand, IR_not, false},
    {IR_or,   IR_ldor,  IR_nop, true},
    {IR_orn,  IR_ldor,  IR_not, false},
    {IR_xor,  IR_ldxor, IR_nop, true},
};
/* clang-format on */

/* VALUE, made from OLD by operations from FIRST on, as an atomic operation. */
static bool atomic_of(const struct ir *ir, unsigned esz, ir_ref value, ir_ref old, ir_ref first,
                      struct atomic *m)
{
    const struct ir_op *op = &ir->ops[value];
    *m = (struct atomic){IR_swp, IR_nop, operand_of(ir, value, first)};
    if (m->operand.kind != NOT_OUTSIDE)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(atomic_rows); i++) {
        if (op->op != atomic_rows[i].op)
            continue;
        bool swapped = atomic_rows[i].commutes && op->b == old;
        if ((!swapped && op->a != old) || (esz == 3 && op->type != T_I64))
            return false;
        *m = (struct atomic){atomic_rows[i].atomic, atomic_rows[i].change,
                             operand_of(ir, swapped ? op->a : op->b, first)};
        return m->operand.kind != NOT_OUTSIDE;
    }
    return false;
}

/* Translate load and body to see what is stored, and forget that again. False: it cannot be joined
 * at all. */
static bool try_body(struct translator *t, const struct exclusive *x, struct atomic *m)
{
    struct ir *ir = &t->ir;
    ir_ref current[IR_MAX_VARS], flags = ir->flags, first = (ir_ref)ir->n;
    guest_addr pc = t->pc, next_pc = t->next_pc;
    uint32_t insn = t->insn;
    unsigned n_insns = t->n_insns;
    uint8_t ignored_bits = ir->ignored_bits;
    memcpy(current, ir->current, sizeof current);
    ir_ref base = read_sp(t, x->rn), old = load_registers(t, x, base);
    bool good = translate_body(t, x) && read_sp(t, x->rn) == base;
    m->op = IR_nop;
    if (good && !x->has_exits && !x->is_pair &&
        !atomic_of(ir, x->esz, read_x(t, x->vt), old, first, m))
        m->op = IR_nop;
    ir->n = first;
    ir->flags = flags;
    memcpy(ir->current, current, sizeof current);
    t->pc = pc;
    t->next_pc = next_pc;
    t->insn = insn;
    t->n_insns = n_insns;
    ir->ignored_bits = ignored_bits;
    t->done = false;
    return good;
}

static ir_ref operand_again(struct ir *ir, const struct atomic *m, unsigned type)
{
    ir_ref ref = m->operand.kind == CONSTANT   ? ir_const(ir, m->operand.value)
                 : m->operand.kind == VARIABLE ? ir_get(ir, (unsigned)m->operand.value)
                                               : (ir_ref)m->operand.value;
    return m->change == IR_nop ? ref : ir_1(ir, m->change, type, ref);
}

static void one_operation(struct translator *t, const struct exclusive *x, const struct atomic *m)
{
    struct ir *ir = &t->ir;
    unsigned type = type_of(x->esz == 3);
    ir_ref base = read_sp(t, x->rn);
    check_alignment(t, base, 0, x->esz);
    ir_0(ir, IR_clrex, T_NONE);
    write_x(t, x->rt, ir_2x(ir, m->op, type, base, operand_again(ir, m, type), x->esz, 0));
    translate_body(t, x);
    next_insn(t);
    write_x(t, x->status, ir_const(ir, 0));
    if (x->is_loop)
        next_insn(t);
}

bool a64_join_exclusive(struct translator *t, const struct a64_args *a, unsigned esz, bool is_pair)
{
    struct exclusive x = {
        .pc = t->pc, .esz = esz, .is_pair = is_pair, .rn = (unsigned)a->rn, .rt = (unsigned)a->rt};
    struct atomic m;
    if (is_pair)
        x.rt2 = (unsigned)a->rt2;
    if (!find_store(t, &x))
        return false;
    unsigned more = x.n_body + 1 + x.is_loop;
    guest_addr end = t->next_pc + 4 * more;
    bool stops = engine_options.stop_pc > t->pc && engine_options.stop_pc < end;
    if (t->n_insns + more > t->max_insns || stops || !translate_depends(t, t->next_pc, 4 * more) ||
        !try_body(t, &x, &m))
        return false;
    if (m.op != IR_nop && __atomic_load_n(split_slot(x.pc), __ATOMIC_RELAXED) != x.pc)
        one_operation(t, &x, &m);
    else
        compare_and_swap(t, &x);
    return true;
}
