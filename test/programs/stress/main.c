/* stress [SECONDS] - threads, signals, fork and exec, mappings and code that is made at run time, all at once; then nothing may be
 * left over: descriptors, threads, children, mappings, memory. Counts go to stderr. Short by default; 1800 seconds by hand. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 6, PAGE = 4096, ALT_STACK = 64 << 10 };
enum { MAX_MAPPINGS_LEFT = 24, MAX_GROWTH_KB = 48 << 10 };

extern char **environ;
static char *self;
static volatile int stopping;
static volatile int errors;
static pthread_t worker[WORKERS];
static volatile int alive[WORKERS];
static pthread_barrier_t all_done; /* no worker ends while another may still send it a signal */

static void wrong(const char *fmt, ...)
{
    va_list ap;
    char line[200];
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED) < 20)
        write(1, line, n);
}

static unsigned draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* -- Code made at run time -- */

/* int f(int x) { return x + N; } */
static void make_adder(void *at, unsigned n)
{
#ifdef __x86_64__
    unsigned char code[] = {0x8d, 0x87, n, n >> 8, 0, 0, 0xc3};
    memcpy(at, code, sizeof(code));
#else
    uint32_t code[] = {0x52800001 | (n & 0xffff) << 5, 0x0b010000, 0xd65f03c0}; /* mov w1, n; add w0, w0, w1; ret */
    memcpy(at, code, sizeof(code));
#endif
    __builtin___clear_cache(at, (char *)at + 16);
}

typedef int adder(int);

static void make_code(uint64_t *seed)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return wrong("no memory for code\n");
    for (int i = 0; i < 50; i++) {
        char *at = p + draw(seed) % (4 * PAGE / 16) * 16;
        unsigned n = draw(seed) & 0xffff;
        make_adder(at, n);
        int got = ((adder *)at)(i);
        if (got != (int)(i + n))
            wrong("code says %d for %d + %u\n", got, i, n);
    }
    munmap(p, 4 * PAGE);
}

/* A writable and an executable view of the same page. */
static void dual_mapped_code(uint64_t *seed)
{
    int fd = memfd_create("code", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, PAGE))
        return wrong("no memory file: %d\n", errno);
    char *w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *x = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    close(fd);
    for (int i = 0; i < 20; i++) {
        unsigned n = draw(seed) & 0xffff;
        make_adder(w + i * 16, n);
        __builtin___clear_cache(x + i * 16, x + i * 16 + 16);
        if (((adder *)(x + i * 16))(1) != (int)n + 1)
            wrong("dual-mapped code is stale\n");
    }
    munmap(w, PAGE);
    munmap(x, PAGE);
}

/* A jump that one thread patches while all run it: to a return of 1 or of 2. */
static char *patched;
static pthread_mutex_t patch_lock = PTHREAD_MUTEX_INITIALIZER;

static void patch(int target)
{
#ifdef __x86_64__
    uint32_t jump = target == 1 ? 0x90900eeb : 0x90901eeb;
#else
    uint32_t jump = 0x14000000 | (target == 1 ? 4 : 8);
#endif
    __atomic_store_n((uint32_t *)patched, jump, __ATOMIC_SEQ_CST);
    __builtin___clear_cache(patched, patched + 4);
}

static void make_patched(void)
{
    patched = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 1; i <= 2; i++) {
#ifdef __x86_64__
        unsigned char code[] = {0xb8, i, 0, 0, 0, 0xc3};
#else
        uint32_t code[] = {0x52800000 | i << 5, 0xd65f03c0};
#endif
        memcpy(patched + 16 * i, code, sizeof(code));
    }
    __builtin___clear_cache(patched, patched + 64);
    patch(1);
}

static void run_patched(uint64_t *seed)
{
    int (*fn)(void) = (int (*)(void))patched;
    for (int i = 0; i < 100; i++) {
        int got = fn();
        if (got != 1 && got != 2)
            wrong("patched code returns %d\n", got);
    }
    pthread_mutex_lock(&patch_lock);
    for (int i = 0; i < 4; i++) {
        int target = 1 + draw(seed) % 2;
        patch(target);
        if (fn() != target)
            wrong("the patching thread sees old code\n");
    }
    pthread_mutex_unlock(&patch_lock);
}

/* -- Memory -- */

