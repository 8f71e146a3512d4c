/* ir_scalar.h - the meaning of integer operations that neither use nor make flags. */
#pragma once
#include "core/ir.h"

/* Result of OP, one of add ... umin but not adc, sbc, for operand values A and B. Flags are not computed. */
uint64_t ir_scalar(const struct ir_op *op, uint64_t a, uint64_t b);

static inline bool ir_is_scalar(unsigned opcode)
{
    return opcode >= IR_add && opcode <= IR_umin && opcode != IR_adc && opcode != IR_sbc;
}
