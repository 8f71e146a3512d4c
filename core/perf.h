/* perf.h - tell the kernel's profiler which guest code a place in generated code belongs to (-perfmap, -jitdump).
 *
 *   perf record anyarch -perfmap PROGRAM; perf report
 *   perf record -k mono anyarch -jitdump PROGRAM; perf inject -j -i perf.data -o with.data; perf report -i with.data
 *
 * A map, /tmp/perf-PID.map, has a line for each block: address, size, name. A dump, jit-PID.dump in the working folder, has the
 * code as well, and says when it was made, so that memory may be used again (Linux: tools/perf/Documentation/
 * jit-interface.txt and jitdump-specification.txt). The name of a block is its guest address, its place in its file, and
 * "region" for one of those. Code of the translation cache is in no list, so there is no cache. */
#pragma once
#include "core/tb.h"

extern bool perf_map, perf_dump; /* options */
static inline bool perf_is_on(void) { return perf_map || perf_dump; }

/* A new block; holds tb_lock. What cannot be written is told once, and the program goes on. */
void perf_add(const struct tb *tb);
/* In the child of a fork, with the lock: it has files of its own. Returns true if the blocks that there are have to be added. */
bool perf_after_fork(void);
/* Descriptors of which the guest sees nothing. */
bool perf_fd_is(int fd);
