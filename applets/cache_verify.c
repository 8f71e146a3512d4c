/* cache_verify.c - the cache applet's verify: check each cache file as it is, then translate its blocks anew and compare.
 *
 * A cache file does not say which file of the guest it is for: its name is a hash of that one's first page, of the options and of
 * the machine. So every program and library below the given places is mapped, each in a child process, as the loader does it, and
 * the cache is asked what it has for it. A child runs nothing: it makes the blocks one by one (core/cache_verify.c). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/applet.h"
#include "applets/cache_verify.h"
#include "applets/run_options.h"
#include "arch/guests.h"
#include "core/cache_unit.h"
#include "core/dispatch.h"
#include "core/host.h"
#include "core/log.h"
#include "core/memory.h"
#include "loader/elf.h"

enum { HEAD = 40, MAX_UNITS = 16, OPEN_FOLDERS = 32 };

/* A file of the folder. */
struct row {
    char name[CACHE_FILE_NAME];
    bool usable, current, found; /* of this build; its program was found */
    uint32_t blocks, regions, damaged;
    struct cache_verdict verdict;
};

/* What a child has to say, in memory that it shares with its parent. */
struct findings {
    unsigned n;
    struct {
        struct row *row;
        struct cache_verdict verdict;
    } file[MAX_UNITS];
};

static struct row *rows;
static unsigned n_rows, n_failed; /* programs whose children died */
static struct findings *findings;

/* ---- The files as they are ---------------------------------------------------------------------------------- */

/* Blocks that are not what was written, or not found, or from which a jump leads to the wrong place. */
static uint32_t damaged_blocks(const struct cache_file *f)
{
    uint32_t bad = 0;
    for (unsigned i = 0; i < f->header->n_segments; i++) {
        const struct cache_segment *s = &f->header->segment[i];
        bool good = s->check == cache_segment_check(s, cache_segment_start(f, i));
        const struct cache_entry *e = cache_entries(f, i);
        for (uint32_t n = 0; n < s->n_blocks; n++)
            bad += !good || cache_lookup(f, i, e[n].offset, e[n].mode) != n || !cache_entry_fits(f, i, &e[n]) ||
                   !cache_exits_right(f, i, &e[n]);
    }
    return bad;
}

static void check_file(struct row *r)
{
    char build[sizeof((struct cache_header *)0)->build] = "";
    struct cache_file f;
    uint64_t size;
    int fd = cache_open(r->name, false, &size);
    void *p = fd >= 0 && size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    r->usable = p != MAP_FAILED && cache_header_check(p, size, NULL);
    if (r->usable) {
        cache_file_init(&f, p, p);
        cache_build_id(build, sizeof build);
        r->current = !strncmp(build, f.header->build, sizeof build);
        r->blocks = f.first[f.header->n_segments];
        r->regions = f.n_regions;
        r->damaged = damaged_blocks(&f);
        if (r->damaged)
            printf("%s: %u of %u blocks are damaged\n", r->name, r->damaged, r->blocks);
    } else {
        printf("%s: not a whole cache file, or not safe to use\n", r->name);
    }
    if (p != MAP_FAILED)
        munmap(p, size);
    cache_close(CACHE_FD_FILE);
}

static void check_folder(void)
{
    int fd = openat(cache_fd(CACHE_FD_FOLDER), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir)
        die("cannot read the folder: %s", strerror(errno));
    for (struct dirent *d; (d = readdir(dir));) {
        if (!cache_is_file_name(d->d_name))
            continue;
        rows = realloc(rows, (n_rows + 1) * sizeof *rows);
        if (!rows)
            die("out of memory");
        rows[n_rows] = (struct row){0};
        strcpy(rows[n_rows].name, d->d_name);
        check_file(&rows[n_rows++]);
    }
    closedir(dir);
}

/* ---- In a child: one program or library ---------------------------------------------------------------------- */

static struct thread *thread;
static const char *program; /* its path */

static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (!fault_handle(thread, sig, info, context))
        die("%s: signal %d in the translator itself, address %p", program, sig, info->si_addr);
}

static void prepare(const struct guest *guest)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    cache_set("verify");
    engine_init(guest);
    cache_init(guest);
    thread = thread_new(guest, NULL);
    if (!thread)
        die("out of memory");
    thread_enter(thread);
    for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
        struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigaction(faults[i], &sa, NULL);
    }
}

/* The row of the unit's file, if there is still something to be compared with it. */
static struct row *row_of(const struct cache_unit *u)
{
    char name[CACHE_FILE_NAME];
    cache_file_name(name, &u->key, "tbc");
    for (unsigned i = 0; u->file.header && !u->is_baked && i < n_rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].found && !rows[i].verdict.other ? NULL : &rows[i];
    return NULL;
}

/* What the cache has for code of the file just mapped. */
static void find_units(void)
{
    struct region r;
    for (guest_addr at = 0; memory_map_find(at, &r); at = r.end) {
        tb_lock_take();
        struct cache_unit *u = cache_unit_at(r.start);
        tb_lock_release();
        struct row *row = u ? row_of(u) : NULL;
        if (row && findings->n < MAX_UNITS && (!findings->n || findings->file[findings->n - 1].row != row)) {
            findings->file[findings->n].row = row;
            findings->file[findings->n++].verdict = (struct cache_verdict){0};
        }
    }
}

