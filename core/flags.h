/* flags.h - the saved form of the condition flags.
 *
 * Inside a block flags are a value with a producer (see ir_ops.def). Between blocks they live in
 * cpu->flags in the host's cheapest format. On x86-64 that is what LAHF and SETO leave in AX:
 * AH = S Z . A . P . C and AL = O. The C bit is stored inverted with respect to the IR's C, i.e.
 * it is the borrow of a subtraction, because compares outnumber additions. */
#pragma once
#include "core/types.h"

enum { FLAG_N = 1 << 15, FLAG_Z = 1 << 14, FLAG_NOT_C = 1 << 8, FLAG_V = 1 << 0 };
enum { FLAGS_MASK = FLAG_N | FLAG_Z | FLAG_NOT_C | FLAG_V }; /* the other bits of the saved form are noise */

/* NZCV as bits 3..0 (N = 8, Z = 4, C = 2, V = 1) to the saved form, and back. */
static inline uint32_t flags_from_nzcv(unsigned nzcv)
{
    return (nzcv & 8 ? FLAG_N : 0) | (nzcv & 4 ? FLAG_Z : 0) | (nzcv & 2 ? 0 : FLAG_NOT_C) |
           (nzcv & 1 ? FLAG_V : 0);
}

static inline unsigned flags_to_nzcv(uint32_t flags)
{
    return (flags & FLAG_N ? 8 : 0) | (flags & FLAG_Z ? 4 : 0) | (flags & FLAG_NOT_C ? 0 : 2) |
           (flags & FLAG_V ? 1 : 0);
}
