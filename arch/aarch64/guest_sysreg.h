/* guest_sysreg.h - A64 system registers that EL0 can name: op0:op1:CRn:CRm:op2 in 16 bits. */
#pragma once
#include "core/cpu.h"

#define A64_SYSREG(op0, op1, crn, crm, op2)                                                        \
    ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

enum {
    A64_NZCV = A64_SYSREG(3, 3, 4, 2, 0),
    A64_DIT = A64_SYSREG(3, 3, 4, 2, 5),
    A64_SSBS = A64_SYSREG(3, 3, 4, 2, 6),
    A64_RNDR = A64_SYSREG(3, 3, 2, 4, 0),
    A64_RNDRRS = A64_SYSREG(3, 3, 2, 4, 1),
    A64_FPCR = A64_SYSREG(3, 3, 4, 4, 0),
    A64_FPSR = A64_SYSREG(3, 3, 4, 4, 1),
    A64_CTR_EL0 = A64_SYSREG(3, 3, 0, 0, 1),
    A64_DCZID_EL0 = A64_SYSREG(3, 3, 0, 0, 7),
    A64_TPIDR_EL0 = A64_SYSREG(3, 3, 13, 0, 2),
    A64_TPIDRRO_EL0 = A64_SYSREG(3, 3, 13, 0, 3),
    A64_CNTFRQ_EL0 = A64_SYSREG(3, 3, 14, 0, 0),
    A64_CNTVCT_EL0 = A64_SYSREG(3, 3, 14, 0, 2),
    A64_MIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 0),
    A64_MPIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 5),
    A64_REVIDR_EL1 = A64_SYSREG(3, 0, 0, 0, 6),
    A64_ID_AA64PFR0_EL1 = A64_SYSREG(3, 0, 0, 4, 0),
    A64_ID_AA64PFR1_EL1 = A64_SYSREG(3, 0, 0, 4, 1),
    A64_ID_AA64DFR0_EL1 = A64_SYSREG(3, 0, 0, 5, 0),
    A64_ID_AA64ISAR0_EL1 = A64_SYSREG(3, 0, 0, 6, 0),
    A64_ID_AA64ISAR1_EL1 = A64_SYSREG(3, 0, 0, 6, 1),
    A64_ID_AA64ISAR2_EL1 = A64_SYSREG(3, 0, 0, 6, 2),
    A64_ID_AA64MMFR0_EL1 = A64_SYSREG(3, 0, 0, 7, 0),
    A64_ID_AA64MMFR2_EL1 = A64_SYSREG(3, 0, 0, 7, 2)
};

enum { A64_ZVA_BYTES = 64, A64_CACHE_LINE = 64, A64_COUNTER_HZ = 1000000000 };

/* FPCR from and to the environment. Bits that are not implemented read as zero. */
uint32_t a64_read_fpcr(const struct cpu *cpu);
void a64_write_fpcr(struct cpu *cpu, uint32_t value); /* also cpu->mode and the host's mode */
uint32_t a64_read_fpsr(const struct cpu *cpu);
void a64_write_fpsr(struct cpu *cpu, uint32_t value);
