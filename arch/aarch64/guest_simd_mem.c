/* guest_simd_mem.c - loads and stores of SIMD and floating-point registers.
 *
 * All accesses of an instruction precede its first register write, so that a fault leaves the
 * registers as they were and the instruction can be restarted. */
#include "arch/aarch64/guest_simd.h"

static ir_ref base_of(struct translator *t, const struct a64_args *a)
{
    return read_sp(t, (unsigned)a->rn);
}

static void write_base(struct translator *t, const struct a64_args *a, ir_ref base, int64_t offset)
{
    write_sp(t, (unsigned)a->rn, ir_add_const(&t->ir, T_I64, base, offset));
}

/* -- One register -- */

/* Signed 9-bit byte offset, with or without write-back. */
static bool access_imm(struct translator *t, const struct a64_args *a, bool load)
{
    const ir_ref base = base_of(t, a);
    const int64_t disp = a->post ? 0 : a->imm;
    if (load)
        simd_write(t, a->rt, ir_loadv(&t->ir, base, IR_NONE, disp, (unsigned)a->esz), true);
    else
        ir_storev(&t->ir, base, IR_NONE, disp, simd_read(t, a->rt), (unsigned)a->esz);
    if (a->wback)
        write_base(t, a, base, a->imm);
    return true;
}

bool a64_ldr_v(struct translator *t, const struct a64_args *a)
{
    return access_imm(t, a, true);
}

bool a64_str_v(struct translator *t, const struct a64_args *a)
{
    return access_imm(t, a, false);
}

bool a64_ldr_v_uimm(struct translator *t, const struct a64_args *a)
{
    const int64_t disp = (int64_t)a->imm << a->esz;
    simd_write(t, a->rt, ir_loadv(&t->ir, base_of(t, a), IR_NONE, disp, (unsigned)a->esz), true);
    return true;
}

bool a64_str_v_uimm(struct translator *t, const struct a64_args *a)
{
    const int64_t disp = (int64_t)a->imm << a->esz;
    ir_storev(&t->ir, base_of(t, a), IR_NONE, disp, simd_read(t, a->rt), (unsigned)a->esz);
    return true;
}

/* Index register, and MEM_* bits with its scale: the IR's goes up to 3. */
static ir_ref scaled_index(struct translator *t, const struct a64_args *a, unsigned *mem)
{
    ir_ref index = read_index(t, (unsigned)a->rm, (unsigned)a->option);
    *mem = (unsigned)a->esz;
    if (!a->s)
        return index;
    if (a->esz == 4)
        return ir_2(&t->ir, IR_shl, T_I64, index, ir_const(&t->ir, 4));
    *mem |= (unsigned)a->esz << MEM_SCALE_SHIFT;
    return index;
}

bool a64_ldr_v_reg(struct translator *t, const struct a64_args *a)
{
    unsigned mem;
    const ir_ref index = scaled_index(t, a, &mem);
    simd_write(t, a->rt, ir_loadv(&t->ir, base_of(t, a), index, 0, mem), true);
    return true;
}

bool a64_str_v_reg(struct translator *t, const struct a64_args *a)
{
    unsigned mem;
    const ir_ref index = scaled_index(t, a, &mem);
    ir_storev(&t->ir, base_of(t, a), index, 0, simd_read(t, a->rt), mem);
    return true;
}

/* LDR (literal, SIMD&FP) */
bool a64_ldr_v_lit(struct translator *t, const struct a64_args *a)
{
    const ir_ref address = ir_addr(&t->ir, t->pc + (uint64_t)(int64_t)a->imm);
    simd_write(t, a->rt, ir_loadv(&t->ir, address, IR_NONE, 0, (unsigned)a->esz), true);
    return true;
}

/* -- Pairs -- */

