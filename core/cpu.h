/* cpu.h - the guest state of one thread, as generated code sees it.
 *
 * One struct serves every guest: 32 general and 32 vector registers, flags, and 64 words for what
 * the guest's front end defines (arch/<isa>/guest_cpu.h). Generated code holds &cpu + CPU_BIAS in a
 * host register, so that gpr[] is reached by 8-bit displacements. */
#pragma once
#include "core/fp.h"

/* JUMP_CACHE_OFFSET: of the thread's jump cache from its struct cpu. */
enum { CPU_BIAS = 128, JUMP_CACHE_SIZE = 4096, JUMP_CACHE_OFFSET = 4992, CPU_SPILLS = 64, CPU_HEAT = 256 };
#define EXCL_NONE (~(guest_addr)0)

enum { PENDING_SIGNAL = 1, PENDING_KICK = 2 }; /* a host signal waits; translations changed */

/* Bits of cpu.mode that hosts look at; the guest's mode() gives them, and others of its own. */
enum {
    MODE_FP_SPECIAL = 1, /* floating point that the host does otherwise: flushed denormals, alternative half precision */
    MODE_FP_TRAPS = 4    /* an invalid operation is a host fault (fault.c): where NaNs need no other care, nothing tests for them */
};

/* A direct-mapped cache of indirect branch targets. Filled by its own thread only, so entries cannot
 * tear; the signal handler may clear it, which makes the next indirect jump leave generated code. */
struct jump_cache_entry {
    guest_addr pc; /* or jump_cache_key of it */
    const void *code; /* never null: points to the miss stub while empty */
};

/* A guest may tell kinds of indirect branches apart (jumpi, calli: aux = 1..3): whether a place may be entered depends on
 * them. It is asked (guest_isa.may_land) before a target gets into the cache, under a key that no other kind has: no address
 * has bits there but tags, which differ. */
static inline guest_addr jump_cache_key(guest_addr pc, unsigned kind)
{
    return kind ? pc ^ (guest_addr)1 << (64 - kind) : pc;
}

struct cpu {
    uint64_t gpr[32];
    guest_addr pc;           /* exact whenever C code runs */
    uint32_t flags;          /* saved form, see flags.h */
    uint32_t pending;        /* PENDING_* bits, atomic; nonzero: leave generated code at the next poll */
    uint32_t mode;           /* what translation depends on besides the pc; part of the block's key */
    uint32_t exit_reason;    /* enum exit_reason, set by exit stubs */
    uint64_t exit_data;      /* depends on the reason */
    /* These two are C's own, here because this page is written anyway by every system call and every fork. */
    struct recover_point *recover; /* what to do if a memory access of C code faults, or null; thread.h */
    _Atomic bool inside;     /* the thread is in cpu_run */
    void *host_sp;           /* C stack pointer while generated code runs, else null */
    void *return_sp;         /* return-prediction stack pointer while C code runs */
    void *return_base;       /* its bottom, which holds the address of STUB_RETURN */
    const void *const *functions; /* helpers, then ev_ functions, by number */
    const void *stub[8];     /* entry points of the host's stubs, indexed by enum host_stub */
    uint64_t scratch[4];
    guest_addr excl_addr;    /* exclusive monitor (ldx, stx): address, or EXCL_NONE */
    uint32_t excl_size;      /* log2 of its bytes */
    uint32_t branch_kind;    /* of the indirect branch that is on its way to pc, see jump_cache_key; 0: none, or plain */
    struct fp_env fp;
    uint64_t guest[64];      /* the guest's own system registers */
    union vec v[32];
    union vec excl_val;      /* value that the exclusive load saw */
    union vec arg[4], res;   /* operands and result of out-of-line operations */
    int32_t heat[CPU_HEAT];  /* promote.h: how often loop heads may still be jumped to before they are hot */
    uint64_t saved_gpr[16];  /* host registers saved by slow-path stubs */
    uint64_t excl_version;   /* strict.h: of what the exclusive load saw, and its place in the table; */
    uint32_t excl_index;
    uint32_t strict_held[2]; /* versions locked for a store that is on its way */
    uint32_t n_strict_held;
    /* From here on the next page, which a fork and what follows it often need not write; see struct thread. */
    uint64_t spill_gpr[CPU_SPILLS];
    union vec spill_vec[CPU_SPILLS];
    union vec saved_vec[32];
};

static inline struct jump_cache_entry *cpu_jump_cache(struct cpu *cpu)
{
    return (struct jump_cache_entry *)(void *)((char *)cpu + JUMP_CACHE_OFFSET);
}
