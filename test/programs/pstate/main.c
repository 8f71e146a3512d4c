/* PSTATE.DIT and .SSBS through signal frames, threads and fork; random numbers.
 *
 * qemu-user 7.2 starts programs with SSBS = 0 and has no HWCAPs for the two; Linux starts them with 1 unless the program is to be protected (the kernel's
 * spec_ctrl.rst). */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { DIT = 1 << 24, SSBS = 1 << 12 };

static uint64_t read_state(void)
{
    uint64_t dit, ssbs;
    asm volatile("mrs %0, dit\n mrs %1, ssbs" : "=r"(dit), "=r"(ssbs));
    return dit | ssbs;
}

static uint64_t in_frame, in_handler;
static void handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    in_frame = u->uc_mcontext.pstate & (DIT | SSBS);
    in_handler = read_state();
    u->uc_mcontext.pstate = (u->uc_mcontext.pstate & ~(uint64_t)DIT) | SSBS;
}

static void *thread_main(void *p)
{
    *(uint64_t *)p = read_state();
    return p;
}

int main(void)
{
    uint64_t at_start = read_state(), of_thread = 0;
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    int status;
    printf("hwcaps: dit %lu ssbs %lu rng %lu\n", getauxval(AT_HWCAP) >> 24 & 1, getauxval(AT_HWCAP) >> 28 & 1,
           getauxval(AT_HWCAP2) >> 16 & 1);
    printf("at start: %lx\n", at_start);
    asm volatile("msr dit, #1\n msr ssbs, #0");
    printf("set: %lx\n", read_state());
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    printf("signal: frame %lx handler %lx after %lx\n", in_frame, in_handler, read_state());
    asm volatile("msr dit, #1\n msr ssbs, #0");
    pthread_t thread;
    pthread_create(&thread, NULL, thread_main, &of_thread);
    pthread_join(thread, NULL);
    printf("thread: %lx\n", of_thread);
    fflush(stdout);
    if (!fork())
        _exit(read_state() >> 12 == DIT >> 12 ? 7 : 1);
    wait(&status);
    printf("child: %d\n", WEXITSTATUS(status));

    uint64_t number[64], failed = 0, equal = 0;
    for (int i = 0; i < 64; i++) {
        uint64_t z;
        if (i & 1)
            asm volatile("mrs %0, rndr\n cset %1, eq" : "=r"(number[i]), "=r"(z) : : "cc");
        else
            asm volatile("mrs %0, rndrrs\n cset %1, eq" : "=r"(number[i]), "=r"(z) : : "cc");
        failed += z;
        for (int j = 0; j < i; j++)
            equal += number[i] == number[j];
    }
    printf("random numbers: %lu failed, %lu equal\n", failed, equal);
    return 0;
}
