/* guest_features.h - what the guest's CPU claims to be: model, HWCAP bits, identification
 * registers, /proc/cpuinfo. */
#pragma once
#include "core/guest.h"

/* struct guest_isa: set_cpu, list_cpus. */
bool a64_set_cpu(const char *text, const char **bad);
void a64_list_cpus(void (*out)(const char *line));

/* struct abi: hwcap (0: AT_HWCAP, 1: AT_HWCAP2), cpuinfo. */
uint64_t a64_hwcap(const struct guest *g, unsigned which);
size_t a64_cpuinfo(const struct guest *g, unsigned cpu_index, char *buf, size_t size);

/* Registers that never change: CTR_EL0, DCZID_EL0, CNTFRQ_EL0, and what Linux shows of the
 * identification registers to EL0. False: undefined at EL0. */
bool a64_constant_sysreg(unsigned reg, uint64_t *value);
