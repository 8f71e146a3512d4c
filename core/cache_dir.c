/* cache_dir.c - the folder of the persistent cache: where it is, and whether what lies there may be trusted.
 *
 * Whoever can write a cache file can run code as its readers. So the folder and each file must belong to the effective user
 * or to root, nobody else may be able to write them, and no symbolic link is followed at either. A folder of root's is only
 * read by others, and so is a file that came with an image; set-id programs (AT_SECURE) have no cache. The hashes in the files
 * are against damage and age, not against forgery: a guest process of the same user is trusted like any other process of that
 * user. The descriptor stays open, so that the guest's chroot and chdir do not lead elsewhere. */
#include "core/cache_unit.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/thread.h"

enum { FILE_MODES_OF_OTHERS = 022, TOUCH_SECONDS = 3600, MAX_FILES = 16384, LEVELS_MADE = 2 };

extern const char __ehdr_start[];

static START_TABLE char folder[PATH_MAX]; /* empty: the default */
static int fds[CACHE_N_FDS] = {-1, -1, -1, -1, -1};
static bool writable;

int cache_fd(enum cache_fd which) { return fds[which]; }

bool cache_fd_is(int fd)
{
    for (unsigned i = 0; i < CACHE_N_FDS; i++)
        if (fd == fds[i])
            return fd >= 0;
    return false;
}

/* Keep FD where the guest does not reach it; where it is if it is closed before the guest runs again. */
static int keep_fd(enum cache_fd which, int fd)
{
    bool is_soon_closed = which == CACHE_FD_FILE && !thread_has_others();
    return fds[which] = fd < 0 || is_soon_closed ? fd : fd_move_high(fd);
}

void cache_close(enum cache_fd which)
{
    if (fds[which] >= 0)
        close(fds[which]);
    fds[which] = -1;
}

bool cache_build_id(char *text, size_t size)
{
    const Elf64_Ehdr *head = (const void *)__ehdr_start;
    const Elf64_Phdr *ph = (const void *)(__ehdr_start + head->e_phoff);
    uint64_t bias = 0;
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
            bias = (uintptr_t)__ehdr_start - ph[i].p_vaddr;
    for (unsigned i = 0; i < head->e_phnum; i++) {
        if (ph[i].p_type != PT_NOTE)
            continue;
        const char *p = (const char *)(uintptr_t)(bias + ph[i].p_vaddr), *end = p + ph[i].p_memsz;
        while (p + sizeof(Elf64_Nhdr) <= end) {
            const Elf64_Nhdr *note = (const void *)p;
            const char *name = p + sizeof *note, *id = name + ALIGN_UP(note->n_namesz, 4);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4)) {
                for (unsigned b = 0; b < note->n_descsz && 2 * b + 2 < size; b++)
                    snprintf(text + 2 * b, 3, "%02x", (unsigned char)id[b]);
                return note->n_descsz > 0;
            }
            p = id + ALIGN_UP(note->n_descsz, 4);
        }
    }
    return false;
}

/* ---- The folder ------------------------------------------------------------------------------------------ */

static bool only_owner_writes(const struct stat *st)
{
    return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & FILE_MODES_OF_OTHERS);
}

/* Open the folder at PATH. -1: errno says why, EPERM if it is there but may not be trusted. */
static int open_folder(const char *path)
{
    struct stat st;
    int fd = fd_open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) || !only_owner_writes(&st)) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    writable = st.st_uid == geteuid() && !faccessat(fd, ".", W_OK, 0);
    return keep_fd(CACHE_FD_FOLDER, fd);
}

bool cache_dir_set(const char *path)
{
    struct stat st;
    /* Absolute, since the guest may change its folder before this one is made. */
    char here[PATH_MAX];
    if (path[0] != '/' && !getcwd(here, sizeof here))
        return false;
    int n = path[0] == '/' ? snprintf(folder, sizeof folder, "%s", path) : snprintf(folder, sizeof folder, "%s/%s", here, path);
    if (n < 0 || (size_t)n >= sizeof folder)
        return false;
    return stat(folder, &st) ? mkdir(folder, 0700) == 0 : S_ISDIR(st.st_mode);
}

const char *cache_dir_path(void) { return folder; }

static void choose_default(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (folder[0])
        return;
    if (geteuid() == 0)
        snprintf(folder, sizeof folder, "/var/cache/anyarch");
    else if (xdg && xdg[0] == '/')
        snprintf(folder, sizeof folder, "%s/anyarch", xdg);
    else if (home && home[0] == '/')
        snprintf(folder, sizeof folder, "%s/.cache/anyarch", home);
}

bool cache_dir_init(void)
{
    choose_default();
    if (!folder[0])
        return false;
    return open_folder(folder) >= 0 || errno == ENOENT;
}

bool cache_dir_can_write(void)
{
    char path[PATH_MAX];
    if (!folder[0] || fds[CACHE_FD_FOLDER] >= 0)
        return folder[0] && writable;
    snprintf(path, sizeof path, "%s", folder);
    for (unsigned level = 0; level < LEVELS_MADE; level++) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = 0; /* "/" stays */
        if (!faccessat(AT_FDCWD, path, W_OK, 0))
            return true;
        if (errno != ENOENT)
            return false;
    }
    return false;
}

bool cache_dir_writable(void)
{
    if (!folder[0])
        return false;
    if (fds[CACHE_FD_FOLDER] >= 0)
        return writable;
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", folder);
    *strrchr(parent, '/') = 0;
    mkdir(parent, 0700);
    if (mkdir(folder, 0700) && errno != EEXIST)
        return false;
    return open_folder(folder) >= 0 && writable;
}

