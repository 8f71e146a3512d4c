/* host_vec_int.c - open-coded lane-wise integer operations: arithmetic, compares, shifts. */
#include "arch/x86/host_vec.h"

/* clang-format off */
const uint16_t vec_add[4] = {V_paddb, V_paddw, V_paddd, V_paddq};
const uint16_t vec_sub[4] = {V_psubb, V_psubw, V_psubd, V_psubq};
const uint16_t vec_cmpeq[4] = {V_pcmpeqb, V_pcmpeqw, V_pcmpeqd, V_pcmpeqq};
const uint16_t vec_cmpgt[4] = {V_pcmpgtb, V_pcmpgtw, V_pcmpgtd, V_pcmpgtq};
const uint16_t vec_minmax[4][4] = {
    {V_pminsb, V_pminsw, V_pminsd, V_vpminsq},
    {V_pmaxsb, V_pmaxsw, V_pmaxsd, V_vpmaxsq},
    {V_pminub, V_pminuw, V_pminud, V_vpminuq},
    {V_pmaxub, V_pmaxuw, V_pmaxud, V_vpmaxuq},
};
/* clang-format on */

static unsigned lane(const struct ir_op *op) { return type_lane_log2(op->type); }

void emit_vlanes(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    const uint16_t *row = NULL;
    bool commutes = true;
    switch (op->op) {
    case IR_vadd: row = vec_add; break;
    case IR_vsub: row = vec_sub; commutes = false; break;
    case IR_vcmeq: row = vec_cmpeq; break;
    case IR_vcmgt: row = vec_cmpgt; commutes = false; break;
    case IR_vsmin: row = vec_minmax[0]; break;
    case IR_vsmax: row = vec_minmax[1]; break;
    case IR_vumin: row = vec_minmax[2]; break;
    default: row = vec_minmax[3]; break;
    }
    if (op->op >= IR_vsmin && lane(op) == 3 && !e->a.has->avx512vl) {
        emit_eval_call(e, ref, op);
        return;
    }
    vec_emit_binary(e, ref, op->a, op->b, (enum x86_vop)row[lane(op)], commutes);
}

void emit_vneg(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref);
    asm_vzero(&e->a, dst);
    asm_v3(&e->a, (enum x86_vop)vec_sub[lane(op)], dst, dst, src);
}

void emit_vabs(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint16_t row[3] = {V_pabsb, V_pabsw, V_pabsd};
    unsigned src = vec_use(e, op->a);
    if (lane(op) < 3) {
        asm_v2(&e->a, (enum x86_vop)row[lane(op)], vec_def_reuse(e, ref), src);
        return;
    }
    if (e->a.has->avx512vl) {
        asm_v2(&e->a, V_vpabsq, vec_def_reuse(e, ref), src);
        return;
    }
    unsigned dst = vec_def(e, ref), sign = vec_temp(e);
    asm_vzero(&e->a, sign);
    asm_v3(&e->a, V_pcmpgtq, sign, sign, src);
    asm_v3(&e->a, V_pxor, dst, src, sign);
    asm_v3(&e->a, V_psubq, dst, dst, sign);
}

void emit_vmul(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (lane(op) == 3) {
        emit_eval_call(e, ref, op);
        return;
    }
    if (lane(op)) {
        vec_emit_binary(e, ref, op->a, op->b, lane(op) == 1 ? V_pmullw : V_pmulld, true);
        return;
    }
    /* Bytes: products of the even and of the odd ones as words. */
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e), u = vec_temp(e);
    asm_vshift(&e->a, V_psrlw_i, t, a, 8);
    asm_v3m(&e->a, V_pand, u, b, vec_literal(e, 0xff00ff00ff00ff00));
    asm_v3(&e->a, V_pmullw, t, t, u);
    asm_v3(&e->a, V_pmullw, dst, a, b);
    asm_v3m(&e->a, V_pand, dst, dst, vec_literal(e, 0x00ff00ff00ff00ff));
    asm_v3(&e->a, V_por, dst, dst, t);
}

/* -- Compares ---------------------------------------------------------------------------------------- */

/* dst = x, y with their sign bits flipped, so that a signed compare orders them as unsigned. */
static void flip_signs(struct emitter *e, unsigned t, unsigned x, unsigned u, unsigned y)
{
    asm_v3m(&e->a, V_pxor, t, x, vec_literal(e, 1ull << 63));
    asm_v3m(&e->a, V_pxor, u, y, vec_literal(e, 1ull << 63));
}

