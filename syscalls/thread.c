/* thread.c - guest threads: creation, end, futexes and what the kernel keeps for a thread.
 *
 * A guest thread is a host thread of the C library, so that C code has its thread-local storage.
 * The guest's tid is the host's. What the library uses itself, the word cleared at exit, is done
 * here for the guest; the robust list is the guest's alone and is given to the kernel. */
#include "syscalls/process.h"
#include "syscalls/signal_state.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/seccomp.h"
#include "syscalls/syscall.h"

unsigned n_guest_threads = 1;
bool library_has_threads;

/* What creator and new thread have in common until both have seen to it that the tid is written. */
struct thread_start {
    unsigned refs; /* atomic */
    struct clone_request request;
    struct thread *thread;
    struct host_stack *stack; /* or null */
    int tid; /* atomic: written by the new thread first of all */
    pthread_mutex_t lock;
    bool written; /* guarded by lock */
    sem_t unshared;
    long error; /* of unshare, or 0 */
};

RUN_OFTEN int host_gettid(void)
{
    return (int)host_syscall(HOST_NR_gettid, 0, 0, 0, 0, 0, 0);
}

/* The host thread blocks what its guest does: where that is all, as the C libraries have it around
 * clone and when a thread ends, there is nothing to do. Returns whether there was. */
static bool block_all(struct task *task)
{
    if (signal_host_mask(task->blocked) == ALL_ASYNC)
        return false;
    signal_block_all(task);
    return true;
}

/* Clear the word that joiners wait for and wake them. */
static void release_tid_word(struct task *task)
{
    uint32_t zero = 0;
    if (!task->clear_child_tid || memory_write(task->clear_child_tid, &zero, sizeof(zero)))
        return;
    enum { FUTEX_WAKE_OP = 1 };
    host_syscall(HOST_NR_futex, task->clear_child_tid, FUTEX_WAKE_OP, 1, 0, 0, 0);
    task->clear_child_tid = 0;
}

void thread_finish(struct thread *thread, struct host_stack *stack)
{
    struct task *task = thread->task;
    bool is_last = __atomic_sub_fetch(&n_guest_threads, 1, __ATOMIC_ACQ_REL) == 0;
    if (is_last || !stack)
        block_all(task);
    if (is_last && process.at_exit)
        process.at_exit();
    release_tid_word(task);
    task_free(task);
    thread_end(thread);
    if (stack)
        host_stack_leave(stack, thread);
    else
        thread_free(thread);
}

RUN_OFTEN void clone_set_registers(struct thread *child, const struct clone_request *rq)
{
    enum { CLONE_WITH_TLS = 0x80000 };
    const struct abi *abi = child->guest->abi;
    child->cpu.gpr[abi->ret_reg] = 0;
    if (rq->stack)
        child->cpu.gpr[abi->sp_reg] = rq->stack;
    if (rq->flags & CLONE_WITH_TLS)
        abi->set_tls(&child->cpu, rq->tls);
}

enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP };

/* Kernel objects that the guest did not ask to share, though host threads share them. */
static uint64_t objects_to_split(const struct clone_request *rq)
{
    return (~rq->flags & (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)) | (rq->flags & NAMESPACES);
}

/* Both threads do this, since neither may go on before it is done: the creator's clone returns with
 * the word written, and the new thread may clear it again. */
static void write_tid_for_parent(struct thread_start *start, int tid)
{
    uint32_t word = (uint32_t)tid;
    if (!(start->request.flags & CLONE_PARENT_SETTID))
        return;
    pthread_mutex_lock(&start->lock);
    if (!start->written)
        memory_write(start->request.parent_tid, &word, sizeof(word));
    start->written = true;
    pthread_mutex_unlock(&start->lock);
}

static struct thread_start *start_new(const struct clone_request *rq, struct thread *thread)
{
    struct thread_start *start = calloc(1, sizeof(*start));
    if (!start)
        return NULL;
    start->refs = 2;
    start->request = *rq;
    start->thread = thread;
    pthread_mutex_init(&start->lock, NULL);
    sem_init(&start->unshared, 0, 0);
    return start;
}

