/* perf.c - the two files that perf reads. Written without the C library's streams: a fork may come at any time. */
#include "core/perf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/fd.h"
#include "core/log.h"
#include "core/memory.h"

enum { NAME_SIZE = 160, DUMP_MAGIC = 0x4a695444, DUMP_VERSION = 1, RECORD_CODE_LOAD = 0 };

struct dump_header {
    uint32_t magic, version, size, machine, unused, pid;
    uint64_t time, flags;
};

struct dump_code {
    uint32_t type, size;
    uint64_t time;
    uint32_t pid, tid;
    uint64_t address, code, code_size, number;
};

extern const char __ehdr_start[];
bool perf_map, perf_dump;
static int map_fd = -1, dump_fd = -1; /* guarded by tb_lock, as the rest */

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int make_file(const char *format)
{
    char path[64];
    snprintf(path, sizeof path, format, (int)getpid());
    unlink(path); /* of an earlier process; a link stays where it leads */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        log_write("cannot make %s: %s\n", path, strerror(errno));
    return fd < 0 ? -1 : fd_move_high(fd);
}

/* perf learns of the file because a page of it is mapped for execution. */
static void start_dump(void)
{
    const Elf64_Ehdr *self = (const void *)__ehdr_start;
    const struct dump_header head = {DUMP_MAGIC, DUMP_VERSION, sizeof head, self->e_machine, 0, (uint32_t)getpid(), now(), 0};
    dump_fd = make_file("jit-%d.dump");
    perf_dump = dump_fd >= 0 && write(dump_fd, &head, sizeof head) == sizeof head;
    void *mark = perf_dump ? mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, dump_fd, 0) : MAP_FAILED;
    if (mark != MAP_FAILED)
        memory_reserve_own(mark, 4096);
}

static unsigned name_of(const struct tb *tb, char name[NAME_SIZE])
{
    struct region r;
    int n = snprintf(name, NAME_SIZE, "0x%llx", (unsigned long long)tb->pc);
    if (memory_map_find(tb->pc, &r) && r.start <= tb->pc && r.name) {
        const char *slash = strrchr(r.name, '/');
        n += snprintf(name + n, NAME_SIZE - 32, " %.80s+0x%llx", slash ? slash + 1 : r.name,
                      (unsigned long long)(tb->pc - r.start + (guest_addr)r.offset));
    }
    return (unsigned)(n + snprintf(name + n, 16, "%s", tb->pin ? " region" : ""));
}

static bool add_to_map(const struct tb *tb, const char *name)
{
    char line[NAME_SIZE + 48];
    int n = snprintf(line, sizeof line, "%llx %x %s\n", (unsigned long long)(uintptr_t)tb->code, tb->size, name);
    return write(map_fd, line, (size_t)n) == n;
}

static bool add_to_dump(const struct tb *tb, const char *name, unsigned length)
{
    static uint64_t number;
    const struct dump_code record = {
        .type = RECORD_CODE_LOAD, .size = (uint32_t)sizeof record + length + 1 + tb->size, .time = now(),
        .pid = (uint32_t)getpid(), .tid = (uint32_t)syscall(SYS_gettid), .address = (uintptr_t)tb->code,
        .code = (uintptr_t)tb->code, .code_size = tb->size, .number = number++};
    return write(dump_fd, &record, sizeof record) == sizeof record && write(dump_fd, name, length + 1) == length + 1 &&
           write(dump_fd, tb->code, tb->size) == tb->size;
}

void perf_add(const struct tb *tb)
{
    char name[NAME_SIZE];
    if (perf_map && map_fd < 0)
        perf_map = (map_fd = make_file("/tmp/perf-%d.map")) >= 0;
    if (perf_dump && dump_fd < 0)
        start_dump();
    if (!perf_is_on())
        return;
    unsigned length = name_of(tb, name);
    if ((perf_map && !add_to_map(tb, name)) || (perf_dump && !add_to_dump(tb, name, length))) {
        log_write("cannot write the list of blocks for perf: %s\n", strerror(errno));
        perf_map = perf_dump = false;
    }
}

bool perf_after_fork(void)
{
    int *fds[] = {&map_fd, &dump_fd};
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    return perf_is_on();
}

bool perf_fd_is(int fd) { return fd >= 0 && (fd == map_fd || fd == dump_fd); }
