/* dispatch.c - run guest code until something needs C: find or make blocks, enter them, link their exits. */
#include "core/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/cache.h"
#include "core/code_buffer.h"
#include "core/compile.h"
#include "core/fork_hints.h"
#include "core/host.h"
#include "core/lockstep.h"
#include "core/log.h"
#include "core/promote.h"
#include "core/strict.h"
#include "core/tagged.h"
#include "core/tb.h"

/* A signal takes a few microseconds: 1000 are what tests for NaNs cost in a tenth of a second of arithmetic. */
enum { DEFAULT_FP_TRAPS_MAX = 1000 };
struct engine_options engine_options = {.tier2_threshold = DEFAULT_TIER2_THRESHOLD, .fp_traps_max = DEFAULT_FP_TRAPS_MAX};

/* Not a multiple of 2 MiB, to which the kernel would align it: so the first MiB often shares a page table with what lies below
 * it, the guest's stack, and a fork then copies one less. */
enum { DEFAULT_CODE_SIZE = 129 << 20, LEAST_CODE_SIZE = 2 << 20, PART_OF_LIMIT = 32 };

/* Less where the address space is limited: most of it is for the guest. */
static size_t default_code_size(void)
{
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
    size_t size = DEFAULT_CODE_SIZE;
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        struct rlimit limit;
        if (!getrlimit(limits[i], &limit) && limit.rlim_cur / PART_OF_LIMIT < size)
            size = ALIGN_DOWN(limit.rlim_cur / PART_OF_LIMIT, 4096);
    }
    return size > LEAST_CODE_SIZE ? size : LEAST_CODE_SIZE;
}

void engine_init(const struct guest *guest)
{
    if (!engine_options.code_size)
        engine_options.code_size = default_code_size();
    if (engine_options.lockstep && engine_options.strict_exclusives)
        die("-strict-exclusives and -lockstep do not go together: versions count each store once");
    if (engine_options.engine == ENGINE_INTERP)
        return;
    if (!code_buffer_init(engine_options.code_size)) {
        log_write("executable memory is refused here: using the interpreter\n");
        engine_options.engine = ENGINE_INTERP;
        engine_options.lockstep = false;
        return;
    }
    const char *wrong = host_backend.init(guest->isa, engine_options.host_features_off, engine_options.host_cpu_words);
    if (wrong)
        die("%s", wrong);
    fault_fp_traps = host_fp_traps && engine_options.fp_traps_max > 0;
    if (LOG_ON(exec) || LOG_ON(cpu) || LOG_ON(nochain) || engine_options.lockstep)
        engine_options.no_chain = true;
    if (engine_options.no_chain || engine_options.one_insn_per_tb || engine_options.no_opt)
        engine_options.no_tier2 = true;
}

void cpu_log(const struct thread *thread)
{
    const struct cpu *cpu = &thread->cpu;
    const struct guest_isa *isa = thread->guest->isa;
    char line[128];
    size_t at = 0;
    log_write("pc=%016llx flags=%04x\n", (unsigned long long)cpu->pc, cpu->flags);
    for (unsigned i = 0; i < isa->n_vars; i++) {
        const struct ir_var *v = &isa->vars[i];
        const uint64_t *p = (const void *)((const char *)cpu + v->offset);
        if (v->class == IR_CLASS_I)
            at += (size_t)snprintf(line + at, sizeof line - at, "%4s=%016llx", v->name, (unsigned long long)*p);
        else if (v->class == IR_CLASS_V && (LOG_ON(fpu) || LOG_ON(vpu)))
            at += (size_t)snprintf(line + at, sizeof line - at, "%4s=%016llx%016llx", v->name, (unsigned long long)p[1],
                                   (unsigned long long)p[0]);
        if (at > 70 || (at && i + 1 == isa->n_vars)) {
            log_write("%s\n", line);
            at = 0;
        }
    }
}