bool a64_ldp_v(struct translator *t, const struct a64_args *a)
{
    const ir_ref base = base_of(t, a);
    const int64_t size = 1 << a->esz, offset = a->imm * size, disp = a->post ? 0 : offset;
    const ir_ref first = ir_loadv(&t->ir, base, IR_NONE, disp, (unsigned)a->esz);
    const ir_ref second = ir_loadv(&t->ir, base, IR_NONE, disp + size, (unsigned)a->esz);
    simd_write(t, a->rt, first, true);
    simd_write(t, a->rt2, second, true);
    if (a->wback)
        write_base(t, a, base, offset);
    return true;
}

bool a64_stp_v(struct translator *t, const struct a64_args *a)
{
    const ir_ref base = base_of(t, a);
    const int64_t size = 1 << a->esz, offset = a->imm * size, disp = a->post ? 0 : offset;
    ir_storev(&t->ir, base, IR_NONE, disp, simd_read(t, a->rt), (unsigned)a->esz);
    ir_storev(&t->ir, base, IR_NONE, disp + size, simd_read(t, a->rt2), (unsigned)a->esz);
    if (a->wback)
        write_base(t, a, base, offset);
    return true;
}

/* -- Structures -- */

enum { MAX_REGS = 4 };

/* Post-index: by Rm, or by the bytes accessed if that is register 31. */
static void post_index(struct translator *t, const struct a64_args *a, ir_ref base, int64_t bytes)
{
    if (!a->post)
        return;
    if (a->rm == 31)
        write_base(t, a, base, bytes);
    else
        write_sp(t, (unsigned)a->rn, ir_2(&t->ir, IR_add, T_I64, base, read_x(t, (unsigned)a->rm)));
}

static ir_ref vector_of_bytes(struct translator *t, const uint8_t bytes[16])
{
    uint64_t half[2] = {0, 0};
    for (unsigned i = 0; i < 16; i++)
        half[i / 8] |= (uint64_t)bytes[i] << i % 8 * 8;
    if (half[0] == half[1] || !half[1])
        return ir_vconst(&t->ir, half[0], half[1] != 0);
    return ir_2(&t->ir, IR_vcombine, T_2D, ir_vconst(&t->ir, half[0], false),
                ir_vconst(&t->ir, half[1], false));
}

/* The bytes AT of the string of registers v[0], v[1], v[2]; zero where AT is beyond them. */
static ir_ref gather_bytes(struct translator *t, const ir_ref v[3], const uint8_t at[16])
{
    const ir_ref index = vector_of_bytes(t, at);
    ir_ref r = ir_vconst(&t->ir, 0, true);
    for (unsigned i = 0; i < 3; i++)
        r = ir_3x(&t->ir, IR_vtbl, T_16B, v[i], index, r, 0, 16 * i);
    return r;
}

/* Load or store N * BYTES contiguous bytes, as vectors of 16 bytes and a last one of 8 if need be.
 */
static void load_string(struct translator *t, ir_ref base, ir_ref *v, unsigned bytes)
{
    for (unsigned i = 0; 16 * i < bytes; i++)
        v[i] = ir_loadv(&t->ir, base, IR_NONE, 16 * i, bytes - 16 * i >= 16 ? 4 : 3);
}

static void store_string(struct translator *t, ir_ref base, const ir_ref *v, unsigned bytes)
{
    for (unsigned i = 0; 16 * i < bytes; i++)
        ir_storev(&t->ir, base, IR_NONE, 16 * i, v[i], bytes - 16 * i >= 16 ? 4 : 3);
}

/* Three-element structures in memory to registers. */
static void load3(struct translator *t, const struct a64_args *a, ir_ref base, ir_ref *r)
{
    const unsigned size = 1u << a->esz, bytes = a->q ? 16 : 8;
    ir_ref v[3] = {IR_NONE};
    uint8_t at[16];

    load_string(t, base, v, 3 * bytes);
    if (!a->q)
        v[2] = v[1]; /* never indexed */
    for (unsigned reg = 0; reg < 3; reg++) {
        for (unsigned i = 0; i < 16; i++)
            at[i] = i < bytes ? (uint8_t)((i / size * 3 + reg) * size + i % size) : 0xff;
        r[reg] = gather_bytes(t, v, at);
    }
}

