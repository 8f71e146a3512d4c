/* strings - the library's string functions, which use wide loads near page ends, against byte loops. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *edge; /* one byte past the last readable one */
static uint32_t state = 1;

static uint32_t draw(uint32_t n)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
}

static size_t plain_length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int main(void)
{
    uint8_t *map = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(map + 4 * 4096, 4096, PROT_NONE);
    edge = map + 4 * 4096;
    static uint8_t copy[9000], other[9000];
    uint32_t bad = 0, sum = 0;
    for (int round = 0; round < 20000; round++) {
        size_t n = draw(round % 50 ? 80 : 4000);
        uint8_t *p = edge - n - draw(3) * draw(40);
        uint8_t *q = copy + draw(32);
        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)(1 + draw(4));
        memset(copy, 0xaa, n + 80);
        memcpy(q, p, n);
        for (size_t i = 0; i < n; i++)
            bad += q[i] != p[i];
        bad += q[n] != 0xaa;
        bad += memcmp(p, q, n) != 0;
        if (n) {
            size_t at = draw(n);
            uint8_t c = (uint8_t)(1 + draw(5));
            uint8_t *found = memchr(p, c, n), *last = memrchr(p, c, n);
            size_t i = 0, j = n;
            while (i < n && p[i] != c)
                i++;
            while (j && p[j - 1] != c)
                j--;
            bad += found != (i < n ? p + i : NULL) || last != (j ? p + j - 1 : NULL);
            q[at] ^= 0x80;
            bad += memcmp(p, q, n) >= 0;
            uint8_t old = edge[-1];
            edge[-1] = 0;
            const char *s = (const char *)p;
            size_t length = plain_length(s);
            bad += strlen(s) != length || strnlen(s, n) > n;
            strcpy((char *)other, s);
            bad += strcmp((char *)other, s) != 0 || strncmp((char *)other, s, n) != 0;
            char *first = strchr(s, c), *back = strrchr(s, c);
            bad += first && *first != c || back && *back != c;
            sum += (uint32_t)(length + (first ? first - s : 7) + (back ? back - s : 9));
            char *in = strstr(s, "\1\2\3");
            sum += in ? (uint32_t)(in - s) : 1;
            sum += (uint32_t)strspn(s, "\1\2") + (uint32_t)strcspn(s, "\4");
            edge[-1] = old;
        }
        size_t from = draw(60), to = draw(60);
        for (size_t i = 0; i < 200; i++)
            other[i] = copy[i] = (uint8_t)(i * 7 + round);
        memmove(copy + to, copy + from, 100);
        for (size_t i = 0; i < 100; i++)
            bad += copy[to + i] != other[from + i];
        memset(copy + from, round, to);
        for (size_t i = 0; i < to; i++)
            bad += copy[from + i] != (uint8_t)round;
    }
    printf("bad %u sum %u\n", bad, sum);
    return 0;
}
