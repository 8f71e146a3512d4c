/* proc.c - the guest's view of /proc: exe, maps, smaps, cmdline, environ, auxv, stat, status and
 * limits of its own process and threads, and cpuinfo.
 *
 * Contents are written to a memory file when the name is opened, so nothing here needs /proc to be
 * mounted. */
#include "syscalls/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "syscalls/limits.h"
#include "syscalls/seccomp.h"
#include "syscalls/signal_state.h"
#include "syscalls/syscall.h"
#include "syscalls/text.h"

enum { PATH_SIZE = 4096 + 128 };

/* The name that was opened. */
struct proc_name {
    int dirfd;
    const char *path;
};

/* -- Contents -- */

static void add_guest_bytes(struct text *x, guest_addr start, guest_addr end)
{
    char part[1024];
    for (guest_addr at = start; at < end;) {
        size_t n = end - at < sizeof(part) ? end - at : sizeof(part);
        if (memory_read(part, at, n))
            return;
        text_add(x, part, n);
        at += n;
    }
}

static void add_map_line(struct text *x, const struct region *r)
{
    enum { NAME_COLUMN = 73 };
    size_t before = x->n;
    text_print(x, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (unsigned long long)r->start,
               (unsigned long long)r->end, r->prot & PROT_READ ? 'r' : '-',
               r->prot & PROT_WRITE ? 'w' : '-', r->prot & PROT_EXEC ? 'x' : '-',
               (r->flags & 15) == MAP_PRIVATE ? 'p' : 's', (unsigned long long)r->offset,
               major(r->dev), minor(r->dev), (unsigned long long)r->inode);
    if (r->name) {
        size_t width = x->n - before;
        text_print(x, "%*s", width < NAME_COLUMN ? (int)(NAME_COLUMN - width) : 0, "");
        for (const char *p = r->name; *p; p++)
            if (*p == '\n')
                text_add(x, "\\012", 4);
            else
                text_add(x, p, 1);
    }
    text_add(x, "\n", 1);
}

static void write_maps(struct text *x, const struct proc_name *name)
{
    (void)name;
    struct region r;
    memory_lock();
    memory_map_sync();
    memory_unlock();
    for (guest_addr at = 0; memory_map_find(at, &r); at = r.end)
        add_map_line(x, &r);
}

/* Resident pages of a region, by mincore of the host. */
static uint64_t resident_kb(const struct region *r)
{
    unsigned char in[1024];
    uint64_t pages = 0;
    for (guest_addr at = r->start; at < r->end; at += sizeof(in) * 4096) {
        uint64_t size = r->end - at < sizeof(in) * 4096 ? r->end - at : sizeof(in) * 4096;
        if (mincore(memory_host(at), size, in))
            break;
        for (uint64_t i = 0; i < size / 4096; i++)
            pages += in[i] & 1;
    }
    return pages * 4;
}

/* The whole of a host's file, with a zero at the end. */
static void read_host_text(const struct proc_name *name, struct text *x)
{
    int fd = openat(name->dirfd, name->path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    for (ssize_t n;
         fd >= 0 && ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR));)
        if (n > 0)
            text_add(x, part, (size_t)n);
    if (fd >= 0)
        close(fd);
    text_add(x, "", 1);
}

/* The figures that a region of smaps has, in the order of the host. */
struct smaps_figures {
    struct {
        const char *name;
        int length;
        uint64_t kb;
    } of[40];
    unsigned n;
};

/* Add the figures of one host mapping, whose lines begin at AT: the part that SHARE of its SIZE
 * bytes makes up. Returns the first line of the next mapping. */
static const char *add_smaps_figures(struct smaps_figures *f, const char *at, uint64_t share,
                                     uint64_t size)
{
    unsigned i = 0;
    /* Names of figures begin with a capital letter, the line of a mapping with a digit of its
     * address. */
    for (; *at >= 'A' && *at <= 'Z'; at = strchrnul(at, '\n'), at += *at == '\n') {
        int length = (int)strcspn(at, ":\n");
        char *unit;
        uint64_t kb = at[length] == ':' ? strtoull(at + length + 1, &unit, 10) : 0;
        if (at[length] != ':' || strncmp(unit, " kB", 3) || !strncmp(at, "Size:", 5) ||
            !strncmp(at, "KernelPageSize:", 15) || !strncmp(at, "MMUPageSize:", 12) ||
            i == ARRAY_SIZE(f->of))
            continue;
        if (i == f->n) {
            f->of[i].name = at;
            f->of[i].length = length;
            f->of[i].kb = 0;
            f->n++;
        }
        f->of[i++].kb += share == size ? kb : (uint64_t)((double)kb * (double)share / (double)size);
    }
    return at;
}