void emit_vcmge(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    if (lane(op) < 3) { /* a is the maximum */
        asm_v3(&e->a, (enum x86_vop)vec_minmax[1][lane(op)], dst, a, b);
        asm_v3(&e->a, (enum x86_vop)vec_cmpeq[lane(op)], dst, dst, a);
        return;
    }
    asm_v3(&e->a, V_pcmpgtq, dst, b, a);
    vec_emit_not(e, dst);
}

void emit_vcmhs(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    if (lane(op) < 3) {
        asm_v3(&e->a, (enum x86_vop)vec_minmax[3][lane(op)], dst, a, b);
        asm_v3(&e->a, (enum x86_vop)vec_cmpeq[lane(op)], dst, dst, a);
        return;
    }
    unsigned t = vec_temp(e);
    flip_signs(e, t, a, dst, b);
    asm_v3(&e->a, V_pcmpgtq, dst, dst, t);
    vec_emit_not(e, dst);
}

void emit_vcmhi(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    if (lane(op) < 3) {
        asm_v3(&e->a, (enum x86_vop)vec_minmax[2][lane(op)], dst, a, b);
        asm_v3(&e->a, (enum x86_vop)vec_cmpeq[lane(op)], dst, dst, a);
        vec_emit_not(e, dst);
        return;
    }
    unsigned t = vec_temp(e);
    flip_signs(e, dst, a, t, b);
    asm_v3(&e->a, V_pcmpgtq, dst, dst, t);
}

void emit_vtst(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), zero = vec_temp(e);
    asm_v3(&e->a, V_pand, dst, a, b);
    asm_vzero(&e->a, zero);
    asm_v3(&e->a, (enum x86_vop)vec_cmpeq[lane(op)], dst, dst, zero);
    vec_emit_not(e, dst);
}

void emit_vabd(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op), u = op->op == IR_vuabd ? 2 : 0;
    if (log2 == 3) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    asm_v3(&e->a, (enum x86_vop)vec_minmax[u][log2], t, a, b);
    asm_v3(&e->a, (enum x86_vop)vec_minmax[u + 1][log2], dst, a, b);
    asm_v3(&e->a, (enum x86_vop)vec_sub[log2], dst, dst, t);
}

/* (a + b) >> 1, or rounded: (a & b) + ((a ^ b) >> 1), (a | b) - ((a ^ b) >> 1). */
void emit_vhadd(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    bool is_signed = op->op == IR_vshadd || op->op == IR_vsrhadd, rounds = op->op == IR_vsrhadd || op->op == IR_vurhadd;
    if (log2 == 3) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    if (rounds && !is_signed && log2 < 2) {
        asm_v3(&e->a, log2 ? V_pavgw : V_pavgb, dst, a, b);
        return;
    }
    unsigned t = vec_temp(e);
    asm_v3(&e->a, V_pxor, t, a, b);
    vec_emit_shift(e, is_signed ? VEC_SAR : VEC_SHR, log2, t, t, 1);
    asm_v3(&e->a, rounds ? V_por : V_pand, dst, a, b);
    asm_v3(&e->a, (enum x86_vop)(rounds ? vec_sub : vec_add)[log2], dst, dst, t);
}

/* -- Bytes by table ------------------------------------------------------------------------------------- */

/* dst = low nibbles through table LOW, high nibbles through HIGH, combined by VOP. */
static void nibble_tables(struct emitter *e, unsigned dst, unsigned src, const uint64_t low[2], const uint64_t high[2],
                          enum x86_vop vop)
{
    unsigned t = vec_temp(e), u = vec_temp(e);
    struct x86_mem mask = vec_literal(e, 0x0f0f0f0f0f0f0f0f);
    asm_vshift(&e->a, V_psrlw_i, t, src, 4);
    asm_v3m(&e->a, V_pand, t, t, mask);
    asm_v3m(&e->a, V_pand, u, src, mask);
    asm_v2m(&e->a, V_movaps, dst, asm_literal(&e->a, low[0], low[1]));
    asm_v3(&e->a, V_pshufb, dst, dst, u);
    asm_v2m(&e->a, V_movaps, u, asm_literal(&e->a, high[0], high[1]));
    asm_v3(&e->a, V_pshufb, u, u, t);
    asm_v3(&e->a, vop, dst, dst, u);
}

