/* far - code of a file that is mapped far from the rest: argument 0 runs one way through it, 1 another to the same end. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char __ehdr_start[];

__attribute__((noinline, noclone)) static long walk(long n, long way)
{
    long sum = 1;
    if (way)
        for (long i = 0; i < n; i++)
            sum += i ^ sum >> 3;
    for (long i = 0; i < n; i++)
        sum = sum * 3 + i;
    return sum;
}

int main(int argc, char **argv)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    long size = lseek(fd, 0, SEEK_END);
    const long gap = 5l << 30;
    char *far = mmap(NULL, gap, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (far == MAP_FAILED)
        return 1;
    /* Nothing else finds room above it. */
    while ((char *)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) > far)
        ;
    char *copy = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    long (*volatile f)(long, long) = (void *)(copy + ((char *)walk - __ehdr_start));
    for (int i = 0; i < 3; i++)
        printf("%ld\n", f(1000 + i, atol(argv[1])));
    return 0;
}
