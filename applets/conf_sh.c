/* conf_sh.c - the names qemu-binfmt-conf.sh and register: the registration script of qemu-user and
 * the entry point of the multiarch container image, with their options. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/register.h"
#include "arch/guests.h"
#include "core/host.h"
#include "core/log.h"

static const char usage[] =
    "usage: qemu-binfmt-conf.sh [--qemu-path PATH] [--qemu-suffix SUFFIX] [--debian] [--systemd "
    "CPU|ALL]\n"
    "                           [--exportdir DIR] [--credential yes|no] [--persistent yes|no]\n"
    "                           [--preserve-argv0 yes|no] [--ignore-family yes|no] [--help]\n\n"
    "Register the emulator with the kernel for each CPU that it can translate, except the host's "
    "family.\n\n"
    "  -Q, --qemu-path PATH         folder of the emulators (default /usr/local/bin)\n"
    "  -F, --qemu-suffix SUFFIX     what follows qemu-CPU in their names (default nothing)\n"
    "  -d, --debian                 write files for update-binfmts instead\n"
    "  -s, --systemd CPU|ALL        write files for systemd-binfmt.service instead\n"
    "  -e, --exportdir DIR          where to (default /usr/share/binfmts, or /etc/binfmt.d)\n"
    "  -c, --credential yes|no      flags O and C: obey set-user-id bits of foreign programs (a "
    "risk)\n"
    "  -p, --persistent yes|no      flag F: open the emulator now, so that containers need no copy "
    "of it\n"
    "  -g, --preserve-argv0 yes|no  flag P: keep the program's own argv[0]\n"
    "  -i, --ignore-family yes|no   also CPUs of the host's family, except the host's own\n";

static const struct option long_options[] = {
    {"debian", no_argument, NULL, 'd'},
    {"systemd", required_argument, NULL, 's'},
    {"qemu-path", required_argument, NULL, 'Q'},
    {"qemu-suffix", required_argument, NULL, 'F'},
    {"exportdir", required_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"credential", required_argument, NULL, 'c'},
    {"persistent", required_argument, NULL, 'p'},
    {"preserve-argv0", required_argument, NULL, 'g'},
    {"ignore-family", required_argument, NULL, 'i'},
    {NULL, 0, NULL, 0},
};

struct conf {
    const char *path, *suffix, *systemd, *dir, *host;
    bool debian, credential, persistent, preserve, ignore_family;
    bool by_register, reset; /* --reset is register's first option only */
};

static bool yes(const char *option, const char *value)
{
    if (strcmp(value, "yes") && strcmp(value, "no"))
        die("--%s %s: say yes or no", option, value);
    return !strcmp(value, "yes");
}

static void __attribute__((noreturn)) bad_option(const char *word)
{
    if (!strcmp(word, "--reset"))
        die("--reset: it must be the first option of register");
    die("%s: no such option, or its value is missing; --help lists them", word);
}

static void read_options(struct conf *c, int argc, char **argv)
{
    opterr = 0;
    optind = 1;
    for (int o, index = 0;
         (o = getopt_long(argc, argv, "ds:Q:F:e:hc:p:g:i:", long_options, &index)) != -1;) {
        switch (o) {
        case 'd':
            c->debian = true;
            break;
        case 's':
            c->systemd = optarg;
            break;
        case 'Q':
            c->path = optarg;
            break;
        case 'F':
            c->suffix = optarg;
            break;
        case 'e':
            c->dir = optarg;
            break;
        case 'c':
            c->credential = yes("credential", optarg);
            break;
        case 'p':
            c->persistent = yes("persistent", optarg);
            break;
        case 'g':
            c->preserve = yes("preserve-argv0", optarg);
            break;
        case 'i':
            c->ignore_family = yes("ignore-family", optarg);
            break;
        case 'h':
            printf("%s", usage);
            exit(1);
        default:
            bad_option(argv[optind - 1]);
        }
    }
    if (optind < argc)
        bad_option(argv[optind]);
}

