/* binfmt.c - the binfmt applet: make the kernel start this binary for programs of other CPUs. */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/probe.h"
#include "applets/register.h"
#include "arch/guests.h"
#include "core/host.h"
#include "core/log.h"

const char binfmt_usage[] =
    "usage: anyarch binfmt install [OPTION...] [ARCH...|all] [-- COMMAND [ARG...]]\n"
    "       anyarch binfmt uninstall [OPTION...] NAME|ARCH|PATTERN...|all\n"
    "       anyarch binfmt status [--json]\n"
    "       anyarch binfmt check [ARCH...|all]\n"
    "       anyarch binfmt export systemd|debian [OPTION...] [ARCH...|all]\n\n"
    "install registers this file with the kernel (binfmt_misc) for each ARCH, by default all that "
    "can\n"
    "be translated and are not the host's own. An entry with the same interpreter is replaced, "
    "without\n"
    "a moment in between. ARCH may also be a name that container tools use (arm64, "
    "linux/arm64).\n\n"
    "check succeeds if the kernel starts a program of each ARCH, which probes of containers can "
    "use.\n\n"
    "  --path DIR     folder of the interpreter, DIR/qemu-ARCH-static (default: this file's "
    "folder)\n"
    "  --flags FLAGS  of P (keep argv[0]), F (open the interpreter now: works in containers), O "
    "(pass\n"
    "                 the program as a descriptor), C (obey set-user-id bits); - for none; default "
    "PF.\n"
    "                 C lets users run foreign set-user-id programs as their owner: only if you "
    "need it\n"
    "  --replace      take the place of an entry that belongs to another interpreter\n"
    "  --hold         stay until SIGTERM or SIGINT, register again what vanishes, then remove the "
    "entries\n"
    "  --user         register for the caller's user namespace only (Linux 6.7): inside one, as "
    "with\n"
    "                 'podman unshare', or in a new one for COMMAND\n"
    "  --mount DIR    where binfmt_misc is or is to be mounted (default /proc/sys/fs/binfmt_misc)\n"
    "  --dry-run      print what would be written\n"
    "  --json         (status) machine-readable\n"
    "  --dir DIR      (export) write files into DIR instead of stdout\n";

struct options {
    const char *mount, *path, *flags, *dir;
    bool dry_run, user, replace, json, hold;
};

enum { HOLD_SECONDS = 10 };

static struct options options = {.mount = BINFMT_FOLDER, .flags = "PF"};

/* -- Which guests ------------------------------------------------------------------------------ */

static bool is_hosts_own(const struct guest *g)
{
    return guest_same_family(g, host_backend.name);
}

/* The guest that a user named; dies if it makes no sense to register it. */
static const struct guest *named_guest(const char *name)
{
    const struct guest *g = binfmt_guest(name);
    if (!g)
        die("%s: no such architecture; 'anyarch guests' lists those that are known", name);
    if (is_hosts_own(g))
        die("%s: this machine runs such programs itself; registering them would break every one",
            name);
    if (!g->isa)
        die("%s: programs for %s cannot be translated yet, so nothing is registered", name,
            g->name);
    return g;
}

/* Call FN for the guests named in LIST; none or "all": each that can be translated. */
static int for_each_guest(char **list, int (*fn)(const struct guest *g))
{
    int status = 0;
    bool all = !*list || !strcmp(*list, "all");
    for (unsigned i = 0; !all && list[i]; i++)
        named_guest(list[i]); /* a mistake changes nothing */
    for (unsigned i = 0; all ? i < n_guests : !!list[i]; i++) {
        const struct guest *g = all ? &guests[i] : named_guest(list[i]);
        if (g->isa && !is_hosts_own(g))
            status |= fn(g);
    }
    return status;
}

/* -- What is registered ------------------------------------------------------------------------ */

/* The file of this binary, links resolved. False: /proc is not there. */
static bool own_path(char path[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n > 0)
        path[n] = 0;
    return n > 0;
}

void binfmt_interpreter(const struct guest *g, const char *folder, const char *flags,
                        char path[PATH_MAX])
{
    char own[PATH_MAX];
    bool known = own_path(own);
    if (!folder && known)
        snprintf(path, PATH_MAX, "%.*s/qemu-%s-static", (int)(strrchr(own, '/') - own), own,
                 g->name);
    else
        snprintf(path, PATH_MAX, "%s/qemu-%s-static", folder ? folder : "/usr/bin", g->name);
    /* Any name will do for our file: the program's header says which guest is meant. */
    if (!folder && known && strchr(flags, 'F') && access(path, X_OK))
        snprintf(path, PATH_MAX, "%s", own);
}

