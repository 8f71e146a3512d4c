/* task.h - what the kernel side of a guest thread and of its process is made of.
 *
 * struct task hangs on struct thread (thread->task) and belongs to its own thread: others read only what a comment
 * allows. Signal state follows one rule. The host's mask of a guest thread equals task->blocked, except that the
 * synchronous signals (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP) are always open and that while a caught signal waits in
 * task->caught, it is already the mask of that signal's handler; or everything else is blocked, as always when a second one
 * waits. So the kernel keeps queueing, ordering and coalescing. */
#pragma once
#include <pthread.h>
#include <signal.h>
#include "core/guest.h"
#include "core/thread.h"
#include "syscalls/host_syscall.h"

enum { N_SIGNALS = 64, SIGINFO_SIZE = 128 };

/* Results of sys_ functions that the loop turns into a repeated call or -EINTR, named and numbered as in the kernel. */
enum {
    ERESTARTSYS = 512,    /* repeat if no handler runs or the handler has SA_RESTART */
    ERESTARTNOINTR = 513, /* repeat always: the call has not begun (safe_syscall) */
    ERESTARTNOHAND = 514, /* repeat only if no handler runs */
    ESYSDONE = 599        /* registers are already as they shall be (rt_sigreturn) */
};

struct guest_action {
    uint64_t handler, flags, restorer, mask;
};

/* Signal actions, shared by the threads of a process (CLONE_SIGHAND). */
struct sighand {
    unsigned refs;        /* atomic */
    pthread_mutex_t lock; /* guards action and known */
    uint64_t known;       /* signals whose action was fetched from the host; the others are default or ignored there */
    struct guest_action action[N_SIGNALS + 1];
};

/* A caught signal between the host's handler and its delivery. */
struct caught_signal {
    int full;     /* atomic: written by the host's handler on the same thread */
    bool is_open; /* the host's mask was made that of the guest's handler, */
    struct guest_action action; /* which is this one */
    uint8_t info[SIGINFO_SIZE];
};

enum { N_SYNC_SIGNALS = 5 };

struct task {
    struct thread *thread;
    int tid, pid;           /* for its own eyes; neither changes */
    struct sighand *sighand;
    uint64_t blocked;       /* the guest's mask; bit N-1 is signal N */
    uint64_t saved_mask;    /* what a frame saves and sigreturn restores, if restore_mask */
    bool restore_mask;      /* a call has replaced the mask for its duration */
    uint64_t alt_sp, alt_size;
    int alt_flags;          /* as given to sigaltstack; SS_DISABLE at first */
    uint64_t clear_child_tid;
    struct caught_signal caught[2]; /* asynchronous ones; the second came in under the mask of the first's handler */
    uint64_t host_mask;     /* the host's mask while one of them waits, and after signal_block_all */
    struct caught_signal sync[N_SYNC_SIGNALS]; /* SIGSEGV ... that somebody sent with kill() */
    uint64_t first_arg;     /* of the system call being made: what its result overwrites */
    bool in_vfork;          /* runs in its parent's memory until exec or exit */
    bool is_main;           /* runs on the host's initial thread, or on that of a fork */
    bool ending;            /* SYS_exit was called; exit_status is valid */
    int exit_status;
    void *exec_call, *exec_words; /* memory of an execve: outlives it in a vfork child */
    char *other_exe;        /* proc_translate's answer for another process; null: not asked yet */
    uint64_t syscalls;      /* number made, for -d stats */
    uint32_t last_call;     /* guest's number of the last one, for crash reports */
    uint8_t seccomp_mode;   /* SECCOMP_MODE_*; this and the filters: seccomp.c */
    struct seccomp_filter *seccomp_filters;
    struct limits *limits; /* of a vfork child that has changed them, or null; see limits.c */
};

/* What all threads share; set up by the applet and the loader before the first guest instruction. */
struct process {
    const struct guest *guest;
    /* From options. */
    const char *uname_release;      /* -r, or null */
    const char *ld_prefix;          /* -L, or null */
    /* How to start this binary again for the guest's execve. */
    int self_fd;                    /* descriptor of our own file, O_CLOEXEC, at a high number; -1: none */
    const char *self_name;          /* argv[0] that selects this guest, e.g. "qemu-aarch64-static" */
    const char *const *self_args;   /* options of our own command line, repeated for children; null-ended, or null */
    /* The guest program, as the kernel would describe it. */
    const char *exe;                /* absolute path, for /proc/self/exe */
    int exe_fd;                     /* kept open where the path may not be reachable, or -1 */
    int seccomp_fd;                 /* file of inherited filters until task_start, or -1 */
    guest_addr start_code, end_code, start_data, end_data;
    guest_addr brk_start, brk_end;  /* guarded by memory_lock */
    guest_addr stack_start;         /* stack pointer at the start */
    guest_addr arg_start, arg_end, env_start, env_end;
    guest_addr auxv_start, auxv_end;
    guest_addr sigreturn_code;      /* default restorer, or 0 */
    /* Called once before the process ends by exit or exit_group, to print statistics. May be null. */
    void (*at_exit)(void);
};
extern struct process process;

