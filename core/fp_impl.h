/* fp_impl.h - unpacked floating-point numbers, shared by fp.c, fp_convert.c and fp_estimate.c. */
#pragma once
#include "core/fp.h"

typedef unsigned __int128 fp_wide;

enum fp_kind { FP_ZERO, FP_FINITE, FP_INF, FP_QNAN, FP_SNAN };

/* FINITE: value = sig * 2^(exp - 63) and bit 63 of sig is set. */
struct fp_num {
    enum fp_kind kind;
    bool sign;
    int exp;
    uint64_t sig;
};

/* Layout of a format; FP_BF16 is known only to the conversions. */
enum { FP_BF16 = FP64 + 1, FP_N_FORMATS };
struct fp_layout {
    uint8_t bits, frac;    /* whole width, fraction */
    int16_t bias, max_exp; /* all-ones biased exponent */
};
extern const struct fp_layout fp_layout[FP_N_FORMATS];

static inline uint64_t fp_mask(unsigned bits)
{
    return bits >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
}

static inline uint64_t fp_sign_bit(enum fp_format f)
{
    return (uint64_t)1 << (fp_layout[f].bits - 1);
}

static inline uint64_t fp_inf(enum fp_format f, bool sign)
{
    return (sign ? fp_sign_bit(f) : 0) | (uint64_t)fp_layout[f].max_exp << fp_layout[f].frac;
}

static inline uint64_t fp_zero(enum fp_format f, bool sign)
{
    return sign ? fp_sign_bit(f) : 0;
}

/* Shift right; bits that fall out are or-ed into bit 0. */
static inline uint64_t fp_shift_jam(uint64_t sig, unsigned n)
{
    if (n == 0)
        return sig;
    if (n > 63)
        return sig != 0;
    return sig >> n | ((sig << (64 - n)) != 0);
}

static inline bool fp_flushes(const struct fp_env *env, unsigned f)
{
    return f == FP16 ? env->flush_to_zero16 : env->flush_to_zero;
}

/* Take A apart. FLUSH: denormals are zeros (raises IDC except for half precision). */
struct fp_num fp_split(struct fp_env *env, unsigned f, uint64_t a, bool flush);
static inline struct fp_num fp_unpack(struct fp_env *env, unsigned f, uint64_t a)
{
    return fp_split(env, f, a, fp_flushes(env, f));
}

/* Round sig * 2^(exp - 63), bit 63 of sig set, to a pattern; a set bit 0 may stand for lower bits.
 * FLUSH: results that are tiny before rounding become zeros. */
uint64_t fp_pack(struct fp_env *env, unsigned f, bool sign, int exp, uint64_t sig, enum fp_round r,
                 bool flush);
static inline uint64_t fp_round_pack(struct fp_env *env, unsigned f, bool sign, int exp,
                                     uint64_t sig)
{
    return fp_pack(env, f, sign, exp, sig, (enum fp_round)env->round, fp_flushes(env, f));
}

/* Whether to add one to the part kept. REST: the part dropped, as a fraction of 2^64. */
static inline bool fp_rounds_up(enum fp_round r, bool sign, bool odd, uint64_t rest)
{
    const uint64_t half = (uint64_t)1 << 63;
    switch (r) {
    case FP_ROUND_NEAREST:
        return rest > half || (rest == half && odd);
    case FP_ROUND_NEAREST_AWAY:
        return rest >= half;
    case FP_ROUND_UP:
        return rest != 0 && !sign;
    case FP_ROUND_DOWN:
        return rest != 0 && sign;
    case FP_ROUND_ODD:
        return rest != 0 && !odd;
    case FP_ROUND_ZERO:
        break;
    }
    return false;
}

/* True if rounding R turns an overflow into infinity rather than into the largest finite number. */
static inline bool fp_overflows_to_inf(enum fp_round r, bool sign)
{
    return r == FP_ROUND_NEAREST || r == FP_ROUND_NEAREST_AWAY || (r == FP_ROUND_UP && !sign) ||
           (r == FP_ROUND_DOWN && sign);
}

/* The NaN that results from NaN operand A (Arm ARM, FPProcessNaN). */
uint64_t fp_process_nan(struct fp_env *env, unsigned f, enum fp_kind kind, uint64_t a);
/* The default NaN, raising IOC. */
uint64_t fp_invalid(struct fp_env *env, unsigned f);
/* addend + a * b for split operands without NaNs, halved first if HALVE. */
uint64_t fp_fused(struct fp_env *env, unsigned f, struct fp_num addend, struct fp_num a,
                  struct fp_num b, bool halve);
