/* tagged - addresses with a tag in their top byte: accesses of all kinds, exclusives, jumps, faults, system calls. */
#include <arm_neon.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_TAGGED_ADDR_CTRL
#define PR_SET_TAGGED_ADDR_CTRL 55
#define PR_GET_TAGGED_ADDR_CTRL 56
#endif

static void *tag(const void *p, unsigned byte) { return (void *)((uintptr_t)p | (uintptr_t)byte << 56); }

static uint64_t words[64] __attribute__((aligned(64)));

static char block[8192] __attribute__((aligned(4096)));

static void accesses(unsigned byte)
{
    volatile uint64_t *w = tag(words, byte);
    uint64_t a, b;
    for (unsigned i = 0; i < 64; i++)
        w[i] = i * 0x0101010101010101;
    printf("tag %02x: %llx %x %x %d", byte, (unsigned long long)w[9], ((volatile uint32_t *)w)[7], ((volatile uint16_t *)w)[21],
           ((volatile int8_t *)w)[500]);
    __asm__ volatile("ldp %0, %1, [%2, #32]" : "=r"(a), "=r"(b) : "r"(w) : "memory");
    printf(" ldp %llx %llx", (unsigned long long)a, (unsigned long long)b);
    __asm__ volatile("stp %1, %0, [%2, #-16]!" : : "r"(a), "r"(b), "r"(w + 10) : "memory");
    __asm__ volatile("ldr %0, [%1, %2, lsl #3]" : "=r"(a) : "r"(w), "r"(8l) : "memory");
    __asm__ volatile("ldr %0, [%1, %w2, sxtw #3]" : "=r"(b) : "r"(w + 16), "r"(-7) : "memory");
    printf(" index %llx %llx", (unsigned long long)a, (unsigned long long)b);
    uint8x16x3_t v = vld3q_u8((const uint8_t *)tag(words + 20, byte));
    vst2q_u8((uint8_t *)tag(words + 30, byte), (uint8x16x2_t){{v.val[0], v.val[2]}});
    printf(" ld3 %llx", (unsigned long long)w[32]);
    memset(block, 1, sizeof block);
    __asm__ volatile("dc zva, %0" : : "r"(tag(block, byte)) : "memory");
    printf(" zva %d %d\n", block[0], block[sizeof block - 1]);
}

/* One pointer with a tag, one without, through the same exclusive loop and the same atomics. */
static uint64_t add_exclusive(uint64_t *p, uint64_t n)
{
    uint64_t old, new;
    uint32_t failed;
    __asm__ volatile("1: ldaxr %0, [%3]\n eor %1, %0, %4\n add %1, %1, %0, lsl #1\n ror %1, %1, #3\n"
                     "stlxr %w2, %1, [%3]\n cbnz %w2, 1b"
                     : "=&r"(old), "=&r"(new), "=&r"(failed) : "r"(p), "r"(n) : "memory");
    return new;
}

static uint32_t store_exclusive_elsewhere(void *load_from, void *store_to)
{
    uint64_t v;
    uint32_t failed;
    __asm__ volatile("ldxr %0, [%2]\n b 1f\n .balign 64\n1: stxr %w1, %0, [%3]"
                     : "=&r"(v), "=&r"(failed) : "r"(load_from), "r"(store_to) : "memory");
    return failed;
}

static void atomics(void)
{
    uint64_t plain = 5;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t *p = i & 1 ? tag(&plain, 0x80 + i) : &plain;
        uint64_t added = add_exclusive(p, i + 1), old = __atomic_fetch_add(p, 7, __ATOMIC_SEQ_CST);
        uint64_t expected = old + 7;
        printf("exclusive %llx old %llx cas %d swap %llx\n", (unsigned long long)added, (unsigned long long)old,
               __atomic_compare_exchange_n(p, &expected, 100 + i, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST),
               (unsigned long long)__atomic_exchange_n(p, i * 3, __ATOMIC_ACQ_REL));
    }
    printf("failed %u %u\n", store_exclusive_elsewhere(&plain, &plain), store_exclusive_elsewhere(tag(&plain, 1), tag(&plain, 1)));
}

static int __attribute__((noinline)) twice(int n) { return 2 * n; }

static sigjmp_buf back;
static void *volatile fault_address;
static volatile int fault_code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    fault_address = info->si_addr;
    fault_code = info->si_code;
    siglongjmp(back, 1);
}

static void faults(void *gone)
{
    static const unsigned tags[] = {0, 0x12, 0xff};
    signal(SIGSEGV, SIG_DFL);
    sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, NULL);
    for (unsigned i = 0; i < 6; i++) {
        volatile int *p = tag((char *)gone + 16, tags[i / 2]);
        if (!sigsetjmp(back, 1)) {
            if (i & 1)
                *p = 1;
            else
                (void)*p;
        }
        printf("fault: code %d, address %s\n", fault_code, fault_address == (char *)gone + 16 ? "without tag" : "wrong");
    }
}

static void report(const char *what, long r) { printf("%s: %ld %s\n", what, r < 0 ? -1 : r, r < 0 ? strerror(errno) : ""); }

static void calls(void)
{
    int fd[2];
    char text[8] = "";
    report("pipe", pipe(fd));
    report("write", write(fd[1], tag("hello", 0x55), 5));
    report("get", prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    report("set bad", prctl(PR_SET_TAGGED_ADDR_CTRL, 1l << 40, 0, 0, 0));
    report("set", prctl(PR_SET_TAGGED_ADDR_CTRL, 1, 0, 0, 0));
    report("get", prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    report("write", write(fd[1], tag("hello", 0x55), 5));
    report("read", read(fd[0], tag(text, 0xaa), 5));
    printf("%s\n", text);
    report("access", access(tag("/", 7), F_OK));
    report("clear", prctl(PR_SET_TAGGED_ADDR_CTRL, 0, 0, 0, 0));
    report("write", write(fd[1], tag("hello", 0x55), 5));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    accesses(0);
    accesses(0x3c);
    accesses(0xff);
    accesses(0);
    atomics();
    int (*volatile f)(int) = (int (*)(int))tag((void *)(uintptr_t)twice, 0x42);
    printf("call %d %d\n", f(4), f(5));
    void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gone, 4096);
    faults(gone);
    calls();
    return 0;
}