void emit_vbytes_lut(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint64_t ones[2] = {0x0302020102010100, 0x0403030203020201};
    static const uint64_t reversed_low[2] = {0xe060a020c0408000, 0xf070b030d0509010};
    static const uint64_t reversed_high[2] = {0x0e060a020c040800, 0x0f070b030d050901};
    unsigned src = vec_use(e, op->a);
    if (op->op == IR_vcnt && e->a.has->bitalg && e->a.has->avx512vl) {
        asm_v2(&e->a, V_vpopcntb, vec_def_reuse(e, ref), src);
    } else if (op->op == IR_vrbit && e->a.has->gfni) {
        /* Row i of the matrix selects bit i of the source for bit 7 - i... of the result. */
        asm_v3mi(&e->a, V_gf2p8affineqb, vec_def_one(e, ref), src, vec_literal(e, 0x8040201008040201), 0);
    } else if (op->op == IR_vcnt) {
        nibble_tables(e, vec_def(e, ref), src, ones, ones, V_paddb);
    } else {
        nibble_tables(e, vec_def(e, ref), src, reversed_low, reversed_high, V_por);
    }
}

void emit_vclz(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint64_t low[2] = {0x0505050506060708, 0x0404040404040404};
    static const uint64_t high[2] = {0x0101010102020308, 0};
    if (lane(op) == 0) {
        unsigned src = vec_use(e, op->a);
        nibble_tables(e, vec_def(e, ref), src, low, high, V_pminub);
    } else if (lane(op) == 2 && e->a.has->avx512cd && e->a.has->avx512vl) {
        unsigned src = vec_use(e, op->a);
        asm_v2(&e->a, V_vplzcntd, vec_def_reuse(e, ref), src);
    } else {
        emit_eval_call(e, ref, op);
    }
}

/* -- Shifts by a constant --------------------------------------------------------------------------------- */

static const uint16_t shift_rows[3][4] = {
    [VEC_SHL] = {0, V_psllw_i, V_pslld_i, V_psllq_i},
    [VEC_SHR] = {0, V_psrlw_i, V_psrld_i, V_psrlq_i},
    [VEC_SAR] = {0, V_psraw_i, V_psrad_i, V_vpsraq_i},
};

/* The matrix of gf2p8affineqb (SDM 2A) that shifts each byte by N < 8: result bit i comes from row 7 - i. */
static uint64_t shift_matrix(enum vec_shift kind, unsigned n)
{
    uint64_t matrix = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned from = kind == VEC_SHL ? i - n : i + n;
        if (kind == VEC_SAR && from > 7)
            from = 7;
        if (from < 8)
            matrix |= (1ull << from) << 8 * (7 - i);
    }
    return matrix;
}

static void shift_bytes(struct emitter *e, enum vec_shift kind, unsigned dst, unsigned src, unsigned n)
{
    struct x86_asm *a = &e->a;
    if (kind == VEC_SAR && n > 7)
        n = 7;
    if (n > 7) {
        asm_vzero(a, dst);
        return;
    }
    if (a->has->gfni) {
        asm_v3mi(a, V_gf2p8affineqb, dst, src, vec_literal(e, shift_matrix(kind, n)), 0);
        return;
    }
    unsigned keep = kind == VEC_SHL ? 0xffu << n & 0xff : 0xffu >> n;
    asm_vshift(a, kind == VEC_SHL ? V_psllw_i : V_psrlw_i, dst, src, n);
    asm_v3m(a, V_pand, dst, dst, vec_literal(e, vec_repeat(0, keep)));
    if (kind == VEC_SAR) {
        struct x86_mem sign = vec_literal(e, vec_repeat(0, 0x80u >> n));
        asm_v3m(a, V_pxor, dst, dst, sign);
        asm_v3m(a, V_psubb, dst, dst, sign);
    }
}

/* 64-bit lanes without AVX-512: the sign fills from a compare. */
static void sar_quads(struct emitter *e, unsigned dst, unsigned src, unsigned n)
{
    unsigned sign = vec_temp(e);
    asm_vzero(&e->a, sign);
    asm_v3(&e->a, V_pcmpgtq, sign, sign, src);
    asm_vshift(&e->a, V_psrlq_i, dst, src, n);
    asm_vshift(&e->a, V_psllq_i, sign, sign, 64 - n);
    asm_v3(&e->a, V_por, dst, dst, sign);
}

