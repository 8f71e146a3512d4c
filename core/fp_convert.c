/* fp_convert.c - conversions between floating-point formats and integers, rounding to integral
 * values. */
#include "core/fp_impl.h"

/* The NaN A of format FROM as a NaN of format TO, made quiet (Arm ARM, FPConvertNaN). */
static uint64_t convert_nan(const struct fp_env *env, unsigned to, struct fp_num n)
{
    if (env->default_nan)
        return fp_default_nan(env, to);
    const uint64_t quiet = (uint64_t)1 << 62;
    return fp_inf(to, n.sign) | (n.sig | quiet) >> (63 - fp_layout[to].frac);
}

/* Split an alternative half-precision number: no infinities or NaNs, exponent 31 is an ordinary
 * one. */
static struct fp_num split_alternative(struct fp_env *env, uint64_t a)
{
    struct fp_num n = fp_split(env, FP16, a, false);
    if ((a >> 10 & 31) == 31) {
        n.kind = FP_FINITE;
        n.exp = 16;
        n.sig = (uint64_t)1 << 63 | (a & 0x3ff) << 53;
    }
    return n;
}

/* Round to alternative half precision: what does not fit saturates and is invalid, not an overflow.
 */
static uint64_t pack_alternative(struct fp_env *env, struct fp_num n, enum fp_round r)
{
    const uint64_t sign = n.sign ? 0x8000 : 0;
    if (n.exp < 15)
        return fp_pack(env, FP16, n.sign, n.exp, n.sig, r, false);
    if (n.exp > 16) {
        env->flags |= FP_IOC;
        return sign | 0x7fff;
    }
    const uint64_t rest = n.sig << 11;
    uint64_t kept = n.sig >> 53;
    kept += fp_rounds_up(r, n.sign, kept & 1, rest);
    const uint64_t magnitude = ((uint64_t)(n.exp + 14) << 10) + kept;
    if (magnitude > 0x7fff) {
        env->flags |= FP_IOC;
        return sign | 0x7fff;
    }
    if (rest)
        env->flags |= FP_IXC;
    return sign | magnitude;
}

static uint64_t convert(struct fp_env *env, unsigned to, unsigned from, uint64_t a, enum fp_round r)
{
    /* Conversions ignore FZ16 (Arm ARM, FPUnpackCV, FPRoundCV). */
    const bool alternative = env->alternative_half && to == FP16;
    const struct fp_num n = env->alternative_half && from == FP16
                                ? split_alternative(env, a)
                                : fp_split(env, from, a, from != FP16 && env->flush_to_zero);
    switch (n.kind) {
    case FP_SNAN:
    case FP_QNAN:
        if (n.kind == FP_SNAN || alternative)
            env->flags |= FP_IOC;
        return alternative ? fp_zero(to, n.sign) : convert_nan(env, to, n);
    case FP_INF:
        if (!alternative)
            return fp_inf(to, n.sign);
        env->flags |= FP_IOC;
        return fp_zero(to, n.sign) | 0x7fff;
    case FP_ZERO:
        return fp_zero(to, n.sign);
    case FP_FINITE:
        break;
    }
    if (alternative)
        return pack_alternative(env, n, r);
    return fp_pack(env, to, n.sign, n.exp, n.sig, r, to != FP16 && env->flush_to_zero);
}

uint64_t fp_convert_round(struct fp_env *env, enum fp_format to, enum fp_format from, uint64_t a,
                          enum fp_round r)
{
    return convert(env, to, from, a, r);
}

uint64_t fp_convert(struct fp_env *env, enum fp_format to, enum fp_format from, uint64_t a)
{
    return convert(env, to, from, a, (enum fp_round)env->round);
}

uint64_t fp_to_bf16(struct fp_env *env, uint64_t a)
{
    return convert(env, FP_BF16, FP32, a, (enum fp_round)env->round);
}

/* Round sig * 2^(exp - 63) to an integer that must fit 64 bits: exp < 64. */
static uint64_t to_integer(struct fp_num n, enum fp_round r, bool *inexact)
{
    const int drop = 63 - n.exp;
    uint64_t whole = 0, rest = 1;
    if (drop == 0) {
        whole = n.sig;
        rest = 0;
    } else if (drop < 64) {
        whole = n.sig >> drop;
        rest = n.sig << (64 - drop);
    } else if (drop == 64) {
        rest = n.sig;
    }
    *inexact = rest != 0;
    return whole + fp_rounds_up(r, n.sign, whole & 1, rest);
}

