/* host_mem.c - guest memory: loads, stores, atomic operations, exclusives.
 *
 * Results of operations of more than one instruction stay out of pinned registers until the access is done, so that a
 * fault finds every register as it was before the instruction. */
#include <stddef.h>

#include "arch/x86/host_emit.h"
#include "core/dispatch.h"

static struct x86_mem cpu_field(size_t offset) { return mem_cpu((int32_t)offset); }

struct x86_mem emit_address(struct emitter *e, const struct ir_op *op)
{
    int base = ra_use(&e->ra, op->a);
    if (!op->b)
        return x86_mem(base, op->disp);
    int index = ra_use(&e->ra, op->b);
    return x86_mem_index(base, index, op->aux >> MEM_SCALE_SHIFT & 3, op->disp);
}

/* ldx, stx, atomics: b is no index. */
static struct x86_mem plain_address(struct emitter *e, const struct ir_op *op)
{
    return x86_mem(ra_use(&e->ra, op->a), op->op == IR_cas || op->op == IR_casv ? 0 : op->disp);
}

static unsigned size_of(const struct ir_op *op) { return op->aux & MEM_SIZE; }

static void zero_extend(struct emitter *e, unsigned size, unsigned rd, unsigned rs)
{
    if (size < 2)
        asm_int2_rr(&e->a, size ? X_MOVZX16 : X_MOVZX8, 0, rd, rs);
    else
        asm_mov_rr(&e->a, size == 3, rd, rs);
}

static void swap_bytes(struct emitter *e, const struct ir_op *op, unsigned rd)
{
    unsigned size = size_of(op), w = op_w(op);
    if (size == 1)
        asm_rol16_i(&e->a, rd, 8);
    else if (size > 1)
        asm_bswap(&e->a, size == 3, rd);
    if (op->aux & MEM_SIGN && size == 1)
        asm_int2_rr(&e->a, X_MOVSX16, w, rd, rd);
    else if (op->aux & MEM_SIGN && size == 2 && w)
        asm_int2_rr(&e->a, X_MOVSXD, 1, rd, rd);
    emit_clobber_flags(e);
}

static void emit_load(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct x86_mem m = emit_address(e, op);
    unsigned rd = (unsigned)ra_def_reuse(&e->ra, ref), size = size_of(op);
    bool swapped = op->aux & MEM_SWAP && size > 0;
    if (op->aux & MEM_SIGN && !swapped && size < 2u + op_w(op))
        asm_load_sx(&e->a, size, op_w(op), rd, m);
    else
        asm_load_zx(&e->a, size, rd, m);
    emit_fault_point_end(e);
    if (swapped)
        swap_bytes(e, op, rd);
}

static void emit_store(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    unsigned size = size_of(op);
    int32_t imm;
    bool swapped = op->aux & MEM_SWAP && size > 0;
    struct x86_mem m = emit_address(e, op);
    if (!swapped && !(op->aux & MEM_RELEASE) && operand_imm(e, op->c, size == 3, &imm)) {
        asm_mov_mi(&e->a, size, m, imm);
        return;
    }
    unsigned value = (unsigned)ra_use(&e->ra, op->c);
    if (swapped || op->aux & MEM_RELEASE) {
        unsigned t = (unsigned)ra_temp(&e->ra, false);
        asm_mov_rr(&e->a, 1, t, value);
        value = t;
    }
    if (swapped && size == 1)
        asm_rol16_i(&e->a, value, 8);
    else if (swapped)
        asm_bswap(&e->a, size == 3, value);
    if (swapped)
        emit_clobber_flags(e);
    if (op->aux & MEM_RELEASE)
        asm_xchg_mr(&e->a, size, m, value);
    else
        asm_mov_mr(&e->a, size, m, value);
}

static void emit_align(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    unsigned a = (unsigned)ra_use(&e->ra, op->a);
    if (op->disp) {
        unsigned t = (unsigned)ra_temp(&e->ra, false);
        asm_lea(&e->a, 1, t, x86_mem((int)a, op->disp));
        a = t;
    }
    int size = 1 << (op->aux & ALIGN_LOG2);
    bool within = op->aux & ALIGN_WITHIN_16;
    emit_clobber_flags(e);
    if (within) {
        unsigned low = (unsigned)ra_temp(&e->ra, false);
        asm_mov_rr(&e->a, 0, low, a);
        asm_alu_ri(&e->a, ALU_AND, 0, low, 15);
        asm_alu_ri(&e->a, ALU_CMP, 0, low, 16 - size);
    } else {
        asm_test_ri(&e->a, 0, a, size - 1);
    }
    struct ool *o = add_ool(e, OOL_ALIGN, asm_jcc_near(&e->a, within ? CC_A : CC_NE));
    o->reg[1] = (uint8_t)a;
    o->to = (struct region_target){.pc = e->insn_pc, .block = -1};
    o->op = op;
}

static void emit_fence(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref, (void)op;
    asm_lock_or_mi(&e->a, cpu_field(offsetof(struct cpu, scratch) + 24), 0);
    emit_clobber_flags(e);
}

