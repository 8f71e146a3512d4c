/* types.h - scalar types and small macros that every folder uses. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A guest virtual address, zero-extended for 32-bit guests. With 64-bit guests it equals the host address. */
typedef uint64_t guest_addr;

#define ARRAY_SIZE(a)   (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, n) ((x) & ~((uint64_t)(n)-1))
#define ALIGN_UP(x, n)   ALIGN_DOWN((uint64_t)(x) + (uint64_t)(n)-1, n)
/* Each page of constants that hold addresses is written when a process starts, as the program is position-independent. So large
 * tables have their names in their rows, and which function belongs to a row is said by a switch. */

/* For variables that every fork or new block writes: they lie together, as each page that is written after a fork is copied. */
#define WRITTEN_OFTEN   __attribute__((section(".data")))
/* For tables of which most processes touch little: they lie behind the small variables, which so share few pages, as each page
 * that a process touches costs it microseconds. */
#define LARGE_TABLE     __attribute__((section(".bss.z_tables")))
/* For tables that every process touches: they lie between these, and host_start.S makes their pages. */
#define START_TABLE     __attribute__((section(".bss.x_start")))
/* For large ones that it touches some pages of: next to these, as each page table that a process needs costs it more than a page. */
#define PART_TABLE      __attribute__((section(".bss.y_part")))
/* For functions that every system call or every fork runs: they lie together, as a new process maps anew each 64 KiB of code
 * that it runs. */
#define RUN_OFTEN       __attribute__((hot))
/* For constants that every system call reads: among those that hold addresses, which a new process has mapped from the start. */
#define READ_OFTEN      __attribute__((section(".data.rel.ro.often")))
#define likely(x)       __builtin_expect(!!(x), 1)
#define unlikely(x)     __builtin_expect(!!(x), 0)

/* Where asserts are on, what must not be used any more is no pointer to anything, and as code of x86 it traps. */
static inline void poison(void *p, size_t size)
{
#ifndef NDEBUG
    if (size)
        memset(p, 0xcc, size);
#else
    (void)p, (void)size;
#endif
}

/* What a thread does between looks at what another is about to change. */
static inline void cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* A guest vector register, and any value of a vector or floating-point IR operation. */
union vec {
    uint8_t u8[16];
    uint16_t u16[8];
    uint32_t u32[4];
    uint64_t u64[2];
    int8_t s8[16];
    int16_t s16[8];
    int32_t s32[4];
    int64_t s64[2];
} __attribute__((aligned(16)));
