/* holes - what the guest unmaps stays free for it: memory that the emulator takes meanwhile is somewhere else. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ROUNDS = 300, SPLITS = 64 };

int main(void)
{
    int wrong = 0;
    /* Each second page of it gets other rights, which an emulator keeps in memory of its own. */
    char *split = mmap(NULL, (size_t)ROUNDS * SPLITS * 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = (size_t)(1 + i % 40) * PAGE;
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(p, size);
        for (int k = 0; k < SPLITS; k++)
            mprotect(split + ((size_t)i * SPLITS + k) * 2 * PAGE, PAGE, PROT_NONE);
        char *q = mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        wrong += q != p;
        if (q == p)
            memset(q, 1, size);
    }
    printf("wrong %d\n", wrong);
    return 0;
}