static void start_put(struct thread_start *start)
{
    if (__atomic_sub_fetch(&start->refs, 1, __ATOMIC_ACQ_REL))
        return;
    pthread_mutex_destroy(&start->lock);
    sem_destroy(&start->unshared);
    free(start);
}

/* The tid of thread ID, which is not detached yet or the caller's own, or 0. The C library knows it
 * until the thread ends, and the kernel's number of a thread's CPU clock holds it (its
 * include/linux/posix-timers_types.h). */
static int tid_of(pthread_t id)
{
    clockid_t clock;
    return pthread_getcpuclockid(id, &clock) ? 0 : ~(clock >> 3);
}

static void *thread_main(void *p)
{
    struct thread_start *start = p;
    const struct clone_request *rq = &start->request;
    struct thread *thread = start->thread;
    struct host_stack *stack = start->stack;
    struct task *task = thread->task;
    thread_enter(thread);
    task->tid = tid_of(pthread_self());
    __atomic_store_n(&start->tid, task->tid, __ATOMIC_RELEASE);
    uint32_t tid = (uint32_t)task->tid;
    uint64_t split = objects_to_split(rq);
    if (split) {
        long error = start->error = host_syscall(HOST_NR_unshare, split, 0, 0, 0, 0, 0);
        sem_post(&start->unshared);
        if (error) {
            task->clear_child_tid = 0;
            start_put(start);
            thread_finish(thread, stack);
            return NULL;
        }
    }
    write_tid_for_parent(start, task->tid);
    if (rq->flags & CLONE_CHILD_SETTID)
        memory_write(rq->child_tid, &tid, sizeof(tid));
    start_put(start);
    signal_unblock(task);
    guest_loop(thread);
    thread_finish(thread, stack);
    return NULL;
}

/* False: there is no new thread. *RESULT is clone's: the tid, or -errno. Waits for the new thread
 * only where it must be ahead: what is not shared is copied from the state at this moment. */
static bool start_host_thread(struct thread_start *start, long *result)
{
    pthread_attr_t attr;
    pthread_t id;
    struct host_stack *stack = start->stack = host_stack_take();
    pthread_attr_init(&attr);
    if (stack)
        pthread_attr_setstack(&attr, host_stack_base(stack), HOST_STACK_SIZE);
    else
        pthread_attr_setstacksize(&attr, HOST_STACK_SIZE);
    library_has_threads = true;
    int error = pthread_create(&id, &attr, thread_main, start);
    pthread_attr_destroy(&attr);
    if (error && stack)
        host_stack_give(stack);
    if (error)
        return false;
    int tid = tid_of(id); /* 0: it has ended */
    if (!tid)
        tid = __atomic_load_n(&start->tid, __ATOMIC_ACQUIRE);
    if (stack)
        host_stack_let_go(stack); /* who takes it next joins the thread */
    else
        pthread_detach(id);
    while (objects_to_split(&start->request) && sem_wait(&start->unshared))
        ;
    *result = start->error;
    if (!start->error) {
        write_tid_for_parent(start, tid);
        *result = tid;
    }
    return true;
}

/* A child of TASK for the new thread; null: out of memory. */
static struct task *child_task(struct task *task, struct thread *thread,
                               const struct clone_request *rq)
{
    struct task *child = task_new(thread, task->sighand);
    if (!child)
        return NULL;
    __atomic_add_fetch(&task->sighand->refs, 1, __ATOMIC_RELAXED);
    child->pid = task->pid;
    child->blocked = task->blocked;
    seccomp_inherit(child, task);
    child->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->child_tid : 0;
    return child;
}

/* What the kernel does not allow together (its copy_process and copy_namespaces). */
static bool is_contradiction(uint64_t flags)
{
    return !(flags & CLONE_VM) || !(flags & CLONE_SIGHAND) ||
           flags & (CLONE_NEWUSER | CLONE_NEWPID) || (flags & CLONE_NEWNS && flags & CLONE_FS) ||
           (flags & CLONE_NEWIPC && flags & CLONE_SYSVSEM);
}

