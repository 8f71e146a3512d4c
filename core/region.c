/* region.c - form a region: explore direct jumps from its head, keep what leads back, and see what lives across blocks. */
#include "core/region.h"

#include <string.h>

#include "core/dispatch.h"
#include "core/opt.h"

/* Uses in a loop count 2^LOOP_WEIGHT_LOG2 times as often, per level. */
enum { LOOP_WEIGHT_LOG2 = 3, MAX_DEPTH = 6, MAX_QUEUE = 64, MAX_RUNS = 64 };

/* What exploring has to know besides the region. */
struct explore {
    struct translator *t;
    struct hot_region *r;
    guest_addr queue[MAX_QUEUE]; /* heads of blocks, in the order in which they were seen */
    unsigned n_queue;
    unsigned n_ops, n_exits;
    struct tb_range run[MAX_RUNS]; /* guest code that blocks depend on */
    unsigned n_runs;
};

static struct ir_op op_memory[REGION_MAX_OPS]; /* of the region being made; guarded by tb_lock */

int region_find(const struct hot_region *r, guest_addr pc)
{
    for (unsigned i = 0; i < r->n_blocks; i++)
        if (r->block[i].ir.pc == pc)
            return (int)i;
    return -1;
}

static bool is_exit(const struct ir_op *op) { return (ir_op_info[op->op].props & IR_EXIT) || op->op == IR_jump; }
static guest_addr target_of(const struct ir *ir, const struct ir_op *op) { return ir->pc + (guest_addr)(int64_t)op->disp; }

/* ---- Blocks ------------------------------------------------------------------------------------------------ */

/* Helpers find pinned registers where the convention has them, and what they do takes longer than a region saves. */
static bool calls_helper(const struct ir *ir)
{
    for (uint32_t i = 1; i < ir->n; i++)
        if (ir->ops[i].op == IR_call)
            return true;
    return false;
}

/* Translate the block at PC such that its last operation is a direct jump. False: it is none for a region. */
static bool translate(struct explore *x, guest_addr pc)
{
    struct translator *t = x->t;
    for (unsigned max = 0;; max = t->n_insns - 1) {
        if (!translate_region_block(t, pc, x->r->mode, x->queue, x->n_queue, max))
            return false;
        if (t->ir.ops[t->ir.n - 1].op == IR_jump)
            return !calls_helper(&t->ir);
        if (t->n_insns < 2)
            return false;
    }
}

static bool note_ranges(struct explore *x)
{
    const struct translator *t = x->t;
    if (x->n_runs + t->n_ranges > MAX_RUNS)
        return false;
    memcpy(x->run + x->n_runs, t->range, t->n_ranges * sizeof *t->range);
    x->n_runs += t->n_ranges;
    return true;
}

static void enqueue(struct explore *x, guest_addr pc)
{
    for (unsigned i = 0; i < x->n_queue; i++)
        if (x->queue[i] == pc)
            return;
    if (x->n_queue < MAX_QUEUE && pc != engine_options.stop_pc)
        x->queue[x->n_queue++] = pc;
}

/* Make the block at PC part of the region to be. */
static void add_block(struct explore *x, guest_addr pc)
{
    struct hot_region *r = x->r;
    if (!translate(x, pc))
        return;
    struct ir *ir = &x->t->ir;
    unsigned exits = 0;
    for (uint32_t i = 1; i < ir->n; i++)
        exits += is_exit(&ir->ops[i]);
    if (r->n_insns + x->t->n_insns > REGION_MAX_INSNS || x->n_ops + ir->n > REGION_MAX_OPS ||
        x->n_exits + exits > REGION_MAX_EXITS || !note_ranges(x))
        return;
    struct region_block *b = &r->block[r->n_blocks++];
    *b = (struct region_block){.ir = *ir, .n_insns = x->t->n_insns};
    b->ir.ops = op_memory + x->n_ops;
    memcpy(b->ir.ops, ir->ops, ir->n * sizeof *ir->ops);
    x->n_ops += ir->n;
    x->n_exits += exits;
    r->n_insns += b->n_insns;
    for (uint32_t i = 1; i < ir->n; i++)
        if (is_exit(&ir->ops[i]))
            enqueue(x, target_of(ir, &ir->ops[i]));
}

/* ---- The graph --------------------------------------------------------------------------------------------- */

static void find_edges(struct hot_region *r)
{
    for (unsigned b = 0; b < r->n_blocks; b++) {
        struct region_block *block = &r->block[b];
        block->to = 0;
        for (uint32_t i = 1; i < block->ir.n; i++) {
            int to = is_exit(&block->ir.ops[i]) ? region_find(r, target_of(&block->ir, &block->ir.ops[i])) : -1;
            if (to >= 0)
                block->to |= 1u << to;
        }
    }
}

