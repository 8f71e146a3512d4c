/* check.c - the check applet: run golden instruction tests (check_read.h) on every engine. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/check_cost.h"
#include "applets/check_read.h"
#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/flags.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/option.h"
#include "core/tb.h"
#include "core/translate.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum { SECONDS = 30, CODE_MAP = 0x1fff0000, CODE_MAP_END = 0x20010000, CODE_AT = 0x20000020 };

static const struct stage {
    const char *name;
    enum engine engine;
    bool no_opt, regions;
} stages[] = {
    {"interp, unoptimised", ENGINE_INTERP, true, false},
    {"interp, optimised", ENGINE_INTERP, false, false},
    {"jit", ENGINE_JIT, false, false},
    {"jit, regions", ENGINE_JIT, false, true},
};

static const char *only_engine;
static bool bless, show_costs;
static const char *best_costs;
static struct thread *thread;
static const char *running; /* file, for the watchdog */

/* -- Running ----------------------------------------------------------------------------------- */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (sig == SIGALRM)
        die("%s: does not end", running);
    if (!fault_handle(thread, sig, info, context))
        die("%s: signal %d in the translator itself, address %p", running, sig, info->si_addr);
}

static void map_region(guest_addr start, guest_addr end, int prot)
{
    void *p = mmap(memory_host(start), end - start, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != memory_host(start))
        die("cannot map 0x%llx for tests: %s", (unsigned long long)start, strerror(errno));
    memory_map_add(&(struct region){
        .start = start, .end = end, .prot = prot, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
}

/* Everything that happens once per process; all files of one call are for one guest. */
static void prepare(const struct guest *guest)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGALRM};
    if (thread) {
        if (thread->guest != guest)
            die("all files of one call must be for one guest");
        return;
    }
    engine_options.fp_traps_max = UINT_MAX;
    engine_init(guest);
    if (engine_options.engine == ENGINE_INTERP)
        only_engine = "interp"; /* executable memory is refused */
    thread = thread_new(guest, NULL);
    if (!thread)
        die("out of memory");
    thread_enter(thread);
    map_region(MEMORY_AT, MEMORY_AT + MEMORY, PROT_READ | PROT_WRITE);
    map_region(CODE_MAP, CODE_MAP_END, PROT_READ | PROT_EXEC);
    for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
        struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigaction(faults[i], &sa, NULL);
    }
}

static void *var_in(struct cpu *cpu, const struct ir_var *v)
{
    return (char *)cpu + v->offset;
}

static void put_state(const struct state *s)
{
    struct cpu *cpu = &thread->cpu;
    const struct guest_isa *isa = thread->guest->isa;
    isa->reset(cpu, thread->guest);
    cpu->excl_addr = EXCL_NONE;
    cpu->pc = CODE_AT;
    for (unsigned i = 0; i < isa->n_vars; i++)
        if (isa->vars[i].class != IR_CLASS_F)
            memcpy(var_in(cpu, &isa->vars[i]), s->var[i], isa->vars[i].size);
    cpu->flags = flags_from_nzcv(s->nzcv);
    host_backend.set_fp_mode(cpu);
    for (unsigned i = 0; isa->specials && isa->specials[i].name; i++)
        isa->specials[i].write(cpu, s->special[i]);
    cpu->mode = isa->mode ? isa->mode(cpu) : 0;
    memcpy(memory_host(MEMORY_AT), s->memory, MEMORY);
}

static void get_state(struct state *s, enum exit_reason reason)
{
    struct cpu *cpu = &thread->cpu;
    const struct guest_isa *isa = thread->guest->isa;
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < isa->n_vars; i++)
        if (isa->vars[i].class != IR_CLASS_F)
            memcpy(s->var[i], var_in(cpu, &isa->vars[i]), isa->vars[i].size);
    s->nzcv = flags_to_nzcv(cpu->flags);
    for (unsigned i = 0; isa->specials && isa->specials[i].name; i++)
        s->special[i] = isa->specials[i].read(cpu);
    memcpy(s->memory, memory_host(MEMORY_AT), MEMORY);
    s->pc = (int64_t)(cpu->pc - CODE_AT);
    switch (reason) {
    case EXIT_FAULT:
    case EXIT_FETCH:
    case EXIT_ALIGN:
        s->signal = thread->fault.signal;
        break;
    case EXIT_UNDEF:
    case EXIT_UNIMPL:
        s->signal = SIGILL;
        break;
    case EXIT_BREAK:
        s->signal = SIGTRAP;
        break;
    case EXIT_TRAP:
        s->signal = (int)(cpu->exit_data >> 8);
        break;
    default:
        break;
    }
}

