/* mman.c - the guest's mappings: host mappings at the same addresses, without PROT_EXEC, and the
 * map of core/memory.h.
 *
 * Only what the map says is the guest's is ever unmapped, protected or replaced. Where a fixed
 * mapping covers addresses that are not, they are claimed first with MAP_FIXED_NOREPLACE, so that
 * it can never land on the translator. */
#include "syscalls/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/tb.h"
#include "syscalls/limits.h"
#include "syscalls/syscall.h"

enum { PAGE = 4096, HOST_MAP_FIXED_NOREPLACE = 0x100000, MAP_TYPE_BITS = 15, VALIDATE_TYPE = 3, DROPPABLE_TYPE = 8 };
#define PAGE_UP(n)   ALIGN_UP(n, PAGE)
#define PAGE_DOWN(n) ALIGN_DOWN(n, PAGE)
#define ADDRESS_END  ((guest_addr)1 << 47)

/* Bits of mmap's flags that mean the same to every guest of the asm-generic kind; x86's MAP_32BIT
 * is not among them. */
#define MAP_KNOWN                                                                                  \
    (MAP_TYPE_BITS | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |  \
     MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |          \
     0x80000 /* MAP_SYNC */ | HOST_MAP_FIXED_NOREPLACE | 0xfc000000u /* huge page size */)

/* The translator reads code that the guest may only execute. */
static int host_prot(int prot)
{
    int host = prot & (PROT_READ | PROT_WRITE);
    return prot & PROT_EXEC ? host | PROT_READ : host;
}

/* Bits that only the guest's pages have, and that the host need not know. */
static int extra_prot(void)
{
    const struct abi *abi = process.guest->abi;
    return abi->extra_prot ? abi->extra_prot() : 0;
}

static void note_extra_prot(int prot)
{
    if (prot & extra_prot())
        process.guest->abi->extra_prot_used();
}

/* -- Claiming addresses -- */

/* Call FN for each part of [start, end) that is the guest's (mapped true) or is not. Stops at the
 * first nonzero result. */
static int for_each_part(guest_addr start, guest_addr end,
                         int (*fn)(guest_addr, guest_addr, bool mapped, void *), void *p)
{
    int r = 0;
    while (start < end && !r) {
        struct region region;
        guest_addr stop = end;
        bool mapped = false;
        if (memory_map_find(start, &region) && region.start < end) {
            mapped = region.start <= start;
            stop = mapped ? region.end : region.start;
            if (stop > end)
                stop = end;
        }
        r = fn(start, stop, mapped, p);
        start = stop;
    }
    return r;
}

static int claim_part(guest_addr start, guest_addr end, bool mapped, void *p)
{
    guest_addr *claimed = p;
    if (!mapped) {
        void *at =
            mmap(memory_host(start), end - start, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | HOST_MAP_FIXED_NOREPLACE, -1, 0);
        if (at == MAP_FAILED)
            return errno == EEXIST ? -ENOMEM : -errno;
        if (at != memory_host(start)) { /* a kernel older than the flag */
            munmap(at, end - start);
            return -ENOMEM;
        }
    }
    *claimed = end;
    return 0;
}

static int unclaim_part(guest_addr start, guest_addr end, bool mapped, void *p)
{
    (void)p;
    return mapped ? 0 : munmap(memory_host(start), end - start);
}

/* Make every page of [start, end) either the guest's or an empty mapping of ours that may be
 * replaced. */
static int claim(guest_addr start, guest_addr end)
{
    guest_addr claimed = start;
    if (end > ADDRESS_END || start > end)
        return -ENOMEM;
    int r = for_each_part(start, end, claim_part, &claimed);
    if (r)
        for_each_part(start, claimed, unclaim_part, NULL);
    return r;
}

/* Give back what claim() took and no mapping replaced. */
static void unclaim(guest_addr start, guest_addr end)
{
    for_each_part(start, end, unclaim_part, NULL);
}

/* -- MAP_GROWSDOWN -- */

static bool any_grows; /* the guest has made such a mapping; guarded by memory_lock */

