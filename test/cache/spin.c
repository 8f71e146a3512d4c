/* spin - a thread runs a hot loop until another changes the loop's code; with an argument, only for a while. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

unsigned long turn(unsigned long n);
extern unsigned turn_end[];
__asm__(".text\n"
        ".p2align 12\n"
        ".globl turn, turn_end\n"
        "turn: mov x1, #0\n"
        "1: turn_end: mov w2, #0\n"
        "add x1, x1, #1\n"
        "cmp x1, x0\n"
        "b.eq 2f\n"
        "cbz w2, 1b\n"
        "2: mov w0, w2\n"
        "ret\n"
        ".p2align 12\n");

static void *run(void *arg)
{
    return (void *)turn((unsigned long)arg);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    void *result;
    (void)argv;
    pthread_create(&thread, NULL, run, (void *)(argc > 1 ? 5000000ul : ~0ul));
    if (argc == 1) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        mprotect((void *)turn, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
        *turn_end |= 1 << 5; /* mov w2, #1 */
        __builtin___clear_cache((char *)turn_end, (char *)(turn_end + 1));
    }
    pthread_join(thread, &result);
    return result != (void *)(argc == 1 ? 1ul : 0ul);
}
