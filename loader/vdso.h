/* vdso.h - the vDSO of the guest: see struct vdso in core/guest.h. */
#pragma once
#include "core/guest.h"
#include "core/types.h"

/* Write the image of VDSO, a 64-bit little-endian shared object for MACHINE (EM_*), into PAGE of
 * SIZE bytes, aligned to 8; what is not used becomes zero. Stores where each function is, relative
 * to the load address. Returns the bytes used. The same input gives the same bytes. */
size_t vdso_build(const struct vdso *vdso, unsigned machine, void *page, size_t size,
                  guest_addr address[VDSO_MAX_FUNCTIONS]);

/* Map the vDSO of GUEST and record it; fill in process.sigreturn_code. Returns its address for
 * AT_SYSINFO_EHDR, 0 if GUEST has none. */
guest_addr vdso_map(const struct guest *guest);
