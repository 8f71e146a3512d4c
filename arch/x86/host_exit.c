/* host_exit.c - ways out of a block: direct exits with their stubs, indirect jumps, calls, returns, C. */
#include <stddef.h>

#include "arch/x86/host_fp.h"
#include "core/dispatch.h"
#include "core/log.h"

static struct x86_mem stub_mem(enum host_stub s) { return mem_cpu((int32_t)offsetof(struct cpu, stub) + 8 * (int32_t)s); }
static struct x86_mem cpu_field(size_t offset) { return mem_cpu((int32_t)offset); }

void emit_guest_addr(struct emitter *e, unsigned reg, guest_addr addr)
{
    if (!e->bias || e->n_bias >= MAX_BIAS_USES) {
        e->n_bias += e->bias != NULL; /* it cannot move any more */
        asm_mov_ri(&e->a, reg, addr);
        return;
    }
    asm_load_rip(&e->a, reg, e->bias);
    e->bias_at[e->n_bias++] = asm_offset(&e->a) - 4;
    /* LEA leaves EFLAGS alone; ADRP reaches further than one displacement. */
    for (int64_t rest = (int64_t)(addr - e->cell_base), step; rest; rest -= step) {
        step = rest > INT32_MAX ? INT32_MAX : rest < INT32_MIN ? INT32_MIN : rest;
        asm_lea(&e->a, 1, reg, x86_mem((int)reg, (int32_t)step));
    }
}

/* A new exit to a guest pc. */
static unsigned add_exit(struct emitter *e, guest_addr target)
{
    if (e->n_exits == MAX_EXITS)
        bug("block has too many exits");
    e->exit[e->n_exits] = (struct tb_exit){.target = target};
    return e->n_exits++;
}

/* The field of a patchable jump may not cross a cache line: its store must be atomic. */
static void align_site(struct emitter *e, unsigned opcode_bytes)
{
    unsigned at = (unsigned)((uintptr_t)e->a.at + opcode_bytes) & 63, n = e->a.n_insns;
    if (at > 60)
        asm_nop(&e->a, 64 - at);
    e->a.n_insns = n; /* costs do not depend on where code stands */
}

static void jump_site(struct emitter *e, unsigned exit)
{
    align_site(e, 1);
    e->exit[exit].site = asm_jmp_near(&e->a);
}

static void jcc_site(struct emitter *e, enum x86_cc cc, unsigned exit)
{
    align_site(e, 2);
    e->exit[exit].site = asm_jcc_near(&e->a, cc);
}

static void landing_pad(struct emitter *e, guest_addr return_pc);

/* Calls that were jumps in the region and are under way when it is left: make up for their host calls. */
static void push_calls(struct emitter *e, unsigned context)
{
    if (!context)
        return;
    const struct region_context *c = &e->region->context[context];
    push_calls(e, c->parent);
    asm_label over = asm_call_near(&e->a);
    landing_pad(e, c->back);
    asm_patch_here(&e->a, over);
}

/* From the region's homes to the state that every block is entered with. */
static void leave_region(struct emitter *e, unsigned context)
{
    emit_to_standard(e);
    push_calls(e, context);
}

/* Jump to guest code, in the region or out of it. */
static void jump_to(struct emitter *e, struct region_target to)
{
    if (to.block >= 0) {
        emit_region_jump(e, to.block);
        return;
    }
    leave_region(e, to.context);
    jump_site(e, add_exit(e, to.pc));
}

/* The same if CC holds. */
static void jcc_to(struct emitter *e, enum x86_cc cc, struct region_target to)
{
    if (to.block >= 0)
        emit_region_jcc(e, cc, to.block);
    else if (e->region)
        add_ool(e, OOL_EXIT, asm_jcc_near(&e->a, cc))->to = to;
    else
        jcc_site(e, cc, add_exit(e, to.pc));
}

struct ool *add_ool(struct emitter *e, enum ool_kind kind, asm_label jump)
{
    if (e->n_ool == MAX_OOL)
        bug("block has too much out-of-line code");
    struct ool *o = &e->ool[e->n_ool++];
    *o = (struct ool){.kind = kind, .n_jumps = 1, .jump = {jump}};
    return o;
}

