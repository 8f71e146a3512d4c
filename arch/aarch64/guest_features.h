/* guest_features.h - what the guest's CPU claims to be: model, HWCAP bits, identification
 * registers, /proc/cpuinfo. */
#pragma once
#include "core/guest.h"

enum a64_feature {
#define FEATURE(name, ...) A64_FEATURE_##name,
#include "arch/aarch64/guest_features.def"
#undef FEATURE
    A64_N_FEATURES
};

/* Bit i: the CPU has feature i. Changes only in set_cpu, before the first translation. */
extern uint64_t a64_features;

static inline bool a64_has(unsigned feature)
{
    return a64_features >> feature & 1;
}

/* struct guest_isa: set_cpu, list_cpus, identify. */
bool a64_set_cpu(const char *text, const char **bad);
void a64_list_cpus(void (*out)(const char *line));
void a64_identify(void *dst, size_t size);

/* struct abi: hwcap (0: AT_HWCAP, 1: AT_HWCAP2), cpuinfo. */
uint64_t a64_hwcap(const struct guest *g, unsigned which);
size_t a64_cpuinfo(const struct guest *g, unsigned cpu_index, char *buf, size_t size);

/* Registers that never change: CTR_EL0, DCZID_EL0, CNTFRQ_EL0, and what Linux shows of the
 * identification registers to EL0. False: undefined at EL0. */
bool a64_constant_sysreg(unsigned reg, uint64_t *value);
