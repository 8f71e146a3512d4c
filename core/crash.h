/* crash.h - the report that is printed when the translator itself fails. */
#pragma once
#include "core/types.h"

struct thread;

/* Print one block on stderr, and to the log if that is a file: version, WHAT failed, guest program,
 * guest pc and block, last system call, how to report it. Once per process: a second failure while
 * the first is reported says nothing new. The synchronous signals must be open, because guest
 * memory is read.
 *
 * host_pc   the instruction that failed, or null: C code that noticed it */
void crash_report(const char *what, const void *host_pc);

/* What layers above know about THREAD: lines "  name:  text\n" into BUF. Returns their length. May
 * be null. No locks, no allocation. */
extern size_t (*crash_describe)(const struct thread *thread, char *buf, size_t size);
