/* host_fp.c - open-coded floating-point arithmetic and compares. */
#include "arch/x86/host_fp.h"
#include <stddef.h>
#include "core/cpu.h"
#include "core/flags.h"

/* The least normal numbers, and 1 in the place of the exponent. */
enum { SINGLE_EXPONENT_1 = 1 << 23 };
#define DOUBLE_EXPONENT_1 (1ull << 52)

bool fp_form_of(const struct emitter *e, unsigned type, struct fp_form *f)
{
    unsigned log2 = type_lane_log2(type);
    *f = (struct fp_form){.is_double = log2 == 3, .scalar = !type_is_vector(type), .half = type == T_2S,
                          .guarded = fp_is_special(e)};
    return log2 >= 2;
}

bool fp_plain_form_of(const struct emitter *e, unsigned type, struct fp_form *f)
{
    return fp_form_of(e, type, f) && !f->guarded;
}

unsigned fp_source(struct emitter *e, struct fp_form f, unsigned r)
{
    if (!f.half)
        return r;
    unsigned t = vec_temp(e);
    asm_v2(&e->a, V_movddup, t, r);
    return t;
}

/* T: scratch, for vectors. */
static asm_label jump_if_unordered(struct emitter *e, struct fp_form f, unsigned r1, unsigned r2, unsigned t)
{
    enum { UNORDERED = 3 };
    emit_clobber_flags(e);
    if (f.scalar) {
        asm_v2(&e->a, f.is_double ? V_ucomisd : V_ucomiss, r1, r2);
        return asm_jcc_near(&e->a, CC_P);
    }
    asm_v3i(&e->a, f.is_double ? V_cmppd : V_cmpps, t, r1, r2, UNORDERED);
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

asm_label fp_jump_if_nan2(struct emitter *e, struct fp_form f, unsigned r1, unsigned r2)
{
    return jump_if_unordered(e, f, r1, r2, f.scalar ? 0 : vec_temp(e));
}

asm_label fp_jump_if_nan(struct emitter *e, struct fp_form f, unsigned r) { return fp_jump_if_nan2(e, f, r, r); }

/* One compare for both, of lanes: unordered counts as equal. T: scratch. */
static asm_label jump_if_nan_or_least_normal(struct emitter *e, struct fp_form f, unsigned r, unsigned t)
{
    enum { UNORDERED = 3, EQUAL_OR_UNORDERED = 8 };
    struct x86_asm *a = &e->a;
    struct x86_mem least = vec_literal(e, f.is_double ? 1ull << 52 : vec_repeat(2, 1u << 23));
    emit_clobber_flags(e);
    asm_v3m(a, V_andps, t, r, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    if (a->has->avx) {
        asm_v3mi(a, f.is_double ? V_cmppd : V_cmpps, t, t, least, EQUAL_OR_UNORDERED);
    } else {
        unsigned nan = vec_temp(e);
        asm_v3i(a, f.is_double ? V_cmppd : V_cmpps, nan, r, r, UNORDERED);
        asm_v3m(a, f.is_double ? V_pcmpeqq : V_pcmpeqd, t, t, least);
        asm_v3(a, V_por, t, t, nan);
    }
    asm_v2(a, V_ptest, t, t);
    return asm_jcc_near(a, CC_NE);
}

/* The same for a scalar, by its exponent: 1 and all ones, plus 1, have no bit of 11111111101, and no others. So infinities
 * and other numbers with the least exponent jump, too. Cheaper than a compare, and zeros, which are common, do not jump. */
static asm_label jump_if_exponent_suspect(struct emitter *e, struct fp_form f, unsigned r, unsigned bits)
{
    struct x86_asm *a = &e->a;
    asm_r_from_v(a, V_movd_st, f.is_double, bits, r);
    emit_clobber_flags(e);
    if (f.is_double) {
        asm_alu_rm(a, ALU_ADD, 1, bits, vec_literal(e, DOUBLE_EXPONENT_1));
        asm_test_rm(a, 1, bits, vec_literal(e, 0x7fdull << 52));
    } else {
        asm_alu_ri(a, ALU_ADD, 0, bits, SINGLE_EXPONENT_1);
        asm_test_ri(a, 0, bits, 0xfd << 23);
    }
    return asm_jcc_near(a, CC_E);
}

/* Without its sign, the sum is the fraction alone for infinities and NaNs; else it tells the least normal number. */
void fp_skip_harmless(struct emitter *e, const struct ool *o)
{
    struct x86_asm *a = &e->a;
    unsigned w = o->op->type == T_F64, bits = o->bits;
    asm_alu_rr(a, ALU_ADD, w, bits, bits);
    asm_jcc_to(a, CC_E, o->resume);
    if (w)
        asm_alu_rm(a, ALU_CMP, 1, bits, vec_literal(e, 4 * DOUBLE_EXPONENT_1));
    else
        asm_alu_ri(a, ALU_CMP, 0, bits, 4 * SINGLE_EXPONENT_1);
    asm_jcc_to(a, CC_A, o->resume);
}

struct ool *fp_slow(struct emitter *e, ir_ref ref, asm_label jump, unsigned dst, int a, int b, int c)
{
    int none = RA_NONE;
    return emit_slow(e, ref, jump, RA_VEC + (int)dst, a < 0 ? none : RA_VEC + a, b < 0 ? none : RA_VEC + b,
                     c < 0 ? none : RA_VEC + c);
}

struct ool *fp_slow_at(struct emitter *e, ir_ref ref, const struct fp_jumps *j, unsigned dst, int a, int b, int c)
{
    if (!j->n)
        return NULL;
    struct ool *o = fp_slow(e, ref, j->at[0], dst, a, b, c);
    if (j->by_bits)
        o->bits = (uint8_t)j->bits;
    for (unsigned i = 1; i < j->n; i++)
        o->jump[o->n_jumps++] = j->at[i];
    return o;
}

/* -- Denormals ---------------------------------------------------------------------------------------- */

/* Operations that give no denormal in guarded form. */
static bool flushes(unsigned code)
{
    switch (code) {
    case IR_fadd: case IR_fsub: case IR_fmul: case IR_fdiv: case IR_fma: case IR_fsqrt: case IR_fabd: case IR_fmin:
    case IR_fmax: case IR_fminnm: case IR_fmaxnm: case IR_frint: case IR_i2f: case IR_vi2f:
        return true;
    default:
        return false;
    }
}

static bool is_flushed(const struct emitter *e, struct fp_form f, ir_ref v)
{
    for (const struct ir_op *op = &e->ir->ops[v];; op = &e->ir->ops[op->a]) {
        bool same_lanes = type_lane_log2(op->type) == (f.is_double ? 3u : 2u);
        if (op->op == IR_vlow && op->aux == (f.is_double ? 3 : 2))
            continue;
        if ((op->op == IR_fneg || op->op == IR_fabs) && same_lanes && type_is_vector(op->type) == !f.scalar)
            continue;
        return flushes(op->op) && same_lanes && type_is_vector(op->type) == !f.scalar;
    }
}

static unsigned bits_temp(struct emitter *e, struct fp_jumps *j)
{
    if (!j->has_bits)
        j->bits = gpr_temp(e);
    j->has_bits = true;
    return j->bits;
}

static unsigned lanes_temp(struct emitter *e, struct fp_jumps *j)
{
    if (!j->has_lanes)
        j->lanes = vec_temp(e);
    j->has_lanes = true;
    return j->lanes;
}

/* Twice a denormal less 1, sign dropped, has no bits where the exponent was; zero borrows. */
void fp_guard_operand(struct emitter *e, struct fp_form f, ir_ref v, unsigned x, struct fp_jumps *j)
{
    if (!f.guarded || is_flushed(e, f, v))
        return;
    emit_clobber_flags(e);
    if (f.scalar) {
        unsigned r = bits_temp(e, j);
        asm_r_from_v(&e->a, V_movd_st, f.is_double, r, x);
        asm_lea(&e->a, f.is_double, r, x86_mem_index((int)r, (int)r, 0, -1));
        asm_shift_ri(&e->a, SHIFT_SHR, f.is_double, r, f.is_double ? 53 : 24);
        fp_jump(j, asm_jcc_near(&e->a, CC_E));
        return;
    }
    unsigned t = lanes_temp(e, j);
    asm_v3(&e->a, f.is_double ? V_paddq : V_paddd, t, x, x);
    asm_v3m(&e->a, f.is_double ? V_paddq : V_paddd, t, t, vec_literal(e, UINT64_MAX));
    asm_vshift(&e->a, f.is_double ? V_psrlq_i : V_psrld_i, t, t, f.is_double ? 53 : 24);
    asm_v3m(&e->a, f.is_double ? V_pcmpeqq : V_pcmpeqd, t, t, vec_literal(e, 0));
    asm_v2(&e->a, V_ptest, t, t);
    fp_jump(j, asm_jcc_near(&e->a, CC_NE));
}

void fp_guard_inexact(struct emitter *e, struct fp_form f, struct fp_jumps *j)
{
    if (!f.guarded)
        return;
    emit_clobber_flags(e);
    asm_test_mi(&e->a, 0, mem_cpu((int32_t)offsetof(struct cpu, fp.flags)), FP_IXC);
    fp_jump(j, asm_jcc_near(&e->a, CC_E));
}

static void guard_scalar_result(struct emitter *e, struct fp_form f, unsigned t, const unsigned *factor,
                                unsigned n_factors, struct fp_jumps *j)
{
    struct x86_asm *a = &e->a;
    unsigned bits = bits_temp(e, j);
    asm_v2m(a, f.is_double ? V_ucomisd : V_ucomiss, t, vec_literal(e, f.is_double ? 1ull << 52 : 1u << 23));
    asm_label exact[3] = {asm_jcc_short(a, CC_A)};
    fp_jump(j, asm_jcc_near(a, CC_P));
    for (unsigned i = 0; i < n_factors; i++) {
        asm_r_from_v(a, V_movd_st, f.is_double, bits, factor[i]);
        asm_alu_rr(a, ALU_ADD, f.is_double, bits, bits);
        exact[1 + i] = asm_jcc_short(a, CC_E);
    }
    fp_jump(j, asm_jmp_near(a));
    for (unsigned i = 0; i <= n_factors; i++)
        asm_patch_here(a, exact[i]);
}

/* t: absolute values of the result. As integers they are in order, NaNs on top. */
static void guard_lanes(struct emitter *e, struct fp_form f, unsigned t, const unsigned *factor, unsigned n_factors,
                        struct fp_jumps *j)
{
    struct x86_asm *a = &e->a;
    unsigned mask = bits_temp(e, j), u = vec_temp(e);
    int32_t all = f.is_double ? 3 : 15;
    enum x86_vop movmsk = f.is_double ? V_movmskpd : V_movmskps, equal = f.is_double ? V_pcmpeqq : V_pcmpeqd;
    asm_v3m(a, f.is_double ? V_pcmpgtq : V_pcmpgtd, t, t,
            vec_literal(e, f.is_double ? 1ull << 52 : vec_repeat(2, 1u << 23)));
    asm_r_from_v(a, movmsk, 0, mask, t);
    asm_alu_ri(a, ALU_CMP, 0, mask, all);
    asm_label exact = asm_jcc_short(a, CC_E);
    for (unsigned i = 0; i < n_factors; i++) {
        asm_v3(a, f.is_double ? V_paddq : V_paddd, u, factor[i], factor[i]);
        asm_v3m(a, equal, u, u, vec_literal(e, 0));
        asm_v3(a, V_por, t, t, u);
    }
    asm_r_from_v(a, movmsk, 0, mask, t);
    asm_alu_ri(a, ALU_CMP, 0, mask, all);
    fp_jump(j, asm_jcc_near(a, CC_NE));
    asm_patch_here(a, exact);
}

void fp_guard_result(struct emitter *e, struct fp_form f, unsigned r, const unsigned *factor, unsigned n_factors,
                     struct fp_jumps *j)
{
    if (!f.guarded && f.scalar) {
        fp_jump(j, jump_if_exponent_suspect(e, f, r, bits_temp(e, j)));
        j->by_bits = true;
        return;
    }
    unsigned t = lanes_temp(e, j);
    if (!f.guarded) {
        fp_jump(j, jump_if_nan_or_least_normal(e, f, r, t));
        return;
    }
    asm_v3m(&e->a, V_andps, t, r, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    emit_clobber_flags(e);
    if (f.scalar) {
        guard_scalar_result(e, f, t, factor, n_factors, j);
        return;
    }
    guard_lanes(e, f, t, factor, n_factors, j);
    fp_jump(j, jump_if_unordered(e, f, r, r, t));
}

/* -- Arithmetic -------------------------------------------------------------------------------------- */

/* A sum of normal values that is tiny is exact, and a zero is one: only denormals differ, and nothing was raised. */
static void guard_sum(struct emitter *e, struct fp_form f, unsigned r, struct fp_jumps *j)
{
    fp_guard_operand(e, f, IR_NONE, r, j);
    fp_jump(j, jump_if_unordered(e, f, r, r, f.scalar ? 0 : lanes_temp(e, j)));
}

/* A quotient that is rounded up to the least normal number is tiny to the host, too: quotients of numbers of n bits are not
 * between 1 - 2^-n and 1 times a power of two, so rounding to n bits does not lead there. */
void emit_fp_arith(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    enum x86_vop ps = op->op == IR_fadd ? V_addps : op->op == IR_fsub ? V_subps : op->op == IR_fmul ? V_mulps : V_divps;
    f.half = f.half && !vec_keeps_zeros(e, op);
    bool swaps = (op->op == IR_fadd || op->op == IR_fmul) && vec_swaps_sources(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = a == b ? x : fp_source(e, f, b);
    if (fp_traps(e) && op->op != IR_fmul) {
        asm_v3(&e->a, fp_vop(ps, f), vec_def_one(e, ref), x, y);
        return;
    }
    unsigned dst = vec_def(e, ref);
    bool is_sum = op->op == IR_fadd || op->op == IR_fsub;
    struct fp_jumps j = {.n = 0};
    fp_guard_operand(e, f, op->a, x, &j);
    if (a != b)
        fp_guard_operand(e, f, op->b, y, &j);
    if (!is_sum)
        fp_guard_inexact(e, f, &j);
    asm_v3(&e->a, fp_vop(ps, f), dst, swaps ? y : x, swaps ? x : y);
    if (is_sum)
        guard_sum(e, f, dst, &j);
    else if (op->op == IR_fdiv && !f.guarded)
        fp_jump(&j, fp_jump_if_nan(e, f, dst));
    else
        fp_guard_result(e, f, dst, (const unsigned[2]){x, y}, op->op == IR_fmul ? 2 : 1, &j);
    fp_slow_at(e, ref, &j, dst, (int)a, (int)b, -1);
}

void emit_fp_sqrt(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), x = fp_source(e, f, a), dst = vec_def(e, ref);
    struct fp_jumps j = {.n = 0};
    fp_guard_operand(e, f, op->a, x, &j);
    if (f.scalar) { /* the upper part comes from zeros */
        asm_vzero(&e->a, dst);
        asm_v3(&e->a, fp_vop(V_sqrtps, f), dst, dst, x);
    } else {
        asm_v2(&e->a, fp_vop(V_sqrtps, f), dst, x);
    }
    if (fp_traps(e))
        return;
    fp_jump(&j, fp_jump_if_nan(e, f, dst));
    fp_slow_at(e, ref, &j, dst, (int)a, -1, -1);
}

void emit_fp_sign(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (e->ra.value[ref].folded_into)
        return; /* the multiply-add does it */
    unsigned log2 = type_lane_log2(op->type);
    uint64_t sign = 0x80ull << 8 * ((1u << log2) - 1), ones = sign | (sign - 1);
    unsigned src = vec_use(e, op->a), dst = vec_def_reuse(e, ref);
    bool all_lanes = type_is_vector(op->type);
    uint64_t mask = op->op == IR_fneg ? sign : ones & ~sign;
    if (all_lanes)
        mask = vec_repeat(log2, mask);
    asm_v3m(&e->a, op->op == IR_fneg ? V_xorps : V_andps, dst, src, asm_literal(&e->a, mask, all_lanes ? mask : 0));
}

void emit_fp_abd(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_plain_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    asm_v3(&e->a, fp_vop(V_subps, f), dst, x, y);
    struct ool *slow = fp_traps(e) ? NULL : fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, (int)b, -1);
    asm_v3m(&e->a, V_andps, dst, dst, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    if (slow)
        emit_slow_resume(e, slow);
}

/* The host's minimum returns its second source where both are zero; either order at once settles the sign: the
 * results differ only there. NaNs are tested first because the host signals quiet ones. */
static void min_max(struct emitter *e, struct fp_form f, bool is_max, unsigned dst, unsigned x, unsigned y)
{
    unsigned t = vec_temp(e);
    enum x86_vop vop = fp_vop(is_max ? V_maxps : V_minps, f);
    asm_v3(&e->a, vop, t, x, y);
    asm_v3(&e->a, vop, dst, y, x);
    asm_v3(&e->a, is_max ? V_andps : V_orps, dst, dst, t);
}

static bool is_max_op(const struct ir_op *op)
{
    return op->op == IR_fmax || op->op == IR_fmaxnm || op->op == IR_fmaxp || op->op == IR_fmaxnmp;
}

void emit_fp_minmax(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    f.half = f.half && !vec_keeps_zeros(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    struct fp_jumps j = {.n = 0};
    fp_guard_operand(e, f, op->a, x, &j);
    fp_guard_operand(e, f, op->b, y, &j);
    fp_jump(&j, fp_jump_if_nan2(e, f, x, y));
    min_max(e, f, is_max_op(op), dst, x, y);
    fp_slow_at(e, ref, &j, dst, (int)a, (int)b, -1);
}

/* dst = lane 0 of src, the rest zero. */
static void clear_upper(struct emitter *e, struct fp_form f, unsigned dst, unsigned src)
{
    if (f.is_double)
        asm_v2(&e->a, V_movq, dst, src);
    else
        asm_v3i(&e->a, V_insertps, dst, src, src, 0x0e);
}

void emit_fp_fma(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f) || !e->a.has->fma) {
        emit_eval_call(e, ref, op);
        return;
    }
    f.half = f.half && !vec_keeps_zeros(e, op);
    bool negates = ra_folds(&e->ra, ref, op->b);
    ir_ref factor = negates ? e->ir->ops[op->b].a : op->b;
    unsigned a = vec_use(e, op->a), b = vec_use(e, factor), c = vec_use(e, op->c);
    unsigned y = fp_source(e, f, b), z = fp_source(e, f, c), dst;
    struct fp_jumps j = {.n = 0};
    bool as_it_is = !f.half && (!f.scalar || vec_is_clean(e, op->a, f.is_double ? 8 : 4));
    bool in_place = e->ra.value[ref].want == (int)(RA_VEC + a) && ra_dies(&e->ra, op->a) && a != b && a != c;
    if (as_it_is && in_place) { /* the slow path takes the addend from a copy */
        unsigned addend = vec_temp(e);
        asm_movv(&e->a, addend, a);
        dst = vec_def_over(e, ref, op->a);
        a = addend;
    } else {
        dst = vec_def(e, ref);
        if (f.half)
            asm_v2(&e->a, V_movddup, dst, a);
        else if (as_it_is)
            asm_movv(&e->a, dst, a);
        else
            clear_upper(e, f, dst, a);
    }
    fp_guard_operand(e, f, op->a, dst, &j);
    fp_guard_operand(e, f, factor, y, &j);
    fp_guard_operand(e, f, op->c, z, &j);
    fp_guard_inexact(e, f, &j);
    asm_v3(&e->a, fp_vop(negates ? V_vfnmadd231ps : V_vfmadd231ps, f), dst, y, z);
    fp_guard_result(e, f, dst, (const unsigned[2]){y, z}, 2, &j);
    struct ool *slow = fp_slow_at(e, ref, &j, dst, (int)a, (int)b, (int)c);
    if (slow)
        slow->negates = negates;
}

/* Jump taken if a lane of R is infinite (or, for scalars, a NaN). */
static asm_label jump_if_infinite(struct emitter *e, struct fp_form f, unsigned r)
{
    unsigned t = vec_temp(e);
    struct x86_mem infinity = vec_literal(e, f.is_double ? 0x7ff0000000000000 : 0x7f8000007f800000);
    asm_v3m(&e->a, V_andps, t, r, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    emit_clobber_flags(e);
    if (f.scalar) {
        asm_v2m(&e->a, f.is_double ? V_ucomisd : V_ucomiss, t, infinity);
        return asm_jcc_near(&e->a, CC_E);
    }
    asm_v3m(&e->a, f.is_double ? V_pcmpeqq : V_pcmpeqd, t, t, infinity);
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

/* 2 - a * b with one rounding. Infinity times zero gives 2 and raises nothing. */
void emit_fp_recps(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_plain_form_of(e, op->type, &f) || !e->a.has->fma) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    struct ool *slow = fp_slow(e, ref, jump_if_infinite(e, f, x), dst, (int)a, (int)b, -1);
    slow->jump[slow->n_jumps++] = jump_if_infinite(e, f, y);
    asm_v2m(&e->a, V_movaps, dst, vec_literal(e, f.is_double ? 0x4000000000000000 : 0x4000000040000000));
    asm_v3(&e->a, fp_vop(V_vfnmadd231ps, f), dst, x, y);
    slow->jump[slow->n_jumps++] = fp_jump_if_nan(e, f, dst);
    emit_slow_resume(e, slow);
}

/* -- Compares to masks ------------------------------------------------------------------------------------ */

/* The host's predicates signal as the guest's instructions do: equality only for signalling NaNs. */
void emit_fp_compare(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    enum { EQ, LT, LE };
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), t;
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    struct fp_jumps j = {.n = 0};
    fp_guard_operand(e, f, op->a, x, &j);
    fp_guard_operand(e, f, op->b, y, &j);
    switch (op->op) {
    case IR_fcmeq: asm_v3i(&e->a, fp_vop(V_cmpps, f), dst, x, y, EQ); break;
    case IR_fcmge: asm_v3i(&e->a, fp_vop(V_cmpps, f), dst, y, x, LE); break;
    case IR_fcmgt: asm_v3i(&e->a, fp_vop(V_cmpps, f), dst, y, x, LT); break;
    default: /* absolute values */
        t = vec_temp(e);
        struct x86_mem mask = vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX));
        asm_v3m(&e->a, V_andps, t, x, mask);
        asm_v3m(&e->a, V_andps, dst, y, mask);
        asm_v3i(&e->a, fp_vop(V_cmpps, f), dst, dst, t, op->op == IR_facge ? LE : LT);
        break;
    }
    fp_slow_at(e, ref, &j, dst, (int)a, (int)b, -1);
}

