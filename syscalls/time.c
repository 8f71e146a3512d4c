/* time.c - clocks through the host's vDSO, and sleeping. */
#include <errno.h>
#include <time.h>
#include "core/helper.h"
#include "core/memory.h"
#include "syscalls/host_vdso.h"
#include "syscalls/syscall.h"
#include "syscalls/signal_state.h"

/* The C library reads clocks through the vDSO: a fifth of the cost of a system call. */
long sys_clock_gettime(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    struct timespec now;
    if (clock_gettime((clockid_t)(int)arg[0], &now))
        return -errno;
    return memory_write(arg[1], &now, sizeof(now));
}

long sys_gettimeofday(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    if (arg[1])
        return host_syscall(HOST_NR_gettimeofday, arg[0], arg[1], 0, 0, 0, 0);
    struct timespec now;
    if (!arg[0])
        return 0;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -errno;
    int64_t micro[2] = {now.tv_sec, now.tv_nsec / 1000};
    return memory_write(arg[0], micro, sizeof(micro));
}

/* The clocks that the kernel's vDSO reads without a system call; the others are left to that, so
 * that filters of system calls see them. */
#define CLOCK_BIT(clock) ((uint64_t)1 << (clock))
static const uint64_t vdso_clocks =
    CLOCK_BIT(CLOCK_REALTIME) | CLOCK_BIT(CLOCK_MONOTONIC) | CLOCK_BIT(CLOCK_MONOTONIC_RAW) |
    CLOCK_BIT(CLOCK_REALTIME_COARSE) | CLOCK_BIT(CLOCK_MONOTONIC_COARSE) | CLOCK_BIT(CLOCK_BOOTTIME) | CLOCK_BIT(CLOCK_TAI);

RUN_OFTEN uint64_t helper_vdso_clock_gettime(struct cpu *cpu, uint64_t clock, uint64_t addr, uint64_t unused)
{
    struct timespec now;
    (void)cpu, (void)unused;
    const struct host_vdso *host = host_vdso();
    if ((uint32_t)clock > 63 || !(vdso_clocks & CLOCK_BIT((uint32_t)clock)) || !host->clock_gettime)
        return 1;
    return host->clock_gettime((clockid_t)clock, &now) || memory_write(addr, &now, sizeof(now));
}

RUN_OFTEN uint64_t helper_vdso_gettimeofday(struct cpu *cpu, uint64_t addr, uint64_t zone, uint64_t unused)
{
    struct timeval now;
    (void)cpu, (void)unused;
    const struct host_vdso *host = host_vdso();
    if (!addr || zone || !host->gettimeofday)
        return 1;
    return host->gettimeofday(&now, NULL) || memory_write(addr, &now, sizeof(now));
}

/* True if a signal of the guest, not one of the translator's own, ended a host call. */
static bool is_interrupted(const struct task *task)
{
    bool any = signal_is_caught(task);
    for (unsigned i = 0; i < N_SYNC_SIGNALS; i++)
        any |= signal_is_full(&task->sync[i]);
    return any;
}

/* Signals of the translator's own must not lengthen the sleep: go on with what is left. */
static long sleep_relative(struct thread *t, uint64_t clock, uint64_t time_addr, uint64_t left_addr)
{
    struct timespec time, left;
    if (memory_read(&time, time_addr, sizeof(time)))
        return -EFAULT;
    for (;;) {
        long result = safe_syscall(t, HOST_NR_clock_nanosleep, clock, 0, (uintptr_t)&time,
                                   (uintptr_t)&left, 0, 0);
        if (result != -EINTR)
            return result;
        if (is_interrupted(t->task))
            break;
        time = left;
    }
    if (left_addr && memory_write(left_addr, &left, sizeof(left)))
        return -EFAULT;
    return -EINTR;
}

long sys_nanosleep(struct thread *t, const uint64_t arg[6])
{
    return sleep_relative(t, CLOCK_MONOTONIC, arg[0], arg[1]);
}

long sys_clock_nanosleep(struct thread *t, const uint64_t arg[6])
{
    if (!(arg[1] & TIMER_ABSTIME))
        return sleep_relative(t, arg[0], arg[2], arg[3]);
    return safe_syscall(t, HOST_NR_clock_nanosleep, arg[0], arg[1], arg[2], arg[3], 0, 0);
}
