/* host_fp_flush.c - scalar arithmetic in blocks whose guest flushes denormals to zero.
 *
 * The host computes as usual; whatever may touch a denormal number goes out of line. Operands and exponents are tested
 * before the operation, so that its sticky flags are those of the exact function; only results that are exact and tiny
 * (of sums) are found afterwards. */
#include "arch/x86/host_fp.h"

enum { MAX_CHECKS = 6 };

struct checks {
    struct emitter *e;
    bool is_double;
    unsigned n;
    asm_label jump[MAX_CHECKS];
};

static void slow_if(struct checks *c, enum x86_cc cc)
{
    c->jump[c->n++] = asm_jcc_near(&c->e->a, cc);
}

static unsigned exponent_shift(const struct checks *c)
{
    return c->is_double ? 53 : 24; /* of a number shifted left by one, which drops the sign */
}

/* The bits of R without sign, times two, in T. */
static void take_magnitude(struct checks *c, unsigned t, unsigned r)
{
    asm_r_from_v(&c->e->a, V_movd_st, c->is_double, t, r);
    asm_alu_rr(&c->e->a, ALU_ADD, c->is_double, t, t);
}

/* Leave if R is denormal or the smallest normal number; zero is neither: it wraps. */
static void check_denormal(struct checks *c, unsigned t, unsigned r)
{
    take_magnitude(c, t, r);
    asm_alu_ri(&c->e->a, ALU_SUB, c->is_double, t, 1);
    asm_shift_ri(&c->e->a, SHIFT_SHR, c->is_double, t, exponent_shift(c));
    slow_if(c, CC_E);
}

/* The biased exponent of R in T; leave if it is 0. */
static void take_exponent(struct checks *c, unsigned t, unsigned r)
{
    take_magnitude(c, t, r);
    asm_shift_ri(&c->e->a, SHIFT_SHR, c->is_double, t, exponent_shift(c));
    slow_if(c, CC_E);
}

/* Leave unless the exponents of X and Y, added (or subtracted for a division), reach LEAST. */
static void check_exponents(struct checks *c, unsigned x, unsigned y, enum x86_alu op, int32_t least)
{
    const unsigned t = (unsigned)ra_temp(&c->e->ra, false), u = (unsigned)ra_temp(&c->e->ra, false);
    take_exponent(c, t, x);
    take_exponent(c, u, y);
    asm_alu_rr(&c->e->a, op, 0, t, u);
    asm_alu_ri(&c->e->a, ALU_CMP, 0, t, least);
    slow_if(c, CC_L);
}

/* The least sums of exponents: of a product that is normal, of a quotient, and of a product whose last bit is not below
 * that of denormals, so that a sum with it is exact where it is tiny. */
static const int32_t least_product[2] = {129, 1025}, least_quotient[2] = {-124, -1020}, least_exact[2] = {151, 1076};

bool emit_fp_flushing(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct checks c = {.e = e, .is_double = op->type == T_F64};
    const struct fp_form f = {.is_double = c.is_double, .scalar = true};
    const bool is_sum = op->op == IR_fadd || op->op == IR_fsub, is_fma = op->op == IR_fma;

    if (op->type != T_F32 && op->type != T_F64)
        return false;
    const unsigned x = vec_use(e, op->a), y = op->op == IR_fsqrt ? x : vec_use(e, op->b);
    const unsigned z = is_fma ? vec_use(e, op->c) : x, dst = vec_def(e, ref);
    const unsigned t = is_sum || is_fma || op->op == IR_fsqrt ? (unsigned)ra_temp(&e->ra, false) : 0;

    emit_clobber_flags(e);
    if (is_sum || is_fma || op->op == IR_fsqrt)
        check_denormal(&c, t, x);
    if (is_sum && y != x)
        check_denormal(&c, t, y);
    switch (op->op) {
    case IR_fadd:
        asm_v3(&e->a, fp_vop(V_addps, f), dst, x, y);
        break;
    case IR_fsub:
        asm_v3(&e->a, fp_vop(V_subps, f), dst, x, y);
        break;
    case IR_fmul:
        check_exponents(&c, x, y, ALU_ADD, least_product[c.is_double]);
        asm_v3(&e->a, fp_vop(V_mulps, f), dst, x, y);
        break;
    case IR_fdiv:
        check_exponents(&c, x, y, ALU_SUB, least_quotient[c.is_double]);
        asm_v3(&e->a, fp_vop(V_divps, f), dst, x, y);
        break;
    case IR_fsqrt:
        asm_vzero(&e->a, dst);
        asm_v3(&e->a, fp_vop(V_sqrtps, f), dst, dst, x);
        break;
    default:
        check_exponents(&c, y, z, ALU_ADD, least_exact[c.is_double]);
        asm_movv(&e->a, dst, x);
        asm_v3(&e->a, fp_vop(V_vfmadd231ps, f), dst, y, z);
        break;
    }
    if (is_sum || is_fma)
        check_denormal(&c, t, dst);
    /* Results are clean in these modes, as out-of-line ones are (host_vec_clean.c). */
    c.jump[c.n++] = fp_jump_if_nan(e, f, dst);
    if (c.is_double)
        asm_v2(&e->a, V_movq, dst, dst);
    else
        asm_v3i(&e->a, V_insertps, dst, dst, dst, 0x0e);
    struct ool *slow = fp_slow(e, ref, c.jump[0], dst, (int)x, op->op == IR_fsqrt ? -1 : (int)y, is_fma ? (int)z : -1);
    for (unsigned i = 1; i < c.n; i++)
        slow->jump[slow->n_jumps++] = c.jump[i];
    return true;
}
