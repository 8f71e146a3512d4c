/* compile.c - guest code to host code: the pipeline in one function. */
#include "core/compile.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/opt.h"
#include "core/workspace.h"

struct compile_stats compile_stats;

static uint64_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void log_ir(const char *line) { log_write("%s\n", line); }

static void log_guest_code(const struct translator *t)
{
    log_write("IN: 0x%llx, %u instructions\n", (unsigned long long)t->ir.pc, t->n_insns);
    for (uint32_t i = 1; i < t->ir.n; i++) {
        const struct ir_op *op = &t->ir.ops[i];
        uint8_t bytes[16] = {0};
        unsigned len = op->aux;
        if (op->op != IR_insn || memory_read(bytes, op->imm, len) != 0)
            continue;
        uint32_t word;
        memcpy(&word, bytes, 4);
        log_write("0x%08llx:  %08x  %s\n", (unsigned long long)op->imm, word, t->isa->insn_name(bytes, &len));
    }
}

static void verify(const struct ir *ir, const char *after)
{
#ifdef ANYARCH_VERIFY
    const char *wrong = ir_verify(ir);
    if (wrong)
        bug("IR of block 0x%llx is malformed after %s: %s", (unsigned long long)ir->pc, after, wrong);
#else
    (void)ir, (void)after;
#endif
}

/* The interpreter and lockstep run the IR itself. */
static const struct ir *keep_ir(const struct ir *ir)
{
    struct ir *copy = tb_alloc(sizeof *copy);
    struct ir_op *ops = tb_alloc(ir->n * sizeof *ops);
    memcpy(copy, ir, sizeof *copy);
    memcpy(ops, ir->ops, ir->n * sizeof *ops);
    copy->ops = ops;
    return copy;
}

bool compile_is_shown(void)
{
    return LOG_ON(in_asm) || LOG_ON(op) || LOG_ON(op_ind) || LOG_ON(op_opt) || LOG_ON(out_asm) || LOG_ON(prof);
}

void compile_begin(struct workspace *w, struct cache_unit *unit)
{
    w->start = LOG_ON(stats) ? now() : 0;
    w->kept = NULL;
    translate_begin(&w->t, unit, w->pc);
    if (engine_options.engine == ENGINE_JIT)
        host_backend.begin_code(w->emitter, w->pc, w->mode);
}

bool compile_block(struct workspace *w, struct thread *thread)
{
    struct translator *t = &w->t;
    guest_addr pc = w->pc;
    if (!translate_block(t, pc, w->mode)) {
        bool mapped = memory_check(pc, 1, 0);
        thread->fault = (struct guest_fault){
            .signal = SIGSEGV, .code = mapped ? SEGV_ACCERR : SEGV_MAPERR, .address = pc, .is_fetch = true};
        return false;
    }
    verify(&t->ir, "translation");
    w->region_blocks = 0;
    w->n_insns = t->n_insns;
    w->range = t->range;
    w->n_ranges = t->n_ranges;
    bool logged = log_in_filter(pc);
    if (LOG_ON(in_asm) && logged)
        log_guest_code(t);
    if ((LOG_ON(op) || LOG_ON(op_ind)) && logged)
        ir_dump(&t->ir, log_ir);
    if (engine_options.lockstep || engine_options.engine == ENGINE_INTERP) {
        if (engine_options.engine == ENGINE_INTERP && !engine_options.no_opt)
            opt_run(&t->ir);
        w->kept = keep_ir(&t->ir);
    }
    if (engine_options.engine == ENGINE_JIT) {
        opt_run(&t->ir);
        verify(&t->ir, "optimisation");
        if (LOG_ON(op_opt) && logged)
            ir_dump(&t->ir, log_ir);
        host_backend.emit(w->emitter, &t->ir);
    }
    return true;
}

static void log_region(const struct hot_region *r)
{
    log_write("REGION: 0x%llx, %u blocks, %u instructions\n", (unsigned long long)r->pc, r->n_blocks, r->n_insns);
    for (unsigned b = 0; b < r->n_blocks; b++) {
        const struct region_block *block = &r->block[b];
        log_write("  block 0x%llx, %u instructions, in %u loops and %u calls%s\n", (unsigned long long)block->ir.pc,
                  block->n_insns, block->depth, r->context[block->context].calls, b == r->head ? ", entry" : "");
        if (LOG_ON(op_opt))
            ir_dump(&block->ir, log_ir);
    }
}

bool compile_region(struct workspace *w, bool alone)
{
    const struct hot_region *r = region_form(&w->region, &w->t, w->pc, w->mode, alone);
    if (!r)
        return false;
    for (unsigned b = 0; b < r->n_blocks; b++)
        verify(&r->block[b].ir, "optimisation");
    if ((LOG_ON(in_asm) || LOG_ON(op_opt)) && log_in_filter(w->pc))
        log_region(r);
    w->region_blocks = r->n_blocks;
    w->n_insns = r->n_insns;
    w->range = r->range;
    w->n_ranges = r->n_ranges;
    return host_backend.emit_region(w->emitter, r);
}

static void count(const struct workspace *w, const struct tb *tb)
{
    struct compile_stats *s = &compile_stats;
    if (w->region_blocks) {
        s->regions++;
        s->region_blocks += w->region_blocks;
        s->region_insns += w->n_insns;
        s->region_bytes += tb->size;
        s->region_nanoseconds += now() - w->start;
    } else {
        s->blocks++;
        s->guest_insns += w->n_insns;
        s->host_bytes += tb->size;
        s->nanoseconds += now() - w->start;
    }
}

struct tb *compile_install(struct workspace *w)
{
    size_t ranges_size = w->n_ranges * sizeof(struct tb_range);
    struct tb *tb = tb_alloc(sizeof *tb + ranges_size);
    memset(tb, 0, sizeof *tb);
    tb->range = (struct tb_range *)(void *)(tb + 1);
    tb->pc = w->pc;
    tb->mode = w->mode;
    tb->n_insns = (uint16_t)w->n_insns;
    tb->n_ranges = (uint16_t)w->n_ranges;
    memcpy(tb->range, w->range, ranges_size);
    tb->ir = w->kept;
    if (engine_options.engine == ENGINE_JIT && !host_backend.install(w->emitter, tb))
        return NULL;
    if (LOG_ON(stats))
        count(w, tb);
    return tb;
}