static void store3(struct translator *t, const struct a64_args *a, ir_ref base, const ir_ref *r)
{
    const unsigned size = 1u << a->esz, bytes = a->q ? 16 : 8;
    ir_ref v[3] = {IR_NONE};
    uint8_t at[16];

    for (unsigned part = 0; 16 * part < 3 * bytes; part++) {
        for (unsigned i = 0; i < 16; i++) {
            const unsigned element = (16 * part + i) / size;
            at[i] = (uint8_t)(16 * (element % 3) + element / 3 * size + i % size);
        }
        v[part] = gather_bytes(t, r, at);
    }
    store_string(t, base, v, 3 * bytes);
}

static ir_ref shuffle(struct translator *t, const struct a64_args *a, enum ir_opcode op, ir_ref x,
                      ir_ref y)
{
    return ir_2(&t->ir, op, type_vector((unsigned)a->esz, a->q), x, y);
}

/* N registers from contiguous vectors v to interleaved structures. */
static void deinterleave(struct translator *t, const struct a64_args *a, const ir_ref *v, ir_ref *r)
{
    if (a->selem == 2) {
        r[0] = shuffle(t, a, IR_vuzp1, v[0], v[1]);
        r[1] = shuffle(t, a, IR_vuzp2, v[0], v[1]);
        return;
    }
    const ir_ref even0 = shuffle(t, a, IR_vuzp1, v[0], v[1]),
                 odd0 = shuffle(t, a, IR_vuzp2, v[0], v[1]);
    const ir_ref even1 = shuffle(t, a, IR_vuzp1, v[2], v[3]),
                 odd1 = shuffle(t, a, IR_vuzp2, v[2], v[3]);
    r[0] = shuffle(t, a, IR_vuzp1, even0, even1);
    r[1] = shuffle(t, a, IR_vuzp1, odd0, odd1);
    r[2] = shuffle(t, a, IR_vuzp2, even0, even1);
    r[3] = shuffle(t, a, IR_vuzp2, odd0, odd1);
}

static void interleave(struct translator *t, const struct a64_args *a, const ir_ref *r, ir_ref *v)
{
    if (a->selem == 2) {
        v[0] = shuffle(t, a, IR_vzip1, r[0], r[1]);
        v[1] = shuffle(t, a, IR_vzip2, r[0], r[1]);
        return;
    }
    const ir_ref even0 = shuffle(t, a, IR_vzip1, r[0], r[2]),
                 even1 = shuffle(t, a, IR_vzip2, r[0], r[2]);
    const ir_ref odd0 = shuffle(t, a, IR_vzip1, r[1], r[3]),
                 odd1 = shuffle(t, a, IR_vzip2, r[1], r[3]);
    v[0] = shuffle(t, a, IR_vzip1, even0, odd0);
    v[1] = shuffle(t, a, IR_vzip2, even0, odd0);
    v[2] = shuffle(t, a, IR_vzip1, even1, odd1);
    v[3] = shuffle(t, a, IR_vzip2, even1, odd1);
}

/* 64-bit elements exist in 64-bit registers only as LD1 and ST1. */
static bool structure_ok(const struct a64_args *a)
{
    return a->selem == 1 || a->q || a->esz < 3;
}

/* LD1..LD4 (multiple structures) */
bool a64_ld_mult(struct translator *t, const struct a64_args *a)
{
    if (!structure_ok(a))
        return false;
    const ir_ref base = base_of(t, a);
    const unsigned bytes = a->q ? 16 : 8;
    ir_ref v[MAX_REGS] = {IR_NONE}, r[MAX_REGS] = {IR_NONE};

    if (a->selem == 3) {
        load3(t, a, base, r);
    } else {
        for (int i = 0; i < a->n; i++)
            v[i] = ir_loadv(&t->ir, base, IR_NONE, i * (int64_t)bytes, a->q ? 4 : 3);
        if (a->selem > 1)
            deinterleave(t, a, v, r);
    }
    for (int i = 0; i < a->n; i++) {
        if (a->selem == 1) /* the load has cleared the high half */
            simd_write(t, (a->rt + i) % 32, v[i], true);
        else
            simd_write(t, (a->rt + i) % 32, r[i], a->q);
    }
    post_index(t, a, base, a->n * (int64_t)bytes);
    return true;
}

