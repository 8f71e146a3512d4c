/* fp.c - exact IEEE 754 arithmetic in integers.
 *
 * Operands are split into sign, exponent and a left-aligned 64-bit significand; the exact result
 * (or one whose bit 0 stands for all lower bits) is rounded once by fp_pack. Tininess is detected
 * before rounding (Arm ARM, FPRound). */
#include "core/fp_impl.h"

// clang-format off
const struct fp_layout fp_layout[FP_N_FORMATS] = {
    [FP16]    = {16, 10, 15,   31},
    [FP32]    = {32, 23, 127,  255},
    [FP64]    = {64, 52, 1023, 2047},
    [FP_BF16] = {16, 7,  127,  255},
};
// clang-format on

struct fp_num fp_split(struct fp_env *env, unsigned f, uint64_t a, bool flush)
{
    const struct fp_layout *l = &fp_layout[f];
    const uint64_t fraction = a & fp_mask(l->frac);
    const int biased = (int)(a >> l->frac) & l->max_exp;
    struct fp_num n = {.kind = FP_ZERO, .sign = a >> (l->bits - 1) & 1};

    if (biased == l->max_exp) {
        if (!fraction)
            n.kind = FP_INF;
        else
            n.kind = fraction >> (l->frac - 1) ? FP_QNAN : FP_SNAN;
        n.sig = fraction << (63 - l->frac);
        return n;
    }
    if (biased) {
        n.kind = FP_FINITE;
        n.exp = biased - l->bias;
        n.sig = (uint64_t)1 << 63 | fraction << (63 - l->frac);
        return n;
    }
    if (!fraction)
        return n;
    if (flush) {
        if (f != FP16)
            env->flags |= FP_IDC;
        return n;
    }
    const int zeros = __builtin_clzll(fraction);
    n.kind = FP_FINITE;
    n.exp = 1 - l->bias - (zeros - (63 - l->frac));
    n.sig = fraction << zeros;
    return n;
}

uint64_t fp_pack(struct fp_env *env, unsigned f, bool sign, int exp, uint64_t sig, enum fp_round r,
                 bool flush)
{
    const struct fp_layout *l = &fp_layout[f];
    const unsigned drop = 63 - l->frac;
    const uint64_t sign_bit = sign ? (uint64_t)1 << (l->bits - 1) : 0;
    int biased = exp + l->bias;
    const bool tiny = biased < 1;

    if (tiny) {
        if (flush) {
            env->flags |= FP_UFC;
            return sign_bit;
        }
        sig = fp_shift_jam(sig, (unsigned)(1 - biased));
        biased = 1;
    }
    const uint64_t rest = sig << (64 - drop);
    uint64_t kept = sig >> drop;
    kept += fp_rounds_up(r, sign, kept & 1, rest);
    /* A carry out of the fraction increments the exponent; a denormal that becomes normal likewise.
     */
    const uint64_t magnitude = ((uint64_t)(biased - 1) << l->frac) + kept;
    if (biased > l->max_exp || magnitude >= (uint64_t)l->max_exp << l->frac) {
        env->flags |= FP_OFC | FP_IXC;
        const uint64_t inf = (uint64_t)l->max_exp << l->frac;
        return sign_bit | (fp_overflows_to_inf(r, sign) ? inf : inf - 1);
    }
    if (rest)
        env->flags |= tiny ? FP_UFC | FP_IXC : FP_IXC;
    return sign_bit | magnitude;
}

bool fp_is_nan(enum fp_format f, uint64_t a)
{
    return (a & (fp_sign_bit(f) - 1)) > fp_inf(f, false);
}

uint64_t fp_default_nan(const struct fp_env *env, enum fp_format f)
{
    (void)env; /* FP_NAN_ARM is the only rule: positive, quiet, no payload */
    return fp_inf(f, false) | (uint64_t)1 << (fp_layout[f].frac - 1);
}

uint64_t fp_invalid(struct fp_env *env, unsigned f)
{
    env->flags |= FP_IOC;
    return fp_default_nan(env, f);
}

uint64_t fp_process_nan(struct fp_env *env, unsigned f, enum fp_kind kind, uint64_t a)
{
    if (kind == FP_SNAN)
        env->flags |= FP_IOC;
    if (env->default_nan)
        return fp_default_nan(env, f);
    return a | (uint64_t)1 << (fp_layout[f].frac - 1);
}

