/* host_fp.c - open-coded floating-point arithmetic and compares. */
#include "arch/x86/host_fp.h"
#include <stddef.h>
#include "core/cpu.h"
#include "core/flags.h"

bool fp_form_of(const struct emitter *e, unsigned type, struct fp_form *f)
{
    unsigned log2 = type_lane_log2(type);
    *f = (struct fp_form){.is_double = log2 == 3, .scalar = !type_is_vector(type), .half = type == T_2S};
    return log2 >= 2 && !fp_is_special(e);
}

unsigned fp_source(struct emitter *e, struct fp_form f, unsigned r)
{
    if (!f.half)
        return r;
    unsigned t = vec_temp(e);
    asm_v2(&e->a, V_movddup, t, r);
    return t;
}

asm_label fp_jump_if_nan2(struct emitter *e, struct fp_form f, unsigned r1, unsigned r2)
{
    enum { UNORDERED = 3 };
    if (f.scalar) {
        emit_clobber_flags(e);
        asm_v2(&e->a, f.is_double ? V_ucomisd : V_ucomiss, r1, r2);
        return asm_jcc_near(&e->a, CC_P);
    }
    unsigned t = vec_temp(e);
    asm_v3i(&e->a, f.is_double ? V_cmppd : V_cmpps, t, r1, r2, UNORDERED);
    emit_clobber_flags(e);
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

asm_label fp_jump_if_nan(struct emitter *e, struct fp_form f, unsigned r) { return fp_jump_if_nan2(e, f, r, r); }

struct ool *fp_slow(struct emitter *e, ir_ref ref, asm_label jump, unsigned dst, int a, int b, int c)
{
    int none = RA_NONE;
    return emit_slow(e, ref, jump, RA_VEC + (int)dst, a < 0 ? none : RA_VEC + a, b < 0 ? none : RA_VEC + b,
                     c < 0 ? none : RA_VEC + c);
}

/* -- Arithmetic -------------------------------------------------------------------------------------- */

void emit_fp_arith(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        if (!emit_fp_flushing(e, ref, op))
            emit_eval_call(e, ref, op);
        return;
    }
    enum x86_vop ps = op->op == IR_fadd ? V_addps : op->op == IR_fsub ? V_subps : op->op == IR_fmul ? V_mulps : V_divps;
    f.half = f.half && !vec_keeps_zeros(e, op);
    bool swaps = (op->op == IR_fadd || op->op == IR_fmul) && vec_swaps_sources(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = a == b ? x : fp_source(e, f, b), dst = vec_def(e, ref);
    asm_v3(&e->a, fp_vop(ps, f), dst, swaps ? y : x, swaps ? x : y);
    fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, (int)b, -1);
}

void emit_fp_sqrt(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        if (!emit_fp_flushing(e, ref, op))
            emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), x = fp_source(e, f, a), dst = vec_def(e, ref);
    if (f.scalar) { /* the upper part comes from zeros */
        asm_vzero(&e->a, dst);
        asm_v3(&e->a, fp_vop(V_sqrtps, f), dst, dst, x);
    } else {
        asm_v2(&e->a, fp_vop(V_sqrtps, f), dst, x);
    }
    fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, -1, -1);
}

void emit_fp_sign(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = type_lane_log2(op->type);
    uint64_t sign = 0x80ull << 8 * ((1u << log2) - 1), ones = sign | (sign - 1);
    unsigned src = vec_use(e, op->a), dst = vec_def_reuse(e, ref);
    bool all_lanes = type_is_vector(op->type);
    uint64_t mask = op->op == IR_fneg ? sign : ones & ~sign;
    if (all_lanes)
        mask = vec_repeat(log2, mask);
    asm_v3m(&e->a, op->op == IR_fneg ? V_xorps : V_andps, dst, src, asm_literal(&e->a, mask, all_lanes ? mask : 0));
}

void emit_fp_abd(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    asm_v3(&e->a, fp_vop(V_subps, f), dst, x, y);
    struct ool *slow = fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, (int)b, -1);
    asm_v3m(&e->a, V_andps, dst, dst, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    emit_slow_resume(e, slow);
}