static int report(const struct test *t, const struct test_case *c, const char *stage,
                  const char *what, const uint64_t got[2], const uint64_t want[2], bool wide)
{
    if (wide)
        printf("%s:%u: %s: %s = %016llx%016llx, expected %016llx%016llx\n", t->path, c->line, stage,
               what, (unsigned long long)got[1], (unsigned long long)got[0],
               (unsigned long long)want[1], (unsigned long long)want[0]);
    else
        printf("%s:%u: %s: %s = %llx, expected %llx\n", t->path, c->line, stage, what,
               (unsigned long long)got[0], (unsigned long long)want[0]);
    return 1;
}

static int report_1(const struct test *t, const struct test_case *c, const char *stage,
                    const char *what, uint64_t got, uint64_t want)
{
    return report(t, c, stage, what, (uint64_t[2]){got}, (uint64_t[2]){want}, false);
}

/* Compare what a case left with what it says; returns the number of differences, each reported. */
static int compare(const struct test *t, const struct test_case *c, const char *stage,
                   struct state *got)
{
    const struct guest_isa *isa = t->guest->isa;
    const struct state *want = &c->after;
    int64_t end = (int64_t)c->code->n * 4;
    int bad = 0;
    /* The zeros around the code are undefined instructions: jumping there ends a case that names
     * where. */
    if (got->signal == SIGILL && !want->signal && want->has_pc && (got->pc < 0 || got->pc >= end))
        got->signal = 0;
    if (got->signal != want->signal)
        bad += report_1(t, c, stage, "signal", (uint64_t)got->signal, (uint64_t)want->signal);
    int64_t pc = want->has_pc ? want->pc : want->signal ? 0 : end;
    if (got->pc != pc)
        bad += report_1(t, c, stage, "end, from the first instruction,", (uint64_t)got->pc,
                        (uint64_t)pc);
    for (unsigned i = 0; i < isa->n_vars; i++)
        if (isa->vars[i].class != IR_CLASS_F &&
            memcmp(got->var[i], want->var[i], isa->vars[i].size))
            bad += report(t, c, stage, isa->vars[i].name, got->var[i], want->var[i],
                          isa->vars[i].size == 16);
    if (got->nzcv != want->nzcv)
        bad += report_1(t, c, stage, "nzcv", got->nzcv, want->nzcv);
    for (unsigned i = 0; isa->specials && isa->specials[i].name; i++)
        if (got->special[i] != want->special[i])
            bad += report_1(t, c, stage, isa->specials[i].name, got->special[i], want->special[i]);
    for (unsigned i = 0; i < MEMORY; i++) {
        char name[16];
        if (got->memory[i] == want->memory[i])
            continue;
        snprintf(name, sizeof name, "mem+%x", i);
        bad += report_1(t, c, stage, name, got->memory[i], want->memory[i]);
    }
    return bad;
}

static void load_code(const struct code *code)
{
    engine_options.stop_pc = CODE_AT + 4 * code->n;
    memset(memory_host(CODE_MAP), 0, CODE_MAP_END - CODE_MAP);
    memcpy(memory_host(CODE_AT), code->words, 4 * code->n);
    tb_flush();
}

static int run_stage(const struct test *t, const struct stage *stage, struct cost *cost)
{
    int bad = 0;
    engine_options.engine = stage->engine;
    engine_options.no_opt = stage->no_opt;
    engine_options.no_tier2 = !stage->regions;
    engine_options.tier2_threshold = 0; /* every block */
    const struct code *loaded = NULL;
    for (unsigned i = 0; i < t->n_cases; i++) {
        static LARGE_TABLE struct state got;
        if (t->cases[i].code != loaded) {
            loaded = t->cases[i].code;
            load_code(loaded);
        }
        alarm(SECONDS);
        put_state(&t->cases[i].before);
        enum exit_reason reason = cpu_run(thread);
        alarm(0);
        get_state(&got, reason);
        bad += compare(t, &t->cases[i], stage->name, &got);
        if (stage->engine == ENGINE_JIT && !stage->regions && !i) {
            struct tb *tb = tb_find(CODE_AT, thread->cpu.mode);
            if (tb)
                *cost = (struct cost){t->codes[0].n, tb->n_host_insns, tb->n_moves, tb->n_calls};
        }
    }
    return bad;
}