/* -- Pairwise ----------------------------------------------------------------------------------------------- */

/* x, y = even and odd lanes of a then b; a scalar type takes lanes 0 and 1 of a. */
static void split_pairs(struct emitter *e, struct fp_form f, unsigned a, unsigned b, unsigned x, unsigned y)
{
    if (f.scalar) {
        asm_movv(&e->a, x, a);
        asm_vshift(&e->a, V_psrldq_i, y, a, f.is_double ? 8 : 4);
        return;
    }
    if (f.is_double) {
        asm_v3(&e->a, V_unpckhpd, y, a, b);
        asm_v3(&e->a, V_unpcklpd, x, a, b);
        return;
    }
    if (f.half) {
        vec_emit_join(e, x, a, b);
        asm_v3i(&e->a, V_shufps, y, x, x, 0xdd);
        asm_v3i(&e->a, V_shufps, x, x, x, 0x88);
        return;
    }
    asm_v3i(&e->a, V_shufps, y, a, b, 0xdd);
    asm_v3i(&e->a, V_shufps, x, a, b, 0x88);
}

void emit_fp_addp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_plain_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = f.scalar ? a : vec_use(e, op->b);
    unsigned x = vec_temp(e), y = vec_temp(e), dst = vec_def(e, ref);
    split_pairs(e, f, a, b, x, y);
    asm_v3(&e->a, fp_vop(V_addps, f), dst, x, y);
    if (!fp_traps(e))
        fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, f.scalar ? -1 : (int)b, -1);
}

