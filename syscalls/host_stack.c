/* host_stack.c - C stacks of guest threads and vfork children, kept for the next one.
 *
 * A new mapping costs three system calls and a page fault for each page that is touched, again for every thread. The last
 * user of a stack stands on it until the kernel has ended it: it says that it leaves, and who takes the stack next joins it.
 * memory_lock guards all of this, so a fork sees it at rest. */
#include "syscalls/process.h"

#include <sys/mman.h>

#include "core/memory.h"

enum { MAX_STACKS = 8, GUARD = 4096 };

struct host_stack {
    char *base; /* of the usable part; null: not mapped yet */
    enum { UNUSED, IN_USE, LEAVING } state;
    pthread_t user; /* while LEAVING */
    struct thread *left; /* by the last user, or null */
    bool held;      /* who started the thread still reads what the C library keeps of it at the stack's end */
};

static WRITTEN_OFTEN struct host_stack stacks[MAX_STACKS]; /* guarded by memory_lock */

static bool map_stack(struct host_stack *s)
{
    char *p = mmap(NULL, GUARD + HOST_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    if (mprotect(p, GUARD, PROT_NONE)) {
        munmap(p, GUARD + HOST_STACK_SIZE);
        return false;
    }
    memory_reserve_own(p, GUARD + HOST_STACK_SIZE);
    s->base = p + GUARD;
    return true;
}

static bool is_free(struct host_stack *s)
{
    if (s->state == LEAVING && !s->held && pthread_tryjoin_np(s->user, NULL) == 0)
        s->state = UNUSED;
    return s->state == UNUSED;
}

struct host_stack *host_stack_take(void)
{
    static unsigned turn; /* guarded by memory_lock */
    struct host_stack *found = NULL;
    struct thread *left = NULL;
    memory_lock();
    /* In turn, so that the last user of each has had time to end. */
    for (unsigned i = 0; i < MAX_STACKS && !found; i++) {
        struct host_stack *s = &stacks[++turn % MAX_STACKS];
        if (s->base && is_free(s))
            found = s;
    }
    for (unsigned i = 0; i < MAX_STACKS && !found; i++)
        if (!stacks[i].base && map_stack(&stacks[i]))
            found = &stacks[i];
    if (found) {
        left = found->left;
        *found = (struct host_stack){.base = found->base, .state = IN_USE, .held = true};
    }
    memory_unlock();
    if (left)
        thread_free(left);
    return found;
}

void *host_stack_base(const struct host_stack *s) { return s->base; }

void host_stack_give(struct host_stack *s)
{
    memory_lock();
    s->state = UNUSED;
    memory_unlock();
}

void host_stack_let_go(struct host_stack *s)
{
    memory_lock();
    s->held = false;
    memory_unlock();
}

void host_stack_leave(struct host_stack *s, struct thread *thread)
{
    memory_lock();
    s->user = pthread_self();
    s->left = thread;
    s->state = LEAVING;
    memory_unlock();
}

RUN_OFTEN void host_stacks_after_fork(const void *current)
{
    for (unsigned i = 0; i < MAX_STACKS; i++) {
        stacks[i].held = false;
        const char *base = stacks[i].base;
        if (!base || (const char *)current < base || (const char *)current >= base + HOST_STACK_SIZE)
            stacks[i].state = UNUSED;
    }
}
