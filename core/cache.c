/* cache.c - units of the persistent cache: find the file for a mapping, take blocks from it, notice what is new.
 *
 * A unit is made when the first block of a mapping is needed, and is never unmade, since its code may be running. What the
 * guest does to the mapping later only resets what is known about pages. */
#include "core/cache_unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/code_buffer.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/hash.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"

enum { MAX_UNITS = 256, PAGE_BITS = 12, MAX_OFFSET = 1 << 30 };
enum { SAVE_BLOCKS = 512, SAVE_SECONDS = 10 };

struct cache_unit cache_units[MAX_UNITS]; /* guarded by tb_lock, but for what cache_contains reads */
unsigned n_cache_units;
static bool on, verifying, switched_off;
static uint64_t common; /* hash of what every key has: builds, CPUs, options */
static struct cache_unit *current;

/* ---- Settings ------------------------------------------------------------------------------------------ */

bool cache_set(const char *value)
{
    switched_off = !strcmp(value, "off");
    if (!strcmp(value, "verify"))
        verifying = true;
    else if (!switched_off && strcmp(value, "on"))
        return cache_dir_set(value);
    return true;
}

/* Log items that show blocks need them translated and left one by one. */
static bool shows_blocks(void)
{
    return LOG_ON(in_asm) || LOG_ON(op) || LOG_ON(op_ind) || LOG_ON(op_opt) || LOG_ON(out_asm) || LOG_ON(prof) || engine_options.no_chain;
}

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
        shows_blocks() || !cache_build_id(parts.build, sizeof parts.build) || !cache_dir_init())
        return;
    snprintf(parts.guest, sizeof parts.guest, "%s", guest->name);
    host_backend.identify(parts.host, sizeof parts.host);
    guest->isa->identify(parts.cpu, sizeof parts.cpu);
    parts.version = CACHE_VERSION;
    parts.options = engine_options;
    parts.options.code_size = 0;
    parts.options.host_features_off = NULL; /* part of HOST */
    common = hash_bytes(&parts, sizeof parts, 0);
    on = true;
}

/* ---- Pages --------------------------------------------------------------------------------------------- */

static bool is_cacheable(const struct region *r)
{
    return r->inode && !(r->flags & (MAP_ANONYMOUS | MAP_SHARED)) && (r->prot & (PROT_EXEC | PROT_WRITE)) == PROT_EXEC;
}

bool cache_page_known(struct cache_unit *u, uint32_t page)
{
    uint8_t bytes[CACHE_PAGE];
    struct region r;
    if (page >= u->n_pages)
        return false;
    struct cache_page *p = &u->page[page];
    if (p->state == PAGE_KNOWN)
        return true;
    guest_addr addr = u->base + ((guest_addr)page << PAGE_BITS);
    if (!memory_map_find(addr, &r) || r.start > addr || !is_cacheable(&r) || r.dev != u->dev || r.inode != u->inode ||
        r.start - (guest_addr)r.offset != u->base || memory_read(bytes, addr, sizeof bytes))
        return false;
    uint64_t hash = hash_bytes(bytes, sizeof bytes, 1);
    p->hash = hash ? hash : 1;
    p->state = PAGE_KNOWN;
    return true;
}

void cache_note_page(guest_addr addr)
{
    if (current && addr >= current->base)
        cache_page_known(current, (uint32_t)((addr - current->base) >> PAGE_BITS));
}

static bool page_is_as_recorded(struct cache_unit *u, uint32_t page)
{
    if (page >= u->file.header->n_pages || !cache_page_known(u, page))
        return false;
    return u->file.pages[page] == u->page[page].hash;
}

/* ---- Files --------------------------------------------------------------------------------------------- */

bool cache_file_check(struct cache_file *f, const void *p, uint64_t size, const struct cache_key *key)
{
    const struct cache_header *h = p;
    if (size < CACHE_PAGE || size > MAX_OFFSET || memcmp(h->magic, CACHE_MAGIC, sizeof h->magic) ||
        h->version != CACHE_VERSION || h->header_size != sizeof *h || h->file_size != size ||
        h->check != hash_bytes(h, offsetof(struct cache_header, check), 0) || (key && memcmp(key, &h->key, sizeof *key)))
        return false;
    uint64_t entries_end = (uint64_t)h->entries + (uint64_t)h->n_blocks * sizeof *f->entries;
    uint64_t pages_end = (uint64_t)h->pages + (uint64_t)h->n_pages * sizeof *f->pages;
    if (h->code_end < CACHE_PAGE || h->code_end > h->entries || entries_end > h->pages || pages_end > h->index ||
        h->index_bits > 24 || h->index + ((uint64_t)4 << h->index_bits) > h->details ||
        (uint64_t)h->details + h->details_size > size || (h->entries | h->pages | h->index | h->details) & 7 ||
        h->n_slots > MAX_OFFSET / 8)
        return false;
    const uint8_t *start = p;
    f->header = h;
    f->entries = (const void *)(start + h->entries);
    f->pages = (const void *)(start + h->pages);
    f->index = (const void *)(start + h->index);
    f->details = start + h->details;
    return true;
}

