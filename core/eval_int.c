/* eval_int.c - out-of-line integer vector operations without saturation. */
#include "core/eval_impl.h"
#include "core/fp.h"

// clang-format off
LANE2(lane_and,   a & b)
LANE2(lane_or,    a | b)
LANE2(lane_xor,   a ^ b)
LANE2(lane_andn,  a & ~b)
LANE2(lane_orn,   a | ~b)
LANE1(lane_not,   ~a)
LANE2(lane_add,   a + b)
LANE2(lane_sub,   a - b)
LANE1(lane_neg,   -a)
LANE1(lane_abs,   sa < 0 ? -a : a)
LANE2(lane_mul,   a * b)
LANE2(lane_cmeq,  a == b ? ~0ull : 0)
LANE2(lane_cmgt,  sa > sb ? ~0ull : 0)
LANE2(lane_cmge,  sa >= sb ? ~0ull : 0)
LANE2(lane_cmhi,  a > b ? ~0ull : 0)
LANE2(lane_cmhs,  a >= b ? ~0ull : 0)
LANE2(lane_tst,   a & b ? ~0ull : 0)
LANE2(lane_smin,  sa < sb ? a : b)
LANE2(lane_smax,  sa > sb ? a : b)
LANE2(lane_umin,  a < b ? a : b)
LANE2(lane_umax,  a > b ? a : b)
LANE2(lane_sabd,  sa > sb ? a - b : b - a)
LANE2(lane_uabd,  a > b ? a - b : b - a)
LANE2(lane_shadd,  ((wide_int)sa + sb) >> 1)
LANE2(lane_uhadd,  ((wide_int)a + b) >> 1)
LANE2(lane_srhadd, ((wide_int)sa + sb + 1) >> 1)
LANE2(lane_urhadd, ((wide_int)a + b + 1) >> 1)
LANE2(lane_shsub,  ((wide_int)sa - sb) >> 1)
LANE2(lane_uhsub,  ((wide_int)a - (wide_int)b) >> 1)
LANE1(lane_cnt,    __builtin_popcountll(a))
LANE1(lane_urecpe,  fp_recip_estimate_u32((uint32_t)a))
LANE1(lane_ursqrte, fp_rsqrt_estimate_u32((uint32_t)a))

/* Shifts by a constant. */
LANE1(lane_shl,   a << desc_d(desc))
LANE1(lane_ushr,  (wide_int)a >> desc_d(desc))
LANE1(lane_sshr,  (wide_int)sa >> desc_d(desc))
LANE1(lane_urshr, ((wide_int)a + ((wide_int)1 << (desc_d(desc) - 1))) >> desc_d(desc))
LANE1(lane_srshr, ((wide_int)sa + ((wide_int)1 << (desc_d(desc) - 1))) >> desc_d(desc))
LANE2(lane_sli,   (a & ~(lane_ones(log2) << desc_d(desc))) | b << desc_d(desc))
LANE2(lane_sri,   (a & ~(uint64_t)((wide_int)lane_ones(log2) >> desc_d(desc))) | (uint64_t)((wide_int)b >> desc_d(desc)))
// clang-format on

EVAL_INLINE uint64_t lane_clz(struct cpu *cpu, unsigned log2, uint64_t a, uint32_t desc)
{
    (void)cpu;
    (void)desc;
    const unsigned bits = 8u << log2;
    return a ? (unsigned)__builtin_clzll(a) - (64 - bits) : bits;
}

EVAL_INLINE uint64_t lane_cls(struct cpu *cpu, unsigned log2, uint64_t a, uint32_t desc)
{
    const int64_t s = lane_signed(log2, a);
    return lane_clz(cpu, log2, (uint64_t)(s ^ s >> 63) & lane_ones(log2), desc) - 1;
}

EVAL_INLINE uint64_t lane_rbit(struct cpu *cpu, unsigned log2, uint64_t a, uint32_t desc)
{
    (void)cpu;
    (void)desc;
    uint64_t r = 0;
    for (unsigned i = 0; i < 8u << log2; i++)
        r |= (a >> i & 1) << ((8u << log2) - 1 - i);
    return r;
}

/* Carry-less product of bytes. */
EVAL_INLINE uint64_t lane_pmul(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b,
                               uint32_t desc)
{
    (void)cpu;
    (void)log2;
    (void)desc;
    uint64_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r ^= b >> i & 1 ? a << i : 0;
    return r;
}

/* X shifted left by the signed low byte of COUNT, rounded if it goes right. No lane has bits
 * beyond 66. */
EVAL_INLINE uint64_t shift_lane(wide_int x, uint64_t count, bool rounds)
{
    int n = (int8_t)count;
    if (n >= 64)
        return 0;
    if (n >= 0)
        return (uint64_t)x << n;
    n = n < -66 ? 66 : -n;
    return (uint64_t)((x + (rounds ? (wide_int)1 << (n - 1) : 0)) >> n);
}

