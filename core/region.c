/* region.c - form a region: explore direct jumps from its head, keep what leads back, and see what lives across blocks. */
#include "core/region.h"

#include <string.h>

#include "core/cache.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/opt.h"
#include "core/region_graph.h"
#include "core/thread.h"

/* Uses in a loop count 2^LOOP_WEIGHT_LOG2 times as often, per level. */
enum { LOOP_WEIGHT_LOG2 = 3, MAX_DEPTH = 6, MAX_GAP = 1 << 20 };
/* A switch whose loop fits into a region: so far are its ways from the head. */
enum { LANDINGS_NEAR = 4 << 10 };

int region_find(const struct hot_region *r, guest_addr pc, unsigned context)
{
    for (unsigned i = 0; i < r->n_blocks; i++)
        if (r->block[i].ir.pc == pc && r->block[i].context == context)
            return (int)i;
    return -1;
}

struct region_target region_target(const struct hot_region *r, const struct region_block *block, const struct ir_op *op)
{
    struct region_target to = {.pc = block->ir.pc + (guest_addr)(int64_t)op->disp, .context = block->context, .block = -1};
    unsigned context = block->context;
    if (op->op == IR_goto_call)
        context = block->into;
    if (op->d & IR_GUESS)
        to.pc = block->guess;
    if (op->d & IR_BACK) {
        to.pc = r->context[context].back;
        to.context = r->context[context].parent;
        context = to.context;
    }
    if (!(op->d & IR_OUT) && (op->op != IR_goto_call || context != block->context))
        to.block = region_find(r, to.pc, context);
    return to;
}

static struct ir_op *last_op(struct ir *ir) { return &ir->ops[ir->n - 1]; }

static guest_addr last_insn(const struct ir *ir)
{
    for (uint32_t i = ir->n - 1; i > 0; i--)
        if (ir->ops[i].op == IR_insn)
            return ir->ops[i].imm;
    return ir->pc;
}

/* ---- Where to go ------------------------------------------------------------------------------------------- */

/* Some thread has come to PC by a jump. */
static bool was_run(const struct region_maker *x, guest_addr pc)
{
    if (tb_find(pc, x->r->mode))
        return true;
    translate_lock(x->t);
    bool has = cache_has(pc, x->r->mode);
    translate_unlock(x->t);
    return has;
}

/* Along calls only what was run is taken in: functions have many ways that are never gone. */
static void enqueue(struct region_maker *x, guest_addr pc, unsigned context)
{
    for (unsigned i = 0; i < x->n_queue; i++)
        if (x->queue[i].pc == pc && x->queue[i].context == context)
            return;
    if (x->n_queue < REGION_MAX_QUEUE && pc != engine_options.stop_pc && (!x->follow_calls || x->alone || was_run(x, pc)))
        x->queue[x->n_queue++] = (struct region_head){pc, context};
}

/* The variable that a call puts its return address into. */
static unsigned return_variable(const struct ir *ir)
{
    for (uint32_t i = ir->n - 1; i > 0; i--)
        if (ir->ops[i].op == IR_put && ir->ops[i].a == ir->ops[ir->n - 1].a)
            return (unsigned)ir->ops[i].imm;
    return IR_MAX_VARS;
}

/* The context that the call at the end of IR makes, or CONTEXT: it is not followed. */
static unsigned enter(struct region_maker *x, struct ir *ir, unsigned context)
{
    struct hot_region *r = x->r;
    const struct ir_op *call = last_op(ir);
    guest_addr entry = ir->pc + (guest_addr)(int64_t)call->disp, site = last_insn(ir);
    for (unsigned i = 1; i < r->n_contexts; i++)
        if (r->context[i].parent == context && r->context[i].site == site)
            return i;
    const struct region_context *from = &r->context[context];
    if (r->n_contexts == REGION_MAX_CONTEXTS || from->calls == REGION_MAX_CALLS || entry == r->pc)
        return context;
    for (unsigned c = context; c; c = r->context[c].parent)
        if (r->context[c].entry == entry)
            return context;
    r->context[r->n_contexts] = (struct region_context){
        .parent = (uint8_t)context, .calls = from->calls + 1, .var = (uint8_t)return_variable(ir),
        .site = site, .entry = entry, .back = ir->ops[call->a].imm};
    return r->n_contexts++;
}

