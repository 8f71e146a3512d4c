/* signal.c - catch host signals, and deliver them to the guest.
 *
 * Ignored and default actions are the host's own: the kernel itself ignores, stops, continues and
 * kills. For a signal with a guest handler the host's handler stores the one signal, asks generated
 * code to leave and returns with the mask that the guest's handler will have; the guest's frame is
 * built at the next poll. A second signal that comes in until then is delivered on top of the
 * first, as by the kernel, and blocks all others; so does the first if its handler or the mask is
 * not certain. So order, queueing and coalescing are the kernel's.
 *
 * The synchronous signals have a host handler always, because the guest's faults arrive as host
 * faults. Those that somebody sent with kill() have a place each; like pending standard signals in
 * the kernel they do not queue. */
#include "syscalls/signal_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/crash.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "syscalls/dump.h"
#include "syscalls/limits.h"
#include "syscalls/row.h"

const uint8_t signal_sync[N_SYNC_SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

/* The kernel's struct sigaction of the host. */
struct host_action {
    uint64_t handler, flags, restorer, mask;
};

/* The first members of siginfo. */
struct info_head {
    int32_t signo, error, code, pad;
    uint64_t address;
};

#if defined(__x86_64__)
void signal_host_restorer(void); /* safe_syscall.S */

static uintptr_t *context_pc(ucontext_t *uc)
{
    return (uintptr_t *)&uc->uc_mcontext.gregs[REG_RIP];
}
#endif

static bool is_sync(int sig)
{
    return sig <= N_SIGNALS && SYNC_MASK & BIT(sig);
}

RUN_OFTEN static void set_host_mask(uint64_t mask)
{
    host_syscall(HOST_NR_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&mask, 0, SIGSET_BYTES, 0, 0);
}

/* -- The host's handler -- */

static void ask_to_leave(struct thread *t, ucontext_t *uc)
{
    __atomic_fetch_or(&t->cpu.pending, PENDING_SIGNAL, __ATOMIC_SEQ_CST);
    if (thread_is_inside(t)) /* else it looks at pending before it enters generated code again */
        host_backend.clear_jump_cache(&t->cpu);
    safe_syscall_rewind(context_pc(uc));
}

/* Let the default action of SIG end the process. */
static void __attribute__((noreturn)) end_by_signal(int sig)
{
    struct host_action fatal = {.flags = KSA_RESTORER, .restorer = (uintptr_t)signal_host_restorer};
    uint64_t mask = ~BIT(sig);
    host_syscall(HOST_NR_rt_sigaction, sig, (uintptr_t)&fatal, 0, SIGSET_BYTES, 0, 0);
    host_syscall(HOST_NR_tgkill, host_syscall(HOST_NR_getpid, 0, 0, 0, 0, 0, 0), host_gettid(), sig,
                 0, 0, 0);
    set_host_mask(mask);
    process_exit(
        128 +
        sig); /* reached by the init process of a PID namespace, which no default action kills */
}

/* A fault of the translator's own code: say where and die of it. */
static void __attribute__((noreturn)) crash(int sig, const siginfo_t *info, ucontext_t *uc)
{
    static int first; /* signal; the report may fail, too */
    char what[128];
    int none = 0;
    __atomic_compare_exchange_n(&first, &none, sig, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    snprintf(what, sizeof(what), "host signal %d (%s), code %d, address %p", sig, strsignal(sig),
             info->si_code, info->si_addr);
    set_host_mask(ALL_ASYNC);
    limits_before_exec(); /* this core file is one of the translator */
    crash_report(what, (const void *)*context_pc(uc));
    end_by_signal(first);
}

/* The kernel's part of the mask is 8 bytes; what follows in the library's structure is something
 * else's. */
static void block_in_context(ucontext_t *uc)
{
    uint64_t mask;
    memcpy(&mask, &uc->uc_sigmask, SIGSET_BYTES);
    mask |= ALL_ASYNC;
    memcpy(&uc->uc_sigmask, &mask, SIGSET_BYTES);
}

/* Return from the host's handler with the mask that the guest's handler of SIG will have. False: it is not known, since the
 * action is just being changed, or will be by the delivery, or since a call has replaced the mask. */
static bool open_for_handler(struct task *task, int sig, struct guest_action *a, ucontext_t *uc)
{
    struct sighand *s = task->sighand;
    if (task->restore_mask || pthread_mutex_trylock(&s->lock))
        return false;
    *a = s->action[sig];
    pthread_mutex_unlock(&s->lock);
    if (a->handler <= GUEST_SIG_IGN || a->flags & KSA_RESETHAND)
        return false;
    uint64_t mask;
    memcpy(&mask, &uc->uc_sigmask, SIGSET_BYTES);
    mask |= signal_host_mask(a->mask | (a->flags & KSA_NODEFER ? 0 : BIT(sig)));
    memcpy(&uc->uc_sigmask, &mask, SIGSET_BYTES);
    task->host_mask = mask;
    return true;
}

static void catch_async(struct task *task, int sig, const siginfo_t *info, ucontext_t *uc)
{
    bool is_second = signal_is_full(&task->caught[0]);
    struct caught_signal *c = &task->caught[is_second];
    memcpy(c->info, info, SIGINFO_SIZE);
    c->is_open = !is_second && open_for_handler(task, sig, &c->action, uc);
    if (!c->is_open) {
        block_in_context(uc);
        task->host_mask = ALL_ASYNC;
    }
    signal_set_full(c, 1);
}

/* The C library opens its own signals while a thread begins, when there is no guest thread to take
 * them, and the guest's may be open while one ends: back into the kernel's queue, and no more of
 * them until the thread is ready. */
static void give_back(int sig, siginfo_t *info, ucontext_t *uc)
{
    uint64_t pid = (uint64_t)host_syscall(HOST_NR_getpid, 0, 0, 0, 0, 0, 0);
    block_in_context(uc);
    if (info->si_code == SI_TKILL)
        host_syscall(HOST_NR_rt_tgsigqueueinfo, pid, (uint64_t)host_gettid(), (uint64_t)sig,
                     (uintptr_t)info, 0, 0);
    else
        host_syscall(HOST_NR_rt_sigqueueinfo, pid, (uint64_t)sig, (uintptr_t)info, 0, 0, 0);
}

static void host_handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    struct thread *t = current_thread;

    if (is_sync(sig) && info->si_code > 0) {
        int error = errno; /* nothing below changes it */
        if (!t || !fault_handle(t, sig, info, uc))
            crash(sig, info, uc);
        errno = error;
        return;
    }
    struct task *task = t ? t->task : NULL;
    bool is_taken = task && signal_is_caught(task) && task->host_mask == ALL_ASYNC;
    if (!task || (!is_sync(sig) && (is_taken || task->ending))) {
        give_back(sig, info, uc);
        return;
    }
    if (is_sync(sig)) {
        for (int i = 0; i < N_SYNC_SIGNALS; i++) {
            if (signal_sync[i] != sig || signal_is_full(&task->sync[i]))
                continue;
            memcpy(task->sync[i].info, info, SIGINFO_SIZE);
            signal_set_full(&task->sync[i], 1);
        }
    } else {
        catch_async(task, sig, info, uc);
    }
    ask_to_leave(t, uc);
}

/* -- Actions -- */

/* The host's former action goes to OLD unless that is null. */
static void mirror_action(int sig, const struct guest_action *a, struct host_action *old)
{
    struct host_action host = {
        .handler = (uintptr_t)host_handler,
        .flags =
            KSA_SIGINFO | KSA_ONSTACK | KSA_RESTORER | (a->flags & (KSA_NOCLDSTOP | KSA_NOCLDWAIT)),
        .restorer = (uintptr_t)signal_host_restorer,
        .mask = ALL_ASYNC,
    };
    bool leaves_core = a->handler == GUEST_SIG_DFL && BIT(sig) & DEFAULT_CORE && limits_core();
    if (!is_sync(sig) && a->handler <= GUEST_SIG_IGN && !leaves_core) {
        host.handler = a->handler;
        host.flags &= ~(uint64_t)(KSA_SIGINFO | KSA_ONSTACK);
        host.mask = 0;
    }
    host_syscall(HOST_NR_rt_sigaction, sig, (uintptr_t)&host, (uintptr_t)old, SIGSET_BYTES, 0, 0);
}

void signal_mirror_action(int sig, const struct guest_action *a)
{
    mirror_action(sig, a, NULL);
}

static uint64_t inherited_handler(const struct host_action *host)
{
    return host->handler == GUEST_SIG_IGN ? GUEST_SIG_IGN : GUEST_SIG_DFL;
}

struct guest_action *signal_known_action(struct sighand *s, int sig)
{
    struct host_action host;
    struct guest_action *a = &s->action[sig];
    if (s->known & BIT(sig))
        return a;
    s->known |= BIT(sig);
    if (!host_syscall(HOST_NR_rt_sigaction, sig, 0, (uintptr_t)&host, SIGSET_BYTES, 0, 0))
        a->handler = inherited_handler(&host);
    return a;
}

static WRITTEN_OFTEN struct sighand first_sighand = {.refs = 1, .lock = PTHREAD_MUTEX_INITIALIZER};

struct sighand *sighand_first(void)
{
    return &first_sighand;
}

struct sighand *sighand_new(const struct sighand *from)
{
    struct sighand *s = calloc(1, sizeof(*s));
    if (!s)
        die("out of memory");
    s->refs = 1;
    pthread_mutex_init(&s->lock, NULL);
    memcpy(s->action, from->action, sizeof(s->action));
    s->known = from->known;
    return s;
}

void sighand_put(struct sighand *s)
{
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0 && s != &first_sighand)
        free(s);
}

