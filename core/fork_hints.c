/* fork_hints.c - children of fork tell their parent which blocks they had to look up or make, so that later ones inherit these.
 *
 * The notes are advice from a process that may do as it likes: they are checked as guest addresses are, and a wrong one costs
 * the translation of a block that nobody runs. */
#include "core/fork_hints.h"

#include <sys/mman.h>

#include "core/dispatch.h"
#include "core/memory.h"
#include "core/tb.h"

struct note {
    guest_addr from, pc;
    uint32_t exit, mode;
};

enum { NOTES_SIZE = 4096, MAX_NOTES = (NOTES_SIZE - 8) / sizeof(struct note) };

struct notes {
    uint32_t n; /* atomic; may count more than there is room for */
    struct note note[MAX_NOTES];
};

WRITTEN_OFTEN bool fork_hints_noting;
static WRITTEN_OFTEN struct notes *own;      /* what our children write, from the second fork on */
static WRITTEN_OFTEN struct notes *parents;  /* what we write */
static WRITTEN_OFTEN bool forked_once, busy; /* busy: atomic; a thread is in fork_hints_before_fork */

void fork_hints_note(guest_addr from, unsigned exit, guest_addr pc, uint32_t mode)
{
    uint32_t i = __atomic_fetch_add(&parents->n, 1, __ATOMIC_RELAXED);
    if (i < MAX_NOTES)
        parents->note[i] = (struct note){from, pc, exit, mode};
    else
        fork_hints_noting = false;
}

/* What can be written may be other code by the time that it runs here. */
static bool is_constant_code(guest_addr pc)
{
    struct region r;
    return memory_map_find(pc, &r) && r.start <= pc && (r.prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
}

static struct tb *constant_block(struct thread *thread, guest_addr pc, uint32_t mode)
{
    return is_constant_code(pc) ? tb_get(thread, pc, mode) : NULL;
}

static void follow(struct thread *thread, const struct note *n)
{
    uint32_t generation = tb_generation();
    struct tb *to = constant_block(thread, n->pc, n->mode);
    struct tb *from = n->from ? constant_block(thread, n->from, n->mode) : NULL;
    if (generation != tb_generation()) /* there was no room for one of them, and so the other is gone */
        return;
    if (to && !n->from && !n->exit)
        cpu_remember(thread, to);
    if (to && from && n->exit < from->n_exits && from->exits[n->exit].target == n->pc)
        tb_link_at_once(from, n->exit, to);
}

static void make_notes(void)
{
    void *p = mmap(NULL, NOTES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return;
    memory_reserve_own(p, NOTES_SIZE);
    own = p;
}

RUN_OFTEN void fork_hints_before_fork(struct thread *thread)
{
    if (engine_options.no_chain || engine_options.engine != ENGINE_JIT || __atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
        return;
    if (!own && forked_once)
        make_notes();
    forked_once = true;
    uint32_t n = own && __atomic_load_n(&own->n, __ATOMIC_RELAXED) ? __atomic_exchange_n(&own->n, 0, __ATOMIC_ACQUIRE) : 0;
    if (n) {
        thread_inside(thread); /* so that no block goes while it is linked */
        for (uint32_t i = 0; i < n && i < MAX_NOTES; i++) {
            struct note copy = own->note[i];
            follow(thread, &copy);
        }
        thread_outside(thread);
    }
    __atomic_clear(&busy, __ATOMIC_RELEASE);
}

RUN_OFTEN void fork_hints_after_fork(void)
{
    parents = own;
    own = NULL;
    forked_once = busy = false;
    fork_hints_noting = parents != NULL;
}
