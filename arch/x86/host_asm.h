/* host_asm.h - the x86-64 encoder: one function per shape of instruction, shortest form always.
 *
 * Conventions. w: operand width, 0 = 32 bits, 1 = 64 bits. size: log2 of the bytes, 0..3. Registers are plain
 * numbers 0..15 of the class that the instruction takes. The first operand is the destination. Nothing is written
 * past a->end: a->overflow is set instead and everything later is dropped. With -d out_asm each instruction is
 * listed as it is encoded. */
#pragma once
#include "core/types.h"

enum x86_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum x86_cc {
    CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G
};

struct x86_features {
    bool avx, avx2, bmi1, bmi2, lzcnt, fma, f16c, movbe, adx, sha, aes, pclmul, gfni, vaes, vpclmul;
    bool avx512vl, avx512bw, avx512dq, avx512cd, avx512vbmi, vnni, bitalg, vpopcntdq;
};

enum { X86_NO_REG = -1, X86_LITERAL = -2, X86_MAX_LITERALS = 2048 };

/* [base + (index << scale) + disp]. base X86_LITERAL: literal number disp of this block. */
struct x86_mem {
    int8_t base, index; /* X86_NO_REG: absent */
    uint8_t scale;
    int32_t disp;
};

static inline struct x86_mem x86_mem(int base, int32_t disp)
{
    return (struct x86_mem){(int8_t)base, X86_NO_REG, 0, disp};
}
static inline struct x86_mem x86_mem_index(int base, int index, unsigned scale, int32_t disp)
{
    return (struct x86_mem){(int8_t)base, (int8_t)index, (uint8_t)scale, disp};
}

struct x86_literal {
    uint64_t lo, hi;
    uint32_t uses; /* chain of disp32 fields that refer to it, through the fields themselves */
};

struct x86_asm {
    uint8_t *start, *at, *end;
    ptrdiff_t moves; /* to where the code will be: for displacements to what lies outside, and the list */
    const struct x86_features *has;
    bool overflow;
    unsigned n_insns; /* written so far */
    unsigned n_literals;
    struct x86_literal literal[X86_MAX_LITERALS];
};

void asm_begin(struct x86_asm *a, uint8_t *start, size_t size, const struct x86_features *has);
static inline uint32_t asm_offset(const struct x86_asm *a) { return (uint32_t)(a->at - a->start); }

/* Operand for a 16-byte constant; equal constants share one copy. */
struct x86_mem asm_literal(struct x86_asm *a, uint64_t lo, uint64_t hi);
/* Write the constants, 16-byte aligned, after the last instruction and fix up their uses. */
void asm_flush_literals(struct x86_asm *a);
/* Data behind the code: the offset where it starts, aligned to 16 bytes, then the data. */
uint32_t asm_align_data(struct x86_asm *a);
void asm_data(struct x86_asm *a, const void *data, size_t size);

/* -- Integer ----------------------------------------------------------------------------------- */
enum x86_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
void asm_alu_rr(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, unsigned src);
void asm_alu_ri(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, int32_t imm);
void asm_alu_rm(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, struct x86_mem m);
void asm_alu_mr(struct x86_asm *a, enum x86_alu op, unsigned w, struct x86_mem m, unsigned src);
void asm_alu_mi(struct x86_asm *a, enum x86_alu op, unsigned size, struct x86_mem m, int32_t imm);
void asm_test_rr(struct x86_asm *a, unsigned w, unsigned r1, unsigned r2);
void asm_test8_rr(struct x86_asm *a, unsigned r1, unsigned r2);
void asm_test_rm(struct x86_asm *a, unsigned w, unsigned r, struct x86_mem m);
void asm_test_ri(struct x86_asm *a, unsigned w, unsigned r, int32_t imm); /* narrower form where equivalent */
void asm_test_mi(struct x86_asm *a, unsigned size, struct x86_mem m, int32_t imm);
void asm_cmp8_ri(struct x86_asm *a, unsigned r, int imm);

void asm_mov_rr(struct x86_asm *a, unsigned w, unsigned dst, unsigned src);
void asm_mov_ri(struct x86_asm *a, unsigned dst, uint64_t imm);        /* shortest; never changes the flags */
void asm_mov_rm(struct x86_asm *a, unsigned size, unsigned dst, struct x86_mem m); /* size 0, 1: low part only */
void asm_mov_mr(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned src);
void asm_mov_mi(struct x86_asm *a, unsigned size, struct x86_mem m, int32_t imm);  /* sign-extended */
void asm_lea(struct x86_asm *a, unsigned w, unsigned dst, struct x86_mem m);
/* Load of SIZE, zero-extended to 64 bits; or sign-extended to 32 (w 0) or 64 bits. */
void asm_load_zx(struct x86_asm *a, unsigned size, unsigned dst, struct x86_mem m);
void asm_load_sx(struct x86_asm *a, unsigned size, unsigned w, unsigned dst, struct x86_mem m);