/* Pages that are patched become private copies. */
static void *map_file(struct cache_unit *u, void *at, size_t size, int fd)
{
    int flags = MAP_PRIVATE | MAP_FIXED;
    void *p = mmap(at, size, PROT_READ | PROT_WRITE | PROT_EXEC, flags, fd, 0);
    u->read_only = p == MAP_FAILED;
    return u->read_only ? mmap(at, size, PROT_READ | PROT_EXEC, flags, fd, 0) : p;
}

/* One reservation holds the unit's tables, the slots and, right behind them, the file. */
static void map_unit(struct cache_unit *u, uint32_t n_pages)
{
    char name[CACHE_FILE_NAME];
    struct cache_header h;
    uint64_t size = 0;
    cache_file_name(name, &u->key, "tbc");
    int fd = cache_open(name, &size);
    if (fd >= 0 && (size < sizeof h || pread(fd, &h, sizeof h, 0) != sizeof h ||
                    h.check != hash_bytes(&h, offsetof(struct cache_header, check), 0) || h.file_size != size ||
                    size > MAX_OFFSET || h.n_slots > MAX_OFFSET / 8 || h.n_blocks > MAX_OFFSET / sizeof(struct cache_entry))) {
        u->damaged = true;
        cache_close(CACHE_FD_FILE);
        fd = -1;
    }
    if (fd < 0)
        h.n_slots = h.n_blocks = 0, size = 0;
    size_t blocks_at = n_pages * sizeof *u->page, slots_at = ALIGN_UP(blocks_at + h.n_blocks * sizeof *u->blocks, CACHE_PAGE);
    size_t file_at = slots_at + ALIGN_UP((uint64_t)h.n_slots * 8, CACHE_PAGE);
    char *p = mmap(NULL, file_at + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) {
        memory_reserve_own(p, file_at + size);
        u->page = (void *)p;
        u->n_pages = n_pages;
        u->blocks = (void *)(p + blocks_at);
    }
    if (fd < 0)
        return;
    void *file = p == MAP_FAILED ? p : map_file(u, p + file_at, size, fd);
    if (file != MAP_FAILED) {
        if (!memcmp(p + file_at, &h, sizeof h) && cache_file_check(&u->file, p + file_at, size, &u->key))
            *cache_slot(&u->file, 0) = u->base;
        else
            u->damaged = true;
    } else {
        on = false; /* the folder does not allow executable mappings */
    }
    cache_close(CACHE_FD_FILE);
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

static struct cache_unit *new_unit(const struct region *r)
{
    struct {
        uint8_t page[CACHE_PAGE];
        uint64_t common, fixed_base;
    } identity;
    guest_addr base = r->start - (guest_addr)r->offset;
    uint64_t n_pages = (r->end - base) >> PAGE_BITS;
    if (n_cache_units == MAX_UNITS || n_pages > MAX_OFFSET >> PAGE_BITS || !read_first_page(r, identity.page))
        return NULL;
    struct cache_unit *u = &cache_units[n_cache_units];
    *u = (struct cache_unit){.base = base, .fixed = r->fixed_file, .dev = r->dev, .inode = r->inode};
    identity.common = common;
    identity.fixed_base = r->fixed_file ? base : 0;
    for (unsigned i = 0; i < 2; i++)
        u->key.word[i] = hash_bytes(&identity, sizeof identity, 2 + i);
    const char *slash = r->name ? strrchr(r->name, '/') : NULL;
    snprintf(u->name, sizeof u->name, "%s", slash ? slash + 1 : r->name ? r->name : "");
    map_unit(u, (uint32_t)n_pages);
    __atomic_store_n(&n_cache_units, n_cache_units + 1, __ATOMIC_RELEASE);
    return u;
}

/* True if PC is on a page of the unit whose contents are known, so that nothing has changed there. */
static bool is_on_known_page(const struct cache_unit *u, guest_addr pc)
{
    uint64_t page = (pc - u->base) >> PAGE_BITS;
    return pc >= u->base && page < u->n_pages && u->page[page].state == PAGE_KNOWN;
}

struct cache_unit *cache_unit_at(guest_addr pc)
{
    struct region r;
    if (!on)
        return NULL;
    if (current && is_on_known_page(current, pc))
        return current;
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
    if (current)
        cache_page_known(current, (uint32_t)((pc - current->base) >> PAGE_BITS));
    return current;
}

/* ---- Blocks -------------------------------------------------------------------------------------------- */

uint32_t cache_details_size(const struct cache_entry *e)
{
    uint32_t n = e->n_exits * (uint32_t)sizeof(struct cache_exit) + e->n_ranges * (uint32_t)sizeof(struct cache_range) +
                 e->n_flags_at * (uint32_t)sizeof(struct tb_flags_at) +
                 e->n_places * (uint32_t)sizeof(struct tb_place);
    return (uint32_t)ALIGN_UP(n + e->n_delta_bytes, 4);
}

bool cache_entry_fits(const struct cache_file *f, const struct cache_entry *e)
{
    const struct cache_header *h = f->header;
    return e->n_delta_bytes <= 1 << 16 && e->code >= CACHE_PAGE && (uint64_t)e->code + e->size <= h->code_end &&
           !(e->details & 3) && (uint64_t)e->details + cache_details_size(e) <= h->details_size && e->slot > 0 &&
           (uint64_t)e->slot + 1 + e->n_exits <= h->n_slots && e->n_ranges <= TB_MAX_RANGES;
}

uint64_t cache_entry_check(const struct cache_entry *e, const uint8_t *code, const uint8_t *details)
{
    enum { FROM = offsetof(struct cache_entry, offset) };
    uint64_t check = hash_bytes((const uint8_t *)e + FROM, sizeof *e - FROM, 4);
    check = hash_bytes(details, cache_details_size(e), check);
    return hash_bytes(code, e->size, check);
}

uint32_t cache_index_start(uint32_t offset, uint32_t mode, uint32_t bits)
{
    uint32_t hash = (offset >> 2 ^ mode * 0x85ebca6bu) * 0x9e3779b1u;
    return bits ? hash >> (32 - bits) : 0;
}

int64_t cache_lookup(const struct cache_file *f, uint32_t offset, uint32_t mode)
{
    const struct cache_header *h = f->header;
    uint32_t mask = ((uint32_t)1 << h->index_bits) - 1;
    uint32_t at = cache_index_start(offset, mode, h->index_bits);
    for (uint32_t n = 0; n <= mask; n++, at = (at + 1) & mask) {
        uint32_t i = f->index[at];
        if (i == 0 || i > h->n_blocks)
            return -1;
        const struct cache_entry *e = &f->entries[i - 1];
        if (e->offset == offset && e->mode == mode)
            return i - 1;
    }
    return -1;
}

/* A new member that code generation fills in has to be in the file, too: here, in put_block and in put_details. */
_Static_assert(sizeof(struct tb) == 176, "struct tb has changed: cache_format.h");

static struct tb *make_tb(struct cache_unit *u, const struct cache_entry *e, guest_addr pc)
{
    const uint8_t *p = u->file.details + e->details;
    const struct cache_exit *exit = (const void *)p;
    const struct cache_range *range = (const void *)(exit + e->n_exits);
    struct tb *tb = tb_alloc(sizeof *tb + e->n_ranges * sizeof *tb->range + e->n_exits * sizeof *tb->exits);
    memset(tb, 0, sizeof *tb);
    tb->range = (struct tb_range *)(void *)(tb + 1);
    tb->exits = (struct tb_exit *)(void *)(tb->range + e->n_ranges);
    tb->pc = pc;
    tb->mode = e->mode;
    tb->code = (const uint8_t *)u->file.header + e->code;
    tb->size = e->size;
    tb->n_exits = e->n_exits;
    tb->n_insns = e->n_insns;
    tb->n_ranges = e->n_ranges;
    tb->n_flags_at = e->n_flags_at;
    tb->n_places = e->n_places;
    tb->n_host_insns = e->n_host_insns;
    for (unsigned i = 0; i < e->n_ranges; i++)
        tb->range[i] = (struct tb_range){pc + (guest_addr)(int64_t)range[i].start, range[i].size};
    tb->flags_at = (const void *)(range + e->n_ranges);
    tb->places = (const void *)(tb->flags_at + e->n_flags_at);
    tb->deltas = (const void *)(tb->places + e->n_places);
    tb->n_delta_bytes = e->n_delta_bytes;
    tb->slots = cache_slot(&u->file, e->slot);
    tb->is_fixed_code = u->read_only;
    __atomic_store_n(tb->slots, (uintptr_t)tb, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < e->n_exits; i++) {
        tb->exits[i] = (struct tb_exit){
            .target = pc + (guest_addr)(int64_t)exit[i].target, .stub = exit[i].stub, .site = exit[i].site, .owner = tb};
        host_backend.patch_exit(tb, i, NULL);
    }
    return tb;
}

/* Every page that the block depends on has the contents it was made from. */
static bool pages_match(struct cache_unit *u, const struct cache_entry *e)
{
    const struct cache_exit *exit = (const void *)(u->file.details + e->details);
    const struct cache_range *range = (const void *)(exit + e->n_exits);
    for (unsigned i = 0; i < e->n_ranges; i++) {
        int64_t start = (int64_t)e->offset + range[i].start, last = start + range[i].size - 1;
        if (start < 0 || last < start)
            return false;
        for (int64_t page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++)
            if (page >= u->n_pages || !page_is_as_recorded(u, (uint32_t)page))
                return false;
    }
    return e->n_ranges > 0;
}

/* The usable entry for PC, or null. */
static const struct cache_entry *usable_entry(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    if (!u->file.header || pc - u->base >= MAX_OFFSET)
        return NULL;
    int64_t i = cache_lookup(&u->file, (uint32_t)(pc - u->base), mode);
    if (i < 0)
        return NULL;
    const struct cache_entry *e = &u->file.entries[i];
    bool checked = u->blocks[i] != NULL;
    if (!checked && (!cache_entry_fits(&u->file, e) ||
        e->check != cache_entry_check(e, (const uint8_t *)u->file.header + e->code, u->file.details + e->details))) {
        u->damaged = true;
        return NULL;
    }
    return pages_match(u, e) ? e : NULL;
}

struct tb *cache_find(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    const struct cache_entry *e = verifying ? NULL : usable_entry(u, pc, mode);
    if (!e) {
        u->misses++;
        return NULL;
    }
    u->hits++;
    struct tb *tb = make_tb(u, e, pc);
    __atomic_store_n(&u->blocks[e - u->file.entries], tb, __ATOMIC_RELEASE);
    return tb;
}

/* True if the block may be written: relocatable, and made only from pages of this unit with known contents. */
static bool can_be_saved(const struct cache_unit *u, const struct tb *tb)
{
    if (tb->base != (u->fixed ? 0 : u->base) || tb->n_bias == TB_NOT_MOVABLE || tb->n_ranges == 0)
        return false;
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr start = tb->range[i].start, last = start + tb->range[i].size - 1;
        for (guest_addr a = ALIGN_DOWN(start, CACHE_PAGE); a <= last; a += CACHE_PAGE)
            if (!is_on_known_page(u, a) || u->page[(a - u->base) >> PAGE_BITS].changed)
                return false;
    }
    return true;
}

