/* oracle.c - arm64 program that runs short instruction sequences and reports the state they leave.
 *
 * Reads struct fuzz_case records from standard input until its end and writes one struct
 * fuzz_result for each to standard output. The same binary runs under the judge (an independent
 * emulator or real hardware) and under each engine of the translator; equal input must give equal
 * output. A fault ends the case in a signal handler, which takes the state from the signal frame.
 *
 * Build: aarch64-linux-gnu-gcc -O2 -static -o oracle oracle.c slot.c */
#define _GNU_SOURCE
#include "slot.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t running;
static struct fuzz_result *current;

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
    ucontext_t *uc = ucontext;
    struct fuzz_result *r = current;
    struct fpsimd_context *fp = slot_find_fpsimd(uc);
    if (!running || !fp) {
        static const char text[] =
            "oracle: fault outside a case, or no vector registers in the frame\n";
        if (write(2, text, sizeof text - 1) < 0)
            _exit(97);
        _exit(99);
    }
    running = 0;
    r->signal = (uint32_t)sig;
    /* Linux says ILL_ILLOPC for every undefined instruction, the judge ILL_ILLOPN. */
    r->code = sig == SIGILL ? 0 : (uint32_t)info->si_code;
    r->address = fault_address(info);
    r->pc = uc->uc_mcontext.pc;
    memcpy(r->x, uc->uc_mcontext.regs, sizeof r->x);
    r->sp = uc->uc_mcontext.sp;
    r->nzcv = uc->uc_mcontext.pstate & 0xf0000000;
    r->fpcr = fp->fpcr;
    r->fpsr = fp->fpsr;
    memcpy(r->v, fp->vregs, sizeof r->v);
    slot_abandon(uc);
}

static void run_case(const struct fuzz_case *c, unsigned slot, struct fuzz_result *r)
{
    memset(r, 0, offsetof(struct fuzz_result, memory));
    current = r;
    running = 1;
    slot_run(c, slot);
    if (running) {
        memcpy(r->x, context.x, sizeof r->x);
        r->sp = context.sp;
        r->nzcv = context.nzcv;
        r->fpcr = context.fpcr;
        r->fpsr = context.fpsr;
        memcpy(r->v, context.v, sizeof r->v);
    } else {
        r->pc -= slot_start(slot) + SLOT_HEAD;
    }
    running = 0;
    memcpy(r->memory, (void *)SCRATCH_BASE, SCRATCH_SIZE);
}

/* Fill BUF; the number of bytes read, less than N only at the end of the file. */
static size_t read_all(void *buf, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t got = read(0, (char *)buf + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            slot_stop("read");
        if (!got)
            break;
        done += (size_t)got;
    }
    return done;
}

int main(void)
{
    struct fuzz_case *cases = malloc(SLOTS * sizeof *cases);
    struct fuzz_result *results = malloc(SLOTS * sizeof *results);
    if (!cases || !results)
        slot_stop("malloc");
    slot_set_up(on_fault);
    for (;;) {
        size_t got = read_all(cases, SLOTS * sizeof *cases);
        unsigned n = (unsigned)(got / sizeof *cases);
        for (unsigned i = 0; i < n; i++) {
            if (cases[i].n_insns > MAX_INSNS) {
                errno = EINVAL;
                slot_stop("case");
            }
            slot_write(&cases[i], i);
        }
        for (unsigned i = 0; i < n; i++) {
            unsigned slot = cases[i].slot ? (cases[i].slot - 1) % SLOTS : i;
            if (cases[i].slot)
                slot_write(&cases[i], slot);
            run_case(&cases[i], slot, &results[i]);
        }
        slot_output(results, n * sizeof *results);
        if (n < SLOTS)
            return 0;
    }
}
