/* elf.c - read and check ELF program files.
 *
 * Every field is hostile until checked. Sums are made only of values whose range was tested before,
 * so nothing wraps; tables are read through one function that knows where the file ends. */
#include "loader/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, MAX_PHDR_BYTES = 65536, USUAL_PHDR_BYTES = 2048 };
#define ADDRESS_LIMIT ((uint64_t)1 << 47) /* of 64-bit guests: what the host has */

struct source {
    const uint8_t *file; /* or null: */
    int fd;
    uint8_t start[1024]; /* of which N_START bytes are the file's first: most programs' headers */
    size_t n_start;
    uint64_t size;
    bool big_endian;
    struct elf_image *image;
};

static int fail(struct source *s, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct source *s, int error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->image->error, sizeof s->image->error, fmt, ap);
    va_end(ap);
    return -error;
}

/* Read N bytes at OFFSET, all inside the file: the caller checked. */
static int fetch(struct source *s, uint64_t offset, void *to, size_t n)
{
    const uint8_t *file = s->file ? s->file : offset <= s->n_start && n <= s->n_start - offset ? s->start : NULL;
    if (file) {
        memcpy(to, file + offset, n);
        return 0;
    }
    uint8_t *at = to;
    while (n) {
        ssize_t got = pread(s->fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(s, errno, "cannot be read: %s", strerror(errno));
        if (!got)
            return fail(s, EIO, "became shorter while it was read");
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static bool inside(const struct source *s, uint64_t offset, uint64_t n)
{
    return offset <= s->size && n <= s->size - offset;
}

static uint64_t get(const struct source *s, const uint8_t *p, unsigned n)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++)
        value |= (uint64_t)p[s->big_endian ? n - 1 - i : i] << 8 * i;
    return value;
}

/* A member of Elf64_X or Elf32_X, whichever the file has. */
#define GET(s, p, type, member)                                                                    \
    ((s)->image->bits == 64                                                                        \
         ? get(s, (p) + offsetof(Elf64_##type, member), sizeof((Elf64_##type *)0)->member)         \
         : get(s, (p) + offsetof(Elf32_##type, member), sizeof((Elf32_##type *)0)->member))

static int read_header(struct source *s)
{
    struct elf_image *image = s->image;
    uint8_t head[sizeof(Elf64_Ehdr)];
    if (s->size < EI_NIDENT)
        return fail(s, ENOEXEC, "is too short for a program (%llu bytes)",
                    (unsigned long long)s->size);
    int error = fetch(s, 0, head, EI_NIDENT);
    if (error)
        return error;
    if (memcmp(head, ELFMAG, SELFMAG))
        return fail(s, ENOEXEC, "is neither an ELF file nor a script");
    if (head[EI_CLASS] != ELFCLASS64 && head[EI_CLASS] != ELFCLASS32)
        return fail(s, ENOEXEC, "has an invalid ELF class (%u)", head[EI_CLASS]);
    if (head[EI_DATA] != ELFDATA2LSB && head[EI_DATA] != ELFDATA2MSB)
        return fail(s, ENOEXEC, "has an invalid ELF byte order (%u)", head[EI_DATA]);
    image->bits = head[EI_CLASS] == ELFCLASS64 ? 64 : 32;
    image->big_endian = s->big_endian = head[EI_DATA] == ELFDATA2MSB;
    size_t size = image->bits == 64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    if (s->size < size)
        return fail(s, ENOEXEC, "is truncated: its ELF header is incomplete");
    if ((error = fetch(s, 0, head, size)))
        return error;
    memcpy(image->head, head, sizeof image->head);

    unsigned type = (unsigned)GET(s, head, Ehdr, e_type);
    image->machine = (uint16_t)GET(s, head, Ehdr, e_machine);
    image->is_dyn = type == ET_DYN;
    if (type != ET_EXEC && type != ET_DYN)
        return fail(s, ENOEXEC, "is not a program but %s",
                    type == ET_REL    ? "an object file"
                    : type == ET_CORE ? "a core file"
                                      : "of an unknown ELF type");
    image->entry = GET(s, head, Ehdr, e_entry);
    image->phoff = GET(s, head, Ehdr, e_phoff);
    image->phentsize = (uint16_t)GET(s, head, Ehdr, e_phentsize);
    image->phnum = (uint16_t)GET(s, head, Ehdr, e_phnum);
    return 0;
}

static int add_segment(struct source *s, const uint8_t *p, unsigned index)
{
    struct elf_image *image = s->image;
    uint64_t limit = image->bits == 64 ? ADDRESS_LIMIT : (uint64_t)1 << 32;
    struct elf_segment g = {
        .offset = GET(s, p, Phdr, p_offset),
        .vaddr = GET(s, p, Phdr, p_vaddr),
        .filesz = GET(s, p, Phdr, p_filesz),
        .memsz = GET(s, p, Phdr, p_memsz),
    };
    uint64_t align = GET(s, p, Phdr, p_align);
    unsigned flags = (unsigned)GET(s, p, Phdr, p_flags);
    g.prot = (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
             (flags & PF_X ? PROT_EXEC : 0);
    if (g.filesz > g.memsz)
        return fail(s, EINVAL, "has a segment (%u) whose file size exceeds its memory size", index);
    if (!g.memsz)
        return 0;
    if (g.vaddr >= limit || g.memsz > limit - g.vaddr)
        return fail(s, EINVAL, "has a segment (%u) outside the address space", index);
    if (g.filesz && !inside(s, g.offset, g.filesz))
        return fail(s, ENOEXEC, "is truncated: segment %u ends at byte %llu, the file at %llu",
                    index, (unsigned long long)(g.offset + g.filesz), (unsigned long long)s->size);
    if (g.filesz && (g.vaddr - g.offset) % PAGE)
        return fail(s, EINVAL, "has a segment (%u) that is not aligned to pages", index);
    if (image->n_segments && g.vaddr < image->segment[image->n_segments - 1].vaddr)
        return fail(s, EINVAL, "has segments that are not in ascending order");
    if (image->n_segments == ELF_MAX_SEGMENTS)
        return fail(s, EINVAL, "has more than %d segments", ELF_MAX_SEGMENTS);
    if (align > PAGE && !(align & (align - 1)) && align <= (uint64_t)1 << 30 &&
        align > image->align)
        image->align = align;
    if (!image->n_segments)
        image->low = ALIGN_DOWN(g.vaddr, PAGE);
    uint64_t end = ALIGN_UP(g.vaddr + g.memsz, PAGE);
    if (end > image->high)
        image->high = end;
    image->segment[image->n_segments++] = g;
    return 0;
}

static int read_interp(struct source *s, const uint8_t *p)
{
    struct elf_image *image = s->image;
    uint64_t offset = GET(s, p, Phdr, p_offset), size = GET(s, p, Phdr, p_filesz);
    if (size < 2 || size > sizeof image->interp)
        return fail(s, ENOEXEC, "names its interpreter in %llu bytes", (unsigned long long)size);
    if (!inside(s, offset, size))
        return fail(s, ENOEXEC, "is truncated: the name of its interpreter is missing");
    int error = fetch(s, offset, image->interp, size);
    if (error)
        return error;
    if (image->interp[size - 1])
        return fail(s, ENOEXEC, "names its interpreter without an end");
    image->has_interp = true;
    return 0;
}

/* The features that all of the file's code has (Linux: parse_elf_properties). A note that makes no sense has none. */
static int read_property(struct source *s, const uint8_t *p)
{
    enum { NOTE_HEAD = 16, PROPERTY_TYPE_0 = 5, MAX_NOTE = 1024 };
    const uint32_t feature_1_and = 0xc0000000;
    uint64_t offset = GET(s, p, Phdr, p_offset), size = GET(s, p, Phdr, p_filesz);
    uint8_t note[MAX_NOTE];
    if (size < NOTE_HEAD || size > MAX_NOTE || !inside(s, offset, size))
        return 0;
    int error = fetch(s, offset, note, size);
    if (error || get(s, note, 4) != 4 || get(s, note + 8, 4) != PROPERTY_TYPE_0 || memcmp(note + 12, "GNU", 4))
        return error;
    uint64_t end = NOTE_HEAD + get(s, note + 4, 4), align = s->image->bits == 64 ? 8 : 4, n;
    for (uint64_t at = NOTE_HEAD; end <= size && at + 12 <= end; at += ALIGN_UP(8 + n, align)) {
        n = get(s, note + at + 4, 4);
        if (get(s, note + at, 4) == feature_1_and && n == 4)
            s->image->features = (uint32_t)get(s, note + at + 8, 4);
    }
    return 0;
}

/* Where the program headers are in memory, as the kernel finds them: inside the segment that covers
 * them in the file. */
static void find_phdr(struct elf_image *image)
{
    for (unsigned i = 0; i < image->n_segments; i++) {
        const struct elf_segment *g = &image->segment[i];
        if (image->phoff >= g->offset && image->phoff - g->offset < g->filesz) {
            image->phdr_vaddr = image->phoff - g->offset + g->vaddr;
            return;
        }
    }
}

static int read_segments(struct source *s, const uint8_t *table)
{
    struct elf_image *image = s->image;
    for (unsigned i = 0; i < image->phnum; i++) {
        const uint8_t *p = table + (size_t)i * image->phentsize;
        unsigned type = (unsigned)GET(s, p, Phdr, p_type);
        int error = 0;
        if (type == PT_LOAD)
            error = add_segment(s, p, i);
        else if (type == PT_INTERP && !image->has_interp) /* the first one counts */
            error = read_interp(s, p);
        else if (type == PT_GNU_PROPERTY)
            error = read_property(s, p);
        else if (type == PT_GNU_STACK)
            image->exec_stack = GET(s, p, Phdr, p_flags) & PF_X;
        if (error)
            return error;
    }
    if (!image->n_segments)
        return fail(s, EINVAL, "has nothing to load");
    if (image->bits == 64 && image->entry >= ADDRESS_LIMIT)
        return fail(s, EINVAL, "starts outside the address space");
    find_phdr(image);
    return 0;
}

static int parse(struct source *s)
{
    struct elf_image *image = s->image;
    memset(image, 0, offsetof(struct elf_image, segment));
    image->align = PAGE;
    int error = read_header(s);
    if (error)
        return error;
    size_t entry = image->bits == 64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (image->phentsize != entry)
        return fail(s, ENOEXEC, "has program headers of an unknown size (%u)", image->phentsize);
    size_t bytes = entry * image->phnum;
    if (!bytes || bytes > MAX_PHDR_BYTES)
        return fail(s, ENOEXEC, "has %u program headers", image->phnum);
    if (!inside(s, image->phoff, bytes))
        return fail(s, ENOEXEC, "is truncated: its program headers are missing");
    uint8_t usual[USUAL_PHDR_BYTES], *table = usual;
    if (bytes > sizeof usual)
        table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        return fail(s, ENOMEM, "cannot be read: out of memory");
    error = fetch(s, image->phoff, table, bytes);
    if (!error)
        error = read_segments(s, table);
    if (table != usual)
        munmap(table, bytes);
    return error;
}

int elf_parse(const uint8_t *file, size_t size, struct elf_image *out)
{
    struct source s = {.file = file, .fd = -1, .size = size, .image = out};
    return parse(&s);
}

int elf_read(int fd, struct elf_image *out)
{
    struct stat st;
    struct source s = {.fd = fd, .image = out};
    ssize_t got = pread(fd, s.start, sizeof s.start, 0);
    s.n_start = got > 0 ? (size_t)got : 0; /* what is wrong is said where the header is missed */
    if (fstat(fd, &st))
        return fail(&s, errno, "cannot be examined: %s", strerror(errno));
    s.size = (uint64_t)st.st_size;
    return parse(&s);
}

void elf_describe(const struct elf_image *image, const char *name, char *text, size_t size)
{
    char number[32];
    snprintf(number, sizeof number, "machine %u", image->machine);
    snprintf(text, size, "a %u-bit %s-endian %s program", image->bits,
             image->big_endian ? "big" : "little", name ? name : number);
}