static void check_flags(const char *flags)
{
    if (!strcmp(flags, "-"))
        options.flags = "";
    else if (strspn(flags, "POCF") != strlen(flags))
        die("--flags %s: the flags are P, O, C and F, or - for none", flags);
    else if (strchr(flags, 'C'))
        fprintf(stderr, "warning: flag C: foreign programs with set-user-id bits get their owner's "
                        "rights, also those "
                        "that a user brings along in a container image; leave it out unless sudo "
                        "and the like must "
                        "work\n");
}

static void warn_rival(const struct binfmt_entry *e, void *context)
{
    const struct guest *g = context;
    char name[64];
    snprintf(name, sizeof name, "qemu-%s", g->name);
    if (binfmt_matches(e, g) && strcmp(e->name, name))
        fprintf(stderr, "note: entry %s (%s) also takes programs for %s; the newest entry wins\n",
                e->name, e->interpreter, g->name);
}

static bool is_real_binfmt(void)
{
    struct stat st;
    char path[512];
    snprintf(path, sizeof path, "%.400s/register", options.mount);
    return !stat(path, &st) && st.st_size == 0 && (st.st_mode & 07777) == 0200;
}

static int install_guest(const struct guest *g)
{
    char name[64], path[PATH_MAX], line[BINFMT_LINE], reason[BINFMT_REASON], probe[96];
    struct binfmt_entry old;
    snprintf(name, sizeof name, "qemu-%s", g->name);
    binfmt_interpreter(g, options.path, options.flags, path);
    bool exists = binfmt_read(options.mount, name, &old);
    if (exists && strcmp(old.interpreter, path) && !options.replace) {
        fprintf(stderr, "%s: entry %s belongs to %s already; --replace takes its place\n", g->name,
                name, old.interpreter);
        return 1;
    }
    if (options.dry_run) {
        binfmt_line(g, name, path, options.flags, line);
        if (exists)
            printf("echo -1 > %s/%s\n", options.mount, name);
        printf("printf '%%s' '%s' > %s/register\n", line, options.mount);
        return 0;
    }
    if (!binfmt_register(options.mount, g, name, path, options.flags, reason)) {
        fprintf(stderr, "%s: cannot register %s: %s\n", g->name, path, reason);
        return 1;
    }
    printf("%s: %s %s, flags %s\n", g->name, exists ? "replaced," : "registered,", path,
           *options.flags ? options.flags : "none");
    binfmt_each(options.mount, warn_rival, (void *)g);
    if (is_real_binfmt() && strchr(options.flags, 'F') && probe_kernel(g, probe) == PROBE_FAILS) {
        fprintf(stderr, "%s: registered, but %s%s\n", g->name, probe,
                binfmt_is_on(options.mount)
                    ? ""
                    : ": binfmt_misc is switched off, echo 1 into its file status");
        return 1;
    }
    return 0;
}

static void print_untranslated(void)
{
    const char *comma = "";
    printf("not registered, because they cannot be translated yet: ");
    for (unsigned i = 0; i < n_guests; i++)
        if (!guests[i].isa && !is_hosts_own(&guests[i])) {
            printf("%s%s", comma, guests[i].name);
            comma = ", ";
        }
    printf("\n");
}

static void attach(void)
{
    char reason[BINFMT_REASON];
    if (options.dry_run)
        return;
    if (!binfmt_mount(options.mount, options.user, reason))
        die("%s", reason);
}

/* Register G again if its entry is gone, as when another tool resets the list. */
static int keep_guest(const struct guest *g)
{
    char name[64];
    struct binfmt_entry entry;
    snprintf(name, sizeof name, "qemu-%s", g->name);
    return binfmt_read(options.mount, name, &entry) && entry.enabled ? 0 : install_guest(g);
}

static int remove_guest(const struct guest *g)
{
    char name[64], reason[BINFMT_REASON];
    snprintf(name, sizeof name, "qemu-%s", g->name);
    if (binfmt_remove(options.mount, name, reason)) {
        printf("%s: removed\n", name);
        return 0;
    }
    fprintf(stderr, "%s: cannot remove: %s\n", name, reason);
    return 1;
}

/* Stay until told to end. A container's first process gets no signal that it does not wait for. */
static int hold(char **list)
{
    sigset_t set;
    struct timespec period = {.tv_sec = HOLD_SECONDS};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("held until SIGTERM\n");
    fflush(stdout);
    while (sigtimedwait(&set, NULL, &period) < 0) {
        for_each_guest(list, keep_guest);
        fflush(stdout);
    }
    return for_each_guest(list, remove_guest);
}

static int check_guest(const struct guest *g)
{
    char text[96];
    bool ok = probe_kernel(g, text) == PROBE_RUNS;
    printf("%s: %s\n", g->name, text);
    return !ok;
}

static char *default_command[] = {(char *)"/bin/sh", NULL};

