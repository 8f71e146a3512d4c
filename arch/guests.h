/* guests.h - find a guest by name or by ELF header. */
#pragma once
#include "core/guest.h"

extern const struct guest guests[];
extern const unsigned n_guests;

const struct guest *guest_by_name(const char *name);
/* HEAD: the first 40 bytes of an ELF file, zero where it has less. Null: no such guest. */
const struct guest *guest_by_elf(const uint8_t head[40]);
/* Magic and mask for binfmt_misc: SIZE bytes each (20, or 40 for mips). Returns the size. */
unsigned guest_binfmt_magic(const struct guest *g, uint8_t magic[40], uint8_t mask[40]);
/* True if machines called MACHINE (uname -m, or a guest's name) can run programs of G themselves, by and large: to
 * translate or to register those would be a mistake. */
bool guest_same_family(const struct guest *g, const char *machine);
