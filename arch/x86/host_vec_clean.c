/* host_vec_clean.c - which values have zeros above their low 4 or 8 bytes, so that clearing them again is no work. */
#include "arch/x86/host_vec.h"

/* How the upper part of a result follows from the operands'. */
enum rule {
    UNKNOWN,
    ANY_64,   /* 64-bit vector types: zero if one operand is */
    ALL_64,   /* if all operands are */
    B_AND_C,  /* if the second and third are */
    ALWAYS_8, /* the high half is zero */
    LANE,     /* only lane 0 of the type is not zero */
    SCALAR,   /* scalar types: zero always */
    FIRST,    /* scalar types: as the first source */
    SECOND,   /* scalar types: as the second source */
    /* These also keep zero the high half of 64-bit vector types, if it is zero in all operands. */
    FIRST_OF_EITHER, /* scalar types: as the first source after a swap if that helps */
    EITHER,   /* scalar types: if one is zero */
    BOTH,     /* scalar types: if all are */
    CLEARED,  /* scalar types: zero always */
};

/* clang-format off */
static const uint8_t rules[IR_N_OPS] = {
    [IR_vhigh] = ALWAYS_8, [IR_vand] = ANY_64, [IR_vor] = ALL_64, [IR_vxor] = ALL_64, [IR_vbsl] = B_AND_C,
    [IR_vadd] = ALL_64, [IR_vsub] = ALL_64, [IR_vneg] = ALL_64, [IR_vabs] = ALL_64, [IR_vmul] = ALL_64,
    [IR_vcmgt] = ALL_64, [IR_vcmhi] = ALL_64, [IR_vtst] = ALL_64, [IR_vsmin] = ALL_64, [IR_vsmax] = ALL_64,
    [IR_vumin] = ALL_64, [IR_vumax] = ALL_64, [IR_vsabd] = ALL_64, [IR_vuabd] = ALL_64, [IR_vcnt] = ALL_64,
    [IR_vshl] = ALL_64, [IR_vushr] = ALL_64, [IR_vsshr] = ALL_64, [IR_vurshr] = ALL_64, [IR_vsrshr] = ALL_64,
    [IR_vsli] = ALL_64, [IR_vsri] = ALL_64, [IR_vrev16] = ALL_64, [IR_vrev32] = ALL_64, [IR_vrev64] = ALL_64,
    [IR_vxtn] = ALWAYS_8, [IR_vsqxtn] = ALWAYS_8, [IR_vuqxtn] = ALWAYS_8, [IR_vsqxtun] = ALWAYS_8,
    [IR_vshrn] = ALWAYS_8, [IR_vrshrn] = ALWAYS_8, [IR_vsqshrn] = ALWAYS_8, [IR_vsqrshrn] = ALWAYS_8,
    [IR_vuqshrn] = ALWAYS_8, [IR_vuqrshrn] = ALWAYS_8, [IR_vsqshrun] = ALWAYS_8, [IR_vsqrshrun] = ALWAYS_8,
    [IR_vaddhn] = ALWAYS_8, [IR_vraddhn] = ALWAYS_8, [IR_vsubhn] = ALWAYS_8, [IR_vrsubhn] = ALWAYS_8,
    [IR_vaddv] = LANE, [IR_vsmaxv] = LANE, [IR_vsminv] = LANE, [IR_vumaxv] = LANE, [IR_vuminv] = LANE,
    [IR_fadd] = FIRST_OF_EITHER, [IR_fmul] = FIRST_OF_EITHER, [IR_fsub] = FIRST, [IR_fdiv] = FIRST, [IR_fabd] = FIRST,
    [IR_fsqrt] = SCALAR, [IR_fabs] = SCALAR, [IR_fneg] = FIRST, [IR_fma] = CLEARED, [IR_frint] = SCALAR,
    [IR_fmax] = EITHER, [IR_fmaxnm] = EITHER, [IR_fmin] = BOTH, [IR_fminnm] = BOTH,
    [IR_fcmeq] = FIRST, [IR_fcmge] = SECOND, [IR_fcmgt] = SECOND, [IR_facge] = SECOND, [IR_facgt] = SECOND,
    [IR_fcvt] = SCALAR, [IR_fcvtn] = ALWAYS_8, [IR_i2f] = SCALAR,
};
/* clang-format on */