static uint64_t pack_integer(struct fp_env *env, enum fp_format f, bool sign, uint64_t magnitude)
{
    if (!magnitude)
        return fp_zero(f, sign);
    const int zeros = __builtin_clzll(magnitude);
    return fp_pack(env, f, sign, 63 - zeros, magnitude << zeros, FP_ROUND_ZERO, false);
}

uint64_t fp_round_int(struct fp_env *env, enum fp_format f, uint64_t a, enum fp_round r, bool exact)
{
    const struct fp_num n = fp_unpack(env, f, a);
    if (n.kind >= FP_QNAN)
        return fp_process_nan(env, f, n.kind, a);
    if (n.kind == FP_ZERO)
        return fp_zero(f, n.sign);
    if (n.kind == FP_INF || n.exp >= fp_layout[f].frac)
        return a;
    bool inexact;
    const uint64_t magnitude = to_integer(n, r, &inexact);
    if (inexact && exact)
        env->flags |= FP_IXC;
    return pack_integer(env, f, n.sign, magnitude);
}

uint64_t fp_round_int_bits(struct fp_env *env, enum fp_format f, uint64_t a, enum fp_round r,
                           unsigned bits, bool exact)
{
    const struct fp_num n = fp_unpack(env, f, a);
    const uint64_t limit = (uint64_t)1 << (bits - 1);
    bool inexact = false, fits = n.kind == FP_FINITE && n.exp < 64;
    uint64_t magnitude = 0;

    if (n.kind == FP_ZERO)
        return fp_zero(f, n.sign);
    if (fits) {
        magnitude = to_integer(n, r, &inexact);
        fits = magnitude < limit + n.sign;
    }
    if (!fits) {
        env->flags |= FP_IOC;
        return pack_integer(env, f, true, limit);
    }
    if (inexact && exact)
        env->flags |= FP_IXC;
    return pack_integer(env, f, n.sign, magnitude);
}

uint64_t fp_to_int(struct fp_env *env, enum fp_format f, uint64_t a, unsigned bits, bool is_signed,
                   unsigned fbits, enum fp_round r)
{
    struct fp_num n = fp_unpack(env, f, a);
    const uint64_t mask = fp_mask(bits);
    const uint64_t max = is_signed ? mask >> 1 : mask;
    bool inexact = false, fits = true;
    uint64_t magnitude = 0;

    if (n.kind == FP_ZERO)
        return 0;
    if (n.kind >= FP_QNAN) {
        env->flags |= FP_IOC;
        return 0;
    }
    n.exp += (int)fbits;
    if (n.kind == FP_INF || n.exp > 63) {
        fits = false;
    } else {
        magnitude = to_integer(n, r, &inexact);
        if (n.sign)
            fits = is_signed ? magnitude <= max + 1 : magnitude == 0;
        else
            fits = magnitude <= max;
    }
    if (!fits) {
        env->flags |= FP_IOC;
        if (n.sign)
            return is_signed ? max + 1 : 0;
        return max;
    }
    if (inexact)
        env->flags |= FP_IXC;
    return (n.sign ? -magnitude : magnitude) & mask;
}

uint64_t fp_from_int(struct fp_env *env, enum fp_format f, uint64_t a, bool is_signed,
                     unsigned fbits)
{
    const bool sign = is_signed && a >> 63;
    const uint64_t magnitude = sign ? -a : a;
    if (!magnitude)
        return 0;
    const int zeros = __builtin_clzll(magnitude);
    return fp_round_pack(env, f, sign, 63 - zeros - (int)fbits, magnitude << zeros);
}

uint64_t fp_muladd_half(struct fp_env *env, uint64_t addend, uint64_t a, uint64_t b)
{
    uint64_t wide[2];
    const uint64_t half[2] = {a, b};
    /* Exact, also for NaNs, which stay signalling; FZ16 applies, silently (Arm ARM, FPMulAddH). */
    for (int i = 0; i < 2; i++) {
        const struct fp_num n = fp_unpack(env, FP16, half[i]);
        const uint64_t sign = fp_zero(FP32, n.sign);
        if (n.kind == FP_FINITE)
            wide[i] = sign | (uint64_t)(n.exp + 127) << 23 | (n.sig << 1) >> 41;
        else
            wide[i] = n.kind == FP_ZERO ? sign : fp_inf(FP32, n.sign) | n.sig >> 40;
    }
    return fp_muladd(env, FP32, addend, wide[0], wide[1]);
}
