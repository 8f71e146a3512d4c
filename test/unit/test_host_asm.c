/* test_host_asm.c - the encoder against bytes that the GNU assembler made of the same instructions. */
#include "unit.h"

#include <stdio.h>

#include "arch/x86/host_asm.h"

static uint8_t code[4096] __attribute__((aligned(16)));
static struct x86_asm assembler, *const a = &assembler;

static void check(const char *expected, const char *call)
{
    char got[2 * 64 + 1] = "";
    size_t n = asm_offset(a);
    assert_true(n < 64);
    for (size_t i = 0; i < n; i++)
        snprintf(got + 2 * i, 3, "%02x", code[i]);
    if (strcmp(got, expected))
        fail_msg("%s: %s instead of %s", call, got, expected);
}

static void start(bool avx)
{
    static struct x86_features has;
    has.avx = avx;
    asm_begin(a, code, sizeof code, &has);
}

#define CASE(bytes, call) \
    do {                  \
        start(AVX);       \
        call;             \
        check(bytes, #call); \
    } while (0)

/* clang-format off */
#define AVX false
static void test_asm_legacy(void **state)
{
    (void)state;
    CASE("4801d8", asm_alu_rr(a, ALU_ADD, 1, RAX, RBX));
    CASE("4139f9", asm_alu_rr(a, ALU_CMP, 0, R9, RDI));
    CASE("4883ec08", asm_alu_ri(a, ALU_SUB, 1, RSP, 8));
    CASE("2545230100", asm_alu_ri(a, ALU_AND, 0, RAX, 0x12345));
    CASE("4981f718fcffff", asm_alu_ri(a, ALU_XOR, 1, R15, -1000));
    CASE("48134d00", asm_alu_rm(a, ALU_ADC, 1, RCX, x86_mem(RBP, 0)));
    CASE("450984242c010000", asm_alu_mr(a, ALU_OR, 0, x86_mem(R12, 300), R8));
    CASE("42807c88fc07", asm_alu_mi(a, ALU_CMP, 0, x86_mem_index(RAX, R9, 2, -4), 7));
    CASE("6681442410e803", asm_alu_mi(a, ALU_ADD, 1, x86_mem(RSP, 16), 1000));
    CASE("49835d00ff", asm_alu_mi(a, ALU_SBB, 3, x86_mem(R13, 0), -1));
    CASE("4885d2", asm_test_rr(a, 1, RDX, RDX));
    CASE("4084c6", asm_test8_rr(a, RSI, RAX));
    CASE("f6c340", asm_test_ri(a, 1, RBX, 64));
    CASE("f645f801", asm_test_mi(a, 0, x86_mem(RBP, -8), 1));
    CASE("4489d0", asm_mov_rr(a, 0, RAX, R10));
    CASE("bf05000000", asm_mov_ri(a, RDI, 5));
    CASE("49c7c3ffffffff", asm_mov_ri(a, R11, UINT64_MAX));
    CASE("48b8f0debc9a78563412", asm_mov_ri(a, RAX, 0x123456789abcdef0));
    CASE("4c8b34cd40000000", asm_mov_rm(a, 3, R14, x86_mem_index(X86_NO_REG, RCX, 3, 64)));
    CASE("40887301", asm_mov_mr(a, 0, x86_mem(RBX, 1), RSI));
    CASE("6644894b01", asm_mov_mr(a, 1, x86_mem(RBX, 1), R9));
    CASE("48c78580000000feffffff", asm_mov_mi(a, 3, x86_mem(RBP, 128), -2));
    CASE("440fb602", asm_load_zx(a, 0, R8, x86_mem(RDX, 0)));
    CASE("480fbf4202", asm_load_sx(a, 1, 1, RAX, x86_mem(RDX, 2)));
    CASE("48634202", asm_load_sx(a, 2, 1, RAX, x86_mem(RDX, 2)));
    CASE("488d447364", asm_lea(a, 1, RAX, x86_mem_index(RBX, RSI, 1, 100)));
    CASE("490fafc0", asm_int2_rr(a, X_IMUL, 1, RAX, R8));
    CASE("400fb6c7", asm_int2_rr(a, X_MOVZX8, 0, RAX, RDI));
    CASE("f3480fb8ca", asm_int2_rr(a, X_POPCNT, 1, RCX, RDX));
    CASE("f3440fbdca", asm_int2_rr(a, X_LZCNT, 0, R9, RDX));
    CASE("f2400f38f0c6", asm_int2_rr(a, X_CRC32_8, 0, RAX, RSI));
    CASE("66f20f38f1c6", asm_int2_rr(a, X_CRC32_16, 0, RAX, RSI));
    CASE("f2480f38f1c6", asm_int2_rr(a, X_CRC32, 1, RAX, RSI));
    CASE("486bc10a", asm_imul_rri(a, 1, RAX, RCX, 10));
    CASE("4469c1e8030000", asm_imul_rri(a, 0, R8, RCX, 1000));
    CASE("c4e2e0f2c1", asm_int3_rrr(a, X_ANDN, 1, RAX, RBX, RCX));
    CASE("c4e2f1f7c3", asm_int3_rrr(a, X_SHLX, 1, RAX, RBX, RCX));
    CASE("c4421af7d3", asm_int3_rrr(a, X_SARX, 0, R10, R11, R12));
    CASE("c4e2e3f6c1", asm_int3_rrr(a, X_MULX, 1, RAX, RBX, RCX));
    CASE("c4e2e2f5c1", asm_int3_rrr(a, X_PEXT, 1, RAX, RBX, RCX));
    CASE("c4c3fbf0c111", asm_rorx(a, 1, RAX, R9, 17));
    CASE("c4e2f8f3cb", asm_bls(a, X_BLSR, 1, RAX, RBX));
    CASE("48f7da", asm_unary_r(a, UNARY_NEG, 1, RDX));
    CASE("41f7f0", asm_unary_r(a, UNARY_DIV, 0, R8));
    CASE("48c1f83f", asm_shift_ri(a, SHIFT_SAR, 1, RAX, 63));
    CASE("41d3cd", asm_shift_cl(a, SHIFT_ROR, 0, R13));
    CASE("66c1c308", asm_rol16_i(a, RBX, 8));
    CASE("480facd005", asm_shrd_i(a, 1, RAX, RDX, 5));
    CASE("480fbae028", asm_bit_ri(a, BIT_BT, 1, RAX, 40));
    CASE("490fc9", asm_bswap(a, 1, R9));
    CASE("400f9ec7", asm_setcc(a, CC_LE, RDI));
    CASE("490f47c0", asm_cmov_rr(a, CC_A, 1, RAX, R8));
    CASE("4899", asm_cqo(a, 1));
    CASE("f0400fc037", asm_lock_xadd(a, 0, x86_mem(RDI, 0), RSI));
    CASE("f0480fb14f08", asm_lock_cmpxchg(a, 3, x86_mem(RDI, 8), RCX));
    CASE("f0480fc70e", asm_lock_cmpxchg16b(a, x86_mem(RSI, 0)));
    CASE("66f00907", asm_lock_mr(a, ALU_OR, 1, x86_mem(RDI, 0), RAX));
    CASE("f0834c24c000", asm_lock_or_mi(a, x86_mem(RSP, -64), 0));
    CASE("8707", asm_xchg_mr(a, 2, x86_mem(RDI, 0), RAX));
    CASE("68e8030000", asm_push_i(a, 1000));
    CASE("ff7508", asm_push_m(a, x86_mem(RBP, 8)));
    CASE("415c", asm_pop_r(a, R12));
    CASE("ff5518", asm_call_m(a, x86_mem(RBP, 24)));
    CASE("41ffe3", asm_jmp_r(a, R11));
    CASE("0fae542404", asm_ldmxcsr(a, x86_mem(RSP, 4)));
    CASE("480f38f102", asm_movbe_mr(a, 1, x86_mem(RDX, 0), RAX));
    CASE("660ffeca", asm_v3(a, V_paddd, 1, 1, 2));
    CASE("450f28c866450ffeca", asm_v3(a, V_paddd, 9, 8, 10));
    CASE("660ffed1", asm_v3(a, V_paddd, 2, 1, 2));
    CASE("660f38005d10", asm_v3m(a, V_pshufb, 3, 3, x86_mem(RBP, 16)));
    CASE("f3410f7ecc", asm_v2(a, V_movq, 1, 12));
    CASE("660f70ca1b", asm_v2i(a, V_pshufd, 1, 2, 0x1b));
    CASE("f20f51ca", asm_v2(a, V_sqrtsd, 1, 2));
    CASE("660f2eca", asm_v2(a, V_ucomisd, 1, 2));
    CASE("660f73dc08", asm_vshift(a, V_psrldq_i, 4, 4, 8));
    CASE("440f1108", asm_vstore(a, V_movups_st, x86_mem(RAX, 0), 9));
    CASE("66480f6ee8", asm_v_from_r(a, V_movd, 1, 5, RAX));
    CASE("f2480f2ae8", asm_v_from_r(a, V_cvtsi2sd, 1, 5, RAX));
    CASE("66410f7ee9", asm_r_from_v(a, V_movd_st, 0, R9, 5));
    CASE("f24c0f2ccd", asm_r_from_v(a, V_cvttsd2si, 1, R9, 5));
    CASE("660f3a14d807", asm_pextr(a, 0, RAX, 3, 7));
    CASE("66440fc5c307", asm_pextr(a, 1, R8, 3, 7));
    CASE("66490f3a22d801", asm_pinsr(a, 3, 3, 3, R8, 1));
    CASE("0f38ccca", asm_v3(a, V_sha256msg1, 1, 1, 2));
}
#undef AVX

#define AVX true
static void test_asm_avx(void **state)
{
    (void)state;
    CASE("c529fec9", asm_v3(a, V_paddd, 9, 1, 10));
    CASE("c44139faca", asm_v3(a, V_psubd, 9, 8, 10));
    CASE("c4e26900cb", asm_v3(a, V_pshufb, 1, 2, 3));
    CASE("c57829c9", asm_v2(a, V_movaps, 1, 9));
    CASE("c5eb51ca", asm_v2(a, V_sqrtsd, 1, 2));
    CASE("c4e3690bca0b", asm_v2i(a, V_roundsd, 1, 2, 11));
    CASE("c4a16b594cc808", asm_v3m(a, V_mulsd, 1, 2, x86_mem_index(RAX, R9, 3, 8)));
    CASE("c4e2e9b9cb", asm_v3(a, V_vfmadd231sd, 1, 2, 3));
    CASE("c4e3694ccb40", asm_v4(a, V_vpblendvb, 1, 2, 3, 4));
    CASE("c59971d304", asm_vshift(a, V_psrlw_i, 12, 3, 4));
    CASE("c5d32ae8", asm_v_from_r(a, V_cvtsi2sd, 0, 5, RAX));
    CASE("62f3ed0825cbca", asm_v3i(a, V_vpternlogq, 1, 2, 3, 0xca));
    CASE("62f27d08544d02", asm_v2m(a, V_vpopcntb, 1, x86_mem(RBP, 32)));
    CASE("62f27d08548d21000000", asm_v2m(a, V_vpopcntb, 1, x86_mem(RBP, 33)));
    CASE("62f1ff0878c5", asm_r_from_v(a, V_vcvttsd2usi, 1, RAX, 5));
    CASE("62f36d083ecb06", asm_vpcmp(a, 0, false, 1, 2, 3, 6));
    CASE("62f27e0838d9", asm_vpmovm2(a, 2, 3, 1));
    CASE("62f27e0830e3", asm_vpmov_narrow(a, 1, 3, 4));
    CASE("c4e3791dd104", asm_cvtps2ph(a, 1, 2, 4));
    CASE("c4e3e9ce4d0000", asm_v3mi(a, V_gf2p8affineqb, 1, 2, x86_mem(RBP, 0), 0));
}
#undef AVX
/* clang-format on */

static void test_asm_labels(void **state)
{
    (void)state;
    start(false);
    asm_label forward = asm_jcc_short(a, CC_E);
    asm_nop(a, 3);
    asm_patch_here(a, forward);
    assert_int_equal(code[1], 3);
    forward = asm_jmp_near(a);
    asm_nop(a, 200);
    asm_patch_here(a, forward);
    assert_int_equal(code[6] | code[7] << 8, 200);
    uint32_t here = asm_offset(a);
    asm_jmp_to(a, here);
    assert_int_equal(asm_offset(a), here + 2);
    assert_int_equal(code[here + 1], 0xfe);
    asm_jcc_to(a, CC_NE, 0);
    int32_t rel;
    memcpy(&rel, a->at - 4, 4);
    assert_int_equal(rel, -(int32_t)asm_offset(a));
}

/* Equal constants share a place; uses are found also where an immediate follows the field. */
static void test_asm_literals(void **state)
{
    (void)state;
    start(true);
    asm_v3m(a, V_pand, 1, 2, asm_literal(a, 1, 2));
    uint32_t first = asm_offset(a);
    asm_v3mi(a, V_shufps, 1, 2, asm_literal(a, 3, 4), 5);
    uint32_t second = asm_offset(a);
    asm_v3m(a, V_pand, 1, 2, asm_literal(a, 1, 2));
    uint32_t third = asm_offset(a);
    asm_flush_literals(a);
    int32_t rel[3];
    memcpy(&rel[0], code + first - 4, 4);
    memcpy(&rel[1], code + second - 5, 4);
    memcpy(&rel[2], code + third - 4, 4);
    uint64_t pair[2];
    memcpy(pair, code + first + rel[0], 16);
    assert_int_equal(pair[0], 1);
    assert_int_equal(pair[1], 2);
    assert_int_equal(first + (uint32_t)rel[0], third + (uint32_t)rel[2]);
    assert_int_equal((first + (uint32_t)rel[0]) % 16, 0);
    memcpy(pair, code + second + rel[1], 16);
    assert_int_equal(pair[0], 3);
    assert_int_equal(pair[1], 4);
}

static void test_asm_stops_at_the_end(void **state)
{
    (void)state;
    static const struct x86_features has;
    code[4] = 0x77;
    asm_begin(a, code, 4, &has);
    asm_mov_rr(a, 1, RAX, RBX);
    asm_mov_rr(a, 1, RAX, RBX);
    assert_true(a->overflow);
    assert_int_equal(asm_offset(a), 3);
    assert_int_equal(code[4], 0x77);
    asm_plain(a, X_RET); /* would fit, but what is missing before it makes it useless */
    assert_int_equal(asm_offset(a), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asm_legacy),
        cmocka_unit_test(test_asm_avx),
        cmocka_unit_test(test_asm_labels),
        cmocka_unit_test(test_asm_literals),
        cmocka_unit_test(test_asm_stops_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
