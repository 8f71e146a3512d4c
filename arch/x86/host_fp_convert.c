/* host_fp_convert.c - open-coded floating-point conversions and rounding. */
#include "arch/x86/host_fp.h"

/* Immediate of ROUNDSD (SDM 2B) for IR_ROUND_*; ties away starts from truncation. */
enum { ROUND_TRUNCATE = 3, ROUND_QUIET = 8, NO_ROUNDING = 255 };
static const uint8_t round_imm[8] = {0, 2, 1, 3, ROUND_TRUNCATE, 4, NO_ROUNDING, NO_ROUNDING};

/* Each format's constant, for one or both lanes of 64 bits. */
static struct x86_mem fp_literal(struct emitter *e, struct fp_form f, uint64_t f64, uint32_t f32)
{
    return vec_literal(e, f.is_double ? f64 : vec_repeat(2, f32));
}

/* Jump taken if a lane of X has no fraction bits because it is large, or is an infinity or a NaN. */
static asm_label jump_if_large(struct emitter *e, struct fp_form f, unsigned x)
{
    unsigned t = vec_temp(e);
    asm_v3m(&e->a, V_andps, t, x, fp_literal(e, f, INT64_MAX, INT32_MAX));
    emit_clobber_flags(e);
    if (f.scalar) {
        unsigned limit = vec_temp(e);
        asm_v2m(&e->a, V_movaps, limit, fp_literal(e, f, 0x4330000000000000, 0x4b000000));
        asm_v2(&e->a, f.is_double ? V_ucomisd : V_ucomiss, limit, t);
        return asm_jcc_near(&e->a, CC_BE);
    }
    /* As integers, positive values are in the same order. */
    asm_v3m(&e->a, f.is_double ? V_pcmpgtq : V_pcmpgtd, t, t, fp_literal(e, f, 0x432fffffffffffff, 0x4affffff));
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

/* dst = X, which is not large, to the nearest integral value, ties away from zero. All steps are exact. */
static void round_away(struct emitter *e, struct fp_form f, unsigned dst, unsigned x)
{
    enum { NOT_LESS = 5 };
    unsigned t = vec_temp(e), sign = vec_temp(e);
    if (f.scalar) {
        asm_vzero(&e->a, dst);
        asm_v3i(&e->a, fp_vop(V_roundps, f), dst, dst, x, ROUND_TRUNCATE | ROUND_QUIET);
    } else {
        asm_v2i(&e->a, fp_vop(V_roundps, f), dst, x, ROUND_TRUNCATE | ROUND_QUIET);
    }
    asm_v3(&e->a, fp_vop(V_subps, f), t, x, dst);
    asm_v3m(&e->a, V_andps, t, t, fp_literal(e, f, INT64_MAX, INT32_MAX));
    asm_v3mi(&e->a, fp_vop(V_cmpps, f), t, t, fp_literal(e, f, 0x3fe0000000000000, 0x3f000000), NOT_LESS);
    asm_v3m(&e->a, V_andps, t, t, fp_literal(e, f, 0x3ff0000000000000, 0x3f800000));
    asm_v3m(&e->a, V_andps, sign, x, fp_literal(e, f, 1ull << 63, 1u << 31));
    asm_v3(&e->a, V_orps, t, t, sign); /* the sign of a zero result too */
    asm_v3(&e->a, fp_vop(V_addps, f), dst, dst, t);
}

void emit_fp_round(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    unsigned imm = round_imm[op->aux & IR_ROUND];
    bool away = (op->aux & IR_ROUND) == IR_ROUND_AWAY;
    if (!fp_form_of(e, op->type, &f) || imm == NO_ROUNDING || (away && (f.guarded || op->aux & FRINT_EXACT))) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), x = fp_source(e, f, a), dst = vec_def(e, ref);
    if (away) {
        struct ool *slow = fp_slow(e, ref, jump_if_large(e, f, x), dst, (int)a, -1, -1);
        round_away(e, f, dst, x);
        emit_slow_resume(e, slow);
        return;
    }
    imm |= op->aux & FRINT_EXACT ? 0 : ROUND_QUIET;
    struct fp_jumps j = {.n = 0};
    fp_guard_operand(e, f, op->a, x, &j);
    if (f.scalar) { /* the upper part comes from zeros */
        asm_vzero(&e->a, dst);
        asm_v3i(&e->a, fp_vop(V_roundps, f), dst, dst, x, imm);
    } else {
        asm_v2i(&e->a, fp_vop(V_roundps, f), dst, x, imm);
    }
    if (fp_traps(e))
        return; /* a quiet NaN stays as it is, and a signalling one becomes quiet */
    fp_jump(&j, fp_jump_if_nan(e, f, dst));
    fp_slow_at(e, ref, &j, dst, (int)a, -1, -1);
}

