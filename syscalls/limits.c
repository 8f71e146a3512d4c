/* limits.c - resource limits of the guest.
 *
 * Limits on memory would hit the translator's own, which the guest does not count. So the host's soft
 * limits of address space and data are raised as far as they go when a program starts, what the guest
 * has is kept here and applied to its own mappings, and execve gives it back to the host for the next
 * program. A stack limit reaches the host if it leaves the translator enough, because programs started
 * later take their stack's size from it. */
#include "syscalls/limits.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/memory.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

enum {
    LIMIT_DATA = 2,
    LIMIT_STACK = 3,
    LIMIT_AS = 9,
    N_LIMITS = 16,
    OWN_STACK_NEED = 1 << 20,
    CAP_SYS_RESOURCE_BIT = 24
};
#define UNLIMITED (~(uint64_t)0)

struct limit {
    uint64_t soft, hard;
};

static struct {
    bool set; /* atomic: execve looks without the lock */
    struct limit guest, host;
} shadow[N_LIMITS]; /* guarded by memory_lock */

static bool is_shadowed(unsigned resource)
{
    return resource == LIMIT_DATA || resource == LIMIT_STACK || resource == LIMIT_AS;
}

static bool is_set(unsigned resource)
{
    return __atomic_load_n(&shadow[resource].set, __ATOMIC_ACQUIRE);
}

static long host_limit(unsigned resource, const struct limit *new, struct limit *old)
{
    return host_syscall(HOST_NR_prlimit64, 0, resource, (uintptr_t)new, (uintptr_t)old, 0, 0);
}

/* -- Start and exec -- */

static void take_over(unsigned resource)
{
    struct limit now;
    if (host_limit(resource, NULL, &now) || now.soft == UNLIMITED)
        return;
    struct limit none = {UNLIMITED, UNLIMITED}, highest = {now.hard, now.hard};
    shadow[resource].guest = now;
    shadow[resource].host = none;
    if (now.hard != UNLIMITED && host_limit(resource, &none, NULL)) {
        shadow[resource].host = highest;
        host_limit(resource, &highest, NULL);
    } else {
        host_limit(resource, &none, NULL);
    }
    __atomic_store_n(&shadow[resource].set, true, __ATOMIC_RELEASE);
}

void limits_take_over(void)
{
    take_over(LIMIT_AS);
    take_over(LIMIT_DATA);
}

static void swap_for_exec(bool to_guest)
{
    static const uint8_t swapped[] = {LIMIT_AS, LIMIT_DATA};
    for (unsigned i = 0; i < ARRAY_SIZE(swapped); i++) {
        unsigned resource = swapped[i];
        if (is_set(resource))
            host_limit(resource, to_guest ? &shadow[resource].guest : &shadow[resource].host, NULL);
    }
}

void limits_before_exec(void) { swap_for_exec(true); }
void limits_after_failed_exec(void) { swap_for_exec(false); }

/* -- Mappings -- */

bool limits_allow(uint64_t size, int prot, int flags)
{
    bool is_data = (prot & PROT_WRITE) && (flags & 15) == MAP_PRIVATE;
    if (likely(!is_set(LIMIT_AS) && !is_set(LIMIT_DATA)))
        return true;
    uint64_t all = is_set(LIMIT_AS) ? shadow[LIMIT_AS].guest.soft : UNLIMITED;
    uint64_t data = is_set(LIMIT_DATA) && is_data ? shadow[LIMIT_DATA].guest.soft : UNLIMITED;
    if (all != UNLIMITED && (size > all || memory_map_total(false) > all - size))
        return false;
    return data == UNLIMITED || (size <= data && memory_map_total(true) <= data - size);
}

/* -- System calls -- */

/* memory_lock is held in these two. */
static long get_limit(unsigned resource, struct limit *limit)
{
    if (!is_shadowed(resource) || !is_set(resource))
        return host_limit(resource, NULL, limit);
    *limit = shadow[resource].guest;
    return 0;
}

static long set_limit(unsigned resource, const struct limit *limit)
{
    struct limit old;
    if (!is_shadowed(resource))
        return host_limit(resource, limit, NULL);
    long error = get_limit(resource, &old);
    if (error)
        return error;
    if (limit->soft > limit->hard)
        return -EINVAL;
    if (limit->hard > old.hard && !task_has_capability(CAP_SYS_RESOURCE_BIT))
        return -EPERM;
    if (resource == LIMIT_STACK && limit->soft >= OWN_STACK_NEED) {
        error = host_limit(resource, limit, NULL);
        if (!error)
            __atomic_store_n(&shadow[resource].set, false, __ATOMIC_RELEASE);
        return error;
    }
    if (!is_set(resource))
        host_limit(resource, NULL, &shadow[resource].host);
    shadow[resource].guest = *limit;
    __atomic_store_n(&shadow[resource].set, true, __ATOMIC_RELEASE);
    return 0;
}

long sys_getrlimit(struct thread *t, const uint64_t arg[6])
{
    struct limit limit;
    (void)t;
    memory_lock();
    long error = get_limit((uint32_t)arg[0], &limit);
    memory_unlock();
    return error ? error : memory_write(arg[1], &limit, sizeof(limit));
}

long sys_setrlimit(struct thread *t, const uint64_t arg[6])
{
    struct limit limit;
    (void)t;
    if (memory_read(&limit, arg[1], sizeof(limit)))
        return -EFAULT;
    memory_lock();
    long error = set_limit((uint32_t)arg[0], &limit);
    memory_unlock();
    return error;
}

long sys_prlimit64(struct thread *t, const uint64_t arg[6])
{
    uint32_t resource = (uint32_t)arg[1];
    int pid = (int)arg[0];
    struct limit old, new;
    (void)t;
    if (!is_shadowed(resource) || (pid && pid != getpid()))
        return host_syscall(HOST_NR_prlimit64, arg[0], arg[1], arg[2], arg[3], 0, 0);
    if (arg[2] && memory_read(&new, arg[2], sizeof(new)))
        return -EFAULT;
    memory_lock();
    long error = get_limit(resource, &old);
    if (!error && arg[2])
        error = set_limit(resource, &new);
    memory_unlock();
    return error || !arg[3] ? error : memory_write(arg[3], &old, sizeof(old));
}
