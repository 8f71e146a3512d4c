/* generate.c - draw random cases: instructions from the pattern table, operands rich in corner
 * values.
 *
 * What an instruction does with its registers is told from the encoding (Arm ARM, "Top-level
 * encodings for A64"), as in a64.py, which also says what is not drawn. */
#include "draw.h"
#include <string.h>

enum { POOL_SIZE = 65536, MAX_PATTERNS = 4096 };
enum kind { KIND_INTEGER, KIND_FP, KIND_MEMORY, KIND_BRANCH, KINDS };

/* Registers that MRS and MSR name, and the bits that may be written. */
static const struct {
    unsigned number;
    uint32_t writable;
} system_registers[SYSTEM_REGISTERS] = {
    {0xda10, 0xf0000000}, /* NZCV */
    {0xda20, 0x07c80000}, /* FPCR */
    {0xda21, 0x0800009f}, /* FPSR */
};

/* Percent of each kind in a mode. */
static const uint8_t shares[MODES][KINDS] = {
    [MODE_MIXED] = {30, 40, 20, 10}, [MODE_FP] = {0, 100, 0, 0},
    [MODE_INTEGER] = {100, 0, 0, 0}, [MODE_MEMORY] = {20, 10, 70, 0},
    [MODE_BRANCH] = {60, 5, 0, 35},  [MODE_LOOPS] = {45, 25, 30, 0},
};

static uint64_t state;
static uint16_t by_kind[KINDS][MAX_PATTERNS];
static unsigned n_by_kind[KINDS];
static uint64_t pool[POOL_SIZE / 8];

static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15;
    uint64_t z = state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

unsigned draw_below(unsigned n)
{
    return (unsigned)((draw() >> 32) * n >> 32);
}

/* -- What kind of instruction -- */

static bool is_memory(uint32_t i)
{
    return bits(i, 27, 27) == 1 && bits(i, 25, 25) == 0;
}

static bool is_literal_load(uint32_t i)
{
    return is_memory(i) && bits(i, 29, 27) == 3 && bits(i, 24, 24) == 0;
}

static bool is_exclusive(uint32_t i)
{
    return bits(i, 29, 24) == 8 && bits(i, 23, 23) == 0;
}

static bool is_pair(uint32_t i)
{
    return is_memory(i) && bits(i, 29, 27) == 5;
}

/* Exclusive, acquire and release, LSE atomic, RCPC. */
static bool is_ordered(uint32_t i)
{
    return bits(i, 29, 24) == 8 || bits(i, 29, 24) == 0x19 ||
           (bits(i, 29, 27) == 7 && bits(i, 24, 24) == 0 && bits(i, 21, 21) == 1 &&
            bits(i, 11, 10) == 0);
}

static bool is_structure(uint32_t i)
{
    return bits(i, 29, 24) == 0x0c || bits(i, 29, 24) == 0x0d;
}

static bool is_system(uint32_t i)
{
    return bits(i, 31, 24) == 0xd4 || bits(i, 31, 24) == 0xd5;
}

static bool is_branch(uint32_t i)
{
    return bits(i, 28, 26) == 5 && !is_system(i);
}

static bool is_indirect(uint32_t i)
{
    return bits(i, 31, 25) == 0x6b;
}

bool is_multiple(uint32_t i)
{
    return is_pair(i) || is_structure(i) || is_exclusive(i) ||
           (is_memory(i) && bits(i, 26, 26) && bits(i, 31, 30) == 0);
}

/* CONSTRAINED UNPREDICTABLE register overlaps (`unpredictable` in a64.py). */
static bool is_unpredictable(uint32_t i)
{
    unsigned rt = bits(i, 4, 0), rn = bits(i, 9, 5), rt2 = bits(i, 14, 10), rs = bits(i, 20, 16);
    bool vector = bits(i, 26, 26);
    if (is_pair(i))
        return (bits(i, 22, 22) && rt == rt2) ||
               (bits(i, 23, 23) && !vector && rn != 31 && (rn == rt || rn == rt2));
    if (is_exclusive(i)) {
        bool pair = bits(i, 21, 21);
        if (bits(i, 22, 22))
            return pair && rt == rt2;
        return rs == rt || (pair && rs == rt2) || (rs == rn && rs != 31);
    }
    return is_memory(i) && bits(i, 29, 27) == 7 && !bits(i, 24, 24) && !bits(i, 21, 21) &&
           bits(i, 10, 10) && !vector && rt == rn && rn != 31;
}

static bool is_excluded(uint32_t i, bool flushing)
{
    for (unsigned k = 0; k < n_exclusions; k++)
        if ((i & exclusions[k].mask) == exclusions[k].match &&
            (flushing || !exclusions[k].flushing_only))
            return true;
    return false;
}

/* -- Operands -- */

