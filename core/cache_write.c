/* cache_write.c - new blocks into a unit's file: one more segment, or a new file that has all in one.
 *
 * One process at a time adds to a file; the others do without. A segment goes behind the end that the header names, then
 * the header is written: whoever is killed before that leaves bytes that nobody looks at and the next writer overwrites. A
 * whole file is written under a temporary name of its own and renamed: of several at once the last one stays. A file torn by a
 * crash of the machine is noticed by its checks. */
#include "core/cache_unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cache_stream.h"
#include "core/hash.h"
#include "core/host.h"
#include "core/ir.h"
#include "core/memory.h"
#include "core/promote.h"

enum { CODE_ALIGN = 16, CACHE_LINE = 64, PAGE_BITS = 12, PRUNE_EVERY = 16, MAX_FILE = 256 << 20, MAX_PAGES = 1 << 18 };
enum { MAX_CODE = CACHE_STREAM_MOST, MAX_COUNTER = HOST_COUNTER + CODE_ALIGN };

struct writer {
    struct cache_unit *unit;
    int fd;                       /* of the file that a segment is added to, or -1: a new one is made */
    struct cache_file file;       /* as it is now, if it is to be kept or merged */
    struct cache_header old_head;
    void *map;
    size_t map_size;
    bool merge;
    struct cache_header head;     /* as it will be */
    struct cache_segment *segment; /* the new one, in it */
    struct cache_entry *entries;
    const void **blocks; /* by entry: struct tb of a new block, before those of the segments of a file that is merged */
    uint32_t n, n_new, max_new, max_blocks;
    uint32_t n_until[CACHE_MAX_SEGMENTS]; /* blocks, with those of each old segment */
    uint32_t *index, index_bits, code_size, details_size;
    uint64_t *want; /* by page: the contents that blocks are made from, 0: none are */
    uint32_t n_want;
    uint8_t *buffer; /* of the stream */
    struct cache_stream out;
};

/* ---- The file as it is ------------------------------------------------------------------------------------- */

/* Writing the old blocks again costs little next to the new ones, and then all can lead to all; or new regions pay for it. */
static bool is_worth_merging(const struct writer *w, const struct cache_header *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < h->n_segments; i++)
        n += h->segment[i].n_blocks;
    return (n / 2 <= w->max_new || w->unit->for_regions) && n + w->max_new <= w->max_blocks;
}

/* The unit's blocks come from a file that is not to be written: the new file has them too. False: that is not worth it. */
static bool merge_baked(struct writer *w)
{
    const struct cache_unit *u = w->unit;
    w->merge = true;
    w->old_head = *u->file.header;
    if (!u->is_baked) /* it was in the folder, and is gone */
        return !(w->merge = false);
    if (u->file.first[w->old_head.n_segments] + (uint64_t)w->max_new > w->max_blocks)
        return false;
    w->map_size = w->old_head.file_size;
    w->map = mmap(NULL, w->map_size, PROT_READ, MAP_PRIVATE, cache_fd(CACHE_FD_BAKED), (off_t)u->baked_offset);
    if (w->map == MAP_FAILED)
        return false;
    cache_file_init(&w->file, &w->old_head, w->map);
    return true;
}

/* Find out what becomes of the file: it gets one more segment, is merged into one, or is replaced. False: another process
 * is writing it. */
static bool open_old(struct writer *w)
{
    char name[CACHE_FILE_NAME];
    struct cache_unit *u = w->unit;
    uint64_t size;
    cache_file_name(name, &u->key, "tbc");
    w->fd = cache_open(name, true, &size);
    if (w->fd < 0)
        return !u->file.header || merge_baked(w);
    if (!cache_lock())
        return false;
    const struct cache_header *mine = u->file.header;
    struct cache_header *h = &w->old_head;
    bool good = pread(w->fd, h, sizeof *h, 0) == sizeof *h && cache_header_check(h, size, &u->key);
    bool same = good && mine && mine->check == h->check;
    w->merge = good && (h->n_segments == CACHE_MAX_SEGMENTS || is_worth_merging(w, h));
    if (good && !(u->damaged && (!mine || same))) {
        if (same && !w->merge) {
            w->file = u->file;
        } else if ((w->map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, w->fd, 0)) != MAP_FAILED) {
            w->map_size = size;
            cache_file_init(&w->file, h, w->map);
        }
    }
    w->merge &= w->file.header != NULL;
    if (!w->file.header || w->merge) {
        cache_keep(CACHE_FD_LOCK);
        w->fd = -1;
    }
    return true;
}