/* The host's minimum returns its second source where both are zero; either order at once settles the sign: the
 * results differ only there. NaNs are tested first because the host signals quiet ones. */
static void min_max(struct emitter *e, struct fp_form f, bool is_max, unsigned dst, unsigned x, unsigned y)
{
    unsigned t = vec_temp(e);
    enum x86_vop vop = fp_vop(is_max ? V_maxps : V_minps, f);
    asm_v3(&e->a, vop, t, x, y);
    asm_v3(&e->a, vop, dst, y, x);
    asm_v3(&e->a, is_max ? V_andps : V_orps, dst, dst, t);
}

static bool is_max_op(const struct ir_op *op)
{
    return op->op == IR_fmax || op->op == IR_fmaxnm || op->op == IR_fmaxp || op->op == IR_fmaxnmp;
}

void emit_fp_minmax(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    f.half = f.half && !vec_keeps_zeros(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    struct ool *slow = fp_slow(e, ref, fp_jump_if_nan2(e, f, x, y), dst, (int)a, (int)b, -1);
    min_max(e, f, is_max_op(op), dst, x, y);
    emit_slow_resume(e, slow);
}

/* dst = lane 0 of src, the rest zero. */
static void clear_upper(struct emitter *e, struct fp_form f, unsigned dst, unsigned src)
{
    if (f.is_double)
        asm_v2(&e->a, V_movq, dst, src);
    else
        asm_v3i(&e->a, V_insertps, dst, src, src, 0x0e);
}

void emit_fp_fma(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f) || !e->a.has->fma) {
        if (!e->a.has->fma || !emit_fp_flushing(e, ref, op))
            emit_eval_call(e, ref, op);
        return;
    }
    f.half = f.half && !vec_keeps_zeros(e, op);
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), c = vec_use(e, op->c);
    unsigned y = fp_source(e, f, b), z = fp_source(e, f, c), dst = vec_def(e, ref);
    if (f.half)
        asm_v2(&e->a, V_movddup, dst, a);
    else if (f.scalar && !vec_is_clean(e, op->a, f.is_double ? 8 : 4))
        clear_upper(e, f, dst, a);
    else
        asm_movv(&e->a, dst, a);
    asm_v3(&e->a, fp_vop(V_vfmadd231ps, f), dst, y, z);
    fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, (int)b, (int)c);
}

/* Jump taken if a lane of R is infinite (or, for scalars, a NaN). */
static asm_label jump_if_infinite(struct emitter *e, struct fp_form f, unsigned r)
{
    unsigned t = vec_temp(e);
    struct x86_mem infinity = vec_literal(e, f.is_double ? 0x7ff0000000000000 : 0x7f8000007f800000);
    asm_v3m(&e->a, V_andps, t, r, vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX)));
    emit_clobber_flags(e);
    if (f.scalar) {
        asm_v2m(&e->a, f.is_double ? V_ucomisd : V_ucomiss, t, infinity);
        return asm_jcc_near(&e->a, CC_E);
    }
    asm_v3m(&e->a, f.is_double ? V_pcmpeqq : V_pcmpeqd, t, t, infinity);
    asm_v2(&e->a, V_ptest, t, t);
    return asm_jcc_near(&e->a, CC_NE);
}

/* 2 - a * b with one rounding. Infinity times zero gives 2 and raises nothing. */
void emit_fp_recps(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f) || !e->a.has->fma) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b), dst = vec_def(e, ref);
    struct ool *slow = fp_slow(e, ref, jump_if_infinite(e, f, x), dst, (int)a, (int)b, -1);
    slow->jump[slow->n_jumps++] = jump_if_infinite(e, f, y);
    asm_v2m(&e->a, V_movaps, dst, vec_literal(e, f.is_double ? 0x4000000000000000 : 0x4000000040000000));
    asm_v3(&e->a, fp_vop(V_vfnmadd231ps, f), dst, x, y);
    slow->jump[slow->n_jumps++] = fp_jump_if_nan(e, f, dst);
    emit_slow_resume(e, slow);
}

/* -- Compares to masks ------------------------------------------------------------------------------------ */

