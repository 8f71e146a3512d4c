/* test_fp.c - exact arithmetic in integers agrees with the host's floating-point unit.
 *
 * Random and special operands in all four rounding modes. NaN results are compared as NaNs only:
 * their bits are the guest's affair and have cases of their own, with values from the Arm manual's
 * pseudocode. */
#include "test/unit/unit.h"

#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/fp.h"

enum { N_RANDOM = 40000 };

static uint64_t seed = 1;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1d;
}

static const uint64_t special64[] = {
    0,
    1,
    2,
    0x000fffffffffffff,
    0x0010000000000000,
    0x0010000000000001,
    0x001fffffffffffff,
    0x3fe0000000000000,
    0x3fefffffffffffff,
    0x3ff0000000000000,
    0x3ff0000000000001,
    0x3ff8000000000000,
    0x4000000000000000,
    0x4008000000000000,
    0x41dfffffffc00000,
    0x41e0000000000000,
    0x43e0000000000000,
    0x43f0000000000000,
    0x433fffffffffffff,
    0x7fe0000000000000,
    0x7fefffffffffffff,
    0x7ff0000000000000,
    0x7ff0000000000001,
    0x7ff8000000000000,
    0x7ffc000000000123,
};

static const uint64_t special32[] = {
    0,          1,          2,          0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x3f000000,
    0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40400000, 0x4effffff, 0x4f000000,
    0x5f000000, 0x5f800000, 0x7f000000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fe00123,
};

/* Operands that meet special cases, cancel, or lie close together in the exponent. */
static uint64_t operand(enum fp_format f)
{
    const uint64_t r = random64();
    const uint64_t sign = r >> 63 << (f == FP64 ? 63 : 31);
    const uint64_t ones = f == FP64 ? ~0ull >> 1 : 0x7fffffff;
    switch (r & 7) {
    case 0:
    case 1:
        return sign | (f == FP64 ? special64[(r >> 8) % (sizeof(special64) / 8)]
                                 : special32[(r >> 8) % (sizeof(special32) / 8)]);
    case 2: /* around one */
        return sign | (f == FP64 ? 0x3ff0000000000000 + ((r >> 8 & 7) << 50) + (random64() >> 58)
                                 : 0x3f800000 + ((r >> 8 & 7) << 21) + (random64() >> 60));
    case 3: /* few bits set */
        return sign | (random64() & random64() & random64() & ones);
    case 4: /* moderate exponent */
        return sign | (f == FP64 ? ((uint64_t)(1023 - 40 + (r >> 8) % 80) << 52) | random64() >> 12
                                 : ((uint64_t)(127 - 40 + (r >> 8) % 80) << 23) | random64() >> 41);
    default:
        return random64() & (ones | sign);
    }
}

static const int host_round[4] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

static double to_double(uint64_t x)
{
    double d;
    memcpy(&d, &x, 8);
    return d;
}

static float to_float(uint64_t x)
{
    const uint32_t bits = (uint32_t)x;
    float d;
    memcpy(&d, &bits, 4);
    return d;
}

static uint64_t from_double(double d)
{
    uint64_t x;
    memcpy(&x, &d, 8);
    return x;
}

static uint64_t from_float(float d)
{
    uint32_t x;
    memcpy(&x, &d, 4);
    return x;
}

static uint32_t host_flags(void)
{
    const int raised = fetestexcept(FE_ALL_EXCEPT);
    return (raised & FE_INVALID ? FP_IOC : 0) | (raised & FE_DIVBYZERO ? FP_DZC : 0) |
           (raised & FE_OVERFLOW ? FP_OFC : 0) | (raised & FE_UNDERFLOW ? FP_UFC : 0) |
           (raised & FE_INEXACT ? FP_IXC : 0);
}

enum operation { ADD, SUB, MUL, DIV, SQRT, FMA, N_OPERATIONS };

static uint64_t ours(struct fp_env *env, enum fp_format f, enum operation op, const uint64_t x[3])
{
    switch (op) {
    case ADD:
        return fp_add(env, f, x[0], x[1]);
    case SUB:
        return fp_sub(env, f, x[0], x[1]);
    case MUL:
        return fp_mul(env, f, x[0], x[1]);
    case DIV:
        return fp_div(env, f, x[0], x[1]);
    case SQRT:
        return fp_sqrt(env, f, x[0]);
    default:
        return fp_muladd(env, f, x[2], x[0], x[1]);
    }
}

