/* fs.c - names and attributes of files where the guest's view differs from the host's. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "core/memory.h"
#include "syscalls/layouts.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

/* -- stat -- */

/* The path argument to give to the host: PATH_ADDR itself, or another where PATH_ADDR leads through
 * /proc to the translator's own file. BUF holds PATH_MAX bytes. */
static uint64_t path_to_follow(int dirfd, uint64_t path_addr, int at_flags, char *buf)
{
    if (!path_addr || (at_flags & AT_SYMLINK_NOFOLLOW))
        return path_addr;
    if (memory_read_string(buf, path_addr, PATH_MAX) <= 0)
        return path_addr; /* the host will report it */
    const char *path = proc_translate(dirfd, buf);
    return path == buf ? path_addr : (uintptr_t)path;
}

static long stat_path(struct thread *t, int dirfd, uint64_t path_addr, uint64_t stat_addr,
                      int at_flags)
{
    char buf[PATH_MAX];
    struct stat st;
    uint64_t path = path_to_follow(dirfd, path_addr, at_flags, buf);
    long result = host_syscall(HOST_NR_newfstatat, (uint64_t)dirfd, path, (uintptr_t)&st,
                               (uint64_t)at_flags, 0, 0);
    return result ? result : layout_write_stat(t->guest->abi, stat_addr, &st);
}

long sys_newfstatat(struct thread *t, const uint64_t arg[6])
{
    return stat_path(t, (int)arg[0], arg[1], arg[2], (int)arg[3]);
}

long sys_stat(struct thread *t, const uint64_t arg[6])
{
    return stat_path(t, AT_FDCWD, arg[0], arg[1], 0);
}

long sys_lstat(struct thread *t, const uint64_t arg[6])
{
    return stat_path(t, AT_FDCWD, arg[0], arg[1], AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(struct thread *t, const uint64_t arg[6])
{
    struct stat st;
    long result = host_syscall(HOST_NR_fstat, arg[0], (uintptr_t)&st, 0, 0, 0, 0);
    return result ? result : layout_write_stat(t->guest->abi, arg[1], &st);
}

/* statx has one layout everywhere. */
long sys_statx(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    char buf[PATH_MAX];
    uint64_t path = path_to_follow((int)arg[0], arg[1], (int)arg[2], buf);
    return host_syscall(HOST_NR_statx, arg[0], path, arg[2], arg[3], arg[4], 0);
}

/* -- readlink -- */

static long read_link(struct thread *t, int dirfd, uint64_t path_addr, uint64_t buf_addr,
                      uint64_t size)
{
    char path[PATH_MAX], target[PATH_MAX];
    if ((int)size > 0 && memory_read_string(path, path_addr, sizeof(path)) > 0) {
        size_t room = (size_t)(int)size < sizeof(target) ? (size_t)(int)size : sizeof(target);
        long n = proc_readlink(t, dirfd, path, target, room);
        if (n != PROC_NOT_MINE)
            return n >= 0 && memory_write(buf_addr, target, (size_t)n) ? -EFAULT : n;
    }
    return host_syscall(HOST_NR_readlinkat, (uint64_t)dirfd, path_addr, buf_addr, size, 0, 0);
}

long sys_readlinkat(struct thread *t, const uint64_t arg[6])
{
    return read_link(t, (int)arg[0], arg[1], arg[2], arg[3]);
}

long sys_readlink(struct thread *t, const uint64_t arg[6])
{
    return read_link(t, AT_FDCWD, arg[0], arg[1], arg[2]);
}

/* -- Folders -- */

/* linux_dirent64, the same everywhere. */
struct dirent_head {
    uint64_t inode, offset;
    uint16_t size;
    uint8_t type;
} __attribute__((packed));

/* True if FD is a folder of /proc that lists descriptors of this process. */
static bool lists_descriptors(int fd)
{
    enum { PROC_MAGIC = 0x9fa0 };
    struct statfs fs;
    char name[32], target[64], self[32];
    if (host_syscall(HOST_NR_fstatfs, (uint64_t)fd, (uintptr_t)&fs, 0, 0, 0, 0) ||
        fs.f_type != PROC_MAGIC)
        return false;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, target, sizeof(target) - 1);
    if (n < 0)
        return false;
    target[n] = 0;
    snprintf(self, sizeof(self), "/proc/%d/", (int)getpid());
    const char *last = strrchr(target, '/');
    return !strncmp(target, self, strlen(self)) &&
           (!strcmp(last, "/fd") || !strcmp(last, "/fdinfo"));
}

/* Take the translator's own descriptors out of the N bytes of entries at ADDR. Returns the bytes
 * left, or -EFAULT. */
static long drop_own_descriptors(guest_addr addr, size_t n)
{
    uint8_t *entries = malloc(n);
    if (!entries)
        return -ENOMEM;
    if (memory_read(entries, addr, n)) {
        free(entries);
        return -EFAULT;
    }
    size_t left = 0;
    for (size_t at = 0; at + sizeof(struct dirent_head) < n;) {
        struct dirent_head head;
        memcpy(&head, entries + at, sizeof(head));
        if (head.size <= sizeof(head) || head.size > n - at)
            break;
        const char *name = (const char *)entries + at + sizeof(head);
        if (name[0] < '0' || name[0] > '9' || !fd_is_own(atoi(name))) {
            memmove(entries + left, entries + at, head.size);
            left += head.size;
        }
        at += head.size;
    }
    long result = left == n || !memory_write(addr, entries, left) ? (long)left : -EFAULT;
    free(entries);
    return result;
}

long sys_getdents64(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    for (;;) {
        long n = host_syscall(HOST_NR_getdents64, arg[0], arg[1], arg[2], 0, 0, 0);
        if (n <= 0 || !lists_descriptors((int)arg[0]))
            return n;
        n = drop_own_descriptors(arg[1], (size_t)n);
        if (n) /* nothing left is not yet the end */
            return n;
    }
}

/* -- Notification -- */

/* The second argument becomes the open flags of descriptors in events. */
long sys_fanotify_init(struct thread *t, const uint64_t arg[6])
{
    uint32_t flags = open_flags_to_host(t->guest->abi, (uint32_t)arg[1]);
    return host_syscall(HOST_NR_fanotify_init, arg[0], flags, 0, 0, 0, 0);
}
