/* register.h - the entries of binfmt_misc, by which the kernel starts us for programs of other
 * CPUs: read, write, replace. Messages about failures say the cause and the fix. */
#pragma once
#include "core/guest.h"

#define BINFMT_FOLDER "/proc/sys/fs/binfmt_misc"

enum { BINFMT_MAX_MAGIC = 128, BINFMT_MAX_PATH = 127, BINFMT_LINE = 2048, BINFMT_REASON = 512 };

struct binfmt_entry {
    char name[256];
    char interpreter[256];
    char flags[8]; /* of POCF, in the kernel's order */
    bool enabled;
    unsigned offset, size; /* of the magic; size 0: recognised by the end of its name */
    uint8_t magic[BINFMT_MAX_MAGIC], mask[BINFMT_MAX_MAGIC];
};

/* The guest that NAME means: its name, or the names that container tools use, such as arm64,
 * linux/arm/v7 and 386. Null: none. */
const struct guest *binfmt_guest(const char *name);
/* The name of G in container tools (amd64, arm64 ...). */
const char *binfmt_platform(const struct guest *g);

/* True if FOLDER is binfmt_misc, or a folder that looks like it. */
bool binfmt_is_mounted(const char *folder);
/* Mount binfmt_misc at FOLDER unless it is there. OWN: it must be that of the caller's user
 * namespace. True, or false and REASON (BINFMT_REASON bytes). */
bool binfmt_mount(const char *folder, bool own, char *reason);
/* The same for this process only, in a mount name space of its own: for looking and removing. */
bool binfmt_mount_private(const char *folder, char *reason);
/* Whether the kernel's switch is on; false if it cannot be read. */
bool binfmt_is_on(const char *folder);

/* Read the entry NAME. False: there is none, or it cannot be read. */
bool binfmt_read(const char *folder, const char *name, struct binfmt_entry *entry);
/* Call FN for each entry, in the order of their names. Returns how many there are, -1 if FOLDER
 * cannot be read. */
int binfmt_each(const char *folder, void (*fn)(const struct binfmt_entry *entry, void *context),
                void *context);
/* True if ENTRY takes programs of G. */
bool binfmt_matches(const struct binfmt_entry *entry, const struct guest *g);

/* The bytes of G's magic or mask as \xNN. */
void binfmt_escape(const uint8_t *bytes, unsigned n, char *text);
/* The line to register G with. FLAGS of POCF. */
void binfmt_line(const struct guest *g, const char *name, const char *interpreter,
                 const char *flags, char *line);

/* Register G as NAME. An entry of that name is replaced without a moment in which none would match.
 * True, or false and REASON; then nothing has changed. */
bool binfmt_register(const char *folder, const struct guest *g, const char *name,
                     const char *interpreter, const char *flags, char *reason);
bool binfmt_remove(const char *folder, const char *name, char *reason);
