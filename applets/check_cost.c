/* check_cost.c - host instructions of golden tests: cost lines of files, and the table of all.
 *
 * A cost counts the whole block of a test's first code line, so it includes leaving the block: what a NOP costs. */
#include "applets/check_cost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct note {
    char *name; /* of the file, without folder and ending: the pattern */
    unsigned n_insns, cost;
};

static struct note *notes;
static unsigned n_notes;

void cost_write(const char *path, unsigned line, unsigned cost)
{
    char *name, *text = NULL;
    size_t size = 0;
    unsigned number = 0;
    if (asprintf(&name, "%s.new", path) < 0)
        die("out of memory");
    FILE *from = fopen(path, "re"), *to = fopen(name, "we");
    if (!from || !to)
        die("cannot rewrite %s: %s", path, strerror(errno));
    while (getline(&text, &size, from) >= 0) {
        if (++number == line)
            fprintf(to, "cost  x86_64 %u\n", cost);
        else
            fputs(text, to);
    }
    if (!line)
        fprintf(to, "cost  x86_64 %u\n", cost);
    fclose(from);
    free(text);
    if (ferror(to) | fclose(to) || rename(name, path))
        die("cannot write %s: %s", path, strerror(errno));
    free(name);
}

void cost_note(const char *path, unsigned n_insns, unsigned cost)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    notes = realloc(notes, (n_notes + 1) * sizeof *notes);
    char *copy = strndup(name, strcspn(name, "."));
    if (!notes || !copy)
        die("out of memory");
    notes[n_notes++] = (struct note){copy, n_insns, cost};
}

static unsigned cost_of_nop(void)
{
    for (unsigned i = 0; i < n_notes; i++)
        if (!strcmp(notes[i].name, "hint"))
            return notes[i].cost;
    return 0;
}

static int dearer_first(const void *a, const void *b)
{
    const struct note *x = a, *y = b;
    double difference = (double)y->cost / y->n_insns - (double)x->cost / x->n_insns;
    return difference ? (difference > 0) - (difference < 0) : strcmp(x->name, y->name);
}

void cost_print(void)
{
    unsigned nop = cost_of_nop();
    qsort(notes, n_notes, sizeof *notes, dearer_first);
    printf("%-20s %10s %10s %10s   (a block of nothing: %u host instructions, left out)\n", "pattern", "guest",
           "host", "per guest", nop);
    for (unsigned i = 0; i < n_notes; i++) {
        const struct note *n = &notes[i];
        unsigned cost = n->cost > nop ? n->cost - nop : 0;
        printf("%-20s %10u %10u %10.1f\n", n->name, n->n_insns, cost, (double)cost / n->n_insns);
        free(n->name);
    }
    free(notes);
    notes = NULL;
    n_notes = 0;
}
