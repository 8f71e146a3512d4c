/* random.c - random numbers that the guest gets to see. */
#include "core/random.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static bool seeded;
static _Atomic uint64_t state;

void random_seed(uint64_t seed)
{
    seeded = true;
    atomic_store(&state, seed);
}

/* SplitMix64 (Steele, Lea, Flood): good enough for addresses and reproducible runs. */
static uint64_t next_number(void)
{
    const uint64_t step = 0x9e3779b97f4a7c15;
    uint64_t z = atomic_fetch_add(&state, step) + step;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

bool random_bytes(void *dst, size_t n)
{
    if (!seeded) {
        if (getrandom(dst, n, GRND_NONBLOCK) == (ssize_t)n)
            return true;
        struct timespec now; /* addresses, the process and the time are all there is */
        clock_gettime(CLOCK_MONOTONIC, &now);
        atomic_fetch_add(&state, (uintptr_t)dst ^ (uint64_t)getpid() << 32 ^ (uint64_t)now.tv_nsec);
    }
    for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
        uint64_t z = next_number();
        memcpy((char *)dst + at, &z, n - at < sizeof z ? n - at : sizeof z);
    }
    return seeded;
}
