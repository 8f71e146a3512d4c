/* map.c - map the segments of a checked ELF file into the guest's address space.
 *
 * The whole range is reserved first, so that segments of one image keep their distances and nothing
 * of ours can be in the way; then each segment is mapped over it, and what lies between them is
 * given back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "loader/elf.h"

enum { PAGE = 4096 };

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* The host never executes guest code, but the translator reads it. */
static int host_prot(int prot)
{
    return (prot & PROT_EXEC ? PROT_READ : 0) | (prot & (PROT_READ | PROT_WRITE));
}

/* FD -1: anonymous memory. */
static void record(const struct elf_image *image, int fd, const struct stat *st, const char *path,
                   guest_addr start, guest_addr end, int prot, uint64_t offset)
{
    bool anonymous = fd < 0;
    struct region r = {
        .start = start,
        .end = end,
        .prot = prot,
        .flags = MAP_PRIVATE | (anonymous ? MAP_ANONYMOUS : 0),
        .fixed_file = !anonymous && !image->is_dyn,
    };
    if (!anonymous) {
        r.offset = (off_t)offset;
        region_set_file(&r, fd, st);
        r.name = (char *)path;
    }
    memory_map_add(&r);
}

/* Reserve SIZE bytes, at ADDRESS exactly if FIXED. Returns the address or MAP_FAILED. */
static void *reserve(guest_addr address, uint64_t size, bool fixed)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (fixed ? MAP_FIXED_NOREPLACE : 0);
    void *p = mmap(memory_host(address), size, PROT_NONE, flags, -1, 0);
    if (p != MAP_FAILED && fixed && p != memory_host(address)) {
        munmap(p, size); /* a kernel that does not know MAP_FIXED_NOREPLACE */
        errno = EEXIST;
        return MAP_FAILED;
    }
    return p;
}

/* Reserve an aligned range for a position-independent image near HINT; 0: no room. */
static guest_addr reserve_aligned(guest_addr hint, uint64_t size, uint64_t align)
{
    uint64_t slack = align > PAGE ? align : 0;
    hint = ALIGN_DOWN(hint, align);
    void *p = hint ? reserve(hint, size, true) : MAP_FAILED;
    if (p != MAP_FAILED)
        return (uintptr_t)p;
    p = reserve(0, size + slack, false);
    if (p == MAP_FAILED)
        return 0;
    guest_addr got = (uintptr_t)p, start = ALIGN_UP(got, align);
    if (start > got)
        munmap(p, start - got);
    if (got + slack > start)
        munmap(memory_host(start + size), got + slack - start);
    return start;
}

static int map_segment(struct elf_image *image, const struct elf_segment *g, guest_addr bias,
                       int fd, const struct stat *st, const char *path)
{
    guest_addr start = ALIGN_DOWN(g->vaddr, PAGE) + bias;
    guest_addr file_end = g->vaddr + g->filesz + bias,
               end = ALIGN_UP(g->vaddr + g->memsz + bias, PAGE);
    guest_addr file_pages = g->filesz ? ALIGN_UP(file_end, PAGE) : start;
    uint64_t offset = g->offset - (g->vaddr & (PAGE - 1));
    if (g->filesz) {
        if (mmap(memory_host(start), file_pages - start, host_prot(g->prot),
                 MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED) {
            snprintf(image->error, sizeof image->error, "cannot be mapped: %s", strerror(errno));
            return -errno;
        }
        record(image, fd, st, path, start, file_pages, g->prot, offset);
        if (g->prot & PROT_WRITE)
            memory_populate_data(start, file_pages - start);
        /* The rest of the last page belongs to the zeros after the data. */
        if (g->memsz > g->filesz && g->prot & PROT_WRITE && file_pages > file_end)
            memset(memory_host(file_end), 0, file_pages - file_end);
    }
    if (end > file_pages) {
        if (mmap(memory_host(file_pages), end - file_pages, host_prot(g->prot),
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
            snprintf(image->error, sizeof image->error, "does not fit into memory: %s",
                     strerror(errno));
            return -errno;
        }
        if (g->prot & PROT_WRITE)
            memory_prefer_large_pages(file_pages, end - file_pages);
        record(image, -1, st, path, file_pages, end, g->prot, 0);
    }
    return 0;
}

static void note_areas(const struct elf_segment *g, guest_addr bias, struct elf_mapping *out)
{
    guest_addr start = g->vaddr + bias, end = g->vaddr + g->filesz + bias;
    if (g->prot & PROT_EXEC) {
        if (!out->code_start || start < out->code_start)
            out->code_start = start;
        if (end > out->code_end)
            out->code_end = end;
    }
    if (start > out->data_start)
        out->data_start = start;
    if (end > out->data_end)
        out->data_end = end;
}

int elf_map(struct elf_image *image, int fd, const char *path, guest_addr hint,
            struct elf_mapping *out)
{
    struct stat st;
    uint64_t size = image->high - image->low;
    memset(out, 0, sizeof *out);
    if (fstat(fd, &st)) {
        snprintf(image->error, sizeof image->error, "cannot be examined: %s", strerror(errno));
        return -errno;
    }
    if (image->is_dyn) {
        out->start = reserve_aligned(hint, size, image->align);
        if (!out->start) {
            snprintf(image->error, sizeof image->error, "needs %llu bytes of memory",
                     (unsigned long long)size);
            return -ENOMEM;
        }
    } else {
        out->start = image->low;
        errno = 0;
        if (!memory_is_guest_or_free(image->low, image->high) ||
            reserve(image->low, size, true) == MAP_FAILED) {
            int error = errno == ENOMEM ? -ENOMEM : -EEXIST;
            snprintf(image->error, sizeof image->error,
                     "needs addresses 0x%llx to 0x%llx, which %s", (unsigned long long)image->low,
                     (unsigned long long)image->high,
                     error == -ENOMEM        ? "is more memory than there is"
                     : image->low < 0x10000 ? "vm.mmap_min_addr keeps from this user"
                                            : "are in use");
            return error;
        }
    }
    out->bias = out->start - image->low;
    out->end = out->start + size;
    out->entry = image->entry + out->bias;
    out->phdr = image->phdr_vaddr ? image->phdr_vaddr + out->bias : 0;

    guest_addr done = out->start; /* everything below is mapped or given back */
    for (unsigned i = 0; i < image->n_segments; i++) {
        const struct elf_segment *g = &image->segment[i];
        int error = map_segment(image, g, out->bias, fd, &st, path);
        if (error)
            return error;
        guest_addr start = ALIGN_DOWN(g->vaddr + out->bias, PAGE);
        if (start > done)
            munmap(memory_host(done), start - done);
        guest_addr end = ALIGN_UP(g->vaddr + g->memsz + out->bias, PAGE);
        if (end > done)
            done = end;
        note_areas(g, out->bias, out);
    }
    return 0;
}
