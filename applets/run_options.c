/* run_options.c - the options with which a program is run: one table, and what each does. */
#include "applets/run_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/guests.h"
#include "core/cache.h"
#include "core/dispatch.h"
#include "core/log.h"
#include "core/option.h"
#include "core/perf.h"
#include "core/random.h"
#include "syscalls/task.h"

enum {
    MIN_CODE_SIZE = 1 << 20,
    MAX_CODE_SIZE = 1 << 30,
    MAX_TIER2_THRESHOLD = 1 << 30
}; /* code reaches its data by 32-bit displacements */
enum { DEFAULT_STACK = 8 << 20, PAGE = 4096 };

extern char **environ;

struct run_options run_options = {.stack_size = DEFAULT_STACK, .exec_fd = -1, .self_fd = -1};
static const char *log_file;

/* -- Options of our own command line that children of the guest get too ------------------------ */
static unsigned n_self_args;
static bool from_command_line;

void run_options_add_self_args(const char *option, const char *value)
{
    if (n_self_args + 2 > MAX_SELF_ARGS)
        return;
    run_options.self_args[n_self_args++] = option;
    if (value)
        run_options.self_args[n_self_args++] = value;
}

static void inherit(const char *option, const char *value)
{
    if (from_command_line) /* variables reach children by themselves */
        run_options_add_self_args(option, value);
}

/* -- The guest's environment ------------------------------------------------------------------- */
static void env_remove(const char *name, size_t n)
{
    char **to = run_options.environment;
    for (char **from = run_options.environment; *from; from++)
        if (strncmp(*from, name, n) || (*from)[n] != '=')
            *to++ = *from;
    *to = NULL;
}

static void env_add(char *entry)
{
    size_t n = 0;
    env_remove(entry, strcspn(entry, "="));
    while (run_options.environment[n])
        n++;
    char **list = realloc(run_options.environment, (n + 2) * sizeof *list);
    if (!list)
        die("out of memory");
    list[n] = entry;
    list[n + 1] = NULL;
    run_options.environment = list;
}

static void env_copy(void)
{
    size_t n = 0;
    while (environ[n])
        n++;
    run_options.environment = malloc((n + 1) * sizeof *run_options.environment);
    if (!run_options.environment)
        die("out of memory");
    memcpy(run_options.environment, environ, (n + 1) * sizeof *run_options.environment);
}

/* -- Option handlers --------------------------------------------------------------------------- */
static void print_help(void);

static void __attribute__((noreturn)) bad_value(const char *option, const char *value)
{
    die("-%s: malformed value '%s'", option, value);
}

/* Number with an optional k, M or G; false: malformed. */
static bool parse_size(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    *value = strtoull(text, &end, 0);
    unsigned shift = *end == 'k' || *end == 'K'   ? 10
                     : *end == 'M' || *end == 'm' ? 20
                     : *end == 'G'                ? 30
                                                  : 0;
    if (errno || (shift && *value >> (64 - shift)))
        return false;
    *value <<= shift;
    return !end[shift != 0];
}

/* The value of OPTION, a number of at most MOST. */
static unsigned parse_count(const char *option, const char *text, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 0);
    if (*end || !*text || value > most)
        bad_value(option, text);
    return (unsigned)value;
}

static void set_help(const char *v)
{
    (void)v;
    print_help();
    exit(0);
}

static void set_version(const char *v)
{
    (void)v;
    printf("qemu-%s version 7.2.0 (anyarch %s)\n",
           run_options.guest ? run_options.guest->name : "user", ANYARCH_VERSION);
    exit(0);
}

static void set_gdb(const char *v)
{
    die("-g %s: debugging with gdb is not supported yet", v);
}

static void set_prefix(const char *v)
{
    run_options.ld_prefix = v;
    inherit("-L", v);
}

static void set_stack(const char *v)
{
    if (!parse_size(v, &run_options.stack_size) || !run_options.stack_size ||
        run_options.stack_size > (uint64_t)1 << 40)
        bad_value("s", v);
    inherit("-s", v);
}

static void set_cpu(const char *v)
{
    run_options.cpu_model = v;
    inherit("-cpu", v);
}

/* Apply FN to each of the parts of a comma-separated list. */
static void for_each_item(const char *list, void (*fn)(char *item))
{
    for (char *copy = strdup(list), *item; (item = strsep(&copy, ","));)
        if (*item)
            fn(item);
}

static void set_env_item(char *item)
{
    if (!strchr(item, '='))
        bad_value("E", item);
    env_add(item);
}

static void unset_env_item(char *item)
{
    if (strchr(item, '='))
        bad_value("U", item);
    env_remove(item, strlen(item));
}