/* The host's predicates signal as the guest's instructions do: equality only for signalling NaNs. */
void emit_fp_compare(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    enum { EQ, LT, LE };
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst, t;
    unsigned x = fp_source(e, f, a), y = fp_source(e, f, b);
    switch (op->op) {
    case IR_fcmeq: asm_v3i(&e->a, fp_vop(V_cmpps, f), vec_def(e, ref), x, y, EQ); break;
    case IR_fcmge: asm_v3i(&e->a, fp_vop(V_cmpps, f), vec_def(e, ref), y, x, LE); break;
    case IR_fcmgt: asm_v3i(&e->a, fp_vop(V_cmpps, f), vec_def(e, ref), y, x, LT); break;
    default: /* absolute values */
        dst = vec_def(e, ref);
        t = vec_temp(e);
        struct x86_mem mask = vec_literal(e, f.is_double ? INT64_MAX : vec_repeat(2, INT32_MAX));
        asm_v3m(&e->a, V_andps, t, x, mask);
        asm_v3m(&e->a, V_andps, dst, y, mask);
        asm_v3i(&e->a, fp_vop(V_cmpps, f), dst, dst, t, op->op == IR_facge ? LE : LT);
        break;
    }
}

/* -- Pairwise ----------------------------------------------------------------------------------------------- */

/* x, y = even and odd lanes of a then b; a scalar type takes lanes 0 and 1 of a. */
static void split_pairs(struct emitter *e, struct fp_form f, unsigned a, unsigned b, unsigned x, unsigned y)
{
    if (f.scalar) {
        asm_movv(&e->a, x, a);
        asm_vshift(&e->a, V_psrldq_i, y, a, f.is_double ? 8 : 4);
        return;
    }
    if (f.is_double) {
        asm_v3(&e->a, V_unpckhpd, y, a, b);
        asm_v3(&e->a, V_unpcklpd, x, a, b);
        return;
    }
    if (f.half) {
        vec_emit_join(e, x, a, b);
        asm_v3i(&e->a, V_shufps, y, x, x, 0xdd);
        asm_v3i(&e->a, V_shufps, x, x, x, 0x88);
        return;
    }
    asm_v3i(&e->a, V_shufps, y, a, b, 0xdd);
    asm_v3i(&e->a, V_shufps, x, a, b, 0x88);
}

void emit_fp_addp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = f.scalar ? a : vec_use(e, op->b);
    unsigned x = vec_temp(e), y = vec_temp(e), dst = vec_def(e, ref);
    split_pairs(e, f, a, b, x, y);
    asm_v3(&e->a, fp_vop(V_addps, f), dst, x, y);
    fp_slow(e, ref, fp_jump_if_nan(e, f, dst), dst, (int)a, f.scalar ? -1 : (int)b, -1);
}

void emit_fp_minmaxp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct fp_form f;
    if (!fp_form_of(e, op->type, &f)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = f.scalar ? a : vec_use(e, op->b);
    unsigned x = vec_temp(e), y = vec_temp(e), dst = vec_def(e, ref);
    split_pairs(e, f, a, b, x, y);
    struct ool *slow = fp_slow(e, ref, fp_jump_if_nan2(e, f, x, y), dst, (int)a, f.scalar ? -1 : (int)b, -1);
    min_max(e, f, is_max_op(op), dst, x, y);
    emit_slow_resume(e, slow);
}

/* -- Compares to flags ----------------------------------------------------------------------------------------- */

/* In the special modes: R, or a zero in a temporary if it is a denormal that the guest flushes (Arm ARM, FPUnpack). */
static unsigned flushed(struct emitter *e, unsigned type, unsigned r)
{
    bool is_half = type == T_F16;
    unsigned w = type == T_F64, t = vec_temp(e), bits = gpr_temp(e);
    int32_t mode = is_half ? (int32_t)offsetof(struct cpu, fp.flush_to_zero16)
                           : (int32_t)offsetof(struct cpu, fp.flush_to_zero);
    asm_movv(&e->a, t, r);
    asm_r_from_v(&e->a, V_movd_st, w, bits, r);
    asm_alu_mi(&e->a, ALU_CMP, 0, mem_cpu(mode), 0);
    asm_label off = asm_jcc_short(&e->a, CC_E);
    asm_shift_ri(&e->a, SHIFT_SHL, w, bits, is_half ? 17 : 1);
    asm_label zero = asm_jcc_short(&e->a, CC_E);
    asm_shift_ri(&e->a, SHIFT_SHR, w, bits, is_half ? 27 : w ? 53 : 24);
    asm_label normal = asm_jcc_short(&e->a, CC_NE);
    asm_vzero(&e->a, t);
    if (!is_half)
        asm_alu_mi(&e->a, ALU_OR, 2, mem_cpu((int32_t)offsetof(struct cpu, fp.flags)), FP_IDC);
    asm_patch_here(&e->a, off);
    asm_patch_here(&e->a, zero);
    asm_patch_here(&e->a, normal);
    return t;
}

