/* pages_ahead - memory that an emulator may fill with pages, or with large ones, before it is written: it is zero or the file's,
 * ends where it should, and is each process's own after fork. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, KB = 1 << 10, MB = 1 << 20 };

static sigjmp_buf out;
static char data[3 * MB] = "data"; /* a segment larger than what is filled at once */
static char zeros[5 * MB];

static void on_fault(int sig)
{
    siglongjmp(out, sig);
}

static int fault(volatile char *p)
{
    int sig = sigsetjmp(out, 1);
    if (!sig)
        *p = 1;
    return sig;
}

static int sum(const char *p, size_t n)
{
    int s = 0;
    for (size_t i = 0; i < n; i++)
        s += (unsigned char)p[i];
    return s;
}

static void heap(void)
{
    char *start = sbrk(0);
    for (int i = 0; i < 40; i++) {
        char *more = sbrk(132 * KB);
        if (sum(more, 132 * KB))
            printf("step %d of the heap is not zero\n", i);
        memset(more, i + 1, 132 * KB);
    }
    printf("heap %d %d\n", start[0], start[40 * 132 * KB - 1]);
    sbrk(-3 * MB);
    char *again = sbrk(3 * MB);
    printf("shrunk and grown: %d\n", sum(again, 3 * MB));
    char *end = sbrk(0);
    printf("behind it: %d\n", fault((char *)(((unsigned long)end + PAGE - 1) & -(unsigned long)PAGE)));
    struct rlimit limit = {64 * KB, RLIM_INFINITY}, old;
    getrlimit(RLIMIT_DATA, &old);
    limit.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_DATA, &limit);
    printf("limited: %d\n", sbrk(4 * MB) == (void *)-1);
    setrlimit(RLIMIT_DATA, &old);
}

static void child(const char *name, char *p, size_t size)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        for (size_t i = 0; i < size; i += 10 * PAGE)
            p[i]++;
        _exit(p[0] + p[10 * PAGE]);
    }
    waitpid(pid, &status, 0);
    printf("%s: child %d, parent %d %d\n", name, WEXITSTATUS(status), p[0], p[10 * PAGE]);
}

static void buffer(void)
{
    char *p = mmap(NULL, 8 * MB + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[5 * MB] = 7;
    printf("buffer %d\n", sum(p, 8 * MB + PAGE));
    for (size_t i = 0; i < 8 * MB; i += PAGE)
        p[i] = 3;
    child("buffer", p, 8 * MB);
    p = mremap(p, 8 * MB + PAGE, 20 * MB, MREMAP_MAYMOVE);
    printf("moved: %d %d %d\n", p[0], p[8 * MB - PAGE], sum(p + 8 * MB, 12 * MB));
    mprotect(p + 2 * MB, PAGE, PROT_READ);
    munmap(p + 4 * MB, PAGE);
    printf("in it: %d %d %d %d\n", fault(p + 2 * MB), fault(p + 2 * MB + PAGE), fault(p + 4 * MB), fault(p + 4 * MB - 1));
    madvise(p + MB, 64 * KB, MADV_DONTNEED);
    printf("given back: %d %d\n", sum(p + MB, 64 * KB), p[MB + 64 * KB]);
}

static void segment(void)
{
    char page[PAGE];
    int fd = open("segment", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 16; i++) {
        memset(page, i + 1, sizeof page);
        write(fd, page, i < 15 ? sizeof page : 100);
    }
    char *place = mmap(NULL, 32 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *p = mmap(place, 20 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
    printf("segment %d %d %d\n", p[0], p[14 * PAGE], sum(p + 15 * PAGE, PAGE));
    p[0] = 99;
    pread(fd, page, 1, 0);
    pwrite(fd, "B", 1, 0);
    printf("its own: %d %d\n", p[0], page[0]);
    child("segment", p, 14 * PAGE);
    printf("behind the file: %d, behind it: %d\n", fault(p + 17 * PAGE), fault(p + 21 * PAGE));
    unlink("segment");
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    printf("data %s %d\n", data, sum(data + 4, sizeof data - 4));
    printf("zeros %d\n", sum(zeros, sizeof zeros));
    data[2 * MB + PAGE] = zeros[3 * MB] = 1;
    child("data", data, sizeof data);
    child("zeros", zeros, sizeof zeros);
    heap();
    buffer();
    segment();
    return 0;
}