void emit_fp_minmaxp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_plain_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = f.scalar ? a : vec_use(e, op->b);
    unsigned x = vec_temp(e), y = vec_temp(e), dst = vec_def(e, ref);
    split_pairs(e, f, a, b, x, y);
    struct ool *slow = fp_slow(e, ref, fp_jump_if_nan2(e, f, x, y), dst, (int)a, f.scalar ? -1 : (int)b, -1);
    min_max(e, f, is_max_op(op), dst, x, y);
    emit_slow_resume(e, slow);
}

/* All four lanes: halves, then neighbours. */
void emit_fp_minmaxv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (op->type != T_4S || !fp_plain_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    bool is_max = op->op == IR_fmaxv || op->op == IR_fmaxnmv;
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref), x = vec_temp(e), y = vec_temp(e);
    struct ool *slow = fp_slow(e, ref, fp_jump_if_nan(e, f, a), dst, (int)a, -1, -1);
    asm_v2i(&e->a, V_pshufd, y, a, 0x4e);
    min_max(e, f, is_max, x, a, y);
    asm_v2i(&e->a, V_pshufd, y, x, 0xb1);
    min_max(e, f, is_max, dst, x, y);
    asm_v3i(&e->a, V_insertps, dst, dst, dst, 0x0e);
    emit_slow_resume(e, slow);
}

