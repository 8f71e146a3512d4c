/* host_emit.c - IR to x86-64 code: the walk over a block, out-of-line calls of C. */
#include "arch/x86/host_emit.h"

#include <stddef.h>
#include <string.h>

#include "arch/x86/host_backend.h"
#include "arch/x86/host_vec.h"
#include "core/code_buffer.h"
#include "core/dispatch.h"
#include "core/eval.h"
#include "core/helper.h"
#include "core/log.h"
#include "core/prof.h"

static struct x86_mem stub_mem(enum host_stub s) { return mem_cpu((int32_t)offsetof(struct cpu, stub) + 8 * (int32_t)s); }

/* ---- What the register allocator asks for ------------------------------------------------------------ */

static void ra_move(void *ctx, int dst, int src)
{
    struct emitter *e = ctx;
    if (dst >= RA_VEC)
        asm_movv(&e->a, (unsigned)vec_reg(dst), (unsigned)vec_reg(src));
    else
        asm_mov_rr(&e->a, 1, (unsigned)dst, (unsigned)src);
}

static void ra_load(void *ctx, int dst, int32_t offset, int size)
{
    struct emitter *e = ctx;
    e->n_moves++;
    if (dst >= RA_VEC)
        asm_v2m(&e->a, V_movaps, (unsigned)vec_reg(dst), mem_cpu(offset));
    else
        asm_load_zx(&e->a, size == 4 ? 2 : 3, (unsigned)dst, mem_cpu(offset));
}

static void ra_store(void *ctx, int src, int32_t offset, int size)
{
    struct emitter *e = ctx;
    e->n_moves++;
    if (src >= RA_VEC)
        asm_vstore(&e->a, V_movaps_st, mem_cpu(offset), (unsigned)vec_reg(src));
    else
        asm_mov_mr(&e->a, size == 4 ? 2 : 3, mem_cpu(offset), (unsigned)src);
}

static void ra_load_const(void *ctx, int dst, const struct ir_op *op)
{
    struct emitter *e = ctx;
    if (op->op == IR_const) {
        asm_mov_ri(&e->a, (unsigned)dst, op->imm);
    } else if (op->op == IR_addr) {
        emit_guest_addr(e, (unsigned)dst, op->imm);
    } else {
        unsigned v = (unsigned)vec_reg(dst);
        uint64_t hi = op->aux ? op->imm : 0;
        if (op->imm == 0)
            asm_vzero(&e->a, v);
        else if (op->imm == ~(uint64_t)0 && hi == op->imm)
            asm_vones(&e->a, v);
        else
            asm_v2m(&e->a, V_movaps, v, asm_literal(&e->a, op->imm, hi));
    }
}

static bool ra_store_const(void *ctx, int32_t offset, uint64_t value)
{
    struct emitter *e = ctx;
    if ((uint64_t)(int64_t)(int32_t)value != value)
        return false;
    e->n_moves++;
    asm_mov_mi(&e->a, 3, mem_cpu(offset), (int32_t)value);
    return true;
}

static const struct ra_host ra_host_template = {
    .move = ra_move, .load = ra_load, .store = ra_store, .load_const = ra_load_const, .store_const = ra_store_const,
};

/* By operation, filled at the first block: which function emits it, and whether it changes EFLAGS. */
static emit_fn *emit_of[IR_N_OPS];
static uint16_t clobbers_flags[IR_N_OPS];
static bool is_vec[IR_N_OPS]; /* vec_emit has it */

static bool keeps_flags(unsigned op)
{
    switch (op) {
    case IR_nop: case IR_insn: case IR_get: case IR_put: case IR_getv: case IR_putv: case IR_getf: case IR_putf:
    case IR_const: case IR_addr: case IR_vconst: case IR_not: case IR_csel: case IR_vcsel: case IR_cset:
    case IR_sext8: case IR_sext16: case IR_sext32: case IR_zext8: case IR_zext16: case IR_zext32: case IR_bswap:
    case IR_exit_if: case IR_clrex:
        return true;
    default:
        return is_vec[op] && vec_keeps_flags(op);
    }
}