static void set_env(const char *v)
{
    for_each_item(v, set_env_item);
}
static void unset_env(const char *v)
{
    for_each_item(v, unset_env_item);
}
static void set_argv0(const char *v)
{
    run_options.argv0 = v;
}

static void set_uname(const char *v)
{
    process.uname_release = v;
    inherit("-r", v);
}

/* 64-bit guests use the host's addresses, so there is nothing to place or to reserve: checked and
 * accepted. */
static void set_guest_base(const char *v)
{
    uint64_t value;
    if (!parse_size(v, &value))
        bad_value("B", v);
}

static void set_reserved_va(const char *v)
{
    uint64_t value;
    if (!parse_size(v, &value))
        bad_value("R", v);
    if (value % PAGE)
        die("-R %s: must be a multiple of the page size", v);
}

static void set_log(const char *v)
{
    const char *bad = v;
    if (!strcmp(v, "help") || !log_set_items(v, &bad)) {
        if (strcmp(v, "help"))
            fprintf(stderr, "unknown log item '%s'\n", bad);
        log_print_items();
        exit(1);
    }
    inherit("-d", v);
}

static void set_dfilter(const char *v)
{
    if (!log_set_filter(v))
        die("Bad range specifier");
    inherit("-dfilter", v);
}

static void set_log_file(const char *v)
{
    log_file = v;
    inherit("-D", v);
}

static void set_page_size(const char *v)
{
    uint64_t value;
    if (!parse_size(v, &value) || !value || value & (value - 1)) {
        fprintf(stderr, "page size must be a power of two\n");
        exit(1);
    }
    if (value != PAGE)
        fprintf(stderr, "warning: page size stays %d\n", PAGE);
}

static void set_one_insn(const char *v)
{
    (void)v;
    engine_options.one_insn_per_tb = true;
    inherit("-one-insn-per-tb", NULL);
}

static void set_strace(const char *v)
{
    const char *bad;
    (void)v;
    log_set_items("strace", &bad);
    inherit("-strace", NULL);
}

static void set_seed(const char *v)
{
    char *end;
    errno = 0;
    uint64_t seed = strtoull(v, &end, 0);
    if (errno || *end || !*v)
        die("Invalid seed number: '%s'", v);
    random_seed(seed);
    inherit("-seed", v);
}

static void accept_flag(const char *v)
{
    (void)v;
}
static void set_plugin(const char *v)
{
    die("-plugin %s: plugins are not supported", v);
}

static void set_engine(const char *v)
{
    if (!strcmp(v, "interp"))
        engine_options.engine = ENGINE_INTERP;
    else if (strcmp(v, "jit"))
        die("-engine %s: the engines are jit and interp", v);
    inherit("-engine", v);
}

static void set_lockstep(const char *v)
{
    (void)v;
    engine_options.lockstep = true;
    inherit("-lockstep", NULL);
}

static void set_no_chain(const char *v)
{
    (void)v;
    engine_options.no_chain = true;
    inherit("-no-chain", NULL);
}

static void set_strict_exclusives(const char *v)
{
    (void)v;
    engine_options.strict_exclusives = true;
    inherit("-strict-exclusives", NULL);
}

static void set_no_tier2(const char *v)
{
    (void)v;
    engine_options.no_tier2 = true;
    inherit("-no-tier2", NULL);
}

static void set_tier2_threshold(const char *v)
{
    engine_options.tier2_threshold = parse_count("tier2-threshold", v, MAX_TIER2_THRESHOLD);
    inherit("-tier2-threshold", v);
}

static void set_fp_traps(const char *v)
{
    engine_options.fp_traps_max = parse_count("fp-traps", v, INT_MAX);
    inherit("-fp-traps", v);
}

static void set_no_opt(const char *v)
{
    (void)v;
    engine_options.no_opt = true;
    inherit("-no-opt", NULL);
}

static void set_code_size(const char *v)
{
    uint64_t size;
    if (!parse_size(v, &size) || size < MIN_CODE_SIZE || size > MAX_CODE_SIZE)
        bad_value("code-size", v);
    engine_options.code_size = size;
    inherit("-code-size", v);
}

static void set_cache(const char *v)
{
    if (!cache_set(v) && from_command_line)
        die("-cache %s: no such folder: %s", v, strerror(errno));
    inherit("-cache", v);
}

static void set_host_off(const char *v)
{
    engine_options.host_features_off = v;
    inherit("-host-off", v);
}

static int descriptor(const char *option, const char *v)
{
    int fd = atoi(v);
    if (fd < 0 || fcntl(fd, F_GETFD) < 0)
        bad_value(option, v);
    return fd;
}

