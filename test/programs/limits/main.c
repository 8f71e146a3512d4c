/* limits - RLIMIT_AS and RLIMIT_DATA act on mmap, mremap, brk and malloc, go through fork and exec, and only on the program's own
 * memory. `expected` was recorded from a native x86-64 run of this file. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MB = 1 << 20, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static void set(int resource, rlim_t soft)
{
    struct rlimit r;
    getrlimit(resource, &r);
    r.rlim_cur = soft;
    if (setrlimit(resource, &r))
        perror("setrlimit");
}

static long get(int resource)
{
    struct rlimit r;
    getrlimit(resource, &r);
    return r.rlim_cur == RLIM_INFINITY ? -1 : (long)(r.rlim_cur / MB);
}

/* Megabytes that can be mapped, in steps of four: the program's own few do not show. */
static long room(int prot, int flags)
{
    static char *at[4096];
    long n = 0;
    while (n < 512 && (at[n] = mmap(NULL, 4 * MB, prot, flags, -1, 0)) != MAP_FAILED)
        n++;
    int error = errno;
    for (long i = 0; i < n; i++)
        munmap(at[i], 4 * MB);
    errno = error;
    return n * 4;
}

static const char *about(long n, long limit)
{
    return n > limit ? "more" : n >= limit - 24 ? "about the limit" : "less";
}

static void address_space(void)
{
    set(RLIMIT_AS, 300 * MB);
    printf("limit %ld\n", get(RLIMIT_AS));
    printf("room: %s\n", about(room(RW, ANON), 300));
    printf("error %d\n", errno);
    printf("reservation counts: %s\n", about(room(PROT_NONE, ANON | MAP_NORESERVE), 300));
    printf("shared counts: %s\n", about(room(RW, MAP_SHARED | MAP_ANONYMOUS), 300));
    char *p = mmap(NULL, 200 * MB, RW, ANON, -1, 0);
    printf("200 MB: %d\n", p != MAP_FAILED);
    printf("again: %d\n", mmap(NULL, 200 * MB, RW, ANON, -1, 0) != MAP_FAILED);
    printf("in its place: %d\n", mmap(p, 200 * MB, PROT_READ, ANON | MAP_FIXED, -1, 0) == p);
    printf("grow to 400: %d %d\n", mremap(p, 200 * MB, 400 * MB, MREMAP_MAYMOVE) != MAP_FAILED, errno);
    printf("grow to 250: %d\n", (p = mremap(p, 200 * MB, 250 * MB, MREMAP_MAYMOVE)) != MAP_FAILED);
    char *heap = (char *)syscall(SYS_brk, 0);
    printf("brk: %d\n", (char *)syscall(SYS_brk, heap + 100 * MB) >= heap + 100 * MB);
    printf("malloc: %d\n", malloc(100 * MB) != NULL);
    munmap(p, 250 * MB);
    printf("malloc: %d\n", malloc(100 * MB) != NULL);
    set(RLIMIT_AS, 20 * MB);
    printf("below use: %d\n", mmap(NULL, 4096, RW, ANON, -1, 0) != MAP_FAILED);
    set(RLIMIT_AS, 600 * MB);
    printf("raised: %d\n", mmap(NULL, 200 * MB, RW, ANON, -1, 0) != MAP_FAILED);
}

static void data(void)
{
    set(RLIMIT_DATA, 100 * MB);
    printf("limit %ld\n", get(RLIMIT_DATA));
    printf("room: %s\n", about(room(RW, ANON), 100));
    printf("reservation: %s\n", about(room(PROT_NONE, ANON | MAP_NORESERVE), 100));
    printf("shared: %s\n", about(room(RW, MAP_SHARED | MAP_ANONYMOUS), 100));
}

static void *in_thread(void *p)
{
    printf("in a thread: limit %ld\n", get(RLIMIT_AS));
    return p;
}

static void errors(void)
{
    struct rlimit r = {2, 1};
    printf("soft above hard: %d\n", setrlimit(RLIMIT_AS, &r) ? errno : 0);
    printf("bad resource: %d\n", setrlimit(99, &r) ? errno : 0);
    set(RLIMIT_AS, 256 * MB);
    pthread_t t;
    pthread_create(&t, NULL, in_thread, NULL);
    pthread_join(t, NULL);
}

static void child(const char *name, void (*fn)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        fn();
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("%s: %x\n", name, status);
}

static char *self;
static void through_exec(void)
{
    set(RLIMIT_AS, 300 * MB);
    execl(self, self, "executed", NULL);
}

static void failed_exec(void)
{
    set(RLIMIT_AS, 300 * MB);
    execl("/nonexistent", "x", NULL);
    printf("still %ld: %s\n", get(RLIMIT_AS), about(room(RW, ANON), 300));
}

static void vfork_child(void)
{
    pid_t pid = vfork();
    if (!pid) {
        set(RLIMIT_AS, 300 * MB);
        set(RLIMIT_CORE, 100 * MB);
        _exit(get(RLIMIT_AS) == 300 && get(RLIMIT_CORE) == 100 ? 7 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("vfork child %x, its parent %d %d\n", status, get(RLIMIT_AS) != 300, get(RLIMIT_CORE) != 100);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1) {
        printf("after exec %ld: %s\n", get(RLIMIT_AS), about(room(RW, ANON), 300));
        return 0;
    }
    child("address space", address_space);
    child("data", data);
    child("errors", errors);
    child("through exec", through_exec);
    child("failed exec", failed_exec);
    child("vfork", vfork_child);
    printf("the parent: %d\n", get(RLIMIT_AS) != 300);
    return 0;
}