static void fill_tables(void)
{
    for (unsigned op = 0; op < IR_N_OPS; op++) {
        emit_fn *const fn[] = {int_emit(op), mem_emit(op), exit_emit(op), vec_emit(op),
                               ir_op_info[op].props & IR_EVAL ? emit_eval_call : NULL};
        for (unsigned i = 0; i < ARRAY_SIZE(fn) && !emit_of[op]; i++)
            emit_of[op] = fn[i];
        is_vec[op] = vec_emit(op) != NULL;
        clobbers_flags[op] = keeps_flags(op) ? 0 : FLAGS_CLOBBERED;
    }
    if (host_features.bmi2)
        clobbers_flags[IR_mul] = clobbers_flags[IR_umulh] = 0;
    clobbers_flags[IR_add] = IR_S;
    clobbers_flags[IR_load] = clobbers_flags[IR_store] = MEM_SWAP;
}

/* ---- C functions out of line ------------------------------------------------------------------------- */

void emit_eval_call(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    const struct ir_op_info *info = &ir_op_info[op->op];
    const ir_ref operand[3] = {op->a, op->b, op->c};
    const uint8_t class[3] = {info->a, info->b, info->c};
    for (unsigned i = 0; i < 3; i++) {
        struct x86_mem m = mem_cpu((int32_t)(offsetof(struct cpu, arg) + 16 * i));
        if (class[i] == IR_CLASS_I)
            asm_mov_mr(&e->a, 3, m, (unsigned)ra_use(&e->ra, operand[i]));
        else if (class[i] == IR_CLASS_V)
            asm_vstore(&e->a, V_movaps_st, m, (unsigned)vec_reg(ra_use(&e->ra, operand[i])));
    }
    ra_evict(&e->ra, ~(uint64_t)0);
    emit_clobber_flags(e);
    emit_to_standard(e);
    asm_mov_ri(&e->a, RAX, N_HELPERS + op->op);
    asm_mov_ri(&e->a, RCX, eval_desc(op));
    asm_call_m(&e->a, stub_mem(STUB_EVAL));
    emit_from_standard(e);
    e->n_calls++;
    ra_end_op(&e->ra); /* operands' registers are gone */
    struct x86_mem res = mem_cpu((int32_t)offsetof(struct cpu, res));
    if (info->res == IR_CLASS_V) {
        asm_v2m(&e->a, V_movaps, (unsigned)vec_reg(ra_def(&e->ra, ref)), res);
    } else if (info->res == IR_CLASS_I) {
        asm_load_zx(&e->a, 3, (unsigned)ra_def(&e->ra, ref), res);
    } else if (info->res == IR_CLASS_F) {
        ra_take(&e->ra, RAX);
        asm_load_zx(&e->a, 1, RAX, res);
    }
}

struct ool *emit_slow(struct emitter *e, ir_ref ref, asm_label jump, int dst, int a, int b, int c)
{
    struct ool *o = add_ool(e, OOL_FP, jump);
    const int reg[4] = {dst, a, b, c};
    for (unsigned i = 0; i < 4; i++)
        o->reg[i] = reg[i] == RA_NONE ? 255 : (uint8_t)reg[i];
    o->bits = 255;
    o->op = &e->ir->ops[ref];
    o->resume = asm_offset(&e->a);
    return o;
}

/* In front of the code of every block: exit stubs find their block by it. */
struct block_header {
    struct tb *tb;
    const void *unused; /* keeps the code aligned */
};

_Static_assert(sizeof(struct block_header) == HOST_BLOCK_HEADER, "as core/host.h says");

struct tb *host_exit_owner(const struct cpu *cpu)
{
    uintptr_t place = cpu->scratch[0];
    if (code_buffer_contains((const void *)place))
        return ((const struct block_header *)place - 1)->tb;
    return tb_owner((const void *)place);
}

