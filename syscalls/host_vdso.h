/* host_vdso.h - functions of the host's vDSO. */
#pragma once
#include <sys/time.h>
#include <time.h>

/* Null where the kernel has none, or has turned its vDSO off. They return -errno. */
struct host_vdso {
    int (*clock_gettime)(clockid_t clock, struct timespec *now);
    int (*gettimeofday)(struct timeval *now, void *zone);
};
extern struct host_vdso host_vdso;

/* Find them. Before the first guest instruction. */
void host_vdso_init(void);