static uint64_t hosts(enum fp_format f, enum operation op, const uint64_t x[3])
{
    if (f == FP64) {
        volatile double a = to_double(x[0]), b = to_double(x[1]), c = to_double(x[2]), r = 0;
        switch (op) {
        case ADD:
            r = a + b;
            break;
        case SUB:
            r = a - b;
            break;
        case MUL:
            r = a * b;
            break;
        case DIV:
            r = a / b;
            break;
        case SQRT:
            r = sqrt(a);
            break;
        default:
            r = fma(a, b, c);
            break;
        }
        return from_double(r);
    }
    volatile float a = to_float(x[0]), b = to_float(x[1]), c = to_float(x[2]), r = 0;
    switch (op) {
    case ADD:
        r = a + b;
        break;
    case SUB:
        r = a - b;
        break;
    case MUL:
        r = a * b;
        break;
    case DIV:
        r = a / b;
        break;
    case SQRT:
        r = sqrtf(a);
        break;
    default:
        r = fmaf(a, b, c);
        break;
    }
    return from_float(r);
}

/* The host detects tininess after rounding: it misses the underflow of a result that rounds up to
 * the smallest normal number. */
static bool flags_agree(enum fp_format f, uint64_t result, uint32_t mine, uint32_t host)
{
    const uint64_t least = f == FP64 ? 0x0010000000000000 : 0x00800000;
    if ((result & (f == FP64 ? ~0ull >> 1 : 0x7fffffff)) == least)
        mine &= ~(uint32_t)FP_UFC, host &= ~(uint32_t)FP_UFC;
    return mine == host;
}

static void compare_arithmetic(enum fp_format f, enum operation op)
{
    for (int i = 0; i < N_RANDOM; i++) {
        struct fp_env env = {.round = i & 3};
        uint64_t x[3] = {operand(f), operand(f), operand(f)};
        if (i % 16 == 5)
            x[1] = x[0]; /* full cancellation */
        if (op == FMA && i % 8 == 3)
            x[2] = hosts(f, MUL, x) ^ (f == FP64 ? 1ull << 63 : 1u << 31);
        const uint64_t mine = ours(&env, f, op, x);
        fesetround(host_round[i & 3]);
        feclearexcept(FE_ALL_EXCEPT);
        const uint64_t host = hosts(f, op, x);
        const uint32_t flags = host_flags();
        fesetround(FE_TONEAREST);
        const bool nan = fp_is_nan(f, host);
        if (nan ? fp_is_nan(f, mine) : mine == host)
            if (nan ? true : flags_agree(f, mine, env.flags, flags))
                continue;
        fail_msg("format %d, operation %d, rounding %d: %llx %llx %llx = %llx flags %x, expected "
                 "%llx flags %x",
                 f, op, i & 3, (unsigned long long)x[0], (unsigned long long)x[1],
                 (unsigned long long)x[2], (unsigned long long)mine, env.flags,
                 (unsigned long long)host, flags);
    }
}

static void test_arithmetic_agrees_with_the_host(void **state)
{
    (void)state;
    for (enum operation op = ADD; op < N_OPERATIONS; op++) {
        compare_arithmetic(FP64, op);
        compare_arithmetic(FP32, op);
    }
}

static void test_conversions_agree_with_the_host(void **state)
{
    (void)state;
    for (int i = 0; i < N_RANDOM; i++) {
        struct fp_env env = {.round = i & 3};
        const uint64_t a = operand(FP64), b = operand(FP32);
        volatile double d = to_double(a);
        volatile float s = to_float(b);
        volatile int64_t n = (int64_t)(random64() >> (random64() & 63));
        fesetround(host_round[i & 3]);
        feclearexcept(FE_ALL_EXCEPT);
        volatile float narrow = (float)d;
        const uint32_t flags = host_flags();
        volatile double wide = s;
        volatile double from = (double)n;
        volatile float from_u = (float)(uint64_t)n;
        volatile double whole = rint(d);
        volatile double nearest = nearbyint(d);
        fesetround(FE_TONEAREST);

        if (!isnan(d)) {
            const uint64_t mine = fp_convert(&env, FP32, FP64, a);
            assert_int_equal(mine, from_float(narrow));
            assert_true(flags_agree(FP32, mine, env.flags, flags));
            assert_int_equal(fp_round_int(&env, FP64, a, (enum fp_round)env.round, true),
                             from_double(whole));
            assert_int_equal(fp_round_int(&env, FP64, a, (enum fp_round)env.round, false),
                             from_double(nearest));
            if (fabs(d) < 9e18)
                assert_int_equal(fp_to_int(&env, FP64, a, 64, true, 0, FP_ROUND_ZERO),
                                 (uint64_t)(int64_t)d);
            if (fabs(d) < 2e9)
                assert_int_equal(fp_to_int(&env, FP64, a, 32, true, 0, FP_ROUND_ZERO),
                                 (uint32_t)(int32_t)d);
        }
        if (!isnan(s))
            assert_int_equal(fp_convert(&env, FP64, FP32, b), from_double(wide));
        assert_int_equal(fp_from_int(&env, FP64, (uint64_t)n, true, 0), from_double(from));
        assert_int_equal(fp_from_int(&env, FP32, (uint64_t)n, false, 0), from_float(from_u));
    }
}

