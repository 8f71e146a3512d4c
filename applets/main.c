/* main.c - which applet: by the name the binary was started under, then by its first argument. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/self.h"
#include "arch/guests.h"
#include "core/log.h"

static const char guests_usage[] =
    "usage: anyarch guests [--markdown]\n\n"
    "One line per architecture: name, uname -m, word size, byte order, state, magic and mask of\n"
    "its ELF programs for binfmt_misc. --markdown: the table of docs/support.md.\n";
static const char syscalls_usage[] =
    "usage: anyarch syscalls\n\n"
    "One line per Linux system call: its name and whether it is supported.\n";

static const char version_usage[] = "usage: anyarch version\n\nPrints the version of this file.\n";

static int applet_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("%s\n", ANYARCH_VERSION);
    return 0;
}

static const struct applet applets[] = {
    {"run", "run a program: anyarch run [options] PROGRAM [ARG...]; -help lists the options", NULL,
     applet_run},
    {"binfmt", "register this file with the kernel: install, uninstall, status, export",
     binfmt_usage, applet_binfmt},
    {"doctor", "say what works here, what does not, and why; also as JSON", doctor_usage,
     applet_doctor},
    {"install-to", "copy this file into a folder, under the names that BuildKit looks for",
     install_to_usage, applet_install_to},
    {"guests", "list the known guest architectures and their binfmt_misc magic", guests_usage,
     applet_guests},
    {"syscalls", "list the Linux system calls and whether they are supported", syscalls_usage,
     applet_syscalls},
    {"cache", "list, verify, tidy and bake the kept translations", NULL, applet_cache},
    {"version", "print the version", version_usage, applet_version},
    {"check", "run instruction tests: anyarch check [-engine E] [-bless] FILE...", NULL,
     applet_check},
};

/* Names of the binary, but not words of its command line, that stand for other tools. */
static const struct applet personalities[] = {
    {"binfmt", NULL, NULL, applet_docker_binfmt},
    {"register", NULL, NULL, applet_register},
    {"qemu-binfmt-conf.sh", NULL, NULL, applet_conf_sh},
};

static const struct applet *find(const struct applet *table, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

static const struct applet *find_applet(const char *name)
{
    return find(applets, ARRAY_SIZE(applets), name);
}

/* Remove END from the end of NAME if it is there. */
static bool strip(char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    if (n <= m || strcmp(name + n - m, end))
        return false;
    name[n - m] = 0;
    return true;
}

/* The guest that a name such as buildkit-qemu-aarch64, qemu-aarch64-static or aarch64-binfmt-P asks
 * for. */
static const struct guest *guest_of_name(const char *base)
{
    char name[64];
    if (strlen(base) >= sizeof name)
        return NULL;
    strcpy(name, base);
    char *at = name;
    if (!strncmp(at, "buildkit-", 9))
        at += 9;
    bool bare = strip(at, "-binfmt-P");
    strip(at, "-static");
    if (!strncmp(at, "qemu-", 5))
        return guest_by_name(strcmp(at + 5, "i486") ? at + 5 : "i386");
    return bare ? guest_by_name(at) : NULL;
}

/* Print the names of the guests that can be translated, or of those that cannot yet. */
static void print_guests(const char *title, bool translated)
{
    size_t column = (size_t)printf("%s\n         ", title) - strlen(title) - 1;
    for (unsigned i = 0; i < n_guests; i++) {
        if (!guests[i].isa == translated)
            continue;
        if (column + strlen(guests[i].name) > 78)
            column = (size_t)printf("\n         ") - 1;
        column += (size_t)printf(" %s", guests[i].name);
    }
    printf("\n");
}

/* A name made for an architecture that is not in guests.def must not run whatever it is given. */
static void check_name(const char *base)
{
    size_t n = strlen(base);
    if (!strncmp(base, "qemu-", 5) && n > 12 && !strcmp(base + n - 7, "-static"))
        die("%.*s is no architecture known here; 'anyarch guests' lists them", (int)n - 12,
            base + 5);
}

static int overview(void)
{
    printf("anyarch %s: runs Linux programs made for another CPU\n\n"
           "usage: anyarch [options] PROGRAM [ARG...]             its header says for which CPU\n"
           "       qemu-GUEST-static [options] PROGRAM [ARG...]   (links to this file)\n"
           "       anyarch APPLET [ARG...]\n\napplets (anyarch APPLET --help says more):\n",
           ANYARCH_VERSION);
    for (unsigned i = 0; i < ARRAY_SIZE(applets); i++)
        printf("  %-10s %s\n", applets[i].name, applets[i].help);
    printf("\n");
    print_guests("guests:", true);
    print_guests("known, not translated yet:", false);
    return 0;
}

static bool is_help(const char *word)
{
    return !strcmp(word, "-h") || !strcmp(word, "-help") || !strcmp(word, "--help");
}

static int call_applet(const struct applet *applet, int argc, char **argv)
{
    if (argc < 2 || !is_help(argv[1]) || !applet->usage)
        return applet->main(argc, argv);
    printf("%s", applet->usage);
    return 0;
}

/* BuildKit runs its emulator under this name, in front of the command. */
static bool is_buildkit_hook(const char *base)
{
    return !strcmp(base, ".buildkit_qemu_emulator");
}

int main(int argc, char **argv)
{
    static char *no_arguments[] = {(char *)"anyarch", NULL};
    if (argc < 1) {
        argc = 1;
        argv = no_arguments;
    }
    log_set_program(argv[0]);
    const char *slash = strrchr(argv[0], '/'), *base = slash ? slash + 1 : argv[0];
    const struct guest *guest = guest_of_name(base);
    if (guest || self_started_by_binfmt() || is_buildkit_hook(base))
        return run_program(guest, argc, argv);
    check_name(base);
    const struct applet *applet = find(personalities, ARRAY_SIZE(personalities), base);
    if (!applet)
        applet = find_applet(base);
    if (applet)
        return call_applet(applet, argc, argv);
    if (argc < 2 || is_help(argv[1]) || !strcmp(argv[1], "help"))
        return overview();
    applet = find_applet(argv[1]);
    return applet ? call_applet(applet, argc - 1, argv + 1) : run_program(NULL, argc, argv);
}
