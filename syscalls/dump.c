/* dump.c - core files of guest programs.
 *
 * The file holds what the kernel of the guest's CPU would write (fs/binfmt_elf.c, core(5)): notes
 * with the registers of every thread, then the memory that is not merely a copy of a file. The
 * host's kernel writes none for a guest where anybody could see it, because that would be a core file of the translator.
 * Only where core_pattern hands core files to a program there is none, as only the kernel can start
 * that program. */
#include "syscalls/dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "syscalls/limits.h"
#include "syscalls/text.h"

enum { PAGE = 4096, MAX_REGISTER_SET = 1024, MAX_REGIONS = 0xff00 };

/* -- Notes -- */

static void add_note(struct text *b, const char *name, uint32_t type, const void *desc, size_t n)
{
    size_t name_size = strlen(name) + 1;
    Elf64_Nhdr head = {.n_namesz = (uint32_t)name_size, .n_descsz = (uint32_t)n, .n_type = type};
    text_add(b, &head, sizeof(head));
    text_add(b, name, name_size);
    text_add(b, NULL, -name_size & 3);
    text_add(b, desc, n);
    text_add(b, NULL, -n & 3);
}

/* struct elf_prstatus of a 64-bit kernel up to the registers, and what follows them. */
struct status_head {
    int32_t signo, code, error;
    int16_t current_signal, pad;
    uint64_t pending, held;
    int32_t pid, ppid, pgrp, sid;
    int64_t times[4][2];
};
_Static_assert(offsetof(struct status_head, pending) == 16, "struct elf_prstatus");
_Static_assert(sizeof(struct status_head) == 112, "struct elf_prstatus");

struct info_head {
    int32_t signo, error, code;
};

struct notes {
    struct text bytes;
    const struct thread *victim;
    const uint8_t *info;
};

static void add_thread(struct notes *n, const struct thread *t)
{
    uint8_t registers[MAX_REGISTER_SET];
    uint32_t type;
    struct info_head info;
    memcpy(&info, n->info, sizeof(info));
    size_t size = t->guest->abi->register_set(t, 0, &type, registers);
    struct status_head head = {
        .signo = info.signo,
        .code = info.code,
        .error = info.error,
        .current_signal = (int16_t)info.signo,
        .held = t->task ? t->task->blocked : 0,
        .pid = t->task ? t->task->tid : 0,
        .ppid = getppid(),
        .pgrp = getpgrp(),
        .sid = getsid(0),
    };
    uint64_t has_fp = 1;
    struct text status = {0};
    text_add(&status, &head, sizeof(head));
    text_add(&status, registers, size);
    text_add(&status, &has_fp, sizeof(has_fp));
    add_note(&n->bytes, "CORE", NT_PRSTATUS, status.at, status.n);
    free(status.at);
    for (unsigned i = 1; (size = t->guest->abi->register_set(t, i, &type, registers)); i++)
        add_note(&n->bytes, type < 0x100 ? "CORE" : "LINUX", type, registers, size);
}

static void add_other_thread(struct thread *t, void *p)
{
    struct notes *n = p;
    if (t != n->victim && t->task && !t->task->in_vfork)
        add_thread(n, t);
}

/* struct elf_prpsinfo of a 64-bit kernel. */
static void add_process(struct notes *n)
{
    struct {
        char state, letter, zombie, nice;
        uint64_t flag;
        uint32_t uid, gid;
        int32_t pid, ppid, pgrp, sid;
        char name[16], args[80];
    } p = {
        .letter = 'R',
        .uid = getuid(),
        .gid = getgid(),
        .pid = getpid(),
        .ppid = getppid(),
        .pgrp = getpgrp(),
        .sid = getsid(0),
    };
    _Static_assert(sizeof(p) == 136, "struct elf_prpsinfo");
    prctl(PR_GET_NAME, p.name);
    size_t size = process.arg_end - process.arg_start;
    if (size > sizeof(p.args) - 1)
        size = sizeof(p.args) - 1;
    if (memory_read(p.args, process.arg_start, size))
        size = 0;
    for (size_t i = 0; i < size; i++)
        if (!p.args[i])
            p.args[i] = ' ';
    add_note(&n->bytes, "CORE", NT_PRPSINFO, &p, sizeof(p));
}

static void add_auxv(struct notes *n)
{
    struct text auxv = {0};
    size_t size = process.auxv_end - process.auxv_start;
    void *at = text_add(&auxv, NULL, size);
    if (at && !memory_read(at, process.auxv_start, size))
        add_note(&n->bytes, "CORE", NT_AUXV, at, size);
    free(auxv.at);
}