static void set_exec_fd(const char *v)
{
    run_options.exec_fd = descriptor("execfd", v);
}
static void set_self_fd(const char *v)
{
    run_options.self_fd = descriptor("selffd", v);
}
static void set_perf_map(const char *v)
{
    (void)v;
    perf_map = true;
    inherit("-perfmap", NULL);
}
static void set_perf_dump(const char *v)
{
    (void)v;
    perf_dump = true;
    inherit("-jitdump", NULL);
}
static void set_host_cpu(const char *v)
{
    engine_options.host_cpu_words = v;
}
static void set_seccomp_fd(const char *v)
{
    process.seccomp_fd = descriptor("seccompfd", v);
}

/* clang-format off */
static const struct option options[] = {
    {"h",               NULL,                    NULL,          set_help,        "print this help"},
    {"help",            NULL,                    NULL,          set_help,        ""},
    {"g",               "QEMU_GDB",              "port",        set_gdb,         "wait gdb connection to 'port' (not supported yet)"},
    {"L",               "QEMU_LD_PREFIX",        "path",        set_prefix,      "set the elf interpreter prefix to 'path'"},
    {"s",               "QEMU_STACK_SIZE",       "size",        set_stack,       "set the stack size to 'size' bytes"},
    {"cpu",             "QEMU_CPU",              "model",       set_cpu,         "select CPU (-cpu help for list)"},
    {"E",               "QEMU_SET_ENV",          "var=value",   set_env,         "sets targets environment variable (see below)"},
    {"U",               "QEMU_UNSET_ENV",        "var",         unset_env,       "unsets targets environment variable (see below)"},
    {"0",               "QEMU_ARGV0",            "argv0",       set_argv0,       "forces target process argv[0] to be 'argv0'"},
    {"r",               "QEMU_UNAME",            "uname",       set_uname,       "set uname release string to 'uname'"},
    {"B",               "QEMU_GUEST_BASE",       "address",     set_guest_base,  "accepted; 64-bit guests use the host's addresses"},
    {"R",               "QEMU_RESERVED_VA",      "size",        set_reserved_va, "accepted; nothing needs to be reserved"},
    {"t",               "QEMU_RTSIG_MAP",        "map",         accept_flag,     "accepted; every real-time signal keeps its number"},
    {"d",               "QEMU_LOG",              "item[,...]",  set_log,         "enable logging of specified items (use '-d help' for a list of items)"},
    {"dfilter",         "QEMU_DFILTER",          "range[,...]", set_dfilter,     "filter logging based on address range"},
    {"D",               "QEMU_LOG_FILENAME",     "logfile",     set_log_file,    "write logs to 'logfile' (default stderr)"},
    {"p",               "QEMU_PAGESIZE",         "pagesize",    set_page_size,   "accepted; the page size is the host's"},
    {"one-insn-per-tb", "QEMU_ONE_INSN_PER_TB",  NULL,          set_one_insn,    "run with one guest instruction per translation block"},
    {"singlestep",      "QEMU_SINGLESTEP",       NULL,          set_one_insn,    "old name of -one-insn-per-tb"},
    {"strace",          "QEMU_STRACE",           NULL,          set_strace,      "log system calls"},
    {"seed",            "QEMU_RAND_SEED",        "n",           set_seed,        "seed for random numbers given to the program"},
    {"trace",           "QEMU_TRACE",            "pattern",     accept_flag,     "accepted; no effect"},
    {"plugin",          "QEMU_PLUGIN",           "file",        set_plugin,      NULL},
    {"perfmap",         "QEMU_PERFMAP",          NULL,          set_perf_map,    "tell perf of generated code in /tmp/perf-PID.map"},
    {"jitdump",         "QEMU_JITDUMP",          NULL,          set_perf_dump,   "tell perf of generated code in jit-PID.dump"},
    {"xtensa-abi-call0", "QEMU_XTENSA_ABI_CALL0", NULL,         accept_flag,     NULL},
    {"execve",          "QEMU_EXECVE",           NULL,          accept_flag,     "accepted; always on: programs that the guest starts run under anyarch"},
    {"libc-syscall",    "QEMU_LIBC_SYSCALL",     NULL,          accept_flag,     NULL},
    {"engine",          "ANYARCH_ENGINE",        "name",        set_engine,      "jit (default) or interp"},
    {"lockstep",        NULL,                    NULL,          set_lockstep,    "run every block on both engines and stop at the first difference"},
    {"no-chain",        NULL,                    NULL,          set_no_chain,    "do not link blocks"},
    {"no-tier2",        "ANYARCH_NO_TIER2",      NULL,          set_no_tier2,    "do not compile hot loops anew as a whole"},
    {"tier2-threshold", "ANYARCH_TIER2_THRESHOLD", "n",         set_tier2_threshold, "rounds of a loop until it is hot (0: every block at once)"},
    {"fp-traps",        "ANYARCH_FP_TRAPS",      "n",         set_fp_traps,    "invalid floating-point operations until code tests for NaNs (0: it always does)"},
    {"no-opt",          NULL,                    NULL,          set_no_opt,      "do not optimise"},
    {"strict-exclusives", "ANYARCH_STRICT_EXCLUSIVES", NULL,    set_strict_exclusives, "a store-exclusive fails after any store of another thread to its place (slow)"},
    {"code-size",       "ANYARCH_CODE_SIZE",     "size",        set_code_size,   "memory for generated code, suffix k, M or G (default 128M)"},
    {"host-off",        NULL,                    "features",    set_host_off,    "do not use these features of the host CPU"},
    {"cache",           "ANYARCH_CACHE",         "folder",      set_cache,       "keep translations in 'folder'; off, on (the default folder), verify or verify:folder"},
    {"execfd",          NULL,                    "fd",          set_exec_fd,     NULL},
    {"selffd",          NULL,                    "fd",          set_self_fd,     NULL},
    {"seccompfd",       NULL,                    "fd",          set_seccomp_fd,  NULL},
    {"hostcpu",         NULL,                    "words",       set_host_cpu,    NULL},
    {"version",         "QEMU_VERSION",          NULL,          set_version,     "display version information and exit"},
};
/* clang-format on */

