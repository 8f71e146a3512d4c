/* guest_fp.c - scalar floating-point instructions (Arm ARM, Data processing: scalar
 * floating-point). */
#include "core/fp.h"
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_simd.h"
#include "core/helper.h"

/* log2 of the bytes of operands of TYPE; false: reserved, or half precision on a CPU that only
 * converts it. */
static bool fp_size(int type, unsigned *size)
{
    static const uint8_t sizes[4] = {2, 3, 0, 1};
    *size = sizes[type];
    return type != 2 && (type != 3 || a64_has(A64_FEATURE_fphp));
}

static bool one_source(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                       unsigned aux, unsigned d)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    simd_write_scalar(t, a->rd, ir_1x(&t->ir, op, simd_fp_type(size), simd_read(t, a->rn), aux, d),
                      size);
    return true;
}

static bool two_source(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                       bool negate)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    const enum ir_type type = simd_fp_type(size);
    ir_ref r = ir_2(&t->ir, op, type, simd_read(t, a->rn), simd_read(t, a->rm));
    if (negate)
        r = ir_1(&t->ir, IR_fneg, type, r);
    simd_write_scalar(t, a->rd, r, size);
    return true;
}

/* Ra + Rn * Rm, addend and product negated as asked (Arm ARM, FMADD ...). */
static bool three_source(struct translator *t, const struct a64_args *a, bool negate_addend,
                         bool negate_product)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    const enum ir_type type = simd_fp_type(size);
    ir_ref addend = simd_read(t, a->ra), n = simd_read(t, a->rn);
    if (negate_addend)
        addend = ir_1(&t->ir, IR_fneg, type, addend);
    if (negate_product)
        n = ir_1(&t->ir, IR_fneg, type, n);
    simd_write_scalar(t, a->rd, ir_3(&t->ir, IR_fma, type, addend, n, simd_read(t, a->rm)), size);
    return true;
}

#define FP(name, body)                                                                             \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return body;                                                                               \
    }

// clang-format off
FP(fabs_s,   one_source(t, a, IR_fabs, 0, 0))
FP(fneg_s,   one_source(t, a, IR_fneg, 0, 0))
FP(fsqrt_s,  one_source(t, a, IR_fsqrt, 0, 0))
FP(frint_s,  one_source(t, a, IR_frint, (unsigned)a->round | (a->exact ? FRINT_EXACT : 0), 0))
FP(frint32_s, one_source(t, a, IR_frint3264, (unsigned)a->round | FRINT_EXACT, (unsigned)a->width))
FP(fadd_s,   two_source(t, a, IR_fadd, false))
FP(fsub_s,   two_source(t, a, IR_fsub, false))
FP(fmul_s,   two_source(t, a, IR_fmul, false))
FP(fnmul_s,  two_source(t, a, IR_fmul, true))
FP(fdiv_s,   two_source(t, a, IR_fdiv, false))
FP(fmax_s,   two_source(t, a, IR_fmax, false))
FP(fmin_s,   two_source(t, a, IR_fmin, false))
FP(fmaxnm_s, two_source(t, a, IR_fmaxnm, false))
FP(fminnm_s, two_source(t, a, IR_fminnm, false))
FP(fmadd_s,  three_source(t, a, false, false))
FP(fmsub_s,  three_source(t, a, false, true))
FP(fnmadd_s, three_source(t, a, true, true))
FP(fnmsub_s, three_source(t, a, true, false))
// clang-format on

/* FMOV (register) */
bool a64_fmov_s(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    simd_write_scalar(t, a->rd, simd_read(t, a->rn), size);
    return true;
}

bool a64_fcvt_s(struct translator *t, const struct a64_args *a)
{
    static const uint8_t sizes[4] = {2, 3, 0, 1}; /* half precision is always there */
    unsigned from = sizes[a->type], to = sizes[a->to];
    const ir_ref r =
        ir_1x(&t->ir, IR_fcvt, simd_fp_type(to), simd_read(t, a->rn), 0, simd_fp_type(from));
    simd_write_scalar(t, a->rd, r, to);
    return true;
}

bool a64_bfcvt_s(struct translator *t, const struct a64_args *a)
{
    simd_write_scalar(t, a->rd, ir_1(&t->ir, IR_bfcvt, T_F32, simd_read(t, a->rn)), 1);
    return true;
}

