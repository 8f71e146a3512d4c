/* fd.c - descriptors of the translator itself. */
#include "core/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HIGH = 1000 };

int fd_lowest_own = INT_MAX;

static int note(int fd)
{
    if (fd >= 0 && fd < fd_lowest_own)
        fd_lowest_own = fd;
    return fd;
}

int fd_open(const char *path, int flags) { return openat(AT_FDCWD, path, flags | O_CLOEXEC); }

int fd_move_high(int fd)
{
    struct rlimit limit;
    /* Not the C library's fcntl, which makes two calls of it. */
    int high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH);
    if (high < 0 && !getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < HIGH + 16)
        high = fcntl(fd, F_DUPFD_CLOEXEC, limit.rlim_cur > 16 ? (int)limit.rlim_cur - 16 : 3);
    if (high < 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return note(fd);
    }
    close(fd);
    return note(high);
}
