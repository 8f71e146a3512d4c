/* seccomp.h - filters that a guest puts on its own system calls, applied before each of them. */
#pragma once
#include "syscalls/task.h"

/* The call that T's registers ask for is about to be made: 0 if the task's mode and filters let it through, else what
 * syscall_dispatch answers instead: -ESYSDONE, everything has happened, or a restart code, a signal interrupted the supervisor.
 * Only where task->seccomp_mode is not 0. */
long seccomp_stops_call(struct thread *t, const uint64_t arg[6]);
/* The kernel's name for the CPU of GUEST, AUDIT_ARCH_*. */
uint32_t seccomp_audit_arch(const struct guest *guest);
/* CHILD, a new task that no guest code runs on yet, gets what PARENT has. */
void seccomp_inherit(struct task *child, const struct task *parent);
/* The task's reference is dropped, and the thread no longer has a task. */
void seccomp_detach(struct task *task);
/* Around fork. */
void seccomp_lock_before_fork(void);
void seccomp_unlock_after_fork(void);
/* prctl(PR_SET_SECCOMP) and (PR_GET_SECCOMP). */
long seccomp_set_by_prctl(struct thread *t, uint64_t mode, guest_addr program);
/* Number of filters on TASK that the host does not count for it. */
unsigned seccomp_count(const struct task *task);

/* execve keeps filters: a memory file with those of TASK, or -1 and errno. */
int seccomp_save(const struct task *task);
/* Put the filters of such a file on TASK; closes it. Dies if it is not one. */
void seccomp_load(struct task *task, int fd);
