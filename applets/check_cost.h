/* check_cost.h - host instructions of golden tests. */
#pragma once
#include <stdbool.h>

/* What the first code line of a test costs, in instructions. */
struct cost {
    unsigned guest, host;
    unsigned moves, calls; /* of the host's: moves between registers and struct cpu, calls of C functions */
};

/* Write "cost  x86_64 COST" into the test file PATH: as line LINE, or behind the others if that is 0. */
void cost_write(const char *path, unsigned line, unsigned cost);

/* Remember what the first code line of PATH costs. */
void cost_note(const char *path, const struct cost *cost);

/* Print what was noted as a table, what is furthest from the best known cost first, and forget it. BEST: file of lines
 * "COUNT NAME...", see check_cost.c. Returns the number of names that are in only one of the two, and of those that are
 * better than the best. */
int cost_print(const char *best);
