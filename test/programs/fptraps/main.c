/* fptraps - invalid floating-point operations, few and many: NaNs and FPSR are exact, in loops, threads, children, and whatever
 * the program does with SIGFPE and SIGTRAP. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct { uint64_t d[2]; } vec;
enum { N_VALUES = 12 };

static const uint64_t doubles[N_VALUES] = {
    0, 1ull << 63, 0x3ff0000000000000, 0xc000000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000123,
    0xfff8000000000456, 0x7ff4000000000789, 0xfff4000000000abc, 0x7fefffffffffffff, 0x0010000000000000};
static const uint32_t singles[N_VALUES] = {0, 1u << 31, 0x3f800000, 0xc0000000, 0x7f800000, 0xff800000, 0x7fc00123,
                                           0xffc00456, 0x7fa00789, 0xffa00abc, 0x7f7fffff, 0x00800000};

static uint64_t take_fpsr(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpsr\n msr fpsr, xzr" : "=r"(v) : : "memory");
    return v;
}

static void set_fpcr(uint64_t v) { __asm__ volatile("msr fpcr, %0" : : "r"(v) : "memory"); }

/* FNV, so that a loop's results are one line. */
static void mix(uint64_t *sum, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        *sum = (*sum ^ (v >> 8 * i & 255)) * 0x100000001b3;
}

#define OP(name, text)                                                                                                 \
    static vec name(vec a, vec b)                                                                                      \
    {                                                                                                                  \
        vec r;                                                                                                         \
        __asm__ volatile("ldr q0, [%1]\n ldr q1, [%2]\n movi v2.2d, #0\n" text "\n str q2, [%0]"                          \
                         : : "r"(&r), "r"(&a), "r"(&b) : "v0", "v1", "v2", "x9", "cc", "memory");                     \
        return r;                                                                                                      \
    }
OP(add_d, "fadd d2, d0, d1") OP(sub_d, "fsub d2, d0, d1") OP(mul_d, "fmul d2, d0, d1") OP(div_d, "fdiv d2, d0, d1")
OP(sqrt_d, "fsqrt d2, d0") OP(abd_d, "fabd d2, d0, d1") OP(madd_d, "fmov d2, d1\n fmadd d2, d0, d1, d2")
OP(msub_d, "fmsub d2, d0, d1, d0") OP(narrow, "fcvt s2, d0") OP(widen, "fcvt d2, s0") OP(round_d, "frintz d2, d0")
OP(max_d, "fmax d2, d0, d1") OP(int_d, "fcvtzs x9, d0\n fmov d2, x9") OP(uint_d, "fcvtau w9, d0\n fmov s2, w9")
OP(compare, "fcmpe d0, d1\n mrs x9, nzcv\n fmov d2, x9") OP(compare_quiet, "fcmp d0, d1\n mrs x9, nzcv\n fmov d2, x9")
OP(chain, "fadd d2, d0, d1\n fsub d2, d2, d0\n fadd d2, d1, d2\n fdiv d2, d2, d0")
OP(add_s, "fadd s2, s0, s1") OP(div_s, "fdiv s2, s0, s1") OP(sqrt_s, "fsqrt s2, s0") OP(sub_2s, "fsub v2.2s, v0.2s, v1.2s")
OP(add_2d, "fadd v2.2d, v0.2d, v1.2d") OP(div_2d, "fdiv v2.2d, v0.2d, v1.2d") OP(add_4s, "fadd v2.4s, v0.4s, v1.4s")
OP(div_4s, "fdiv v2.4s, v0.4s, v1.4s") OP(sqrt_4s, "fsqrt v2.4s, v0.4s") OP(addp_4s, "faddp v2.4s, v0.4s, v1.4s")
OP(abd_4s, "fabd v2.4s, v0.4s, v1.4s") OP(cmgt_4s, "fcmgt v2.4s, v0.4s, v1.4s") OP(widen_2d, "fcvtl v2.2d, v0.2s")
OP(rint_2d, "frintx v2.2d, v0.2d") OP(mla_2d, "mov v2.16b, v1.16b\n fmla v2.2d, v0.2d, v1.2d")

static const struct { const char *name; vec (*fn)(vec, vec); int single; } ops[] = {
    {"add_d", add_d}, {"sub_d", sub_d}, {"mul_d", mul_d}, {"div_d", div_d}, {"sqrt_d", sqrt_d}, {"abd_d", abd_d},
    {"madd_d", madd_d}, {"msub_d", msub_d}, {"narrow", narrow}, {"widen", widen, 1}, {"round_d", round_d}, {"max_d", max_d},
    {"int_d", int_d}, {"uint_d", uint_d}, {"compare", compare}, {"compare_quiet", compare_quiet}, {"chain", chain},
    {"add_s", add_s, 1}, {"div_s", div_s, 1}, {"sqrt_s", sqrt_s, 1}, {"sub_2s", sub_2s, 1}, {"add_2d", add_2d},
    {"div_2d", div_2d}, {"add_4s", add_4s, 1}, {"div_4s", div_4s, 1}, {"sqrt_4s", sqrt_4s, 1}, {"addp_4s", addp_4s, 1},
    {"abd_4s", abd_4s, 1}, {"cmgt_4s", cmgt_4s, 1}, {"widen_2d", widen_2d, 1}, {"rint_2d", rint_2d}, {"mla_2d", mla_2d}};