/* The host's kernel grows these by itself: give the map what has been added below R, down to LOW. */
static void take_grown(const struct region *r, guest_addr low)
{
    unsigned char in;
    guest_addr at = r->start;
    while (at > low && memory_is_guest_or_free(at - PAGE, at) &&
           !mincore(memory_host(at - PAGE), PAGE, &in))
        at -= PAGE;
    if (at == r->start)
        return;
    struct region grown = *r;
    grown.start = at;
    grown.end = r->start;
    memory_map_add(&grown);
}

void memory_map_sync(void)
{
    struct region r;
    guest_addr low = 0;
    for (guest_addr at = 0; any_grows && memory_map_find(at, &r); at = low = r.end)
        if (r.flags & MAP_GROWSDOWN && !r.name)
            take_grown(&r, low);
}

/* -- mmap -- */

/* Describe a new mapping of FD for /proc/self/maps. NAME: buffer of PATH_SIZE bytes. */
enum { PATH_SIZE = 4096 };
static void describe_file(struct region *r, int fd, char *name)
{
    struct stat st;
    struct region old;
    char link[32];
    if (fstat(fd, &st) == 0)
        region_set_file(r, fd, &st);
    /* As dynamic linkers do it, a part of a file over another: asking for the name would take longer than all the rest. */
    if (memory_map_find(r->start, &old) && old.start <= r->start && old.inode && old.inode == r->inode && old.dev == r->dev) {
        r->name = old.name;
        return;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, PATH_SIZE - 1);
    if (n > 0) {
        name[n] = 0;
        r->name = name;
    }
}

static void record_mapping(guest_addr start, uint64_t size, int prot, int flags, int fd,
                           uint64_t offset)
{
    char name[PATH_SIZE];
    int type = flags & MAP_TYPE_BITS;
    bool shared = type != MAP_PRIVATE && type != DROPPABLE_TYPE;
    struct region r = {
        .start = start,
        .end = start + size,
        .prot = prot & (PROT_READ | PROT_WRITE | PROT_EXEC | extra_prot()),
        .flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (flags & (MAP_GROWSDOWN | MAP_ANONYMOUS)),
    };
    if (!(flags & MAP_ANONYMOUS)) {
        r.offset = (off_t)offset;
        describe_file(&r, fd, name);
    } else if (shared) {
        static uint64_t n_shared; /* guarded by memory_lock */
        r.name = "/dev/zero (deleted)";
        r.dev = makedev(0, 1);
        r.inode = ++n_shared; /* each is a file of its own */
    }
    memory_map_add(&r);
}

static uint64_t rounding_of(int flags)
{
    enum { SIZE_SHIFT = 26, DEFAULT_HUGE = 21 };
    unsigned log = (unsigned)flags >> SIZE_SHIFT;
    return flags & MAP_HUGETLB ? (uint64_t)1 << (log ? log : DEFAULT_HUGE) : PAGE;
}

static int count_mapped(guest_addr start, guest_addr end, bool mapped, void *p)
{
    uint64_t *n = p;
    *n += mapped ? end - start : 0;
    return 0;
}

/* RLIMIT_AS and RLIMIT_DATA. What a fixed mapping replaces does not count. */
static bool fits_limits(guest_addr addr, uint64_t size, int prot, int flags, bool fixed)
{
    uint64_t replaced = 0;
    if (limits_allow(size, prot, flags))
        return true;
    if (fixed)
        for_each_part(addr, addr + size, count_mapped, &replaced);
    return replaced && limits_allow(size - replaced, prot, flags);
}

/* A large block of malloc's, or a program's buffer. Not what is only reserved, nor a stack, of which little is used. */
static bool is_buffer(int prot, int flags)
{
    enum { RELEVANT = MAP_TYPE_BITS | MAP_ANONYMOUS | MAP_FIXED | MAP_STACK | MAP_NORESERVE | MAP_GROWSDOWN };
    return prot & PROT_WRITE && (flags & RELEVANT) == (MAP_PRIVATE | MAP_ANONYMOUS);
}

/* As dynamic linkers map a segment. */
static bool is_data_segment(int prot, int flags)
{
    enum { RELEVANT = MAP_TYPE_BITS | MAP_ANONYMOUS | MAP_FIXED };
    return prot & PROT_WRITE && (flags & RELEVANT) == (MAP_PRIVATE | MAP_FIXED);
}

