/* guest_simd_multiply.c - integer multiplication on vectors: widening, saturating, by element, dot
 * products (Arm ARM, Advanced SIMD three different, vector x indexed element). */
#include "arch/aarch64/guest_simd.h"

/* SQRDMLAH, SQRDMLSH (vector) */
bool a64_sqrdmlah_v(struct translator *t, const struct a64_args *a)
{
    if (!simd_size_ok(a, SIZE_HS))
        return false;
    simd_write_result(t, a,
                      ir_3(&t->ir, a->sub ? IR_vsqrdmlsh : IR_vsqrdmlah, simd_type(a),
                           simd_operand(t, a, a->rd), simd_operand(t, a, a->rn),
                           simd_operand(t, a, a->rm)));
    return true;
}

/* -- Widening -- */

/* Rd = Rn * M widened, or Rd + that, or Rd - that (ACC: IR_nop, or the operation that accumulates).
 * M is the second operand, already the half or element that is wanted. */
static bool multiply_long(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                          enum ir_opcode acc, ir_ref m)
{
    const unsigned wide = (unsigned)a->esz + 1;
    const ir_ref n =
        a->scalar ? simd_operand(t, a, a->rn) : simd_half(t, simd_read(t, a->rn), a->q);
    ir_ref r = ir_2(&t->ir, op, simd_wide_type(a), n, m);
    if (acc != IR_nop) {
        ir_ref sum = simd_read(t, a->rd);
        if (a->scalar)
            sum = simd_low(t, sum, wide);
        r = ir_2(&t->ir, acc, simd_wide_type(a), sum, r);
    }
    if (a->scalar)
        simd_write_scalar(t, a->rd, r, wide);
    else
        simd_write(t, a->rd, r, true);
    return true;
}

static bool multiply_long_vector(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                                 enum ir_opcode acc, unsigned sizes)
{
    if (!(sizes >> a->esz & 1))
        return false;
    const ir_ref m =
        a->scalar ? simd_operand(t, a, a->rm) : simd_half(t, simd_read(t, a->rm), a->q);
    return multiply_long(t, a, op, acc, m);
}

bool a64_smull_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vsmull, IR_nop, SIZE_BHS);
}

bool a64_umull_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vumull, IR_nop, SIZE_BHS);
}

bool a64_smlal_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vsmull, a->sub ? IR_vsub : IR_vadd, SIZE_BHS);
}

bool a64_umlal_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vumull, a->sub ? IR_vsub : IR_vadd, SIZE_BHS);
}

bool a64_sqdmull_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vsqdmull, IR_nop, SIZE_HS);
}

bool a64_sqdmlal_v(struct translator *t, const struct a64_args *a)
{
    return multiply_long_vector(t, a, IR_vsqdmull, a->sub ? IR_vsqsub : IR_vsqadd, SIZE_HS);
}

/* PMULL, PMULL2: bytes to halfwords, or 64 to 128 bits. */
bool a64_pmull_v(struct translator *t, const struct a64_args *a)
{
    const ir_ref n = simd_half(t, simd_read(t, a->rn), a->q),
                 m = simd_half(t, simd_read(t, a->rm), a->q);
    simd_write(t, a->rd, ir_2(&t->ir, IR_vpmull, a->esz ? T_1D : T_8H, n, m), true);
    return true;
}

/* -- By element -- */

/* The element of Rm that INDEX selects: in every lane, or alone. */
static ir_ref element(struct translator *t, const struct a64_args *a)
{
    const enum ir_type type = type_vector((unsigned)a->esz, !a->scalar && a->q);
    const ir_ref v = ir_1x(&t->ir, IR_vdupl, type, simd_read(t, a->rm), (unsigned)a->index, 0);
    return a->scalar ? simd_low(t, v, (unsigned)a->esz) : v;
}

static ir_ref element_half(struct translator *t, const struct a64_args *a)
{
    const enum ir_type type = type_vector((unsigned)a->esz, false);
    const ir_ref v = ir_1x(&t->ir, IR_vdupl, type, simd_read(t, a->rm), (unsigned)a->index, 0);
    return a->scalar ? simd_low(t, v, (unsigned)a->esz) : v;
}

bool a64_mul_el(struct translator *t, const struct a64_args *a)
{
    simd_write_result(t, a,
                      ir_2(&t->ir, IR_vmul, simd_type(a), simd_read(t, a->rn), element(t, a)));
    return true;
}

