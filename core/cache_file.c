/* cache_file.c - what is in a mapped cache file: segments, their checks, and blocks.
 *
 * Code of a file jumps from block to block without a struct tb for each. One is made for a block that is looked up, because
 * an indirect jump led to it or C did, and for one that is left by an exit that is not linked. For a block that faults a
 * temporary one will do. */
#include "core/cache_unit.h"

#include <string.h>

#include "core/hash.h"
#include "core/host.h"
#include "core/ir.h"

enum { PAGE_BITS = 12, MAX_FILE = 1 << 30, MAX_INDEX_BITS = 24, CODE_ALIGN = 16 };

/* ---- Layout -------------------------------------------------------------------------------------------- */

static bool segment_fits(const struct cache_segment *s, uint64_t file_size)
{
    uint64_t entries_end = (uint64_t)s->entries + (uint64_t)s->n_blocks * sizeof(struct cache_entry);
    uint64_t pages_end = (uint64_t)s->pages + (uint64_t)s->n_pages * sizeof(struct cache_page_hash);
    return s->start >= CACHE_PAGE && s->start % CACHE_PAGE == 0 && (uint64_t)s->start + s->size <= file_size &&
           s->code_size <= s->entries && entries_end <= s->pages && pages_end <= s->index && s->index_bits <= MAX_INDEX_BITS &&
           s->index + ((uint64_t)4 << s->index_bits) <= s->details && (uint64_t)s->details + s->details_size <= s->size &&
           !((s->entries | s->pages | s->index | s->details) & 7);
}

bool cache_header_check(const struct cache_header *h, uint64_t size, const struct cache_key *key)
{
    if (size < CACHE_PAGE || memcmp(h->magic, CACHE_MAGIC, sizeof h->magic) || h->version != CACHE_VERSION ||
        h->header_size != sizeof *h || h->file_size > size || h->file_size > MAX_FILE || h->n_segments > CACHE_MAX_SEGMENTS ||
        h->check != hash_bytes(h, offsetof(struct cache_header, check), 0) || (key && memcmp(key, &h->key, sizeof *key)))
        return false;
    for (unsigned i = 0; i < h->n_segments; i++)
        if (!segment_fits(&h->segment[i], h->file_size) || h->segment[i].leads_to >> i)
            return false;
    return true;
}

void cache_file_init(struct cache_file *f, struct cache_header *h, const void *start)
{
    f->header = h;
    f->start = start;
    f->first[0] = f->n_regions = 0;
    for (unsigned i = 0; i < h->n_segments; i++) {
        f->first[i + 1] = f->first[i] + h->segment[i].n_blocks;
        f->n_regions += h->segment[i].n_regions;
    }
}

uint64_t cache_segment_finish(const struct cache_segment *s, uint64_t check)
{
    return hash_bytes((const uint8_t *)s + sizeof s->check, sizeof *s - sizeof s->check, check);
}

uint64_t cache_segment_check(const struct cache_segment *s, const uint8_t *start)
{
    uint64_t check = 0;
    for (uint32_t at = 0; at < s->size; at += CACHE_CHUNK)
        check = hash_bytes(start + at, s->size - at < CACHE_CHUNK ? s->size - at : CACHE_CHUNK, check);
    return cache_segment_finish(s, check);
}

struct cache_parts cache_parts(const struct cache_entry *e, const uint8_t *details)
{
    struct cache_parts p;
    p.exit = (const void *)details;
    p.range = (const void *)(p.exit + e->n_exits);
    p.flags_at = (const void *)(p.range + e->n_ranges);
    p.places = (const void *)(p.flags_at + e->n_flags_at);
    p.bias_at = (const void *)(p.places + e->n_places);
    p.pin = e->kind == CACHE_REGION ? (const void *)(p.bias_at + e->n_bias) : NULL;
    p.deltas = (const uint8_t *)(p.bias_at + e->n_bias) + (p.pin ? IR_MAX_VARS : 0);
    p.size = (uint32_t)ALIGN_UP(p.deltas + e->n_delta_bytes - details, 4);
    return p;
}

