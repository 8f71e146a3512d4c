/* guest_translate.h - what the instruction functions of A64 share: reading and writing registers. */
#pragma once
#include "a64.decode.h"
#include "arch/aarch64/guest_cpu.h"
#include "arch/aarch64/guest_features.h"
#include "core/translate.h"

/* A defined instruction that is not implemented: log its name and leave with EXIT_UNIMPL. Returns
 * true. */
bool a64_unimplemented(struct translator *t, const char *name);

/* Translate the instruction INSN at t->pc. False: undefined. */
bool a64_translate_word(struct translator *t, uint32_t insn);

/* Translate the load-exclusive at t->pc (esz: log2 of its bytes; is_pair: LDXP) and the instructions up to its
 * store-exclusive as one atomic operation. False: they are not of that kind, and nothing was done. */
bool a64_join_exclusive(struct translator *t, const struct a64_args *a, unsigned esz, bool is_pair);
/* guest_isa.split_again. */
bool a64_split_again(guest_addr pc);

/* Alignment fault unless BASE + DISP is a multiple of 2^LOG2. */
static inline void check_alignment(struct translator *t, ir_ref base, int64_t disp, unsigned log2)
{
    if (log2)
        ir_add(&t->ir, (struct ir_op){.op = IR_align,
                                      .type = T_I64,
                                      .aux = (uint8_t)log2,
                                      .a = base,
                                      .disp = (int32_t)disp});
}

/* The same for accesses that FEAT_LSE2 lets be anywhere within 16 aligned bytes. */
static inline void check_place(struct translator *t, ir_ref base, int64_t disp, unsigned log2)
{
    check_alignment(t, base, disp, log2 && a64_has(A64_FEATURE_uscat) ? log2 | ALIGN_WITHIN_16 : log2);
}

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

/* Two W registers as one doubleword, two X registers as one vector. */
static inline ir_ref join_words(struct translator *t, unsigned low, unsigned high)
{
    return ir_2x(&t->ir, IR_bfi, T_I64, read_x(t, low), read_x(t, high), 32, 32);
}

static inline void split_words(struct translator *t, ir_ref pair, unsigned low, unsigned high)
{
    ir_ref first = ir_1(&t->ir, IR_zext32, T_I64, pair);
    ir_ref second = ir_2(&t->ir, IR_shr, T_I64, pair, ir_const(&t->ir, 32));
    write_x(t, low, first);
    write_x(t, high, second);
}

static inline ir_ref join_doublewords(struct translator *t, unsigned low, unsigned high)
{
    ir_ref v = ir_2x(&t->ir, IR_vins, T_2D, ir_vconst(&t->ir, 0, false), read_x(t, low), 0, 0);
    return ir_2x(&t->ir, IR_vins, T_2D, v, read_x(t, high), 1, 0);
}

static inline void split_doublewords(struct translator *t, ir_ref pair, unsigned low,
                                     unsigned high)
{
    ir_ref first = ir_1x(&t->ir, IR_vget, T_2D, pair, 0, 0),
           second = ir_1x(&t->ir, IR_vget, T_2D, pair, 1, 0);
    write_x(t, low, first);
    write_x(t, high, second);
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
