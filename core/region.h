/* region.h - the loop nest around a hot block, as a graph of blocks that are compiled together.
 *
 * A region holds the blocks that can be reached from its head by direct jumps and from which the head can be reached again.
 * Each block is what translate_block makes, but ends before another block of the region and before whatever leaves other
 * than by a direct jump. So every exit of a block is a direct one: to a block of the region, or out of it. The region is
 * entered at its head only.
 *
 * Where there is no loop without calls, functions that are called become part of the region, as if written out at the place
 * of the call: a block is one of a context, which says from where the guest came. A call is a jump into the context that it
 * makes. A return is a jump back to the calling context (IR_BACK), after a comparison of its target with what the call left
 * unless the register has not changed since; if they differ, the region is left in front of the return (IR_OUT). In the same
 * way a jump to an address from memory (PLT) goes on where it led to when the region was made (IR_GUESS).
 *
 * A switch in a loop is an indirect jump to a few places near the head, its landings. Those to which the thread has jumped so far
 * are blocks of the region, and its indirect jumps find them in a table behind the code. To all others they leave the region. */
#pragma once
#include "core/tb.h"
#include "core/translate.h"

enum { REGION_MAX_BLOCKS = 64, REGION_MAX_INSNS = 640, REGION_MAX_OPS = 2600, REGION_MAX_EXITS = 240, REGION_MAX_CONTEXTS = 24,
       REGION_MAX_CALLS = 2 /* one within another */, REGION_MAX_RANGES = 32,
       REGION_MAX_QUEUE = 128, REGION_MAX_RUNS = 160, REGION_MAX_LANDINGS = 24 };

/* How the guest came to a block. Context 0: by jumps from the head. */
struct region_context {
    uint8_t parent, calls;   /* context of the call; calls on the way */
    uint8_t var;             /* that the return address was put into, or IR_MAX_VARS: not known */
    guest_addr site, entry, back; /* of the call; of the function; where it returns to */
};

struct region_block {
    struct ir ir;
    unsigned n_insns;
    uint64_t to;     /* set of the blocks that its exits lead to */
    uint8_t context, into; /* into: the context that its call makes, or its own: it makes none */
    guest_addr guess; /* where its exit with IR_GUESS leads to */
    uint8_t depth;   /* loops of the region that it is part of */
    bool is_landing; /* the region's indirect jumps lead to it */
    bool needs_flags; /* the guest's flags at its entry may be used */
};

struct hot_region {
    guest_addr pc; /* of the head, which is block[head] */
    uint32_t mode;
    unsigned n_blocks, head, n_insns;
    struct region_block block[REGION_MAX_BLOCKS]; /* by increasing pc, functions behind the blocks that call them */
    uint8_t order[REGION_MAX_BLOCKS]; /* of the code: indices of blocks */
    uint32_t uses[IR_MAX_VARS]; /* gets and puts of each variable, those in loops counting more */
    bool is_put[IR_MAX_VARS];   /* some block writes it */
    bool jumps_inside;          /* it has indirect jumps; what are its landings depends on what was run */
    bool follows_calls;         /* which blocks it has depends on what was run */
    unsigned n_contexts;
    struct region_context context[REGION_MAX_CONTEXTS];
    unsigned n_ranges;
    struct tb_range range[REGION_MAX_RANGES];
};

/* The head of a block to be. */
struct region_head {
    guest_addr pc;
    unsigned context;
};

/* Memory for making a region, and what exploring has to know besides. */
struct region_maker {
    struct translator *t;
    struct hot_region *r; /* REGION */
    bool follow_calls, alone;
    struct region_head queue[REGION_MAX_QUEUE]; /* heads of blocks, in the order in which they were seen */
    unsigned n_queue;
    unsigned n_ops, n_exits;
    guest_addr landing[REGION_MAX_LANDINGS + 1]; /* near the head, to which indirect jumps have led */
    unsigned n_landings;
    bool looked_for_landings;
    struct tb_range run[REGION_MAX_RUNS]; /* guest code that blocks depend on */
    unsigned n_runs;
    struct hot_region region;
    struct ir_op ops[REGION_MAX_OPS];
};

/* Find the region with head PC and make its optimised IR. ALONE: a head that is in no loop gives a region of one block, and
 * calls are followed wherever they lead, for tests. Returns null if there is none. The result is part of X. T says whether
 * tb_lock is held. */
struct hot_region *region_form(struct region_maker *x, struct translator *t, guest_addr pc, uint32_t mode, bool alone);
/* The block of the region that starts at PC in CONTEXT, or -1. */
int region_find(const struct hot_region *r, guest_addr pc, unsigned context);

/* Where an exit leads: to a block of the region, or out of it (-1) while the calls of CONTEXT are under way. */
struct region_target {
    guest_addr pc;
    unsigned context;
    int block;
};
struct region_target region_target(const struct hot_region *r, const struct region_block *block, const struct ir_op *op);