/* -- Costs ------------------------------------------------------------------------------------- */

/* Costs are those of the least host that is supported, so that they are the same everywhere. */
static int check_cost(const struct test *t, const struct cost *noted)
{
    const char *off = engine_options.host_features_off;
    unsigned cost = noted->host;
    if (!cost || !off || strcmp(off, "all"))
        return 0;
    if (show_costs)
        cost_note(t->path, noted);
    if (cost == t->cost)
        return 0;
    if (bless) {
        cost_write(t->path, t->cost_line, cost);
        return 0;
    }
    if (!t->cost_line)
        return 0;
    printf("%s:%u: cost is %u host instructions, expected %u (anyarch check -host-off all -bless "
           "updates it)\n",
           t->path, t->cost_line, cost, t->cost);
    return 1;
}

/* -- The applet -------------------------------------------------------------------------------- */
static int check_file(const char *path)
{
    static LARGE_TABLE struct test test;
    static struct test_case *cases; /* not in .bss, whose other variables it would move apart */
    static LARGE_TABLE struct code codes[MAX_CODES];
    int bad = 0;
    struct cost cost = {0};
    if (!cases)
        cases = calloc(MAX_CASES, sizeof *cases);
    if (!cases)
        die("out of memory");
    memset(&test, 0, sizeof test);
    test.path = running = path;
    test.cases = cases;
    test.codes = codes;
    check_read(&test);
    prepare(test.guest);
    for (unsigned i = 0; i < ARRAY_SIZE(stages); i++)
        if (!only_engine || !strncmp(stages[i].name, only_engine, strlen(only_engine)))
            bad += run_stage(&test, &stages[i], &cost);
    return bad + check_cost(&test, &cost);
}

static void set_engine(const char *v)
{
    if (strcmp(v, "interp") && strcmp(v, "jit"))
        die("-engine %s: the engines are jit and interp", v);
    only_engine = v;
}

static void set_host_off(const char *v)
{
    engine_options.host_features_off = v;
}
static void set_bless(const char *v)
{
    bless = !v;
}

static void set_costs(const char *v)
{
    show_costs = true;
    best_costs = v;
}

static void set_log(const char *v)
{
    const char *bad;
    if (!log_set_items(v, &bad))
        die("unknown log item '%s'", bad);
}

static void set_help(const char *v);

static const struct option options[] = {
    {"help", NULL, NULL, set_help, "print this help"},
    {"engine", NULL, "name", set_engine, "only interp or jit"},
    {"host-off", NULL, "features", set_host_off, "do not use these features of the host CPU"},
    {"bless", NULL, NULL, set_bless, "rewrite cost lines with what was measured"},
    {"costs", NULL, "file", set_costs,
     "with -host-off all: print costs against the best known ones in file"},
    {"d", NULL, "items", set_log, "log items"},
};

static void print_help(void)
{
    printf("usage: anyarch check [options] FILE|FOLDER...\n");
    option_help(options, ARRAY_SIZE(options));
}

static void set_help(const char *v)
{
    (void)v;
    print_help();
    exit(0);
}

static unsigned n_files, n_failed;

static void check_and_count(const char *path)
{
    int bad = check_file(path);
    n_files++;
    if (!bad)
        return;
    n_failed++;
    printf("%s: %d difference%s; again: anyarch check -d in_asm,op,op_opt,out_asm %s\n", path, bad,
           bad == 1 ? "" : "s", path);
}

/* A file, or every test file of a folder. */
static void check_path(const char *path)
{
    glob_t found;
    char *pattern;
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
        check_and_count(path);
        return;
    }
    if (asprintf(&pattern, "%s/*.test", path) < 0 || glob(pattern, 0, NULL, &found))
        die("no test files in %s", path);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_and_count(found.gl_pathv[i]);
    globfree(&found);
    free(pattern);
}

int applet_check(int argc, char **argv)
{
    int at = option_parse(options, ARRAY_SIZE(options), argc, argv, false);
    if (at >= argc) {
        print_help();
        return 1;
    }
    for (int i = at; i < argc; i++)
        check_path(argv[i]);
    int unrated = show_costs ? cost_print(best_costs) : 0;
    printf("%u of %u files pass\n", n_files - n_failed, n_files);
    return n_failed || unrated;
}
