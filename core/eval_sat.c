/* eval_sat.c - out-of-line saturating vector operations; a lane that saturates sets FP_QC. */
#include "core/eval_impl.h"

static uint64_t saturate(struct cpu *cpu, wide_int x, wide_int min, wide_int max)
{
    if (x >= min && x <= max)
        return (uint64_t)x;
    cpu->fp.flags |= FP_QC;
    return (uint64_t)(x < min ? min : max);
}

/* To a signed or unsigned lane of 2^log2 bytes. */
EVAL_INLINE uint64_t to_signed(struct cpu *cpu, unsigned log2, wide_int x)
{
    const wide_int max = lane_ones(log2) >> 1;
    return saturate(cpu, x, -max - 1, max);
}

EVAL_INLINE uint64_t to_unsigned(struct cpu *cpu, unsigned log2, wide_int x)
{
    return saturate(cpu, x, 0, (wide_int)lane_ones(log2));
}

/* X shifted left by COUNT (-128..127), wide enough to tell whether it saturates in any lane. */
static wide_int shift_wide(wide_int x, int count, bool rounds)
{
    if (count >= 0) {
        const wide_int most = (wide_int)1 << 100;
        if (count < 64)
            return x * ((wide_int)1 << count);
        return x > 0 ? most : x < 0 ? -most : 0;
    }
    const int n = count < -66 ? 66 : -count;
    return (x + (rounds ? (wide_int)1 << (n - 1) : 0)) >> n;
}

/* x >> d, rounded. */
EVAL_INLINE wide_int round_right(wide_int x, uint32_t desc)
{
    return (x + ((wide_int)1 << (desc_d(desc) - 1))) >> desc_d(desc);
}

/* The operand of a narrowing operation is twice as wide as its result. */
EVAL_INLINE int64_t wide_signed(unsigned log2, uint64_t a)
{
    return lane_signed(log2 + 1, a);
}

static wide_int rounding_half(unsigned log2)
{
    return (wide_int)1 << ((8u << log2) - 1);
}

EVAL_INLINE uint64_t multiply_add_high(struct cpu *cpu, unsigned log2, uint64_t a, wide_int product)
{
    const wide_int sum =
        lane_signed(log2, a) * ((wide_int)1 << (8u << log2)) + 2 * product + rounding_half(log2);
    return to_signed(cpu, log2, sum >> (8u << log2));
}

EVAL_INLINE uint64_t lane_sqrdmlah(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b,
                                   uint64_t c, uint32_t desc)
{
    (void)desc;
    return multiply_add_high(cpu, log2, a, (wide_int)lane_signed(log2, b) * lane_signed(log2, c));
}

EVAL_INLINE uint64_t lane_sqrdmlsh(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b,
                                   uint64_t c, uint32_t desc)
{
    (void)desc;
    return multiply_add_high(cpu, log2, a, -(wide_int)lane_signed(log2, b) * lane_signed(log2, c));
}

// clang-format off
LANE2(lane_uqshl,  to_unsigned(cpu, log2, shift_wide((wide_int)a, (int8_t)b, false)))
LANE2(lane_sqshl,  to_signed(cpu, log2, shift_wide(sa, (int8_t)b, false)))
LANE2(lane_uqrshl, to_unsigned(cpu, log2, shift_wide((wide_int)a, (int8_t)b, true)))
LANE2(lane_sqrshl, to_signed(cpu, log2, shift_wide(sa, (int8_t)b, true)))
LANE1(lane_uqshli, to_unsigned(cpu, log2, shift_wide((wide_int)a, (int)desc_d(desc), false)))
LANE1(lane_sqshli, to_signed(cpu, log2, shift_wide(sa, (int)desc_d(desc), false)))
LANE1(lane_sqshlui, to_unsigned(cpu, log2, shift_wide(sa, (int)desc_d(desc), false)))
LANE2(lane_sqadd,  to_signed(cpu, log2, (wide_int)sa + sb))
LANE2(lane_uqadd,  to_unsigned(cpu, log2, (wide_int)a + (wide_int)b))
LANE2(lane_sqsub,  to_signed(cpu, log2, (wide_int)sa - sb))
LANE2(lane_uqsub,  to_unsigned(cpu, log2, (wide_int)a - (wide_int)b))
LANE2(lane_suqadd, to_signed(cpu, log2, (wide_int)sa + (wide_int)b))
LANE2(lane_usqadd, to_unsigned(cpu, log2, (wide_int)a + sb))
LANE1(lane_sqabs,  to_signed(cpu, log2, sa < 0 ? -(wide_int)sa : sa))
LANE1(lane_sqneg,  to_signed(cpu, log2, -(wide_int)sa))
LANE2(lane_sqdmulh,  to_signed(cpu, log2, 2 * ((wide_int)sa * sb) >> (8u << log2)))
LANE2(lane_sqrdmulh, to_signed(cpu, log2, (2 * ((wide_int)sa * sb) + rounding_half(log2)) >> (8u << log2)))
LANE2(widen_sqdmul,  to_signed(cpu, log2 + 1, 2 * ((wide_int)sa * sb)))

