/* eval_fp.c - out-of-line floating-point operations on scalars and lanes. */
#include "core/eval_impl.h"
#include "core/flags.h"
#include "core/fp.h"

/* The format of a lane of 2^log2 bytes. */
EVAL_INLINE enum fp_format format_of(unsigned log2)
{
    return (enum fp_format)(log2 - 1);
}

EVAL_INLINE uint64_t sign_of(unsigned log2)
{
    return 1ull << ((8u << log2) - 1);
}

/* What IR_ROUND in aux asks for. */
static enum fp_round round_of(const struct cpu *cpu, uint32_t desc)
{
    switch (desc_aux(desc) & IR_ROUND) {
    case IR_ROUND_CURRENT:
        return (enum fp_round)cpu->fp.round;
    case IR_ROUND_AWAY:
        return FP_ROUND_NEAREST_AWAY;
    default:
        return (enum fp_round)(desc_aux(desc) & IR_ROUND);
    }
}

static uint64_t compare_mask(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b, bool signal,
                             unsigned wanted)
{
    const unsigned nzcv = fp_compare(&cpu->fp, format_of(log2), a, b, signal);
    return wanted >> nzcv & 1 ? ~0ull : 0;
}

enum { IS_EQUAL = 1 << 6, IS_GREATER = 1 << 2 }; /* sets of NZCV values */

static uint64_t round_bits(struct cpu *cpu, unsigned log2, uint64_t a, uint32_t desc)
{
    return fp_round_int_bits(&cpu->fp, format_of(log2), a, round_of(cpu, desc), desc_d(desc),
                             desc_aux(desc) & FRINT_EXACT);
}

