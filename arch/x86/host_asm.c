/* host_asm.c - the x86-64 encoder: integer instructions, jumps and labels. */
#include "arch/x86/host_asm_enc.h"
#include <string.h>
#include "core/log.h"

/* -- Shapes ------------------------------------------------------------------------------------- */

/* Operand class and prefix of a general operand of 2^size bytes. */
static struct enc sized(const char *name, unsigned map, unsigned opcode, unsigned size)
{
    return (struct enc){
        .name = name, .map = (uint8_t)map, .opcode = (uint8_t)opcode, .prefix = size == 1, .w = size == 3,
        .reg_class = (uint8_t)(O_8 + size), .rm_class = (uint8_t)(O_8 + size), .mem_class = (uint8_t)(O_8 + size),
    };
}

static void emit_rr(struct x86_asm *a, struct enc e, unsigned reg, unsigned rm)
{
    e.reg = (uint8_t)reg;
    e.rm = (uint8_t)rm;
    enc_emit(a, &e);
}

static void emit_rm(struct x86_asm *a, struct enc e, unsigned reg, struct x86_mem m)
{
    e.reg = (uint8_t)reg;
    e.is_mem = true;
    e.m = m;
    enc_emit(a, &e);
}

/* Opcode extension DIGIT instead of a register. */
static struct enc with_digit(struct enc e, unsigned digit)
{
    e.reg_class = O_NONE;
    e.reg = (uint8_t)digit;
    return e;
}

static struct enc with_imm(struct enc e, int64_t imm, unsigned size)
{
    e.imm = imm;
    e.imm_size = (uint8_t)size;
    return e;
}

static struct enc rm_first(struct enc e)
{
    e.order = ORDER_RM_REG;
    return e;
}

static struct enc locked(struct enc e)
{
    e.lock = true;
    return e;
}

static bool fits8(int32_t imm) { return imm >= -128 && imm <= 127; }
static unsigned gpr_size(unsigned w) { return 2 + w; }

/* -- Arithmetic ---------------------------------------------------------------------------------- */

static const char *const alu_name[8] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};

void asm_alu_rr(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, unsigned src)
{
    emit_rr(a, rm_first(sized(alu_name[op], 0, op * 8u + 1, gpr_size(w))), src, dst);
}

static struct enc alu_imm(enum x86_alu op, unsigned size, int32_t imm)
{
    if (size == 0)
        return with_imm(with_digit(sized(alu_name[op], 0, 0x80, 0), op), imm, 1);
    if (fits8(imm))
        return with_imm(with_digit(sized(alu_name[op], 0, 0x83, size), op), imm, 1);
    return with_imm(with_digit(sized(alu_name[op], 0, 0x81, size), op), imm, size == 1 ? 2 : 4);
}

void asm_alu_ri(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, int32_t imm)
{
    struct enc e = alu_imm(op, gpr_size(w), imm);
    if (dst == RAX && !fits8(imm)) { /* one byte shorter: no ModRM */
        e.opcode = (uint8_t)(op * 8 + 5);
        e.no_modrm = true;
        e.reg = 0;
    }
    emit_rr(a, e, e.reg, dst);
}

void asm_alu_rm(struct x86_asm *a, enum x86_alu op, unsigned w, unsigned dst, struct x86_mem m)
{
    emit_rm(a, sized(alu_name[op], 0, op * 8u + 3, gpr_size(w)), dst, m);
}

void asm_alu_mr(struct x86_asm *a, enum x86_alu op, unsigned w, struct x86_mem m, unsigned src)
{
    emit_rm(a, rm_first(sized(alu_name[op], 0, op * 8u + 1, gpr_size(w))), src, m);
}

void asm_alu_mi(struct x86_asm *a, enum x86_alu op, unsigned size, struct x86_mem m, int32_t imm)
{
    emit_rm(a, alu_imm(op, size, imm), op, m);
}

void asm_cmp8_ri(struct x86_asm *a, unsigned r, int imm)
{
    emit_rr(a, alu_imm(ALU_CMP, 0, imm), ALU_CMP, r);
}

void asm_test_rr(struct x86_asm *a, unsigned w, unsigned r1, unsigned r2)
{
    emit_rr(a, rm_first(sized("test", 0, 0x85, gpr_size(w))), r2, r1);
}