/* ---- Files ------------------------------------------------------------------------------------------------- */

void cache_file_name(char name[CACHE_FILE_NAME], const struct cache_key *key, const char *end)
{
    snprintf(name, CACHE_FILE_NAME, "%016llx%016llx.%s", (unsigned long long)key->word[0],
             (unsigned long long)key->word[1], end);
}

/* A regular file that only its owner writes, or -1. */
static int open_trusted(int dir_fd, const char *name, int flags, struct stat *st)
{
    int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, st) || !S_ISREG(st->st_mode) || !only_owner_writes(st))) {
        close(fd);
        return -1;
    }
    return fd;
}

int cache_open(const char *name, bool writing, uint64_t *size)
{
    struct stat st;
    int fd = fds[CACHE_FD_FOLDER] < 0 ? -1 : open_trusted(fds[CACHE_FD_FOLDER], name, writing ? O_RDWR : O_RDONLY, &st);
    if (fd < 0)
        return -1;
    /* The time of the last use, for pruning: exact to the hour. */
    if (writable && cache_clock(CLOCK_REALTIME_COARSE) / SECOND - st.st_mtime > TOUCH_SECONDS)
        futimens(fd, NULL);
    *size = (uint64_t)st.st_size;
    return keep_fd(CACHE_FD_FILE, fd);
}

int cache_open_path(const char *path, uint64_t *size)
{
    struct stat st;
    int fd = open_trusted(AT_FDCWD, path, O_RDONLY, &st);
    if (fd < 0)
        return -1;
    *size = (uint64_t)st.st_size;
    return keep_fd(CACHE_FD_BAKED, fd);
}

bool cache_within_limit(uint64_t size)
{
    struct rlimit limit;
    return !getrlimit(RLIMIT_FSIZE, &limit) && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size);
}

int cache_create(const char *name)
{
    return keep_fd(CACHE_FD_FILE,
                   openat(fds[CACHE_FD_FOLDER], name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

int cache_open_table(const char *name, uint64_t size)
{
    uint64_t size_now;
    if (!cache_dir_writable() || !cache_within_limit(size))
        return -1;
    int fd = cache_open(name, true, &size_now);
    return fd >= 0 ? fd : cache_create(name);
}

/* Where there are no locks it is as if nobody else wrote. */
bool cache_lock(void) { return flock(fds[CACHE_FD_FILE], LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

void cache_keep(enum cache_fd as)
{
    fds[as] = as == CACHE_FD_MARKS && !thread_has_others() ? fd_move_high(fds[CACHE_FD_FILE]) : fds[CACHE_FD_FILE];
    fds[CACHE_FD_FILE] = -1;
}

/* ---- Pruning ------------------------------------------------------------------------------------------------ */

struct file_age {
    char name[CACHE_FILE_NAME];
    uint64_t size;
    time_t used;
};

static bool has_end(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n == CACHE_FILE_NAME - 4 && !strcmp(name + n - m, end);
}

bool cache_is_file_name(const char *name) { return has_end(name, ".tbc"); }

/* A temporary file whose writer died: its lock is free. */
static void remove_abandoned(const char *name)
{
    int fd = openat(fds[CACHE_FD_FOLDER], name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(fds[CACHE_FD_FOLDER], name, 0);
    close(fd);
}

/* Add the files of the folder to a list; remove temporary ones on the way. Returns their number. Neither this nor anything
 * else here allocates: the process may be the child of a fork from a thread that held the allocator's lock. */
static unsigned list_files(struct file_age *files, uint64_t *total)
{
    /* As the kernel lays it out. */
    struct entry {
        uint64_t inode, offset;
        uint16_t size;
        uint8_t type;
        char name[];
    };
    _Alignas(8) char buf[8192];
    unsigned n = 0;
    struct stat st;
    int fd = keep_fd(CACHE_FD_FILE, openat(fds[CACHE_FD_FOLDER], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    long got = 0;
    while (fd >= 0 && (got = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0) {
        for (char *p = buf; p < buf + got; p += ((struct entry *)(void *)p)->size) {
            const char *name = ((struct entry *)(void *)p)->name;
            if (has_end(name, ".tmp"))
                remove_abandoned(name);
            if (n == MAX_FILES || !cache_is_file_name(name) || fstatat(fds[CACHE_FD_FOLDER], name, &st, AT_SYMLINK_NOFOLLOW))
                continue;
            strcpy(files[n].name, name);
            files[n].size = (uint64_t)st.st_size;
            files[n++].used = st.st_mtime;
            *total += (uint64_t)st.st_size;
        }
    }
    cache_close(CACHE_FD_FILE);
    return n;
}

static void remove_oldest(struct file_age *files, unsigned n, uint64_t excess)
{
    uint64_t removed = 0;
    for (; n && removed < excess; n--) {
        unsigned oldest = 0;
        for (unsigned i = 1; i < n; i++)
            if (files[i].used < files[oldest].used)
                oldest = i;
        if (unlinkat(fds[CACHE_FD_FOLDER], files[oldest].name, 0) == 0)
            removed += files[oldest].size;
        files[oldest] = files[n - 1];
    }
}

void cache_prune(uint64_t limit)
{
    size_t size = MAX_FILES * sizeof(struct file_age);
    struct file_age *files = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint64_t total = 0;
    if (files == MAP_FAILED)
        return;
    unsigned n = list_files(files, &total);
    if (total > limit)
        remove_oldest(files, n, total - limit);
    if (limit == 0) {
        unlinkat(fds[CACHE_FD_FOLDER], CACHE_MARKS, 0);
        unlinkat(fds[CACHE_FD_FOLDER], CACHE_HEAT, 0);
    }
    munmap(files, size);
}
