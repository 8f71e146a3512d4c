/* test_guests.c - guests by name, by ELF header and for binfmt_misc. */
#include "arch/guests.h"

#include <stdio.h>

#include "test/unit/unit.h"

/* As qemu-binfmt-conf.sh has them, but for microblaze, whose entry there cannot match (Debian's can). */
#define LITTLE "ffffffffffffff00fffffffffffffffffeffffff"
#define BIG    "ffffffffffffff00fffffffffffffffffffeffff"
#define X86    "fffffffffffefe00fffffffffffffffffeffffff"
#define MIPS   "ffffffffffffff0000fffffffffffffffffeffffffffffff00000000000000000000000000000020"
#define MIPSEL "ffffffffffffff0000fffffffffffffffeffffffffffffff00000000000000000000000020000000"
static const struct {
    const char *name, *magic, *mask;
} entries[] = {
    {"aarch64", "7f454c460201010000000000000000000200b700", LITTLE},
    {"aarch64_be", "7f454c46020201000000000000000000000200b7", BIG},
    {"arm", "7f454c4601010100000000000000000002002800", LITTLE},
    {"armeb", "7f454c4601020100000000000000000000020028", BIG},
    {"i386", "7f454c4601010100000000000000000002000300", X86},
    {"x86_64", "7f454c4602010100000000000000000002003e00", X86},
    {"riscv64", "7f454c460201010000000000000000000200f300", LITTLE},
    {"riscv32", "7f454c460101010000000000000000000200f300", LITTLE},
    {"ppc", "7f454c4601020100000000000000000000020014", BIG},
    {"ppc64", "7f454c4602020100000000000000000000020015", BIG},
    {"ppc64le", "7f454c4602010100000000000000000002001500", "ffffffffffffff00fffffffffffffffffeffff00"},
    {"s390x", "7f454c4602020100000000000000000000020016", BIG},
    {"mips", "7f454c46010201000000000000000000000200080000000100000000000000000000000000000000", MIPS},
    {"mipsel", "7f454c46010101000000000000000000020008000100000000000000000000000000000000000000", MIPSEL},
    {"mipsn32", "7f454c46010201000000000000000000000200080000000100000000000000000000000000000020", MIPS},
    {"mipsn32el", "7f454c46010101000000000000000000020008000100000000000000000000000000000020000000", MIPSEL},
    {"mips64", "7f454c4602020100000000000000000000020008", "ffffffffffffff0000fffffffffffffffffeffff"},
    {"mips64el", "7f454c4602010100000000000000000002000800", "ffffffffffffff0000fffffffffffffffeffffff"},
    {"loongarch64", "7f454c4602010100000000000000000002000201", "fffffffffffffffc00fffffffffffffffeffffff"},
    {"m68k", "7f454c4601020100000000000000000000020004", "fffffffffffffe00fffffffffffffffffffeffff"},
    {"sparc", "7f454c4601020100000000000000000000020002", BIG},
    {"sparc32plus", "7f454c4601020100000000000000000000020012", BIG},
    {"sparc64", "7f454c460202010000000000000000000002002b", BIG},
    {"sh4", "7f454c4601010100000000000000000002002a00", LITTLE},
    {"sh4eb", "7f454c460102010000000000000000000002002a", BIG},
    {"alpha", "7f454c4602010100000000000000000002002690", X86},
    {"hppa", "7f454c460102010000000000000000000002000f", BIG},
    {"microblaze", "7f454c460102010000000000000000000002baab", BIG},
    {"microblazeel", "7f454c460101010000000000000000000200abba", LITTLE},
    {"xtensa", "7f454c4601010100000000000000000002005e00", LITTLE},
    {"xtensaeb", "7f454c460102010000000000000000000002005e", BIG},
    {"or1k", "7f454c460102010000000000000000000002005c", BIG},
    {"hexagon", "7f454c460101010000000000000000000200a400", LITTLE},
};

static void to_hex(const uint8_t *bytes, unsigned n, char *text)
{
    for (unsigned i = 0; i < n; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
}

static void test_guests_magic_and_mask(void **state)
{
    (void)state;
    assert_int_equal(n_guests, ARRAY_SIZE(entries));
    for (unsigned i = 0; i < n_guests; i++) {
        uint8_t magic[40], mask[40];
        char text[81];
        const struct guest *g = guest_by_name(entries[i].name);
        assert_non_null(g);
        unsigned n = guest_binfmt_magic(g, magic, mask);
        to_hex(magic, n, text);
        assert_string_equal(text, entries[i].magic);
        to_hex(mask, n, text);
        assert_string_equal(text, entries[i].mask);
    }
}

/* Each guest's own magic, with ET_DYN too, is recognised as that guest and matches its mask. */
static void test_guests_recognise_their_magic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_guests; i++) {
        uint8_t magic[40], mask[40];
        guest_binfmt_magic(&guests[i], magic, mask);
        magic[guests[i].big_endian ? 17 : 16] = 3;
        assert_ptr_equal(guest_by_elf(magic), &guests[i]);
    }
}

static void test_guests_unknown(void **state)
{
    uint8_t ident[40] = "\x7f" "ELF\x02\x01\x01";
    (void)state;
    ident[18] = 0xff;
    assert_null(guest_by_elf(ident));
    assert_null(guest_by_name("vax"));
    ident[0] = 0;
    assert_null(guest_by_elf(ident));
}

static void test_guests_families(void **state)
{
    (void)state;
    assert_true(guest_same_family(guest_by_name("i386"), "x86_64"));
    assert_true(guest_same_family(guest_by_name("x86_64"), "x86_64"));
    assert_true(guest_same_family(guest_by_name("riscv64"), "riscv64"));
    assert_true(guest_same_family(guest_by_name("arm"), "aarch64"));
    assert_false(guest_same_family(guest_by_name("aarch64"), "x86_64"));
    assert_false(guest_same_family(guest_by_name("ppc64le"), "ppc64"));
    assert_false(guest_same_family(guest_by_name("riscv32"), "riscv64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guests_magic_and_mask),
        cmocka_unit_test(test_guests_recognise_their_magic),
        cmocka_unit_test(test_guests_unknown),
        cmocka_unit_test(test_guests_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
