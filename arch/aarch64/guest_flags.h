/* guest_flags.h - look ahead whether NZCV is overwritten before it is read. */
#pragma once
#include "core/translate.h"

/* struct guest_isa: flags_dead. */
bool a64_flags_dead(struct translator *t, guest_addr pc, guest_addr link);
