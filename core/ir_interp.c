/* ir_interp.c - the reference engine: runs the IR of a block operation by operation.
 *
 * It is the definition that generated code is compared with, and the engine of machines where code
 * cannot be generated. One function per kind of operation. Every guest access is one host access of
 * the same size, so that other threads see the same atomicity as with generated code. */
#include "core/ir_interp.h"

#include <stdlib.h>
#include <string.h>

#include "core/eval.h"
#include "core/flags.h"
#include "core/helper.h"
#include "core/ir_scalar.h"
#include "core/log.h"

/* Flags of an operation that has an integer result too are in this 32-bit part of its value. */
enum { FLAGS_OF_INTEGER = 2 };

static uint32_t flags_of(const struct interp *r, ir_ref ref)
{
    unsigned part = ir_op_info[r->ir->ops[ref].op].res == IR_CLASS_F ? 0 : FLAGS_OF_INTEGER;
    return r->value[ref].u32[part];
}

static bool cond_holds(unsigned cond, uint32_t flags)
{
    bool n = flags & FLAG_N, z = flags & FLAG_Z, c = !(flags & FLAG_NOT_C), v = flags & FLAG_V;
    bool holds = true;
    /* clang-format off */
    switch (cond >> 1) {
    case COND_EQ >> 1: holds = z; break;
    case COND_CS >> 1: holds = c; break;
    case COND_MI >> 1: holds = n; break;
    case COND_VS >> 1: holds = v; break;
    case COND_HI >> 1: holds = c && !z; break;
    case COND_GE >> 1: holds = n == v; break;
    case COND_GT >> 1: holds = n == v && !z; break;
    default: return true; /* AL and NV both hold */
    }
    /* clang-format on */
    return holds != (cond & 1);
}

/* ---- Block structure and variables
 * --------------------------------------------------------------- */

static unsigned step_nop(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)r, (void)op, (void)d;
    return EXIT_NONE;
}

static unsigned step_insn(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    r->thread->cpu.pc = op->imm;
    return EXIT_NONE;
}

static unsigned step_get(struct interp *r, const struct ir_op *op, union vec *d)
{
    const struct ir_var *v = &r->ir->vars[op->imm];
    *d = (union vec){0};
    memcpy(d, (const char *)&r->thread->cpu + v->offset, v->size);
    return EXIT_NONE;
}

static unsigned step_put(struct interp *r, const struct ir_op *op, union vec *d)
{
    const struct ir_var *v = &r->ir->vars[op->imm];
    (void)d;
    memcpy((char *)&r->thread->cpu + v->offset, &r->value[op->a], v->size);
    return EXIT_NONE;
}

static unsigned step_getf(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)op;
    d->u32[0] = r->thread->cpu.flags & FLAGS_MASK;
    return EXIT_NONE;
}

static unsigned step_putf(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    r->thread->cpu.flags = flags_of(r, op->a);
    return EXIT_NONE;
}

static unsigned step_const(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)r;
    return interp_result(d, op->imm);
}

/* ---- Integers and flags
 * --------------------------------------------------------------------------- */

static uint32_t flags_nz(uint64_t result, unsigned width)
{
    return (result >> (width - 1) & 1 ? FLAG_N : 0) | (result == 0 ? FLAG_Z : 0);
}

/* a + b + carry with all flags. A and B are zero-extended from WIDTH. */
static uint64_t add_with_carry(uint64_t a, uint64_t b, unsigned carry, unsigned width,
                               uint32_t *flags)
{
    uint64_t mask = ~(uint64_t)0 >> (64 - width);
    unsigned __int128 wide = (unsigned __int128)a + b + carry;
    uint64_t sum = (uint64_t)wide & mask;
    bool overflow = (~(a ^ b) & (a ^ sum)) >> (width - 1) & 1;
    *flags = flags_nz(sum, width) | (wide >> width ? 0 : FLAG_NOT_C) | (overflow ? FLAG_V : 0);
    return sum;
}

