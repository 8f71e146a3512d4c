/* check_cost.c - host instructions of golden tests: cost lines of files, and the table of all.
 *
 * A cost counts the whole block of a test's first code line, so it includes leaving the block: what a NOP costs.
 *
 * The table compares with a list of the best known costs: lines "COUNT NAME...", where COUNT is how many instructions of
 * the least host the operation takes with its operands in registers and the result in a register, or "function" if no
 * sequence is known that is shorter than calling one. A call counts as CALL_INSNS more. */
#include "applets/check_cost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

enum { CALL_INSNS = 50, UNRATED = 1000, FUNCTION = 1001 };

struct note {
    char *name; /* of the file, without folder and ending: the pattern */
    struct cost cost;
    int best, distance;
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

void cost_note(const char *path, const struct cost *cost)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    notes = realloc(notes, (n_notes + 1) * sizeof *notes);
    char *copy = strndup(name, strcspn(name, "."));
    if (!notes || !copy)
        die("out of memory");
    notes[n_notes++] = (struct note){copy, *cost, UNRATED, 0};
}

static struct note *find_note(const char *name)
{
    for (unsigned i = 0; i < n_notes; i++)
        if (!strcmp(notes[i].name, name))
            return &notes[i];
    return NULL;
}

/* Returns the number of names without a test. */
static int read_best(const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    int unknown = 0;
    if (!f)
        die("cannot open %s: %s", path, strerror(errno));
    while (getline(&line, &size, f) >= 0) {
        line[strcspn(line, "#\n")] = 0;
        char *count = strtok(line, " ");
        for (char *name; count && (name = strtok(NULL, " "));) {
            struct note *n = find_note(name);
            if (n)
                n->best = strcmp(count, "function") ? atoi(count) : FUNCTION;
            else
                printf("%s: %s has no test\n", path, name);
            unknown += !n;
        }
    }
    free(line);
    fclose(f);
    return unknown;
}

/* What the operation itself takes: without leaving the block and without fetching and putting away registers. */
static int rate(struct note *n, unsigned nop)
{
    int own = (int)n->cost.host - (int)nop - (int)n->cost.moves;
    n->distance = n->best >= UNRATED ? 0 : own + CALL_INSNS * (int)n->cost.calls - n->best;
    return own;
}

static int furthest_first(const void *a, const void *b)
{
    const struct note *x = a, *y = b;
    return x->distance != y->distance ? y->distance - x->distance : strcmp(x->name, y->name);
}

int cost_print(const char *best)
{
    const struct note *empty = find_note("hint");
    unsigned nop = empty ? empty->cost.host - empty->cost.moves : 0;
    int wrong = read_best(best);
    for (unsigned i = 0; i < n_notes; i++)
        rate(&notes[i], nop);
    qsort(notes, n_notes, sizeof *notes, furthest_first);
    printf("%-20s %6s %6s %6s %6s %6s %9s   (a block of nothing: %u host instructions, left out)\n", "pattern", "guest", "moves",
           "calls", "own", "best", "distance", nop);
    for (unsigned i = 0; i < n_notes; i++) {
        struct note *n = &notes[i];
        int own = rate(n, nop);
        printf("%-20s %6u %6u %6u %6d ", n->name, n->cost.guest, n->cost.moves, n->cost.calls, own);
        if (n->best < UNRATED)
            printf("%6d %9d%s\n", n->best, n->distance, n->distance < 0 ? "   better than the best: correct the list" : "");
        else
            printf("%6s %9s\n", n->best == FUNCTION ? "call" : "?", "-");
        wrong += n->best == UNRATED || n->distance < 0;
        free(n->name);
    }
    free(notes);
    notes = NULL;
    n_notes = 0;
    return wrong;
}
