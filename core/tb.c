/* tb.c - find, make, chain and drop translation blocks.
 *
 * Readers walk the hash chains without a lock: a block is complete before it is published, and its memory stays until
 * tb_flush, which runs while every other thread is outside cpu_run. All changes hold tb_lock. */
#include "core/tb.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "core/cache.h"
#include "core/code_buffer.h"
#include "core/compile.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/perf.h"
#include "core/promote.h"
#include "core/tagged.h"
#include "core/workspace.h"

enum { FIRST_BUCKETS = 512, FIRST_BY_HOST = 512, MAX_BUCKETS = 1 << 17, MORE_BUCKETS = 4, MORE_BY_HOST = 4, PAGE_BITS = 12 };
enum { FIRST_PAGES = 512, ALL_PAGES = 4096, NODES_PER_PAGE = 4 };
/* A link out of code from a cache file makes a private copy of a page, which costs as much as so many ways through C. */
enum { PASSES_UNLINKED = 16 };
/* Tables in proportion to the code buffer, small and large blocks considered, and room for one block of the largest size and
 * the largest hash table. */
enum { TABLES_PER_CODE = 6, SMALL_PAGES = 640 << 10 /* as of the code */, LARGEST_TB = 2 << 20, MANY_DEAD = 1 << 16 };

/* A block that depends on bytes of a guest page. */
struct page_node {
    guest_addr page;
    struct tb *tb;
    struct page_node *next;
};

/* Blocks by pc. It grows with their number, because each page that a short process touches costs it microseconds. */
struct hash_table {
    unsigned n_buckets; /* a power of two */
    struct tb **bucket;
};

static WRITTEN_OFTEN pthread_mutex_t tb_lock = PTHREAD_MUTEX_INITIALIZER;
static START_TABLE struct tb *first_bucket[FIRST_BUCKETS];
static struct hash_table first_table = {FIRST_BUCKETS, first_bucket};
static struct hash_table *hash_table = &first_table; /* changed with tb_lock held */
static WRITTEN_OFTEN unsigned n_hashed;              /* blocks in it; guarded by tb_lock */
static START_TABLE struct page_node *first_pages[FIRST_PAGES];
/* By page, of n_page_buckets; it grows once. All guarded by tb_lock. */
static struct page_node **page_table = first_pages;
static unsigned n_page_buckets = FIRST_PAGES;
static WRITTEN_OFTEN unsigned n_page_nodes; /* made so far */
static LARGE_TABLE struct tb *first_by_host[FIRST_BY_HOST];
static struct tb **by_host = first_by_host; /* blocks in the order of their code; moved, and added to, with tb_lock held */
static WRITTEN_OFTEN unsigned n_by_host, room_by_host = FIRST_BY_HOST;
static unsigned n_dead; /* of these, dropped */
static WRITTEN_OFTEN struct memory_area memory; /* where tb_alloc takes from, */
static WRITTEN_OFTEN char *memory_at;           /* here */

/* It is held for a microsecond or two: to sleep and to be woken takes longer. */
static void take(void)
{
    enum { TRIES = 200, PAUSES = 8 };
    for (unsigned n = 0; n < TRIES; n++) {
        if (likely(pthread_mutex_trylock(&tb_lock) == 0))
            return;
        for (unsigned i = 0; i < PAUSES; i++)
            cpu_pause();
    }
    pthread_mutex_lock(&tb_lock);
}

static struct tb **bucket_of(const struct hash_table *h, guest_addr pc)
{
    return &h->bucket[(unsigned)(pc >> 2) & (h->n_buckets - 1)];
}

static unsigned page_hash(guest_addr page) { return (unsigned)page & (n_page_buckets - 1); }

void *tb_alloc(size_t size)
{
    if (!memory.start) {
        size_t total = engine_options.code_size * TABLES_PER_CODE + LARGEST_TB;
        if (!memory_area_reserve(&memory, total, SMALL_PAGES, PROT_READ | PROT_WRITE, false))
            die("cannot reserve memory for translation tables");
        memory_at = memory.start;
    }
    char *p = memory_at;
    memory_at += ALIGN_UP(size, 8);
    if (memory_at > memory.end)
        bug("translation tables are full");
    memory_area_use(&memory, memory_at);
    return p;
}

/* No room for one more block of the largest size, which may be the one with which a table grows. Also if most blocks are dead, as
 * where a guest's compiler reuses its memory all the time: they would only fill memory. */
bool tb_is_full(void)
{
    size_t grows = n_by_host == room_by_host ? MORE_BY_HOST * room_by_host * sizeof *by_host : 0;
    return memory.start && ((size_t)(memory.end - memory_at) < LARGEST_TB + grows ||
                            (n_dead > MANY_DEAD && n_dead > n_by_host / 2));
}

