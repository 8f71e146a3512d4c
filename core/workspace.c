/* workspace.c - the workspaces of the process, and who has them. */
#include "core/workspace.h"

#include <sched.h>
#include <sys/mman.h>

#include "core/cache.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/promote.h"
#include "core/thread.h"

enum { MAX_WORKSPACES = 4 };

static LARGE_TABLE struct workspace first = {.without_lock = PTHREAD_MUTEX_INITIALIZER};
static struct workspace *all[MAX_WORKSPACES] = {&first}; /* guarded by tb_lock, also n_all */
static unsigned n_all = 1;
static WRITTEN_OFTEN bool used_without_lock; /* any of them was; guarded by tb_lock */
static WRITTEN_OFTEN unsigned n_busy; /* guarded by tb_lock: while there are none, none is touched */

/* More of them than CPUs would only take turns. */
static unsigned most_of_use(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < MAX_WORKSPACES ? (unsigned)n : MAX_WORKSPACES;
}

/* One more, or null: there is no memory, or there are enough. */
static struct workspace *add_workspace(void)
{
    static unsigned most;
    if (!most)
        most = most_of_use();
    size_t size = ALIGN_UP(sizeof(struct workspace), 4096), total = size + host_backend.emitter_size;
    if (n_all >= most)
        return NULL;
    char *p = mmap(memory_own_place(total), total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    memory_reserve_own(p, total);
    struct workspace *w = (void *)p;
    w->emitter = (void *)(p + size);
    pthread_mutex_init(&w->without_lock, NULL);
    return all[n_all++] = w;
}

static struct workspace *making(guest_addr pc, uint32_t mode)
{
    for (unsigned i = 0; i < n_all; i++)
        if (all[i]->is_busy && all[i]->pc == pc && all[i]->mode == mode)
            return all[i];
    return NULL;
}

bool workspace_has(guest_addr pc, uint32_t mode) { return making(pc, mode) != NULL; }

static struct workspace *free_one(void)
{
    for (unsigned i = 0; i < n_all; i++)
        if (!all[i]->is_busy)
            return all[i];
    struct workspace *w = add_workspace();
    if (!w && !n_all)
        die("no memory to translate in");
    return w;
}

struct workspace *workspace_take(const struct thread *thread, guest_addr pc, uint32_t mode)
{
    struct workspace *other = making(pc, mode), *w = other ? NULL : free_one();
    if (!w) {
        other = other ? other : &first;
        tb_lock_release();
        pthread_mutex_lock(&other->without_lock);
        pthread_mutex_unlock(&other->without_lock);
        tb_lock_take();
        return NULL;
    }
    if (!w->emitter)
        w->emitter = host_backend.first_emitter;
    w->t.ir.ops = w->ops;
    w->t.guest = thread->guest;
    w->t.isa = thread->guest->isa;
    w->pc = pc;
    w->mode = mode;
    w->is_busy = true;
    n_busy++;
    return w;
}

void workspace_release(struct workspace *w)
{
    w->is_busy = false;
    n_busy--;
}

/* The rest that the pipeline shares belongs to logs, to tests and to engines that nobody waits for; a block that is compared with a
 * cached one is made for a certain place; and outside of cpu_run blocks that are looked at may go. */
static bool has_to_hold(const struct thread *thread)
{
    return !thread_has_others() || !thread_is_inside(thread) || engine_options.engine != ENGINE_JIT || engine_options.lockstep ||
           promote_all() || compile_is_shown() || cache_verifies();
}

void workspace_unlock(struct workspace *w, const struct thread *thread, bool hold)
{
    w->t.has_lock = hold || has_to_hold(thread);
    w->n_changes = 0;
    if (w->t.has_lock)
        return;
    /* The other order than in workspace_lock: it is free but for threads that have waited, and those want nothing while they have
     * it. */
    pthread_mutex_lock(&w->without_lock);
    if (!used_without_lock)
        used_without_lock = true;
    tb_lock_release();
}

void workspace_lock(struct workspace *w)
{
    if (w->t.has_lock)
        return;
    tb_lock_take();
    pthread_mutex_unlock(&w->without_lock);
    w->t.has_lock = true;
}

bool workspace_saw_changes(const struct workspace *w) { return w->n_changes > 0; }

bool workspace_is_stale(const struct workspace *w)
{
    if (w->n_changes > WORKSPACE_MAX_CHANGES)
        return true;
    for (unsigned i = 0; i < w->n_changes; i++)
        if (tb_ranges_overlap(w->range, w->n_ranges, w->change[i].start, w->change[i].size))
            return true;
    return false;
}

/* Those who invalidate a line after the other need little room. */
void workspace_note_change(guest_addr start, uint64_t size)
{
    for (unsigned i = 0; i < n_all && n_busy; i++) {
        struct workspace *w = all[i];
        if (!w->is_busy || w->n_changes > WORKSPACE_MAX_CHANGES)
            continue;
        struct workspace_change *last = w->n_changes ? &w->change[w->n_changes - 1] : NULL;
        if (last && last->start + last->size == start)
            last->size += size;
        else if (w->n_changes++ < WORKSPACE_MAX_CHANGES)
            w->change[w->n_changes - 1] = (struct workspace_change){start, size};
    }
}

/* What another thread was working in is half done, and stays so: it is left alone. Who has waited for one that is free again may
 * have its lock for a moment yet. */
RUN_OFTEN void workspace_after_fork(void)
{
    if (!used_without_lock)
        return;
    unsigned n = 0;
    for (unsigned i = 0; i < n_all; i++) {
        pthread_mutex_init(&all[i]->without_lock, NULL);
        if (!all[i]->is_busy)
            all[n++] = all[i];
    }
    n_all = n;
    pthread_mutex_init(&first.without_lock, NULL); /* waited for, even if it is no longer among them */
    used_without_lock = false;
    n_busy = 0;
}