/* Fill the jump cache's entry for TB. False: the cache was to be emptied meanwhile, and is. */
static bool remember(struct cpu *cpu, const struct tb *tb, unsigned kind)
{
    struct jump_cache_entry *e = &cpu_jump_cache(cpu)[tb->pc >> 2 & (JUMP_CACHE_SIZE - 1)];
    e->code = tb->code;
    __atomic_store_n(&e->pc, jump_cache_key(tb->pc, kind), __ATOMIC_SEQ_CST);
    /* Who drops blocks sets this before it empties the cache: if it is not set yet, the entry goes with the others. */
    if (likely(!(__atomic_load_n(&cpu->pending, __ATOMIC_SEQ_CST) & PENDING_KICK)))
        return true;
    host_backend.clear_jump_cache(cpu);
    return false;
}

void cpu_remember(struct thread *thread, const struct tb *tb)
{
    if (tb->mode == thread->code_mode)
        remember(&thread->cpu, tb, 0);
}

/* What the jump cache has for the current pc, or null. It spares a new process the memory of blocks, which to map costs time. */
RUN_OFTEN static const void *remembered(struct cpu *cpu)
{
    const struct jump_cache_entry *e = &cpu_jump_cache(cpu)[cpu->pc >> 2 & (JUMP_CACHE_SIZE - 1)];
    bool is_used = engine_options.engine == ENGINE_JIT && !engine_options.no_chain;
    return is_used && e->pc == cpu->pc ? e->code : NULL;
}

/* The mode has changed: what the jump cache and the return stack lead to is of the old one. */
static void forget_other_mode(struct thread *thread)
{
    host_backend.clear_jump_cache(&thread->cpu);
    thread->cpu.return_sp = thread->cpu.return_base;
    thread->code_mode = thread->cpu.mode;
}

/* Something that translation depends on may have changed. */
static void renew_mode(struct thread *thread)
{
    struct cpu *cpu = &thread->cpu;
    uint32_t mode = thread->guest->isa->mode ? thread->guest->isa->mode(cpu) : 0;
    if (mode == cpu->mode)
        return;
    cpu->mode = mode;
    cpu->fp.flags |= host_backend.fp_exceptions(); /* setting the host's mode forgets them */
    host_backend.set_fp_mode(cpu);
}

RUN_OFTEN static enum exit_reason run_code(struct thread *thread, const void *code)
{
    host_backend.enter(&thread->cpu, code);
    if (thread->cpu.exit_reason == EXIT_ALIGN)
        thread->fault = (struct guest_fault){.signal = SIGBUS, .code = BUS_ADRALN, .address = thread->cpu.exit_data};
    return thread->cpu.exit_reason;
}

static enum exit_reason run_block(struct thread *thread, struct tb *tb)
{
    if (engine_options.lockstep)
        return lockstep_run(thread, tb);
    if (engine_options.engine == ENGINE_INTERP)
        return ir_interpret(thread, tb->ir);
    return run_code(thread, tb->code);
}

/* An unlinked exit was taken: find its target, and link it. Returns the target's block, or null: look up pc anew. */
static struct tb *follow_link(struct thread *thread)
{
    struct cpu *cpu = &thread->cpu;
    struct tb *from = host_exit_owner(cpu);
    unsigned n = (unsigned)cpu->exit_data;
    cpu->pc = from->exits[n].target;
    if (engine_options.no_chain || cpu->pc == engine_options.stop_pc)
        return NULL;
    uint32_t generation = tb_generation();
    struct tb *to = tb_get(thread, cpu->pc, cpu->mode);
    if (to && generation == tb_generation() && to->mode == from->mode) {
        tb_link(from, n, to);
        if (unlikely(fork_hints_noting))
            fork_hints_note(from->pc, n, to->pc, to->mode);
    }
    return to;
}

/* A fault that was none: an address with a tag. Or one whose state is not exact, because instructions had been joined: they
 * have been taken apart. */
