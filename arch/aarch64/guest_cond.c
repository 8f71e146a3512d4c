/* guest_cond.c - A64 conditional select and compare, and the instructions that edit NZCV
 * (FEAT_FlagM). */
#include "arch/aarch64/guest_translate.h"

/* AL and NV both mean always. */
static bool is_always(unsigned cond)
{
    return cond >= COND_AL;
}

static ir_ref select_if(struct translator *t, const struct a64_args *a, ir_ref n, ir_ref m)
{
    return ir_3x(&t->ir, IR_csel, type_of(a->sf), n, m, ir_get_flags(&t->ir), (unsigned)a->cond, 0);
}

static ir_ref set_if(struct translator *t, const struct a64_args *a, unsigned cond)
{
    return ir_3x(&t->ir, IR_cset, type_of(a->sf), IR_NONE, IR_NONE, ir_get_flags(&t->ir), cond, 0);
}

bool a64_csel(struct translator *t, const struct a64_args *a)
{
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm);
    write_x(t, a->rd,
            is_always((unsigned)a->cond) || a->rn == a->rm ? narrow(t, a->sf, n)
                                                           : select_if(t, a, n, m));
    return true;
}

/* CSINC, CSINV, CSNEG: condition ? n : OP m. */
static bool select_else(struct translator *t, const struct a64_args *a, unsigned op)
{
    unsigned type = type_of(a->sf), inverse = (unsigned)a->cond ^ 1;
    ir_ref n = read_x(t, a->rn), m = read_x(t, a->rm);
    if (is_always((unsigned)a->cond)) {
        write_x(t, a->rd, narrow(t, a->sf, n));
        return true;
    }
    if (a->rn == 31 && a->rm == 31 && op != IR_neg) { /* CSET, CSETM */
        ir_ref bit = set_if(t, a, inverse);
        write_x(t, a->rd, op == IR_add ? bit : ir_1(&t->ir, IR_neg, type, bit));
        return true;
    }
    ir_ref other = op == IR_add ? ir_add_const(&t->ir, type, m, 1) : ir_1(&t->ir, op, type, m);
    write_x(t, a->rd, select_if(t, a, n, other));
    return true;
}

bool a64_csinc(struct translator *t, const struct a64_args *a)
{
    return select_else(t, a, IR_add);
}
bool a64_csinv(struct translator *t, const struct a64_args *a)
{
    return select_else(t, a, IR_not);
}
bool a64_csneg(struct translator *t, const struct a64_args *a)
{
    return select_else(t, a, IR_neg);
}

static bool compare_if(struct translator *t, const struct a64_args *a, unsigned op, ir_ref n,
                       ir_ref m)
{
    unsigned type = type_of(a->sf);
    if (is_always((unsigned)a->cond))
        ir_put_flags(&t->ir, ir_2x(&t->ir, op == IR_ccmp ? IR_sub : IR_add, type, n, m, IR_S, 0));
    else
        ir_put_flags(&t->ir, ir_3x(&t->ir, op, type, n, m, ir_get_flags(&t->ir), (unsigned)a->cond,
                                   (unsigned)a->nzcv));
    return true;
}

bool a64_ccmp_reg(struct translator *t, const struct a64_args *a)
{
    return compare_if(t, a, IR_ccmp, read_x(t, a->rn), read_x(t, a->rm));
}

bool a64_ccmn_reg(struct translator *t, const struct a64_args *a)
{
    return compare_if(t, a, IR_ccmn, read_x(t, a->rn), read_x(t, a->rm));
}

bool a64_ccmp_imm(struct translator *t, const struct a64_args *a)
{
    return compare_if(t, a, IR_ccmp, read_x(t, a->rn), ir_const(&t->ir, (uint64_t)a->imm));
}

bool a64_ccmn_imm(struct translator *t, const struct a64_args *a)
{
    return compare_if(t, a, IR_ccmn, read_x(t, a->rn), ir_const(&t->ir, (uint64_t)a->imm));
}

/* ---- NZCV as an integer ---- */

enum { BIT_V = 28, BIT_C = 29, BIT_Z = 30, BIT_N = 31 };

static ir_ref read_nzcv(struct translator *t)
{
    return ir_3(&t->ir, IR_nzcv_of, T_I64, IR_NONE, IR_NONE, ir_get_flags(&t->ir));
}

