/* guest_special.h - A64 registers that are no variables of the IR; see core/guest.h. */
#pragma once
#include "core/guest.h"

extern const struct guest_special a64_specials[];