/* Test for pending signals on the way to TO, then jump there. */
static void poll_and_jump(struct emitter *e, struct region_target to)
{
    asm_alu_mi(&e->a, ALU_CMP, 2, cpu_field(offsetof(struct cpu, pending)), 0);
    emit_clobber_flags(e);
    if (to.block >= 0) {
        emit_region_jcc(e, CC_E, to.block);
        add_ool(e, OOL_POLL, asm_jmp_near(&e->a))->to = to;
        return;
    }
    add_ool(e, OOL_POLL, asm_jcc_near(&e->a, CC_NE))->to = to;
    jump_to(e, to);
}

static struct region_target target_of(const struct emitter *e, const struct ir_op *op)
{
    if (e->region)
        return region_target(e->region, e->block, op);
    return (struct region_target){.pc = e->ir->pc + (guest_addr)(int64_t)op->disp, .block = -1};
}

/* Leave for TO if TEST holds. flags: to store on that path, or none. */
static void exit_on(struct emitter *e, struct cond_test t, struct region_target to, ir_ref flags, bool poll)
{
    if (flags && e->saved_flags == flags)
        flags = IR_NONE;
    if (t.kind == TEST_NEVER)
        return;
    bool leaves_region = e->region && to.block < 0;
    if (poll && !flags && !leaves_region) { /* usually a loop: fall into the poll, skip it on the way out */
        asm_label out[2];
        unsigned n = 0;
        struct cond_test no = cond_test_invert(t);
        if (no.kind == TEST_AND) {
            asm_label over = asm_jcc_short(&e->a, no.cc1 ^ 1);
            out[n++] = asm_jcc_short(&e->a, no.cc2);
            asm_patch_here(&e->a, over);
        } else if (no.kind != TEST_NEVER) {
            out[n++] = asm_jcc_short(&e->a, no.cc1);
            if (no.kind == TEST_OR)
                out[n++] = asm_jcc_short(&e->a, no.cc2);
        }
        ir_ref eflags = e->eflags;
        poll_and_jump(e, to);
        e->eflags = eflags;
        for (unsigned i = 0; i < n; i++)
            asm_patch_here(&e->a, out[i]);
        return;
    }
    if (!flags && !poll && t.kind == TEST_ONE) {
        jcc_to(e, t.cc1, to);
        return;
    }
    asm_label over = 0;
    struct ool *o;
    switch (t.kind) {
    case TEST_ALWAYS:
        o = add_ool(e, OOL_EXIT, asm_jmp_near(&e->a));
        break;
    case TEST_AND:
        over = asm_jcc_short(&e->a, t.cc1 ^ 1);
        o = add_ool(e, OOL_EXIT, asm_jcc_near(&e->a, t.cc2));
        asm_patch_here(&e->a, over);
        break;
    default:
        o = add_ool(e, OOL_EXIT, asm_jcc_near(&e->a, t.cc1));
        if (t.kind == TEST_OR)
            o->jump[o->n_jumps++] = asm_jcc_near(&e->a, t.cc2);
    }
    o->to = to;
    o->save_flags = flags;
    o->form = e->form;
    o->poll = poll;
}

void emit_exit_on(struct emitter *e, struct cond_test test, const struct ir_op *op)
{
    exit_on(e, test, target_of(e, op), IR_NONE, false);
}

static void emit_exit_if(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    if (op->b && op->b != e->saved_flags)
        emit_flags(e, op->b); /* all of them: the path stores them */
    struct cond_test t = emit_cond(e, op->c, op->aux);
    exit_on(e, t, target_of(e, op), op->b, op->d & IR_POLL);
}

/* Store the flags F before leaving; the registers that this took are free again. */
static void save_flags(struct emitter *e, ir_ref f)
{
    emit_save_flags(e, f);
    ra_end_op(&e->ra);
}

static void emit_exit_z(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    int32_t slot = 0;
    int a = ra_use_mem(&e->ra, op->a, &slot);
    if (a == RA_NONE)
        asm_alu_mi(&e->a, ALU_CMP, 2 + op_w(op), mem_cpu(slot), 0);
    else
        asm_test_rr(&e->a, op_w(op), (unsigned)a, (unsigned)a);
    emit_clobber_flags(e);
    enum x86_cc cc = op->op == IR_exit_z ? CC_E : CC_NE;
    exit_on(e, (struct cond_test){TEST_ONE, cc, 0}, target_of(e, op), IR_NONE, op->d & IR_POLL);
}

