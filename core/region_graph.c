/* region_graph.c - which blocks of a region lead back to its head, how deep its loops are, where they poll, and in which order the
 * code of blocks stands. */
#include "core/region_graph.h"

bool region_is_exit(const struct ir_op *op)
{
    return (ir_op_info[op->op].props & IR_EXIT) || op->op == IR_jump || op->op == IR_goto_call;
}

static struct ir_op *indirect_jump(struct region_block *block)
{
    struct ir_op *end = &block->ir.ops[block->ir.n - 1];
    return end->op == IR_jumpi ? end : NULL;
}

static uint64_t landings(const struct hot_region *r)
{
    uint64_t set = 0;
    for (unsigned b = 0; b < r->n_blocks; b++)
        set |= (uint64_t)r->block[b].is_landing << b;
    return set;
}

/* ONLY_SILENT: those that do not poll. */
static void find_edges(struct hot_region *r, bool only_silent)
{
    for (unsigned b = 0; b < r->n_blocks; b++) {
        struct region_block *block = &r->block[b];
        const struct ir_op *jump = indirect_jump(block);
        block->to = jump && !(only_silent && jump->d & IR_POLL) ? landings(r) : 0;
        for (uint32_t i = 1; i < block->ir.n; i++) {
            const struct ir_op *op = &block->ir.ops[i];
            int to = region_is_exit(op) && !(only_silent && op->d & IR_POLL) ? region_target(r, block, op).block : -1;
            if (to >= 0)
                block->to |= (uint64_t)1 << to;
        }
    }
}

void region_find_edges(struct hot_region *r) { find_edges(r, false); }

/* The blocks that lead to one of SET, without passing through WALL. */
static uint64_t reaching(const struct hot_region *r, uint64_t set, uint64_t wall)
{
    for (bool more = true; more;) {
        more = false;
        for (unsigned b = 0; b < r->n_blocks; b++)
            if (!(set >> b & 1) && !(wall >> b & 1) && r->block[b].to & set & ~wall) {
                set |= (uint64_t)1 << b;
                more = true;
            }
    }
    return set;
}

/* The places of the calls on the way to a block, outermost first, then the block's own. */
static unsigned path_to(const struct hot_region *r, const struct region_block *block, guest_addr *path)
{
    unsigned n = r->context[block->context].calls;
    path[n] = block->ir.pc;
    for (unsigned c = block->context, i = n; c; c = r->context[c].parent)
        path[--i] = r->context[c].site;
    return n + 1;
}

static bool comes_before(const struct hot_region *r, const struct region_block *a, const struct region_block *b)
{
    guest_addr p[REGION_MAX_CALLS + 1], q[REGION_MAX_CALLS + 1];
    unsigned n = path_to(r, a, p), m = path_to(r, b, q);
    for (unsigned i = 0; i < n && i < m; i++)
        if (p[i] != q[i])
            return p[i] < q[i];
    return n < m;
}

bool region_keep_loops(struct hot_region *r, bool alone)
{
    uint64_t before = 0; /* the blocks with an edge to the head */
    for (unsigned b = 0; b < r->n_blocks; b++)
        before |= (r->block[b].to & 1) << b;
    uint64_t keep = reaching(r, before, 0) | 1;
    if (!before && !alone)
        return false;
    unsigned n = 0;
    r->n_insns = 0;
    for (unsigned b = 0; b < r->n_blocks; b++) {
        if (!(keep >> b & 1))
            continue;
        struct region_block block = r->block[b];
        unsigned at = n++;
        for (; at > 0 && comes_before(r, &block, &r->block[at - 1]); at--)
            r->block[at] = r->block[at - 1];
        r->block[at] = block;
        r->n_insns += block.n_insns;
    }
    r->n_blocks = n;
    r->head = (unsigned)region_find(r, r->pc, 0);
    region_find_edges(r);
    return true;
}

/* DOM[b]: the blocks that every way from the head to block b passes. */
static void find_dominators(const struct hot_region *r, uint64_t *dom)
{
    for (unsigned b = 0; b < r->n_blocks; b++)
        dom[b] = b == r->head ? (uint64_t)1 << b : ~(uint64_t)0;
    for (bool more = true; more;) {
        more = false;
        for (unsigned b = 0; b < r->n_blocks; b++) {
            uint64_t before = ~(uint64_t)0;
            for (unsigned p = 0; p < r->n_blocks; p++)
                if (r->block[p].to >> b & 1)
                    before &= dom[p];
            before = b == r->head ? dom[b] : before | (uint64_t)1 << b;
            more |= before != dom[b];
            dom[b] = before;
        }
    }
}

