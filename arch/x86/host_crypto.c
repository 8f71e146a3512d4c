/* host_crypto.c - open-coded AES and SHA operations. */
#include "arch/x86/host_vec.h"

/* -- AES ------------------------------------------------------------------------------------------
 * The guest's rounds are (state ^ key), ShiftRows, SubBytes | MixColumns; the host's are ShiftRows, SubBytes,
 * MixColumns | ^ key. A chain aese, aesmc, aese... whose inner values nothing else reads is regrouped: the register
 * of such an aese holds state ^ key only, that of such an aesmc what it was given, and the next aese does both. */

enum { AES_SEARCH = 24 };

/* The only reader of REF if it is an operation OP close by, else IR_NONE. */
static ir_ref only_reader(const struct emitter *e, ir_ref ref, unsigned code)
{
    ir_ref last = e->ra.value[ref].last_use, reader = IR_NONE;
    if (last <= ref || last - ref > AES_SEARCH)
        return IR_NONE;
    for (ir_ref i = (ir_ref)(ref + 1); i <= last; i++) {
        const struct ir_op *op = &e->ir->ops[i];
        const struct ir_op_info *info = &ir_op_info[op->op];
        bool reads = (info->a == IR_CLASS_V && op->a == ref) || (info->b == IR_CLASS_V && op->b == ref) ||
                     (info->c == IR_CLASS_V && op->c == ref);
        if (!reads)
            continue;
        if (reader || op->op != code || (op->op != IR_aesmc && op->op != IR_aesimc && op->a == op->b))
            return IR_NONE;
        reader = i;
    }
    return reader;
}

/* True if REF is an aese (aesd) whose only reader is an aesmc (aesimc). */
static bool is_open_round(const struct emitter *e, ir_ref ref)
{
    unsigned code = e->ir->ops[ref].op;
    if (!e->a.has->aes || (code != IR_aese && code != IR_aesd))
        return false;
    return only_reader(e, ref, code == IR_aese ? IR_aesmc : IR_aesimc) != IR_NONE;
}

/* True if REF is an aesmc (aesimc) of an open round whose only reader is another aese (aesd). */
static bool is_open_mix(const struct emitter *e, ir_ref ref)
{
    const struct ir_op *op = &e->ir->ops[ref];
    if ((op->op != IR_aesmc && op->op != IR_aesimc) || !is_open_round(e, op->a))
        return false;
    return only_reader(e, ref, op->op == IR_aesmc ? IR_aese : IR_aesd) != IR_NONE;
}

void emit_aes_round(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool decrypts = op->op == IR_aesd;
    if (!e->a.has->aes) {
        emit_eval_call(e, ref, op);
        return;
    }
    ir_ref state = op->a, key = op->b;
    if (is_open_mix(e, key)) {
        state = op->b;
        key = op->a;
    }
    unsigned s = vec_use(e, state), k = vec_use(e, key), dst = vec_def_one(e, ref);
    if (is_open_mix(e, state) && !is_open_mix(e, key)) {
        asm_v3(&e->a, decrypts ? V_aesdec : V_aesenc, dst, s, k);
    } else if (is_open_mix(e, state)) {
        unsigned t = vec_temp(e);
        asm_v3m(&e->a, decrypts ? V_aesdec : V_aesenc, t, k, vec_literal(e, 0));
        asm_v3(&e->a, decrypts ? V_aesdec : V_aesenc, dst, s, t);
    } else {
        asm_v3(&e->a, V_pxor, dst, s, k);
    }
    if (!is_open_round(e, ref))
        asm_v3m(&e->a, decrypts ? V_aesdeclast : V_aesenclast, dst, dst, vec_literal(e, 0));
}

void emit_aes_mix(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool decrypts = op->op == IR_aesimc;
    if (!e->a.has->aes) {
        emit_eval_call(e, ref, op);
        return;
    }
    if (is_open_mix(e, ref)) {
        vec_def_over(e, ref, op->a);
        return;
    }
    unsigned src = vec_use(e, op->a), dst = vec_def_one(e, ref);
    struct x86_mem zero = vec_literal(e, 0);
    if (is_open_round(e, op->a)) {
        asm_v3m(&e->a, decrypts ? V_aesdec : V_aesenc, dst, src, zero);
    } else if (decrypts) {
        asm_v2(&e->a, V_aesimc, dst, src);
    } else { /* undo ShiftRows and SubBytes first */
        asm_v3m(&e->a, V_aesdeclast, dst, src, zero);
        asm_v3m(&e->a, V_aesenc, dst, dst, zero);
    }
}

/* -- SHA-1: the host has the first word in the high lane and adds the round constant itself ---------------- */

