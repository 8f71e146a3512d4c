/* loop.c - run a guest thread: what happens when generated code leaves. */
#include "syscalls/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/crash.h"
#include "core/dispatch.h"
#include "core/log.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

struct process process = {.self_fd = -1, .exe_fd = -1, .seccomp_fd = -1};

static WRITTEN_OFTEN struct task first_task;

static struct task *task_init(struct task *task, struct thread *thread, struct sighand *sighand)
{
    task->thread = thread;
    task->sighand = sighand;
    task->alt_flags = SS_DISABLE;
    thread->task = task;
    return task;
}

struct task *task_new(struct thread *thread, struct sighand *sighand)
{
    struct task *task = calloc(1, sizeof(*task));
    return task ? task_init(task, thread, sighand) : NULL;
}

void task_free(struct task *task)
{
    seccomp_detach(task);
    sighand_put(task->sighand);
    free(task->exec_call);
    free(task->exec_words);
    free(task->other_exe);
    free(task->limits);
    if (task != &first_task)
        free(task);
}

static size_t describe_task(const struct thread *t, char *buf, size_t size)
{
    const struct task *task = t->task;
    int n = snprintf(buf, size, "  program:    %s (%s), process %d, thread %d\n",
                     process.exe ? process.exe : "?", t->guest->name, (int)getpid(), host_gettid());
    if (task && task->syscalls && n > 0 && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, "  last call:  %s (%u), of %llu\n",
                      syscall_name(t->guest, task->last_call), task->last_call,
                      (unsigned long long)task->syscalls);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void task_start(struct thread *thread)
{
    crash_describe = describe_task;
    struct task *task = task_init(&first_task, thread, sighand_first());
    task->tid = task->pid = host_gettid();
    task->is_main = true;
    if (process.seccomp_fd >= 0)
        seccomp_load(task, process.seccomp_fd);
    proc_publish();
    signal_init(task);
}

static bool signal_is_pending(const struct thread *t)
{
    return __atomic_load_n(&t->cpu.pending, __ATOMIC_RELAXED) & PENDING_SIGNAL;
}

RUN_OFTEN static void run_syscall(struct thread *t)
{
    const struct abi *abi = t->guest->abi;
    struct task *task = t->task;
    task->first_arg = t->cpu.gpr[abi->arg_reg[0]];
    task->last_call = (uint32_t)t->cpu.gpr[abi->nr_reg];
    task->syscalls++;
    long result = syscall_dispatch(t);
    if (task->ending)
        return;
    switch (-result) {
    case ERESTARTSYS:
    case ERESTARTNOINTR:
    case ERESTARTNOHAND:
        signal_deliver(t, result);
        return;
    case ESYSDONE:
        break;
    default:
        t->cpu.gpr[abi->ret_reg] = (uint64_t)result;
        /* A call that replaced the mask was not interrupted: the host kernel has its own back
         * already. */
        if (unlikely(task->restore_mask)) {
            task->blocked = task->saved_mask;
            task->restore_mask = false;
        }
    }
    if (unlikely(signal_is_pending(t)))
        signal_deliver(t, 0);
}

/* The guest faulted at pc. */
static void force_fault(struct thread *t)
{
    const struct guest_fault f = t->fault;
    if (LOG_ON(invalid_mem))
        log_write("invalid %s at pc 0x%llx, address 0x%llx\n",
                  f.is_fetch   ? "fetch"
                  : f.is_write ? "write"
                               : "read",
                  (unsigned long long)t->cpu.pc, (unsigned long long)f.address);
    signal_force(t, f.signal, f.code, f.address);
}

static void act_on(struct thread *t, enum exit_reason reason)
{
    switch (reason) {
    case EXIT_SIGNAL:
        signal_deliver(t, 0);
        break;
    case EXIT_FAULT:
    case EXIT_FETCH:
        force_fault(t);
        break;
    case EXIT_ALIGN:
        signal_force(t, SIGBUS, BUS_ADRALN, t->fault.address);
        break;
    case EXIT_UNDEF:
    case EXIT_UNIMPL:
        signal_force(t, SIGILL, ILL_ILLOPC, t->cpu.pc);
        break;
    case EXIT_BREAK:
        signal_force(t, SIGTRAP, TRAP_BRKPT, t->cpu.pc);
        break;
    case EXIT_TRAP:
        signal_force(t, (int)(t->cpu.exit_data >> 8 & 0xff), (int)(t->cpu.exit_data & 0xff),
                     t->cpu.pc);
        break;
    default:
        bug("exit reason %d reached the guest loop", reason);
    }
}

RUN_OFTEN void guest_loop(struct thread *t)
{
    struct task *task = t->task;
    while (!task->ending) {
        if (unlikely(signal_is_pending(t)))
            signal_deliver(t, 0);
        enum exit_reason reason = cpu_run(t);
        if (likely(reason == EXIT_SYSCALL))
            run_syscall(t);
        else
            act_on(t, reason);
    }
    if (!task->is_main)
        return;
    /* Ends this host thread only; the others go on. The C library's word for joining it must not be
     * written. */
    int status = task->exit_status;
    thread_finish(t, NULL);
    host_syscall(HOST_NR_set_tid_address, 0, 0, 0, 0, 0, 0);
    for (;;)
        host_syscall(HOST_NR_exit, (unsigned)status, 0, 0, 0, 0, 0);
}
