/* host_vec_sum.c - open-coded vector operations between lanes: pairwise, across, dot products; saturation. */
#include <stddef.h>
#include "arch/x86/host_vec.h"
#include "core/cpu.h"

static unsigned lane(const struct ir_op *op) { return type_lane_log2(op->type); }

/* The lane-wise instruction that combines lanes, or V_movaps if there is none. */
static enum x86_vop combiner(unsigned op, unsigned log2)
{
    switch (op) {
    case IR_vaddp: case IR_vaddv: return (enum x86_vop)vec_add[log2];
    case IR_vsminp: case IR_vsminv: return (enum x86_vop)vec_minmax[0][log2];
    case IR_vsmaxp: case IR_vsmaxv: return (enum x86_vop)vec_minmax[1][log2];
    case IR_vuminp: case IR_vuminv: return (enum x86_vop)vec_minmax[2][log2];
    default: return (enum x86_vop)vec_minmax[3][log2];
    }
}

static bool needs_avx512(enum x86_vop vop)
{
    return vop == V_vpminsq || vop == V_vpmaxsq || vop == V_vpminuq || vop == V_vpmaxuq;
}

/* dst = lanes of src combined with their odd neighbours, in the even lanes, the odd ones cleared. */
static void fold_pairs(struct emitter *e, enum x86_vop vop, unsigned log2, unsigned dst, unsigned src)
{
    asm_vshift(&e->a, log2 ? V_psrld_i : V_psrlw_i, dst, src, 8u << log2);
    asm_v3(&e->a, vop, dst, dst, src);
    asm_v3m(&e->a, V_pand, dst, dst, vec_literal(e, log2 ? 0x0000ffff0000ffff : 0x00ff00ff00ff00ff));
}

void emit_vpairwise(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    enum x86_vop vop = combiner(op->op, log2);
    if (needs_avx512(vop) && !e->a.has->avx512vl) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    if (!type_is_128(op->type)) { /* all pairs in one register */
        vec_emit_join(e, t, a, b);
        a = b = t;
    }
    if (log2 == 3 || (log2 == 2 && op->op != IR_vaddp)) {
        unsigned odd = vec_temp(e);
        asm_v3i(&e->a, log2 == 3 ? V_shufpd : V_shufps, odd, a, b, log2 == 3 ? 3 : 0xdd);
        asm_v3i(&e->a, log2 == 3 ? V_shufpd : V_shufps, dst, a, b, log2 == 3 ? 0 : 0x88);
        asm_v3(&e->a, vop, dst, dst, odd);
    } else if (op->op == IR_vaddp && log2) {
        asm_v3(&e->a, log2 == 1 ? V_phaddw : V_phaddd, dst, a, b);
    } else {
        unsigned u = a == b ? dst : vec_temp(e);
        fold_pairs(e, vop, log2, dst, a);
        if (a != b)
            fold_pairs(e, vop, log2, u, b);
        asm_v3(&e->a, log2 ? V_packusdw : V_packuswb, dst, dst, u);
    }
}

/* dst = src with everything but lane 0 cleared. */
static void only_lane_0(struct emitter *e, unsigned log2, unsigned dst, unsigned src)
{
    if (log2 == 3)
        asm_v2(&e->a, V_movq, dst, src);
    else if (log2 == 2)
        asm_v3i(&e->a, V_insertps, dst, src, src, 0x0e);
    else
        asm_v3m(&e->a, V_pand, dst, src, asm_literal(&e->a, log2 ? 0xffff : 0xff, 0));
}

/* Combine all lanes of SRC (64 or 128 bits) into lane 0 of DST; the other lanes are garbage. */
static void reduce(struct emitter *e, enum x86_vop vop, unsigned log2, bool is_128, unsigned dst, unsigned src)
{
    unsigned t = vec_temp(e), from = src;
    for (unsigned bytes = is_128 ? 8 : 4; bytes >= 1u << log2; bytes /= 2) {
        if (bytes == 8)
            asm_v2i(&e->a, V_pshufd, t, from, 0xee);
        else
            asm_vshift(&e->a, V_psrlq_i, t, from, 8 * bytes);
        asm_v3(&e->a, vop, dst, t, from);
        from = dst;
    }
}

/* Sum of unsigned bytes, zero-extended. */
static void sum_bytes(struct emitter *e, bool is_128, unsigned dst, unsigned src)
{
    unsigned t = vec_temp(e);
    asm_vzero(&e->a, t);
    asm_v3(&e->a, V_psadbw, dst, src, t);
    if (!is_128) {
        asm_v2(&e->a, V_movq, dst, dst);
        return;
    }
    asm_v2i(&e->a, V_pshufd, t, dst, 0xee);
    asm_v3(&e->a, V_paddd, dst, dst, t);
    asm_v2(&e->a, V_movq, dst, dst);
}

