/* process.c - clone in all its forms, exit and wait.
 *
 * fork copies everything, so a child keeps its parent's translations. vfork (CLONE_VM |
 * CLONE_VFORK) is the real thing: the child runs on another C stack in its parent's memory while
 * the parent's thread sleeps in the kernel; posix_spawn of the C libraries reports errors through
 * that memory. */
#include "syscalls/process.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/fork_hints.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/tb.h"
#include "syscalls/limits.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

/* Not in every C library's headers. */
#define KCLONE_NEWTIME       0x00000080ull
#define KCLONE_PIDFD         0x00001000ull
#define KCLONE_CLEAR_SIGHAND 0x100000000ull
#define KCLONE_INTO_CGROUP   0x200000000ull
#define CLONE3_ONLY          (KCLONE_CLEAR_SIGHAND | KCLONE_INTO_CGROUP | KCLONE_NEWTIME)

/* What is done here for the guest instead of by the kernel. */
#define OWN_FLAGS                                                                                  \
    ((uint64_t)(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))

/* struct clone_args of the kernel. */
struct clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
enum {
    CLONE_ARGS_SIZE_0 = 64,
    CLONE_ARGS_SIZE_1 = 80,
    CLONE_ARGS_SIZE_2 = 88,
    HIGHEST_LEVEL_OF_PIDS = 32
};

RUN_OFTEN void process_exit(int status)
{
    if (process.at_exit)
        process.at_exit();
    for (;;)
        host_syscall(HOST_NR_exit_group, (unsigned)status, 0, 0, 0, 0, 0);
}

static void write_tid(guest_addr addr, int tid)
{
    uint32_t word = (uint32_t)tid;
    memory_write(addr, &word, sizeof(word)); /* the kernel ignores a bad address as well */
}

/* -- fork -- */

/* Not needed by a process that never had a second thread: all that a fork need not run or write makes it cheaper. */
RUN_OFTEN static void lock_all(struct task *task)
{
    memory_lock();
    pthread_mutex_lock(&task->sighand->lock);
    seccomp_lock_before_fork();
    thread_lock_before_fork();
    tb_lock_take();
    memory_map_lock_before_fork();
}

RUN_OFTEN static void renew_child(void)
{
    thread_after_fork();
    cache_after_fork();
    tb_after_fork();
    host_stacks_after_fork(__builtin_frame_address(0));
    fork_hints_after_fork();
}

RUN_OFTEN static void unlock_all(struct task *task)
{
    memory_map_unlock_after_fork();
    tb_lock_release();
    thread_unlock_after_fork();
    seccomp_unlock_after_fork();
    pthread_mutex_unlock(&task->sighand->lock);
    memory_unlock();
}

/* What fork of the C library (musl) does to keep its allocator, and its making of threads, usable
 * in the child of a process with threads. Null in a library that has other names for it. */
extern void __malloc_atfork(int who) __attribute__((weak));
extern void __tl_lock(void) __attribute__((weak));
extern void __tl_unlock(void) __attribute__((weak));

static void lock_library(void)
{
    if (__malloc_atfork && __tl_lock) {
        __malloc_atfork(-1);
        __tl_lock();
    }
}

static void unlock_library(bool is_child)
{
    if (__malloc_atfork && __tl_lock) {
        __tl_unlock();
        __malloc_atfork(is_child);
    }
}

/* The C library's word for the number of this thread, which its raise, its abort and some of its locks use: in musl, before
 * errno. Null in another library. */
static uint32_t *library_tid(const struct task *task)
{
    int *word = &errno - 1;
    return __tl_lock && *word == task->tid ? (uint32_t *)word : NULL;
}

/* The host's fork with the flags that only the kernel can act on. */
RUN_OFTEN static long raw_fork(const struct clone_request *rq, uint64_t flags, uint32_t *child_tid)
{
    if (child_tid)
        flags |= CLONE_CHILD_SETTID;
    if (flags & CLONE3_ONLY || rq->set_tid_size) {
        struct clone_args args = {
            .flags = flags,
            .pidfd = rq->pidfd,
            .child_tid = (uintptr_t)child_tid,
            .exit_signal = (uint64_t)rq->exit_signal,
            .set_tid = rq->set_tid,
            .set_tid_size = rq->set_tid_size,
            .cgroup = rq->cgroup,
        };
        return host_syscall(HOST_NR_clone3, (uintptr_t)&args, sizeof(args), 0, 0, 0, 0);
    }
    return host_syscall(HOST_NR_clone, flags | (uint64_t)rq->exit_signal, 0, rq->pidfd, (uintptr_t)child_tid, 0, 0);
}

