/* cache_write.c - new blocks into a unit's file: the old file's and the new ones, to a temporary file, renamed.
 *
 * One process at a time writes a file; the others do without. The old code is copied as it is, since nothing in it depends
 * on what follows. A process that is killed leaves the old file and a temporary one, which the next writer overwrites;
 * a file torn by a crash of the machine is noticed by its checks. */
#include "core/cache_unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/host.h"

enum { CODE_ALIGN = 16, CACHE_LINE = 64, PAGE_BITS = 12, PRUNE_EVERY = 16 };
#define MAX_FILE ((uint64_t)256 << 20)

struct writer {
    struct cache_unit *unit;
    struct cache_file old;
    void *old_map;
    uint64_t old_size;
    uint32_t n_old;
    struct cache_header head;
    /* One anonymous mapping holds the new code, then the tables. */
    uint8_t *memory, *code, *details;
    size_t size;
    struct cache_entry *entries;
    uint64_t *pages;
    uint32_t *index;
};

/* ---- What is worth keeping ----------------------------------------------------------------------------------- */

/* An old block of a page that is different now. */
static bool is_outdated(const struct writer *w, const struct cache_entry *e)
{
    const struct cache_unit *u = w->unit;
    const struct cache_exit *exit = (const void *)(w->old.details + e->details);
    const struct cache_range *range = (const void *)(exit + e->n_exits);
    if (!cache_entry_fits(&w->old, e))
        return true;
    for (unsigned i = 0; i < e->n_ranges; i++) {
        int64_t start = (int64_t)e->offset + range[i].start, last = start + range[i].size - 1;
        for (int64_t page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++) {
            if (page < 0 || page >= w->old.header->n_pages)
                return true;
            const struct cache_page *p = page < u->n_pages ? &u->page[page] : NULL;
            if (p && p->state == PAGE_KNOWN && !p->changed && p->hash != w->old.pages[page])
                return true;
        }
    }
    return false;
}

static void count_old(struct writer *w)
{
    for (uint32_t i = 0; w->old.header && i < w->old.header->n_blocks; i++)
        w->n_old += !is_outdated(w, &w->old.entries[i]);
}

/* The file as it is now, which may be newer than the one that this process uses. */
static void map_old(struct writer *w)
{
    char name[CACHE_FILE_NAME];
    struct cache_unit *u = w->unit;
    cache_file_name(name, &u->key, "tbc");
    int fd = cache_open(name, &w->old_size);
    if (fd < 0)
        return;
    void *p = w->old_size ? mmap(NULL, w->old_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    cache_close(CACHE_FD_FILE);
    if (p == MAP_FAILED)
        return;
    w->old_map = p;
    bool good = cache_file_check(&w->old, p, w->old_size, &u->key);
    /* Damaged, or it is this process's own that proved to be. */
    if (!good || (u->damaged && (!u->file.header || w->old.header->check == u->file.header->check)))
        w->old.header = NULL;
    count_old(w);
    /* Code that no block needs any more is not copied for ever. */
    if (w->old.header && w->n_old < w->old.header->n_blocks - w->old.header->n_blocks / 4) {
        w->old.header = NULL;
        w->n_old = 0;
    }
}

/* The pages still have the contents that the translation was made from. */
static bool pages_unchanged(struct cache_unit *u, const struct tb *tb, uint8_t *checked)
{
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr start = tb->range[i].start - u->base, last = start + tb->range[i].size - 1;
        for (guest_addr page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++) {
            struct cache_page *p = &u->page[page];
            if (p->state != PAGE_KNOWN)
                return false;
            if (checked[page])
                continue;
            uint64_t hash = p->hash;
            p->state = PAGE_UNKNOWN;
            if (!cache_page_known(u, (uint32_t)page))
                return false;
            if (p->hash != hash) {
                p->state = PAGE_UNKNOWN;
                return false;
            }
            checked[page] = 1;
        }
    }
    return true;
}

static bool fits(guest_addr value, guest_addr base) { return (int64_t)(value - base) == (int32_t)(value - base); }

static bool is_wanted(struct writer *w, const struct tb *tb, uint8_t *checked)
{
    struct cache_unit *u = w->unit;
    if (tb->dead || !pages_unchanged(u, tb, checked))
        return false;
    for (unsigned i = 0; i < tb->n_exits; i++)
        if (!fits(tb->exits[i].target, tb->pc))
            return false;
    for (unsigned i = 0; i < tb->n_ranges; i++)
        if (!fits(tb->range[i].start, tb->pc))
            return false;
    int64_t old = w->old.header ? cache_lookup(&w->old, (uint32_t)(tb->pc - u->base), tb->mode) : -1;
    return old < 0 || is_outdated(w, &w->old.entries[old]);
}