static void write_nzcv(struct translator *t, ir_ref value)
{
    ir_put_flags(&t->ir, ir_1(&t->ir, IR_nzcv, T_I64, value));
}

static ir_ref and_mask(struct translator *t, ir_ref a, uint64_t mask)
{
    return ir_2(&t->ir, IR_and, T_I64, a, ir_const(&t->ir, mask));
}

static ir_ref bit_of(struct translator *t, ir_ref a, unsigned bit)
{
    return ir_1x(&t->ir, IR_ubfx, T_I64, a, bit, 1);
}

static ir_ref or_at(struct translator *t, ir_ref a, ir_ref b, unsigned bit)
{
    return ir_2(&t->ir, IR_or, T_I64, a, ir_2(&t->ir, IR_shl, T_I64, b, ir_const(&t->ir, bit)));
}

bool a64_rmif(struct translator *t, const struct a64_args *a)
{
    uint64_t mask = (uint64_t)a->mask << BIT_V;
    ir_ref old = and_mask(t, read_nzcv(t), 0xf0000000u & ~mask);
    ir_ref x = ir_2(&t->ir, IR_ror, T_I64, read_x(t, a->rn), ir_const(&t->ir, (uint64_t)a->imm));
    ir_ref new = and_mask(t, ir_2(&t->ir, IR_shl, T_I64, x, ir_const(&t->ir, BIT_V)), mask);
    write_nzcv(t, ir_2(&t->ir, IR_or, T_I64, old, new));
    return true;
}

/* SETF8, SETF16: N Z V from an 8- or 16-bit result in Rn, C unchanged. */
bool a64_setf(struct translator *t, const struct a64_args *a)
{
    unsigned top = a->esz ? 15 : 7;
    ir_ref n = read_x(t, a->rn);
    ir_ref low = ir_1(&t->ir, a->esz ? IR_zext16 : IR_zext8, T_I64, n);
    ir_ref flags = and_mask(t, read_nzcv(t), (uint64_t)1 << BIT_C);
    /* low - 1 is negative exactly if low is zero. */
    ir_ref zero = bit_of(t, ir_add_const(&t->ir, T_I64, low, -1), 63);
    ir_ref overflow = ir_2(&t->ir, IR_xor, T_I64, bit_of(t, n, top), bit_of(t, n, top + 1));
    flags = or_at(t, flags, bit_of(t, n, top), BIT_N);
    flags = or_at(t, flags, zero, BIT_Z);
    write_nzcv(t, or_at(t, flags, overflow, BIT_V));
    return true;
}

bool a64_cfinv(struct translator *t, const struct a64_args *a)
{
    (void)a;
    write_nzcv(t,
               ir_2(&t->ir, IR_xor, T_I64, read_nzcv(t), ir_const(&t->ir, (uint64_t)1 << BIT_C)));
    return true;
}

bool a64_axflag(struct translator *t, const struct a64_args *a)
{
    (void)a;
    ir_ref old = read_nzcv(t);
    ir_ref z = bit_of(t, old, BIT_Z), c = bit_of(t, old, BIT_C), v = bit_of(t, old, BIT_V);
    ir_ref flags = or_at(t, ir_const(&t->ir, 0), ir_2(&t->ir, IR_or, T_I64, z, v), BIT_Z);
    write_nzcv(t, or_at(t, flags, ir_2(&t->ir, IR_andn, T_I64, c, v), BIT_C));
    return true;
}

bool a64_xaflag(struct translator *t, const struct a64_args *a)
{
    (void)a;
    ir_ref old = read_nzcv(t);
    ir_ref z = bit_of(t, old, BIT_Z), c = bit_of(t, old, BIT_C);
    ir_ref either = ir_2(&t->ir, IR_or, T_I64, c, z);
    ir_ref n = ir_2(&t->ir, IR_xor, T_I64, either, ir_const(&t->ir, 1));
    ir_ref flags = or_at(t, ir_const(&t->ir, 0), n, BIT_N);
    flags = or_at(t, flags, ir_2(&t->ir, IR_and, T_I64, z, c), BIT_Z);
    flags = or_at(t, flags, either, BIT_C);
    write_nzcv(t, or_at(t, flags, ir_2(&t->ir, IR_andn, T_I64, z, c), BIT_V));
    return true;
}
