/* jit_threads - threads that make, run, change and unmap code while others do the same, signals arrive and the process forks. */
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

static void on_tick(int sig)
{
    (void)sig;
    ticks++;
}

int main(void)
{
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