/* Where an indirect jump to A leads at present: A is read from memory at an address that does not change. 0: not known. */
static guest_addr guess_target(const struct ir *ir, ir_ref a)
{
    const struct ir_op *load = &ir->ops[a];
    guest_addr target;
    if (load->op != IR_load || load->type != T_I64 || load->aux != 3 || load->b)
        return 0;
    const struct ir_op *base = &ir->ops[load->a];
    if (base->op != IR_addr && base->op != IR_const)
        return 0;
    return memory_read(&target, base->imm + (guest_addr)(int64_t)load->disp, sizeof target) == 0 ? target : 0;
}

/* The thread's jump cache has where its indirect jumps have led to. False: there are none, or too many. */
static bool find_landings(struct region_maker *x)
{
    if (x->looked_for_landings)
        return x->n_landings > 0;
    const struct jump_cache_entry *e = current_thread ? cpu_jump_cache(&current_thread->cpu) : NULL;
    unsigned n = 0;
    for (unsigned i = 0; e && i < JUMP_CACHE_SIZE && n <= REGION_MAX_LANDINGS; i++) {
        guest_addr pc = __atomic_load_n(&e[i].pc, __ATOMIC_RELAXED); /* others empty it */
        if (pc - x->r->pc + LANDINGS_NEAR < 2 * LANDINGS_NEAR && tb_find(pc, x->r->mode))
            x->landing[n++] = pc;
    }
    x->n_landings = n <= REGION_MAX_LANDINGS ? n : 0;
    x->looked_for_landings = true;
    return x->n_landings > 0;
}

/* The indirect jump END adds an offset from a table to the address of code: compilers do so for a switch. What loads a whole
 * address is a call's rest or an interpreter with more ways than a region can have. */
static bool is_switch(const struct ir *ir, const struct ir_op *end)
{
    const struct ir_op *target = &ir->ops[end->a];
    return !end->aux && target->op == IR_add && ir->ops[target->a].op == IR_addr;
}

static void mark_landings(const struct region_maker *x)
{
    for (unsigned i = 0; i < x->n_landings && !x->follow_calls; i++) {
        int b = region_find(x->r, x->landing[i], 0);
        if (b >= 0)
            x->r->block[b].is_landing = true;
    }
}

/* ---- Blocks ------------------------------------------------------------------------------------------------ */

/* Helpers find pinned registers where the convention has them, and what they do takes longer than a region saves. */
static bool calls_helper(const struct ir *ir)
{
    for (uint32_t i = 1; i < ir->n; i++)
        if (ir->ops[i].op == IR_call)
            return true;
    return false;
}

/* In place of the jump or return at the end of IR: to what KIND says if its target is EXPECTED. Else it is carried out
 * outside. */
static void expect(struct ir *ir, guest_addr expected, unsigned kind)
{
    struct ir_op end = *last_op(ir);
    int32_t here = (int32_t)(last_insn(ir) - ir->pc);
    ir->n--;
    ir_ref target = (ir_ref)ir->n++;
    ir->ops[target] = (struct ir_op){.op = IR_addr, .imm = expected};
    ir->ops[ir->n++] = (struct ir_op){.op = IR_exit_eq, .type = T_I64, .a = end.a, .b = end.b, .c = target, .d = (uint16_t)kind};
    ir->ops[ir->n++] = (struct ir_op){.op = IR_jump, .b = end.b, .d = IR_OUT, .disp = here};
}

/* The block just translated for CONTEXT ends as a region's block has to, or does now. */
static bool ends_well(struct region_maker *x, unsigned context, guest_addr *guess)
{
    struct ir *ir = &x->t->ir;
    const struct ir_op *end = last_op(ir);
    switch (end->op) {
    case IR_jump:
        return true;
    case IR_goto_call:
        return x->follow_calls;
    case IR_ret:
        if (!context)
            return false;
        expect(ir, x->r->context[context].back, IR_BACK);
        return true;
    case IR_jumpi:
        *guess = x->follow_calls && !end->aux ? guess_target(ir, end->a) : 0;
        if (!*guess)
            return !x->follow_calls && is_switch(ir, end) && find_landings(x);
        expect(ir, *guess, IR_GUESS);
        return true;
    default:
        return false;
    }
}

/* Translate the block at AT such that its exits are direct. False: it is none for a region. */
static bool translate(struct region_maker *x, struct region_head at, guest_addr *guess)
{
    struct translator *t = x->t;
    guest_addr heads[REGION_MAX_QUEUE];
    unsigned n = 0;
    for (unsigned i = 0; i < x->n_queue; i++)
        if (x->queue[i].context == at.context)
            heads[n++] = x->queue[i].pc;
    for (unsigned max = 0;; max = t->n_insns - 1) {
        if (!translate_region_block(t, at.pc, x->r->mode, heads, n, max))
            return false;
        if (ends_well(x, at.context, guess))
            return !calls_helper(&t->ir);
        if (t->n_insns < 2)
            return false;
    }
}

