/* host_int.c - integer operations: one emit_ function per IR operation or family. */
#include <stddef.h>

#include "arch/x86/host_emit.h"
#include "core/helper.h"
#include "core/log.h"

bool operand_imm(const struct emitter *e, ir_ref b, unsigned w, int32_t *imm)
{
    uint64_t v;
    if (!ir_is_const(e->ir, b, &v))
        return false;
    *imm = (int32_t)v;
    return w == 0 || (uint64_t)(int64_t)*imm == v;
}

static bool const_of(const struct emitter *e, ir_ref v, unsigned w, uint64_t *out)
{
    if (!ir_is_const(e->ir, v, out))
        return false;
    if (w == 0)
        *out = (uint32_t)*out;
    return true;
}

/* Which operand of a commutative operation the result may take over most cheaply. */
static void order_operands(const struct emitter *e, ir_ref ref, ir_ref *a, ir_ref *b)
{
    const struct ra *ra = &e->ra;
    uint64_t c;
    if (ir_is_const(e->ir, *b, &c))
        return;
    int want = ra->value[ref].want, ra_ = ra->value[*a].reg, rb = ra->value[*b].reg;
    bool a_dies = ra_dies(ra, *a), b_dies = ra_dies(ra, *b);
    bool take_b = want != RA_NONE ? rb == want && b_dies && !(ra_ == want && a_dies)
                                  : b_dies && rb != RA_NONE && !(a_dies && ra_ != RA_NONE);
    if (take_b || ir_is_const(e->ir, *a, &c)) {
        ir_ref t = *a;
        *a = *b;
        *b = t;
    }
}

/* rd = rd op b, where b is an immediate, a register or in memory. */
static void alu(struct emitter *e, enum x86_alu op, unsigned w, unsigned rd, int b, int32_t slot, bool has_imm, int32_t imm)
{
    if (has_imm)
        asm_alu_ri(&e->a, op, w, rd, imm);
    else if (b == RA_NONE)
        asm_alu_rm(&e->a, op, w, rd, mem_cpu(slot));
    else
        asm_alu_rr(&e->a, op, w, rd, (unsigned)b);
}

static void set_flags(struct emitter *e, ir_ref ref, const struct ir_op *op, enum flags_form form)
{
    e->eflags = op->aux & IR_S ? ref : IR_NONE;
    e->form = form;
}

/* Only the flags are wanted: cmp or test. */
static bool emit_flags_only(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (!(op->aux & IR_S) || e->ra.value[ref].last_use > ref || (op->op != IR_sub && op->op != IR_and))
        return false;
    unsigned w = op_w(op);
    int32_t imm = 0, slot = 0, slot_b = 0;
    bool has_imm = operand_imm(e, op->b, w, &imm);
    if (op->op == IR_sub) {
        int a = has_imm ? ra_use_mem(&e->ra, op->a, &slot) : ra_use(&e->ra, op->a);
        int b = has_imm ? RA_NONE : ra_use_mem(&e->ra, op->b, &slot_b);
        if (a == RA_NONE)
            asm_alu_mi(&e->a, ALU_CMP, 2 + w, mem_cpu(slot), imm);
        else if (has_imm && imm == 0)
            asm_test_rr(&e->a, w, (unsigned)a, (unsigned)a); /* CF = 0 = no borrow, as cmp */
        else
            alu(e, ALU_CMP, w, (unsigned)a, b, slot_b, has_imm, imm);
        set_flags(e, ref, op, FLAGS_SUB);
        return true;
    }
    int a = ra_use(&e->ra, op->a);
    if (has_imm)
        asm_test_ri(&e->a, w, (unsigned)a, imm);
    else
        asm_test_rr(&e->a, w, (unsigned)a, (unsigned)ra_use(&e->ra, op->b));
    set_flags(e, ref, op, FLAGS_ADD);
    return true;
}

