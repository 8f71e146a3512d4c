/* guest_special.c - FPCR and FPSR under their names, for tests and debuggers. */
#include "arch/aarch64/guest_special.h"

#include <stddef.h>

#include "arch/aarch64/guest_cpu.h"
#include "arch/aarch64/guest_sysreg.h"

static uint64_t read_fpcr(struct cpu *cpu)
{
    return a64_read_fpcr(cpu);
}
static uint64_t read_fpsr(struct cpu *cpu)
{
    return a64_read_fpsr(cpu);
}
static void write_fpcr(struct cpu *cpu, uint64_t value)
{
    a64_write_fpcr(cpu, (uint32_t)value);
}
static void write_fpsr(struct cpu *cpu, uint64_t value)
{
    a64_write_fpsr(cpu, (uint32_t)value);
}

static uint64_t read_pstate(struct cpu *cpu)
{
    return cpu->guest[A64_PSTATE];
}
static void write_pstate(struct cpu *cpu, uint64_t value)
{
    cpu->guest[A64_PSTATE] = value;
}

/* The halves of the pointer authentication keys. */
#define KEY_HALF(name, index)                                                                      \
    static uint64_t read_##name(struct cpu *cpu)                                                   \
    {                                                                                              \
        return cpu->guest[A64_KEYS + (index)];                                                     \
    }                                                                                              \
    static void write_##name(struct cpu *cpu, uint64_t value)                                      \
    {                                                                                              \
        cpu->guest[A64_KEYS + (index)] = value;                                                    \
    }
KEY_HALF(apiakeylo, 0)
KEY_HALF(apiakeyhi, 1)
KEY_HALF(apibkeylo, 2)
KEY_HALF(apibkeyhi, 3)
KEY_HALF(apdakeylo, 4)
KEY_HALF(apdakeyhi, 5)
KEY_HALF(apdbkeylo, 6)
KEY_HALF(apdbkeyhi, 7)
KEY_HALF(apgakeylo, 8)
KEY_HALF(apgakeyhi, 9)

#define SPECIAL(name) {#name, read_##name, write_##name}
const struct guest_special a64_specials[] = {
    SPECIAL(fpcr),      SPECIAL(fpsr),      SPECIAL(pstate),    SPECIAL(apiakeylo), SPECIAL(apiakeyhi),
    SPECIAL(apibkeylo), SPECIAL(apibkeyhi), SPECIAL(apdakeylo), SPECIAL(apdakeyhi),
    SPECIAL(apdbkeylo), SPECIAL(apdbkeyhi), SPECIAL(apgakeylo), SPECIAL(apgakeyhi),
    {NULL, NULL, NULL},
};