static bool is_file(const struct region *r)
{
    return !(r->flags & MAP_ANONYMOUS) && r->name && r->name[0] == '/';
}

static void add_files(struct notes *n, const struct region *regions, size_t count)
{
    struct text list = {0}, names = {0};
    uint64_t head[2] = {0, PAGE};
    text_add(&list, head, sizeof(head));
    for (size_t i = 0; i < count; i++) {
        const struct region *r = &regions[i];
        if (!is_file(r))
            continue;
        uint64_t row[3] = {r->start, r->end, (uint64_t)r->offset / PAGE};
        text_add(&list, row, sizeof(row));
        text_add(&names, r->name, strlen(r->name) + 1);
        head[0]++;
    }
    if (list.at)
        memcpy(list.at, head, sizeof(head));
    text_add(&list, names.at, names.n);
    add_note(&n->bytes, "CORE", NT_FILE, list.at, list.n);
    free(list.at);
    free(names.at);
}

/* The first thread is the one that the signal ended. */
static void add_notes(struct notes *n, const struct region *regions, size_t count)
{
    add_thread(n, n->victim);
    add_process(n);
    add_note(&n->bytes, "CORE", NT_SIGINFO, n->info, SIGINFO_SIZE);
    add_auxv(n);
    add_files(n, regions, count);
    if (!n->victim->task->in_vfork) /* there they are of another process */
        thread_for_each(add_other_thread, n);
}

/* -- Memory -- */

enum { PAGES_AT_ONCE = 512, PAGEMAP_PRESENT = 63, PAGEMAP_SWAPPED = 62, PAGEMAP_OF_FILE = 61 };

/* For N pages from AT: which have contents of their own? Without PAGEMAP (/proc/self/pagemap): all
 * of what no file backs. */
static void find_own_pages(int pagemap, const struct region *r, guest_addr at, size_t n, bool *own)
{
    uint64_t entry[PAGES_AT_ONCE];
    bool anonymous = !is_file(r);
    bool known = pread(pagemap, entry, n * 8, (off_t)(at / PAGE * 8)) == (ssize_t)(n * 8);
    for (size_t i = 0; i < n; i++)
        own[i] = !known ? anonymous
                        : (entry[i] >> PAGEMAP_PRESENT & 1 || entry[i] >> PAGEMAP_SWAPPED & 1) &&
                              (anonymous || !(entry[i] >> PAGEMAP_OF_FILE & 1));
}

/* Call FN for each run of pages of R that have contents of their own, until it returns false. */
static bool for_each_own(int pagemap, const struct region *r,
                         bool (*fn)(guest_addr start, size_t size, void *p), void *p)
{
    bool own[PAGES_AT_ONCE];
    if (!(r->prot & (PROT_READ | PROT_WRITE)))
        return true;
    for (guest_addr at = r->start; at < r->end;) {
        size_t n = (r->end - at) / PAGE;
        if (n > PAGES_AT_ONCE)
            n = PAGES_AT_ONCE;
        find_own_pages(pagemap, r, at, n, own);
        for (size_t i = 0, end; i < n; i = end + 1) {
            for (end = i; end < n && own[end];)
                end++;
            if (end > i && !fn(at + i * PAGE, (end - i) * PAGE, p))
                return false;
        }
        at += n * PAGE;
    }
    return true;
}

static bool stop_at_first(guest_addr start, size_t size, void *p)
{
    (void)start, (void)size, (void)p;
    return false;
}

/* How much of R belongs into the file: all of it if the guest has written any; of a program or
 * library its first page, by which debuggers know it. */
static uint64_t size_in_file(int pagemap, const struct region *r)
{
    char magic[SELFMAG];
    if ((r->flags & 15) == MAP_SHARED && is_file(r))
        return 0;
    if (!for_each_own(pagemap, r, stop_at_first, NULL))
        return r->end - r->start;
    bool is_elf = is_file(r) && !r->offset && r->prot & PROT_READ &&
                  !memory_read(magic, r->start, sizeof(magic)) && !memcmp(magic, ELFMAG, SELFMAG);
    return is_elf ? PAGE : 0;
}

struct output {
    int fd;
    uint64_t room; /* bytes that RLIMIT_CORE still allows */
    int64_t base;  /* file offset minus address, for what is written now */
};

