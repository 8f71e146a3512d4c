/* cache.c - units of the persistent cache: find the file for a mapping, take blocks from it, notice what is new.
 *
 * A unit is made when the first block of a mapping is needed, and is never unmade, since its code may be running. What the
 * guest does to the mapping later only resets what is known about pages. */
#include "core/cache_unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/code_buffer.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/hash.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/perf.h"
#include "core/promote.h"

enum { MAX_UNITS = 256, PAGE_BITS = 12, MAX_OFFSET = 1 << 30 };
enum { SAVE_BLOCKS = 512, SAVE_SECONDS = 10 };
/* Reading a file costs as much as translating a few blocks; a segment more costs all later readers something. */
enum { LEAST_FIRST = 8, LEAST_MORE = 8, PART_OF_FILE = 256, PART_FOR_MERGE = 16 };
/* A region saves all later processes its making, and until then the slower code: as much as writing so many blocks. */
enum { BLOCKS_PER_REGION = 1024 };
/* What saving may take of the process's time: a 32nd of it, since all that the cache does is to take less than a tenth, and
 * of what the cache has saved, a part. What it takes is measured; these tell how much to begin. */
enum { PART_OF_TIME = 32, HIT_NS = 20000, FILE_NS = 150000, BLOCK_NS = 1600 };
enum { SPACE_PER_CODE = 2, MAX_RETRIES = 8, MOST_POPULATED = 128 << 10 };

PART_TABLE struct cache_unit cache_units[MAX_UNITS]; /* guarded by tb_lock, but for what cache_contains reads */
WRITTEN_OFTEN unsigned n_cache_units;
static WRITTEN_OFTEN bool on;
static bool verifying, switched_off;
static bool keeps; /* what is new is kept, or compared */
static uint64_t common; /* hash of what every key has: builds, CPUs, options */
static uint64_t common_baked; /* the same with the least that a host CPU can do */
static struct cache_unit *current;
static char *space, *space_end; /* for units; near the code buffer, so that one jump reaches from one to the other */

/* ---- Settings ------------------------------------------------------------------------------------------ */

bool cache_set(const char *value)
{
    switched_off = !strcmp(value, "off");
    if (!strncmp(value, "verify", 6) && (!value[6] || value[6] == ':')) {
        verifying = true;
        return !value[6] || cache_dir_set(value + 7);
    }
    if (!switched_off && strcmp(value, "on"))
        return cache_dir_set(value);
    return true;
}

bool cache_verifies(void) { return verifying; }

/* Log items that show blocks need them translated and left one by one. */
static bool shows_blocks(void) { return compile_is_shown() || engine_options.no_chain || perf_is_on(); }

void cache_init(const struct guest *guest)
{
    struct {
        char build[64], guest[16];
        uint8_t host[256], cpu[64];
        uint32_t version;
        struct engine_options options; /* all that may change code */
    } parts;
    memset(&parts, 0, sizeof parts);
    if (switched_off || engine_options.engine != ENGINE_JIT || engine_options.lockstep || engine_options.stop_pc ||
        shows_blocks() || !cache_build_id(parts.build, sizeof parts.build) || (!cache_dir_init() && !cache_baked_exists()))
        return;
    keeps = verifying || cache_dir_can_write();
    if (!keeps && cache_fd(CACHE_FD_FOLDER) < 0 && !cache_baked_exists())
        return;
    snprintf(parts.guest, sizeof parts.guest, "%s", guest->name);
    guest->isa->identify(parts.cpu, sizeof parts.cpu);
    parts.version = CACHE_VERSION;
    parts.options = engine_options;
    parts.options.code_size = 0;
    parts.options.host_features_off = parts.options.host_cpu_words = NULL; /* part of HOST */
    common_baked = hash_bytes(&parts, sizeof parts, 0);
    host_backend.identify(parts.host, sizeof parts.host);
    common = hash_bytes(&parts, sizeof parts, 0);
    size_t size = engine_options.code_size * SPACE_PER_CODE;
    space = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return;
    memory_reserve_own(space, size);
    space_end = space + size;
    on = true;
}