static void emit_exit_bit(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    unsigned bit = op->aux & 63;
    int32_t slot = 0;
    int a = ra_use_mem(&e->ra, op->a, &slot);
    enum x86_cc set = CC_NE;
    if (a == RA_NONE) {
        asm_test_mi(&e->a, 0, mem_cpu(slot + (int32_t)bit / 8), 1 << bit % 8);
    } else if (bit < 31) {
        asm_test_ri(&e->a, 0, (unsigned)a, 1 << bit);
    } else {
        asm_bit_ri(&e->a, BIT_BT, bit > 31, (unsigned)a, bit);
        set = CC_B;
    }
    emit_clobber_flags(e);
    struct cond_test t = {TEST_ONE, op->aux & 0x80 ? set : set ^ 1, 0};
    exit_on(e, t, target_of(e, op), IR_NONE, op->d & IR_POLL);
}

static void emit_jump(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    struct region_target to = target_of(e, op);
    if (op->d & IR_POLL)
        poll_and_jump(e, to);
    else if (to.block < 0 || to.block != (int)e->next_block)
        jump_to(e, to);
}

static void emit_exit_eq(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    const struct ir_op *expected = &e->ir->ops[op->c];
    bool is_short = expected->op == IR_addr && !e->bias && expected->imm <= INT32_MAX;
    int32_t slot = 0;
    int a = ra_use_mem(&e->ra, op->a, &slot);
    if (!is_short && a == RA_NONE)
        asm_alu_rm(&e->a, ALU_CMP, 1, (unsigned)ra_use(&e->ra, op->c), mem_cpu(slot));
    else if (!is_short)
        asm_alu_rr(&e->a, ALU_CMP, 1, (unsigned)a, (unsigned)ra_use(&e->ra, op->c));
    else if (a == RA_NONE)
        asm_alu_mi(&e->a, ALU_CMP, 3, mem_cpu(slot), (int32_t)expected->imm);
    else
        asm_alu_ri(&e->a, ALU_CMP, 1, (unsigned)a, (int32_t)expected->imm);
    emit_clobber_flags(e);
    struct region_target to = target_of(e, op);
    const struct ir_op *end = op + 1;
    bool ends = ref + 2u == e->ir->n && end->op == IR_jump && (!end->b || end->b == e->saved_flags);
    if (to.block < 0 || op->d & IR_POLL || !ends) {
        exit_on(e, (struct cond_test){TEST_ONE, CC_E, 0}, to, IR_NONE, op->d & IR_POLL);
        return;
    }
    /* It is equal as a rule: what comes else is out of line. */
    add_ool(e, OOL_EXIT, asm_jcc_near(&e->a, CC_NE))->to = target_of(e, end);
    if (to.block != (int)e->next_block)
        emit_region_jump(e, to.block);
    e->done = ref + 1;
}

/* Look REG up in the jump cache for a branch of KIND; the operand that holds its code. */
static struct x86_mem jump_cache_entry(struct emitter *e, unsigned reg, unsigned kind, enum ool_kind miss, struct ool **o)
{
    unsigned t = (unsigned)ra_temp(&e->ra, false), key = reg;
    int32_t table = JUMP_CACHE_OFFSET - CPU_BIAS;
    if (kind) {
        asm_mov_ri(&e->a, key = (unsigned)ra_temp(&e->ra, false), jump_cache_key(0, kind));
        asm_alu_rr(&e->a, ALU_XOR, 1, key, reg);
    }
    asm_mov_rr(&e->a, 0, t, reg);
    asm_alu_ri(&e->a, ALU_AND, 0, t, (JUMP_CACHE_SIZE - 1) << 2);
    asm_alu_rm(&e->a, ALU_CMP, 1, key, x86_mem_index(RBP, (int)t, 2, table));
    *o = add_ool(e, miss, asm_jcc_near(&e->a, CC_NE));
    (*o)->reg[1] = (uint8_t)reg;
    (*o)->branch_kind = (uint8_t)kind;
    return x86_mem_index(RBP, (int)t, 2, table + (int32_t)offsetof(struct jump_cache_entry, code));
}

static void emit_jumpi(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    struct ool *o;
    save_flags(e, op->b);
    if (e->region) {
        emit_region_jumpi(e, (unsigned)ra_use(&e->ra, op->a), op->d & IR_POLL);
        return;
    }
    asm_jmp_m(&e->a, jump_cache_entry(e, (unsigned)ra_use(&e->ra, op->a), op->aux, OOL_MISS_JUMP, &o));
}