static void emit_alu(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const struct { enum x86_alu alu; bool commutes; enum flags_form form; } rows[IR_N_OPS] = {
        [IR_add] = {ALU_ADD, true, FLAGS_ADD}, [IR_sub] = {ALU_SUB, false, FLAGS_SUB}, [IR_and] = {ALU_AND, true, FLAGS_ADD},
        [IR_or] = {ALU_OR, true, FLAGS_ADD},   [IR_xor] = {ALU_XOR, true, FLAGS_ADD},
    };
    if (emit_flags_only(e, ref, op))
        return;
    unsigned w = op_w(op);
    ir_ref a = op->a, b = op->b;
    if (rows[op->op].commutes)
        order_operands(e, ref, &a, &b);
    int32_t imm = 0, slot = 0;
    bool has_imm = operand_imm(e, b, w, &imm);
    int rb = has_imm ? RA_NONE : ra_use_mem(&e->ra, b, &slot);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, a);
    alu(e, rows[op->op].alu, w, rd, rb, slot, has_imm, imm);
    e->eflags = (op->aux & IR_S) && op->op != IR_or && op->op != IR_xor ? ref : IR_NONE;
    e->form = rows[op->op].form;
}

/* Without flags an addition is LEA: three operands, EFLAGS kept. */
static void emit_add(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (op->aux & IR_S) {
        emit_alu(e, ref, op);
        return;
    }
    ir_ref a = op->a, b = op->b;
    uint64_t c, scale;
    if (ra_folds(&e->ra, ref, b) && ir_is_const(e->ir, e->ir->ops[b].b, &scale)) {
        int from = ra_use(&e->ra, a), shifted = ra_use(&e->ra, e->ir->ops[b].a);
        asm_lea(&e->a, op_w(op), (unsigned)ra_def_reuse(&e->ra, ref), x86_mem_index(from, shifted, (unsigned)scale, 0));
        return;
    }
    if (ir_is_const(e->ir, a, &c)) {
        a = op->b;
        b = op->a;
    }
    unsigned w = op_w(op);
    int32_t imm = 0;
    bool has_imm = operand_imm(e, b, w, &imm);
    int base = ra_use(&e->ra, a), index = has_imm ? X86_NO_REG : ra_use(&e->ra, b);
    unsigned rd = (unsigned)ra_def_reuse(&e->ra, ref);
    asm_lea(&e->a, w, rd, x86_mem_index(base, index, 0, has_imm ? imm : 0));
}

static void emit_andn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op);
    uint64_t c;
    int32_t imm = 0;
    if (const_of(e, op->b, w, &c) && (w == 0 || (int64_t)~c == (int32_t)~c)) {
        unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
        imm = (int32_t)~c;
        asm_alu_ri(&e->a, ALU_AND, w, rd, imm);
    } else if (e->a.has->bmi1) {
        int a = ra_use(&e->ra, op->a), b = ra_use(&e->ra, op->b);
        asm_int3_rrr(&e->a, X_ANDN, w, (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)b, (unsigned)a);
    } else {
        int a = ra_use(&e->ra, op->a);
        unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->b);
        asm_unary_r(&e->a, UNARY_NOT, w, rd);
        asm_alu_rr(&e->a, ALU_AND, w, rd, (unsigned)a);
    }
    set_flags(e, ref, op, FLAGS_ADD);
}

static void emit_orn(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op);
    int a = ra_use(&e->ra, op->a);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->b);
    asm_unary_r(&e->a, UNARY_NOT, w, rd);
    asm_alu_rr(&e->a, ALU_OR, w, rd, (unsigned)a);
    emit_clobber_flags(e);
}

static void emit_adc(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool sub = op->op == IR_sbc;
    unsigned w = op_w(op);
    unsigned producer = op->c ? e->ir->ops[op->c].op : (unsigned)IR_getf;
    if (producer == IR_fcmp || producer == IR_fccmp)
        emit_save_flags(e, op->c);
    /* The carry first: making it again may need operands that the result overwrites. Moves leave it alone. */
    emit_carry(e, op->c, sub);
    e->ra.locked = 0;
    int32_t imm = 0;
    bool has_imm = operand_imm(e, op->b, w, &imm);
    int b = has_imm ? RA_NONE : ra_use(&e->ra, op->b);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    alu(e, sub ? ALU_SBB : ALU_ADC, w, rd, b, 0, has_imm, imm);
    set_flags(e, ref, op, sub ? FLAGS_SUB : FLAGS_ADD);
}

