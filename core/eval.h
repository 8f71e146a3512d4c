/* eval.h - out-of-line functions of the IR operations with the property EVAL.
 *
 * They define the operations for the interpreter and are what a host back end calls for an operation
 * that it does not open-code. Integer operands are in u64[0]; an integer result goes to d->u64[0], flags
 * (saved form, flags.h) to d->u32[0]. d may not alias an operand. Absent operands are null or garbage. */
#pragma once
#include "core/cpu.h"
#include "core/ir.h"

typedef void eval_fn(struct cpu *cpu, uint32_t desc, union vec *d, const union vec *a, const union vec *b,
                     const union vec *c);

/* desc: what the operation's static fields say. */
static inline uint32_t eval_desc(const struct ir_op *op)
{
    return op->type | (uint32_t)op->aux << 8 | (uint32_t)op->d << 16;
}
static inline unsigned desc_type(uint32_t desc) { return desc & 0xff; }
static inline unsigned desc_aux(uint32_t desc) { return desc >> 8 & 0xff; }
static inline unsigned desc_d(uint32_t desc) { return desc >> 16; }

eval_fn *eval_of(unsigned op); /* null for operations without EVAL */

#define IR_OP(name, res, a, b, c, props) eval_fn ev_##name;
#include "core/ir_ops.def"
#undef IR_OP
