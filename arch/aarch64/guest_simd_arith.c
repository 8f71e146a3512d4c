/* guest_simd_arith.c - integer arithmetic, compares and logic on vectors (Arm ARM, Advanced SIMD
 * three same, three different, two-register miscellaneous, across lanes). */
#include "arch/aarch64/guest_simd.h"

/* -- Three same -- */

static bool three_same(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                       unsigned sizes)
{
    if (!simd_size_ok(a, sizes))
        return false;
    simd_write_result(
        t, a, ir_2(&t->ir, op, simd_type(a), simd_operand(t, a, a->rn), simd_operand(t, a, a->rm)));
    return true;
}

/* Rd +- (Rn op Rm). */
static bool three_same_accumulate(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                                  bool sub)
{
    if (!simd_size_ok(a, SIZE_BHS))
        return false;
    const enum ir_type type = simd_type(a);
    const ir_ref term = ir_2(&t->ir, op, type, simd_read(t, a->rn), simd_read(t, a->rm));
    simd_write_result(t, a, ir_2(&t->ir, sub ? IR_vsub : IR_vadd, type, simd_read(t, a->rd), term));
    return true;
}

#define THREE_SAME(name, op, sizes)                                                                \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three_same(t, a, IR_##op, sizes);                                                   \
    }
#define ACCUMULATE(name, op, sub)                                                                  \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three_same_accumulate(t, a, IR_##op, sub);                                          \
    }

// clang-format off
THREE_SAME(shadd_v,    vshadd,    SIZE_BHS)
THREE_SAME(uhadd_v,    vuhadd,    SIZE_BHS)
THREE_SAME(srhadd_v,   vsrhadd,   SIZE_BHS)
THREE_SAME(urhadd_v,   vurhadd,   SIZE_BHS)
THREE_SAME(shsub_v,    vshsub,    SIZE_BHS)
THREE_SAME(uhsub_v,    vuhsub,    SIZE_BHS)
THREE_SAME(sqadd_v,    vsqadd,    SIZE_BHSD)
THREE_SAME(uqadd_v,    vuqadd,    SIZE_BHSD)
THREE_SAME(sqsub_v,    vsqsub,    SIZE_BHSD)
THREE_SAME(uqsub_v,    vuqsub,    SIZE_BHSD)
THREE_SAME(cmgt_v,     vcmgt,     SIZE_BHSD)
THREE_SAME(cmge_v,     vcmge,     SIZE_BHSD)
THREE_SAME(cmhi_v,     vcmhi,     SIZE_BHSD)
THREE_SAME(cmhs_v,     vcmhs,     SIZE_BHSD)
THREE_SAME(cmeq_v,     vcmeq,     SIZE_BHSD)
THREE_SAME(cmtst_v,    vtst,      SIZE_BHSD)
THREE_SAME(sshl_v,     vsshl,     SIZE_BHSD)
THREE_SAME(ushl_v,     vushl,     SIZE_BHSD)
THREE_SAME(srshl_v,    vsrshl,    SIZE_BHSD)
THREE_SAME(urshl_v,    vurshl,    SIZE_BHSD)
THREE_SAME(sqshl_v,    vsqshl,    SIZE_BHSD)
THREE_SAME(uqshl_v,    vuqshl,    SIZE_BHSD)
THREE_SAME(sqrshl_v,   vsqrshl,   SIZE_BHSD)
THREE_SAME(uqrshl_v,   vuqrshl,   SIZE_BHSD)
THREE_SAME(smax_v,     vsmax,     SIZE_BHS)
THREE_SAME(umax_v,     vumax,     SIZE_BHS)
THREE_SAME(smin_v,     vsmin,     SIZE_BHS)
THREE_SAME(umin_v,     vumin,     SIZE_BHS)
THREE_SAME(sabd_v,     vsabd,     SIZE_BHS)
THREE_SAME(uabd_v,     vuabd,     SIZE_BHS)
THREE_SAME(add_v,      vadd,      SIZE_BHSD)
THREE_SAME(sub_v,      vsub,      SIZE_BHSD)
THREE_SAME(mul_v,      vmul,      SIZE_BHS)
THREE_SAME(pmul_v,     vpmul,     SIZE_B)
THREE_SAME(smaxp_v,    vsmaxp,    SIZE_BHS)
THREE_SAME(umaxp_v,    vumaxp,    SIZE_BHS)
THREE_SAME(sminp_v,    vsminp,    SIZE_BHS)
THREE_SAME(uminp_v,    vuminp,    SIZE_BHS)
THREE_SAME(addp_v,     vaddp,     SIZE_BHSD)
THREE_SAME(sqdmulh_v,  vsqdmulh,  SIZE_HS)
THREE_SAME(sqrdmulh_v, vsqrdmulh, SIZE_HS)
ACCUMULATE(saba_v, vsabd, false)
ACCUMULATE(uaba_v, vuabd, false)
ACCUMULATE(mla_v,  vmul,  false)
ACCUMULATE(mls_v,  vmul,  true)
// clang-format on

