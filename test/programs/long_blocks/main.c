/* Straight-line code longer than a translation block, of instructions that need much host code. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint16_t half[64] __attribute__((aligned(64)));

static uint64_t checksum(const void *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + ((const uint8_t *)p)[i];
    return sum;
}

static void fill(void)
{
    for (unsigned i = 0; i < 64; i++) /* halves from 0.5 to 2, of both signs */
        half[i] = (uint16_t)(0x3800 + i * 37 % 0x800 + (i % 3 == 0) * 0x8000);
}

/* INSNS 141 times: v0 to v3 are loaded before and stored after. */
#define REPEAT(name, insns)                                                                                            \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        fill();                                                                                                        \
        __asm__ volatile(".arch armv8.2-a+fp16+rdma\n\t"                                                               \
                         "ld1 {v0.8h-v3.8h}, [%0]\n\t"                                                                 \
                         ".rept 141\n\t" insns "\n\t.endr\n\t"                                                         \
                         "st1 {v0.8h-v3.8h}, [%0]"                                                                     \
                         :                                                                                             \
                         : "r"(half)                                                                                   \
                         : "memory", "cc", "x4", "x5", "x6", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");          \
        printf("%s %llx\n", #name, (unsigned long long)checksum(half, sizeof half));                                   \
    }

REPEAT(half_fma, "fmla v0.8h, v1.8h, v2.8h\n fneg v1.8h, v1.8h")
REPEAT(half_divide, "fdiv v0.8h, v1.8h, v0.8h")
REPEAT(half_scalar, "fmadd h0, h1, h2, h0\n fnmsub h2, h1, h0, h2\n fmul h0, h0, h1")
REPEAT(single, "fadd v0.4s, v0.4s, v1.4s\n fmul v1.4s, v1.4s, v2.4s\n fminnm v2.4s, v0.4s, v3.4s")
REPEAT(convert, "fcvtl v4.4s, v0.4h\n fcvtzs v5.4s, v4.4s\n scvtf v6.4s, v5.4s\n fcvtn v0.4h, v6.4s")
REPEAT(saturate, "sqrdmlah v0.8h, v1.8h, v2.8h\n sqshl v1.16b, v1.16b, v3.16b\n sqadd v2.8h, v2.8h, v0.8h")
REPEAT(conditions, "fcmp h0, h1\n fccmp h1, h2, #3, ne\n cset x4, mi\n add v0.8h, v0.8h, v3.8h\n str x4, [%0, #96]")
REPEAT(structures, "ld4 {v4.8h-v7.8h}, [%0]\n add v4.8h, v4.8h, v7.8h\n st3 {v4.8h-v6.8h}, [%0]\n ld1 {v0.8h-v2.8h}, [%0]")
REPEAT(overwritten, "ldr x4, [%0, #64]\n add x4, x4, #3\n ldr x5, [%0, #72]\n eor x4, x4, x5\n str x4, [%0, #80]\n"
                    "mov x4, x5\n ldr x6, [%0, #80]\n add x4, x4, x6\n str x4, [%0, #64]")

int main(void)
{
    half_fma();
    half_divide();
    half_scalar();
    single();
    convert();
    saturate();
    conditions();
    structures();
    overwritten();
    return 0;
}
