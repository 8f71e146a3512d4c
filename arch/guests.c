/* guests.c - the guests as a table: by name, by ELF header, and for binfmt_misc. */
#include "arch/guests.h"

#include <string.h>

/* The symbols that rows name, where they name one: of two words pick the second, which the word
 * NONE provides itself. */
#define SECOND(x, y, ...) y
#define SECOND_OF(...)    SECOND(__VA_ARGS__)
#define NO_SYMBOL_NONE    ~, struct none
#define NULL_NONE         ~, NULL

#define GUEST(n, u, m, b, big, i, a)                                                               \
    SECOND_OF(NO_SYMBOL_##i, extern const struct guest_isa i, ~);                                  \
    SECOND_OF(NO_SYMBOL_##a, extern const struct abi a, ~);
#include "arch/guests.def"
#undef GUEST

const struct guest guests[] = {
#define GUEST(n, u, m, b, big, i, a)                                                               \
    {#n, u, m, b, big, SECOND_OF(NULL_##i, &i, ~), SECOND_OF(NULL_##a, &a, ~)},
#include "arch/guests.def"
#undef GUEST
};
const unsigned n_guests = ARRAY_SIZE(guests);

enum { ELF_DATA_BIG = 2, ET_EXEC = 2, BINFMT_SIZE = 20, BINFMT_SIZE_MIPS = 40 };

/* Machine numbers that older or narrower variants of a guest carry. */
static const struct {
    uint16_t machine, same_as;
} aliases[] = {
    {6, 3} /* i486 */, {0xbaab, 189} /* microblaze before its number */};

const struct guest *guest_by_name(const char *name)
{
    for (unsigned i = 0; i < n_guests; i++)
        if (!strcmp(guests[i].name, name))
            return &guests[i];
    return NULL;
}

/* Guests of which at least one machine runs the programs of the others. */
static const char *const families[][7] = {
    {"i386", "i486", "i586", "i686", "x86_64"},
    {"arm", "armv6l", "armv7l", "armv8l", "aarch64"},
    {"armeb", "armv7b", "aarch64_be"},
    {"ppc", "ppc64"},
    {"mips", "mipsel", "mipsn32", "mipsn32el", "mips64", "mips64el"},
    {"sparc", "sparc32plus", "sparc64"},
};

bool guest_same_family(const struct guest *g, const char *machine)
{
    if (!strcmp(g->name, machine))
        return true;
    for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
        bool guest = false, host = false;
        for (unsigned k = 0; k < ARRAY_SIZE(families[i]) && families[i][k]; k++) {
            guest |= !strcmp(families[i][k], g->name);
            host |= !strcmp(families[i][k], machine);
        }
        if (guest || host)
            return guest && host;
    }
    return false;
}

/* 32-bit mips has two ABIs, which the flag EF_MIPS_ABI2 of e_flags tells apart. */
enum mips_abi { NO_MIPS, MIPS_O32, MIPS_N32 };
enum { EF_MIPS_ABI2 = 0x20 };

/* What differs from the usual magic and mask, per guest, as the registration scripts in use have
 * it. Offset 0 ends a row: the byte 0 never differs. */
static const struct {
    const char *name;
    uint16_t machine; /* in the magic, if not the usual one */
    enum mips_abi mips;
    struct {
        uint8_t at, mask;
    } change[4];
} exceptions[] = {
    {"i386", 0, NO_MIPS, {{5, 0xfe}, {6, 0xfe}}},
    {"x86_64", 0, NO_MIPS, {{5, 0xfe}, {6, 0xfe}}},
    {"alpha", 0, NO_MIPS, {{5, 0xfe}, {6, 0xfe}}},
    {"ppc64le", 0, NO_MIPS, {{19, 0}}},
    {"mips", 0, MIPS_O32, {{8, 0}}},
    {"mipsel", 0, MIPS_O32, {{8, 0}}},
    {"mipsn32", 0, MIPS_N32, {{8, 0}}},
    {"mipsn32el", 0, MIPS_N32, {{8, 0}}},
    {"mips64", 0, NO_MIPS, {{8, 0}}},
    {"mips64el", 0, NO_MIPS, {{8, 0}}},
    {"loongarch64", 0, NO_MIPS, {{7, 0xfc}, {8, 0}}},
    {"m68k", 0, NO_MIPS, {{6, 0xfe}}},
    {"microblaze", 0xbaab, NO_MIPS, {{0, 0}}},
    {"microblazeel", 0xbaab, NO_MIPS, {{0, 0}}},
};

/* Where EF_MIPS_ABI2 is in a program of G. */
static unsigned mips_abi_at(const struct guest *g)
{
    return g->big_endian ? 39 : 36;
}

static bool is_mips_abi(const struct guest *g, const uint8_t head[40])
{
    for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++)
        if (exceptions[i].mips && !strcmp(exceptions[i].name, g->name))
            return !(head[mips_abi_at(g)] & EF_MIPS_ABI2) == (exceptions[i].mips == MIPS_O32);
    return true;
}

const struct guest *guest_by_elf(const uint8_t head[40])
{
    if (memcmp(head, "\177ELF", 4))
        return NULL;
    bool big = head[5] == ELF_DATA_BIG;
    unsigned machine = big ? head[18] << 8 | head[19] : head[19] << 8 | head[18];
    for (unsigned i = 0; i < ARRAY_SIZE(aliases); i++)
        if (aliases[i].machine == machine)
            machine = aliases[i].same_as;
    for (unsigned i = 0; i < n_guests; i++)
        if (guests[i].elf_machine == machine && guests[i].big_endian == big &&
            guests[i].bits == head[4] * 32u && is_mips_abi(&guests[i], head))
            return &guests[i];
    return NULL;
}

static void put16(const struct guest *g, uint8_t *at, unsigned value)
{
    at[g->big_endian] = (uint8_t)value;
    at[!g->big_endian] = (uint8_t)(value >> 8);
}

unsigned guest_binfmt_magic(const struct guest *g, uint8_t magic[40], uint8_t mask[40])
{
    unsigned size = BINFMT_SIZE;
    memset(magic, 0, BINFMT_SIZE_MIPS);
    memset(mask, 0, BINFMT_SIZE_MIPS);
    memset(mask, 0xff, BINFMT_SIZE);
    memcpy(magic, "\177ELF", 4);
    magic[4] = g->bits / 32;
    magic[5] = g->big_endian ? ELF_DATA_BIG : 1;
    magic[6] = 1;
    put16(g, magic + 16, ET_EXEC);
    put16(g, magic + 18, g->elf_machine);
    mask[7] = 0;                     /* any OS ABI */
    mask[16 + g->big_endian] = 0xfe; /* ET_EXEC and ET_DYN */
    for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++) {
        if (strcmp(exceptions[i].name, g->name))
            continue;
        if (exceptions[i].machine)
            put16(g, magic + 18, exceptions[i].machine);
        for (unsigned k = 0; k < 4 && exceptions[i].change[k].at; k++)
            mask[exceptions[i].change[k].at] = exceptions[i].change[k].mask;
        if (exceptions[i].mips) {
            size = BINFMT_SIZE_MIPS;
            memset(mask + 20, 0xff, 4); /* e_version */
            magic[g->big_endian ? 23 : 20] = 1;
            mask[mips_abi_at(g)] = EF_MIPS_ABI2;
            magic[mips_abi_at(g)] = exceptions[i].mips == MIPS_N32 ? EF_MIPS_ABI2 : 0;
        }
    }
    return size;
}