void emit_vacross(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    bool is_128 = type_is_128(op->type);
    enum x86_vop vop = combiner(op->op, log2);
    if (log2 == 3 && needs_avx512(vop) && !e->a.has->avx512vl) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref);
    if (op->op == IR_vaddv && log2 == 0) {
        sum_bytes(e, is_128, dst, src);
    } else if (op->op == IR_vuminv && log2 == 1 && is_128) {
        asm_v2(&e->a, V_phminposuw, dst, src);
    } else {
        reduce(e, vop, log2, is_128, dst, src);
    }
    only_lane_0(e, log2, dst, dst);
}

/* Sum of all lanes, each extended to twice its width. */
void emit_vaddlv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    bool is_signed = op->op == IR_vsaddlv, is_128 = type_is_128(op->type);
    if (log2 == 2 && is_signed) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref);
    if (log2 == 0 && !is_signed) {
        sum_bytes(e, is_128, dst, src);
        return;
    }
    if (log2 == 0) {
        unsigned t = vec_temp(e);
        asm_v2m(&e->a, V_movaps, t, vec_literal(e, vec_repeat(0, 1)));
        asm_v3(&e->a, V_pmaddubsw, t, t, src);
        reduce(e, V_paddw, 1, is_128, dst, t);
        only_lane_0(e, 1, dst, dst);
        return;
    }
    if (log2 == 1 && is_signed) {
        unsigned t = vec_temp(e);
        asm_v3m(&e->a, V_pmaddwd, t, src, vec_literal(e, vec_repeat(1, 1)));
        reduce(e, V_paddd, 2, is_128, dst, t);
        only_lane_0(e, 2, dst, dst);
        return;
    }
    unsigned t = vec_temp(e), u = vec_temp(e), width = 16u << log2;
    asm_v3m(&e->a, V_pand, u, src, vec_literal(e, vec_repeat(log2 + 1, (1ull << width / 2) - 1)));
    vec_emit_shift(e, VEC_SHR, log2 + 1, t, src, width / 2);
    asm_v3(&e->a, (enum x86_vop)vec_add[log2 + 1], t, t, u);
    if (log2 == 2 && !is_128)
        asm_movv(&e->a, dst, t);
    else
        reduce(e, (enum x86_vop)vec_add[log2 + 1], log2 + 1, is_128, dst, t);
    only_lane_0(e, log2 + 1, dst, dst);
}

/* -- Dot products ------------------------------------------------------------------------------------------ */

/* t = even bytes of src extended to words; or the odd ones. */
static void bytes_to_words(struct emitter *e, bool is_signed, bool odd, unsigned t, unsigned src)
{
    if (odd) {
        asm_vshift(&e->a, is_signed ? V_psraw_i : V_psrlw_i, t, src, 8);
    } else if (is_signed) {
        asm_vshift(&e->a, V_psllw_i, t, src, 8);
        asm_vshift(&e->a, V_psraw_i, t, t, 8);
    } else {
        asm_v3m(&e->a, V_pand, t, src, vec_literal(e, 0x00ff00ff00ff00ff));
    }
}

void emit_vdot(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned b = vec_use(e, op->b), c = vec_use(e, op->c);
    if (op->op == IR_vusdot && e->a.has->vnni && e->a.has->avx512vl) {
        unsigned over = vec_def_over(e, ref, op->a);
        asm_v3(&e->a, V_vpdpbusd, over, b, c);
        return;
    }
    bool b_signed = op->op == IR_vsdot, c_signed = op->op != IR_vudot;
    unsigned a = vec_use(e, op->a), dst = vec_def(e, ref), t = vec_temp(e), u = vec_temp(e);
    bytes_to_words(e, b_signed, false, dst, b);
    bytes_to_words(e, c_signed, false, t, c);
    asm_v3(&e->a, V_pmaddwd, dst, dst, t);
    bytes_to_words(e, b_signed, true, t, b);
    bytes_to_words(e, c_signed, true, u, c);
    asm_v3(&e->a, V_pmaddwd, t, t, u);
    asm_v3(&e->a, V_paddd, dst, dst, t);
    asm_v3(&e->a, V_paddd, dst, dst, a);
}

/* -- Saturation ---------------------------------------------------------------------------------------------- */

/* Set the guest's cumulative saturation flag if DIFF is not zero in its low 64, or all 128 bits. */
static void set_saturated(struct emitter *e, unsigned diff, bool is_128)
{
    if (!is_128)
        asm_v2(&e->a, V_movq, diff, diff);
    emit_clobber_flags(e);
    asm_v2(&e->a, V_ptest, diff, diff);
    asm_label none = asm_jcc_short(&e->a, CC_E);
    asm_alu_mi(&e->a, ALU_OR, 2, mem_cpu((int32_t)offsetof(struct cpu, fp.flags)), FP_QC);
    asm_patch_here(&e->a, none);
}

