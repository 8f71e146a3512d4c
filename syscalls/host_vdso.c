/* host_vdso.c - find functions of the host's vDSO. The C library calls the clocks there, too, but through more code than they
 * take themselves. */
#include "syscalls/host_vdso.h"

#include <elf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "core/types.h"

static struct host_vdso functions;
static atomic_bool are_found;

/* Of the kernel's ELF image: addresses in it are relative to where it lies. */
struct image {
    const char *base;
    const Elf64_Sym *symbols;
    const char *names;
    uint32_t n_symbols;
};

static void read_dynamic(struct image *image, const Elf64_Dyn *d)
{
    for (; d->d_tag != DT_NULL; d++) {
        const char *p = image->base + d->d_un.d_ptr;
        if (d->d_tag == DT_SYMTAB)
            image->symbols = (const void *)p;
        else if (d->d_tag == DT_STRTAB)
            image->names = p;
        else if (d->d_tag == DT_HASH)
            image->n_symbols = ((const uint32_t *)(const void *)p)[1]; /* number of chains */
    }
}

/* False: there is none, or it is not as the kernel has always made it. */
static bool open_image(struct image *image)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (const void *)base;
    if (!base || memcmp(header->e_ident, ELFMAG, SELFMAG))
        return false;
    *image = (struct image){.base = base};
    const Elf64_Phdr *segment = (const void *)(base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_DYNAMIC)
            read_dynamic(image, (const void *)(base + segment[i].p_offset));
    return image->symbols && image->names;
}

static const void *find(const struct image *image, const char *name)
{
    for (uint32_t i = 0; i < image->n_symbols; i++) {
        const Elf64_Sym *s = &image->symbols[i];
        if (s->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s->st_info) == STT_FUNC && !strcmp(image->names + s->st_name, name))
            return image->base + s->st_value;
    }
    return NULL;
}

static void find_all(void)
{
    struct image image;
    if (open_image(&image)) {
        functions.clock_gettime = (int (*)(clockid_t, struct timespec *))(uintptr_t)find(&image, "__vdso_clock_gettime");
        functions.gettimeofday = (int (*)(struct timeval *, void *))(uintptr_t)find(&image, "__vdso_gettimeofday");
        functions.getrandom =
            (ssize_t (*)(void *, size_t, unsigned, void *, size_t))(uintptr_t)find(&image, "__vdso_getrandom");
    }
    atomic_store_explicit(&are_found, true, memory_order_release);
}

/* pthread_once alone costs a barrier each time. */
RUN_OFTEN const struct host_vdso *host_vdso(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (unlikely(!atomic_load_explicit(&are_found, memory_order_acquire)))
        pthread_once(&once, find_all);
    return &functions;
}