static void emit_not(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    asm_unary_r(&e->a, UNARY_NOT, op_w(op), (unsigned)ra_def_over(&e->ra, ref, op->a));
}

static void emit_neg(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    asm_unary_r(&e->a, UNARY_NEG, op_w(op), (unsigned)ra_def_over(&e->ra, ref, op->a));
    emit_clobber_flags(e);
}

/* EFLAGS are those of a value that is needed later. */
static bool holds_flags(const struct emitter *e)
{
    return e->eflags != IR_NONE && e->ra.value[e->eflags].flags_until > e->ra.at;
}

/* One half of a * b, without a change of EFLAGS: long multiplications have a carry on its way. */
static void emit_mulx(struct emitter *e, ir_ref ref, const struct ir_op *op, bool is_high)
{
    ra_take(&e->ra, RDX);
    unsigned b = (unsigned)ra_use(&e->ra, op->b), a = (unsigned)ra_use(&e->ra, op->a);
    asm_mov_rr(&e->a, 1, RDX, a);
    unsigned rd = (unsigned)ra_def_reuse(&e->ra, ref);
    asm_int3_rrr(&e->a, X_MULX, op_w(op), is_high ? rd : RDX, is_high ? RDX : rd, b);
}

static void emit_mul(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op);
    ir_ref a = op->a, b = op->b;
    if (e->a.has->bmi2 && holds_flags(e)) {
        emit_mulx(e, ref, op, false);
        return;
    }
    order_operands(e, ref, &a, &b);
    int32_t imm = 0, slot = 0;
    if (operand_imm(e, b, w, &imm)) {
        int ra_ = ra_use(&e->ra, a);
        asm_imul_rri(&e->a, w, (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)ra_, imm);
    } else {
        int rb = ra_use_mem(&e->ra, b, &slot);
        unsigned rd = (unsigned)ra_def_over(&e->ra, ref, a);
        if (rb == RA_NONE)
            asm_int2_rm(&e->a, X_IMUL, w, rd, mem_cpu(slot));
        else
            asm_int2_rr(&e->a, X_IMUL, w, rd, (unsigned)rb);
    }
    emit_clobber_flags(e);
}

static void emit_mulh(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool is_unsigned = op->op == IR_umulh;
    if (is_unsigned && e->a.has->bmi2) {
        emit_mulx(e, ref, op, true);
        return;
    }
    ra_take(&e->ra, RDX);
    ra_take(&e->ra, RAX);
    int b = ra_use(&e->ra, op->b);
    int a = ra_use(&e->ra, op->a);
    asm_mov_rr(&e->a, 1, RAX, (unsigned)a);
    asm_unary_r(&e->a, is_unsigned ? UNARY_MUL : UNARY_IMUL, 1, (unsigned)b);
    ra_def_in(&e->ra, ref, RDX);
    emit_clobber_flags(e);
}

/* x / 0 = 0; for signed MIN / -1 = MIN. */
static void emit_div(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool is_signed = op->op == IR_sdiv;
    unsigned w = op_w(op);
    uint64_t c = 0;
    bool known = const_of(e, op->b, w, &c);
    ra_take(&e->ra, RAX);
    ra_take(&e->ra, RDX);
    unsigned b = (unsigned)ra_use(&e->ra, op->b), a = (unsigned)ra_use(&e->ra, op->a);
    asm_label zero = 0, minus_one = 0, end = 0;
    bool check_zero = !known || c == 0, check_minus_one = is_signed && (!known || c == (w ? ~0ull : 0xffffffffull));
    if (check_zero) {
        asm_mov_ri(&e->a, RAX, 0);
        asm_test_rr(&e->a, w, b, b);
        zero = asm_jcc_short(&e->a, CC_E);
    }
    asm_mov_rr(&e->a, w, RAX, a);
    if (check_minus_one) {
        asm_alu_ri(&e->a, ALU_CMP, w, b, -1);
        minus_one = asm_jcc_short(&e->a, CC_E);
    }
    if (is_signed)
        asm_cqo(&e->a, w);
    else
        asm_mov_ri(&e->a, RDX, 0);
    asm_unary_r(&e->a, is_signed ? UNARY_IDIV : UNARY_DIV, w, b);
    if (check_minus_one) {
        end = asm_jmp_short(&e->a);
        asm_patch_here(&e->a, minus_one);
        asm_unary_r(&e->a, UNARY_NEG, w, RAX);
        asm_patch_here(&e->a, end);
    }
    if (check_zero)
        asm_patch_here(&e->a, zero);
    ra_def_in(&e->ra, ref, RAX);
    emit_clobber_flags(e);
}

