/* arena.h - bump allocation for objects that die together with a translation. */
#pragma once
#include "core/types.h"

struct arena {
    char *base, *at, *end;
};

/* Returns SIZE bytes aligned to 16; dies when the arena is exhausted (arenas are sized for the largest block). */
void *arena_alloc(struct arena *a, size_t size);
static inline void arena_reset(struct arena *a)
{
    poison(a->base, (size_t)(a->at - a->base));
    a->at = a->base;
}