long thread_clone(struct thread *thread, const struct clone_request *rq)
{
    struct task *task = thread->task;
    if (is_contradiction(rq->flags))
        return -EINVAL;
    struct thread *new = thread_new(thread->guest, thread);
    if (!new)
        return -EAGAIN;
    struct thread_start *start = start_new(rq, new);
    struct task *child = start ? child_task(task, new, rq) : NULL;
    long result = -EAGAIN;
    bool started = false;
    if (child) {
        clone_set_registers(new, rq);
        __atomic_add_fetch(&n_guest_threads, 1, __ATOMIC_ACQ_REL);
        bool was_open = block_all(task); /* the new thread starts with the creator's mask */
        started = start_host_thread(start, &result);
        if (!started) {
            __atomic_sub_fetch(&n_guest_threads, 1, __ATOMIC_ACQ_REL);
            task_free(child);
        }
        if (was_open)
            signal_unblock(task);
    }
    if (!started) {
        thread_free(new);
        if (start)
            start_put(start); /* the new thread's part */
    }
    if (start)
        start_put(start);
    return result;
}

/* -- System calls -- */

long sys_exit(struct thread *t, const uint64_t arg[6])
{
    struct task *task = t->task;
    /* A signal for the whole process must not die with this thread: what was caught is handled
     * first, and from here on the kernel gives them to others, or the handler does. */
    task->ending = true;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    bool is_open = (signal_host_mask(task->blocked) | LIBRARY_SIGNALS) != ALL_ASYNC;
    if (is_open)
        signal_block_all(task);
    if (signal_is_deliverable(task)) {
        task->ending = false;
        signal_update_pending(task);
        signal_unblock(task);
        return -ERESTARTNOINTR;
    }
    if (is_open)
        task->blocked |= ALL_ASYNC; /* and stays so */
    task->exit_status = (int)(arg[0] & 0xff);
    return 0;
}

long sys_set_tid_address(struct thread *t, const uint64_t arg[6])
{
    t->task->clear_child_tid = arg[0];
    return t->task->tid;
}

RUN_OFTEN long sys_set_robust_list(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    return host_syscall(HOST_NR_set_robust_list, arg[0], arg[1], 0, 0, 0, 0);
}

long sys_get_robust_list(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    return host_syscall(HOST_NR_get_robust_list, arg[0], arg[1], arg[2], 0, 0, 0);
}

/* futex(2). The kernel restarts a wait without a time limit under SA_RESTART; one with a limit ends
 * with EINTR once a handler has run. */
long sys_futex(struct thread *t, const uint64_t arg[6])
{
    enum {
        WAIT = 0,
        LOCK_PI = 6,
        WAIT_BITSET = 9,
        WAIT_REQUEUE_PI = 11,
        LOCK_PI2 = 13,
        CMD_MASK = 0x7f
    };
    long r = safe_syscall(t, HOST_NR_futex, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    if (r != -EINTR)
        return r;
    int command = (int)arg[1] & CMD_MASK;
    bool timed =
        arg[3] && (command == WAIT || command == WAIT_BITSET || command == WAIT_REQUEUE_PI);
    return timed ? -ERESTARTNOHAND : -ERESTARTSYS;
}

/* A host thread outlives its guest thread by a moment: joiners are woken before it is quite gone.
 * Calls that need a process with one thread wait for that. */
static long call_as_last_thread(long nr, uint64_t a, uint64_t b)
{
    enum { TRIES = 200 };
    const struct timespec moment = {0, 100000};
    for (int i = 0;; i++) {
        long r = host_syscall(nr, a, b, 0, 0, 0, 0);
        if (r != -EINVAL || i == TRIES || __atomic_load_n(&n_guest_threads, __ATOMIC_ACQUIRE) != 1)
            return r;
        host_syscall(HOST_NR_nanosleep, (uintptr_t)&moment, 0, 0, 0, 0, 0);
    }
}

long sys_unshare(struct thread *t, const uint64_t arg[6])
{
    enum { NEEDS_ONE_THREAD = CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM };
    (void)t;
    if (!(arg[0] & NEEDS_ONE_THREAD))
        return host_syscall(HOST_NR_unshare, arg[0], 0, 0, 0, 0, 0);
    return call_as_last_thread(HOST_NR_unshare, arg[0], 0);
}

long sys_setns(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    return call_as_last_thread(HOST_NR_setns, arg[0], arg[1]);
}
