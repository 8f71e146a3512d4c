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

static struct tb *new_tb(guest_addr pc, uint32_t mode, unsigned n_insns, const struct tb_range *range, unsigned n_ranges)
{
    size_t ranges_size = n_ranges * sizeof(struct tb_range);
    struct tb *tb = tb_alloc(sizeof *tb + ranges_size);
    memset(tb, 0, sizeof *tb);
    tb->range = (struct tb_range *)(void *)(tb + 1);
    tb->pc = pc;
    tb->mode = mode;
    tb->n_insns = (uint16_t)n_insns;
    tb->n_ranges = (uint16_t)n_ranges;
    memcpy(tb->range, range, ranges_size);
    return tb;
}

/* The interpreter and lockstep run the IR itself. */
static void keep_ir(struct tb *tb, const struct ir *ir)
{
    struct ir *copy = tb_alloc(sizeof *copy);
    struct ir_op *ops = tb_alloc(ir->n * sizeof *ops);
    memcpy(copy, ir, sizeof *copy);
    memcpy(ops, ir->ops, ir->n * sizeof *ops);
    copy->ops = ops;
    tb->ir = copy;
}

enum compile_result compile_block(struct workspace *w, struct thread *thread, guest_addr pc, uint32_t mode, struct tb **out)
{
    uint64_t start = LOG_ON(stats) ? now() : 0;
    *out = NULL;
    struct translator *t = &w->t;
    if (!translate_block(t, pc, mode)) {
        bool mapped = memory_check(pc, 1, 0);
        thread->fault = (struct guest_fault){
            .signal = SIGSEGV, .code = mapped ? SEGV_ACCERR : SEGV_MAPERR, .address = pc, .is_fetch = true};
        return COMPILE_FETCH;
    }
    verify(&t->ir, "translation");
    bool logged = log_in_filter(pc);
    if (LOG_ON(in_asm) && logged)
        log_guest_code(t);
    if ((LOG_ON(op) || LOG_ON(op_ind)) && logged)
        ir_dump(&t->ir, log_ir);
    struct tb *tb = new_tb(pc, mode, t->n_insns, t->range, t->n_ranges);
    if (engine_options.lockstep || engine_options.engine == ENGINE_INTERP) {
        if (engine_options.engine == ENGINE_INTERP && !engine_options.no_opt)
            opt_run(&t->ir);
        keep_ir(tb, &t->ir);
    }
    if (engine_options.engine == ENGINE_JIT) {
        opt_run(&t->ir);
        verify(&t->ir, "optimisation");
        if (LOG_ON(op_opt) && logged)
            ir_dump(&t->ir, log_ir);
        if (!host_backend.emit(w->emitter, &t->ir, tb))
            return COMPILE_FULL;
    }
    if (LOG_ON(stats)) {
        compile_stats.blocks++;
        compile_stats.guest_insns += t->n_insns;
        compile_stats.host_bytes += tb->size;
        compile_stats.nanoseconds += now() - start;
    }
    *out = tb;
    return COMPILE_OK;
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

void compile_region(struct workspace *w, guest_addr pc, uint32_t mode, bool alone, struct tb **out)
{
    uint64_t start = LOG_ON(stats) ? now() : 0;
    *out = NULL;
    const struct hot_region *r = region_form(&w->region, &w->t, pc, mode, alone);
    if (!r)
        return;
    for (unsigned b = 0; b < r->n_blocks; b++)
        verify(&r->block[b].ir, "optimisation");
    if ((LOG_ON(in_asm) || LOG_ON(op_opt)) && log_in_filter(pc))
        log_region(r);
    struct tb *tb = new_tb(pc, mode, r->n_insns, r->range, r->n_ranges);
    if (!host_backend.emit_region(w->emitter, r, tb))
        return;
    if (LOG_ON(stats)) {
        compile_stats.regions++;
        compile_stats.region_blocks += r->n_blocks;
        compile_stats.region_insns += r->n_insns;
        compile_stats.region_bytes += tb->size;
        compile_stats.region_nanoseconds += now() - start;
    }
    *out = tb;
}
