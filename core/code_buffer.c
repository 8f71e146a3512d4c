/* code_buffer.c - one reservation of executable memory, filled from the bottom. */
#include "core/code_buffer.h"

#include <sys/mman.h>

#include "core/memory.h"

/* What the shortest processes need: who makes more code makes so much more that a large page costs less than small ones. */
enum { SMALL_PAGES = 384 << 10 };

static WRITTEN_OFTEN struct memory_area area;
static WRITTEN_OFTEN uint8_t *base, *at, *limit, *kept;

bool code_buffer_init(size_t size)
{
    if (!memory_area_reserve(&area, size, SMALL_PAGES, PROT_READ | PROT_WRITE | PROT_EXEC, true))
        return false;
    base = at = kept = (uint8_t *)area.start;
    limit = base + size;
    return true;
}

uint8_t *code_buffer_begin(size_t size)
{
    if ((size_t)(limit - at) < size)
        return NULL;
    memory_area_use(&area, at + size);
    return at;
}

uint8_t *code_buffer_next(void) { return at; }

void code_buffer_end(size_t size)
{
    at += ALIGN_UP(size, 16);
    if (at > limit)
        at = limit;
}

void code_buffer_skip_to(unsigned residue, unsigned size)
{
    size_t skip = (residue - (uintptr_t)at) & (size - 1);
    if ((size_t)(limit - at) >= skip)
        at += skip;
}

void code_buffer_reset(void)
{
    poison(kept, (size_t)(at - kept));
    at = kept;
}

void code_buffer_keep(void) { kept = at; }
bool code_buffer_contains(const void *p) { return base && (const uint8_t *)p >= base && (const uint8_t *)p < limit; }
size_t code_buffer_used(void) { return (size_t)(at - base); }