/* The C library's fork makes its data that of a process with one thread, which it is already in most that fork. */
RUN_OFTEN static long host_fork(const struct clone_request *rq, uint32_t *child_tid)
{
    uint64_t flags = rq->flags & ~OWN_FLAGS;
    if (!flags && rq->exit_signal == SIGCHLD && (library_has_threads || !child_tid)) {
        pid_t pid = fork();
        if (pid == 0)
            library_has_threads = false;
        return pid < 0 ? -errno : pid;
    }
    bool lock = library_has_threads;
    if (lock)
        lock_library();
    long r = raw_fork(rq, flags, child_tid);
    if (lock)
        unlock_library(r == 0);
    return r;
}

static void reset_actions(struct sighand *s)
{
    for (int sig = 1; sig <= N_SIGNALS; sig++)
        if (s->action[sig].handler > 1)
            memset(&s->action[sig], 0, sizeof(s->action[sig]));
}

/* TID: where the kernel has written the number of the new thread, or null. */
RUN_OFTEN static void start_forked_child(struct thread *t, const struct clone_request *rq, const uint32_t *tid)
{
    struct task *task = t->task;
    signal_after_fork(task);
    task->tid = task->pid = tid ? (int)*tid : host_gettid();
    task->is_main = true;
    if (n_guest_threads != 1) /* each page that is written is copied */
        n_guest_threads = 1;
    task->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->child_tid : 0;
    if (rq->flags & CLONE_CHILD_SETTID)
        write_tid(rq->child_tid, task->tid);
    if (rq->flags & KCLONE_CLEAR_SIGHAND) {
        reset_actions(task->sighand);
        signal_mirror_all(task);
    }
    clone_set_registers(t, rq);
    task->in_vfork = false;
}

RUN_OFTEN static long fork_process(struct thread *t, const struct clone_request *rq)
{
    struct task *task = t->task;
    if (rq->flags & CLONE_SIGHAND)
        return -EINVAL;
    fork_hints_before_fork(t);
    signal_block_all(task);
    bool alone = !library_has_threads;
    if (!alone)
        lock_all(task);
    uint32_t *tid = library_tid(task);
    long r = host_fork(rq, tid);
    if (r == 0)
        renew_child();
    if (!alone)
        unlock_all(task);
    if (r == 0)
        start_forked_child(t, rq, tid);
    else if (r > 0 && rq->flags & CLONE_PARENT_SETTID)
        write_tid(rq->parent_tid, (int)r);
    signal_unblock(task);
    return r;
}

/* -- Processes that share the parent's memory -- */

struct shared_start {
    struct thread *child;
    const struct clone_request *request;
    char *stack;                /* C stack of the child */
    struct host_stack *kept;    /* whose memory that is; null: a mapping of its own */
    uint32_t
        *alive; /* cleared by the kernel when the child has left this memory; null: nobody asks */
    uint32_t alive_word;
    struct shared_answer *answer; /* on the parent's stack; null: clone's own result will do */
};

struct shared_answer {
    sem_t given;
    long result; /* tid or -errno */
};

static int shared_main(void *p)
{
    const struct shared_start *start = p;
    struct thread *t = start->child;
    struct task *task = t->task;
    thread_enter(t);
    task->tid = task->pid = host_gettid();
    host_syscall(HOST_NR_set_tid_address, (uintptr_t)start->alive, 0, 0, 0, 0, 0);
    if (start->request->flags & CLONE_PARENT_SETTID)
        write_tid(start->request->parent_tid, task->tid);
    if (start->request->flags & CLONE_CHILD_SETTID)
        write_tid(start->request->child_tid, task->tid);
    if (start->request->flags & KCLONE_CLEAR_SIGHAND)
        signal_mirror_all(task);
    if (start->answer) {
        start->answer->result = task->tid;
        sem_post(&start->answer->given);
    }
    signal_unblock(task);
    guest_loop(t);
    /* The parent frees the thread. */
    signal_block_all(task);
    if (task->clear_child_tid)
        write_tid(task->clear_child_tid, 0);
    for (;;)
        host_syscall(HOST_NR_exit_group, (unsigned)task->exit_status, 0, 0, 0, 0, 0);
    return 0;
}

