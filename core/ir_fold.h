/* ir_fold.h - simplification of operations while a block is built. */
#pragma once
#include "core/ir.h"

/* Simplify *OP, which is about to be added. Returns the reference of an operation with the same value, or
 * IR_NONE: then *OP, perhaps changed into a simpler one, is to be added. May add operations itself. */
ir_ref ir_fold(struct ir *ir, struct ir_op *op);

/* Move constants that are added to the address, and a small shift of the index, from the operands of the memory
 * access *OP to its scale and to DISP. Returns the new displacement, which may not fit the operation's field. */
int64_t ir_fold_address(const struct ir *ir, struct ir_op *op, int64_t disp);