/* -- Logic -- */

static bool logic(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    simd_write(t, a->rd,
               ir_2(&t->ir, op, type_vector(0, a->q), simd_read(t, a->rn), simd_read(t, a->rm)),
               a->q);
    return true;
}

bool a64_and_v(struct translator *t, const struct a64_args *a)
{
    return logic(t, a, IR_vand);
}

bool a64_bic_v(struct translator *t, const struct a64_args *a)
{
    return logic(t, a, IR_vandn);
}

/* ORR (vector); MOV (vector) if the operands are the same. */
bool a64_orr_v(struct translator *t, const struct a64_args *a)
{
    if (a->rn != a->rm)
        return logic(t, a, IR_vor);
    simd_write(t, a->rd, simd_read(t, a->rn), a->q);
    return true;
}

bool a64_orn_v(struct translator *t, const struct a64_args *a)
{
    return logic(t, a, IR_vorn);
}

bool a64_eor_v(struct translator *t, const struct a64_args *a)
{
    if (a->rn != a->rm)
        return logic(t, a, IR_vxor);
    simd_write(t, a->rd, simd_zero(t), true);
    return true;
}

/* Bits of YES where MASK is set, of NO elsewhere. */
static bool select_bits(struct translator *t, const struct a64_args *a, int mask, int yes, int no)
{
    simd_write(t, a->rd,
               ir_3(&t->ir, IR_vbsl, type_vector(0, a->q), simd_read(t, mask), simd_read(t, yes),
                    simd_read(t, no)),
               a->q);
    return true;
}

bool a64_bsl_v(struct translator *t, const struct a64_args *a)
{
    return select_bits(t, a, a->rd, a->rn, a->rm);
}

bool a64_bit_v(struct translator *t, const struct a64_args *a)
{
    return select_bits(t, a, a->rm, a->rn, a->rd);
}

bool a64_bif_v(struct translator *t, const struct a64_args *a)
{
    return select_bits(t, a, a->rm, a->rd, a->rn);
}

/* -- Three different: long (operands widened), wide (the second one), narrow (high halves of the
 * results) -- */

static ir_ref extend(struct translator *t, const struct a64_args *a, int n, bool is_signed)
{
    const ir_ref half = simd_half(t, simd_read(t, n), a->q);
    return ir_1(&t->ir, is_signed ? IR_vsxtl : IR_vuxtl, simd_wide_type(a), half);
}

static bool three_long(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                       bool is_signed, bool first_wide, bool accumulate)
{
    if (a->esz > 2)
        return false;
    const ir_ref x = first_wide ? simd_read(t, a->rn) : extend(t, a, a->rn, is_signed);
    ir_ref r = ir_2(&t->ir, op, simd_wide_type(a), x, extend(t, a, a->rm, is_signed));
    if (accumulate)
        r = ir_2(&t->ir, IR_vadd, simd_wide_type(a), simd_read(t, a->rd), r);
    simd_write(t, a->rd, r, true);
    return true;
}