void asm_test_rm(struct x86_asm *a, unsigned w, unsigned r, struct x86_mem m)
{
    emit_rm(a, rm_first(sized("test", 0, 0x85, gpr_size(w))), r, m);
}

void asm_test8_rr(struct x86_asm *a, unsigned r1, unsigned r2)
{
    emit_rr(a, rm_first(sized("test", 0, 0x84, 0)), r2, r1);
}

void asm_test_ri(struct x86_asm *a, unsigned w, unsigned r, int32_t imm)
{
    if (imm >= 0 && imm < 128) { /* bit 7 clear: SF is 0 in either width */
        emit_rr(a, with_imm(with_digit(sized("test", 0, 0xf6, 0), 0), imm, 1), 0, r);
        return;
    }
    /* A zero-extended mask needs no REX.W, but SF would be that of bit 31. */
    emit_rr(a, with_imm(with_digit(sized("test", 0, 0xf7, gpr_size(w && imm < 0)), 0), imm, 4), 0, r);
}

void asm_test_mi(struct x86_asm *a, unsigned size, struct x86_mem m, int32_t imm)
{
    struct enc e = with_digit(sized("test", 0, size ? 0xf7 : 0xf6, size), 0);
    emit_rm(a, with_imm(e, imm, size == 0 ? 1 : size == 1 ? 2 : 4), 0, m);
}

/* -- Moves --------------------------------------------------------------------------------------- */

void asm_mov_rr(struct x86_asm *a, unsigned w, unsigned dst, unsigned src)
{
    emit_rr(a, rm_first(sized("mov", 0, 0x89, gpr_size(w))), src, dst);
}

void asm_mov_ri(struct x86_asm *a, unsigned dst, uint64_t imm)
{
    if (imm <= UINT32_MAX) {
        struct enc e = with_imm(with_digit(sized("mov", 0, 0xb8, 2), 0), (int64_t)imm, 4);
        e.no_modrm = true;
        emit_rr(a, e, 0, dst);
    } else if (imm >= (uint64_t)INT32_MIN) {
        emit_rr(a, with_imm(with_digit(sized("mov", 0, 0xc7, 3), 0), (int64_t)imm, 4), 0, dst);
    } else {
        struct enc e = with_imm(with_digit(sized("movabs", 0, 0xb8, 3), 0), (int64_t)imm, 8);
        e.no_modrm = true;
        emit_rr(a, e, 0, dst);
    }
}

void asm_mov_rm(struct x86_asm *a, unsigned size, unsigned dst, struct x86_mem m)
{
    emit_rm(a, sized("mov", 0, size ? 0x8b : 0x8a, size), dst, m);
}

void asm_mov_mr(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned src)
{
    emit_rm(a, rm_first(sized("mov", 0, size ? 0x89 : 0x88, size)), src, m);
}

void asm_mov_mi(struct x86_asm *a, unsigned size, struct x86_mem m, int32_t imm)
{
    static const uint8_t imm_size[4] = {1, 2, 4, 4};
    emit_rm(a, with_imm(with_digit(sized("mov", 0, size ? 0xc7 : 0xc6, size), 0), imm, imm_size[size]), 0, m);
}

void asm_lea(struct x86_asm *a, unsigned w, unsigned dst, struct x86_mem m)
{
    struct enc e = sized("lea", 0, 0x8d, gpr_size(w));
    e.mem_class = O_NONE;
    emit_rm(a, e, dst, m);
}

/* What differs from plain `op reg, r/m` of the operation's width. */
static const struct int2_row {
    const char *name;
    uint8_t prefix, map, opcode, source; /* source: class of r/m, 0 = as the destination */
} int2_rows[X_INT2_N] = {
    [X_MOVZX8] = {"movzx", 0, 1, 0xb6, O_8},
    [X_MOVZX16] = {"movzx", 0, 1, 0xb7, O_16},
    [X_MOVSX8] = {"movsx", 0, 1, 0xbe, O_8},
    [X_MOVSX16] = {"movsx", 0, 1, 0xbf, O_16},
    [X_MOVSXD] = {"movsxd", 0, 0, 0x63, O_32},
    [X_IMUL] = {"imul", 0, 1, 0xaf, 0},
    [X_BSF] = {"bsf", 0, 1, 0xbc, 0},
    [X_BSR] = {"bsr", 0, 1, 0xbd, 0},
    [X_TZCNT] = {"tzcnt", 2, 1, 0xbc, 0},
    [X_LZCNT] = {"lzcnt", 2, 1, 0xbd, 0},
    [X_POPCNT] = {"popcnt", 2, 1, 0xb8, 0},
    [X_ADCX] = {"adcx", 1, 2, 0xf6, 0},
    [X_ADOX] = {"adox", 2, 2, 0xf6, 0},
    [X_CRC32_8] = {"crc32", 3, 2, 0xf0, O_8},
    [X_CRC32_16] = {"crc32", 3, 2, 0xf1, O_16},
    [X_CRC32] = {"crc32", 3, 2, 0xf1, 0},
    [X_MOVBE] = {"movbe", 0, 2, 0xf0, 0},
};