/* ---- Atomic read-modify-write ----------------------------------------------------------------------------- */

static void emit_exchange(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned size = size_of(op);
    struct x86_mem m = plain_address(e, op);
    unsigned reg = (unsigned)ra_def_exchanged(&e->ra, ref, op->b);
    if (op->op == IR_swp)
        asm_xchg_mr(&e->a, size, m, reg);
    else
        asm_lock_xadd(&e->a, size, m, reg);
    if (size < 2)
        zero_extend(e, size, reg, reg);
    emit_clobber_flags(e);
}

static const struct { uint8_t alu, cc, is_signed; } rmw_rows[IR_N_OPS] = {
    [IR_ldand] = {ALU_AND, 0, 0}, [IR_ldor] = {ALU_OR, 0, 0}, [IR_ldxor] = {ALU_XOR, 0, 0},
    [IR_ldsmax] = {ALU_CMP, CC_L, 1}, [IR_ldsmin] = {ALU_CMP, CC_G, 1},
    [IR_ldumax] = {ALU_CMP, CC_B, 0}, [IR_ldumin] = {ALU_CMP, CC_A, 0},
};

/* t = new value from the old one, which comes to be in RAX, and the operand b; u is scratch. */
static void new_value(struct emitter *e, const struct ir_op *op, unsigned t, unsigned u, unsigned b)
{
    unsigned size = size_of(op), w = size == 3;
    if (rmw_rows[op->op].alu != ALU_CMP) {
        asm_mov_rr(&e->a, 1, t, RAX);
        asm_alu_rr(&e->a, rmw_rows[op->op].alu, 1, t, b);
        return;
    }
    if (size < 2) {
        static const uint8_t extend[2][2] = {{X_MOVZX8, X_MOVZX16}, {X_MOVSX8, X_MOVSX16}};
        unsigned x = extend[rmw_rows[op->op].is_signed][size];
        asm_int2_rr(&e->a, x, 0, t, RAX);
        asm_int2_rr(&e->a, x, 0, u, b);
    } else {
        asm_mov_rr(&e->a, w, t, RAX);
        asm_mov_rr(&e->a, w, u, b);
    }
    asm_alu_rr(&e->a, ALU_CMP, w, t, u);
    asm_cmov_rr(&e->a, rmw_rows[op->op].cc, w, t, u);
}

static void emit_rmw(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned size = size_of(op), alu = rmw_rows[op->op].alu;
    emit_clobber_flags(e);
    if (alu != ALU_CMP && e->ra.value[ref].last_use == 0) {
        struct x86_mem m = plain_address(e, op);
        asm_lock_mr(&e->a, alu, size, m, (unsigned)ra_use(&e->ra, op->b));
        return;
    }
    ra_take(&e->ra, RAX);
    struct x86_mem m = plain_address(e, op);
    unsigned b = (unsigned)ra_use(&e->ra, op->b);
    unsigned t = (unsigned)ra_temp(&e->ra, false), u = alu == ALU_CMP ? (unsigned)ra_temp(&e->ra, false) : t;
    asm_load_zx(&e->a, size, RAX, m);
    uint32_t again = asm_offset(&e->a);
    new_value(e, op, t, u, b);
    asm_lock_cmpxchg(&e->a, size, m, t);
    asm_jcc_to(&e->a, CC_NE, again);
    ra_def_in(&e->ra, ref, RAX);
}

static void emit_cas(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    unsigned size = size_of(op);
    ra_take(&e->ra, RAX);
    struct x86_mem m = plain_address(e, op);
    unsigned expected = (unsigned)ra_use(&e->ra, op->b), value = (unsigned)ra_use(&e->ra, op->c);
    zero_extend(e, size, RAX, expected);
    asm_lock_cmpxchg(&e->a, size, m, value);
    if (size < 2)
        zero_extend(e, size, RAX, RAX);
    ra_def_in(&e->ra, ref, RAX);
    emit_clobber_flags(e);
}

/* ---- 16 bytes: RDX:RAX compared, RCX:RBX stored -------------------------------------------------------- */

static void take_pair_registers(struct emitter *e)
{
    ra_take(&e->ra, RAX);
    ra_take(&e->ra, RDX);
    ra_take(&e->ra, RCX);
    ra_take(&e->ra, RBX);
    emit_clobber_flags(e);
}

static void vec_to_pair(struct emitter *e, unsigned lo, unsigned hi, int vec)
{
    asm_pextr(&e->a, 3, lo, (unsigned)vec_reg(vec), 0);
    asm_pextr(&e->a, 3, hi, (unsigned)vec_reg(vec), 1);
}

static void emit_casv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    take_pair_registers(e);
    struct x86_mem m = plain_address(e, op);
    vec_to_pair(e, RAX, RDX, ra_use(&e->ra, op->b));
    vec_to_pair(e, RBX, RCX, ra_use(&e->ra, op->c));
    asm_lock_cmpxchg16b(&e->a, m);
    unsigned rd = (unsigned)vec_reg(ra_def(&e->ra, ref));
    asm_v_from_r(&e->a, V_movd, 1, rd, RAX);
    asm_pinsr(&e->a, 3, rd, rd, RDX, 1);
}

