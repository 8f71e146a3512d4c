/* guest_simd_fp.c - floating-point arithmetic on vectors and on Advanced SIMD scalars. */
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_simd.h"

/* The type of A's lanes: of the vector, or of the scalar. */
static enum ir_type fp_type(const struct a64_args *a)
{
    return a->scalar ? simd_fp_type((unsigned)a->esz) : simd_type(a);
}

static bool size_ok(const struct a64_args *a)
{
    return simd_size_ok(a, SIZE_HSD);
}

/* Half-precision arithmetic is a feature of its own, also for FCMLA and FCADD. */
static bool half_ok(const struct a64_args *a)
{
    return a->esz != 1 || a64_has(A64_FEATURE_asimdhp);
}

/* -- Three same -- */

static bool three_same(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    if (!size_ok(a))
        return false;
    return simd_write_result(
        t, a, ir_2(&t->ir, op, fp_type(a), simd_read(t, a->rn), simd_read(t, a->rm)));
}

#define THREE_SAME(name, op)                                                                       \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three_same(t, a, IR_##op);                                                          \
    }

// clang-format off
THREE_SAME(fadd_v,    fadd)
THREE_SAME(fsub_v,    fsub)
THREE_SAME(fmul_v,    fmul)
THREE_SAME(fmulx_v,   fmulx)
THREE_SAME(fdiv_v,    fdiv)
THREE_SAME(fabd_v,    fabd)
THREE_SAME(fmax_v,    fmax)
THREE_SAME(fmin_v,    fmin)
THREE_SAME(fmaxnm_v,  fmaxnm)
THREE_SAME(fminnm_v,  fminnm)
THREE_SAME(fcmeq_v,   fcmeq)
THREE_SAME(fcmge_v,   fcmge)
THREE_SAME(fcmgt_v,   fcmgt)
THREE_SAME(facge_v,   facge)
THREE_SAME(facgt_v,   facgt)
THREE_SAME(frecps_v,  frecps)
THREE_SAME(frsqrts_v, frsqrts)
THREE_SAME(faddp_v,   faddp)
THREE_SAME(fmaxp_v,   fmaxp)
THREE_SAME(fminp_v,   fminp)
THREE_SAME(fmaxnmp_v, fmaxnmp)
THREE_SAME(fminnmp_v, fminnmp)
// clang-format on

/* Rd +- Rn * M, one rounding. */
static bool multiply_add(struct translator *t, const struct a64_args *a, ir_ref m, bool sub)
{
    ir_ref n = simd_read(t, a->rn);
    if (sub)
        n = ir_1(&t->ir, IR_fneg, fp_type(a), n);
    return simd_write_result(t, a, ir_3(&t->ir, IR_fma, fp_type(a), simd_read(t, a->rd), n, m));
}

bool a64_fmla_v(struct translator *t, const struct a64_args *a)
{
    return size_ok(a) && multiply_add(t, a, simd_read(t, a->rm), false);
}

bool a64_fmls_v(struct translator *t, const struct a64_args *a)
{
    return size_ok(a) && multiply_add(t, a, simd_read(t, a->rm), true);
}

/* -- By element -- */

/* The element of Rm that INDEX selects: in every lane, or in lane 0. */
static ir_ref element(struct translator *t, const struct a64_args *a)
{
    const ir_ref m = simd_read(t, a->rm);
    if (a->scalar && !a->index)
        return m;
    if (a->scalar && a->esz == 3)
        return simd_high(t, m);
    return ir_1x(&t->ir, IR_vdupl, simd_type(a), m, (unsigned)a->index, 0);
}

bool a64_fmla_el(struct translator *t, const struct a64_args *a)
{
    return multiply_add(t, a, element(t, a), a->sub);
}

bool a64_fmul_el(struct translator *t, const struct a64_args *a)
{
    return simd_write_result(t, a,
                             ir_2(&t->ir, IR_fmul, fp_type(a), simd_read(t, a->rn), element(t, a)));
}

bool a64_fmulx_el(struct translator *t, const struct a64_args *a)
{
    return simd_write_result(
        t, a, ir_2(&t->ir, IR_fmulx, fp_type(a), simd_read(t, a->rn), element(t, a)));
}

/* -- Half to single and bfloat16 to single multiply-add -- */

/* FMLAL, FMLSL and the "2" forms: the half that HIGH says. */
static bool multiply_add_half(struct translator *t, const struct a64_args *a, ir_ref m)
{
    ir_ref n = simd_read(t, a->rn);
    if (a->sub)
        n = ir_1(&t->ir, IR_fneg, type_vector(1, a->q), n);
    const ir_ref r = ir_3x(&t->ir, IR_fmlal, type_vector(2, a->q), simd_read(t, a->rd), n, m,
                           (unsigned)a->high, 0);
    simd_write(t, a->rd, r, a->q);
    return true;
}

