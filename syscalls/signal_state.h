/* signal_state.h - what signal.c (catching and delivery) and signal_calls.c (system calls) share.
 */
#pragma once
#include "syscalls/task.h"

enum { GUEST_SIG_DFL = 0, GUEST_SIG_IGN = 1, SIGSET_BYTES = 8, SI_CODE_KERNEL = 0x80 };

/* Bits of sa_flags and ss_flags; asm-generic and x86 agree. */
enum {
    KSA_NOCLDSTOP = 1,
    KSA_NOCLDWAIT = 2,
    KSA_SIGINFO = 4,
    KSA_UNSUPPORTED = 0x400,
    KSA_EXPOSE_TAGBITS = 0x800,
    KSA_RESTORER = 0x04000000,
    KSA_ONSTACK = 0x08000000,
    KSA_RESTART = 0x10000000,
    KSA_NODEFER = 0x40000000,
    KSS_ONSTACK = 1,
    KSS_DISABLE = 2
};
#define KSA_RESETHAND  0x80000000u
#define KSS_AUTODISARM (1u << 31)
#define KSA_KNOWN                                                                                  \
    (KSA_NOCLDSTOP | KSA_NOCLDWAIT | KSA_SIGINFO | KSA_EXPOSE_TAGBITS | KSA_RESTORER |             \
     KSA_ONSTACK | KSA_RESTART | KSA_NODEFER | KSA_RESETHAND)

#define BIT(sig)       ((uint64_t)1 << ((sig)-1))
#define SYNC_MASK      (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP))
#define UNBLOCKABLE    (BIT(SIGKILL) | BIT(SIGSTOP))
#define ALL_ASYNC      (~(SYNC_MASK | UNBLOCKABLE))
/* The C libraries' own, which they leave open where they block all others, and send to one thread each. */
#define LIBRARY_SIGNALS (BIT(32) | BIT(33) | BIT(34))
#define DEFAULT_IGNORE (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH))
#define DEFAULT_STOP   (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))
#define DEFAULT_CORE                                                                               \
    (BIT(SIGQUIT) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGABRT) | BIT(SIGFPE) | BIT(SIGSEGV) |       \
     BIT(SIGBUS) | BIT(SIGSYS) | BIT(SIGXCPU) | BIT(SIGXFSZ))

extern const uint8_t signal_sync[N_SYNC_SIGNALS];

static inline bool signal_is_full(const struct caught_signal *c)
{
    return __atomic_load_n(&c->full, __ATOMIC_RELAXED);
}

static inline void signal_set_full(struct caught_signal *c, int full)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&c->full, full, __ATOMIC_RELAXED);
}

static inline bool signal_is_caught(const struct task *task)
{
    return signal_is_full(&task->caught[0]) || signal_is_full(&task->caught[1]);
}

/* The action that this process started with, looked up when it is first needed. sighand->lock is
 * held. */
struct guest_action *signal_known_action(struct sighand *s, int sig);
/* Make the host's action what the guest's one asks for. sighand->lock is held. */
void signal_mirror_action(int sig, const struct guest_action *a);
/* True if a signal that was caught here is waiting to be delivered; note it in cpu.pending. */
bool signal_is_deliverable(const struct task *task);
void signal_update_pending(struct task *task);
bool signal_on_alt_stack(const struct task *task, guest_addr sp);
/* Say on stderr that a signal which leaves a core file ends the process; scripts look for the
 * words. */
void signal_report_death(int sig);
