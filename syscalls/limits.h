/* limits.h - resource limits of the guest, as far as they differ from the host's. */
#pragma once
#include "core/types.h"

/* At start, before memory is reserved for code: the guest's limits are those of the host now; the
 * host's rise as far as they go. */
void limits_take_over(void);
/* Around execve: the new program, translated or not, inherits the guest's. */
void limits_before_exec(void);
void limits_after_failed_exec(void);
/* May the guest map SIZE more bytes (PROT, FLAGS as for mmap)? memory_lock is held. */
bool limits_allow(uint64_t size, int prot, int flags);
