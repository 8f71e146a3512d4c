/* host_asm_vec.c - the x86-64 encoder: vector instructions, from the rows of host_asm.def. */
#include "arch/x86/host_asm_enc.h"
#include "core/log.h"

enum {
    NDS = 1, SWAP = 2, MERGE = 4, IMM = 8, VEX = 16, EVEX = 32, SSE = 64, HAS_DIGIT = 128,
    DIGIT_SHIFT = 8
};
#define DIGIT(n) (HAS_DIGIT | (n) << DIGIT_SHIFT)

static const struct vop_row {
    char name[20];
    uint8_t prefix, map, opcode, w, bytes;
    uint16_t flags;
} rows[V_N_OPS] = {
#define VOP(name, pp, map, opcode, w, flags, bytes) [V_##name] = {#name, pp, map, opcode, w, bytes, flags},
#include "arch/x86/host_asm.def"
#undef VOP
};

static uint8_t mem_class(unsigned bytes)
{
    return bytes == 1 ? O_8 : bytes == 2 ? O_16 : bytes == 4 ? O_32 : bytes == 8 ? O_64 : O_128;
}

static struct enc row_enc(const struct x86_asm *a, enum x86_vop op)
{
    const struct vop_row *r = &rows[op];
    struct enc e = {
        .name = r->name, .prefix = r->prefix, .map = r->map, .opcode = r->opcode, .w = r->w,
        .reg_class = O_X, .rm_class = O_X, .mem_class = mem_class(r->bytes),
    };
    if (r->flags & EVEX)
        e.form = ENC_EVEX;
    else if ((a->has->avx || (r->flags & VEX)) && !(r->flags & SSE))
        e.form = ENC_VEX;
    /* REX.W is set only where an operand is general; VEX.W as the row says. */
    if (e.form == ENC_LEGACY)
        e.w = 0;
    return e;
}

void asm_movv(struct x86_asm *a, unsigned dst, unsigned src)
{
    if (dst != src)
        asm_v2(a, V_movaps, dst, src);
}

/* Three operands: E with its vvvv, or a move first. s2 is a register unless E has a memory operand. */
static void emit_nds(struct x86_asm *a, enum x86_vop op, struct enc e, unsigned dst, unsigned s1, unsigned s2)
{
    if (e.form != ENC_LEGACY) {
        /* A second source below 8 saves a byte of VEX prefix. */
        if (!e.is_mem && (rows[op].flags & SWAP) && s2 >= 8 && s1 < 8) {
            unsigned s = s1;
            s1 = s2;
            s2 = s;
        }
        e.v_class = O_X;
        e.v = (uint8_t)s1;
    } else if (dst != s1) {
        if (!e.is_mem && dst == s2) {
            if (!(rows[op].flags & SWAP))
                bug("%s: destination is the second source", e.name);
            s2 = s1;
        } else {
            asm_v2(a, V_movaps, dst, s1);
        }
    }
    e.reg = (uint8_t)dst;
    e.rm = (uint8_t)s2;
    enc_emit(a, &e);
}

static struct enc mem_enc(const struct x86_asm *a, enum x86_vop op, struct x86_mem m)
{
    struct enc e = row_enc(a, op);
    e.is_mem = true;
    e.m = m;
    return e;
}

static struct enc imm_enc(struct enc e, unsigned imm)
{
    e.imm = imm;
    e.imm_size = 1;
    return e;
}

void asm_v3(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2)
{
    emit_nds(a, op, row_enc(a, op), dst, s1, s2);
}

void asm_v3m(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, struct x86_mem m)
{
    emit_nds(a, op, mem_enc(a, op, m), dst, s1, 0);
}

void asm_v3i(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2, unsigned imm)
{
    emit_nds(a, op, imm_enc(row_enc(a, op), imm), dst, s1, s2);
}

void asm_v3mi(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, struct x86_mem m, unsigned imm)
{
    emit_nds(a, op, imm_enc(mem_enc(a, op, m), imm), dst, s1, 0);
}

/* Two operands; the first source of merging scalar operations is V. */
static void emit_two(struct x86_asm *a, enum x86_vop op, struct enc e, unsigned dst, unsigned v)
{
    if (e.form != ENC_LEGACY && (rows[op].flags & MERGE)) {
        e.v_class = O_X;
        e.v = (uint8_t)v;
    }
    e.reg = (uint8_t)dst;
    enc_emit(a, &e);
}

static struct enc with_rm(struct enc e, unsigned rm)
{
    e.rm = (uint8_t)rm;
    return e;
}

void asm_v2(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src)
{
    struct enc e = row_enc(a, op);
    /* The store form of a move has the high register where VEX needs no third byte. */
    if (op == V_movaps && e.form == ENC_VEX && src >= 8 && dst < 8) {
        e.opcode = 0x29;
        e.order = ORDER_RM_REG;
        e.rm = (uint8_t)dst;
        e.reg = (uint8_t)src;
        enc_emit(a, &e);
        return;
    }
    emit_two(a, op, with_rm(e, src), dst, src);
}

