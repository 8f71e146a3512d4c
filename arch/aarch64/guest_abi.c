/* guest_abi.c - what the kernel's arm64 ABI is made of: call registers, call numbers, flags that
 * differ. */
#include "arch/aarch64/guest_bti.h"
#include "arch/aarch64/guest_cpu.h"
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_pauth.h"
#include "arch/aarch64/guest_signal.h"
#include "arch/aarch64/guest_vdso.h"
#include "core/guest.h"
#include "syscalls/ids.h"

/* AT_MINSIGSTKSZ as the kernel reports it for a CPU without SVE: the frame with its full extension
 * area. */
enum { MIN_SIGNAL_STACK = 4720 };

/* clang-format off */
static READ_OFTEN const uint16_t syscall_ids[] = {
#define NR(nr, name) [nr] = SYSCALL_##name,
#include "arch/aarch64/syscall_nr.def"
#undef NR
};

static const struct flag_row open_flags[] = {
    {040000,  0200000}, /* O_DIRECTORY */
    {0100000, 0400000}, /* O_NOFOLLOW */
    {0200000, 040000},  /* O_DIRECT */
    {0400000, 0100000}, /* O_LARGEFILE */
    {0, 0}};
/* clang-format on */

static void set_tls(struct cpu *cpu, uint64_t tls)
{
    cpu->guest[A64_TPIDR] = tls;
}

const struct abi a64_abi = {
    .word_size = 8,
    .align64 = 8,
    .generic_layouts = true,
    .nr_reg = 8,
    .arg_reg = {0, 1, 2, 3, 4, 5},
    .ret_reg = 0,
    .sp_reg = A64_SP,
    .syscall_ids = syscall_ids,
    .n_syscall_ids = ARRAY_SIZE(syscall_ids),
    .platform = "aarch64",
    .hwcap = a64_hwcap,
    .min_sigstack = MIN_SIGNAL_STACK,
    .cpuinfo = a64_cpuinfo,
    .open_flags = open_flags,
    .signal_setup = a64_signal_setup,
    .signal_return = a64_signal_return,
    .register_set = a64_register_set,
    .vdso = &a64_vdso,
    .syscall_size = 4,
    .set_tls = set_tls,
    .extra_prot = a64_extra_prot,
    .extra_prot_used = a64_extra_prot_used,
    .extra_prot_mode = A64_MODE_GUARDED,
    .elf_prot = a64_elf_prot,
    .prctl = a64_prctl,
};
