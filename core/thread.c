/* thread.c - guest threads: their memory, the list of all, and stopping the others.
 *
 * A thread is "inside" while it is in cpu_run. thread_stop_others waits until no other thread is inside; a thread
 * that wants in meanwhile waits for thread_resume_others. */
#include "core/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "core/dispatch.h"
#include "core/host.h"
#include "core/memory.h"
#include "core/promote.h"
#include "core/strict.h"

__thread struct thread *current_thread;

static WRITTEN_OFTEN pthread_mutex_t thread_lock = PTHREAD_MUTEX_INITIALIZER;    /* the list */
static WRITTEN_OFTEN pthread_mutex_t exclusive_lock = PTHREAD_MUTEX_INITIALIZER; /* held while the others are stopped */
static WRITTEN_OFTEN struct thread *threads;                                     /* guarded by thread_lock */
static WRITTEN_OFTEN struct thread *spares; /* memory of ended threads for new ones; guarded by thread_lock, also n_spares */
static WRITTEN_OFTEN unsigned n_spares;
static WRITTEN_OFTEN unsigned times_forgotten; /* jump caches were emptied; guarded by thread_lock */
static WRITTEN_OFTEN _Atomic bool stopping;
static WRITTEN_OFTEN _Atomic bool several; /* the list has more than one; changed with thread_lock held */

enum { GUARD_SIZE = 4096, MAX_SPARES = 8, THREAD_PAGES = ALIGN_UP(RETURN_STACK_TOP + sizeof(struct thread), 4096) };

static size_t mapping_size(void)
{
    return GUARD_SIZE + RETURN_STACK_SIZE + THREAD_PAGES + GUARD_SIZE + HOST_ALT_STACK_SIZE;
}

static struct thread *map_thread(void)
{
    size_t size = mapping_size();
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    struct thread *t = (void *)(p + GUARD_SIZE + RETURN_STACK_SIZE + RETURN_STACK_TOP);
    char *second_guard = p + GUARD_SIZE + RETURN_STACK_SIZE + THREAD_PAGES;
    if (mprotect(p, GUARD_SIZE, PROT_NONE) || mprotect(second_guard, GUARD_SIZE, PROT_NONE)) {
        munmap(p, size);
        return NULL;
    }
    memory_reserve_own(p, size);
    t->return_stack = p;
    t->alt_stack = second_guard + GUARD_SIZE;
    return t;
}

/* A spare one, as new as from map_thread but for its jump cache. Null: there is none. */
static struct thread *reuse_thread(void)
{
    pthread_mutex_lock(&thread_lock);
    struct thread *t = spares;
    if (t) {
        spares = t->next;
        n_spares--;
    }
    bool is_stale = t && t->forgotten != times_forgotten;
    pthread_mutex_unlock(&thread_lock);
    if (!t)
        return NULL;
    if (is_stale)
        host_backend.clear_jump_cache(&t->cpu);
    void *return_stack = t->return_stack, *alt_stack = t->alt_stack;
    uint32_t code_mode = t->code_mode;
    memset(t, 0, offsetof(struct thread, jump_cache));
    t->return_stack = return_stack;
    t->alt_stack = alt_stack;
    t->code_mode = code_mode;
    return t;
}

struct thread *thread_new(const struct guest *guest, const struct thread *from)
{
    struct thread *t = reuse_thread();
    bool has_empty_cache = !t;
    if (!t)
        t = map_thread();
    if (!t)
        return NULL;
    if (!from)
        memory_populate(t, sizeof *t); /* it will be a whole program's; other threads often end soon */
    t->guest = guest;
    if (from) {
        t->cpu = from->cpu;
        t->cpu.pending = 0;
        t->cpu.host_sp = NULL;
        t->cpu.recover = NULL;
        t->cpu.inside = false;
        t->tagged_calls = from->tagged_calls;
    } else {
        promote_init_cpu(&t->cpu);
        t->cpu.excl_addr = EXCL_NONE;
        guest->isa->reset(&t->cpu, guest);
    }
    if (has_empty_cache)
        t->code_mode = t->cpu.mode;
    host_backend.init_cpu(&t->cpu, (char *)t->return_stack + GUARD_SIZE, RETURN_STACK_SIZE + RETURN_STACK_TOP);
    pthread_mutex_lock(&thread_lock);
    t->next = threads;
    threads = t;
    atomic_store_explicit(&several, t->next != NULL, memory_order_relaxed);
    pthread_mutex_unlock(&thread_lock);
    return t;
}

void thread_enter(struct thread *thread)
{
    current_thread = thread;
    stack_t ss = {.ss_sp = thread->alt_stack, .ss_size = HOST_ALT_STACK_SIZE};
    sigaltstack(&ss, NULL);
    host_backend.set_fp_mode(&thread->cpu);
}

