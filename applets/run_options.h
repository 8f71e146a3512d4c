/* run_options.h - how a program is to be run, as the command line and the environment say. */
#pragma once
#include "core/guest.h"

enum { MAX_SELF_ARGS = 64 };

struct run_options {
    const struct guest *guest;                 /* that the binary's name asks for, or null */
    const char *ld_prefix, *cpu_model, *argv0; /* null: not given */
    uint64_t stack_size;                       /* bytes */
    int exec_fd, self_fd; /* descriptors of the program and of this binary, or -1 */
    char **environment;   /* of the program, null-ended */
    /* Options that children of the program get too, null-ended. */
    const char *self_args[MAX_SELF_ARGS + 1];
};
extern struct run_options run_options;

/* Obey the variables and the words ARGV[1...] up to the program's path, if SURELY_BINFMT the
 * variables only; of a caller who is not TRUSTED only what does no harm. Returns where in ARGV the
 * path is; dies if there is none, or if a value is malformed. */
int run_options_read(int argc, char **argv, bool trusted, bool surely_binfmt);
/* For applets that translate but run nothing: obey the options on which translations depend, of the
 * environment and of ARGV[1...], and accept the others. Returns the index of the first word that is
 * none. */
int run_options_of_translations(int argc, char **argv);
/* One more option for children, with a value or null. */
void run_options_add_self_args(const char *option, const char *value);