static void emit_shift(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const struct { enum x86_shift shift; enum x86_int3 bmi2; } rows[IR_N_OPS] = {
        [IR_shl] = {SHIFT_SHL, X_SHLX}, [IR_shr] = {SHIFT_SHR, X_SHRX}, [IR_sar] = {SHIFT_SAR, X_SARX}, [IR_ror] = {SHIFT_ROR, X_INT3_N},
    };
    unsigned w = op_w(op);
    uint64_t n;
    if (e->ra.value[ref].folded_into)
        return; /* the addition does it */
    if (ir_is_const(e->ir, op->b, &n)) {
        n &= w ? 63 : 31;
        if (op->op == IR_ror && e->a.has->bmi2) {
            int a = ra_use(&e->ra, op->a);
            asm_rorx(&e->a, w, (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)a, (unsigned)n);
        } else if (op->op == IR_shl && n >= 1 && n <= 3 && !ra_dies(&e->ra, op->a)) {
            int a = ra_use(&e->ra, op->a);
            asm_lea(&e->a, w, (unsigned)ra_def_reuse(&e->ra, ref),
                    n == 1 ? x86_mem_index(a, a, 0, 0) : x86_mem_index(X86_NO_REG, a, (unsigned)n, 0));
        } else {
            unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
            asm_shift_ri(&e->a, rows[op->op].shift, w, rd, (unsigned)n);
            if (n == 0 && w == 0)
                asm_mov_rr(&e->a, 0, rd, rd);
        }
    } else if (e->a.has->bmi2 && op->op != IR_ror) {
        int a = ra_use(&e->ra, op->a), b = ra_use(&e->ra, op->b);
        asm_int3_rrr(&e->a, rows[op->op].bmi2, w, (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)a, (unsigned)b);
        return;
    } else {
        ra_take(&e->ra, RCX);
        int b = ra_use(&e->ra, op->b);
        asm_mov_rr(&e->a, 0, RCX, (unsigned)b);
        asm_shift_cl(&e->a, rows[op->op].shift, w, (unsigned)ra_def_over(&e->ra, ref, op->a));
        if (w == 0) { /* a count of 0 leaves the high half */
            unsigned rd = (unsigned)e->ra.value[ref].reg;
            asm_mov_rr(&e->a, 0, rd, rd);
        }
    }
    emit_clobber_flags(e);
}

static void emit_extr(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op);
    if (op->d == 0) {
        int b = ra_use(&e->ra, op->b);
        asm_mov_rr(&e->a, w, (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)b);
        return;
    }
    int a = ra_use(&e->ra, op->a);
    asm_shrd_i(&e->a, w, (unsigned)ra_def_over(&e->ra, ref, op->b), (unsigned)a, op->d);
    emit_clobber_flags(e);
}

static void emit_extend(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const struct { uint8_t size, is_signed, int2; } rows[IR_N_OPS] = {
        [IR_sext8] = {0, 1, X_MOVSX8}, [IR_sext16] = {1, 1, X_MOVSX16}, [IR_sext32] = {2, 1, X_MOVSXD},
        [IR_zext8] = {0, 0, X_MOVZX8}, [IR_zext16] = {1, 0, X_MOVZX16}, [IR_zext32] = {2, 0, 0},
    };
    unsigned w = op_w(op), size = rows[op->op].size;
    bool is_signed = rows[op->op].is_signed;
    int32_t slot = 0;
    int a = ra_use_mem(&e->ra, op->a, &slot);
    unsigned rd = (unsigned)ra_def_reuse(&e->ra, ref);
    if (a == RA_NONE && is_signed)
        asm_load_sx(&e->a, size, w, rd, mem_cpu(slot));
    else if (a == RA_NONE)
        asm_load_zx(&e->a, size, rd, mem_cpu(slot));
    else if (size == 2 && !is_signed)
        asm_mov_rr(&e->a, 0, rd, (unsigned)a);
    else
        asm_int2_rr(&e->a, rows[op->op].int2, is_signed ? w : 0, rd, (unsigned)a);
}

