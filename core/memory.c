/* memory.c - the guest's address space: the map of its regions, and access to its bytes from C.
 *
 * The map is a list of disjoint regions (region_list.h). map_lock guards it and is a leaf: nothing
 * else is locked and no guest memory is touched while it is held. memory_lock is the outer lock
 * around a host mapping call and its map update. Order: memory_lock, then the translation-block
 * lock, then map_lock. */
#include "core/memory.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/host.h"
#include "core/log.h"
#include "core/region_list.h"
#include "core/tb.h"

enum { LARGE_PAGE = 2 << 20 };

static WRITTEN_OFTEN pthread_mutex_t outer_lock = PTHREAD_MUTEX_INITIALIZER;
static WRITTEN_OFTEN pthread_mutex_t map_lock = PTHREAD_MUTEX_INITIALIZER;
static START_TABLE struct region_piece first_piece[2];
static WRITTEN_OFTEN struct region_list guest_map = {.one = &first_piece[0]}; /* guarded by map_lock */
static struct region_list own_map = {.one = &first_piece[1]};                 /* guarded by map_lock */
static char **names;                 /* interned, sorted; guarded by map_lock */
static size_t n_names;

RUN_OFTEN void memory_lock(void)
{
    pthread_mutex_lock(&outer_lock);
}
RUN_OFTEN void memory_unlock(void)
{
    pthread_mutex_unlock(&outer_lock);
}

RUN_OFTEN void memory_map_lock_before_fork(void)
{
    pthread_mutex_lock(&map_lock);
}
RUN_OFTEN void memory_map_unlock_after_fork(void)
{
    pthread_mutex_unlock(&map_lock);
}

