/* eval_impl.h - lanes, and applying a function to every lane: shared by the eval_*.c files.
 *
 * The lane functions are inlined into each caller, so that a constant function pointer costs
 * nothing. */
#pragma once
#include <string.h>
#include "core/eval.h"

typedef __int128 wide_int;

#define EVAL_INLINE static inline __attribute__((always_inline))
/* Parameters of every ev_ function; the macros that expand rows of lane functions use them. */
#define EVAL_PARAMS                                                                                \
    __attribute__((unused)) struct cpu *cpu, __attribute__((unused)) uint32_t desc, union vec *d,  \
        const union vec *a, __attribute__((unused)) const union vec *b,                            \
        __attribute__((unused)) const union vec *c

EVAL_INLINE uint64_t lane_get(const union vec *v, unsigned log2, unsigned i)
{
    switch (log2) {
    case 0:
        return v->u8[i];
    case 1:
        return v->u16[i];
    case 2:
        return v->u32[i];
    default:
        return v->u64[i];
    }
}

EVAL_INLINE void lane_set(union vec *v, unsigned log2, unsigned i, uint64_t value)
{
    switch (log2) {
    case 0:
        v->u8[i] = (uint8_t)value;
        break;
    case 1:
        v->u16[i] = (uint16_t)value;
        break;
    case 2:
        v->u32[i] = (uint32_t)value;
        break;
    default:
        v->u64[i] = value;
        break;
    }
}

/* VALUE of 2^log2 bytes sign-extended. */
EVAL_INLINE int64_t lane_signed(unsigned log2, uint64_t value)
{
    const unsigned unused = 64 - (8u << log2);
    return (int64_t)(value << unused) >> unused;
}

EVAL_INLINE uint64_t lane_ones(unsigned log2)
{
    return ~(uint64_t)0 >> (64 - (8u << log2));
}

typedef uint64_t lane_fn1(struct cpu *cpu, unsigned log2, uint64_t a, uint32_t desc);
typedef uint64_t lane_fn2(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b, uint32_t desc);
typedef uint64_t lane_fn3(struct cpu *cpu, unsigned log2, uint64_t a, uint64_t b, uint64_t c,
                          uint32_t desc);

EVAL_INLINE void map1(lane_fn1 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                      const union vec *a)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2, i, fn(cpu, log2, lane_get(a, log2, i), desc));
}

EVAL_INLINE void map2(lane_fn2 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                      const union vec *a, const union vec *b)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2, i, fn(cpu, log2, lane_get(a, log2, i), lane_get(b, log2, i), desc));
}

EVAL_INLINE void map3(lane_fn3 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                      const union vec *a, const union vec *b, const union vec *c)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(
            d, log2, i,
            fn(cpu, log2, lane_get(a, log2, i), lane_get(b, log2, i), lane_get(c, log2, i), desc));
}

/* Narrowing: lanes of A are twice as wide as the type's. */
EVAL_INLINE void map_narrow1(lane_fn1 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                             const union vec *a)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < 8u >> log2; i++)
        lane_set(d, log2, i, fn(cpu, log2, lane_get(a, log2 + 1, i), desc));
}

EVAL_INLINE void map_narrow2(lane_fn2 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                             const union vec *a, const union vec *b)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < 8u >> log2; i++)
        lane_set(d, log2, i,
                 fn(cpu, log2, lane_get(a, log2 + 1, i), lane_get(b, log2 + 1, i), desc));
}

/* Widening: lanes of A and B are half as wide as the type's; FN gets the narrow size. */
EVAL_INLINE void map_widen2(lane_fn2 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                            const union vec *a, const union vec *b)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)) - 1, n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2 + 1, i, fn(cpu, log2, lane_get(a, log2, i), lane_get(b, log2, i), desc));
}

/* Adjacent lanes of A, then of B. */
EVAL_INLINE void map_pairs(lane_fn2 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                           const union vec *a, const union vec *b)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    if (n == 1) { /* a scalar, or 1d: lanes 0 and 1 of A */
        lane_set(d, log2, 0, fn(cpu, log2, lane_get(a, log2, 0), lane_get(a, log2, 1), desc));
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        const union vec *v = i < n / 2 ? a : b;
        const unsigned at = i < n / 2 ? 2 * i : 2 * i - n;
        lane_set(d, log2, i, fn(cpu, log2, lane_get(v, log2, at), lane_get(v, log2, at + 1), desc));
    }
}

/* Halves combined lane by lane until one lane is left: the order that the Arm ARM's Reduce() uses.
 */
EVAL_INLINE void map_across(lane_fn2 *fn, struct cpu *cpu, uint32_t desc, union vec *d,
                            const union vec *a)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    uint64_t lane[16];
    unsigned n = type_lanes(desc_type(desc));

    for (unsigned i = 0; i < n; i++)
        lane[i] = lane_get(a, log2, i);
    /* Reduce() splits in halves recursively, so neighbours meet first. */
    for (; n > 1; n /= 2)
        for (unsigned i = 0; i < n / 2; i++)
            lane[i] = fn(cpu, log2, lane[2 * i], lane[2 * i + 1], desc) & lane_ones(log2);
    memset(d, 0, sizeof(*d));
    lane_set(d, log2, 0, lane[0]);
}

#define EVAL_MAP1(name, fn)                                                                        \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map1(fn, cpu, desc, d, a);                                                                 \
    }
#define EVAL_MAP2(name, fn)                                                                        \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map2(fn, cpu, desc, d, a, b);                                                              \
    }
#define EVAL_MAP3(name, fn)                                                                        \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map3(fn, cpu, desc, d, a, b, c);                                                           \
    }
#define EVAL_PAIRS(name, fn)                                                                       \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map_pairs(fn, cpu, desc, d, a, b);                                                         \
    }
#define EVAL_ACROSS(name, fn)                                                                      \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map_across(fn, cpu, desc, d, a);                                                           \
    }
#define EVAL_NARROW1(name, fn)                                                                     \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map_narrow1(fn, cpu, desc, d, a);                                                          \
    }
#define EVAL_NARROW2(name, fn)                                                                     \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map_narrow2(fn, cpu, desc, d, a, b);                                                       \
    }
#define EVAL_WIDEN2(name, fn)                                                                      \
    void ev_##name(EVAL_PARAMS)                                                                    \
    {                                                                                              \
        map_widen2(fn, cpu, desc, d, a, b);                                                        \
    }

/* Rows of lane functions whose body is one expression of a and b (zero-extended) or sa and sb
 * (sign-extended). */
#define LANE1(fn, expr)                                                                            \
    EVAL_INLINE uint64_t fn(                                                                       \
        __attribute__((unused)) struct cpu *cpu, __attribute__((unused)) unsigned log2,            \
        __attribute__((unused)) uint64_t a, __attribute__((unused)) uint32_t desc)                 \
    {                                                                                              \
        __attribute__((unused)) const int64_t sa = lane_signed(log2, a);                           \
        return (uint64_t)(expr);                                                                   \
    }
#define LANE2(fn, expr)                                                                            \
    EVAL_INLINE uint64_t fn(                                                                       \
        __attribute__((unused)) struct cpu *cpu, __attribute__((unused)) unsigned log2,            \
        __attribute__((unused)) uint64_t a, __attribute__((unused)) uint64_t b,                    \
        __attribute__((unused)) uint32_t desc)                                                     \
    {                                                                                              \
        __attribute__((unused)) const int64_t sa = lane_signed(log2, a),                           \
                                              sb = lane_signed(log2, b);                           \
        return (uint64_t)(expr);                                                                   \
    }
