/* main.c - what a cached block must get right: calls, faults with their exact place, a child, changed code; and a cached
 * region, which hot loops become. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
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

/* A hot loop that ends in a fault: with the exact place and registers. */
unsigned long walk(const char *p);
extern const unsigned walk_load[];
__asm__(".text\n"
        ".globl walk, walk_load, spread, spread_add\n"
        "walk: mov x1, #0\n"
        "mov x2, #0\n"
        "1: walk_load: ldrb w3, [x0], #1\n"
        "add x1, x1, x3\n"
        "eor x2, x1, x2, ror #3\n"
        "add x4, x1, x2\n"
        "add x1, x1, #1\n"
        "b 1b\n");

static void on_walk_fault(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    (void)sig;
    printf("walked to %lx, %s, %llx %llx %llx\n", (unsigned long)info->si_addr & 0xffff,
           (const unsigned *)uc->uc_mcontext.pc == walk_load && (char *)uc->uc_mcontext.regs[0] == info->si_addr ? "exact" : "inexact",
           uc->uc_mcontext.regs[1], uc->uc_mcontext.regs[2], uc->uc_mcontext.regs[4]);
    siglongjmp(after_fault, 1);
}

static void walked(void)
{
    const struct sigaction action = {.sa_sigaction = on_walk_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction old;
    char *p = mmap((void *)0x10000000, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < 12288; i++)
        p[i] = (char)(i * 7 ^ i >> 5);
    mprotect(p + 12288, 4096, PROT_NONE);
    sigaction(SIGSEGV, &action, &old);
    for (volatile unsigned i = 0; i < 2; i++)
        if (!sigsetjmp(after_fault, 1))
            walk(p + i);
    sigaction(SIGSEGV, &old, NULL);
    munmap(p, 16384);
}

/* A hot loop on two pages, of which the one without the loop's head is changed. */
unsigned long spread(unsigned long n);
extern unsigned spread_add[];
__asm__(".p2align 12\n"
        ".skip 4080\n"
        "spread: mov x1, #0\n"
        "1: subs x0, x0, #1\n"
        "b.eq 3f\n"
        "b 2f\n"
        "2: spread_add: add x1, x1, #1\n" /* next page */
        "b 1b\n"
        "3: mov x0, x1\n"
        "ret\n"
        ".p2align 12\n");

static void spread_out(void)
{
    for (unsigned n = 1; n <= 4; n++) {
        printf("spread %lu\n", spread(5000));
        mprotect(spread_add, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        *spread_add = 0x91000021 | (n < 3 ? n + 1 : 1) << 10; /* add x1, x1, # */
        __builtin___clear_cache((char *)spread_add, (char *)(spread_add + 1));
        mprotect(spread_add, 4096, PROT_READ | PROT_EXEC);
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
    walked();
    spread_out();
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