/* If an operand is a NaN, the result is one: the first signalling one, else the first quiet one. */
static bool process_nans(struct fp_env *env, unsigned f, struct fp_num x, struct fp_num y,
                         uint64_t a, uint64_t b, uint64_t *result)
{
    if (likely(x.kind < FP_QNAN && y.kind < FP_QNAN))
        return false;
    if (x.kind == FP_SNAN || (x.kind == FP_QNAN && y.kind != FP_SNAN))
        *result = fp_process_nan(env, f, x.kind, a);
    else
        *result = fp_process_nan(env, f, y.kind, b);
    return true;
}

/* -- Sums. An exact term is sig * 2^(exp - 126), bit 126 of sig set, or sig = 0. -- */

struct term {
    bool sign;
    int exp;
    fp_wide sig;
};

static uint64_t wide_to_sig(fp_wide sig)
{
    return (uint64_t)(sig >> 64) | ((uint64_t)sig != 0);
}

/* Round the sum of two terms, not both zero. The smaller is aligned with a sticky bit: where much
 * cancels, exponents differ by at most one and nothing is shifted out, as the low bits of both are
 * zero. */
static uint64_t add_terms(struct fp_env *env, unsigned f, struct term x, struct term y, int scale)
{
    if (!x.sig || (y.sig && (y.exp > x.exp || (y.exp == x.exp && y.sig > x.sig)))) {
        const struct term swap = x;
        x = y;
        y = swap;
    }
    if (y.sig) {
        const int distance = x.exp - y.exp;
        if (distance > 126)
            y.sig = 1;
        else if (distance)
            y.sig = y.sig >> distance | ((y.sig << (128 - distance)) != 0);
    }
    fp_wide sum = x.sign == y.sign ? x.sig + y.sig : x.sig - y.sig;
    if (!sum)
        return fp_zero(f, env->round == FP_ROUND_DOWN);
    const uint64_t high = (uint64_t)(sum >> 64);
    const int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)sum);
    sum <<= zeros;
    return fp_round_pack(env, f, x.sign, x.exp + 1 - zeros + scale, wide_to_sig(sum));
}

static struct term term_of(struct fp_num n)
{
    return (struct term){n.sign, n.exp, n.kind == FP_ZERO ? 0 : (fp_wide)n.sig << 63};
}

static uint64_t add_split(struct fp_env *env, unsigned f, struct fp_num x, struct fp_num y)
{
    if (x.kind == FP_INF || y.kind == FP_INF) {
        if (x.kind == y.kind && x.sign != y.sign)
            return fp_invalid(env, f);
        return fp_inf(f, x.kind == FP_INF ? x.sign : y.sign);
    }
    if (x.kind == FP_ZERO && y.kind == FP_ZERO)
        return fp_zero(f, x.sign == y.sign ? x.sign : env->round == FP_ROUND_DOWN);
    return add_terms(env, f, term_of(x), term_of(y), 0);
}

uint64_t fp_add(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    return add_split(env, f, x, y);
}

uint64_t fp_sub(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num x = fp_unpack(env, f, a);
    struct fp_num y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    y.sign = !y.sign;
    return add_split(env, f, x, y);
}

uint64_t fp_fused(struct fp_env *env, unsigned f, struct fp_num addend, struct fp_num a,
                  struct fp_num b, bool halve)
{
    const bool sign = a.sign ^ b.sign;
    if (a.kind == FP_INF || b.kind == FP_INF) {
        if (a.kind == FP_ZERO || b.kind == FP_ZERO ||
            (addend.kind == FP_INF && addend.sign != sign))
            return fp_invalid(env, f);
        return fp_inf(f, sign);
    }
    if (addend.kind == FP_INF)
        return fp_inf(f, addend.sign);
    struct term product = {.sign = sign};
    if (a.kind != FP_ZERO && b.kind != FP_ZERO) {
        product.exp = a.exp + b.exp;
        product.sig = (fp_wide)a.sig * b.sig;
        if (product.sig >> 127) {
            product.exp++;
            product.sig >>= 1; /* the product of two 53-bit numbers ends in zeros */
        }
    } else if (addend.kind == FP_ZERO) {
        return fp_zero(f, addend.sign == sign ? sign : env->round == FP_ROUND_DOWN);
    }
    return add_terms(env, f, term_of(addend), product, halve ? -1 : 0);
}

