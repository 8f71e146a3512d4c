/* layouts.c - convert kernel structures between host and guest. */
#include "syscalls/layouts.h"
#include <errno.h>
#include <string.h>
#include "core/memory.h"

/* asm-generic/stat.h, 64-bit. */
struct generic_stat {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t blksize, pad2;
    int64_t blocks;
    struct {
        int64_t sec;
        uint64_t nsec;
    } atime, mtime, ctime;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct generic_stat) == 128, "asm-generic struct stat");

struct generic_epoll_event {
    uint32_t events, pad;
    uint64_t data;
};

struct generic_semid_ds {
    uint8_t perm[48];
    uint64_t otime, ctime, nsems, unused[2];
};
_Static_assert(sizeof(struct generic_semid_ds) == 88, "asm-generic struct semid64_ds");
_Static_assert(sizeof(struct host_semid_ds) == 104, "x86-64 struct semid64_ds");
_Static_assert(sizeof(struct epoll_event) == 12, "x86-64 struct epoll_event is packed");

long layout_write_stat(const struct abi *abi, guest_addr addr, const struct stat *st)
{
    if (!abi->generic_layouts)
        return -ENOSYS;
    struct generic_stat g = {
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mode = st->st_mode,
        .nlink = (uint32_t)st->st_nlink,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .rdev = st->st_rdev,
        .size = st->st_size,
        .blksize = (int32_t)st->st_blksize,
        .blocks = st->st_blocks,
        .atime = {st->st_atim.tv_sec, (uint64_t)st->st_atim.tv_nsec},
        .mtime = {st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec},
        .ctime = {st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec},
    };
    return memory_write(addr, &g, sizeof(g));
}

long layout_read_epoll_event(const struct abi *abi, guest_addr addr, struct epoll_event *event)
{
    struct generic_epoll_event g;
    if (!abi->generic_layouts)
        return -ENOSYS;
    if (memory_read(&g, addr, sizeof(g)))
        return -EFAULT;
    event->events = g.events;
    event->data.u64 = g.data;
    return 0;
}

long layout_widen_epoll_events(const struct abi *abi, guest_addr addr, unsigned n)
{
    if (!abi->generic_layouts)
        return -ENOSYS;
    struct epoll_event packed[32];
    struct generic_epoll_event wide[ARRAY_SIZE(packed)];
    /* From the end: what a part overwrites lies behind it and has been read. */
    for (unsigned end = n, start; end; end = start) {
        start = (end - 1) / ARRAY_SIZE(packed) * ARRAY_SIZE(packed);
        unsigned count = end - start;
        if (memory_read(packed, addr + start * sizeof(packed[0]), count * sizeof(packed[0])))
            return -EFAULT;
        for (unsigned i = 0; i < count; i++)
            wide[i] = (struct generic_epoll_event){packed[i].events, 0, packed[i].data.u64};
        if (memory_write(addr + start * sizeof(wide[0]), wide, count * sizeof(wide[0])))
            return -EFAULT;
    }
    return 0;
}

long layout_write_semid_ds(const struct abi *abi, guest_addr addr, const struct host_semid_ds *ds)
{
    if (!abi->generic_layouts)
        return -ENOSYS;
    struct generic_semid_ds g = {.otime = ds->otime, .ctime = ds->ctime, .nsems = ds->nsems};
    memcpy(g.perm, ds->perm, sizeof(g.perm));
    return memory_write(addr, &g, sizeof(g));
}