/* Unlink what is not wanted from the list of new blocks; add up what the others need. */
static uint32_t choose(struct writer *w, size_t *code, size_t *details, uint32_t *slots)
{
    struct cache_unit *u = w->unit;
    uint8_t *checked = mmap(NULL, u->n_pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t n = 0;
    if (checked == MAP_FAILED)
        return 0;
    for (struct tb **p = &u->new_blocks; *p;) {
        struct tb *tb = *p;
        if (!is_wanted(w, tb, checked)) {
            *p = tb->unit_next;
            continue;
        }
        struct cache_entry e = {.n_delta_bytes = tb->n_delta_bytes, .n_exits = tb->n_exits, .n_ranges = tb->n_ranges,
                                .n_flags_at = tb->n_flags_at, .n_places = tb->n_places};
        *code += ALIGN_UP(host_backend.detached_size(tb), CODE_ALIGN) + CACHE_LINE - CODE_ALIGN;
        *details += cache_details_size(&e);
        *slots += 1u + tb->n_exits;
        p = &tb->unit_next;
        n++;
    }
    munmap(checked, u->n_pages);
    return n;
}

/* ---- Putting it together --------------------------------------------------------------------------------------- */

static void put_details(const struct tb *tb, uint8_t *at)
{
    for (unsigned i = 0; i < tb->n_exits; i++, at += sizeof(struct cache_exit))
        memcpy(at, &(struct cache_exit){(int32_t)(tb->exits[i].target - tb->pc), tb->exits[i].stub, tb->exits[i].site},
               sizeof(struct cache_exit));
    for (unsigned i = 0; i < tb->n_ranges; i++, at += sizeof(struct cache_range))
        memcpy(at, &(struct cache_range){(int32_t)(tb->range[i].start - tb->pc), tb->range[i].size},
               sizeof(struct cache_range));
    memcpy(at, tb->flags_at, tb->n_flags_at * sizeof *tb->flags_at);
    at += tb->n_flags_at * sizeof *tb->flags_at;
    memcpy(at, tb->places, tb->n_places * sizeof *tb->places);
    at += tb->n_places * sizeof *tb->places;
    memcpy(at, tb->deltas, tb->n_delta_bytes);
}

static void put_index(struct writer *w, uint32_t number)
{
    const struct cache_entry *e = &w->entries[number];
    uint32_t mask = ((uint32_t)1 << w->head.index_bits) - 1;
    uint32_t at = cache_index_start(e->offset, e->mode, w->head.index_bits);
    while (w->index[at])
        at = (at + 1) & mask;
    w->index[at] = number + 1;
}

static void put_block(struct writer *w, const struct tb *tb, uint32_t number, uint32_t *slot, uint32_t *details)
{
    const struct cache_unit *u = w->unit;
    struct cache_entry *e = &w->entries[number];
    w->head.code_end += ((uint32_t)(uintptr_t)tb->code - w->head.code_end) & (CACHE_LINE - 1);
    uint8_t *code = w->code + (w->head.code_end - (w->old.header ? w->old.header->code_end : CACHE_PAGE));
    *e = (struct cache_entry){
        .details = *details,
        .offset = (uint32_t)(tb->pc - u->base),
        .mode = tb->mode,
        .code = w->head.code_end,
        .size = host_backend.detached_size(tb),
        .slot = *slot,
        .n_delta_bytes = tb->n_delta_bytes,
        .n_exits = tb->n_exits,
        .n_insns = tb->n_insns,
        .n_ranges = tb->n_ranges,
        .n_flags_at = tb->n_flags_at,
        .n_places = tb->n_places,
        .n_host_insns = tb->n_host_insns,
        .residue = (uint32_t)(uintptr_t)tb->code & 63,
    };
    host_backend.detach(tb, code, e->code, e->slot);
    put_details(tb, w->details + *details);
    e->check = cache_entry_check(e, code, w->details + *details);
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr start = tb->range[i].start - u->base, last = start + tb->range[i].size - 1;
        for (guest_addr page = start >> PAGE_BITS; page <= last >> PAGE_BITS; page++)
            w->pages[page] = u->page[page].hash;
    }
    *slot += 1u + tb->n_exits;
    *details += cache_details_size(e);
    w->head.code_end += (uint32_t)ALIGN_UP(e->size, CODE_ALIGN);
}

static void put_old(struct writer *w)
{
    if (!w->old.header)
        return;
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->old.header->n_blocks; i++)
        if (!is_outdated(w, &w->old.entries[i]))
            w->entries[n++] = w->old.entries[i];
    memcpy(w->pages, w->old.pages, w->old.header->n_pages * sizeof *w->pages);
    memcpy(w->details, w->old.details, w->old.header->details_size);
}

static void put_all(struct writer *w)
{
    uint32_t number = w->n_old, slot = w->old.header ? w->old.header->n_slots : 1;
    uint32_t details = w->old.header ? w->old.header->details_size : 0;
    put_old(w);
    for (const struct tb *tb = w->unit->new_blocks; tb; tb = tb->unit_next)
        put_block(w, tb, number++, &slot, &details);
    for (uint32_t i = 0; i < number; i++)
        put_index(w, i);
}

