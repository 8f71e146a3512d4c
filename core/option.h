/* option.h - option rows: one table gives parsing, environment variables, order and help. */
#pragma once
#include "core/types.h"

struct option {
    const char *name; /* without dashes; "-x" and "--x" are the same */
    const char *env;  /* variable, or null */
    const char *arg;  /* name of the argument in help, or null: a flag */
    void (*set)(const char *value);
    const char *help; /* null: accepted, not listed */
};

/* Apply the variables of the environment. OBEYED: as below. */
void option_read_environment(const struct option *table, size_t n, const char *const *obeyed);
/* Apply argv[1...] up to the first word that is not an option. Returns its index (argc: none). A bad
 * option dies with the text that qemu-user prints. OBEYED: null-ended list of the options that have
 * an effect; null: all. */
int option_parse(const struct option *table, size_t n, int argc, char **argv,
                 const char *const *obeyed);
void option_help(const struct option *table,
                 size_t n); /* the "Argument  Env-variable  Description" table on stdout */