static bool write_at(struct output *o, const void *p, uint64_t size, uint64_t offset)
{
    uint64_t n = size < o->room ? size : ALIGN_DOWN(o->room, PAGE); /* as the kernel: whole pages */
    for (uint64_t done = 0; done < n;) {
        ssize_t part = pwrite(o->fd, (const char *)p + done, n - done, (off_t)(offset + done));
        if (part < 0 && errno == EFAULT) /* pages beyond the end of their file */
            break;
        if (part <= 0)
            return false;
        done += (uint64_t)part;
    }
    o->room -= n;
    return n == size;
}

static bool write_pages(guest_addr start, size_t size, void *p)
{
    struct output *o = p;
    return write_at(o, memory_host(start), size, (uint64_t)((int64_t)start + o->base));
}

/* The regions of the guest, N of them. */
static struct region *copy_map(size_t *n)
{
    struct text list = {0};
    struct region r;
    memory_lock();
    memory_map_sync();
    memory_unlock();
    for (guest_addr at = 0; list.n < MAX_REGIONS * sizeof(r) && memory_map_find(at, &r); at = r.end)
        text_add(&list, &r, sizeof(r));
    *n = list.n / sizeof(r);
    return (void *)list.at;
}

static Elf64_Phdr segment_of(const struct region *r, uint64_t offset, uint64_t size)
{
    return (Elf64_Phdr){
        .p_type = PT_LOAD,
        .p_flags = (r->prot & PROT_READ ? PF_R : 0u) | (r->prot & PROT_WRITE ? PF_W : 0u) |
                   (r->prot & PROT_EXEC ? PF_X : 0u),
        .p_offset = offset,
        .p_vaddr = r->start,
        .p_filesz = size,
        .p_memsz = r->end - r->start,
        .p_align = PAGE,
    };
}

/* Header, program headers, notes, and from the next page on the memory. */
static void write_file(struct output *o, const struct thread *t, const uint8_t *info)
{
    size_t n;
    struct region *regions = copy_map(&n);
    struct notes notes = {.victim = t, .info = info};
    struct text head = {0};
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    Elf64_Ehdr elf = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_CORE,
        .e_machine = t->guest->elf_machine,
        .e_version = EV_CURRENT,
        .e_phoff = sizeof(elf),
        .e_ehsize = sizeof(elf),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)(n + 1),
    };
    add_notes(&notes, regions, n);
    uint64_t notes_at = sizeof(elf) + (n + 1) * sizeof(Elf64_Phdr);
    uint64_t memory_at = ALIGN_UP(notes_at + notes.bytes.n, PAGE);
    Elf64_Phdr note = {
        .p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes.bytes.n, .p_align = 4};
    text_add(&head, &elf, sizeof(elf));
    text_add(&head, &note, sizeof(note));
    uint64_t offset = memory_at;
    for (size_t i = 0; i < n; i++) {
        Elf64_Phdr load = segment_of(&regions[i], offset, size_in_file(pagemap, &regions[i]));
        text_add(&head, &load, sizeof(load));
        offset += load.p_filesz;
    }
    text_add(&head, notes.bytes.at, notes.bytes.n);
    bool ok = write_at(o, head.at, head.n, 0);
    const Elf64_Phdr *load = (void *)(head.at + sizeof(elf) + sizeof(note));
    for (size_t i = 0; i < n && ok; i++) {
        o->base = (int64_t)load[i].p_offset - (int64_t)regions[i].start;
        if (load[i].p_filesz && is_file(&regions[i])) /* pages that were not written are not empty */
            ok = write_pages(regions[i].start, load[i].p_filesz, o);
        else if (load[i].p_filesz)
            ok = for_each_own(pagemap, &regions[i], write_pages, o);
    }
    if (ok && ftruncate(o->fd, (off_t)offset))
        errno = 0; /* only the last hole is missing */
    free(regions);
    free(notes.bytes.at);
    free(head.at);
}

/* -- The file's name -- */