static void *never_runs(void *p)
{
    return p;
}

/* The C library opens two signals of its own when the first thread is made, which later are the
 * guest's. Let it do so now, while no signal has a handler, by asking for a thread that there
 * cannot be. */
static void prepare_library(void)
{
    pthread_attr_t attr;
    pthread_t id;
    pthread_attr_init(&attr);
    if (!pthread_attr_setstacksize(&attr, (size_t)1 << 61))
        pthread_create(&id, &attr, never_runs, NULL);
    pthread_attr_destroy(&attr);
}

void signal_init(struct task *task)
{
    for (int i = 0; i < N_SYNC_SIGNALS; i++) { /* whose host handler does not depend on the guest's action */
        int sig = signal_sync[i];
        struct guest_action *a = &task->sighand->action[sig];
        struct host_action old = {0};
        mirror_action(sig, a, &old);
        a->handler = inherited_handler(&old);
        task->sighand->known |= BIT(sig);
    }
    host_syscall(HOST_NR_rt_sigprocmask, SIG_BLOCK, 0, (uintptr_t)&task->blocked, SIGSET_BYTES, 0,
                 0);
    prepare_library();
    if (limits_core())
        signal_mirror_core(task);
    set_host_mask(signal_host_mask(task->blocked));
}

void signal_mirror_all(struct task *task)
{
    pthread_mutex_lock(&task->sighand->lock);
    for (int sig = 1; sig <= N_SIGNALS; sig++)
        if (task->sighand->known & BIT(sig))
            signal_mirror_action(sig, &task->sighand->action[sig]);
    pthread_mutex_unlock(&task->sighand->lock);
}