static ir_ref half_element(struct translator *t, const struct a64_args *a)
{
    return ir_1x(&t->ir, IR_vdupl, T_8H, simd_read(t, a->rm), (unsigned)a->index, 0);
}

bool a64_fmlal_v(struct translator *t, const struct a64_args *a)
{
    return multiply_add_half(t, a, simd_read(t, a->rm));
}

bool a64_fmlal_el(struct translator *t, const struct a64_args *a)
{
    return multiply_add_half(t, a, half_element(t, a));
}

/* BFMLALB (Q clear: even elements), BFMLALT (odd) */
static bool multiply_add_bf16(struct translator *t, const struct a64_args *a, ir_ref m)
{
    const ir_ref r = ir_3x(&t->ir, IR_bfmlal, T_4S, simd_read(t, a->rd), simd_read(t, a->rn), m,
                           (unsigned)a->q, 0);
    simd_write(t, a->rd, r, true);
    return true;
}

bool a64_bfmlal_v(struct translator *t, const struct a64_args *a)
{
    return multiply_add_bf16(t, a, simd_read(t, a->rm));
}

bool a64_bfmlal_el(struct translator *t, const struct a64_args *a)
{
    return multiply_add_bf16(t, a, half_element(t, a));
}

/* -- Complex numbers -- */

static bool complex_multiply_add(struct translator *t, const struct a64_args *a, ir_ref m)
{
    return simd_write_result(t, a,
                             ir_3x(&t->ir, IR_fcmla, simd_type(a), simd_read(t, a->rd),
                                   simd_read(t, a->rn), m, (unsigned)a->rot, 0));
}

bool a64_fcmla_v(struct translator *t, const struct a64_args *a)
{
    return size_ok(a) && half_ok(a) && complex_multiply_add(t, a, simd_read(t, a->rm));
}

/* FCMLA (by element): index counts pairs. */
bool a64_fcmla_el(struct translator *t, const struct a64_args *a)
{
    const enum ir_type pairs = type_vector((unsigned)a->esz + 1, true);
    return half_ok(a) && complex_multiply_add(
        t, a, ir_1x(&t->ir, IR_vdupl, pairs, simd_read(t, a->rm), (unsigned)a->index, 0));
}

bool a64_fcadd_v(struct translator *t, const struct a64_args *a)
{
    if (!size_ok(a) || !half_ok(a))
        return false;
    return simd_write_result(t, a,
                             ir_2x(&t->ir, IR_fcadd, simd_type(a), simd_read(t, a->rn),
                                   simd_read(t, a->rm), (unsigned)a->rot, 0));
}

/* -- Two-register miscellaneous -- */

static bool two_reg(struct translator *t, const struct a64_args *a, enum ir_opcode op, unsigned aux,
                    unsigned d)
{
    if (!size_ok(a))
        return false;
    return simd_write_result(t, a, ir_1x(&t->ir, op, fp_type(a), simd_read(t, a->rn), aux, d));
}

/* Compare with zero; SWAP: zero is the first operand. */
static bool compare_zero(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                         bool swap)
{
    if (!size_ok(a))
        return false;
    const ir_ref n = simd_read(t, a->rn), zero = simd_zero(t);
    return simd_write_result(t, a, ir_2(&t->ir, op, fp_type(a), swap ? zero : n, swap ? n : zero));
}

static unsigned conversion(const struct a64_args *a, unsigned round)
{
    return round | (a->u ? CVT_UNSIGNED : 0);
}

static unsigned fixed_bits(const struct a64_args *a)
{
    return (8u << a->esz) - (unsigned)a->imm;
}

#define FP(name, body)                                                                             \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return body;                                                                               \
    }