static uint64_t draw_integer(void)
{
    static const uint64_t corners[] = {
        0,          1,  2,  ~0ull, 1ull << 63, ~(1ull << 63), 1u << 31, 0x7fffffff, 0xffffffff,
        1ull << 32, 31, 32, 63,    64,         0xff,          0x8000};
    switch (draw_below(8)) {
    case 0:
        return corners[draw_below(16)];
    case 1:
        return (1ull << draw_below(64)) + draw_below(3) - 1;
    case 2:
        return draw_below(256);
    case 3:
        return -(uint64_t)(1 + draw_below(4095));
    case 4:
        return draw() >> 32;
    case 5:
        return draw_below(256) * 0x0101010101010101ull;
    default:
        return draw();
    }
}

/* A floating-point pattern of 16, 32 or 64 bits with E bits of exponent. */
static uint64_t draw_lane(unsigned width, unsigned e)
{
    unsigned f = width - 1 - e;
    uint64_t bias = (1ull << (e - 1)) - 1, top = ((1ull << e) - 1) << f, ones = (1ull << f) - 1;
    uint64_t sign = (uint64_t)draw_below(2) << (width - 1), fraction;
    switch (draw_below(6)) {
    case 0:
        fraction = 0;
        break;
    case 1:
        fraction = draw_below(4);
        break;
    case 2:
        fraction = ones - draw_below(4);
        break;
    case 3:
        fraction = 1ull << draw_below(f);
        break;
    default:
        fraction = draw() & ones;
        break;
    }
    unsigned span = draw_below(2) || e == 5 ? 4 : 70, limit = e == 5 ? 15 : draw_below(2) ? 32 : 64;
    switch (draw_below(18)) {
    case 0:
        return sign;
    case 1:
        return sign | top;
    case 2:
        return sign | top | 1ull << (f - 1) | fraction;
    case 3:
        fraction &= ones >> 1;
        return sign | top | (fraction ? fraction : 1);
    case 4:
    case 5:
        return sign | fraction;
    case 6:
        return sign | (uint64_t)(1 + draw_below(3)) << f | fraction;
    case 7:
        return sign | (top - (1ull << f)) | fraction;
    case 8:
        return sign | (draw() & ((1ull << (width - 1)) - 1));
    case 9: /* products are near the smallest normal number */
        return sign | (bias / 2 + draw_below(4) - 1) << f | fraction;
    case 10: /* and near the largest */
        return sign | (bias + bias / 2 + draw_below(4) - 1) << f | fraction;
    case 11: /* conversions to integers and between formats: their limits */
        return sign | (bias + limit + draw_below(3) - 2) << f | fraction;
    case 12: /* the smallest numbers of narrower formats */
        if (e > 5)
            return sign | (bias - (e == 8 || draw_below(2) ? 14 : 126) + draw_below(24) - 20) << f |
                   fraction;
        /* fall through */
    default:
        return sign | (bias + draw_below(2 * span + 1) - span) << f | fraction;
    }
}

static uint64_t draw_half_register(void)
{
    uint64_t v = 0;
    switch (draw_below(8)) {
    case 0:
    case 1:
        return draw_lane(64, 11);
    case 2:
    case 3:
        v = draw_lane(32, 8) & 0xffffffff;
        return v | draw_lane(32, 8) << 32;
    case 4:
        for (unsigned k = 0; k < 4; k++)
            v = v << 16 | (draw_lane(16, 5) & 0xffff);
        return v;
    case 5:
        for (unsigned k = 0; k < 8; k++) {
            static const uint8_t corners[] = {0, 1, 0x7f, 0x80, 0xff};
            unsigned which = draw_below(8);
            v = v << 8 | (which < 5 ? corners[which] : draw_below(256));
        }
        return v;
    case 6: /* brain floating point */
        v = draw_lane(32, 8) & 0xffff0000;
        return v >> 16 | (draw_lane(32, 8) & 0xffff0000) | draw_lane(32, 8) << 32;
    default:
        return draw_integer();
    }
}

/* -- Instructions -- */

/* Keep most writes in the register fields FIELDS away from registers that have a use. False: draw
 * again. */
static bool avoid(uint32_t *insn, const uint8_t *fields, unsigned n, const struct roles *roles)
{
    for (unsigned k = 0; k < n; k++) {
        unsigned low = fields[k];
        for (unsigned tries = 0;
             tries < 20 && roles->kept >> bits(*insn, low + 4, low) & 1 && draw_below(24); tries++)
            *insn = set_field(*insn, low, 5, draw_below(32));
        if (3u << bits(*insn, low + 4, low) & roles->never)
            return false;
    }
    return true;
}