/* -- Compare and select -- */

static ir_ref compare(struct translator *t, const struct a64_args *a, unsigned size)
{
    const ir_ref m = a->zero ? simd_zero(t) : simd_read(t, a->rm);
    return ir_2x(&t->ir, IR_fcmp, simd_fp_type(size), simd_read(t, a->rn), m, (unsigned)a->signal,
                 0);
}

bool a64_fcmp_s(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    ir_put_flags(&t->ir, compare(t, a, size));
    return true;
}

bool a64_fccmp_s(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    if (a->cond >= COND_AL) {
        ir_put_flags(&t->ir, compare(t, a, size));
        return true;
    }
    const ir_ref n = simd_read(t, a->rn), m = simd_read(t, a->rm);
    const unsigned aux = (unsigned)a->cond | (unsigned)a->signal << 4;
    ir_put_flags(&t->ir, ir_3x(&t->ir, IR_fccmp, simd_fp_type(size), n, m, ir_get_flags(&t->ir),
                               aux, (unsigned)a->nzcv));
    return true;
}

bool a64_fcsel_s(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    ir_ref r = simd_read(t, a->rn);
    if (a->cond < COND_AL)
        r = ir_3x(&t->ir, IR_vcsel, simd_fp_type(size), r, simd_read(t, a->rm),
                  ir_get_flags(&t->ir), (unsigned)a->cond, 0);
    simd_write_scalar(t, a->rd, r, size);
    return true;
}

/* -- Immediates -- */

/* The number of 2^size bytes that imm8 stands for (Arm ARM, VFPExpandImm). */
static uint64_t expand_imm(unsigned imm, unsigned size)
{
    static const uint8_t exponent_bits[4] = {0, 5, 8, 11};
    const unsigned bits = 8u << size, exponent = exponent_bits[size],
                   fraction = bits - 1 - exponent;
    const uint64_t ones = ((uint64_t)1 << (exponent - 3)) - 1;
    const uint64_t high = imm & 0x40 ? ones : ones + 1;
    const uint64_t biased = high << 2 | (imm >> 4 & 3);
    return (uint64_t)(imm >> 7) << (bits - 1) | biased << fraction |
           (uint64_t)(imm & 15) << (fraction - 4);
}

bool a64_fmov_imm_s(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    simd_write(t, a->rd, ir_vconst(&t->ir, expand_imm((unsigned)a->imm, size), false), true);
    return true;
}

/* FMOV (vector, immediate) */
bool a64_fmov_imm_v(struct translator *t, const struct a64_args *a)
{
    static const uint64_t copies[4] = {0, 0x0001000100010001, 0x0000000100000001, 1};
    const uint64_t value = expand_imm((unsigned)a->imm, (unsigned)a->esz) * copies[a->esz];
    simd_write(t, a->rd, ir_vconst(&t->ir, value, a->q), true);
    return true;
}

/* -- Between the register files -- */

bool a64_fmov_to_gpr(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    write_x(t, (unsigned)a->rd,
            ir_1x(&t->ir, IR_vget, type_vector(size, true), simd_read(t, a->rn), 0, 0));
    return true;
}

bool a64_fmov_from_gpr(struct translator *t, const struct a64_args *a)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    const ir_ref zero = ir_vconst(&t->ir, 0, false), n = read_x(t, (unsigned)a->rn);
    simd_write(t, a->rd, ir_2x(&t->ir, IR_vins, type_vector(size, true), zero, n, 0, 0), true);
    return true;
}

bool a64_fmov_to_gpr_high(struct translator *t, const struct a64_args *a)
{
    write_x(t, (unsigned)a->rd, ir_1x(&t->ir, IR_vget, T_2D, simd_read(t, a->rn), 1, 0));
    return true;
}

bool a64_fmov_from_gpr_high(struct translator *t, const struct a64_args *a)
{
    const ir_ref r =
        ir_2x(&t->ir, IR_vins, T_2D, simd_read(t, a->rd), read_x(t, (unsigned)a->rn), 1, 0);
    simd_write(t, a->rd, r, true);
    return true;
}

/* -- Conversion to and from integers and fixed-point numbers in general registers -- */

