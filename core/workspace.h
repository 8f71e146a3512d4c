/* workspace.h - all that making the code of one block or region needs, so that nothing of it is shared.
 *
 * Most of a workspace is never touched, and what is not costs nothing. */
#pragma once
#include "core/region.h"
#include "core/translate.h"

struct emitter;

struct workspace {
    struct translator t;
    struct emitter *emitter; /* of the host */
    /* What it makes or has made. */
    guest_addr pc;
    uint32_t mode;
    unsigned region_blocks;  /* 0: a single block, not a region */
    unsigned n_insns, n_ranges;
    const struct tb_range *range;
    const struct ir *kept;   /* for the interpreter and lockstep */
    uint64_t start;          /* for -d stats */
    struct region_maker region;
    struct ir_op ops[IR_MAX_OPS];
};

/* The workspace, for a translation of the guest's code. Holds tb_lock. */
struct workspace *workspace_take(const struct guest *guest);
