/* doctor.c - the doctor applet: what works on this machine or in this container, what does not, and
 * why. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/host_cpu.h"
#include "applets/kernel_config.h"
#include "applets/probe.h"
#include "applets/register.h"
#include "arch/guests.h"
#include "core/host.h"
#include "core/log.h"

const char doctor_usage[] =
    "usage: anyarch doctor [--json] [--mount DIR]\n\n"
    "One line per check: ok, note (something does not work, and how to change that) or bad "
    "(programs cannot be\n"
    "run; exit status 1). --mount: where binfmt_misc is (default /proc/sys/fs/binfmt_misc).\n";

enum state { OK, NOTE, BAD };

static const char *const state_names[] = {"ok", "note", "bad"};
static const char *folder = BINFMT_FOLDER, *separator = "";
static bool json, any_bad;

static void report(const char *check, enum state state, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* FIX: what the user can do, or null. */
static void report(const char *check, enum state state, const char *fix, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    any_bad |= state == BAD;
    if (!json) {
        printf("%-5s %-14s %s%s%s\n", state_names[state], check, text, fix ? "; " : "",
               fix ? fix : "");
        return;
    }
    printf("%s\n    {\"check\": \"%s\", \"state\": \"%s\", \"text\": ", separator, check,
           state_names[state]);
    json_string(text);
    printf(", \"fix\": ");
    json_string(fix);
    printf("}");
    separator = ",";
}

static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = 0;
    return n >= 0;
}

/* -- The kernel -------------------------------------------------------------------------------- */

static void check_kernel(void)
{
    struct utsname u;
    int major = 0, minor = 0;
    uname(&u);
    sscanf(u.release, "%d.%d", &major, &minor);
    int version = major * 100 + minor;
    const char *lacks =
        version < 408 ? "no flag F: an entry finds its interpreter inside the container only"
        : version < 512
            ? "flag P is not told to the interpreter: register it as a name ending in -binfmt-P"
        : version < 607 ? "binfmt_misc is one for the whole machine (--user needs 6.7)"
                        : NULL;
    report("kernel", version < 408 ? NOTE : OK, NULL, "Linux %s %s%s%s", u.release, u.machine,
           lacks ? "; " : "", lacks ? lacks : "");
    char value = kernel_config("CONFIG_BINFMT_MISC");
    if (value == 'y' || value == 'm')
        report("kernel config", OK, NULL, "CONFIG_BINFMT_MISC=%c", value);
    else if (value == 'n')
        report("kernel config", NOTE, "start programs through this file instead",
               "CONFIG_BINFMT_MISC is not set");
    else
        report("kernel config", OK, NULL, "not readable (/proc/config.gz)");
}

static void check_proc(void)
{
    if (access("/proc/self/exe", F_OK))
        report("/proc", NOTE, "mount it, for tools that read it",
               "not mounted; programs run without");
    else
        report("/proc", OK, NULL, "mounted");
}

/* -- binfmt_misc ------------------------------------------------------------------------------- */

static const struct guest *wanted;
static unsigned n_matching;

static void check_entry(const struct binfmt_entry *e, void *context)
{
    (void)context;
    char check[64];
    if (!binfmt_matches(e, wanted))
        return;
    n_matching++;
    snprintf(check, sizeof check, "entry %.50s", e->name);
    if (!e->enabled)
        report(check, NOTE, "echo 1 into its file turns it on", "%s is switched off",
               e->interpreter);
    else if (!strchr(e->flags, 'F') && access(e->interpreter, X_OK))
        report(check, NOTE, "register with flag F, or put it there",
               "%s (flags %s) does not exist here", e->interpreter, *e->flags ? e->flags : "none");
    else if (!strchr(e->flags, 'F'))
        report(check, NOTE, "'anyarch binfmt install' registers with F",
               "%s (flags %s): containers need a copy at this path", e->interpreter,
               *e->flags ? e->flags : "none");
    else
        report(check, OK,
               strchr(e->flags, 'C')
                   ? "flag C: foreign set-user-id programs get their owner's rights"
                   : NULL,
               "%s (flags %s) takes programs for %s", e->interpreter, e->flags, wanted->name);
}

static void check_binfmt(void)
{
    char path[300], reason[BINFMT_REASON];
    snprintf(path, sizeof path, "%.250s/register", folder);
    const char *mounted = binfmt_is_mounted(folder) ? "" : " for this check only";
    if (!binfmt_mount_private(folder, reason)) {
        report("binfmt_misc", NOTE, "programs can be started through this file without it", "%s",
               reason);
        return;
    }
    if (!binfmt_is_on(folder))
        report("binfmt_misc", NOTE, "echo 1 into its file status", "switched off");
    else
        report("binfmt_misc", OK, NULL, "mounted at %s%s, %s", folder, mounted,
               access(path, W_OK) ? "not writable by us" : "writable");
    for (unsigned i = 0; i < n_guests; i++) {
        wanted = &guests[i];
        if (!guests[i].isa || guest_same_family(wanted, host_backend.name))
            continue;
        n_matching = 0;
        binfmt_each(folder, check_entry, NULL);
        if (!n_matching)
            report("entries", NOTE, "'anyarch binfmt install' registers this file",
                   "none takes programs for %s", wanted->name);
        else if (n_matching > 1)
            report("entries", NOTE, "remove the others with 'anyarch binfmt uninstall NAME'",
                   "%u take programs for %s; the newest wins", n_matching, wanted->name);
    }
}

