/* seccomp.c - seccomp(2) for the guest, by running its filters here.
 *
 * Filters see the guest's call numbers, architecture and addresses, so the host's kernel cannot run
 * them; it would also apply them to the translator's own calls. Guest code reaches the kernel only
 * through syscall_dispatch(), which asks here first. Threads and children inherit, execve hands the
 * filters on in a memory file, and a thread with filters cannot start a program of the host.
 * seccomp_notify.c has the listeners. */
#include "syscalls/seccomp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/bpf.h"
#include "syscalls/process.h"
#include "syscalls/row.h"
#include "syscalls/seccomp_notify.h"
#include "syscalls/syscall.h"

/* A filter and the older ones below it. Nodes are shared by the tasks that inherited them. */
struct seccomp_filter {
    unsigned refs; /* tasks and newer filters; guarded by seccomp_lock */
    unsigned n;
    bool has_listener;
    struct seccomp_filter *older;
    struct bpf_insn code[];
};

#define KRET_KILL_PROCESS 0x80000000u /* not in every kernel's headers */
#define KRET_USER_NOTIF   0x7fc00000u

enum { MAX_INSNS_OF_ALL = 32768, COST_OF_FILTER = 4, MAX_ERRNO_DATA = 4095 };

static WRITTEN_OFTEN pthread_mutex_t seccomp_lock = PTHREAD_MUTEX_INITIALIZER; /* all tasks' filters */

static void filter_put(struct seccomp_filter *f)
{
    while (f && --f->refs == 0) {
        struct seccomp_filter *older = f->older;
        free(f);
        f = older;
    }
}

void seccomp_inherit(struct task *child, const struct task *parent)
{
    pthread_mutex_lock(&seccomp_lock);
    struct seccomp_filter *f = parent->seccomp_filters;
    if (f)
        f->refs++;
    filter_put(child->seccomp_filters);
    child->seccomp_filters = f;
    child->seccomp_mode = parent->seccomp_mode;
    pthread_mutex_unlock(&seccomp_lock);
}

void seccomp_detach(struct task *task)
{
    pthread_mutex_lock(&seccomp_lock);
    task->thread->task = NULL;
    filter_put(task->seccomp_filters);
    task->seccomp_filters = NULL;
    pthread_mutex_unlock(&seccomp_lock);
}

RUN_OFTEN void seccomp_lock_before_fork(void) { pthread_mutex_lock(&seccomp_lock); }
RUN_OFTEN void seccomp_unlock_after_fork(void) { pthread_mutex_unlock(&seccomp_lock); }

unsigned seccomp_count(const struct task *task)
{
    unsigned n = 0;
    for (const struct seccomp_filter *f = task->seccomp_filters; f; f = f->older)
        n += !f->has_listener; /* the host counts that one */
    return n;
}

/* -- Judging a call -- */

uint32_t seccomp_audit_arch(const struct guest *g)
{
    enum { IS_64BIT = 0x80000000, IS_LITTLE_ENDIAN = 0x40000000 };
    return g->elf_machine | (g->bits == 64 ? (uint32_t)IS_64BIT : 0) |
           (g->big_endian ? 0 : (uint32_t)IS_LITTLE_ENDIAN);
}

/* The strictest verdict counts, of equal ones the newest filter's. *listens: that filter has a listener. */
static uint32_t run_filters(const struct seccomp_filter *f, const struct seccomp_data *data, bool *listens)
{
    uint32_t verdict = SECCOMP_RET_ALLOW;
    *listens = false;
    for (; f; f = f->older) {
        uint32_t r = bpf_run(f->code, data);
        if ((int32_t)(r & SECCOMP_RET_ACTION_FULL) >= (int32_t)(verdict & SECCOMP_RET_ACTION_FULL))
            continue;
        verdict = r;
        *listens = f->has_listener;
    }
    return verdict;
}

/* The last thread takes its process along. */
static void kill_thread(struct thread *t, int sig)
{
    if (__atomic_load_n(&n_guest_threads, __ATOMIC_ACQUIRE) == 1 || t->task->in_vfork)
        signal_die(t, sig);
    t->task->exit_status = sig;
    t->task->ending = true;
}

