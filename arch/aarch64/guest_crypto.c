/* guest_crypto.c - AES, SHA, SM3 and SM4 instructions (Arm ARM, Cryptographic). */
#include "arch/aarch64/guest_simd.h"

static bool write(struct translator *t, const struct a64_args *a, ir_ref value)
{
    simd_write(t, a->rd, value, true);
    return true;
}

static bool two(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                enum ir_type type, int x, int y)
{
    return write(t, a, ir_2(&t->ir, op, type, simd_read(t, x), simd_read(t, y)));
}

static bool three(struct translator *t, const struct a64_args *a, enum ir_opcode op,
                  enum ir_type type, int x, int y, int z)
{
    return write(t, a, ir_3(&t->ir, op, type, simd_read(t, x), simd_read(t, y), simd_read(t, z)));
}

#define CRYPTO1(name, type)                                                                        \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return write(t, a, ir_1(&t->ir, IR_##name, type, simd_read(t, a->rn)));                    \
    }
#define CRYPTO2(name, type, x, y)                                                                  \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return two(t, a, IR_##name, type, a->x, a->y);                                             \
    }
#define CRYPTO3(name, type, x, y, z)                                                               \
    bool a64_##name(struct translator *t, const struct a64_args *a)                                \
    {                                                                                              \
        return three(t, a, IR_##name, type, a->x, a->y, a->z);                                     \
    }

// clang-format off
CRYPTO2(aese,      T_16B, rd, rn)
CRYPTO2(aesd,      T_16B, rd, rn)
CRYPTO1(aesmc,     T_16B)
CRYPTO1(aesimc,    T_16B)
CRYPTO3(sha1c,     T_4S, rd, rn, rm)
CRYPTO3(sha1p,     T_4S, rd, rn, rm)
CRYPTO3(sha1m,     T_4S, rd, rn, rm)
CRYPTO1(sha1h,     T_4S)
CRYPTO3(sha1su0,   T_4S, rd, rn, rm)
CRYPTO2(sha1su1,   T_4S, rd, rn)
CRYPTO3(sha256h,   T_4S, rd, rn, rm)
CRYPTO3(sha256h2,  T_4S, rd, rn, rm)
CRYPTO2(sha256su0, T_4S, rd, rn)
CRYPTO3(sha256su1, T_4S, rd, rn, rm)
CRYPTO3(sha512h,   T_2D, rd, rn, rm)
CRYPTO3(sha512h2,  T_2D, rd, rn, rm)
CRYPTO2(sha512su0, T_2D, rd, rn)
CRYPTO3(sha512su1, T_2D, rd, rn, rm)
CRYPTO2(rax1,      T_2D, rn, rm)
CRYPTO3(sm3partw1, T_4S, rd, rn, rm)
CRYPTO3(sm3partw2, T_4S, rd, rn, rm)
CRYPTO3(sm3ss1,    T_4S, rn, rm, ra)
CRYPTO2(sm4e,      T_4S, rd, rn)
CRYPTO2(sm4ekey,   T_4S, rn, rm)
// clang-format on

bool a64_sm3tt(struct translator *t, const struct a64_args *a)
{
    return write(t, a,
                 ir_3x(&t->ir, IR_sm3tt, T_4S, simd_read(t, a->rd), simd_read(t, a->rn),
                       simd_read(t, a->rm), (unsigned)a->op, (unsigned)a->index));
}

bool a64_xar(struct translator *t, const struct a64_args *a)
{
    return write(
        t, a,
        ir_2x(&t->ir, IR_xar, T_2D, simd_read(t, a->rn), simd_read(t, a->rm), 0, (unsigned)a->imm));
}

bool a64_eor3(struct translator *t, const struct a64_args *a)
{
    const ir_ref x = ir_2(&t->ir, IR_vxor, T_16B, simd_read(t, a->rn), simd_read(t, a->rm));
    return write(t, a, ir_2(&t->ir, IR_vxor, T_16B, x, simd_read(t, a->ra)));
}

bool a64_bcax(struct translator *t, const struct a64_args *a)
{
    const ir_ref x = ir_2(&t->ir, IR_vandn, T_16B, simd_read(t, a->rm), simd_read(t, a->ra));
    return write(t, a, ir_2(&t->ir, IR_vxor, T_16B, simd_read(t, a->rn), x));
}
