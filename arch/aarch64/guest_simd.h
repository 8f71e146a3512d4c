/* guest_simd.h - what the functions of vector and floating-point instructions share. */
#pragma once
#include "arch/aarch64/guest_translate.h"

/* Sets of element sizes: bit n = elements of 2^n bytes. */
enum {
    SIZE_B = 1,
    SIZE_H = 2,
    SIZE_S = 4,
    SIZE_D = 8,
    SIZE_BHS = 7,
    SIZE_BHSD = 15,
    SIZE_HS = 6,
    SIZE_HSD = 14
};

static inline ir_ref simd_read(struct translator *t, int n)
{
    return ir_get(&t->ir, A64_VAR_V + (unsigned)n);
}

/* The lowest 2^log2 bytes of V, zero-extended. */
static inline ir_ref simd_low(struct translator *t, ir_ref v, unsigned log2)
{
    return ir_1x(&t->ir, IR_vlow, T_1D, v, log2, 0);
}

static inline ir_ref simd_high(struct translator *t, ir_ref v)
{
    return ir_1(&t->ir, IR_vhigh, T_2D, v);
}

/* The half of V that an instruction and its "2" form (Q set) read. */
static inline ir_ref simd_half(struct translator *t, ir_ref v, bool q)
{
    return q ? simd_high(t, v) : v;
}

/* Write 128 bits, or 64 and zeros. */
static inline void simd_write(struct translator *t, int n, ir_ref value, bool q)
{
    ir_put(&t->ir, A64_VAR_V + (unsigned)n, q ? value : simd_low(t, value, 3));
}

/* Write an element of 2^log2 bytes and zeros. */
static inline void simd_write_scalar(struct translator *t, int n, ir_ref value, unsigned log2)
{
    ir_put(&t->ir, A64_VAR_V + (unsigned)n, simd_low(t, value, log2));
}

/* Write a narrowed result, whose high half is zero: to the low half, or to the high half only (the
 * "2" forms). */
static inline void simd_write_narrow(struct translator *t, int n, ir_ref value, bool q)
{
    if (q)
        value = ir_2(&t->ir, IR_vcombine, T_2D, simd_read(t, n), value);
    ir_put(&t->ir, A64_VAR_V + (unsigned)n, value);
}

static inline ir_ref simd_zero(struct translator *t)
{
    return ir_vconst(&t->ir, 0, true);
}

/* The scalar floating-point type of 2^log2 bytes, 1 to 3. */
static inline enum ir_type simd_fp_type(unsigned log2)
{
    return (enum ir_type)(T_F16 + log2 - 1);
}

/* Whether the size and the Q bit of A are allocated: 64-bit elements need 128-bit vectors. */
static inline bool simd_size_ok(const struct a64_args *a, unsigned sizes)
{
    return sizes >> a->esz & 1 && (a->scalar || a->q || a->esz < 3);
}

/* The type of A's lanes. */
static inline enum ir_type simd_type(const struct a64_args *a)
{
    return type_vector((unsigned)a->esz, a->q && !a->scalar);
}

/* The type of lanes twice as wide as A's. */
static inline enum ir_type simd_wide_type(const struct a64_args *a)
{
    return type_vector((unsigned)a->esz + 1, true);
}

/* Operand Rn of A. Of a scalar one element only: the others are zero, so that they cannot saturate.
 */
static inline ir_ref simd_operand(struct translator *t, const struct a64_args *a, int n)
{
    const ir_ref v = simd_read(t, n);
    return a->scalar ? simd_low(t, v, (unsigned)a->esz) : v;
}

/* Write the result of A: lanes of its size, all or one. Returns true, as instruction functions do.
 */
static inline bool simd_write_result(struct translator *t, const struct a64_args *a, ir_ref value)
{
    if (a->scalar)
        simd_write_scalar(t, a->rd, value, (unsigned)a->esz);
    else
        simd_write(t, a->rd, value, a->q);
    return true;
}
