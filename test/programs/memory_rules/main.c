/* memory_rules - mmap, mprotect, mremap, brk, madvise and shared memory: results, errors, and /proc/self/maps. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *base;

/* What /proc/self/maps says about [start, start + size). */
static void show(const char *title, const char *start, size_t size)
{
    char line[4096];
    FILE *f = fopen("/proc/self/maps", "r");
    printf("%s:", title);
    while (f && fgets(line, sizeof(line), f)) {
        unsigned long from, to, offset;
        char perms[8], name[1024] = "";
        if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %1023s", &from, &to, perms, &offset, name) < 4)
            printf(" bad line");
        if (to <= (uintptr_t)start || from >= (uintptr_t)start + size)
            continue;
        from = from < (uintptr_t)start ? 0 : from - (uintptr_t)start;
        to = to - (uintptr_t)start > size ? size : to - (uintptr_t)start;
        const char *short_name = strrchr(name, '/');
        printf(" %lx-%lx %s %lx%s%s", from / 4096, to / 4096, perms, short_name ? offset / 4096 : 0,
               *name ? " " : "", short_name ? "file" : name);
        printf(";");
    }
    if (f)
        fclose(f);
    printf("\n");
}

static void result(const char *title, const void *p)
{
    if (p == MAP_FAILED)
        printf("%s: %s\n", title, strerror(errno));
    else if (base && (char *)p >= base && (char *)p < base + (1 << 20))
        printf("%s: page %ld\n", title, (long)(((char *)p - base) / 4096));
    else
        printf("%s: ok\n", title);
}

static void value(const char *title, long r)
{
    printf("%s: %ld %s\n", title, r, r < 0 ? strerror(errno) : "");
}

static sigjmp_buf back;
static void on_fault(int sig) { siglongjmp(back, sig); }

static int faults(volatile char *p, int write)
{
    int sig = sigsetjmp(back, 1);
    if (sig)
        return sig;
    if (write)
        *p = 1;
    else
        (void)*p;
    return 0;
}