static bool take_stack(struct shared_start *start)
{
    start->kept = host_stack_take();
    if (start->kept) {
        start->stack = host_stack_base(start->kept);
        return true;
    }
    start->stack = mmap(NULL, HOST_STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start->stack == MAP_FAILED)
        return false;
    memory_reserve_own(start->stack, HOST_STACK_SIZE);
    return true;
}

static void give_stack(const struct shared_start *start)
{
    if (start->kept) {
        host_stack_give(start->kept);
        return;
    }
    memory_release_own(start->stack, HOST_STACK_SIZE);
    munmap(start->stack, HOST_STACK_SIZE);
}

/* The child's thread, task and stack. *START is zeroed. */
static bool shared_prepare(struct thread *t, const struct clone_request *rq,
                           struct shared_start *start)
{
    struct task *task = t->task;
    if (!take_stack(start))
        return false;
    struct thread *child = thread_new(t->guest, t);
    if (!child) {
        give_stack(start);
        return false;
    }
    bool shares = rq->flags & CLONE_SIGHAND;
    struct sighand *sighand = shares ? task->sighand : sighand_new(task->sighand);
    if (shares)
        __atomic_add_fetch(&sighand->refs, 1, __ATOMIC_RELAXED);
    if (rq->flags & KCLONE_CLEAR_SIGHAND)
        reset_actions(sighand);
    struct task *child_task = task_new(child, sighand);
    if (!child_task)
        die("out of memory");
    child_task->blocked = task->blocked;
    seccomp_inherit(child_task, task);
    child_task->in_vfork = true;
    limits_inherit(child_task);
    if (rq->flags &
        CLONE_VFORK) { /* other children that share memory begin without an alternate stack */
        child_task->alt_sp = task->alt_sp;
        child_task->alt_size = task->alt_size;
        child_task->alt_flags = task->alt_flags;
    }
    child_task->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->child_tid : 0;
    clone_set_registers(child, rq);
    start->child = child;
    start->request = rq;
    return true;
}

static void shared_release(struct shared_start *start)
{
    task_free(start->child->task);
    thread_free(start->child);
    give_stack(start);
}

static long shared_clone(struct shared_start *start)
{
    const struct clone_request *rq = start->request;
    int flags = (int)(uint32_t)(rq->flags & ~OWN_FLAGS & 0xffffffff) | rq->exit_signal;
    int pid = clone(shared_main, start->stack + HOST_STACK_SIZE, flags, start,
                    memory_host(rq->pidfd), NULL, NULL);
    return pid < 0 ? -errno : pid;
}

/* vfork: this thread sleeps in the kernel while the child uses its thread-local storage. */
static long vfork_process(struct thread *t, const struct clone_request *rq)
{
    struct shared_start start = {0};
    if (!shared_prepare(t, rq, &start))
        return -ENOMEM;
    signal_block_all(t->task);
    long r = shared_clone(&start);
    current_thread = t;
    shared_release(&start);
    signal_unblock(t->task);
    return r;
}

/* A host thread whose only purpose is to lend its thread-local storage to a process that runs
 * beside its parent. It makes that process, then sleeps, touching nothing, until the process has
 * left this memory. */
static void *lender_main(void *p)
{
    struct shared_start *start = p;
    struct shared_answer *answer = start->answer;
    start->alive_word = 1;
    start->alive = &start->alive_word;
    long r = shared_clone(start);
    if (r < 0) {
        answer->result = r;
        sem_post(&answer->given);
        return NULL;
    }
    enum { FUTEX_WAIT_OP = 0 };
    while (__atomic_load_n(&start->alive_word, __ATOMIC_ACQUIRE))
        host_syscall(HOST_NR_futex, (uintptr_t)&start->alive_word, FUTEX_WAIT_OP, 1, 0, 0, 0);
    current_thread = NULL;
    shared_release(start);
    free(start);
    return NULL;
}

/* CLONE_VM alone: both run at once in one memory. */
static long share_process(struct thread *t, const struct clone_request *rq)
{
    struct shared_answer answer = {.result = -EAGAIN};
    pthread_attr_t attr;
    pthread_t id;
    struct shared_start *start = calloc(1, sizeof(*start));
    if (!start || !shared_prepare(t, rq, start)) {
        free(start);
        return -ENOMEM;
    }
    sem_init(&answer.given, 0, 0);
    start->answer = &answer;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, HOST_STACK_SIZE);
    signal_block_all(t->task);
    library_has_threads = true;
    if (!pthread_create(&id, &attr, lender_main, start))
        while (sem_wait(&answer.given))
            ;
    pthread_attr_destroy(&attr);
    sem_destroy(&answer.given);
    if (answer.result < 0) {
        shared_release(start);
        free(start);
    }
    signal_unblock(t->task);
    return answer.result;
}

