/* lockstep.c - compare the engines block by block.
 *
 * The interpreter goes first and logs what its stores overwrite; then memory and registers are put back and the
 * generated code runs. Registers and the logged memory must agree. */
#include "core/lockstep.h"

#include <stdlib.h>
#include <string.h>

#include "core/flags.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"

enum { MAX_STORES = 1 << 16 };

struct store {
    guest_addr addr;
    unsigned size;
    uint8_t before[16], after[16];
};

static struct store *stores;
static unsigned n_stores;

/* Answers that the interpreter got in the block, to be given to the generated code in the same order. */
enum { MAX_ANSWERS = 256 };
static enum { NOT_COMPARING, INTERPRETING, GENERATED } phase;
static LARGE_TABLE uint64_t answers[MAX_ANSWERS];
static unsigned n_answers, n_given;

uint64_t lockstep_answer(uint64_t value)
{
    if (phase == GENERATED && n_given < n_answers)
        return answers[n_given++];
    if (phase == INTERPRETING && n_answers < MAX_ANSWERS)
        answers[n_answers++] = value;
    return value;
}

static void log_store(struct thread *thread, guest_addr addr, unsigned size)
{
    (void)thread;
    if (n_stores == MAX_STORES || size > 16)
        bug("lockstep: too many stores in one block");
    struct store *s = &stores[n_stores];
    s->addr = addr;
    s->size = size;
    memcpy(s->before, memory_host(addr), size);
    n_stores++;
}

static void undo_stores(void)
{
    for (unsigned i = 0; i < n_stores; i++)
        memory_read(stores[i].after, stores[i].addr, stores[i].size);
    for (unsigned i = n_stores; i-- > 0;)
        memory_write(stores[i].addr, stores[i].before, stores[i].size);
}

static bool compare_vars(const struct thread *thread, const struct cpu *ref)
{
    const struct guest_isa *isa = thread->guest->isa;
    bool same = true;
    for (unsigned i = 0; i < isa->n_vars; i++) {
        const struct ir_var *v = &isa->vars[i];
        const uint8_t *a = (const uint8_t *)ref + v->offset, *b = (const uint8_t *)&thread->cpu + v->offset;
        if (memcmp(a, b, v->size) == 0)
            continue;
        uint64_t x[2] = {0}, y[2] = {0};
        memcpy(x, a, v->size);
        memcpy(y, b, v->size);
        log_write("  %s: interpreter %016llx%016llx, generated %016llx%016llx\n", v->name, (unsigned long long)x[1],
                  (unsigned long long)x[0], (unsigned long long)y[1], (unsigned long long)y[0]);
        same = false;
    }
    return same;
}

static bool compare_memory(void)
{
    bool same = true;
    for (unsigned i = 0; i < n_stores; i++) {
        uint8_t now[16];
        bool overwritten = false;
        for (unsigned j = i + 1; j < n_stores && !overwritten; j++)
            overwritten = stores[j].addr < stores[i].addr + stores[i].size && stores[i].addr < stores[j].addr + stores[j].size;
        if (overwritten || memory_read(now, stores[i].addr, stores[i].size) != 0 ||
            memcmp(now, stores[i].after, stores[i].size) == 0)
            continue;
        log_write("  memory at %llx, %u bytes differs\n", (unsigned long long)stores[i].addr, stores[i].size);
        same = false;
    }
    return same;
}

static void log_line(const char *line) { log_write("%s\n", line); }

enum exit_reason lockstep_run(struct thread *thread, struct tb *tb)
{
    static struct cpu *before, *ref;
    if (!stores) {
        stores = malloc(MAX_STORES * sizeof *stores);
        before = malloc(sizeof *before);
        ref = malloc(sizeof *ref);
        if (!stores || !before || !ref)
            die("no memory for -lockstep");
    }
    n_stores = n_answers = n_given = 0;
    /* Helpers that the interpreter calls may clear the host's exception flags or change its mode. */
    thread->cpu.fp.flags |= host_backend.fp_exceptions();
    *before = thread->cpu;
    ir_store_hook = log_store;
    phase = INTERPRETING;
    enum exit_reason expected = ir_interpret(thread, tb->ir);
    phase = GENERATED;
    ir_store_hook = NULL;
    *ref = thread->cpu;
    undo_stores();
    uint32_t pending = thread->cpu.pending;
    thread->cpu = *before;
    thread->cpu.pending = pending;
    host_backend.set_fp_mode(&thread->cpu);
    host_backend.enter(&thread->cpu, tb->code);
    phase = NOT_COMPARING;
    enum exit_reason reason = thread->cpu.exit_reason;
    guest_addr pc = thread->cpu.pc;
    if (reason == EXIT_LINK) {
        const struct tb *from = host_exit_owner(&thread->cpu);
        pc = from->exits[thread->cpu.exit_data].target;
    }
    bool normal = expected <= EXIT_RESUME, same = normal ? reason <= EXIT_RESUME : reason == expected;
    if (pc != ref->pc) {
        log_write("  pc: interpreter %llx, generated %llx\n", (unsigned long long)ref->pc, (unsigned long long)pc);
        same = false;
    }
    same &= compare_vars(thread, ref);
    if (expected != EXIT_FAULT)
        same &= compare_memory();
    if (!same) {
        log_write("engines differ in the block at 0x%llx: interpreter ends with %u, generated code with %u\n",
                  (unsigned long long)tb->pc, expected, reason);
        ir_dump(tb->ir, log_line);
        abort();
    }
    return reason;
}
