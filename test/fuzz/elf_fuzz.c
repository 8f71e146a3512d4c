/* elf_fuzz.c - damaged ELF files through the parser: it must refuse or accept them, never read outside the file or crash.
 *
 *   elf_fuzz [-n COUNT] [-seed N] [FILE]
 *
 * Without FILE the seed file is a small valid arm64 program made here. Every file lies at the end of an allocation of exactly its
 * size, so that AddressSanitizer sees any read past its end. What the parser accepts is checked for what elf.h promises.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>

#include "loader/elf.h"

enum { SEED_SIZE = 12288, MAX_SIZE = 1 << 20 };

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

/* Text and data segment, interpreter, note, thread-local storage and stack header. */
static size_t make_seed(uint8_t *file, bool with_interp)
{
    static const char interp[] = "/lib/ld-linux-aarch64.so.1";
    Elf64_Ehdr e = { .e_type = with_interp ? ET_DYN : ET_EXEC, .e_machine = EM_AARCH64, .e_version = 1, .e_entry = 0x401000,
                     .e_phoff = sizeof e, .e_ehsize = sizeof e, .e_phentsize = sizeof(Elf64_Phdr) };
    memcpy(e.e_ident, ELFMAG, SELFMAG);
    e.e_ident[EI_CLASS] = ELFCLASS64;
    e.e_ident[EI_DATA] = ELFDATA2LSB;
    e.e_ident[EI_VERSION] = EV_CURRENT;
    Elf64_Phdr p[] = {
        { PT_PHDR, PF_R, sizeof e, 0x400040, 0x400040, 6 * sizeof *p, 6 * sizeof *p, 8 },
        { PT_INTERP, PF_R, 0x400, 0x400400, 0x400400, sizeof interp, sizeof interp, 1 },
        { PT_LOAD, PF_R | PF_X, 0, 0x400000, 0x400000, 0x2000, 0x2000, 0x10000 },
        { PT_LOAD, PF_R | PF_W, 0x2000, 0x412000, 0x412000, 0x800, 0x1800, 0x10000 },
        { PT_TLS, PF_R, 0x2000, 0x412000, 0x412000, 0x10, 0x20, 8 },
        { PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16 },
    };
    if (!with_interp)
        p[1].p_type = PT_NOTE;
    e.e_phnum = sizeof p / sizeof *p;
    memset(file, 0, SEED_SIZE);
    memcpy(file, &e, sizeof e);
    memcpy(file + sizeof e, p, sizeof p);
    memcpy(file + 0x400, interp, sizeof interp);
    return SEED_SIZE;
}

/* Mostly in the headers, where each bit means something. */
static size_t mutate(uint8_t *file, size_t size)
{
    static const uint64_t values[] = { 0, 1, 0xffffffffffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xfff, 0x1000,
                                       0xffffffff, 0x7fffffff, 0x80000000, 0xfffffffffffff000, 56, 64, 0x7ffffffff000 };
    unsigned times = 1 + (unsigned)draw(6);
    for (unsigned i = 0; i < times; i++) {
        size_t range = draw(8) ? 64 + 6 * 56 : size, at = draw(range < size ? range : size);
        switch (draw(6)) {
        case 0: file[at] ^= (uint8_t)(1 << draw(8)); break;
        case 1: file[at] = (uint8_t)draw(256); break;
        case 2: case 3: { /* a whole aligned field */
            size_t width = (size_t)1 << draw(4);
            uint64_t v = values[draw(sizeof values / sizeof *values)] + draw(3) - 1;
            at &= ~(width - 1);
            if (at + width <= size)
                memcpy(file + at, &v, width);
            break;
        }
        case 4: { /* swap two program headers' bytes */
            size_t other = draw(range < size ? range : size);
            uint8_t t = file[at];
            file[at] = file[other];
            file[other] = t;
            break;
        }
        case 5:
            if (!draw(4))
                size = draw(2) ? draw(size + 1) : draw(size < 500 ? size + 1 : 500);
            if (!size)
                return 0;
            break;
        }
    }
    return size;
}

/* What loading relies on without checking again. */
static const char *broken_promise(const struct elf_image *m)
{
    if (!m->n_segments || m->n_segments > ELF_MAX_SEGMENTS)
        return "number of segments";
    if (m->low & 4095 || m->high & 4095 || m->low >= m->high)
        return "range";
    if (m->has_interp && !memchr(m->interp, 0, sizeof m->interp))
        return "interpreter name";
    for (unsigned i = 0; i < m->n_segments; i++) {
        const struct elf_segment *s = &m->segment[i];
        if (s->filesz > s->memsz || s->vaddr + s->memsz < s->vaddr || s->offset + s->filesz < s->offset)
            return "segment sizes";
        if (s->memsz && (s->vaddr < m->low || s->vaddr + s->memsz > m->high))
            return "segment outside the range";
    }
    return NULL;
}

static size_t read_seed(const char *path, uint8_t **seed)
{
    FILE *f = fopen(path, "rb");
    *seed = malloc(MAX_SIZE);
    if (!f || !*seed) {
        fprintf(stderr, "elf_fuzz: cannot read %s\n", path);
        exit(1);
    }
    size_t n = fread(*seed, 1, MAX_SIZE, f);
    fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    unsigned long count = 100000, seed = 1, accepted = 0;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-n") && i + 1 < argc)
            count = strtoul(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "-seed") && i + 1 < argc)
            seed = strtoul(argv[++i], NULL, 0);
        else
            path = argv[i];
    }
    state = seed * 0x9e3779b97f4a7c15u + 1;
    uint8_t *original[2] = { NULL };
    size_t size[2];
    for (int k = 0; k < 2; k++) {
        original[k] = malloc(SEED_SIZE);
        if (!original[k])
            return 1;
        size[k] = make_seed(original[k], k);
        if (path)
            size[k] = read_seed(path, &original[k]);
    }
    static struct elf_image image;
    for (int k = 0; k < 2; k++)
        if (elf_parse(original[k], size[k], &image) || broken_promise(&image)) {
            printf("the undamaged file %d is refused: %s\n", k, image.error);
            return 1;
        }
    for (unsigned long i = 0; i < count; i++) {
        unsigned k = i & 1;
        uint8_t *work = malloc(size[k]);
        if (!work)
            return 1;
        memcpy(work, original[k], size[k]);
        size_t n = mutate(work, size[k]);
        uint8_t *file = malloc(n ? n : 1);
        if (!file)
            return 1;
        memcpy(file, work, n);
        int r = elf_parse(file, n, &image);
        const char *bad = r ? NULL : broken_promise(&image);
        if (bad || r > 0 || (r && !memchr(image.error, 0, sizeof image.error))) {
            printf("file %lu of seed %lu: returned %d, %s\n", i, seed, r, bad ? bad : "no reason given");
            fflush(stdout);
            FILE *f = fopen("elf_fuzz.bad", "wb");
            if (f) {
                fwrite(file, 1, n, f);
                fclose(f);
            }
            return 1;
        }
        accepted += !r;
        free(file);
        free(work);
    }
    printf("%lu damaged files, %lu of them still programs, seed %lu\n", count, accepted, seed);
    for (int k = 0; k < 2; k++)
        free(original[k]);
    return 0;
}