static bool three_narrow(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    if (a->esz > 2)
        return false;
    const enum ir_type type = type_vector((unsigned)a->esz, false);
    simd_write_narrow(t, a->rd, ir_2(&t->ir, op, type, simd_read(t, a->rn), simd_read(t, a->rm)),
                      a->q);
    return true;
}

#define THREE_LONG(name, op, is_signed, first_wide, accumulate)                                    \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three_long(t, a, IR_##op, is_signed, first_wide, accumulate);                       \
    }
#define THREE_NARROW(name, op)                                                                     \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three_narrow(t, a, IR_##op);                                                        \
    }

// clang-format off
THREE_LONG(saddl_v, vadd,  true,  false, false)
THREE_LONG(uaddl_v, vadd,  false, false, false)
THREE_LONG(saddw_v, vadd,  true,  true,  false)
THREE_LONG(uaddw_v, vadd,  false, true,  false)
THREE_LONG(ssubl_v, vsub,  true,  false, false)
THREE_LONG(usubl_v, vsub,  false, false, false)
THREE_LONG(ssubw_v, vsub,  true,  true,  false)
THREE_LONG(usubw_v, vsub,  false, true,  false)
THREE_LONG(sabdl_v, vsabd, true,  false, false)
THREE_LONG(uabdl_v, vuabd, false, false, false)
THREE_LONG(sabal_v, vsabd, true,  false, true)
THREE_LONG(uabal_v, vuabd, false, false, true)
THREE_NARROW(addhn_v,  vaddhn)
THREE_NARROW(raddhn_v, vraddhn)
THREE_NARROW(subhn_v,  vsubhn)
THREE_NARROW(rsubhn_v, vrsubhn)
// clang-format on

/* -- Two-register miscellaneous -- */

static bool two_reg(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                    unsigned sizes)
{
    if (!simd_size_ok(a, sizes))
        return false;
    simd_write_result(t, a, ir_1(&t->ir, op, simd_type(a), simd_operand(t, a, a->rn)));
    return true;
}

/* Compare with zero; SWAP: zero is the first operand. */
static bool compare_zero(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                         bool swap)
{
    if (!simd_size_ok(a, SIZE_BHSD))
        return false;
    const ir_ref n = simd_read(t, a->rn), zero = simd_zero(t);
    simd_write_result(t, a, ir_2(&t->ir, op, simd_type(a), swap ? zero : n, swap ? n : zero));
    return true;
}

static bool narrow_elements(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    if (a->esz > 2)
        return false;
    const enum ir_type type = type_vector((unsigned)a->esz, false);
    const ir_ref n = simd_read(t, a->rn);
    if (a->scalar) {
        const ir_ref r = ir_1(&t->ir, op, type, simd_low(t, n, (unsigned)a->esz + 1));
        simd_write_scalar(t, a->rd, r, (unsigned)a->esz);
    } else {
        simd_write_narrow(t, a->rd, ir_1(&t->ir, op, type, n), a->q);
    }
    return true;
}

static bool add_long_pairs(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                           bool accumulate)
{
    if (a->esz > 2)
        return false;
    const enum ir_type type = type_vector((unsigned)a->esz + 1, a->q);
    ir_ref r = ir_1(&t->ir, op, type, simd_read(t, a->rn));
    if (accumulate)
        r = ir_2(&t->ir, IR_vadd, type, simd_read(t, a->rd), r);
    simd_write(t, a->rd, r, a->q);
    return true;
}

#define TWO_REG(name, op, sizes)                                                                   \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return two_reg(t, a, IR_##op, sizes);                                                      \
    }
#define COMPARE_ZERO(name, op, swap)                                                               \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return compare_zero(t, a, IR_##op, swap);                                                  \
    }
#define NARROW(name, op)                                                                           \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return narrow_elements(t, a, IR_##op);                                                     \
    }
#define ADD_LONG_PAIRS(name, op, accumulate)                                                       \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return add_long_pairs(t, a, IR_##op, accumulate);                                          \
    }

