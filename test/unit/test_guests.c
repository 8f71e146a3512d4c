/* test_guests.c - guests by name, by ELF header and for binfmt_misc. */
#include "arch/guests.h"
#include "test/unit/unit.h"

static void test_guests_magic_of_aarch64(void **state)
{
    static const uint8_t want_magic[20] = "\x7f" "ELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7";
    static const uint8_t want_mask[20] = "\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";
    uint8_t magic[40], mask[40];
    (void)state;
    assert_int_equal(guest_binfmt_magic(guest_by_name("aarch64"), magic, mask), 20);
    assert_memory_equal(magic, want_magic, 20);
    assert_memory_equal(mask, want_mask, 20);
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
    uint8_t ident[20] = "\x7f" "ELF\x02\x01\x01";
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
        cmocka_unit_test(test_guests_magic_of_aarch64),
        cmocka_unit_test(test_guests_recognise_their_magic),
        cmocka_unit_test(test_guests_unknown),
        cmocka_unit_test(test_guests_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
