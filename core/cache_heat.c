/* cache_heat.c - how often earlier processes have counted jumps to a loop head, so that a loop which is not hot in one process
 * becomes a region in the end, and is one from the start from then on.
 *
 * The counts are in a file of the folder, a table without order: a word has the upper bits of a hash that names the loop head, and
 * the count. Of two loop heads with the same place the last one stays. A wrong word does no harm but a region too early, late or
 * never. */
#include "core/cache_unit.h"

#include <string.h>
#include <unistd.h>

#include "core/hash.h"

enum { N_WORDS = 1024 };
#define COUNT_MASK ((uint64_t)CACHE_HEAT_VAIN)

/* Guarded by tb_lock. ANY: words were read or kept. */
static LARGE_TABLE uint64_t words[N_WORDS];
static WRITTEN_OFTEN uint64_t is_new[N_WORDS / 64]; /* bit set: not in the file */
static WRITTEN_OFTEN bool any, any_new;

static uint64_t name_of(const struct cache_unit *u, uint32_t offset, uint32_t mode)
{
    const uint64_t parts[] = {u->key.word[0], u->key.word[1], offset, mode};
    return hash_bytes(parts, sizeof parts, 5);
}

static void read_words(void)
{
    static bool was_read;
    uint64_t size;
    if (was_read)
        return;
    int fd = cache_open(CACHE_HEAT, false, &size);
    any |= fd >= 0 && pread(fd, words, sizeof words, 0) > 0;
    cache_close(CACHE_FD_FILE);
    was_read = true;
}

uint32_t cache_heat_at(const struct cache_unit *u, uint32_t offset, uint32_t mode)
{
    if (!any)
        return 0;
    uint64_t name = name_of(u, offset, mode), word = words[name % N_WORDS];
    return (word ^ name) & ~COUNT_MASK ? 0 : (uint32_t)(word & COUNT_MASK);
}

uint32_t cache_heat(const struct tb *tb)
{
    const struct cache_unit *u = cache_unit_at(tb->pc);
    if (!u)
        return 0;
    read_words();
    return cache_heat_at(u, (uint32_t)(tb->pc - u->base), tb->mode);
}

void cache_keep_heat(const struct tb *tb, uint32_t count)
{
    const struct cache_unit *u = cache_unit_at(tb->pc);
    if (!u)
        return;
    uint64_t name = name_of(u, (uint32_t)(tb->pc - u->base), tb->mode), *old = &words[name % N_WORDS];
    uint64_t word = (name & ~COUNT_MASK) | (count < CACHE_HEAT_VAIN ? count : CACHE_HEAT_VAIN);
    bool is_known = !((*old ^ name) & ~COUNT_MASK) && (*old & COUNT_MASK) >= CACHE_HEAT_UNKEPT;
    if (*old == word || is_known)
        return;
    *old = word;
    is_new[name % N_WORDS / 64] |= (uint64_t)1 << name % 64;
    any_new = any = true;
}

RUN_OFTEN static void forget_new(void)
{
    if (!any_new)
        return;
    memset(is_new, 0, sizeof is_new);
    any_new = false;
}

RUN_OFTEN bool cache_heat_is_new(void) { return any_new; }

RUN_OFTEN void cache_heat_after_fork(void) { forget_new(); }

/* The words of other processes stay as they are by now, but for those that are written by another at this moment. */
void cache_heat_write(void)
{
    uint64_t table[N_WORDS] = {0};
    int fd = any_new ? cache_open_table(CACHE_HEAT, sizeof table) : -1;
    if (fd < 0)
        return;
    if (pread(fd, table, sizeof table, 0) < 0) /* a new one is open for writing only */
        memset(table, 0, sizeof table);
    for (unsigned i = 0; i < N_WORDS; i++)
        if (is_new[i / 64] >> i % 64 & 1)
            table[i] = words[i];
    if (pwrite(fd, table, sizeof table, 0) == sizeof table)
        forget_new();
    cache_close(CACHE_FD_FILE);
}