// clang-format off
TWO_REG(rev64_v,   vrev64,   SIZE_BHS)
TWO_REG(rev32_v,   vrev32,   SIZE_B | SIZE_H)
TWO_REG(rev16_v,   vrev16,   SIZE_B)
TWO_REG(cls_v,     vcls,     SIZE_BHS)
TWO_REG(clz_v,     vclz,     SIZE_BHS)
TWO_REG(cnt_v,     vcnt,     SIZE_B)
TWO_REG(not_v,     vnot,     SIZE_B)
TWO_REG(rbit_v,    vrbit,    SIZE_B)
TWO_REG(sqabs_v,   vsqabs,   SIZE_BHSD)
TWO_REG(sqneg_v,   vsqneg,   SIZE_BHSD)
TWO_REG(abs_v,     vabs,     SIZE_BHSD)
TWO_REG(neg_v,     vneg,     SIZE_BHSD)
TWO_REG(urecpe_v,  vurecpe,  SIZE_S)
TWO_REG(ursqrte_v, vursqrte, SIZE_S)
COMPARE_ZERO(cmgt0_v, vcmgt, false)
COMPARE_ZERO(cmge0_v, vcmge, false)
COMPARE_ZERO(cmeq0_v, vcmeq, false)
COMPARE_ZERO(cmle0_v, vcmge, true)
COMPARE_ZERO(cmlt0_v, vcmgt, true)
NARROW(xtn_v,    vxtn)
NARROW(sqxtn_v,  vsqxtn)
NARROW(uqxtn_v,  vuqxtn)
NARROW(sqxtun_v, vsqxtun)
ADD_LONG_PAIRS(saddlp_v, vsaddlp, false)
ADD_LONG_PAIRS(uaddlp_v, vuaddlp, false)
ADD_LONG_PAIRS(sadalp_v, vsaddlp, true)
ADD_LONG_PAIRS(uadalp_v, vuaddlp, true)
// clang-format on

static bool accumulate_saturated(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    if (!simd_size_ok(a, SIZE_BHSD))
        return false;
    simd_write_result(
        t, a, ir_2(&t->ir, op, simd_type(a), simd_operand(t, a, a->rd), simd_operand(t, a, a->rn)));
    return true;
}

bool a64_suqadd_v(struct translator *t, const struct a64_args *a)
{
    return accumulate_saturated(t, a, IR_vsuqadd);
}

bool a64_usqadd_v(struct translator *t, const struct a64_args *a)
{
    return accumulate_saturated(t, a, IR_vusqadd);
}

/* -- Across lanes -- */

/* WIDE: the result is twice as wide as the elements. */
static bool across(struct translator *t, const struct a64_args *a, enum ir_opcode op, bool wide)
{
    if (a->esz > 2 || (a->esz == 2 && !a->q))
        return false;
    const ir_ref r = ir_1(&t->ir, op, simd_type(a), simd_read(t, a->rn));
    simd_write_scalar(t, a->rd, r, (unsigned)a->esz + wide);
    return true;
}

#define ACROSS(name, op, wide)                                                                     \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return across(t, a, IR_##op, wide);                                                        \
    }

// clang-format off
ACROSS(saddlv_v, vsaddlv, true)
ACROSS(uaddlv_v, vuaddlv, true)
ACROSS(addv_v,   vaddv,   false)
ACROSS(smaxv_v,  vsmaxv,  false)
ACROSS(umaxv_v,  vumaxv,  false)
ACROSS(sminv_v,  vsminv,  false)
ACROSS(uminv_v,  vuminv,  false)
// clang-format on

/* ADDP (scalar) */
bool a64_addp_pair(struct translator *t, const struct a64_args *a)
{
    const ir_ref n = simd_read(t, a->rn);
    simd_write_scalar(t, a->rd, ir_2(&t->ir, IR_vadd, T_1D, n, simd_high(t, n)), 3);
    return true;
}