/* -- Between formats ---------------------------------------------------------------------------------- */

static const struct fp_form single = {.scalar = true}, double_ = {.scalar = true, .is_double = true};

/* Jump taken if a half-precision lane of R is the least normal number. */
static asm_label jump_if_least_half(struct emitter *e, unsigned r)
{
    unsigned t = vec_temp(e);
    asm_v3m(&e->a, V_pand, t, r, vec_literal(e, vec_repeat(1, 0x7fff)));
    asm_v3m(&e->a, (enum x86_vop)vec_cmpeq[1], t, t, vec_literal(e, vec_repeat(1, 0x0400)));
    emit_clobber_flags(e);
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

void emit_fp_convert(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool to_half = op->type == T_F16, from_half = op->d == T_F16;
    bool half_ok = e->a.has->f16c && !(to_half && op->d == T_F64) && !fp_is_special(e);
    if ((to_half || from_half) && !half_ok) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref);
    struct fp_form f = op->type == T_F64 ? double_ : single;
    if (to_half) { /* the other lanes raise nothing */
        enum { CURRENT = 4 };
        unsigned t = vec_temp(e);
        struct ool *slow = fp_slow(e, ref, fp_jump_if_nan(e, single, a), dst, (int)a, -1, -1);
        asm_v3i(&e->a, V_insertps, t, a, a, 0x0e);
        asm_cvtps2ph(&e->a, dst, t, CURRENT);
        slow->jump[slow->n_jumps++] = jump_if_least_half(e, dst);
        emit_slow_resume(e, slow);
        return;
    }
    struct fp_jumps j = {.n = 0};
    f.guarded = fp_is_special(e);
    if (from_half) {
        asm_v3m(&e->a, V_pand, dst, a, asm_literal(&e->a, 0xffff, 0));
        asm_v2(&e->a, V_vcvtph2ps, dst, dst);
        if (f.is_double)
            asm_v2(&e->a, V_cvtss2sd, dst, dst);
    } else {
        struct fp_form source = f;
        source.is_double = !f.is_double;
        fp_guard_operand(e, source, op->a, a, &j);
        if (!f.is_double)
            fp_guard_inexact(e, f, &j);
        asm_vzero(&e->a, dst);
        asm_v3(&e->a, f.is_double ? V_cvtss2sd : V_cvtsd2ss, dst, dst, a);
    }
    if (f.is_double && fp_traps(e) && !from_half)
        return;
    if (f.is_double)
        fp_jump(&j, fp_jump_if_nan(e, f, dst));
    else
        fp_guard_result(e, f, dst, NULL, 0, &j);
    fp_slow_at(e, ref, &j, dst, (int)a, -1, -1);
}

void emit_fp_widen(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_plain_form_of(e, op->type, &f) || (!f.is_double && !e->a.has->f16c)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref);
    asm_v2(&e->a, f.is_double ? V_cvtps2pd : V_vcvtph2ps, dst, a);
    if (f.is_double && fp_traps(e))
        return;
    fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, -1, -1);
}

void emit_fp_narrow(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const struct fp_form four = {.scalar = false};
    if (fp_is_special(e) || (op->type == T_4H && !e->a.has->f16c)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref);
    if (op->type == T_4H) {
        struct ool *slow = fp_slow(e, ref, fp_jump_if_nan(e, four, a), dst, (int)a, -1, -1);
        asm_cvtps2ph(&e->a, dst, a, 4);
        slow->jump[slow->n_jumps++] = jump_if_least_half(e, dst);
        emit_slow_resume(e, slow);
        return;
    }
    struct fp_jumps j = {.n = 0};
    asm_v2(&e->a, V_cvtpd2ps, dst, a);
    fp_guard_result(e, four, dst, NULL, 0, &j);
    fp_slow_at(e, ref, &j, dst, (int)a, -1, -1);
}

/* -- To integers ------------------------------------------------------------------------------------------- */

/* A value out of range raises Invalid only, so Inexact of a directed rounding is raised after the range is known. */
static void raise_inexact(struct emitter *e, struct fp_form f, unsigned src, unsigned imm)
{
    unsigned t = vec_temp(e);
    asm_v2i(&e->a, fp_vop(V_roundps, f), t, src, imm);
}

