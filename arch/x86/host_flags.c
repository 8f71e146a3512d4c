/* host_flags.c - condition flags: fused with their producer, made again, or stored in cpu->flags. */
#include <stddef.h>
#include <string.h>

#include "arch/x86/host_emit.h"
#include "core/flags.h"
#include "core/log.h"

static const uint8_t sub_cc[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_S, CC_NS, CC_O,
                                   CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G, CC_LE};

/* After UCOMIS a, b: unordered sets ZF, PF, CF; less sets CF; equal sets ZF. */
static const struct cond_test fcmp_test[14] = {
    [COND_EQ] = {TEST_AND, CC_E, CC_NP}, [COND_NE] = {TEST_OR, CC_NE, CC_P},
    [COND_CS] = {TEST_OR, CC_AE, CC_P},  [COND_CC] = {TEST_AND, CC_B, CC_NP},
    [COND_MI] = {TEST_AND, CC_B, CC_NP}, [COND_PL] = {TEST_OR, CC_AE, CC_P},
    [COND_VS] = {TEST_ONE, CC_P, 0},     [COND_VC] = {TEST_ONE, CC_NP, 0},
    [COND_HI] = {TEST_OR, CC_A, CC_P},   [COND_LS] = {TEST_AND, CC_BE, CC_NP},
    [COND_GE] = {TEST_ONE, CC_AE, 0},    [COND_LT] = {TEST_ONE, CC_B, 0},
    [COND_GT] = {TEST_ONE, CC_A, 0},     [COND_LE] = {TEST_ONE, CC_BE, 0},
};

static struct x86_mem flags_mem(unsigned byte) { return mem_cpu((int32_t)offsetof(struct cpu, flags) + (int32_t)byte); }

struct cond_test cond_test_invert(struct cond_test t)
{
    static const uint8_t other[] = {[TEST_ONE] = TEST_ONE, [TEST_OR] = TEST_AND, [TEST_AND] = TEST_OR,
                                    [TEST_ALWAYS] = TEST_NEVER, [TEST_NEVER] = TEST_ALWAYS};
    return (struct cond_test){other[t.kind], t.cc1 ^ 1, t.cc2 ^ 1};
}

/* The value of flags F that cpu->flags would have to hold. */
static bool in_memory(const struct emitter *e, ir_ref f)
{
    return f == IR_NONE || e->ir->ops[f].op == IR_getf || e->saved_flags == f;
}

/* Conditions of one bit are tested in memory; the others restore EFLAGS. */
static bool test_saved_bit(struct emitter *e, unsigned cond, struct cond_test *t)
{
    static const struct { uint8_t byte, bit, when_true; } rows[8] = {
        {1, 0x40, CC_NE}, {1, 0x40, CC_E}, {1, 0x01, CC_E}, {1, 0x01, CC_NE},
        {1, 0x80, CC_NE}, {1, 0x80, CC_E}, {0, 0x01, CC_NE}, {0, 0x01, CC_E},
    };
    if (cond >= 8)
        return false;
    emit_clobber_flags(e);
    asm_test_mi(&e->a, 0, flags_mem(rows[cond].byte), rows[cond].bit);
    *t = (struct cond_test){TEST_ONE, rows[cond].when_true, 0};
    return true;
}

/* AX in the saved form to EFLAGS. */
static void restore_from_ax(struct emitter *e)
{
    asm_add_al_i(&e->a, 127); /* overflows if AL = 1 */
    asm_plain(&e->a, X_SAHF);
}

static void restore_saved(struct emitter *e, ir_ref f)
{
    ra_take(&e->ra, RAX);
    asm_load_zx(&e->a, 1, RAX, flags_mem(0));
    restore_from_ax(e);
    e->eflags = f;
    e->form = FLAGS_SUB;
}