static void set_monitor(struct emitter *e, const struct ir_op *op, struct x86_mem m)
{
    int base = m.base;
    if (m.disp) {
        base = ra_temp(&e->ra, false);
        asm_lea(&e->a, 1, (unsigned)base, m);
    }
    asm_mov_mr(&e->a, 3, cpu_field(offsetof(struct cpu, excl_addr)), (unsigned)base);
    asm_mov_mi(&e->a, 2, cpu_field(offsetof(struct cpu, excl_size)), (int32_t)size_of(op));
}

static void emit_ldx(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct x86_mem m = plain_address(e, op);
    unsigned rd = (unsigned)ra_def(&e->ra, ref);
    asm_load_zx(&e->a, size_of(op), rd, m);
    emit_fault_point_end(e);
    asm_mov_mr(&e->a, 3, cpu_field(offsetof(struct cpu, excl_val)), rd);
    set_monitor(e, op, m);
}

static void emit_ldxv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    struct x86_mem m = plain_address(e, op);
    unsigned rd = (unsigned)vec_reg(ra_def(&e->ra, ref));
    asm_v2m(&e->a, V_movaps, rd, m);
    emit_fault_point_end(e);
    asm_vstore(&e->a, V_movaps_st, cpu_field(offsetof(struct cpu, excl_val)), rd);
    set_monitor(e, op, m);
}

/* Jumps to "failed" unless the monitor holds this address and size. */
static void check_monitor(struct emitter *e, const struct ir_op *op, struct x86_mem m, unsigned scratch, asm_label failed[2])
{
    asm_lea(&e->a, 1, scratch, m);
    asm_alu_rm(&e->a, ALU_CMP, 1, scratch, cpu_field(offsetof(struct cpu, excl_addr)));
    failed[0] = asm_jcc_short(&e->a, CC_NE);
    asm_alu_mi(&e->a, ALU_CMP, 2, cpu_field(offsetof(struct cpu, excl_size)), (int32_t)size_of(op));
    failed[1] = asm_jcc_short(&e->a, CC_NE);
}

/* RAX = ZF ? 0 : 1; the monitor is cleared. */
static void finish_stx(struct emitter *e, ir_ref ref, const asm_label failed[2])
{
    asm_patch_here(&e->a, failed[0]);
    asm_patch_here(&e->a, failed[1]);
    asm_setcc(&e->a, CC_NE, RAX);
    asm_int2_rr(&e->a, X_MOVZX8, 0, RAX, RAX);
    asm_mov_mi(&e->a, 3, cpu_field(offsetof(struct cpu, excl_addr)), -1);
    ra_def_in(&e->ra, ref, RAX);
}

static void emit_stx(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    ra_take(&e->ra, RAX);
    emit_clobber_flags(e);
    struct x86_mem m = plain_address(e, op);
    unsigned value = (unsigned)ra_use(&e->ra, op->b);
    asm_label failed[2];
    check_monitor(e, op, m, RAX, failed);
    asm_load_zx(&e->a, 3, RAX, cpu_field(offsetof(struct cpu, excl_val)));
    asm_lock_cmpxchg(&e->a, size_of(op), m, value);
    finish_stx(e, ref, failed);
}

static void emit_stxv(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    take_pair_registers(e);
    struct x86_mem m = plain_address(e, op);
    int value = ra_use(&e->ra, op->b);
    asm_label failed[2];
    check_monitor(e, op, m, RAX, failed);
    asm_load_zx(&e->a, 3, RAX, cpu_field(offsetof(struct cpu, excl_val)));
    asm_load_zx(&e->a, 3, RDX, cpu_field(offsetof(struct cpu, excl_val) + 8));
    vec_to_pair(e, RBX, RCX, value);
    asm_lock_cmpxchg16b(&e->a, m);
    finish_stx(e, ref, failed);
}

static void emit_clrex(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref, (void)op;
    asm_mov_mi(&e->a, 3, cpu_field(offsetof(struct cpu, excl_addr)), -1);
}

emit_fn *mem_emit(unsigned op)
{
    switch (op) {
    case IR_load: return emit_load;
    case IR_store: return emit_store;
    case IR_align: return emit_align;
    case IR_fence: return emit_fence;
    case IR_swp: case IR_ldadd: return emit_exchange;
    case IR_ldand: case IR_ldor: case IR_ldxor: case IR_ldsmax: case IR_ldsmin: case IR_ldumax:
    case IR_ldumin: return emit_rmw;
    case IR_cas: return emit_cas;
    case IR_casv: return emit_casv;
    case IR_ldx: return emit_ldx;
    case IR_ldxv: return emit_ldxv;
    case IR_stx: return emit_stx;
    case IR_stxv: return emit_stxv;
    case IR_clrex: return emit_clrex;
    default: return NULL;
    }
}