/* Field of LEN bits at POS. */
static void emit_bitfield(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool is_signed = op->op == IR_sbfx;
    unsigned w = op_w(op), width = w ? 64 : 32, pos = op->aux, len = op->d;
    emit_clobber_flags(e);
    if ((len == 8 || len == 16) && (pos == 0 || (e->a.has->bmi2 && pos + len < width))) {
        static const uint8_t ops[2][2] = {{X_MOVZX8, X_MOVZX16}, {X_MOVSX8, X_MOVSX16}};
        unsigned a = (unsigned)ra_use(&e->ra, op->a), rd = (unsigned)ra_def_reuse(&e->ra, ref);
        if (pos)
            asm_rorx(&e->a, w && pos + len > 32, rd, a, pos);
        asm_int2_rr(&e->a, ops[is_signed][len == 16], is_signed ? w : 0, rd, pos ? rd : a);
        return;
    }
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    if (!is_signed && pos + len == width) {
        asm_shift_ri(&e->a, SHIFT_SHR, w, rd, pos);
        if (pos == 0 && w == 0)
            asm_mov_rr(&e->a, 0, rd, rd);
    } else if (!is_signed && len < 32) {
        asm_shift_ri(&e->a, SHIFT_SHR, w && pos + len > 32, rd, pos);
        asm_alu_ri(&e->a, ALU_AND, 0, rd, (int32_t)((1u << len) - 1));
    } else {
        asm_shift_ri(&e->a, SHIFT_SHL, w, rd, width - pos - len);
        asm_shift_ri(&e->a, is_signed ? SHIFT_SAR : SHIFT_SHR, w, rd, width - len);
        if (len == width && w == 0)
            asm_mov_rr(&e->a, 0, rd, rd);
    }
}

/* rd &= mask */
static void and_mask(struct emitter *e, unsigned w, unsigned rd, uint64_t mask)
{
    if (w == 0 || (int64_t)mask == (int32_t)mask) {
        asm_alu_ri(&e->a, ALU_AND, w, rd, (int32_t)mask);
    } else if (mask >> 32 == 0) {
        asm_alu_ri(&e->a, ALU_AND, 0, rd, (int32_t)mask);
    } else {
        unsigned t = (unsigned)ra_temp(&e->ra, false);
        asm_mov_ri(&e->a, t, mask);
        asm_alu_rr(&e->a, ALU_AND, 1, rd, t);
    }
}

static void emit_bfi(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op), width = w ? 64 : 32, pos = op->aux, len = op->d;
    uint64_t ones = len == 64 ? ~0ull : (1ull << len) - 1, all = w ? ~0ull : 0xffffffffull, a, b;
    emit_clobber_flags(e);
    if (const_of(e, op->a, w, &a) && (a & ~(ones << pos)) == 0) { /* UBFIZ */
        unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->b);
        if (pos + len < width)
            and_mask(e, w, rd, ones);
        asm_shift_ri(&e->a, SHIFT_SHL, w, rd, pos);
        if (pos == 0 && w == 0 && len == width)
            asm_mov_rr(&e->a, 0, rd, rd);
        return;
    }
    unsigned t = 0;
    bool known = const_of(e, op->b, w, &b);
    if (known)
        b = (b & ones) << pos;
    if (!known) {
        int rb = ra_use(&e->ra, op->b);
        t = (unsigned)ra_temp(&e->ra, false);
        asm_mov_rr(&e->a, w, t, (unsigned)rb);
        if (pos + len < width)
            and_mask(e, w, t, ones);
        asm_shift_ri(&e->a, SHIFT_SHL, w, t, pos);
    }
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    and_mask(e, w, rd, ~(ones << pos) & all);
    if (!known) {
        asm_alu_rr(&e->a, ALU_OR, w, rd, t);
    } else if (w == 0 || (int64_t)b == (int32_t)b) {
        asm_alu_ri(&e->a, ALU_OR, w, rd, (int32_t)b);
    } else {
        t = (unsigned)ra_temp(&e->ra, false);
        asm_mov_ri(&e->a, t, b);
        asm_alu_rr(&e->a, ALU_OR, 1, rd, t);
    }
}

