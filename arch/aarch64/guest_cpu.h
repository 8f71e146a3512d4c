/* guest_cpu.h - A64 registers in struct cpu. */
#pragma once
#include "core/cpu.h"

enum { A64_SP = 31, A64_LR = 30 }; /* gpr indices; gpr[31] is SP, XZR is not stored */

enum { A64_PSTATE_SSBS = 1 << 12, A64_PSTATE_DIT = 1 << 24 };

/* Indices into cpu->guest[]. */
enum a64_guest_word {
    A64_TPIDR,      /* TPIDR_EL0 */
    A64_PSTATE,     /* PSTATE.DIT and .SSBS where SPSR has them */
    A64_KEYS,       /* APIAKey, APIBKey, APDAKey, APDBKey, APGAKey: low and high half of each */
    A64_KEYS_OFF = A64_KEYS + 10, /* bit n: instructions that use key n do nothing (SCTLR_EL1.EnIA ... = 0) */
    A64_N_WORDS
};

/* Variables (struct ir_var rows), in this order: X0..X30, SP, V0..V31, TPIDR; flags are the IR's own variable. */
enum a64_var {
    A64_VAR_X = 0, A64_VAR_SP = 31, A64_VAR_V = 32, A64_VAR_TPIDR = 64, A64_N_VARS
};
