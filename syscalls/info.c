/* info.c - what the system looks like to the guest. */
#include <string.h>
#include <sys/utsname.h>
#include "core/memory.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

enum { UTS_LENGTH = 65 };

long sys_getpid(struct thread *t, const uint64_t arg[6])
{
    (void)arg;
    return t->task->pid;
}

long sys_gettid(struct thread *t, const uint64_t arg[6])
{
    (void)arg;
    return t->task->tid;
}

long sys_uname(struct thread *t, const uint64_t arg[6])
{
    struct {
        char sysname[UTS_LENGTH], nodename[UTS_LENGTH], release[UTS_LENGTH], version[UTS_LENGTH],
            machine[UTS_LENGTH], domainname[UTS_LENGTH];
    } uts;
    long result = host_syscall(HOST_NR_uname, (uintptr_t)&uts, 0, 0, 0, 0, 0);
    if (result)
        return result;
    memset(uts.machine, 0, sizeof(uts.machine));
    strncpy(uts.machine, t->guest->uname, sizeof(uts.machine) - 1);
    if (process.uname_release && *process.uname_release) {
        memset(uts.release, 0, sizeof(uts.release));
        strncpy(uts.release, process.uname_release, sizeof(uts.release) - 1);
    }
    return memory_write(arg[0], &uts, sizeof(uts));
}
