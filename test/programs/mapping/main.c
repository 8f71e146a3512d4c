/* mapping - mmap, munmap, mremap, mprotect, brk, files shared between mappings, faults on what is not mapped. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf out;
static void *volatile fault_address;
static volatile int fault_code, fault_signal;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    fault_signal = sig;
    fault_address = info->si_addr;
    fault_code = info->si_code;
    siglongjmp(out, 1);
}

static const char *poke(volatile char *p, int write)
{
    static char text[64];
    fault_signal = 0;
    if (!sigsetjmp(out, 1)) {
        if (write)
            *p = 1;
        else
            (void)*p;
        return "fine";
    }
    snprintf(text, sizeof text, "signal %d code %d address %s", fault_signal, fault_code,
             fault_address == (void *)p ? "right" : "wrong");
    return text;
}

int main(void)
{
    struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 7, 5 * 4096);
    printf("write %s\n", poke(p, 1));
    mprotect(p + 4096, 4096, PROT_READ);
    printf("read of read-only %s\n", poke(p + 4100, 0));
    printf("write of read-only %s\n", poke(p + 4100, 1));
    mprotect(p + 4096, 4096, PROT_NONE);
    printf("read of none %s\n", poke(p + 4101, 0));
    munmap(p + 8192, 4096);
    printf("read of hole %s\n", poke(p + 8193, 0));
    printf("after hole %s %d\n", poke(p + 12288, 0), p[12288]);
    p[16384] = 9;
    char *moved = mremap(p + 12288, 8192, 65536, MREMAP_MAYMOVE);
    printf("mremap %d %d %d\n", moved != MAP_FAILED, moved[4096], moved[65535]);
    char *fixed = mmap((void *)0x70000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("fixed %d\n", fixed == (void *)0x70000000);
    printf("noreplace %d\n", mmap(fixed, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
                                 MAP_FAILED && errno == EEXIST);
    int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ftruncate(fd, 6000);
    char *one = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    strcpy(one + 5000, "shared text");
    char text[20] = { 0 };
    pread(fd, text, 11, 5000);
    printf("file %s private %s\n", text, two + 5000);
    two[5000] = 'X';
    printf("apart %c %c\n", one[5000], two[5000]);
    ftruncate(fd, 100);
    printf("beyond the file %s\n", poke(one + 4097, 0));
    unlink("mapped");
    char *b = sbrk(0);
    sbrk(100000);
    b[99999] = 5;
    printf("brk %d %d\n", (char *)sbrk(0) == b + 100000, b[50000]);
    sbrk(-100000);
    printf("null %s\n", poke((char *)8, 0));
    unsigned char v[5];
    printf("mincore %d %d\n", mincore(p, 4096, v), v[0] & 1);
    printf("madvise %d zero %d\n", madvise(p, 4096, MADV_DONTNEED), p[0]);
    printf("bad %d %d\n", munmap(p + 1, 4096) == -1 && errno == EINVAL,
           mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    size_t big = 1ul << 38;
    char *reserve = mmap(NULL, big, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    printf("reserve %d\n", reserve != MAP_FAILED);
    mprotect(reserve + (1ul << 37), 65536, PROT_READ | PROT_WRITE);
    reserve[(1ul << 37) + 65535] = 3;
    printf("inside %s\n", poke(reserve + (1ul << 37) + 65536, 0));
    munmap(reserve, big);
    printf("write to a system call %zd %d\n", write(1, (void *)16, 5), errno == EFAULT);
    return 0;
}
