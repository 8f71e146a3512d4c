/* limits.c - resource limits of the guest.
 *
 * The host's limit of core files is 0, because its files would be of the translator (dump.c writes the guest's).
 * Limits on memory would hit the translator's own, which the guest does not count. So the host's soft
 * limits of address space and data are raised as far as they go when a program starts, what the guest
 * has is kept here and applied to its own mappings, and execve gives it back to the host for the next
 * program. A stack limit reaches the host if it leaves the translator enough, because programs started
 * later take their stack's size from it. */
#include "syscalls/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/signal_state.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

enum {
    LIMIT_DATA = 2,
    LIMIT_STACK = 3,
    LIMIT_CORE = 4,
    LIMIT_AS = 9,
    N_LIMITS = 16,
    OWN_STACK_NEED = 1 << 20,
    CAP_SYS_RESOURCE_BIT = 24
};
#define UNLIMITED (~(uint64_t)0)

struct limit {
    uint64_t soft, hard;
};

struct limits {
    struct {
        bool set; /* atomic: execve looks without the lock */
        struct limit guest, host;
    } of[N_LIMITS];
};

static struct limits of_process; /* guarded by memory_lock */

/* Those of the process that the current thread belongs to: a vfork child has its own, once they differ. */
static struct limits *current_limits(void)
{
    struct task *task = current_thread ? current_thread->task : NULL;
    return task && task->limits ? task->limits : &of_process;
}

static bool is_shadowed(unsigned resource)
{
    return resource == LIMIT_DATA || resource == LIMIT_STACK || resource == LIMIT_AS || resource == LIMIT_CORE;
}

static bool is_set(const struct limits *l, unsigned resource)
{
    return __atomic_load_n(&l->of[resource].set, __ATOMIC_ACQUIRE);
}

static void set_guest(struct limits *l, unsigned resource, const struct limit *limit)
{
    l->of[resource].guest = *limit;
    __atomic_store_n(&l->of[resource].set, true, __ATOMIC_RELEASE);
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
    of_process.of[resource].host = none;
    if (now.hard != UNLIMITED && host_limit(resource, &none, NULL)) {
        of_process.of[resource].host = highest;
        host_limit(resource, &highest, NULL);
    } else {
        host_limit(resource, &none, NULL);
    }
    set_guest(&of_process, resource, &now);
}

static void take_over_core(void)
{
    struct limit now;
    if (host_limit(LIMIT_CORE, NULL, &now) || !now.soft)
        return;
    of_process.of[LIMIT_CORE].host = (struct limit){0, now.hard};
    host_limit(LIMIT_CORE, &of_process.of[LIMIT_CORE].host, NULL);
    set_guest(&of_process, LIMIT_CORE, &now);
}

void limits_take_over(void)
{
    take_over(LIMIT_AS);
    take_over(LIMIT_DATA);
    take_over_core();
}

static void swap_for_exec(bool to_guest)
{
    static const uint8_t swapped[] = {LIMIT_AS, LIMIT_DATA, LIMIT_CORE};
    struct limits *l = current_limits();
    for (unsigned i = 0; i < ARRAY_SIZE(swapped); i++) {
        unsigned resource = swapped[i];
        if (is_set(l, resource))
            host_limit(resource, to_guest ? &l->of[resource].guest : &l->of[resource].host, NULL);
    }
}

void limits_before_exec(void) { swap_for_exec(true); }
void limits_after_failed_exec(void) { swap_for_exec(false); }

/* -- Mappings and core files -- */

bool limits_allow(uint64_t size, int prot, int flags)
{
    const struct limits *l = current_limits();
    bool is_data = (prot & PROT_WRITE) && (flags & 15) == MAP_PRIVATE;
    if (likely(!is_set(l, LIMIT_AS) && !is_set(l, LIMIT_DATA)))
        return true;
    uint64_t all = is_set(l, LIMIT_AS) ? l->of[LIMIT_AS].guest.soft : UNLIMITED;
    uint64_t data = is_set(l, LIMIT_DATA) && is_data ? l->of[LIMIT_DATA].guest.soft : UNLIMITED;
    if (all != UNLIMITED && (size > all || memory_map_total(false) > all - size))
        return false;
    return data == UNLIMITED || (size <= data && memory_map_total(true) <= data - size);
}