static void set_result(struct thread *t, uint64_t value)
{
    t->cpu.gpr[t->guest->abi->ret_reg] = value;
}

/* The supervisor decides. Results as of seccomp_stops_call. */
static long ask(struct thread *t, const struct seccomp_data *data)
{
    long r = seccomp_notify(t, data);
    if (r == NOTIFY_CONTINUES)
        return 0;
    if (r == -ERESTARTSYS || r == -ERESTARTNOINTR)
        return r;
    set_result(t, (uint64_t)r);
    return -ESYSDONE;
}

static long act(struct thread *t, uint32_t verdict, bool listens, const struct seccomp_data *data)
{
    uint32_t detail = verdict & SECCOMP_RET_DATA;
    switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
    case SECCOMP_RET_LOG:
        return 0;
    case SECCOMP_RET_ERRNO:
        set_result(t, -(uint64_t)(detail < MAX_ERRNO_DATA ? detail : MAX_ERRNO_DATA));
        return -ESYSDONE;
    case KRET_USER_NOTIF:
        if (listens)
            return ask(t, data);
        /* fallthrough */
    case SECCOMP_RET_TRACE: /* nobody traces */
        set_result(t, (uint64_t)-ENOSYS);
        return -ESYSDONE;
    case SECCOMP_RET_TRAP:
        signal_force_seccomp(t, data->nr, data->arch, (int)detail);
        return -ESYSDONE;
    case SECCOMP_RET_KILL_THREAD:
        kill_thread(t, SIGSYS);
        return -ESYSDONE;
    default: /* SECCOMP_RET_KILL_PROCESS, and what the kernel does not know either */
        signal_die(t, SIGSYS);
    }
}

static bool is_strict_call(const char *name)
{
    static const char *const allowed[] = {"read", "write", "exit", "rt_sigreturn"};
    for (unsigned i = 0; i < ARRAY_SIZE(allowed); i++)
        if (!strcmp(name, allowed[i]))
            return true;
    return false;
}

long seccomp_stops_call(struct thread *t, const uint64_t arg[6])
{
    const struct abi *abi = t->guest->abi;
    struct task *task = t->task;
    if (task->seccomp_mode == SECCOMP_MODE_STRICT) {
        if (is_strict_call(syscall_name(t->guest, (uint32_t)t->cpu.gpr[abi->nr_reg])))
            return 0;
        kill_thread(t, SIGKILL);
        return -ESYSDONE;
    }
    struct seccomp_data data = {.nr = (int)t->cpu.gpr[abi->nr_reg],
                                .arch = seccomp_audit_arch(t->guest),
                                .instruction_pointer = t->cpu.pc};
    memcpy(data.args, arg, sizeof(data.args));
    /* Another thread may put newer filters on this one (TSYNC); those that are here stay alive. */
    bool listens;
    uint32_t verdict = run_filters(__atomic_load_n(&task->seccomp_filters, __ATOMIC_ACQUIRE), &data, &listens);
    if (LOG_ON(strace) && verdict < SECCOMP_RET_LOG)
        log_write("%d %s() stopped by seccomp: 0x%08x\n", (int)getpid(),
                  syscall_name(t->guest, (uint32_t)data.nr), verdict);
    return act(t, verdict, listens, &data);
}

/* -- Adding a filter -- */

/* Read and check a struct sock_fprog. Returns 0 with *OUT set, or -errno. */
static long read_filter(guest_addr at, struct seccomp_filter **out)
{
    struct {
        uint16_t n;
        uint64_t code;
    } program;
    if (memory_read(&program, at, sizeof(program)))
        return -EFAULT;
    if (!program.n || program.n > BPF_MAX_INSNS)
        return -EINVAL;
    enum { NO_NEW_PRIVS = 39, CAP_SYS_ADMIN = 21 };
    if (host_syscall(HOST_NR_prctl, NO_NEW_PRIVS, 0, 0, 0, 0, 0) != 1 &&
        !task_has_capability(CAP_SYS_ADMIN))
        return -EACCES;
    struct seccomp_filter *f = calloc(1, sizeof(*f) + program.n * sizeof(*f->code));
    if (!f)
        return -ENOMEM;
    f->refs = 1;
    f->n = program.n;
    long r = memory_read(f->code, program.code, f->n * sizeof(*f->code));
    if (!r && !bpf_check(f->code, f->n))
        r = -EINVAL;
    if (r)
        free(f);
    else
        *out = f;
    return r;
}