/* Where a host return arrives, with the guest's target in RAX: go on at RETURN_PC if that is it. */
static void landing_pad(struct emitter *e, guest_addr return_pc)
{
    if (!e->bias && return_pc <= INT32_MAX) {
        asm_alu_ri(&e->a, ALU_CMP, 1, RAX, (int32_t)return_pc);
    } else {
        emit_guest_addr(e, RCX, return_pc);
        asm_alu_rr(&e->a, ALU_CMP, 1, RAX, RCX);
    }
    jcc_site(e, CC_E, add_exit(e, return_pc));
    asm_jmp_m(&e->a, stub_mem(STUB_RETURN));
}

/* A guest call is a host call, so that the host predicts the return. */
static void emit_goto_call(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    struct region_target to = target_of(e, op);
    if (to.block >= 0) {
        if (to.block != (int)e->next_block)
            jump_to(e, to);
        return;
    }
    leave_region(e, to.context);
    unsigned exit = add_exit(e, to.pc);
    align_site(e, 1);
    e->exit[exit].site = asm_call_near(&e->a);
    landing_pad(e, e->ir->ops[op->a].imm);
}

static void emit_calli(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    struct ool *o;
    save_flags(e, op->b);
    asm_call_m(&e->a, jump_cache_entry(e, (unsigned)ra_use(&e->ra, op->c), op->aux, OOL_MISS_CALL, &o));
    o->resume = asm_offset(&e->a);
    landing_pad(e, e->ir->ops[op->a].imm);
}

/* The return stack always holds code addresses: a landing pad, or STUB_RETURN at its bottom. */
static void emit_ret(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    unsigned target = (unsigned)ra_use(&e->ra, op->a);
    if (target != RAX)
        asm_mov_rr(&e->a, 1, RAX, target);
    asm_plain(&e->a, X_RET);
}

static void leave_to_c(struct emitter *e, unsigned reason, guest_addr pc)
{
    emit_guest_addr(e, RAX, pc);
    asm_mov_mr(&e->a, 3, cpu_field(offsetof(struct cpu, pc)), RAX);
    asm_mov_ri(&e->a, RAX, reason);
    asm_jmp_m(&e->a, stub_mem(STUB_EXIT));
}

static void emit_leave(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)ref;
    save_flags(e, op->b);
    asm_mov_mi(&e->a, 3, cpu_field(offsetof(struct cpu, exit_data)), op->aux);
    leave_to_c(e, op->d, target_of(e, op).pc);
}

/* ---- Out of line -------------------------------------------------------------------------------------- */

static void miss_code(struct emitter *e, const struct ool *o)
{
    if (o->branch_kind)
        asm_mov_mi(&e->a, 2, cpu_field(offsetof(struct cpu, branch_kind)), o->branch_kind);
    asm_mov_rr(&e->a, 1, RAX, o->reg[1]);
    if (o->kind == OOL_MISS_CALL) {
        asm_call_m(&e->a, stub_mem(STUB_MISS));
        asm_jmp_to(&e->a, o->resume);
    } else {
        asm_jmp_m(&e->a, stub_mem(STUB_MISS));
    }
}

/* Out of the region to the guest address in a register. */
static void leave_jump_code(struct emitter *e, const struct ool *o)
{
    int32_t table = JUMP_CACHE_OFFSET - CPU_BIAS;
    asm_mov_rr(&e->a, 1, RAX, o->reg[1]);
    emit_to_standard(e);
    asm_mov_rr(&e->a, 0, RCX, RAX);
    asm_alu_ri(&e->a, ALU_AND, 0, RCX, (JUMP_CACHE_SIZE - 1) << 2);
    asm_alu_rm(&e->a, ALU_CMP, 1, RAX, x86_mem_index(RBP, RCX, 2, table));
    asm_label miss = asm_jcc_short(&e->a, CC_NE);
    asm_jmp_m(&e->a, x86_mem_index(RBP, RCX, 2, table + (int32_t)offsetof(struct jump_cache_entry, code)));
    asm_patch_here(&e->a, miss);
    asm_jmp_m(&e->a, stub_mem(STUB_MISS));
}

