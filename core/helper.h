/* helper.h - C functions that translated code may call: rows of helpers.def.
 *
 * A helper takes the CPU state and up to three integers and returns an integer. Its number is part of
 * translations, so the table is one static array. HELPER(name, properties):
 *   HELPER_READS   looks at guest registers in struct cpu
 *   HELPER_WRITES  changes them (implies that values known in the block are forgotten)
 *   HELPER_FAULTS  may fault on guest memory */
#pragma once
#include "core/cpu.h"

enum { HELPER_READS = 1, HELPER_WRITES = 2, HELPER_FAULTS = 4 };

typedef uint64_t helper_fn(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c);

enum helper_id {
#define HELPER(name, props) HELPER_##name,
#include "core/helpers.def"
#undef HELPER
    N_HELPERS
};

struct helper_info {
    const char *name;
    helper_fn *fn;
    uint8_t props;
};
/* Defined by arch/helpers.c, which knows every guest. */
extern const struct helper_info helper_info[N_HELPERS];

#define HELPER(name, props) helper_fn helper_##name;
#include "core/helpers.def"
#undef HELPER