void emit_sha1_rounds(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint32_t constant[3] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc};
    unsigned kind = op->op == IR_sha1c ? 0 : op->op == IR_sha1p ? 1 : 2;
    if (!e->a.has->sha) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned abcd = vec_use(e, op->a), word_e = vec_use(e, op->b), w = vec_use(e, op->c);
    unsigned dst = vec_def(e, ref), t = vec_temp(e), u = vec_temp(e);
    asm_movv(&e->a, t, w);
    asm_v3m(&e->a, V_psubd, t, t, vec_literal(e, vec_repeat(2, constant[kind])));
    asm_v2i(&e->a, V_pshufd, t, t, 0x1b);
    asm_vshift(&e->a, V_pslldq_i, u, word_e, 12);
    asm_v3(&e->a, V_paddd, t, t, u);
    asm_v2i(&e->a, V_pshufd, dst, abcd, 0x1b);
    asm_v3i(&e->a, V_sha1rnds4, dst, dst, t, kind);
    asm_v2i(&e->a, V_pshufd, dst, dst, 0x1b);
}

/* dst = lanes of t rotated left by one. */
static void rotate_left_1(struct emitter *e, unsigned dst, unsigned t, unsigned scratch)
{
    asm_vshift(&e->a, V_psrld_i, scratch, t, 31);
    asm_vshift(&e->a, V_pslld_i, dst, t, 1);
    asm_v3(&e->a, V_por, dst, dst, scratch);
}

void emit_sha1h(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned src = vec_use(e, op->a), dst = vec_def(e, ref), t = vec_temp(e);
    asm_v3i(&e->a, V_insertps, t, src, src, 0x0e);
    asm_vshift(&e->a, V_pslld_i, dst, t, 30);
    asm_vshift(&e->a, V_psrld_i, t, t, 2);
    asm_v3(&e->a, V_por, dst, dst, t);
}

void emit_sha1su0(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), c = vec_use(e, op->c), dst = vec_def(e, ref);
    asm_v3i(&e->a, V_shufpd, dst, a, b, 1);
    asm_v3(&e->a, V_pxor, dst, dst, a);
    asm_v3(&e->a, V_pxor, dst, dst, c);
}

void emit_sha1su1(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e), u = vec_temp(e);
    asm_vshift(&e->a, V_psrldq_i, t, b, 4);
    asm_v3(&e->a, V_pxor, t, t, a);
    rotate_left_1(e, dst, t, u);
    asm_vshift(&e->a, V_pslldq_i, t, dst, 12);
    rotate_left_1(e, t, t, u);
    asm_v3(&e->a, V_pxor, dst, dst, t);
}

/* -- SHA-256: the host works on ABEF and CDGH, high lane first, two rounds at a time ------------------------ */

void emit_sha256_rounds(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (!e->a.has->sha) {
        emit_eval_call(e, ref, op);
        return;
    }
    bool second = op->op == IR_sha256h2; /* operands are efgh, abcd; the result efgh */
    ra_take(&e->ra, RA_VEC + 0);         /* the words of the message are in xmm0 */
    unsigned abcd = vec_use(e, second ? op->b : op->a), efgh = vec_use(e, second ? op->a : op->b);
    unsigned w = vec_use(e, op->c), dst = vec_def(e, ref), abef = vec_temp(e), cdgh = vec_temp(e);
    asm_v3i(&e->a, V_shufps, abef, efgh, abcd, 0x11);
    asm_v3i(&e->a, V_shufps, cdgh, efgh, abcd, 0xbb);
    asm_movv(&e->a, 0, w);
    asm_v3(&e->a, V_sha256rnds2, cdgh, cdgh, abef); /* the new ABEF; the old one is the new CDGH */
    asm_v2i(&e->a, V_pshufd, 0, w, 0x0e);
    asm_v3(&e->a, V_sha256rnds2, abef, abef, cdgh);
    asm_v3i(&e->a, V_shufps, dst, abef, cdgh, second ? 0x11 : 0xbb);
}

void emit_sha256su0(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (!e->a.has->sha) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned b = vec_use(e, op->b), dst = vec_def_over(e, ref, op->a);
    asm_v3(&e->a, V_sha256msg1, dst, dst, b);
}

void emit_sha256su1(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (!e->a.has->sha) {
        emit_eval_call(e, ref, op);
        return;
    }
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), c = vec_use(e, op->c), dst = vec_def(e, ref);
    asm_v3i(&e->a, V_palignr, dst, c, b, 4);
    asm_v3(&e->a, V_paddd, dst, dst, a);
    asm_v3(&e->a, V_sha256msg2, dst, dst, c);
}

/* -- SHA-3 ----------------------------------------------------------------------------------------------------- */

static void rotate_quads(struct emitter *e, unsigned dst, unsigned t, unsigned n)
{
    if (e->a.has->avx512vl) {
        asm_vshift(&e->a, V_vprorq_i, dst, t, n);
        return;
    }
    asm_vshift(&e->a, V_psrlq_i, dst, t, n);
    asm_vshift(&e->a, V_psllq_i, t, t, 64 - n);
    asm_v3(&e->a, V_por, dst, dst, t);
}

void emit_xar(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    asm_v3(&e->a, V_pxor, t, a, b);
    rotate_quads(e, dst, t, op->d & 63);
}

void emit_rax1(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned a = vec_use(e, op->a), b = vec_use(e, op->b), dst = vec_def(e, ref), t = vec_temp(e);
    asm_movv(&e->a, t, b);
    rotate_quads(e, dst, t, 63);
    asm_v3(&e->a, V_pxor, dst, dst, a);
}
