/* region.h - the loop nest around a hot block, as a graph of blocks that are compiled together.
 *
 * A region holds the blocks that can be reached from its head by direct jumps and from which the head can be reached again:
 * loops without calls. Each block is what translate_block makes, but ends before another block of the region and before
 * whatever leaves other than by a direct jump. So every exit of a block is a direct one: to a block of the region, or out
 * of it. The region is entered at its head only. */
#pragma once
#include "core/tb.h"
#include "core/translate.h"

enum { REGION_MAX_BLOCKS = 32, REGION_MAX_INSNS = 400, REGION_MAX_OPS = 1600, REGION_MAX_EXITS = 120 };

struct region_block {
    struct ir ir;
    unsigned n_insns;
    uint32_t to;     /* set of the blocks that its exits lead to */
    uint8_t depth;   /* loops of the region that it is part of */
    bool needs_flags; /* the guest's flags at its entry may be used */
};

struct hot_region {
    guest_addr pc; /* of the head, which is block[head] */
    uint32_t mode;
    unsigned n_blocks, head, n_insns;
    struct region_block block[REGION_MAX_BLOCKS]; /* by increasing pc */
    uint32_t uses[IR_MAX_VARS]; /* gets and puts of each variable, those in loops counting more */
    bool is_put[IR_MAX_VARS];   /* some block writes it */
    unsigned n_ranges;
    struct tb_range range[TB_MAX_RANGES];
};

/* Find the region with head PC and make its optimised IR. ALONE: a head that is in no loop gives a region of one block, for
 * tests. Returns null if there is none. The result is valid until the next call. Holds tb_lock. */
struct hot_region *region_form(struct translator *t, guest_addr pc, uint32_t mode, bool alone);
/* The block of the region that starts at PC, or -1. */
int region_find(const struct hot_region *r, guest_addr pc);
