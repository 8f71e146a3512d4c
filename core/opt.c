/* opt.c - the list of optimisation passes. */
#include "core/opt.h"

const struct opt_pass opt_passes[OPT_N_PASSES] = {
    {"dead", opt_dead},
};

void opt_run(struct ir *ir)
{
    for (unsigned i = 0; i < OPT_N_PASSES; i++)
        opt_passes[i].run(ir);
}