void signal_mirror_core(struct task *task)
{
    pthread_mutex_lock(&task->sighand->lock);
    for (int sig = 1; sig <= N_SIGNALS; sig++)
        if (BIT(sig) & DEFAULT_CORE & ~SYNC_MASK)
            signal_mirror_action(sig, signal_known_action(task->sighand, sig));
    pthread_mutex_unlock(&task->sighand->lock);
}

RUN_OFTEN uint64_t signal_host_mask(uint64_t guest_mask)
{
    return guest_mask & ALL_ASYNC;
}

RUN_OFTEN void signal_block_all(struct task *task)
{
    set_host_mask(ALL_ASYNC);
    task->host_mask = ALL_ASYNC;
}

RUN_OFTEN void signal_unblock(struct task *task)
{
    if (signal_is_caught(task))
        return;
    task->host_mask = signal_host_mask(task->blocked);
    set_host_mask(task->host_mask);
}

RUN_OFTEN void signal_after_fork(struct task *task)
{
    for (unsigned i = 0; i < ARRAY_SIZE(task->caught); i++)
        signal_set_full(&task->caught[i], 0);
    for (int i = 0; i < N_SYNC_SIGNALS; i++)
        signal_set_full(&task->sync[i], 0);
    __atomic_fetch_and(&task->thread->cpu.pending, ~(uint32_t)PENDING_SIGNAL, __ATOMIC_SEQ_CST);
}