static void test_fixed(int fd)
{
    enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
    base = mmap(NULL, 1 << 20, PROT_NONE, ANON, -1, 0);
    result("fixed", mmap(base + 0x2000, 0x3000, RW, ANON | MAP_FIXED, -1, 0));
    result("fixed file", mmap(base + 0x4000, 0x2000, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0x1000));
    result("no replace", mmap(base + 0x4000, 0x1000, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    show("maps", base, 0x10000);
    value("mprotect", mprotect(base + 0x3000, 0x2000, PROT_READ));
    show("maps", base, 0x10000);
    value("munmap", munmap(base + 0x3000, 0x1000));
    value("munmap of a hole", munmap(base + 0x3000, 0x1000));
    value("mprotect over a hole", mprotect(base + 0x2000, 0x3000, PROT_NONE));
    show("maps", base, 0x10000);
    result("no replace", mmap(base + 0x3000, 0x1000, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    printf("faults: %d %d %d %d\n", faults(base + 0x3000, 1), faults(base + 0x4000, 1), faults(base + 0x4000, 0),
           faults(base + 0x8000, 0));
    result("odd address", mmap(base + 5, 4096, RW, ANON | MAP_FIXED, -1, 0));
    result("odd offset", mmap(NULL, 4096, RW, MAP_PRIVATE, fd, 5));
    result("no size", mmap(NULL, 0, RW, ANON, -1, 0));
    result("no type", mmap(NULL, 4096, RW, MAP_ANONYMOUS, -1, 0));
    result("bad descriptor", mmap(NULL, 4096, RW, MAP_PRIVATE, 77, 0));
    result("read-only file shared", mmap(NULL, 4096, RW, MAP_SHARED, fd, 0));
    result("huge", mmap(NULL, (size_t)1 << 60, RW, ANON, -1, 0));
    result("hint", mmap(base + 0x9000, 4096, RW, ANON, -1, 0));
    value("munmap odd", munmap(base + 1, 4096));
    value("munmap nothing", munmap(base, 0));
    value("mprotect odd", mprotect(base + 1, 4096, PROT_READ));
    value("mprotect bad bits", mprotect(base, 4096, 0x40));
    value("mprotect nothing", mprotect(base, 0, PROT_READ));
}

static void test_mremap(void)
{
    enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
    munmap(base, 1 << 20);
    base = mmap(NULL, 1 << 20, PROT_NONE, ANON, -1, 0);
    char *p = mmap(base + 0x10000, 0x3000, RW, ANON | MAP_FIXED, -1, 0);
    strcpy(p, "start");
    strcpy(p + 0x2000, "end");
    result("in the way", mremap(p, 0x3000, 0x4000, 0));
    p = mremap(p, 0x3000, 0x2000, 0);
    result("smaller", p);
    p = mremap(p, 0x2000, 0x2000, MREMAP_MAYMOVE | MREMAP_FIXED, base + 0x40000);
    result("moved", p);
    show("maps", base, 1 << 20);
    printf("%s\n", p);
    p = mremap(p, 0x2000, 0x400000, MREMAP_MAYMOVE);
    p[0x3fffff] = 1;
    printf("grown: %s\n", p);
    result("not mapped", mremap(base + 0x40000, 0x1000, 0x2000, MREMAP_MAYMOVE));
    result("overlap", mremap(p, 0x2000, 0x2000, MREMAP_MAYMOVE | MREMAP_FIXED, p + 0x1000));
    result("bad flags", mremap(p, 0x1000, 0x1000, 64));
    value("dontneed", madvise(p, 0x1000, MADV_DONTNEED));
    printf("now: %d\n", p[0]);
    value("dontneed with a hole", madvise(base + 0x3f000, 0x4000, MADV_DONTNEED));
    value("bad advice", madvise(p, 0x1000, 12345));
    value("advice for nothing", madvise(p, 0, MADV_DONTNEED));
    value("odd advice", madvise(p + 1, 0x1000, MADV_DONTNEED));
    unsigned char in[4];
    value("mincore", mincore(p, 0x2000, in));
    value("msync", msync(p, 0x1000, MS_ASYNC));
    value("mlock", mlock(p, 0x1000));
    value("munlock", munlock(p, 0x1000));
}

static void test_growing(void)
{
    enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS, SIZE = 16 << 20 };
    base = mmap(NULL, SIZE, PROT_NONE, ANON, -1, 0);
    munmap(base, SIZE);
    char *top = base + (8 << 20);
    printf("growing: %d\n", mmap(top, 0x4000, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == top);
    printf("faults: %d %d\n", faults(top - 1, 1), faults(top - 0x10000, 1));
    printf("kept: %d\n", top[-1]);
    show("grown", base, SIZE);
    value("munmap", munmap(top - 0x10000, 0x12000));
    show("cut", base, SIZE);
    printf("faults: %d %d %d\n", faults(top - 1, 0), faults(top, 0), faults(top + 0x3000, 0));
    printf("fixed below: %d\n", mmap(top - 0x8000, 0x2000, RW, ANON | MAP_FIXED, -1, 0) == top - 0x8000);
    munmap(base, SIZE);
}

static void test_heap(void)
{
    char *start = (char *)syscall(SYS_brk, 0);
    char *end = (char *)syscall(SYS_brk, start + 0x5001);
    printf("brk: %ld\n", (long)(end - start));
    memset(start, 1, 0x5001);
    end = (char *)syscall(SYS_brk, start + 0x100);
    printf("brk: %ld\n", (long)(end - start));
    end = (char *)syscall(SYS_brk, start + 0x4000);
    printf("cleared: %d\n", start[0x3000]);
    printf("too low: %d\n", (char *)syscall(SYS_brk, 4096) == end);
    printf("too high: %d\n", (char *)syscall(SYS_brk, (uintptr_t)1 << 46) == end);
    printf("malloc: %d\n", malloc(3000000) && malloc(100000));
}

static void test_shm(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    shmctl(id, IPC_RMID, NULL);
    strcpy(p, "shared");
    printf("shm: %s, write to the other %d, pages", q, faults(q, 1));
    show("", p, 0x3000);
    value("shmdt", shmdt(p));
    value("again", shmdt(p));
    value("bad address", (long)shmat(id, (void *)5, 0));
    value("shmdt", shmdt(q));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    char name[] = "/tmp/memory_rules-XXXXXX";
    int fd = mkstemp(name);
    ftruncate(fd, 0x4000);
    close(fd);
    fd = open(name, O_RDONLY);
    unlink(name);
    test_fixed(fd);
    test_mremap();
    test_growing();
    test_heap();
    test_shm();
    int dev = open("/dev/zero", O_RDWR);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, dev, 0);
    printf("/dev/zero: %d\n", p != MAP_FAILED && p[7] == 0);
    char line[4096];
    FILE *f = fopen("/proc/self/maps", "r");
    int stack = 0, heap = 0, exe = 0, foreign = 0;
    while (fgets(line, sizeof(line), f)) {
        stack += strstr(line, "[stack]") != NULL;
        heap += strstr(line, "[heap]") != NULL;
        exe += strstr(line, "memory_rules") && strstr(line, "r-xp");
        foreign += strstr(line, "anyarch") || strstr(line, "qemu");
    }
    printf("maps: stack %d heap %d code %d foreign %d\n", stack, heap > 0, exe, foreign);
    return 0;
}