uint64_t fp_muladd(struct fp_env *env, enum fp_format f, uint64_t addend, uint64_t a, uint64_t b)
{
    const struct fp_num z = fp_unpack(env, f, addend), x = fp_unpack(env, f, a),
                        y = fp_unpack(env, f, b);
    uint64_t nan;

    if (unlikely(z.kind >= FP_QNAN || x.kind >= FP_QNAN || y.kind >= FP_QNAN)) {
        const bool invalid =
            (x.kind == FP_INF && y.kind == FP_ZERO) || (x.kind == FP_ZERO && y.kind == FP_INF);
        if (z.kind == FP_QNAN && invalid)
            return fp_invalid(env, f);
        const bool product_first = z.kind < FP_QNAN || x.kind == FP_SNAN || y.kind == FP_SNAN;
        if (z.kind != FP_SNAN && product_first && process_nans(env, f, x, y, a, b, &nan))
            return nan;
        return fp_process_nan(env, f, z.kind, addend);
    }
    return fp_fused(env, f, z, x, y, false);
}

static uint64_t mul_split(struct fp_env *env, unsigned f, struct fp_num x, struct fp_num y)
{
    const bool sign = x.sign ^ y.sign;
    if (x.kind == FP_INF || y.kind == FP_INF) {
        if (x.kind == FP_ZERO || y.kind == FP_ZERO)
            return fp_invalid(env, f);
        return fp_inf(f, sign);
    }
    if (x.kind == FP_ZERO || y.kind == FP_ZERO)
        return fp_zero(f, sign);
    fp_wide product = (fp_wide)x.sig * y.sig;
    int exp = x.exp + y.exp + 1;
    if (!(product >> 127)) {
        product <<= 1;
        exp--;
    }
    return fp_round_pack(env, f, sign, exp, wide_to_sig(product));
}

uint64_t fp_mul(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    return mul_split(env, f, x, y);
}

uint64_t fp_mulx(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    if ((x.kind == FP_INF && y.kind == FP_ZERO) || (x.kind == FP_ZERO && y.kind == FP_INF))
        return fp_zero(f, x.sign ^ y.sign) | (uint64_t)(fp_layout[f].bias + 1) << fp_layout[f].frac;
    return mul_split(env, f, x, y);
}

uint64_t fp_div(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    const bool sign = x.sign ^ y.sign;
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    if ((x.kind == FP_INF && y.kind == FP_INF) || (x.kind == FP_ZERO && y.kind == FP_ZERO))
        return fp_invalid(env, f);
    if (x.kind == FP_INF)
        return fp_inf(f, sign);
    if (y.kind == FP_ZERO) {
        env->flags |= FP_DZC;
        return fp_inf(f, sign);
    }
    if (x.kind == FP_ZERO || y.kind == FP_INF)
        return fp_zero(f, sign);

    const fp_wide dividend = (fp_wide)x.sig << 63;
    uint64_t quotient = (uint64_t)(dividend / y.sig);
    const bool sticky = (uint64_t)quotient * (fp_wide)y.sig != dividend;
    int exp = x.exp - y.exp;
    if (!(quotient >> 63)) {
        quotient <<= 1;
        exp--;
    }
    return fp_round_pack(env, f, sign, exp, quotient | sticky);
}

/* The integer part of the square root of N, found bit by bit from bit TOP down to BOTTOM. */
static uint64_t root_of(fp_wide n, int top, int bottom, bool *exact)
{
    uint64_t root = 0;
    for (int i = top; i >= bottom; i--) {
        const uint64_t bit = (uint64_t)1 << i;
        const fp_wide step = ((fp_wide)root << (i + 1)) + ((fp_wide)bit << i);
        if (n >= step) {
            n -= step;
            root |= bit;
        }
    }
    *exact = n == 0;
    return root;
}

