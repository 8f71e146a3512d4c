/* guest_int.c - A64 data processing: add, logical, moves, bit fields, multiply, divide. */
#include "arch/aarch64/guest_translate.h"

/* ---- Add, subtract ---- */

enum { SETS = IR_S };

/* RD_SP: register 31 as a destination is SP. Flag-setting forms never write SP. */
static void add_sub(struct translator *t, unsigned op, bool sf, unsigned rd, bool rd_sp, ir_ref a,
                    ir_ref b, unsigned aux)
{
    ir_ref r = ir_2x(&t->ir, op, type_of(sf), a, b, aux, 0);
    if (rd_sp)
        write_sp(t, rd, r);
    else
        write_x(t, rd, r);
    if (aux & SETS)
        ir_put_flags(&t->ir, r);
}

static bool add_sub_imm(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    uint64_t imm = (uint64_t)a->imm << (a->sh ? 12 : 0);
    ir_ref n = read_sp(t, a->rn);
    if (!aux && imm == 0) {
        write_sp(t, a->rd, narrow(t, a->sf, n)); /* MOV (to/from SP) */
        return true;
    }
    add_sub(t, op, a->sf, a->rd, !aux, n, ir_const(&t->ir, imm), aux);
    return true;
}

bool a64_add_imm(struct translator *t, const struct a64_args *a)
{
    return add_sub_imm(t, a, IR_add, 0);
}
bool a64_adds_imm(struct translator *t, const struct a64_args *a)
{
    return add_sub_imm(t, a, IR_add, SETS);
}
bool a64_sub_imm(struct translator *t, const struct a64_args *a)
{
    return add_sub_imm(t, a, IR_sub, 0);
}
bool a64_subs_imm(struct translator *t, const struct a64_args *a)
{
    return add_sub_imm(t, a, IR_sub, SETS);
}

/* Rm shifted by a constant (Arm ARM, ShiftReg). */
static ir_ref shifted(struct translator *t, const struct a64_args *a)
{
    static const uint16_t op[4] = {IR_shl, IR_shr, IR_sar, IR_ror};
    ir_ref m = read_x(t, a->rm);
    return a->imm
               ? ir_2(&t->ir, op[a->shift], type_of(a->sf), m, ir_const(&t->ir, (uint64_t)a->imm))
               : m;
}

static bool add_sub_reg(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    if (a->shift == 3)
        return false;
    ir_ref n = read_x(t, a->rn);
    add_sub(t, op, a->sf, a->rd, false, n, shifted(t, a), aux);
    return true;
}

bool a64_add_reg(struct translator *t, const struct a64_args *a)
{
    return add_sub_reg(t, a, IR_add, 0);
}
bool a64_adds_reg(struct translator *t, const struct a64_args *a)
{
    return add_sub_reg(t, a, IR_add, SETS);
}
bool a64_sub_reg(struct translator *t, const struct a64_args *a)
{
    return add_sub_reg(t, a, IR_sub, 0);
}
bool a64_subs_reg(struct translator *t, const struct a64_args *a)
{
    return add_sub_reg(t, a, IR_sub, SETS);
}

/* Rm extended, then shifted left (Arm ARM, ExtendReg). */
static ir_ref extended(struct translator *t, const struct a64_args *a)
{
    static const uint16_t op[8] = {IR_zext8, IR_zext16, IR_zext32, 0,
                                   IR_sext8, IR_sext16, IR_sext32, 0};
    unsigned type = type_of(a->sf);
    ir_ref m = read_x(t, a->rm);
    bool is_word = (a->option & 3) == 2;
    if (op[a->option] && (a->sf || !is_word))
        m = ir_1(&t->ir, op[a->option], type, m);
    return a->imm ? ir_2(&t->ir, IR_shl, type, m, ir_const(&t->ir, (uint64_t)a->imm)) : m;
}

static bool add_sub_ext(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    if (a->imm > 4)
        return false;
    ir_ref n = read_sp(t, a->rn);
    add_sub(t, op, a->sf, a->rd, !aux, n, extended(t, a), aux);
    return true;
}

