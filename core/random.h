/* random.h - random numbers that the guest gets to see: AT_RANDOM, addresses, keys, random-number instructions. */
#pragma once
#include "core/types.h"

/* From now on numbers follow from SEED (-seed), for runs that can be repeated. Before threads start. */
void random_seed(uint64_t seed);

/* Fill N bytes, at most 256, from the kernel's generator. False: that has no entropy yet, very early in boot, and the
 * numbers are weak. Never waits. Safe in several threads. */
bool random_bytes(void *dst, size_t n);