static int install(char **list, char **command)
{
    if (command && !options.user)
        die("a COMMAND after -- needs --user");
    if (options.user && !options.dry_run && !userns_enter(command != NULL))
        die("--user: this is not a user namespace with root rights: run it by 'podman unshare' or "
            "'unshare -Urm', or "
            "name a COMMAND after -- to run in a new one");
    attach();
    int status = for_each_guest(list, install_guest);
    if (!status && (!*list || !strcmp(*list, "all")))
        print_untranslated();
    if (!status && options.hold)
        return hold(list);
    if (status || !command)
        return status;
    if (!*command)
        command = default_command;
    fflush(stdout);
    execvp(command[0], command);
    die("%s: %s", command[0], strerror(errno));
}

/* -- Removal ----------------------------------------------------------------------------------- */

struct removal {
    const char *pattern;
    unsigned n;
    int status;
};

static void remove_matching(const struct binfmt_entry *e, void *context)
{
    struct removal *r = context;
    char reason[BINFMT_REASON];
    if (fnmatch(r->pattern, e->name, 0) || !strcmp(e->name, "WSLInterop"))
        return;
    r->n++;
    if (options.dry_run) {
        printf("echo -1 > %s/%s\n", options.mount, e->name);
    } else if (binfmt_remove(options.mount, e->name, reason)) {
        printf("%s: removed\n", e->name);
    } else {
        fprintf(stderr, "%s: cannot remove: %s\n", e->name, reason);
        r->status = 1;
    }
}

static int uninstall(char **list)
{
    int status = 0;
    if (!*list)
        die("uninstall: name entries (qemu-aarch64), architectures (arm64), patterns ('qemu-*') or "
            "all");
    char reason[BINFMT_REASON];
    if (!binfmt_mount_private(options.mount, reason))
        die("%s", reason);
    for (; *list; list++) {
        const struct guest *g = binfmt_guest(*list);
        char name[64];
        snprintf(name, sizeof name, "qemu-%s", g ? g->name : "*");
        struct removal r = {.pattern = g || !strcmp(*list, "all") ? name : *list};
        binfmt_each(options.mount, remove_matching, &r);
        if (!r.n && strcmp(*list, "all")) {
            fprintf(stderr, "%s: no such entry; 'anyarch binfmt status' lists them\n", *list);
            r.status = 1;
        }
        status |= r.status;
    }
    return status;
}

/* -- Status ------------------------------------------------------------------------------------ */

static const char *comma;

static const struct guest *guest_of_entry(const struct binfmt_entry *e)
{
    for (unsigned i = 0; i < n_guests; i++)
        if (binfmt_matches(e, &guests[i]))
            return &guests[i];
    return NULL;
}

void json_string(const char *text)
{
    if (!text) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", *text);
        else
            putchar(*text);
    putchar('"');
}

static void print_entry(const struct binfmt_entry *e, void *context)
{
    const struct guest *g = guest_of_entry(e);
    (void)context;
    if (!options.json) {
        printf("%-20s %-9s %-5s %-12s %s\n", e->name, e->enabled ? "enabled" : "disabled",
               *e->flags ? e->flags : "-", g ? g->name : "other", e->interpreter);
        return;
    }
    printf("%s\n    {\"name\": ", comma);
    json_string(e->name);
    printf(", \"enabled\": %s, \"flags\": \"%s\", \"guest\": ", e->enabled ? "true" : "false",
           e->flags);
    json_string(g ? g->name : NULL);
    printf(", \"interpreter\": ");
    json_string(e->interpreter);
    printf("}");
    comma = ",";
}

static int status(char **list)
{
    if (*list)
        die("status takes no '%s'", *list);
    char reason[BINFMT_REASON];
    bool mounted = binfmt_mount_private(options.mount, reason);
    if (options.json) {
        printf("{\n  \"mounted\": %s,\n  \"enabled\": %s,\n  \"entries\": [",
               mounted ? "true" : "false",
               mounted && binfmt_is_on(options.mount) ? "true" : "false");
        comma = "";
        binfmt_each(options.mount, print_entry, NULL);
        printf("\n  ]\n}\n");
        return 0;
    }
    if (!mounted) {
        printf("%s\n", reason);
        return 0;
    }
    if (!binfmt_is_on(options.mount))
        printf("binfmt_misc is switched off: 'echo 1 > %s/status' turns it on\n", options.mount);
    printf("%-20s %-9s %-5s %-12s %s\n", "entry", "state", "flags", "guest", "interpreter");
    if (binfmt_each(options.mount, print_entry, NULL) == 0)
        printf("no entries\n");
    return 0;
}

/* -- Export ------------------------------------------------------------------------------------ */