/* Figures of R from the host's mappings, sorted, from *AT on; steps over those that end before R
 * does. The host may have made one mapping of several regions (it knows less protections): each
 * gets its share. */
static void find_smaps_figures(struct smaps_figures *f, const char **at, const struct region *r)
{
    uint64_t start = (uint64_t)(uintptr_t)memory_host(r->start), end = start + (r->end - r->start);
    for (const char *line = *at, *next; *line; line = next) {
        char *dash;
        uint64_t from = strtoull(line, &dash, 16);
        uint64_t to = *dash == '-' ? strtoull(dash + 1, NULL, 16) : 0;
        if (to <= from || from >= end)
            break;
        uint64_t low = from > start ? from : start, high = to < end ? to : end;
        next = strchrnul(line, '\n');
        next += *next == '\n';
        struct smaps_figures ignored = {.n = 0};
        next = add_smaps_figures(high > low ? f : &ignored, next, high > low ? high - low : 0,
                                 to - from);
        if (to <= end)
            *at = next;
    }
}

static void write_smaps(struct text *x, const struct proc_name *name)
{
    struct text host = {0};
    read_host_text(name, &host);
    const char *host_at = host.at;
    struct region r;
    memory_lock();
    memory_map_sync();
    memory_unlock();
    for (guest_addr at = 0; memory_map_find(at, &r); at = r.end) {
        struct smaps_figures f = {.n = 0};
        find_smaps_figures(&f, &host_at, &r);
        if (!f.n) { /* no /proc on the host */
            f.of[0].name = "Rss";
            f.of[0].length = 3;
            f.of[0].kb = resident_kb(&r);
            f.n = 1;
        }
        add_map_line(x, &r);
        text_print(x, "Size:           %8llu kB\nKernelPageSize: %8d kB\nMMUPageSize:    %8d kB\n",
                   (unsigned long long)(r.end - r.start) / 1024, 4, 4);
        for (unsigned i = 0; i < f.n; i++)
            text_print(x, "%.*s:%*llu kB\n", f.of[i].length, f.of[i].name, 23 - f.of[i].length,
                       (unsigned long long)f.of[i].kb);
        text_print(x, "THPeligible:    %8d\nVmFlags: %s%s%s%smr mw me \n", 0,
                   r.prot & PROT_READ ? "rd " : "", r.prot & PROT_WRITE ? "wr " : "",
                   r.prot & PROT_EXEC ? "ex " : "", (r.flags & 15) == MAP_PRIVATE ? "" : "sh ");
    }
    free(host.at);
}

static void write_cmdline(struct text *x, const struct proc_name *name)
{
    (void)name;
    add_guest_bytes(x, process.arg_start, process.arg_end);
}
static void write_environ(struct text *x, const struct proc_name *name)
{
    (void)name;
    add_guest_bytes(x, process.env_start, process.env_end);
}
static void write_auxv(struct text *x, const struct proc_name *name)
{
    (void)name;
    add_guest_bytes(x, process.auxv_start, process.auxv_end);
}