/* add sub and andn adc sbc. */
static unsigned step_arith(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned width = op->type == T_I32 ? 32 : 64;
    uint64_t mask = ~(uint64_t)0 >> (64 - width);
    uint64_t a = interp_integer(r, op->a) & mask, b = interp_integer(r, op->b) & mask, result;
    uint32_t flags;
    switch (op->op) {
    case IR_add:
        result = add_with_carry(a, b, 0, width, &flags);
        break;
    case IR_sub:
        result = add_with_carry(a, ~b & mask, 1, width, &flags);
        break;
    case IR_adc:
        result = add_with_carry(a, b, !(flags_of(r, op->c) & FLAG_NOT_C), width, &flags);
        break;
    case IR_sbc:
        result = add_with_carry(a, ~b & mask, !(flags_of(r, op->c) & FLAG_NOT_C), width, &flags);
        break;
    default:
        result = op->op == IR_and ? a & b : a & ~b;
        flags = flags_nz(result, width) | FLAG_NOT_C;
        break;
    }
    d->u32[FLAGS_OF_INTEGER] = flags;
    return interp_result(d, result);
}

static unsigned step_scalar(struct interp *r, const struct ir_op *op, union vec *d)
{
    return interp_result(d, ir_scalar(op, interp_integer(r, op->a), interp_integer(r, op->b)));
}

static unsigned step_cset(struct interp *r, const struct ir_op *op, union vec *d)
{
    return interp_result(d, cond_holds(op->aux, flags_of(r, op->c)));
}

static unsigned step_csel(struct interp *r, const struct ir_op *op, union vec *d)
{
    uint64_t value = interp_integer(r, cond_holds(op->aux, flags_of(r, op->c)) ? op->a : op->b);
    return interp_result(d, op->type == T_I32 ? (uint32_t)value : value);
}

static unsigned step_vcsel(struct interp *r, const struct ir_op *op, union vec *d)
{
    *d = r->value[cond_holds(op->aux, flags_of(r, op->c)) ? op->a : op->b];
    return EXIT_NONE;
}

/* ccmp ccmn. */
static unsigned step_ccmp(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned width = op->type == T_I32 ? 32 : 64;
    uint64_t mask = ~(uint64_t)0 >> (64 - width);
    uint64_t a = interp_integer(r, op->a) & mask, b = interp_integer(r, op->b) & mask;
    if (!cond_holds(op->aux, flags_of(r, op->c)))
        d->u32[0] = flags_from_nzcv(op->d);
    else if (op->op == IR_ccmp)
        add_with_carry(a, ~b & mask, 1, width, &d->u32[0]);
    else
        add_with_carry(a, b, 0, width, &d->u32[0]);
    return EXIT_NONE;
}

static unsigned step_fccmp(struct interp *r, const struct ir_op *op, union vec *d)
{
    if (!cond_holds(op->aux & 15, flags_of(r, op->c))) {
        d->u32[0] = flags_from_nzcv(op->d);
        return EXIT_NONE;
    }
    struct ir_op compare = {.op = IR_fcmp, .type = op->type, .aux = op->aux >> 4 & 1};
    ev_fcmp(&r->thread->cpu, eval_desc(&compare), d, &r->value[op->a], &r->value[op->b], NULL);
    return EXIT_NONE;
}

static unsigned step_nzcv(struct interp *r, const struct ir_op *op, union vec *d)
{
    d->u32[0] = flags_from_nzcv(interp_integer(r, op->a) >> 28 & 15);
    return EXIT_NONE;
}

static unsigned step_nzcv_of(struct interp *r, const struct ir_op *op, union vec *d)
{
    return interp_result(d, (uint64_t)flags_to_nzcv(flags_of(r, op->c)) << 28);
}

/* ---- Calls and exits
 * ---------------------------------------------------------------------------------------- */

static unsigned step_call(struct interp *r, const struct ir_op *op, union vec *d)
{
    /* Operation 0 is a nop, so an absent operand reads as zero. */
    return interp_result(d, helper_info[op->disp].fn(&r->thread->cpu, interp_integer(r, op->a),
                                                     interp_integer(r, op->b),
                                                     interp_integer(r, op->c)));
}