static void compare_again(struct emitter *e, ir_ref f)
{
    const struct ir_op *op = &e->ir->ops[f];
    unsigned w = op_w(op);
    int32_t imm;
    int a = ra_use(&e->ra, op->a);
    bool has_imm = operand_imm(e, op->b, w, &imm);
    int b = has_imm ? RA_NONE : ra_use(&e->ra, op->b), t;
    switch (op->op) {
    case IR_sub:
        if (has_imm)
            asm_alu_ri(&e->a, ALU_CMP, w, (unsigned)a, imm);
        else
            asm_alu_rr(&e->a, ALU_CMP, w, (unsigned)a, (unsigned)b);
        break;
    case IR_add:
        t = ra_temp(&e->ra, false);
        asm_mov_rr(&e->a, w, (unsigned)t, (unsigned)a);
        if (has_imm)
            asm_alu_ri(&e->a, ALU_ADD, w, (unsigned)t, imm);
        else
            asm_alu_rr(&e->a, ALU_ADD, w, (unsigned)t, (unsigned)b);
        break;
    case IR_and:
        if (has_imm)
            asm_test_ri(&e->a, w, (unsigned)a, imm);
        else
            asm_test_rr(&e->a, w, (unsigned)a, (unsigned)b);
        break;
    case IR_andn:
        t = ra_temp(&e->ra, false);
        if (has_imm) {
            asm_mov_rr(&e->a, w, (unsigned)t, (unsigned)a);
            asm_alu_ri(&e->a, ALU_AND, w, (unsigned)t, ~imm);
        } else {
            asm_mov_rr(&e->a, w, (unsigned)t, (unsigned)b);
            asm_unary_r(&e->a, UNARY_NOT, w, (unsigned)t);
            asm_alu_rr(&e->a, ALU_AND, w, (unsigned)t, (unsigned)a);
        }
        break;
    default:
        bug("flags of %s cannot be made again", ir_op_info[op->op].name);
    }
    e->eflags = f;
    e->form = op->op == IR_sub ? FLAGS_SUB : FLAGS_ADD;
}

void emit_flags(struct emitter *e, ir_ref f)
{
    if (f && e->eflags == f)
        return;
    if (in_memory(e, f)) {
        restore_saved(e, f);
    } else if (e->ir->ops[f].op == IR_fcmp) {
        emit_fcmp_compare(e, &e->ir->ops[f]);
        e->eflags = f;
        e->form = FLAGS_FCMP;
    } else {
        compare_again(e, f);
    }
}

/* N and Z from a result that is still known. */
static bool test_result(struct emitter *e, ir_ref f, unsigned cond, struct cond_test *t)
{
    const struct ir_op *op = &e->ir->ops[f];
    if (cond > COND_NE && cond != COND_MI && cond != COND_PL)
        return false;
    if (op->op != IR_add && op->op != IR_sub && op->op != IR_and && op->op != IR_andn)
        return false;
    if (e->ra.value[f].last_use < e->ra.at)
        return false;
    int r = ra_use(&e->ra, f);
    emit_clobber_flags(e);
    asm_test_rr(&e->a, op_w(op), (unsigned)r, (unsigned)r);
    *t = (struct cond_test){TEST_ONE, sub_cc[cond], 0};
    return true;
}

struct cond_test emit_cond(struct emitter *e, ir_ref f, unsigned cond)
{
    struct cond_test t;
    if (cond >= COND_AL)
        return (struct cond_test){TEST_ALWAYS, 0, 0};
    if (!f || e->eflags != f) {
        if (in_memory(e, f) ? test_saved_bit(e, cond, &t) : test_result(e, f, cond, &t))
            return t;
        emit_flags(e, f);
    }
    if (e->form == FLAGS_FCMP)
        return fcmp_test[cond];
    if (e->form == FLAGS_ADD) {
        if (cond == COND_CS || cond == COND_CC)
            return (struct cond_test){TEST_ONE, sub_cc[cond] ^ 1, 0};
        if (cond == COND_HI || cond == COND_LS) {
            asm_plain(&e->a, X_CMC);
            e->form = FLAGS_SUB;
        }
    }
    return (struct cond_test){TEST_ONE, sub_cc[cond], 0};
}

/* From memory with the size that was stored: a wider load would have to wait for the store to be done. */
void emit_carry(struct emitter *e, ir_ref f, bool inverted)
{
    if ((!f || e->eflags != f) && in_memory(e, f)) {
        asm_bit_mi(&e->a, BIT_BT, 1, flags_mem(0), 8);
        if (!inverted)
            asm_plain(&e->a, X_CMC);
        return;
    }
    emit_flags(e, f);
    if (e->form == FLAGS_FCMP) {
        emit_save_flags(e, f);
        asm_bit_mi(&e->a, BIT_BT, 1, flags_mem(0), 8);
        if (!inverted)
            asm_plain(&e->a, X_CMC);
    } else if ((e->form == FLAGS_SUB) != inverted) {
        asm_plain(&e->a, X_CMC);
    }
}