struct tb *tb_find(guest_addr pc, uint32_t mode)
{
    const struct hash_table *h = __atomic_load_n(&hash_table, __ATOMIC_ACQUIRE);
    struct tb *tb = __atomic_load_n(bucket_of(h, pc), __ATOMIC_ACQUIRE);
    while (tb && (tb->pc != pc || tb->mode != mode))
        tb = __atomic_load_n(&tb->hash_next, __ATOMIC_ACQUIRE);
    return tb;
}

/* A reader without the lock may be led from an old bucket into a new one and miss its block; it then looks again with the
 * lock. What it walks on stays memory of blocks until the next flush. */
static void grow_hash_table(void)
{
    const struct hash_table *old = hash_table;
    unsigned n = old->n_buckets * MORE_BUCKETS;
    struct hash_table *h = tb_alloc(sizeof *h + n * sizeof *h->bucket);
    *h = (struct hash_table){n, (struct tb **)(void *)(h + 1)};
    memset(h->bucket, 0, n * sizeof *h->bucket);
    for (unsigned i = 0; i < old->n_buckets; i++)
        for (struct tb *tb = old->bucket[i], *next; tb; tb = next) {
            struct tb **to = bucket_of(h, tb->pc);
            next = tb->hash_next;
            __atomic_store_n(&tb->hash_next, *to, __ATOMIC_RELEASE);
            *to = tb;
        }
    __atomic_store_n(&hash_table, h, __ATOMIC_RELEASE);
}

static void add_page_node(struct page_node *n)
{
    struct page_node **bucket = &page_table[page_hash(n->page)];
    n->next = *bucket;
    *bucket = n;
}

static void grow_page_table(void)
{
    struct page_node **old = page_table, *next;
    page_table = tb_alloc(ALL_PAGES * sizeof *page_table);
    memset(page_table, 0, ALL_PAGES * sizeof *page_table);
    n_page_buckets = ALL_PAGES;
    for (unsigned i = 0; i < FIRST_PAGES; i++)
        for (struct page_node *n = old[i]; n; n = next) {
            next = n->next;
            add_page_node(n);
        }
}

static void add_page_nodes(struct tb *tb)
{
    if (n_page_nodes > FIRST_PAGES * NODES_PER_PAGE && n_page_buckets == FIRST_PAGES)
        grow_page_table();
    guest_addr last = ~(guest_addr)0;
    for (unsigned i = 0; i < tb->n_ranges; i++) {
        guest_addr end = (tb->range[i].start + tb->range[i].size - 1) >> PAGE_BITS;
        for (guest_addr page = tb->range[i].start >> PAGE_BITS; page <= end; page++) {
            if (page == last)
                continue;
            last = page;
            struct page_node *n = tb_alloc(sizeof *n);
            *n = (struct page_node){.page = page, .tb = tb};
            add_page_node(n);
            n_page_nodes++;
        }
    }
}

static void link_exit(struct tb *tb, unsigned n, struct tb *to)
{
    struct tb_exit *exit = &tb->exits[n];
    if (exit->to || exit->in_file || tb->dead || to->dead)
        return;
    if (tb->in_file && tb->passes < PASSES_UNLINKED) {
        tb->passes++;
        return;
    }
    exit->to = to;
    exit->next = to->incoming;
    to->incoming = exit;
    host_backend.patch_exit(tb, n, promote_entry(tb, to));
}

/* The same where it is known to pay, also in a cache file. */
static void link_at_once(struct tb *tb, unsigned n, struct tb *to)
{
    tb->passes = PASSES_UNLINKED;
    link_exit(tb, n, to);
}

/* Readers without the lock look at the number first: what they find the table at then has that many. */
static void add_by_host(struct tb *tb)
{
    if (n_by_host == room_by_host) {
        struct tb **all = tb_alloc(MORE_BY_HOST * room_by_host * sizeof *all);
        memcpy(all, by_host, n_by_host * sizeof *all);
        __atomic_store_n(&by_host, all, __ATOMIC_RELEASE);
        room_by_host *= MORE_BY_HOST;
    }
    by_host[n_by_host] = tb;
    __atomic_store_n(&n_by_host, n_by_host + 1, __ATOMIC_RELEASE);
    if (unlikely(perf_is_on()))
        perf_add(tb);
}

RUN_OFTEN void tb_after_fork(void)
{
    workspace_after_fork();
    bool add = perf_is_on() && perf_after_fork();
    for (unsigned i = 0; i < n_by_host && add; i++)
        if (!by_host[i]->dead)
            perf_add(by_host[i]);
}