/* ---- What is worth keeping ---------------------------------------------------------------------------------- */

/* Take note of the contents of a page that a block depends on. False: they are other than another's. */
static bool want_page(struct writer *w, uint64_t page, uint64_t hash)
{
    if (page >= w->n_want || (w->want[page] && w->want[page] != hash))
        return false;
    w->want[page] = hash;
    return true;
}

/* The pages still have the contents that the translation was made from. */
static bool pages_unchanged(struct writer *w, const struct tb *tb)
{
    struct cache_unit *u = w->unit;
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr start = tb->range[i].start - u->base, last = start + tb->range[i].size - 1;
        for (guest_addr page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++) {
            if (!u->page[page].known)
                return false;
            if (w->want[page])
                continue;
            uint64_t hash = u->hash[page];
            u->page[page].known = false;
            if (!cache_page_known(u, (uint32_t)page, 0))
                return false;
            if (u->hash[page] != hash) {
                u->page[page].known = false;
                return false;
            }
            w->want[page] = hash;
        }
    }
    return true;
}

static bool fits(guest_addr value, guest_addr base) { return (int64_t)(value - base) == (int32_t)(value - base); }

static const struct cache_entry *find_in_file(const struct writer *w, uint32_t offset, uint32_t mode)
{
    for (unsigned i = 0; w->file.header && i < w->file.header->n_segments; i++) {
        int64_t n = cache_lookup(&w->file, i, offset, mode);
        if (n >= 0)
            return cache_entries(&w->file, i) + n;
    }
    return NULL;
}

/* The block chosen for a guest address, or null. */
static struct cache_entry *find_chosen(const struct writer *w, uint32_t offset, uint32_t mode)
{
    uint32_t mask = ((uint32_t)1 << w->index_bits) - 1;
    for (uint32_t at = cache_index_start(offset, mode, w->index_bits); w->index[at]; at = (at + 1) & mask) {
        struct cache_entry *e = &w->entries[w->index[at] - 1];
        if (e->offset == offset && e->mode == mode)
            return e;
    }
    return NULL;
}

static bool is_wanted(struct writer *w, const struct tb *tb)
{
    if (tb->dead || tb->n_delta_bytes > UINT16_MAX || tb->size > MAX_CODE - MAX_COUNTER || !pages_unchanged(w, tb))
        return false;
    for (unsigned i = 0; i < tb->n_exits; i++)
        if (!fits(tb->exits[i].target, tb->pc))
            return false;
    for (unsigned i = 0; i < tb->n_ranges; i++)
        if (!fits(tb->range[i].start, tb->pc))
            return false;
    uint32_t offset = (uint32_t)(tb->pc - w->unit->base);
    const struct cache_entry *old = find_in_file(w, offset, tb->mode);
    bool better = old && w->merge && tb->pin && old->kind != CACHE_REGION;
    return (!old || better) && !find_chosen(w, offset, tb->mode);
}

/* One more block, with a place for its details; its code gets one when all are chosen. */
static void add_block(struct writer *w, const void *block, struct cache_entry e)
{
    e.details = w->details_size;
    w->code_size += e.size + MAX_COUNTER + CACHE_LINE;
    w->details_size += cache_parts(&e, NULL).size;
    w->blocks[w->n] = block;
    w->entries[w->n++] = e;
    w->segment->n_regions += e.kind == CACHE_REGION;
    uint32_t mask = ((uint32_t)1 << w->index_bits) - 1, at = cache_index_start(e.offset, e.mode, w->index_bits);
    while (w->index[at])
        at = (at + 1) & mask;
    w->index[at] = w->n;
}

static bool is_full(const struct writer *w)
{
    return w->n == w->max_blocks || w->code_size > MAX_FILE - MAX_CODE || w->details_size > MAX_FILE - MAX_CODE;
}

