/* main.c - what a cached block must get right: calls, faults with their exact place, a child, changed code. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef VALUE
#define VALUE 42
#endif

static sigjmp_buf after_fault;
static volatile unsigned progress;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    printf("fault at %p, progress %u\n", info->si_addr, progress);
    siglongjmp(after_fault, 1);
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Not on the first page of the file, so that two programs differ only behind it. */
static __attribute__((noipa, aligned(8192))) int value(void) { return VALUE; }

static __attribute__((noinline)) unsigned store_to(volatile unsigned *p)
{
    progress = 1;
    *p = 7;
    progress = 2;
    return *p;
}

static void sorted(void)
{
    int list[200];
    unsigned seed = 1, hash = 0;
    for (unsigned i = 0; i < 200; i++)
        list[i] = (int)((seed = seed * 1103515245u + 12345u) >> 16);
    qsort(list, 200, sizeof *list, compare);
    for (unsigned i = 0; i < 200; i++)
        hash = hash * 31 + (unsigned)list[i];
    printf("sorted %u\n", hash);
}

/* A function made at run time: never from the cache. */
static void generated(unsigned n)
{
    unsigned *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    code[0] = 0x52800000 | n << 5; /* mov w0, n */
    code[1] = 0xd65f03c0;          /* ret */
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    printf("generated %d\n", ((int (*)(void))code)());
}

/* The page of value() itself is changed, and changed back. */
static void patched(void)
{
    char *page = (char *)((unsigned long)value & ~4095ul);
    unsigned *code = (unsigned *)value, old = code[0];
    while ((code[0] & 0xffe00000) != 0x52800000)
        code++;
    old = code[0];
    for (unsigned n = 0; n < 3; n++) {
        mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
        code[0] = n < 2 ? 0x52800000 | (100 + n) << 5 : old;
        __builtin___clear_cache((char *)code, (char *)(code + 1));
        mprotect(page, 8192, PROT_READ | PROT_EXEC);
        printf("patched %d\n", value());
    }
}

/* Each its own blocks, which a process runs or does not. */
#define WORK(n)                                                                                                        \
    static __attribute__((noipa)) unsigned work_##n(unsigned x)                                                        \
    {                                                                                                                  \
        for (unsigned bit = 1; bit < 1u << 12; bit <<= 1) {                                                            \
            if (x & bit)                                                                                               \
                x = (x ^ n) * 2654435761u;                                                                             \
            else if (x & 0x100)                                                                                        \
                x += n;                                                                                                \
            switch (x >> 29) {                                                                                         \
            case 0: x = value() + (x >> 3); break;                                                                     \
            case 1: x ^= (unsigned)compare(&x, &progress_copy); break;                                                 \
            case 2: x += 0x12345; break;                                                                               \
            case 5: x = x << 7 | x >> 25; break;                                                                       \
            case 6: x ^= x >> 11; break;                                                                               \
            }                                                                                                          \
        }                                                                                                              \
        return x;                                                                                                      \
    }
#define FOUR(n) WORK(n##0) WORK(n##1) WORK(n##2) WORK(n##3)
#define NAMES(n) work_##n##0, work_##n##1, work_##n##2, work_##n##3
static unsigned progress_copy = 77;
FOUR(1) FOUR(2) FOUR(3) FOUR(4) FOUR(5) FOUR(6) FOUR(7) FOUR(8)
static unsigned (*const work[])(unsigned) = {NAMES(1), NAMES(2), NAMES(3), NAMES(4), NAMES(5), NAMES(6), NAMES(7), NAMES(8)};

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "work")) {
        unsigned x = 1, n = argc > 3 ? atoi(argv[3]) : 200;
        for (unsigned i = 0; i < n; i++) {
            x = work[atoi(argv[2]) % 32](x * 69069 + i);
            if (i % 1000 == 999)
                getppid();
        }
        printf("work %u\n", x);
        return 0;
    }
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int first = value();
    printf("value %d\n", first);
    sorted();
    unsigned word = 0;
    for (unsigned i = 0; i < 3; i++)
        if (!sigsetjmp(after_fault, 1))
            printf("stored %u\n", store_to(i == 1 ? (unsigned *)64 : &word));
    generated(5);
    generated(6);
    if (argc > 1 && !strcmp(argv[1], "exec"))
        return execl(argv[2], argv[2], (char *)NULL);
    pid_t child = fork();
    if (child == 0) {
        sorted();
        _exit(3);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
    patched();
    return value() == first ? 0 : 1;
}
