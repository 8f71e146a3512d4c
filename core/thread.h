/* thread.h - one guest thread: CPU state, host stacks, and what the system-call layer hangs on it. */
#pragma once
#include <signal.h>
#include "core/cpu.h"
#include "core/guest.h"

struct task; /* syscalls/task.h */

/* A synchronous fault of the guest. */
struct guest_fault {
    int signal, code;      /* SIGSEGV SEGV_MAPERR ... */
    guest_addr address;
    bool is_write, is_fetch;
    bool is_noncanonical;  /* something that to the host cannot be an address */
};

/* What __builtin_setjmp keeps: three words instead of the C library's call and all registers. */
struct recover_point {
    void *word[5];
};

/* What every system call and every fork write is on one page, with the upper end of the return stack below it: each page that
 * is written after a fork is copied. */
struct thread {
    const struct guest *guest;
    struct guest_fault fault;
    uint32_t code_mode;     /* cpu.mode of the code that the jump cache and the return stack lead to */
    bool tagged_calls;      /* system calls take pointers with ignored bits (core/tagged.h) */
    bool in_lockstep;
    bool fp_stepping;       /* the host makes one step with invalid operations masked (fault.c) */
    void *return_stack;     /* mapping, with a guard page below */
    void *alt_stack;        /* for host signal handlers */
    struct task *task;      /* owned by syscalls/ */
    unsigned forgotten;     /* of a spare one: how often jump caches had been emptied when it ended */
    struct thread *next;    /* in the list of all threads; guarded by thread_lock */
    _Alignas(128) struct cpu cpu;
    _Alignas(1024) struct jump_cache_entry jump_cache[JUMP_CACHE_SIZE];
};
_Static_assert(offsetof(struct thread, jump_cache) - offsetof(struct thread, cpu) == JUMP_CACHE_OFFSET,
               "generated code finds it through the CPU register");

extern __thread struct thread *current_thread;

/* RETURN_STACK_TOP: bytes of the return stack on the page where struct thread begins. */
enum { RETURN_STACK_SIZE = 256 << 10, RETURN_STACK_TOP = 1024, HOST_ALT_STACK_SIZE = 64 << 10 };
_Static_assert(RETURN_STACK_TOP + offsetof(struct thread, cpu.spill_gpr) <= 4096, "on its first page");

/* A new thread with guest registers copied from FROM (null: reset). Null: out of memory. The calling host thread, or the
 * one that will run it, must call thread_enter before guest code runs. */
struct thread *thread_new(const struct guest *guest, const struct thread *from);
/* Make THREAD the current one of this host thread: sets current_thread and the alternate signal stack. */
void thread_enter(struct thread *thread);
/* THREAD runs no guest code any more, and nobody asks it to. */
void thread_end(struct thread *thread);
/* The same if need be; then its memory is free. If its host thread is still there, that has every signal blocked: its alternate
 * signal stack is of this memory. */
void thread_free(struct thread *thread);
/* Every other thread leaves generated code and stays out until thread_resume_others. */
void thread_stop_others(void);
void thread_resume_others(void);
/* Call FN for every thread, with the list locked: FN must not make or end threads. */
void thread_for_each(void (*fn)(struct thread *thread, void *arg), void *arg);
/* Ask all threads to look at their state at the next poll (jump caches are stale). */
void thread_kick_all(void);
/* cpu_run's own: enter (waits while the world is stopped) and leave; should it leave now? */
void thread_inside(struct thread *thread);
void thread_outside(struct thread *thread);
/* True between the two. Generated code is entered only after a look at cpu->pending in between. */
bool thread_is_inside(const struct thread *thread);
bool thread_should_stop(void);
/* False: the calling thread is the only one, until it makes another outside. */
bool thread_has_others(void);
/* All code is gone: empty every jump cache and return stack. The others are stopped. */
void thread_forget_code(void);
/* Around fork, with tb_lock_take inside. The child has only the current thread: thread_after_fork, then unlock. */
void thread_lock_before_fork(void);
void thread_unlock_after_fork(void);
void thread_after_fork(void);