bool a64_add_ext(struct translator *t, const struct a64_args *a)
{
    return add_sub_ext(t, a, IR_add, 0);
}
bool a64_adds_ext(struct translator *t, const struct a64_args *a)
{
    return add_sub_ext(t, a, IR_add, SETS);
}
bool a64_sub_ext(struct translator *t, const struct a64_args *a)
{
    return add_sub_ext(t, a, IR_sub, 0);
}
bool a64_subs_ext(struct translator *t, const struct a64_args *a)
{
    return add_sub_ext(t, a, IR_sub, SETS);
}

static bool add_sub_carry(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm);
    ir_ref r = ir_3x(&t->ir, op, type_of(a->sf), n, m, ir_get_flags(&t->ir), aux, 0);
    write_x(t, a->rd, r);
    if (aux & SETS)
        ir_put_flags(&t->ir, r);
    return true;
}

bool a64_adc(struct translator *t, const struct a64_args *a)
{
    return add_sub_carry(t, a, IR_adc, 0);
}
bool a64_adcs(struct translator *t, const struct a64_args *a)
{
    return add_sub_carry(t, a, IR_adc, SETS);
}
bool a64_sbc(struct translator *t, const struct a64_args *a)
{
    return add_sub_carry(t, a, IR_sbc, 0);
}
bool a64_sbcs(struct translator *t, const struct a64_args *a)
{
    return add_sub_carry(t, a, IR_sbc, SETS);
}

/* ---- Logical, moves ---- */

static uint64_t ones(unsigned n)
{
    return n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
}

/* Arm ARM, DecodeBitMasks. False: reserved. */
static bool decode_bit_mask(const struct a64_args *a, uint64_t *mask)
{
    unsigned selector = (unsigned)a->n << 6 | (~(unsigned)a->imms & 0x3f);
    if (selector < 2)
        return false;
    unsigned size = 1u << (31 - __builtin_clz(selector));
    unsigned s = (unsigned)a->imms & (size - 1), r = (unsigned)a->immr & (size - 1);
    if (s == size - 1)
        return false;
    uint64_t element = ones(s + 1);
    if (r)
        element = (element >> r | element << (size - r)) & ones(size);
    for (; size < 64; size *= 2)
        element |= element << size;
    *mask = a->sf ? element : (uint32_t)element;
    return true;
}

static bool logical_imm(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    uint64_t mask;
    if (!decode_bit_mask(a, &mask))
        return false;
    ir_ref r = ir_2x(&t->ir, op, type_of(a->sf), read_x(t, a->rn), ir_const(&t->ir, mask), aux, 0);
    if (aux & SETS) {
        write_x(t, a->rd, r);
        ir_put_flags(&t->ir, r);
    } else {
        write_sp(t, a->rd, r);
    }
    return true;
}

bool a64_and_imm(struct translator *t, const struct a64_args *a)
{
    return logical_imm(t, a, IR_and, 0);
}
bool a64_ands_imm(struct translator *t, const struct a64_args *a)
{
    return logical_imm(t, a, IR_and, SETS);
}
bool a64_orr_imm(struct translator *t, const struct a64_args *a)
{
    return logical_imm(t, a, IR_or, 0);
}
bool a64_eor_imm(struct translator *t, const struct a64_args *a)
{
    return logical_imm(t, a, IR_xor, 0);
}

static bool logical_reg(struct translator *t, const struct a64_args *a, unsigned op, unsigned aux)
{
    ir_ref n = read_x(t, a->rn);
    ir_ref r = ir_2x(&t->ir, op, type_of(a->sf), n, shifted(t, a), aux, 0);
    write_x(t, a->rd, r);
    if (aux & SETS)
        ir_put_flags(&t->ir, r);
    return true;
}

