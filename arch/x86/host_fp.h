/* host_fp.h - what host_fp.c and host_fp_convert.c share.
 *
 * The host rounds as the guest does (MXCSR) and its sticky flags are the guest's, so an operation is one instruction
 * plus a test that leads out of line wherever host and guest differ: NaN results, conversions out of range. The fast path
 * never raises a flag that the exact function would not raise. The host tells tininess after rounding, the guest before:
 * that differs where a result was rounded up to the least normal number, so such results go out of line too.
 * With MODE_FP_TRAPS (host_fp_trap.c) there is no test for NaNs where a quiet one passes through as the guest has it.
 * Two-lane single precision works on duplicated lanes, so that the undefined half raises nothing.
 *
 * Where the guest flushes denormals (Arm: FPCR.FZ) the host still computes as IEEE says, and an operation is guarded:
 * denormal operands and tiny results go out of line. A product that turns out to be tiny may have raised Inexact, which
 * the guest does not; so until the guest's own Inexact flag is set, such operations go out of line at once. */
#pragma once
#include "arch/x86/host_vec.h"

/* Forms of an instruction in the order of host_asm.def: ps pd ss sd. */
struct fp_form {
    bool is_double, scalar, half; /* half: 2s */
    bool guarded;                 /* denormals are flushed */
};

/* Jumps to the exact function, and the scratch registers that the tests before them share. */
struct fp_jumps {
    unsigned n;
    asm_label at[8];
    bool has_bits, has_lanes;
    bool by_bits; /* the only jump is on a scalar result's exponent: fp_skip_harmless comes first out of line */
    unsigned bits, lanes; /* general, vector */
};

/* False if this type has no open-coded form: half precision. */
bool fp_form_of(const struct emitter *e, unsigned type, struct fp_form *f);
/* The same, false also where denormals are flushed. */
bool fp_plain_form_of(const struct emitter *e, unsigned type, struct fp_form *f);
/* In guarded form, jump if a lane of X is a denormal, unless it is known that operand V has none. */
void fp_guard_operand(struct emitter *e, struct fp_form f, ir_ref v, unsigned x, struct fp_jumps *j);
/* Before an operation whose tiny results may be inexact. */
void fp_guard_inexact(struct emitter *e, struct fp_form f, struct fp_jumps *j);
/* After it: jump if a lane of R is a NaN or the least normal number, or in guarded form tiny or zero, unless a lane of one of the N_FACTORS
 * registers FACTOR is zero there, which makes the result exact. */
void fp_guard_result(struct emitter *e, struct fp_form f, unsigned r, const unsigned *factor, unsigned n_factors,
                     struct fp_jumps *j);
static inline enum x86_vop fp_vop(enum x86_vop ps, struct fp_form f)
{
    return (enum x86_vop)(ps + f.is_double + 2 * f.scalar);
}
/* The register to compute on: R, or a temporary with R's low half twice. */
unsigned fp_source(struct emitter *e, struct fp_form f, unsigned r);
/* Jump taken if a lane of R (or of the pair) is a NaN. */
asm_label fp_jump_if_nan(struct emitter *e, struct fp_form f, unsigned r);
asm_label fp_jump_if_nan2(struct emitter *e, struct fp_form f, unsigned r1, unsigned r2);
/* The exact function for REF with operands in vector registers; -1: absent. Resumes at the current place. */
struct ool *fp_slow(struct emitter *e, ir_ref ref, asm_label jump, unsigned dst, int a, int b, int c);
/* The same with the jumps of J; null if there is none. */
struct ool *fp_slow_at(struct emitter *e, ir_ref ref, const struct fp_jumps *j, unsigned dst, int a, int b, int c);
/* Code for the jump on an exponent, at the start of O: back if the result is neither a NaN nor the least normal number. */
void fp_skip_harmless(struct emitter *e, const struct ool *o);
static inline void fp_jump(struct fp_jumps *j, asm_label at) { j->at[j->n++] = at; }