static ssize_t read_host_file(const struct proc_name *name, char *buf, size_t size)
{
    int fd = openat(name->dirfd, name->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t n = 0;
    for (ssize_t got; n < size && (got = read(fd, buf + n, size - n)) != 0;) {
        if (got < 0 && errno != EINTR)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return (ssize_t)n;
}

/* The host's line with the fields replaced that hold addresses (proc_pid_stat(5) numbers them from
 * 1). */
static void write_stat(struct text *x, const struct proc_name *name)
{
    enum { FIELD_AFTER_NAME = 3 };
    const struct {
        int field;
        guest_addr value;
    } replaced[] = {
        {26, process.start_code},
        {27, process.end_code},
        {28, process.stack_start},
        {29, 0},
        {30, 0},
        {45, process.start_data},
        {46, process.end_data},
        {47, process.brk_start},
        {48, process.arg_start},
        {49, process.arg_end},
        {50, process.env_start},
        {51, process.env_end},
    };
    char line[4096];
    ssize_t n = read_host_file(name, line, sizeof(line) - 1);
    if (n <= 0)
        n = snprintf(
            line, sizeof(line),
            "%d (guest) R 0 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
            "0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            (int)getpid());
    line[n] = 0;
    char *rest = strrchr(line, ')');
    if (!rest || !rest[1])
        return;
    text_add(x, line, (size_t)(rest + 1 - line));
    int field = FIELD_AFTER_NAME;
    char *saved;
    for (char *word = strtok_r(rest + 1, " \n", &saved); word;
         word = strtok_r(NULL, " \n", &saved), field++) {
        text_add(x, " ", 1);
        unsigned i = 0;
        while (i < ARRAY_SIZE(replaced) && replaced[i].field != field)
            i++;
        if (i < ARRAY_SIZE(replaced))
            text_print(x, "%llu", (unsigned long long)replaced[i].value);
        else
            text_add(x, word, strlen(word));
    }
    text_add(x, "\n", 1);
}

/* Signals that may have a handler on the host though the guest has none: those of faults always. */
static uint64_t caught_on_host(void)
{
    return limits_core() ? SYNC_MASK | DEFAULT_CORE : SYNC_MASK;
}

/* The guest's actions of these. */
static uint64_t caught_signals_with(bool ignored)
{
    struct sighand *s = current_thread->task->sighand;
    uint64_t set = 0;
    pthread_mutex_lock(&s->lock);
    for (int sig = 1; sig <= N_SIGNALS; sig++) {
        uint64_t handler = s->action[sig].handler;
        if (caught_on_host() & BIT(sig) && (ignored ? handler == GUEST_SIG_IGN : handler > GUEST_SIG_IGN))
            set |= BIT(sig);
    }
    pthread_mutex_unlock(&s->lock);
    return set;
}

/* The host's lines, but for those that the translator answers for. */
static void write_status(struct text *x, const struct proc_name *name)
{
    struct text host = {0};
    read_host_text(name, &host);
    char *saved = NULL;
    for (char *line = strtok_r(host.at, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
        bool ignored = !strncmp(line, "SigIgn:\t", 8);
        if (ignored || !strncmp(line, "SigCgt:\t", 8))
            text_print(x, "%.8s%016llx\n", line,
                       (unsigned long long)((strtoull(line + 8, NULL, 16) & ~caught_on_host()) |
                                            caught_signals_with(ignored)));
        else if (!strncmp(line, "Seccomp:", 8) && current_thread->task->seccomp_mode)
            text_print(x, "Seccomp:\t%d\n", current_thread->task->seccomp_mode);
        else if (!strncmp(line, "Seccomp_filters:", 16)) /* besides those of a container */
            text_print(x, "Seccomp_filters:\t%lu\n",
                       strtoul(line + 16, NULL, 10) + seccomp_count(current_thread->task));
        else
            text_print(x, "%s\n", line);
    }
    free(host.at);
}

static void print_limit(struct text *x, uint64_t value)
{
    if (value == ~(uint64_t)0)
        text_print(x, "%-20s ", "unlimited");
    else
        text_print(x, "%-20llu ", (unsigned long long)value);
}

struct limit_line {
    struct text *text;
    const char *line;
    bool done;
};

static void replace_limit(unsigned resource, uint64_t soft, uint64_t hard, void *p)
{
    /* As in the kernel's fs/proc/base.c. */
    static const char *const names[] = {
        [2] = "Max data size", [3] = "Max stack size", [4] = "Max core file size", [9] = "Max address space"};
    struct limit_line *l = p;
    if (resource >= ARRAY_SIZE(names) || !names[resource] ||
        strncmp(l->line, names[resource], strlen(names[resource])))
        return;
    text_print(l->text, "%-25s ", names[resource]);
    print_limit(l->text, soft);
    print_limit(l->text, hard);
    text_print(l->text, "%-10s\n", "bytes");
    l->done = true;
}

static void write_limits(struct text *x, const struct proc_name *name)
{
    struct text host = {0};
    read_host_text(name, &host);
    char *saved = NULL;
    for (char *line = strtok_r(host.at, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved)) {
        struct limit_line l = {.text = x, .line = line};
        limits_for_each(replace_limit, &l);
        if (!l.done)
            text_print(x, "%s\n", line);
    }
    free(host.at);
}

static void write_cpuinfo(struct text *x, const struct proc_name *name)
{
    (void)name;
    const struct abi *abi = process.guest->abi;
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    char part[4096];
    if (!abi->cpuinfo)
        return;
    for (long i = 0; i < (n > 0 ? n : 1); i++)
        text_add(x, part, abi->cpuinfo(process.guest, (unsigned)i, part, sizeof(part)));
}

/* -- Names -- */

struct proc_file {
    const char *name; /* last component */
    void (*write)(struct text *x, const struct proc_name *name); /* null: the link exe */
    bool is_global;    /* directly in /proc */
    bool is_published; /* the kernel knows what proc_publish() told it, also after an execve */
};

static const struct proc_file files[] = {
    {"exe", NULL, false, false},
    {"maps", write_maps, false, false},
    {"smaps", write_smaps, false, false},
    {"cmdline", write_cmdline, false, true},
    {"environ", write_environ, false, true},
    {"auxv", write_auxv, false, false},
    {"stat", write_stat, false, false},
    {"status", write_status, false, false},
    {"limits", write_limits, false, false},
    {"cpuinfo", write_cpuinfo, true, false},
};

/* If *PATH begins with the component WORD, step over it and the slashes that follow. */
static bool skip_component(const char **path, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*path, word, n) || ((*path)[n] != '/' && (*path)[n]))
        return false;
    *path += n;
    while (**path == '/')
        ++*path;
    return true;
}

/* Step over one number that names this process or one of its threads. */
static bool skip_own_id(const char **path)
{
    char *end;
    if (**path < '1' || **path > '9')
        return false;
    long id = strtol(*path, &end, 10);
    if (*end != '/')
        return false;
    int pid = (int)host_syscall(HOST_NR_getpid, 0, 0, 0, 0, 0, 0);
    /* Signal 0 to (our process, id): is it one of our threads? */
    if (id != pid && host_syscall(HOST_NR_tgkill, (uint64_t)pid, (uint64_t)id, 0, 0, 0, 0))
        return false;
    while (*end == '/')
        end++;
    *path = end;
    return true;
}

static bool skip_process(const char **path)
{
    if (!skip_component(path, "self") && !skip_component(path, "thread-self") && !skip_own_id(path))
        return false;
    const char *task = *path;
    if (skip_component(&task, "task") && skip_own_id(&task))
        *path = task;
    return true;
}

/* The file that PATH names. *PID is the process whose exe it is, 0: this one. */
static const struct proc_file *find_file(int dirfd, const char *path, int *pid)
{
    *pid = 0;
    char absolute[8192];
    const char *last = strrchr(path, '/');
    last = last ? last + 1 : path;
    const struct proc_file *f = files;
    while (strcmp(f->name, last))
        if (++f == files + ARRAY_SIZE(files))
            return NULL;
    if (path[0] != '/') {
        char link[32], dir[4096];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
        ssize_t n = readlink(dirfd == AT_FDCWD ? "/proc/self/cwd" : link, dir, sizeof(dir) - 1);
        if (n <= 0)
            return NULL;
        dir[n] = 0;
        snprintf(absolute, sizeof(absolute), "%s/%s", dir, path);
        path = absolute;
    }
    while (*path == '/')
        path++;
    if (!skip_component(&path, "proc"))
        return NULL;
    if (!f->is_global && !skip_process(&path)) {
        char *rest;
        *pid = f->write ? 0 : (int)strtol(path, &rest, 10);
        return *pid > 0 && !strcmp(rest, "/exe") ? f : NULL;
    }
    return strcmp(path, f->name) ? NULL : f;
}

/* -- Other processes -- */

/* Process PID runs under this binary, too. */
static bool is_translated(int pid)
{
    char link[32];
    struct stat theirs, ours;
    snprintf(link, sizeof(link), "/proc/%d/exe", pid);
    return process.self_fd >= 0 && !fstat(process.self_fd, &ours) && !stat(link, &theirs) &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

/* Where the code of PID's program begins, as proc_publish() of that process told the kernel; 0:
 * not known or not ours to know. */
static uint64_t start_code_of(int pid)
{
    enum { FIELD = 26, FIELD_AFTER_NAME = 3 };
    char path[32], line[4096];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    ssize_t n = read_host_file(&(struct proc_name){AT_FDCWD, path}, line, sizeof(line) - 1);
    line[n > 0 ? n : 0] = 0;
    char *at = strrchr(line, ')');
    for (int field = FIELD_AFTER_NAME; at && field <= FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

/* The path of the program that PID runs, in BUF; null: its exe link says it. */
static const char *program_of(int pid, char *buf, size_t size)
{
    uint64_t code = is_translated(pid) ? start_code_of(pid) : 0;
    char path[32];
    unsigned long long start, end;
    int name;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *maps = code > 1 ? fopen(path, "re") : NULL;
    while (maps && !found && fgets(buf, (int)size, maps))
        found = sscanf(buf, "%llx-%llx %*s %*s %*s %*s %n", &start, &end, &name) == 2 &&
                start <= code && code < end && buf[name] == '/';
    if (maps)
        fclose(maps);
    if (!found)
        return NULL;
    buf[strcspn(buf, "\n")] = 0;
    return buf + name;
}

static bool published; /* proc_publish() went well in this process */

/* What the kernel tells others about this process is where it put our own words. Kernels without
 * CONFIG_CHECKPOINT_RESTORE refuse, which only leaves that as it is. */
void proc_publish(void)
{
    enum { SET_MM = 35, SET_MM_MAP = 14 };
    uint64_t brk = (uint64_t)host_syscall(HOST_NR_brk, 0, 0, 0, 0, 0, 0);
    uint64_t data = process.start_data ? process.start_data : process.start_code;
    struct { /* struct prctl_mm_map of the kernel */
        uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
        uint64_t arg_start, arg_end, env_start, env_end, auxv;
        uint32_t auxv_size, exe_fd;
    } map = {
        .start_code = process.start_code,
        .end_code = process.end_code,
        .start_data = data,
        .end_data = process.end_data > data ? process.end_data : data,
        .start_brk = brk, /* the host's: its heap must go on working */
        .brk = brk,
        .start_stack = process.stack_start,
        .arg_start = process.arg_start,
        .arg_end = process.arg_end,
        .env_start = process.env_start,
        .env_end = process.env_end,
        .exe_fd = (uint32_t)-1,
    };
    published = host_syscall(HOST_NR_prctl, SET_MM, SET_MM_MAP, (uintptr_t)&map, sizeof(map), 0, 0) == 0;
}

static long open_exe(int pid, int flags)
{
    char buf[PATH_SIZE];
    const char *exe = pid ? program_of(pid, buf, sizeof(buf)) : process.exe;
    if (!exe)
        return PROC_NOT_MINE;
    long r =
        host_syscall(HOST_NR_openat, (uint64_t)AT_FDCWD, (uintptr_t)exe, (uint64_t)flags, 0, 0, 0);
    if (r >= 0 || pid || process.exe_fd < 0)
        return r;
    /* The name does not lead there, after chroot or when the file was given as a descriptor. */
    char link[32];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", process.exe_fd);
    long again =
        host_syscall(HOST_NR_openat, (uint64_t)AT_FDCWD, (uintptr_t)link, (uint64_t)flags, 0, 0, 0);
    return again >= 0 ? again : r;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

long proc_open(struct thread *thread, int dirfd, const char *path, int flags, int mode)
{
    (void)thread;
    (void)mode;
    int pid;
    const struct proc_file *f = find_file(dirfd, path, &pid);
    if (!f || (f->is_published && published) || (f->write && ((flags & O_ACCMODE) != O_RDONLY || flags & (O_DIRECTORY | O_PATH))))
        return PROC_NOT_MINE;
    if (!f->write)
        return flags & O_NOFOLLOW ? PROC_NOT_MINE : open_exe(pid, flags);
    long fd = host_syscall(HOST_NR_memfd_create, (uintptr_t)f->name,
                           flags & O_CLOEXEC ? MFD_CLOEXEC : 0, 0, 0, 0, 0);
    if (fd < 0)
        return fd;
    struct text x = {0};
    f->write(&x, &(struct proc_name){dirfd, path});
    bool ok = write_all((int)fd, x.at, x.n) && lseek((int)fd, 0, SEEK_SET) == 0;
    free(x.at);
    if (ok)
        return fd;
    close((int)fd);
    return -ENOMEM;
}

long proc_readlink(struct thread *thread, int dirfd, const char *path, char *buf, size_t size)
{
    (void)thread;
    int pid;
    char other[PATH_SIZE];
    const struct proc_file *f = find_file(dirfd, path, &pid);
    if (!f || f->write)
        return PROC_NOT_MINE;
    const char *exe = pid ? program_of(pid, other, sizeof(other)) : process.exe;
    if (!exe)
        return PROC_NOT_MINE;
    size_t n = strlen(exe);
    if (n > size)
        n = size;
    memcpy(buf, exe, n);
    return (long)n;
}

const char *proc_translate(int dirfd, const char *path)
{
    int pid;
    const struct proc_file *f = find_file(dirfd, path, &pid);
    if (!f || f->write)
        return path;
    struct task *task = current_thread->task;
    if (pid && !task->other_exe && !(task->other_exe = malloc(PATH_SIZE)))
        return path;
    const char *exe = pid ? program_of(pid, task->other_exe, PATH_SIZE) : process.exe;
    return exe ? exe : path;
}