void vec_emit_shift(struct emitter *e, enum vec_shift kind, unsigned log2, unsigned dst, unsigned src, unsigned n)
{
    if (n == 0)
        asm_movv(&e->a, dst, src);
    else if (log2 == 0)
        shift_bytes(e, kind, dst, src, n);
    else if (kind == VEC_SAR && log2 == 3 && !e->a.has->avx512vl)
        sar_quads(e, dst, src, n);
    else
        asm_vshift(&e->a, (enum x86_vop)shift_rows[kind][log2], dst, src, n);
}

static enum vec_shift shift_kind(const struct ir_op *op)
{
    switch (op->op) {
    case IR_vshl: case IR_vsli: return VEC_SHL;
    case IR_vsshr: case IR_vsrshr: return VEC_SAR;
    default: return VEC_SHR;
    }
}

void emit_vshift(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned src = vec_use(e, op->a);
    vec_emit_shift(e, shift_kind(op), lane(op), vec_def_reuse(e, ref), src, op->d);
}

/* (a >> d) plus the last bit shifted out. */
void emit_vrshift(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op);
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref), bit = vec_temp(e);
    vec_emit_shift(e, VEC_SHR, log2, bit, src, op->d - 1u);
    asm_v3m(&e->a, V_pand, bit, bit, vec_literal(e, vec_repeat(log2, 1)));
    vec_emit_shift(e, shift_kind(op), log2, dst, src, op->d);
    asm_v3(&e->a, (enum x86_vop)vec_add[log2], dst, dst, bit);
}

void emit_vinsert_shift(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op), width = 8u << log2;
    enum vec_shift kind = op->op == IR_vsli ? VEC_SHL : VEC_SHR;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    uint64_t ones = width == 64 ? UINT64_MAX : (1ull << width) - 1;
    uint64_t moved = op->d >= width ? 0 : kind == VEC_SHL ? ones << op->d & ones : ones >> op->d;
    vec_emit_shift(e, kind, log2, t, b, op->d);
    asm_v3m(&e->a, V_pand, dst, a, vec_literal(e, vec_repeat(log2, ones & ~moved)));
    asm_v3(&e->a, V_por, dst, dst, t);
}

/* -- Shifts by registers ------------------------------------------------------------------------------------ */

/* Counts beyond the width give 0 (or the sign): so a left and a right shift, one of which has a huge count. */
void emit_vshl_var(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint16_t left[4] = {0, V_vpsllvw, V_vpsllvd, V_vpsllvq};
    static const uint16_t right[2][4] = {
        {0, V_vpsrlvw, V_vpsrlvd, V_vpsrlvq},
        {0, V_vpsravw, V_vpsravd, V_vpsravq},
    };
    unsigned log2 = lane(op), width = 8u << log2;
    bool is_signed = op->op == IR_vsshl;
    const struct x86_features *has = e->a.has;
    if (log2 == 0 || !has->avx2 || (log2 == 1 && !has->avx512bw) || (log2 == 3 && !has->avx512vl)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    unsigned n = vec_temp(e), t = vec_temp(e);
    vec_emit_shift(e, VEC_SHL, log2, n, b, width - 8);
    vec_emit_shift(e, VEC_SAR, log2, n, n, width - 8);
    asm_v3(&e->a, (enum x86_vop)left[log2], dst, a, n);
    asm_vzero(&e->a, t);
    asm_v3(&e->a, (enum x86_vop)vec_sub[log2], t, t, n);
    asm_v3(&e->a, (enum x86_vop)right[is_signed][log2], t, a, t);
    if (!is_signed) {
        asm_v3(&e->a, V_por, dst, dst, t);
        return;
    }
    /* The sign of the count picks; bytes of a word all have its sign after a shift. */
    if (log2 == 1)
        asm_vshift(&e->a, V_psraw_i, n, n, 15);
    asm_v4(&e->a, log2 == 3 ? V_vblendvpd : log2 == 2 ? V_vblendvps : V_vpblendvb, dst, dst, t, n);
}

/* -- Widening and narrowing ------------------------------------------------------------------------------------ */

/* Low half of each lane shifted right by N, packed into the low half of dst; the rest zero. log2: of the result. */
static void pack_shifted(struct emitter *e, unsigned log2, unsigned dst, unsigned src, unsigned n)
{
    unsigned skip = n % 8 ? 0 : n / 8;
    if (n % 8)
        asm_vshift(&e->a, (enum x86_vop)shift_rows[VEC_SHR][log2 + 1], dst, src, n);
    uint64_t index = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned from = (i >> log2) * (2u << log2) + (i & ((1u << log2) - 1)) + skip;
        index |= (uint64_t)from << 8 * i;
    }
    asm_v3m(&e->a, V_pshufb, dst, n % 8 ? dst : src, asm_literal(&e->a, index, UINT64_MAX));
}

