/* generate.h - draw random cases. */
#pragma once
#include "slot.h"
#include <stdbool.h>

/* A row of the .decode files that may be drawn; `run` writes the table. */
struct pattern {
    uint32_t mask, match;
    uint32_t ignored; /* bits that the architecture says are ignored */
};

/* An encoding that is never drawn, or not in a case that flushes denormals. */
struct exclusion {
    uint32_t mask, match;
    bool flushing_only;
};

extern const struct pattern patterns[];
extern const unsigned n_patterns;
extern const struct exclusion exclusions[];
extern const unsigned n_exclusions;

/* What a case is made of; a kind is left out of the mix if the table has no pattern for it. */
enum mode { MODE_MIXED, MODE_FP, MODE_INTEGER, MODE_MEMORY, MODE_BRANCH, MODE_LOOPS, MODES };

/* Sort the patterns into kinds. To be called once, first. */
void generate_set_up(void);

/* Start the random numbers of GROUP of SEED; each group is independent of the others. */
void generate_seek(uint64_t seed, uint64_t group);

/* Draw a case for SLOT, of 1 to max_insns instructions; with MODE_LOOPS a program of loops,
 * branches and calls of at most 30, which always ends. fpcr: with random rounding and flushing.
 *
 * c->slot gets 1 + slot. Bits 31:16 of c->n_insns get, if the case branches through a register,
 * 0x8000 + register + 32 * index of the target: the caller takes them off. */
void generate_case(struct fuzz_case *c, unsigned slot, enum mode mode, unsigned max_insns,
                   bool fpcr);

/* Instructions that take part in known differences at a fault: more than one register is
 * transferred. */
bool is_multiple(uint32_t insn);