static void map_memory(uint64_t *seed)
{
    size_t n = 1 + draw(seed) % 64;
    char *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return wrong("mmap: %d\n", errno);
    for (size_t i = 0; i < n; i++)
        p[i * PAGE] = (char)i;
    size_t bigger = n + draw(seed) % 64 + 1;
    char *q = mremap(p, n * PAGE, bigger * PAGE, MREMAP_MAYMOVE);
    if (q == MAP_FAILED)
        return wrong("mremap: %d\n", errno);
    for (size_t i = 0; i < bigger; i++)
        if (q[i * PAGE] != (i < n ? (char)i : 0))
            wrong("page %zu of %zu holds %d after mremap\n", i, bigger, q[i * PAGE]);
    size_t hole = draw(seed) % bigger;
    mprotect(q + hole * PAGE, PAGE, PROT_NONE);
    madvise(q, hole * PAGE, MADV_DONTNEED);
    if (hole && q[0])
        wrong("MADV_DONTNEED kept the page\n");
    munmap(q + hole * PAGE, PAGE); /* another thread may map something there at once */
    if (hole)
        munmap(q, hole * PAGE);
    if (hole + 1 < bigger)
        munmap(q + (hole + 1) * PAGE, (bigger - hole - 1) * PAGE);
    char *huge = mmap(NULL, (size_t)1 << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (huge == MAP_FAILED)
        return wrong("no reservation: %d\n", errno);
    char *part = huge + ((size_t)draw(seed) % 0xffff << 20);
    if (mmap(part, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != part)
        wrong("mmap into the reservation: %d\n", errno);
    part[5] = 1;
    munmap(huge, (size_t)1 << 36);
}

/* -- Signals -- */

static __thread sigjmp_buf fault_back;
static __thread volatile int in_fault;
static volatile long handled, timers;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    __atomic_add_fetch(sig == SIGPROF ? &timers : &handled, 1, __ATOMIC_RELAXED);
    getppid();
    errno = saved;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    if (!in_fault) {
        wrong("fault at %p\n", info->si_addr);
        _exit(99);
    }
    if (info->si_addr != (void *)(0x123L * PAGE / PAGE))
        wrong("fault address %p\n", info->si_addr);
    siglongjmp(fault_back, 1);
}

/* An implicit null check, as of Java. */
static void null_check(uint64_t *seed)
{
    volatile int *p = (volatile int *)0x123;
    for (int i = 0; i < 10; i++) {
        in_fault = 1;
        if (!sigsetjmp(fault_back, 1)) {
            *p = 1;
            wrong("a store to address 0x123 succeeded\n");
        }
        in_fault = 0;
    }
}

static void send_signals(uint64_t *seed)
{
    for (int i = 0; i < 20; i++) {
        int to = draw(seed) % WORKERS;
        union sigval value = {.sival_int = i};
        if (alive[to])
            pthread_sigqueue(worker[to], draw(seed) % 2 ? SIGUSR1 : SIGRTMIN + 3, value);
    }
}

/* -- Processes and threads -- */

static void *short_thread(void *p)
{
    char stack[2000];
    memset(stack, 1, sizeof(stack));
    return (char *)p + stack[1000];
}

static void threads(uint64_t *seed)
{
    pthread_t t[4];
    void *r;
    for (long i = 0; i < 4; i++)
        if (pthread_create(&t[i], NULL, short_thread, (void *)i))
            return wrong("pthread_create: %d\n", errno);
    for (long i = 0; i < 4; i++) {
        pthread_join(t[i], &r);
        if (r != (void *)(i + 1))
            wrong("thread result %p\n", r);
    }
}

static void wait_for(pid_t pid, int expected, const char *what)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return wrong("waitpid after %s: %d\n", what, errno);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
        wrong("%s: status %x\n", what, status);
}

static void fork_child(uint64_t *seed)
{
    int n = draw(seed) & 127;
    pid_t pid = fork();
    if (pid < 0)
        return wrong("fork: %d\n", errno);
    if (!pid) {
        make_code(seed);
        _exit(n);
    }
    wait_for(pid, n, "fork");
}

static void spawn_child(uint64_t *seed)
{
    char *args[] = {self, "child", NULL};
    pid_t pid;
    sigset_t none;
    posix_spawnattr_t attr;
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawn(&pid, self, NULL, &attr, args, environ);
    posix_spawnattr_destroy(&attr);
    if (error)
        return wrong("posix_spawn: %d\n", error);
    wait_for(pid, 42, "spawn");
    if (posix_spawn(&pid, "/nonexistent", NULL, NULL, args, environ) != ENOENT)
        wrong("posix_spawn of nothing\n");
}

