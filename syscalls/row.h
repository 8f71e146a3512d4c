/* row.h - a row of table.def as data, for the files that look at all calls alike. */
#pragma once
#include "syscalls/arg_kinds.h"
#include "syscalls/syscall.h"

struct syscall_row {
    uint16_t host_nr;   /* PASS */
    uint8_t wait;       /* enum call_wait */
    uint8_t fd_mask;    /* bit i: argument i is a descriptor */
    uint8_t ptr_mask;   /* bit i: argument i is a pointer */
    uint8_t path_mask;  /* bit i: argument i is subject to -L */
    uint8_t kind[6];    /* enum arg_kind */
    uint8_t function;   /* SYS: number of the function, else 0 */
    uint8_t error;      /* DENY, NONE, else 0 */
};

extern const struct syscall_row syscall_rows[SYSCALL_N];
const char *syscall_row_name(const struct syscall_row *row);

/* Write "name(arguments)" into BUF, NUL-ended, cut where it is full. Returns its length. */
size_t strace_call(struct thread *t, const struct syscall_row *row, const uint64_t arg[6],
                   char *buf, size_t size);
/* Write " = result\n" of the call. */
size_t strace_result(const struct syscall_row *row, long result, char *buf, size_t size);
/* Log the delivery of a signal between the calls. */
void strace_signal(int sig, int code, guest_addr address);