bool host_put_counter(uint8_t *at, const uint8_t *code, unsigned word)
{
    static LARGE_TABLE struct x86_asm a; /* guarded by tb_lock */
    int64_t back = code - at;
    if (back != (int32_t)back)
        return false;
    memset(at, 0, HOST_COUNTER);
    asm_begin(&a, at, HOST_COUNTER, &host_features);
    asm_patch_here(&a, asm_jmp_near(&a));
    asm_alu_mi(&a, ALU_SUB, 2, mem_cpu((int32_t)(offsetof(struct cpu, heat) + 4 * word)), 1);
    asm_patch_to(&a, asm_jcc_near(&a, CC_NS), (uint32_t)back);
    asm_patch_to(&a, asm_lea_label(&a, RCX), (uint32_t)back);
    asm_mov_mr(&a, 3, mem_cpu((int32_t)offsetof(struct cpu, scratch)), RCX);
    asm_mov_ri(&a, RAX, EXIT_HOT);
    asm_jmp_m(&a, stub_mem(STUB_EXIT));
    return true;
}

LARGE_TABLE struct emitter host_first_emitter;

/* ---- The walk ------------------------------------------------------------------------------------------ */

static void delta_byte(struct emitter *e, unsigned byte)
{
    if (e->n_delta_bytes < sizeof e->delta)
        e->delta[e->n_delta_bytes++] = (uint8_t)byte;
}

static void delta_pc(struct emitter *e, guest_addr pc)
{
    delta_byte(e, 0);
    for (unsigned i = 0; i < 8; i++)
        delta_byte(e, (unsigned)((pc - e->pc) >> 8 * i) & 255);
}

/* Close the entry of the current guest instruction, which is LENGTH bytes long. */
static void end_insn(struct emitter *e, unsigned length, guest_addr next_pc)
{
    unsigned host = asm_offset(&e->a) - e->insn_start;
    if (length == 0)
        return;
    delta_byte(e, length);
    if (host < 255) {
        delta_byte(e, host);
    } else {
        delta_byte(e, 255);
        delta_byte(e, host & 255);
        delta_byte(e, host >> 8);
    }
    if (next_pc != e->insn_pc + length)
        delta_pc(e, next_pc);
}

/* The operation whose code starts at FROM may fault: note where variables are whose put is deferred. */
static void note_places(struct emitter *e, uint32_t from)
{
    for (unsigned i = 0; i < e->ra.n_deferred; i++) {
        unsigned var = e->ra.deferred[i].var;
        int32_t slot;
        int reg = ra_place(&e->ra, e->ra.deferred[i].value, &slot);
        struct tb_place *last = &e->place[e->place_of[var]];
        if (e->place_of[var] != MAX_PLACES && last->slot == slot && last->reg == reg) {
            last->host_end = asm_offset(&e->a);
        } else if (e->n_places < MAX_PLACES) {
            e->place_of[var] = (uint16_t)e->n_places;
            e->place[e->n_places++] = (struct tb_place){from, asm_offset(&e->a), slot, (uint8_t)var, (int8_t)reg, 0};
        } else {
            e->places_full = true;
        }
    }
}

/* Its code has all its registers before it branches. */
static bool asks_before_branch(const struct emitter *e, unsigned op)
{
    switch (op) {
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fma: case IR_fsqrt: case IR_i2f:
        return !fp_is_special(e);
    default:
        return false;
    }
}

static void emit_op(struct emitter *e, ir_ref ref)
{
    const struct ir_op *op = &e->ir->ops[ref];
    unsigned props = ir_op_info[op->op].props;
    emit_fn *fn = emit_of[op->op];
    if (!fn)
        bug("no host code for %s", ir_op_info[op->op].name);
    ra_begin_op(&e->ra, ref);
    if (is_vec[op->op] && clobbers_flags[op->op] && !asks_before_branch(e, op->op)) {
        ra_make_room(&e->ra, true, fp_is_special(e) ? 16 : 8);
        ra_make_room(&e->ra, false, fp_is_special(e) ? 4 : 2);
    }
    uint32_t from = asm_offset(&e->a);
    if (props & IR_FAULT) {
        emit_fault_point(e);
        ra_end_op(&e->ra); /* what storing the flags took is free for the access */
    }
    fn(e, ref, op);
    if (props & IR_FAULT) {
        emit_fault_point_end(e);
        note_places(e, from);
    }
    ra_end_op(&e->ra);
    if (e->ra.value[ref].must_save) {
        ra_begin_op(&e->ra, ref);
        emit_save_flags(e, ref);
        ra_end_op(&e->ra);
    }
}