static void test_comparisons_agree_with_the_host(void **state)
{
    (void)state;
    for (int i = 0; i < N_RANDOM; i++) {
        struct fp_env env = {0};
        const uint64_t a = operand(FP64), b = i & 1 ? operand(FP64) : a;
        const double x = to_double(a), y = to_double(b);
        const unsigned expected = isunordered(x, y) ? 3 : x < y ? 8 : x > y ? 2 : 6;
        assert_int_equal(fp_compare(&env, FP64, a, b, false), expected);
        if (expected == 3)
            continue;
        assert_int_equal(fp_max(&env, FP64, a, b), x == y ? a & b : from_double(fmax(x, y)));
        assert_int_equal(fp_min(&env, FP64, a, b), x == y ? a | b : from_double(fmin(x, y)));
    }
}

enum {
    QNAN_A = 0x7fc00001,
    QNAN_B = 0xffc00002,
    SNAN_A = 0x7f800003,
    INF = 0x7f800000,
    DEFAULT = 0x7fc00000
};

static void test_nans_follow_the_arm_manual(void **state)
{
    (void)state;
    struct fp_env env = {0};
    assert_int_equal(fp_add(&env, FP32, QNAN_A, QNAN_B), QNAN_A);
    assert_int_equal(env.flags, 0);
    assert_int_equal(fp_add(&env, FP32, QNAN_A, SNAN_A),
                     0x7fc00003); /* signalling ones win, made quiet */
    assert_int_equal(env.flags, FP_IOC);
    assert_int_equal(fp_muladd(&env, FP32, QNAN_B, QNAN_A, 0),
                     (uint32_t)QNAN_B); /* the addend comes first */
    env.flags = 0;
    assert_int_equal(fp_muladd(&env, FP32, QNAN_A, INF, 0), DEFAULT);
    assert_int_equal(env.flags, FP_IOC);
    assert_int_equal(fp_maxnm(&env, FP32, QNAN_A, 0x3f800000), 0x3f800000);
    assert_int_equal(fp_max(&env, FP32, QNAN_A, 0x3f800000), QNAN_A);
    assert_int_equal(fp_mulx(&env, FP32, INF, 0x80000000), 0xc0000000);
    assert_int_equal(fp_recip_step(&env, FP32, INF, 0), 0x40000000);
    assert_int_equal(fp_rsqrt_step(&env, FP32, 0, INF), 0x3fc00000);
    env.default_nan = true;
    assert_int_equal(fp_add(&env, FP32, QNAN_A, QNAN_B), DEFAULT);
}

static void test_denormals_are_flushed_on_demand(void **state)
{
    (void)state;
    struct fp_env env = {.flush_to_zero = true};
    assert_int_equal(fp_add(&env, FP32, 0x00000001, 0), 0);
    assert_int_equal(env.flags, FP_IDC);
    env.flags = 0;
    assert_int_equal(fp_mul(&env, FP32, 0x80800000, 0x3f000000), 0x80000000);
    assert_int_equal(env.flags, FP_UFC); /* and not inexact */
    env.flags = 0;
    assert_int_equal(fp_add(&env, FP16, 0x0001, 0x0001), 0x0002); /* FZ16 is separate */
    assert_int_equal(env.flags, 0);
}

static void test_half_precision_conversions(void **state)
{
    (void)state;
    struct fp_env env = {0};
    assert_int_equal(fp_convert(&env, FP16, FP32, 0x477fe000), 0x7bff); /* 65504 */
    assert_int_equal(env.flags, 0);
    assert_int_equal(fp_convert(&env, FP16, FP32, 0x477ff000), 0x7c00);
    assert_int_equal(env.flags, FP_OFC | FP_IXC);
    assert_int_equal(fp_convert(&env, FP32, FP16, 0x0001), 0x33800000);
    env = (struct fp_env){.alternative_half = true};
    assert_int_equal(fp_convert(&env, FP16, FP32, 0x477ff000), 0x7c00); /* 65536, a number there */
    assert_int_equal(env.flags, FP_IXC);
    assert_int_equal(fp_convert(&env, FP32, FP16, 0x7fff), 0x47ffe000); /* 131008 */
    assert_int_equal(fp_convert(&env, FP16, FP32, INF), 0x7fff);
    assert_true(env.flags & FP_IOC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic_agrees_with_the_host),
        cmocka_unit_test(test_conversions_agree_with_the_host),
        cmocka_unit_test(test_comparisons_agree_with_the_host),
        cmocka_unit_test(test_nans_follow_the_arm_manual),
        cmocka_unit_test(test_denormals_are_flushed_on_demand),
        cmocka_unit_test(test_half_precision_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