static struct ool *slow_to_int(struct emitter *e, ir_ref ref, asm_label jump, unsigned dst, unsigned a)
{
    return emit_slow(e, ref, jump, (int)dst, RA_VEC + (int)a, RA_NONE, RA_NONE);
}

/* Powers of two as constants: 2^n, or -1 for MINUS_ONE. */
static struct x86_mem power_of_two(struct emitter *e, bool is_double, int n)
{
    return vec_literal(e, is_double ? (uint64_t)(1023 + n) << 52 : vec_repeat(2, (uint64_t)(127 + n) << 23));
}

/* Unsigned without AVX-512: -1 < a < 2^limit is converted as a signed 64-bit value, anything else goes out of line. */
static void unsigned_by_signed(struct emitter *e, ir_ref ref, struct fp_form f, unsigned dst, unsigned a, unsigned x,
                               int limit)
{
    enum x86_vop compare = f.is_double ? V_ucomisd : V_ucomiss;
    unsigned t = vec_temp(e);
    emit_clobber_flags(e);
    asm_v2m(&e->a, V_movaps, t, power_of_two(e, f.is_double, limit));
    asm_v2(&e->a, compare, t, x);
    struct ool *slow = slow_to_int(e, ref, asm_jcc_near(&e->a, CC_BE), dst, a);
    asm_v2m(&e->a, compare, x, vec_literal(e, f.is_double ? 0xbff0000000000000 : 0xbf800000bf800000));
    slow->jump[slow->n_jumps++] = asm_jcc_near(&e->a, CC_BE);
    asm_r_from_v(&e->a, f.is_double ? V_cvttsd2si : V_cvttss2si, 1, dst, x);
    emit_slow_resume(e, slow);
}

void emit_f2i(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    unsigned w = (op->aux & CVT_64) != 0, imm = round_imm[op->aux & IR_ROUND];
    bool truncates = (op->aux & IR_ROUND) == IR_ROUND_ZERO, is_unsigned = (op->aux & CVT_UNSIGNED) != 0;
    bool away = (op->aux & IR_ROUND) == IR_ROUND_AWAY;
    if (!fp_form_of(e, op->type, &f) || op->d || imm == NO_ROUNDING || (f.guarded && (away || is_unsigned)) ||
        (!truncates && is_unsigned && !e->a.has->avx512vl)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), x = a, dst = gpr_def(e, ref);
    struct fp_jumps early = {.n = 0};
    fp_guard_operand(e, f, op->a, a, &early);
    if (away) {
        fp_jump(&early, jump_if_large(e, f, a));
        round_away(e, f, x = vec_temp(e), a);
    } else if (!truncates) {
        x = vec_temp(e);
        asm_v2i(&e->a, fp_vop(V_roundps, f), x, a, imm | ROUND_QUIET);
    }
    struct ool *slow;
    if (is_unsigned && !e->a.has->avx512vl) {
        unsigned_by_signed(e, ref, f, dst, a, x, w ? 63 : 32);
        return;
    }
    emit_clobber_flags(e);
    if (is_unsigned) { /* out of range: all ones */
        asm_r_from_v(&e->a, f.is_double ? V_vcvttsd2usi : V_vcvttss2usi, w, dst, x);
        asm_alu_ri(&e->a, ALU_CMP, w, dst, -1);
        slow = slow_to_int(e, ref, asm_jcc_near(&e->a, CC_E), dst, a);
    } else { /* out of range: the least integer, the only one that overflows less 1 */
        asm_r_from_v(&e->a, f.is_double ? V_cvttsd2si : V_cvttss2si, w, dst, x);
        asm_alu_ri(&e->a, ALU_CMP, w, dst, 1);
        slow = slow_to_int(e, ref, asm_jcc_near(&e->a, CC_O), dst, a);
    }
    for (unsigned i = 0; i < early.n; i++)
        slow->jump[slow->n_jumps++] = early.at[i];
    if (!truncates)
        raise_inexact(e, f, a, imm);
    emit_slow_resume(e, slow);
}

