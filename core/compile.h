/* compile.h - the whole pipeline from guest code to a translation block. */
#pragma once
#include "core/tb.h"

struct workspace;

/* The code at PC is to be made, in W. Holds tb_lock. */
void compile_begin(struct workspace *w, guest_addr pc, uint32_t mode);
/* Translate the block and make it ready for the engine in use, in W. False: it cannot be fetched; thread->fault says why. */
bool compile_block(struct workspace *w, struct thread *thread);
/* Make the region around it (region.h), in W. False: there is none. ALONE: also for a block that is in no loop. */
bool compile_region(struct workspace *w, bool alone);
/* A block of what W holds. Null: the code buffer has no room. Holds tb_lock. */
struct tb *compile_install(struct workspace *w);

/* Totals for -d stats. */
struct compile_stats {
    uint64_t blocks, guest_insns, host_bytes, nanoseconds, flushes;
    uint64_t regions, region_blocks, region_insns, region_bytes, region_nanoseconds;
};
extern struct compile_stats compile_stats;