/* Without F16C: the magnitude's bits as a single-precision number times 2^112, which is exact; infinities and NaNs get
 * their exponent afterwards, so that signalling NaNs stay so. */
static void widen_half(struct emitter *e, unsigned dst, unsigned half)
{
    struct x86_asm *a = &e->a;
    unsigned special = vec_temp(e), sign = vec_temp(e);
    asm_v3m(a, V_pand, dst, half, asm_literal(a, 0x7fff, 0));
    asm_v2(a, V_movaps, special, dst);
    asm_v3m(a, V_pcmpgtd, special, special, asm_literal(a, 0x7bff, 0));
    asm_v3m(a, V_pand, special, special, asm_literal(a, 0x7f800000, 0));
    asm_vshift(a, V_pslld_i, dst, dst, 13);
    asm_v3m(a, V_mulss, dst, dst, asm_literal(a, 0x77800000, 0));
    asm_v3(a, V_por, dst, dst, special);
    asm_v3m(a, V_pand, sign, half, asm_literal(a, 0x8000, 0));
    asm_vshift(a, V_pslld_i, sign, sign, 16);
    asm_v3(a, V_por, dst, dst, sign);
}

/* Half precision compares as single; other lanes are cleared so that they raise nothing. */
static unsigned half_to_single(struct emitter *e, unsigned r)
{
    unsigned t = vec_temp(e);
    if (e->a.has->f16c) {
        asm_v3m(&e->a, V_pand, t, r, asm_literal(&e->a, 0xffff, 0));
        asm_v2(&e->a, V_vcvtph2ps, t, t);
    } else {
        widen_half(e, t, r);
    }
    return t;
}

void emit_fcmp_compare(struct emitter *e, const struct ir_op *op)
{
    static const uint16_t row[2][2] = {{V_ucomiss, V_comiss}, {V_ucomisd, V_comisd}};
    bool signals = op->op == IR_fcmp ? op->aux & 1 : op->aux >> 4 & 1;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    emit_clobber_flags(e);
    if (fp_is_special(e)) {
        a = flushed(e, op->type, a);
        b = flushed(e, op->type, b);
    }
    if (op->type == T_F16) {
        a = half_to_single(e, a);
        b = half_to_single(e, b);
    }
    asm_v2(&e->a, (enum x86_vop)row[op->type == T_F64][signals], a, b);
}

/* Unordered sets ZF, PF and CF where the guest has neither Z nor borrow: take them away again. Less is N and borrow. */
void emit_fcmp_saved_form(struct emitter *e)
{
    struct x86_asm *a = &e->a;
    emit_clobber_flags(e);
    asm_plain(a, X_LAHF);
    asm_setcc(a, CC_P, RAX);
    asm_alu_ri(a, ALU_AND, 0, RAX, FLAG_Z | FLAG_NOT_C | FLAG_V);
    asm_int2_rr(a, X_MOVZX8, 0, RCX, RAX);
    asm_imul_rri(a, 0, RCX, RCX, FLAG_Z | FLAG_NOT_C);
    asm_alu_rr(a, ALU_SUB, 0, RAX, RCX);
    asm_mov_rr(a, 0, RCX, RAX);
    asm_alu_ri(a, ALU_AND, 0, RCX, FLAG_NOT_C);
    asm_shift_ri(a, SHIFT_SHL, 0, RCX, 7);
    asm_alu_rr(a, ALU_OR, 0, RAX, RCX);
}
