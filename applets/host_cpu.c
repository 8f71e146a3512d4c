/* host_cpu.c - features of the CPU that this program runs on (SDM 2A, CPUID). */
#include "applets/host_cpu.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <string.h>

enum { ECX_1, EBX_7, N_WORDS };
enum { AVX_STATE = 6, AVX512_STATE = 0xe6 };

static const struct feature {
    const char *name;
    uint8_t word, bit, state; /* of XCR0 */
} features[] = {
    {"sse4.2", ECX_1, 20, 0},       {"popcnt", ECX_1, 23, 0},       {"aes", ECX_1, 25, 0},
    {"pclmul", ECX_1, 1, 0},        {"avx", ECX_1, 28, AVX_STATE},  {"avx2", EBX_7, 5, AVX_STATE},
    {"fma", ECX_1, 12, AVX_STATE},  {"bmi", EBX_7, 3, 0},           {"bmi2", EBX_7, 8, 0},
    {"avx512f", EBX_7, 16, AVX512_STATE}, {"avx512vl", EBX_7, 31, AVX512_STATE},
};

static uint32_t enabled_state(uint32_t ecx)
{
    uint32_t lo = 0, hi;
    if (ecx >> 27 & 1) /* OSXSAVE */
        __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

bool host_cpu_has(const char *feature)
{
    uint32_t a, b, c = 0, d, word[N_WORDS] = {0};
    __get_cpuid(1, &a, &b, &c, &d);
    word[ECX_1] = c;
    uint32_t state = enabled_state(c);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        word[EBX_7] = b;
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        const struct feature *f = &features[i];
        if (!strcmp(f->name, feature))
            return (state & f->state) == f->state && word[f->word] >> f->bit & 1;
    }
    return false;
}
#else
bool host_cpu_has(const char *feature)
{
    (void)feature;
    return false;
}
#endif