/* -- System calls -- */

RUN_OFTEN static long clone_any(struct thread *t, const struct clone_request *rq)
{
    if (rq->flags & CLONE_THREAD)
        return thread_clone(t, rq);
    if (!(rq->flags & CLONE_VM))
        return fork_process(t, rq);
    if (rq->set_tid_size || rq->flags & (KCLONE_INTO_CGROUP | KCLONE_NEWTIME)) {
        if (LOG_ON(unimp))
            log_write("clone3 with CLONE_VM and set_tid, a cgroup or CLONE_NEWTIME is not "
                      "supported\n");
        return -ENOSYS; /* the C libraries fall back to clone */
    }
    return rq->flags & CLONE_VFORK ? vfork_process(t, rq) : share_process(t, rq);
}

/* Arguments in the order flags, stack, parent_tid, tls, child_tid (CONFIG_CLONE_BACKWARDS). */
RUN_OFTEN long sys_clone(struct thread *t, const uint64_t arg[6])
{
    enum { SIGNAL_MASK = 0xff };
    uint64_t flags = arg[0] & 0xffffffff & ~(uint64_t)SIGNAL_MASK;
    if (flags & KCLONE_PIDFD && flags & CLONE_PARENT_SETTID)
        return -EINVAL; /* both results would go to the same place */
    struct clone_request rq = {
        .flags = flags,
        .exit_signal = (int)(arg[0] & SIGNAL_MASK),
        .stack = arg[1],
        .parent_tid = arg[2],
        .tls = arg[3],
        .child_tid = arg[4],
        .pidfd = flags & KCLONE_PIDFD ? arg[2] : 0,
    };
    return clone_any(t, &rq);
}

long sys_clone3(struct thread *t, const uint64_t arg[6])
{
    struct clone_args a = {0};
    uint64_t size = arg[1];
    if (size > 4096)
        return -E2BIG;
    if (size < CLONE_ARGS_SIZE_0)
        return -EINVAL;
    if (memory_read(&a, arg[0], size < sizeof(a) ? size : sizeof(a)))
        return -EFAULT;
    for (uint64_t i = sizeof(a); i < size; i++) {
        uint8_t byte;
        if (memory_read(&byte, arg[0] + i, 1))
            return -EFAULT;
        if (byte)
            return -E2BIG;
    }
    if (a.flags & (0xff & ~KCLONE_NEWTIME) || a.flags >> 34 || a.flags & CLONE_DETACHED || a.exit_signal > N_SIGNALS)
        return -EINVAL;
    if (!a.stack != !a.stack_size || a.set_tid_size > HIGHEST_LEVEL_OF_PIDS ||
        !a.set_tid != !a.set_tid_size)
        return -EINVAL;
    if (a.flags & (CLONE_THREAD | CLONE_PARENT) && a.exit_signal)
        return -EINVAL;
    if ((a.flags & (CLONE_SIGHAND | KCLONE_CLEAR_SIGHAND)) ==
        (CLONE_SIGHAND | KCLONE_CLEAR_SIGHAND))
        return -EINVAL;
    struct clone_request rq = {
        .flags = a.flags,
        .exit_signal = (int)a.exit_signal,
        .stack = a.stack + a.stack_size,
        .tls = a.tls,
        .parent_tid = a.parent_tid,
        .child_tid = a.child_tid,
        .pidfd = a.flags & KCLONE_PIDFD ? a.pidfd : 0,
        .set_tid = a.set_tid,
        .set_tid_size = a.set_tid_size,
        .cgroup = a.cgroup,
    };
    return clone_any(t, &rq);
}

RUN_OFTEN long sys_exit_group(struct thread *t, const uint64_t arg[6])
{
    if (t->task->in_vfork) {
        /* The parent's memory, and its statistics, are not ours to end. */
        t->task->exit_status = (int)(arg[0] & 0xff);
        t->task->ending = true;
        return 0;
    }
    process_exit((int)(arg[0] & 0xff));
}

long sys_wait4(struct thread *t, const uint64_t arg[6])
{
    return safe_syscall(t, HOST_NR_wait4, arg[0], arg[1], arg[2], arg[3], 0, 0);
}

long sys_waitid(struct thread *t, const uint64_t arg[6])
{
    return safe_syscall(t, HOST_NR_waitid, arg[0], arg[1], arg[2], arg[3], arg[4], 0);
}