static bool is_below(const struct seccomp_filter *f, const struct seccomp_filter *newest)
{
    while (newest && newest != f)
        newest = newest->older;
    return newest == f;
}

struct sync {
    const struct seccomp_filter *base; /* what every thread's filters must be part of */
    struct seccomp_filter *newest;     /* null: only look */
    int failed;                        /* tid of a thread that has others, or 0 */
};

static void sync_thread(struct thread *t, void *p)
{
    struct sync *s = p;
    struct task *task = t->task;
    if (!task || task->in_vfork)
        return;
    if (task->seccomp_mode == SECCOMP_MODE_STRICT || !is_below(task->seccomp_filters, s->base))
        s->failed = task->tid;
    if (!s->newest)
        return;
    struct seccomp_filter *before = task->seccomp_filters;
    s->newest->refs++;
    __atomic_store_n(&task->seccomp_filters, s->newest, __ATOMIC_RELEASE);
    task->seccomp_mode = SECCOMP_MODE_FILTER;
    filter_put(before); /* alive still: it is below the new one */
}

static unsigned insns_of_all(const struct seccomp_filter *f)
{
    unsigned n = 0;
    for (; f; f = f->older)
        n += f->n + COST_OF_FILTER;
    return n;
}

static bool has_listener(const struct seccomp_filter *f)
{
    while (f && !f->has_listener)
        f = f->older;
    return f;
}

/* seccomp_lock is held. Returns a listener, 0, or without having attached F the tid of a thread that has other filters or
 * -errno. */
static long attach(struct task *task, struct seccomp_filter *f, uint32_t flags)
{
    struct sync s = {.base = task->seccomp_filters};
    if (task->seccomp_mode == SECCOMP_MODE_STRICT)
        return -EINVAL;
    if (f->n + insns_of_all(task->seccomp_filters) > MAX_INSNS_OF_ALL)
        return -ENOMEM;
    if (flags & KFLAG_TSYNC)
        thread_for_each(sync_thread, &s);
    if (s.failed)
        return flags & KFLAG_TSYNC_ESRCH ? -ESRCH : s.failed;
    long listener = 0;
    if (flags & KFLAG_NEW_LISTENER) {
        listener = seccomp_new_listener(flags, has_listener(task->seccomp_filters));
        if (listener < 0)
            return listener;
        f->has_listener = true;
    }
    f->older = task->seccomp_filters; /* takes over the task's reference */
    __atomic_store_n(&task->seccomp_filters, f, __ATOMIC_RELEASE);
    task->seccomp_mode = SECCOMP_MODE_FILTER;
    s.newest = f;
    s.base = f;
    if (flags & KFLAG_TSYNC)
        thread_for_each(sync_thread, &s);
    return listener;
}

static long add_filter(struct thread *t, uint32_t flags, guest_addr program)
{
    const uint32_t known = KFLAG_TSYNC | KFLAG_LOG | KFLAG_SPEC_ALLOW | KFLAG_NEW_LISTENER | KFLAG_TSYNC_ESRCH |
                           KFLAG_WAIT_KILLABLE_RECV;
    if (flags & ~known) {
        if (LOG_ON(unimp))
            log_write("seccomp flags 0x%x are not supported\n", flags);
        return -EINVAL;
    }
    /* A descriptor or the tid of a thread that cannot follow: not both can be the result. */
    if ((flags & KFLAG_TSYNC && flags & KFLAG_NEW_LISTENER && !(flags & KFLAG_TSYNC_ESRCH)) ||
        (flags & KFLAG_WAIT_KILLABLE_RECV && !(flags & KFLAG_NEW_LISTENER)))
        return -EINVAL;
    struct seccomp_filter *f;
    long r = read_filter(program, &f);
    if (r)
        return r;
    pthread_mutex_lock(&seccomp_lock);
    r = attach(t->task, f, flags);
    bool attached = r == 0 || f->has_listener;
    pthread_mutex_unlock(&seccomp_lock);
    if (!attached)
        free(f);
    return r;
}

