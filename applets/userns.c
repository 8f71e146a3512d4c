/* userns.c - user name spaces, in which an unprivileged user has a binfmt_misc of his own
 * (Linux 6.7). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applets/binfmt.h"
#include "core/log.h"

static void write_map(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die("%s: %s", file, strerror(errno));
    close(fd);
}

static bool is_initial(void)
{
    unsigned inside = 0, outside = 0, n = 0;
    FILE *f = fopen("/proc/self/uid_map", "re");
    bool known = f && fscanf(f, "%u %u %u", &inside, &outside, &n) == 3;
    if (f)
        fclose(f);
    return known && !inside && !outside && n == ~0u;
}

bool userns_enter(bool create)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();
    if (!create)
        return !is_initial() && !uid;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
        die("cannot make a user name space: %s (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone, or "
            "a container's seccomp profile may forbid it)",
            strerror(errno));
    write_map("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1\n", uid, uid);
    write_map("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1\n", gid, gid);
    write_map("/proc/self/gid_map", map);
    return true;
}