/* ---- Pages --------------------------------------------------------------------------------------------- */

static bool is_cacheable(const struct region *r)
{
    return r->inode && !(r->flags & (MAP_ANONYMOUS | MAP_SHARED)) && (r->prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
}

static guest_addr page_addr(const struct cache_unit *u, uint32_t page) { return u->base + ((guest_addr)page << PAGE_BITS); }

/* False: the page is not code of this unit now. */
static bool find_page(const struct cache_unit *u, uint32_t page, struct region *r)
{
    guest_addr addr = page_addr(u, page);
    return page < u->n_pages && memory_map_find(addr, r) && r->start <= addr && is_cacheable(r) && r->dev == u->dev &&
           r->inode == u->inode && r->start - (guest_addr)r->offset == u->base;
}

bool cache_page_is_of_file(const struct cache_unit *u, uint32_t page)
{
    struct region r;
    return find_page(u, page, &r) && r.changed && r.changed == u->code_changed;
}

bool cache_page_known(struct cache_unit *u, uint32_t page, uint64_t hash)
{
    uint8_t bytes[CACHE_PAGE];
    struct region r;
    if (page < u->n_pages && u->page[page].known)
        return true;
    if (!find_page(u, page, &r))
        return false;
    if (!hash || !u->is_code_known || r.changed != u->code_changed) {
        if (memory_read(bytes, page_addr(u, page), sizeof bytes))
            return false;
        hash = hash_bytes(bytes, sizeof bytes, 1);
        hash += hash == 0;
    }
    if (u->hash[page] != hash)
        u->page[page].used = false;
    u->hash[page] = hash;
    u->page[page].known = true;
    return true;
}

/* The unit has blocks, or gets some. */
static bool is_useful(const struct cache_unit *u) { return keeps || u->file.header; }

void cache_note_page(struct cache_unit *u, guest_addr addr)
{
    if (addr >= u->base)
        cache_page_known(u, (uint32_t)((addr - u->base) >> PAGE_BITS), 0);
}

/* ---- Files --------------------------------------------------------------------------------------------- */

/* Where things are in a unit's memory: blocks, hashes of pages, the copy of the file's header, what is known of pages, the word with
 * the load address, right in front of the file, and that. What every process touches is at the end, on few pages. */
struct places {
    size_t blocks, hash, head, page, file, end;
};

static struct places places_for(uint32_t n_pages, const struct cache_header *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; h && i < h->n_segments; i++)
        n += h->segment[i].n_blocks;
    size_t blocks = n * sizeof(struct tb *), hash = n_pages * sizeof(uint64_t), head = h ? sizeof *h : 0;
    size_t page = ALIGN_UP(n_pages * sizeof(struct cache_page), sizeof(uint64_t)) + sizeof(uint64_t);
    size_t tables = blocks + hash + head + page;
    struct places at = {.file = h ? ALIGN_UP((uintptr_t)space + tables, CACHE_PAGE) - (uintptr_t)space : tables};
    at.page = at.file - page;
    at.head = at.page - head;
    at.hash = at.head - hash;
    at.blocks = at.hash - blocks;
    at.end = at.file + (h ? h->file_size : 0);
    return at;
}

/* A unit's file, open. */
struct found_file {
    int fd;
    uint64_t offset;
    bool is_baked, good;
    struct cache_header head;
};

static bool read_head(struct found_file *f, int fd, uint64_t offset, uint64_t size, const struct cache_key *key)
{
    f->fd = fd;
    f->offset = offset;
    f->good = fd >= 0 && pread(fd, &f->head, sizeof f->head, (off_t)offset) == sizeof f->head &&
              cache_header_check(&f->head, size, key);
    return f->good;
}

