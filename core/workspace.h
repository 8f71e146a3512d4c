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
    struct region_maker region;
    struct ir_op ops[IR_MAX_OPS];
};

/* The workspace, for a translation of the guest's code. Holds tb_lock. */
struct workspace *workspace_take(const struct guest *guest);