static long map_locked(guest_addr addr, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    bool fixed = flags & MAP_FIXED && !(flags & HOST_MAP_FIXED_NOREPLACE);
    memory_map_sync();
    any_grows |= (flags & MAP_GROWSDOWN) != 0;
    if (!fits_limits(addr, size, prot, flags, fixed))
        return -ENOMEM;
    if (fixed) {
        int r = claim(addr, addr + size);
        if (r)
            return r;
    }
    long at = host_syscall(HOST_NR_mmap, addr, size, (uint64_t)host_prot(prot),
                           (uint64_t)(unsigned)flags, (uint64_t)fd, offset);
    if (at < 0) {
        if (fixed)
            unclaim(addr, addr + size);
        return at;
    }
    if (is_buffer(prot, flags))
        memory_prefer_large_pages((guest_addr)at, size);
    if (is_data_segment(prot, flags))
        memory_populate_data((guest_addr)at, size);
    note_extra_prot(prot);
    record_mapping((guest_addr)at, size, prot, flags, fd, offset);
    return at;
}

long sys_mmap(struct thread *t, const uint64_t arg[6])
{
    guest_addr addr = arg[0];
    uint64_t size = arg[1], offset = arg[5];
    int prot = (int)arg[2], flags = (int)arg[3], fd = (int)arg[4];
    (void)t;
    if (offset & (PAGE - 1) || !size)
        return -EINVAL;
    if ((flags & MAP_TYPE_BITS) != VALIDATE_TYPE)
        flags &= (int)MAP_KNOWN;
    if (flags & (MAP_FIXED | HOST_MAP_FIXED_NOREPLACE) && addr & (PAGE - 1))
        return -EINVAL;
    size = ALIGN_UP(size, rounding_of(flags));
    if (!size || size > ADDRESS_END)
        return -ENOMEM;
    if (!(flags & MAP_ANONYMOUS) && fd_is_own(fd))
        return -EBADF;
    memory_lock();
    long r = map_locked(addr, size, prot, flags, fd, offset);
    memory_unlock();
    return r;
}

static int unmap_part(guest_addr start, guest_addr end, bool mapped, void *p)
{
    (void)p;
    if (!mapped)
        return 0;
    /* The map first: nothing may be translated from pages that are going. */
    struct region r;
    bool found = memory_map_find(start, &r);
    memory_map_remove(start, end);
    if (munmap(memory_host(start), end - start) == 0)
        return 0;
    int error = errno;
    if (found) {
        if (!(r.flags & MAP_ANONYMOUS))
            r.offset += (off_t)(start - r.start);
        r.start = start;
        r.end = end;
        memory_map_add(&r);
    }
    return -error;
}

long sys_munmap(struct thread *t, const uint64_t arg[6])
{
    guest_addr start = arg[0], end = start + PAGE_UP(arg[1]);
    (void)t;
    if (start & (PAGE - 1) || end <= start || end > ADDRESS_END)
        return -EINVAL;
    memory_lock();
    memory_map_sync();
    cache_save_range(start, end);
    int r = for_each_part(start, end, unmap_part, NULL);
    memory_unlock();
    return r;
}

/* -- mprotect -- */

struct protection {
    int prot, flags;
};

static int protect_part(guest_addr start, guest_addr end, bool mapped, void *p)
{
    const struct protection *want = p;
    if (!mapped)
        return -ENOMEM;
    if (mprotect(memory_host(start), end - start, host_prot(want->prot) | want->flags))
        return -errno;
    memory_map_protect(start, end, want->prot);
    return 0;
}

long sys_mprotect(struct thread *t, const uint64_t arg[6])
{
    enum {
        KNOWN = PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */,
        GROWS = PROT_GROWSDOWN | PROT_GROWSUP
    };
    guest_addr start = arg[0], end = start + PAGE_UP(arg[1]);
    struct protection want = {.prot = (int)arg[2] & ~GROWS, .flags = (int)arg[2] & GROWS};
    (void)t;
    if (start & (PAGE - 1) || want.flags == GROWS || want.prot & ~(KNOWN | extra_prot()))
        return -EINVAL;
    if (end == start)
        return 0;
    if (end < start || end > ADDRESS_END)
        return -ENOMEM;
    want.prot &= ~8;
    if (want.flags & PROT_GROWSDOWN) {
        /* The kernel extends the change to the start of a mapping that grows downwards; ours do not
         * grow. */
        struct region r;
        if (!memory_map_find(start, &r) || r.start > start)
            return -ENOMEM;
        if (!(r.flags & MAP_GROWSDOWN) && !(r.name && !strcmp(r.name, "[stack]")))
            return -EINVAL;
        start = r.start;
    }
    want.flags = 0;
    note_extra_prot(want.prot);
    memory_lock();
    memory_map_sync();
    int r = for_each_part(start, end, protect_part, &want);
    memory_unlock();
    return r;
}