static void emit_bswap(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    asm_bswap(&e->a, op_w(op), (unsigned)ra_def_over(&e->ra, ref, op->a));
}

/* x = (x >> n & mask) | (x & mask) << n */
static void swap_groups(struct emitter *e, unsigned w, unsigned rd, unsigned t, unsigned m, unsigned n, uint64_t mask)
{
    asm_mov_ri(&e->a, m, w ? mask : (uint32_t)mask);
    asm_mov_rr(&e->a, w, t, rd);
    asm_shift_ri(&e->a, SHIFT_SHR, w, t, n);
    asm_alu_rr(&e->a, ALU_AND, w, t, m);
    asm_alu_rr(&e->a, ALU_AND, w, rd, m);
    asm_shift_ri(&e->a, SHIFT_SHL, w, rd, n);
    asm_alu_rr(&e->a, ALU_OR, w, rd, t);
}

static void emit_bswap16(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    unsigned t = (unsigned)ra_temp(&e->ra, false), m = (unsigned)ra_temp(&e->ra, false);
    swap_groups(e, op_w(op), rd, t, m, 8, 0x00ff00ff00ff00ff);
    emit_clobber_flags(e);
}

static void emit_rbit(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op), rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    unsigned t = (unsigned)ra_temp(&e->ra, false), m = (unsigned)ra_temp(&e->ra, false);
    asm_bswap(&e->a, w, rd);
    swap_groups(e, w, rd, t, m, 4, 0x0f0f0f0f0f0f0f0f);
    swap_groups(e, w, rd, t, m, 2, 0x3333333333333333);
    swap_groups(e, w, rd, t, m, 1, 0x5555555555555555);
    emit_clobber_flags(e);
}

/* rd = leading zeros of rd, which is not zero or NONZERO is false. */
static void leading_zeros(struct emitter *e, unsigned w, unsigned rd, bool nonzero)
{
    if (e->a.has->lzcnt) {
        asm_int2_rr(&e->a, X_LZCNT, w, rd, rd);
        return;
    }
    unsigned t = (unsigned)ra_temp(&e->ra, false);
    asm_mov_ri(&e->a, t, w ? 127 : 63);
    asm_int2_rr(&e->a, X_BSR, w, rd, rd);
    if (!nonzero)
        asm_cmov_rr(&e->a, CC_E, w, rd, t);
    asm_alu_ri(&e->a, ALU_XOR, w, rd, w ? 63 : 31);
}

static void emit_clz(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    leading_zeros(e, op_w(op), (unsigned)ra_def_over(&e->ra, ref, op->a), false);
    emit_clobber_flags(e);
}

/* clz(((a ^ a >> 1) << 1) | 1), arithmetic shift */
static void emit_cls(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op);
    int a = ra_use(&e->ra, op->a);
    unsigned rd = (unsigned)ra_def(&e->ra, ref);
    asm_mov_rr(&e->a, w, rd, (unsigned)a);
    asm_shift_ri(&e->a, SHIFT_SAR, w, rd, 1);
    asm_alu_rr(&e->a, ALU_XOR, w, rd, (unsigned)a);
    asm_lea(&e->a, w, rd, x86_mem_index((int)rd, (int)rd, 0, 1));
    leading_zeros(e, w, rd, true);
    emit_clobber_flags(e);
}