void emit_store_flags(struct emitter *e, enum flags_form form)
{
    if (form == FLAGS_FCMP) {
        emit_fcmp_saved_form(e);
    } else {
        if (form == FLAGS_ADD)
            asm_plain(&e->a, X_CMC);
        asm_plain(&e->a, X_LAHF);
        asm_setcc(&e->a, CC_O, RAX);
    }
    asm_mov_mr(&e->a, 1, flags_mem(0), RAX);
}

void emit_save_flags(struct emitter *e, ir_ref f)
{
    if (in_memory(e, f))
        return;
    emit_flags(e, f);
    ra_take(&e->ra, RAX);
    if (e->form == FLAGS_FCMP)
        ra_take(&e->ra, RCX);
    emit_store_flags(e, e->form);
    if (e->form == FLAGS_ADD)
        e->form = FLAGS_SUB;
    else if (e->form == FLAGS_FCMP)
        emit_clobber_flags(e);
    e->saved_flags = f;
}

void emit_fault_point(struct emitter *e)
{
    ir_ref f = e->guest_flags;
    if (in_memory(e, f) || e->ra.value[f].flags_until <= e->ra.at)
        return;
    if (e->eflags != f || e->ra.value[e->ra.at].saves_flags || e->n_flags_at == ARRAY_SIZE(e->flags_at)) {
        emit_save_flags(e, f);
        return;
    }
    struct tb_flags_at *at = &e->flags_at[e->n_flags_at++];
    at->host_offset = asm_offset(&e->a);
    at->form = e->form;
    at->host_end = 0;
}

void emit_fault_point_end(struct emitter *e)
{
    if (e->n_flags_at && e->flags_at[e->n_flags_at - 1].host_end == 0)
        e->flags_at[e->n_flags_at - 1].host_end = asm_offset(&e->a);
}

/* ---- Operations ------------------------------------------------------------------------------- */

void emit_putf(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    e->guest_flags = op->a;
    if (op->aux)
        emit_save_flags(e, op->a);
}

void emit_fcmp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    if (op->type == T_F16 && !e->a.has->f16c) {
        emit_eval_call(e, ref, op);
        asm_mov_mr(&e->a, 1, flags_mem(0), RAX);
        e->saved_flags = ref;
        return;
    }
    emit_fcmp_compare(e, op);
    e->eflags = ref;
    e->form = FLAGS_FCMP;
}

void emit_csel(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct cond_test t = emit_cond(e, op->c, op->aux);
    ir_ref yes = op->a, no = op->b;
    if (t.kind == TEST_AND || (t.kind == TEST_ONE && ra_dies(&e->ra, yes) && !ra_dies(&e->ra, no))) {
        t = cond_test_invert(t);
        yes = op->b;
        no = op->a;
    }
    int32_t slot = 0;
    unsigned w = op_w(op);
    if (t.kind == TEST_ALWAYS) {
        int rd = ra_def_over(&e->ra, ref, yes);
        if (w == 0)
            asm_mov_rr(&e->a, 0, (unsigned)rd, (unsigned)rd);
        return;
    }
    int src = ra_use_mem(&e->ra, yes, &slot);
    unsigned rd = (unsigned)ra_def_over(&e->ra, ref, no);
    for (unsigned i = 0; i < (t.kind == TEST_ONE ? 1u : 2u); i++) {
        enum x86_cc cc = i ? t.cc2 : t.cc1;
        if (src == RA_NONE)
            asm_cmov_rm(&e->a, cc, w, rd, mem_cpu(slot));
        else
            asm_cmov_rr(&e->a, cc, w, rd, (unsigned)src);
    }
}