/* -- Compares to flags ----------------------------------------------------------------------------------------- */

/* In the special modes: R, or a zero in a temporary if it is a denormal that the guest flushes (Arm ARM, FPUnpack). */
static unsigned flushed(struct emitter *e, unsigned type, unsigned r, unsigned bits)
{
    bool is_half = type == T_F16;
    unsigned w = type == T_F64, t = vec_temp(e);
    int32_t mode = is_half ? (int32_t)offsetof(struct cpu, fp.flush_to_zero16)
                           : (int32_t)offsetof(struct cpu, fp.flush_to_zero);
    asm_movv(&e->a, t, r);
    asm_r_from_v(&e->a, V_movd_st, w, bits, r);
    asm_alu_mi(&e->a, ALU_CMP, 0, mem_cpu(mode), 0);
    asm_label off = asm_jcc_short(&e->a, CC_E);
    asm_shift_ri(&e->a, SHIFT_SHL, w, bits, is_half ? 17 : 1);
    asm_label zero = asm_jcc_short(&e->a, CC_E);
    asm_shift_ri(&e->a, SHIFT_SHR, w, bits, is_half ? 27 : w ? 53 : 24);
    asm_label normal = asm_jcc_short(&e->a, CC_NE);
    asm_vzero(&e->a, t);
    if (!is_half)
        asm_alu_mi(&e->a, ALU_OR, 2, mem_cpu((int32_t)offsetof(struct cpu, fp.flags)), FP_IDC);
    asm_patch_here(&e->a, off);
    asm_patch_here(&e->a, zero);
    asm_patch_here(&e->a, normal);
    return t;
}

