/* signal_calls.c - the system calls about signals: actions, masks, waiting, alternate stacks,
 * return from handlers. */
#include "syscalls/signal_state.h"

#include <errno.h>
#include <string.h>

#include "core/memory.h"
#include "syscalls/limits.h"
#include "syscalls/syscall.h"

static int alt_stack_flags(const struct task *task, guest_addr sp)
{
    int flags = task->alt_flags & (int)KSS_AUTODISARM;
    if (!task->alt_size)
        return flags | KSS_DISABLE;
    return flags | (signal_on_alt_stack(task, sp) ? KSS_ONSTACK : 0);
}

long sys_rt_sigaction(struct thread *t, const uint64_t arg[6])
{
    struct sighand *s = t->task->sighand;
    int sig = (int)arg[0];
    struct guest_action new, old;
    if (arg[3] != SIGSET_BYTES)
        return -EINVAL;
    if (arg[1] && memory_read(&new, arg[1], sizeof(new)))
        return -EFAULT;
    if (sig < 1 || sig > N_SIGNALS || (arg[1] && UNBLOCKABLE & BIT(sig)))
        return -EINVAL;
    pthread_mutex_lock(&s->lock);
    old = *signal_known_action(s, sig);
    if (arg[1]) {
        new.flags &=
            KSA_KNOWN; /* the kernel forgets unknown flags, which is how programs probe for them */
        new.mask &= ~UNBLOCKABLE;
        s->action[sig] = new;
        signal_mirror_action(sig, &new);
    }
    pthread_mutex_unlock(&s->lock);
    if (arg[1] && new.handler == GUEST_SIG_IGN)
        for (int i = 0; i < N_SYNC_SIGNALS; i++)
            if (signal_sync[i] == sig)
                signal_set_full(&t->task->sync[i], 0);
    return arg[2] ? memory_write(arg[2], &old, sizeof(old)) : 0;
}

long sys_rt_sigprocmask(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    uint64_t old = task->blocked, mask = old;
    if (arg[3] != SIGSET_BYTES)
        return -EINVAL;
    if (arg[1]) {
        uint64_t set;
        if (memory_read(&set, arg[1], sizeof(set)))
            return -EFAULT;
        set &= ~UNBLOCKABLE;
        switch ((int)arg[0]) {
        case SIG_BLOCK:
            mask |= set;
            break;
        case SIG_UNBLOCK:
            mask &= ~set;
            break;
        case SIG_SETMASK:
            mask = set;
            break;
        default:
            return -EINVAL;
        }
    }
    if (mask != old) {
        /* A signal caught before this point is delivered under the old mask: the stub then refuses
         * to enter the kernel. */
        uint64_t host = signal_host_mask(mask);
        long r = safe_syscall(t, HOST_NR_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&host, 0,
                              SIGSET_BYTES, 0, 0);
        if (r < 0)
            return r;
        task->blocked = mask;
        signal_update_pending(task);
    }
    return arg[2] ? memory_write(arg[2], &old, sizeof(old)) : 0;
}

long sys_rt_sigpending(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    uint64_t set = 0;
    if (arg[1] > SIGSET_BYTES)
        return -EINVAL;
    host_syscall(HOST_NR_rt_sigpending, (uintptr_t)&set, SIGSET_BYTES, 0, 0, 0, 0);
    for (int i = 0; i < N_SYNC_SIGNALS; i++)
        if (signal_is_full(&task->sync[i]))
            set |= BIT(signal_sync[i]);
    set &= task->blocked;
    return memory_write(arg[0], &set, arg[1]);
}

long sys_rt_sigsuspend(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    uint64_t mask;
    if (arg[1] != SIGSET_BYTES)
        return -EINVAL;
    if (memory_read(&mask, arg[0], sizeof(mask)))
        return -EFAULT;
    mask &= ~UNBLOCKABLE;
    /* With everything blocked, what is caught so far is stable and belongs before this call. */
    signal_block_all(task);
    if (signal_is_deliverable(task)) {
        signal_unblock(task);
        signal_update_pending(task);
        return -ERESTARTNOINTR;
    }
    task->saved_mask = task->blocked;
    task->restore_mask = true;
    task->blocked = mask;
    if (!signal_is_deliverable(task)) {
        uint64_t host = signal_host_mask(mask);
        host_syscall(HOST_NR_rt_sigsuspend, (uintptr_t)&host, SIGSET_BYTES, 0, 0, 0, 0);
    }
    signal_update_pending(task);
    return -ERESTARTNOHAND;
}

long sys_rt_sigtimedwait(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    uint64_t set;
    if (arg[3] != SIGSET_BYTES)
        return -EINVAL;
    if (memory_read(&set, arg[0], sizeof(set)))
        return -EFAULT;
    for (int i = 0; i < N_SYNC_SIGNALS; i++) {
        struct caught_signal *c = &task->sync[i];
        if (!signal_is_full(c) || !(set & BIT(signal_sync[i])))
            continue;
        if (arg[1] && memory_write(arg[1], c->info, SIGINFO_SIZE))
            return -EFAULT;
        signal_set_full(c, 0);
        return signal_sync[i];
    }
    return safe_syscall(t, HOST_NR_rt_sigtimedwait, arg[0], arg[1], arg[2], arg[3], 0, 0);
}