// clang-format off
FP(fabs_v,    two_reg(t, a, IR_fabs, 0, 0))
FP(fneg_v,    two_reg(t, a, IR_fneg, 0, 0))
FP(fsqrt_v,   two_reg(t, a, IR_fsqrt, 0, 0))
FP(frecpe_v,  two_reg(t, a, IR_frecpe, 0, 0))
FP(frsqrte_v, two_reg(t, a, IR_frsqrte, 0, 0))
FP(frecpx_v,  two_reg(t, a, IR_frecpx, 0, 0))
FP(frint_v,   two_reg(t, a, IR_frint, (unsigned)a->round | (a->exact ? FRINT_EXACT : 0), 0))
FP(frint32_v, two_reg(t, a, IR_frint3264, (unsigned)a->round | FRINT_EXACT, (unsigned)a->width))
FP(fcvt_v,    two_reg(t, a, IR_vf2i, conversion(a, (unsigned)a->round), 0))
FP(scvtf_v,   two_reg(t, a, IR_vi2f, conversion(a, 0), 0))
FP(fcvtz_fixed_v, two_reg(t, a, IR_vf2i, conversion(a, IR_ROUND_ZERO), fixed_bits(a)))
FP(scvtf_fixed_v, two_reg(t, a, IR_vi2f, conversion(a, 0), fixed_bits(a)))
FP(fcmgt0_v,  compare_zero(t, a, IR_fcmgt, false))
FP(fcmge0_v,  compare_zero(t, a, IR_fcmge, false))
FP(fcmeq0_v,  compare_zero(t, a, IR_fcmeq, false))
FP(fcmle0_v,  compare_zero(t, a, IR_fcmge, true))
FP(fcmlt0_v,  compare_zero(t, a, IR_fcmgt, true))
// clang-format on

/* FCVTL, FCVTL2 */
bool a64_fcvtl_v(struct translator *t, const struct a64_args *a)
{
    const ir_ref n = simd_half(t, simd_read(t, a->rn), a->q);
    simd_write(t, a->rd, ir_1(&t->ir, IR_fcvtl, type_vector((unsigned)a->esz, true), n), true);
    return true;
}

/* FCVTN, FCVTN2 */
bool a64_fcvtn_v(struct translator *t, const struct a64_args *a)
{
    const enum ir_type type = type_vector((unsigned)a->esz - 1, false);
    simd_write_narrow(t, a->rd, ir_1(&t->ir, IR_fcvtn, type, simd_read(t, a->rn)), a->q);
    return true;
}

/* FCVTXN, FCVTXN2 */
bool a64_fcvtxn_v(struct translator *t, const struct a64_args *a)
{
    const ir_ref n = simd_read(t, a->rn);
    if (a->scalar)
        simd_write_scalar(t, a->rd, ir_1(&t->ir, IR_fcvtxn, T_F32, n), 2);
    else
        simd_write_narrow(t, a->rd, simd_low(t, ir_1(&t->ir, IR_fcvtxn, T_2S, n), 3), a->q);
    return true;
}

/* BFCVTN, BFCVTN2 */
bool a64_bfcvtn_v(struct translator *t, const struct a64_args *a)
{
    simd_write_narrow(t, a->rd, ir_1(&t->ir, IR_bfcvt, T_4H, simd_read(t, a->rn)), a->q);
    return true;
}

/* -- Across lanes and scalar pairs -- */

/* FMAXV ...: of four elements the pairs meet first; OP_PAIRS and OP do that faster than OP_ACROSS. */
static bool across(struct translator *t, const struct a64_args *a, enum ir_opcode op_across,
                   enum ir_opcode op_pairs, enum ir_opcode op)
{
    const ir_ref n = simd_read(t, a->rn);
    ir_ref r;
    if (a->esz == 2) {
        const ir_ref pairs = ir_2(&t->ir, op_pairs, T_4S, n, n);
        r = ir_2(&t->ir, op, T_F32, pairs, ir_1x(&t->ir, IR_vdupl, T_2S, pairs, 1, 0));
    } else {
        r = ir_1(&t->ir, op_across, simd_type(a), n);
    }
    simd_write_scalar(t, a->rd, r, (unsigned)a->esz);
    return true;
}

/* Elements 0 and 1 of Rn. */
static bool pair(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    const ir_ref n = simd_read(t, a->rn);
    const ir_ref second =
        a->esz == 3 ? simd_high(t, n)
                    : ir_1x(&t->ir, IR_vdupl, type_vector((unsigned)a->esz, false), n, 1, 0);
    return simd_write_result(t, a, ir_2(&t->ir, op, fp_type(a), n, second));
}

// clang-format off
FP(fmaxv_v,     across(t, a, IR_fmaxv, IR_fmaxp, IR_fmax))
FP(fminv_v,     across(t, a, IR_fminv, IR_fminp, IR_fmin))
FP(fmaxnmv_v,   across(t, a, IR_fmaxnmv, IR_fmaxnmp, IR_fmaxnm))
FP(fminnmv_v,   across(t, a, IR_fminnmv, IR_fminnmp, IR_fminnm))
FP(faddp_pair,   pair(t, a, IR_fadd))
FP(fmaxp_pair,   pair(t, a, IR_fmax))
FP(fminp_pair,   pair(t, a, IR_fmin))
FP(fmaxnmp_pair, pair(t, a, IR_fmaxnm))
FP(fminnmp_pair, pair(t, a, IR_fminnm))
// clang-format on
