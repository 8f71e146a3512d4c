/* host_vdso.h - functions of the host's vDSO. */
#pragma once
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>

/* Null where the kernel has none, or has turned its vDSO off. They return -errno. */
struct host_vdso {
    int (*clock_gettime)(clockid_t clock, struct timespec *now);
    int (*gettimeofday)(struct timeval *now, void *zone);
    /* With STATE_SIZE ~0 and nothing else: says in a struct random_params at STATE what a state is. */
    ssize_t (*getrandom)(void *buf, size_t size, unsigned flags, void *state, size_t state_size);
};

/* The kernel's struct vgetrandom_opaque_params: bytes of a state, and how to map memory for states. */
struct random_params {
    uint32_t state_size, mmap_prot, mmap_flags, reserved[13];
};

/* Found when they are first needed, since most processes read no clock. */
const struct host_vdso *host_vdso(void);