static const char *name_intern(const char *name)
{
    if (!name)
        return NULL;
    size_t low = 0, high = n_names;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(name, names[mid]);
        if (!order)
            return names[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    char **grown = realloc(names, (n_names + 1) * sizeof(*names));
    char *copy = strdup(name);
    if (!grown || !copy)
        die("out of memory");
    names = grown;
    memmove(names + low + 1, names + low, (n_names - low) * sizeof(*names));
    names[low] = copy;
    n_names++;
    return copy;
}

static bool is_anonymous(const struct region *r)
{
    return r->flags & MAP_ANONYMOUS;
}

/* Make ADDR a boundary between regions. */
static void list_split(struct region_list *list, guest_addr addr)
{
    struct region_place place = region_list_lower(list, addr);
    struct region *r = region_list_at(list, place);
    if (!r || r->start >= addr)
        return;
    struct region upper = *r;
    if (!is_anonymous(&upper))
        upper.offset += (off_t)(addr - upper.start);
    upper.start = addr;
    r->end = addr;
    region_list_next(list, &place);
    region_list_insert(list, place, &upper);
}

static bool can_merge(const struct region *a, const struct region *b)
{
    if (a->end != b->start || a->prot != b->prot || a->flags != b->flags || a->name != b->name ||
        a->dev != b->dev || a->inode != b->inode || a->fixed_file != b->fixed_file)
        return false;
    return is_anonymous(a) || a->offset + (off_t)(a->end - a->start) == b->offset;
}

/* Merge what meets at START, at END and between. */
static void list_merge(struct region_list *list, guest_addr start, guest_addr end)
{
    struct region_place place = region_list_lower(list, start ? start - 1 : 0);
    for (struct region *r; (r = region_list_at(list, place)) && r->start <= end;) {
        struct region_place next = place;
        if (!region_list_next(list, &next))
            return;
        const struct region *upper = region_list_at(list, next);
        if (can_merge(r, upper)) {
            r->end = upper->end;
            r->changed = r->changed == upper->changed ? r->changed : 0;
            region_list_erase(list, next);
        } else {
            place = next;
        }
    }
}

/* Remove [start, end). Returns true if some of it was executable. */
static bool list_remove(struct region_list *list, guest_addr start, guest_addr end)
{
    bool exec = false;
    list_split(list, start);
    list_split(list, end);
    struct region_place place = region_list_lower(list, start);
    for (const struct region *r; (r = region_list_at(list, place)) && r->start < end;) {
        exec |= (r->prot & PROT_EXEC) != 0;
        place = region_list_erase(list, place);
    }
    return exec;
}

/* On tmpfs stores through a shared mapping leave the time of the last change as it is. */
static bool tells_changes(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC;
}

void region_set_file(struct region *r, int fd, const struct stat *st)
{
    r->dev = st->st_dev;
    r->inode = st->st_ino;
    r->changed = 0;
    if (r->prot & PROT_EXEC && tells_changes(fd))
        r->changed = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

/* From now on the pages may differ from those of the file. */
static void set_prot(struct region *r, int prot)
{
    r->prot = prot;
    if (prot & PROT_WRITE)
        r->changed = 0;
}

void memory_map_add(const struct region *r)
{
    if (r->start >= r->end)
        return;
    pthread_mutex_lock(&map_lock);
    bool exec = list_remove(&guest_map, r->start, r->end);
    struct region copy = *r;
    copy.name = (char *)name_intern(r->name);
    set_prot(&copy, r->prot);
    region_list_insert(&guest_map, region_list_lower(&guest_map, r->start), &copy);
    list_merge(&guest_map, r->start, r->end);
    pthread_mutex_unlock(&map_lock);
    if (exec)
        tb_invalidate(r->start, r->end - r->start);
}

void memory_map_remove(guest_addr start, guest_addr end)
{
    if (start >= end)
        return;
    pthread_mutex_lock(&map_lock);
    bool exec = list_remove(&guest_map, start, end);
    pthread_mutex_unlock(&map_lock);
    if (exec)
        tb_invalidate(start, end - start);
}

bool memory_map_protect(guest_addr start, guest_addr end, int prot)
{
    if (start >= end)
        return true;
    bool exec = false, complete = true;
    pthread_mutex_lock(&map_lock);
    list_split(&guest_map, start);
    list_split(&guest_map, end);
    struct region_place place = region_list_lower(&guest_map, start);
    guest_addr at = start;
    for (struct region *r; (r = region_list_at(&guest_map, place)) && r->start < end;
         region_list_next(&guest_map, &place)) {
        complete &= r->start == at;
        at = r->end;
        /* Writable again counts as well: what was translated may be written from now on. */
        exec |= (r->prot & PROT_EXEC) && r->prot != prot;
        set_prot(r, prot);
    }
    complete &= at >= end;
    list_merge(&guest_map, start, end);
    pthread_mutex_unlock(&map_lock);
    if (exec)
        tb_invalidate(start, end - start);
    return complete;
}

bool memory_map_find(guest_addr addr, struct region *out)
{
    pthread_mutex_lock(&map_lock);
    const struct region *found = region_list_at(&guest_map, region_list_lower(&guest_map, addr));
    if (found)
        *out = *found;
    pthread_mutex_unlock(&map_lock);
    return found != NULL;
}

bool memory_is_vdso(guest_addr addr)
{
    struct region r;
    return memory_map_find(addr, &r) && r.start <= addr && r.name &&
           !strcmp(r.name, MEMORY_VDSO_NAME);
}

bool memory_check(guest_addr start, uint64_t size, int prot)
{
    guest_addr end = start + size;
    if (end < start)
        return false;
    pthread_mutex_lock(&map_lock);
    guest_addr at = start;
    struct region_place place = region_list_lower(&guest_map, start);
    for (const struct region *r; at < end && (r = region_list_at(&guest_map, place));
         region_list_next(&guest_map, &place)) {
        if (r->start > at || (r->prot & prot) != prot)
            break;
        at = r->end;
    }
    pthread_mutex_unlock(&map_lock);
    return at >= end;
}

uint64_t memory_map_total(bool data)
{
    enum { FIRST_STACK = 132 << 10 };
    uint64_t total = 0;
    pthread_mutex_lock(&map_lock);
    struct region_place place = {0, 0};
    for (const struct region *r; (r = region_list_at(&guest_map, place));
         region_list_next(&guest_map, &place)) {
        uint64_t size = r->end - r->start;
        if (data && (!(r->prot & PROT_WRITE) || (r->flags & 15) != MAP_PRIVATE))
            continue;
        total += r->name && !strcmp(r->name, "[stack]") && size > FIRST_STACK ? FIRST_STACK : size;
    }
    pthread_mutex_unlock(&map_lock);
    return total;
}

bool memory_is_guest_or_free(guest_addr start, guest_addr end)
{
    pthread_mutex_lock(&map_lock);
    const struct region *own = region_list_at(&own_map, region_list_lower(&own_map, start));
    bool free = !own || own->start >= end;
    pthread_mutex_unlock(&map_lock);
    return free;
}

static struct region own_region(const void *start, size_t size)
{
    guest_addr first = ALIGN_DOWN((uintptr_t)start, 4096);
    return (struct region){
        .start = first, .end = ALIGN_UP((uintptr_t)start + size, 4096), .flags = MAP_ANONYMOUS};
}

void memory_reserve_own(const void *start, size_t size)
{
    struct region r = own_region(start, size);
    pthread_mutex_lock(&map_lock);
    list_remove(&own_map, r.start, r.end);
    region_list_insert(&own_map, region_list_lower(&own_map, r.start), &r);
    list_merge(&own_map, r.start, r.end);
    pthread_mutex_unlock(&map_lock);
}

void memory_release_own(const void *start, size_t size)
{
    struct region r = own_region(start, size);
    pthread_mutex_lock(&map_lock);
    list_remove(&own_map, r.start, r.end);
    pthread_mutex_unlock(&map_lock);
}

void memory_populate(void *start, size_t size)
{
    enum { POPULATE_WRITE = 23 }; /* MADV_POPULATE_WRITE, Linux 5.14 */
    char *from = (char *)ALIGN_DOWN((uintptr_t)start, 4096);
    madvise(from, (size_t)((char *)start + size - from), POPULATE_WRITE);
}

void memory_prefer_large_pages(guest_addr start, uint64_t size)
{
    if (size >= LARGE_PAGE)
        madvise(memory_host(start), size, MADV_HUGEPAGE);
}

void memory_populate_data(guest_addr start, uint64_t size)
{
    enum { MOST = 2 << 20 };
    memory_populate(memory_host(start), size < MOST ? size : MOST);
}

bool memory_area_reserve(struct memory_area *a, size_t size, size_t small, int prot, bool near_code)
{
    char *p = mmap(near_code ? NULL : memory_own_place(size + LARGE_PAGE), size + LARGE_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    memory_reserve_own(p, size + LARGE_PAGE);
    a->huge = (char *)ALIGN_UP((uintptr_t)p + small, LARGE_PAGE);
    a->start = a->there = a->huge - small;
    a->end = a->start + size;
    return true;
}

void memory_area_use(struct memory_area *a, const void *to)
{
    enum { LEAST = 4 << 10, MOST = 32 << 10 };
    const char *used = to;
    if (used <= a->there)
        return;
    if (a->there <= a->huge && used + MOST > a->huge && a->huge < a->end)
        madvise(a->huge, (size_t)(a->end - a->huge), MADV_HUGEPAGE);
    size_t size = (size_t)(a->there - a->start), left = (size_t)(a->end - a->there);
    size_t needed = ALIGN_UP((size_t)(used - a->there), LEAST);
    size = size < LEAST ? LEAST : size > MOST ? MOST : size;
    size = size < needed ? needed : size;
    size = size < left ? size : left; /* what lies behind is not ours */
    memory_populate(a->there, size);
    a->there += size;
}

#ifdef ANYARCH_WRAPS_MMAP
/* Where to begin: just above the library's brk, which is far from the guest's programs and random as well, so that what lies
 * there shares page tables with it, which every fork copies. Old kernels put brk beside this program's image, between the
 * guest's mappings: then at some other place. */
static uintptr_t first_own_place(void)
{
    enum { ROOM_OF_BRK = 128 << 10, LOG_OF_ROOM = 44 };
    const uintptr_t high = (uintptr_t)6 << LOG_OF_ROOM, brk_end = (uintptr_t)sbrk(0);
    uint64_t random = 0;
    const void *bytes = (const void *)getauxval(AT_RANDOM);
    if (brk_end > (uintptr_t)1 << LOG_OF_ROOM && brk_end < high - ((uintptr_t)1 << (LOG_OF_ROOM - 1)))
        return ALIGN_UP(brk_end, 4096) + ROOM_OF_BRK;
    if (bytes)
        memcpy(&random, bytes, sizeof random);
    return high + ALIGN_DOWN(random & (((uint64_t)1 << LOG_OF_ROOM) - 1), 4096);
}

void *memory_own_place(size_t size)
{
    enum { LOG_OF_MOST = 36 };
    static uintptr_t next; /* atomic */
    if (!__atomic_load_n(&next, __ATOMIC_RELAXED)) {
        uintptr_t first = first_own_place(), none = 0;
        __atomic_compare_exchange_n(&next, &none, first, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    if (size > (size_t)1 << LOG_OF_MOST)
        return NULL;
    return (void *)__atomic_fetch_add(&next, ALIGN_UP(size, 4096), __ATOMIC_RELAXED);
}

void *__real___mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap___mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);

/* What the C library maps for itself, as in malloc. The kernel would put it into the highest hole that fits, often one that the
 * guest has just made and is about to fill with MAP_FIXED. */
__attribute__((used)) void *__wrap___mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return __real___mmap(at ? at : memory_own_place(size), size, prot, flags, fd, offset);
}
#else
void *memory_own_place(size_t size)
{
    (void)size;
    return NULL;
}
#endif

/* Addresses that no user mapping can have are refused here, because the host reports them without
 * an address. */
static bool is_user_range(guest_addr addr, size_t n)
{
    return addr <= INT64_MAX && n <= INT64_MAX && addr + n <= (guest_addr)1 << 47;
}

RUN_OFTEN int memory_read(void *dst, guest_addr addr, size_t n)
{
    return is_user_range(addr, n) && host_copy(dst, memory_host(addr), n) ? 0 : -EFAULT;
}

RUN_OFTEN int memory_write(guest_addr addr, const void *src, size_t n)
{
    return is_user_range(addr, n) && host_copy(memory_host(addr), src, n) ? 0 : -EFAULT;
}

ssize_t memory_read_string(char *dst, guest_addr addr, size_t size)
{
    enum { PART = 64 }; /* most names are short */
    for (size_t done = 0; done < size;) {
        size_t n = PART - ((addr + done) & (PART - 1)); /* never past the page that holds the NUL */
        if (n > size - done)
            n = size - done;
        if (memory_read(dst + done, addr + done, n))
            return -EFAULT;
        const char *end = memchr(dst + done, 0, n);
        if (end)
            return end - dst;
        done += n;
    }
    return -ENAMETOOLONG;
}

int memory_zero(guest_addr addr, size_t n)
{
    static const char zeros[4096];
    for (size_t done = 0; done < n;) {
        size_t part = n - done < sizeof(zeros) ? n - done : sizeof(zeros);
        if (memory_write(addr + done, zeros, part))
            return -EFAULT;
        done += part;
    }
    return 0;
}
