/* eval.c - the table of out-of-line functions. */
#include "core/eval.h"

/* The words of ir_ops.def; here only EVAL matters. */
enum { PURE = 0, FAULT = 0, END = 0, EXIT = 0, EVAL = 1, CALL = 0 };

eval_fn *const eval_table[IR_N_OPS] = {
#define IR_OP(name, res, a, b, c, props) [IR_##name] = (props)&EVAL ? ev_##name : NULL,
#include "core/ir_ops.def"
#undef IR_OP
};