bool a64_mla_el(struct translator *t, const struct a64_args *a)
{
    const ir_ref product = ir_2(&t->ir, IR_vmul, simd_type(a), simd_read(t, a->rn), element(t, a));
    simd_write_result(
        t, a, ir_2(&t->ir, a->sub ? IR_vsub : IR_vadd, simd_type(a), simd_read(t, a->rd), product));
    return true;
}

bool a64_smull_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vsmull, IR_nop, element_half(t, a));
}

bool a64_umull_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vumull, IR_nop, element_half(t, a));
}

bool a64_smlal_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vsmull, a->sub ? IR_vsub : IR_vadd, element_half(t, a));
}

bool a64_umlal_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vumull, a->sub ? IR_vsub : IR_vadd, element_half(t, a));
}

bool a64_sqdmull_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vsqdmull, IR_nop, element_half(t, a));
}

bool a64_sqdmlal_el(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_vsqdmull, a->sub ? IR_vsqsub : IR_vsqadd, element_half(t, a));
}

bool a64_sqdmulh_el(struct translator *t, const struct a64_args *a)
{
    simd_write_result(
        t, a, ir_2(&t->ir, IR_vsqdmulh, simd_type(a), simd_operand(t, a, a->rn), element(t, a)));
    return true;
}

bool a64_sqrdmulh_el(struct translator *t, const struct a64_args *a)
{
    simd_write_result(
        t, a, ir_2(&t->ir, IR_vsqrdmulh, simd_type(a), simd_operand(t, a, a->rn), element(t, a)));
    return true;
}

bool a64_sqrdmlah_el(struct translator *t, const struct a64_args *a)
{
    simd_write_result(t, a,
                      ir_3(&t->ir, a->sub ? IR_vsqrdmlsh : IR_vsqrdmlah, simd_type(a),
                           simd_operand(t, a, a->rd), simd_operand(t, a, a->rn), element(t, a)));
    return true;
}

/* -- Dot products and matrices -- */

static bool dot(struct translator *t, const struct a64_args *a, enum ir_opcode op, ir_ref b,
                ir_ref c)
{
    simd_write(t, a->rd, ir_3(&t->ir, op, type_vector(2, a->q), simd_read(t, a->rd), b, c), a->q);
    return true;
}

/* The four bytes or two halfwords of Rm that INDEX selects, in every lane. */
static ir_ref dot_element(struct translator *t, const struct a64_args *a)
{
    return ir_1x(&t->ir, IR_vdupl, T_4S, simd_read(t, a->rm), (unsigned)a->index, 0);
}

bool a64_sdot_v(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vsdot, simd_read(t, a->rn), simd_read(t, a->rm));
}

bool a64_udot_v(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vudot, simd_read(t, a->rn), simd_read(t, a->rm));
}

bool a64_usdot_v(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vusdot, simd_read(t, a->rn), simd_read(t, a->rm));
}

bool a64_bfdot_v(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_bfdot, simd_read(t, a->rn), simd_read(t, a->rm));
}

bool a64_sdot_el(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vsdot, simd_read(t, a->rn), dot_element(t, a));
}

bool a64_udot_el(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vudot, simd_read(t, a->rn), dot_element(t, a));
}

bool a64_usdot_el(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vusdot, simd_read(t, a->rn), dot_element(t, a));
}

/* SUDOT (by element): the unsigned operand of the operation comes first. */
bool a64_sudot_el(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_vusdot, dot_element(t, a), simd_read(t, a->rn));
}

bool a64_bfdot_el(struct translator *t, const struct a64_args *a)
{
    return dot(t, a, IR_bfdot, simd_read(t, a->rn), dot_element(t, a));
}

static bool matrix(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    simd_write(
        t, a->rd,
        ir_3(&t->ir, op, T_4S, simd_read(t, a->rd), simd_read(t, a->rn), simd_read(t, a->rm)),
        true);
    return true;
}

bool a64_smmla_v(struct translator *t, const struct a64_args *a)
{
    return matrix(t, a, IR_vsmmla);
}

bool a64_ummla_v(struct translator *t, const struct a64_args *a)
{
    return matrix(t, a, IR_vummla);
}

bool a64_usmmla_v(struct translator *t, const struct a64_args *a)
{
    return matrix(t, a, IR_vusmmla);
}

bool a64_bfmmla_v(struct translator *t, const struct a64_args *a)
{
    return matrix(t, a, IR_bfmmla);
}
