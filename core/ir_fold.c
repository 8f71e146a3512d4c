/* ir_fold.c - simplification of operations while a block is built.
 *
 * One function per operation, found by table. Each looks at its operands only, never further than
 * the operations that make them, so adding stays constant time. An operation that makes flags keeps
 * doing so. `addr` is a constant that moves with the guest's load address: it only combines with
 * additions. Loads, stores and floating-point operations are never removed. */
#include "core/ir_fold.h"

#include "core/ir_scalar.h"

typedef ir_ref fold_fn(struct ir *ir, struct ir_op *op);

static const uint64_t ALL_ONES = ~(uint64_t)0;

static unsigned op_width(const struct ir_op *op)
{
    return op->type == T_I32 ? 32 : 64;
}

static uint64_t low_mask(unsigned bits)
{
    return bits >= 64 ? ALL_ONES : ((uint64_t)1 << bits) - 1;
}

static unsigned significant_bits(uint64_t value)
{
    return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* ---- What is known about values -------------------------------------------------------------- */

static unsigned load_bits(const struct ir_op *op)
{
    unsigned size = 8u << (op->aux & MEM_SIZE);
    return op->aux & MEM_SIGN ? op_width(op) : size;
}

/* All bits of the value from the returned number on are zero. */
static unsigned value_bits(const struct ir *ir, ir_ref ref)
{
    const struct ir_op *op = &ir->ops[ref];
    switch (op->op) {
    case IR_const:
        return significant_bits(op->imm);
    case IR_get:
        return ir->vars[op->imm].size * 8u;
    case IR_load:
        return load_bits(op);
    case IR_swp:
    case IR_ldadd:
    case IR_ldand:
    case IR_ldor:
    case IR_ldxor:
    case IR_ldsmax:
    case IR_ldsmin:
    case IR_ldumax:
    case IR_ldumin:
    case IR_cas:
    case IR_ldx:
        return 8u << (op->aux & MEM_SIZE);
    case IR_stx:
    case IR_stxv:
    case IR_cset:
        return 1;
    case IR_clz:
    case IR_cls:
    case IR_ctz:
    case IR_popcnt:
        return 7;
    case IR_crc32:
    case IR_crc32c:
    case IR_nzcv_of:
        return 32;
    case IR_zext8:
        return 8;
    case IR_zext16:
        return 16;
    case IR_zext32:
        return 32;
    case IR_ubfx:
        return op->d;
    case IR_vget:
        return 8u << type_lane_log2(op->type);
    case IR_and:
        if (ir->ops[op->b].op == IR_const)
            return significant_bits(ir->ops[op->b].imm & low_mask(op_width(op)));
        break;
    case IR_shr:
        if (ir->ops[op->b].op == IR_const)
            return op_width(op) - (unsigned)(ir->ops[op->b].imm & (op_width(op) - 1));
        break;
    default:
        break;
    }
    return op->type == T_I32 ? 32 : 64;
}

/* Log2 of the bytes of a vector value that may be other than zero: the others are known to be zero.
 */
static unsigned vector_bytes_log2(const struct ir *ir, ir_ref ref)
{
    const struct ir_op *op = &ir->ops[ref];
    switch (op->op) {
    case IR_loadv:
    case IR_ldxv:
        return op->aux & MEM_SIZE;
    case IR_vlow:
        return op->aux;
    case IR_vhigh:
        return 3;
    case IR_vconst:
        if (op->aux)
            return 4;
        return op->imm <= UINT8_MAX ? 0 : op->imm <= UINT16_MAX ? 1 : op->imm <= UINT32_MAX ? 2 : 3;
    case IR_getv:
        return ir->vars[op->imm].size == 16 ? 4 : 3;
    default:
        return 4;
    }
}

/* True if REF was written to a variable that still has this value: it is at hand in the variable's
 * home, while the value that it was computed from may have to be kept for longer. Writes come soon
 * after the value. */
static bool is_in_variable(const struct ir *ir, ir_ref ref)
{
    enum { NEAR = 8 };
    for (uint32_t i = ref + 1u; i < ir->n && i < (uint32_t)ref + NEAR; i++)
        if (ir->ops[i].op == IR_put && ir->ops[i].a == ref)
            return ir->current[ir->ops[i].imm] == ref;
    return false;
}

static bool const_of(const struct ir *ir, ir_ref ref, unsigned width, uint64_t *value)
{
    if (ir->ops[ref].op != IR_const)
        return false;
    *value = ir->ops[ref].imm & low_mask(width);
    return true;
}

/* ---- Results -----------------------------------------------------------------------------------
 */

/* The value REF as the result of an operation of OP's type: an i32 result is zero-extended. */
static ir_ref as_result(struct ir *ir, const struct ir_op *op, ir_ref ref)
{
    if (op->type != T_I32 || value_bits(ir, ref) <= 32)
        return ref;
    return ir_1(ir, IR_zext32, T_I64, ref);
}

static ir_ref const_result(struct ir *ir, const struct ir_op *op, uint64_t value)
{
    return ir_const(ir, value & low_mask(op_width(op)));
}

/* Become another operation of the same type, without flags; to be added. */
static ir_ref become_1(struct ir_op *op, unsigned opcode, ir_ref a)
{
    *op = (struct ir_op){.op = (uint16_t)opcode, .type = op->type, .a = a};
    return IR_NONE;
}

static ir_ref become_2(struct ir_op *op, unsigned opcode, ir_ref a, ir_ref b)
{
    *op = (struct ir_op){.op = (uint16_t)opcode, .type = op->type, .a = a, .b = b};
    return IR_NONE;
}

/* Constants of commutative operations are second. */
static void const_second(const struct ir *ir, struct ir_op *op)
{
    if (ir->ops[op->a].op == IR_const) {
        ir_ref a = op->a;
        op->a = op->b;
        op->b = a;
    }
}

/* ---- Addition and subtraction
 * --------------------------------------------------------------------- */

/* a + VALUE, without flags. */
static ir_ref fold_add_const(struct ir *ir, struct ir_op *op, uint64_t value)
{
    const struct ir_op *a = &ir->ops[op->a];
    if (value == 0)
        return as_result(ir, op, op->a);
    if (a->op == IR_addr && op->type != T_I32)
        return ir_addr(ir, a->imm + value);
    uint64_t inner;
    if (a->op == IR_add && (a->type == op->type || op->type == T_I32) &&
        const_of(ir, a->b, 64, &inner) && !is_in_variable(ir, op->a)) {
        ir_ref base = a->a;
        value = (value + inner) & low_mask(op_width(op));
        if (value == 0)
            return as_result(ir, op, base);
        /* Sign-extended, so that small negative numbers stay small. */
        if (op->type == T_I32)
            value = (uint64_t)(int64_t)(int32_t)value;
        return become_2(op, IR_add, base, ir_const(ir, value));
    }
    return IR_NONE;
}

static ir_ref fold_add(struct ir *ir, struct ir_op *op)
{
    uint64_t b;
    const_second(ir, op);
    if (op->aux & IR_S || !const_of(ir, op->b, op_width(op), &b))
        return IR_NONE;
    return fold_add_const(ir, op, b);
}

static ir_ref fold_sub(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    if (op->aux & IR_S)
        return IR_NONE;
    if (op->a == op->b)
        return ir_const(ir, 0);
    if (const_of(ir, op->a, op_width(op), &value) && value == 0)
        return become_1(op, IR_neg, op->b);
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    value = -value;
    if (op->type == T_I32)
        value = (uint64_t)(int64_t)(int32_t)value;
    become_2(op, IR_add, op->a, ir_const(ir, value));
    return fold_add_const(ir, op, value & low_mask(op_width(op)));
}

static ir_ref fold_neg(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    if (a->op == IR_neg && (a->type == op->type || op->type == T_I32))
        return as_result(ir, op, a->a);
    return IR_NONE;
}

/* ---- Bitwise
 * --------------------------------------------------------------------------------------- */

static ir_ref fold_and_const(struct ir *ir, struct ir_op *op, uint64_t mask)
{
    unsigned bits = value_bits(ir, op->a);
    if (mask == 0)
        return ir_const(ir, 0);
    if (mask == low_mask(op_width(op)))
        return as_result(ir, op, op->a);
    if ((mask & (mask + 1)) == 0 && bits <= significant_bits(mask))
        return op->a;
    if (mask == UINT8_MAX)
        return become_1(op, IR_zext8, op->a);
    if (mask == UINT16_MAX)
        return become_1(op, IR_zext16, op->a);
    if (mask == UINT32_MAX)
        return become_1(op, IR_zext32, op->a);
    return IR_NONE;
}

static ir_ref fold_and(struct ir *ir, struct ir_op *op)
{
    uint64_t mask;
    const_second(ir, op);
    if (op->aux & IR_S)
        return IR_NONE;
    if (op->a == op->b)
        return as_result(ir, op, op->a);
    return const_of(ir, op->b, op_width(op), &mask) ? fold_and_const(ir, op, mask) : IR_NONE;
}

static ir_ref fold_andn(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    if (const_of(ir, op->b, 64, &value)) {
        op->op = IR_and;
        op->b = ir_const(ir, ~value);
        return fold_and(ir, op);
    }
    if (op->aux & IR_S)
        return IR_NONE;
    if (op->a == op->b)
        return ir_const(ir, 0);
    if (const_of(ir, op->a, op_width(op), &value) && value == low_mask(op_width(op)))
        return become_1(op, IR_not, op->b);
    return IR_NONE;
}

static ir_ref fold_or(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    const_second(ir, op);
    if (op->a == op->b)
        return as_result(ir, op, op->a);
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    if (value == 0)
        return as_result(ir, op, op->a);
    return value == low_mask(op_width(op)) ? const_result(ir, op, value) : IR_NONE;
}

static ir_ref fold_not(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    if (a->op == IR_not && (a->type == op->type || op->type == T_I32))
        return as_result(ir, op, a->a);
    return IR_NONE;
}

static ir_ref fold_orn(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    if (op->a == op->b)
        return const_result(ir, op, ALL_ONES);
    if (const_of(ir, op->b, 64, &value)) {
        become_2(op, IR_or, op->a, ir_const(ir, ~value));
        return fold_or(ir, op);
    }
    if (const_of(ir, op->a, op_width(op), &value) && value == 0) {
        become_1(op, IR_not, op->b);
        return fold_not(ir, op);
    }
    return IR_NONE;
}

static ir_ref fold_xor(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    const_second(ir, op);
    if (op->a == op->b)
        return ir_const(ir, 0);
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    if (value == 0)
        return as_result(ir, op, op->a);
    if (value == low_mask(op_width(op))) {
        become_1(op, IR_not, op->a);
        return fold_not(ir, op);
    }
    return IR_NONE;
}

/* ---- Multiplication and division
 * -------------------------------------------------------------------- */

static ir_ref fold_mul(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    const_second(ir, op);
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    if (value == 0)
        return ir_const(ir, 0);
    if (value == 1)
        return as_result(ir, op, op->a);
    if (value == low_mask(op_width(op)))
        return become_1(op, IR_neg, op->a);
    if ((value & (value - 1)) == 0)
        return become_2(op, IR_shl, op->a, ir_const(ir, significant_bits(value) - 1));
    return IR_NONE;
}

static ir_ref fold_udiv(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    if (value == 0)
        return ir_const(ir, 0);
    if (value == 1)
        return as_result(ir, op, op->a);
    if ((value & (value - 1)) == 0)
        return become_2(op, IR_shr, op->a, ir_const(ir, significant_bits(value) - 1));
    return IR_NONE;
}

static ir_ref fold_sdiv(struct ir *ir, struct ir_op *op)
{
    uint64_t value;
    if (!const_of(ir, op->b, op_width(op), &value))
        return IR_NONE;
    if (value == 0)
        return ir_const(ir, 0);
    return value == 1 ? as_result(ir, op, op->a) : IR_NONE;
}

/* ---- Shifts and bit fields
 * ----------------------------------------------------------------------------- */

/* shl shr sar ror. */
static ir_ref fold_shift(struct ir *ir, struct ir_op *op)
{
    uint64_t count;
    if (!const_of(ir, op->b, 64, &count))
        return IR_NONE;
    uint64_t n = count & (op_width(op) - 1);
    if (n == 0)
        return as_result(ir, op, op->a);
    if (n != count)
        op->b = ir_const(ir, n);
    return IR_NONE;
}

static ir_ref fold_extr(struct ir *ir, struct ir_op *op)
{
    if (op->d == 0)
        return as_result(ir, op, op->b);
    if (op->a == op->b)
        return become_2(op, IR_ror, op->a, ir_const(ir, op->d));
    return IR_NONE;
}

static ir_ref fold_zext(struct ir *ir, struct ir_op *op)
{
    unsigned width = op->op == IR_zext8 ? 8 : op->op == IR_zext16 ? 16 : 32;
    return value_bits(ir, op->a) <= width ? op->a : IR_NONE;
}

static ir_ref fold_sext(struct ir *ir, struct ir_op *op)
{
    unsigned width = op->op == IR_sext8 ? 8 : op->op == IR_sext16 ? 16 : 32;
    return value_bits(ir, op->a) < width ? op->a : IR_NONE;
}

static ir_ref fold_ubfx(struct ir *ir, struct ir_op *op)
{
    unsigned lsb = op->aux, bits = op->d, width = op_width(op);
    unsigned known = value_bits(ir, op->a);
    if (lsb == 0 && bits == width)
        return as_result(ir, op, op->a);
    if (lsb == 0 && known <= bits)
        return op->a;
    if (lsb == 0 && (bits == 8 || bits == 16 || bits == 32))
        return become_1(op, bits == 8 ? IR_zext8 : bits == 16 ? IR_zext16 : IR_zext32, op->a);
    if (lsb + bits == width)
        return become_2(op, IR_shr, op->a, ir_const(ir, lsb));
    return known <= lsb ? ir_const(ir, 0) : IR_NONE;
}

static ir_ref fold_sbfx(struct ir *ir, struct ir_op *op)
{
    unsigned lsb = op->aux, bits = op->d, width = op_width(op);
    if (lsb == 0 && bits == width)
        return as_result(ir, op, op->a);
    if (lsb == 0 && value_bits(ir, op->a) < bits)
        return op->a;
    if (lsb == 0 && (bits == 8 || bits == 16 || bits == 32))
        return become_1(op, bits == 8 ? IR_sext8 : bits == 16 ? IR_sext16 : IR_sext32, op->a);
    if (lsb + bits == width)
        return become_2(op, IR_sar, op->a, ir_const(ir, lsb));
    return IR_NONE;
}

/* The low BITS bits of b alone. */
static ir_ref become_low_field(struct ir *ir, struct ir_op *op, unsigned bits)
{
    *op = (struct ir_op){.op = IR_ubfx, .type = op->type, .a = op->b, .d = (uint16_t)bits};
    return fold_ubfx(ir, op);
}

static ir_ref fold_bfi(struct ir *ir, struct ir_op *op)
{
    unsigned lsb = op->aux, bits = op->d, width = op_width(op);
    uint64_t a, b;
    if (lsb == 0 && bits == width)
        return as_result(ir, op, op->b);
    bool a_const = const_of(ir, op->a, width, &a);
    bool b_const = const_of(ir, op->b, width, &b);
    if (a_const && a == 0 && lsb == 0)
        return become_low_field(ir, op, bits);
    if (a_const && a == 0 && lsb + bits == width)
        return become_2(op, IR_shl, op->b, ir_const(ir, lsb));
    uint64_t field = low_mask(bits) << lsb;
    if (b_const && (b & low_mask(bits)) == 0) {
        become_2(op, IR_and, op->a, const_result(ir, op, ~field));
        return fold_and(ir, op);
    }
    if (b_const && (b & low_mask(bits)) == low_mask(bits))
        return become_2(op, IR_or, op->a, ir_const(ir, field));
    return IR_NONE;
}

/* clz of rbit counts from the other end. */
static ir_ref fold_clz(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    return a->op == IR_rbit && a->type == op->type ? become_1(op, IR_ctz, a->a) : IR_NONE;
}

/* bswap, bswap16, rbit: twice is nothing. */
static ir_ref fold_involution(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    return a->op == op->op && a->type == op->type ? as_result(ir, op, a->a) : IR_NONE;
}

/* smax smin umax umin. */
static ir_ref fold_minmax(struct ir *ir, struct ir_op *op)
{
    return op->a == op->b ? as_result(ir, op, op->a) : IR_NONE;
}

/* ---- Conditions
 * ----------------------------------------------------------------------------------------- */

static ir_ref fold_cset(struct ir *ir, struct ir_op *op)
{
    return op->aux >= COND_AL ? ir_const(ir, 1) : IR_NONE;
}

static ir_ref fold_csel(struct ir *ir, struct ir_op *op)
{
    uint64_t a, b;
    if (op->a == op->b || op->aux >= COND_AL)
        return as_result(ir, op, op->a);
    unsigned width = op_width(op);
    if (!const_of(ir, op->a, width, &a) || !const_of(ir, op->b, width, &b) || (a ^ b) != 1 || a > 1)
        return IR_NONE;
    unsigned cond = a ? op->aux : op->aux ^ 1u;
    *op = (struct ir_op){.op = IR_cset, .type = op->type, .aux = (uint8_t)cond, .c = op->c};
    return IR_NONE;
}

static ir_ref fold_vcsel(struct ir *ir, struct ir_op *op)
{
    (void)ir;
    return op->a == op->b || op->aux >= COND_AL ? op->a : IR_NONE;
}

/* ---- Vectors
 * ---------------------------------------------------------------------------------------------- */

static ir_ref fold_vlow(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    if (vector_bytes_log2(ir, op->a) <= op->aux)
        return op->a;
    if (a->op == IR_vlow)
        op->a = a->a;
    else if (a->op == IR_vconst)
        return ir_vconst(ir, a->imm & low_mask(8u << op->aux), false);
    return IR_NONE;
}

static ir_ref fold_vhigh(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    if (a->op == IR_vconst)
        return ir_vconst(ir, a->aux ? a->imm : 0, false);
    return vector_bytes_log2(ir, op->a) < 4 ? ir_vconst(ir, 0, false) : IR_NONE;
}

static ir_ref fold_vdup(struct ir *ir, struct ir_op *op)
{
    uint64_t value, lane;
    if (!const_of(ir, op->a, 64, &value))
        return IR_NONE;
    unsigned bits = 8u << type_lane_log2(op->type);
    for (lane = value & low_mask(bits); bits < 64; bits *= 2)
        lane |= lane << bits;
    return ir_vconst(ir, lane, type_is_128(op->type));
}

/* Of constants only, where the result can be written as one. */
static ir_ref fold_vins(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    uint64_t lane;
    unsigned log2 = type_lane_log2(op->type), bit = (unsigned)op->aux << log2 << 3;
    if (a->op != IR_vconst || !const_of(ir, op->b, 8u << log2, &lane))
        return IR_NONE;
    uint64_t half[2] = {a->imm, a->aux ? a->imm : 0}, mask = low_mask(8u << log2) << bit % 64;
    half[bit / 64] = (half[bit / 64] & ~mask) | lane << bit % 64;
    if (half[1] != 0 && half[1] != half[0])
        return IR_NONE;
    return ir_vconst(ir, half[0], half[1] != 0);
}

static ir_ref fold_vget(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    unsigned log2 = type_lane_log2(op->type);
    unsigned byte = (unsigned)op->aux << log2;
    if (a->op == IR_vlow && byte + (1u << log2) <= 1u << a->aux)
        op->a = a->a;
    if (a->op != IR_vconst)
        return IR_NONE;
    uint64_t half = byte < 8 || a->aux ? a->imm : 0;
    uint64_t lane = half >> 8 * (byte & 7) & low_mask(8u << log2);
    if (op->op == IR_vgets) {
        uint64_t sign = (uint64_t)1 << ((8u << log2) - 1);
        lane = (lane ^ sign) - sign;
    }
    return ir_const(ir, lane);
}

/* vand, vor: the same twice. A 64-bit type leaves the high half undefined, so any value serves. */
static ir_ref fold_vand(struct ir *ir, struct ir_op *op)
{
    (void)ir;
    return op->a == op->b ? op->a : IR_NONE;
}

/* vxor, vandn. */
static ir_ref fold_vxor(struct ir *ir, struct ir_op *op)
{
    return op->a == op->b ? ir_vconst(ir, 0, false) : IR_NONE;
}

static ir_ref fold_vorn(struct ir *ir, struct ir_op *op)
{
    return op->a == op->b ? ir_vconst(ir, ALL_ONES, true) : IR_NONE;
}

static ir_ref fold_vnot(struct ir *ir, struct ir_op *op)
{
    const struct ir_op *a = &ir->ops[op->a];
    return a->op == IR_vnot && (type_is_128(a->type) || !type_is_128(op->type)) ? a->a : IR_NONE;
}

static ir_ref fold_vbsl(struct ir *ir, struct ir_op *op)
{
    (void)ir;
    return op->b == op->c ? op->b : IR_NONE;
}

/* ---- Entry
 * --------------------------------------------------------------------------------------------------
 */

/* clang-format off */
static fold_fn *fold_of(unsigned op)
{
    switch (op) {
    case IR_add: return fold_add;
    case IR_sub: return fold_sub;
    case IR_and: return fold_and;
    case IR_andn: return fold_andn;
    case IR_or: return fold_or;
    case IR_orn: return fold_orn;
    case IR_xor: return fold_xor;
    case IR_not: return fold_not;
    case IR_neg: return fold_neg;
    case IR_mul: return fold_mul;
    case IR_udiv: return fold_udiv;
    case IR_sdiv: return fold_sdiv;
    case IR_shl: case IR_shr: case IR_sar: case IR_ror: return fold_shift;
    case IR_extr: return fold_extr;
    case IR_sext8: case IR_sext16: case IR_sext32: return fold_sext;
    case IR_zext8: case IR_zext16: case IR_zext32: return fold_zext;
    case IR_ubfx: return fold_ubfx;
    case IR_sbfx: return fold_sbfx;
    case IR_bfi: return fold_bfi;
    case IR_bswap: case IR_rbit: case IR_bswap16: return fold_involution;
    case IR_clz: return fold_clz;
    case IR_smax: case IR_smin: case IR_umax: case IR_umin: return fold_minmax;
    case IR_cset: return fold_cset;
    case IR_csel: return fold_csel;
    case IR_vcsel: return fold_vcsel;
    case IR_vlow: return fold_vlow;
    case IR_vhigh: return fold_vhigh;
    case IR_vdup: return fold_vdup;
    case IR_vins: return fold_vins;
    case IR_vget: case IR_vgets: return fold_vget;
    case IR_vand: case IR_vor: return fold_vand;
    case IR_vxor: case IR_vandn: return fold_vxor;
    case IR_vorn: return fold_vorn;
    case IR_vnot: return fold_vnot;
    case IR_vbsl: return fold_vbsl;
    default: return NULL;
    }
}
/* clang-format on */

/* Operands that are all constants; never an operation that makes flags. */
static bool fold_constants(struct ir *ir, const struct ir_op *op, ir_ref *result)
{
    uint64_t a, b = 0;
    if (!const_of(ir, op->a, 64, &a))
        return false;
    if (ir_op_info[op->op].b == IR_CLASS_I && !const_of(ir, op->b, 64, &b))
        return false;
    if (op->op <= IR_sbc && op->aux & IR_S)
        return false;
    *result = ir_const(ir, ir_scalar(op, a, b));
    return true;
}

ir_ref ir_fold(struct ir *ir, struct ir_op *op)
{
    ir_ref result;
    if (ir_is_scalar(op->op) && fold_constants(ir, op, &result))
        return result;
    fold_fn *fold = fold_of(op->op);
    return fold ? fold(ir, op) : IR_NONE;
}

static bool fits_disp(int64_t disp)
{
    return disp == (int32_t)disp;
}

int64_t ir_fold_address(const struct ir *ir, struct ir_op *op, int64_t disp)
{
    const struct ir_op *a = &ir->ops[op->a];
    uint64_t value;
    int64_t sum;
    if (a->op == IR_add && a->type == T_I64 && const_of(ir, a->b, 64, &value) &&
        !__builtin_add_overflow(disp, (int64_t)value, &sum) && fits_disp(sum) &&
        !is_in_variable(ir, op->a)) {
        op->a = a->a;
        disp = sum;
    }
    if (op->b == IR_NONE)
        return disp;
    const struct ir_op *b = &ir->ops[op->b];
    unsigned scale = op->aux >> MEM_SCALE_SHIFT & 3;
    if (b->op == IR_const && !__builtin_add_overflow(disp, (int64_t)(b->imm << scale), &sum) &&
        fits_disp(sum)) {
        op->b = IR_NONE;
        op->aux &= (uint8_t) ~(3u << MEM_SCALE_SHIFT);
        return sum;
    }
    if (b->op == IR_shl && b->type == T_I64 && scale == 0 && const_of(ir, b->b, 64, &value) &&
        value <= 3 && !is_in_variable(ir, op->b)) {
        op->b = b->a;
        op->aux |= (uint8_t)(value << MEM_SCALE_SHIFT);
    }
    return disp;
}
