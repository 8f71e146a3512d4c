/* test_qarma.c - the cipher of pointer authentication against the numbers that were published with it. */
#include "arch/aarch64/guest_qarma.h"
#include "test/unit/unit.h"

/* R. Avanzi, "The QARMA Block Cipher Family", test vectors: QARMA-64, sigma2, r = 5. */
static void test_qarma_published(void **state)
{
    (void)state;
    assert_int_equal(a64_qarma5(0xfb623599da6e8127, 0x477d469dec0b8762, 0x84be85ce9804e94b, 0xec2802d4e0a488e9),
                     0xc003b93999b33765);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qarma_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