/* From the folder, or else from what the image brought: for this CPU, or for any. */
static void find_file(struct cache_unit *u, const struct cache_key *baked_key, struct found_file *f)
{
    char name[CACHE_FILE_NAME];
    uint64_t size = 0, offset = 0;
    cache_file_name(name, &u->key, "tbc");
    cache_marks_read(u);
    int fd = cache_open(name, false, &size);
    u->damaged = fd >= 0;
    if (read_head(f, fd, 0, size, &u->key)) {
        u->damaged = false;
        cache_marks_compare(u, fd);
        u->is_code_known &= !verifying;
        return;
    }
    const struct cache_key *keys[] = {&u->key, baked_key};
    for (unsigned i = 0; i < ARRAY_SIZE(keys) && !f->good; i++) {
        fd = cache_baked_find(keys[i], &offset, &size);
        f->is_baked = fd >= 0 && read_head(f, fd, offset, size, keys[i]);
    }
}

/* Pages that are patched become private copies. */
static bool map_file(struct cache_unit *u, const struct found_file *f, struct places at)
{
    char *file = space + at.file;
    const struct cache_header *h = &f->head;
    size_t tables = at.file - at.blocks, populated = tables < MOST_POPULATED ? tables : MOST_POPULATED;
    if (mmap(file, h->file_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, f->fd, (off_t)f->offset) ==
        MAP_FAILED)
        return false;
    memory_populate(file - populated, populated);
    struct cache_header *copy = (void *)(space + at.head); /* the file's own changes when others add to it */
    *copy = *h;
    u->blocks = (void *)(space + at.blocks);
    u->is_baked = f->is_baked;
    u->baked_offset = f->offset;
    cache_file_init(&u->file, copy, file);
    ((uint64_t *)(void *)file)[-1] = u->base;
    return true;
}

/* False: no memory. */
static bool map_unit(struct cache_unit *u, uint32_t n_pages, const struct cache_key *baked_key)
{
    struct found_file f = {0};
    find_file(u, baked_key, &f);
    struct places at = places_for(n_pages, f.good ? &f.head : NULL);
    if (at.end > (size_t)(space_end - space))
        at = places_for(n_pages, NULL), f.good = false;
    bool fits = at.end <= (size_t)(space_end - space);
    if (fits && f.good && !map_file(u, &f, at)) {
        on = false; /* the folder does not allow executable mappings */
        at.end = at.file;
    }
    cache_close(CACHE_FD_FILE);
    u->page = (void *)(space + at.page);
    u->hash = (void *)(space + at.hash);
    u->n_pages = n_pages;
    if (fits)
        space += ALIGN_UP((uintptr_t)space + at.end, u->file.header ? CACHE_PAGE : sizeof(uint64_t)) - (uintptr_t)space;
    return fits;
}

/* The file's first page tells it from others: it has the build id, the sizes of segments and the entry point. */
static bool read_first_page(const struct region *code, uint8_t *page)
{
    struct region r, found = {0};
    for (guest_addr at = 0; memory_map_find(at, &r) && r.start <= code->start; at = r.end)
        if (r.dev == code->dev && r.inode == code->inode && r.offset == 0 && !(r.flags & MAP_ANONYMOUS))
            found = r;
    return found.end && memory_read(page, found.start, CACHE_PAGE) == 0;
}

static struct cache_key key_of(const void *identity, size_t size)
{
    return (struct cache_key){{hash_bytes(identity, size, 2), hash_bytes(identity, size, 3)}};
}

static struct cache_unit *new_unit(const struct region *r)
{
    uint8_t page[CACHE_PAGE];
    struct {
        struct cache_key page;
        uint64_t common, fixed_base;
    } identity;
    guest_addr base = r->start - (guest_addr)r->offset;
    uint64_t n_pages = (r->end - base) >> PAGE_BITS;
    if (n_cache_units == MAX_UNITS || n_pages > MAX_OFFSET >> PAGE_BITS || !read_first_page(r, page))
        return NULL;
    struct cache_unit *u = &cache_units[n_cache_units];
    *u = (struct cache_unit){.base = base, .fixed = r->fixed_file, .dev = r->dev, .inode = r->inode,
                             .code_changed = r->changed};
    u->last_new = &u->new_blocks;
    identity.page = key_of(page, sizeof page);
    identity.fixed_base = r->fixed_file ? base : 0;
    identity.common = common;
    u->key = key_of(&identity, sizeof identity);
    identity.common = common_baked;
    struct cache_key baked_key = key_of(&identity, sizeof identity);
    const char *slash = r->name ? strrchr(r->name, '/') : NULL;
    snprintf(u->name, sizeof u->name, "%s", slash ? slash + 1 : r->name ? r->name : "");
    if (!map_unit(u, (uint32_t)n_pages, &baked_key))
        return NULL;
    __atomic_store_n(&n_cache_units, n_cache_units + 1, __ATOMIC_RELEASE);
    return u;
}