static bool is_wanted(const struct conf *c, const struct guest *g)
{
    if (c->systemd && strcmp(c->systemd, "ALL") && strcmp(c->systemd, g->name))
        return false;
    if (!g->isa || !strcmp(g->name, c->host))
        return false;
    return c->ignore_family || !guest_same_family(g, c->host);
}

static bool set_interpreter(const struct conf *c, const struct guest *g, const char *flags)
{
    char path[PATH_MAX], name[64], reason[BINFMT_REASON];
    struct binfmt_entry old;
    snprintf(path, sizeof path, "%s/qemu-%s%s", c->path, g->name, c->suffix);
    snprintf(name, sizeof name, "qemu-%s", g->name);
    printf("Setting %s as binfmt interpreter for %s%s\n", path, g->name,
           c->systemd ? " for systemd-binfmt.service" : "");
    if (c->debian || c->systemd) {
        const char *standard = c->debian ? "/usr/share/binfmts" : "/etc/binfmt.d";
        return binfmt_export(g, c->debian, path, flags, c->dir ? c->dir : standard);
    }
    if (binfmt_read(BINFMT_FOLDER, name, &old)) {
        fprintf(stderr, "%s: registered already, for %s; %s\n", name, old.interpreter,
                c->by_register ? "--reset as the first option removes the qemu-* entries before"
                               : "remove it with: echo -1 > " BINFMT_FOLDER "/qemu-...");
        return false;
    }
    if (binfmt_register(BINFMT_FOLDER, g, name, path, flags, reason))
        return true;
    fprintf(stderr, "%s: cannot register %s: %s\n", name, path, reason);
    return false;
}

static void reset_entry(const struct binfmt_entry *e, void *context)
{
    char reason[BINFMT_REASON];
    if (strncmp(e->name, "qemu-", 5) || binfmt_remove(BINFMT_FOLDER, e->name, reason))
        return;
    fprintf(stderr, "%s: cannot remove: %s\n", e->name, reason);
    *(bool *)context = false;
}

/* Make the kernel's list accessible, and empty it of qemu-* entries if that was asked for. */
static bool prepare(const struct conf *c)
{
    char reason[BINFMT_REASON];
    struct stat st;
    bool ok = true;
    if (stat(BINFMT_FOLDER, &st)) {
        fprintf(stderr, "No binfmt support in the kernel.\n  Try: '/sbin/modprobe binfmt_misc' "
                        "from the host\n");
        exit(1);
    }
    if (!binfmt_mount(BINFMT_FOLDER, false, reason))
        die("%s", reason);
    if (c->reset)
        binfmt_each(BINFMT_FOLDER, reset_entry, &ok);
    return ok;
}

static int configure(struct conf *c, int argc, char **argv)
{
    char flags[8];
    bool any = false;
    c->host = getenv("HOST_ARCH") ? getenv("HOST_ARCH") : host_backend.name;
    read_options(c, argc, argv);
    snprintf(flags, sizeof flags, "%s%s%s", c->credential ? "OC" : "", c->persistent ? "F" : "",
             c->preserve ? "P" : "");
    bool ok = c->debian || c->systemd || prepare(c);
    for (unsigned i = 0; i < n_guests; i++)
        if (is_wanted(c, &guests[i])) {
            any = true;
            ok &= set_interpreter(c, &guests[i], flags);
        }
    if (!any)
        die("%s: no CPU of this name, other than the host's, can be translated; 'anyarch guests' "
            "lists them",
            c->systemd ? c->systemd : "all");
    return !ok;
}

int applet_conf_sh(int argc, char **argv)
{
    struct conf c = {.path = "/usr/local/bin", .suffix = ""};
    return configure(&c, argc, argv);
}

int applet_register(int argc, char **argv)
{
    struct conf c = {.path = getenv("QEMU_BIN_DIR"), .suffix = "-static", .by_register = true};
    if (!c.path || !*c.path)
        c.path = "/usr/bin";
    c.reset = argc > 1 && !strcmp(argv[1], "--reset");
    return configure(&c, argc - c.reset, argv + c.reset);
}