static bool place_branch(uint32_t *insn, unsigned k, unsigned n, struct roles *roles)
{
    uint32_t i = *insn, distance = 1 + draw_below(n - k);
    if (is_indirect(i)) {
        if (roles->target || roles->linked)
            return false;
        roles->target = 0x8000 + roles->branch + 32 * (k + 1 + draw_below(n - k));
        *insn = set_field(i, 5, 5, roles->branch);
        return true;
    }
    if (bits(i, 30, 26) == 5) {
        if (bits(i, 31, 31)) {
            if (roles->target)
                return false;
            roles->linked = true;
        }
        *insn = set_field(i, 0, 26, distance);
    } else {
        *insn =
            bits(i, 30, 25) == 0x1b ? set_field(i, 5, 14, distance) : set_field(i, 5, 19, distance);
    }
    return true;
}

static bool place_system(uint32_t *insn, uint32_t mask, struct roles *roles)
{
    uint32_t i = *insn;
    if (bits(i, 31, 22) != 0x354 || !bits(i, 20, 20))
        return true;
    if (!(mask >> 5 & 0x7fff))
        i = set_field(i, 5, 16, system_registers[draw_below(SYSTEM_REGISTERS)].number);
    for (unsigned s = 0; !bits(i, 21, 21) && s < SYSTEM_REGISTERS; s++) {
        if (bits(i, 20, 5) != system_registers[s].number)
            continue;
        i = set_field(i, 0, 5, roles->system[s]);
        roles->flushing = true;
    }
    *insn = i;
    static const uint8_t target[] = {0};
    return !bits(i, 21, 21) || avoid(insn, target, 1, roles);
}

static bool place_memory(uint32_t *insn, unsigned k, unsigned n, struct roles *roles)
{
    static const uint8_t fields[] = {0, 10, 16};
    uint32_t i = *insn;
    if (is_literal_load(i)) {
        *insn = set_field(i, 5, 19, draw_below(k + 7 + n - k) - k - 6);
        return bits(i, 26, 26) || avoid(insn, fields, 1, roles);
    }
    bool unscaled = bits(i, 29, 27) == 7 && !bits(i, 24, 24);
    i = set_field(i, 5, 5,
                  roles->pointers[is_ordered(i) ? 0 : 1 + draw_below(roles->n_pointers - 1)]);
    if (bits(i, 29, 27) == 7 && bits(i, 24, 24))
        i = set_field(i, 10, 12, draw_below(48));
    else if (unscaled && bits(i, 21, 21) && bits(i, 11, 10) == 2)
        i = set_field(i, 16, 5, roles->index);
    else if (is_structure(i) && bits(i, 23, 23) && bits(i, 20, 16) != 31)
        i = set_field(i, 16, 5, roles->index);
    if (bits(i, 29, 24) == 0x19) /* LDAPUR, STLUR: alignment is the implementation's choice */
        i = set_field(i, 12, 4, 0);
    if (is_exclusive(i)) {
        uint32_t shape = (i & 0xc0200000) | 1;
        if (roles->exclusive && roles->exclusive != shape)
            return false; /* monitors differ in what they tag */
        roles->exclusive = shape;
    }
    *insn = i;
    return bits(i, 26, 26) || avoid(insn, fields,
                                    is_pair(i)             ? 2
                                    : bits(i, 29, 24) == 8 ? 3
                                                           : 1,
                                    roles);
}

static bool place(uint32_t *insn, uint32_t mask, unsigned k, unsigned n, struct roles *roles)
{
    static const uint8_t rd[] = {0};
    if (is_branch(*insn))
        return place_branch(insn, k, n, roles);
    if (is_system(*insn))
        return place_system(insn, mask, roles);
    if (is_memory(*insn))
        return place_memory(insn, k, n, roles);
    return avoid(insn, rd, 1, roles);
}

static enum kind kind_of(uint32_t match)
{
    if (is_branch(match))
        return KIND_BRANCH;
    if (is_memory(match) && !is_system(match))
        return KIND_MEMORY;
    return bits(match, 27, 25) == 7 ? KIND_FP : KIND_INTEGER;
}

void generate_set_up(void)
{
    for (unsigned k = 0; k < n_patterns && k < MAX_PATTERNS; k++) {
        enum kind kind = kind_of(patterns[k].match);
        by_kind[kind][n_by_kind[kind]++] = (uint16_t)k;
    }
    state = 1;
    for (unsigned k = 0; k < POOL_SIZE / 8; k++)
        pool[k] = draw_half_register();
}

void generate_seek(uint64_t seed, uint64_t group)
{
    state = seed * 0xd1342543de82ef95;
    state = draw() ^ group;
    state = draw();
}

static const struct pattern *draw_pattern(enum mode mode)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        unsigned share = draw_below(100);
        enum kind kind = KIND_INTEGER;
        while (share >= shares[mode][kind])
            share -= shares[mode][kind++];
        if (n_by_kind[kind])
            return &patterns[by_kind[kind][draw_below(n_by_kind[kind])]];
    }
    return &patterns[draw_below(n_patterns)];
}