/* Without F16C: the magnitude's bits as a single-precision number times 2^112, which is exact; infinities and NaNs get
 * their exponent afterwards, so that signalling NaNs stay so. */
static void widen_half(struct emitter *e, unsigned dst, unsigned half)
{
    struct x86_asm *a = &e->a;
    unsigned special = vec_temp(e), sign = vec_temp(e);
    asm_v3m(a, V_pand, dst, half, asm_literal(a, 0x7fff, 0));
    asm_v2(a, V_movaps, special, dst);
    asm_v3m(a, V_pcmpgtd, special, special, asm_literal(a, 0x7bff, 0));
    asm_v3m(a, V_pand, special, special, asm_literal(a, 0x7f800000, 0));
    asm_vshift(a, V_pslld_i, dst, dst, 13);
    asm_v3m(a, V_mulss, dst, dst, asm_literal(a, 0x77800000, 0));
    asm_v3(a, V_por, dst, dst, special);
    asm_v3m(a, V_pand, sign, half, asm_literal(a, 0x8000, 0));
    asm_vshift(a, V_pslld_i, sign, sign, 16);
    asm_v3(a, V_por, dst, dst, sign);
}

/* Half precision compares as single; other lanes are cleared so that they raise nothing. */
static unsigned half_to_single(struct emitter *e, unsigned r)
{
    unsigned t = vec_temp(e);
    if (e->a.has->f16c) {
        asm_v3m(&e->a, V_pand, t, r, asm_literal(&e->a, 0xffff, 0));
        asm_v2(&e->a, V_vcvtph2ps, t, t);
    } else {
        widen_half(e, t, r);
    }
    return t;
}

