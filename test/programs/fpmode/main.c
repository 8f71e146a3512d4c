/* fpmode - FPCR written in a function: its caller and what is called by address obey it from then on. FPSR likewise. */
#include <stdint.h>
#include <stdio.h>

static __attribute__((noinline)) void set_fpcr(uint64_t v) { __asm__ volatile("msr fpcr, %0" : : "r"(v) : "memory"); }
/* Not moved by the compiler. */
static inline double times(double a, double b)
{
    double r;
    __asm__ volatile("fmul %d0, %d1, %d2" : "=w"(r) : "w"(a), "w"(b));
    return r;
}

static inline float narrow(double a)
{
    float r;
    __asm__ volatile("fcvt %s0, %d1" : "=w"(r) : "w"(a));
    return r;
}

static __attribute__((noinline)) double multiply(volatile double *a, volatile double *b) { return times(*a, *b); }

static uint64_t take_fpsr(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpsr\n msr fpsr, xzr" : "=r"(v) : : "memory");
    return v;
}

int main(void)
{
    volatile double tiny = 4e-310, two = 2, least = 0x1p-1022, below = 0x1.fffffffffffffp-1,
                    just_below = 0x1p-126 * (1 - 0x1p-30);
    double (*volatile by_address)(volatile double *, volatile double *) = multiply;
    take_fpsr();
    for (int i = 0; i < 6; i++) {
        set_fpcr(i & 1 ? 1 << 24 : 0); /* FZ */
        double here = times(tiny, two);
        uint64_t first = take_fpsr();
        double there = by_address(&tiny, &two);
        uint64_t second = take_fpsr();
        double direct = multiply(&tiny, &two);
        printf("%d: %a %llx %a %llx %a\n", i, here, (unsigned long long)first, there, (unsigned long long)second, direct);
    }
    /* A product just below the least normal number that is rounded up to it is tiny: Underflow. */
    static const struct {
        const char *name;
        uint64_t fpcr;
    } modes[] = {{"nearest", 0}, {"up", 1 << 22}, {"down", 2 << 22}, {"zero", 3 << 22}};
    for (int i = 0; i < 4; i++) {
        set_fpcr(modes[i].fpcr);
        take_fpsr();
        double plus = times(least, below);
        uint64_t first = take_fpsr();
        double minus = times(-least, below);
        uint64_t second = take_fpsr();
        double one = times(least, 1);
        uint64_t exact = take_fpsr();
        float single = narrow(just_below);
        uint64_t narrowed = take_fpsr();
        printf("%s: %a %llx %a %llx %a %llx %a %llx\n", modes[i].name, plus, (unsigned long long)first, minus,
               (unsigned long long)second, one, (unsigned long long)exact, single, (unsigned long long)narrowed);
    }
    return 0;
}
