/* host_vec.h - what the files that open-code vector and floating-point operations share.
 *
 * Vector registers are plain numbers 0..15 here. An emitter either asks the allocator for registers and writes code, or,
 * before it asked for any, hands the operation to emit_eval_call. */
#pragma once
#include "arch/x86/host_emit.h"

static inline unsigned vec_use(struct emitter *e, ir_ref v) { return (unsigned)vec_reg(ra_use(&e->ra, v)); }
static inline unsigned vec_def(struct emitter *e, ir_ref ref) { return (unsigned)vec_reg(ra_def(&e->ra, ref)); }
static inline unsigned vec_temp(struct emitter *e) { return (unsigned)vec_reg(ra_temp(&e->ra, true)); }
static inline unsigned gpr_use(struct emitter *e, ir_ref v) { return (unsigned)ra_use(&e->ra, v); }
static inline unsigned gpr_def(struct emitter *e, ir_ref ref) { return (unsigned)ra_def(&e->ra, ref); }
static inline unsigned gpr_temp(struct emitter *e) { return (unsigned)ra_temp(&e->ra, false); }
/* Result that may share a dying operand's register: for code whose last reads are in the instruction that writes it. */
static inline unsigned vec_def_reuse(struct emitter *e, ir_ref ref)
{
    return (unsigned)vec_reg(ra_def_reuse(&e->ra, ref));
}
static inline unsigned vec_def_over(struct emitter *e, ir_ref ref, ir_ref a)
{
    return (unsigned)vec_reg(ra_def_over(&e->ra, ref, a));
}
/* The same for one instruction `op dst, src, ...` whose legacy form must not have a second source as destination. */
static inline unsigned vec_def_one(struct emitter *e, ir_ref ref)
{
    return e->a.has->avx ? vec_def_reuse(e, ref) : vec_def(e, ref);
}

/* V replicated to all lanes of 2^log2 bytes of 64 bits. */
uint64_t vec_repeat(unsigned log2, uint64_t v);
static inline struct x86_mem vec_literal(struct emitter *e, uint64_t v) { return asm_literal(&e->a, v, v); }
/* ~dst. */
void vec_emit_not(struct emitter *e, unsigned dst);
/* Shift lanes by N, 0 <= N <= width. dst may be src. */
enum vec_shift { VEC_SHL, VEC_SHR, VEC_SAR };
bool vec_can_shift(const struct emitter *e, enum vec_shift kind, unsigned log2);
void vec_emit_shift(struct emitter *e, enum vec_shift kind, unsigned log2, unsigned dst, unsigned src, unsigned n);
/* dst = low halves of a and b in one register. */
void vec_emit_join(struct emitter *e, unsigned dst, unsigned a, unsigned b);
/* One instruction with two sources, the second of which may be in memory. */
void vec_emit_binary(struct emitter *e, ir_ref ref, ir_ref a, ir_ref b, enum x86_vop vop, bool commutes);

/* True if the register of REF is known to be zero above its low BYTES (4 or 8): then `vlow` costs nothing and the upper
 * lanes of an instruction raise nothing. Follows from how the emitters of host_*.c choose their instructions. */
bool vec_is_clean(const struct emitter *e, ir_ref ref, unsigned bytes);
/* True if the emitter of a commutative scalar OP takes b as the first source, whose upper part the result gets. */
bool vec_swaps_sources(const struct emitter *e, const struct ir_op *op);

/* True if the insertion OP is of lane 0 into zeros. */
static inline bool vec_is_alone(const struct emitter *e, const struct ir_op *op)
{
    const struct ir_op *into = &e->ir->ops[op->a];
    return op->aux == 0 && into->op == IR_vconst && into->imm == 0;
}
/* True if OP of type 2s may work on its undefined half as it is: zeros, which raise nothing and give zeros. */
bool vec_keeps_zeros(const struct emitter *e, const struct ir_op *op);

/* Instructions by lane size, [log2]; V_movaps (0) stands for none. */
extern const uint16_t vec_add[4], vec_sub[4], vec_cmpeq[4], vec_cmpgt[4];
extern const uint16_t vec_minmax[4][4]; /* smin smax umin umax */

/* One line per emitter: which file has it follows from the table in host_vec.c. */
emit_fn emit_loadv, emit_storev, emit_vlow, emit_vhigh, emit_vcombine, emit_vdup, emit_vdupl, emit_vins, emit_vinsl,
    emit_vget, emit_vbitwise, emit_vnot, emit_vorn, emit_vandn, emit_vbsl, emit_vext, emit_vzip, emit_vuzp, emit_vtrn,
    emit_vrev, emit_vtbl, emit_vxtn, emit_vxtl;
/* host_vec_int.c */
emit_fn emit_vlanes, emit_vneg, emit_vabs, emit_vmul, emit_vcmge, emit_vcmhs, emit_vcmhi, emit_vtst, emit_vabd,
    emit_vhadd, emit_vbytes_lut, emit_vclz, emit_vshift, emit_vrshift, emit_vinsert_shift, emit_vshl_var, emit_vsat_add,
    emit_vsat_narrow, emit_vshrn, emit_vaddhn, emit_vmull, emit_vpmull, emit_vaddlp, emit_vpairwise, emit_vacross,
    emit_vaddlv, emit_vdot, emit_vsqdmulh;
/* host_fp.c, host_fp_convert.c */
emit_fn emit_fp_arith, emit_fp_sqrt, emit_fp_sign, emit_fp_minmax, emit_fp_fma, emit_fp_abd, emit_fp_compare,
    emit_fp_recps, emit_fp_addp, emit_fp_minmaxp, emit_fp_minmaxv;
emit_fn emit_fp_round, emit_fp_convert, emit_fp_widen, emit_fp_narrow, emit_f2i, emit_i2f, emit_vf2i, emit_vi2f;
/* host_crypto.c */
emit_fn emit_aes_round, emit_aes_mix, emit_sha1_rounds, emit_sha1h, emit_sha1su0, emit_sha1su1, emit_sha256_rounds,
    emit_sha256su0, emit_sha256su1, emit_xar, emit_rax1;

/* The guest flushes denormals or has another half precision: operations go out of line or guard against denormals. */
static inline bool fp_is_special(const struct emitter *e) { return (e->mode & MODE_FP_SPECIAL) != 0; }
/* Invalid operations trap, and the handler gives the guest's result: a NaN that comes out of an operation on other NaNs is the
 * guest's, too, if its operands are in the guest's order. */
static inline bool fp_traps(const struct emitter *e) { return (e->mode & MODE_FP_TRAPS) != 0; }
