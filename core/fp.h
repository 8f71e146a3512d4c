/* fp.h - exact IEEE 754 arithmetic in integers: the reference for every engine and the slow path of
 * generated code. Implemented in fp.c (arithmetic), fp_convert.c (conversions, rounding) and fp_estimate.c.
 *
 * Values are bit patterns in the low bits of a uint64_t: 16, 32 or 64 of them as FMT says.
 * Nothing here touches the host's floating-point state. */
#pragma once
#include "core/types.h"

enum fp_format { FP16, FP32, FP64 };
enum fp_round { FP_ROUND_NEAREST, FP_ROUND_UP, FP_ROUND_DOWN, FP_ROUND_ZERO, FP_ROUND_NEAREST_AWAY, FP_ROUND_ODD };
enum fp_exception { FP_IOC = 1, FP_DZC = 2, FP_OFC = 4, FP_UFC = 8, FP_IXC = 16, FP_IDC = 128, FP_QC = 1 << 27 };
enum fp_nan_rule { FP_NAN_ARM }; /* which NaN operand wins, sign of the default NaN; one row a guest */

/* Guest floating-point environment; part of struct cpu. */
struct fp_env {
    uint8_t round;          /* enum fp_round, first four = Arm's FPCR.RMode order */
    uint8_t nan_rule;       /* enum fp_nan_rule */
    bool default_nan;       /* FPCR.DN: every NaN result is the default NaN */
    bool flush_to_zero;     /* FPCR.FZ: single and double denormals are zeros */
    bool flush_to_zero16;   /* FPCR.FZ16 */
    bool alternative_half;  /* FPCR.AHP */
    uint32_t flags;         /* enum fp_exception, cumulative; OR with the host's sticky flags when read */
};

/* Arithmetic. Each sets env->flags as the guest's manual says and returns the result pattern. */
uint64_t fp_add(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_sub(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_mul(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_mulx(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b); /* 0 * inf = 2 (Arm ARM, FMULX) */
uint64_t fp_div(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_sqrt(struct fp_env *env, enum fp_format f, uint64_t a);
/* addend + a * b, one rounding (Arm ARM, FPMulAdd). */
uint64_t fp_muladd(struct fp_env *env, enum fp_format f, uint64_t addend, uint64_t a, uint64_t b);
uint64_t fp_min(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_max(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_minnm(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b); /* IEEE minNum */
uint64_t fp_maxnm(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
/* (2 - a*b) and (3 - a*b)/2 with one rounding; estimates as in the Arm manual's pseudocode. */
uint64_t fp_recip_step(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_rsqrt_step(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b);
uint64_t fp_recip_estimate(struct fp_env *env, enum fp_format f, uint64_t a);
uint64_t fp_rsqrt_estimate(struct fp_env *env, enum fp_format f, uint64_t a);
uint64_t fp_recip_exponent(struct fp_env *env, enum fp_format f, uint64_t a); /* FRECPX */

/* Compare: NZCV as bits 3..0 (Arm ARM, FPCompare). SIGNAL: quiet NaNs raise IOC too. */
unsigned fp_compare(struct fp_env *env, enum fp_format f, uint64_t a, uint64_t b, bool signal);

/* Conversions. round is an enum fp_round, explicit because instructions carry their own. */
uint64_t fp_convert(struct fp_env *env, enum fp_format to, enum fp_format from, uint64_t a); /* current rounding */
uint64_t fp_convert_round(struct fp_env *env, enum fp_format to, enum fp_format from, uint64_t a, enum fp_round r);
/* Round to an integral value in the same format. EXACT: raise IXC if the value changes (FRINTX). */
uint64_t fp_round_int(struct fp_env *env, enum fp_format f, uint64_t a, enum fp_round r, bool exact);
/* To a saturated integer of BITS (8..64) bits after multiplying by 2^fbits. Result is zero-extended. */
uint64_t fp_to_int(struct fp_env *env, enum fp_format f, uint64_t a, unsigned bits, bool is_signed,
                   unsigned fbits, enum fp_round r);
/* From a 64-bit integer A (sign-extended if is_signed) divided by 2^fbits, current rounding. */
uint64_t fp_from_int(struct fp_env *env, enum fp_format f, uint64_t a, bool is_signed, unsigned fbits);

/* As fp_round_int, but what does not fit a signed integer of BITS (32 or 64) bits, NaN and infinity included, gives the
 * smallest such integer and IOC (Arm ARM, FPRoundIntN). */
uint64_t fp_round_int_bits(struct fp_env *env, enum fp_format f, uint64_t a, enum fp_round r, unsigned bits,
                           bool exact);
/* Single precision to bfloat16 (16 bits), current rounding. */
uint64_t fp_to_bf16(struct fp_env *env, uint64_t a);
/* Single-precision addend + a * b of half-precision factors, one rounding (Arm ARM, FPMulAddH). */
uint64_t fp_muladd_half(struct fp_env *env, uint64_t addend, uint64_t a, uint64_t b);
/* URECPE and URSQRTE. */
uint32_t fp_recip_estimate_u32(uint32_t a);
uint32_t fp_rsqrt_estimate_u32(uint32_t a);

bool fp_is_nan(enum fp_format f, uint64_t a);
uint64_t fp_default_nan(const struct fp_env *env, enum fp_format f);
