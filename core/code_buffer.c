/* code_buffer.c - one reservation of executable memory, filled from the bottom. */
#include "core/code_buffer.h"

#include <sys/mman.h>

#include "core/memory.h"

enum { PAGES_AT_ONCE = 32 << 10 }; /* bytes */

static WRITTEN_OFTEN uint8_t *base, *at, *limit, *kept;
static WRITTEN_OFTEN uint8_t *there; /* it has pages up to here */

bool code_buffer_init(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    memory_reserve_own(p, size);
    base = at = kept = there = p;
    limit = base + size;
    return true;
}

uint8_t *code_buffer_begin(size_t size)
{
    return (size_t)(limit - at) >= size ? at : NULL;
}

void code_buffer_end(size_t size)
{
    at += ALIGN_UP(size, 16);
    if (at > limit)
        at = limit;
    if (at > there && limit - there >= PAGES_AT_ONCE) {
        memory_populate(there, PAGES_AT_ONCE);
        there += PAGES_AT_ONCE;
    }
}

void code_buffer_skip_to(unsigned residue, unsigned size)
{
    size_t skip = (residue - (uintptr_t)at) & (size - 1);
    if ((size_t)(limit - at) >= skip)
        at += skip;
}

void code_buffer_reset(void) { at = kept; }
void code_buffer_keep(void) { kept = at; }
bool code_buffer_contains(const void *p) { return base && (const uint8_t *)p >= base && (const uint8_t *)p < limit; }
size_t code_buffer_used(void) { return (size_t)(at - base); }