uint64_t fp_sqrt(struct fp_env *env, enum fp_format f, uint64_t a)
{
    const struct fp_num x = fp_unpack(env, f, a);
    if (x.kind >= FP_QNAN)
        return fp_process_nan(env, f, x.kind, a);
    if (x.kind == FP_ZERO)
        return fp_zero(f, x.sign);
    if (x.sign)
        return fp_invalid(env, f);
    if (x.kind == FP_INF)
        return fp_inf(f, false);

    /* value = n * 2^(2 * (half - 63)): n has its highest bit at 126 or 127, the root at 63. */
    const int half = x.exp >> 1;
    const fp_wide n = (fp_wide)x.sig << (63 + (x.exp & 1));
    bool exact;
    const uint64_t root = root_of(n, 63, 63 - (fp_layout[f].frac + 3), &exact);
    return fp_round_pack(env, f, false, half, root | !exact);
}

/* Order of non-NaN patterns as integers, -0 below +0. */
static int64_t order_of(enum fp_format f, uint64_t a)
{
    const uint64_t magnitude = a & (fp_sign_bit(f) - 1);
    return a & fp_sign_bit(f) ? ~(int64_t)magnitude : (int64_t)magnitude;
}

static uint64_t pick(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b, bool larger)
{
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    if (x.kind == FP_ZERO)
        a = fp_zero(f, x.sign); /* may have been flushed */
    if (y.kind == FP_ZERO)
        b = fp_zero(f, y.sign);
    return (order_of(f, a) > order_of(f, b)) == larger ? a : b;
}

uint64_t fp_min(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    return pick(env, f, a, b, false);
}

uint64_t fp_max(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    return pick(env, f, a, b, true);
}

/* A single quiet NaN counts as the infinity that never wins (Arm ARM, FPMaxNum). */
static uint64_t pick_number(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b,
                            bool larger)
{
    const uint64_t quiet = (uint64_t)1 << (fp_layout[f].frac - 1);
    const bool quiet_a = fp_is_nan(f, a) && a & quiet, quiet_b = fp_is_nan(f, b) && b & quiet;
    if (quiet_a && !quiet_b)
        a = fp_inf(f, larger);
    else if (quiet_b && !quiet_a)
        b = fp_inf(f, larger);
    return pick(env, f, a, b, larger);
}

uint64_t fp_minnm(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    return pick_number(env, f, a, b, false);
}

uint64_t fp_maxnm(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    return pick_number(env, f, a, b, true);
}

unsigned fp_compare(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b, bool signal)
{
    enum { LESS = 8, EQUAL = 6, GREATER = 2, UNORDERED = 3 };
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);

    if (x.kind >= FP_QNAN || y.kind >= FP_QNAN) {
        if (signal || x.kind == FP_SNAN || y.kind == FP_SNAN)
            env->flags |= FP_IOC;
        return UNORDERED;
    }
    if (x.kind == FP_ZERO)
        a = 0;
    if (y.kind == FP_ZERO)
        b = 0;
    if (a == b)
        return EQUAL;
    return order_of(f, a) < order_of(f, b) ? LESS : GREATER;
}

/* CONSTANT - a * b, halved if HALVE (Arm ARM, FPRecipStepFused, FPRSqrtStepFused). EXP of the
 * constant that stands for 0 * infinity is the step's limit: 2 or 1.5. */
static uint64_t fused_step(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b,
                           struct fp_num constant, bool halve)
{
    a ^= fp_sign_bit(f);
    const struct fp_num x = fp_unpack(env, f, a), y = fp_unpack(env, f, b);
    uint64_t nan;
    if (process_nans(env, f, x, y, a, b, &nan))
        return nan;
    if ((x.kind == FP_INF && y.kind == FP_ZERO) || (x.kind == FP_ZERO && y.kind == FP_INF))
        return fp_round_pack(env, f, false, constant.exp - halve, constant.sig);
    return fp_fused(env, f, constant, x, y, halve);
}

uint64_t fp_recip_step(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num two = {FP_FINITE, false, 1, (uint64_t)1 << 63};
    return fused_step(env, f, a, b, two, false);
}

uint64_t fp_rsqrt_step(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b)
{
    const struct fp_num three = {FP_FINITE, false, 1, (uint64_t)3 << 62};
    return fused_step(env, f, a, b, three, true);
}
