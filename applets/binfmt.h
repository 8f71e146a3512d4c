/* binfmt.h - what the binfmt applet shares with its personalities and with doctor. */
#pragma once
#include <limits.h>

#include "core/guest.h"

extern const char binfmt_usage[], doctor_usage[], install_to_usage[];

/* The interpreter to register for G: FOLDER/qemu-NAME-static; FOLDER null: beside this file, or,
 * with flag F, this file itself. */
void binfmt_interpreter(const struct guest *g, const char *folder, const char *flags,
                        char path[PATH_MAX]);
/* Write the entry as a file of systemd's binfmt.d or of Debian's update-binfmts into DIR; null: to
 * stdout. */
bool binfmt_export(const struct guest *g, bool debian, const char *path, const char *flags,
                   const char *dir);

/* Enter a new user name space (with a mount name space) in which we keep our ids and may mount;
 * CREATE false: only see whether we are in one. */
bool userns_enter(bool create);

void json_string(const char *text); /* quoted, to stdout; null for a null pointer */