void emit_vshrn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op), src = vec_use(e, op->a);
    if (op->op == IR_vshrn) {
        pack_shifted(e, log2, vec_def_one(e, ref), src, op->d);
        return;
    }
    unsigned dst = vec_def(e, ref);
    /* A carry out of the lane is above the bits that are kept. */
    asm_v3m(&e->a, (enum x86_vop)vec_add[log2 + 1], dst, src, vec_literal(e, vec_repeat(log2 + 1, 1ull << (op->d - 1))));
    pack_shifted(e, log2, dst, dst, op->d);
}

void emit_vaddhn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned log2 = lane(op), half = 8u << log2;
    bool subtracts = op->op == IR_vsubhn || op->op == IR_vrsubhn;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref);
    asm_v3(&e->a, (enum x86_vop)(subtracts ? vec_sub : vec_add)[log2 + 1], dst, a, b);
    if (op->op == IR_vraddhn || op->op == IR_vrsubhn)
        asm_v3m(&e->a, (enum x86_vop)vec_add[log2 + 1], dst, dst,
                vec_literal(e, vec_repeat(log2 + 1, 1ull << (half - 1))));
    pack_shifted(e, log2, dst, dst, half);
}

void emit_vmull(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool is_signed = op->op == IR_vsmull;
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    switch (lane(op)) {
    case 1:
        asm_v2(&e->a, is_signed ? V_pmovsxbw : V_pmovzxbw, dst, a);
        asm_v2(&e->a, is_signed ? V_pmovsxbw : V_pmovzxbw, t, b);
        asm_v3(&e->a, V_pmullw, dst, dst, t);
        break;
    case 2:
        asm_v3(&e->a, is_signed ? V_pmulhw : V_pmulhuw, t, a, b);
        asm_v3(&e->a, V_pmullw, dst, a, b);
        asm_v3(&e->a, V_punpcklwd, dst, dst, t);
        break;
    default:
        asm_v2i(&e->a, V_pshufd, dst, a, 0x10);
        asm_v2i(&e->a, V_pshufd, t, b, 0x10);
        asm_v3(&e->a, is_signed ? V_pmuldq : V_pmuludq, dst, dst, t);
        break;
    }
}

void emit_vpmull(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (op->type != T_1D || !e->a.has->pclmul) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b);
    asm_v3i(&e->a, V_pclmulqdq, vec_def_one(e, ref), a, b, 0);
}

/* dst = sums of adjacent lanes of src, to lanes of 2^log2 bytes (1..3). */
static bool can_addlp(const struct emitter *e, unsigned log2, bool is_signed)
{
    return !(log2 == 3 && is_signed && !e->a.has->avx512vl);
}

static void addlp(struct emitter *e, unsigned log2, bool is_signed, unsigned dst, unsigned src)
{
    struct x86_asm *a = &e->a;
    if (log2 == 1 && is_signed) {
        asm_v2m(a, V_movaps, dst, vec_literal(e, vec_repeat(0, 1)));
        asm_v3(a, V_pmaddubsw, dst, dst, src);
    } else if (log2 == 1) {
        asm_v3m(a, V_pmaddubsw, dst, src, vec_literal(e, vec_repeat(0, 1)));
    } else if (log2 == 2 && is_signed) {
        asm_v3m(a, V_pmaddwd, dst, src, vec_literal(e, vec_repeat(1, 1)));
    } else {
        unsigned t = vec_temp(e), half = 4u << log2;
        if (is_signed) {
            vec_emit_shift(e, VEC_SHL, log2, t, src, half);
            vec_emit_shift(e, VEC_SAR, log2, t, t, half);
        } else {
            asm_v3m(a, V_pand, t, src, vec_literal(e, vec_repeat(log2, (1ull << half) - 1)));
        }
        vec_emit_shift(e, is_signed ? VEC_SAR : VEC_SHR, log2, dst, src, half);
        asm_v3(a, (enum x86_vop)vec_add[log2], dst, dst, t);
    }
}

void emit_vaddlp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool is_signed = op->op == IR_vsaddlp;
    if (!can_addlp(e, lane(op), is_signed)) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned src = vec_use(e, op->a);
    addlp(e, lane(op), is_signed, vec_def(e, ref), src);
}
