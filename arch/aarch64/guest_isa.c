/* guest_isa.c - the A64 front end: variables, translation of one instruction, names for logs. */
#include "arch/aarch64/guest_isa.h"

#include <stddef.h>
#include <string.h>

#include "core/dispatch.h"
#include "core/flags.h"
#include "core/log.h"
#include "arch/aarch64/guest_bti.h"
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_flags.h"
#include "arch/aarch64/guest_pauth.h"
#include "arch/aarch64/guest_special.h"
#include "arch/aarch64/guest_translate.h"

/* clang-format off */
#define X(n) {"x" #n, offsetof(struct cpu, gpr[n]), 8, IR_CLASS_I}
#define V(n) {"v" #n, offsetof(struct cpu, v[n]), 16, IR_CLASS_V}
static const struct ir_var vars[A64_N_VARS] = {
    X(0),  X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),  X(8),  X(9),  X(10), X(11), X(12), X(13), X(14), X(15),
    X(16), X(17), X(18), X(19), X(20), X(21), X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30),
    {"sp", offsetof(struct cpu, gpr[A64_SP]), 8, IR_CLASS_I},
    V(0),  V(1),  V(2),  V(3),  V(4),  V(5),  V(6),  V(7),  V(8),  V(9),  V(10), V(11), V(12), V(13), V(14), V(15),
    V(16), V(17), V(18), V(19), V(20), V(21), V(22), V(23), V(24), V(25), V(26), V(27), V(28), V(29), V(30), V(31),
    {"tpidr", offsetof(struct cpu, guest[A64_TPIDR]), 8, IR_CLASS_I},
};
#undef X
#undef V

/* What functions keep across calls and save, and their first arguments and result. */
static const uint8_t pins[] = {A64_VAR_SP, 0, 1, 19, 20, 21, 22, 29, 30, 2, 3, 4, 5, 6, 8, 7, 0xff};
static const uint8_t vec_pins[] = {A64_VAR_V, A64_VAR_V + 1, A64_VAR_V + 2,  A64_VAR_V + 3,
                                   A64_VAR_V + 4, A64_VAR_V + 5, A64_VAR_V + 16, A64_VAR_V + 17, 0xff};
/* clang-format on */

bool a64_translate_word(struct translator *t, uint32_t insn)
{
    t->insn = insn;
    return (insn & 0x0c000000) == 0x0c000000 ? a64_simd_decode(t, insn) : a64_decode(t, insn);
}

static bool translate_insn(struct translator *t)
{
    if (t->pc & 3) { /* PC alignment fault */
        ir_1x(&t->ir, IR_align, T_I64, ir_addr(&t->ir, t->pc), 2, 0);
        return false;
    }
    uint32_t insn;
    if (!translate_fetch(t, t->pc, &insn, sizeof insn))
        return false;
    t->next_pc = t->pc + 4;
    if (a64_translate_word(t, insn))
        return true;
    if (LOG_ON(unimp))
        log_write("undefined instruction encoding 0x%08x at 0x%llx\n", insn,
                  (unsigned long long)t->pc);
    return false;
}

bool a64_unimplemented(struct translator *t, const char *name)
{
    if (LOG_ON(unimp))
        log_write("unimplemented instruction %s encoding 0x%08x at 0x%llx\n", name, t->insn,
                  (unsigned long long)t->pc);
    translate_leave(t, EXIT_UNIMPL, 0, t->pc);
    return true;
}

static void reset(struct cpu *cpu, const struct guest *g)
{
    (void)g;
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    memset(cpu->v, 0, sizeof cpu->v);
    memset(cpu->guest, 0, sizeof cpu->guest);
    cpu->guest[A64_PSTATE] = a64_has(A64_FEATURE_ssbs) ? A64_PSTATE_SSBS : 0; /* as Linux starts programs */
    a64_pauth_reset(cpu);
    cpu->fp = (struct fp_env){.round = FP_ROUND_NEAREST, .nan_rule = FP_NAN_ARM};
    cpu->flags = flags_from_nzcv(0);
    cpu->excl_addr = EXCL_NONE;
    cpu->mode = a64_isa.mode(cpu);
}

static uint32_t mode(const struct cpu *cpu)
{
    bool special = cpu->fp.flush_to_zero || cpu->fp.flush_to_zero16 || cpu->fp.alternative_half;
    bool traps = fault_fp_traps && !special && !cpu->fp.default_nan;
    return (special ? MODE_FP_SPECIAL : 0) | (traps ? MODE_FP_TRAPS : 0) | (a64_has_guarded_pages() ? A64_MODE_GUARDED : 0);
}

static const char *find_name(const struct decode_pattern *p, uint32_t insn)
{
    const char *name = NULL;
    int best = -1;
    for (; *p->name; p++) {
        if ((insn & p->mask) == p->match && __builtin_popcount(p->mask) > best) {
            best = __builtin_popcount(p->mask);
            name = p->name;
        }
    }
    return name;
}

static const char *insn_name(const uint8_t *bytes, unsigned *length)
{
    uint32_t insn;
    memcpy(&insn, bytes, sizeof insn);
    *length = sizeof insn;
    const char *name =
        find_name((insn & 0x0c000000) == 0x0c000000 ? a64_simd_patterns : a64_patterns, insn);
    return name ? name : "undefined";
}

const struct guest_isa a64_isa = {
    .name = "a64",
    .vars = vars,
    .n_vars = A64_N_VARS,
    .specials = a64_specials,
    .pins = pins,
    .vec_pins = vec_pins,
    .max_insn_bytes = 4,
    .insn_align = 4,
    .ignored_bits = 8, /* TCR_EL1.TBI0 = 1, TBID0 = 0: Linux, Documentation/arch/arm64/tagged-pointers.rst */
    .reset = reset,
    .translate_insn = translate_insn,
    .flags_dead = a64_flags_dead,
    .split_again = a64_split_again,
    .may_land = a64_may_land,
    .mode = mode,
    .insn_name = insn_name,
    .set_cpu = a64_set_cpu,
    .list_cpus = a64_list_cpus,
    .identify = a64_identify,
};