bool a64_and_reg(struct translator *t, const struct a64_args *a)
{
    return logical_reg(t, a, IR_and, 0);
}
bool a64_ands_reg(struct translator *t, const struct a64_args *a)
{
    return logical_reg(t, a, IR_and, SETS);
}
bool a64_bic_reg(struct translator *t, const struct a64_args *a)
{
    return logical_reg(t, a, IR_andn, 0);
}
bool a64_bics_reg(struct translator *t, const struct a64_args *a)
{
    return logical_reg(t, a, IR_andn, SETS);
}
bool a64_eor_reg(struct translator *t, const struct a64_args *a)
{
    return logical_reg(t, a, IR_xor, 0);
}

bool a64_orr_reg(struct translator *t, const struct a64_args *a)
{
    if (a->rn != 31)
        return logical_reg(t, a, IR_or, 0);
    ir_ref m = shifted(t, a);
    write_x(t, a->rd, a->imm ? m : narrow(t, a->sf, m)); /* MOV, LSL ... */
    return true;
}

bool a64_orn_reg(struct translator *t, const struct a64_args *a)
{
    if (a->rn != 31)
        return logical_reg(t, a, IR_orn, 0);
    write_x(t, a->rd, ir_1(&t->ir, IR_not, type_of(a->sf), shifted(t, a))); /* MVN */
    return true;
}

bool a64_eon_reg(struct translator *t, const struct a64_args *a)
{
    unsigned type = type_of(a->sf);
    ir_ref n = read_x(t, a->rn);
    ir_ref r = ir_2(&t->ir, IR_xor, type, n, shifted(t, a));
    write_x(t, a->rd, ir_1(&t->ir, IR_not, type, r));
    return true;
}

static uint64_t wide_imm(const struct a64_args *a)
{
    return (uint64_t)(uint32_t)a->imm << (16 * a->hw);
}

bool a64_movz(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd, ir_const(&t->ir, wide_imm(a)));
    return true;
}

bool a64_movn(struct translator *t, const struct a64_args *a)
{
    uint64_t value = ~wide_imm(a);
    write_x(t, a->rd, ir_const(&t->ir, a->sf ? value : (uint32_t)value));
    return true;
}

bool a64_movk(struct translator *t, const struct a64_args *a)
{
    ir_ref imm = ir_const(&t->ir, (uint64_t)a->imm);
    write_x(t, a->rd,
            ir_2x(&t->ir, IR_bfi, type_of(a->sf), read_x(t, a->rd), imm, 16 * (unsigned)a->hw, 16));
    return true;
}

bool a64_adr(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd, ir_addr(&t->ir, t->pc + (uint64_t)(int64_t)a->imm));
    return true;
}

bool a64_adrp(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd,
            ir_addr(&t->ir, (t->pc & ~(uint64_t)0xfff) + ((uint64_t)(int64_t)a->imm << 12)));
    return true;
}

/* ---- Bit fields ---- */

/* WIDTH low bits of A from bit LSB on, extended to the type. */
static ir_ref extract(struct translator *t, bool sf, ir_ref a, unsigned lsb, unsigned width,
                      bool is_signed)
{
    unsigned type = type_of(sf), all = sf ? 64 : 32;
    if (width == all)
        return narrow(t, sf, a);
    if (lsb + width == all)
        return ir_2(&t->ir, is_signed ? IR_sar : IR_shr, type, a, ir_const(&t->ir, lsb));
    if (lsb == 0 && width == 8)
        return ir_1(&t->ir, is_signed ? IR_sext8 : IR_zext8, type, a);
    if (lsb == 0 && width == 16)
        return ir_1(&t->ir, is_signed ? IR_sext16 : IR_zext16, type, a);
    if (lsb == 0 && width == 32)
        return ir_1(&t->ir, is_signed ? IR_sext32 : IR_zext32, type, a);
    return ir_1x(&t->ir, is_signed ? IR_sbfx : IR_ubfx, type, a, lsb, width);
}