/* The blocks that lead to one of SET, without passing through WALL. */
static uint32_t reaching(const struct hot_region *r, uint32_t set, uint32_t wall)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned b = 0; b < r->n_blocks; b++)
            if (!(set >> b & 1) && !(wall >> b & 1) && r->block[b].to & set & ~wall) {
                set |= 1u << b;
                more = true;
            }
    }
    return set;
}

/* Drop the blocks that do not lead back to the head and put the others in order. Returns false if nothing does. */
static bool keep_loops(struct hot_region *r, bool alone)
{
    uint32_t before = 0; /* the blocks with an edge to the head */
    for (unsigned b = 0; b < r->n_blocks; b++)
        before |= (r->block[b].to & 1) << b;
    uint32_t keep = reaching(r, before, 0) | 1;
    if (!before && !alone)
        return false;
    unsigned n = 0;
    r->n_insns = 0;
    for (unsigned b = 0; b < r->n_blocks; b++) {
        if (!(keep >> b & 1))
            continue;
        struct region_block block = r->block[b];
        unsigned at = n++;
        for (; at > 0 && r->block[at - 1].ir.pc > block.ir.pc; at--)
            r->block[at] = r->block[at - 1];
        r->block[at] = block;
        r->n_insns += block.n_insns;
    }
    r->n_blocks = n;
    r->head = (unsigned)region_find(r, r->pc);
    find_edges(r);
    return true;
}

/* Each backward edge makes a loop: the blocks that lead to it without passing through its target. */
static void find_depths(struct hot_region *r)
{
    uint32_t loop[REGION_MAX_BLOCKS] = {0};
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (unsigned h = 0; h <= b; h++)
            if (r->block[b].to >> h & 1)
                loop[h] |= b == h ? 1u << h : reaching(r, 1u << b, 1u << h) | 1u << h;
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (unsigned h = 0; h < r->n_blocks; h++)
            r->block[b].depth += loop[h] >> b & 1;
}

/* ---- What lives across blocks ------------------------------------------------------------------------------- */

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
        if (!is_exit(op))
            continue;
        int to = region_find(r, target_of(ir, op));
        if (to < 0 || r->block[to].needs_flags)
            return true;
    }
    return true;
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
            int to = is_exit(&ir->ops[i]) ? region_find(r, target_of(ir, &ir->ops[i])) : -1;
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

/* The guest code that the region depends on, in few ranges: what lies between two of them may be taken for code too. */
static void join_ranges(struct explore *x)
{
    struct tb_range *run = x->run;
    unsigned n = x->n_runs;
    for (unsigned i = 1; i < n; i++) /* by address */
        for (unsigned k = i; k > 0 && run[k - 1].start > run[k].start; k--) {
            struct tb_range swap = run[k];
            run[k] = run[k - 1];
            run[k - 1] = swap;
        }
    for (bool joined = true; n > 1 && (joined || n > TB_MAX_RANGES);) {
        unsigned at = 0;
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i + 1 < n; i++) {
            guest_addr end = run[i].start + run[i].size;
            uint64_t gap = run[i + 1].start > end ? run[i + 1].start - end : 0;
            if (gap < least)
                least = gap, at = i;
        }
        joined = least == 0 || n > TB_MAX_RANGES;
        if (!joined)
            break;
        guest_addr end = run[at + 1].start + run[at + 1].size;
        if (end > run[at].start + run[at].size)
            run[at].size = (uint32_t)(end - run[at].start);
        memmove(&run[at + 1], &run[at + 2], (n - at - 2) * sizeof *run);
        n--;
    }
    x->r->n_ranges = n;
    memcpy(x->r->range, run, n * sizeof *run);
}

struct hot_region *region_form(struct translator *t, guest_addr pc, uint32_t mode, bool alone)
{
    static struct hot_region region;
    struct hot_region *r = &region;
    static struct explore x;
    r->pc = pc;
    r->mode = mode;
    r->n_blocks = r->n_insns = 0;
    memset(r->uses, 0, sizeof r->uses);
    memset(r->is_put, 0, sizeof r->is_put);
    x.t = t;
    x.r = r;
    x.n_queue = x.n_ops = x.n_exits = x.n_runs = 0;
    enqueue(&x, pc);
    for (unsigned i = 0; i < x.n_queue && r->n_blocks < REGION_MAX_BLOCKS; i++) {
        add_block(&x, x.queue[i]);
        if (r->n_blocks == 0)
            return NULL; /* the head itself cannot be had */
    }
    find_edges(r);
    if (!keep_loops(r, alone))
        return NULL;
    find_depths(r);
    drop_dead_flags(r);
    for (unsigned b = 0; b < r->n_blocks; b++)
        opt_run(&r->block[b].ir);
    count_uses(r, alone);
    join_ranges(&x);
    return r;
}
