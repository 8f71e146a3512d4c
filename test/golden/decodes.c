/* decodes.c - which instruction words the front end translates.
 *
 *   decodes GUEST [-cpu MODEL[,FEATURE=on|off...]] < WORDS > ANSWERS
 *
 * WORDS are 32-bit little-endian numbers; the answer to each is a byte: '1' translated, '0' undefined, '?' refused as not
 * implemented. Nothing is executed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/translate.h"

enum { PC = 0x400000 };

static char answer(struct translator *t, uint32_t word)
{
    t->pc = t->window_pc = PC;
    t->window_size = sizeof word;
    memcpy(t->window, &word, sizeof word);
    t->done = false;
    t->n_insns = t->max_insns = 1;
    t->n_ranges = 0;
    ir_begin(&t->ir, PC, t->isa->vars, t->isa->n_vars);
    if (!t->isa->translate_insn(t))
        return '0';
    for (uint32_t i = 1; i < t->ir.n; i++)
        if (t->ir.ops[i].op == IR_leave && t->ir.ops[i].d == EXIT_UNIMPL)
            return '?';
    return '1';
}

int main(int argc, char **argv)
{
    static struct translator t;
    const char *bad = "";
    uint32_t word;
    t.guest = argc > 1 ? guest_by_name(argv[1]) : NULL;
    if (!t.guest || !t.guest->isa || (argc != 2 && (argc != 4 || strcmp(argv[2], "-cpu")))) {
        fprintf(stderr, "usage: decodes GUEST [-cpu MODEL]\n");
        return 2;
    }
    t.isa = t.guest->isa;
    t.ir.ops = calloc(IR_MAX_OPS, sizeof *t.ir.ops);
    if (!t.ir.ops || !t.isa->set_cpu(argc == 4 ? argv[3] : NULL, &bad)) {
        fprintf(stderr, "decodes: no memory, or no CPU '%s'\n", bad);
        return 2;
    }
    while (fread(&word, sizeof word, 1, stdin) == 1)
        putchar(answer(&t, word));
    return ferror(stdin) || fflush(stdout) != 0;
}