/* What stands for %LETTER in core_pattern, in BUF. */
static void expand(char letter, int sig, char *buf, size_t size)
{
    struct utsname system;
    uint64_t limit = limits_core();
    buf[0] = 0;
    switch (letter) {
    case '%':
        snprintf(buf, size, "%%");
        break;
    case 'p':
    case 'P':
        snprintf(buf, size, "%d", (int)getpid());
        break;
    case 'i':
    case 'I':
        snprintf(buf, size, "%d", host_gettid());
        break;
    case 'u':
        snprintf(buf, size, "%u", getuid());
        break;
    case 'g':
        snprintf(buf, size, "%u", getgid());
        break;
    case 'd':
        snprintf(buf, size, "%d", prctl(PR_GET_DUMPABLE));
        break;
    case 's':
        snprintf(buf, size, "%d", sig);
        break;
    case 't':
        snprintf(buf, size, "%lld", (long long)time(NULL));
        break;
    case 'c':
        snprintf(buf, size, "%llu", (unsigned long long)limit);
        break;
    case 'h':
        if (!uname(&system))
            snprintf(buf, size, "%s", system.nodename);
        break;
    case 'e':
        prctl(PR_GET_NAME, buf);
        break;
    case 'f': {
        const char *slash = process.exe ? strrchr(process.exe, '/') : NULL;
        snprintf(buf, size, "%s", slash ? slash + 1 : process.exe ? process.exe : "");
        break;
    }
    case 'E':
        snprintf(buf, size, "%s", process.exe ? process.exe : "");
        break;
    }
    for (char *p = buf; *p; p++)
        if (*p == '/')
            *p = '!';
}

static bool is_set_in(const char *path)
{
    char text[8] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
        text[0] = 0;
    if (fd >= 0)
        close(fd);
    return text[0] > '0';
}

/* By /proc/sys/kernel/core_pattern, see core(5). False: the file is not ours to write. */
static bool make_name(int sig, char *name, size_t size)
{
    char pattern[256] = "core", part[PATH_MAX];
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, pattern, sizeof(pattern) - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n >= 0)
        pattern[n] = 0;
    pattern[strcspn(pattern, "\n")] = 0;
    if (!pattern[0] || pattern[0] == '|' || pattern[0] == '@')
        return false;
    size_t used = 0;
    bool has_pid = false;
    for (const char *p = pattern; *p && used < size; p++) {
        if (*p != '%') {
            name[used++] = *p;
            continue;
        }
        if (!*++p)
            break;
        has_pid |= *p == 'p';
        expand(*p, sig, part, sizeof(part));
        used += (size_t)snprintf(name + used, size - used, "%s", part);
    }
    if (!has_pid && used < size && is_set_in("/proc/sys/kernel/core_uses_pid"))
        used += (size_t)snprintf(name + used, size - used, ".%d", (int)getpid());
    if (used >= size)
        return false;
    name[used] = 0;
    return true;
}

/* A file that this user alone could have put there, empty. */
static int open_file(const char *name)
{
    struct stat st;
    int fd = open(name, O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
        st.st_uid == geteuid() && !ftruncate(fd, 0))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* -- The wait status -- */

static bool put_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return written;
}

/* A mount name space of this process, as root of a user name space if need be: that takes a process without other threads. */
static bool leave_mounts(void)
{
    char uids[64], gids[64];
    snprintf(uids, sizeof(uids), "%d %d 1", (int)geteuid(), (int)geteuid());
    snprintf(gids, sizeof(gids), "%d %d 1", (int)getegid(), (int)getegid());
    if (unshare(CLONE_NEWNS) &&
        (unshare(CLONE_NEWUSER | CLONE_NEWNS) || !put_text("/proc/self/uid_map", uids) ||
         !put_text("/proc/self/setgroups", "deny") || !put_text("/proc/self/gid_map", gids)))
        return false;
    return !mount(NULL, "/proc", NULL, MS_PRIVATE, NULL); /* what is mounted there is seen by nobody else */
}

/* A status says "core dumped" if the kernel wrote a file. So that it does, one without any memory goes into a file system that
 * ends with this process. Where that cannot be had, the flag is missing. */
static void let_kernel_write(void)
{
    if (put_text("/proc/self/coredump_filter", "0") && leave_mounts() && !mount("none", "/proc", "tmpfs", 0, NULL) &&
        !chdir("/proc"))
        limits_let_kernel_dump();
}

void dump_core(struct thread *thread, const uint8_t info[SIGINFO_SIZE])
{
    enum { DUMPABLE = 1 };
    char name[PATH_MAX];
    struct info_head head;
    struct output o = {.room = limits_core()};
    memcpy(&head, info, sizeof(head));
    if (o.room < PAGE || !thread->guest->abi->register_set || prctl(PR_GET_DUMPABLE) != DUMPABLE)
        return;
    if (!thread->task->in_vfork)
        thread_stop_others();
    if (!make_name(head.signo, name, sizeof(name)) || (o.fd = open_file(name)) < 0)
        return;
    write_file(&o, thread, info);
    close(o.fd);
    if (name[0] != '/' && !thread->task->in_vfork)
        let_kernel_write();
}
