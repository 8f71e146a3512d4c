/* host_fp.h - what host_fp.c and host_fp_convert.c share.
 *
 * The host rounds as the guest does (MXCSR) and its sticky flags are the guest's, so an operation is one instruction
 * plus a test that leads out of line wherever host and guest differ: NaN results, conversions out of range. The fast path
 * never raises a flag that the exact function would not raise, except that the host detects underflow after rounding.
 * Two-lane single precision works on duplicated lanes, so that the undefined half raises nothing. */
#pragma once
#include "arch/x86/host_vec.h"

/* Forms of an instruction in the order of host_asm.def: ps pd ss sd. */
struct fp_form {
    bool is_double, scalar, half; /* half: 2s */
};

/* False if this type has no open-coded form (half precision, flush-to-zero modes). */
bool fp_form_of(const struct emitter *e, unsigned type, struct fp_form *f);
static inline enum x86_vop fp_vop(enum x86_vop ps, struct fp_form f)
{
    return (enum x86_vop)(ps + f.is_double + 2 * f.scalar);
}
/* Scalar arithmetic in flush-to-zero modes (host_fp_flush.c); false: only out of line. */
bool emit_fp_flushing(struct emitter *e, ir_ref ref, const struct ir_op *op);
/* The register to compute on: R, or a temporary with R's low half twice. */
unsigned fp_source(struct emitter *e, struct fp_form f, unsigned r);
/* Jump taken if a lane of R (or of the pair) is a NaN. */
asm_label fp_jump_if_nan(struct emitter *e, struct fp_form f, unsigned r);
asm_label fp_jump_if_nan2(struct emitter *e, struct fp_form f, unsigned r1, unsigned r2);
/* The exact function for REF with operands in vector registers; -1: absent. */
struct ool *fp_slow(struct emitter *e, ir_ref ref, asm_label jump, unsigned dst, int a, int b, int c);
