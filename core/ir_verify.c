/* ir_verify.c - checks that a block is well formed.
 *
 * Engines rely on what is checked here and do not check again. */
#include "core/ir.h"

#include <stdio.h>

#include "core/helper.h"

/* Sets of types. */
enum {
    INT_TYPES = 1 << T_I32 | 1 << T_I64,
    SCALAR_FP = 1 << T_F16 | 1 << T_F32 | 1 << T_F64,
    LANES_64 = 1 << T_8B | 1 << T_4H | 1 << T_2S | 1 << T_1D,
    LANES_128 = 1 << T_16B | 1 << T_8H | 1 << T_4S | 1 << T_2D,
    LANES = LANES_64 | LANES_128,
    FP_LANES = 1 << T_4H | 1 << T_8H | 1 << T_2S | 1 << T_4S | 1 << T_1D | 1 << T_2D,
    BYTES = 1 << T_8B | 1 << T_16B,
    ANY_TYPE = (1 << T_N_TYPES) - 1
};

static char message[200]; /* the process ends with it, whichever thread wrote it */

#define FAIL(...)                                                                                  \
    do {                                                                                           \
        snprintf(message, sizeof(message), __VA_ARGS__);                                           \
        return message;                                                                            \
    } while (0)

static bool has_var(unsigned op)
{
    return op == IR_get || op == IR_put || op == IR_getv || op == IR_putv;
}

static bool in_range(unsigned op, unsigned first, unsigned last)
{
    return op >= first && op <= last;
}

/* Types that an operation may have. */
static unsigned types_of(unsigned op)
{
    switch (op) {
    case IR_umulh:
    case IR_smulh:
    case IR_sext32:
    case IR_zext32:
        return 1 << T_I64;
    case IR_load:
    case IR_exit_z:
    case IR_exit_nz:
    case IR_ccmp:
    case IR_ccmn:
        return INT_TYPES;
    case IR_fcmp:
    case IR_fccmp:
    case IR_f2i:
    case IR_i2f:
    case IR_fcvt:
        return SCALAR_FP;
    case IR_vpmul:
    case IR_vext:
        return BYTES;
    default:
        break;
    }
    if (in_range(op, IR_add, IR_csel))
        return INT_TYPES;
    if (in_range(op, IR_vxtn, IR_vrsubhn))
        return LANES | SCALAR_FP; /* scalar forms of narrowing are given as lanes or as a scalar */
    if (in_range(op, IR_vadd, IR_vrev64))
        return LANES;
    if (in_range(op, IR_fadd, IR_vi2f))
        return SCALAR_FP | FP_LANES;
    return ANY_TYPE;
}

/* True if operand I (0..2) may be IR_NONE. */
static bool is_optional(unsigned op, unsigned i)
{
    switch (op) {
    case IR_load:
    case IR_store:
    case IR_loadv:
    case IR_storev: /* index */
    case IR_exit_if:
    case IR_exit_z:
    case IR_exit_nz:
    case IR_exit_bit:
    case IR_exit_eq: /* flags to store */
    case IR_jump:
    case IR_jumpi:
    case IR_goto_call:
    case IR_calli:
    case IR_ret:
    case IR_leave:
        return i == 1;
    case IR_call:
        return true;
    default:
        return false;
    }
}

static const char *check_operand(const struct ir *ir, uint32_t at, unsigned i, unsigned class,
                                 ir_ref ref)
{
    const struct ir_op *op = &ir->ops[at];
    const char *name = ir_op_info[op->op].name;
    if (class == IR_CLASS_N) {
        if (ref != IR_NONE)
            FAIL("%u: %s: operand %c is not used but given", at, name, 'a' + i);
        return NULL;
    }
    if (ref == IR_NONE) {
        if (!is_optional(op->op, i))
            FAIL("%u: %s: operand %c is missing", at, name, 'a' + i);
        return NULL;
    }
    if (ref >= at)
        FAIL("%u: %s: operand %c is defined later", at, name, 'a' + i);
    const struct ir_op *def = &ir->ops[ref];
    if (class == IR_CLASS_F ? !ir_makes_flags(def) : ir_op_info[def->op].res != class)
        FAIL("%u: %s: operand %c is of the wrong class (%s)", at, name, 'a' + i,
             ir_op_info[def->op].name);
    return NULL;
}

static bool uses_imm(unsigned op)
{
    return has_var(op) || op == IR_insn || op == IR_const || op == IR_addr || op == IR_vconst;
}

static const char *check_operands(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    const struct ir_op_info *info = &ir_op_info[op->op];
    const char *bad = check_operand(ir, at, 0, info->a, op->a);
    if (!bad)
        bad = check_operand(ir, at, 1, info->b, op->b);
    if (!bad && !uses_imm(op->op))
        bad = check_operand(ir, at, 2, info->c, op->c);
    return bad;
}

static const char *check_var(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    if (op->imm >= ir->n_vars)
        FAIL("%u: %s: no variable %llu", at, ir_op_info[op->op].name, (unsigned long long)op->imm);
    unsigned class = op->op == IR_getv || op->op == IR_putv ? IR_CLASS_V : IR_CLASS_I;
    if (ir->vars[op->imm].class != class)
        FAIL("%u: %s: variable %s is of another class", at, ir_op_info[op->op].name,
             ir->vars[op->imm].name);
    return NULL;
}