void emit_vsat_add(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint16_t rows[4][2][2] = { /* saturating, wrapping */
        {{V_paddsb, V_paddb}, {V_paddsw, V_paddw}},
        {{V_paddusb, V_paddb}, {V_paddusw, V_paddw}},
        {{V_psubsb, V_psubb}, {V_psubsw, V_psubw}},
        {{V_psubusb, V_psubb}, {V_psubusw, V_psubw}},
    };
    unsigned log2 = lane(op);
    if (log2 > 1) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned kind = op->op == IR_vsqadd ? 0 : op->op == IR_vuqadd ? 1 : op->op == IR_vsqsub ? 2 : 3;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    asm_v3(&e->a, (enum x86_vop)rows[kind][log2][0], dst, a, b);
    asm_v3(&e->a, (enum x86_vop)rows[kind][log2][1], t, a, b);
    asm_v3(&e->a, V_pxor, t, t, dst);
    set_saturated(e, t, type_is_128(op->type));
}

/* Narrowing, from words to bytes or from double words to words; with a shift before. */
void emit_vsat_narrow(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    unsigned code = op->op;
    bool shifts = code >= IR_vsqshrn, from_signed = code != IR_vuqxtn && code != IR_vuqshrn && code != IR_vuqrshrn;
    bool to_signed = code == IR_vsqxtn || code == IR_vsqshrn || code == IR_vsqrshrn;
    bool rounds = code == IR_vsqrshrn || code == IR_vuqrshrn || code == IR_vsqrshrun;
    if (log2 > 1) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref), wide = vec_temp(e), t = vec_temp(e);
    if (shifts) {
        enum vec_shift kind = from_signed ? VEC_SAR : VEC_SHR;
        vec_emit_shift(e, kind, log2 + 1, wide, src, op->d);
        if (rounds) {
            vec_emit_shift(e, VEC_SHR, log2 + 1, t, src, op->d - 1u);
            asm_v3m(&e->a, V_pand, t, t, vec_literal(e, vec_repeat(log2 + 1, 1)));
            asm_v3(&e->a, (enum x86_vop)vec_add[log2 + 1], wide, wide, t);
        }
        src = wide;
    }
    if (!from_signed) {
        struct x86_mem top = vec_literal(e, vec_repeat(log2 + 1, log2 ? 0xffff : 0xff));
        asm_v3m(&e->a, log2 ? V_pminud : V_pminuw, dst, src, top);
        asm_v3(&e->a, V_pxor, t, dst, src);
        asm_v3(&e->a, log2 ? V_packusdw : V_packuswb, dst, dst, dst);
    } else {
        static const uint16_t pack[2][2] = {{V_packuswb, V_packusdw}, {V_packsswb, V_packssdw}};
        static const uint16_t unpack[2][2] = {{V_pmovzxbw, V_pmovzxwd}, {V_pmovsxbw, V_pmovsxwd}};
        asm_v3(&e->a, (enum x86_vop)pack[to_signed][log2], dst, src, src);
        asm_v2(&e->a, (enum x86_vop)unpack[to_signed][log2], t, dst);
        asm_v3(&e->a, V_pxor, t, t, src);
    }
    asm_v2(&e->a, V_movq, dst, dst);
    set_saturated(e, t, true);
}

/* High half of 2 * a * b, or rounded. The one product that overflows is that of the least values; no other gives the
 * least value, so that marks it. */
void emit_vsqdmulh(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct x86_asm *m = &e->a;
    bool words = lane(op) == 1, rounds = op->op == IR_vsqrdmulh;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    if (words && rounds) {
        asm_v3(m, V_pmulhrsw, dst, a, b);
    } else if (words) {
        asm_v3(m, V_pmullw, t, a, b);
        asm_vshift(m, V_psrlw_i, t, t, 15);
        asm_v3(m, V_pmulhw, dst, a, b);
        asm_v3(m, V_paddw, dst, dst, dst);
        asm_v3(m, V_por, dst, dst, t);
    } else { /* even and odd lanes as 64-bit products */
        struct x86_mem half = vec_literal(e, 1ull << 31);
        unsigned odd = vec_temp(e);
        asm_vshift(m, V_psrlq_i, odd, a, 32);
        asm_vshift(m, V_psrlq_i, t, b, 32);
        asm_v3(m, V_pmuldq, odd, odd, t);
        asm_v3(m, V_pmuldq, dst, a, b);
        asm_v3(m, V_paddq, odd, odd, odd);
        asm_v3(m, V_paddq, dst, dst, dst);
        if (rounds) {
            asm_v3m(m, V_paddq, odd, odd, half);
            asm_v3m(m, V_paddq, dst, dst, half);
        }
        asm_vshift(m, V_psrlq_i, dst, dst, 32);
        asm_v3i(m, V_pblendw, dst, dst, odd, 0xcc);
    }
    asm_v2m(m, V_movaps, t, vec_literal(e, words ? 0x8000800080008000 : 0x8000000080000000));
    asm_v3(m, words ? V_pcmpeqw : V_pcmpeqd, t, t, dst);
    asm_v3(m, V_pxor, dst, dst, t);
    set_saturated(e, t, type_is_128(op->type));
}