static void compare(struct cache_unit *u, const struct tb *tb)
{
    const struct cache_entry *e = usable_entry(u, tb->pc, tb->mode);
    static uint8_t fresh[256 << 10];
    if (!e)
        return;
    u->hits++;
    uint32_t size = host_backend.detached_size(tb);
    if (size == e->size && size <= sizeof fresh) {
        host_backend.detach(tb, fresh, e->code, e->slot);
        if (!memcmp(fresh, (const uint8_t *)u->file.header + e->code, size) && tb->n_insns == e->n_insns &&
            tb->n_exits == e->n_exits && tb->n_delta_bytes == e->n_delta_bytes)
            return;
    }
    bug("cached block 0x%llx of %s (%u bytes) differs from its translation (%u bytes)", (unsigned long long)tb->pc, u->name,
        e->size, size);
}

void cache_place(struct cache_unit *u, guest_addr pc, uint32_t mode)
{
    const struct cache_entry *e = verifying ? usable_entry(u, pc, mode) : NULL;
    if (e)
        code_buffer_skip_to((e->residue - HOST_BLOCK_HEADER) & 63, 64);
}

/* ---- Code in files ---------------------------------------------------------------------------------------- */

static struct cache_unit *unit_of_code(const void *host_pc)
{
    const uint8_t *pc = host_pc;
    unsigned n = __atomic_load_n(&n_cache_units, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++) {
        const struct cache_header *h = cache_units[i].file.header;
        if (h && pc >= (const uint8_t *)h && pc < (const uint8_t *)h + h->code_end)
            return &cache_units[i];
    }
    return NULL;
}