static struct enc int2_enc(enum x86_int2 op, unsigned w)
{
    const struct int2_row *row = &int2_rows[op];
    struct enc e = sized(row->name, row->map, row->opcode, gpr_size(op == X_CRC32_16 ? 0 : w));
    e.prefix = row->prefix;
    if (row->source)
        e.rm_class = e.mem_class = row->source;
    return e;
}

/* crc32 r32, r/m16 needs the operand-size prefix before the mandatory one. */
static void emit_crc32_16_prefix(struct x86_asm *a, enum x86_int2 op)
{
    static const uint8_t prefix = 0x66;
    if (op == X_CRC32_16)
        enc_bytes(a, &prefix, 1);
}

void asm_int2_rr(struct x86_asm *a, enum x86_int2 op, unsigned w, unsigned dst, unsigned src)
{
    emit_crc32_16_prefix(a, op);
    emit_rr(a, int2_enc(op, w), dst, src);
}

void asm_int2_rm(struct x86_asm *a, enum x86_int2 op, unsigned w, unsigned dst, struct x86_mem m)
{
    emit_crc32_16_prefix(a, op);
    emit_rm(a, int2_enc(op, w), dst, m);
}

void asm_movbe_mr(struct x86_asm *a, unsigned w, struct x86_mem m, unsigned src)
{
    emit_rm(a, rm_first(sized("movbe", 2, 0xf1, gpr_size(w))), src, m);
}

void asm_load_zx(struct x86_asm *a, unsigned size, unsigned dst, struct x86_mem m)
{
    if (size >= 2)
        asm_mov_rm(a, size, dst, m);
    else
        asm_int2_rm(a, size ? X_MOVZX16 : X_MOVZX8, 0, dst, m);
}

void asm_load_sx(struct x86_asm *a, unsigned size, unsigned w, unsigned dst, struct x86_mem m)
{
    static const uint8_t op[3] = {X_MOVSX8, X_MOVSX16, X_MOVSXD};
    if (size == 3 || (size == 2 && !w))
        asm_mov_rm(a, size, dst, m);
    else
        asm_int2_rm(a, op[size], w, dst, m);
}

void asm_imul_rri(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, int32_t imm)
{
    struct enc e = sized("imul", 0, fits8(imm) ? 0x6b : 0x69, gpr_size(w));
    emit_rr(a, with_imm(e, imm, fits8(imm) ? 1 : 4), dst, src);
}

/* -- BMI ----------------------------------------------------------------------------------------- */

static const struct int3_row {
    const char *name;
    uint8_t prefix, opcode;
    bool count_in_v; /* second source in vvvv, first in r/m */
} int3_rows[X_INT3_N] = {
    [X_ANDN] = {"andn", 0, 0xf2, false},
    [X_SHLX] = {"shlx", 1, 0xf7, true},
    [X_SHRX] = {"shrx", 3, 0xf7, true},
    [X_SARX] = {"sarx", 2, 0xf7, true},
    [X_BEXTR] = {"bextr", 0, 0xf7, true},
    [X_BZHI] = {"bzhi", 0, 0xf5, true},
    [X_MULX] = {"mulx", 3, 0xf6, false},
    [X_PDEP] = {"pdep", 3, 0xf5, false},
    [X_PEXT] = {"pext", 2, 0xf5, false},
};

static struct enc vex_gpr(const char *name, unsigned prefix, unsigned map, unsigned opcode, unsigned w)
{
    struct enc e = sized(name, map, opcode, gpr_size(w));
    e.prefix = (uint8_t)prefix;
    e.form = ENC_VEX;
    return e;
}

