/* file.c - opening files and calls on descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include "core/cache.h"
#include "core/log.h"
#include "core/memory.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"

/* Commands of fcntl with the kernel's numbers: the C library's names depend on its version. */
enum { HOST_F_GETFL = 3, HOST_F_SETFL = 4, HOST_F_SETLKW = 7, HOST_F_OFD_SETLKW = 38 };

/* struct open_how of openat2. */
struct open_how_v0 {
    uint64_t flags, mode, resolve;
};

/* -- Flags -- */

uint32_t open_flags_to_host(const struct abi *abi, uint32_t flags)
{
    uint32_t moved = 0, out = 0;
    for (const struct flag_row *row = abi->open_flags; row && row->guest; row++) {
        moved |= row->guest;
        if (flags & row->guest)
            out |= row->host;
    }
    return (flags & ~moved) | out;
}

uint32_t open_flags_to_guest(const struct abi *abi, uint32_t flags)
{
    uint32_t moved = 0, out = 0;
    for (const struct flag_row *row = abi->open_flags; row && row->guest; row++) {
        moved |= row->host;
        if (flags & row->host)
            out |= row->guest;
    }
    return (flags & ~moved) | out;
}

/* -- Opening -- */

static long open_path(struct thread *t, int dirfd, uint64_t path_addr, uint32_t guest_flags,
                      uint64_t mode)
{
    char path[PATH_MAX];
    ssize_t n = memory_read_string(path, path_addr, sizeof(path));
    if (n < 0)
        return n;
    uint32_t flags = open_flags_to_host(t->guest->abi, guest_flags);
    long fd = proc_open(t, dirfd, path, (int)flags, (int)mode);
    if (fd != PROC_NOT_MINE)
        return fd;
    return safe_syscall(t, HOST_NR_openat, (uint64_t)dirfd, (uintptr_t)path, flags, mode, 0, 0);
}

long sys_openat(struct thread *t, const uint64_t arg[6])
{
    return open_path(t, (int)arg[0], arg[1], (uint32_t)arg[2], arg[3]);
}

long sys_open(struct thread *t, const uint64_t arg[6])
{
    return open_path(t, AT_FDCWD, arg[0], (uint32_t)arg[1], arg[2]);
}

long sys_creat(struct thread *t, const uint64_t arg[6])
{
    return safe_syscall(t, HOST_NR_creat, arg[0], arg[1], 0, 0, 0, 0);
}

/* Bytes of a structure that a newer kernel knows must be zero for an older one. */
static long check_zero(guest_addr addr, uint64_t size)
{
    uint8_t part[256];
    while (size) {
        size_t n = size < sizeof(part) ? (size_t)size : sizeof(part);
        if (memory_read(part, addr, n))
            return -EFAULT;
        for (size_t i = 0; i < n; i++) {
            if (part[i])
                return -E2BIG;
        }
        addr += n;
        size -= n;
    }
    return 0;
}

long sys_openat2(struct thread *t, const uint64_t arg[6])
{
    struct open_how_v0 how;
    char path[PATH_MAX];
    if (arg[3] < sizeof(how))
        return -EINVAL;
    if (arg[3] > 4096)
        return -E2BIG;
    if (memory_read(&how, arg[2], sizeof(how)))
        return -EFAULT;
    long error = check_zero(arg[2] + sizeof(how), arg[3] - sizeof(how));
    if (error)
        return error;
    how.flags = (how.flags & ~(uint64_t)UINT32_MAX) |
                open_flags_to_host(t->guest->abi, (uint32_t)how.flags);
    ssize_t n = memory_read_string(path, arg[1], sizeof(path));
    if (n < 0)
        return n;
    if (!how.resolve && how.flags <= UINT32_MAX) {
        long fd = proc_open(t, (int)arg[0], path, (int)how.flags, (int)how.mode);
        if (fd != PROC_NOT_MINE)
            return fd;
    }
    return safe_syscall(t, HOST_NR_openat2, arg[0], (uintptr_t)path, (uintptr_t)&how, sizeof(how),
                        0, 0);
}

long sys_open_by_handle_at(struct thread *t, const uint64_t arg[6])
{
    uint32_t flags = open_flags_to_host(t->guest->abi, (uint32_t)arg[2]);
    return safe_syscall(t, HOST_NR_open_by_handle_at, arg[0], arg[1], flags, 0, 0, 0);
}

long sys_pipe2(struct thread *t, const uint64_t arg[6])
{
    uint32_t flags = open_flags_to_host(t->guest->abi, (uint32_t)arg[1]);
    return host_syscall(HOST_NR_pipe2, arg[0], flags, 0, 0, 0, 0);
}

/* -- Descriptors -- */

/* The ranges between descriptors of ours are closed one by one. */
long sys_close_range(struct thread *t, const uint64_t arg[6])
{
    (void)t;
    uint64_t first = (uint32_t)arg[0], last = (uint32_t)arg[1];
    int own[3 + CACHE_N_FDS] = {process.self_fd, process.exe_fd, log_fd()};
    for (unsigned i = 0; i < CACHE_N_FDS; i++)
        own[3 + i] = cache_fd((enum cache_fd)i);
    if (first > last)
        return -EINVAL;
    while (first <= last) {
        /* The lowest descriptor of ours in what is left. */
        uint64_t stop = last + 1;
        for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
            if (fd_is_own(own[i]) && (uint64_t)own[i] >= first && (uint64_t)own[i] < stop)
                stop = (uint64_t)own[i];
        }
        if (stop > first) {
            long result = host_syscall(HOST_NR_close_range, first, stop - 1, arg[2], 0, 0, 0);
            if (result)
                return result;
        }
        first = stop + 1;
    }
    return 0;
}

long sys_fcntl(struct thread *t, const uint64_t arg[6])
{
    const struct abi *abi = t->guest->abi;
    switch ((int)arg[1]) {
    case HOST_F_GETFL: {
        long flags = host_syscall(HOST_NR_fcntl, arg[0], HOST_F_GETFL, 0, 0, 0, 0);
        return flags < 0 ? flags : (long)open_flags_to_guest(abi, (uint32_t)flags);
    }
    case HOST_F_SETFL:
        return host_syscall(HOST_NR_fcntl, arg[0], HOST_F_SETFL,
                            open_flags_to_host(abi, (uint32_t)arg[2]), 0, 0, 0);
    case HOST_F_SETLKW:
    case HOST_F_OFD_SETLKW:
        return safe_syscall(t, HOST_NR_fcntl, arg[0], arg[1], arg[2], 0, 0, 0);
    default:
        return host_syscall(HOST_NR_fcntl, arg[0], arg[1], arg[2], 0, 0, 0);
    }
}
