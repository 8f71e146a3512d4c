/* jit_threads - threads and children that run changing code in turn; threads that make, run, change and unmap code while
 * others do the same, signals arrive and the process forks. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 400 };

typedef unsigned function(void);
static atomic_int wrong, ticks;

static void put(uint32_t *at, unsigned value)
{
    at[0] = 0x52800000 | value << 5; /* mov w0, #value */
    at[1] = 0xd65f03c0;              /* ret */
    __builtin___clear_cache((char *)at, (char *)(at + 2));
}

static unsigned call(void *at)
{
    return ((function *)at)();
}

static void *churn(void *p)
{
    unsigned seed = (unsigned)(long)p * 1000;
    for (unsigned i = 0; i < ROUNDS; i++) {
        int both = PROT_READ | PROT_WRITE | PROT_EXEC;
        char *page = mmap(NULL, 8192, i & 1 ? both : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        put((uint32_t *)page, seed + i);
        put((uint32_t *)(page + 4096), seed + i + 1);
        if (!(i & 1))
            mprotect(page, 8192, PROT_READ | PROT_EXEC);
        for (int n = 0; n < 5; n++)
            if (call(page) != seed + i || call(page + 4096) != seed + i + 1)
                wrong++;
        if (i & 1) {
            put((uint32_t *)page, seed + i + 7);
            if (call(page) != seed + i + 7)
                wrong++;
        }
        munmap(page, i & 2 ? 8192 : 4096);
        if (!(i & 2))
            munmap(page + 4096, 4096);
    }
    return NULL;
}

/* A thread that is like the one before it: the same memory may serve for both. */
static void *call_twice(void *at)
{
    unsigned first = call(at);
    return (void *)(long)(call(at) == first ? first : ~0u);
}

/* Each thread runs what is there now, not what an earlier thread jumped to. */
static int one_after_another(void)
{
    int bad = 0;
    void *result;
    pthread_t id;
    uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t *code = page + 100;
    for (unsigned i = 0; i < 200; i++) {
        if (i % 3 != 1) /* now and then the code stays as it was */
            put(code, i);
        pthread_create(&id, NULL, call_twice, code);
        pthread_join(id, &result);
        bad += result != (void *)(long)(i % 3 == 1 ? i - 1 : i);
    }
    munmap(page, 4096);
    return bad;
}

/* Each child runs what was there when it was made, not what an earlier child ran. */
static int children_one_after_another(void)
{
    int bad = 0, status;
    uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < 30; i++) {
        if (i % 3 != 1) {
            mprotect(page, 4096, PROT_READ | PROT_WRITE);
            put(page, i);
            mprotect(page, 4096, PROT_READ | PROT_EXEC);
        }
        pid_t pid = fork();
        if (!pid)
            _exit((int)call(page));
        bad += waitpid(pid, &status, 0) != pid || status != (int)(i % 3 == 1 ? i - 1 : i) << 8;
    }
    munmap(page, 4096);
    return bad;
}

static void on_tick(int sig)
{
    (void)sig;
    ticks++;
}

int main(void)
{
    printf("threads in turn %d", one_after_another());
    printf(", children in turn %d\n", children_one_after_another());
    fflush(stdout);
    pthread_t id[THREADS];
    struct itimerval t = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
    struct sigaction a = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &t, NULL);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, churn, (void *)i);
    int bad_children = 0;
    for (int i = 0; i < 40; i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            wrong = 0;
            pthread_t other;
            if (i % 4 == 0) {
                pthread_create(&other, NULL, churn, (void *)9);
                pthread_join(other, NULL);
            } else {
                uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                put(page, 42);
                wrong += call(page) != 42;
            }
            _exit(wrong != 0);
        }
        if (waitpid(pid, &status, 0) != pid || status)
            bad_children++;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    setitimer(ITIMER_REAL, &off, NULL);
    printf("wrong %d, bad children %d, ticks %d\n", wrong, bad_children, ticks > 3);
    return 0;
}
