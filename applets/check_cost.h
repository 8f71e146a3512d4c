/* check_cost.h - host instructions of golden tests. */
#pragma once
#include <stdbool.h>

/* Write "cost  x86_64 COST" into the test file PATH: as line LINE, or behind the others if that is 0. */
void cost_write(const char *path, unsigned line, unsigned cost);

/* Remember what the first code line of PATH cost: N_INSNS guest instructions, COST host instructions. */
void cost_note(const char *path, unsigned n_insns, unsigned cost);

/* Print what was noted as a table, most expensive first, and forget it. */
void cost_print(void);