/* -- System calls -- */

static long set_strict(struct task *task)
{
    if (task->seccomp_mode == SECCOMP_MODE_FILTER)
        return -EINVAL;
    task->seccomp_mode = SECCOMP_MODE_STRICT;
    return 0;
}

static long action_available(guest_addr at)
{
    static const uint32_t actions[] = {KRET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
                                       SECCOMP_RET_TRAP,  SECCOMP_RET_ERRNO,
                                       SECCOMP_RET_TRACE, SECCOMP_RET_LOG,
                                       SECCOMP_RET_ALLOW, KRET_USER_NOTIF};
    uint32_t action;
    if (memory_read(&action, at, sizeof(action)))
        return -EFAULT;
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++)
        if (actions[i] == action)
            return 0;
    return -EOPNOTSUPP;
}

long sys_seccomp(struct thread *t, const uint64_t arg[6])
{
    enum { STRICT, FILTER, ACTION_AVAIL, NOTIF_SIZES };
    uint32_t flags = (uint32_t)arg[1];
    switch ((uint32_t)arg[0]) {
    case STRICT:
        return flags || arg[2] ? -EINVAL : set_strict(t->task);
    case FILTER:
        return add_filter(t, flags, arg[2]);
    case ACTION_AVAIL:
        return flags ? -EINVAL : action_available(arg[2]);
    case NOTIF_SIZES:
        return host_syscall(HOST_NR_seccomp, arg[0], flags, arg[2], 0, 0, 0);
    default:
        return -EINVAL;
    }
}

long seccomp_set_by_prctl(struct thread *t, uint64_t mode, guest_addr program)
{
    if (mode == SECCOMP_MODE_STRICT)
        return set_strict(t->task);
    return mode == SECCOMP_MODE_FILTER ? add_filter(t, 0, program) : -EINVAL;
}

/* -- Through execve -- */

/* The file: for each filter, the newest first, its number of instructions (plus LISTENER_BIT) and these. */
enum { LISTENER_BIT = 1 << 30 };

int seccomp_save(const struct task *task)
{
    int fd = (int)syscall(HOST_NR_memfd_create, "seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    for (const struct seccomp_filter *f = task->seccomp_filters; f; f = f->older) {
        size_t size = f->n * sizeof(*f->code);
        unsigned n = f->n | (f->has_listener ? LISTENER_BIT : 0);
        if (write(fd, &n, sizeof(n)) != (ssize_t)sizeof(n) ||
            write(fd, f->code, size) != (ssize_t)size) {
            close(fd);
            errno = ENOMEM;
            return -1;
        }
    }
    return fd;
}

void seccomp_load(struct task *task, int fd)
{
    struct seccomp_filter **at = &task->seccomp_filters;
    unsigned n;
    off_t offset = 0;
    while (pread(fd, &n, sizeof(n), offset) == (ssize_t)sizeof(n)) {
        offset += (off_t)sizeof(n);
        bool listens = n & LISTENER_BIT;
        n &= ~(unsigned)LISTENER_BIT;
        struct seccomp_filter *f =
            n <= BPF_MAX_INSNS ? calloc(1, sizeof(*f) + n * sizeof(*f->code)) : NULL;
        size_t size = n * sizeof(*f->code);
        if (!f || pread(fd, f->code, size, offset) != (ssize_t)size || !bpf_check(f->code, n))
            die("descriptor %d does not hold seccomp filters", fd);
        offset += (off_t)size;
        f->refs = 1;
        f->n = n;
        f->has_listener = listens;
        *at = f;
        at = &f->older;
    }
    close(fd);
    if (!task->seccomp_filters)
        die("the seccomp filters are missing");
    task->seccomp_mode = SECCOMP_MODE_FILTER;
}