/* dst = op(src): movzx and movsx name the source's width; imul is dst *= src. */
enum x86_int2 {
    X_MOVZX8, X_MOVZX16, X_MOVSX8, X_MOVSX16, X_MOVSXD, X_IMUL, X_BSF, X_BSR, X_TZCNT, X_LZCNT, X_POPCNT, X_ADCX,
    X_ADOX, X_CRC32_8, X_CRC32_16, X_CRC32, X_MOVBE, X_INT2_N
};
void asm_int2_rr(struct x86_asm *a, enum x86_int2 op, unsigned w, unsigned dst, unsigned src);
void asm_int2_rm(struct x86_asm *a, enum x86_int2 op, unsigned w, unsigned dst, struct x86_mem m);
void asm_movbe_mr(struct x86_asm *a, unsigned w, struct x86_mem m, unsigned src);
void asm_imul_rri(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, int32_t imm);

/* BMI, three registers. andn: ~s1 & s2; shlx shrx sarx: s1 shifted by s2; bextr bzhi: s1 controlled by s2;
 * mulx: dst (high), s1 (low) = rdx * s2; pdep pext: s1 through mask s2. */
enum x86_int3 { X_ANDN, X_SHLX, X_SHRX, X_SARX, X_BEXTR, X_BZHI, X_MULX, X_PDEP, X_PEXT, X_INT3_N };
void asm_int3_rrr(struct x86_asm *a, enum x86_int3 op, unsigned w, unsigned dst, unsigned s1, unsigned s2);
void asm_rorx(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n);
enum x86_bls { X_BLSR = 1, X_BLSMSK, X_BLSI };
void asm_bls(struct x86_asm *a, enum x86_bls op, unsigned w, unsigned dst, unsigned src);

enum x86_unary { UNARY_NOT = 2, UNARY_NEG, UNARY_MUL, UNARY_IMUL, UNARY_DIV, UNARY_IDIV };
void asm_unary_r(struct x86_asm *a, enum x86_unary op, unsigned w, unsigned r);
void asm_inc_r(struct x86_asm *a, unsigned w, unsigned r);
void asm_dec_r(struct x86_asm *a, unsigned w, unsigned r);
enum x86_shift { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAR = 7 };
void asm_shift_ri(struct x86_asm *a, enum x86_shift op, unsigned w, unsigned r, unsigned n); /* nothing for n = 0 */
void asm_shift_cl(struct x86_asm *a, enum x86_shift op, unsigned w, unsigned r);
void asm_rol16_i(struct x86_asm *a, unsigned r, unsigned n); /* low 16 bits */
void asm_shld_i(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n);
void asm_shrd_i(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n);
enum x86_bit { BIT_BT = 4, BIT_BTS, BIT_BTR, BIT_BTC };
void asm_bit_ri(struct x86_asm *a, enum x86_bit op, unsigned w, unsigned r, unsigned n);
/* SIZE: log2 of the bytes accessed, at least 1. */
void asm_bit_mi(struct x86_asm *a, enum x86_bit op, unsigned size, struct x86_mem m, unsigned n);
void asm_bt_rr(struct x86_asm *a, unsigned w, unsigned r, unsigned bit);
void asm_bswap(struct x86_asm *a, unsigned w, unsigned r);
void asm_setcc(struct x86_asm *a, enum x86_cc cc, unsigned r);
void asm_setcc_m(struct x86_asm *a, enum x86_cc cc, struct x86_mem m);
void asm_cmov_rr(struct x86_asm *a, enum x86_cc cc, unsigned w, unsigned dst, unsigned src);
void asm_cmov_rm(struct x86_asm *a, enum x86_cc cc, unsigned w, unsigned dst, struct x86_mem m);
void asm_cqo(struct x86_asm *a, unsigned w); /* cdq, cqo */

/* Atomic. lock_mr: add or and sub xor with a register; xchg locks by itself. */
void asm_lock_mr(struct x86_asm *a, enum x86_alu op, unsigned size, struct x86_mem m, unsigned src);
void asm_lock_unary_m(struct x86_asm *a, enum x86_unary op, unsigned size, struct x86_mem m); /* not, neg */
void asm_lock_inc_m(struct x86_asm *a, unsigned size, struct x86_mem m);
void asm_lock_or_mi(struct x86_asm *a, struct x86_mem m, int32_t imm); /* 32 bits */
void asm_xchg_mr(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r);
void asm_xchg_rr(struct x86_asm *a, unsigned w, unsigned r1, unsigned r2);
void asm_lock_xadd(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r);
void asm_lock_cmpxchg(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r);
void asm_lock_cmpxchg16b(struct x86_asm *a, struct x86_mem m);

/* Instructions without operands. */
enum x86_plain {
    X_RET, X_UD2, X_INT3, X_LAHF, X_SAHF, X_CMC, X_STC, X_CLC, X_MFENCE, X_LFENCE, X_CLD, X_SYSCALL, X_PUSHF, X_POPF,
    X_PLAIN_N
};
void asm_plain(struct x86_asm *a, enum x86_plain op);
void asm_nop(struct x86_asm *a, unsigned bytes);
void asm_align(struct x86_asm *a, unsigned n); /* with nops, to a multiple of n from the start */
void asm_push_r(struct x86_asm *a, unsigned r);
void asm_pop_r(struct x86_asm *a, unsigned r);
void asm_push_i(struct x86_asm *a, int32_t imm);
void asm_push_m(struct x86_asm *a, struct x86_mem m);
void asm_pop_m(struct x86_asm *a, struct x86_mem m);
void asm_ldmxcsr(struct x86_asm *a, struct x86_mem m);
void asm_stmxcsr(struct x86_asm *a, struct x86_mem m);