struct cache_entry cache_entry_of(const struct cache_unit *u, const struct tb *tb)
{
    return (struct cache_entry){
        .offset = (uint32_t)(tb->pc - u->base),
        .mode = tb->mode,
        .size = tb->size,
        .n_exits = tb->n_exits,
        .n_insns = tb->n_insns,
        .n_ranges = tb->n_ranges,
        .n_flags_at = tb->n_flags_at,
        .n_places = tb->n_places,
        .n_bias = tb->n_bias,
        .n_delta_bytes = (uint16_t)tb->n_delta_bytes,
        .residue = (uint8_t)((uintptr_t)tb->code & (CACHE_LINE - 1)),
        .kind = tb->pin ? CACHE_REGION : tb->is_cold && !tb->superseded ? CACHE_COLD : CACHE_PLAIN,
    };
}

/* Regions come first: what of them is written takes the place of its head. */
static void choose_new(struct writer *w)
{
    for (const struct tb *tb = w->unit->new_blocks; tb && w->n < w->max_new && !is_full(w); tb = tb->unit_next)
        if (is_wanted(w, tb))
            add_block(w, tb, cache_entry_of(w->unit, tb));
    w->n_new = w->n;
}

/* True if all pages of the segment have the contents that other blocks, if any, were made from. */
static bool segment_agrees(struct writer *w, unsigned segment)
{
    const struct cache_segment *s = &w->file.header->segment[segment];
    const struct cache_page_hash *hash = (const void *)(cache_segment_start(&w->file, segment) + s->pages);
    if (s->check != cache_segment_check(s, cache_segment_start(&w->file, segment)))
        return false;
    for (uint32_t i = 0; i < s->n_pages; i++)
        if (hash[i].page >= w->n_want || (w->want[hash[i].page] && w->want[hash[i].page] != hash[i].hash))
            return false;
    for (uint32_t i = 0; i < s->n_pages; i++)
        want_page(w, hash[i].page, hash[i].hash);
    return true;
}

static void choose_old(struct writer *w)
{
    for (unsigned i = 0; i < w->file.header->n_segments; i++) {
        const struct cache_entry *e = cache_entries(&w->file, i);
        w->n_until[i] = w->n;
        if (!segment_agrees(w, i))
            continue;
        for (uint32_t n = 0; n < w->file.header->segment[i].n_blocks && !is_full(w); n++, e++)
            if (!find_chosen(w, e->offset, e->mode))
                add_block(w, e, *e);
        w->n_until[i] = w->n;
    }
}

/* ---- Places --------------------------------------------------------------------------------------------------- */

/* A block's translation, from this process or from the file. */
struct source {
    const struct tb *tb; /* null: of the file */
    const uint8_t *code;
    struct cache_parts parts; /* if so */
};

static struct source source_of(const struct writer *w, uint32_t i)
{
    unsigned segment = 0;
    const struct cache_entry *old = w->blocks[i];
    if (i < w->n_new)
        return (struct source){w->blocks[i], ((const struct tb *)w->blocks[i])->code, {0}};
    while (i >= w->n_until[segment])
        segment++;
    return (struct source){NULL, cache_segment_start(&w->file, segment) + old->code,
                           cache_parts(old, cache_details(&w->file, segment, old))};
}

static struct cache_exit exit_of(const struct source *s, unsigned n)
{
    if (!s->tb)
        return s->parts.exit[n];
    const struct tb_exit *x = &s->tb->exits[n];
    return (struct cache_exit){(int32_t)(x->target - s->tb->pc), x->stub, x->site};
}

/* As promote_entry says, but calls come back by themselves. */
static bool closes_loop(const struct source *s, const struct cache_exit *exit)
{
    return exit->target <= 0 && !host_backend.exit_is_call(s->code, exit->site);
}

/* The targets of jumps back get counters. */
static void choose_heads(struct writer *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        struct source s = source_of(w, i);
        for (unsigned n = 0; n < w->entries[i].n_exits; n++) {
            struct cache_exit exit = exit_of(&s, n);
            struct cache_entry *head =
                closes_loop(&s, &exit) ? find_chosen(w, w->entries[i].offset + (uint32_t)exit.target, w->entries[i].mode) : NULL;
            if (head && (head->kind == CACHE_PLAIN || head->kind == CACHE_HEAD))
                head->kind = cache_heat_at(w->unit, head->offset, head->mode) == CACHE_HEAT_VAIN ? CACHE_COLD : CACHE_HEAD;
        }
    }
}