static bool note_ranges(struct region_maker *x)
{
    const struct translator *t = x->t;
    if (x->n_runs + t->n_ranges > REGION_MAX_RUNS)
        return false;
    memcpy(x->run + x->n_runs, t->range, t->n_ranges * sizeof *t->range);
    x->n_runs += t->n_ranges;
    return true;
}

/* Make the block at AT part of the region to be. */
static void add_block(struct region_maker *x, struct region_head at)
{
    struct hot_region *r = x->r;
    guest_addr guess = 0;
    if (!translate(x, at, &guess))
        return;
    struct ir *ir = &x->t->ir;
    unsigned exits = 0;
    for (uint32_t i = 1; i < ir->n; i++)
        if (region_is_exit(&ir->ops[i])) /* on the way out each call becomes one */
            exits += 1 + r->context[at.context].calls + (ir->ops[i].op == IR_goto_call);
    if (r->n_insns + x->t->n_insns > REGION_MAX_INSNS || x->n_ops + ir->n > REGION_MAX_OPS ||
        x->n_exits + exits > REGION_MAX_EXITS || !note_ranges(x))
        return;
    struct region_block *b = &r->block[r->n_blocks++];
    *b = (struct region_block){.ir = *ir, .n_insns = x->t->n_insns, .context = (uint8_t)at.context, .guess = guess};
    b->into = (uint8_t)(last_op(ir)->op == IR_goto_call ? enter(x, ir, at.context) : at.context);
    b->ir.ops = x->ops + x->n_ops;
    memcpy(b->ir.ops, ir->ops, ir->n * sizeof *ir->ops);
    x->n_ops += ir->n;
    x->n_exits += exits;
    r->n_insns += b->n_insns;
    if (last_op(ir)->op == IR_jumpi)
        for (unsigned i = 0; i < x->n_landings; i++)
            enqueue(x, x->landing[i], 0);
    for (uint32_t i = 1; i < ir->n; i++) {
        const struct ir_op *op = &ir->ops[i];
        if (!region_is_exit(op) || op->d & IR_OUT || (op->op == IR_goto_call && b->into == b->context))
            continue;
        struct region_target to = region_target(r, b, op);
        enqueue(x, to.pc, op->op == IR_goto_call ? b->into : to.context);
    }
}

/* ---- Returns ----------------------------------------------------------------------------------------------- */

static bool writes(const struct region_block *block, unsigned var)
{
    for (uint32_t i = 1; i < block->ir.n; i++)
        if (block->ir.ops[i].op == IR_put && block->ir.ops[i].imm == var)
            return true;
    return false;
}

/* The blocks of functions at whose entry the return address is in its register still. */
static uint64_t find_untouched(const struct hot_region *r)
{
    uint64_t set = 0;
    for (unsigned b = 0; b < r->n_blocks; b++)
        set |= (uint64_t)(r->block[b].context != 0) << b;
    for (bool more = true; more;) {
        more = false;
        for (unsigned b = 0; b < r->n_blocks; b++) {
            const struct region_block *from = &r->block[b];
            for (unsigned k = 0; k < r->n_blocks; k++) {
                const struct region_block *to = &r->block[k];
                if (!(from->to >> k & 1) || !(set >> k & 1) || r->context[to->context].parent == from->context)
                    continue; /* the call itself, which puts it there, is among the last */
                if (to->context != from->context || !(set >> b & 1) || writes(from, r->context[to->context].var)) {
                    set &= ~((uint64_t)1 << k);
                    more = true;
                }
            }
        }
    }
    return set;
}

/* Returns by a register that is as the call left it need no comparison. */
static void settle_returns(struct hot_region *r)
{
    uint64_t untouched = find_untouched(r);
    for (unsigned b = 0; b < r->n_blocks; b++) {
        struct ir *ir = &r->block[b].ir;
        struct ir_op *jump = last_op(ir), *test = jump - 1;
        if (!(untouched >> b & 1) || ir->n < 3 || test->op != IR_exit_eq || !(test->d & IR_BACK))
            continue;
        const struct ir_op *value = &ir->ops[test->a];
        if (value->op != IR_get || value->imm != r->context[r->block[b].context].var)
            continue;
        *jump = (struct ir_op){.op = IR_jump, .b = test->b, .d = IR_BACK};
        *test = (struct ir_op){.op = IR_nop};
    }
}

