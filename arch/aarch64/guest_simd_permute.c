/* guest_simd_permute.c - moves of elements: copies, zips, table lookup (Arm ARM, Advanced SIMD
 * copy, permute, extract, table lookup). */
#include "arch/aarch64/guest_simd.h"

/* The element size that imm5 stands for; false: reserved. */
static bool copy_size(const struct a64_args *a, unsigned *size, unsigned *index)
{
    if (!(a->imm5 & 15))
        return false;
    *size = (unsigned)__builtin_ctz((unsigned)a->imm5);
    *index = (unsigned)a->imm5 >> (*size + 1);
    return true;
}

/* DUP (element), vector */
bool a64_dup_elem(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index) || (size == 3 && !a->q))
        return false;
    const ir_ref r =
        ir_1x(&t->ir, IR_vdupl, type_vector(size, a->q), simd_read(t, a->rn), index, 0);
    simd_write(t, a->rd, r, a->q);
    return true;
}

/* DUP (element), scalar */
bool a64_dup_scalar(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index))
        return false;
    ir_ref r = simd_read(t, a->rn);
    if (size == 3 && index)
        r = simd_high(t, r);
    else if (index)
        r = ir_1x(&t->ir, IR_vdupl, type_vector(size, false), r, index, 0);
    simd_write_scalar(t, a->rd, r, size);
    return true;
}

/* DUP (general) */
bool a64_dup_gpr(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index) || (size == 3 && !a->q))
        return false;
    simd_write(t, a->rd, ir_1(&t->ir, IR_vdup, type_vector(size, a->q), read_x(t, (unsigned)a->rn)),
               a->q);
    return true;
}

bool a64_smov(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index) || size > 1u + (unsigned)a->q)
        return false;
    const ir_ref r =
        ir_1x(&t->ir, IR_vgets, type_vector(size, true), simd_read(t, a->rn), index, 0);
    write_x(t, (unsigned)a->rd, narrow(t, a->q, r));
    return true;
}

bool a64_umov(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index) || (size == 3) != a->q)
        return false;
    write_x(t, (unsigned)a->rd,
            ir_1x(&t->ir, IR_vget, type_vector(size, true), simd_read(t, a->rn), index, 0));
    return true;
}

bool a64_ins_gpr(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index))
        return false;
    const ir_ref r = ir_2x(&t->ir, IR_vins, type_vector(size, true), simd_read(t, a->rd),
                           read_x(t, (unsigned)a->rn), index, 0);
    simd_write(t, a->rd, r, true);
    return true;
}

bool a64_ins_elem(struct translator *t, const struct a64_args *a)
{
    unsigned size, index;
    if (!copy_size(a, &size, &index))
        return false;
    const ir_ref r = ir_2x(&t->ir, IR_vinsl, type_vector(size, true), simd_read(t, a->rd),
                           simd_read(t, a->rn), index, (unsigned)a->imm4 >> size);
    simd_write(t, a->rd, r, true);
    return true;
}

static bool permute(struct translator *t, const struct a64_args *a, enum ir_opcode op)
{
    if (!simd_size_ok(a, SIZE_BHSD))
        return false;
    simd_write(t, a->rd, ir_2(&t->ir, op, simd_type(a), simd_read(t, a->rn), simd_read(t, a->rm)),
               a->q);
    return true;
}

#define PERMUTE(name, op)                                                                          \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return permute(t, a, IR_##op);                                                             \
    }

// clang-format off
PERMUTE(zip1_v, vzip1)
PERMUTE(zip2_v, vzip2)
PERMUTE(uzp1_v, vuzp1)
PERMUTE(uzp2_v, vuzp2)
PERMUTE(trn1_v, vtrn1)
PERMUTE(trn2_v, vtrn2)
// clang-format on

bool a64_ext_v(struct translator *t, const struct a64_args *a)
{
    if (!a->q && a->imm > 7)
        return false;
    const ir_ref n = simd_read(t, a->rn), m = simd_read(t, a->rm);
    const ir_ref r =
        a->imm ? ir_2x(&t->ir, IR_vext, type_vector(0, a->q), n, m, 0, (unsigned)a->imm) : n;
    simd_write(t, a->rd, r, a->q);
    return true;
}

/* Look the bytes of Rm up in n + 1 registers; OTHER where the index is beyond them. */
static bool table_lookup(struct translator *t, const struct a64_args *a, ir_ref other)
{
    const ir_ref index = simd_read(t, a->rm);
    for (int i = 0; i <= a->n; i++)
        other = ir_3x(&t->ir, IR_vtbl, type_vector(0, a->q), simd_read(t, (a->rn + i) % 32), index,
                      other, 0, 16 * (unsigned)i);
    simd_write(t, a->rd, other, a->q);
    return true;
}

bool a64_tbl_v(struct translator *t, const struct a64_args *a)
{
    return table_lookup(t, a, simd_zero(t));
}

bool a64_tbx_v(struct translator *t, const struct a64_args *a)
{
    return table_lookup(t, a, simd_read(t, a->rd));
}