/* -- What the process may do ------------------------------------------------------------------- */

/* Run FN in a child; its result, 0 to 200, or 255 if it died. */
static int in_child(int (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (!pid)
        _exit(fn());
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                           : 255;
}

static int try_userns(void)
{
    if (syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS))
        return errno & 127;
    /* Our ids are not mapped yet, which a mount does not mind. */
    return mount("binfmt_misc", "/proc/sys/fs/binfmt_misc", "binfmt_misc", 0, NULL) ? 200 : 0;
}

static void check_userns(void)
{
    int r = in_child(try_userns);
    if (!r)
        report("user namespace", OK, NULL,
               "with a binfmt_misc of its own: 'binfmt install --user' works");
    else if (r == 200)
        report("user namespace", NOTE, "--user needs Linux 6.7",
               "can be made, but has no binfmt_misc of its own");
    else
        report("user namespace", NOTE,
               "a container's seccomp profile or sysctl user.max_user_namespaces forbids it",
               "cannot be made (%s)", strerror(r));
}

static void check_rights(void)
{
    char text[4096], *line;
    unsigned long long caps = 0;
    int seccomp = -1;
    if (!read_text("/proc/self/status", text, sizeof text))
        return;
    if ((line = strstr(text, "\nCapEff:")))
        caps = strtoull(line + 8, NULL, 16);
    if ((line = strstr(text, "\nSeccomp:")))
        seccomp = atoi(line + 9);
    report("rights", OK, NULL, "user %u, %s CAP_SYS_ADMIN", (unsigned)geteuid(),
           caps >> 21 & 1 ? "with" : "without");
    if (seccomp == 2)
        report("seccomp", OK, "calls that it refuses fail in the program as they would natively",
               "a filter is active, as in most containers");
    else if (seccomp >= 0)
        report("seccomp", OK, NULL, "no filter");
}

/* -- Executable memory, CPU -------------------------------------------------------------------- */

static bool map_twice(void)
{
    int fd = memfd_create("anyarch-doctor", MFD_CLOEXEC);
    void *w = MAP_FAILED, *x = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, 4096)) {
        w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    if (fd >= 0)
        close(fd);
    if (w != MAP_FAILED)
        munmap(w, 4096);
    if (x != MAP_FAILED)
        munmap(x, 4096);
    return w != MAP_FAILED && x != MAP_FAILED;
}

static void check_memory(void)
{
    void *rwx =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rwx != MAP_FAILED) {
        munmap(rwx, 4096);
        report("generated code", OK, NULL, "writable and executable memory is allowed");
        return;
    }
    report("generated code", NOTE, "allow execmem in the SELinux policy, or use -engine interp",
           "memory cannot be writable and executable (%s)%s", strerror(errno),
           map_twice() ? ", but mapped twice" : ", nor mapped twice");
}

static void check_cpu(void)
{
    char text[256] = "";
#ifdef __x86_64__
    static const char *const named[] = {"sse4.2", "popcnt", "aes", "pclmul",  "avx",     "avx2",
                                        "fma",    "bmi",    "bmi2", "avx512f", "avx512vl"};
    for (unsigned i = 0; i < ARRAY_SIZE(named); i++)
        if (host_cpu_has(named[i]))
            strcat(strcat(text, " "), named[i]);
    if (!host_cpu_has("sse4.2")) {
        report("CPU", BAD, "a CPU with SSE4.2 is needed", "%s:%s", host_backend.name, text);
        return;
    }
#endif
    report("CPU", OK, NULL, "%s:%s", host_backend.name, text);
}

/* -- Each guest -------------------------------------------------------------------------------- */

static void check_guest(const struct guest *g)
{
    char text[96], check[32];
    snprintf(check, sizeof check, "%s", g->name);
    enum probe_result result = probe_direct(g, text);
    report(check, result == PROBE_RUNS ? OK : BAD, NULL, "under this file: %s", text);
    result = probe_kernel(g, text);
    report(check, result == PROBE_RUNS ? OK : NOTE,
           result == PROBE_RUNS ? NULL
                                : "'anyarch binfmt install', or start programs through this file",
           "by itself: %s", text);
}

int applet_doctor(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--mount") && i + 1 < argc)
            folder = argv[++i];
        else
            die("%s: doctor has the options --json and --mount DIR", argv[i]);
    if (json)
        printf("{\n  \"version\": \"%s\",\n  \"checks\": [", ANYARCH_VERSION);
    check_kernel();
    check_proc();
    check_rights();
    check_binfmt();
    check_userns();
    check_memory();
    check_cpu();
    for (unsigned i = 0; i < n_guests; i++)
        if (guests[i].isa)
            check_guest(&guests[i]);
    if (json)
        printf("\n  ],\n  \"ok\": %s\n}\n", any_bad ? "false" : "true");
    return any_bad;
}
