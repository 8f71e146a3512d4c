/* cache_verify.c - cached blocks beside the same made anew.
 *
 * With "verify" no block is taken from the cache. Each is translated, at an address that is the old one's modulo a cache line
 * (cache_place), and compared before it is linked: its row, its details, its code but for where exits lead and how the load
 * address is reached, and where exits lead. A process that runs a program does so for what it needs; cache_verify_unit does it
 * for a whole file, of which nothing is run. */
#include "core/cache_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host.h"
#include "core/ir.h"
#include "core/log.h"
#include "core/promote.h"

struct difference {
    const char *where; /* null: exits lead to wrong places */
    uint32_t at;       /* of the first byte */
    uint8_t cached, fresh;
};

static bool same_bytes(const void *cached, const void *fresh, size_t size, const char *where, struct difference *d)
{
    const uint8_t *a = cached, *b = fresh;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i]) {
            *d = (struct difference){where, (uint32_t)i, a[i], b[i]};
            return false;
        }
    return true;
}

/* Compare details and code, the latter with exits that lead to their stubs. COPY: zeroed, for these of one and the code of both. */
static bool same_contents(const struct cache_unit *u, unsigned segment, const struct cache_entry *e, const struct tb *tb,
                          uint8_t *copy, struct difference *d)
{
    const uint8_t *details = cache_details(&u->file, segment, e), *code = cache_segment_start(&u->file, segment) + e->code;
    struct cache_parts p = cache_parts(e, details);
    uint32_t end = cache_counter_end(e);
    uint8_t *old = copy + p.size, *new = old + end;
    cache_put_details(tb, copy);
    if (!same_bytes(details, copy, p.size, "its details", d))
        return false;
    memcpy(old, code, end);
    memcpy(new, tb->code, e->size);
    for (unsigned i = 0; i < e->n_exits; i++) {
        host_backend.lead_exit(old, p.exit[i].site, p.exit[i].stub);
        host_backend.lead_exit(new, p.exit[i].site, p.exit[i].stub);
    }
    for (unsigned i = 0; i < e->n_bias; i++)
        host_backend.reach_cell(new, p.bias_at[i], (uint32_t)(code - u->file.start));
    if (e->kind == CACHE_HEAD)
        host_backend.put_counter(new + cache_counter_at(e), new, promote_word(e->offset));
    return same_bytes(old, new, end, "its code", d);
}

static bool is_same(const struct cache_unit *u, unsigned segment, const struct cache_entry *e, const struct tb *tb,
                    struct difference *d)
{
    struct cache_entry fresh = cache_entry_of(u, tb);
    fresh.code = e->code;
    fresh.details = e->details;
    if ((fresh.kind == CACHE_REGION) == (e->kind == CACHE_REGION))
        fresh.kind = e->kind; /* whether a block is cold or a loop head depends on what was run, and on other blocks */
    if (!same_bytes(e, &fresh, sizeof fresh, "its row", d))
        return false;
    uint8_t *copy = calloc(1, cache_parts(e, NULL).size + 2 * (size_t)cache_counter_end(e));
    if (!copy)
        die("out of memory");
    bool same = same_contents(u, segment, e, tb, copy, d);
    free(copy);
    if (same && !cache_exits_right(&u->file, segment, e)) {
        *d = (struct difference){0};
        return false;
    }
    return same;
}

static void report(struct cache_unit *u, const struct cache_entry *e, const char *how)
{
    u->n_different++;
    log_write("cache: block 0x%llx, at 0x%x of %s, mode %u, %u bytes: %s\n", (unsigned long long)(u->base + e->offset), e->offset,
              u->name, e->mode, e->size, how);
}

void cache_compare(struct cache_unit *u, const struct tb *tb)
{
    unsigned segment;
    struct difference d;
    char how[128];
    const struct cache_entry *e = cache_usable_entry(u, tb->pc, tb->mode, &segment);
    if (!e || (tb->pin && e->kind != CACHE_REGION))
        return;
    u->hits++;
    if (is_same(u, segment, e, tb, &d))
        return;
    snprintf(how, sizeof how, "its translation differs from byte %u of %s on: %02x in the file, now %02x", d.at,
             d.where ? d.where : "", d.cached, d.fresh);
    report(u, e, d.where ? how : "its exits lead to wrong places");
}

/* ---- Whole files -------------------------------------------------------------------------------------------- */

static void verify_block(struct cache_unit *u, unsigned segment, const struct cache_entry *e, struct thread *thread,
                         struct cache_verdict *v)
{
    uint32_t compared = u->hits, different = u->n_different;
    unsigned found;
    tb_lock_take();
    bool usable = cache_segment_usable(u, segment);
    bool is_found = usable && cache_usable_entry(u, u->base + e->offset, e->mode, &found) == e;
    tb_lock_release();
    if (!usable) {
        v->other++;
        return;
    }
    if (!is_found)
        report(u, e, "it depends on pages that its segment has no hashes of");
    else if (!tb_get(thread, u->base + e->offset, e->mode))
        report(u, e, "its code cannot be read");
    if (u->n_different > different)
        v->different++;
    else if (u->hits > compared)
        v->equal++;
    else
        v->not_kept++;
}

void cache_verify_unit(struct cache_unit *u, struct thread *thread, uint32_t mask, uint32_t mode, struct cache_verdict *v)
{
    for (unsigned i = 0; i < u->file.header->n_segments; i++) {
        const struct cache_segment *s = &u->file.header->segment[i];
        const struct cache_entry *e = cache_entries(&u->file, i);
        if (s->check != cache_segment_check(s, cache_segment_start(&u->file, i)))
            continue;
        for (uint32_t n = s->n_blocks; n; n--, e++)
            if ((e->mode & mask) == (mode & mask) && cache_entry_fits(&u->file, i, e))
                verify_block(u, i, e, thread, v);
    }
}