static void emit_ctz(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned w = op_w(op), rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    if (e->a.has->bmi1) {
        asm_int2_rr(&e->a, X_TZCNT, w, rd, rd);
    } else {
        unsigned t = (unsigned)ra_temp(&e->ra, false);
        asm_mov_ri(&e->a, t, w ? 64 : 32);
        asm_int2_rr(&e->a, X_BSF, w, rd, rd);
        asm_cmov_rr(&e->a, CC_E, w, rd, t);
    }
    emit_clobber_flags(e);
}

static void emit_popcnt(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    int a = ra_use(&e->ra, op->a);
    asm_int2_rr(&e->a, X_POPCNT, op_w(op), (unsigned)ra_def_reuse(&e->ra, ref), (unsigned)a);
    emit_clobber_flags(e);
}

static void emit_crc32c(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint8_t by_size[4] = {X_CRC32_8, X_CRC32_16, X_CRC32, X_CRC32};
    int b = ra_use(&e->ra, op->b);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a); /* its high half is ignored, then zeroed */
    asm_int2_rr(&e->a, by_size[op->aux & 3], (op->aux & 3) == 3, rd, (unsigned)b);
}

static void emit_minmax(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint8_t cc[IR_N_OPS] = {[IR_smax] = CC_L, [IR_smin] = CC_G, [IR_umax] = CC_B, [IR_umin] = CC_A};
    unsigned w = op_w(op);
    int b = ra_use(&e->ra, op->b);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, op->a);
    asm_alu_rr(&e->a, ALU_CMP, w, rd, (unsigned)b);
    asm_cmov_rr(&e->a, cc[op->op], w, rd, (unsigned)b);
    emit_clobber_flags(e);
}

/* Registers that C functions do not preserve: all temporaries. The stub saves the pinned ones. */
static void evict_temporaries(struct emitter *e)
{
    ra_evict(&e->ra, ~(uint64_t)0);
    emit_clobber_flags(e);
}

static struct x86_mem scratch_mem(unsigned i) { return mem_cpu((int32_t)offsetof(struct cpu, scratch) + 8 * (int32_t)i); }

static void call_helper(struct emitter *e, ir_ref ref, unsigned helper, const ir_ref arg[3], uint64_t extra)
{
    const struct helper_info *info = &helper_info[helper];
    bool exact = info->props & (HELPER_READS | HELPER_WRITES);
    if (exact)
        emit_save_flags(e, e->guest_flags);
    for (unsigned i = 0; i < 3; i++)
        if (arg[i])
            asm_mov_mr(&e->a, 3, scratch_mem(i), (unsigned)ra_use(&e->ra, arg[i]));
    if (!arg[2])
        asm_mov_mi(&e->a, 3, scratch_mem(2), (int32_t)extra);
    if (info->props & HELPER_WRITES) {
        ra_forget_vars(&e->ra);
        e->guest_flags = e->saved_flags = IR_NONE;
    }
    evict_temporaries(e);
    emit_to_standard(e);
    asm_mov_ri(&e->a, RAX, helper);
    asm_call_m(&e->a, mem_cpu((int32_t)offsetof(struct cpu, stub) + 8 * (exact ? STUB_CALL : STUB_CALL_PLAIN)));
    emit_from_standard(e);
    e->n_calls++;
    ra_take(&e->ra, RAX);
    ra_def_in(&e->ra, ref, RAX);
}

static void emit_call(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    call_helper(e, ref, (unsigned)op->disp, (const ir_ref[3]){op->a, op->b, op->c}, 0);
}

/* Barrett reduction of bit-reflected polynomials: 64 bits times x^32 modulo the polynomial is the third word of the product
 * of the polynomial and the quotient, which is the low half of the product with x^96 divided by the polynomial. */
static void reduce_crc32(struct emitter *e, unsigned rd, unsigned value)
{
    const uint64_t inverse = 0xb4e5b025f7011641, polynomial = 0x1db710641;
    unsigned v = (unsigned)vec_reg(ra_temp(&e->ra, true));
    asm_v_from_r(&e->a, V_movd, 1, v, value);
    asm_v3mi(&e->a, V_pclmulqdq, v, v, asm_literal(&e->a, inverse, 0), 0);
    asm_v3mi(&e->a, V_pclmulqdq, v, v, asm_literal(&e->a, polynomial, 0), 0);
    asm_pextr(&e->a, 2, rd, v, 2);
}

