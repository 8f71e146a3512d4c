/* jit - code made at run time: written, synchronised with IC IVAU, rewritten in place, remapped, in two views of a page. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t function(uint64_t);

static uint32_t movz(unsigned rd, unsigned value)
{
    return 0xd2800000 | value << 5 | rd;
}

static void put(uint32_t *code, unsigned add)
{
    code[0] = 0x91000000 | add << 10;  /* add x0, x0, #add */
    code[1] = 0xd65f03c0;              /* ret */
    __builtin___clear_cache((char *)code, (char *)(code + 2));
}

int main(void)
{
    uint64_t ctr;
    __asm__("mrs %0, ctr_el0" : "=r"(ctr));
    printf("lines fit a page %d\n", (4u << (ctr & 15)) <= 4096 && (4u << (ctr >> 16 & 15)) <= 4096);
    uint32_t *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    function *f = (function *)code;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 3000; i++) {
        put(code, i);
        sum += f(1);
    }
    printf("rewritten %lu\n", sum);
    /* A caller that is hot while its callee changes. */
    uint32_t *callee = code + 1024;
    static const uint32_t caller[] = { 0xa9bf7bfd, 0xaa0103f0, 0xd63f0200, 0xa8c17bfd, 0xd65f03c0 };
    memcpy(code, caller, sizeof caller);
    __builtin___clear_cache((char *)code, (char *)code + sizeof caller);
    uint64_t (*call)(uint64_t, void *) = (void *)code;
    sum = 0;
    for (unsigned i = 0; i < 200; i++) {
        put(callee, i & 15);
        for (int k = 0; k < 50; k++)
            sum = call(sum, callee);
    }
    printf("called %lu\n", sum);
    /* Written while not executable, then made executable. */
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < 20; i++) {
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
        put((uint32_t *)page, 100 + i);
        mprotect(page, 4096, PROT_READ | PROT_EXEC);
        sum += ((function *)page)(0);
    }
    printf("protected %lu\n", sum);
    /* Other code at the same address by a new mapping. */
    for (unsigned i = 0; i < 20; i++) {
        munmap(page, 4096);
        page = mmap(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        put((uint32_t *)page, 200 + i);
        sum += ((function *)page)(0);
    }
    printf("remapped %lu\n", sum);
    /* Two views of the same memory: written through one, run through the other. */
    int fd = memfd_create("code", 0);
    ftruncate(fd, 4096);
    uint32_t *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    for (unsigned i = 0; i < 100; i++) {
        writable[0] = movz(0, i);
        writable[1] = 0xd65f03c0;
        __builtin___clear_cache((char *)writable, (char *)writable + 8);
        __builtin___clear_cache((char *)executable, (char *)executable + 8);
        sum += ((function *)executable)(0);
    }
    printf("two views %lu\n", sum);
    /* A block across a page end, its second page changed. */
    uint32_t *edge = code + 4096 / 4 * 3 - 1;
    edge[0] = movz(0, 1);
    for (unsigned i = 0; i < 100; i++) {
        put(edge + 1, i);
        sum += ((function *)edge)(0);
    }
    printf("across pages %lu\n", sum);
    return 0;
}