/* Sizes and places of everything; false: too large, or no memory. */
static bool lay_out(struct writer *w)
{
    const struct cache_header *old = w->old.header;
    const struct cache_unit *u = w->unit;
    struct cache_header *h = &w->head;
    size_t code = 0, details = old ? old->details_size : 0;
    uint32_t slots = old ? old->n_slots : 1, n = choose(w, &code, &details, &slots);
    if (!n)
        return false;
    memcpy(h->magic, CACHE_MAGIC, sizeof h->magic);
    h->version = CACHE_VERSION;
    h->header_size = sizeof *h;
    h->key = u->key;
    h->n_blocks = w->n_old + n;
    h->n_slots = slots;
    h->n_pages = old && old->n_pages > u->n_pages ? old->n_pages : u->n_pages;
    while ((uint32_t)1 << h->index_bits < 2 * h->n_blocks)
        h->index_bits++;
    uint64_t start = old ? old->code_end : CACHE_PAGE, at = ALIGN_UP(start + code, 8);
    h->entries = (uint32_t)at;
    at += (uint64_t)h->n_blocks * sizeof *w->entries;
    h->pages = (uint32_t)at;
    at += (uint64_t)h->n_pages * sizeof *w->pages;
    h->index = (uint32_t)at;
    at += ALIGN_UP((uint64_t)4 << h->index_bits, 8);
    h->details = (uint32_t)at;
    h->details_size = (uint32_t)details;
    at += ALIGN_UP(details, 8);
    h->file_size = at;
    snprintf(h->name, sizeof h->name, "%s", u->name);
    cache_build_id(h->build, sizeof h->build);
    w->size = at - start;
    if (at > MAX_FILE)
        return false;
    w->memory = mmap(NULL, w->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (w->memory == MAP_FAILED)
        return false;
    w->code = w->memory;
    w->entries = (void *)(w->memory + (h->entries - start));
    w->pages = (void *)(w->memory + (h->pages - start));
    w->index = (void *)(w->memory + (h->index - start));
    w->details = w->memory + (h->details - start);
    h->code_end = (uint32_t)start;
    return true;
}

/* ---- Onto the disk --------------------------------------------------------------------------------------------- */

static bool write_at(int fd, const void *p, size_t n, uint64_t offset)
{
    while (n) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);
        if (done <= 0)
            return false;
        p = (const char *)p + done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return true;
}

/* A larger file would bring SIGXFSZ. */
static bool within_limit(uint64_t size)
{
    struct rlimit limit;
    return !getrlimit(RLIMIT_FSIZE, &limit) && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size);
}

static bool write_file(const struct writer *w)
{
    char temporary[CACHE_FILE_NAME], name[CACHE_FILE_NAME];
    uint8_t first[CACHE_PAGE] = {0};
    uint64_t start = w->old.header ? w->old.header->code_end : CACHE_PAGE;
    cache_file_name(temporary, &w->unit->key, "tmp");
    cache_file_name(name, &w->unit->key, "tbc");
    memcpy(first, &w->head, sizeof w->head);
    int folder = cache_fd(CACHE_FD_FOLDER);
    unlinkat(folder, temporary, 0);
    int fd = cache_create(temporary);
    if (fd < 0)
        return false;
    bool good = write_at(fd, first, sizeof first, 0) && write_at(fd, w->memory, w->size, start);
    if (good && start > CACHE_PAGE)
        good = write_at(fd, (const uint8_t *)w->old_map + CACHE_PAGE, start - CACHE_PAGE, CACHE_PAGE);
    cache_close(CACHE_FD_FILE);
    if (!good || renameat(folder, temporary, folder, name)) {
        unlinkat(folder, temporary, 0);
        return false;
    }
    return true;
}

void cache_write_unit(struct cache_unit *u)
{
    struct writer w = {.unit = u};
    if (!cache_dir_writable())
        return;
    if (!cache_lock(&u->key))
        return;
    map_old(&w);
    if (lay_out(&w) && within_limit(w.head.file_size)) {
        put_all(&w);
        w.head.check = hash_bytes(&w.head, offsetof(struct cache_header, check), 0);
        if (write_file(&w)) {
            u->written += w.head.n_blocks - w.n_old;
        }
    }
    if (w.memory && w.memory != MAP_FAILED)
        munmap(w.memory, w.size);
    if (w.old_map)
        munmap(w.old_map, w.old_size);
    cache_close(CACHE_FD_LOCK);
    /* Reading a large folder takes time: now and then is enough. */
    if (u->written && !w.old_map && u->key.word[0] % PRUNE_EVERY == 0)
        cache_prune(CACHE_FOLDER_SIZE);
}