/* Where the field of its jump does not cross a cache line, wherever the code starts. */
uint32_t cache_counter_at(const struct cache_entry *e)
{
    bool fits = (e->size + HOST_COUNTER_SITE) % CODE_ALIGN <= CODE_ALIGN - 4;
    return fits ? e->size : (uint32_t)ALIGN_UP(e->size, CODE_ALIGN);
}

uint32_t cache_counter_end(const struct cache_entry *e)
{
    return e->kind == CACHE_HEAD ? cache_counter_at(e) + HOST_COUNTER : e->size;
}

/* A field of 4 bytes at AT is inside of the block's code. */
static bool field_fits(const struct cache_entry *e, uint32_t at) { return e->size >= 4 && at <= e->size - 4; }

bool cache_entry_fits(const struct cache_file *f, unsigned segment, const struct cache_entry *e)
{
    const struct cache_segment *s = &f->header->segment[segment];
    if (e->code > s->code_size || e->size > s->code_size - e->code || cache_counter_end(e) > s->code_size - e->code ||
        e->details > s->details_size || cache_parts(e, NULL).size > s->details_size - e->details)
        return false;
    struct cache_parts p = cache_parts(e, cache_details(f, segment, e));
    for (unsigned i = 0; i < e->n_exits; i++)
        if (!field_fits(e, p.exit[i].site))
            return false;
    for (unsigned i = 0; i < e->n_bias; i++)
        if (!field_fits(e, p.bias_at[i]))
            return false;
    return true;
}

uint32_t cache_index_start(uint32_t offset, uint32_t mode, uint32_t bits)
{
    uint32_t hash = (offset >> 2 ^ mode * 0x85ebca6bu) * 0x9e3779b1u;
    return bits ? hash >> (32 - bits) : 0;
}

int64_t cache_lookup(const struct cache_file *f, unsigned segment, uint32_t offset, uint32_t mode)
{
    const struct cache_segment *s = &f->header->segment[segment];
    const struct cache_entry *entries = cache_entries(f, segment);
    const uint32_t *index = (const void *)(cache_segment_start(f, segment) + s->index);
    uint32_t mask = ((uint32_t)1 << s->index_bits) - 1;
    uint32_t at = cache_index_start(offset, mode, s->index_bits);
    for (uint32_t n = 0; n <= mask; n++, at = (at + 1) & mask) {
        uint32_t i = index[at];
        if (i == 0 || i > s->n_blocks)
            return -1;
        if (entries[i - 1].offset == offset && entries[i - 1].mode == mode)
            return i - 1;
    }
    return -1;
}

/* ---- What may run ----------------------------------------------------------------------------------------- */

static enum segment_state pages_state(struct cache_unit *u, unsigned segment)
{
    const struct cache_segment *s = &u->file.header->segment[segment];
    const struct cache_page_hash *hash = (const void *)(cache_segment_start(&u->file, segment) + s->pages);
    for (uint32_t i = 0; i < s->n_pages; i++) {
        uint32_t page = hash[i].page;
        if (!cache_page_known(u, page, hash[i].hash))
            return SEGMENT_OTHER_PAGES;
        if (u->hash[page] == hash[i].hash)
            continue;
        if (u->page[page].changed)
            return SEGMENT_OTHER_PAGES;
        u->damaged = true; /* out of date */
        return SEGMENT_BAD;
    }
    for (uint32_t i = 0; i < s->n_pages; i++)
        u->page[hash[i].page].used = true;
    for (uint32_t i = 0; i < u->n_pages; i++)
        u->page[i].unlinked = false; /* this segment's jumps may lead to any */
    return SEGMENT_GOOD;
}