/* Lane-wise. Scalar types have one lane, the others cleared or duplicated so that they raise nothing. */
void emit_vf2i(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    unsigned imm = round_imm[op->aux & IR_ROUND];
    bool truncates = (op->aux & IR_ROUND) == IR_ROUND_ZERO, is_unsigned = (op->aux & CVT_UNSIGNED) != 0;
    bool ok = fp_plain_form_of(e, op->type, &f) && !op->d && imm != NO_ROUNDING;
    if (!ok || ((f.is_double || is_unsigned) && !(e->a.has->avx512vl && e->a.has->avx512dq))) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), x = fp_source(e, f, a);
    if (f.scalar) {
        x = vec_temp(e);
        if (f.is_double)
            asm_v2(&e->a, V_movq, x, a);
        else
            asm_v3i(&e->a, V_insertps, x, a, a, 0x0e);
        f.scalar = false;
    }
    unsigned dst = vec_def(e, ref), whole = x, t = vec_temp(e);
    bool away = (op->aux & IR_ROUND) == IR_ROUND_AWAY;
    asm_label large = 0;
    if (away) {
        large = jump_if_large(e, f, x);
        round_away(e, f, whole = t, x);
    } else if (!truncates) {
        whole = t;
        asm_v2i(&e->a, fp_vop(V_roundps, f), whole, x, imm | ROUND_QUIET);
    }
    if (is_unsigned)
        asm_v2(&e->a, f.is_double ? V_vcvttpd2uqq : V_vcvttps2udq, dst, whole);
    else
        asm_v2(&e->a, f.is_double ? V_vcvttpd2qq : V_cvttps2dq, dst, whole);
    /* What the host returns out of range. */
    uint64_t invalid = is_unsigned ? UINT64_MAX : f.is_double ? 1ull << 63 : 0x8000000080000000;
    asm_v2m(&e->a, V_movaps, t, vec_literal(e, invalid));
    asm_v3(&e->a, f.is_double ? V_pcmpeqq : V_pcmpeqd, t, t, dst);
    emit_clobber_flags(e);
    asm_v2(&e->a, V_ptest, t, t);
    struct ool *slow = fp_slow(e, ref, asm_jcc_near(&e->a, CC_NE), dst, (int)a, -1, -1);
    if (away)
        slow->jump[slow->n_jumps++] = large;
    if (!truncates)
        raise_inexact(e, f, x, imm);
    emit_slow_resume(e, slow);
}

/* -- From integers ------------------------------------------------------------------------------------------ */

/* Fraction bits: scaling a converted integer is exact. */
static void scale_down(struct emitter *e, struct fp_form f, unsigned dst, unsigned bits)
{
    if (bits)
        asm_v3m(&e->a, fp_vop(V_mulps, f), dst, dst, power_of_two(e, f.is_double, -(int)bits));
}

void emit_i2f(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    bool is_unsigned = (op->aux & CVT_UNSIGNED) != 0;
    unsigned w = (op->aux & CVT_64) != 0;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned r = gpr_use(e, op->a);
    enum x86_vop vop = f.is_double ? V_cvtsi2sd : V_cvtsi2ss;
    struct ool *slow = NULL;
    if (is_unsigned && e->a.has->avx512vl) {
        vop = f.is_double ? V_vcvtusi2sd : V_vcvtusi2ss;
    } else if (is_unsigned && !w) {
        unsigned t = gpr_temp(e);
        asm_mov_rr(&e->a, 0, t, r);
        r = t;
        w = 1;
    }
    unsigned dst = vec_def(e, ref);
    if (is_unsigned && w && !e->a.has->avx512vl && op->aux & CVT_64) {
        emit_clobber_flags(e);
        asm_test_rr(&e->a, 1, r, r);
        slow = emit_slow(e, ref, asm_jcc_near(&e->a, CC_S), RA_VEC + (int)dst, (int)r, RA_NONE, RA_NONE);
    }
    asm_vzero(&e->a, dst); /* the upper part comes from it: no dependency on its last value */
    asm_v_from_r(&e->a, vop, w, dst, r);
    scale_down(e, f, dst, op->d);
    if (slow)
        emit_slow_resume(e, slow);
}

void emit_vi2f(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    bool is_unsigned = (op->aux & CVT_UNSIGNED) != 0;
    bool ok = fp_form_of(e, op->type, &f);
    if (!ok || ((f.is_double || is_unsigned) && !(e->a.has->avx512vl && e->a.has->avx512dq))) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref), x = a;
    if (f.half || (f.scalar && f.is_double))
        asm_v2(&e->a, V_movq, x = dst, a);
    else if (f.scalar)
        asm_v3i(&e->a, V_insertps, x = dst, a, a, 0x0e);
    f.scalar = false;
    if (is_unsigned)
        asm_v2(&e->a, f.is_double ? V_vcvtuqq2pd : V_vcvtudq2ps, dst, x);
    else
        asm_v2(&e->a, f.is_double ? V_vcvtqq2pd : V_cvtdq2ps, dst, x);
    scale_down(e, f, dst, op->d);
}