/* The first place from AT on where no field of an exit crosses a cache line: patching must be one store to other CPUs. */
static uint32_t place_code(const struct source *s, unsigned n_exits, uint32_t at)
{
    for (unsigned i = 0; i < n_exits; i++) {
        if (((at + exit_of(s, i).site) & (CACHE_LINE - 1)) <= CACHE_LINE - 4)
            continue;
        at += CODE_ALIGN;
        i = (unsigned)-1;
    }
    return at;
}

static void place_blocks(struct writer *w)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        struct source s = source_of(w, i);
        struct cache_entry *e = &w->entries[i];
        e->code = place_code(&s, e->n_exits, at);
        at = (uint32_t)ALIGN_UP(e->code + cache_counter_end(e), CODE_ALIGN);
    }
    w->code_size = at;
}

/* False: nothing to write, or too much. */
static bool lay_out(struct writer *w)
{
    struct cache_segment *s = w->segment;
    choose_heads(w);
    place_blocks(w);
    for (uint32_t i = 0; i < w->n_want; i++)
        s->n_pages += w->want[i] != 0;
    s->n_blocks = w->n;
    s->code_size = w->code_size;
    s->index_bits = w->index_bits;
    uint64_t at = ALIGN_UP(w->code_size, 8);
    s->entries = (uint32_t)at;
    at = ALIGN_UP(at + (uint64_t)w->n * sizeof(struct cache_entry), 8);
    s->pages = (uint32_t)at;
    at += (uint64_t)s->n_pages * sizeof(struct cache_page_hash);
    s->index = (uint32_t)at;
    at = ALIGN_UP(at + ((uint64_t)4 << s->index_bits), 8);
    s->details = (uint32_t)at;
    s->details_size = w->details_size;
    s->size = (uint32_t)(at + w->details_size);
    w->head.file_size = s->start + s->size;
    return w->n && (uint64_t)s->start + at + w->details_size <= MAX_FILE;
}

/* ---- Contents --------------------------------------------------------------------------------------------------- */

/* Where in the file a jump to the block E goes that starts at CODE; BACK: if it may close a loop. 0: to its stub. */
static uint64_t way_in(const struct cache_entry *e, uint64_t code, bool back)
{
    if (!back || e->kind == CACHE_COLD || e->kind == CACHE_REGION)
        return code;
    return e->kind == CACHE_HEAD ? code + cache_counter_at(e) : 0;
}

static uint64_t place_of(struct writer *w, uint32_t offset, uint32_t mode, bool back)
{
    const struct cache_entry *chosen = find_chosen(w, offset, mode);
    if (chosen)
        return way_in(chosen, w->segment->start + (uint64_t)chosen->code, back);
    for (unsigned i = 0; !w->merge && i + 1 < w->head.n_segments; i++) {
        int64_t n = cache_lookup(&w->file, i, offset, mode);
        if (n < 0)
            continue;
        const struct cache_entry *e = cache_entries(&w->file, i) + n;
        w->segment->leads_to |= (uint32_t)1 << i;
        return way_in(e, w->file.header->segment[i].start + (uint64_t)e->code, back);
    }
    return 0;
}

/* A loop head that is warm already: the next process looks up how warm, and counts on. */
static bool is_warm(const struct writer *w, uint32_t target, uint32_t mode)
{
    uint32_t heat = cache_heat_at(w->unit, target, mode);
    if (heat == 0 || heat >= CACHE_HEAT_UNKEPT)
        return false;
    const struct cache_entry *head = find_chosen(w, target, mode);
    return !head || head->kind == CACHE_HEAD;
}