bool cache_segment_usable(struct cache_unit *u, unsigned segment)
{
    const struct cache_segment *s = &u->file.header->segment[segment];
    if (u->state[segment] != SEGMENT_UNKNOWN)
        return u->state[segment] == SEGMENT_GOOD;
    for (unsigned i = 0; i < segment; i++)
        if (s->leads_to >> i & 1 && !cache_segment_usable(u, i))
            return false;
    if (!u->is_marked && s->check != cache_segment_check(s, cache_segment_start(&u->file, segment))) {
        u->state[segment] = SEGMENT_BAD;
        u->damaged = true;
    } else {
        u->state[segment] = (uint8_t)pages_state(u, segment);
    }
    return u->state[segment] == SEGMENT_GOOD;
}

bool cache_is_up_to_date(struct cache_unit *u)
{
    for (unsigned s = 0; s < u->file.header->n_segments; s++) {
        const struct cache_segment *segment = &u->file.header->segment[s];
        const struct cache_page_hash *hash = (const void *)(cache_segment_start(&u->file, s) + segment->pages);
        for (uint32_t i = 0; i < segment->n_pages; i++)
            if (!cache_page_is_of_file(u, hash[i].page) || !cache_page_known(u, hash[i].page, 0) ||
                u->hash[hash[i].page] != hash[i].hash)
                return false;
    }
    return true;
}

bool cache_pages_match(struct cache_unit *u, unsigned segment, const struct cache_entry *e)
{
    struct cache_parts p = cache_parts(e, cache_details(&u->file, segment, e));
    for (unsigned i = 0; i < e->n_ranges; i++) {
        int64_t start = (int64_t)e->offset + p.range[i].start, last = start + p.range[i].size - 1;
        for (int64_t page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++)
            if (!cache_page_known(u, (uint32_t)page, 0) || !u->page[page].used)
                return false;
    }
    return true;
}