/* UBFM and SBFM: extract if imms >= immr, else insert into zeros or sign bits. */
static bool bitfield_move(struct translator *t, const struct a64_args *a, bool is_signed)
{
    unsigned r = (unsigned)a->immr, s = (unsigned)a->imms, all = a->sf ? 64 : 32;
    ir_ref n = read_x(t, a->rn), value;
    if (s >= r) {
        value = extract(t, a->sf, n, r, s - r + 1, is_signed);
    } else {
        /* Bits that the shift drops anyway need no extraction: LSL. */
        ir_ref field = s + 1 == r ? n : extract(t, a->sf, n, 0, s + 1, is_signed);
        value = ir_2(&t->ir, IR_shl, type_of(a->sf), field, ir_const(&t->ir, all - r));
    }
    write_x(t, a->rd, value);
    return true;
}

bool a64_ubfm(struct translator *t, const struct a64_args *a)
{
    return bitfield_move(t, a, false);
}
bool a64_sbfm(struct translator *t, const struct a64_args *a)
{
    return bitfield_move(t, a, true);
}

bool a64_bfm(struct translator *t, const struct a64_args *a)
{
    unsigned r = (unsigned)a->immr, s = (unsigned)a->imms, all = a->sf ? 64 : 32,
             type = type_of(a->sf);
    ir_ref n = read_x(t, a->rn), d = read_x(t, a->rd), value;
    if (s < r) {
        value = ir_2x(&t->ir, IR_bfi, type, d, n, all - r, s + 1);
    } else if (s - r + 1 == all) {
        value = narrow(t, a->sf, n);
    } else {
        ir_ref field = r ? ir_2(&t->ir, IR_shr, type, n, ir_const(&t->ir, r)) : n;
        value = ir_2x(&t->ir, IR_bfi, type, d, field, 0, s - r + 1);
    }
    write_x(t, a->rd, value);
    return true;
}

bool a64_extr(struct translator *t, const struct a64_args *a)
{
    unsigned type = type_of(a->sf);
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm), value;
    if (a->imms == 0)
        value = narrow(t, a->sf, m);
    else if (a->rn == a->rm)
        value = ir_2(&t->ir, IR_ror, type, n, ir_const(&t->ir, (uint64_t)a->imms));
    else
        value = ir_2x(&t->ir, IR_extr, type, n, m, 0, (unsigned)a->imms);
    write_x(t, a->rd, value);
    return true;
}

/* ---- Two sources, one source ---- */

static bool binary(struct translator *t, const struct a64_args *a, unsigned op)
{
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm);
    write_x(t, a->rd, ir_2(&t->ir, op, type_of(a->sf), n, m));
    return true;
}

bool a64_udiv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_udiv);
}
bool a64_sdiv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_sdiv);
}
bool a64_lslv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_shl);
}
bool a64_lsrv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_shr);
}
bool a64_asrv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_sar);
}
bool a64_rorv(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_ror);
}
bool a64_smax_reg(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_smax);
}
bool a64_smin_reg(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_smin);
}
bool a64_umax_reg(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_umax);
}
bool a64_umin_reg(struct translator *t, const struct a64_args *a)
{
    return binary(t, a, IR_umin);
}

static bool min_max_imm(struct translator *t, const struct a64_args *a, unsigned op)
{
    uint64_t imm = (uint64_t)(int64_t)a->imm;
    ir_ref b = ir_const(&t->ir, a->sf ? imm : (uint32_t)imm);
    write_x(t, a->rd, ir_2(&t->ir, op, type_of(a->sf), read_x(t, a->rn), b));
    return true;
}

bool a64_smax_imm(struct translator *t, const struct a64_args *a)
{
    return min_max_imm(t, a, IR_smax);
}
bool a64_smin_imm(struct translator *t, const struct a64_args *a)
{
    return min_max_imm(t, a, IR_smin);
}
bool a64_umax_imm(struct translator *t, const struct a64_args *a)
{
    return min_max_imm(t, a, IR_umax);
}
bool a64_umin_imm(struct translator *t, const struct a64_args *a)
{
    return min_max_imm(t, a, IR_umin);
}

