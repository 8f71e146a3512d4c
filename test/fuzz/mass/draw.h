/* draw.h - what the drawing of blocks and of loops share. */
#pragma once
#include "generate.h"

enum { POINTERS = 3, SYSTEM_REGISTERS = 3 };
enum { LOOP_REGISTERS = 3 }; /* counters of the outer and the inner loop, saved x30 */

/* What the registers of a case are for. */
struct roles {
    unsigned pointers[POINTERS + 1],
        n_pointers; /* the first never moves: for accesses with alignment rules */
    unsigned index, branch;
    unsigned system[SYSTEM_REGISTERS], loop[LOOP_REGISTERS];
    uint32_t kept;      /* seldom written */
    uint32_t never;     /* never written by a drawn instruction */
    unsigned target;    /* 0x8000 + register + 32 * index, or 0 */
    uint32_t exclusive; /* shape of the exclusive accesses, or 0 */
    bool linked, flushing;
};

/* A random number from 0 to N-1. */
unsigned draw_below(unsigned n);

/* Draw the instruction at index K of N. */
uint32_t draw_insn(enum mode mode, unsigned k, unsigned n, struct roles *roles);

/* Draw the program of MODE_LOOPS and choose its registers. Returns the number of instructions. */
unsigned draw_loops(struct fuzz_case *c, struct roles *roles, bool fpcr);

static inline uint32_t bits(uint32_t insn, unsigned high, unsigned low)
{
    return insn >> low & (uint32_t)((2ull << (high - low)) - 1);
}

static inline uint32_t set_field(uint32_t insn, unsigned low, unsigned width, uint32_t value)
{
    uint32_t mask = ((1u << width) - 1) << low;
    return (insn & ~mask) | (value << low & mask);
}