/* The first instruction of a block is at PC. Code since the last instruction of the block before counts as its. */
static void start_pc(struct emitter *e, guest_addr pc)
{
    if (pc != e->insn_pc)
        delta_pc(e, pc);
}

static void emit_ops(struct emitter *e)
{
    unsigned length = 0;
    for (uint32_t i = 1; i < e->ir->n; i++) {
        const struct ir_op *op = &e->ir->ops[i];
        if (op->op == IR_insn) {
            end_insn(e, length, op->imm);
            if (length)
                e->insn_start = asm_offset(&e->a);
            else
                start_pc(e, op->imm);
            e->insn_pc = op->imm;
            length = op->aux;
        } else if (op->op != IR_nop && i != e->done) {
            emit_op(e, (ir_ref)i);
        }
    }
    end_insn(e, length, e->insn_pc + length);
    e->insn_start = asm_offset(&e->a);
    e->insn_pc += length;
}

static void *keep(const void *src, size_t size)
{
    void *p = tb_alloc(size);
    if (size)
        memcpy(p, src, size);
    return p;
}

/* Fill in TB, whose code is at CODE. */
static void finish_tb(const struct emitter *e, struct tb *tb, const uint8_t *code)
{
    tb->code = code;
    tb->size = asm_offset(&e->a);
    tb->n_host_insns = e->n_host_insns;
    tb->n_moves = (uint16_t)e->n_moves;
    tb->n_calls = (uint16_t)e->n_calls;
    tb->pin = e->region ? keep(e->region_pin, sizeof e->region_pin) : NULL;
    tb->n_exits = (uint16_t)e->n_exits;
    tb->exits = keep(e->exit, e->n_exits * sizeof *e->exit);
    for (unsigned i = 0; i < e->n_exits; i++)
        tb->exits[i].owner = tb;
    tb->deltas = keep(e->delta, e->n_delta_bytes);
    tb->n_delta_bytes = e->n_delta_bytes;
    tb->base = e->bias ? e->cell_base : 0;
    tb->n_bias = e->n_bias <= MAX_BIAS_USES ? (uint16_t)e->n_bias : TB_NOT_MOVABLE;
    tb->bias_at = e->n_bias && e->n_bias <= MAX_BIAS_USES ? keep(e->bias_at, e->n_bias * sizeof *e->bias_at) : NULL;
    tb->n_flags_at = (uint16_t)e->n_flags_at;
    tb->flags_at = keep(e->flags_at, e->n_flags_at * sizeof *e->flags_at);
    tb->n_places = (uint16_t)e->n_places;
    tb->places = keep(e->place, e->n_places * sizeof *e->place);
}

void host_begin_code(struct emitter *e, guest_addr pc, uint32_t mode)
{
    if (!emit_of[IR_nop])
        fill_tables();
    e->pc = pc;
    e->mode = mode;
    e->buffer = code_buffer_next();
    e->cell = host_bias_cell(pc, &e->cell_base);
}

enum { LINE = 64 };

/* Begin the code such that, behind the first LEAD bytes, it is in the first bytes of a cache line: what is fetched and predicted by
 * lines fills few of them then. Memory in front of it goes to where the block before ends, with what is rare. */
static void begin_in_line(struct emitter *e, unsigned lead)
{
    enum { LATEST = 16 };
    uintptr_t place = (uintptr_t)e->buffer + sizeof(struct block_header);
    while ((place + lead) % LINE > LATEST)
        place += 16;
    asm_begin(&e->a, e->code + place % LINE, MAX_BLOCK_CODE - sizeof(struct block_header), &host_features);
    e->a.moves = (ptrdiff_t)(place - (uintptr_t)e->a.start);
    if (LOG_ON(out_asm))
        log_write("OUT: block 0x%llx\n", (unsigned long long)e->pc);
}

