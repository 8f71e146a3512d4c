/* promote.c - count jumps to loop heads and put regions in place of the hot ones. */
#include "core/promote.h"

#include <string.h>

#include "core/cache.h"
#include "core/code_buffer.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/thread.h"
#include "core/workspace.h"

enum { HEAT_STEPS = 8 }; /* what makes a loop hot is kept in so many steps: less than one is not worth it */
enum { LATE_TIMES = 16 }; /* a region that each process has to make for itself is made so much later */

/* Regions are for the host's code only. */
static bool is_on(void)
{
    return !engine_options.no_tier2 && engine_options.engine == ENGINE_JIT;
}

static struct tb *counted[CPU_HEAT]; /* by word of cpu->heat, the last one; guarded by tb_lock */
/* What is in it. It is emptied when it is needed, as each page that is written after a fork is copied. */
static WRITTEN_OFTEN bool is_parents;

bool promote_all(void) { return is_on() && engine_options.tier2_threshold == 0; }

/* What a loop head's word may lose before it is hot; less by what earlier processes counted. */
static void set_heat(struct tb *tb)
{
    unsigned word = promote_word(tb->pc);
    int32_t *heat = current_thread ? &current_thread->cpu.heat[word] : NULL;
    uint32_t counted_before = cache_heat(tb);
    if (heat && counted_before < CACHE_HEAT_UNKEPT)
        *heat -= (int32_t)counted_before < *heat ? (int32_t)counted_before : *heat;
    if (is_parents)
        promote_forget();
    counted[word] = tb;
}

/* Null: there is no room, or the cache file is too far. */
static const void *make_counter(const struct tb *tb)
{
    if (tb->counts)
        return tb->code + tb->exits[tb->n_exits - 1].site - HOST_COUNTER_SITE;
    uint8_t *code = code_buffer_begin(HOST_COUNTER);
    if (!code || !host_backend.put_counter(code, tb->code, promote_word(tb->pc)))
        return NULL;
    code_buffer_end(HOST_COUNTER);
    return code + HOST_COUNTER_STUB;
}

const void *promote_entry(const struct tb *from, struct tb *to)
{
    if (to->pc > from->pc || to->is_cold || to->pin || !is_on() || promote_all())
        return to->code;
    if (!to->counter) {
        to->counter = make_counter(to);
        set_heat(to);
    }
    return to->counter ? to->counter : to->code;
}

void promote_init_cpu(struct cpu *cpu)
{
    for (unsigned i = 0; i < CPU_HEAT; i++)
        cpu->heat[i] = (int32_t)engine_options.tier2_threshold;
}

void promote_now(struct workspace *w, struct tb **tb)
{
    compile_begin(w, NULL);
    struct tb *region = compile_region(w, true) ? compile_install(w) : NULL;
    if (region)
        *tb = region;
}

/* The hot head HEAD gives way to its region, or it has none. */
static void settle(struct cache_unit *unit, struct tb *head, struct tb *region)
{
    head->is_cold = true;
    head->superseded = region != NULL;
    if (unit && !region)
        cache_keep_heat(head, CACHE_HEAT_VAIN);
    else if (unit && !cache_add_region(unit, region, head) && region->n_bias == TB_NOT_MOVABLE)
        cache_keep_heat(head, CACHE_HEAT_UNKEPT);
    tb_supersede(head, region);
}

static bool is_candidate(const struct tb *tb)
{
    return !tb->dead && !tb->is_cold && tb_find(tb->pc, tb->mode) == tb && !tb_is_full();
}

/* Make the region of the head TB, if any, in W. HOLD: tb_lock, all the time. False: guest code has changed meanwhile. */
static bool make_region(struct thread *thread, struct workspace *w, struct tb *tb, bool hold, struct tb **region)
{
    workspace_unlock(w, thread, hold);
    bool made = compile_region(w, false);
    workspace_lock(w);
    if (!is_candidate(tb))
        return true;
    if (made ? workspace_is_stale(w) : workspace_saw_changes(w))
        return false;
    *region = made ? compile_install(w) : NULL;
    bool is_full = made && !*region; /* other processes may have room for it */
    settle(is_full ? NULL : w->t.unit, tb, *region);
    return true;
}

/* TB is hot; *heat is its word. Returns the block to go on with, or null. */
static struct tb *heed(struct thread *thread, struct tb *tb, int32_t *heat)
{
    struct tb *region = NULL;
    for (bool done = false, hold = false; !done && is_candidate(tb);) {
        struct cache_unit *unit = cache_unit_at(tb->pc); /* whose pages are read */
        uint32_t known = unit ? cache_heat(tb) : 0;
        if (known == CACHE_HEAT_UNKEPT && !tb->is_late) {
            tb->is_late = true;
            *heat = *heat < INT32_MAX / LATE_TIMES ? *heat * LATE_TIMES : INT32_MAX;
            return tb;
        }
        if (known == CACHE_HEAT_VAIN) {
            settle(unit, tb, NULL);
            return NULL;
        }
        if (workspace_has(tb->pc, tb->mode))
            return tb;
        struct workspace *w = workspace_take(thread, tb->pc, tb->mode);
        if (!w)
            continue;
        compile_begin(w, unit);
        done = make_region(thread, w, tb, hold, &region);
        hold = true;
        workspace_release(w);
    }
    return region;
}

struct tb *promote_hot(struct thread *thread)
{
    struct tb *tb = host_exit_owner(&thread->cpu);
    thread->cpu.pc = tb->pc;
    int32_t *heat = &thread->cpu.heat[promote_word(tb->pc)];
    *heat = (int32_t)engine_options.tier2_threshold;
    tb_lock_take();
    struct tb *next = heed(thread, tb, heat);
    tb_lock_release();
    return next;
}

void promote_forget(void)
{
    memset(counted, 0, sizeof counted);
    is_parents = false;
}

RUN_OFTEN void promote_after_fork(void) { is_parents = true; }

RUN_OFTEN bool promote_has_counts(void) { return !is_parents; }

void promote_keep_heat(void)
{
    int32_t threshold = (int32_t)engine_options.tier2_threshold, step = threshold / HEAT_STEPS + 1;
    for (unsigned i = 0; i < CPU_HEAT && current_thread && !is_parents; i++) {
        const struct tb *tb = counted[i];
        int32_t count = threshold - current_thread->cpu.heat[i];
        if (tb && !tb->dead && !tb->is_cold && count >= step)
            cache_keep_heat(tb, (uint32_t)(count / step * step));
    }
}
