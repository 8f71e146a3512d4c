/* host_asm_enc.h - one instruction as fields, shared by the encoder's files. */
#pragma once
#include "arch/x86/host_asm.h"

/* Operand classes: what a number in a field means, for the REX prefix and the listing. */
enum enc_class { O_NONE, O_8, O_16, O_32, O_64, O_X, O_128, O_K };
enum enc_form { ENC_LEGACY, ENC_VEX, ENC_EVEX };
enum enc_order { ORDER_REG_RM, ORDER_RM_REG, ORDER_REG_RM_V, ORDER_V_RM };

struct enc {
    const char *name;
    uint8_t prefix, map, opcode; /* prefix 0, 1 = 66, 2 = F3, 3 = F2; map 0 = one byte */
    uint8_t w, form, order;
    uint8_t reg_class, v_class, rm_class, mem_class; /* enum enc_class; mem_class: size of the memory operand */
    uint8_t reg, v, rm;          /* reg: the opcode extension where reg_class is O_NONE */
    bool is_mem, lock, no_modrm; /* no_modrm: rm is in the low bits of the opcode */
    uint8_t k;                   /* EVEX opmask */
    uint8_t imm_size;
    bool show_cl;                /* listing: the count is in cl */
    struct x86_mem m;
    int64_t imm;
};

static inline uint8_t enc_gpr(unsigned w) { return w ? O_64 : O_32; }

void enc_emit(struct x86_asm *a, const struct enc *e);
/* As an instruction, or as data. True if the bytes fit and were written. */
bool enc_bytes(struct x86_asm *a, const uint8_t *b, size_t n);
/* List what was encoded at FROM. */
void enc_list(const struct x86_asm *a, const uint8_t *from, const struct enc *e);
void enc_list_text(const struct x86_asm *a, const uint8_t *from, const char *text);