bool cache_contains(const void *host_pc) { return unit_of_code(host_pc) != NULL; }

struct tb *cache_tb_from_host(const void *host_pc)
{
    const struct cache_unit *u = unit_of_code(host_pc);
    if (!u)
        return NULL;
    uint32_t at = (uint32_t)((const uint8_t *)host_pc - (const uint8_t *)u->file.header);
    uint32_t lo = 0, hi = u->file.header->n_blocks;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (u->file.entries[mid].code <= at)
            lo = mid;
        else
            hi = mid;
    }
    if (hi == 0 || at - u->file.entries[lo].code >= u->file.entries[lo].size)
        return NULL;
    struct tb *tb = __atomic_load_n(&u->blocks[lo], __ATOMIC_ACQUIRE);
    return tb == BLOCK_CHECKED ? NULL : tb;
}

/* ---- Changes ---------------------------------------------------------------------------------------------- */

void cache_invalidate(guest_addr start, uint64_t size)
{
    guest_addr end = start + size;
    for (unsigned i = 0; i < n_cache_units; i++) {
        struct cache_unit *u = &cache_units[i];
        guest_addr limit = u->base + ((guest_addr)u->n_pages << PAGE_BITS);
        if (start >= limit || end <= u->base)
            continue;
        guest_addr first = start > u->base ? start - u->base : 0, stop = (end < limit ? end : limit) - u->base;
        for (guest_addr page = first >> PAGE_BITS; page << PAGE_BITS < stop; page++)
            if (u->page[page].state != PAGE_UNKNOWN)
                u->page[page] = (struct cache_page){.changed = true};
    }
}