/* Translations that depend on protections of the guest's own come last: a process does not go back to have none. */
static void verify_units(const struct abi *abi)
{
    for (unsigned pass = 0; pass < (abi->extra_prot_mode ? 2 : 1); pass++) {
        if (pass == 1)
            abi->extra_prot_used();
        for (unsigned i = 0; i < n_cache_units; i++) {
            const struct row *row = row_of(&cache_units[i]);
            for (unsigned n = 0; row && n < findings->n; n++)
                if (findings->file[n].row == row)
                    cache_verify_unit(&cache_units[i], thread, abi->extra_prot_mode, pass ? abi->extra_prot_mode : 0,
                                      &findings->file[n].verdict);
        }
    }
}

static void __attribute__((noreturn)) verify_inside(int fd, const struct guest *guest, struct elf_image *image)
{
    struct elf_mapping mapping;
    int extra = guest->abi->elf_prot ? guest->abi->elf_prot(image->features) : 0;
    prepare(guest);
    for (unsigned i = 0; i < image->n_segments; i++)
        if (image->segment[i].prot & PROT_EXEC)
            image->segment[i].prot |= extra;
    if (elf_map(image, fd, program, 0, &mapping))
        _exit(0); /* it could not be run either: what the cache has for it is not found */
    find_units();
    verify_units(guest->abi);
    _exit(0);
}

/* ---- Programs and libraries ---------------------------------------------------------------------------------- */

/* A file may have been mapped under two names, of which one has other contents by now: the better verdict counts. */
static void take(struct row *row, const struct cache_verdict *v)
{
    uint32_t different = row->verdict.different > v->different ? row->verdict.different : v->different;
    if (!row->found || v->other < row->verdict.other)
        row->verdict = *v;
    row->verdict.different = different;
    row->found = true;
}

static void verify_program(int fd, const struct guest *guest, struct elf_image *image)
{
    int status;
    findings->n = 0;
    run_choose_cpu(guest);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        verify_inside(fd, guest, image);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die("cache verify: cannot start a process: %s", strerror(errno));
    for (unsigned i = 0; i < findings->n; i++) {
        take(findings->file[i].row, &findings->file[i].verdict);
        if (findings->file[i].verdict.different)
            printf("%s: %u blocks of %s differ from their translations\n", program, findings->file[i].verdict.different,
                   findings->file[i].row->name);
    }
    if (status) {
        printf("%s: making its blocks anew failed with %s %d\n", program, WIFSIGNALED(status) ? "signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        n_failed++;
    }
}

static bool is_translated(const struct guest *guest) { return guest && guest->isa && !guest_same_family(guest, host_backend.name); }

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    static LARGE_TABLE struct elf_image image;
    uint8_t head[HEAD] = {0};
    (void)ftw;
    int fd = type == FTW_F && S_ISREG(st->st_mode) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    const struct guest *guest = pread(fd, head, sizeof head, 0) > 0 ? guest_by_elf(head) : NULL;
    program = path;
    if (is_translated(guest) && !elf_read(fd, &image))
        verify_program(fd, guest, &image);
    close(fd);
    return 0;
}

static void visit_all(char **paths)
{
    static char root[] = "/", *everything[] = {root, NULL};
    for (char **p = *paths ? paths : everything; *p; p++) {
        char *real = realpath(*p, NULL);
        if (!real || nftw(real, visit, OPEN_FOLDERS, FTW_PHYS | FTW_MOUNT))
            die("%s: %s", *p, strerror(errno));
        free(real);
    }
}

/* ---- The result ------------------------------------------------------------------------------------------------ */

static int print_result(void)
{
    struct {
        unsigned compared, unusable, not_found, old;
        unsigned long long blocks, regions, damaged, equal, different, other, not_kept, not_found_blocks, old_blocks;
    } t = {0};
    for (const struct row *r = rows; r < rows + n_rows; r++) {
        t.unusable += !r->usable;
        t.compared += r->found;
        t.blocks += r->blocks;
        t.regions += r->regions;
        t.damaged += r->damaged;
        t.equal += r->verdict.equal;
        t.different += r->verdict.different;
        t.other += r->verdict.other;
        t.not_kept += r->verdict.not_kept;
        if (!r->usable || r->found)
            continue;
        *(r->current ? &t.not_found : &t.old) += 1;
        *(r->current ? &t.not_found_blocks : &t.old_blocks) += r->blocks;
    }
    printf("%u files, %llu blocks (%llu of them regions): %llu damaged blocks, %u unusable files\n", n_rows, t.blocks, t.regions,
           t.damaged, t.unusable);
    printf("made anew: %llu blocks of %u files are equal, %llu differ; %u programs failed\n", t.equal, t.compared, t.different,
           n_failed);
    printf("not compared: %u files (%llu blocks) whose program was not found, or that were made with other options\n", t.not_found,
           t.not_found_blocks);
    printf("not compared: %u files (%llu blocks) of other builds\n", t.old, t.old_blocks);
    printf("not compared: %llu blocks of other contents of their program, %llu that would not be kept\n", t.other, t.not_kept);
    return t.damaged || t.unusable || t.different || n_failed;
}

int cache_verify_command(char **words)
{
    int n = 0;
    while (words[n])
        n++;
    char **paths = words - 1 + run_options_of_translations(n + 1, words - 1);
    findings = mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (findings == MAP_FAILED)
        die("out of memory");
    check_folder();
    visit_all(paths);
    int status = print_result();
    free(rows);
    return status;
}
