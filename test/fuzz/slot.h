/* slot.h - run a short instruction sequence from a given machine state: what the fuzz programs
 * share.
 *
 * Each case gets a slot in a page of code at a fixed address, so pc-relative results repeat. All of
 * x0-x30, sp, v0-v31, NZCV, FPCR and FPSR are loaded from the case: the slot begins with a literal
 * load of x30, the register used to jump to it, and ends by parking x30 in TPIDR_EL0. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <ucontext.h>

enum {
    MAX_INSNS = 32,
    SCRATCH_SIZE = 4096,
    SLOT_SIZE = 256,
    SLOTS = 4096,
    GUARD = 65536,
    SLOT_HEAD = 32
};
#define SCRATCH_BASE 0x10000000ul /* between two inaccessible guards */
#define CODE_BASE    0x20000000ul

struct fuzz_case {
    uint32_t n_insns;
    uint32_t slot; /* 0: the case's place in the batch; else 1 + the slot to use, so that addresses
                      do not depend on that */
    uint32_t insns[MAX_INSNS];
    uint64_t x[31], sp, nzcv, fpcr, fpsr;
    uint64_t v[32][2];
    uint8_t memory[SCRATCH_SIZE];
};

/* What a case leaves. */
struct fuzz_result {
    uint32_t signal, code; /* 0: ran to its end */
    uint64_t address;      /* si_addr */
    uint64_t pc;           /* offset of the faulting instruction from the first */
    uint64_t x[31], sp, nzcv, fpcr, fpsr;
    uint64_t v[32][2];
    uint8_t memory[SCRATCH_SIZE];
};

/* What enter and leave exchange with C; the assembly below knows the offsets. */
struct context {
    uint64_t x[31];        /* 0 */
    uint64_t sp;           /* 248 */
    uint64_t nzcv;         /* 256 */
    uint64_t fpcr, fpsr;   /* 264, 272 */
    uint64_t entry;        /* 280 */
    uint64_t host_sp;      /* 288 */
    uint64_t host_tpidr;   /* 296 */
    uint64_t host_fpcr;    /* 304 */
    uint64_t stepped_over; /* for the program's own use */
    uint64_t v[32][2];     /* 320 */
};
_Static_assert(offsetof(struct context, entry) == 280, "known to the assembly");
_Static_assert(offsetof(struct context, v) == 320, "known to the assembly");
_Static_assert(sizeof(struct fuzz_case) == 928 + SCRATCH_SIZE, "known to the driver");
_Static_assert(sizeof(struct fuzz_result) == 816 + SCRATCH_SIZE, "known to the driver");

extern struct context context;

/* Map memory and code at their addresses and send synchronous signals to ON_FAULT on a stack of its
 * own. */
void slot_set_up(void (*on_fault)(int, siginfo_t *, void *));

/* Address of SLOT (0 to SLOTS-1); the instructions begin SLOT_HEAD bytes later. */
uint64_t slot_start(unsigned slot);

/* Write the code of C into SLOT. */
void slot_write(const struct fuzz_case *c, unsigned slot);

/* Load the state and the memory of C, run SLOT and return when it has ended, with the state in
 * `context`, or when a signal handler left it. */
void slot_run(const struct fuzz_case *c, unsigned slot);

/* In a signal handler: leave the slot when the handler returns. */
void slot_abandon(ucontext_t *uc);

/* The vector registers in a signal frame, or NULL. */
struct fpsimd_context *slot_find_fpsimd(ucontext_t *uc);

/* Print WHAT and errno, then end the program. */
void slot_stop(const char *what);

/* Write N bytes to standard output. */
void slot_output(const void *buf, size_t n);

/* Address of a fault; 0 for one that the judge's host does not tell because it cannot be an address. */
static inline uint64_t fault_address(const siginfo_t *info)
{
    uint64_t address = (uint64_t)(uintptr_t)info->si_addr, top = address >> 47;
    return top == 0 || top == 0x1ffff ? address : 0;
}