/* Linux do_sigaltstack. */
static int set_alt_stack(struct task *task, uint64_t new_sp, int flags, uint64_t size,
                         guest_addr sp)
{
    int mode = flags & ~(int)KSS_AUTODISARM;
    if (signal_on_alt_stack(task, sp))
        return -EPERM;
    if (new_sp == task->alt_sp && size == task->alt_size && flags == task->alt_flags)
        return 0;
    if (mode != KSS_DISABLE && mode != KSS_ONSTACK && mode != 0)
        return -EINVAL;
    if (mode == KSS_DISABLE)
        new_sp = size = 0;
    else if (size < task->thread->guest->abi->min_sigstack)
        return -ENOMEM;
    task->alt_sp = new_sp;
    task->alt_size = size;
    task->alt_flags = flags;
    return 0;
}

struct guest_stack {
    uint64_t sp;
    int32_t flags, pad;
    uint64_t size;
};

long sys_sigaltstack(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    guest_addr sp = t->cpu.gpr[t->guest->abi->sp_reg];
    struct guest_stack old = {
        .sp = task->alt_sp, .flags = alt_stack_flags(task, sp), .size = task->alt_size};
    if (arg[0]) {
        struct guest_stack new;
        if (memory_read(&new, arg[0], sizeof(new)))
            return -EFAULT;
        int r = set_alt_stack(task, new.sp, new.flags, new.size, sp);
        if (r)
            return r;
    }
    return arg[1] ? memory_write(arg[1], &old, sizeof(old)) : 0;
}

long sys_rt_sigreturn(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    uint64_t mask, stack[3];
    (void)arg;
    /* What came in while the handler ran is delivered before the handler ends, under its mask. */
    if (signal_is_deliverable(task))
        return -ERESTARTNOINTR;
    guest_addr sp = t->cpu.gpr[t->guest->abi->sp_reg];
    if (t->guest->abi->signal_return(t, &mask, stack)) {
        signal_force(t, SIGSEGV, memory_check(sp, 1, 0) ? SEGV_ACCERR : SEGV_MAPERR, sp);
        return -ESYSDONE;
    }
    /* The stack that the frame was on is left by now; errors are ignored as by the kernel. */
    set_alt_stack(task, stack[0], (int)stack[1], stack[2], t->cpu.gpr[t->guest->abi->sp_reg]);
    task->blocked = mask & ~UNBLOCKABLE;
    uint64_t host = signal_host_mask(task->blocked);
    safe_syscall(t, HOST_NR_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&host, 0, SIGSET_BYTES, 0, 0);
    signal_update_pending(task);
    return -ESYSDONE;
}

/* The kernel's own continuation of an interrupted sleep; our calls never leave one behind. */
long sys_restart_syscall(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    (void)arg;
    return -EINTR;
}

/* Only of these signals, sent to oneself, something may have to be said. */
static bool may_end(const struct task *task, int sig)
{
    return sig >= 1 && sig <= N_SIGNALS && DEFAULT_CORE & ~SYNC_MASK & ~task->blocked & BIT(sig);
}

/* abort() and its like: unless there is to be a core file, the host's default action ends the
 * process before anything here could speak. */
static void report_own_death(struct task *task, int sig)
{
    if (limits_core())
        return;
    pthread_mutex_lock(&task->sighand->lock);
    bool fatal = signal_known_action(task->sighand, sig)->handler == GUEST_SIG_DFL;
    pthread_mutex_unlock(&task->sighand->lock);
    if (fatal)
        signal_report_death(sig);
}

long sys_kill(struct thread *t, const uint64_t arg[6])
{
    if (may_end(t->task, (int)arg[1]) && (int)arg[0] == t->task->pid)
        report_own_death(t->task, (int)arg[1]);
    return host_syscall(HOST_NR_kill, arg[0], arg[1], 0, 0, 0, 0);
}

long sys_tkill(struct thread *t, const uint64_t arg[6])
{
    if (may_end(t->task, (int)arg[1]) && (int)arg[0] == t->task->tid)
        report_own_death(t->task, (int)arg[1]);
    return host_syscall(HOST_NR_tkill, arg[0], arg[1], 0, 0, 0, 0);
}

long sys_tgkill(struct thread *t, const uint64_t arg[6])
{
    if (may_end(t->task, (int)arg[2]) && (int)arg[1] == t->task->tid)
        report_own_death(t->task, (int)arg[2]);
    return host_syscall(HOST_NR_tgkill, arg[0], arg[1], arg[2], 0, 0, 0);
}