/* ---- What lives across blocks ------------------------------------------------------------------------------- */

/* Nothing that the walk looked at is far away: the ranges of a region are few (join_ranges). */
static bool is_near(const struct region_maker *x)
{
    for (unsigned i = 0; i < x->t->n_ranges; i++)
        if (x->t->range[i].start - x->r->pc + MAX_GAP / 2 >= MAX_GAP)
            return false;
    return true;
}

/* Are the flags dead where an exit leaves the region for TO? LINK: as for flags_dead. */
static bool leaves_flags_dead(struct region_maker *x, guest_addr to, guest_addr link)
{
    if (to == engine_options.stop_pc)
        return false;
    x->t->n_ranges = 0;
    return x->t->isa->flags_dead(x->t, to, link) && is_near(x) && note_ranges(x);
}

/* Exits that leave need no flags where they go on to what overwrites them, also after the return from the call that they are in,
 * if its address is in its register still. */
static void find_dead_exits(struct region_maker *x)
{
    struct hot_region *r = x->r;
    uint64_t untouched = find_untouched(r);
    for (unsigned b = 0; b < r->n_blocks; b++) {
        const struct region_block *block = &r->block[b];
        const struct region_context *context = &r->context[block->context];
        bool is_linked = untouched >> b & 1 && !writes(block, context->var);
        for (uint32_t i = 1; i < block->ir.n; i++) {
            struct ir_op *op = &block->ir.ops[i];
            if (!region_is_exit(op) || op->d & IR_OUT)
                continue;
            struct region_target to = region_target(r, block, op);
            guest_addr link = is_linked && !(op->d & IR_BACK) ? context->back : 0;
            if (op->op == IR_goto_call)
                link = block->ir.ops[op->a].imm;
            if (to.block >= 0 || !leaves_flags_dead(x, to.pc, link))
                continue;
            op->b = IR_NONE;
            op->d |= IR_NO_FLAGS;
        }
    }
}

/* Does BLOCK use the flags that it is entered with, or hand them on? */
static bool uses_flags(const struct hot_region *r, const struct region_block *block)
{
    const struct ir *ir = &block->ir;
    for (uint32_t i = 1; i < ir->n; i++) {
        const struct ir_op *op = &ir->ops[i];
        if (op->op == IR_getf)
            return true;
        if (op->op == IR_putf)
            return false;
        if (!region_is_exit(op) || op->d & IR_NO_FLAGS)
            continue;
        int to = region_target(r, block, op).block;
        if (to < 0 || r->block[to].needs_flags)
            return true;
    }
    return false;
}

/* Do not store flags on the way to blocks that make their own. */
static void drop_dead_flags(struct hot_region *r)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned b = r->n_blocks; b-- > 0;) {
            struct region_block *block = &r->block[b];
            if (!block->needs_flags && uses_flags(r, block))
                more = block->needs_flags = true;
        }
    }
    for (unsigned b = 0; b < r->n_blocks; b++) {
        struct ir *ir = &r->block[b].ir;
        for (uint32_t i = 1; i < ir->n; i++) {
            int to = region_is_exit(&ir->ops[i]) ? region_target(r, &r->block[b], &ir->ops[i]).block : -1;
            if (to >= 0 && !r->block[to].needs_flags)
                ir->ops[i].b = IR_NONE;
        }
    }
}

static void count_uses(struct hot_region *r, bool alone)
{
    for (unsigned b = 0; b < r->n_blocks; b++) {
        const struct region_block *block = &r->block[b];
        unsigned depth = block->depth < MAX_DEPTH ? block->depth : MAX_DEPTH;
        if (alone && depth < 2) /* tests want homes to be given */
            depth = 2;
        for (uint32_t i = 1; i < block->ir.n; i++) {
            const struct ir_op *op = &block->ir.ops[i];
            bool put = op->op == IR_put || op->op == IR_putv;
            if (!put && op->op != IR_get && op->op != IR_getv)
                continue;
            r->uses[op->imm] += 1u << LOOP_WEIGHT_LOG2 * depth;
            r->is_put[op->imm] |= put;
        }
    }
}

/* The guest code that the region depends on, in few ranges: what lies between two of them may be taken for code too. False:
 * too much would. */