/* True if PC is on a page of the unit whose contents are known, so that nothing has changed there. */
static bool is_on_known_page(const struct cache_unit *u, guest_addr pc)
{
    uint64_t page = (pc - u->base) >> PAGE_BITS;
    return pc >= u->base && page < u->n_pages && u->page[page].known;
}

struct cache_unit *cache_unit_at(guest_addr pc)
{
    struct region r;
    if (!on)
        return NULL;
    if (current && is_on_known_page(current, pc))
        return current;
    if (current && !is_useful(current) && (pc - current->base) >> PAGE_BITS < current->n_pages)
        return NULL;
    current = NULL;
    if (!memory_map_find(pc, &r) || r.start > pc || !is_cacheable(&r))
        return NULL;
    for (unsigned i = 0; i < n_cache_units && !current; i++) {
        struct cache_unit *u = &cache_units[i];
        if (u->base == r.start - (guest_addr)r.offset && u->dev == r.dev && u->inode == r.inode && u->fixed == r.fixed_file)
            current = u;
    }
    if (!current)
        current = new_unit(&r);
    return current && is_useful(current) ? current : NULL;
}

/* ---- Blocks -------------------------------------------------------------------------------------------- */

struct tb *cache_find(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    struct tb *tb = verifying ? NULL : cache_make_block(u, pc, mode);
    u->hits += tb != NULL;
    u->misses += !tb;
    return tb;
}

bool cache_has(guest_addr pc, uint32_t mode)
{
    struct cache_unit *u = cache_unit_at(pc);
    unsigned segment;
    return u && cache_usable_entry(u, pc, mode, &segment);
}

/* True if the block may be written: relocatable, and made only from pages of this unit with known contents. */
static bool can_be_saved(struct cache_unit *u, const struct tb *tb)
{
    if (tb->base != (u->fixed ? 0 : u->base) || tb->n_bias == TB_NOT_MOVABLE || tb->n_ranges == 0)
        return false;
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr start = tb->range[i].start, last = start + tb->range[i].size - 1;
        for (guest_addr a = ALIGN_DOWN(start, CACHE_PAGE); a <= last; a += CACHE_PAGE) {
            uint64_t page = (a - u->base) >> PAGE_BITS;
            if (tb->pin && page < u->n_pages) /* between the parts of a region may be pages that nobody has read */
                cache_page_known(u, (uint32_t)page, 0);
            if (!is_on_known_page(u, a) || u->page[page].changed)
                return false;
        }
    }
    return true;
}

bool cache_place(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    unsigned segment;
    const struct cache_entry *e = verifying ? cache_usable_entry(u, pc, mode, &segment) : NULL;
    if (e)
        code_buffer_skip_to((e->residue - HOST_BLOCK_HEADER) & 63, 64);
    return e && e->kind == CACHE_REGION;
}

/* ---- Changes ---------------------------------------------------------------------------------------------- */

static bool overlaps(const struct cache_unit *u, guest_addr start, guest_addr end)
{
    return start < u->base + ((guest_addr)u->n_pages << PAGE_BITS) && end > u->base;
}