// clang-format off
LANE2(lane_ushl,  shift_lane((wide_int)a, b, false))
LANE2(lane_sshl,  shift_lane((wide_int)sa, b, false))
LANE2(lane_urshl, shift_lane((wide_int)a, b, true))
LANE2(lane_srshl, shift_lane((wide_int)sa, b, true))

/* Narrowing: log2 is the result's; the operands are twice as wide. */
LANE1(narrow_shr,  (wide_int)a >> desc_d(desc))
LANE1(narrow_rshr, ((wide_int)a + ((wide_int)1 << (desc_d(desc) - 1))) >> desc_d(desc))
LANE1(narrow_low,  a)
LANE2(narrow_addh,  (a + b) >> (8u << log2))
LANE2(narrow_raddh, (a + b + (1ull << ((8u << log2) - 1))) >> (8u << log2))
LANE2(narrow_subh,  (a - b) >> (8u << log2))
LANE2(narrow_rsubh, (a - b + (1ull << ((8u << log2) - 1))) >> (8u << log2))

LANE2(widen_smul, sa * sb)
LANE2(widen_umul, a * b)

EVAL_MAP2(vand, lane_and)       EVAL_MAP2(vor, lane_or)         EVAL_MAP2(vxor, lane_xor)
EVAL_MAP2(vandn, lane_andn)     EVAL_MAP2(vorn, lane_orn)       EVAL_MAP1(vnot, lane_not)
EVAL_MAP2(vadd, lane_add)       EVAL_MAP2(vsub, lane_sub)       EVAL_MAP1(vneg, lane_neg)
EVAL_MAP1(vabs, lane_abs)       EVAL_MAP2(vmul, lane_mul)       EVAL_MAP2(vcmeq, lane_cmeq)
EVAL_MAP2(vcmgt, lane_cmgt)     EVAL_MAP2(vcmge, lane_cmge)     EVAL_MAP2(vcmhi, lane_cmhi)
EVAL_MAP2(vcmhs, lane_cmhs)     EVAL_MAP2(vtst, lane_tst)       EVAL_MAP2(vsmin, lane_smin)
EVAL_MAP2(vsmax, lane_smax)     EVAL_MAP2(vumin, lane_umin)     EVAL_MAP2(vumax, lane_umax)
EVAL_MAP2(vsabd, lane_sabd)     EVAL_MAP2(vuabd, lane_uabd)     EVAL_MAP2(vshadd, lane_shadd)
EVAL_MAP2(vuhadd, lane_uhadd)   EVAL_MAP2(vsrhadd, lane_srhadd) EVAL_MAP2(vurhadd, lane_urhadd)
EVAL_MAP2(vshsub, lane_shsub)   EVAL_MAP2(vuhsub, lane_uhsub)   EVAL_MAP1(vcnt, lane_cnt)
EVAL_MAP1(vclz, lane_clz)       EVAL_MAP1(vcls, lane_cls)       EVAL_MAP1(vrbit, lane_rbit)
EVAL_MAP1(vurecpe, lane_urecpe) EVAL_MAP1(vursqrte, lane_ursqrte) EVAL_MAP2(vpmul, lane_pmul)
EVAL_MAP1(vshl, lane_shl)       EVAL_MAP1(vushr, lane_ushr)     EVAL_MAP1(vsshr, lane_sshr)
EVAL_MAP1(vurshr, lane_urshr)   EVAL_MAP1(vsrshr, lane_srshr)   EVAL_MAP2(vsli, lane_sli)
EVAL_MAP2(vsri, lane_sri)       EVAL_MAP2(vushl, lane_ushl)     EVAL_MAP2(vsshl, lane_sshl)
EVAL_MAP2(vurshl, lane_urshl)   EVAL_MAP2(vsrshl, lane_srshl)
EVAL_NARROW1(vxtn, narrow_low)  EVAL_NARROW1(vshrn, narrow_shr) EVAL_NARROW1(vrshrn, narrow_rshr)
EVAL_NARROW2(vaddhn, narrow_addh) EVAL_NARROW2(vraddhn, narrow_raddh)
EVAL_NARROW2(vsubhn, narrow_subh) EVAL_NARROW2(vrsubhn, narrow_rsubh)
EVAL_WIDEN2(vsmull, widen_smul) EVAL_WIDEN2(vumull, widen_umul)
EVAL_PAIRS(vaddp, lane_add)     EVAL_PAIRS(vsmaxp, lane_smax)   EVAL_PAIRS(vsminp, lane_smin)
EVAL_PAIRS(vumaxp, lane_umax)   EVAL_PAIRS(vuminp, lane_umin)
EVAL_ACROSS(vaddv, lane_add)    EVAL_ACROSS(vsmaxv, lane_smax)  EVAL_ACROSS(vsminv, lane_smin)
EVAL_ACROSS(vumaxv, lane_umax)  EVAL_ACROSS(vuminv, lane_umin)
    // clang-format on

    void ev_vbsl(EVAL_PARAMS)
{
    for (int i = 0; i < 2; i++)
        d->u64[i] = (a->u64[i] & b->u64[i]) | (~a->u64[i] & c->u64[i]);
}

