/* prof.c - records of blocks and the report of the hottest ones. */
#include "core/prof.h"

#include <stdlib.h>

#include "core/dispatch.h"
#include "core/log.h"

enum { LINES = 30 };

static struct prof_block *blocks; /* guarded by tb_lock */
static unsigned n_blocks;

struct prof_block *prof_add(const struct ir *ir, bool is_region)
{
    struct prof_block *b = calloc(1, sizeof *b);
    if (!b)
        die("out of memory");
    const struct ir_op *last = &ir->ops[ir->n - 1];
    b->pc = ir->pc;
    for (uint32_t i = 1; i < ir->n; i++)
        b->n_insns += ir->ops[i].op == IR_insn;
    b->end = (uint8_t)last->op;
    b->reason = last->op == IR_leave ? (uint8_t)last->d : 0;
    b->is_region = is_region;
    b->next = blocks;
    blocks = b;
    n_blocks++;
    return b;
}

static uint64_t work(const struct prof_block *b) { return b->count * b->n_host_insns; }

static int by_work(const void *a, const void *b)
{
    uint64_t x = work(*(struct prof_block *const *)a), y = work(*(struct prof_block *const *)b);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Why the block hands over, if not by one of its side exits. */
static const char *leaving(const struct prof_block *b)
{
    switch (b->end) {
    case IR_jump: return "jump";
    case IR_jumpi: return "indirect jump";
    case IR_goto_call: return "call";
    case IR_calli: return "indirect call";
    case IR_ret: return "return";
    default: return b->reason == EXIT_SYSCALL ? "system call" : "to the translator";
    }
}

void prof_report(void)
{
    struct prof_block **sorted = malloc((n_blocks + 1) * sizeof *sorted);
    unsigned n = 0;
    uint64_t guest = 0, host = 0;
    if (!sorted)
        die("out of memory");
    for (struct prof_block *b = blocks; b && n < n_blocks; b = b->next) {
        sorted[n++] = b;
        guest += b->count * b->n_insns;
        host += work(b);
    }
    qsort(sorted, n, sizeof *sorted, by_work);
    log_write("prof: %u blocks, %llu guest and %llu host instructions, %.2f per guest instruction\n", n,
              (unsigned long long)guest, (unsigned long long)host, guest ? (double)host / (double)guest : 0.0);
    log_write("prof: share      entered  guest  host  ratio  tier  block, how it ends\n");
    for (unsigned i = 0; i < n && i < LINES && work(sorted[i]); i++) {
        const struct prof_block *b = sorted[i];
        log_write("prof: %4.1f%% %12llu  %5u %5u  %5.2f  %4d  0x%llx %s\n", 100.0 * (double)work(b) / (double)host,
                  (unsigned long long)b->count, b->n_insns, b->n_host_insns, (double)b->n_host_insns / b->n_insns,
                  b->is_region ? 2 : 1, (unsigned long long)b->pc, leaving(b));
    }
    free(sorted);
}
