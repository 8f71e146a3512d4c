/* host_syscall.h - system calls of the host: plain ones, and the stub for those that may block.
 *
 * Numbers come from host_nr.def, so that the age of the C library's headers does not matter. None
 * of these touches errno. */
#pragma once

/* Offset of cpu.pending in struct thread, for safe_syscall.S; checked in syscall.c. */
#define SAFE_PENDING_OFFSET 396
#define SAFE_INTERRUPTED    513 /* = ERESTARTNOINTR */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

struct thread;

enum host_nr {
#define NR(nr, name) HOST_NR_##name = nr,
#include "syscalls/host_nr.def"
#undef NR
};

static inline long host_syscall(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                                uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The same for calls that may block. Returns -ERESTARTNOINTR without entering the kernel if
 * t->cpu.pending is set. A signal that arrives between that test and the kernel's entry is not
 * lost: the host signal handler calls safe_syscall_rewind(). */
long safe_syscall(struct thread *t, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                  uint64_t e, uint64_t f);

/* Labels of the stub: [start, end) is the code before the kernel is entered; at interrupted it
 * returns -ERESTARTNOINTR. */
extern const char safe_syscall_start[], safe_syscall_end[], safe_syscall_interrupted[];

/* PC was interrupted by a signal that is now pending. True: go on at the new *pc, the system call
 * does not happen. */
static inline bool safe_syscall_rewind(uintptr_t *pc)
{
    if (*pc < (uintptr_t)safe_syscall_start || *pc >= (uintptr_t)safe_syscall_end)
        return false;
    *pc = (uintptr_t)safe_syscall_interrupted;
    return true;
}
#endif
