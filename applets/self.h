/* self.h - this binary's own file, for starting it again. */
#pragma once

/* A descriptor of the file we run from, close-on-exec and out of the way; -1 if it cannot be
 * reached.
 *
 * given   descriptor that a parent passed on, or -1
 * argv0   our name; tried when /proc is not mounted */
int self_open(int given, const char *argv0);