/* Jumps. A forward jump returns its field; asm_patch_here makes it jump to the current position. Short ones
 * reach 127 bytes. */
typedef uint32_t asm_label;
void asm_call_r(struct x86_asm *a, unsigned r);
void asm_call_m(struct x86_asm *a, struct x86_mem m);
void asm_jmp_r(struct x86_asm *a, unsigned r);
void asm_jmp_m(struct x86_asm *a, struct x86_mem m);
asm_label asm_call_near(struct x86_asm *a);
asm_label asm_jmp_near(struct x86_asm *a);
asm_label asm_jmp_short(struct x86_asm *a);
asm_label asm_jcc_near(struct x86_asm *a, enum x86_cc cc);
asm_label asm_jcc_short(struct x86_asm *a, enum x86_cc cc);
void asm_patch_here(struct x86_asm *a, asm_label field);
void asm_patch_to(struct x86_asm *a, asm_label field, uint32_t offset); /* from the start */
/* To a known offset from the start, shortest form. */
void asm_jmp_to(struct x86_asm *a, uint32_t offset);
void asm_jcc_to(struct x86_asm *a, enum x86_cc cc, uint32_t offset);
void asm_call_to(struct x86_asm *a, uint32_t offset);
/* lea dst, [rip + ...] of a place not known yet; patch like a jump. */
asm_label asm_lea_label(struct x86_asm *a, unsigned dst);
/* mov dst, [rip + ...]: 8 bytes at TARGET, within 2 GiB of the code. */
void asm_load_rip(struct x86_asm *a, unsigned dst, const void *target);
void asm_add_al_i(struct x86_asm *a, uint8_t imm);

/* -- Vector ------------------------------------------------------------------------------------- */
enum x86_vop {
#define VOP(name, pp, map, opcode, w, flags, bytes) V_##name,
#include "arch/x86/host_asm.def"
#undef VOP
    V_N_OPS
};

/* With AVX these are VEX encoded; else the legacy form, after a move of s1 to dst where they differ; then dst may be
 * s2 only if the operation commutes. */
void asm_v3(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2);
void asm_v3m(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, struct x86_mem m);
void asm_v3i(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2, unsigned imm);
void asm_v3mi(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, struct x86_mem m, unsigned imm);
void asm_v2(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src);
void asm_v2m(struct x86_asm *a, enum x86_vop op, unsigned dst, struct x86_mem m);
void asm_v2i(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src, unsigned imm);
void asm_v2mi(struct x86_asm *a, enum x86_vop op, unsigned dst, struct x86_mem m, unsigned imm);
void asm_vshift(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned src, unsigned n); /* the _i rows */
void asm_v4(struct x86_asm *a, enum x86_vop op, unsigned dst, unsigned s1, unsigned s2, unsigned s3); /* AVX only */
void asm_vstore(struct x86_asm *a, enum x86_vop op, struct x86_mem m, unsigned src);                  /* the _st rows */
void asm_v_from_r(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, unsigned src);
void asm_v_from_m(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, struct x86_mem m);
void asm_r_from_v(struct x86_asm *a, enum x86_vop op, unsigned w, unsigned dst, unsigned src);
void asm_movv(struct x86_asm *a, unsigned dst, unsigned src); /* movaps; nothing if equal */
void asm_vzero(struct x86_asm *a, unsigned dst);
void asm_vones(struct x86_asm *a, unsigned dst);
/* Lanes of 2^log2 bytes. pextr zero-extends to 64 bits. */
void asm_pextr(struct x86_asm *a, unsigned log2, unsigned dst, unsigned src, unsigned lane);
void asm_pextr_m(struct x86_asm *a, unsigned log2, struct x86_mem m, unsigned src, unsigned lane);
void asm_pinsr(struct x86_asm *a, unsigned log2, unsigned dst, unsigned s1, unsigned r, unsigned lane);
void asm_pinsr_m(struct x86_asm *a, unsigned log2, unsigned dst, unsigned s1, struct x86_mem m, unsigned lane);
void asm_cvtps2ph(struct x86_asm *a, unsigned dst, unsigned src, unsigned rounding); /* F16C */
/* AVX-512VL: lane-wise compare into mask register k (predicate 0 eq 1 lt 2 le 4 ne 5 ge 6 gt), mask to lanes. */
void asm_vpcmp(struct x86_asm *a, unsigned log2, bool is_signed, unsigned k, unsigned s1, unsigned s2, unsigned pred);
void asm_vpmovm2(struct x86_asm *a, unsigned log2, unsigned dst, unsigned k);
/* AVX-512VL narrowing moves, truncating, from lanes of 2^log2 bytes (1..3). */
void asm_vpmov_narrow(struct x86_asm *a, unsigned log2, unsigned dst, unsigned src);