static void extend(uint32_t desc, union vec *d, const union vec *a, bool is_signed)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)) - 1, n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++) {
        const uint64_t x = lane_get(a, log2, i);
        lane_set(d, log2 + 1, i, is_signed ? (uint64_t)lane_signed(log2, x) : x);
    }
}

void ev_vsxtl(EVAL_PARAMS)
{
    extend(desc, d, a, true);
}

void ev_vuxtl(EVAL_PARAMS)
{
    extend(desc, d, a, false);
}

/* 8h: products of bytes; 1d: the 128-bit product of lanes 0. */
void ev_vpmull(EVAL_PARAMS)
{
    if (desc_type(desc) != T_1D) {
        map_widen2(lane_pmul, cpu, desc, d, a, b);
        return;
    }
    unsigned __int128 product = 0;
    for (unsigned i = 0; i < 64; i++)
        product ^= b->u64[0] >> i & 1 ? (unsigned __int128)a->u64[0] << i : 0;
    d->u64[0] = (uint64_t)product;
    d->u64[1] = (uint64_t)(product >> 64);
}

static void add_long_pairs(uint32_t desc, union vec *d, const union vec *a, bool is_signed)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)) - 1, n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++) {
        const uint64_t x = lane_get(a, log2, 2 * i), y = lane_get(a, log2, 2 * i + 1);
        const uint64_t sum =
            is_signed ? (uint64_t)(lane_signed(log2, x) + lane_signed(log2, y)) : x + y;
        lane_set(d, log2 + 1, i, sum);
    }
}

void ev_vsaddlp(EVAL_PARAMS)
{
    add_long_pairs(desc, d, a, true);
}

void ev_vuaddlp(EVAL_PARAMS)
{
    add_long_pairs(desc, d, a, false);
}

static void add_long_across(uint32_t desc, union vec *d, const union vec *a, bool is_signed)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t x = lane_get(a, log2, i);
        sum += is_signed ? (uint64_t)lane_signed(log2, x) : x;
    }
    memset(d, 0, sizeof(*d));
    lane_set(d, log2 + 1, 0, sum);
}

void ev_vsaddlv(EVAL_PARAMS)
{
    add_long_across(desc, d, a, true);
}

void ev_vuaddlv(EVAL_PARAMS)
{
    add_long_across(desc, d, a, false);
}

/* Sum of N products of bytes of B from I and of C from J. */
EVAL_INLINE uint32_t dot(const union vec *b, unsigned i, bool b_signed, const union vec *c,
                         unsigned j, bool c_signed, unsigned n)
{
    int32_t sum = 0;
    for (unsigned k = 0; k < n; k++) {
        const int32_t x = b_signed ? b->s8[i + k] : b->u8[i + k];
        const int32_t y = c_signed ? c->s8[j + k] : c->u8[j + k];
        sum += x * y;
    }
    return (uint32_t)sum;
}

EVAL_INLINE void dot_lanes(uint32_t desc, union vec *d, const union vec *a, const union vec *b,
                           const union vec *c, bool b_signed, bool c_signed)
{
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        d->u32[i] = a->u32[i] + dot(b, 4 * i, b_signed, c, 4 * i, c_signed, 4);
}

/* 2x8 times 8x2 bytes. */
EVAL_INLINE void matrix(union vec *d, const union vec *a, const union vec *b, const union vec *c,
                        bool b_signed, bool c_signed)
{
    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = a->u32[i] + dot(b, 8 * (i / 2), b_signed, c, 8 * (i % 2), c_signed, 8);
}

// clang-format off
void ev_vsdot(EVAL_PARAMS)   { dot_lanes(desc, d, a, b, c, true, true); }
void ev_vudot(EVAL_PARAMS)   { dot_lanes(desc, d, a, b, c, false, false); }
void ev_vusdot(EVAL_PARAMS)  { dot_lanes(desc, d, a, b, c, false, true); }
void ev_vsmmla(EVAL_PARAMS)  { matrix(d, a, b, c, true, true); }
void ev_vummla(EVAL_PARAMS)  { matrix(d, a, b, c, false, false); }
void ev_vusmmla(EVAL_PARAMS) { matrix(d, a, b, c, false, true); }
// clang-format on
