/* patching.c - a program of many blocks that makes one of its own pages writable and executable again and again, as programs that
 * patch themselves do. With an argument it leaves it alone. */
#include <stdio.h>
#include <sys/mman.h>

#define FEW(n)  F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7) F(n##8) F(n##9)
#define SOME(n) FEW(n##0) FEW(n##1) FEW(n##2) FEW(n##3) FEW(n##4) FEW(n##5) FEW(n##6) FEW(n##7) FEW(n##8) FEW(n##9)
#define MANY    SOME(1) SOME(2) SOME(3) SOME(4) SOME(5) SOME(6) SOME(7) SOME(8) SOME(9)

static volatile unsigned sum;
#define F(n) static __attribute__((noipa)) void f##n(unsigned x) { if (x & 1) sum += n; if (x & 2) sum ^= n; if (x & 4) sum *= n; }
MANY
#undef F

static __attribute__((noipa, aligned(8192))) unsigned patched(void) { return sum + 1; }
static __attribute__((noipa, aligned(8192))) void all(unsigned x)
{
#define F(n) f##n(x);
    MANY
}

int main(int argc, char **argv)
{
    for (unsigned x = 0; x < 8; x++)
        all(x);
    for (unsigned i = 0; i < 2000; i++) {
        if (argc == 1) {
            mprotect((void *)patched, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
            mprotect((void *)patched, 4096, PROT_READ | PROT_EXEC);
        }
        sum = patched();
    }
    printf("%u\n", sum);
    return 0;
}