bool cache_invalidate(guest_addr start, uint64_t size)
{
    guest_addr end = start + size;
    bool any = false;
    for (unsigned i = 0; i < n_cache_units; i++) {
        struct cache_unit *u = &cache_units[i];
        guest_addr limit = u->base + ((guest_addr)u->n_pages << PAGE_BITS);
        if (!overlaps(u, start, end))
            continue;
        u->is_code_known = false; /* of what is not known by now */
        guest_addr first = start > u->base ? start - u->base : 0, stop = (end < limit ? end : limit) - u->base;
        bool was_used = false, is_linked = false;
        for (guest_addr page = first >> PAGE_BITS; page << PAGE_BITS < stop; page++) {
            struct cache_page *p = &u->page[page];
            p->changed |= p->known;
            p->known = false;
            was_used |= p->used;
            is_linked |= p->used && !p->unlinked;
            p->unlinked |= p->used;
        }
        for (unsigned s = 0; u->file.header && u->n_retries < MAX_RETRIES && s < u->file.header->n_segments; s++)
            if (u->state[s] == SEGMENT_OTHER_PAGES) {
                u->state[s] = SEGMENT_UNKNOWN;
                u->n_retries++;
            }
        if (is_linked) /* once for a page: it looks at every block of the file */
            cache_unlink(u, ALIGN_DOWN(first, CACHE_PAGE), ALIGN_UP(stop, CACHE_PAGE));
        any |= was_used;
    }
    return any;
}

static void forget_new_blocks(struct cache_unit *u)
{
    if (!u->n_new)
        return; /* each page that is written is copied */
    u->new_blocks = NULL;
    u->last_new = &u->new_blocks;
    u->n_new = u->n_superseding = 0;
}

RUN_OFTEN void cache_after_fork(void)
{
    for (unsigned i = 0; i < n_cache_units; i++) {
        forget_new_blocks(&cache_units[i]);
        if (cache_units[i].n_different)
            cache_units[i].n_different = 0;
    }
    cache_heat_after_fork();
    promote_after_fork();
}

static uint32_t blocks_on_disk(const struct cache_unit *u)
{
    return u->file.header && !u->damaged ? u->file.first[u->file.header->n_segments] : 0;
}

static void log_units(void)
{
    for (unsigned i = 0; i < n_cache_units; i++) {
        const struct cache_unit *u = &cache_units[i];
        log_write("cache: %016llx%016llx %s: %u blocks on disk%s%s, %u regions, %u hits, %u misses, %u written\n",
                  (unsigned long long)u->key.word[0], (unsigned long long)u->key.word[1], u->name, blocks_on_disk(u),
                  u->damaged ? " (damaged)" : u->is_marked ? " (marked)" : "",
                  u->is_code_known ? " (code known)" : "", u->damaged ? 0 : u->file.n_regions, u->hits,
                  u->misses, u->written);
    }
}

/* With "verify" the program runs to its end, on the fresh translations, and then it has failed. */
static void fail_if_different(void)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < n_cache_units; i++)
        n += cache_units[i].n_different;
    if (n)
        die("%u cached blocks differ from their translations", n);
}