static bool join_ranges(struct region_maker *x)
{
    struct tb_range *run = x->run;
    unsigned n = x->n_runs;
    for (unsigned i = 1; i < n; i++) /* by address */
        for (unsigned k = i; k > 0 && run[k - 1].start > run[k].start; k--) {
            struct tb_range swap = run[k];
            run[k] = run[k - 1];
            run[k - 1] = swap;
        }
    for (bool joined = true; n > 1 && (joined || n > REGION_MAX_RANGES);) {
        unsigned at = 0;
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i + 1 < n; i++) {
            guest_addr end = run[i].start + run[i].size;
            uint64_t gap = run[i + 1].start > end ? run[i + 1].start - end : 0;
            if (gap < least)
                least = gap, at = i;
        }
        joined = least == 0 || n > REGION_MAX_RANGES;
        if (!joined)
            break;
        if (least > MAX_GAP)
            return false;
        guest_addr end = run[at + 1].start + run[at + 1].size;
        if (end > run[at].start + run[at].size)
            run[at].size = (uint32_t)(end - run[at].start);
        memmove(&run[at + 1], &run[at + 2], (n - at - 2) * sizeof *run);
        n--;
    }
    x->r->n_ranges = n;
    memcpy(x->r->range, run, n * sizeof *run);
    return true;
}

/* Find the blocks around the head. */
static bool explore(struct region_maker *x, bool follow_calls)
{
    struct hot_region *r = x->r;
    r->n_blocks = r->n_insns = 0;
    r->n_contexts = 1;
    x->follow_calls = r->follows_calls = follow_calls;
    x->n_ops = x->n_exits = x->n_runs = 0;
    x->n_queue = 1;
    x->queue[0] = (struct region_head){r->pc, 0};
    for (unsigned i = 0; i < x->n_queue && r->n_blocks < REGION_MAX_BLOCKS; i++) {
        add_block(x, x->queue[i]);
        if (r->n_blocks == 0)
            return false; /* the head itself cannot be had */
    }
    mark_landings(x);
    region_find_edges(r);
    return region_keep_loops(r, x->alone);
}

/* The region goes through a switch, and that pays: what it gains there it loses where it is left, since all homes move. So few of
 * its blocks may end with a way out, as one does where the loop ends and all do in front of a call, and most ways of the switch
 * have to be in it. */
static bool switch_pays(const struct region_maker *x)
{
    enum { FEW = 2, LEAVING_PART = 16 };
    const struct hot_region *r = x->r;
    guest_addr first = r->block[0].ir.pc, last = r->block[r->n_blocks - 1].ir.pc;
    unsigned n_near = 0, n_landings = 0, n_leaving = 0;
    bool jumps = false;
    for (unsigned i = 0; i < x->n_landings; i++) /* others are of the code around */
        n_near += x->landing[i] >= first && x->landing[i] <= last;
    for (unsigned b = 0; b < r->n_blocks; b++) {
        const struct region_block *block = &r->block[b];
        const struct ir_op *end = &block->ir.ops[block->ir.n - 1];
        jumps |= end->op == IR_jumpi;
        n_landings += block->is_landing;
        n_leaving += end->op == IR_jump && region_target(r, block, end).block < 0;
    }
    return jumps && n_leaving <= FEW + r->n_blocks / LEAVING_PART && n_landings * 4 >= n_near * 3;
}

/* The loop nest without calls. If it has no switch it does not depend on where the thread has jumped to: it can be made again. */
static bool explore_loops(struct region_maker *x)
{
    x->n_landings = 0;
    x->looked_for_landings = false;
    bool found = explore(x, false);
    if (x->n_landings == 0 || (found && switch_pays(x)))
        return found;
    x->n_landings = 0;
    return explore(x, false);
}

struct hot_region *region_form(struct region_maker *x, struct translator *t, guest_addr pc, uint32_t mode, bool alone)
{
    struct hot_region *r = &x->region;
    r->pc = pc;
    r->mode = mode;
    memset(r->uses, 0, sizeof r->uses);
    memset(r->is_put, 0, sizeof r->is_put);
    memset(r->context, 0, sizeof *r->context);
    r->jumps_inside = false;
    x->t = t;
    x->r = r;
    x->alone = alone;
    if ((alone || !explore_loops(x)) && !explore(x, true))
        return NULL;
    settle_returns(r);
    region_find_edges(r);
    region_arrange(r);
    find_dead_exits(x);
    drop_dead_flags(r);
    for (unsigned b = 0; b < r->n_blocks; b++)
        opt_run(&r->block[b].ir);
    count_uses(r, alone);
    return join_ranges(x) ? r : NULL;
}
