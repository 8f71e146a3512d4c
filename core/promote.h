/* promote.h - which blocks become regions, and when.
 *
 * Every cycle of blocks has a jump to a block that does not start later. Such jumps are linked not to the block but to a counter
 * in front of it: a few instructions that count down a word of the thread's cpu->heat. When it has run out, the block is a hot
 * loop head: its region (region.h) takes its place, or it is found cold for good, and the jumps are linked directly.
 * So what has settled counts nothing. */
#pragma once
#include "core/cpu.h"
#include "core/tb.h"

struct workspace;

enum { DEFAULT_TIER2_THRESHOLD = 2000 };

/* The word of cpu->heat for a block, the same wherever its guest's file is mapped. */
static inline unsigned promote_word(guest_addr pc) { return (unsigned)(pc >> 2) % CPU_HEAT; }

/* Where a direct exit of FROM to TO jumps: to TO's code, or to the counter in front of it. Holds tb_lock. */
const void *promote_entry(const struct tb *from, struct tb *to);
/* After EXIT_HOT: make the region. Returns the block to go on with, or null: look up the pc. */
struct tb *promote_hot(struct thread *thread);
/* For tests (threshold 0): make every new block a region, *tb with it. Holds tb_lock. */
bool promote_all(void);
void promote_now(struct workspace *w, struct tb **tb);
/* At the end of a process, with tb_lock: keep what was counted for the next one. */
void promote_keep_heat(void);
/* This process has counted. */
bool promote_has_counts(void);
/* No block is used any more. */
void promote_forget(void);
/* In the child of a fork: what was counted is the parent's to keep. */
void promote_after_fork(void);
/* Fill in the words of a new thread. */
void promote_init_cpu(struct cpu *cpu);
