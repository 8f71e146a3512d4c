/* remap - libraries come and go: one file at one address after another, another file where it was, one file twice.
 *   remap FILE-1 FILE-2     each is the position-independent function of sum.s */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 8192 };

static char *map(const char *name, char *where)
{
    int fd = open(name, O_RDONLY);
    char *p = mmap(where, SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | (where ? MAP_FIXED : 0), fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        abort();
    return p;
}

/* The function adds its own address. */
static unsigned long run(char *code, unsigned long n)
{
    unsigned long (*volatile f)(unsigned long) = (void *)code;
    return f(n) - (unsigned long)code;
}

int main(int argc, char **argv)
{
    char *place = mmap(NULL, 8 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)argc;
    for (unsigned i = 0; i < 12; i++) {
        char *code = map(argv[1 + (i % 3 == 2)], i % 2 ? NULL : place + i % 8 * SIZE);
        printf("%u: %lu\n", i, run(code, 3000 + i));
        if (i % 2)
            munmap(code, SIZE);
        else
            mmap(code, SIZE, PROT_NONE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    }
    char *twice[2] = {map(argv[1], place), map(argv[1], place + 4 * SIZE)};
    for (unsigned i = 0; i < 2; i++)
        printf("at both: %lu\n", run(twice[i], 4000));
    map(argv[2], place); /* over the first, which was not unmapped */
    for (unsigned i = 0; i < 2; i++)
        printf("over one: %lu\n", run(twice[i], 4000));
    return 0;
}