/* loop.c */

/* Run the guest from thread->cpu.pc until the thread ends. Ends the process or host thread itself where the thread is
 * the main one; returns where the caller owns the host thread. */
void guest_loop(struct thread *thread);
/* Give the first thread its task: signal state from the host's, handlers installed. After thread_enter. */
void task_start(struct thread *thread);
struct task *task_new(struct thread *thread, struct sighand *sighand);
void task_free(struct task *task);

/* signal.c */

void signal_init(struct task *task);
/* That of the first thread, with default actions, and a copy for a process that shares this one's memory. */
struct sighand *sighand_first(void);
struct sighand *sighand_new(const struct sighand *from);
void sighand_put(struct sighand *sighand);
static inline uint64_t signal_bit(int sig) { return (uint64_t)1 << (sig - 1); }
/* Deliver what is caught. RESULT: the finished system call's result, so that it can be repeated; 0 if there is none. */
void signal_deliver(struct thread *thread, long result);
/* A synchronous signal caused by the current instruction; CODE and ADDRESS as in siginfo. */
void signal_force(struct thread *thread, int sig, int code, guest_addr address);
/* SIGSYS of a seccomp filter's SECCOMP_RET_TRAP with DATA. */
void signal_force_seccomp(struct thread *thread, int nr, uint32_t arch, int data);
/* End the process so that its parent sees signal SIG; it leaves a core file where the guest's kernel would. */
void signal_die(struct thread *thread, int sig) __attribute__((noreturn));
/* Block every host signal, and set the host's mask from task->blocked again (not while a caught signal waits). */
void signal_block_all(struct task *task);
void signal_unblock(struct task *task);
/* The host's mask for a guest mask: without the synchronous signals. */
uint64_t signal_host_mask(uint64_t guest_mask);
/* Before execve: the host's actions and mask become what the guest's are, so that the new program inherits them. False:
 * a signal is to be delivered first. No guest memory may be touched by C code from here to signal_after_failed_exec. */
bool signal_before_exec(struct task *task);
void signal_after_failed_exec(struct task *task);
/* Give the host every action of the guest's table anew. */
void signal_mirror_all(struct task *task);
/* RLIMIT_CORE was set: whether the signals that leave a core file are caught depends on it. */
void signal_mirror_core(struct task *task);
/* After fork: nothing is pending in the child. */
void signal_after_fork(struct task *task);

/* thread.c and process.c */

struct host_stack;
/* Leave the thread: wakes whoever waits for its tid, frees task and thread. The caller ends the host thread. STACK: of the few
 * (process.h) that it stands on, or null. */
void thread_finish(struct thread *thread, struct host_stack *stack);
/* End the process. */
void process_exit(int status) __attribute__((noreturn));
int host_gettid(void);

/* mman.c */

/* Before the map is looked at: mappings that the kernel grows (MAP_GROWSDOWN) get their present size. memory_lock is held. */
void memory_map_sync(void);

/* prctl.c */

/* True if this host thread has capability CAP in its effective set. */
bool task_has_capability(unsigned cap);

/* proc.c: files of /proc whose host contents would show the translator. Paths are copies in host memory. */

enum { PROC_NOT_MINE = -0x7fffffff - 1 };
/* Before an open: a descriptor or -errno if PATH (relative to DIRFD) is one of ours, else PROC_NOT_MINE. */
long proc_open(struct thread *thread, int dirfd, const char *path, int flags, int mode);
/* Before a readlink: the target's length, truncated to SIZE, copied to BUF; -errno; or PROC_NOT_MINE. */
long proc_readlink(struct thread *thread, int dirfd, const char *path, char *buf, size_t size);
/* Let other processes see the guest's words and addresses under /proc/PID. */
void proc_publish(void);
/* The path to use instead of PATH where a call follows /proc/self/exe (stat, access, ...): the guest program's, or PATH. */
const char *proc_translate(int dirfd, const char *path);
