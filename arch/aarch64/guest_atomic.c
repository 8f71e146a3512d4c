/* guest_atomic.c - A64 exclusive, ordered and atomic accesses.
 *
 * x86 keeps every order that Arm's acquire and release ask for, except that a load-acquire may not
 * pass an earlier store-release: hence MEM_RELEASE on stores and nothing on loads.
 * Read-modify-writes are full barriers. Unaligned accesses of this chapter fault; with FEAT_LSE2
 * only those that are not within 16 aligned bytes, and all exclusives. */
#include "arch/aarch64/guest_translate.h"
#include "core/tagged.h"

static unsigned size_type(unsigned esz)
{
    return type_of(esz == 3);
}

/* ---- Ordered loads and stores ---- */

static bool load_ordered(struct translator *t, const struct a64_args *a, unsigned type,
                         unsigned mem)
{
    ir_ref base = read_sp(t, a->rn);
    check_place(t, base, a->imm, (unsigned)a->esz);
    write_x(t, a->rt, ir_load(&t->ir, type, base, IR_NONE, a->imm, (unsigned)a->esz | mem));
    return true;
}

static bool store_ordered(struct translator *t, const struct a64_args *a)
{
    ir_ref base = read_sp(t, a->rn);
    check_place(t, base, a->imm, (unsigned)a->esz);
    ir_store(&t->ir, base, IR_NONE, a->imm, read_x(t, a->rt), (unsigned)a->esz | MEM_RELEASE);
    return true;
}

bool a64_ldar(struct translator *t, const struct a64_args *a)
{
    return load_ordered(t, a, size_type((unsigned)a->esz), 0);
}
bool a64_ldapr(struct translator *t, const struct a64_args *a)
{
    return load_ordered(t, a, size_type((unsigned)a->esz), 0);
}
bool a64_ldapur(struct translator *t, const struct a64_args *a)
{
    return load_ordered(t, a, size_type((unsigned)a->esz), 0);
}
bool a64_ldapurs(struct translator *t, const struct a64_args *a)
{
    return load_ordered(t, a, type_of(!a->w32), MEM_SIGN);
}
bool a64_stlr(struct translator *t, const struct a64_args *a)
{
    return store_ordered(t, a);
}
bool a64_stlur(struct translator *t, const struct a64_args *a)
{
    return store_ordered(t, a);
}

/* ---- Exclusives ---- */

bool a64_ldxr(struct translator *t, const struct a64_args *a)
{
    if (a64_join_exclusive(t, a, (unsigned)a->esz, false))
        return true;
    ir_ref base = read_sp(t, a->rn);
    check_alignment(t, base, 0, (unsigned)a->esz);
    write_x(t, a->rt,
            ir_1x(&t->ir, IR_ldx, size_type((unsigned)a->esz), base, (unsigned)a->esz, 0));
    return true;
}

/* The monitor holds what the load-exclusive made of its address. */
static void ignore_tag_of_monitor(struct translator *t)
{
    if (tagged_any())
        t->ir.ignored_bits = t->isa->ignored_bits;
}

bool a64_stxr(struct translator *t, const struct a64_args *a)
{
    ignore_tag_of_monitor(t);
    ir_ref base = read_sp(t, a->rn), value = read_x(t, a->rt);
    check_alignment(t, base, 0, (unsigned)a->esz);
    write_x(t, a->rs,
            ir_2x(&t->ir, IR_stx, size_type((unsigned)a->esz), base, value, (unsigned)a->esz, 0));
    return true;
}

bool a64_ldxp(struct translator *t, const struct a64_args *a)
{
    if (a64_join_exclusive(t, a, a->sz ? 3 : 2, true))
        return true;
    ir_ref base = read_sp(t, a->rn);
    check_alignment(t, base, 0, a->sz ? 4 : 3);
    if (a->sz)
        split_doublewords(t, ir_1x(&t->ir, IR_ldxv, T_2D, base, 4, 0), (unsigned)a->rt,
                          (unsigned)a->rt2);
    else
        split_words(t, ir_1x(&t->ir, IR_ldx, T_I64, base, 3, 0), (unsigned)a->rt, (unsigned)a->rt2);
    return true;
}

bool a64_stxp(struct translator *t, const struct a64_args *a)
{
    ignore_tag_of_monitor(t);
    ir_ref base = read_sp(t, a->rn), status;
    check_alignment(t, base, 0, a->sz ? 4 : 3);
    if (a->sz)
        status = ir_2x(&t->ir, IR_stxv, T_2D, base,
                       join_doublewords(t, (unsigned)a->rt, (unsigned)a->rt2), 4, 0);
    else
        status = ir_2x(&t->ir, IR_stx, T_I64, base,
                       join_words(t, (unsigned)a->rt, (unsigned)a->rt2), 3, 0);
    write_x(t, a->rs, status);
    return true;
}

bool a64_clrex(struct translator *t, const struct a64_args *a)
{
    (void)a;
    ir_0(&t->ir, IR_clrex, T_NONE);
    return true;
}

/* ---- Atomics (FEAT_LSE) ---- */

/* The instructions that discard the old value (STADD ...) are those with Rt = 31. */
static bool read_modify_write(struct translator *t, const struct a64_args *a, unsigned op,
                              bool inverted)
{
    unsigned type = size_type((unsigned)a->esz);
    ir_ref base = read_sp(t, a->rn), operand = read_x(t, a->rs);
    check_place(t, base, 0, (unsigned)a->esz);
    if (inverted)
        operand = ir_1(&t->ir, IR_not, type, operand);
    write_x(t, a->rt, ir_2x(&t->ir, op, type, base, operand, (unsigned)a->esz, 0));
    return true;
}

bool a64_ldadd(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldadd, false);
}
bool a64_ldclr(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldand, true);
}
bool a64_ldeor(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldxor, false);
}
bool a64_ldset(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldor, false);
}
bool a64_ldsmax(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldsmax, false);
}
bool a64_ldsmin(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldsmin, false);
}
bool a64_ldumax(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldumax, false);
}
bool a64_ldumin(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_ldumin, false);
}
bool a64_swp(struct translator *t, const struct a64_args *a)
{
    return read_modify_write(t, a, IR_swp, false);
}

bool a64_cas(struct translator *t, const struct a64_args *a)
{
    ir_ref base = read_sp(t, a->rn), expected = read_x(t, a->rs), value = read_x(t, a->rt);
    check_place(t, base, 0, (unsigned)a->esz);
    write_x(t, a->rs,
            ir_3x(&t->ir, IR_cas, size_type((unsigned)a->esz), base, expected, value,
                  (unsigned)a->esz, 0));
    return true;
}

bool a64_casp(struct translator *t, const struct a64_args *a)
{
    unsigned rs = (unsigned)a->rs, rt = (unsigned)a->rt;
    if ((rs | rt) & 1)
        return false;
    ir_ref base = read_sp(t, a->rn);
    check_place(t, base, 0, a->sz ? 4 : 3);
    if (a->sz) {
        ir_ref expected = join_doublewords(t, rs, rs + 1), value = join_doublewords(t, rt, rt + 1);
        split_doublewords(t, ir_3x(&t->ir, IR_casv, T_2D, base, expected, value, 4, 0), rs, rs + 1);
    } else {
        ir_ref expected = join_words(t, rs, rs + 1), value = join_words(t, rt, rt + 1);
        split_words(t, ir_3x(&t->ir, IR_cas, T_I64, base, expected, value, 3, 0), rs, rs + 1);
    }
    return true;
}
