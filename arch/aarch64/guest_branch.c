/* guest_branch.c - A64 branches and exception-generating instructions. */
#include "core/dispatch.h"
#include "core/memory.h"
#include "arch/aarch64/guest_bti.h"
#include "arch/aarch64/guest_translate.h"
#include "arch/aarch64/guest_vdso.h"

static guest_addr target_of(const struct translator *t, int64_t offset)
{
    return t->pc + (uint64_t)offset;
}

bool a64_b(struct translator *t, const struct a64_args *a)
{
    translate_jump(t, target_of(t, (int64_t)a->imm * 4));
    return true;
}

bool a64_bl(struct translator *t, const struct a64_args *a)
{
    ir_ref ret = ir_addr(&t->ir, t->next_pc);
    write_x(t, A64_LR, ret);
    translate_call(t, target_of(t, (int64_t)a->imm * 4), ret);
    return true;
}

bool a64_b_cond(struct translator *t, const struct a64_args *a)
{
    if (a->cond >= COND_AL)
        translate_jump(t, target_of(t, a->imm));
    else
        translate_exit_cond(t, (enum ir_cond)a->cond, target_of(t, a->imm));
    return true;
}

bool a64_cbz(struct translator *t, const struct a64_args *a)
{
    translate_exit_zero(t, type_of(a->sf), read_x(t, a->rt), true, target_of(t, a->imm));
    return true;
}

bool a64_cbnz(struct translator *t, const struct a64_args *a)
{
    translate_exit_zero(t, type_of(a->sf), read_x(t, a->rt), false, target_of(t, a->imm));
    return true;
}

bool a64_tbz(struct translator *t, const struct a64_args *a)
{
    translate_exit_bit(t, read_x(t, a->rt), (unsigned)a->bit, false, target_of(t, a->imm));
    return true;
}

bool a64_tbnz(struct translator *t, const struct a64_args *a)
{
    translate_exit_bit(t, read_x(t, a->rt), (unsigned)a->bit, true, target_of(t, a->imm));
    return true;
}

bool a64_br(struct translator *t, const struct a64_args *a)
{
    translate_jump_indirect(t, read_x(t, a->rn), a64_jump_kind(t, (unsigned)a->rn));
    return true;
}

bool a64_blr(struct translator *t, const struct a64_args *a)
{
    ir_ref target = read_x(t, a->rn); /* before X30 changes: BLR X30 is allowed */
    ir_ref ret = ir_addr(&t->ir, t->next_pc);
    write_x(t, A64_LR, ret);
    translate_call_indirect(t, target, ret, a64_call_kind(t));
    return true;
}

bool a64_ret(struct translator *t, const struct a64_args *a)
{
    translate_return(t, read_x(t, a->rn));
    return true;
}

bool a64_svc(struct translator *t, const struct a64_args *a)
{
    (void)a; /* Linux ignores the immediate. */
    translate_leave(t, EXIT_SYSCALL, 0, t->next_pc);
    return true;
}

bool a64_brk(struct translator *t, const struct a64_args *a)
{
    (void)a; /* who needs the immediate reads it from the instruction */
    translate_leave(t, EXIT_BREAK, 0, t->pc);
    return true;
}

bool a64_udf(struct translator *t, const struct a64_args *a)
{
    return memory_is_vdso(t->pc) && a64_host_call(t, (unsigned)a->imm);
}