/* The bits of data and accumulator that meet go to the top of 64; of the accumulator the rest is added afterwards. */
static void emit_crc32(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    static const uint8_t narrow[2] = {X_MOVZX8, X_MOVZX16};
    unsigned log2 = op->aux & 3, bits = 8u << log2;
    if (e->a.has->pclmul) {
        unsigned a = (unsigned)ra_use(&e->ra, op->a), b = (unsigned)ra_use(&e->ra, op->b);
        unsigned rd = (unsigned)ra_def(&e->ra, ref), rest = 0;
        emit_clobber_flags(e);
        if (log2 < 2) {
            rest = (unsigned)ra_temp(&e->ra, false);
            asm_int2_rr(&e->a, narrow[log2], 0, rd, b);
            asm_alu_rr(&e->a, ALU_XOR, 0, rd, a);
            asm_mov_rr(&e->a, 0, rest, rd);
            asm_shift_ri(&e->a, SHIFT_SHR, 0, rest, bits);
        } else {
            asm_mov_rr(&e->a, 0, rd, a);
            asm_alu_rr(&e->a, ALU_XOR, log2 == 3, rd, b);
        }
        if (log2 < 3)
            asm_shift_ri(&e->a, SHIFT_SHL, 1, rd, 64 - bits);
        reduce_crc32(e, rd, rd);
        if (log2 < 2)
            asm_alu_rr(&e->a, ALU_XOR, 0, rd, rest);
        return;
    }
    call_helper(e, ref, HELPER_crc32, (const ir_ref[3]){op->a, op->b, IR_NONE}, op->aux);
}

static void emit_nothing(struct emitter *e, ir_ref ref, const struct ir_op *op) { (void)e, (void)ref, (void)op; }

static void emit_put(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    e->place_of[op->imm] = MAX_PLACES;
    ra_put(&e->ra, (unsigned)op->imm, op->a);
}

emit_fn *int_emit(unsigned op)
{
    switch (op) {
    case IR_nop: case IR_get: case IR_getv: case IR_getf: case IR_const: case IR_addr: case IR_vconst: return emit_nothing;
    case IR_put: case IR_putv: return emit_put;
    case IR_putf: return emit_putf;
    case IR_add: return emit_add;
    case IR_sub: case IR_and: case IR_or: case IR_xor: return emit_alu;
    case IR_andn: return emit_andn;
    case IR_orn: return emit_orn;
    case IR_adc: case IR_sbc: return emit_adc;
    case IR_not: return emit_not;
    case IR_neg: return emit_neg;
    case IR_mul: return emit_mul;
    case IR_umulh: case IR_smulh: return emit_mulh;
    case IR_udiv: case IR_sdiv: return emit_div;
    case IR_shl: case IR_shr: case IR_sar: case IR_ror: return emit_shift;
    case IR_extr: return emit_extr;
    case IR_sext8: case IR_sext16: case IR_sext32: case IR_zext8: case IR_zext16: case IR_zext32: return emit_extend;
    case IR_ubfx: case IR_sbfx: return emit_bitfield;
    case IR_bfi: return emit_bfi;
    case IR_bswap: return emit_bswap;
    case IR_bswap16: return emit_bswap16;
    case IR_rbit: return emit_rbit;
    case IR_clz: return emit_clz;
    case IR_cls: return emit_cls;
    case IR_ctz: return emit_ctz;
    case IR_popcnt: return emit_popcnt;
    case IR_crc32: return emit_crc32;
    case IR_crc32c: return emit_crc32c;
    case IR_smax: case IR_smin: case IR_umax: case IR_umin: return emit_minmax;
    case IR_fcmp: return emit_fcmp;
    case IR_cset: return emit_cset;
    case IR_csel: return emit_csel;
    case IR_vcsel: return emit_vcsel;
    case IR_ccmp: case IR_ccmn: case IR_fccmp: return emit_ccmp;
    case IR_nzcv: return emit_nzcv;
    case IR_nzcv_of: return emit_nzcv_of;
    case IR_call: return emit_call;
    default: return NULL;
    }
}
