/* hash.c - a fast 64-bit hash: two lanes of rotate and multiply over products of the input words. */
#include "core/hash.h"

#include <string.h>

#define K0 0x9e3779b97f4a7c15u
#define K1 0xd6e8feb86659fd93u
#define K2 0xa0761d6478bd642fu

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The product is outside of the chain from step to step, which is an exclusive or, a rotation and a multiplication. */
static uint64_t step(uint64_t lane, const uint8_t *p)
{
    uint64_t word[2];
    memcpy(word, p, sizeof word);
    lane ^= fold(word[0] ^ K0, word[1] ^ K1);
    return (lane << 29 | lane >> 35) * K2;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    const uint8_t *at = p;
    uint64_t a = seed ^ K1, b = (seed + n) * K0;
    size_t left = n;
    for (; left >= 32; left -= 32, at += 32) {
        a = step(a, at);
        b = step(b, at + 16);
    }
    uint8_t rest[32] = {0};
    if (left)
        memcpy(rest, at, left);
    a = step(a, rest);
    b = step(b, rest + 16);
    return fold(a ^ K2, b ^ n) ^ fold(b ^ K0, a + K1);
}