void asm_int3_rrr(struct x86_asm *a, enum x86_int3 op, unsigned w, unsigned dst, unsigned s1, unsigned s2)
{
    const struct int3_row *row = &int3_rows[op];
    struct enc e = vex_gpr(row->name, row->prefix, 2, row->opcode, w);
    e.v_class = enc_gpr(w);
    e.v = (uint8_t)(row->count_in_v ? s2 : s1);
    e.order = row->count_in_v ? ORDER_REG_RM_V : ORDER_REG_RM;
    emit_rr(a, e, dst, row->count_in_v ? s1 : s2);
}

void asm_rorx(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n)
{
    emit_rr(a, with_imm(vex_gpr("rorx", 3, 3, 0xf0, w), n, 1), dst, src);
}

void asm_bls(struct x86_asm *a, enum x86_bls op, unsigned w, unsigned dst, unsigned src)
{
    static const char *const name[4] = {"", "blsr", "blsmsk", "blsi"};
    struct enc e = with_digit(vex_gpr(name[op], 0, 2, 0xf3, w), op);
    e.v_class = enc_gpr(w);
    e.v = (uint8_t)dst;
    e.order = ORDER_V_RM;
    emit_rr(a, e, op, src);
}

/* -- One operand, shifts, bits ---------------------------------------------------------------------- */

static const char *const unary_name[8] = {"", "", "not", "neg", "mul", "imul", "div", "idiv"};
static const char *const shift_name[8] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "", "sar"};
static const char *const bit_name[8] = {"", "", "", "", "bt", "bts", "btr", "btc"};

void asm_unary_r(struct x86_asm *a, enum x86_unary op, unsigned w, unsigned r)
{
    emit_rr(a, with_digit(sized(unary_name[op], 0, 0xf7, gpr_size(w)), op), op, r);
}

void asm_inc_r(struct x86_asm *a, unsigned w, unsigned r)
{
    emit_rr(a, with_digit(sized("inc", 0, 0xff, gpr_size(w)), 0), 0, r);
}

void asm_dec_r(struct x86_asm *a, unsigned w, unsigned r)
{
    emit_rr(a, with_digit(sized("dec", 0, 0xff, gpr_size(w)), 1), 1, r);
}

void asm_shift_ri(struct x86_asm *a, enum x86_shift op, unsigned w, unsigned r, unsigned n)
{
    if (n == 0)
        return;
    emit_rr(a, with_imm(with_digit(sized(shift_name[op], 0, 0xc1, gpr_size(w)), op), n, 1), op, r);
}

void asm_shift_cl(struct x86_asm *a, enum x86_shift op, unsigned w, unsigned r)
{
    struct enc e = with_digit(sized(shift_name[op], 0, 0xd3, gpr_size(w)), op);
    e.show_cl = true;
    emit_rr(a, e, op, r);
}

void asm_rol16_i(struct x86_asm *a, unsigned r, unsigned n)
{
    emit_rr(a, with_imm(with_digit(sized("rol", 0, 0xc1, 1), 0), n, 1), 0, r);
}

void asm_shld_i(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n)
{
    emit_rr(a, with_imm(rm_first(sized("shld", 1, 0xa4, gpr_size(w))), n, 1), src, dst);
}

void asm_shrd_i(struct x86_asm *a, unsigned w, unsigned dst, unsigned src, unsigned n)
{
    emit_rr(a, with_imm(rm_first(sized("shrd", 1, 0xac, gpr_size(w))), n, 1), src, dst);
}

void asm_bit_ri(struct x86_asm *a, enum x86_bit op, unsigned w, unsigned r, unsigned n)
{
    emit_rr(a, with_imm(with_digit(sized(bit_name[op], 1, 0xba, gpr_size(w)), op), n, 1), op, r);
}

void asm_bit_mi(struct x86_asm *a, enum x86_bit op, unsigned size, struct x86_mem m, unsigned n)
{
    emit_rm(a, with_imm(with_digit(sized(bit_name[op], 1, 0xba, size), op), n, 1), op, m);
}

void asm_bt_rr(struct x86_asm *a, unsigned w, unsigned r, unsigned bit)
{
    emit_rr(a, rm_first(sized("bt", 1, 0xa3, gpr_size(w))), bit, r);
}

void asm_bswap(struct x86_asm *a, unsigned w, unsigned r)
{
    struct enc e = with_digit(sized("bswap", 1, 0xc8, gpr_size(w)), 0);
    e.no_modrm = true;
    emit_rr(a, e, 0, r);
}