// clang-format off
LANE2(lane_fadd,   fp_add(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fsub,   fp_sub(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fmul,   fp_mul(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fmulx,  fp_mulx(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fdiv,   fp_div(&cpu->fp, format_of(log2), a, b))
LANE1(lane_fsqrt,  fp_sqrt(&cpu->fp, format_of(log2), a))
LANE1(lane_fabs,   a & ~sign_of(log2))
LANE1(lane_fneg,   a ^ sign_of(log2))
LANE2(lane_fmin,   fp_min(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fmax,   fp_max(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fminnm, fp_minnm(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fmaxnm, fp_maxnm(&cpu->fp, format_of(log2), a, b))
LANE2(lane_fabd,   fp_sub(&cpu->fp, format_of(log2), a, b) & ~sign_of(log2))
LANE2(lane_fcmeq,  compare_mask(cpu, log2, a, b, false, IS_EQUAL))
LANE2(lane_fcmge,  compare_mask(cpu, log2, a, b, true, IS_EQUAL | IS_GREATER))
LANE2(lane_fcmgt,  compare_mask(cpu, log2, a, b, true, IS_GREATER))
LANE2(lane_facge,  lane_fcmge(cpu, log2, a & ~sign_of(log2), b & ~sign_of(log2), desc))
LANE2(lane_facgt,  lane_fcmgt(cpu, log2, a & ~sign_of(log2), b & ~sign_of(log2), desc))
LANE1(lane_frecpe, fp_recip_estimate(&cpu->fp, format_of(log2), a))
LANE1(lane_frsqrte, fp_rsqrt_estimate(&cpu->fp, format_of(log2), a))
LANE2(lane_frecps,  fp_recip_step(&cpu->fp, format_of(log2), a, b))
LANE2(lane_frsqrts, fp_rsqrt_step(&cpu->fp, format_of(log2), a, b))
LANE1(lane_frecpx,  fp_recip_exponent(&cpu->fp, format_of(log2), a))
LANE1(lane_frint,   fp_round_int(&cpu->fp, format_of(log2), a, round_of(cpu, desc), desc_aux(desc) & FRINT_EXACT))
LANE1(lane_frint3264, round_bits(cpu, log2, a, desc))
LANE1(lane_f2i, fp_to_int(&cpu->fp, format_of(log2), a, 8u << log2, !(desc_aux(desc) & CVT_UNSIGNED), desc_d(desc),
                          round_of(cpu, desc)))
LANE1(lane_i2f, fp_from_int(&cpu->fp, format_of(log2), desc_aux(desc) & CVT_UNSIGNED ? a : (uint64_t)sa,
                            !(desc_aux(desc) & CVT_UNSIGNED), desc_d(desc)))

EVAL_MAP2(fadd, lane_fadd)     EVAL_MAP2(fsub, lane_fsub)       EVAL_MAP2(fmul, lane_fmul)
EVAL_MAP2(fmulx, lane_fmulx)   EVAL_MAP2(fdiv, lane_fdiv)       EVAL_MAP1(fsqrt, lane_fsqrt)
EVAL_MAP1(fabs, lane_fabs)     EVAL_MAP1(fneg, lane_fneg)       EVAL_MAP2(fmin, lane_fmin)
EVAL_MAP2(fmax, lane_fmax)     EVAL_MAP2(fminnm, lane_fminnm)   EVAL_MAP2(fmaxnm, lane_fmaxnm)
EVAL_MAP2(fabd, lane_fabd)     EVAL_MAP2(fcmeq, lane_fcmeq)     EVAL_MAP2(fcmge, lane_fcmge)
EVAL_MAP2(fcmgt, lane_fcmgt)   EVAL_MAP2(facge, lane_facge)     EVAL_MAP2(facgt, lane_facgt)
EVAL_MAP1(frecpe, lane_frecpe) EVAL_MAP1(frsqrte, lane_frsqrte) EVAL_MAP2(frecps, lane_frecps)
EVAL_MAP2(frsqrts, lane_frsqrts) EVAL_MAP1(frecpx, lane_frecpx) EVAL_MAP1(frint, lane_frint)
EVAL_MAP1(frint3264, lane_frint3264)
EVAL_MAP1(vf2i, lane_f2i)      EVAL_MAP1(vi2f, lane_i2f)
EVAL_PAIRS(faddp, lane_fadd)   EVAL_PAIRS(fmaxp, lane_fmax)     EVAL_PAIRS(fminp, lane_fmin)
EVAL_PAIRS(fmaxnmp, lane_fmaxnm) EVAL_PAIRS(fminnmp, lane_fminnm)
EVAL_ACROSS(fmaxv, lane_fmax)  EVAL_ACROSS(fminv, lane_fmin)
EVAL_ACROSS(fmaxnmv, lane_fmaxnm) EVAL_ACROSS(fminnmv, lane_fminnm)
    // clang-format on

    EVAL_INLINE uint64_t
    lane_fma(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b, uint64_t c, uint32_t desc)
{
    (void)desc;
    return fp_muladd(&cpu->fp, format_of(log2), a, b, c);
}

EVAL_MAP3(fma, lane_fma)

void ev_fcmp(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    d->u32[0] = flags_from_nzcv(fp_compare(&cpu->fp, format_of(log2), lane_get(a, log2, 0),
                                           lane_get(b, log2, 0), desc_aux(desc) & 1));
}

void ev_fcvt(EVAL_PARAMS)
{
    const unsigned to = type_lane_log2(desc_type(desc)), from = type_lane_log2(desc_d(desc));
    const uint64_t r = fp_convert(&cpu->fp, format_of(to), format_of(from), lane_get(a, from, 0));
    memset(d, 0, sizeof(*d));
    lane_set(d, to, 0, r);
}

void ev_fcvtl(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        lane_set(
            d, log2, i,
            fp_convert(&cpu->fp, format_of(log2), format_of(log2 - 1), lane_get(a, log2 - 1, i)));
}

void ev_fcvtn(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < 8u >> log2; i++)
        lane_set(
            d, log2, i,
            fp_convert(&cpu->fp, format_of(log2), format_of(log2 + 1), lane_get(a, log2 + 1, i)));
}

void ev_fcvtxn(EVAL_PARAMS)
{
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        d->u32[i] = (uint32_t)fp_convert_round(&cpu->fp, FP32, FP64, a->u64[i], FP_ROUND_ODD);
}

void ev_f2i(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), aux = desc_aux(desc);
    d->u64[0] = fp_to_int(&cpu->fp, format_of(log2), lane_get(a, log2, 0), aux & CVT_64 ? 64 : 32,
                          !(aux & CVT_UNSIGNED), desc_d(desc), round_of(cpu, desc));
}

void ev_i2f(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), aux = desc_aux(desc);
    const bool is_signed = !(aux & CVT_UNSIGNED);
    uint64_t x = a->u64[0];
    if (!(aux & CVT_64))
        x = is_signed ? (uint64_t)(int32_t)x : (uint32_t)x;
    memset(d, 0, sizeof(*d));
    lane_set(d, log2, 0, fp_from_int(&cpu->fp, format_of(log2), x, is_signed, desc_d(desc)));
}

void ev_fmlal(EVAL_PARAMS)
{
    const unsigned n = type_lanes(desc_type(desc)), first = desc_aux(desc) & 1 ? n : 0;
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        d->u32[i] =
            (uint32_t)fp_muladd_half(&cpu->fp, a->u32[i], b->u16[first + i], c->u16[first + i]);
}

/* a + i * b (#90) or a - i * b (#270) of complex numbers. */
void ev_fcadd(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    const enum fp_format f = format_of(log2);
    const uint64_t negate_re = desc_aux(desc) ? sign_of(log2) : 0,
                   negate_im = negate_re ^ sign_of(log2);

    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i += 2) {
        const uint64_t re = lane_get(b, log2, i) ^ negate_re,
                       im = lane_get(b, log2, i + 1) ^ negate_im;
        lane_set(d, log2, i, fp_add(&cpu->fp, f, lane_get(a, log2, i), im));
        lane_set(d, log2, i + 1, fp_add(&cpu->fp, f, lane_get(a, log2, i + 1), re));
    }
}

void ev_fcmla(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), rotation = desc_aux(desc),
                   odd = rotation & 1;
    const enum fp_format f = format_of(log2);
    const uint64_t negate_re = rotation == 1 || rotation == 2 ? sign_of(log2) : 0;
    const uint64_t negate_im = rotation >= 2 ? sign_of(log2) : 0;

    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i += 2) {
        const uint64_t factor = lane_get(b, log2, i + odd);
        const uint64_t re = lane_get(c, log2, i + odd) ^ negate_re,
                       im = lane_get(c, log2, i + !odd) ^ negate_im;
        lane_set(d, log2, i, fp_muladd(&cpu->fp, f, lane_get(a, log2, i), factor, re));
        lane_set(d, log2, i + 1, fp_muladd(&cpu->fp, f, lane_get(a, log2, i + 1), factor, im));
    }
}

/* The environment of BFDOT and BFMMLA, which ignore FPCR and FPSR: rounding to odd but overflow to
 * infinity, denormals flushed, default NaNs (Arm ARM, BFRound). */
static const struct fp_env bf_env = {
    .round = FP_ROUND_ODD, .default_nan = true, .flush_to_zero = true};

static uint32_t bf_result(struct fp_env *env, uint64_t r)
{
    const bool overflow = env->flags & FP_OFC;
    env->flags = 0;
    return (uint32_t)(overflow ? (r & 0x80000000) | 0x7f800000 : r);
}

static uint32_t bf_dot(uint32_t sum, const uint16_t *b, const uint16_t *c)
{
    struct fp_env env = bf_env;
    const uint32_t x =
        bf_result(&env, fp_mul(&env, FP32, (uint32_t)b[0] << 16, (uint32_t)c[0] << 16));
    const uint32_t y =
        bf_result(&env, fp_mul(&env, FP32, (uint32_t)b[1] << 16, (uint32_t)c[1] << 16));
    return bf_result(&env, fp_add(&env, FP32, sum, bf_result(&env, fp_add(&env, FP32, x, y))));
}

void ev_bfdot(EVAL_PARAMS)
{
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        d->u32[i] = bf_dot(a->u32[i], &b->u16[2 * i], &c->u16[2 * i]);
}

/* 2x4 times 4x2. */
void ev_bfmmla(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint16_t *row = &b->u16[4 * (i / 2)], *column = &c->u16[4 * (i % 2)];
        d->u32[i] = bf_dot(bf_dot(a->u32[i], row, column), row + 2, column + 2);
    }
}

void ev_bfmlal(EVAL_PARAMS)
{
    const unsigned odd = desc_aux(desc) & 1;
    for (unsigned i = 0; i < 4; i++)
        d->u32[i] =
            (uint32_t)fp_muladd(&cpu->fp, FP32, a->u32[i], (uint32_t)b->u16[2 * i + odd] << 16,
                                (uint32_t)c->u16[2 * i + odd] << 16);
}

void ev_bfcvt(EVAL_PARAMS)
{
    const unsigned n = desc_type(desc) == T_F32 ? 1 : 4;
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        d->u16[i] = (uint16_t)fp_to_bf16(&cpu->fp, a->u32[i]);
}