/* Short jumps taken when the test holds; at most two labels. */
static unsigned jump_if(struct emitter *e, struct cond_test t, bool far, asm_label label[2])
{
    asm_label (*jcc)(struct x86_asm *, enum x86_cc) = far ? asm_jcc_near : asm_jcc_short;
    asm_label over;
    switch (t.kind) {
    case TEST_ONE:
        label[0] = jcc(&e->a, t.cc1);
        return 1;
    case TEST_OR:
        label[0] = jcc(&e->a, t.cc1);
        label[1] = jcc(&e->a, t.cc2);
        return 2;
    case TEST_AND:
        over = asm_jcc_short(&e->a, t.cc1 ^ 1);
        label[0] = jcc(&e->a, t.cc2);
        asm_patch_here(&e->a, over);
        return 1;
    case TEST_ALWAYS:
        label[0] = far ? asm_jmp_near(&e->a) : asm_jmp_short(&e->a);
        return 1;
    default:
        return 0;
    }
}

static void patch_all(struct emitter *e, const asm_label *label, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        asm_patch_here(&e->a, label[i]);
}

void emit_vcsel(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct cond_test t = emit_cond(e, op->c, op->aux);
    int yes = ra_use(&e->ra, op->a);
    int rd = ra_def_over(&e->ra, ref, op->b);
    asm_label label[2];
    unsigned n = jump_if(e, cond_test_invert(t), false, label);
    asm_movv(&e->a, (unsigned)vec_reg(rd), (unsigned)vec_reg(yes));
    patch_all(e, label, n);
}

void emit_cset(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct cond_test t = emit_cond(e, op->c, op->aux);
    unsigned rd = (unsigned)ra_def(&e->ra, ref);
    if (t.kind == TEST_ONE) {
        asm_setcc(&e->a, t.cc1, rd);
        asm_int2_rr(&e->a, X_MOVZX8, 0, rd, rd);
        return;
    }
    asm_label label[2];
    asm_mov_ri(&e->a, rd, 1);
    unsigned n = jump_if(e, t, false, label);
    asm_mov_ri(&e->a, rd, 0);
    patch_all(e, label, n);
}

/* True if NZCV (N = 8 ... V = 1) makes COND hold. */
static bool cond_holds(unsigned cond, unsigned nzcv)
{
    bool n = nzcv & 8, z = nzcv & 4, c = nzcv & 2, v = nzcv & 1;
    const bool base[8] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
    return base[cond >> 1] != (cond & 1 && cond < COND_AL);
}

/* The exit that follows a compare and is the only user of its flags, or none. */
static ir_ref sole_exit(const struct emitter *e, ir_ref ref)
{
    ir_ref i = ref + 1;
    while (i < e->ir->n && (e->ir->ops[i].op == IR_insn || e->ir->ops[i].op == IR_putf || e->ir->ops[i].op == IR_nop))
        i++;
    const struct ir_op *x = &e->ir->ops[i];
    bool fits = i < e->ir->n && x->op == IR_exit_if && x->c == ref && !x->b && !(x->d & IR_POLL) &&
                e->ra.value[ref].flags_until == i && !e->ra.value[ref].must_save;
    return fits ? i : IR_NONE;
}

/* A conditional compare whose flags only one exit tests is two jumps. T: test of its own condition. */
static bool emit_ccmp_exit(struct emitter *e, ir_ref ref, const struct ir_op *op, struct cond_test t)
{
    ir_ref exit = sole_exit(e, ref);
    if (!exit || t.kind != TEST_ONE)
        return false;
    const struct ir_op *x = &e->ir->ops[exit];
    unsigned w = op_w(op);
    int32_t imm = 0;
    bool has_imm = operand_imm(e, op->b, w, &imm), add = op->op == IR_ccmn;
    int a = ra_use(&e->ra, op->a), b = has_imm ? RA_NONE : ra_use(&e->ra, op->b), sum = a;
    if (add) { /* moves leave EFLAGS alone */
        sum = ra_temp(&e->ra, false);
        asm_mov_rr(&e->a, w, (unsigned)sum, (unsigned)a);
    }
    asm_label over = 0;
    bool else_exits = cond_holds(x->aux, op->d);
    if (else_exits)
        emit_exit_on(e, cond_test_invert(t), x);
    else
        over = asm_jcc_near(&e->a, t.cc1 ^ 1);
    if (has_imm)
        asm_alu_ri(&e->a, add ? ALU_ADD : ALU_CMP, w, (unsigned)sum, imm);
    else
        asm_alu_rr(&e->a, add ? ALU_ADD : ALU_CMP, w, (unsigned)sum, (unsigned)b);
    e->eflags = ref;
    e->form = add ? FLAGS_ADD : FLAGS_SUB;
    emit_exit_on(e, emit_cond(e, ref, x->aux), x);
    if (!else_exits)
        asm_patch_here(&e->a, over);
    emit_clobber_flags(e);
    e->done = exit;
    return true;
}

