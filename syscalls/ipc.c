/* ipc.c - System V semaphores: the one IPC structure whose layout differs. */
#include <errno.h>
#include <string.h>
#include "core/memory.h"
#include "syscalls/layouts.h"
#include "syscalls/syscall.h"

/* Commands, as the kernel numbers them. */
enum { HOST_IPC_SET = 1, HOST_IPC_STAT = 2, HOST_SEM_STAT = 18, HOST_SEM_STAT_ANY = 20 };

long sys_semctl(struct thread *t, const uint64_t arg[6])
{
    struct host_semid_ds ds;
    long result;
    memset(&ds, 0, sizeof(ds));
    switch ((int)arg[2]) {
    case HOST_IPC_SET:
        if (memory_read(ds.perm, arg[3], sizeof(ds.perm)))
            return -EFAULT;
        return host_syscall(HOST_NR_semctl, arg[0], arg[1], arg[2], (uintptr_t)&ds, 0, 0);
    case HOST_IPC_STAT:
    case HOST_SEM_STAT:
    case HOST_SEM_STAT_ANY:
        result = host_syscall(HOST_NR_semctl, arg[0], arg[1], arg[2], (uintptr_t)&ds, 0, 0);
        if (result >= 0 && layout_write_semid_ds(t->guest->abi, arg[3], &ds))
            return -EFAULT;
        return result;
    default:
        return host_syscall(HOST_NR_semctl, arg[0], arg[1], arg[2], arg[3], 0, 0);
    }
}
