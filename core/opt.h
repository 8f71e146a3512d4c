/* opt.h - optimisation passes over a finished block.
 *
 * A pass keeps references valid: it changes operations in place or turns them into nops. It never moves, merges or
 * removes guest memory accesses, exits, or operations that may set floating-point exceptions. */
#pragma once
#include "core/ir.h"

struct opt_pass {
    const char *name;
    void (*run)(struct ir *ir);
};

enum { OPT_N_PASSES = 1 };
extern const struct opt_pass opt_passes[OPT_N_PASSES]; /* in the order in which opt_run applies them */

void opt_run(struct ir *ir);

/* Remove what nobody needs, in one backward walk: pure operations without a use, writes of a variable that is written
 * again before the guest's state can be seen, the making of flags that are not used, and marks of flags that no fault
 * can show. */
void opt_dead(struct ir *ir);
