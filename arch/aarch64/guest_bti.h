/* guest_bti.h - FEAT_BTI: what indirect branches may go to in guarded pages.
 *
 * PSTATE.BTYPE is cpu->branch_kind: it is not 0 only between a branch and the instruction that it goes to. */
#pragma once
#include "core/translate.h"

enum { A64_PROT_BTI = 0x10, A64_BTYPE_SHIFT = 10, A64_BTYPE_CALL = 2, A64_MODE_GUARDED = 2 };

/* BTYPE after BR Xn and the like, and after BLR and the like; 0 while no page is guarded: nothing is checked then. */
unsigned a64_jump_kind(struct translator *t, unsigned rn);
unsigned a64_call_kind(const struct translator *t);

/* True once there has been a guarded page: A64_MODE_GUARDED in cpu->mode. */
bool a64_has_guarded_pages(void);

/* guest_isa.may_land; struct abi: extra_prot, extra_prot_used, elf_prot. */
bool a64_may_land(const struct cpu *cpu);
int a64_extra_prot(void);
void a64_extra_prot_used(void);
int a64_elf_prot(uint32_t features);
