/* docker_binfmt.c - the command line of the "binfmt" container image, as docker/setup-qemu-action
 * and documented "docker run --privileged" lines use it: messages to stderr, one JSON object to
 * stdout, exit status 0 whatever single installations came to. */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/host_cpu.h"
#include "applets/probe.h"
#include "applets/register.h"
#include "arch/guests.h"
#include "core/host.h"
#include "core/log.h"

static const char *folder = BINFMT_FOLDER;

static const char *variable(const char *name, const char *standard)
{
    const char *value = getenv(name);
    return value && *value ? value : standard;
}

static void interpreter_of(const struct guest *g, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%sqemu-%s", variable("QEMU_BINARY_PATH", "/usr/bin"),
             variable("QEMU_BINARY_PREFIX", ""), g->name);
}

static bool is_true(const char *text)
{
    return !strcmp(text, "1") || !strcmp(text, "true");
}

/* No C unless asked for: it makes every foreign set-user-id file, also a user's own in a container,
 * run as its owner. */
static const char *flags(void)
{
    bool credentials = is_true(variable("QEMU_CREDENTIALS", "0"));
    if (is_true(variable("QEMU_PRESERVE_ARGV0", "1")))
        return credentials ? "CFP" : "FP";
    return credentials ? "CF" : "F";
}

static void install_guest(const struct guest *g, const char *asked)
{
    char name[64], path[PATH_MAX], reason[BINFMT_REASON];
    struct binfmt_entry old;
    snprintf(name, sizeof name, "qemu-%s", g->name);
    interpreter_of(g, path);
    if (binfmt_read(folder, name, &old))
        fprintf(stderr, "installing: %s %s already registered\n", asked, name);
    else if (binfmt_register(folder, g, name, path, flags(), reason))
        fprintf(stderr, "installing: %s OK\n", asked);
    else
        fprintf(stderr, "installing: %s cannot register \"%s\" to %s/register: %s\n", asked, path,
                folder, reason);
}

static void install(const char *asked)
{
    char path[PATH_MAX];
    if (strcmp(asked, "all")) {
        const struct guest *g = binfmt_guest(asked);
        if (g && guest_same_family(g, host_backend.name))
            return; /* runs without us */
        if (!g || !g->isa)
            fprintf(stderr, "installing: %s unsupported architecture: %s%s\n", asked, asked,
                    g ? " (known, but cannot be translated yet)" : "");
        else
            install_guest(g, asked);
        return;
    }
    for (unsigned i = 0; i < n_guests; i++) {
        interpreter_of(&guests[i], path);
        if (guests[i].isa && !guest_same_family(&guests[i], host_backend.name) &&
            !access(path, X_OK))
            install_guest(&guests[i], binfmt_platform(&guests[i]));
    }
}

struct removal {
    const char *pattern;
    bool found;
};

static void remove_matching(const struct binfmt_entry *e, void *context)
{
    struct removal *r = context;
    char reason[BINFMT_REASON];
    if (fnmatch(r->pattern, e->name, 0) || !strcmp(e->name, "WSLInterop"))
        return;
    r->found = true;
    bool ok = binfmt_remove(folder, e->name, reason);
    fprintf(stderr, "uninstalling: %s %s\n", e->name, ok ? "OK" : reason);
}

static void uninstall(const char *asked)
{
    char name[64];
    const struct guest *g = binfmt_guest(asked);
    snprintf(name, sizeof name, "qemu-%s", g ? g->name : "");
    struct removal r = {.pattern = g ? name : asked};
    binfmt_each(folder, remove_matching, &r);
    if (!r.found)
        fprintf(stderr, "uninstalling: %s not found\n", asked);
}

static void for_each_item(char *list, void (*fn)(const char *item))
{
    for (char *item; (item = strsep(&list, ","));)
        if (*item)
            fn(item);
}

/* -- The JSON object --------------------------------------------------------------------------- */

static const char *separator;

static void print_item(const char *format, const char *text)
{
    printf("%s\n    \"", separator);
    printf(format, text);
    printf("\"");
    separator = ",";
}

static void print_variants(const struct guest *g)
{
    if (!strcmp(g->name, "arm")) {
        print_item("linux/%s", "arm/v7");
        print_item("linux/%s", "arm/v6");
        return;
    }
    print_item("linux/%s", binfmt_platform(g));
#ifdef __x86_64__
    if (strcmp(g->name, "x86_64") || !host_cpu_has("sse4.2") || !host_cpu_has("popcnt"))
        return;
    print_item("linux/%s", "amd64/v2");
    if (host_cpu_has("avx2") && host_cpu_has("fma") && host_cpu_has("bmi2"))
        print_item("linux/%s", "amd64/v3");
#endif
}

static void print_emulator(const struct binfmt_entry *e, void *context)
{
    bool *any = context;
    if (!e->enabled)
        return;
    if (!*any)
        printf("[");
    *any = true;
    print_item("%s", e->name);
}

static void print_state(void)
{
    char text[96];
    bool any = false;
    printf("{\n  \"supported\": [");
    separator = "";
    print_variants(guest_by_name(host_backend.name));
    for (unsigned i = 0; i < n_guests; i++)
        if (strcmp(guests[i].name, host_backend.name) &&
            probe_kernel(&guests[i], text) == PROBE_RUNS)
            print_variants(&guests[i]);
    printf("\n  ],\n  \"emulators\": ");
    separator = "";
    binfmt_each(folder, print_emulator, &any);
    printf("%s\n}\n", any ? "\n  ]" : "null");
}

/* The value of option NAME if *ARG is that option, as --name VALUE, -name=VALUE ...; moves *ARG on.
 * Null: another. */
static char *value_of(const char *name, char ***arg)
{
    size_t n = strlen(name);
    const char *word = **arg + 1 + ((**arg)[1] == '-');
    if (strncmp(word, name, n) || (word[n] && word[n] != '='))
        return NULL;
    if (word[n])
        return (char *)word + n + 1;
    if (!(*arg)[1])
        die("flag needs an argument: -%s", name);
    return *++*arg;
}

int applet_docker_binfmt(int argc, char **argv)
{
    static const char *const verbs[] = {"install", "uninstall", "status", "check", "export"};
    char *list = NULL, *unlist = NULL, *value, reason[BINFMT_REASON];
    bool version = false;
    for (unsigned i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++)
        if (!strcmp(argv[1], verbs[i]))
            return applet_binfmt(argc, argv);
    for (char **arg = argv + 1; *arg; arg++) {
        const char *word = **arg == '-' ? *arg + 1 + ((*arg)[1] == '-') : "";
        if (!*word)
            die("unexpected argument '%s'; the options are --install, --uninstall, --mount and "
                "--version",
                *arg);
        if (!strcmp(word, "version"))
            version = true;
        else if ((value = value_of("install", &arg)))
            list = value;
        else if ((value = value_of("uninstall", &arg)))
            unlist = value;
        else if ((value = value_of("mount", &arg)))
            folder = value;
        else
            die("flag provided but not defined: -%s (the options are --install, --uninstall, "
                "--mount, --version)",
                word);
    }
    if (version)
        fprintf(stderr, "binfmt/%s qemu/v7.2.0 anyarch/%s\n", ANYARCH_VERSION, ANYARCH_VERSION);
    if (!binfmt_is_mounted(folder) && !binfmt_mount(folder, false, reason)) {
        if (version && !list && !unlist)
            return 0;
        log_program = "error";
        die("%s", reason);
    }
    if (unlist)
        for_each_item(unlist, uninstall);
    if (list)
        for_each_item(list, install);
    print_state();
    return 0;
}