int64_t cache_clock(clockid_t clock)
{
    struct timespec t;
    syscall(SYS_clock_gettime, clock, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* True if PART is all of WHOLE, else in so many of cases: what is not worth its price in one process is missed by many. */
static bool takes_its_turn(uint64_t part, uint64_t whole)
{
    if (part == 0 || part >= whole)
        return part != 0;
    return (uint64_t)cache_clock(CLOCK_MONOTONIC) % whole < part;
}

/* Decide what is to be done with a unit's file, in u->is_due and u->for_regions. */
static void decide(struct cache_unit *u)
{
    uint32_t have = blocks_on_disk(u), part = u->file.header && u->file.header->n_segments == CACHE_MAX_SEGMENTS
                                                 ? PART_FOR_MERGE : PART_OF_FILE;
    u->for_regions = have && takes_its_turn((uint64_t)u->n_superseding * BLOCKS_PER_REGION, have);
    if (have)
        u->is_due = u->for_regions || takes_its_turn(u->n_new, have / part > LEAST_MORE ? have / part : LEAST_MORE);
    else
        u->is_due = u->n_new >= LEAST_FIRST || (u->damaged && u->n_new > 0);
}

static int64_t cpu_time(void) { return cache_clock(CLOCK_PROCESS_CPUTIME_ID); }

/* Units with code in [from, end). A process that did little but translate writes a part of it only, the next one the rest. */
static void save_locked(guest_addr from, guest_addr end)
{
    static int64_t spent;
    int64_t saved = 0;
    bool any = cache_heat_is_new();
    for (struct cache_unit *u = cache_units; u < cache_units + n_cache_units && !verifying; u++) {
        decide(u);
        u->is_due &= overlaps(u, from, end);
        any |= u->is_due;
        saved += (int64_t)u->hits * HIT_NS + (u->for_regions ? (int64_t)blocks_on_disk(u) * BLOCK_NS : 0);
    }
    if (!any)
        return;
    int64_t start = cpu_time(), now = start, allowed = start / PART_OF_TIME + saved - spent;
    for (struct cache_unit *u = cache_units; u < cache_units + n_cache_units; u++) {
        int64_t n_blocks = (allowed - (now - start) - FILE_NS) / BLOCK_NS;
        if (!u->is_due || n_blocks < LEAST_FIRST)
            continue;
        cache_write_unit(u, n_blocks < UINT32_MAX ? (uint32_t)n_blocks : UINT32_MAX);
        forget_new_blocks(u);
        now = cpu_time();
    }
    if (allowed - (now - start) >= FILE_NS) {
        cache_heat_write();
        now = cpu_time();
    }
    spent += now - start;
}

void cache_flush(void)
{
    if (on)
        save_locked(0, ~(guest_addr)0);
    for (struct cache_unit *u = cache_units; u < cache_units + n_cache_units; u++) {
        forget_new_blocks(u);
        cache_unlink_all(u);
    }
}

/* Processes that run for long save now and then. */
static void save_in_time(void)
{
    static unsigned n;
    static int64_t last;
    if (++n < SAVE_BLOCKS)
        return;
    int64_t now = cache_clock(CLOCK_MONOTONIC);
    bool is_time = now - last >= SAVE_SECONDS * (int64_t)SECOND;
    if (last && is_time)
        save_locked(0, ~(guest_addr)0);
    if (!last || is_time)
        last = now;
    n = 0;
}

static void add_new(struct cache_unit *u, struct tb *tb)
{
    struct tb **place = tb->pin ? &u->new_blocks : u->last_new;
    tb->unit_next = *place;
    *place = tb;
    if (place == u->last_new)
        u->last_new = &tb->unit_next;
    u->n_new++;
}

void cache_add(struct cache_unit *u, struct tb *tb)
{
    if (!keeps || !can_be_saved(u, tb))
        return;
    if (verifying)
        cache_compare(u, tb);
    add_new(u, tb);
    save_in_time();
}

bool cache_add_region(struct cache_unit *u, struct tb *region, const struct tb *head)
{
    if (!keeps || !can_be_saved(u, region))
        return false;
    add_new(u, region);
    u->n_superseding += head->in_file;
    return true;
}

/* Most children of a fork end with what they began with. Looked at without the lock: what other threads make at the end of the
 * process is lost one way or the other. */
RUN_OFTEN static bool has_news(void)
{
    bool any = promote_has_counts() || cache_heat_is_new() || verifying || LOG_ON(cache);
    for (const struct cache_unit *u = cache_units; u < cache_units + n_cache_units; u++)
        any |= u->n_new || (u->mark && !u->is_marked);
    return any;
}

RUN_OFTEN void cache_save(bool at_end)
{
    if (!on || !has_news())
        return;
    tb_lock_take();
    if (at_end)
        promote_keep_heat();
    save_locked(0, ~(guest_addr)0);
    for (unsigned i = 0; i < n_cache_units && at_end; i++)
        cache_marks_set(&cache_units[i]);
    tb_lock_release();
    if (at_end && LOG_ON(cache))
        log_units();
    if (at_end)
        fail_if_different();
}

void cache_save_range(guest_addr start, guest_addr end)
{
    if (!on)
        return;
    tb_lock_take();
    save_locked(start, end);
    tb_lock_release();
}
