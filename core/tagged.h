/* tagged.h - addresses whose highest bits the guest ignores (Arm: top byte ignore).
 *
 * An address is used as it is, which costs nothing; to the host one with a tag is no address. The first fault at an
 * instruction makes it a tagged place: its block is made anew, with the tag removed before the access. */
#pragma once
#include "core/guest.h"
#include "core/ir.h"

/* A user address ADDR, of an access or of a jump, without its tag. Others, which nobody may access, stay as they are: the
 * kernel's half has no tags (TCR_EL1.TBI1 = 0; Linux: untagged_addr). */
static inline guest_addr tagged_strip(const struct guest_isa *isa, guest_addr addr)
{
    return addr & (guest_addr)((int64_t)(addr << isa->ignored_bits) >> isa->ignored_bits);
}

/* The instruction at PC faulted on something that is no address to the host. True: from now on it ignores tags, and has to be
 * translated and run again. False: it did already. */
bool tagged_add_place(guest_addr pc);
/* The instruction at PC has to ignore tags. */
bool tagged_is_place(guest_addr pc);
/* There is any such instruction. */
bool tagged_any(void);
/* All translations are gone, and with them the need to know these places. Other threads are stopped. */
void tagged_forget(void);
/* The access OP, without the tag in its address (ir->ignored_bits). */
struct ir_op tagged_access(struct ir *ir, const struct ir_op *op);