void emit_begin(struct emitter *e, unsigned n_vars, const struct ra_host *homes, unsigned lead)
{
    begin_in_line(e, lead);
    e->ra_host = ra_host_template;
    e->ra_host.allocatable = homes->allocatable;
    e->ra_host.pin = homes->pin;
    e->ra_host.no_deferred_puts = homes->no_deferred_puts;
    e->ra_host.may_run_out = homes->may_run_out;
    e->ra_host.clobbers_flags = clobbers_flags;
    e->ra_host.folds_negations = host_features.fma;
    e->region = NULL;
    e->pin = homes->pin;
    e->n_moves = e->n_calls = 0;
    e->n_ool = e->n_exits = e->n_flags_at = e->n_places = e->n_delta_bytes = e->n_bias = e->n_region_jumps = e->n_table_uses = 0;
    e->places_full = e->ra.ran_out = false;
    for (unsigned i = 0; i < n_vars; i++)
        e->place_of[i] = MAX_PLACES;
    e->insn_start = 0;
    e->insn_pc = e->pc;
    e->bias = e->cell;
}

/* No temporary holds anything yet. */
static void count_entry(struct emitter *e, struct prof_block *prof)
{
    asm_mov_ri(&e->a, RAX, (uintptr_t)&prof->count);
    asm_alu_mi(&e->a, ALU_ADD, 3, x86_mem(RAX, 0), 1);
}

void emit_block(struct emitter *e, const struct ir *ir)
{
    e->ir = ir;
    e->eflags = e->guest_flags = e->saved_flags = IR_NONE;
    e->done = IR_NONE;
    ra_prepare(&e->ra, (struct ir *)ir, &e->ra_host, e, &e->ra_space);
    struct prof_block *prof = LOG_ON(prof) ? prof_add(ir, e->region != NULL) : NULL;
    if (prof)
        count_entry(e, prof);
    unsigned before = e->a.n_insns;
    emit_ops(e);
    if (prof)
        prof->n_host_insns = e->a.n_insns - before;
}

bool emit_end(struct emitter *e)
{
    e->n_host_insns = e->a.n_insns;
    emit_out_of_line(e);
    emit_region_table(e);
    asm_flush_literals(&e->a);
    return !e->a.overflow;
}

void host_emit_block(struct emitter *e, const struct ir *ir)
{
    struct ra_host homes = {.allocatable = host_temporaries, .pin = host_pin};
    do {
        emit_begin(e, ir->n_vars, &homes, 0);
        emit_block(e, ir);
        homes.no_deferred_puts = true;
    } while (e->places_full);
    if (!emit_end(e))
        bug("host code of one block exceeds %u bytes", MAX_BLOCK_CODE);
}

/* The code is made for an address modulo a cache line (align_site). */
bool host_install(struct emitter *e, struct tb *tb)
{
    unsigned size = asm_offset(&e->a), residue = ((uintptr_t)e->a.start - sizeof(struct block_header)) % LINE;
    code_buffer_skip_to(residue, LINE);
    uint8_t *place = code_buffer_begin(sizeof(struct block_header) + size);
    if (!place || (uintptr_t)place % LINE != residue)
        return false;
    uint8_t *code = place + sizeof(struct block_header);
    ((struct block_header *)(void *)place)->tb = tb;
    memcpy(code, e->a.start, size);
    int32_t further = (int32_t)(code - (e->a.start + e->a.moves));
    for (unsigned i = 0; further && e->bias && i < e->n_bias && i < MAX_BIAS_USES; i++) {
        int32_t disp;
        memcpy(&disp, code + e->bias_at[i], 4);
        disp -= further;
        memcpy(code + e->bias_at[i], &disp, 4);
    }
    finish_tb(e, tb, code);
    code_buffer_end(sizeof(struct block_header) + size);
    return true;
}
