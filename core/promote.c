/* promote.c - count jumps to loop heads and put regions in place of the hot ones. */
#include "core/promote.h"

#include <string.h>

#include "core/cache.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/thread.h"

enum { HEAT_STEPS = 8 }; /* what makes a loop hot is kept in so many steps: less than one is not worth it */

/* Regions are for the host's code only. */
static bool is_on(void)
{
    return !engine_options.no_tier2 && engine_options.engine == ENGINE_JIT;
}

static struct tb *counted[CPU_HEAT]; /* by word of cpu->heat, the last one; guarded by tb_lock */

bool promote_all(void) { return is_on() && engine_options.tier2_threshold == 0; }

/* What a loop head's word may lose before it is hot; less by what earlier processes counted. */
static void set_heat(struct tb *tb)
{
    int32_t *heat = current_thread ? &current_thread->cpu.heat[tb->heat] : NULL;
    uint32_t counted_before = cache_heat(tb);
    if (heat && counted_before)
        *heat -= (int32_t)counted_before < *heat ? (int32_t)counted_before : *heat;
    counted[tb->heat] = tb;
}

const void *promote_entry(const struct tb *from, struct tb *to)
{
    static unsigned n_counters;
    if (to->pc > from->pc || to->is_cold || to->pin || !is_on() || promote_all())
        return to->code;
    if (!to->counter) {
        to->heat = (uint8_t)(n_counters++ % CPU_HEAT);
        to->counter = host_backend.make_counter(to, to->heat);
        set_heat(to);
    }
    return to->counter ? to->counter : to->code;
}

void promote_init_cpu(struct cpu *cpu)
{
    for (unsigned i = 0; i < CPU_HEAT; i++)
        cpu->heat[i] = (int32_t)engine_options.tier2_threshold;
}

void promote_now(const struct thread *thread, struct tb **tb)
{
    struct tb *region;
    compile_region(thread, (*tb)->pc, (*tb)->mode, true, &region);
    if (region)
        *tb = region;
}

struct tb *promote_hot(struct thread *thread)
{
    struct tb *tb = host_exit_owner(&thread->cpu), *region = NULL;
    thread->cpu.pc = tb->pc;
    thread->cpu.heat[tb->heat] = (int32_t)engine_options.tier2_threshold;
    tb_lock_take();
    if (!tb->dead && !tb->is_cold && tb_find(tb->pc, tb->mode) == tb && !tb_is_full()) {
        struct cache_unit *unit = cache_unit_at(tb->pc); /* whose pages are read */
        compile_region(thread, tb->pc, tb->mode, false, &region);
        tb->is_cold = true;
        tb->superseded = region != NULL;
        if (unit && !(region && cache_add_region(unit, region, tb)))
            cache_keep_heat(tb, CACHE_HEAT_VAIN);
        tb_supersede(tb, region);
    }
    tb_lock_release();
    return region;
}

void promote_forget(void) { memset(counted, 0, sizeof counted); }

void promote_keep_heat(void)
{
    int32_t threshold = (int32_t)engine_options.tier2_threshold, step = threshold / HEAT_STEPS + 1;
    for (unsigned i = 0; i < CPU_HEAT && current_thread; i++) {
        const struct tb *tb = counted[i];
        int32_t count = threshold - current_thread->cpu.heat[i];
        if (tb && !tb->dead && !tb->is_cold && count >= step)
            cache_keep_heat(tb, (uint32_t)(count / step * step));
    }
}