/* -- Conditions ------------------------------------------------------------------------------------ */

static const char *const set_name[16] = {
    "seto", "setno", "setb", "setae", "sete", "setne", "setbe", "seta",
    "sets", "setns", "setp", "setnp", "setl", "setge", "setle", "setg",
};
static const char *const cmov_name[16] = {
    "cmovo", "cmovno", "cmovb", "cmovae", "cmove", "cmovne", "cmovbe", "cmova",
    "cmovs", "cmovns", "cmovp", "cmovnp", "cmovl", "cmovge", "cmovle", "cmovg",
};
static const char *const jump_name[16] = {
    "jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg",
};

void asm_setcc(struct x86_asm *a, enum x86_cc cc, unsigned r)
{
    emit_rr(a, with_digit(sized(set_name[cc], 1, 0x90u + cc, 0), 0), 0, r);
}

void asm_setcc_m(struct x86_asm *a, enum x86_cc cc, struct x86_mem m)
{
    emit_rm(a, with_digit(sized(set_name[cc], 1, 0x90u + cc, 0), 0), 0, m);
}

void asm_cmov_rr(struct x86_asm *a, enum x86_cc cc, unsigned w, unsigned dst, unsigned src)
{
    emit_rr(a, sized(cmov_name[cc], 1, 0x40u + cc, gpr_size(w)), dst, src);
}

void asm_cmov_rm(struct x86_asm *a, enum x86_cc cc, unsigned w, unsigned dst, struct x86_mem m)
{
    emit_rm(a, sized(cmov_name[cc], 1, 0x40u + cc, gpr_size(w)), dst, m);
}

/* -- Atomic ---------------------------------------------------------------------------------------- */

void asm_lock_mr(struct x86_asm *a, enum x86_alu op, unsigned size, struct x86_mem m, unsigned src)
{
    emit_rm(a, locked(rm_first(sized(alu_name[op], 0, op * 8u + (size != 0), size))), src, m);
}

void asm_lock_unary_m(struct x86_asm *a, enum x86_unary op, unsigned size, struct x86_mem m)
{
    emit_rm(a, locked(with_digit(sized(unary_name[op], 0, size ? 0xf7 : 0xf6, size), op)), op, m);
}

void asm_lock_inc_m(struct x86_asm *a, unsigned size, struct x86_mem m)
{
    emit_rm(a, locked(with_digit(sized("inc", 0, size ? 0xff : 0xfe, size), 0)), 0, m);
}

void asm_lock_or_mi(struct x86_asm *a, struct x86_mem m, int32_t imm)
{
    emit_rm(a, locked(alu_imm(ALU_OR, 2, imm)), ALU_OR, m);
}

void asm_xchg_mr(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r)
{
    emit_rm(a, rm_first(sized("xchg", 0, size ? 0x87 : 0x86, size)), r, m);
}

void asm_xchg_rr(struct x86_asm *a, unsigned w, unsigned r1, unsigned r2)
{
    emit_rr(a, rm_first(sized("xchg", 0, 0x87, gpr_size(w))), r2, r1);
}

void asm_lock_xadd(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r)
{
    emit_rm(a, locked(rm_first(sized("xadd", 1, size ? 0xc1 : 0xc0, size))), r, m);
}

void asm_lock_cmpxchg(struct x86_asm *a, unsigned size, struct x86_mem m, unsigned r)
{
    emit_rm(a, locked(rm_first(sized("cmpxchg", 1, size ? 0xb1 : 0xb0, size))), r, m);
}

void asm_lock_cmpxchg16b(struct x86_asm *a, struct x86_mem m)
{
    struct enc e = locked(with_digit(sized("cmpxchg16b", 1, 0xc7, 3), 1));
    e.mem_class = O_128;
    emit_rm(a, e, 1, m);
}

/* -- Without operands, stack, system ------------------------------------------------------------------ */