static bool depends_on(const struct cache_file *f, unsigned segment, const struct cache_entry *e, int64_t start, int64_t end)
{
    struct cache_parts p = cache_parts(e, cache_details(f, segment, e));
    for (unsigned i = 0; i < e->n_ranges; i++) {
        int64_t from = (int64_t)e->offset + p.range[i].start;
        if (from < end && start < from + p.range[i].size)
            return true;
    }
    return false;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------- */

/* The last entry whose code starts at this place of the file or before, or null. *OFFSET: from its start. */
static const struct cache_entry *entry_before(const struct cache_file *f, uint64_t place, unsigned *segment, uint32_t *offset)
{
    const struct cache_header *h = f->header;
    for (unsigned i = 0; i < h->n_segments; i++) {
        const struct cache_segment *s = &h->segment[i];
        if (place < s->start || place >= (uint64_t)s->start + s->code_size)
            continue;
        const struct cache_entry *entries = cache_entries(f, i);
        uint32_t at = (uint32_t)place - s->start, lo = 0, hi = s->n_blocks;
        while (hi - lo > 1) {
            uint32_t mid = lo + (hi - lo) / 2;
            if (entries[mid].code <= at)
                lo = mid;
            else
                hi = mid;
        }
        *segment = i;
        *offset = at - entries[lo].code;
        return &entries[lo];
    }
    return NULL;
}

/* The entry whose code holds the place, or null. */
static const struct cache_entry *entry_at(const struct cache_file *f, uint64_t place, unsigned *segment)
{
    uint32_t offset;
    const struct cache_entry *e = entry_before(f, place, segment, &offset);
    return e && offset < e->size ? e : NULL;
}

/* The entry that is run by a jump to the place, or null. */
static const struct cache_entry *entry_run(const struct cache_file *f, uint64_t place, unsigned *segment)
{
    uint32_t offset;
    const struct cache_entry *e = entry_before(f, place, segment, &offset);
    return e && (offset == 0 || (e->kind == CACHE_HEAD && offset == cache_counter_at(e))) ? e : NULL;
}

bool cache_exits_right(const struct cache_file *f, unsigned segment, const struct cache_entry *e)
{
    const struct cache_segment *s = &f->header->segment[segment];
    struct cache_parts p = cache_parts(e, cache_details(f, segment, e));
    const uint8_t *code = cache_segment_start(f, segment) + e->code;
    for (unsigned i = 0; i < e->n_exits; i++) {
        int64_t to = host_backend.exit_leads_to(code, p.exit[i].site);
        unsigned other;
        if (to == p.exit[i].stub)
            continue;
        uint64_t place = (uint64_t)(s->start + (int64_t)e->code + to);
        const struct cache_entry *target = entry_run(f, place, &other);
        if (!target || target->mode != e->mode || target->offset != e->offset + (uint32_t)p.exit[i].target ||
            (other != segment && !(s->leads_to >> other & 1)))
            return false;
    }
    return true;
}

/* A new member that code generation fills in has to be in the file, too: here, in put_block and in put_details. */
_Static_assert(sizeof(struct tb) == 168, "struct tb has changed: cache_format.h");

/* All but exits and ranges. */
static void fill_in(const struct cache_unit *u, unsigned segment, const struct cache_entry *e, struct tb *tb)
{
    struct cache_parts p = cache_parts(e, cache_details(&u->file, segment, e));
    *tb = (struct tb){
        .pc = u->base + e->offset,
        .mode = e->mode,
        .code = cache_segment_start(&u->file, segment) + e->code,
        .size = e->size,
        .n_insns = e->n_insns,
        .flags_at = p.flags_at,
        .n_flags_at = e->n_flags_at,
        .places = p.places,
        .n_places = e->n_places,
        .deltas = p.deltas,
        .n_delta_bytes = e->n_delta_bytes,
        .pin = p.pin,
        .is_cold = e->kind == CACHE_COLD,
        .in_file = true,
    };
}

static struct tb *make_tb(const struct cache_unit *u, unsigned segment, const struct cache_entry *e)
{
    struct cache_parts p = cache_parts(e, cache_details(&u->file, segment, e));
    bool counts = e->kind == CACHE_HEAD;
    struct tb *tb = tb_alloc(sizeof *tb + e->n_ranges * sizeof *tb->range + (e->n_exits + counts) * sizeof *tb->exits);
    fill_in(u, segment, e, tb);
    tb->range = (struct tb_range *)(void *)(tb + 1);
    tb->exits = (struct tb_exit *)(void *)(tb->range + e->n_ranges);
    tb->n_ranges = e->n_ranges;
    tb->n_exits = e->n_exits;
    for (unsigned i = 0; i < e->n_ranges; i++)
        tb->range[i] = (struct tb_range){tb->pc + (guest_addr)(int64_t)p.range[i].start, p.range[i].size};
    for (unsigned i = 0; i < e->n_exits; i++)
        tb->exits[i] = (struct tb_exit){.target = tb->pc + (guest_addr)(int64_t)p.exit[i].target,
                                        .stub = p.exit[i].stub,
                                        .site = p.exit[i].site,
                                        .owner = tb,
                                        .in_file = host_backend.exit_leads_to(tb->code, p.exit[i].site) != p.exit[i].stub};
    tb->counts = counts;
    if (counts)
        tb->exits[tb->n_exits++] = (struct tb_exit){.target = tb->pc,
                                                    .stub = cache_counter_at(e) + HOST_COUNTER_STUB,
                                                    .site = cache_counter_at(e) + HOST_COUNTER_SITE,
                                                    .owner = tb,
                                                    .in_file = true};
    return tb;
}

static struct tb **tb_of(const struct cache_unit *u, unsigned segment, const struct cache_entry *e)
{
    return &u->blocks[u->file.first[segment] + (uint32_t)(e - cache_entries(&u->file, segment))];
}

const struct cache_entry *cache_usable_entry(struct cache_unit *u, guest_addr pc, uint32_t mode, unsigned *segment)
{
    for (unsigned i = 0; u->file.header && pc - u->base < MAX_FILE && i < u->file.header->n_segments; i++) {
        if (u->state[i] > SEGMENT_GOOD)
            continue;
        int64_t n = cache_lookup(&u->file, i, (uint32_t)(pc - u->base), mode);
        if (n < 0 || !cache_segment_usable(u, i))
            continue;
        const struct cache_entry *e = cache_entries(&u->file, i) + n;
        *segment = i;
        return cache_pages_match(u, i, e) ? e : NULL;
    }
    return NULL;
}

struct tb *cache_make_block(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    unsigned segment;
    const struct cache_entry *e = cache_usable_entry(u, pc, mode, &segment);
    if (!e)
        return NULL;
    struct tb *tb = make_tb(u, segment, e);
    __atomic_store_n(tb_of(u, segment, e), tb, __ATOMIC_RELEASE);
    return tb;
}

static struct cache_unit *unit_of_code(const void *host_pc)
{
    const uint8_t *pc = host_pc;
    unsigned n = __atomic_load_n(&n_cache_units, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++) {
        const struct cache_file *f = &cache_units[i].file;
        if (f->header && pc >= f->start && pc < f->start + f->header->file_size)
            return &cache_units[i];
    }
    return NULL;
}

bool cache_contains(const void *host_pc) { return unit_of_code(host_pc) != NULL; }

const struct tb *cache_tb_from_host(const void *host_pc, struct tb *tb)
{
    const struct cache_unit *u = unit_of_code(host_pc);
    unsigned segment;
    const struct cache_entry *e =
        u ? entry_at(&u->file, (uint64_t)((const uint8_t *)host_pc - u->file.start), &segment) : NULL;
    if (!e)
        return NULL;
    fill_in(u, segment, e, tb);
    return tb;
}

struct tb *cache_owner(const void *code, bool *made)
{
    struct cache_unit *u = unit_of_code(code);
    unsigned segment;
    const struct cache_entry *e = entry_at(&u->file, (uint64_t)((const uint8_t *)code - u->file.start), &segment);
    struct tb **at = tb_of(u, segment, e);
    *made = !*at || (*at)->dead;
    if (!*made)
        return *at;
    struct tb *tb = make_tb(u, segment, e);
    tb->dead = !cache_pages_match(u, segment, e); /* good for one look at where it leads */
    if (!tb->dead)
        __atomic_store_n(at, tb, __ATOMIC_RELEASE);
    return tb;
}

/* ---- Taking it back ----------------------------------------------------------------------------------------- */

/* Lead the exits of one block to their stubs if they lead into another that depends on [start, end). */
static void unlink_exits(struct cache_unit *u, unsigned segment, const struct cache_entry *e, int64_t start, int64_t end)
{
    struct cache_parts p = cache_parts(e, cache_details(&u->file, segment, e));
    uint64_t place = u->file.header->segment[segment].start + (uint64_t)e->code;
    uint8_t *code = (uint8_t *)u->file.start + place;
    struct tb *tb = *tb_of(u, segment, e);
    for (unsigned i = 0; i < e->n_exits; i++) {
        int64_t to = host_backend.exit_leads_to(code, p.exit[i].site);
        unsigned other;
        if (to == p.exit[i].stub || (tb && !tb->exits[i].in_file))
            continue;
        const struct cache_entry *target = entry_run(&u->file, place + (uint64_t)to, &other);
        if (!target || !depends_on(&u->file, other, target, start, end))
            continue;
        host_backend.lead_exit(code, p.exit[i].site, p.exit[i].stub);
        if (tb)
            tb->exits[i].in_file = false;
    }
}

void cache_unlink(struct cache_unit *u, guest_addr start, guest_addr end)
{
    for (unsigned s = 0; u->file.header && s < u->file.header->n_segments; s++) {
        const struct cache_entry *entries = cache_entries(&u->file, s);
        for (uint32_t i = 0; u->state[s] == SEGMENT_GOOD && i < u->file.header->segment[s].n_blocks; i++)
            unlink_exits(u, s, &entries[i], (int64_t)start, (int64_t)end);
    }
}

void cache_unlink_all(struct cache_unit *u)
{
    for (uint32_t i = 0; u->file.header && i < u->file.first[u->file.header->n_segments]; i++) {
        struct tb *tb = u->blocks[i];
        for (unsigned n = 0; tb && n < tb->n_exits; n++)
            if (tb->exits[n].to)
                host_backend.patch_exit(tb, n, NULL);
        u->blocks[i] = NULL;
    }
}
