/* process.h - making threads and processes: what clone and clone3 ask for. */
#pragma once
#include "syscalls/task.h"

/* Arguments of clone and clone3 in one form; see clone(2). */
struct clone_request {
    uint64_t flags; /* CLONE_*, without the signal */
    int exit_signal;
    guest_addr stack; /* the new stack pointer, 0: the same */
    guest_addr tls;
    guest_addr parent_tid, child_tid, pidfd;
    guest_addr set_tid; /* clone3 only */
    uint64_t set_tid_size, cgroup;
};

/* CLONE_THREAD: a guest thread on a host thread of its own (thread.c). Returns its tid or -errno.
 */
long thread_clone(struct thread *thread, const struct clone_request *request);
/* Registers of a new thread or process before its first instruction. */
void clone_set_registers(struct thread *child, const struct clone_request *request);
/* Host threads that run guest code, for deciding whether the process ends. */
extern unsigned n_guest_threads; /* atomic */

enum { HOST_STACK_SIZE = 256 << 10 }; /* of a guest thread's host thread */
