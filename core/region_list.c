/* region_list.c - disjoint regions in the order of their addresses. */
#include "core/region_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct region_place region_list_lower(const struct region_list *list, guest_addr addr)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct region_piece *piece = list->piece[mid];
        if (piece->at[piece->n - 1].end > addr)
            high = mid;
        else
            low = mid + 1;
    }
    struct region_place place = {low, 0};
    unsigned end = low < list->n ? list->piece[low]->n : 0;
    while (place.i < end) {
        unsigned mid = (place.i + end) / 2;
        if (list->piece[low]->at[mid].end > addr)
            end = mid;
        else
            place.i = mid + 1;
    }
    return place;
}

struct region *region_list_at(const struct region_list *list, struct region_place place)
{
    return place.piece < list->n ? &list->piece[place.piece]->at[place.i] : NULL;
}

bool region_list_next(const struct region_list *list, struct region_place *place)
{
    if (place->piece < list->n && ++place->i == list->piece[place->piece]->n)
        *place = (struct region_place){place->piece + 1, 0};
    return place->piece < list->n;
}

bool region_list_previous(const struct region_list *list, struct region_place *place)
{
    if (place->i) {
        place->i--;
        return true;
    }
    if (!place->piece)
        return false;
    place->piece--;
    place->i = list->piece[place->piece]->n - 1;
    return true;
}

/* A new piece, empty until the caller fills it, before number I. */
static struct region_piece *add_piece(struct region_list *list, size_t i)
{
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->piece = realloc(list->piece, list->capacity * sizeof(*list->piece));
    }
    struct region_piece *piece = list->one && !list->one->n ? list->one : malloc(sizeof(*piece));
    if (!list->piece || !piece)
        die("out of memory");
    piece->n = 0;
    memmove(list->piece + i + 1, list->piece + i, (list->n - i) * sizeof(*list->piece));
    list->piece[i] = piece;
    list->n++;
    return piece;
}

static void drop_piece(struct region_list *list, size_t i)
{
    list->piece[i]->n = 0;
    if (list->piece[i] != list->one)
        free(list->piece[i]);
    list->n--;
    memmove(list->piece + i, list->piece + i + 1, (list->n - i) * sizeof(*list->piece));
}

/* Make room in a full piece: what is behind the middle moves to a new one. */
static void split_piece(struct region_list *list, struct region_place *place)
{
    enum { HALF = REGIONS_IN_PIECE / 2 };
    struct region_piece *upper = add_piece(list, place->piece + 1);
    struct region_piece *piece = list->piece[place->piece];
    upper->n = REGIONS_IN_PIECE - HALF;
    memcpy(upper->at, piece->at + HALF, upper->n * sizeof(*upper->at));
    piece->n = HALF;
    if (place->i > HALF)
        *place = (struct region_place){place->piece + 1, place->i - HALF};
}

struct region_place region_list_insert(struct region_list *list, struct region_place place,
                                       const struct region *r)
{
    if (place.piece == list->n && list->n) /* behind the last region: into its piece */
        place = (struct region_place){list->n - 1, list->piece[list->n - 1]->n};
    if (!list->n)
        add_piece(list, 0);
    if (list->piece[place.piece]->n == REGIONS_IN_PIECE)
        split_piece(list, &place);
    struct region_piece *piece = list->piece[place.piece];
    memmove(piece->at + place.i + 1, piece->at + place.i,
            (piece->n - place.i) * sizeof(*piece->at));
    piece->at[place.i] = *r;
    piece->n++;
    return place;
}

/* The piece at PLACE and the next one become one if that is well filled and no more. */
static void join_pieces(struct region_list *list, size_t i)
{
    struct region_piece *piece = list->piece[i],
                        *next = i + 1 < list->n ? list->piece[i + 1] : NULL;
    if (!next || piece->n + next->n > REGIONS_IN_PIECE / 2)
        return;
    memcpy(piece->at + piece->n, next->at, next->n * sizeof(*next->at));
    piece->n += next->n;
    drop_piece(list, i + 1);
}

struct region_place region_list_erase(struct region_list *list, struct region_place place)
{
    struct region_piece *piece = list->piece[place.piece];
    piece->n--;
    memmove(piece->at + place.i, piece->at + place.i + 1,
            (piece->n - place.i) * sizeof(*piece->at));
    if (!piece->n)
        drop_piece(list, place.piece);
    else
        join_pieces(list, place.piece);
    if (place.piece < list->n && place.i == list->piece[place.piece]->n)
        place = (struct region_place){place.piece + 1, 0};
    return place;
}
