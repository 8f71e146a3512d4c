/* install_to.c - the install-to applet: put this file where BuildKit looks for it, from a container
 * without a shell. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/binfmt.h"
#include "applets/self.h"
#include "arch/guests.h"
#include "core/host.h"
#include "core/log.h"

const char install_to_usage[] = "usage: anyarch install-to DIR\n\n"
                                "Copies this file to DIR/anyarch and makes links "
                                "buildkit-qemu-ARCH and qemu-ARCH-static to it. With DIR in\n"
                                "the PATH of buildkitd, builds for other CPUs work with nothing "
                                "registered; with DIR mounted into a\n"
                                "container, its programs can be started through it.\n";

static void copy_self(const char *path)
{
    static LARGE_TABLE char buf[1 << 16];
    char temporary[PATH_MAX];
    ssize_t n;
    int from = self_open(-1, "anyarch");
    if (from < 0)
        die("this binary's own file cannot be reached (is /proc mounted?)");
    snprintf(temporary, sizeof temporary, "%.*s.new", PATH_MAX - 8, path);
    int to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (to < 0)
        die("%s: %s", temporary, strerror(errno));
    for (off_t at = 0; (n = pread(from, buf, sizeof buf, at)) > 0; at += n)
        if (write(to, buf, (size_t)n) != n)
            die("%s: %s", temporary, strerror(errno));
    /* The old file may be running: it is replaced, not written. */
    if (n < 0 || fchmod(to, 0755) || close(to) || rename(temporary, path))
        die("%s: %s", path, strerror(errno));
    close(from);
}

static void make_link(const char *folder, const char *format, const char *guest)
{
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, format, guest);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    if (symlink("anyarch", path))
        die("%s: %s", path, strerror(errno));
}

int applet_install_to(int argc, char **argv)
{
    char path[PATH_MAX];
    if (argc != 2)
        die("install-to takes one folder; --help says more");
    snprintf(path, sizeof path, "%s/anyarch", argv[1]);
    copy_self(path);
    for (unsigned i = 0; i < n_guests; i++) {
        if (!guests[i].isa || guest_same_family(&guests[i], host_backend.name))
            continue;
        make_link(argv[1], "buildkit-qemu-%s", guests[i].name);
        make_link(argv[1], "qemu-%s-static", guests[i].name);
    }
    return 0;
}
