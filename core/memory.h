/* memory.h - the guest's address space: the map of its regions, and access to its bytes from C.
 *
 * 64-bit guests: guest address = host address. The map knows every region that the guest mapped; the translator's
 * own memory is not in it, so that the guest can neither see nor unmap it. */
#pragma once
#include <sys/types.h>
#include "core/types.h"

/* One region, as /proc/self/maps would show it. */
struct region {
    guest_addr start, end;
    int prot;               /* PROT_*, the guest's view; the host never has PROT_EXEC */
    int flags;              /* MAP_SHARED or MAP_PRIVATE, MAP_GROWSDOWN, MAP_ANONYMOUS */
    off_t offset;           /* in the file */
    uint64_t dev, inode;
    char *name;             /* path, "[heap]", "[stack]", "[vdso]", or null; interned, never freed */
    bool fixed_file;        /* code whose load address is part of the file (ET_EXEC) */
    int64_t changed;        /* the file, in ns since 1970, when it was mapped; 0: the pages may differ from the file's */
};

/* Note of which file, open as FD, R is a mapping, with its protection. */
struct stat;
void region_set_file(struct region *r, int fd, const struct stat *st);
/* Record a mapping, replacing what was there. Adjacent like regions are merged. Invalidates translations. */
void memory_map_add(const struct region *r);
void memory_map_remove(guest_addr start, guest_addr end);
/* Change protection of [start, end). False: some of it is not mapped. */
bool memory_map_protect(guest_addr start, guest_addr end, int prot);
/* Find the region holding ADDR, or the first above it. False: none. The result is a copy. */
bool memory_map_find(guest_addr addr, struct region *out);
/* True if every page of [start, start+size) is the guest's and has all bits of PROT. */
bool memory_check(guest_addr start, uint64_t size, int prot);
/* True if ADDR is in the page that the loader named so: only there are host calls instructions. */
#define MEMORY_VDSO_NAME ((char *)"[vdso]")
bool memory_is_vdso(guest_addr addr);
/* Bytes mapped; DATA: only what is private and writable. The stack counts as what it begins with, because the kernel's grows. */
uint64_t memory_map_total(bool data);
/* True if no byte of [start, end) belongs to the translator. */
bool memory_is_guest_or_free(guest_addr start, guest_addr end);
/* Where the translator's next mapping of SIZE bytes that grows with use may lie: a hint for mmap, far from the guest's. Null:
 * anywhere. */
void *memory_own_place(size_t size);
/* Mark memory as the translator's own (code buffer, thread structures, our own image). */
void memory_reserve_own(const void *start, size_t size);
void memory_release_own(const void *start, size_t size);
/* Have the pages of our own memory there before they are written one by one, which costs several times as much. A hint. */
void memory_populate(void *start, size_t size);

/* Private memory of the guest's that is likely to be written: large pages, where the kernel gives them to those who ask,
 * since a page fault may cost as much as 10,000 instructions. A hint; what the guest advises itself comes later and counts. */
void memory_prefer_large_pages(guest_addr start, uint64_t size);
/* Private data from a program or a library: most of its pages are written at once, when they are relocated, so have them there.
 * A hint. */
void memory_populate_data(guest_addr start, uint64_t size);

/* Our own memory that is used from its start on, little of it by most processes. */
struct memory_area {
    char *start, *end;
    char *there; /* it has pages up to here */
    char *huge;  /* from here on, they are large ones if the kernel has such */
};
/* Reserve SIZE bytes with protection PROT, of which the first SMALL never have large pages; at memory_own_place, or near the code.
 * False: there is no room. */
bool memory_area_reserve(struct memory_area *a, size_t size, size_t small, int prot, bool near_code);
/* What lies in front of TO, which is in the area or at its end, is in use: see to it that what comes next has pages,
 * as many as there are by now, within limits. */
void memory_area_use(struct memory_area *a, const void *to);
void memory_lock(void);   /* held around a host mmap/munmap and its map update */
void memory_unlock(void);
/* The map's own lock, the innermost of all: held over fork, so that the child does not find it taken by a thread that it
 * has not got. */
void memory_map_lock_before_fork(void);
void memory_map_unlock_after_fork(void);

/* Copy N bytes between guest and host. Return 0, or -EFAULT if some byte is not accessible; bytes before it may have been
 * copied. Safe against concurrent munmap by other guest threads. */
int memory_read(void *dst, guest_addr addr, size_t n);
int memory_write(guest_addr addr, const void *src, size_t n);
/* Copy a NUL-terminated string of at most SIZE bytes with its NUL. Returns its length, -EFAULT, or -ENAMETOOLONG. */
ssize_t memory_read_string(char *dst, guest_addr addr, size_t size);
int memory_zero(guest_addr addr, size_t n);
static inline void *memory_host(guest_addr addr) { return (void *)(uintptr_t)addr; }