static void forget_new_blocks(struct cache_unit *u)
{
    u->new_blocks = NULL;
    u->n_new = 0;
}

void cache_flush(void)
{
    for (struct cache_unit *u = cache_units; u < cache_units + n_cache_units; u++) {
        forget_new_blocks(u);
        for (uint32_t i = 0; u->file.header && i < u->file.header->n_blocks; i++)
            if (u->blocks[i])
                u->blocks[i] = BLOCK_CHECKED;
    }
}

void cache_after_fork(void)
{
    for (unsigned i = 0; i < n_cache_units; i++)
        forget_new_blocks(&cache_units[i]);
}

static void log_units(void)
{
    for (unsigned i = 0; i < n_cache_units; i++) {
        const struct cache_unit *u = &cache_units[i];
        log_write("cache: %016llx%016llx %s: %u blocks on disk%s, %u hits, %u misses, %u written\n",
                  (unsigned long long)u->key.word[0], (unsigned long long)u->key.word[1], u->name,
                  u->file.header ? u->file.header->n_blocks : 0, u->damaged ? " (damaged)" : "", u->hits, u->misses,
                  u->written);
    }
}

/* Rewriting a file costs as much as a fraction of its translation: it must bring that much. */
static bool is_worth_writing(const struct cache_unit *u)
{
    uint32_t have = u->file.header && !u->damaged ? u->file.header->n_blocks : 0;
    return u->n_new > 0 && (have == 0 || (u->n_new >= 4 && u->n_new >= have / 64));
}

static void save_locked(void)
{
    for (struct cache_unit *u = cache_units; u < cache_units + n_cache_units && !verifying; u++) {
        if (!is_worth_writing(u))
            continue;
        cache_write_unit(u);
        forget_new_blocks(u);
    }
}

/* Processes that run for long save now and then. */
static void save_in_time(void)
{
    static unsigned n;
    static time_t last;
    if (++n < SAVE_BLOCKS)
        return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (last && now.tv_sec - last >= SAVE_SECONDS)
        save_locked();
    if (!last || now.tv_sec - last >= SAVE_SECONDS)
        last = now.tv_sec;
    n = 0;
}

void cache_add(struct cache_unit *u, struct tb *tb)
{
    if (!can_be_saved(u, tb))
        return;
    if (verifying)
        compare(u, tb);
    tb->unit_next = u->new_blocks;
    u->new_blocks = tb;
    u->n_new++;
    save_in_time();
}

void cache_save(bool at_end)
{
    if (!on)
        return;
    tb_lock_take();
    save_locked();
    tb_lock_release();
    if (at_end && LOG_ON(cache))
        log_units();
}
