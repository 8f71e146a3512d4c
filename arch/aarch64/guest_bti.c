/* guest_bti.c - FEAT_BTI as Linux sets it up for user space. */
#include "arch/aarch64/guest_bti.h"

#include "arch/aarch64/guest_features.h"
#include "core/memory.h"
#include "core/thread.h"

enum { BTYPE_PLAIN = 1, BTYPE_JUMP = 3 };

static _Atomic bool guarded;

bool a64_has_guarded_pages(void)
{
    return guarded;
}

/* Arm ARM, BTypeNext of BR: X16 and X17 are for veneers, which may go wherever a call may. */
unsigned a64_jump_kind(struct translator *t, unsigned rn)
{
    if (!guarded)
        return 0;
    bool is_veneer = rn == 16 || rn == 17;
    return !is_veneer && memory_check(t->pc, 4, A64_PROT_BTI) ? BTYPE_JUMP : BTYPE_PLAIN;
}

unsigned a64_call_kind(const struct translator *t)
{
    (void)t;
    return guarded ? A64_BTYPE_CALL : 0;
}

/* Arm ARM, BTypeCompatible; PACIASP and PACIBSP as with SCTLR_EL1.BT0 = 1. */
static bool is_compatible(uint32_t insn, unsigned btype)
{
    enum { BTI = 0xd503241f, PACIASP = 0xd503233f, PACIBSP = 0xd503237f, BRK = 0xd4200000, HLT = 0xd4400000 };
    if (insn == PACIASP || insn == PACIBSP)
        return btype != BTYPE_JUMP;
    if ((insn & 0xffffff3f) == BTI) {
        bool call = insn & 0x40, jump = insn & 0x80;
        return btype == BTYPE_PLAIN ? call || jump : btype == BTYPE_JUMP ? jump : call;
    }
    return (insn & 0xffe0001f) == BRK || (insn & 0xffe0001f) == HLT;
}

bool a64_may_land(const struct cpu *cpu)
{
    uint32_t insn;
    return !memory_check(cpu->pc, 4, A64_PROT_BTI) || memory_read(&insn, cpu->pc, 4) || is_compatible(insn, cpu->branch_kind);
}

int a64_extra_prot(void)
{
    return a64_has(A64_FEATURE_bti) ? A64_PROT_BTI : 0;
}

void a64_extra_prot_used(void)
{
    if (guarded)
        return;
    guarded = true;
    thread_kick_all(); /* modes change */
}

/* Documentation/arch/arm64: GNU_PROPERTY_AARCH64_FEATURE_1_AND, bit 0. */
int a64_elf_prot(uint32_t features)
{
    return features & 1 ? a64_extra_prot() : 0;
}
