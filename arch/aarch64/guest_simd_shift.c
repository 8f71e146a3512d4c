/* guest_simd_shift.c - shifts by immediate and modified immediates (Arm ARM, Advanced SIMD shift by
 * immediate). */
#include "arch/aarch64/guest_simd.h"

static unsigned right_shift(const struct a64_args *a)
{
    return (8u << a->esz) - (unsigned)a->imm;
}

static bool shift(struct translator *t, const struct a64_args *a, enum ir_opcode op, unsigned count)
{
    return simd_write_result(t, a,
                             ir_1x(&t->ir, op, simd_type(a), simd_operand(t, a, a->rn), 0, count));
}

static bool shift_accumulate(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    const ir_ref term = ir_1x(&t->ir, op, simd_type(a), simd_read(t, a->rn), 0, right_shift(a));
    return simd_write_result(t, a, ir_2(&t->ir, IR_vadd, simd_type(a), simd_read(t, a->rd), term));
}

static bool shift_insert(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                         unsigned count)
{
    return simd_write_result(
        t, a, ir_2x(&t->ir, op, simd_type(a), simd_read(t, a->rd), simd_read(t, a->rn), 0, count));
}

static bool shift_narrow(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    const enum ir_type type = type_vector((unsigned)a->esz, false);
    ir_ref n = simd_read(t, a->rn);
    if (a->scalar)
        n = simd_low(t, n, (unsigned)a->esz + 1);
    const ir_ref r = ir_1x(&t->ir, op, type, n, 0, right_shift(a));
    if (a->scalar)
        simd_write_scalar(t, a->rd, r, (unsigned)a->esz);
    else
        simd_write_narrow(t, a->rd, r, a->q);
    return true;
}

static bool shift_long(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    const enum ir_type type = type_vector((unsigned)a->esz + 1, true);
    ir_ref r = ir_1(&t->ir, op, type, simd_half(t, simd_read(t, a->rn), a->q));
    if (a->imm)
        r = ir_1x(&t->ir, IR_vshl, type, r, 0, (unsigned)a->imm);
    simd_write(t, a->rd, r, true);
    return true;
}

#define SHIFT(name, body)                                                                          \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return body;                                                                               \
    }

// clang-format off
SHIFT(sshr_v,       shift(t, a, IR_vsshr, right_shift(a)))
SHIFT(ushr_v,       shift(t, a, IR_vushr, right_shift(a)))
SHIFT(srshr_v,      shift(t, a, IR_vsrshr, right_shift(a)))
SHIFT(urshr_v,      shift(t, a, IR_vurshr, right_shift(a)))
SHIFT(shl_v,        shift(t, a, IR_vshl, (unsigned)a->imm))
SHIFT(sqshl_imm_v,  shift(t, a, IR_vsqshli, (unsigned)a->imm))
SHIFT(uqshl_imm_v,  shift(t, a, IR_vuqshli, (unsigned)a->imm))
SHIFT(sqshlu_imm_v, shift(t, a, IR_vsqshlui, (unsigned)a->imm))
SHIFT(ssra_v,       shift_accumulate(t, a, IR_vsshr))
SHIFT(usra_v,       shift_accumulate(t, a, IR_vushr))
SHIFT(srsra_v,      shift_accumulate(t, a, IR_vsrshr))
SHIFT(ursra_v,      shift_accumulate(t, a, IR_vurshr))
SHIFT(sri_v,        shift_insert(t, a, IR_vsri, right_shift(a)))
SHIFT(sli_v,        shift_insert(t, a, IR_vsli, (unsigned)a->imm))
SHIFT(shrn_v,       shift_narrow(t, a, IR_vshrn))
SHIFT(rshrn_v,      shift_narrow(t, a, IR_vrshrn))
SHIFT(sqshrn_v,     shift_narrow(t, a, IR_vsqshrn))
SHIFT(uqshrn_v,     shift_narrow(t, a, IR_vuqshrn))
SHIFT(sqrshrn_v,    shift_narrow(t, a, IR_vsqrshrn))
SHIFT(uqrshrn_v,    shift_narrow(t, a, IR_vuqrshrn))
SHIFT(sqshrun_v,    shift_narrow(t, a, IR_vsqshrun))
SHIFT(sqrshrun_v,   shift_narrow(t, a, IR_vsqrshrun))
SHIFT(sshll_v,      shift_long(t, a, IR_vsxtl))
SHIFT(ushll_v,      shift_long(t, a, IR_vuxtl))
// clang-format on

/* SHLL, SHLL2: by the element's width. */
bool a64_shll_v(struct translator *t, const struct a64_args *a)
{
    struct a64_args shifted = *a;
    if (a->esz > 2)
        return false;
    shifted.imm = 8 << a->esz;
    return shift_long(t, &shifted, IR_vuxtl);
}

/* -- Modified immediate -- */

/* The 64 bits that op, cmode and imm8 stand for (Arm ARM, AdvSIMDExpandImm), but for the
 * floating-point ones. */
static uint64_t expand_imm(const struct a64_args *a)
{
    const uint64_t imm = (uint64_t)a->imm, words = 0x0000000100000001,
                   halfwords = 0x0001000100010001;
    const unsigned cmode = (unsigned)a->cmode;
    uint64_t r = 0;

    if (cmode < 8)
        return (imm << (cmode >> 1) * 8) * words;
    if (cmode < 12)
        return (imm << (cmode >> 1 & 1) * 8) * halfwords;
    if (cmode == 12)
        return (imm << 8 | 0xff) * words;
    if (cmode == 13)
        return (imm << 16 | 0xffff) * words;
    if (!a->op)
        return imm * 0x0101010101010101;
    for (unsigned i = 0; i < 8; i++)
        r |= imm >> i & 1 ? (uint64_t)0xff << 8 * i : 0;
    return r;
}

bool a64_movi_v(struct translator *t, const struct a64_args *a)
{
    simd_write(t, a->rd, ir_vconst(&t->ir, expand_imm(a), a->q), true);
    return true;
}

bool a64_mvni_v(struct translator *t, const struct a64_args *a)
{
    simd_write(t, a->rd, ir_vconst(&t->ir, ~expand_imm(a), a->q), true);
    return true;
}

static bool logic_imm(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    const ir_ref imm = ir_vconst(&t->ir, expand_imm(a), true);
    simd_write(t, a->rd, ir_2(&t->ir, op, type_vector(0, a->q), simd_read(t, a->rd), imm), a->q);
    return true;
}

bool a64_orr_imm_v(struct translator *t, const struct a64_args *a)
{
    return logic_imm(t, a, IR_vor);
}

bool a64_bic_imm_v(struct translator *t, const struct a64_args *a)
{
    return logic_imm(t, a, IR_vandn);
}