/* Continue at PC, storing the flags that the exit names. */
static unsigned leave_to(struct interp *r, const struct ir_op *op, guest_addr pc)
{
    struct cpu *cpu = &r->thread->cpu;
    if (op->b != IR_NONE)
        cpu->flags = flags_of(r, op->b);
    cpu->pc = pc;
    bool poll = op->d & IR_POLL;
    return poll && __atomic_load_n(&cpu->pending, __ATOMIC_RELAXED) ? EXIT_SIGNAL : EXIT_RESUME;
}

static guest_addr target(const struct interp *r, const struct ir_op *op)
{
    return r->ir->pc + (guest_addr)(int64_t)op->disp;
}

static unsigned step_exit_if(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    return cond_holds(op->aux, flags_of(r, op->c)) ? leave_to(r, op, target(r, op)) : EXIT_NONE;
}

/* exit_z exit_nz. */
static unsigned step_exit_z(struct interp *r, const struct ir_op *op, union vec *d)
{
    uint64_t a = interp_integer(r, op->a);
    bool is_zero = op->type == T_I32 ? (uint32_t)a == 0 : a == 0;
    (void)d;
    return is_zero == (op->op == IR_exit_z) ? leave_to(r, op, target(r, op)) : EXIT_NONE;
}

static unsigned step_exit_bit(struct interp *r, const struct ir_op *op, union vec *d)
{
    bool bit = interp_integer(r, op->a) >> (op->aux & 63) & 1;
    (void)d;
    return bit == op->aux >> 7 ? leave_to(r, op, target(r, op)) : EXIT_NONE;
}

static unsigned step_exit_eq(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    return interp_integer(r, op->a) == interp_integer(r, op->c) ? leave_to(r, op, target(r, op)) : EXIT_NONE;
}

/* jump goto_call: the return address of a call is in its register already. */
static unsigned step_jump(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    return leave_to(r, op, target(r, op));
}

/* jumpi ret. */
static unsigned step_jump_to_a(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    r->thread->cpu.branch_kind = op->aux;
    return leave_to(r, op, interp_integer(r, op->a));
}

static unsigned step_calli(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    r->thread->cpu.branch_kind = op->aux;
    return leave_to(r, op, interp_integer(r, op->c));
}

static unsigned step_leave(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)d;
    struct cpu *cpu = &r->thread->cpu;
    if (op->b != IR_NONE)
        cpu->flags = flags_of(r, op->b);
    cpu->pc = target(r, op);
    cpu->exit_data = op->aux;
    return op->d;
}

/* ---- Vectors
 * --------------------------------------------------------------------------------------------------
 */

static unsigned step_vconst(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)r;
    d->u64[0] = op->imm;
    d->u64[1] = op->aux ? op->imm : 0;
    return EXIT_NONE;
}

static unsigned step_vlow(struct interp *r, const struct ir_op *op, union vec *d)
{
    d->u64[0] = interp_integer(r, op->a) & ~(uint64_t)0 >> (64 - (8u << op->aux));
    d->u64[1] = 0;
    return EXIT_NONE;
}

static unsigned step_vhigh(struct interp *r, const struct ir_op *op, union vec *d)
{
    d->u64[0] = r->value[op->a].u64[1];
    d->u64[1] = 0;
    return EXIT_NONE;
}

static unsigned step_vcombine(struct interp *r, const struct ir_op *op, union vec *d)
{
    d->u64[0] = interp_integer(r, op->a);
    d->u64[1] = interp_integer(r, op->b);
    return EXIT_NONE;
}

static unsigned step_eval(struct interp *r, const struct ir_op *op, union vec *d)
{
    eval_of(op->op)(&r->thread->cpu, eval_desc(op), d, &r->value[op->a], &r->value[op->b],
                       &r->value[op->c]);
    return EXIT_NONE;
}

/* ---- The engine
 * ---------------------------------------------------------------------------------------------------
 */