static void print_help(void)
{
    const char *name = run_options.guest ? run_options.guest->name : "user";
    printf("usage: qemu-%s [options] program [arguments...]\n"
           "Linux CPU emulator (compiled for %s emulation)\n\n"
           "Options and associated environment variables:\n\n",
           name, run_options.guest ? name : "multi-architecture");
    option_help(options, ARRAY_SIZE(options));
    printf("\nDefaults:\n"
           "QEMU_LD_PREFIX  = /etc/qemu-binfmt/%s\n"
           "QEMU_STACK_SIZE = %llu byte\n\n"
           "-E and -U may be repeated, and their values may be lists separated by commas:\n"
           "    -E var1=val2 -E var2=val2 -U LD_PRELOAD -U LD_DEBUG\n"
           "    -E var1=val2,var2=val2 -U LD_PRELOAD,LD_DEBUG\n"
           "    QEMU_SET_ENV=var1=val2,var2=val2 QEMU_UNSET_ENV=LD_PRELOAD,LD_DEBUG\n"
           "The last of several changes to one variable counts.\n",
           name, (unsigned long long)run_options.stack_size);
}

/* -- Reading ----------------------------------------------------------------------------------- */
static void print_cpu(const char *line)
{
    printf("%s\n", line);
}

static void list_cpus(const struct guest *guest)
{
    for (unsigned i = 0; i < n_guests; i++) {
        if ((guest && guest != &guests[i]) || !guests[i].isa || !guests[i].isa->list_cpus)
            continue;
        printf("Available CPUs%s%s:\n", guest ? "" : " of ", guest ? "" : guests[i].name);
        guests[i].isa->list_cpus(print_cpu);
    }
    exit(1);
}

/* The variables named in the table go, so that they do not act on a child which the program starts
 * after it has made its ids equal (as the C library removes LD_LIBRARY_PATH). */
static void env_remove_options(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].env)
            env_remove(options[i].env, strlen(options[i].env));
}

/* What an untrusted caller's words may do; all other options are accepted without effect. */
static const char *const harmless[] = {"h", "help", "version", "execfd", "seccompfd", NULL};

int run_options_read(int argc, char **argv, bool trusted, bool surely_binfmt)
{
    int at = 1;
    env_copy();
    from_command_line = false;
    if (trusted)
        option_read_environment(options, ARRAY_SIZE(options), NULL);
    else
        env_remove_options();
    from_command_line = true;
    if (!surely_binfmt)
        at = option_parse(options, ARRAY_SIZE(options), argc, argv, trusted ? NULL : harmless);
    if (run_options.cpu_model && !strcmp(run_options.cpu_model, "help"))
        list_cpus(run_options.guest);
    if (at >= argc) {
        log_program = "qemu";
        die("no user program specified; -help shows the usage");
    }
    if (log_file && !log_set_file(log_file, run_options.exec_fd >= 0))
        die("cannot open log file '%s': %s", log_file, strerror(errno));
    return at;
}

int run_options_of_translations(int argc, char **argv)
{
    static const char *const of_translations[] = {
        "cpu",      "one-insn-per-tb", "singlestep",        "no-tier2", "tier2-threshold",
        "fp-traps", "no-opt",          "strict-exclusives", "host-off", NULL};
    option_read_environment(options, ARRAY_SIZE(options), of_translations);
    return option_parse(options, ARRAY_SIZE(options), argc, argv, of_translations);
}
