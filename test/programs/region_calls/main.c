/* Hot loops whose calls become part of their region: returns that go elsewhere, ways out of the middle of a function, faults,
 * signals and jumps through pointers that change must be as if each call were one. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline, noclone))
enum { ROUNDS = 20000 };

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * 0x100000001b3u; }

/* A leaf returns by a register that nobody changed, its caller by one that came back from the stack. */
NOINLINE static uint64_t leaf(uint64_t a)
{
    __asm__ volatile("");
    return a * 5 + 1;
}

NOINLINE static uint64_t middle(uint64_t a)
{
    uint64_t b = leaf(a);
    __asm__ volatile("" : "+r"(b));
    return b ^ a;
}

NOINLINE static uint64_t outer(uint64_t a)
{
    uint64_t b = middle(a) + 3;
    __asm__ volatile("" : "+r"(b));
    return b + middle(b);
}

static void nested(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        sum = mix(sum, outer(i));
    printf("nested %016llx\n", (unsigned long long)sum);
}

/* Once in a while the function goes on where it has not been before, calls from there, and comes back. */
NOINLINE static uint64_t seldom(uint64_t a, uint64_t every)
{
    if (a % every == every - 1)
        return outer(a) + leaf(every);
    return a ^ 7;
}

static void rare_ways(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        sum = mix(sum, middle(seldom(i, i < ROUNDS / 2 ? 100000 : 37)));
    printf("rare ways %016llx\n", (unsigned long long)sum);
}

/* Functions that return to other places than they were called from: by the register, and by the stack. */
__asm__(".text\n"
        "elsewhere:\n" /* x0 = round, x1 = period; every so often it returns behind the next instruction */
        "    udiv x2, x0, x1\n    msub x2, x2, x1, x0\n    cbnz x2, 1f\n    add x30, x30, #4\n1:  ret\n"
        "by_stack:\n"
        "    stp x29, x30, [sp, #-16]!\n    udiv x2, x0, x1\n    msub x2, x2, x1, x0\n    cbnz x2, 1f\n"
        "    ldr x2, [sp, #8]\n    add x2, x2, #4\n    str x2, [sp, #8]\n1:  ldp x29, x30, [sp], #16\n    ret\n"
        "odd_loop:\n" /* x0 = rounds, x1 = period, x2 = function's number */
        "    stp x29, x30, [sp, #-48]!\n    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    mov x19, x0\n    mov x20, x1\n    mov x21, #0\n    mov x22, x2\n"
        "2:  mov x0, x19\n    mov x1, x20\n    cbnz x22, 3f\n"
        "    bl elsewhere\n    add x21, x21, #1\n    add x21, x21, #0x100\n    b 4f\n"
        "3:  bl by_stack\n    add x21, x21, #1\n    add x21, x21, #0x100\n"
        "4:  subs x19, x19, #1\n    b.ne 2b\n"
        "    mov x0, x21\n    ldp x21, x22, [sp, #32]\n    ldp x19, x20, [sp, #16]\n    ldp x29, x30, [sp], #48\n    ret\n"
        /* The flags pass through a call and a return. */
        "keeps_flags:\n    stp x29, x30, [sp, #-16]!\n    mov x29, sp\n    ldp x29, x30, [sp], #16\n    ret\n"
        "flags_loop:\n"
        "    stp x29, x30, [sp, #-32]!\n    stp x19, x20, [sp, #16]\n    mov x19, x0\n    mov x20, #0\n"
        "1:  ands x0, x19, #3\n    bl keeps_flags\n    cinc x20, x20, eq\n    cmp x19, #1000\n    bl keeps_flags\n"
        "    cinc x20, x20, hi\n    bl sets_flags\n    adc x20, x20, xzr\n    sub x19, x19, #1\n    cbnz x19, 1b\n"
        "    mov x0, x20\n    ldp x19, x20, [sp, #16]\n    ldp x29, x30, [sp], #32\n    ret\n"
        "sets_flags:\n    adds x0, x19, x19, lsl #50\n    ret\n"
        /* A jump through a pointer, as from a procedure linkage table. */
        "through:\n    adrp x16, pointer\n    ldr x17, [x16, #:lo12:pointer]\n    br x17\n");
uint64_t odd_loop(uint64_t rounds, uint64_t period, uint64_t which), flags_loop(uint64_t rounds), through(uint64_t a);
uint64_t (*pointer)(uint64_t a) = leaf;