/* ST1..ST4 (multiple structures) */
bool a64_st_mult(struct translator *t, const struct a64_args *a)
{
    if (!structure_ok(a))
        return false;
    const ir_ref base = base_of(t, a);
    const unsigned bytes = a->q ? 16 : 8;
    ir_ref v[MAX_REGS] = {IR_NONE}, r[MAX_REGS] = {IR_NONE};

    for (int i = 0; i < a->n; i++)
        r[i] = simd_read(t, (a->rt + i) % 32);
    if (a->selem == 3) {
        store3(t, a, base, r);
    } else {
        if (a->selem > 1)
            interleave(t, a, r, v);
        for (int i = 0; i < a->n; i++)
            ir_storev(&t->ir, base, IR_NONE, i * (int64_t)bytes, a->selem > 1 ? v[i] : r[i],
                      a->q ? 4 : 3);
    }
    post_index(t, a, base, a->n * (int64_t)bytes);
    return true;
}

/* Registers of a single-structure instruction; LD2 and LD4 use other opcodes than LD1 and LD3,
 * which selem reflects. */
static int64_t structure_bytes(const struct a64_args *a)
{
    return (int64_t)a->selem << a->esz;
}

/* LD1..LD4 (single structure) */
bool a64_ld_single(struct translator *t, const struct a64_args *a)
{
    const ir_ref base = base_of(t, a);
    const enum ir_type type = type_vector((unsigned)a->esz, true);
    ir_ref v[MAX_REGS] = {IR_NONE};

    for (int i = 0; i < a->selem; i++)
        v[i] = ir_loadv(&t->ir, base, IR_NONE, (int64_t)i << a->esz, (unsigned)a->esz);
    for (int i = 0; i < a->selem; i++) {
        const int reg = (a->rt + i) % 32;
        simd_write(t, reg,
                   ir_2x(&t->ir, IR_vinsl, type, simd_read(t, reg), v[i], (unsigned)a->index, 0),
                   true);
    }
    post_index(t, a, base, structure_bytes(a));
    return true;
}

/* ST1..ST4 (single structure) */
bool a64_st_single(struct translator *t, const struct a64_args *a)
{
    const ir_ref base = base_of(t, a);
    const enum ir_type type = type_vector((unsigned)a->esz, true);

    for (int i = 0; i < a->selem; i++) {
        const ir_ref v = simd_read(t, (a->rt + i) % 32);
        const int64_t disp = (int64_t)i << a->esz;
        if (a->index) {
            const ir_ref element = ir_1x(&t->ir, IR_vget, type, v, (unsigned)a->index, 0);
            ir_store(&t->ir, base, IR_NONE, disp, element, (unsigned)a->esz);
        } else {
            ir_storev(&t->ir, base, IR_NONE, disp, v, (unsigned)a->esz);
        }
    }
    post_index(t, a, base, structure_bytes(a));
    return true;
}

/* LD1R..LD4R */
bool a64_ld_repl(struct translator *t, const struct a64_args *a)
{
    const ir_ref base = base_of(t, a);
    const enum ir_type type = type_vector((unsigned)a->esz, a->q);
    ir_ref v[MAX_REGS] = {IR_NONE};

    for (int i = 0; i < a->selem; i++)
        v[i] = ir_loadv(&t->ir, base, IR_NONE, (int64_t)i << a->esz, (unsigned)a->esz);
    for (int i = 0; i < a->selem; i++) {
        if (type != T_1D)
            v[i] = ir_1x(&t->ir, IR_vdupl, type, v[i], 0, 0);
        simd_write(t, (a->rt + i) % 32, v[i], a->q);
    }
    post_index(t, a, base, structure_bytes(a));
    return true;
}
