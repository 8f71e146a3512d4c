/* strict.h - exclusives that notice every store of the guest, not only a changed value (-strict-exclusives).
 *
 * Memory is divided into granules of 16 bytes, and each has a version in a table (many granules share one).
 * Every store of translated code, atomic ones included, holds the lock of its versions while it stores and
 * changes them. A load-exclusive remembers the version; a store-exclusive takes the lock, and fails if the
 * version is another one. Stores of the thread itself between the two do not count.
 *
 * Not seen, as no translated code makes them: stores of the kernel in system calls, of signal frames, and of
 * other processes through shared memory. There the rule without this option holds: the store-exclusive fails if
 * the value in memory is not the one that was loaded. */
#pragma once
#include "core/ir.h"

struct cpu;

/* Add the operation with the calls around it that it needs; ops that do not touch memory are added as they are. */
ir_ref strict_add(struct ir *ir, const struct ir_op *op, ir_ref (*append)(struct ir *ir, const struct ir_op *op));
/* The guarded store faulted: give its locks back. */
void strict_release(struct cpu *cpu);
/* In the child of a fork: locks of threads that do not exist here are free. */
void strict_after_fork(void);