static void odd_returns(void)
{
    for (unsigned which = 0; which < 2; which++) {
        uint64_t never = odd_loop(ROUNDS, 1000000, which);
        printf("odd returns %llx %llx %llx\n", (unsigned long long)never, (unsigned long long)odd_loop(ROUNDS, 3, which),
               (unsigned long long)odd_loop(ROUNDS, 1, which));
    }
    printf("flags %llu\n", (unsigned long long)flags_loop(ROUNDS));
}

static void pointers(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        pointer = i < ROUNDS / 2 ? leaf : i & 64 ? middle : outer;
        sum = mix(sum, through(i));
    }
    printf("pointers %016llx\n", (unsigned long long)sum);
}

/* Out of the middle of a function by longjmp, and by a fault whose handler looks at the registers. */
static jmp_buf point;

NOINLINE static uint64_t jumps(uint64_t a)
{
    uint64_t b = leaf(a);
    if (b % 1024 == 1)
        longjmp(point, 1);
    return b;
}

static void leaps(void)
{
    volatile uint64_t sum = 0;
    volatile unsigned i = 0, caught = 0;
    if (setjmp(point))
        caught++, i++;
    for (; i < ROUNDS; i++)
        sum = mix(sum, jumps(i));
    printf("leaps %u %016llx\n", caught, (unsigned long long)sum);
}

static volatile uint64_t seen;
static volatile unsigned faults;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    seen = mix(seen, (uintptr_t)info->si_addr);
    seen = mix(seen, uc->uc_mcontext.regs[9] + uc->uc_mcontext.regs[10]);
    seen = mix(seen, uc->uc_mcontext.regs[30] - (uintptr_t)odd_loop);
    faults++;
    uc->uc_mcontext.pc += 4;
}

uint64_t fault_loop(uint64_t rounds, uint64_t *good);
__asm__(".text\n"
        "touch:\n    add x9, x9, #1\n    ldr x10, [x0]\n    add x10, x10, x9\n    ret\n"
        "fault_loop:\n"
        "    stp x29, x30, [sp, #-48]!\n    stp x19, x20, [sp, #16]\n    str x21, [sp, #32]\n"
        "    mov x19, x0\n    mov x20, x1\n    mov x9, #0\n    mov x10, #0\n    mov x21, #0\n"
        "1:  mov x0, x20\n    tst x19, #511\n    mov x11, #8\n    csel x0, x11, x0, eq\n    bl touch\n"
        "    add x21, x21, x10\n    subs x19, x19, #1\n    b.ne 1b\n"
        "    mov x0, x21\n    ldr x21, [sp, #32]\n    ldp x19, x20, [sp, #16]\n    ldp x29, x30, [sp], #48\n    ret\n");

static void touching(void)
{
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    uint64_t good = 12345;
    sigaction(SIGSEGV, &a, NULL);
    uint64_t sum = fault_loop(ROUNDS, &good);
    printf("faults %u %016llx %016llx\n", faults, (unsigned long long)sum, (unsigned long long)seen);
}

/* Signals that come at any time. */
static volatile unsigned ticks;

static void on_tick(int sig)
{
    (void)sig;
    ticks++;
}

static void ticking(void)
{
    struct sigaction a = {.sa_handler = on_tick};
    struct itimerval every = {{0, 500}, {0, 500}}, off = {0};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    uint64_t first = 0, sum;
    bool same = true;
    for (unsigned round = 0; round < 30 || ticks < 20; round++) {
        sum = 0;
        for (unsigned i = 0; i < ROUNDS; i++)
            sum = mix(sum, outer(i));
        same &= round == 0 || sum == first;
        first = sum;
    }
    setitimer(ITIMER_REAL, &off, NULL);
    printf("ticks %d %016llx\n", same, (unsigned long long)sum);
}

/* Deep recursion below such loops, so that the host's return stack is used up, and back. */
NOINLINE static uint64_t deep(unsigned n)
{
    uint64_t sum = n;
    for (unsigned i = 0; i < 3; i++)
        sum = mix(sum, middle(i));
    return n ? sum + deep(n - 1) : sum;
}

int main(void)
{
    nested();
    rare_ways();
    odd_returns();
    pointers();
    leaps();
    touching();
    ticking();
    printf("deep %016llx\n", (unsigned long long)deep(30000));
    return 0;
}
