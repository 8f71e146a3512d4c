/* ir.c - operation tables and the builder of translation blocks.
 *
 * The builder keeps, for each guest variable, the operation that holds its current value, so that
 * most reads of registers cost nothing. Everything here is linear in the operations added:
 * translation speed rests on it. */
#include "core/ir.h"

#include <string.h>

#include "core/helper.h"
#include "core/ir_fold.h"
#include "core/log.h"
#include "core/strict.h"
#include "core/tagged.h"

/* The words of ir_ops.def. */
enum {
    PURE = IR_PURE,
    FAULT = IR_FAULT,
    END = IR_END,
    EXIT = IR_EXIT,
    EVAL = IR_EVAL,
    CALL = IR_CALL
};

const struct ir_op_info ir_op_info[IR_N_OPS] = {
#define IR_OP(name, res, a, b, c, props)                                                           \
    [IR_##name] = {#name, IR_CLASS_##res, IR_CLASS_##a, IR_CLASS_##b, IR_CLASS_##c, props},
#include "core/ir_ops.def"
#undef IR_OP
};
#define IR_OP(op, ...) _Static_assert(sizeof #op <= sizeof ir_op_info[0].name, "the name is too long");
#include "core/ir_ops.def"
#undef IR_OP

/* clang-format off */
const char *const ir_type_name[T_N_TYPES] = {
    [T_NONE] = "none", [T_I32] = "i32", [T_I64] = "i64", [T_F16] = "f16", [T_F32] = "f32",
    [T_F64] = "f64",   [T_8B] = "8b",   [T_16B] = "16b", [T_4H] = "4h",   [T_8H] = "8h",
    [T_2S] = "2s",     [T_4S] = "4s",   [T_1D] = "1d",   [T_2D] = "2d",
};
/* clang-format on */

const char *const ir_cond_name[16] = {
    "eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv",
};

/* Only the properties: the functions are not needed to build. */
static const uint8_t helper_props[N_HELPERS] = {
#define HELPER(name, props) [HELPER_##name] = props,
#include "core/helpers.def"
#undef HELPER
};

void ir_begin(struct ir *ir, guest_addr pc, const struct ir_var *vars, unsigned n_vars)
{
    ir->ops[0] = (struct ir_op){.op = IR_nop};
    ir->n = 1;
    ir->pc = pc;
    ir->vars = vars;
    ir->n_vars = n_vars;
    memset(ir->current, 0, n_vars * sizeof(ir->current[0]));
    memset(ir->recent_const, 0, sizeof ir->recent_const);
    ir->flags = IR_NONE;
    ir->no_fold = false;
    ir->strict = false;
    ir->ignored_bits = 0;
}

static ir_ref append(struct ir *ir, const struct ir_op *op)
{
    if (unlikely(ir->n >= IR_MAX_OPS))
        bug("translation block of more than %d operations", IR_MAX_OPS);
    ir->ops[ir->n] = *op;
    return (ir_ref)ir->n++;
}

static ir_ref append_access(struct ir *ir, const struct ir_op *op)
{
    struct ir_op plain;
    if (unlikely(ir->ignored_bits) && ir_op_info[op->op].props & IR_FAULT && op->op != IR_align) {
        plain = tagged_access(ir, op);
        op = &plain;
    }
    return unlikely(ir->strict) ? strict_add(ir, op, append) : append(ir, op);
}

ir_ref ir_add(struct ir *ir, struct ir_op op)
{
    if (!ir->no_fold) {
        ir_ref known = ir_fold(ir, &op);
        if (known != IR_NONE)
            return known;
    }
    return append_access(ir, &op);
}

/* const and addr: an operation of the same kind and value, if a recent one is remembered. */
static ir_ref add_immediate(struct ir *ir, unsigned opcode, uint64_t value)
{
    /* The same block makes the same operations wherever its file is mapped: the translation cache compares. */
    uint64_t place = opcode == IR_addr ? value - ir->pc : value;
    ir_ref *slot = &ir->recent_const[place * 0x9e3779b97f4a7c15 >> 59];
    ir_ref ref = *slot;
    if (ref < ir->n && ir->ops[ref].op == opcode && ir->ops[ref].imm == value)
        return ref;
    struct ir_op op = {.op = (uint16_t)opcode, .type = T_I64, .imm = value};
    return *slot = append(ir, &op);
}

ir_ref ir_const(struct ir *ir, uint64_t value)
{
    return add_immediate(ir, IR_const, value);
}

ir_ref ir_addr(struct ir *ir, guest_addr addr)
{
    return add_immediate(ir, IR_addr, addr);
}

ir_ref ir_vconst(struct ir *ir, uint64_t low, bool both_halves)
{
    struct ir_op op = {.op = IR_vconst, .type = T_2D, .aux = both_halves, .imm = low};
    return append(ir, &op);
}

ir_ref ir_add_const(struct ir *ir, unsigned type, ir_ref a, int64_t value)
{
    return ir_2(ir, IR_add, type, a, ir_const(ir, (uint64_t)value));
}

bool ir_is_const(const struct ir *ir, ir_ref ref, uint64_t *value)
{
    if (ir->ops[ref].op != IR_const)
        return false;
    *value = ir->ops[ref].imm;
    return true;
}

bool ir_makes_flags(const struct ir_op *op)
{
    switch (op->op) {
    case IR_add:
    case IR_sub:
    case IR_and:
    case IR_andn:
    case IR_adc:
    case IR_sbc:
        return op->aux & IR_S;
    default:
        return ir_op_info[op->op].res == IR_CLASS_F;
    }
}

static unsigned var_type(const struct ir_var *var)
{
    if (var->class == IR_CLASS_V)
        return var->size == 16 ? T_2D : T_1D;
    return var->size == 8 ? T_I64 : T_I32;
}

ir_ref ir_get(struct ir *ir, unsigned var)
{
    const struct ir_var *v = &ir->vars[var];
    if (v->class == IR_CLASS_F)
        return ir_get_flags(ir);
    if (ir->current[var] != IR_NONE)
        return ir->current[var];
    struct ir_op op = {
        .op = v->class == IR_CLASS_V ? IR_getv : IR_get, .type = (uint8_t)var_type(v), .imm = var};
    return ir->current[var] = append(ir, &op);
}

/* VALUE as a read of the variable will see it after a write: what does not fit is gone. */
static ir_ref fit_variable(struct ir *ir, const struct ir_var *v, ir_ref value)
{
    if (v->class == IR_CLASS_I && v->size == 4)
        return ir_1(ir, IR_zext32, T_I64, value);
    if (v->class == IR_CLASS_V && v->size == 8)
        return ir_1x(ir, IR_vlow, T_1D, value, 3, 0);
    return value;
}

void ir_put(struct ir *ir, unsigned var, ir_ref value)
{
    const struct ir_var *v = &ir->vars[var];
    if (v->class == IR_CLASS_F) {
        ir_put_flags(ir, value);
        return;
    }
    value = fit_variable(ir, v, value);
    if (ir->current[var] == value)
        return;
    struct ir_op op = {.op = v->class == IR_CLASS_V ? IR_putv : IR_put,
                       .type = (uint8_t)var_type(v),
                       .a = value,
                       .imm = var};
    append(ir, &op);
    ir->current[var] = value;
}

ir_ref ir_get_flags(struct ir *ir)
{
    if (ir->flags == IR_NONE) {
        struct ir_op op = {.op = IR_getf};
        ir->flags = append(ir, &op);
    }
    return ir->flags;
}

void ir_put_flags(struct ir *ir, ir_ref flags)
{
    if (ir->flags == flags)
        return;
    struct ir_op op = {.op = IR_putf, .a = flags};
    append(ir, &op);
    ir->flags = flags;
}

/* Fold what the host's addressing can do into the operands: constants and small shifts. */
static void fold_address(struct ir *ir, struct ir_op *op, int64_t disp)
{
    if (!ir->no_fold)
        disp = ir_fold_address(ir, op, disp);
    if (disp != (int32_t)disp) {
        op->a = ir_add_const(ir, T_I64, op->a, disp);
        disp = 0;
    }
    op->disp = (int32_t)disp;
}

static ir_ref add_access(struct ir *ir, struct ir_op op, int64_t disp)
{
    fold_address(ir, &op, disp);
    return append_access(ir, &op);
}

ir_ref ir_load(struct ir *ir, unsigned type, ir_ref a, ir_ref b, int64_t disp, unsigned mem)
{
    return add_access(
        ir,
        (struct ir_op){.op = IR_load, .type = (uint8_t)type, .aux = (uint8_t)mem, .a = a, .b = b},
        disp);
}

void ir_store(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, ir_ref value, unsigned mem)
{
    add_access(ir,
               (struct ir_op){
                   .op = IR_store, .type = T_I64, .aux = (uint8_t)mem, .a = a, .b = b, .c = value},
               disp);
}

ir_ref ir_loadv(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, unsigned mem)
{
    return add_access(
        ir, (struct ir_op){.op = IR_loadv, .type = T_2D, .aux = (uint8_t)mem, .a = a, .b = b},
        disp);
}

void ir_storev(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, ir_ref value, unsigned mem)
{
    add_access(ir,
               (struct ir_op){
                   .op = IR_storev, .type = T_2D, .aux = (uint8_t)mem, .a = a, .b = b, .c = value},
               disp);
}

ir_ref ir_call(struct ir *ir, unsigned helper, ir_ref a, ir_ref b, ir_ref c)
{
    unsigned props = helper_props[helper];
    /* Registers are up to date in struct cpu because puts are in order; flags only where they are
     * stored. */
    if ((props & (HELPER_READS | HELPER_WRITES)) && ir->flags != IR_NONE &&
        ir->ops[ir->flags].op != IR_getf) {
        struct ir_op store_flags = {.op = IR_putf, .aux = 1, .a = ir->flags};
        append(ir, &store_flags);
    }
    struct ir_op op = {
        .op = IR_call, .type = T_I64, .a = a, .b = b, .c = c, .disp = (int32_t)helper};
    ir_ref result = append(ir, &op);
    if (props & HELPER_WRITES) {
        memset(ir->current, 0, ir->n_vars * sizeof(ir->current[0]));
        ir->flags = IR_NONE;
    }
    return result;
}