/* Chains of operations between two guest register writes are short: a write clears. */
enum { MAX_DEPTH = 6 };

static bool is_clean(const struct emitter *e, ir_ref ref, unsigned bytes, unsigned depth);

static bool all_clean(const struct emitter *e, const struct ir_op *op, unsigned bytes, unsigned depth)
{
    const struct ir_op_info *info = &ir_op_info[op->op];
    return is_clean(e, op->a, bytes, depth) && (info->b != IR_CLASS_V || is_clean(e, op->b, bytes, depth)) &&
           (info->c != IR_CLASS_V || is_clean(e, op->c, bytes, depth));
}

static bool follows_rule(const struct emitter *e, const struct ir_op *op, unsigned bytes, unsigned depth)
{
    unsigned rule = rules[op->op];
    bool scalar = !type_is_vector(op->type), is_64 = !scalar && !type_is_128(op->type) && bytes == 8;
    if (rule >= SCALAR && scalar) {
        if (1u << type_lane_log2(op->type) > bytes || op->type == T_F16)
            return false;
    }
    if (rule >= FIRST_OF_EITHER && is_64) /* on undoubled lanes, see vec_keeps_zeros */
        return all_clean(e, op, bytes, depth);
    switch (rule) {
    case ANY_64: return is_64 && (is_clean(e, op->a, bytes, depth) || is_clean(e, op->b, bytes, depth));
    case ALL_64: return is_64 && all_clean(e, op, bytes, depth);
    case B_AND_C: return is_64 && is_clean(e, op->b, bytes, depth) && is_clean(e, op->c, bytes, depth);
    case ALWAYS_8: return bytes == 8;
    case LANE: return 1u << type_lane_log2(op->type) <= bytes;
    case SCALAR: case CLEARED: return scalar;
    case FIRST: return scalar && is_clean(e, op->a, bytes, depth);
    case FIRST_OF_EITHER: return scalar && is_clean(e, vec_swaps_sources(e, op) ? op->b : op->a, bytes, depth);
    case SECOND: return scalar && is_clean(e, op->b, bytes, depth);
    case EITHER: return scalar && (is_clean(e, op->a, bytes, depth) || is_clean(e, op->b, bytes, depth));
    case BOTH: return scalar && all_clean(e, op, bytes, depth);
    default: return false;
    }
}

static bool is_clean(const struct emitter *e, ir_ref ref, unsigned bytes, unsigned depth)
{
    const struct ir_op *op = &e->ir->ops[ref];
    if (depth == MAX_DEPTH)
        return false;
    switch (op->op) {
    case IR_vlow: return 1u << op->aux <= bytes;
    case IR_loadv: return 1u << (op->aux & MEM_SIZE) <= bytes;
    case IR_vconst: return (!op->aux || !op->imm) && (bytes == 8 || op->imm >> 32 == 0);
    case IR_vins: return vec_is_alone(e, op) && 1u << type_lane_log2(op->type) <= bytes;
    case IR_vcsel: return is_clean(e, op->a, bytes, depth + 1) && is_clean(e, op->b, bytes, depth + 1);
    default: return follows_rule(e, op, bytes, depth + 1);
    }
}

bool vec_is_clean(const struct emitter *e, ir_ref ref, unsigned bytes) { return is_clean(e, ref, bytes, 0); }

bool vec_swaps_sources(const struct emitter *e, const struct ir_op *op)
{
    unsigned bytes = 1u << type_lane_log2(op->type);
    return !fp_traps(e) && !type_is_vector(op->type) && !vec_is_clean(e, op->a, bytes) && vec_is_clean(e, op->b, bytes);
}

bool vec_keeps_zeros(const struct emitter *e, const struct ir_op *op)
{
    return rules[op->op] >= FIRST_OF_EITHER && op->type == T_2S && all_clean(e, op, 8, 0);
}
