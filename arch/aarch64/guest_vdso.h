/* guest_vdso.h - the functions of the vDSO, and the host calls in them. */
#pragma once
#include "arch/aarch64/guest_translate.h"

extern const struct vdso a64_vdso;

/* UDF #NUMBER inside the vDSO: x8 = what the helper with that number says, of x0 and x1 as a rule. False:
 * there is none. */
bool a64_host_call(struct translator *t, unsigned number);
