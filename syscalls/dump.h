/* dump.h - core files of guest programs. */
#pragma once
#include "syscalls/task.h"

/* Write the core file of a process that THREAD ends by the signal that INFO describes, as far as
 * the guest's RLIMIT_CORE allows and under the name that the kernel would give it. Stops the other
 * threads for good. */
void dump_core(struct thread *thread, const uint8_t info[SIGINFO_SIZE]);