static void put_code(struct writer *w, uint32_t i)
{
    const struct cache_entry *e = &w->entries[i];
    struct source s = source_of(w, i);
    uint32_t end = cache_counter_end(e);
    uint8_t *code = cache_stream_next(&w->out, end);
    memcpy(code, s.code, e->size);
    memset(code + e->size, 0, end - e->size);
    for (unsigned n = 0; n < e->n_bias; n++)
        host_backend.reach_cell(code, s.tb ? s.tb->bias_at[n] : s.parts.bias_at[n], w->segment->start + e->code);
    for (unsigned n = 0; n < e->n_exits; n++) {
        struct cache_exit exit = exit_of(&s, n);
        uint32_t target = e->offset + (uint32_t)exit.target;
        bool back = closes_loop(&s, &exit);
        uint64_t place = back && is_warm(w, target, e->mode) ? 0 : place_of(w, target, e->mode, back);
        host_backend.lead_exit(code, exit.site, place ? (int64_t)(place - w->segment->start - e->code) : exit.stub);
    }
    if (e->kind == CACHE_HEAD)
        host_backend.put_counter(code + cache_counter_at(e), code, promote_word(e->offset));
}

void cache_put_details(const struct tb *tb, uint8_t *at)
{
    const struct source s = {.tb = tb};
    for (unsigned i = 0; i < tb->n_exits; i++, at += sizeof(struct cache_exit)) {
        struct cache_exit exit = exit_of(&s, i);
        memcpy(at, &exit, sizeof exit);
    }
    for (unsigned i = 0; i < tb->n_ranges; i++, at += sizeof(struct cache_range))
        memcpy(at, &(struct cache_range){(int32_t)(tb->range[i].start - tb->pc), tb->range[i].size},
               sizeof(struct cache_range));
    const struct {
        const void *p;
        size_t size;
    } rest[] = {{tb->flags_at, tb->n_flags_at * sizeof *tb->flags_at},
                {tb->places, tb->n_places * sizeof *tb->places},
                {tb->bias_at, tb->n_bias * sizeof *tb->bias_at},
                {tb->pin, tb->pin ? IR_MAX_VARS : 0},
                {tb->deltas, tb->n_delta_bytes}};
    for (unsigned i = 0; i < ARRAY_SIZE(rest); i++) {
        if (rest[i].size)
            memcpy(at, rest[i].p, rest[i].size);
        at += rest[i].size;
    }
}

static void put_details(struct writer *w, uint32_t i)
{
    uint32_t size = cache_parts(&w->entries[i], NULL).size;
    uint8_t *at = cache_stream_next(&w->out, size);
    if (i < w->n_new) {
        memset(at + size - 4, 0, 4);
        cache_put_details(w->blocks[i], at);
    } else {
        memcpy(at, source_of(w, i).parts.exit, size);
    }
}

static void put_segment(struct writer *w)
{
    struct cache_segment *s = w->segment;
    for (uint32_t i = 0; i < w->n; i++) {
        cache_stream_fill_to(&w->out, w->entries[i].code);
        put_code(w, i);
    }
    cache_stream_fill_to(&w->out, s->entries);
    cache_stream_put(&w->out, w->entries, w->n * sizeof *w->entries);
    cache_stream_fill_to(&w->out, s->pages);
    for (uint32_t i = 0; i < w->n_want; i++)
        if (w->want[i])
            cache_stream_put(&w->out, &(struct cache_page_hash){w->want[i], i, 0}, sizeof(struct cache_page_hash));
    cache_stream_fill_to(&w->out, s->index);
    cache_stream_put(&w->out, w->index, sizeof *w->index << s->index_bits);
    cache_stream_fill_to(&w->out, s->details);
    for (uint32_t i = 0; i < w->n; i++)
        put_details(w, i);
    cache_stream_end(&w->out);
    s->check = cache_segment_finish(s, w->out.check);
    w->head.check = hash_bytes(&w->head, offsetof(struct cache_header, check), 0);
}

/* ---- Onto the disk --------------------------------------------------------------------------------------------- */

static bool write_segment(struct writer *w, int fd)
{
    cache_stream_begin(&w->out, fd, w->segment->start, w->buffer);
    put_segment(w);
    return !w->out.failed && cache_write_at(fd, &w->head, sizeof w->head, 0);
}

static bool add_to_file(struct writer *w)
{
    bool good = write_segment(w, w->fd);
    if (!good && ftruncate(w->fd, w->old_head.file_size))
        return false; /* too long, as if this process had been killed */
    return good;
}