static const struct plain_row {
    const char *name;
    uint8_t n, bytes[3];
} plain_rows[X_PLAIN_N] = {
    [X_RET] = {"ret", 1, {0xc3}},
    [X_UD2] = {"ud2", 2, {0x0f, 0x0b}},
    [X_INT3] = {"int3", 1, {0xcc}},
    [X_LAHF] = {"lahf", 1, {0x9f}},
    [X_SAHF] = {"sahf", 1, {0x9e}},
    [X_CMC] = {"cmc", 1, {0xf5}},
    [X_STC] = {"stc", 1, {0xf9}},
    [X_CLC] = {"clc", 1, {0xf8}},
    [X_MFENCE] = {"mfence", 3, {0x0f, 0xae, 0xf0}},
    [X_LFENCE] = {"lfence", 3, {0x0f, 0xae, 0xe8}},
    [X_CLD] = {"cld", 1, {0xfc}},
    [X_SYSCALL] = {"syscall", 2, {0x0f, 0x05}},
    [X_PUSHF] = {"pushf", 1, {0x9c}},
    [X_POPF] = {"popf", 1, {0x9d}},
};

static void emit_bytes(struct x86_asm *a, const uint8_t *b, size_t n, const char *text)
{
    uint8_t *from = a->at;
    if (enc_bytes(a, b, n) && LOG_ON(out_asm))
        enc_list_text(a, from, text);
}

void asm_plain(struct x86_asm *a, enum x86_plain op)
{
    emit_bytes(a, plain_rows[op].bytes, plain_rows[op].n, plain_rows[op].name);
}

void asm_cqo(struct x86_asm *a, unsigned w)
{
    static const uint8_t cqo[2] = {0x48, 0x99};
    emit_bytes(a, w ? cqo : cqo + 1, 1 + w, w ? "cqo" : "cdq");
}