/* The negation of operand B is made in the register of the result, which holds nothing yet. */
static void negate_operand(struct emitter *e, const struct ir_op *op, unsigned dst, unsigned b)
{
    unsigned log2 = type_lane_log2(op->type);
    uint64_t sign = type_is_vector(op->type) ? vec_repeat(log2, 0x80ull << 8 * ((1u << log2) - 1)) : 0x80ull << 8 * ((1u << log2) - 1);
    asm_v3m(&e->a, V_xorps, dst, b, asm_literal(&e->a, sign, type_is_vector(op->type) ? sign : 0));
}

static void slow_code(struct emitter *e, const struct ool *o)
{
    const struct ir_op *op = o->op;
    uint32_t what = op->op;
    if (o->bits != 255)
        fp_skip_harmless(e, o);
    for (unsigned i = 0; i < 4; i++) {
        unsigned reg = o->negates && i == 2 ? o->reg[0] : o->reg[i];
        what |= (uint32_t)(reg == 255 ? 0 : reg & 31) << (9 + 5 * i);
    }
    if (o->negates)
        negate_operand(e, op, (unsigned)vec_reg(o->reg[0]), (unsigned)vec_reg(o->reg[2]));
    if (o->reg[0] < RA_VEC)
        what |= 1u << 29;
    if (o->reg[1] < RA_VEC)
        what |= 1u << 30;
    uint32_t desc = op->type | (uint32_t)op->aux << 8 | (uint32_t)op->d << 16;
    asm_push_i(&e->a, (int32_t)what);
    asm_push_i(&e->a, (int32_t)desc);
    asm_call_m(&e->a, stub_mem(STUB_SLOW));
    asm_lea(&e->a, 1, RSP, x86_mem(RSP, 16));
    asm_jmp_to(&e->a, o->resume);
}

static void exit_code(struct emitter *e, const struct ool *o)
{
    if (o->save_flags)
        emit_store_flags(e, o->form);
    if (o->poll) {
        poll_and_jump(e, o->to);
        return;
    }
    jump_to(e, o->to);
}

static void out_of_line(struct emitter *e, const struct ool *o)
{
    for (unsigned i = 0; i < o->n_jumps; i++)
        asm_patch_here(&e->a, o->jump[i]);
    switch (o->kind) {
    case OOL_EXIT:
        exit_code(e, o);
        break;
    case OOL_FP:
        slow_code(e, o);
        break;
    case OOL_LEAVE_JUMP:
        leave_jump_code(e, o);
        break;
    case OOL_POLL:
        emit_to_standard(e);
        leave_to_c(e, EXIT_SIGNAL, o->to.pc);
        break;
    case OOL_ALIGN:
        asm_mov_mr(&e->a, 3, cpu_field(offsetof(struct cpu, exit_data)), o->reg[1]);
        emit_to_standard(e);
        leave_to_c(e, EXIT_ALIGN, o->to.pc);
        break;
    default:
        miss_code(e, o);
    }
}

void emit_out_of_line(struct emitter *e)
{
    for (unsigned i = 0; i < e->n_ool; i++) { /* an item may add another: copy */
        struct ool o = e->ool[i];
        out_of_line(e, &o);
    }
    for (unsigned i = 0; i < e->n_region_jumps; i++)
        asm_patch_to(&e->a, e->region_jump[i].at, e->block_at[e->region_jump[i].to]);
    for (unsigned i = 0; i < e->n_exits; i++) {
        e->exit[i].stub = asm_offset(&e->a);
        asm_patch_here(&e->a, e->exit[i].site);
        asm_patch_to(&e->a, asm_lea_label(&e->a, RCX), 0);
        asm_mov_ri(&e->a, RAX, i);
        asm_jmp_m(&e->a, stub_mem(STUB_LINK));
    }
}

emit_fn *exit_emit(unsigned op)
{
    switch (op) {
    case IR_exit_if: return emit_exit_if;
    case IR_exit_z: case IR_exit_nz: return emit_exit_z;
    case IR_exit_bit: return emit_exit_bit;
    case IR_exit_eq: return emit_exit_eq;
    case IR_jump: return emit_jump;
    case IR_jumpi: return emit_jumpi;
    case IR_goto_call: return emit_goto_call;
    case IR_calli: return emit_calli;
    case IR_ret: return emit_ret;
    case IR_leave: return emit_leave;
    default: return NULL;
    }
}
