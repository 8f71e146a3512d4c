/* option.c - options and their environment variables, from a table. */
#include "core/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static const struct option *find(const struct option *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

static bool is_listed(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name))
        list++;
    return *list != NULL;
}

void option_read_environment(const struct option *table, size_t n, const char *const *obeyed)
{
    for (size_t i = 0; i < n; i++) {
        /* A flag acts by the mere presence of its variable, even when it is empty. */
        const char *value = table[i].env ? getenv(table[i].env) : NULL;
        if (value && (!obeyed || is_listed(table[i].name, obeyed)))
            table[i].set(value);
    }
}

int option_parse(const struct option *table, size_t n, int argc, char **argv,
                 const char *const *obeyed)
{
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        const char *name = argv[at++] + 1;
        if (!strcmp(name, "-"))
            break;
        if (name[0] == '-')
            name++;
        const struct option *o = find(table, n, name);
        log_program = "qemu"; /* the name that these two messages carry whatever argv[0] says */
        if (!o)
            die("unknown option '%s'; -help lists the options", name);
        if (o->arg && at >= argc)
            die("missing argument for option '%s'; -help lists the options", name);
        log_program = NULL;
        const char *value = o->arg ? argv[at++] : NULL;
        if (!obeyed || is_listed(name, obeyed))
            o->set(value);
    }
    return at;
}

void option_help(const struct option *table, size_t n)
{
    printf("%-20s %-17s %s\n", "Argument", "Env-variable", "Description");
    for (size_t i = 0; i < n; i++) {
        char left[80];
        const struct option *o = &table[i];
        if (!o->help)
            continue;
        snprintf(left, sizeof left, "-%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        printf("%-20s %-17s %s\n", left, o->env ? o->env : "", o->help);
    }
}