/* -- Descriptors and locks -- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long shared_count, expected_count;

static void locks(uint64_t *seed)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock);
        shared_count++;
        if (i % 50 == 0)
            pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 1000000;
    if (soon.tv_nsec >= 1000000000)
        soon.tv_sec++, soon.tv_nsec -= 1000000000;
    pthread_mutex_lock(&lock);
    pthread_cond_timedwait(&cond, &lock, &soon);
    pthread_mutex_unlock(&lock);
    __atomic_add_fetch(&expected_count, 200, __ATOMIC_RELAXED);
}

static void pipes(uint64_t *seed)
{
    int fd[2];
    char out[3000], in[3000];
    if (pipe2(fd, O_CLOEXEC))
        return wrong("pipe: %d\n", errno);
    memset(out, draw(seed), sizeof(out));
    for (int i = 0; i < 5; i++) {
        if (write(fd[1], out, sizeof(out)) != sizeof(out))
            wrong("write: %d\n", errno);
        for (size_t got = 0; got < sizeof(in);) {
            ssize_t n = read(fd[0], in + got, sizeof(in) - got);
            if (n <= 0 && errno != EINTR)
                return wrong("read: %d\n", errno);
            got += n > 0 ? n : 0;
        }
        if (memcmp(in, out, sizeof(in)))
            wrong("pipe data\n");
    }
    close(fd[0]);
    close(fd[1]);
}

/* -- All at once -- */

static void (*const job[])(uint64_t *) = {make_code,  dual_mapped_code, run_patched, map_memory, null_check, send_signals,
                                          threads,    fork_child,       spawn_child, locks,      pipes};
enum { N_JOBS = sizeof(job) / sizeof(job[0]) };
static long done[N_JOBS];

static void *work(void *p)
{
    long id = (long)p;
    uint64_t seed = id * 7919 + 1;
    static __thread char stack[ALT_STACK];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
    sigaltstack(&alt, NULL);
    alive[id] = 1;
    while (!stopping) {
        unsigned n = draw(&seed) % N_JOBS;
        job[n](&seed);
        __atomic_add_fetch(&done[n], 1, __ATOMIC_RELAXED);
    }
    pthread_barrier_wait(&all_done);
    return NULL;
}

struct usage {
    long descriptors, threads, mappings, kb;
};

static long entries(const char *path)
{
    DIR *d = opendir(path);
    long n = 0;
    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

static struct usage measure(void)
{
    usleep(200000); /* a joined thread is not quite gone at once, on hardware either */
    struct usage u = {.descriptors = entries("/proc/self/fd"), .threads = entries("/proc/self/task")};
    char line[4096];
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), f))
        u.mappings++;
    fclose(f);
    f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), f))
        if (!strncmp(line, "VmRSS:", 6))
            u.kb = atol(line + 6);
    fclose(f);
    return u;
}

static void start_timer(long microseconds)
{
    struct itimerval t = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_PROF, &t, NULL);
}

static void run(int seconds)
{
    memset((void *)alive, 0, sizeof(alive));
    stopping = 0;
    pthread_barrier_init(&all_done, NULL, WORKERS);
    start_timer(2000);
    for (long i = 0; i < WORKERS; i++)
        if (pthread_create(&worker[i], NULL, work, (void *)i))
            wrong("no worker: %d\n", errno);
    for (time_t end = time(NULL) + seconds; time(NULL) < end;)
        usleep(100000);
    stopping = 1;
    for (int i = 0; i < WORKERS; i++)
        pthread_join(worker[i], NULL);
    pthread_barrier_destroy(&all_done);
    start_timer(0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "child"))
        return 42;
    int seconds = argc > 1 ? atoi(argv[1]) : 4;
    self = argv[0];
    struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigaction(SIGUSR1, &a, NULL);
    sigaction(SIGRTMIN + 3, &a, NULL);
    sigaction(SIGPROF, &a, NULL);
    a.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    make_patched();
    run(seconds / 2);
    struct usage before = measure();
    run(seconds - seconds / 2);
    struct usage after = measure();
    printf("errors %d\n", errors);
    printf("descriptors left: %ld\n", after.descriptors - before.descriptors);
    printf("threads left: %ld\n", after.threads - before.threads);
    printf("children left: %d\n", waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD);
    printf("mappings left: %s\n", after.mappings - before.mappings <= MAX_MAPPINGS_LEFT ? "none" : "too many");
    printf("memory left: %s\n", after.kb - before.kb <= MAX_GROWTH_KB ? "none" : "too much");
    printf("locked count: %s\n", shared_count == expected_count ? "exact" : "wrong");
    printf("signals: %s %s\n", handled ? "handled" : "none", timers ? "timers" : "none");
    for (int i = 0; i < N_JOBS; i++)
        fprintf(stderr, "%ld ", done[i]);
    fprintf(stderr, "jobs; %ld signals, %ld timers; mappings %ld -> %ld, rss %ld -> %ld kB\n", handled, timers, before.mappings,
            after.mappings, before.kb, after.kb);
    return errors != 0;
}
