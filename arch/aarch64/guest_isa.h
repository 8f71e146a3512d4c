/* guest_isa.h - the A64 front end as the translator sees it. */
#pragma once
#include "core/guest.h"

extern const struct guest_isa a64_isa;