uint64_t limits_core(void)
{
    const struct limits *l = current_limits();
    return is_set(l, LIMIT_CORE) ? l->of[LIMIT_CORE].guest.soft : 0;
}

void limits_let_kernel_dump(void)
{
    enum { ENOUGH = 1 << 20 };
    struct limit now;
    if (host_limit(LIMIT_CORE, NULL, &now))
        return;
    now.soft = now.hard < ENOUGH ? now.hard : ENOUGH;
    host_limit(LIMIT_CORE, &now, NULL);
}

void limits_for_each(void (*fn)(unsigned resource, uint64_t soft, uint64_t hard, void *p), void *p)
{
    struct limits *l = current_limits();
    for (unsigned i = 0; i < N_LIMITS; i++)
        if (is_set(l, i))
            fn(i, l->of[i].guest.soft, l->of[i].guest.hard, p);
}

void limits_inherit(struct task *child)
{
    struct limits *own = child->in_vfork ? current_limits() : &of_process;
    if (own == &of_process)
        return;
    child->limits = malloc(sizeof(*own));
    if (!child->limits)
        die("out of memory");
    memcpy(child->limits, own, sizeof(*own));
}

/* -- System calls -- */

/* memory_lock is held in these. */
static long get_limit(unsigned resource, struct limit *limit)
{
    const struct limits *l = current_limits();
    if (!is_shadowed(resource) || !is_set(l, resource))
        return host_limit(resource, NULL, limit);
    *limit = l->of[resource].guest;
    return 0;
}

/* The limits to change: a vfork child gets its own, in memory that it shares with its parent. */
static struct limits *own_limits(void)
{
    struct task *task = current_thread->task;
    if (task->in_vfork && !task->limits) {
        task->limits = malloc(sizeof(*task->limits));
        if (task->limits)
            memcpy(task->limits, &of_process, sizeof(of_process));
        return task->limits;
    }
    return current_limits();
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
    struct limits *l = own_limits();
    if (!l)
        return -ENOMEM;
    if (resource == LIMIT_STACK && limit->soft >= OWN_STACK_NEED) {
        error = host_limit(resource, limit, NULL);
        if (!error)
            __atomic_store_n(&l->of[resource].set, false, __ATOMIC_RELEASE);
        return error;
    }
    if (!is_set(l, resource))
        host_limit(resource, NULL, &l->of[resource].host);
    set_guest(l, resource, limit);
    return 0;
}

static long change_limit(struct thread *t, unsigned resource, const struct limit *new, struct limit *old)
{
    struct limit ignored;
    memory_lock();
    long error = get_limit(resource, old ? old : &ignored);
    if (!error && new)
        error = set_limit(resource, new);
    memory_unlock();
    if (!error && new && resource == LIMIT_CORE)
        signal_mirror_core(t->task);
    return error;
}

long sys_getrlimit(struct thread *t, const uint64_t arg[6])
{
    struct limit limit;
    long error = change_limit(t, (uint32_t)arg[0], NULL, &limit);
    return error ? error : memory_write(arg[1], &limit, sizeof(limit));
}

long sys_setrlimit(struct thread *t, const uint64_t arg[6])
{
    struct limit limit;
    if (memory_read(&limit, arg[1], sizeof(limit)))
        return -EFAULT;
    return change_limit(t, (uint32_t)arg[0], &limit, NULL);
}

long sys_prlimit64(struct thread *t, const uint64_t arg[6])
{
    uint32_t resource = (uint32_t)arg[1];
    int pid = (int)arg[0];
    struct limit old, new;
    if (!is_shadowed(resource) || (pid && pid != getpid()))
        return host_syscall(HOST_NR_prlimit64, arg[0], arg[1], arg[2], arg[3], 0, 0);
    if (arg[2] && memory_read(&new, arg[2], sizeof(new)))
        return -EFAULT;
    long error = change_limit(t, resource, arg[2] ? &new : NULL, &old);
    return error || !arg[3] ? error : memory_write(arg[3], &old, sizeof(old));
}
