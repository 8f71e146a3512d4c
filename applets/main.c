/* main.c - which applet: by the name the binary was started under, then by its first argument. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applets/applet.h"
#include "arch/guests.h"
#include "core/log.h"

static const struct applet applets[] = {
    {"run", "run a program: anyarch run [options] PROGRAM [ARG...]; -help lists the options",
     applet_run},
    {"guests", "list the known guest architectures and their binfmt_misc magic", applet_guests},
    {"syscalls", "list the Linux system calls and whether they are supported", applet_syscalls},
    {"check", "run instruction tests: anyarch check [-engine E] [-bless] FILE...", applet_check},
};

static const struct applet *find_applet(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(applets); i++)
        if (!strcmp(applets[i].name, name))
            return &applets[i];
    return NULL;
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

static int overview(void)
{
    printf("anyarch %s: runs Linux programs made for another CPU\n\n"
           "usage: anyarch [options] PROGRAM [ARG...]\n"
           "       qemu-GUEST-static [options] PROGRAM [ARG...]   (links to this file)\n"
           "       anyarch APPLET [ARG...]\n\napplets:\n",
           ANYARCH_VERSION);
    for (unsigned i = 0; i < ARRAY_SIZE(applets); i++)
        printf("  %-10s %s\n", applets[i].name, applets[i].help);
    printf("\nguests:   ");
    for (unsigned i = 0; i < n_guests; i++)
        if (guests[i].isa)
            printf(" %s", guests[i].name);
    printf("\n");
    return 0;
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
    if (guest)
        return run_program(guest, argc, argv);
    const struct applet *applet = find_applet(base);
    if (applet)
        return applet->main(argc, argv);
    if (argc < 2)
        return overview();
    applet = find_applet(argv[1]);
    if (applet)
        return applet->main(argc - 1, argv + 1);
    if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "-help") || !strcmp(argv[1], "--help") ||
        !strcmp(argv[1], "help"))
        return overview();
    return run_program(NULL, argc, argv);
}