void asm_v2m(struct x86_asm *a, enum x86_vop op, unsigned dst, struct x86_mem m)
{
    emit_two(a, op, mem_enc(a, op, m), dst, dst);
}

void asm_v2i(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src, unsigned imm)
{
    emit_two(a, op, imm_enc(with_rm(row_enc(a, op), src), imm), dst, src);
}

void asm_v2mi(struct x86_asm *a, enum x86_vop op, unsigned dst, struct x86_mem m, unsigned imm)
{
    emit_two(a, op, imm_enc(mem_enc(a, op, m), imm), dst, dst);
}

void asm_vshift(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src, unsigned n)
{
    struct enc e = imm_enc(row_enc(a, op), n);
    e.reg_class = O_NONE;
    e.reg = (uint8_t)(rows[op].flags >> DIGIT_SHIFT);
    if (e.form == ENC_LEGACY) {
        asm_movv(a, dst, src);
        e.rm = (uint8_t)dst;
    } else {
        e.v_class = O_X;
        e.v = (uint8_t)dst;
        e.rm = (uint8_t)src;
        e.order = ORDER_V_RM;
    }
    enc_emit(a, &e);
}

void asm_v4(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2, unsigned s3)
{
    asm_v3i(a, op, dst, s1, s2, s3 << 4);
}

void asm_vstore(struct x86_asm *a, enum x86_vop op, struct x86_mem m, unsigned src)
{
    struct enc e = mem_enc(a, op, m);
    e.order = ORDER_RM_REG;
    e.reg = (uint8_t)src;
    enc_emit(a, &e);
}

/* -- General registers ----------------------------------------------------------------------------- */

static struct enc gpr_rm_enc(const struct x86_asm *a, enum x86_vop op, unsigned w)
{
    struct enc e = row_enc(a, op);
    e.w = (uint8_t)w;
    e.rm_class = e.mem_class = enc_gpr(w);
    return e;
}

static void emit_from(struct x86_asm *a, enum x86_vop op, struct enc e, unsigned dst)
{
    if (e.form != ENC_LEGACY && (rows[op].flags & NDS)) {
        e.v_class = O_X;
        e.v = (uint8_t)dst;
    }
    e.reg = (uint8_t)dst;
    enc_emit(a, &e);
}

void asm_v_from_r(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, unsigned src)
{
    emit_from(a, op, with_rm(gpr_rm_enc(a, op, w), src), dst);
}

void asm_v_from_m(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, struct x86_mem m)
{
    struct enc e = gpr_rm_enc(a, op, w);
    e.is_mem = true;
    e.m = m;
    emit_from(a, op, e, dst);
}

void asm_r_from_v(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, unsigned src)
{
    if (op == V_movd_st) {
        struct enc e = gpr_rm_enc(a, op, w);
        e.order = ORDER_RM_REG;
        e.reg = (uint8_t)src;
        e.rm = (uint8_t)dst;
        enc_emit(a, &e);
        return;
    }
    struct enc e = row_enc(a, op);
    e.w = (uint8_t)w;
    e.reg_class = enc_gpr(w);
    e.reg = (uint8_t)dst;
    e.rm = (uint8_t)src;
    enc_emit(a, &e);
}

static const char *const pextr_name[4] = {"pextrb", "pextrw", "pextrd", "pextrq"};
static const char *const pinsr_name[4] = {"pinsrb", "pinsrw", "pinsrd", "pinsrq"};

static struct enc lane_enc(const struct x86_asm *a, const char *name, unsigned map, unsigned opcode, unsigned log2,
                           unsigned lane)
{
    struct enc e = {
        .name = name, .prefix = 1, .map = (uint8_t)map, .opcode = (uint8_t)opcode, .w = log2 == 3,
        .form = a->has->avx ? ENC_VEX : ENC_LEGACY, .reg_class = O_X, .rm_class = enc_gpr(log2 == 3),
        .mem_class = (uint8_t)(O_8 + log2),
    };
    return imm_enc(e, lane);
}

void asm_pextr(struct x86_asm *a, unsigned log2, unsigned dst, unsigned src, unsigned lane)
{
    static const uint8_t opcode[4] = {0x14, 0xc5, 0x16, 0x16};
    if (lane == 0 && log2 >= 2) {
        asm_r_from_v(a, V_movd_st, log2 == 3, dst, src);
        return;
    }
    struct enc e = lane_enc(a, pextr_name[log2], log2 == 1 ? 1 : 3, opcode[log2], log2, lane);
    bool general_in_reg = log2 == 1; /* pextrw's register form is the older, shorter one */
    e.order = general_in_reg ? ORDER_REG_RM : ORDER_RM_REG;
    if (general_in_reg) {
        e.reg_class = O_32;
        e.rm_class = O_X;
    }
    e.reg = (uint8_t)(general_in_reg ? dst : src);
    e.rm = (uint8_t)(general_in_reg ? src : dst);
    enc_emit(a, &e);
}

