/* guest_translate.h - what the instruction functions of A64 share: reading and writing registers. */
#pragma once
#include "a64.decode.h"
#include "arch/aarch64/guest_cpu.h"
#include "core/translate.h"

/* A defined instruction that is not implemented: log its name and leave with EXIT_UNIMPL. Returns
 * true. */
bool a64_unimplemented(struct translator *t, const char *name);

/* IR type of a W (sf = 0) or X register. */
static inline unsigned type_of(bool sf)
{
    return sf ? T_I64 : T_I32;
}

/* X<n>, register 31 being zero. Operations of type i32 use the low half, so W registers are read
 * alike. */
static inline ir_ref read_x(struct translator *t, unsigned n)
{
    return n == 31 ? ir_const(&t->ir, 0) : ir_get(&t->ir, A64_VAR_X + n);
}

/* X<n>, register 31 being SP. */
static inline ir_ref read_sp(struct translator *t, unsigned n)
{
    return ir_get(&t->ir, A64_VAR_X + n);
}

/* Write X<n>; a result of type i32 is zero-extended already. Register 31: dropped. */
static inline void write_x(struct translator *t, unsigned n, ir_ref value)
{
    if (n != 31)
        ir_put(&t->ir, A64_VAR_X + n, value);
}

static inline void write_sp(struct translator *t, unsigned n, ir_ref value)
{
    ir_put(&t->ir, A64_VAR_X + n, value);
}

/* VALUE as a W or X register: for values that do not come from an operation of that type. */
static inline ir_ref narrow(struct translator *t, bool sf, ir_ref value)
{
    return sf ? value : ir_1(&t->ir, IR_zext32, T_I64, value);
}

/* Index register of a register-offset access: extended as OPTION says (Arm ARM, ExtendReg; only
 * word and doubleword forms exist here). */
static inline ir_ref read_index(struct translator *t, unsigned rm, unsigned option)
{
    ir_ref x = read_x(t, rm);
    if (option & 1)
        return x;
    return ir_1(&t->ir, option & 4 ? IR_sext32 : IR_zext32, T_I64, x);
}
