/* eval.c - which is an operation's out-of-line function. */
#include "core/eval.h"

/* The words of ir_ops.def; here only EVAL matters. */
enum { PURE = 0, FAULT = 0, END = 0, EXIT = 0, EVAL = 1, CALL = 0 };

eval_fn *eval_of(unsigned op)
{
    switch (op) {
#define IR_OP(name, res, a, b, c, props) case IR_##name: return (props)&EVAL ? ev_##name : NULL;
#include "core/ir_ops.def"
#undef IR_OP
    default: return NULL;
    }
}
