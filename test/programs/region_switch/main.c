/* Hot loops around a switch, whose ways become part of their region: ways not gone before, faults in one of them, signals, and
 * jumps that go round without a branch backward. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline, noclone))
enum { ROUNDS = 30000 };

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x100000001b3u; }

enum { ADD, XOR, SHIFT, STORE, LOAD, DOUBLE, CALL, SWAP, DOWN, END };
static uint64_t cell[4];

NOINLINE static uint64_t helper(uint64_t a)
{
    __asm__ volatile("");
    return a * 9 + 4;
}

/* The flags say that nine ways are enough for a table of offsets. */
NOINLINE static uint64_t run(const uint8_t *code, uint64_t a, uint64_t *memory)
{
    uint64_t b = 1, c = 2;
    for (;; code++) {
        switch (*code) {
        case ADD: a += b; break;
        case XOR: b ^= a >> 3; break;
        case SHIFT: c = a << (b & 7); break;
        case STORE: memory[b & 3] = c; break;
        case LOAD: a ^= memory[c & 3]; break;
        case DOUBLE: b += b + 1; break;
        case CALL: c += helper(a); break;
        case SWAP: { uint64_t t = a; a = c; c = t; } break;
        case DOWN: a--; break;
        default: return mix(mix(a, b), c);
        }
    }
}

/* Ways are added one by one while the loop is hot. */
static void programs(void)
{
    static uint8_t code[64];
    uint64_t sum = 0;
    for (unsigned ways = 2; ways <= DOWN + 1; ways++)
        for (unsigned i = 0; i < ROUNDS / 8; i++) {
            for (unsigned k = 0; k < sizeof code - 1; k++)
                code[k] = (uint8_t)((i * 7 + k * k * 5 + k) % ways);
            code[sizeof code - 1] = END;
            sum = mix(sum, run(code, i, cell));
        }
    printf("programs %016llx\n", (unsigned long long)sum);
}

static volatile uint64_t seen;
static volatile unsigned faults;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    static const uint8_t regs[] = {0, 3, 5, 6};
    for (unsigned i = 0; i < sizeof regs; i++)
        seen = mix(seen, uc->uc_mcontext.regs[regs[i]]);
    seen = mix(seen, (uintptr_t)info->si_addr & 4095);
    faults++;
    uc->uc_mcontext.pc += 4;
}

/* x0 = rounds, x1 = words, x2 = flag. Three ways of 32 bytes. The second one jumps to the third, and that to itself until the flag
 * is set. It stands far from the other switch, so that no region takes the two for one. */
uint64_t ways(uint64_t rounds, const uint64_t *words, volatile uint32_t *flag);
__asm__(".text\n    .skip 8192\n"
        "ways:\n    mov x3, #0\n    mov x5, #0\n    mov x6, #0\n    mov x9, #64\n"
        "1:  and x7, x0, #1\n    adr x4, 3f\n    add x4, x4, x7, lsl #5\n    br x4\n"
        "    .balign 32\n"
        "3:  ldr x7, [x1, x5, lsl #3]\n    add x3, x3, x7\n    add x5, x5, #1\n    and x5, x5, #15\n    b 2f\n"
        "    .balign 32\n"
        "    add x6, x6, #3\n    adr x4, 3b\n    add x4, x4, x9\n    br x4\n"
        "    .balign 32\n"
        "    ldr w7, [x2]\n    cbnz w7, 2f\n    adr x4, 3b\n    add x4, x4, x9\n    br x4\n"
        "2:  subs x0, x0, #1\n    b.ne 1b\n"
        "    eor x0, x3, x6\n    ret\n    .skip 8192\n");

static void broken_words(void)
{
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *words = (uint64_t *)(void *)(page + 4096 - 15 * 8);
    uint32_t flag = 1;
    for (unsigned i = 0; i < 15; i++)
        words[i] = i * i + 1;
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    ways(ROUNDS, words, &flag); /* hot before the first fault */
    mprotect(page + 4096, 4096, PROT_NONE);
    uint64_t sum = ways(640, words, &flag);
    printf("faults %u %llx %016llx\n", faults, (unsigned long long)sum, (unsigned long long)seen);
}

static volatile uint32_t ticked;

static void on_tick(int sig)
{
    (void)sig;
    ticked = 1;
}

/* Only the signal ends the way that jumps to itself. */
static void spinning(void)
{
    uint64_t words[16] = {1, 2, 3};
    struct itimerval timer = {.it_value.tv_usec = 30000};
    signal(SIGALRM, on_tick);
    ticked = 1;
    ways(ROUNDS, words, &ticked);
    for (unsigned i = 0; i < 3; i++) {
        ticked = 0;
        setitimer(ITIMER_REAL, &timer, NULL);
        printf("ticks %llx\n", (unsigned long long)ways(100, words, &ticked));
    }
}

/* The ways of the switch leave the loop: its region is without them, and the same however often they were taken. */
static __attribute__((noinline)) unsigned leave(unsigned n, unsigned way, unsigned rounds)
{
    for (unsigned i = 0;; i++) {
        n = n * 33 + i;
        if (i < rounds)
            continue;
        switch (way) {
        case 0: return n + 1;
        case 1: return n ^ 0x5555;
        case 2: return n * 7;
        case 3: return n >> 3;
        case 4: return ~n;
        case 5: return n - 99;
        case 6: return n << 5 | n >> 27;
        case 7: return n * n;
        case 8: return n / 3;
        case 9: return n % 1000;
        case 10: return n & 0xff00ff;
        case 11: return -n;
        case 12: return n | 0x8001;
        case 13: return n * 5 ^ 9;
        }
    }
}

static void leaving(void)
{
    unsigned n = 1;
    for (unsigned i = 0; i < 70; i++)
        n = leave(n, i % 14, i < 56 ? 9 : ROUNDS);
    printf("leaving %08x\n", n);
}

int main(void)
{
    programs();
    leaving();
    broken_words();
    spinning();
    return 0;
}