static interp_step_fn *step_of(unsigned op)
{
    switch (op) {
    case IR_nop: return step_nop;
    case IR_insn: return step_insn;
    case IR_get: case IR_getv: return step_get;
    case IR_put: case IR_putv: return step_put;
    case IR_getf: return step_getf;
    case IR_putf: return step_putf;
    case IR_const ... IR_addr: return step_const;
    case IR_add ... IR_sbc: return step_arith;
    case IR_or ... IR_umin: return step_scalar;
    case IR_cset: return step_cset;
    case IR_csel: return step_csel;
    case IR_vcsel: return step_vcsel;
    case IR_ccmp ... IR_ccmn: return step_ccmp;
    case IR_fcmp: case IR_vdup ... IR_N_OPS - 1: return step_eval;
    case IR_fccmp: return step_fccmp;
    case IR_nzcv: return step_nzcv;
    case IR_nzcv_of: return step_nzcv_of;
    case IR_load: return interp_load;
    case IR_store: return interp_store;
    case IR_loadv: return interp_loadv;
    case IR_storev: return interp_storev;
    case IR_align: return interp_align;
    case IR_fence: return interp_fence;
    case IR_swp ... IR_ldumin: return interp_modify;
    case IR_cas: return interp_cas;
    case IR_casv: return interp_casv;
    case IR_ldx ... IR_ldxv: return interp_ldx;
    case IR_stx ... IR_stxv: return interp_stx;
    case IR_clrex: return interp_clrex;
    case IR_call: return step_call;
    case IR_exit_if: return step_exit_if;
    case IR_exit_z ... IR_exit_nz: return step_exit_z;
    case IR_exit_bit: return step_exit_bit;
    case IR_exit_eq: return step_exit_eq;
    case IR_jump: case IR_goto_call: return step_jump;
    case IR_jumpi: case IR_ret: return step_jump_to_a;
    case IR_calli: return step_calli;
    case IR_leave: return step_leave;
    case IR_vconst: return step_vconst;
    case IR_vlow: return step_vlow;
    case IR_vhigh: return step_vhigh;
    case IR_vcombine: return step_vcombine;
    default: return NULL;
    }
}

/* Values of blocks up to this size are on the stack. */
enum { SMALL_BLOCK = 1024 };

static unsigned run_steps(struct interp *r)
{
    const struct ir *ir = r->ir;
    r->thread->cpu.pc = ir->pc;
    r->value[IR_NONE] = (union vec){0};
    for (uint32_t i = 1; i < ir->n; i++) {
        const struct ir_op *op = &ir->ops[i];
        unsigned reason = step_of(op->op)(r, op, &r->value[i]);
        if (reason != EXIT_NONE)
            return reason;
    }
    bug("block at 0x%llx does not end", (unsigned long long)ir->pc);
}

/* Run with a way back from faults. cpu->pc is then that of the last `insn`. Kept out of line so
 * that no variable of the caller is alive in a register across setjmp. */
static __attribute__((noinline)) unsigned run_guarded(struct interp *r)
{
    struct thread *thread = r->thread;
    struct recover_point here, *outer = thread->cpu.recover;
    if (__builtin_setjmp(here.word)) {
        r->thread->cpu.recover = outer;
        return EXIT_FAULT;
    }
    thread->cpu.recover = &here;
    unsigned reason = run_steps(r);
    thread->cpu.recover = outer;
    return reason;
}

static __attribute__((noinline)) unsigned run_large(struct interp *r)
{
    r->value = aligned_alloc(16, r->ir->n * sizeof(union vec));
    if (!r->value)
        die("out of memory");
    unsigned reason = run_guarded(r);
    free(r->value);
    return reason;
}

unsigned ir_interpret(struct thread *thread, const struct ir *ir)
{
    struct interp r = {.thread = thread, .ir = ir};
    if (ir->n > SMALL_BLOCK)
        return run_large(&r);
    union vec values[SMALL_BLOCK];
    r.value = values;
    return run_guarded(&r);
}
