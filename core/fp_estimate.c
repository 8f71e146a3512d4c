/* fp_estimate.c - reciprocal and reciprocal square root estimates (Arm ARM, FPRecipEstimate,
 * FPRSqrtEstimate, UnsignedRecipEstimate, UnsignedRSqrtEstimate, FPRecpX). */
#include "core/fp_impl.h"

/* A: 256..511 stands for 0.5..1; the result 256..511 for 1..2. */
static unsigned recip_estimate(unsigned a)
{
    const unsigned b = (1u << 19) / (2 * a + 1);
    return (b + 1) / 2;
}

/* A: 128..511 stands for 0.25..1; the result 256..511 for 1..2. */
static unsigned rsqrt_estimate(unsigned a)
{
    const unsigned x = a < 256 ? 2 * a + 1 : ((a | 1)) * 2;
    unsigned b = 512;
    while (x * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

uint32_t fp_recip_estimate_u32(uint32_t a)
{
    return a >> 31 ? (uint32_t)recip_estimate(a >> 23) << 23 : 0xffffffff;
}

uint32_t fp_rsqrt_estimate_u32(uint32_t a)
{
    return a >> 30 ? (uint32_t)rsqrt_estimate(a >> 23) << 23 : 0xffffffff;
}

uint64_t fp_recip_estimate(struct fp_env *env, enum fp_format f, uint64_t a)
{
    const struct fp_layout *l = &fp_layout[f];
    const struct fp_num n = fp_unpack(env, f, a);

    if (n.kind >= FP_QNAN)
        return fp_process_nan(env, f, n.kind, a);
    if (n.kind == FP_INF)
        return fp_zero(f, n.sign);
    if (n.kind == FP_ZERO) {
        env->flags |= FP_DZC;
        return fp_inf(f, n.sign);
    }
    if (n.exp < -l->bias - 1) {
        env->flags |= FP_OFC | FP_IXC;
        const uint64_t inf = fp_inf(f, n.sign);
        return fp_overflows_to_inf((enum fp_round)env->round, n.sign) ? inf : inf - 1;
    }
    if (fp_flushes(env, f) && n.exp >= l->bias - 1) {
        env->flags |= FP_UFC;
        return fp_zero(f, n.sign);
    }
    /* 1 / (1.x * 2^exp) = estimate * 2^(-exp - 1), estimate in 1..2 */
    const int exp = 2 * l->bias - 1 - (n.exp + l->bias);
    uint64_t fraction = ((uint64_t)recip_estimate((unsigned)(n.sig >> 55)) & 0xff) << (l->frac - 8);
    const uint64_t one = (uint64_t)1 << l->frac;
    if (exp == 0)
        fraction = (fraction | one) >> 1;
    else if (exp < 0)
        fraction = (fraction | one) >> 2;
    return fp_zero(f, n.sign) | (uint64_t)(exp < 0 ? 0 : exp) << l->frac | fraction;
}

uint64_t fp_rsqrt_estimate(struct fp_env *env, enum fp_format f, uint64_t a)
{
    const struct fp_layout *l = &fp_layout[f];
    const struct fp_num n = fp_unpack(env, f, a);

    if (n.kind >= FP_QNAN)
        return fp_process_nan(env, f, n.kind, a);
    if (n.kind == FP_ZERO) {
        env->flags |= FP_DZC;
        return fp_inf(f, n.sign);
    }
    if (n.sign)
        return fp_invalid(env, f);
    if (n.kind == FP_INF)
        return fp_zero(f, false);
    const int biased = n.exp + l->bias;
    const unsigned scaled = (unsigned)(n.sig >> (biased & 1 ? 56 : 55));
    const int exp = (3 * l->bias - 1 - biased) / 2;
    return (uint64_t)exp << l->frac | ((uint64_t)rsqrt_estimate(scaled) & 0xff) << (l->frac - 8);
}

uint64_t fp_recip_exponent(struct fp_env *env, enum fp_format f, uint64_t a)
{
    const struct fp_layout *l = &fp_layout[f];
    const struct fp_num n = fp_unpack(env, f, a);

    if (n.kind >= FP_QNAN)
        return fp_process_nan(env, f, n.kind, a);
    const int biased = (int)(a >> l->frac) & l->max_exp;
    const int exp = biased ? ~biased & l->max_exp : l->max_exp - 1;
    return fp_zero(f, n.sign) | (uint64_t)exp << l->frac;
}