static bool make_file(struct writer *w)
{
    char temporary[CACHE_FILE_NAME], name[CACHE_FILE_NAME];
    const struct cache_key mine = {{w->unit->key.word[0], (uint64_t)cache_clock(CLOCK_MONOTONIC) << 32 ^ (uint64_t)getpid()}};
    cache_file_name(temporary, &mine, "tmp");
    cache_file_name(name, &w->unit->key, "tbc");
    int folder = cache_fd(CACHE_FD_FOLDER), fd = cache_create(temporary);
    if (fd < 0)
        return false;
    bool good = cache_lock() && write_segment(w, fd);
    cache_close(CACHE_FD_FILE);
    if (!good || renameat(folder, temporary, folder, name)) {
        unlinkat(folder, temporary, 0);
        return false;
    }
    return true;
}

static void start_head(struct writer *w)
{
    struct cache_header *h = &w->head;
    if (w->fd >= 0) {
        *h = w->old_head;
    } else {
        memcpy(h->magic, CACHE_MAGIC, sizeof h->magic);
        h->version = CACHE_VERSION;
        h->header_size = sizeof *h;
        h->key = w->unit->key;
        h->file_size = CACHE_PAGE;
        snprintf(h->name, sizeof h->name, "%s", w->unit->name);
        cache_build_id(h->build, sizeof h->build);
    }
    w->segment = &h->segment[h->n_segments++];
    *w->segment = (struct cache_segment){.start = (uint32_t)ALIGN_UP(h->file_size, CACHE_PAGE)};
}

/* One mapping for the tables and the stream's buffer, which go when the writing is done. */
static void *work_memory(struct writer *w, size_t *size)
{
    w->max_blocks = w->max_new;
    w->n_want = w->unit->n_pages;
    for (unsigned i = 0; w->merge && i < w->file.header->n_segments; i++) {
        const struct cache_segment *s = &w->file.header->segment[i];
        const struct cache_page_hash *hash = (const void *)(cache_segment_start(&w->file, i) + s->pages);
        w->max_blocks += s->n_blocks;
        if (s->n_pages && hash[s->n_pages - 1].page >= w->n_want && hash[s->n_pages - 1].page < MAX_PAGES)
            w->n_want = hash[s->n_pages - 1].page + 1;
    }
    while ((uint32_t)1 << w->index_bits < 2 * w->max_blocks)
        w->index_bits++;
    size_t tables = w->n_want * sizeof *w->want + w->max_blocks * (sizeof *w->blocks + sizeof *w->entries) +
                    (sizeof *w->index << w->index_bits);
    *size = tables + CACHE_STREAM_SIZE;
    void *p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED)
        memory_populate(p, tables + CACHE_STREAM_OFTEN);
    w->want = p;
    w->blocks = (const void **)(void *)(w->want + w->n_want);
    w->index = (uint32_t *)(void *)(w->blocks + w->max_blocks);
    w->entries = (struct cache_entry *)(void *)(w->index + ((size_t)1 << w->index_bits));
    w->buffer = (uint8_t *)(w->entries + w->max_blocks);
    return p;
}

void cache_write_unit(struct cache_unit *u, uint32_t n)
{
    struct writer w = {.unit = u, .fd = -1, .max_new = n < u->n_new ? n : u->n_new, .max_blocks = n};
    size_t size;
    if (!cache_dir_writable())
        return;
    void *work = open_old(&w) ? work_memory(&w, &size) : MAP_FAILED;
    if (work != MAP_FAILED) {
        start_head(&w);
        choose_new(&w);
        if (w.merge && w.n_new)
            choose_old(&w);
        if (lay_out(&w) && cache_within_limit(w.head.file_size) && (w.fd >= 0 ? add_to_file(&w) : make_file(&w)))
            u->written += w.n_new;
        munmap(work, size);
    }
    if (w.map && w.map != MAP_FAILED)
        munmap(w.map, w.map_size);
    cache_close(CACHE_FD_FILE);
    cache_close(CACHE_FD_LOCK);
    /* Reading a large folder takes time: now and then is enough. */
    if (u->written && w.fd < 0 && u->key.word[0] % PRUNE_EVERY == 0)
        cache_prune(CACHE_FOLDER_SIZE);
}
