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
extern bool library_has_threads;   /* the C library has made threads in this process, which may have ended */

enum { HOST_STACK_SIZE = 256 << 10 }; /* of a guest thread's host thread */

/* host_stack.c */

/* One of a few stacks that are used again and again; null: all are in use, or memory is short. */
struct host_stack *host_stack_take(void);
/* Its lowest address; HOST_STACK_SIZE bytes. */
void *host_stack_base(const struct host_stack *stack);
/* Nobody runs on it any more. */
void host_stack_give(struct host_stack *stack);
/* The caller, who took it and started a thread on it by pthread_create, does not look at that pthread_t again. */
void host_stack_let_go(struct host_stack *stack);
/* The calling host thread, made by pthread_create on it and not detached, is about to end. THREAD has ended: its memory is free
 * when this host thread is gone. */
void host_stack_leave(struct host_stack *stack, struct thread *thread);
/* In the child of a fork, where only the stack with the address CURRENT is in use. memory_lock is held. */
void host_stacks_after_fork(const void *current);
