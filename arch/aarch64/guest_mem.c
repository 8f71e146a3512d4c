/* guest_mem.c - A64 loads and stores of general registers: single, pair, literal.
 *
 * The base register is written after every access of the instruction, so that a fault leaves it
 * unchanged and the instruction can be restarted. */
#include "arch/aarch64/guest_translate.h"

struct access {
    ir_ref base, index;
    int64_t disp;
    unsigned mem;  /* MEM_* bits */
    unsigned type; /* of a load's result */
};

static void load_to(struct translator *t, unsigned rt, const struct access *m)
{
    write_x(t, rt, ir_load(&t->ir, m->type, m->base, m->index, m->disp, m->mem));
}

static void store_from(struct translator *t, unsigned rt, const struct access *m)
{
    ir_store(&t->ir, m->base, m->index, m->disp, read_x(t, rt), m->mem);
}

/* Type of a load of 2^ESZ bytes: sign-extending ones fill an X register unless W32. */
static unsigned load_type(const struct a64_args *a, bool is_signed)
{
    return is_signed ? type_of(!a->w32) : type_of(a->esz == 3);
}

enum kind { LOAD, LOAD_SIGNED, STORE };

static void access_at(struct translator *t, const struct a64_args *a, enum kind kind,
                      struct access *m)
{
    m->mem |= (unsigned)a->esz | (kind == LOAD_SIGNED ? MEM_SIGN : 0);
    m->type = load_type(a, kind == LOAD_SIGNED);
    if (kind == STORE)
        store_from(t, (unsigned)a->rt, m);
    else
        load_to(t, (unsigned)a->rt, m);
}

/* Signed 9-bit offset, with or without write-back. */
static bool single_imm(struct translator *t, const struct a64_args *a, enum kind kind)
{
    ir_ref base = read_sp(t, a->rn);
    struct access m = {.base = base, .disp = a->post ? 0 : a->imm};
    if (!a->wback) {
        access_at(t, a, kind, &m);
        return true;
    }
    m.mem = (unsigned)a->esz | (kind == LOAD_SIGNED ? MEM_SIGN : 0);
    if (kind == STORE) {
        store_from(t, (unsigned)a->rt, &m);
        write_sp(t, a->rn, ir_add_const(&t->ir, T_I64, base, a->imm));
        return true;
    }
    /* With rt = rn the result is constrained unpredictable: here the new base wins. */
    ir_ref value =
        ir_load(&t->ir, load_type(a, kind == LOAD_SIGNED), m.base, IR_NONE, m.disp, m.mem);
    write_x(t, a->rt, value);
    write_sp(t, a->rn, ir_add_const(&t->ir, T_I64, base, a->imm));
    return true;
}

bool a64_ldr_imm(struct translator *t, const struct a64_args *a)
{
    return single_imm(t, a, LOAD);
}
bool a64_ldrs_imm(struct translator *t, const struct a64_args *a)
{
    return single_imm(t, a, LOAD_SIGNED);
}
bool a64_str_imm(struct translator *t, const struct a64_args *a)
{
    return single_imm(t, a, STORE);
}

static bool single_uimm(struct translator *t, const struct a64_args *a, enum kind kind)
{
    struct access m = {.base = read_sp(t, a->rn), .disp = (int64_t)a->imm << a->esz};
    access_at(t, a, kind, &m);
    return true;
}

bool a64_ldr_uimm(struct translator *t, const struct a64_args *a)
{
    return single_uimm(t, a, LOAD);
}
bool a64_ldrs_uimm(struct translator *t, const struct a64_args *a)
{
    return single_uimm(t, a, LOAD_SIGNED);
}
bool a64_str_uimm(struct translator *t, const struct a64_args *a)
{
    return single_uimm(t, a, STORE);
}

static bool single_reg(struct translator *t, const struct a64_args *a, enum kind kind)
{
    ir_ref base = read_sp(t, a->rn);
    struct access m = {.base = base, .index = read_index(t, (unsigned)a->rm, (unsigned)a->option)};
    if (a->s)
        m.mem = (unsigned)a->esz << MEM_SCALE_SHIFT;
    access_at(t, a, kind, &m);
    return true;
}

bool a64_ldr_reg(struct translator *t, const struct a64_args *a)
{
    return single_reg(t, a, LOAD);
}
bool a64_ldrs_reg(struct translator *t, const struct a64_args *a)
{
    return single_reg(t, a, LOAD_SIGNED);
}
bool a64_str_reg(struct translator *t, const struct a64_args *a)
{
    return single_reg(t, a, STORE);
}