bool binfmt_export(const struct guest *g, bool debian, const char *path, const char *flags,
                   const char *dir)
{
    char line[BINFMT_LINE], name[64], file[PATH_MAX], magic_text[161], mask_text[161];
    uint8_t magic[40], mask[40];
    unsigned n = guest_binfmt_magic(g, magic, mask);
    snprintf(name, sizeof name, "qemu-%s", g->name);
    snprintf(file, sizeof file, "%s/%s%s", dir ? dir : "", name, debian ? "" : ".conf");
    FILE *out = dir ? fopen(file, "we") : stdout;
    if (!out) {
        fprintf(stderr, "%s: %s\n", file, strerror(errno));
        return false;
    }
    if (debian) {
        binfmt_escape(magic, n, magic_text);
        binfmt_escape(mask, n, mask_text);
        fprintf(out,
                "package anyarch\ninterpreter %s\nmagic %s\noffset 0\nmask %s\ncredentials "
                "%s\nfix_binary %s\n"
                "preserve %s\n",
                path, magic_text, mask_text, strchr(flags, 'C') ? "yes" : "no",
                strchr(flags, 'F') ? "yes" : "no", strchr(flags, 'P') ? "yes" : "no");
    } else {
        binfmt_line(g, name, path, flags, line);
        fprintf(out, "%s\n", line);
    }
    return dir ? !fclose(out) : true;
}

static bool export_debian;

static int export_guest(const struct guest *g)
{
    char path[PATH_MAX];
    binfmt_interpreter(g, options.path ? options.path : "/usr/bin", options.flags, path);
    return !binfmt_export(g, export_debian, path, options.flags, options.dir);
}

static int export(char **list)
{
    export_debian = *list && !strcmp(*list, "debian");
    if (!*list || (!export_debian && strcmp(*list, "systemd")))
        die("export: say systemd (binfmt.d) or debian (update-binfmts)");
    return for_each_guest(list + 1, export_guest);
}

/* -- Command line ------------------------------------------------------------------------------ */

static const struct option_long {
    const char *name;
    const char **value;
    bool *flag;
} long_options[] = {
    {"mount", &options.mount, NULL},     {"path", &options.path, NULL},
    {"flags", &options.flags, NULL},     {"dir", &options.dir, NULL},
    {"dry-run", NULL, &options.dry_run}, {"user", NULL, &options.user},
    {"replace", NULL, &options.replace}, {"hold", NULL, &options.hold},
    {"json", NULL, &options.json},
};

/* Take the options out of ARGV, which ends in null; a "--" cuts it off and returns what follows. */
static char **parse_options(char **argv)
{
    char **to = argv, **command = NULL;
    for (char **from = argv; *from && !command; from++) {
        unsigned i = 0;
        size_t n = 0;
        if (!strcmp(*from, "--")) {
            command = from + 1;
            break;
        }
        if (**from != '-' || !(*from)[1]) {
            *to++ = *from;
            continue;
        }
        const char *word = *from + 1 + ((*from)[1] == '-');
        for (n = strcspn(word, "="); i < ARRAY_SIZE(long_options); i++)
            if (strlen(long_options[i].name) == n && !strncmp(word, long_options[i].name, n))
                break;
        if (i == ARRAY_SIZE(long_options))
            die("unknown option '%s'; anyarch binfmt --help lists the options", *from);
        if (long_options[i].flag)
            *long_options[i].flag = true;
        else if (word[n])
            *long_options[i].value = word + n + 1;
        else if (!(*long_options[i].value = *++from))
            die("option --%s needs a value", long_options[i].name);
    }
    *to = NULL;
    return command;
}

static const char *const docker_options[] = {"--install", "--uninstall", "--version"};

int applet_binfmt(int argc, char **argv)
{
    /* "binfmt --install all" is the container image's way to say it. */
    for (int i = 1; i < argc; i++)
        for (unsigned k = 0; k < ARRAY_SIZE(docker_options); k++)
            if (!strncmp(argv[i], docker_options[k], strlen(docker_options[k])))
                return applet_docker_binfmt(argc, argv);
    char **words = argv + 1, **command = parse_options(words);
    check_flags(options.flags);
    const char *verb = *words ? *words : "status";
    words += *words != NULL;
    if (command && strcmp(verb, "install"))
        die("%s takes no COMMAND", verb);
    if (!strcmp(verb, "install"))
        return install(words, command);
    if (!strcmp(verb, "uninstall"))
        return uninstall(words);
    if (!strcmp(verb, "check"))
        return for_each_guest(words, check_guest);
    if (!strcmp(verb, "status"))
        return status(words);
    if (!strcmp(verb, "export"))
        return export(words);
    die("binfmt has install, uninstall, status, check and export, but no '%s'", verb);
}
