/* limits.h - resource limits of the guest, as far as they differ from the host's. */
#pragma once
#include "core/types.h"

struct task;

/* At start, before memory is reserved for code: the guest's limits are those of the host now; the
 * host's rise as far as they go. */
void limits_take_over(void);
/* Around execve: the new program, translated or not, inherits the guest's. */
void limits_before_exec(void);
void limits_after_failed_exec(void);
/* May the guest map SIZE more bytes (PROT, FLAGS as for mmap)? memory_lock is held. */
bool limits_allow(uint64_t size, int prot, int flags);
/* RLIMIT_CORE in bytes: of the guest's core files. The host's is 0, so that the kernel writes none
 * of the translator. */
uint64_t limits_core(void);
/* The process is about to die, and the kernel may write a small one. */
void limits_let_kernel_dump(void);
/* Every limit of the guest that is not the host's: call FN with its number and values. */
void limits_for_each(void (*fn)(unsigned resource, uint64_t soft, uint64_t hard, void *p), void *p);
/* CHILD is about to share the memory of the current thread's process. */
void limits_inherit(struct task *child);
