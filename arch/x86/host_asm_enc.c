/* host_asm_enc.c - the x86-64 encoder: prefixes, operands, literals. */
#include "arch/x86/host_asm_enc.h"
#include <string.h>
#include "core/log.h"

/* -- Bytes ------------------------------------------------------------------------------------ */

enum { MAX_INSN = 24 };

/* An instruction being made. */
struct bytes {
    uint8_t *at;   /* of the byte to come */
    uint8_t *disp; /* a literal's disp32, or null */
};

static void add_byte(struct bytes *o, unsigned byte) { *o->at++ = (uint8_t)byte; }

static void add_le(struct bytes *o, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        add_byte(o, (unsigned)(value >> 8 * i) & 0xff);
}

bool enc_bytes(struct x86_asm *a, const uint8_t *b, size_t n)
{
    if (a->overflow || (size_t)(a->end - a->at) < n) {
        a->overflow = true;
        return false;
    }
    memcpy(a->at, b, n);
    a->at += n;
    a->n_insns++;
    return true;
}

static bool class_is_8(unsigned class) { return class == O_8; }

/* SPL BPL SIL DIL need a REX prefix to be told from AH CH DH BH. */
static bool needs_byte_rex(const struct enc *e)
{
    return (class_is_8(e->reg_class) && e->reg >= 4) || (!e->is_mem && class_is_8(e->rm_class) && e->rm >= 4);
}

