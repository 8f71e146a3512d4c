/* self.h - this binary's own file, for starting it again. */
#pragma once
#include "core/types.h"

/* A descriptor of the file we run from, close-on-exec and out of the way; -1 if it cannot be
 * reached.
 *
 * given   descriptor that a parent passed on, or -1
 * argv0   our name; tried when /proc is not mounted */
int self_open(int given, const char *argv0);

/* True if binfmt_misc started us for a program, so that no word of the command line is ours: the
 * kernel says so with the flags O and P, and else what it executed was another file. */
bool self_started_by_binfmt(void);
