/* ids.h - enum syscall_id: one name for each Linux system call, whatever its number. Data only:
 * arch/ includes it. */
#pragma once

enum syscall_id {
    SYSCALL_none,
#define SYS(name, ...)  SYSCALL_##name,
#define PASS(name, ...) SYSCALL_##name,
#define DENY(name, ...) SYSCALL_##name,
#define NONE(name, ...) SYSCALL_##name,
#define LESS(name, ...)
#include "syscalls/table.def"
#undef SYS
#undef PASS
#undef DENY
#undef NONE
#undef LESS
    SYSCALL_N
};
