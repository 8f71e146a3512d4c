/* guest_system.c - A64 system instructions at EL0: hints, barriers, cache maintenance, system
 * registers. */
#include "core/dispatch.h"
#include "core/helper.h"
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_sysreg.h"
#include "arch/aarch64/guest_translate.h"

/* NOP, YIELD, WFE, BTI, PACIASP ...: every hint may be a NOP on a CPU without its feature. */
bool a64_hint(struct translator *t, const struct a64_args *a)
{
    (void)t, (void)a;
    return true;
}

/* x86 reorders nothing but a store with a later load: barriers for loads or stores only (CRm<1:0> =
 * 01, 10) are free. */
static bool barrier(struct translator *t, const struct a64_args *a)
{
    if ((a->crm & 3) == 3 || (a->crm & 3) == 0)
        ir_0(&t->ir, IR_fence, T_NONE);
    return true;
}

bool a64_dmb(struct translator *t, const struct a64_args *a)
{
    return barrier(t, a);
}
bool a64_dsb(struct translator *t, const struct a64_args *a)
{
    return barrier(t, a);
}

/* Translations of code that IC IVAU named are gone at once. */
bool a64_isb(struct translator *t, const struct a64_args *a)
{
    (void)t, (void)a;
    return true;
}

bool a64_sb(struct translator *t, const struct a64_args *a)
{
    (void)t, (void)a;
    return true;
}

/* ---- Cache maintenance ---- */

bool a64_dc_zva(struct translator *t, const struct a64_args *a)
{
    ir_ref block = ir_2(&t->ir, IR_and, T_I64, read_x(t, a->rt),
                        ir_const(&t->ir, ~(uint64_t)(A64_ZVA_BYTES - 1)));
    ir_ref zero = ir_vconst(&t->ir, 0, false);
    for (int64_t i = 0; i < A64_ZVA_BYTES; i += 16)
        ir_storev(&t->ir, block, IR_NONE, i, zero, 4);
    return true;
}

/* Data caches are coherent. */
bool a64_dc_clean(struct translator *t, const struct a64_args *a)
{
    (void)t, (void)a;
    return true;
}

bool a64_ic_ivau(struct translator *t, const struct a64_args *a)
{
    ir_call(&t->ir, HELPER_a64_ic_ivau, read_x(t, a->rt), IR_NONE, IR_NONE);
    translate_leave(t, EXIT_RESUME, 0, t->next_pc);
    return true;
}

/* ---- System registers ---- */

/* The feature that REG belongs to is there. */
static bool is_present(unsigned reg)
{
    switch (reg) {
    case A64_DIT:
        return a64_has(A64_FEATURE_dit);
    case A64_SSBS:
        return a64_has(A64_FEATURE_ssbs);
    case A64_RNDR:
    case A64_RNDRRS:
        return a64_has(A64_FEATURE_rng);
    default:
        return true;
    }
}

/* RNDR, RNDRRS: NZCV = 0, or Z and the result 0 if there is no random number. */
static void read_random(struct translator *t, unsigned rt)
{
    ir_ref value = ir_call(&t->ir, HELPER_a64_random, IR_NONE, IR_NONE, IR_NONE);
    ir_ref zeros = ir_1(&t->ir, IR_clz, T_I64, value); /* 64 for 0 */
    ir_ref failed = ir_2(&t->ir, IR_and, T_I64, zeros, ir_const(&t->ir, 64));
    ir_ref nzcv = ir_2(&t->ir, IR_shl, T_I64, failed, ir_const(&t->ir, 30 - 6));
    write_x(t, rt, value);
    ir_put_flags(&t->ir, ir_1(&t->ir, IR_nzcv, T_I64, nzcv));
}

static void write_pstate(struct translator *t, ir_ref value, uint64_t which)
{
    ir_call(&t->ir, HELPER_a64_write_pstate, value, ir_const(&t->ir, which), IR_NONE);
}

bool a64_msr_dit(struct translator *t, const struct a64_args *a)
{
    write_pstate(t, ir_const(&t->ir, a->crm & 1 ? A64_PSTATE_DIT : 0), A64_PSTATE_DIT);
    return true;
}

bool a64_msr_ssbs(struct translator *t, const struct a64_args *a)
{
    write_pstate(t, ir_const(&t->ir, a->crm & 1 ? A64_PSTATE_SSBS : 0), A64_PSTATE_SSBS);
    return true;
}

bool a64_mrs(struct translator *t, const struct a64_args *a)
{
    unsigned reg = (unsigned)a->sysreg;
    uint64_t value;
    if (!is_present(reg))
        return false;
    switch (reg) {
    case A64_NZCV:
        write_x(t, a->rt, ir_3(&t->ir, IR_nzcv_of, T_I64, IR_NONE, IR_NONE, ir_get_flags(&t->ir)));
        return true;
    case A64_TPIDR_EL0:
        write_x(t, a->rt, ir_get(&t->ir, A64_VAR_TPIDR));
        return true;
    case A64_FPCR:
    case A64_FPSR:
    case A64_DIT:
    case A64_SSBS:
    case A64_CNTVCT_EL0:
        write_x(t, a->rt,
                ir_call(&t->ir, HELPER_a64_read_sysreg, ir_const(&t->ir, reg), IR_NONE, IR_NONE));
        return true;
    case A64_RNDR:
    case A64_RNDRRS:
        read_random(t, a->rt);
        return true;
    default:
        if (!a64_constant_sysreg(reg, &value))
            return false;
        write_x(t, a->rt, ir_const(&t->ir, value));
        return true;
    }
}

bool a64_msr(struct translator *t, const struct a64_args *a)
{
    ir_ref value = read_x(t, a->rt);
    if (!is_present((unsigned)a->sysreg))
        return false;
    switch (a->sysreg) {
    case A64_DIT:
        write_pstate(t, value, A64_PSTATE_DIT);
        return true;
    case A64_SSBS:
        write_pstate(t, value, A64_PSTATE_SSBS);
        return true;
    case A64_NZCV:
        ir_put_flags(&t->ir, ir_1(&t->ir, IR_nzcv, T_I64, value));
        return true;
    case A64_TPIDR_EL0:
        ir_put(&t->ir, A64_VAR_TPIDR, value);
        return true;
    case A64_FPSR:
        ir_call(&t->ir, HELPER_a64_write_fpsr, value, IR_NONE, IR_NONE);
        return true;
    case A64_FPCR: /* blocks depend on some of its bits */
        ir_call(&t->ir, HELPER_a64_write_fpcr, value, IR_NONE, IR_NONE);
        translate_leave(t, EXIT_RESUME, 0, t->next_pc);
        return true;
    default:
        return false;
    }
}