static bool to_integer(struct translator *t, const struct a64_args *a, unsigned round,
                       unsigned fraction_bits)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    const unsigned aux = round | (a->u ? CVT_UNSIGNED : 0) | (a->sf ? CVT_64 : 0);
    write_x(t, (unsigned)a->rd,
            ir_1x(&t->ir, IR_f2i, simd_fp_type(size), simd_read(t, a->rn), aux, fraction_bits));
    return true;
}

static bool from_integer(struct translator *t, const struct a64_args *a, unsigned fraction_bits)
{
    unsigned size;
    if (!fp_size(a->type, &size))
        return false;
    const unsigned aux = (a->u ? CVT_UNSIGNED : 0) | (a->sf ? CVT_64 : 0);
    const ir_ref n = read_x(t, (unsigned)a->rn);
    simd_write_scalar(t, a->rd, ir_1x(&t->ir, IR_i2f, simd_fp_type(size), n, aux, fraction_bits),
                      size);
    return true;
}

/* FCVTNS, FCVTNU ... FCVTAU */
bool a64_fcvt_gpr(struct translator *t, const struct a64_args *a)
{
    return to_integer(t, a, (unsigned)a->round, 0);
}

bool a64_fcvtz_gpr_fixed(struct translator *t, const struct a64_args *a)
{
    if (!a->sf && a->scale < 32)
        return false;
    return to_integer(t, a, IR_ROUND_ZERO, 64 - (unsigned)a->scale);
}

bool a64_scvtf_gpr(struct translator *t, const struct a64_args *a)
{
    return from_integer(t, a, 0);
}

bool a64_scvtf_gpr_fixed(struct translator *t, const struct a64_args *a)
{
    if (!a->sf && a->scale < 32)
        return false;
    return from_integer(t, a, 64 - (unsigned)a->scale);
}

/* FJCVTZS: the helper returns the integer, and NZCV in the top bits. */
bool a64_fjcvtzs(struct translator *t, const struct a64_args *a)
{
    const ir_ref n = ir_1x(&t->ir, IR_vget, T_2D, simd_read(t, a->rn), 0, 0);
    const ir_ref r = ir_call(&t->ir, HELPER_a64_fjcvtzs, n, IR_NONE, IR_NONE);
    const ir_ref nzcv = ir_2(&t->ir, IR_shr, T_I64, r, ir_const(&t->ir, 32));
    ir_put_flags(&t->ir, ir_1(&t->ir, IR_nzcv, T_I64, nzcv));
    write_x(t, (unsigned)a->rd, ir_1(&t->ir, IR_zext32, T_I64, r));
    return true;
}

/* Arm ARM, FPToFixedJS: rounded towards zero, modulo 2^32; Z says that nothing was lost. */
uint64_t helper_a64_fjcvtzs(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t fraction = a & (((uint64_t)1 << 52) - 1);
    const unsigned biased = (unsigned)(a >> 52) & 0x7ff;
    const bool sign = a >> 63;
    (void)b;
    (void)c;

    /* The ordinary conversion raises the same exceptions where the result fits 32 bits. */
    const uint64_t ordinary = fp_to_int(&cpu->fp, FP64, a, 32, true, 0, FP_ROUND_ZERO);
    if (biased < 1023 + 31) {
        struct fp_env quiet = cpu->fp;
        const uint64_t back =
            fp_from_int(&quiet, FP64, (uint64_t)(int64_t)(int32_t)ordinary, true, 0);
        return ordinary | (uint64_t)(back == a) << 62; /* -0 comes back as 0: not exact */
    }
    if (a == 0xc1e0000000000000) /* -2^31 */
        return ordinary | (uint64_t)1 << 62;
    /* Too large. -2^31 - f with f < 1 rounds to -2^31, which fits: inexact, and ordinary has said
     * so. */
    uint64_t magnitude = 0;
    if (biased < 0x7ff) {
        const uint64_t significand = fraction | (uint64_t)1 << 52;
        const int shift = (int)biased - 1023 - 52;
        if (shift <= 0)
            magnitude = significand >> -shift;
        else if (shift < 32)
            magnitude = significand << shift;
    }
    return (uint32_t)(sign ? -magnitude : magnitude);
}