/* condition ? flags of a - b (ccmp) or a + b (ccmn) or of a compare of FP values (fccmp) : constant */
void emit_ccmp(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    bool fp = op->op == IR_fccmp, add = op->op == IR_ccmn;
    unsigned w = op_w(op), cond = op->aux & 15, fixed = flags_from_nzcv(op->d);
    int32_t imm = 0;
    bool has_imm = !fp && operand_imm(e, op->b, w, &imm);
    struct cond_test t = emit_cond(e, op->c, cond);
    ra_end_op(&e->ra); /* what the condition needed is free again: moves leave EFLAGS alone */
    if (!fp && emit_ccmp_exit(e, ref, op, t))
        return;
    ra_take(&e->ra, RAX);
    if (fp)
        ra_take(&e->ra, RCX);
    int a = ra_use(&e->ra, op->a), b = has_imm ? RA_NONE : ra_use(&e->ra, op->b);
    int sum = add ? ra_temp(&e->ra, false) : RA_NONE;
    if (fp) { /* no spill between the jumps */
        ra_make_room(&e->ra, true, 16); /* half precision in software needs eight besides A and B */
        ra_make_room(&e->ra, false, 3);
    }
    asm_label no[2], end;
    unsigned n = jump_if(e, cond_test_invert(t), fp, no);
    if (fp) {
        emit_fcmp_compare(e, op);
        emit_fcmp_saved_form(e);
    } else if (add) {
        asm_mov_rr(&e->a, w, (unsigned)sum, (unsigned)a);
        if (has_imm)
            asm_alu_ri(&e->a, ALU_ADD, w, (unsigned)sum, imm);
        else
            asm_alu_rr(&e->a, ALU_ADD, w, (unsigned)sum, (unsigned)b);
        fixed ^= FLAG_NOT_C;
    } else if (has_imm) {
        asm_alu_ri(&e->a, ALU_CMP, w, (unsigned)a, imm);
    } else {
        asm_alu_rr(&e->a, ALU_CMP, w, (unsigned)a, (unsigned)b);
    }
    end = asm_jmp_short(&e->a);
    patch_all(e, no, n);
    asm_mov_ri(&e->a, RAX, fixed);
    if (fp)
        asm_patch_here(&e->a, end);
    restore_from_ax(e);
    if (!fp)
        asm_patch_here(&e->a, end);
    e->eflags = ref;
    e->form = add ? FLAGS_ADD : FLAGS_SUB;
}

void emit_nzcv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    ra_take(&e->ra, RAX);
    asm_mov_rr(&e->a, 0, RAX, (unsigned)ra_use(&e->ra, op->a));
    asm_shift_ri(&e->a, SHIFT_SHR, 0, RAX, 28);
    asm_imul_rri(&e->a, 0, RAX, RAX, 0x1081);
    asm_alu_ri(&e->a, ALU_AND, 0, RAX, FLAGS_MASK);
    asm_alu_ri(&e->a, ALU_XOR, 0, RAX, FLAG_NOT_C);
    restore_from_ax(e);
    e->eflags = ref;
    e->form = FLAGS_SUB;
}

void emit_nzcv_of(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    emit_save_flags(e, op->c);
    unsigned rd = (unsigned)ra_def(&e->ra, ref);
    emit_clobber_flags(e);
    asm_load_zx(&e->a, 1, rd, flags_mem(0));
    asm_alu_ri(&e->a, ALU_AND, 0, rd, FLAGS_MASK);
    asm_alu_ri(&e->a, ALU_XOR, 0, rd, FLAG_NOT_C);
    asm_imul_rri(&e->a, 0, rd, rd, 0x10210000);
    asm_alu_ri(&e->a, ALU_AND, 0, rd, (int32_t)0xf0000000);
}
