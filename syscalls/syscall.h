/* syscall.h - from a guest's system call number to its function and result. */
#pragma once
#include "core/thread.h"
#include "syscalls/host_syscall.h"
#include "syscalls/ids.h"

/* Carry out the system call that T's registers name. Returns its result or -errno, which the caller
 * writes to the result register; the restart codes of task.h are for the caller to act on. */
long syscall_dispatch(struct thread *t);

/* Name of call NR of GUEST, or "unknown". */
const char *syscall_name(const struct guest *guest, uint32_t nr);

/* Write the table of all system calls with their status and, where unsupported, the reason to
 * stdout. */
void syscall_print_table(void);

/* Every SYS row's function. arg[] is the caller's own copy. Calls that may block go through
 * safe_syscall() and hand -EINTR on as it is: syscall_dispatch knows from the row what to make of
 * it. */
typedef long syscall_fn(struct thread *t, const uint64_t arg[6]);
#define SYS(name, ...) syscall_fn sys_##name;
#define PASS(name, ...)
#define DENY(name, ...)
#define NONE(name, ...)
#define LESS(name, ...)
#include "syscalls/table.def"
#undef SYS
#undef PASS
#undef DENY
#undef NONE
#undef LESS

/* PATH below process.ld_prefix (-L) if it is absolute and exists there (in BUF of PATH_MAX bytes),
 * else PATH itself. */
const char *path_translate(const char *path, char *buf);

/* Descriptors of the translator itself, which do not exist for the guest. */
bool fd_is_own(int fd);

/* open() flags between guest and host, and back. */
uint32_t open_flags_to_host(const struct abi *abi, uint32_t flags);
uint32_t open_flags_to_guest(const struct abi *abi, uint32_t flags);
