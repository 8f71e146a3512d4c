/* mass.c - arm64 program that draws, runs and hashes many instruction sequences.
 *
 *   mass [-seed S] [-from GROUP] [-groups N] [-mode M] [-insns N] [-no-fpcr] [-cases | -emit CASE]
 *
 * prints one line for each group: its hash. -cases: one line for each case. -emit: one case of the
 * first group and what it left, as struct fuzz_case and struct context.
 *
 * Equal arguments give equal output under every correct engine. The last line is the number of
 * instructions. An undefined instruction is stepped over, so that what follows it runs. Any other
 * signal ends the case. */
#define _GNU_SOURCE
#include "generate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 256 }; /* cases whose code is written before the first of them runs */

struct run {
    struct fuzz_case *c;
    uint64_t start; /* address of the first instruction */
    uint64_t hash;
    uint32_t skipped; /* one bit for each instruction */
    bool faulted;
};

static volatile sig_atomic_t running;
static struct run current;
static struct fuzz_case cases[GROUP];
static uint64_t insns_run;

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9fb21c651e98df25;
    return h ^ h >> 29;
}

static uint64_t mix_words(uint64_t h, const void *words, size_t n)
{
    const uint64_t *w = words;
    for (size_t k = 0; k < n; k++)
        h = mix(h, w[k]);
    return h;
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
    ucontext_t *uc = ucontext;
    struct fpsimd_context *fp = slot_find_fpsimd(uc);
    if (!running || !fp) {
        fputs("mass: a fault outside a case\n", stderr);
        _Exit(99);
    }
    uint64_t at = (uc->uc_mcontext.pc - current.start) / 4;
    current.hash = mix(mix(current.hash, (uint64_t)sig), uc->uc_mcontext.pc);
    bool inside = at < (current.c->n_insns & 31);
    if (sig == SIGILL && inside) {
        current.skipped |= 1u << at;
        uc->uc_mcontext.pc += 4;
        return;
    }
    current.faulted = true;
    /* Linux says ILL_ILLOPC for an undefined instruction, the judge ILL_ILLOPN. */
    current.hash =
        mix(mix(current.hash, sig == SIGILL ? 0 : (uint64_t)info->si_code), fault_address(info));
    /* Which part of a transfer of many registers is done is open; flags that nothing reads may be
     * stale. */
    if (inside && !is_multiple(current.c->insns[at])) {
        current.hash = mix_words(current.hash, uc->uc_mcontext.regs, 31);
        current.hash = mix_words(current.hash, fp->vregs, 64);
        current.hash = mix(mix(current.hash, fp->fpsr), fp->fpcr);
    }
    slot_abandon(uc);
}

static void run_case(struct fuzz_case *c)
{
    unsigned slot = c->slot - 1, n = c->n_insns;
    c->n_insns &= 0xffff;
    current = (struct run){.c = c, .start = slot_start(slot) + SLOT_HEAD, .hash = slot};
    insns_run += c->n_insns;
    running = 1;
    slot_run(c, slot);
    running = 0;
    if (!current.faulted) {
        current.hash = mix_words(current.hash, context.x, 31);
        current.hash = mix(mix(current.hash, context.sp), context.nzcv);
        current.hash = mix(mix(current.hash, context.fpcr), context.fpsr);
        current.hash = mix_words(current.hash, context.v, 64);
        current.hash = mix_words(current.hash, (void *)SCRATCH_BASE, SCRATCH_SIZE / 8);
    }
    c->n_insns = n;
}

/* The undefined instructions that the first run of a loop stepped over make way, so that its rounds
 * are not all ended by them. */
static void run_loops(struct fuzz_case *c)
{
    run_case(c);
    uint32_t skipped = current.skipped;
    for (unsigned k = 0; k < MAX_INSNS; k++)
        if (skipped >> k & 1)
            c->insns[k] = 0xd503201f;
    if (skipped)
        slot_write(c, c->slot - 1);
    run_case(c);
}

struct options {
    uint64_t seed, from, groups, insns, emit; /* emit: GROUP if nothing is to be emitted */
    enum mode mode;
    bool fpcr, by_case;
};

static uint64_t run_group(const struct options *o, uint64_t group)
{
    uint64_t hash = group;
    enum mode mode = o->mode < MODES ? o->mode : (enum mode)(group % MODES);
    generate_seek(o->seed, group);
    for (unsigned k = 0; k < GROUP; k++) {
        generate_case(&cases[k], (unsigned)((group * GROUP + k) % SLOTS), mode, (unsigned)o->insns,
                      o->fpcr);
        struct fuzz_case *c = &cases[k];
        unsigned n = c->n_insns;
        c->n_insns &= 0xffff;
        slot_write(c, c->slot - 1);
        c->n_insns = n;
    }
    for (unsigned k = 0; k < GROUP; k++) {
        mode == MODE_LOOPS ? run_loops(&cases[k]) : run_case(&cases[k]);
        hash = mix(hash, current.hash);
        if (o->by_case)
            printf("%u %016llx\n", k, (unsigned long long)current.hash);
        if (k == o->emit) {
            context.stepped_over = current.skipped;
            slot_output(&cases[k], sizeof cases[k]);
            slot_output(&context, sizeof context);
            exit(0);
        }
    }
    return hash;
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (!strcmp(argv[k], "-cases")) {
            o->by_case = true;
            continue;
        }
        if (!strcmp(argv[k], "-no-fpcr")) {
            o->fpcr = false;
            continue;
        }
        if (k + 1 == argc)
            return false;
        uint64_t value = strtoull(argv[k + 1], NULL, 0);
        if (!strcmp(argv[k], "-seed"))
            o->seed = value;
        else if (!strcmp(argv[k], "-from"))
            o->from = value;
        else if (!strcmp(argv[k], "-groups"))
            o->groups = value;
        else if (!strcmp(argv[k], "-insns"))
            o->insns = value;
        else if (!strcmp(argv[k], "-mode"))
            o->mode = (enum mode)value;
        else if (!strcmp(argv[k], "-emit"))
            o->emit = value;
        else
            return false;
        k++;
    }
    return o->insns && o->insns <= 20;
}

int main(int argc, char **argv)
{
    struct options o = {
        .seed = 1, .groups = 1, .insns = 20, .emit = GROUP, .mode = MODES, .fpcr = true};
    if (!parse(&o, argc, argv)) {
        fputs("mass: bad arguments\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* an engine may end the program */
    slot_set_up(on_fault);
    generate_set_up();
    for (uint64_t g = o.from; g < o.from + o.groups; g++) {
        uint64_t hash = run_group(&o, g);
        if (!o.by_case)
            printf("%016llx\n", (unsigned long long)hash);
    }
    printf("%llu\n", (unsigned long long)insns_run);
    return 0;
}
