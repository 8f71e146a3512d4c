/* poll.c - waiting for descriptors: signal masks of ppoll and pselect6, and epoll's events. */
#include <errno.h>
#include <string.h>
#include "core/memory.h"
#include "syscalls/layouts.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

/* -- Signal masks for the time of a call -- */

/* What the host call gets, and how it ends. */
struct call_mask {
    bool used;
    uint64_t host; /* valid if used */
};

/* Make the guest's mask at ADDR (null: none) that of the call to come. Returns 0 or -errno. */
static long begin_mask(struct thread *t, guest_addr addr, uint64_t size, struct call_mask *m)
{
    struct task *task = t->task;
    uint64_t mask;
    m->used = false;
    if (!addr)
        return 0;
    if (size != sizeof(mask))
        return -EINVAL;
    if (memory_read(&mask, addr, sizeof(mask)))
        return -EFAULT;
    mask &= ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
    task->saved_mask = task->blocked;
    task->restore_mask = true;
    task->blocked = mask;
    m->host = signal_host_mask(mask);
    m->used = true;
    /* Synchronous signals that somebody has sent wait with us, not in the kernel. */
    for (unsigned i = 0; i < N_SYNC_SIGNALS; i++) {
        int sig;
        if (!__atomic_load_n(&task->sync[i].full, __ATOMIC_RELAXED))
            continue;
        memcpy(&sig, task->sync[i].info, sizeof(sig));
        if (!(mask & signal_bit(sig)))
            return -ERESTARTNOHAND;
    }
    return 0;
}

/* The host call ended with RESULT. If the kernel was not entered, a signal came in under the old
 * mask: it is delivered under that, before the call. Otherwise the guest loop restores the mask. */
static long end_mask(struct thread *t, const struct call_mask *m, long result)
{
    if (!m->used || result != -ERESTARTNOINTR)
        return result;
    t->task->blocked = t->task->saved_mask;
    t->task->restore_mask = false;
    return result;
}

static uint64_t mask_address(const struct call_mask *m)
{
    return m->used ? (uintptr_t)&m->host : 0;
}

/* -- ppoll, pselect6 -- */

/* The kernel writes the time that is left into the guest's timespec, so a repeated call does not
 * wait longer. */
long sys_ppoll(struct thread *t, const uint64_t arg[6])
{
    struct call_mask m;
    long error = begin_mask(t, arg[3], arg[4], &m);
    if (error)
        return error;
    return end_mask(t, &m,
                    safe_syscall(t, HOST_NR_ppoll, arg[0], arg[1], arg[2], mask_address(&m), 8, 0));
}

/* The sixth argument points to the mask's address and size. */
static long call_with_mask_pair(struct thread *t, long nr, const uint64_t arg[6])
{
    struct call_mask m;
    uint64_t pair[2] = {0, 0};
    if (arg[5] && memory_read(pair, arg[5], sizeof(pair)))
        return -EFAULT;
    long error = begin_mask(t, pair[0], pair[1], &m);
    if (error)
        return error;
    pair[0] = mask_address(&m);
    pair[1] = 8;
    return end_mask(t, &m,
                    safe_syscall(t, nr, arg[0], arg[1], arg[2], arg[3], arg[4], (uintptr_t)pair));
}

long sys_pselect6(struct thread *t, const uint64_t arg[6])
{
    return call_with_mask_pair(t, HOST_NR_pselect6, arg);
}

long sys_io_pgetevents(struct thread *t, const uint64_t arg[6])
{
    return call_with_mask_pair(t, HOST_NR_io_pgetevents, arg);
}

/* -- epoll -- */

long sys_epoll_ctl(struct thread *t, const uint64_t arg[6])
{
    struct epoll_event event;
    if ((int)arg[1] == EPOLL_CTL_DEL)
        return host_syscall(HOST_NR_epoll_ctl, arg[0], arg[1], arg[2], 0, 0, 0);
    long error = layout_read_epoll_event(t->guest->abi, arg[3], &event);
    if (error)
        return error;
    return host_syscall(HOST_NR_epoll_ctl, arg[0], arg[1], arg[2], (uintptr_t)&event, 0, 0);
}

/* timeout: milliseconds, or with NR epoll_pwait2 the address of a timespec. */
static long epoll_wait_on(struct thread *t, long nr, const uint64_t arg[6], uint64_t mask_addr,
                          uint64_t mask_size)
{
    struct call_mask m;
    long n = begin_mask(t, mask_addr, mask_size, &m);
    if (n)
        return n;
    n = safe_syscall(t, nr, arg[0], arg[1], arg[2], arg[3], mask_address(&m), 8);
    if (n <= 0)
        return end_mask(t, &m, n);
    long error = layout_widen_epoll_events(t->guest->abi, arg[1], (unsigned)n);
    return error ? error : n;
}

long sys_epoll_wait(struct thread *t, const uint64_t arg[6])
{
    return epoll_wait_on(t, HOST_NR_epoll_pwait, arg, 0, 0);
}

long sys_epoll_pwait(struct thread *t, const uint64_t arg[6])
{
    return epoll_wait_on(t, HOST_NR_epoll_pwait, arg, arg[4], arg[5]);
}

long sys_epoll_pwait2(struct thread *t, const uint64_t arg[6])
{
    return epoll_wait_on(t, HOST_NR_epoll_pwait2, arg, arg[4], arg[5]);
}