static void add_prefixes(struct bytes *o, const struct enc *e)
{
    static const uint8_t mandatory[4] = {0, 0x66, 0xf3, 0xf2};
    unsigned r = e->reg >> 3 & 1, v = e->v;
    unsigned x = e->is_mem && e->m.index >= 0 ? e->m.index >> 3 & 1 : 0;
    unsigned b = e->is_mem ? (e->m.base >= 0 ? e->m.base >> 3 & 1 : 0) : e->rm >> 3 & 1;
    switch (e->form) {
    case ENC_LEGACY:
        if (e->prefix)
            add_byte(o, mandatory[e->prefix]);
        if (e->lock)
            add_byte(o, 0xf0);
        unsigned rex = (unsigned)(e->w & 1) << 3 | r << 2 | x << 1 | b;
        if (rex || needs_byte_rex(e))
            add_byte(o, 0x40 | rex);
        if (e->map)
            add_byte(o, 0x0f);
        if (e->map >= 2)
            add_byte(o, e->map == 2 ? 0x38 : 0x3a);
        break;
    case ENC_VEX:
        if (!x && !b && !e->w && e->map == 1) {
            add_byte(o, 0xc5);
            add_byte(o, (r ^ 1) << 7 | (~v & 15) << 3 | e->prefix);
            break;
        }
        add_byte(o, 0xc4);
        add_byte(o, (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | e->map);
        add_byte(o, (unsigned)e->w << 7 | (~v & 15) << 3 | e->prefix);
        break;
    default: /* EVEX, 128 bits, registers below 16 */
        add_byte(o, 0x62);
        add_byte(o, (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | 0x10 | e->map);
        add_byte(o, (unsigned)e->w << 7 | (~v & 15) << 3 | 4 | e->prefix);
        add_byte(o, 0x08 | e->k);
        break;
    }
}

/* SDM 2A, EVEX: disp8 counts in units of the memory operand's size. */
static unsigned disp8_unit(const struct enc *e)
{
    static const uint8_t bytes[] = {[O_8] = 1, [O_16] = 2, [O_32] = 4, [O_64] = 8, [O_X] = 16, [O_128] = 16};
    return e->form == ENC_EVEX ? bytes[e->mem_class] : 1;
}

static void add_memory(struct bytes *o, const struct enc *e)
{
    const struct x86_mem *m = &e->m;
    unsigned reg = (e->reg & 7u) << 3;
    if (m->base == X86_LITERAL) {
        add_byte(o, reg | 5);
        o->disp = o->at;
        add_le(o, 0, 4);
        return;
    }
    unsigned index = m->index >= 0 ? m->index & 7u : 4;
    if (m->base < 0) {
        add_byte(o, reg | 4);
        add_byte(o, (unsigned)m->scale << 6 | index << 3 | 5);
        add_le(o, (uint32_t)m->disp, 4);
        return;
    }
    unsigned base = m->base & 7u;
    int unit = (int)disp8_unit(e);
    int disp8 = m->disp / unit;
    unsigned mod = 2;
    if (m->disp == 0 && base != 5)
        mod = 0;
    else if (m->disp % unit == 0 && disp8 >= -128 && disp8 <= 127)
        mod = 1;
    if (m->index >= 0 || base == 4) {
        add_byte(o, mod << 6 | reg | 4);
        add_byte(o, (unsigned)m->scale << 6 | index << 3 | base);
    } else {
        add_byte(o, mod << 6 | reg | base);
    }
    if (mod == 1)
        add_byte(o, (unsigned)disp8 & 0xff);
    else if (mod == 2)
        add_le(o, (uint32_t)m->disp, 4);
}

/* E's bytes to AT. Returns how many; *DISP_AT: where among them a literal's disp32 is, or -1. */
static inline size_t encode(const struct x86_asm *a, const struct enc *e, uint8_t *at, ptrdiff_t *disp_at)
{
    struct bytes o = {.at = at};
    add_prefixes(&o, e);
    if (e->no_modrm) {
        add_byte(&o, e->opcode | (e->rm & 7u));
    } else {
        add_byte(&o, e->opcode);
        if (e->is_mem)
            add_memory(&o, e);
        else
            add_byte(&o, 0xc0 | (e->reg & 7u) << 3 | (e->rm & 7u));
    }
    add_le(&o, (uint64_t)e->imm, e->imm_size);
    if (o.disp) {
        /* Until the literals are placed the field holds the chain of uses and the bytes that follow it. */
        uint32_t link = a->literal[e->m.disp].uses << 3 | e->imm_size;
        memcpy(o.disp, &link, 4);
    }
    *disp_at = o.disp ? o.disp - at : -1;
    return (size_t)(o.at - at);
}

/* In its place, since reading as a whole what was written in bytes takes long. */
void enc_emit(struct x86_asm *a, const struct enc *e)
{
    uint8_t *from = a->at, apart[MAX_INSN];
    uint32_t offset = asm_offset(a);
    ptrdiff_t disp_at;
    if (likely(a->end - from >= MAX_INSN)) {
        a->at += encode(a, e, from, &disp_at);
        a->n_insns++;
    } else if (!enc_bytes(a, apart, encode(a, e, apart, &disp_at))) {
        return;
    }
    if (disp_at >= 0)
        a->literal[e->m.disp].uses = offset + (uint32_t)disp_at;
    if (LOG_ON(out_asm))
        enc_list(a, from, e);
}

void asm_begin(struct x86_asm *a, uint8_t *start, size_t size, const struct x86_features *has)
{
    a->start = a->at = start;
    a->end = start + size;
    a->moves = 0;
    a->has = has;
    a->overflow = false;
    a->n_insns = 0;
    a->n_literals = 0;
}

/* -- Literals --------------------------------------------------------------------------------- */

struct x86_mem asm_literal(struct x86_asm *a, uint64_t lo, uint64_t hi)
{
    unsigned i = 0;
    while (i < a->n_literals && (a->literal[i].lo != lo || a->literal[i].hi != hi))
        i++;
    if (i == X86_MAX_LITERALS)
        bug("too many constants in one block");
    if (i == a->n_literals)
        a->literal[a->n_literals++] = (struct x86_literal){lo, hi, 0};
    return (struct x86_mem){X86_LITERAL, X86_NO_REG, 0, (int32_t)i};
}

uint32_t asm_align_data(struct x86_asm *a)
{
    static const uint8_t padding[16];
    enc_bytes(a, padding, -(uintptr_t)a->at & 15);
    return asm_offset(a);
}

void asm_data(struct x86_asm *a, const void *data, size_t size) { enc_bytes(a, data, size); }

void asm_flush_literals(struct x86_asm *a)
{
    if (a->n_literals)
        asm_align_data(a);
    for (unsigned i = 0; i < a->n_literals; i++) {
        uint8_t *from = a->at;
        uint64_t pair[2] = {a->literal[i].lo, a->literal[i].hi};
        if (!enc_bytes(a, (const uint8_t *)pair, 16))
            return;
        if (LOG_ON(out_asm))
            enc_list_text(a, from, "(constant)");
        for (uint32_t use = a->literal[i].uses; use;) {
            uint32_t link;
            memcpy(&link, a->start + use, 4);
            int32_t disp = (int32_t)(from - (a->start + use + 4 + (link & 7)));
            memcpy(a->start + use, &disp, 4);
            use = link >> 3;
        }
    }
    a->n_literals = 0;
}
