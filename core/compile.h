/* compile.h - the whole pipeline from guest code to a translation block. */
#pragma once
#include "core/tb.h"

struct cache_unit;
struct workspace;

/* W is to be used, for code of UNIT (cache.h) or null. Holds tb_lock, as compile_install; the two between need it only as
 * workspace_unlock says. */
void compile_begin(struct workspace *w, struct cache_unit *unit);
/* Translate the block and make it ready for the engine in use, in W. False: it cannot be fetched; thread->fault says why. */
bool compile_block(struct workspace *w, struct thread *thread);
/* Make the region around it (region.h), in W. False: there is none. ALONE: also for a block that is in no loop. */
bool compile_region(struct workspace *w, bool alone);
/* A block of what W holds. Null: the code buffer has no room. */
struct tb *compile_install(struct workspace *w);

/* Log items are on that show blocks as they are made. */
bool compile_is_shown(void);

/* Totals for -d stats. */
struct compile_stats {
    uint64_t blocks, guest_insns, host_bytes, nanoseconds, flushes;
    uint64_t regions, region_blocks, region_insns, region_bytes, region_nanoseconds;
};
extern struct compile_stats compile_stats;
