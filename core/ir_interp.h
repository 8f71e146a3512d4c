/* ir_interp.h - shared by the files of the reference engine. */
#pragma once
#include "core/dispatch.h"
#include "core/ir.h"

struct interp {
    struct thread *thread;
    const struct ir *ir;
    union vec *value; /* by reference */
};

/* Do one operation, result to *D. EXIT_NONE: go on with the next one; else why the block ends. */
typedef unsigned interp_step_fn(struct interp *r, const struct ir_op *op, union vec *d);

static inline uint64_t interp_integer(const struct interp *r, ir_ref ref)
{
    return r->value[ref].u64[0];
}

static inline unsigned interp_result(union vec *d, uint64_t value)
{
    d->u64[0] = value;
    return EXIT_NONE;
}

/* Guest memory and atomics: ir_interp_memory.c. */
interp_step_fn interp_load, interp_store, interp_loadv, interp_storev, interp_align, interp_fence,
    interp_modify, interp_cas, interp_casv, interp_ldx, interp_stx, interp_clrex;
