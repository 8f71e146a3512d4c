/* guest_special.c - FPCR and FPSR under their names, for tests and debuggers. */
#include "arch/aarch64/guest_special.h"

#include <stddef.h>

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

const struct guest_special a64_specials[] = {
    {"fpcr", read_fpcr, write_fpcr},
    {"fpsr", read_fpsr, write_fpsr},
    {NULL, NULL, NULL},
};
