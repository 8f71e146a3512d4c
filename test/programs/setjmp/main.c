/* setjmp - non-local exits out of deep calls, out of signal handlers, and alternation between contexts. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static jmp_buf here;
static sigjmp_buf from_signal;
static ucontext_t main_context, worker_context;
static char stack[65536];

static int dive(int depth)
{
    if (depth == 0)
        longjmp(here, 7);
    return dive(depth - 1) + 1;
}

static void on_signal(int sig)
{
    siglongjmp(from_signal, sig);
}

static void worker(void)
{
    for (int i = 0; i < 3; i++) {
        printf("worker %d\n", i);
        swapcontext(&worker_context, &main_context);
    }
}

int main(void)
{
    volatile int tries = 0;
    double kept = 1.5;
    int r = setjmp(here);
    if (r == 0)
        dive(1000);
    printf("longjmp gave %d, kept %g\n", r, kept);
    signal(SIGUSR1, on_signal);
    signal(SIGSEGV, on_signal);
    for (int i = 0; i < 3; i++) {
        r = sigsetjmp(from_signal, 1);
        if (r == 0)
            raise(SIGUSR1);
        tries++;
    }
    printf("signal %d, %d tries\n", r, tries);
    r = sigsetjmp(from_signal, 1);
    if (r == 0)
        *(volatile int *)16 = 1;
    printf("fault %d\n", r);
    getcontext(&worker_context);
    worker_context.uc_stack.ss_sp = stack;
    worker_context.uc_stack.ss_size = sizeof stack;
    worker_context.uc_link = &main_context;
    makecontext(&worker_context, worker, 0);
    for (int i = 0; i < 3; i++) {
        swapcontext(&main_context, &worker_context);
        printf("main %d\n", i);
    }
    for (int i = 0; i < 100000; i++)
        if (setjmp(here) == 0)
            longjmp(here, 1);
    printf("done\n");
    return 0;
}
