/* prctl.c - prctl and personality: what the guest may ask of its host process. */
#include "syscalls/task.h"

#include <errno.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

/* Options of prctl that mean the same for the host's process; all others are EINVAL, as on a kernel
 * that lacks them. Not here on purpose: those of the host's CPU (TSC, MCE, MPX, shadow stack), and
 * PR_SET_MM, which would move the translator's memory. */
static const struct {
    uint32_t option;
    char name[32];
} passed[] = {
    {1, "PR_SET_PDEATHSIG"},
    {2, "PR_GET_PDEATHSIG"},
    {3, "PR_GET_DUMPABLE"},
    {4, "PR_SET_DUMPABLE"},
    {7, "PR_GET_KEEPCAPS"},
    {8, "PR_SET_KEEPCAPS"},
    {13, "PR_GET_TIMING"},
    {14, "PR_SET_TIMING"},
    {15, "PR_SET_NAME"},
    {16, "PR_GET_NAME"},
    {23, "PR_CAPBSET_READ"},
    {24, "PR_CAPBSET_DROP"},
    {27, "PR_GET_SECUREBITS"},
    {28, "PR_SET_SECUREBITS"},
    {29, "PR_SET_TIMERSLACK"},
    {30, "PR_GET_TIMERSLACK"},
    {31, "PR_TASK_PERF_EVENTS_DISABLE"},
    {32, "PR_TASK_PERF_EVENTS_ENABLE"},
    {33, "PR_MCE_KILL"},
    {34, "PR_MCE_KILL_GET"},
    {36, "PR_SET_CHILD_SUBREAPER"},
    {37, "PR_GET_CHILD_SUBREAPER"},
    {38, "PR_SET_NO_NEW_PRIVS"},
    {39, "PR_GET_NO_NEW_PRIVS"},
    {41, "PR_SET_THP_DISABLE"},
    {42, "PR_GET_THP_DISABLE"},
    {47, "PR_CAP_AMBIENT"},
    {52, "PR_GET_SPECULATION_CTRL"},
    {53, "PR_SET_SPECULATION_CTRL"},
    {57, "PR_SET_IO_FLUSHER"},
    {58, "PR_GET_IO_FLUSHER"},
    {62, "PR_SCHED_CORE"},
    {67, "PR_SET_MEMORY_MERGE"},
    {68, "PR_GET_MEMORY_MERGE"},
    {0x53564d41, "PR_SET_VMA"},
    {0x59616d61, "PR_SET_PTRACER"},
};

enum {
    GET_SECCOMP = 21,
    SET_SECCOMP = 22,
    SET_MM = 35,
    GET_TID_ADDRESS = 40,
    GET_AUXV = 0x41555856
};

/* The auxiliary vector as execve left it. Returns its full size, however much was asked for. */
static long get_auxv(const uint64_t arg[6])
{
    char all[1024];
    size_t size = process.auxv_end - process.auxv_start, n = arg[2] < size ? arg[2] : size;
    if (arg[3] || arg[4])
        return -EINVAL;
    if (size > sizeof(all) || memory_read(all, process.auxv_start, n))
        return -EFAULT;
    long error = memory_write(arg[1], all, n);
    return error ? error : (long)size;
}

long sys_prctl(struct thread *t, const uint64_t arg[6])
{
    uint32_t option = (uint32_t)arg[0];
    long result;
    for (unsigned i = 0; i < ARRAY_SIZE(passed); i++)
        if (passed[i].option == option)
            return host_syscall(HOST_NR_prctl, arg[0], arg[1], arg[2], arg[3], arg[4], 0);
    if (t->guest->abi->prctl && t->guest->abi->prctl(t, arg, &result))
        return result;
    if (option == GET_TID_ADDRESS)
        return memory_write(arg[1], &t->task->clear_child_tid, sizeof(uint64_t));
    if (option == GET_AUXV)
        return get_auxv(arg);
    if (option == GET_SECCOMP)
        return t->task->seccomp_mode ? t->task->seccomp_mode : host_syscall(HOST_NR_prctl, GET_SECCOMP, 0, 0, 0, 0, 0);
    if (option == SET_SECCOMP)
        return seccomp_set_by_prctl(t, arg[1], arg[2]);
    if (option == SET_MM)
        return -EPERM;
    if (LOG_ON(unimp))
        log_write("prctl option %u is not supported\n", option);
    return -EINVAL;
}

bool task_has_capability(unsigned cap)
{
    struct {
        uint32_t version;
        int pid;
    } head = {.version = 0x20080522}; /* _LINUX_CAPABILITY_VERSION_3 */
    struct {
        uint32_t effective, permitted, inheritable;
    } part[2];
    return !host_syscall(HOST_NR_capget, (uintptr_t)&head, (uintptr_t)part, 0, 0, 0, 0) &&
           part[cap / 32].effective >> cap % 32 & 1;
}

long sys_personality(struct thread *t, const uint64_t arg[6])
{
    enum { PERSONALITY_MASK = 0xff, PER_LINUX32 = 8 };
    (void)t;
    if ((uint32_t)arg[0] != 0xffffffff && (arg[0] & PERSONALITY_MASK) == PER_LINUX32)
        return -EINVAL; /* a CPU without a 32-bit state */
    return host_syscall(HOST_NR_personality, arg[0], 0, 0, 0, 0, 0);
}