LANE1(narrow_sqxtn,  to_signed(cpu, log2, wide_signed(log2, a)))
LANE1(narrow_uqxtn,  to_unsigned(cpu, log2, (wide_int)a))
LANE1(narrow_sqxtun, to_unsigned(cpu, log2, wide_signed(log2, a)))
LANE1(narrow_sqshrn,   to_signed(cpu, log2, wide_signed(log2, a) >> desc_d(desc)))
LANE1(narrow_sqrshrn,  to_signed(cpu, log2, round_right(wide_signed(log2, a), desc)))
LANE1(narrow_uqshrn,   to_unsigned(cpu, log2, (wide_int)a >> desc_d(desc)))
LANE1(narrow_uqrshrn,  to_unsigned(cpu, log2, round_right((wide_int)a, desc)))
LANE1(narrow_sqshrun,  to_unsigned(cpu, log2, wide_signed(log2, a) >> desc_d(desc)))
LANE1(narrow_sqrshrun, to_unsigned(cpu, log2, round_right(wide_signed(log2, a), desc)))

EVAL_MAP2(vuqshl, lane_uqshl)     EVAL_MAP2(vsqshl, lane_sqshl)
EVAL_MAP2(vuqrshl, lane_uqrshl)   EVAL_MAP2(vsqrshl, lane_sqrshl)
EVAL_MAP1(vuqshli, lane_uqshli)   EVAL_MAP1(vsqshli, lane_sqshli)   EVAL_MAP1(vsqshlui, lane_sqshlui)
EVAL_MAP2(vsqadd, lane_sqadd)     EVAL_MAP2(vuqadd, lane_uqadd)
EVAL_MAP2(vsqsub, lane_sqsub)     EVAL_MAP2(vuqsub, lane_uqsub)
EVAL_MAP2(vsuqadd, lane_suqadd)   EVAL_MAP2(vusqadd, lane_usqadd)
EVAL_MAP1(vsqabs, lane_sqabs)     EVAL_MAP1(vsqneg, lane_sqneg)
EVAL_MAP2(vsqdmulh, lane_sqdmulh) EVAL_MAP2(vsqrdmulh, lane_sqrdmulh)
EVAL_MAP3(vsqrdmlah, lane_sqrdmlah) EVAL_MAP3(vsqrdmlsh, lane_sqrdmlsh)
EVAL_WIDEN2(vsqdmull, widen_sqdmul)
EVAL_NARROW1(vsqxtn, narrow_sqxtn)   EVAL_NARROW1(vuqxtn, narrow_uqxtn)   EVAL_NARROW1(vsqxtun, narrow_sqxtun)
EVAL_NARROW1(vsqshrn, narrow_sqshrn) EVAL_NARROW1(vsqrshrn, narrow_sqrshrn)
EVAL_NARROW1(vuqshrn, narrow_uqshrn) EVAL_NARROW1(vuqrshrn, narrow_uqrshrn)
EVAL_NARROW1(vsqshrun, narrow_sqshrun) EVAL_NARROW1(vsqrshrun, narrow_sqrshrun)
    // clang-format on