static bool run_again(const struct thread *thread)
{
    bool (*split_again)(guest_addr) = thread->guest->isa->split_again;
    if (thread->fault.is_noncanonical && thread->guest->isa->ignored_bits && tagged_add_place(thread->cpu.pc))
        return true;
    if (!split_again || !thread->fault.is_write || !split_again(thread->cpu.pc))
        return false;
    tb_invalidate(thread->cpu.pc, 1);
    return true;
}

/* Run TB, or if it is null the block at pc. EXIT_RESUME also says that something has changed before. */
static enum exit_reason run_found(struct thread *thread, struct tb *tb, unsigned kind, bool remembers)
{
    struct cpu *cpu = &thread->cpu;
    if (remembers && unlikely(fork_hints_noting) && (!kind || !tb_find(cpu->pc, cpu->mode)))
        fork_hints_note(0, kind, cpu->pc, cpu->mode);
    if (!tb)
        tb = tb_get(thread, cpu->pc, cpu->mode);
    if (!tb && tagged_strip(thread->guest->isa, cpu->pc) != cpu->pc) {
        cpu->pc = tagged_strip(thread->guest->isa, cpu->pc);
        cpu->branch_kind = kind;
        return EXIT_RESUME;
    }
    if (!tb)
        return EXIT_FETCH;
    if (remembers && !engine_options.no_chain && !remember(cpu, tb, kind))
        return EXIT_RESUME;
    if ((LOG_ON(exec) || LOG_ON(cpu)) && log_in_filter(cpu->pc)) {
        log_write("Trace: 0x%llx\n", (unsigned long long)cpu->pc);
        if (LOG_ON(cpu))
            cpu_log(thread);
    }
    return run_block(thread, tb);
}

RUN_OFTEN static enum exit_reason run_inside(struct thread *thread)
{
    struct cpu *cpu = &thread->cpu;
    struct tb *tb = NULL;
    bool remembers = true; /* what was found: C code and indirect jumps come back */
    for (;;) {
        if (unlikely(__atomic_load_n(&cpu->pending, __ATOMIC_ACQUIRE))) {
            if (__atomic_fetch_and(&cpu->pending, ~(uint32_t)PENDING_KICK, __ATOMIC_ACQ_REL) & PENDING_SIGNAL)
                return EXIT_SIGNAL;
            renew_mode(thread);
            if (thread_should_stop()) {
                thread_outside(thread);
                thread_inside(thread);
            }
            tb = NULL; /* it may be gone */
        }
        if (cpu->pc == engine_options.stop_pc && cpu->pc)
            return EXIT_STOP;
        if (unlikely(cpu->mode != thread->code_mode))
            forget_other_mode(thread);
        unsigned kind = cpu->branch_kind;
        if (unlikely(kind) && !thread->guest->isa->may_land(cpu))
            return EXIT_UNDEF;
        cpu->branch_kind = 0;
        const void *code = tb || kind ? NULL : remembered(cpu);
        enum exit_reason reason = likely(code) ? run_code(thread, code) : run_found(thread, tb, kind, remembers);
        remembers = reason == EXIT_LOOKUP;
        tb = NULL;
        if (unlikely(cpu->n_strict_held))
            strict_release(cpu);
        if (likely(reason == EXIT_SYSCALL))
            return reason;
        if (reason == EXIT_LINK)
            tb = follow_link(thread);
        else if (reason == EXIT_HOT)
            tb = promote_hot(thread);
        else if (reason == EXIT_FAULT && run_again(thread))
            continue;
        else if (reason > EXIT_RESUME && reason != EXIT_SIGNAL)
            return reason;
    }
}

RUN_OFTEN enum exit_reason cpu_run(struct thread *thread)
{
    thread_inside(thread);
    enum exit_reason reason = run_inside(thread);
    thread_outside(thread);
    /* Every way out is an exception to the guest, and the return from one clears the monitor. */
    thread->cpu.excl_addr = EXCL_NONE;
    return reason;
}