/* The edge from block B to block H is a loop's way back. In a function that was called, where it starts says which edges are:
 * those to a block that dominates theirs. Else the head may be in the innermost loop, and those that go backward are. */
static bool goes_round(const struct hot_region *r, const uint64_t *dom, unsigned b, unsigned h)
{
    return h <= b && (r->block[b].context == 0 || dom[b] >> h & 1);
}

/* Each such edge makes a loop: the blocks that lead to it without passing through its target. */
static void find_depths(struct hot_region *r, const uint64_t *dom)
{
    uint64_t loop[REGION_MAX_BLOCKS] = {0};
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (unsigned h = 0; h <= b; h++)
            if (r->block[b].to >> h & 1 && goes_round(r, dom, b, h))
                loop[h] |= b == h ? (uint64_t)1 << h : reaching(r, (uint64_t)1 << b, (uint64_t)1 << h) | (uint64_t)1 << h;
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (unsigned h = 0; h < r->n_blocks; h++)
            r->block[b].depth += loop[h] >> b & 1;
}

/* The exit OP of BLOCK polls no more, if no way round is left that does not poll. r->block[].to has the edges that do not. */
static void drop_poll(struct hot_region *r, unsigned block, struct ir_op *op, unsigned to)
{
    if (reaching(r, (uint64_t)1 << block, 0) >> to & 1)
        return;
    op->d &= (uint16_t)~IR_POLL;
    r->block[block].to |= (uint64_t)1 << to;
}

/* The same for its indirect jump. */
static void drop_jump_poll(struct hot_region *r, unsigned block)
{
    struct ir_op *jump = indirect_jump(&r->block[block]);
    if (!jump || reaching(r, (uint64_t)1 << block, 0) & landings(r))
        return;
    jump->d &= (uint16_t)~IR_POLL;
    r->block[block].to |= landings(r);
}

/* Every loop of the region needs one poll, on its way back. */
static void drop_polls(struct hot_region *r, const uint64_t *dom)
{
    for (unsigned b = 0; b < r->n_blocks; b++) {
        struct ir_op *jump = indirect_jump(&r->block[b]);
        if (jump)
            jump->d |= IR_POLL, r->jumps_inside = true;
    }
    find_edges(r, true);
    for (unsigned b = 0; b < r->n_blocks; b++)
        drop_jump_poll(r, b);
    for (int back = false; back <= true; back++)
        for (unsigned b = 0; b < r->n_blocks; b++) {
            struct region_block *block = &r->block[b];
            for (uint32_t i = 1; i < block->ir.n; i++) {
                struct ir_op *op = &block->ir.ops[i];
                int to = region_is_exit(op) && op->d & IR_POLL ? region_target(r, block, op).block : -1;
                if (to >= 0 && goes_round(r, dom, b, (unsigned)to) == back)
                    drop_poll(r, b, op, (unsigned)to);
            }
        }
    find_edges(r, false);
}

/* Where BLOCK leads to if nothing unusual happens, or -1: out of the region. */
static int usual_way(const struct hot_region *r, const struct region_block *block)
{
    const struct ir_op *end = &block->ir.ops[block->ir.n - 1];
    if (end->op == IR_jumpi)
        return -1;
    return region_target(r, block, end[-1].op == IR_exit_eq ? end - 1 : end).block;
}

/* The code of a block comes behind that of one whose usual way leads to it, if it can be. */
static void lay_out(struct hot_region *r)
{
    uint64_t placed = 0;
    unsigned n = 0;
    for (int first = (int)r->head; n < r->n_blocks; first = __builtin_ctzll(~placed))
        for (int b = first; b >= 0 && !(placed >> b & 1); b = usual_way(r, &r->block[b])) {
            r->order[n++] = (uint8_t)b;
            placed |= (uint64_t)1 << b;
        }
}

void region_arrange(struct hot_region *r)
{
    uint64_t dom[REGION_MAX_BLOCKS];
    find_dominators(r, dom);
    find_depths(r, dom);
    drop_polls(r, dom);
    lay_out(r);
}