void asm_pextr_m(struct x86_asm *a, unsigned log2, struct x86_mem m, unsigned src, unsigned lane)
{
    static const uint8_t opcode[4] = {0x14, 0x15, 0x16, 0x16};
    struct enc e = lane_enc(a, pextr_name[log2], 3, opcode[log2], log2, lane);
    e.order = ORDER_RM_REG;
    e.reg = (uint8_t)src;
    e.is_mem = true;
    e.m = m;
    enc_emit(a, &e);
}

static void emit_pinsr(struct x86_asm *a, struct enc e, unsigned dst, unsigned s1)
{
    if (e.form == ENC_LEGACY) {
        asm_movv(a, dst, s1);
    } else {
        e.v_class = O_X;
        e.v = (uint8_t)s1;
    }
    e.reg = (uint8_t)dst;
    enc_emit(a, &e);
}

static struct enc pinsr_enc(const struct x86_asm *a, unsigned log2, unsigned lane)
{
    static const uint8_t opcode[4] = {0x20, 0xc4, 0x22, 0x22};
    return lane_enc(a, pinsr_name[log2], log2 == 1 ? 1 : 3, opcode[log2], log2, lane);
}

void asm_pinsr(struct x86_asm *a, unsigned log2, unsigned dst, unsigned s1, unsigned r, unsigned lane)
{
    emit_pinsr(a, with_rm(pinsr_enc(a, log2, lane), r), dst, s1);
}

void asm_pinsr_m(struct x86_asm *a, unsigned log2, unsigned dst, unsigned s1, struct x86_mem m, unsigned lane)
{
    struct enc e = pinsr_enc(a, log2, lane);
    e.is_mem = true;
    e.m = m;
    emit_pinsr(a, e, dst, s1);
}

void asm_vzero(struct x86_asm *a, unsigned dst) { asm_v3(a, V_xorps, dst, dst, dst); }
void asm_vones(struct x86_asm *a, unsigned dst) { asm_v3(a, V_pcmpeqd, dst, dst, dst); }

void asm_cvtps2ph(struct x86_asm *a, unsigned dst, unsigned src, unsigned rounding)
{
    struct enc e = {
        .name = "vcvtps2ph", .prefix = 1, .map = 3, .opcode = 0x1d, .form = ENC_VEX, .order = ORDER_RM_REG,
        .reg_class = O_X, .rm_class = O_X, .reg = (uint8_t)src, .rm = (uint8_t)dst,
    };
    e = imm_enc(e, rounding);
    enc_emit(a, &e);
}

/* -- AVX-512 ------------------------------------------------------------------------------------------- */

void asm_vpcmp(struct x86_asm *a, unsigned log2, bool is_signed, unsigned k, unsigned s1, unsigned s2, unsigned pred)
{
    static const char *const name[2][4] = {
        {"vpcmpub", "vpcmpuw", "vpcmpud", "vpcmpuq"},
        {"vpcmpb", "vpcmpw", "vpcmpd", "vpcmpq"},
    };
    struct enc e = {
        .name = name[is_signed][log2], .prefix = 1, .map = 3,
        .opcode = (uint8_t)((log2 < 2 ? 0x3e : 0x1e) | is_signed), .w = log2 & 1, .form = ENC_EVEX,
        .reg_class = O_K, .v_class = O_X, .rm_class = O_X, .reg = (uint8_t)k, .v = (uint8_t)s1, .rm = (uint8_t)s2,
    };
    e = imm_enc(e, pred);
    enc_emit(a, &e);
}

void asm_vpmovm2(struct x86_asm *a, unsigned log2, unsigned dst, unsigned k)
{
    static const char *const name[4] = {"vpmovm2b", "vpmovm2w", "vpmovm2d", "vpmovm2q"};
    struct enc e = {
        .name = name[log2], .prefix = 2, .map = 2, .opcode = log2 < 2 ? 0x28 : 0x38, .w = log2 & 1, .form = ENC_EVEX,
        .reg_class = O_X, .rm_class = O_K, .reg = (uint8_t)dst, .rm = (uint8_t)k,
    };
    enc_emit(a, &e);
}

void asm_vpmov_narrow(struct x86_asm *a, unsigned log2, unsigned dst, unsigned src)
{
    static const char *const name[4] = {"", "vpmovwb", "vpmovdw", "vpmovqd"};
    static const uint8_t opcode[4] = {0, 0x30, 0x33, 0x35};
    struct enc e = {
        .name = name[log2], .prefix = 2, .map = 2, .opcode = opcode[log2], .form = ENC_EVEX, .order = ORDER_RM_REG,
        .reg_class = O_X, .rm_class = O_X, .reg = (uint8_t)src, .rm = (uint8_t)dst,
    };
    enc_emit(a, &e);
}
