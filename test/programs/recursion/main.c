/* recursion - deep and irregular calls: the stack grows, returns are predicted wrongly, results must not change. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned ackermann(unsigned m, unsigned n)
{
    return !m ? n + 1 : !n ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

__attribute__((noinline)) static uint64_t depth(uint64_t n, uint64_t *trail)
{
    uint64_t here[4] = { n, (uintptr_t)trail, n * 3, 1 };
    return n ? depth(n - 1, here) + here[2] % 7 : trail[0];
}

static uint64_t (*table[8])(uint64_t);
static uint64_t calls;

#define FUNCTION(k) \
    __attribute__((noinline)) static uint64_t function##k(uint64_t x) \
    { \
        calls++; \
        return x < 8 ? x + k : table[(x * 7 + k) & 7](x / 2) + table[(x + k) & 7](x / 3); \
    }
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5) FUNCTION(6) FUNCTION(7)

int main(void)
{
    table[0] = function0, table[1] = function1, table[2] = function2, table[3] = function3;
    table[4] = function4, table[5] = function5, table[6] = function6, table[7] = function7;
    uint64_t zero[4] = { 0 };
    printf("ackermann %u %u\n", ackermann(2, 9), ackermann(3, 7));
    printf("depth %lu\n", depth(100000, zero));
    uint64_t sum = table[3](3000000);
    printf("indirect %lu %lu\n", sum, calls);
    return 0;
}
