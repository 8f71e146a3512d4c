/* host.h - what a host architecture supplies: code generation and the way in and out of generated code. */
#pragma once
#include <signal.h>
#include "core/ir.h"

struct cpu;
struct emitter; /* the host's own */
struct tb;
struct thread;
struct guest_isa;
struct hot_region;

/* Stubs whose addresses sit in cpu->stub[], so that generated code needs no host address. */
enum host_stub {
    STUB_EXIT,   /* leave to C: eax = enum exit_reason, cpu->exit_data and pc set */
    STUB_LINK,   /* an unlinked exit: eax = its index, rcx = an address in its block */
    STUB_MISS,   /* indirect jump not in the jump cache; target in rax */
    STUB_RETURN, /* guest return that the return stack did not predict: empty it; target in rax */
    STUB_CALL,   /* call a helper: saves what C clobbers, switches stacks, publishes pinned registers */
    STUB_CALL_PLAIN, /* the same without publishing, for a helper that has nothing to do with guest registers */
    STUB_EVAL,   /* call an ev_ function: operands in cpu->arg[], result in cpu->res */
    STUB_SLOW,   /* rare case of an open-coded FP operation; every register but the result is preserved */
    STUB_N
};

/* Bytes in front of each block's code in the code buffer. */
enum { HOST_BLOCK_HEADER = 16 };
enum { HOST_COUNTER = 48, HOST_COUNTER_SITE = 1, HOST_COUNTER_STUB = 5 }; /* put_counter */

struct host_backend {
    const char *name; /* "x86_64" */
    /* Detect CPU features (mask FEATURES_OFF, comma-separated names, for tests) and generate the stubs for this guest.
     * KNOWN: what cpu_words gave in another process on this machine, or null. Returns null, or a message if this machine is
     * below the baseline. */
    const char *(*init)(const struct guest_isa *isa, const char *features_off, const char *known);
    /* What init found of the CPU, for the next process. */
    const char *(*cpu_words)(void);
    /* Fill in a new thread's cpu->stub[], helpers, return stack top and jump cache. */
    void (*init_cpu)(struct cpu *cpu, void *return_stack, size_t size);
    void (*clear_jump_cache)(struct cpu *cpu);
    /* Memory of its own for making code, and how much that is: more of it is zeroed. */
    struct emitter *first_emitter;
    size_t emitter_size;
    /* Code for PC is to be made: note of the code buffer and the rest what has to be known. With tb_lock. */
    void (*begin_code)(struct emitter *e, guest_addr pc, uint32_t mode);
    /* Generate code for an optimised block, in E. With -d out_asm the encoder lists each instruction as it writes it. */
    void (*emit)(struct emitter *e, const struct ir *ir);
    /* The same for a region, whose blocks are optimised. Returns false if its code would be too long. */
    bool (*emit_region)(struct emitter *e, const struct hot_region *r);
    /* Put the code that is in E into the code buffer and fill in TB (code, size, exits, deltas). Returns false if the code buffer is
     * full. With tb_lock. */
    bool (*install)(struct emitter *e, struct tb *tb);
    /* Write HOST_COUNTER bytes of code to AT that count down a word of cpu->heat and go on at CODE, the start of a block; when
     * the word is negative they leave with EXIT_HOT, and host_exit_owner gives the block. They start with the jump of an exit:
     * its field is at HOST_COUNTER_SITE, its stub, which counts, at HOST_COUNTER_STUB. False: CODE is too far. */
    bool (*put_counter)(uint8_t *at, const uint8_t *code, unsigned word);
    /* Run generated code until it leaves. cpu->pc and cpu->exit_reason are set on return. */
    void (*enter)(struct cpu *cpu, const void *code);
    /* Redirect the jump of an exit. Safe while other threads run it. TARGET null: back to its own stub. */
    void (*patch_exit)(struct tb *tb, unsigned exit, const void *target);
    /* A host fault or a signal inside generated code: move guest registers from the host context into CPU. */
    void (*save_state)(struct cpu *cpu, const struct tb *tb, const ucontext_t *uc);
    /* Make the context resume in C: enter() returns with REASON. */
    void (*leave_context)(struct cpu *cpu, ucontext_t *uc, unsigned reason);
    /* For the persistent cache: what generated code depends on besides the guest's, into DST (zeroed, SIZE bytes). */
    void (*identify)(void *dst, size_t size);
    /* The displacement at offset AT of CODE shall reach the word in front of the file, if the code is at POSITION in it. */
    void (*reach_cell)(uint8_t *code, uint32_t at, uint32_t position);
    /* The exit with its field at SITE shall lead, or leads, to this place, relative to the start of CODE. */
    void (*lead_exit)(uint8_t *code, uint32_t site, int64_t to);
    int64_t (*exit_leads_to)(const uint8_t *code, uint32_t site);
    bool (*exit_is_call)(const uint8_t *code, uint32_t site); /* a guest call: the exit is a host call */
    uint32_t (*fp_exceptions)(void);         /* host's sticky FP flags as FP_* bits */
    void (*set_fp_mode)(struct cpu *cpu);    /* host rounding (and sticky flags cleared) from cpu->fp */
};

/* The host can stop at invalid floating-point operations; false also if -host-off has fptraps. After init. */
extern bool host_fp_traps;

extern const struct host_backend host_backend; /* of the machine this was built for */

/* The interrupted host context. */
const void *host_context_pc(const ucontext_t *uc);
/* The address of a fault in generated code for which the host gave none; 0 if it cannot be told. */
guest_addr host_context_address(const ucontext_t *uc);
bool host_context_is_write(const ucontext_t *uc); /* the faulting access was a store */
/* Copy N bytes, in rising order. False: a page of either was not there, and host_context_fail_copy has seen the fault. */
bool host_copy(void *dst, const void *src, size_t n);
/* Let host_copy, where the context is, return false. False: it is somewhere else. */
bool host_context_fail_copy(ucontext_t *uc);
/* Make the context call FN(ARG) on the interrupted stack, never to return. */
void host_context_call(ucontext_t *uc, void (*fn)(void *), void *arg);
/* An invalid operation in generated code of MODE_FP_TRAPS: put the guest's result and flags into CPU and the context, and go on
 * behind it. False: it is not one of those that this knows. */
bool host_context_do_invalid(struct cpu *cpu, ucontext_t *uc);
/* Make the context stop at invalid operations or not, and after each instruction or not. Returns whether it stopped at invalid
 * operations. */
bool host_context_set_fp_traps(ucontext_t *uc, bool stops, bool steps);
/* The return-prediction stack has overflowed in generated code: empty it and go on. */
void host_context_reset_return_stack(struct cpu *cpu, ucontext_t *uc);
/* After EXIT_LINK: the block that was left. cpu->exit_data is the exit's index. */
struct tb *host_exit_owner(const struct cpu *cpu);