static bool literal(struct translator *t, const struct a64_args *a, unsigned type, unsigned mem)
{
    ir_ref address = ir_addr(&t->ir, t->pc + (uint64_t)(int64_t)a->imm);
    write_x(t, a->rt, ir_load(&t->ir, type, address, IR_NONE, 0, mem));
    return true;
}

bool a64_ldr_lit(struct translator *t, const struct a64_args *a)
{
    return literal(t, a, type_of(a->sf), a->sf ? 3 : 2);
}
bool a64_ldrsw_lit(struct translator *t, const struct a64_args *a)
{
    return literal(t, a, T_I64, 2 | MEM_SIGN);
}

bool a64_prfm(struct translator *t, const struct a64_args *a)
{
    (void)t, (void)a;
    return true;
}

/* ---- Pairs
 * ------------------------------------------------------------------------------------------------
 */

/* FEAT_LSE2: a pair of registers is one access. */
static bool load_pair_whole(struct translator *t, const struct a64_args *a)
{
    ir_ref base = read_sp(t, a->rn);
    int64_t offset = (int64_t)a->imm * (1 << a->esz), disp = a->post ? 0 : offset;
    if (a->esz == 3)
        split_doublewords(t, ir_loadv(&t->ir, base, IR_NONE, disp, 4), (unsigned)a->rt, (unsigned)a->rt2);
    else
        split_words(t, ir_load(&t->ir, T_I64, base, IR_NONE, disp, 3), (unsigned)a->rt, (unsigned)a->rt2);
    if (a->wback)
        write_sp(t, a->rn, ir_add_const(&t->ir, T_I64, base, offset));
    return true;
}

static void store_pair_whole(struct translator *t, const struct a64_args *a, ir_ref base, int64_t disp)
{
    unsigned rt = (unsigned)a->rt, rt2 = (unsigned)a->rt2;
    if (a->esz == 3)
        ir_storev(&t->ir, base, IR_NONE, disp, join_doublewords(t, rt, rt2), 4);
    else
        ir_store(&t->ir, base, IR_NONE, disp, join_words(t, rt, rt2), 3);
}

static bool load_pair(struct translator *t, const struct a64_args *a, unsigned esz, unsigned type,
                      unsigned mem)
{
    ir_ref base = read_sp(t, a->rn);
    int64_t offset = (int64_t)a->imm * (1 << esz), disp = a->post ? 0 : offset;
    ir_ref first = ir_load(&t->ir, type, base, IR_NONE, disp, esz | mem);
    bool early = a->rt != a->rn && a->rt != a->rt2;
    if (early)
        write_x(t, a->rt, first);
    ir_ref second = ir_load(&t->ir, type, base, IR_NONE, disp + (1 << esz), esz | mem);
    /* Constrained unpredictable: of two equal registers the first wins, over both the new base. */
    write_x(t, a->rt2, second);
    if (!early)
        write_x(t, a->rt, first);
    if (a->wback)
        write_sp(t, a->rn, ir_add_const(&t->ir, T_I64, base, offset));
    return true;
}

bool a64_ldp(struct translator *t, const struct a64_args *a)
{
    if (a64_has(A64_FEATURE_uscat) && a->rt != a->rt2)
        return load_pair_whole(t, a);
    return load_pair(t, a, (unsigned)a->esz, type_of(a->esz == 3), 0);
}

bool a64_ldpsw(struct translator *t, const struct a64_args *a)
{
    return load_pair(t, a, 2, T_I64, MEM_SIGN);
}

bool a64_stp(struct translator *t, const struct a64_args *a)
{
    ir_ref base = read_sp(t, a->rn);
    int64_t offset = (int64_t)a->imm * (1 << a->esz), disp = a->post ? 0 : offset;
    if (a64_has(A64_FEATURE_uscat)) {
        store_pair_whole(t, a, base, disp);
    } else {
        ir_store(&t->ir, base, IR_NONE, disp, read_x(t, a->rt), (unsigned)a->esz);
        ir_store(&t->ir, base, IR_NONE, disp + (1 << a->esz), read_x(t, a->rt2), (unsigned)a->esz);
    }
    if (a->wback)
        write_sp(t, a->rn, ir_add_const(&t->ir, T_I64, base, offset));
    return true;
}