static void publish(struct tb *tb)
{
    add_page_nodes(tb);
    if (!tb->in_file)
        add_by_host(tb);
    if (++n_hashed > hash_table->n_buckets && hash_table->n_buckets < MAX_BUCKETS)
        grow_hash_table();
    struct tb **head = bucket_of(hash_table, tb->pc);
    tb->hash_next = *head;
    __atomic_store_n(head, tb, __ATOMIC_RELEASE);
    if (engine_options.no_chain)
        return;
    for (unsigned i = 0; i < tb->n_exits; i++) {
        struct tb *to = tb->exits[i].in_file ? NULL : tb_find(tb->exits[i].target, tb->mode);
        if (to)
            link_exit(tb, i, to);
    }
}

enum result {
    FOUND,
    NOT_THERE, /* thread->fault says why */
    FULL,
    LOST,      /* other threads were faster: look again */
    STALE      /* guest code has changed meanwhile */
};

/* HOLD: tb_lock, all the time. */
static enum result translate(struct thread *thread, struct cache_unit *unit, struct workspace *w, bool hold, struct tb **out)
{
    bool is_region = unit && cache_place(unit, w->pc, w->mode);
    compile_begin(w, unit);
    workspace_unlock(w, thread, hold);
    bool made = (is_region && compile_region(w, false)) || compile_block(w, thread);
    workspace_lock(w);
    if (!made)
        return NOT_THERE;
    if (workspace_is_stale(w))
        return STALE;
    if (tb_find(w->pc, w->mode))
        return LOST;
    *out = tb_is_full() ? NULL : compile_install(w);
    if (!*out)
        return FULL;
    if (unit)
        cache_add(unit, *out);
    if (promote_all())
        promote_now(w, out);
    return FOUND;
}

/* A block from the cache or a new translation. */
static enum result make(struct thread *thread, guest_addr pc, uint32_t mode, bool hold, struct tb **out)
{
    if (tb_is_full())
        return FULL;
    struct cache_unit *unit = promote_all() ? NULL : cache_unit_at(pc);
    if (unit && (*out = cache_find(unit, pc, mode)))
        return FOUND;
    struct workspace *w = workspace_take(thread, pc, mode);
    if (!w)
        return LOST;
    enum result r = translate(thread, unit, w, hold, out);
    workspace_release(w);
    return r;
}

struct tb *tb_get(struct thread *thread, guest_addr pc, uint32_t mode)
{
    struct tb *tb = tb_find(pc, mode);
    if (tb)
        return tb;
    take();
    for (bool hold = false;;) {
        tb = tb_find(pc, mode);
        if (tb)
            break;
        enum result r = make(thread, pc, mode, hold, &tb);
        hold |= r == STALE;
        if (r == FOUND)
            publish(tb);
        if (r == FOUND || r == NOT_THERE)
            break;
        if (r != FULL)
            continue;
        pthread_mutex_unlock(&tb_lock);
        thread_stop_others();
        take();
        tb_flush();
        pthread_mutex_unlock(&tb_lock);
        thread_resume_others();
        take();
    }
    pthread_mutex_unlock(&tb_lock);
    return tb;
}

void tb_link(struct tb *tb, unsigned n, struct tb *to)
{
    take();
    link_exit(tb, n, to);
    pthread_mutex_unlock(&tb_lock);
}

void tb_link_at_once(struct tb *tb, unsigned n, struct tb *to)
{
    take();
    link_at_once(tb, n, to);
    pthread_mutex_unlock(&tb_lock);
}

struct tb *tb_owner(const void *code)
{
    bool made;
    take();
    struct tb *tb = cache_owner(code, &made);
    if (made && !tb->dead)
        publish(tb);
    pthread_mutex_unlock(&tb_lock);
    return tb;
}

bool tb_is_code(const void *host_pc) { return code_buffer_contains(host_pc) || cache_contains(host_pc); }

const struct tb *tb_from_host(const void *host_pc, struct tb *copy)
{
    if (!code_buffer_contains(host_pc))
        return cache_tb_from_host(host_pc, copy);
    unsigned lo = 0, hi = __atomic_load_n(&n_by_host, __ATOMIC_ACQUIRE);
    struct tb *const *all = __atomic_load_n(&by_host, __ATOMIC_ACQUIRE);
    while (hi - lo > 1) {
        unsigned mid = lo + (hi - lo) / 2;
        if (all[mid]->code <= (const uint8_t *)host_pc)
            lo = mid;
        else
            hi = mid;
    }
    if (hi == 0 || (size_t)((const uint8_t *)host_pc - all[lo]->code) >= all[lo]->size)
        return NULL;
    return all[lo];
}

