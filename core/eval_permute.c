/* eval_permute.c - out-of-line moves of lanes. */
#include "core/eval_impl.h"

void ev_vdup(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        lane_set(d, log2, i, a->u64[0]);
}

void ev_vdupl(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++)
        lane_set(d, log2, i, lane_get(a, log2, desc_aux(desc)));
}

void ev_vins(EVAL_PARAMS)
{
    *d = *a;
    lane_set(d, type_lane_log2(desc_type(desc)), desc_aux(desc), b->u64[0]);
}

void ev_vinsl(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    *d = *a;
    lane_set(d, log2, desc_aux(desc), lane_get(b, log2, desc_d(desc)));
}

void ev_vget(EVAL_PARAMS)
{
    d->u64[0] = lane_get(a, type_lane_log2(desc_type(desc)), desc_aux(desc));
}

void ev_vgets(EVAL_PARAMS)
{
    const unsigned log2 = type_lane_log2(desc_type(desc));
    d->s64[0] = lane_signed(log2, lane_get(a, log2, desc_aux(desc)));
}

/* Alternate lanes of A and B, from lane FIRST. */
static void zip(uint32_t desc, union vec *d, const union vec *a, const union vec *b, bool high)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    const unsigned first = high ? n / 2 : 0;
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2, i, lane_get(i & 1 ? b : a, log2, first + i / 2));
}

/* Every second lane of b:a, from lane ODD. */
static void unzip(uint32_t desc, union vec *d, const union vec *a, const union vec *b, unsigned odd)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++) {
        const unsigned at = 2 * i + odd;
        lane_set(d, log2, i, at < n ? lane_get(a, log2, at) : lane_get(b, log2, at - n));
    }
}

static void transpose(uint32_t desc, union vec *d, const union vec *a, const union vec *b,
                      unsigned odd)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2, i, lane_get(i & 1 ? b : a, log2, (i & ~1u) + odd));
}

/* Lanes reversed within containers of 2^container bytes. */
static void reverse(uint32_t desc, union vec *d, const union vec *a, unsigned container)
{
    const unsigned log2 = type_lane_log2(desc_type(desc)), n = type_lanes(desc_type(desc));
    const unsigned flip = (1u << (container - log2)) - 1;
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++)
        lane_set(d, log2, i, lane_get(a, log2, i ^ flip));
}

// clang-format off
void ev_vzip1(EVAL_PARAMS)  { zip(desc, d, a, b, false); }
void ev_vzip2(EVAL_PARAMS)  { zip(desc, d, a, b, true); }
void ev_vuzp1(EVAL_PARAMS)  { unzip(desc, d, a, b, 0); }
void ev_vuzp2(EVAL_PARAMS)  { unzip(desc, d, a, b, 1); }
void ev_vtrn1(EVAL_PARAMS)  { transpose(desc, d, a, b, 0); }
void ev_vtrn2(EVAL_PARAMS)  { transpose(desc, d, a, b, 1); }
void ev_vrev16(EVAL_PARAMS) { reverse(desc, d, a, 1); }
void ev_vrev32(EVAL_PARAMS) { reverse(desc, d, a, 2); }
void ev_vrev64(EVAL_PARAMS) { reverse(desc, d, a, 3); }
// clang-format on

void ev_vext(EVAL_PARAMS)
{
    const unsigned n = type_lanes(desc_type(desc));
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < n; i++) {
        const unsigned at = i + desc_d(desc);
        d->u8[i] = at < n ? a->u8[at] : b->u8[at - n];
    }
}

void ev_vtbl(EVAL_PARAMS)
{
    const unsigned first = desc_d(desc);
    memset(d, 0, sizeof(*d));
    for (unsigned i = 0; i < type_lanes(desc_type(desc)); i++) {
        const unsigned at = b->u8[i] - first; /* below FIRST it wraps to something large */
        d->u8[i] = at < 16 ? a->u8[at] : c->u8[i];
    }
}
