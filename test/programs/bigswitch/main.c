/* bigswitch - a switch of 1,024 cases, half through a jump table, half scattered: indirect branches with many targets. */
#include <stdint.h>
#include <stdio.h>

#define FOUR(m, n) m(n) m(n + 1) m(n + 2) m(n + 3)
#define SIXTEEN(m, n) FOUR(m, n) FOUR(m, n + 4) FOUR(m, n + 8) FOUR(m, n + 12)
#define SIXTY(m, n) SIXTEEN(m, n) SIXTEEN(m, n + 16) SIXTEEN(m, n + 32) SIXTEEN(m, n + 48)
#define ALL(m) SIXTY(m, 0) SIXTY(m, 64) SIXTY(m, 128) SIXTY(m, 192) SIXTY(m, 256) SIXTY(m, 320) SIXTY(m, 384) SIXTY(m, 448)
#define DENSE(n) case n: x = (x ^ (n) * 2654435761u) + (x >> ((n) % 13 + 3)); break;
#define SPARSE(n) case 100000 + (n) * 977: x += (n) ^ x << ((n) % 5); break;

int main(void)
{
    uint32_t x = 1, other = 0;
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t key = i * 40503u >> 3;
        switch (i & 1 ? key % 520 : 100000 + key % 520 * 977) {
        ALL(DENSE)
        ALL(SPARSE)
        default: other++; x = x * 3 + 1;
        }
    }
    printf("%u %u\n", x, other);
    return 0;
}