void emit_fcmp_compare(struct emitter *e, const struct ir_op *op)
{
    static const uint16_t row[2][2] = {{V_ucomiss, V_comiss}, {V_ucomisd, V_comisd}};
    bool signals = op->op == IR_fcmp ? op->aux & 1 : op->aux >> 4 & 1;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    emit_clobber_flags(e);
    if (fp_is_special(e)) {
        unsigned bits = gpr_temp(e);
        a = flushed(e, op->type, a, bits);
        b = flushed(e, op->type, b, bits);
    }
    if (op->type == T_F16) {
        a = half_to_single(e, a);
        b = half_to_single(e, b);
    }
    asm_v2(&e->a, (enum x86_vop)row[op->type == T_F64][signals], a, b);
}

/* Unordered sets ZF, PF and CF where the guest has neither Z nor borrow: take them away again. Less is N and borrow. */
void emit_fcmp_saved_form(struct emitter *e)
{
    struct x86_asm *a = &e->a;
    emit_clobber_flags(e);
    asm_plain(a, X_LAHF);
    asm_setcc(a, CC_P, RAX);
    asm_alu_ri(a, ALU_AND, 0, RAX, FLAG_Z | FLAG_NOT_C | FLAG_V);
    asm_int2_rr(a, X_MOVZX8, 0, RCX, RAX);
    asm_imul_rri(a, 0, RCX, RCX, FLAG_Z | FLAG_NOT_C);
    asm_alu_rr(a, ALU_SUB, 0, RAX, RCX);
    asm_mov_rr(a, 0, RCX, RAX);
    asm_alu_ri(a, ALU_AND, 0, RCX, FLAG_NOT_C);
    asm_shift_ri(a, SHIFT_SHL, 0, RCX, 7);
    asm_alu_rr(a, ALU_OR, 0, RAX, RCX);
}
