/* cache_baked.c - many cache files in one that is only read: translations that come with a container image.
 *
 *   page 0 ...   struct baked_head, then its rows, by key
 *   files        each from the start of a page, as cache_format.h has them
 *
 * It is used where the folder has no file for a unit, and trusted as a file of the folder is. What it has was made with the
 * least that a host CPU can do, so that one file serves all machines. */
#include "core/cache_unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/memory.h"

enum { BAKED_VERSION = 1, MAX_ROWS = 1 << 16 };
#define BAKED_MAGIC "anyarch+"

struct baked_row {
    struct cache_key key;
    uint64_t offset, size;
};

struct baked_head {
    char magic[8];
    uint32_t version, n;
    uint64_t check; /* hash of the rows */
};

static const struct baked_row *rows;
static uint32_t n_rows;

static bool rows_good(const struct baked_head *h, uint64_t size)
{
    const struct baked_row *row = (const void *)(h + 1);
    if (h->check != hash_bytes(row, h->n * sizeof *row, 0))
        return false;
    for (uint32_t i = 0; i < h->n; i++)
        if (row[i].offset % CACHE_PAGE || row[i].offset > size || row[i].size > size - row[i].offset)
            return false;
    return true;
}

/* Once: open the file and map its rows. */
static void open_file(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    const char *path = getenv("ANYARCH_BAKED");
    struct baked_head head;
    uint64_t size;
    int fd = cache_open_path(path ? path : CACHE_BAKED_PATH, &size);
    if (fd < 0)
        return;
    size_t map_size = 0;
    if (pread(fd, &head, sizeof head, 0) == sizeof head && !memcmp(head.magic, BAKED_MAGIC, sizeof head.magic) &&
        head.version == BAKED_VERSION && head.n <= MAX_ROWS)
        map_size = sizeof head + head.n * sizeof *rows;
    const struct baked_head *h =
        map_size && map_size <= size ? mmap(NULL, map_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (h != MAP_FAILED && rows_good(h, size)) {
        memory_reserve_own(h, map_size);
        rows = (const void *)(h + 1);
        n_rows = h->n;
        return;
    }
    if (h != MAP_FAILED)
        munmap((void *)(uintptr_t)h, map_size);
    cache_close(CACHE_FD_BAKED);
}

bool cache_baked_exists(void)
{
    open_file();
    return rows != NULL;
}

int cache_baked_find(const struct cache_key *key, uint64_t *offset, uint64_t *size)
{
    open_file();
    for (uint32_t lo = 0, hi = n_rows; lo < hi;) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = memcmp(key, &rows[mid].key, sizeof *key);
        if (!order) {
            *offset = rows[mid].offset;
            *size = rows[mid].size;
            return cache_fd(CACHE_FD_BAKED);
        }
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}

/* ---- Making one --------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return memcmp(&((const struct cache_baked_part *)a)->header->key, &((const struct cache_baked_part *)b)->header->key,
                  sizeof(struct cache_key));
}

static bool write_all(int fd, const void *p, size_t n, uint64_t offset)
{
    return pwrite(fd, p, n, (off_t)offset) == (ssize_t)n;
}

bool cache_bake(int fd, struct cache_baked_part *part, uint32_t n)
{
    struct baked_head head = {.magic = BAKED_MAGIC, .version = BAKED_VERSION, .n = n};
    struct baked_row *row = calloc(n + 1, sizeof *row);
    uint64_t at = ALIGN_UP(sizeof head + n * sizeof *row, CACHE_PAGE);
    bool good = row != NULL && n <= MAX_ROWS;
    qsort(part, n, sizeof *part, by_key);
    for (uint32_t i = 0; good && i < n; i++) {
        row[i] = (struct baked_row){part[i].header->key, at, part[i].header->file_size};
        good = write_all(fd, part[i].header, row[i].size, at);
        at = ALIGN_UP(at + row[i].size, CACHE_PAGE);
    }
    head.check = good ? hash_bytes(row, n * sizeof *row, 0) : 0;
    good = good && write_all(fd, row, n * sizeof *row, sizeof head) && write_all(fd, &head, sizeof head, 0);
    free(row);
    return good;
}