static bool checksum(struct translator *t, const struct a64_args *a, unsigned op)
{
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm);
    write_x(t, a->rd, ir_2x(&t->ir, op, T_I32, n, m, (unsigned)a->esz, 0));
    return true;
}

bool a64_crc32(struct translator *t, const struct a64_args *a)
{
    return checksum(t, a, IR_crc32);
}
bool a64_crc32c(struct translator *t, const struct a64_args *a)
{
    return checksum(t, a, IR_crc32c);
}

static bool unary(struct translator *t, const struct a64_args *a, unsigned op)
{
    write_x(t, a->rd, ir_1(&t->ir, op, type_of(a->sf), read_x(t, a->rn)));
    return true;
}

bool a64_rbit(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_rbit);
}
bool a64_rev16(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_bswap16);
}
bool a64_rev(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_bswap);
}
bool a64_clz(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_clz);
}
bool a64_cls(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_cls);
}
bool a64_ctz(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_ctz);
}
bool a64_cnt(struct translator *t, const struct a64_args *a)
{
    return unary(t, a, IR_popcnt);
}

bool a64_rev32(struct translator *t, const struct a64_args *a)
{
    ir_ref r = ir_1(&t->ir, IR_bswap, T_I64, read_x(t, a->rn));
    write_x(t, a->rd, ir_2(&t->ir, IR_ror, T_I64, r, ir_const(&t->ir, 32)));
    return true;
}

bool a64_abs(struct translator *t, const struct a64_args *a)
{
    unsigned type = type_of(a->sf);
    ir_ref n = read_x(t, a->rn);
    ir_ref sign = ir_2(&t->ir, IR_sar, type, n, ir_const(&t->ir, a->sf ? 63 : 31));
    write_x(t, a->rd, ir_2(&t->ir, IR_sub, type, ir_2(&t->ir, IR_xor, type, n, sign), sign));
    return true;
}

/* ---- Multiply ---- */

static bool multiply_add(struct translator *t, const struct a64_args *a, unsigned type, ir_ref n,
                         ir_ref m, bool subtract)
{
    ir_ref r = ir_2(&t->ir, IR_mul, type, n, m);
    if (a->ra != 31)
        r = ir_2(&t->ir, subtract ? IR_sub : IR_add, type, read_x(t, a->ra), r);
    else if (subtract)
        r = ir_1(&t->ir, IR_neg, type, r);
    write_x(t, a->rd, r);
    return true;
}

bool a64_madd(struct translator *t, const struct a64_args *a)
{
    return multiply_add(t, a, type_of(a->sf), read_x(t, a->rn), read_x(t, a->rm), false);
}

bool a64_msub(struct translator *t, const struct a64_args *a)
{
    return multiply_add(t, a, type_of(a->sf), read_x(t, a->rn), read_x(t, a->rm), true);
}

static bool multiply_long(struct translator *t, const struct a64_args *a, unsigned extend,
                          bool subtract)
{
    ir_ref n = ir_1(&t->ir, extend, T_I64, read_x(t, a->rn)),
           m = ir_1(&t->ir, extend, T_I64, read_x(t, a->rm));
    return multiply_add(t, a, T_I64, n, m, subtract);
}

bool a64_smaddl(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_sext32, false);
}
bool a64_smsubl(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_sext32, true);
}
bool a64_umaddl(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_zext32, false);
}
bool a64_umsubl(struct translator *t, const struct a64_args *a)
{
    return multiply_long(t, a, IR_zext32, true);
}

static bool multiply_high(struct translator *t, const struct a64_args *a, unsigned op)
{
    write_x(t, a->rd, ir_2(&t->ir, op, T_I64, read_x(t, a->rn), read_x(t, a->rm)));
    return true;
}

bool a64_smulh(struct translator *t, const struct a64_args *a)
{
    return multiply_high(t, a, IR_smulh);
}
bool a64_umulh(struct translator *t, const struct a64_args *a)
{
    return multiply_high(t, a, IR_umulh);
}
