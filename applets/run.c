/* run.c - the run applet, and what the binary does under a qemu-GUEST name: run a program. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/run_options.h"
#include "applets/self.h"
#include "arch/guests.h"
#include "core/cache.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/prof.h"
#include "loader/exec.h"
#include "syscalls/limits.h"
#include "syscalls/task.h"

enum { FLAG_PRESERVE_ARGV0 = 1 };

void run_choose_cpu(const struct guest *guest)
{
    const char *bad = run_options.cpu_model;
    if (guest->isa->set_cpu && !guest->isa->set_cpu(run_options.cpu_model, &bad))
        die("unable to find CPU model '%s'", bad);
}

static void choose_stack_size(void)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur > run_options.stack_size)
        run_options.stack_size = limit.rlim_cur;
}

static void choose_prefix(const struct guest *guest)
{
    static char standard[64];
    snprintf(standard, sizeof standard, "/etc/qemu-binfmt/%s", guest->name);
    if (run_options.ld_prefix)
        return;
    if (!access(standard, F_OK))
        process.ld_prefix = standard;
}

RUN_OFTEN static void at_exit(void)
{
    cache_save(true);
    if (LOG_ON(prof))
        prof_report();
    if (!LOG_ON(stats))
        return;
    const struct compile_stats *s = &compile_stats;
    log_write("stats: blocks %llu insns %llu host_bytes %llu translate_ns %llu flushes %llu\n",
              (unsigned long long)s->blocks, (unsigned long long)s->guest_insns,
              (unsigned long long)s->host_bytes, (unsigned long long)s->nanoseconds,
              (unsigned long long)s->flushes);
    log_write("stats: regions %llu blocks %llu insns %llu host_bytes %llu translate_ns %llu\n",
              (unsigned long long)s->regions, (unsigned long long)s->region_blocks,
              (unsigned long long)s->region_insns, (unsigned long long)s->region_bytes,
              (unsigned long long)s->region_nanoseconds);
}

static void log_mappings(const char *when)
{
    struct region r;
    log_write("mappings %s\n%-16s-%-16s %s\n", when, "start", "end", "prot");
    for (guest_addr at = 0; memory_map_find(at, &r); at = r.end)
        log_write("%016llx-%016llx %c%c%c %s\n", (unsigned long long)r.start,
                  (unsigned long long)r.end, r.prot & PROT_READ ? 'r' : '-',
                  r.prot & PROT_WRITE ? 'w' : '-', r.prot & PROT_EXEC ? 'x' : '-',
                  r.name ? r.name : "");
}

/* How the kernel's binfmt_misc starts us, as far as the kernel says so. */
struct binfmt_start {
    bool surely;      /* argv[1] is the program, whatever it looks like */
    bool argv0_given; /* argv[2] is the program's argv[0] */
    int fd;           /* of the program, or -1 */
};

static struct binfmt_start binfmt_start(const char *name)
{
    struct binfmt_start b = {.fd = -1};
    size_t n = strlen(name);
    errno = 0;
    unsigned long fd = getauxval(AT_EXECFD);
    if (!errno)
        b.fd = (int)fd;
    b.argv0_given = getauxval(AT_FLAGS) & FLAG_PRESERVE_ARGV0;
    b.surely = self_started_by_binfmt();
    /* Kernels before 5.12 do not tell: entries with the flag P are registered under such a name. */
    if (n > 9 && !strcmp(name + n - 9, "-binfmt-P"))
        b.argv0_given = true;
    return b;
}

static void __attribute__((noreturn)) start(struct exec_request *request)
{
    static START_TABLE struct exec_program program;
    exec_find(request, &program);
    const struct guest *guest = program.guest;
    run_choose_cpu(guest);
    engine_init(guest);
    if (*host_backend.cpu_words())
        run_options_add_self_args("-hostcpu", host_backend.cpu_words());
    if (!request->secure)
        cache_init(guest);
    struct thread *thread = thread_new(guest, NULL);
    if (!thread)
        die("out of memory");
    exec_load(&program, thread);
    thread_enter(thread);
    task_start(thread);
    process.at_exit = at_exit;
    if (LOG_ON(page))
        log_mappings("at start");
    if (LOG_ON(cpu_reset))
        cpu_log(thread);
    guest_loop(thread);
    process_exit(0);
}

static bool is_native(const struct guest *guest)
{
    return guest_same_family(guest, host_backend.name);
}

int run_program(const struct guest *guest, int argc, char **argv)
{
    bool secure = getauxval(AT_SECURE);
    struct binfmt_start binfmt = binfmt_start(argv[0]);
    run_options.guest = guest;
    int at = run_options_read(argc, argv, !secure, binfmt.surely);
    if (guest && !guest->isa)
        die("programs for %s cannot be translated yet", guest->name);

    struct exec_request request = {
        .guest = guest,
        .find_guest = guest_by_elf,
        /* Else it might come back. */
        .is_native = binfmt.surely || run_options.exec_fd >= 0 ? NULL : is_native,
        .guest_known = choose_prefix,
        .path = argv[at],
        .fd = binfmt.fd,
        .argv = argv + at,
        .envp = run_options.environment,
        .search_path = true,
        .secure = secure,
    };
    if (run_options.exec_fd >= 0) {
        request.fd = run_options.exec_fd;
        request.argv = argv + at + 1; /* PATH ARGV0 ARG... */
    } else if (binfmt.argv0_given && at + 1 < argc) {
        request.argv = argv + at + 1;
    }
    if (binfmt.surely)
        request.execfn = (const char *)getauxval(AT_EXECFN);
    if (run_options.argv0 && request.argv[0])
        request.argv[0] = (char *)run_options.argv0;
    limits_take_over();
    choose_stack_size();
    request.stack_size = run_options.stack_size;

    process.ld_prefix =
        run_options.ld_prefix && *run_options.ld_prefix ? run_options.ld_prefix : NULL;
    process.self_fd = self_open(run_options.self_fd, argv[0]);
    process.self_name = argv[0];
    process.self_args = run_options.self_args;
    start(&request);
}

int applet_run(int argc, char **argv)
{
    return run_program(NULL, argc, argv);
}