void thread_end(struct thread *thread)
{
    bool ends_itself = current_thread == thread;
    if (ends_itself)
        current_thread = NULL;
    pthread_mutex_lock(&thread_lock);
    for (struct thread **p = &threads; *p; p = &(*p)->next)
        if (*p == thread) {
            *p = thread->next;
            /* One that a process was killed in may have half an entry in its jump cache. */
            thread->forgotten = ends_itself ? times_forgotten : times_forgotten - 1;
            break;
        }
    atomic_store_explicit(&several, threads && threads->next, memory_order_relaxed);
    pthread_mutex_unlock(&thread_lock);
}

void thread_free(struct thread *thread)
{
    thread_end(thread);
    pthread_mutex_lock(&thread_lock);
    bool keep = n_spares < MAX_SPARES;
    if (keep) {
        thread->next = spares;
        spares = thread;
        n_spares++;
    }
    pthread_mutex_unlock(&thread_lock);
    if (keep)
        return;
    void *base = thread->return_stack;
    memory_release_own(base, mapping_size());
    munmap(base, mapping_size());
}

static void kick(struct thread *t)
{
    __atomic_fetch_or(&t->cpu.pending, PENDING_KICK, __ATOMIC_SEQ_CST);
    host_backend.clear_jump_cache(&t->cpu);
}

void thread_for_each(void (*fn)(struct thread *thread, void *arg), void *arg)
{
    pthread_mutex_lock(&thread_lock);
    for (struct thread *t = threads; t; t = t->next)
        fn(t, arg);
    pthread_mutex_unlock(&thread_lock);
}

void thread_kick_all(void)
{
    pthread_mutex_lock(&thread_lock);
    times_forgotten++;
    for (struct thread *t = threads; t; t = t->next)
        kick(t);
    pthread_mutex_unlock(&thread_lock);
}

RUN_OFTEN void thread_inside(struct thread *thread)
{
    /* With nobody to stop it, only its own signal handler asks. A second thread is made by this one, while it is outside. */
    if (likely(!atomic_load_explicit(&several, memory_order_relaxed))) {
        atomic_store_explicit(&thread->cpu.inside, true, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        return;
    }
    for (;;) {
        atomic_store(&thread->cpu.inside, true);
        if (!atomic_load(&stopping))
            return;
        atomic_store(&thread->cpu.inside, false);
        pthread_mutex_lock(&exclusive_lock);
        pthread_mutex_unlock(&exclusive_lock);
    }
}

/* Release is enough, and half the price: who stops the others waits until it sees this. */
RUN_OFTEN void thread_outside(struct thread *thread) { atomic_store_explicit(&thread->cpu.inside, false, memory_order_release); }

RUN_OFTEN bool thread_is_inside(const struct thread *thread) { return atomic_load(&thread->cpu.inside); }

bool thread_has_others(void) { return atomic_load_explicit(&several, memory_order_relaxed); }

RUN_OFTEN bool thread_should_stop(void) { return atomic_load_explicit(&stopping, memory_order_relaxed); }

/* thread_lock is held. */
static bool other_is_inside(const struct thread *self)
{
    for (struct thread *t = threads; t; t = t->next)
        if (t != self && atomic_load(&t->cpu.inside))
            return true;
    return false;
}

void thread_stop_others(void)
{
    struct thread *self = current_thread;
    bool was_inside = self && atomic_load(&self->cpu.inside);
    if (was_inside)
        thread_outside(self);
    pthread_mutex_lock(&exclusive_lock);
    atomic_store(&stopping, true);
    pthread_mutex_lock(&thread_lock);
    for (struct thread *t = threads; t; t = t->next)
        if (t != self)
            kick(t);
    /* Between looks the list is free: a thread that is inside may need it for thread_kick_all before it leaves. */
    while (other_is_inside(self)) {
        pthread_mutex_unlock(&thread_lock);
        sched_yield();
        pthread_mutex_lock(&thread_lock);
    }
    pthread_mutex_unlock(&thread_lock);
    if (was_inside)
        atomic_store(&self->cpu.inside, true);
}

void thread_resume_others(void)
{
    atomic_store(&stopping, false);
    pthread_mutex_unlock(&exclusive_lock);
}

void thread_forget_code(void)
{
    pthread_mutex_lock(&thread_lock);
    times_forgotten++;
    for (struct thread *t = threads; t; t = t->next) {
        host_backend.clear_jump_cache(&t->cpu);
        t->cpu.return_sp = t->cpu.return_base;
    }
    pthread_mutex_unlock(&thread_lock);
}

RUN_OFTEN void thread_lock_before_fork(void)
{
    pthread_mutex_lock(&exclusive_lock);
    pthread_mutex_lock(&thread_lock);
}

RUN_OFTEN void thread_unlock_after_fork(void)
{
    pthread_mutex_unlock(&thread_lock);
    pthread_mutex_unlock(&exclusive_lock);
}

RUN_OFTEN void thread_after_fork(void)
{
    threads = current_thread;
    if (current_thread->next) /* each page that is written is copied */
        current_thread->next = NULL;
    if (atomic_load_explicit(&several, memory_order_relaxed))
        atomic_store_explicit(&several, false, memory_order_relaxed);
    if (engine_options.strict_exclusives)
        strict_after_fork();
}
