/* demo.c - a program without any library: says what machine it is on and times a computation. Built for both machines. */
#include <stddef.h>
#include <stdint.h>

#if defined(__aarch64__)
enum { NR_WRITE = 64, NR_EXIT = 93, NR_UNAME = 160, NR_CLOCK = 113 };
#define ARCHITECTURE "AArch64"

static long call(long nr, long a, long b, long c)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
__asm__(".global _start\n_start:\n mov x29, #0\n bl demo\n");
#elif defined(__x86_64__)
enum { NR_WRITE = 1, NR_EXIT = 60, NR_UNAME = 63, NR_CLOCK = 228 };
#define ARCHITECTURE "x86-64"

static long call(long nr, long a, long b, long c)
{
    __asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return nr;
}
__asm__(".global _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call demo\n");
#endif

enum { CLOCK_MONOTONIC = 1, MILLION = 1000000, LIMIT = 5000000 };

static char line[512];
static size_t used;

static void text(const char *s)
{
    while (*s)
        line[used++] = *s++;
}

static void number(uint64_t n)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    while (at < sizeof digits)
        line[used++] = digits[at++];
}

static void end_line(void)
{
    line[used++] = '\n';
    call(NR_WRITE, 1, (long)line, (long)used);
    used = 0;
}

static uint64_t microseconds(void)
{
    int64_t time[2];
    call(NR_CLOCK, CLOCK_MONOTONIC, (long)time, 0);
    return (uint64_t)time[0] * MILLION + (uint64_t)time[1] / 1000;
}

static unsigned __attribute__((noinline)) fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static unsigned primes(void)
{
    static uint8_t composite[LIMIT];
    unsigned n = 0;
    for (unsigned i = 2; i < LIMIT; i++) {
        if (composite[i])
            continue;
        n++;
        for (unsigned k = i; k < LIMIT; k += i)
            composite[k] = 1;
    }
    return n;
}

void __attribute__((used)) demo(void)
{
    static char uts[6][65]; /* as uname(2) fills it */
    call(NR_UNAME, (long)uts, 0, 0);
    text("Hello, I am an " ARCHITECTURE " program.");
    end_line();
    for (unsigned i = 0; i < 5; i++) {
        text(uts[i]);
        text(" ");
    }
    text("GNU/Linux");
    end_line();
    uint64_t start = microseconds();
    unsigned f = fib(35), p = primes();
    uint64_t end = microseconds();
    text("fib(35) = ");
    number(f);
    text(", primes below 5000000: ");
    number(p);
    text(", microseconds: ");
    number(end - start);
    end_line();
    call(NR_EXIT, 0, 0, 0);
}
