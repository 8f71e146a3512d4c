/* dispatch.h - run guest code until something needs C. */
#pragma once
#include "core/thread.h"

struct tb;

enum exit_reason {
    EXIT_NONE,
    EXIT_LINK,     /* direct exit not linked yet (internal to dispatch.c) */
    EXIT_LOOKUP,   /* indirect target not in the jump cache (internal) */
    EXIT_RESUME,   /* translation context changed: look the next pc up again (internal) */
    EXIT_SYSCALL,  /* pc is after the instruction; exit_data = its immediate */
    EXIT_SIGNAL,   /* cpu->pending */
    EXIT_FAULT,    /* memory fault at pc: thread->fault */
    EXIT_UNDEF,    /* undefined instruction at pc */
    EXIT_UNIMPL,   /* defined but not implemented here: logged, then as undefined */
    EXIT_BREAK,    /* breakpoint instruction at pc; exit_data = its immediate */
    EXIT_TRAP,     /* guest-specific trap at pc (arithmetic, ...); exit_data = signal << 8 | code */
    EXIT_FETCH,    /* code at pc is not readable or not executable: thread->fault */
    EXIT_ALIGN,    /* alignment fault at pc: thread->fault */
    EXIT_STOP,     /* a pc in cpu_stop_pc was reached (check applet) */
    EXIT_HOT       /* a loop head is hot: promote.h (internal) */
};

enum engine { ENGINE_JIT, ENGINE_INTERP };

/* Set once before the first thread starts. */
struct engine_options {
    enum engine engine;
    bool lockstep;          /* run each block on both engines and compare */
    bool one_insn_per_tb;
    bool no_chain, no_opt;
    bool strict_exclusives; /* strict.h */
    guest_addr stop_pc;     /* 0: none. Reaching it ends cpu_run with EXIT_STOP */
    bool no_tier2;          /* no regions: promote.h */
    unsigned tier2_threshold; /* jumps to a loop head until its region is made; 0: each block is a region at once, for tests */
    unsigned fp_traps_max;  /* signals for invalid floating-point operations until all code tests for NaNs */
    size_t code_size;       /* bytes of code buffer, 0 = default */
    const char *host_features_off;
    const char *host_cpu_words; /* of an earlier process (host_backend.cpu_words), or null */
};
extern struct engine_options engine_options;

/* Prepare engines for a guest: code buffer, stubs, tables. Dies below the baseline; falls back to the interpreter where
 * executable memory is refused. */
void engine_init(const struct guest *guest);

/* Run THREAD from cpu.pc. Returns the reason why C is needed: one of those not marked internal. */
enum exit_reason cpu_run(struct thread *thread);

/* The current thread, which is inside, will come to TB after a system call or by a plain indirect jump. */
void cpu_remember(struct thread *thread, const struct tb *tb);

/* Write THREAD's registers to the log (-d cpu, cpu_reset). */
void cpu_log(const struct thread *thread);

/* Generated code may leave it to the host to notice invalid floating-point operations: an exact result takes a signal then, and
 * NaNs cost nothing where there are none. Off where the host cannot, and from when a process has shown that it likes NaNs. The
 * guest's mode() looks at it. */
extern bool fault_fp_traps;

/* A host signal came in. True if it was the translator's own affair or a guest fault that is now recorded in
 * thread->fault, and the context was changed to go on. False: it happened in foreign code. */
bool fault_handle(struct thread *thread, int sig, siginfo_t *info, ucontext_t *uc);