enum { N_OPS = sizeof ops / sizeof *ops };

static vec value(int i, int single)
{
    vec v;
    uint32_t s[4];
    for (int k = 0; k < 4; k++)
        s[k] = singles[(i + 5 * k) % N_VALUES];
    memcpy(&v, s, sizeof v);
    return single ? v : (vec){{doubles[i], doubles[(i + 5) % N_VALUES]}};
}

/* All pairs of values: results and flags. */
static uint64_t sum_of(int op)
{
    uint64_t sum = 0xcbf29ce484222325;
    for (int i = 0; i < N_VALUES; i++)
        for (int j = 0; j < N_VALUES; j++) {
            vec r = ops[op].fn(value(i, ops[op].single), value(j, ops[op].single));
            mix(&sum, r.d[0]);
            mix(&sum, r.d[1]);
            mix(&sum, take_fpsr());
        }
    return sum;
}

static uint64_t sum_of_all(void)
{
    uint64_t sum = 0;
    for (int op = 0; op < N_OPS; op++)
        mix(&sum, sum_of(op));
    return sum;
}

static void *thread_main(void *arg)
{
    *(uint64_t *)arg = sum_of_all();
    return NULL;
}

static volatile int caught[65], errors;
static void on_signal(int sig)
{
    caught[sig]++;
    if (add_d(value(4, 0), value(5, 0)).d[0] != 0x7ff8000000000000)
        errors++;
}

int main(void)
{
    uint64_t sums[3];
    /* A few first: these are before the program has shown that it makes many. */
    take_fpsr();
    for (int op = 0; op < N_OPS; op++) {
        vec r = ops[op].fn(value(5, ops[op].single), value(4, ops[op].single));
        printf("%s: %016llx%016llx", ops[op].name, (unsigned long long)r.d[1], (unsigned long long)r.d[0]);
        printf(" %llx", (unsigned long long)take_fpsr());
        r = ops[op].fn(value(7, ops[op].single), value(8, ops[op].single));
        printf(" %016llx%016llx %llx\n", (unsigned long long)r.d[1], (unsigned long long)r.d[0], (unsigned long long)take_fpsr());
    }
    /* SIGFPE and SIGTRAP blocked, ignored, caught: that is about those that are sent. */
    sigset_t set, old;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGFPE, on_signal);
    signal(SIGTRAP, on_signal);
    raise(SIGFPE);
    raise(SIGTRAP);
    printf("blocked: %016llx %d %d\n", (unsigned long long)sub_d(value(4, 0), value(4, 0)).d[0], caught[SIGFPE], caught[SIGTRAP]);
    printf("round: %016llx\n", (unsigned long long)round_d(value(8, 0), value(4, 0)).d[0]);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("caught: %d %d, errors %d\n", caught[SIGFPE], caught[SIGTRAP], errors);
    signal(SIGFPE, SIG_IGN);
    signal(SIGTRAP, SIG_IGN);
    printf("ignored: %016llx\n", (unsigned long long)div_d(value(0, 0), value(0, 0)).d[0]);
    /* A child, before and after. */
    fflush(stdout);
    take_fpsr();
    if (!fork())
        _exit(sqrt_d(value(3, 0), value(3, 0)).d[0] == 0x7ff8000000000000 && take_fpsr() == 1);
    int status = 0;
    wait(&status);
    printf("child: %d\n", WEXITSTATUS(status));
    /* Default NaNs, and back. */
    set_fpcr(1 << 25);
    printf("DN: %016llx", (unsigned long long)add_d(value(7, 0), value(8, 0)).d[0]);
    set_fpcr(0);
    printf(" %016llx\n", (unsigned long long)add_d(value(7, 0), value(8, 0)).d[0]);
    take_fpsr();
    /* Many, in the modes of rounding. */
    for (int op = 0; op < N_OPS; op++)
        printf("%s: %016llx\n", ops[op].name, (unsigned long long)sum_of(op));
    for (uint64_t mode = 0; mode < 4; mode++) {
        set_fpcr(mode << 22);
        printf("mode %d: %016llx\n", (int)mode, (unsigned long long)sum_of_all());
    }
    set_fpcr(0);
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, thread_main, &sums[i]);
    sums[2] = sum_of_all();
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    printf("threads: %d\n", sums[0] == sums[2] && sums[1] == sums[2]);
    return 0;
}
