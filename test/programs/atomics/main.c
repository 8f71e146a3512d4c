/* atomics - exclusive loops, LSE instructions and compiler atomics on all sizes, alone and contended. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t shared64;
static uint32_t shared32;
static uint16_t shared16;
static uint8_t shared8;
static __uint128_t wide __attribute__((aligned(16)));
static int spin;

static void add_exclusive(uint64_t *p, uint64_t n)
{
    uint64_t v;
    uint32_t failed;
    __asm__ volatile("1: ldaxr %0, [%2]\n add %0, %0, %3\n stlxr %w1, %0, [%2]\n cbnz %w1, 1b"
                     : "=&r"(v), "=&r"(failed) : "r"(p), "r"(n) : "memory");
}

static void add_pair(__uint128_t *p)
{
    uint64_t lo, hi;
    uint32_t failed;
    __asm__ volatile("1: ldaxp %0, %1, [%3]\n adds %0, %0, #1\n adc %1, %1, xzr\n stlxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                     : "=&r"(lo), "=&r"(hi), "=&r"(failed) : "r"(p) : "memory", "cc");
}

static void *work(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        add_exclusive(&shared64, 3);
        __atomic_fetch_add(&shared32, 5, __ATOMIC_RELAXED);
        __atomic_fetch_xor(&shared16, 0x1234, __ATOMIC_ACQ_REL);
        __atomic_fetch_add(&shared8, 1, __ATOMIC_SEQ_CST);
        add_pair(&wide);
        while (__atomic_exchange_n(&spin, 1, __ATOMIC_ACQUIRE))
            ;
        __atomic_store_n(&spin, 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

#define LSE(insn, size, type, reg)                                                                               \
    do {                                                                                                         \
        type memory = (type)0xf0f1f2f3f4f5f6f7ull, old, operand = (type)0x8111111111111117ull;                   \
        __asm__ volatile(".arch armv8.1-a\n" insn " %" reg "2, %" reg "0, [%1]"                                  \
                         : "=&r"(old) : "r"(&memory), "r"(operand) : "memory");                                  \
        printf(insn " %d: %llx %llx\n", size, (unsigned long long)old, (unsigned long long)memory);              \
    } while (0)

static void single(void)
{
    LSE("ldadd", 8, uint64_t, "x"); LSE("ldclr", 8, uint64_t, "x"); LSE("ldeor", 8, uint64_t, "x");
    LSE("ldset", 8, uint64_t, "x"); LSE("ldsmax", 8, uint64_t, "x"); LSE("ldsmin", 8, uint64_t, "x");
    LSE("ldumax", 8, uint64_t, "x"); LSE("ldumin", 8, uint64_t, "x"); LSE("swp", 8, uint64_t, "x");
    LSE("ldaddal", 4, uint32_t, "w"); LSE("ldsmaxa", 4, uint32_t, "w"); LSE("lduminl", 4, uint32_t, "w");
    LSE("ldaddh", 2, uint16_t, "w"); LSE("ldsminh", 2, uint16_t, "w"); LSE("ldumaxalh", 2, uint16_t, "w");
    LSE("ldaddb", 1, uint8_t, "w"); LSE("ldsmaxb", 1, uint8_t, "w"); LSE("swpalb", 1, uint8_t, "w");
    for (int equal = 0; equal < 2; equal++) {
        uint64_t memory = 5, expect = equal ? 5 : 6;
        __asm__ volatile(".arch armv8.1-a\n casal %0, %2, [%1]" : "+r"(expect) : "r"(&memory), "r"(9ul) : "memory");
        printf("cas %lx %lx\n", expect, memory);
        uint64_t pair[2] __attribute__((aligned(16))) = { 1, 2 };
        register uint64_t a __asm__("x4") = 1, b __asm__("x5") = equal ? 2 : 3, c __asm__("x6") = 8, d __asm__("x7") = 9;
        __asm__ volatile(".arch armv8.1-a\n caspal x4, x5, x6, x7, [%4]"
                         : "+r"(a), "+r"(b) : "r"(c), "r"(d), "r"(pair) : "memory");
        printf("casp %lx %lx %lx %lx\n", a, b, pair[0], pair[1]);
    }
    uint32_t failed, v = 1;
    __asm__ volatile("ldxr w9, [%1]\n clrex\n stxr %w0, w9, [%1]" : "=&r"(failed) : "r"(&v) : "w9", "memory");
    printf("store after clrex failed %u\n", failed);
}

int main(void)
{
    pthread_t t[4];
    single();
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("%lu %u %u %u %lu\n", shared64, shared32, shared16, shared8, (uint64_t)wide);
    return 0;
}
