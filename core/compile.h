/* compile.h - the whole pipeline from guest code to a translation block. */
#pragma once
#include "core/tb.h"

struct workspace;

enum compile_result {
    COMPILE_OK,
    COMPILE_FULL,  /* the code buffer has no room: flush and try again */
    COMPILE_FETCH  /* the code at PC cannot be fetched; thread->fault says why */
};

/* Translate the block at PC and make it ready for the engine in use, in W. Holds tb_lock. *out: the block, null unless OK. */
enum compile_result compile_block(struct workspace *w, struct thread *thread, guest_addr pc, uint32_t mode, struct tb **out);

/* Make the region around the hot block at PC (region.h). Holds tb_lock. *out: the region, or null: there is none, or there is
 * no room. ALONE: also for a block that is in no loop. */
void compile_region(struct workspace *w, guest_addr pc, uint32_t mode, bool alone, struct tb **out);

/* Totals for -d stats. */
struct compile_stats {
    uint64_t blocks, guest_insns, host_bytes, nanoseconds, flushes;
    uint64_t regions, region_blocks, region_insns, region_bytes, region_nanoseconds;
};
extern struct compile_stats compile_stats;