bool signal_is_deliverable(const struct task *task)
{
    if (signal_is_caught(task))
        return true;
    for (int i = 0; i < N_SYNC_SIGNALS; i++)
        if (signal_is_full(&task->sync[i]) && !(task->blocked & BIT(signal_sync[i])))
            return true;
    return false;
}

void signal_update_pending(struct task *task)
{
    if (signal_is_deliverable(task))
        __atomic_fetch_or(&task->thread->cpu.pending, PENDING_SIGNAL, __ATOMIC_SEQ_CST);
}

bool signal_before_exec(struct task *task)
{
    if (signal_is_deliverable(task)) {
        signal_update_pending(task);
        return false;
    }
    for (int i = 0; i < N_SYNC_SIGNALS; i++) {
        int sig = signal_sync[i];
        struct host_action host = {.flags = KSA_RESTORER,
                                   .restorer = (uintptr_t)signal_host_restorer};
        if (task->sighand->action[sig].handler == GUEST_SIG_IGN)
            host.handler = GUEST_SIG_IGN;
        host_syscall(HOST_NR_rt_sigaction, sig, (uintptr_t)&host, 0, SIGSET_BYTES, 0, 0);
    }
    uint64_t mask = task->blocked;
    if (safe_syscall(task->thread, HOST_NR_rt_sigprocmask, SIG_SETMASK, (uintptr_t)&mask, 0,
                     SIGSET_BYTES, 0, 0) == 0)
        return true;
    signal_after_failed_exec(task);
    return false;
}

void signal_after_failed_exec(struct task *task)
{
    signal_block_all(task);
    for (int i = 0; i < N_SYNC_SIGNALS; i++)
        signal_mirror_action(signal_sync[i], &task->sighand->action[signal_sync[i]]);
    signal_unblock(task);
}

/* -- Delivery -- */

bool signal_on_alt_stack(const struct task *task, guest_addr sp)
{
    return !(task->alt_flags & (int)KSS_AUTODISARM) && sp > task->alt_sp &&
           sp - task->alt_sp <= task->alt_size;
}

void signal_report_death(int sig)
{
    char line[128];
    int n = snprintf(line, sizeof(line), "qemu: uncaught target signal %d (%s) - core dumped\n",
                     sig, strsignal(sig));
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        errno = 0; /* nobody to tell */
}

static void __attribute__((noreturn)) die_of(struct thread *t, const uint8_t info[SIGINFO_SIZE])
{
    struct info_head head;
    memcpy(&head, info, sizeof(head));
    if (DEFAULT_CORE & BIT(head.signo)) {
        dump_core(t, info);
        signal_report_death(head.signo);
    }
    if (LOG_ON(int))
        log_write("killed by signal %d at pc 0x%llx\n", head.signo, (unsigned long long)t->cpu.pc);
    end_by_signal(head.signo);
}

void signal_die(struct thread *t, int sig)
{
    uint8_t info[SIGINFO_SIZE] = {0};
    struct info_head head = {.signo = sig, .code = SI_CODE_KERNEL};
    memcpy(info, &head, sizeof(head));
    die_of(t, info);
}

