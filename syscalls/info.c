/* info.c - what the system and its limits look like to the guest. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "core/memory.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

/* -- uname -- */

enum { UTS_LENGTH = 65 };

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

/* -- Limits -- */

/* Limits on memory would hit the translator's own. The guest sees what it has set; the host does
 * not, except for a stack limit that leaves the translator enough, because programs started later
 * take their stack's size from it. */
enum { LIMIT_DATA = 2, LIMIT_STACK = 3, LIMIT_AS = 9, N_LIMITS = 16, OWN_STACK_NEED = 1 << 20 };

struct limit {
    uint64_t soft, hard;
};

/* Written by one thread at a time as far as the guest cares; atomic so that a reader never sees
 * half a value. */
static struct {
    atomic_bool set;
    _Atomic uint64_t soft, hard;
} shadow[N_LIMITS];

static bool is_shadowed(unsigned resource)
{
    return resource == LIMIT_DATA || resource == LIMIT_STACK || resource == LIMIT_AS;
}

static long get_limit(unsigned resource, struct limit *limit)
{
    if (is_shadowed(resource) &&
        atomic_load_explicit(&shadow[resource].set, memory_order_acquire)) {
        limit->soft = atomic_load_explicit(&shadow[resource].soft, memory_order_relaxed);
        limit->hard = atomic_load_explicit(&shadow[resource].hard, memory_order_relaxed);
        return 0;
    }
    return host_syscall(HOST_NR_prlimit64, 0, resource, 0, (uintptr_t)limit, 0, 0);
}

static long set_limit(unsigned resource, const struct limit *limit)
{
    struct limit old;
    if (!is_shadowed(resource))
        return host_syscall(HOST_NR_prlimit64, 0, resource, (uintptr_t)limit, 0, 0, 0);
    long error = get_limit(resource, &old);
    if (error)
        return error;
    if (limit->soft > limit->hard)
        return -EINVAL;
    if (limit->hard > old.hard && geteuid() != 0)
        return -EPERM;
    if (resource == LIMIT_STACK && limit->soft >= OWN_STACK_NEED) {
        error = host_syscall(HOST_NR_prlimit64, 0, resource, (uintptr_t)limit, 0, 0, 0);
        if (!error)
            atomic_store_explicit(&shadow[resource].set, false, memory_order_release);
        return error;
    }
    atomic_store_explicit(&shadow[resource].soft, limit->soft, memory_order_relaxed);
    atomic_store_explicit(&shadow[resource].hard, limit->hard, memory_order_relaxed);
    atomic_store_explicit(&shadow[resource].set, true, memory_order_release);
    return 0;
}

long sys_getrlimit(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    struct limit limit;
    long error = get_limit((uint32_t)arg[0], &limit);
    return error ? error : memory_write(arg[1], &limit, sizeof(limit));
}

long sys_setrlimit(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    struct limit limit;
    if (memory_read(&limit, arg[1], sizeof(limit)))
        return -EFAULT;
    return set_limit((uint32_t)arg[0], &limit);
}

long sys_prlimit64(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    int pid = (int)arg[0];
    if (!is_shadowed((uint32_t)arg[1]) || (pid && pid != getpid()))
        return host_syscall(HOST_NR_prlimit64, arg[0], arg[1], arg[2], arg[3], 0, 0);
    struct limit old, new;
    if (arg[2] && memory_read(&new, arg[2], sizeof(new)))
        return -EFAULT;
    long error = get_limit((uint32_t)arg[1], &old);
    if (!error && arg[2])
        error = set_limit((uint32_t)arg[1], &new);
    if (!error && arg[3])
        error = memory_write(arg[3], &old, sizeof(old));
    return error;
}
