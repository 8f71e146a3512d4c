/* arena.c - bump allocation for objects that die together with a translation. */
#include "core/arena.h"

#include <sys/mman.h>

#include "core/log.h"

enum { ARENA_SIZE = 16 << 20 }; /* far above the largest block; untouched pages cost nothing */

void *arena_alloc(struct arena *a, size_t size)
{
    if (!a->base) {
        void *p = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            die("cannot allocate %d bytes for translation: out of memory", (int)ARENA_SIZE);
        a->base = a->at = p;
        a->end = a->base + ARENA_SIZE;
    }
    size = ALIGN_UP(size, 16);
    if (size > (size_t)(a->end - a->at))
        bug("a translation needs more than %d bytes", (int)ARENA_SIZE);
    void *p = a->at;
    a->at += size;
    return p;
}