/* The default action of a signal that was already taken from the kernel. */
static void take_default(struct thread *t, const uint8_t info[SIGINFO_SIZE])
{
    struct info_head head;
    memcpy(&head, info, sizeof(head));
    int sig = head.signo;
    if (DEFAULT_IGNORE & BIT(sig))
        return;
    if (!(DEFAULT_STOP & BIT(sig)))
        die_of(t, info);
    uint64_t mask = ~BIT(sig);
    host_syscall(HOST_NR_tgkill, host_syscall(HOST_NR_getpid, 0, 0, 0, 0, 0, 0), host_gettid(), sig,
                 0, 0, 0);
    set_host_mask(mask);
    set_host_mask(ALL_ASYNC);
}

/* Build the frame and enter the handler. */
static void enter_handler(struct thread *t, const uint8_t *info, const struct guest_action *a,
                          bool is_fault)
{
    struct task *task = t->task;
    const struct abi *abi = t->guest->abi;
    struct info_head head;
    memcpy(&head, info, sizeof(head));
    guest_addr sp = t->cpu.gpr[abi->sp_reg];
    struct signal_delivery d = {
        .signal = head.signo,
        .handler = a->handler,
        .flags = a->flags,
        .restorer = a->flags & KSA_RESTORER ? a->restorer : process.sigreturn_code,
        .mask = task->restore_mask ? task->saved_mask : task->blocked,
        .alt_sp = task->alt_sp,
        .alt_size = task->alt_size,
        .alt_flags = task->alt_flags,
        .sp = sp,
        .fault_address = is_fault ? head.address : 0,
        .fault_esr = is_fault,
    };
    memcpy(d.info, info, SIGINFO_SIZE);
    if (a->flags & KSA_ONSTACK && task->alt_size && !signal_on_alt_stack(task, sp))
        d.sp = task->alt_sp + task->alt_size;
    if (LOG_ON(int))
        log_write("signal %d code %d at pc 0x%llx -> handler 0x%llx\n", head.signo, head.code,
                  (unsigned long long)t->cpu.pc, (unsigned long long)a->handler);
    if (LOG_ON(strace))
        strace_signal(head.signo, head.code, head.address);
    if (abi->signal_setup(t, &d)) {
        /* As the kernel: no room for the frame is a SIGSEGV, fatal if it is that one which has no
         * room. */
        if (head.signo == SIGSEGV)
            signal_die(t, SIGSEGV);
        signal_force(t, SIGSEGV, SI_CODE_KERNEL, 0);
        return;
    }
    task->restore_mask = false;
    task->blocked |= a->mask;
    if (!(a->flags & KSA_NODEFER))
        task->blocked |= BIT(head.signo);
    task->blocked &= ~UNBLOCKABLE;
    if (task->alt_flags & (int)KSS_AUTODISARM) {
        task->alt_sp = task->alt_size = 0;
        task->alt_flags = KSS_DISABLE;
    }
}

/* The action of SIG now; a one-shot one becomes the default. */
static struct guest_action fetch_action(struct task *task, int sig)
{
    struct sighand *s = task->sighand;
    pthread_mutex_lock(&s->lock);
    struct guest_action a = s->action[sig];
    if (a.handler > GUEST_SIG_IGN && a.flags & KSA_RESETHAND) {
        s->action[sig].handler = GUEST_SIG_DFL;
        signal_mirror_action(sig, &s->action[sig]);
    }
    pthread_mutex_unlock(&s->lock);
    return a;
}

/* Go back to before the system call instruction, or end the call with EINTR. */
static void settle_restart(struct thread *t, long result, const struct guest_action *handler)
{
    const struct abi *abi = t->guest->abi;
    bool again;
    switch (-result) {
    case ERESTARTSYS:
        again = !handler || handler->flags & KSA_RESTART;
        break;
    case ERESTARTNOINTR:
        again = true;
        break;
    case ERESTARTNOHAND:
        again = !handler;
        break;
    default:
        return;
    }
    if (!again) {
        t->cpu.gpr[abi->ret_reg] = (uint64_t)-EINTR;
        return;
    }
    t->cpu.gpr[abi->arg_reg[0]] = t->task->first_arg;
    t->cpu.pc -= abi->syscall_size;
}