/* -- mremap -- */

static long remap_locked(guest_addr old, uint64_t old_size, uint64_t new_size, int flags,
                         guest_addr new)
{
    struct region r;
    memory_map_sync();
    if (!memory_map_find(old, &r) || r.start > old || (old_size && r.end < old + old_size))
        return -EFAULT;
    if (new_size > old_size && !limits_allow(new_size - old_size, r.prot, r.flags))
        return -ENOMEM;
    bool fixed = flags & MREMAP_FIXED;
    if (fixed) {
        int error = claim(new, new + new_size);
        if (error)
            return error;
    }
    long at = host_syscall(HOST_NR_mremap, old, old_size, new_size, (uint64_t)flags, new, 0);
    if (at < 0) {
        if (fixed)
            unclaim(new, new + new_size);
        return at;
    }
    enum { KEEP_OLD = 4 /* MREMAP_DONTUNMAP */ };
    if (!(flags & KEEP_OLD) && old_size)
        memory_map_remove(old, old + old_size);
    if (!(r.flags & MAP_ANONYMOUS))
        r.offset += (off_t)(old - r.start);
    r.start = (guest_addr)at;
    r.end = (guest_addr)at + new_size;
    memory_map_add(&r);
    return at;
}

long sys_mremap(struct thread *t, const uint64_t arg[6])
{
    guest_addr old = arg[0], new = arg[4];
    uint64_t old_size = PAGE_UP(arg[1]), new_size = PAGE_UP(arg[2]);
    int flags = (int)arg[3];
    (void)t;
    if (old & (PAGE - 1) || !new_size || flags & ~7 ||
        (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    if (flags & MREMAP_FIXED &&
        (new &(PAGE - 1) || new_size > ADDRESS_END || new > ADDRESS_END - new_size))
        return -EINVAL;
    if (flags & MREMAP_FIXED && new < old + old_size &&old < new + new_size)
        return -EINVAL;
    memory_lock();
    long r = remap_locked(old, old_size, new_size, flags, new);
    memory_unlock();
    return r;
}

/* -- brk -- */

/* A heap grows when what it had is used up, and so what comes next will be: have pages there, as many as there are by now. Those of
 * small programs stay small. */
static void populate_heap(guest_addr from, uint64_t size)
{
    enum { LEAST = 128 << 10, MOST = 1 << 20 };
    uint64_t had = from - PAGE_UP(process.brk_start), most = had < MOST ? had : MOST;
    if (had >= LEAST)
        memory_populate(memory_host(from), size < most ? size : most);
}

static bool heap_grow(guest_addr from, guest_addr to)
{
    struct region r = {.start = from,
                       .end = to,
                       .prot = PROT_READ | PROT_WRITE,
                       .flags = MAP_PRIVATE | MAP_ANONYMOUS,
                       .name = "[heap]"};
    if (!limits_allow(to - from, r.prot, r.flags))
        return false;
    void *at =
        mmap(memory_host(from), to - from, r.prot, r.flags | HOST_MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    if (at != memory_host(from)) { /* a kernel older than the flag */
        munmap(at, to - from);
        return false;
    }
    memory_map_add(&r);
    populate_heap(from, to - from);
    return true;
}

static int is_used(guest_addr start, guest_addr end, bool mapped, void *p)
{
    (void)start;
    (void)end;
    (void)p;
    return mapped;
}

long sys_brk(struct thread *t, const uint64_t arg[6])
{
    guest_addr want = arg[0];
    (void)t;
    memory_lock();
    guest_addr old_end = PAGE_UP(process.brk_end), new_end = PAGE_UP(want);
    if (want >= process.brk_start && want < ADDRESS_END) {
        if (new_end > old_end) {
            if (!for_each_part(old_end, new_end, is_used, NULL) && heap_grow(old_end, new_end))
                process.brk_end = want;
        } else {
            for_each_part(new_end, old_end, unmap_part, NULL);
            process.brk_end = want;
        }
    }
    want = process.brk_end;
    memory_unlock();
    return (long)want;
}

/* -- madvise and System V shared memory -- */

/* Advice for parts that follow each other is given in one call. */
struct advice {
    int advice;
    bool hole;
    guest_addr start, end; /* parts seen and not yet advised */
};

static int advise(struct advice *a)
{
    guest_addr start = a->start, size = a->end - start;
    a->start = a->end = 0;
    return size && madvise(memory_host(start), size, a->advice) ? -errno : 0;
}

static int advise_part(guest_addr start, guest_addr end, bool mapped, void *p)
{
    struct advice *a = p;
    if (!mapped) {
        a->hole = true;
        return advise(a);
    }
    /* Contents may change without the guest writing them. */
    if ((a->advice == MADV_DONTNEED || a->advice == MADV_FREE || a->advice == MADV_REMOVE) &&
        !memory_check(start, end - start, PROT_WRITE))
        tb_invalidate(start, end - start);
    if (a->start == a->end)
        a->start = start;
    a->end = end;
    return 0;
}

long sys_madvise(struct thread *t, const uint64_t arg[6])
{
    guest_addr start = arg[0], end = start + PAGE_UP(arg[1]);
    struct advice a = {.advice = (int)arg[2]};
    (void)t;
    if (start & (PAGE - 1) || end < start || (arg[1] && end == start))
        return -EINVAL;
    if (end == start) /* the kernel still checks the advice */
        return host_syscall(HOST_NR_madvise, start, 0, (uint64_t)a.advice, 0, 0, 0);
    if (end > ADDRESS_END)
        return -ENOMEM;
    memory_lock();
    int r = for_each_part(start, end, advise_part, &a);
    if (!r)
        r = advise(&a);
    memory_unlock();
    return r ? r : a.hole ? -ENOMEM : 0;
}

long sys_shmat(struct thread *t, const uint64_t arg[6])
{
    int id = (int)arg[0], flags = (int)arg[2];
    guest_addr addr = arg[1];
    struct shmid_ds ds;
    (void)t;
    if (addr & (PAGE - 1)) {
        if (!(flags & SHM_RND))
            return -EINVAL;
        addr = PAGE_DOWN(addr);
    }
    long r = host_syscall(HOST_NR_shmctl, (uint64_t)id, IPC_STAT, (uintptr_t)&ds, 0, 0, 0);
    if (r < 0)
        return r;
    uint64_t size = PAGE_UP(ds.shm_segsz);
    int prot =
        PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
    memory_lock();
    if (addr && flags & SHM_REMAP) {
        r = claim(addr, addr + size);
        if (r)
            goto out;
    }
    r = host_syscall(HOST_NR_shmat, (uint64_t)id, addr, (uint64_t)(flags & ~SHM_EXEC), 0, 0, 0);
    if (r < 0) {
        if (addr && flags & SHM_REMAP)
            unclaim(addr, addr + size);
        goto out;
    }
    char name[32];
    snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)ds.shm_perm.__key);
    struct region region = {.start = (guest_addr)r,
                            .end = (guest_addr)r + size,
                            .prot = prot,
                            .flags = MAP_SHARED,
                            .inode = (uint64_t)id,
                            .name = name};
    memory_map_add(&region);
out:
    memory_unlock();
    return r;
}

long sys_shmdt(struct thread *t, const uint64_t arg[6])
{
    struct region r;
    (void)t;
    memory_lock();
    long result = -EINVAL;
    if (memory_map_find(arg[0], &r) && r.start == arg[0] && r.name &&
        !strncmp(r.name, "/SYSV", 5)) {
        result = host_syscall(HOST_NR_shmdt, arg[0], 0, 0, 0, 0, 0);
        if (!result)
            memory_map_remove(r.start, r.end);
    }
    memory_unlock();
    return result;
}