/* Largest access, as log2 of bytes; the smallest is the same for 16-byte atomics. */
static bool memory_size_ok(const struct ir_op *op)
{
    unsigned size = op->aux & MEM_SIZE;
    switch (op->op) {
    case IR_loadv:
    case IR_storev:
        return size <= 4;
    case IR_casv:
    case IR_ldxv:
    case IR_stxv:
        return size == 4;
    case IR_load:
        return size <= (op->type == T_I32 ? 2 : 3);
    default:
        return size <= 3;
    }
}

static const char *check_memory(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    const char *name = ir_op_info[op->op].name;
    unsigned allowed = MEM_SIZE;
    if (in_range(op->op, IR_load, IR_storev))
        allowed |= 3 << MEM_SCALE_SHIFT | MEM_SWAP;
    if (op->op == IR_load)
        allowed |= MEM_SIGN;
    if (op->op == IR_store || op->op == IR_storev)
        allowed |= MEM_RELEASE;
    if (op->aux & ~allowed)
        FAIL("%u: %s: memory attributes 0x%x", at, name, op->aux);
    if (!memory_size_ok(op))
        FAIL("%u: %s: size of the access", at, name);
    if (in_range(op->op, IR_swp, IR_stxv) && op->disp)
        FAIL("%u: %s: displacement", at, name);
    return NULL;
}

static const char *check_field(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    unsigned width = op->type == T_I32 ? 32 : 64;
    bool ok = op->op == IR_extr ? op->d < width
                                : op->d >= 1 && op->d <= width && op->aux + op->d <= width;
    if (!ok)
        FAIL("%u: %s: bit field %u, %u", at, ir_op_info[op->op].name, op->aux, op->d);
    return NULL;
}

static const char *check_lane(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    unsigned lanes = 16u >> type_lane_log2(op->type);
    if (op->aux >= lanes || (op->op == IR_vinsl && op->d >= lanes))
        FAIL("%u: %s: no such lane", at, ir_op_info[op->op].name);
    return NULL;
}

static const char *check_shift(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    unsigned width = 8u << type_lane_log2(op->type);
    bool is_right = in_range(op->op, IR_vushr, IR_vsrshr) || op->op == IR_vsri ||
                    in_range(op->op, IR_vshrn, IR_vsqrshrun);
    if (is_right ? op->d < 1 || op->d > width : op->d >= width)
        FAIL("%u: %s: shift by %u", at, ir_op_info[op->op].name, op->d);
    return NULL;
}

static const char *check_fields(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    const char *name = ir_op_info[op->op].name;
    if (has_var(op->op))
        return check_var(ir, at);
    if (in_range(op->op, IR_load, IR_storev) || in_range(op->op, IR_swp, IR_stxv))
        return check_memory(ir, at);
    if (in_range(op->op, IR_ubfx, IR_bfi) || op->op == IR_extr)
        return check_field(ir, at);
    if (in_range(op->op, IR_vdupl, IR_vgets))
        return check_lane(ir, at);
    if (in_range(op->op, IR_vshl, IR_vsri) || in_range(op->op, IR_vuqshli, IR_vsqshlui) ||
        in_range(op->op, IR_vshrn, IR_vsqrshrun))
        return check_shift(ir, at);
    if (op->op == IR_call && (op->disp < 0 || op->disp >= N_HELPERS))
        FAIL("%u: call of an unknown helper", at);
    if (in_range(op->op, IR_add, IR_sbc) && op->aux & ~IR_S)
        FAIL("%u: %s: attributes 0x%x", at, name, op->aux);
    if ((in_range(op->op, IR_cset, IR_ccmn) || op->op == IR_exit_if) && op->aux > COND_NV)
        FAIL("%u: %s: no condition %u", at, name, op->aux);
    if ((op->op == IR_crc32 || op->op == IR_crc32c || op->op == IR_vlow) && op->aux > 3)
        FAIL("%u: %s: size", at, name);
    if (op->op == IR_align && (op->aux & ~ALIGN_WITHIN_16) > 4)
        FAIL("%u: %s: alignment", at, name);
    return NULL;
}

static const char *check_op(const struct ir *ir, uint32_t at)
{
    const struct ir_op *op = &ir->ops[at];
    if (op->op >= IR_N_OPS)
        FAIL("%u: no operation %u", at, op->op);
    const struct ir_op_info *info = &ir_op_info[op->op];
    if (op->type >= T_N_TYPES || !(types_of(op->op) >> op->type & 1))
        FAIL("%u: %s: type %s", at, info->name,
             op->type < T_N_TYPES ? ir_type_name[op->type] : "?");
    if ((info->props & IR_END) != 0 && at != ir->n - 1)
        FAIL("%u: %s: the block goes on after its end", at, info->name);
    const char *bad = check_operands(ir, at);
    return bad ? bad : check_fields(ir, at);
}

const char *ir_verify(const struct ir *ir)
{
    if (ir->n < 2 || ir->n > IR_MAX_OPS || ir->ops[0].op != IR_nop)
        return "empty block, or operation 0 is not a nop";
    for (uint32_t i = 1; i < ir->n; i++) {
        const char *bad = check_op(ir, i);
        if (bad)
            return bad;
    }
    if (!(ir_op_info[ir->ops[ir->n - 1].op].props & IR_END))
        return "the block does not end";
    return NULL;
}