void asm_nop(struct x86_asm *a, unsigned bytes)
{
    /* SDM 2B, NOP: recommended multi-byte sequences. */
    static const uint8_t nops[9][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (bytes) {
        unsigned n = bytes < 9 ? bytes : 9;
        emit_bytes(a, nops[n - 1], n, "nop");
        bytes -= n;
    }
}

void asm_align(struct x86_asm *a, unsigned n) { asm_nop(a, (n - asm_offset(a) % n) % n); }

static void emit_stack(struct x86_asm *a, const char *name, unsigned opcode, unsigned r)
{
    struct enc e = {.name = name, .opcode = (uint8_t)opcode, .rm_class = O_64, .no_modrm = true};
    emit_rr(a, e, 0, r);
}

/* Operands are 64 bits wide without REX.W. */
static void emit_default64(struct x86_asm *a, const char *name, unsigned opcode, unsigned digit, struct x86_mem m)
{
    struct enc e = {.name = name, .opcode = (uint8_t)opcode, .mem_class = O_64};
    emit_rm(a, e, digit, m);
}

void asm_push_r(struct x86_asm *a, unsigned r) { emit_stack(a, "push", 0x50, r); }
void asm_pop_r(struct x86_asm *a, unsigned r) { emit_stack(a, "pop", 0x58, r); }
void asm_push_m(struct x86_asm *a, struct x86_mem m) { emit_default64(a, "push", 0xff, 6, m); }
void asm_pop_m(struct x86_asm *a, struct x86_mem m) { emit_default64(a, "pop", 0x8f, 0, m); }
void asm_call_m(struct x86_asm *a, struct x86_mem m) { emit_default64(a, "call", 0xff, 2, m); }
void asm_jmp_m(struct x86_asm *a, struct x86_mem m) { emit_default64(a, "jmp", 0xff, 4, m); }

void asm_push_i(struct x86_asm *a, int32_t imm)
{
    struct enc e = {.name = "push", .opcode = fits8(imm) ? 0x6a : 0x68, .no_modrm = true};
    e = with_imm(e, imm, fits8(imm) ? 1 : 4);
    enc_emit(a, &e);
}

static void emit_mxcsr(struct x86_asm *a, const char *name, unsigned digit, struct x86_mem m)
{
    struct enc e = {.name = name, .map = 1, .opcode = 0xae, .mem_class = O_32};
    emit_rm(a, e, digit, m);
}

void asm_ldmxcsr(struct x86_asm *a, struct x86_mem m) { emit_mxcsr(a, "ldmxcsr", 2, m); }
void asm_stmxcsr(struct x86_asm *a, struct x86_mem m) { emit_mxcsr(a, "stmxcsr", 3, m); }

/* -- Jumps --------------------------------------------------------------------------------------------- */

/* A field's label: its offset; SHORT_FIELD marks one byte. */
enum { SHORT_FIELD = 1u << 31 };

void asm_call_r(struct x86_asm *a, unsigned r)
{
    struct enc e = {.name = "call", .opcode = 0xff, .rm_class = O_64};
    emit_rr(a, e, 2, r);
}

void asm_jmp_r(struct x86_asm *a, unsigned r)
{
    struct enc e = {.name = "jmp", .opcode = 0xff, .rm_class = O_64};
    emit_rr(a, e, 4, r);
}

static asm_label emit_jump(struct x86_asm *a, const char *name, unsigned map, unsigned opcode, bool is_short,
                           int32_t rel)
{
    struct enc e = {.name = name, .map = (uint8_t)map, .opcode = (uint8_t)opcode, .no_modrm = true};
    e = with_imm(e, rel, is_short ? 1 : 4);
    enc_emit(a, &e);
    return is_short ? (asm_offset(a) - 1) | SHORT_FIELD : asm_offset(a) - 4;
}

asm_label asm_call_near(struct x86_asm *a) { return emit_jump(a, "call", 0, 0xe8, false, 0); }
asm_label asm_jmp_near(struct x86_asm *a) { return emit_jump(a, "jmp", 0, 0xe9, false, 0); }
asm_label asm_jmp_short(struct x86_asm *a) { return emit_jump(a, "jmp", 0, 0xeb, true, 0); }

asm_label asm_jcc_near(struct x86_asm *a, enum x86_cc cc)
{
    /* No register is in the low bits of this opcode: bits 0..2 of rm are zero. */
    return emit_jump(a, jump_name[cc], 1, 0x80u + cc, false, 0);
}

asm_label asm_jcc_short(struct x86_asm *a, enum x86_cc cc)
{
    return emit_jump(a, jump_name[cc], 0, 0x70u + cc, true, 0);
}

void asm_patch_to(struct x86_asm *a, asm_label field, uint32_t offset)
{
    if (a->overflow)
        return;
    uint32_t at = field & ~(uint32_t)SHORT_FIELD;
    if (!(field & SHORT_FIELD)) {
        int32_t rel = (int32_t)(offset - (at + 4));
        memcpy(a->start + at, &rel, 4);
        return;
    }
    int32_t rel = (int32_t)(offset - (at + 1));
    if (!fits8(rel))
        bug("short jump over %d bytes", rel);
    a->start[at] = (uint8_t)rel;
}

void asm_patch_here(struct x86_asm *a, asm_label field) { asm_patch_to(a, field, asm_offset(a)); }

void asm_jmp_to(struct x86_asm *a, uint32_t offset)
{
    int32_t rel = (int32_t)(offset - (asm_offset(a) + 2));
    if (fits8(rel))
        emit_jump(a, "jmp", 0, 0xeb, true, rel);
    else
        emit_jump(a, "jmp", 0, 0xe9, false, rel - 3);
}

void asm_jcc_to(struct x86_asm *a, enum x86_cc cc, uint32_t offset)
{
    int32_t rel = (int32_t)(offset - (asm_offset(a) + 2));
    if (fits8(rel))
        emit_jump(a, jump_name[cc], 0, 0x70u + cc, true, rel);
    else
        emit_jump(a, jump_name[cc], 1, 0x80u + cc, false, rel - 4);
}

void asm_call_to(struct x86_asm *a, uint32_t offset)
{
    emit_jump(a, "call", 0, 0xe8, false, (int32_t)(offset - (asm_offset(a) + 5)));
}

asm_label asm_lea_label(struct x86_asm *a, unsigned dst)
{
    uint8_t b[7] = {(uint8_t)(0x48 | (dst >> 3) << 2), 0x8d, (uint8_t)((dst & 7) << 3 | 5), 0, 0, 0, 0};
    emit_bytes(a, b, sizeof b, "lea (label)");
    return asm_offset(a) - 4;
}

void asm_load_rip(struct x86_asm *a, unsigned dst, const void *target)
{
    uint8_t b[7] = {(uint8_t)(0x48 | (dst >> 3) << 2), 0x8b, (uint8_t)((dst & 7) << 3 | 5), 0, 0, 0, 0};
    int32_t disp = (int32_t)((const uint8_t *)target - (a->at + a->moves + sizeof b));
    memcpy(b + 3, &disp, 4);
    emit_bytes(a, b, sizeof b, "mov (rip)");
}

void asm_add_al_i(struct x86_asm *a, uint8_t imm)
{
    uint8_t b[2] = {0x04, imm};
    emit_bytes(a, b, sizeof b, "add al, imm8");
}
