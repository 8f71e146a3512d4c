/* cache_marks.c - which cache files were found whole since the kernel started, and made from what the guest's files hold, so that
 * not each process reads all of both to check it.
 *
 * A mark is a hash of what tells one state of a file from others: its place, size and the time of its last change, which no
 * write leaves as it was, and the id of the running kernel, since only a crash can spoil what was written. A file that
 * changed a moment ago gets no mark: two changes in one tick of the clock have the same time. The guest's file is part of the
 * mark if all pages that blocks were made from had the right hashes, in mappings that the guest never could write, and if the
 * time of its last change can be relied on: who stores into it through a shared mapping changes that time only when a page is
 * first written since it went to the disk, which takes half a minute, and on tmpfs never (region_set_file; under overlayfs a
 * tmpfs is not seen). So it must be older than that, or no such mapping may exist before the pages are read. Where there is no
 * /proc there are no marks. The table of marks is a file of the folder; a wrong word in it matches no file. */
#include "core/cache_unit.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/hash.h"
#include "core/memory.h"

/* A mark may have any place of a group, so that those of files in use rarely take each other's. */
enum { N_GROUPS = 512, IN_GROUP = 8 };
/* In ns. A tick takes at most 10 ms; some file systems count seconds, or pairs of them. */
#define TICKS          ((int64_t)SECOND / 10)
#define WHOLE_SECONDS  (3 * (int64_t)SECOND)
#define WRITTEN_TO_DISK (60 * (int64_t)SECOND)

/* Guarded by tb_lock. */
static uint64_t kernel;          /* hash of its id */
static uint64_t group[IN_GROUP]; /* where the last unit's mark may be */

static off_t group_of(const struct cache_unit *u) { return (off_t)(u->key.word[1] % N_GROUPS * IN_GROUP * sizeof u->mark); }

static uint64_t hash_of_kernel(void)
{
    char id[36];
    int fd = fd_open("/proc/sys/kernel/random/boot_id", O_RDONLY);
    bool good = fd >= 0 && read(fd, id, sizeof id) == sizeof id;
    if (fd >= 0)
        close(fd);
    return good ? hash_bytes(id, sizeof id, 1) | 1 : 0;
}

/* Of an open cache file, and with CODE of the guest's as well. */
static uint64_t mark_of(const struct stat *st, const struct cache_unit *code)
{
    const uint64_t state[] = {st->st_dev, st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec, kernel, code ? code->dev : 0, code ? code->inode : 0,
                              code ? (uint64_t)code->code_changed : 0};
    return hash_bytes(state, sizeof state, 4) | 1;
}

static int64_t age_of(int64_t changed) { return cache_clock(CLOCK_REALTIME_COARSE) - changed; }

/* A file changed at that time has not changed since, as the time would be another one. */
static bool is_settled(int64_t changed) { return age_of(changed) >= (changed % SECOND ? TICKS : WHOLE_SECONDS); }

static int64_t change_of(const struct stat *st) { return (int64_t)st->st_ctim.tv_sec * SECOND + st->st_ctim.tv_nsec; }

/* True if no process has the guest's file open for writing, and so none has a mapping through which it could store. The kernel
 * knows that when a lease is asked for (fcntl(2)), which only the file's owner gets. It is given back at once; a signal that
 * is ignored by default would tell that somebody waits for that. */
static bool has_no_writers(const struct cache_unit *u)
{
    struct region r;
    struct stat st;
    if (!memory_map_find(u->base, &r) || !r.name || r.inode != u->inode)
        return false;
    int fd = fd_open(r.name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    bool good = fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == u->dev && st.st_ino == u->inode &&
                change_of(&st) == u->code_changed && fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

void cache_marks_read(const struct cache_unit *u)
{
    static bool is_open; /* if it is there, and as long as the process lives */
    uint64_t size;
    if (!is_open && (kernel = hash_of_kernel()) && cache_open(CACHE_MARKS, false, &size) >= 0)
        cache_keep(CACHE_FD_MARKS);
    is_open = true;
    int fd = cache_fd(CACHE_FD_MARKS);
    ssize_t n = fd < 0 ? -1 : pread(fd, group, sizeof group, group_of(u));
    size_t got = n < 0 ? 0 : (size_t)n;
    memset((char *)group + got, 0, sizeof group - got); /* the table ends behind the last mark */
}

static bool is_in_group(uint64_t mark)
{
    for (unsigned i = 0; i < IN_GROUP; i++)
        if (group[i] == mark)
            return mark != 0;
    return false;
}

void cache_marks_compare(struct cache_unit *u, int fd)
{
    struct stat st;
    u->mark = 0;
    if (!kernel || fstat(fd, &st))
        return;
    u->mark = mark_of(&st, NULL);
    u->code_mark = u->code_changed ? mark_of(&st, u) : 0;
    u->changed = change_of(&st);
    u->is_code_known = is_in_group(u->code_mark);
    u->is_marked = u->is_code_known || is_in_group(u->mark);
    u->may_know_code = u->code_mark && !u->is_code_known && is_settled(u->code_changed) &&
                       (age_of(u->code_changed) >= WRITTEN_TO_DISK || has_no_writers(u));
}

/* Also what this process did not need is checked, if it needed some. */
static bool is_whole(const struct cache_unit *u, bool *used)
{
    const struct cache_header *h = u->file.header;
    *used = false;
    for (unsigned i = 0; i < h->n_segments; i++)
        *used |= u->state[i] != SEGMENT_UNKNOWN;
    for (unsigned i = 0; i < h->n_segments && *used; i++) {
        const struct cache_segment *s = &h->segment[i];
        if (u->state[i] == SEGMENT_UNKNOWN && s->check != cache_segment_check(s, cache_segment_start(&u->file, i)))
            return false;
    }
    return true;
}

static void write_mark(const struct cache_unit *u, uint64_t mark)
{
    int fd = cache_open_table(CACHE_MARKS, N_GROUPS * IN_GROUP * sizeof mark);
    if (fd >= 0 && pwrite(fd, &mark, sizeof mark, group_of(u) + (off_t)((mark >> 32) % IN_GROUP * sizeof mark)) < 0)
        kernel = 0; /* a full disk: the next process does without */
    cache_close(CACHE_FD_FILE);
}

void cache_marks_set(struct cache_unit *u)
{
    char name[CACHE_FILE_NAME];
    bool used;
    if (!u->file.header || u->damaged || !u->mark || u->is_code_known || (u->is_marked && !u->may_know_code) ||
        !is_settled(u->changed) || !cache_dir_writable())
        return;
    uint64_t mark = u->may_know_code && cache_is_up_to_date(u) ? u->code_mark : u->mark;
    if (u->is_marked && mark == u->mark)
        return;
    if (!is_whole(u, &used)) { /* damaged where no process looks */
        cache_file_name(name, &u->key, "tbc");
        unlinkat(cache_fd(CACHE_FD_FOLDER), name, 0);
    } else if (used) {
        write_mark(u, mark);
    }
}