static void draw_roles(struct roles *roles)
{
    unsigned regs[5 + SYSTEM_REGISTERS];
    memset(roles, 0, sizeof *roles);
    for (unsigned k = 0; k < 5 + SYSTEM_REGISTERS; k++) {
        do
            regs[k] = draw_below(30);
        while (roles->kept >> regs[k] & 1);
        roles->kept |= 1u << regs[k];
    }
    memcpy(roles->pointers, regs, sizeof *regs * POINTERS);
    roles->n_pointers = POINTERS;
    if (!draw_below(3)) {
        roles->pointers[roles->n_pointers++] = 31;
        roles->kept |= 1u << 31;
    }
    roles->index = regs[3];
    roles->branch = regs[4];
    memcpy(roles->system, regs + 5, sizeof roles->system);
    /* Bits of FPCR that have no function may read as written or as zero; the first pointer stays
     * aligned. */
    roles->never = 1u << roles->pointers[0];
    for (unsigned s = 0; s < SYSTEM_REGISTERS; s++)
        roles->never |= 1u << roles->system[s];
}

static void draw_state(struct fuzz_case *c, const struct roles *roles, bool fpcr)
{
    static const uint64_t indices[] = {
        0, 1, 8, 16, 24, 32, 64, ~0ull, ~7ull, 0xfffffff8, 1ull << 32 | 8};
    for (unsigned k = 0; k < 31; k++)
        c->x[k] = draw_integer();
    for (unsigned k = 0; k < 32; k++) {
        c->v[k][0] = draw_half_register();
        c->v[k][1] = draw_half_register();
    }
    c->sp = SCRATCH_BASE + 2048;
    for (unsigned k = 0; k < POINTERS; k++)
        c->x[roles->pointers[k]] =
            SCRATCH_BASE + 1024 + 512 * draw_below(4) + (k && !draw_below(4) ? draw_below(16) : 0);
    if (!draw_below(50)) /* a fault */
        c->x[roles->pointers[1]] =
            SCRATCH_BASE + (draw_below(2) ? 0 : SCRATCH_SIZE) + draw_below(32) - 16;
    c->x[roles->index] = indices[draw_below(11)];
    for (unsigned s = 0; s < SYSTEM_REGISTERS; s++)
        c->x[roles->system[s]] = fpcr || s != 1 ? draw() & system_registers[s].writable : 0;
    c->nzcv = (uint64_t)draw_below(16) << 28;
    c->fpsr = draw_below(2) ? 0 : draw() & 0x0800009f;
    memcpy(c->memory, (uint8_t *)pool + 16 * draw_below((POOL_SIZE - SCRATCH_SIZE) / 16),
           SCRATCH_SIZE);
}

uint32_t draw_insn(enum mode mode, unsigned k, unsigned n, struct roles *roles)
{
    for (;;) {
        const struct pattern *p = draw_pattern(mode);
        uint32_t insn =
            p->match | ((uint32_t)draw() & ~p->mask & (draw_below(2) ? ~0u : ~p->ignored));
        struct roles before = *roles;
        /* In a loop an instruction runs with what a later one has set. */
        if (place(&insn, p->mask, k, n, roles) && (insn & p->mask) == p->match &&
            !is_unpredictable(insn) && !is_excluded(insn, roles->flushing) &&
            (mode != MODE_LOOPS || roles->flushing == before.flushing))
            return insn;
        *roles = before;
    }
}

void generate_case(struct fuzz_case *c, unsigned slot, enum mode mode, unsigned max_insns,
                   bool fpcr)
{
    struct roles roles;
    unsigned n = 1 + draw_below(max_insns);
    draw_roles(&roles);
    c->fpcr = 0;
    if (fpcr && draw_below(4)) {
        c->fpcr = (uint64_t)draw_below(4) << 22;
        c->fpcr |= draw_below(2) ? 0 : (draw() & (draw_below(2) ? 0x07080000 : 0x02000000));
    }
    roles.flushing = c->fpcr >> 24 & 1;
    memset(c->insns, 0, sizeof c->insns);
    if (mode == MODE_LOOPS) {
        n = draw_loops(c, &roles, fpcr);
    } else {
        for (unsigned k = 0; k < n; k++)
            c->insns[k] = draw_insn(mode, k, n, &roles);
    }
    draw_state(c, &roles, fpcr);
    if (roles.target)
        c->x[roles.target & 31] = slot_start(slot) + SLOT_HEAD + 4 * (roles.target >> 5 & 0x3ff);
    c->slot = slot + 1;
    c->n_insns = n | roles.target << 16;
}
