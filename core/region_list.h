/* region_list.h - disjoint regions in the order of their addresses.
 *
 * Pieces of bounded size behind an index: a change moves a few kilobytes however many regions there
 * are. No locks: the caller's. */
#pragma once
#include "core/memory.h"

enum { REGIONS_IN_PIECE = 32 };

struct region_piece {
    unsigned n; /* never 0, but in one that is not used */
    struct region at[REGIONS_IN_PIECE];
};

struct region_list {
    struct region_piece **piece;
    size_t n, capacity; /* pieces */
    struct region_piece *one; /* memory for one of them, or null; most processes need no more */
};

/* Where a region is, or would go; any insertion or removal makes others invalid. */
struct region_place {
    size_t piece;
    unsigned i;
};

/* The first region that ends above ADDR, or the place behind the last one. */
struct region_place region_list_lower(const struct region_list *list, guest_addr addr);
/* The region at PLACE; null: behind the last one. */
struct region *region_list_at(const struct region_list *list, struct region_place place);
/* Step to the next or previous region. False: there is none. */
bool region_list_next(const struct region_list *list, struct region_place *place);
bool region_list_previous(const struct region_list *list, struct region_place *place);
/* Put R before PLACE. Returns where it is now. */
struct region_place region_list_insert(struct region_list *list, struct region_place place,
                                       const struct region *r);
/* Remove the region at PLACE. Returns the place of the one that followed it. */
struct region_place region_list_erase(struct region_list *list, struct region_place place);
