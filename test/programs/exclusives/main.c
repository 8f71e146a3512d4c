/* exclusives - loops of load- and store-exclusive: every operation and size by several threads, state at faults, and what
 * clears the monitor. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 5000 };

/* ---- Counters: the compiler's loops (built with -mno-outline-atomics) ---- */

#define COUNTERS(T, n)                                                                                                   \
    static struct { T add, sub, and, or, xor, nand, swap, swapped, cas, zero, guarded; } c##n = {.and = (T)~0, .or = 0}; \
    static void work##n(unsigned id)                                                                                     \
    {                                                                                                                    \
        for (int i = 0; i < ROUNDS; i++) {                                                                               \
            T mask = (T)((T)1 << (id * 2 + (i & 1))), old, got;                                                          \
            __atomic_fetch_add(&c##n.add, (T)3, __ATOMIC_SEQ_CST);                                                       \
            __atomic_sub_fetch(&c##n.sub, (T)i, __ATOMIC_RELAXED);                                                       \
            __atomic_fetch_and(&c##n.and, (T)~mask, __ATOMIC_ACQUIRE);                                                   \
            __atomic_fetch_or(&c##n.or, mask, __ATOMIC_RELEASE);                                                         \
            __atomic_fetch_xor(&c##n.xor, mask, __ATOMIC_SEQ_CST);                                                       \
            __atomic_nand_fetch(&c##n.nand, (T)0, __ATOMIC_SEQ_CST);                                                     \
            got = __atomic_exchange_n(&c##n.swap, (T)(i + (int)id), __ATOMIC_SEQ_CST);                                   \
            __atomic_fetch_add(&c##n.swapped, (T)(got - (T)(i + (int)id)), __ATOMIC_RELAXED);                            \
            old = __atomic_load_n(&c##n.cas, __ATOMIC_RELAXED);                                                          \
            while (!__atomic_compare_exchange_n(&c##n.cas, &old, (T)(old * 5 + 1), i & 1, __ATOMIC_SEQ_CST,              \
                                                __ATOMIC_RELAXED))                                                       \
                ;                                                                                                        \
            for (old = 0; !__atomic_compare_exchange_n(&c##n.zero, &old, (T)1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);)  \
                old = 0;                                                                                                 \
            c##n.guarded += 7;                                                                                           \
            __atomic_store_n(&c##n.zero, (T)0, __ATOMIC_RELEASE);                                                        \
        }                                                                                                                \
    }                                                                                                                    \
    static void show##n(void)                                                                                            \
    {                                                                                                                    \
        printf("%d: %llx %llx %llx %llx %llx %llx %llx %llx %llx\n", n, (unsigned long long)c##n.add,                    \
               (unsigned long long)c##n.sub, (unsigned long long)c##n.and, (unsigned long long)c##n.or,                  \
               (unsigned long long)c##n.xor, (unsigned long long)c##n.nand,                                              \
               (unsigned long long)(T)(c##n.swapped + c##n.swap), (unsigned long long)c##n.cas,                          \
               (unsigned long long)c##n.guarded);                                                                        \
    }

COUNTERS(uint8_t, 8)
COUNTERS(uint16_t, 16)
COUNTERS(uint32_t, 32)
COUNTERS(uint64_t, 64)

/* ---- Loops that compilers do not make for these types here ---- */

static int32_t smax;
static uint32_t umin = ~0u;
static uint64_t odd;
static __uint128_t wide __attribute__((aligned(16)));

static void work_asm(unsigned id)
{
    for (int i = 0; i < ROUNDS; i++) {
        int32_t v = (int32_t)((i * 2654435761u) ^ id), old, new;
        uint64_t lo, hi;
        uint32_t failed;
        __asm__ volatile("1: ldaxr %w0, [%3]\n cmp %w0, %w4\n csel %w1, %w0, %w4, gt\n stlxr %w2, %w1, [%3]\n cbnz %w2, 1b"
                         : "=&r"(old), "=&r"(new), "=&r"(failed) : "r"(&smax), "r"(v) : "memory", "cc");
        __asm__ volatile("1: ldxr %w0, [%3]\n cmp %w0, %w4\n csel %w1, %w0, %w4, ls\n stxr %w2, %w1, [%3]\n cbnz %w2, 1b"
                         : "=&r"(old), "=&r"(new), "=&r"(failed) : "r"(&umin), "r"(v) : "memory", "cc");
        __asm__ volatile("1: ldxr %0, [%2]\n lsl %0, %0, #1\n sub %0, %0, %0, lsr #1\n add %0, %0, #2\n"
                         "stxr %w1, %0, [%2]\n cbnz %w1, 1b"
                         : "=&r"(lo), "=&r"(failed) : "r"(&odd) : "memory");
        __asm__ volatile("1: ldaxp %0, %1, [%3]\n adds %0, %0, %4\n adc %1, %1, xzr\n stlxp %w2, %0, %1, [%3]\n cbnz %w2, 1b"
                         : "=&r"(lo), "=&r"(hi), "=&r"(failed) : "r"(&wide), "r"(1ul << 62) : "memory", "cc");
    }
}

static void *work(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;
    work8(id);
    work16(id);
    work32(id);
    work64(id);
    work_asm(id);
    return NULL;
}

static void counters(void)
{
    pthread_t t[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    show8();
    show16();
    show32();
    show64();
    printf("max %x min %x odd %lx wide %lx %lx\n", smax, umin, odd, (uint64_t)(wide >> 64), (uint64_t)wide);
}

/* ---- Faults: which instruction, with which registers ---- */

static struct { int signal, code; long offset; uint64_t x9, x10, x11; long pc; } seen;
static char *page;
static const char *loop_start;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    seen.signal = sig;
    seen.code = info->si_code;
    seen.offset = (char *)info->si_addr - page;
    seen.x9 = uc->uc_mcontext.regs[9];
    seen.x10 = uc->uc_mcontext.regs[10];
    seen.x11 = uc->uc_mcontext.regs[11];
    seen.pc = (long)uc->uc_mcontext.pc - (long)loop_start;
    if (sig == SIGBUS)
        uc->uc_mcontext.regs[8] &= ~(uint64_t)7;
    else
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

/* x9 loaded, x10 stored, x11 status. The page becomes accessible in the handler. */
#define FAULT(text, protection, address)                                                                                \
    do {                                                                                                                \
        memset(&seen, 0, sizeof seen);                                                                                  \
        mprotect(page, 4096, protection);                                                                               \
        register uint64_t x8 __asm__("x8") = (uint64_t)(address), x9 __asm__("x9") = 0x99, x10 __asm__("x10") = 0xaa,   \
                              x11 __asm__("x11") = 0xbb;                                                                \
        __asm__ volatile("adr x12, 1f\n str x12, [%4]\n .p2align 4\n 1: " text                                          \
                         : "+r"(x8), "+r"(x9), "+r"(x10), "+r"(x11) : "r"(&loop_start) : "x12", "memory", "cc");        \
        uint64_t after[3] = {x9, x10, x11};                                                                             \
        printf("signal %d code %d at %ld: pc +%ld x9 %lx x10 %lx x11 %lx; then %lx %lx %lx, memory %lx\n", seen.signal, \
               seen.code, seen.offset, seen.pc, seen.x9, seen.x10, seen.x11, after[0], after[1], after[2],              \
               *(uint64_t *)(page + 64));                                                                               \
    } while (0)

#define ADD "ldaxr x9, [x8]\n add x10, x9, #1\n stlxr w11, x10, [x8]\n cbnz w11, 1b"
#define SWAP "ldxr w9, [x8]\n stxr w11, w10, [x8]\n cbnz w11, 1b"
#define OR "ldxr x9, [x8]\n orr x9, x9, #0x100\n stxr w11, x9, [x8]\n cbnz w11, 1b"
#define NAND "ldxr x9, [x8]\n mvn x10, x9\n stxr w11, x10, [x8]\n cbnz w11, 1b"
#define CAS "ldxr x9, [x8]\n cbz x9, 2f\n stxr w11, x10, [x8]\n cbnz w11, 1b\n 2:"

static void faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(uint64_t *)(page + 64) = 5;
    for (int i = 0; i < 3; i++) { /* the same place again after it has faulted */
        int p = i == 1 ? PROT_NONE : PROT_READ;
        FAULT(ADD, p, page + 64);
        FAULT(SWAP, p, page + 64);
        FAULT(OR, p, page + 64);
        FAULT(NAND, p, page + 64);
        FAULT(CAS, p, page + 64);
    }
    FAULT(ADD, PROT_NONE, page + 65);
    FAULT(CAS, PROT_READ | PROT_WRITE, page + 66);
}

/* ---- What clears the monitor ---- */

static void on_signal(int sig) { (void)sig; }

static void monitor(void)
{
    uint64_t x = 1;
    uint32_t failed[4];
    signal(SIGUSR1, on_signal);
    __asm__ volatile("ldxr x9, [%1]\n clrex\n stxr %w0, x9, [%1]" : "=&r"(failed[0]) : "r"(&x) : "x9", "memory");
    __asm__ volatile("ldxr x9, [%1]\n mov x8, #172\n svc #0\n stxr %w0, x9, [%1]" /* getpid */
                     : "=&r"(failed[1]) : "r"(&x) : "x0", "x8", "x9", "memory");
    __asm__ volatile("ldxr x9, [%1]\n mov x8, #129\n mov x0, %2\n mov x1, #10\n svc #0\n stxr %w0, x9, [%1]" /* kill */
                     : "=&r"(failed[2]) : "r"(&x), "r"((long)getpid()) : "x0", "x1", "x8", "x9", "memory");
    __asm__ volatile("ldxr x9, [%1]\n stxr w10, x9, [%1]\n stxr %w0, x9, [%1]"
                     : "=&r"(failed[3]) : "r"(&x) : "x9", "x10", "memory");
    printf("fails after clrex %u, system call %u, signal %u, store %u\n", failed[0], failed[1], failed[2], failed[3]);
}

int main(void)
{
    counters();
    faults();
    monitor();
    return 0;
}