guest_addr tb_guest_pc(const struct tb *tb, const void *host_pc)
{
    guest_addr pc = tb->pc;
    size_t offset = (size_t)((const uint8_t *)host_pc - tb->code), at = 0;
    for (const uint8_t *p = tb->deltas, *end = p + tb->n_delta_bytes; p < end;) {
        unsigned guest_len = *p++;
        if (guest_len == 0) {
            memcpy(&pc, p, 8);
            pc += tb->pc;
            p += 8;
            continue;
        }
        unsigned host_len = *p++;
        if (host_len == 255) {
            host_len = p[0] | p[1] << 8;
            p += 2;
        }
        at += host_len;
        if (offset < at)
            return pc;
        pc += guest_len;
    }
    return pc;
}

static void unhash(struct tb *tb)
{
    for (struct tb **p = bucket_of(hash_table, tb->pc); *p; p = &(*p)->hash_next)
        if (*p == tb) {
            __atomic_store_n(p, tb->hash_next, __ATOMIC_RELEASE);
            n_hashed--;
            return;
        }
}

static void forget_incoming(struct tb_exit *exit)
{
    for (struct tb_exit **p = &exit->to->incoming; *p; p = &(*p)->next)
        if (*p == exit) {
            *p = exit->next;
            break;
        }
    exit->to = NULL;
}

static void drop(struct tb *tb)
{
    unhash(tb);
    tb->dead = true;
    n_dead++;
    while (tb->incoming) {
        struct tb_exit *exit = tb->incoming;
        tb->incoming = exit->next;
        exit->to = NULL;
        host_backend.patch_exit(exit->owner, (unsigned)(exit - exit->owner->exits), NULL);
    }
    for (unsigned i = 0; i < tb->n_exits; i++)
        if (tb->exits[i].to) {
            forget_incoming(&tb->exits[i]);
            host_backend.patch_exit(tb, i, NULL);
        }
}

void tb_supersede(struct tb *tb, struct tb *by)
{
    if (by) {
        unhash(tb);
        publish(by);
    } else {
        by = tb;
    }
    struct tb_exit *exit = tb->incoming;
    tb->incoming = NULL;
    while (exit) {
        struct tb_exit *next = exit->next;
        exit->to = NULL;
        link_exit(exit->owner, (unsigned)(exit - exit->owner->exits), by);
        exit = next;
    }
    if (tb->counts) {
        tb->exits[tb->n_exits - 1].in_file = false;
        link_at_once(tb, tb->n_exits - 1u, by);
    }
}

bool tb_ranges_overlap(const struct tb_range *range, unsigned n, guest_addr start, uint64_t size)
{
    for (unsigned i = 0; i < n; i++)
        if (range[i].start < start + size && start < range[i].start + range[i].size)
            return true;
    return false;
}

static bool invalidate_bucket(unsigned bucket, guest_addr start, uint64_t size)
{
    bool any = false;
    for (struct page_node **p = &page_table[bucket]; *p;) {
        struct tb *tb = (*p)->tb;
        if (!tb->dead && tb_ranges_overlap(tb->range, tb->n_ranges, start, size)) {
            drop(tb);
            any = true;
        }
        if (tb->dead)
            *p = (*p)->next;
        else
            p = &(*p)->next;
    }
    return any;
}

void tb_invalidate(guest_addr start, uint64_t size)
{
    if (size == 0 || !memory.start)
        return;
    guest_addr first = start >> PAGE_BITS, last = (start + size - 1) >> PAGE_BITS;
    bool any = false;
    take();
    workspace_note_change(start, size);
    any |= cache_invalidate(start, size);
    if (last - first >= n_page_buckets) {
        for (unsigned b = 0; b < n_page_buckets; b++)
            any |= invalidate_bucket(b, start, size);
    } else {
        for (guest_addr page = first; page <= last; page++)
            any |= invalidate_bucket(page_hash(page), start, size);
    }
    pthread_mutex_unlock(&tb_lock);
    if (any)
        thread_kick_all();
}

static _Atomic uint32_t generation;

uint32_t tb_generation(void) { return generation; }

void tb_flush(void)
{
    generation++;
    compile_stats.flushes++;
    memset(first_bucket, 0, sizeof first_bucket);
    hash_table = &first_table;
    n_hashed = 0;
    memset(first_pages, 0, sizeof first_pages);
    page_table = first_pages;
    n_page_buckets = FIRST_PAGES;
    n_page_nodes = 0;
    __atomic_store_n(&n_by_host, 0, __ATOMIC_RELEASE);
    by_host = first_by_host;
    room_by_host = FIRST_BY_HOST;
    n_dead = 0;
    cache_flush();
    promote_forget();
    tagged_forget();
    code_buffer_reset();
    thread_forget_code();
    poison(memory.start, (size_t)(memory_at - memory.start));
    memory_at = memory.start;
}

RUN_OFTEN void tb_lock_take(void) { take(); }
RUN_OFTEN void tb_lock_release(void) { pthread_mutex_unlock(&tb_lock); }
