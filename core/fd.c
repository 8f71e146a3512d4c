/* fd.c - descriptors of the translator itself. */
#include "core/fd.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HIGH = 1000 };

int fd_move_high(int fd)
{
    struct rlimit limit;
    int floor = HIGH;
    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < HIGH + 16)
        floor = limit.rlim_cur > 16 ? (int)limit.rlim_cur - 16 : 3;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (high < 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }
    close(fd);
    return high;
}
