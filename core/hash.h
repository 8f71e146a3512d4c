/* hash.h - a fast 64-bit hash: tells contents apart, is no defence against forgery. */
#pragma once
#include "core/types.h"

/* Hash of N bytes at P. Different SEEDs give independent hashes. Depends on nothing but the bytes, their number and the
 * seed, so it may be stored. */
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