/* The next signal to deliver, or null. Sent synchronous ones first, as their numbers are low. */
static struct caught_signal *next_caught(struct task *task)
{
    for (int i = 0; i < N_SYNC_SIGNALS; i++)
        if (signal_is_full(&task->sync[i]) && !(task->blocked & BIT(signal_sync[i])))
            return &task->sync[i];
    for (unsigned i = 0; i < ARRAY_SIZE(task->caught); i++)
        if (signal_is_full(&task->caught[i]))
            return &task->caught[i];
    return NULL;
}

/* Take it out of its place; a new one may come in from then on. */
static bool take_caught(struct task *task, uint8_t info[SIGINFO_SIZE], struct guest_action *a)
{
    struct caught_signal *c = next_caught(task);
    if (!c)
        return false;
    struct info_head head;
    bool is_known = c->is_open;
    *a = c->action;
    memcpy(info, c->info, SIGINFO_SIZE);
    memcpy(&head, info, sizeof(head));
    signal_set_full(c, 0);
    if (!is_known)
        *a = fetch_action(task, head.signo);
    return true;
}

/* All is delivered: the host's mask becomes the guest's, if the host's handler has not left it as that. */
static void open_mask(struct task *task)
{
    if (signal_is_caught(task) || task->host_mask == signal_host_mask(task->blocked))
        return; /* one that came in meanwhile is delivered at the next poll */
    if (task->host_mask != ALL_ASYNC)
        signal_block_all(task);
    signal_unblock(task);
}

void signal_deliver(struct thread *t, long result)
{
    struct task *task = t->task;
    uint8_t info[SIGINFO_SIZE];
    struct guest_action a;

    __atomic_fetch_and(&t->cpu.pending, ~(uint32_t)PENDING_SIGNAL, __ATOMIC_SEQ_CST);
    bool opens = signal_is_deliverable(task) || task->restore_mask;
    if (opens && !signal_is_caught(task))
        signal_block_all(task);
    while (take_caught(task, info, &a)) {
        if (a.handler == GUEST_SIG_IGN)
            continue;
        if (a.handler == GUEST_SIG_DFL) {
            take_default(t, info);
            continue;
        }
        settle_restart(t, result, &a);
        result = 0;
        enter_handler(t, info, &a, false);
    }
    settle_restart(t, result, NULL);
    if (task->restore_mask) {
        task->blocked = task->saved_mask;
        task->restore_mask = false;
    }
    /* Opening the mask lets the next one in, which makes pending nonzero again. */
    if (opens)
        open_mask(task);
    signal_update_pending(task);
}

/* INFO's signal cannot be put off: a handler runs, or the process ends. */
static void force(struct thread *t, const uint8_t *info, bool is_fault)
{
    struct task *task = t->task;
    struct info_head head;
    memcpy(&head, info, sizeof(head));
    signal_block_all(task);
    struct guest_action a = fetch_action(task, head.signo);
    /* It cannot be blocked or ignored either. */
    if (a.handler <= GUEST_SIG_IGN || task->blocked & BIT(head.signo))
        die_of(t, info);
    enter_handler(t, info, &a, is_fault);
    signal_unblock(task);
    signal_update_pending(task);
}

void signal_force(struct thread *t, int sig, int code, guest_addr address)
{
    uint8_t info[SIGINFO_SIZE] = {0};
    struct info_head head = {.signo = sig, .code = code, .address = address};
    memcpy(info, &head, sizeof(head));
    force(t, info, (sig == SIGSEGV || sig == SIGBUS) && code != SI_CODE_KERNEL);
}

void signal_force_seccomp(struct thread *t, int nr, uint32_t arch, int data)
{
    enum { SYS_SECCOMP_CODE = 1 };
    struct {
        struct info_head head;
        int32_t nr;
        uint32_t arch;
    } sys = {.head = {SIGSYS, data, SYS_SECCOMP_CODE, 0, t->cpu.pc}, .nr = nr, .arch = arch};
    uint8_t info[SIGINFO_SIZE] = {0};
    memcpy(info, &sys, sizeof(sys));
    force(t, info, false);
}
