/* signals - handlers, masks, queueing order, stacks, restarts, faults and their siginfo, register preservation. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, order[64], n_order;
static sigjmp_buf back;
static volatile uintptr_t seen_addr, seen_sp;
static volatile int seen_code;

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_flags = SA_SIGINFO | flags};
    a.sa_sigaction = fn;
    sigemptyset(&a.sa_mask);
    if (sigaction(sig, &a, NULL))
        perror("sigaction");
}

static void on_count(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)info, (void)uc;
    count++;
    seen_sp = (uintptr_t)&sig;
}

static void on_order(int sig, siginfo_t *info, void *uc)
{
    (void)uc;
    order[n_order++] = sig * 1000 + info->si_value.sival_int;
}

static void on_fault(int sig, siginfo_t *info, void *uc)
{
    (void)uc;
    seen_addr = (uintptr_t)info->si_addr;
    seen_code = info->si_code;
    siglongjmp(back, sig);
}

static void test_raise(void)
{
    install(SIGUSR1, on_count, 0);
    for (int i = 0; i < 100; i++)
        raise(SIGUSR1);
    printf("raise: %d\n", count);
    sigset_t set, old, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&pending);
    printf("blocked: %d pending %d\n", count, sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("unblocked: %d\n", count);
}

static void test_queue(void)
{
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int sig = SIGRTMIN + 3; sig >= SIGRTMIN; sig--) {
        install(sig, on_order, 0);
        for (int i = 0; i < 3; i++)
            sigqueue(getpid(), sig, (union sigval){.sival_int = i});
    }
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    printf("queue:");
    for (int i = 0; i < n_order; i++)
        printf(" %d", order[i] - SIGRTMIN * 1000);
    printf("\n");
}

static void on_nest(int sig, siginfo_t *info, void *uc)
{
    sigset_t now;
    (void)info, (void)uc;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf(" +%d(%d%d%d)", sig, sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2), sigismember(&now, SIGRTMIN));
    printf(" -%d", sig);
}

/* Several signals come in at once; handlers that block others, or do not even block their own. */
static void test_nesting(void)
{
    const struct {
        int flags, blocks; /* of the handler of SIGUSR1 */
    } rows[] = {{0, 0}, {0, SIGUSR2}, {0, SIGRTMIN}, {SA_RESETHAND, SIGUSR2}, {SA_NODEFER, 0}, {SA_NODEFER, SIGUSR2}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct sigaction a = {.sa_flags = SA_SIGINFO | rows[i].flags, .sa_sigaction = on_nest};
        sigset_t set, old;
        sigemptyset(&a.sa_mask);
        if (rows[i].blocks)
            sigaddset(&a.sa_mask, rows[i].blocks);
        sigaction(SIGUSR1, &a, NULL);
        install(SIGUSR2, on_nest, 0);
        install(SIGRTMIN, on_nest, SA_NODEFER);
        sigfillset(&set);
        sigprocmask(SIG_BLOCK, &set, &old);
        printf("nesting %u:", i);
        raise(SIGUSR2);
        for (int n = 0; n < 3; n++)
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n});
        raise(SIGUSR1);
        sigprocmask(SIG_SETMASK, &old, NULL);
        raise(SIGUSR2);
        sigprocmask(SIG_BLOCK, NULL, &set);
        printf(" after %d%d%d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2), sigismember(&set, SIGRTMIN));
    }
}

static void test_altstack(void)
{
    static char stack[65536];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    sigaltstack(&ss, NULL);
    install(SIGUSR2, on_count, SA_ONSTACK);
    raise(SIGUSR2);
    printf("altstack: inside %d\n", seen_sp > (uintptr_t)stack && seen_sp < (uintptr_t)stack + sizeof(stack));
    sigaltstack(NULL, &old);
    printf("altstack: flags %d size %zu\n", old.ss_flags, old.ss_size);
    ss.ss_size = 100;
    printf("altstack: small %d", sigaltstack(&ss, NULL));
    printf(" %s\n", strerror(errno));
}

static void test_flags(void)
{
    count = 0;
    install(SIGUSR1, on_count, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction a;
    sigaction(SIGUSR1, NULL, &a);
    printf("resethand: count %d default %d\n", count, a.sa_handler == SIG_DFL);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    printf("ignored: %d\n", count);
    errno = 0;
    printf("sigkill: %d", (int)(intptr_t)signal(SIGKILL, SIG_IGN));
    printf(" %s\n", strerror(errno));
}

static void test_faults(void)
{
    install(SIGSEGV, on_fault, 0);
    install(SIGBUS, on_fault, 0);
    install(SIGILL, on_fault, 0);
    install(SIGTRAP, on_fault, 0);
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int sig = sigsetjmp(back, 1);
    if (!sig)
        *(volatile int *)16 = 1;
    printf("null: signal %d code %d address %lx\n", sig, seen_code, (unsigned long)seen_addr);
    mprotect(page, 4096, PROT_READ);
    sig = sigsetjmp(back, 1);
    if (!sig)
        page[123] = 1;
    printf("read-only: signal %d code %d offset %ld\n", sig, seen_code, (long)(seen_addr - (uintptr_t)page));
    munmap(page, 4096);
    sig = sigsetjmp(back, 1);
    if (!sig)
        ((void (*)(void))page)();
    printf("fetch: signal %d code %d offset %ld\n", sig, seen_code, (long)(seen_addr - (uintptr_t)page));
    sig = sigsetjmp(back, 1);
    if (!sig)
        ((void (*)(void))(page + 4096))();
    printf("noexec: signal %d code %d offset %ld\n", sig, seen_code, (long)(seen_addr - (uintptr_t)page));
    sig = sigsetjmp(back, 1);
#if defined(__aarch64__)
    if (!sig)
        __asm__ volatile("udf #0");
    printf("undefined: signal %d\n", sig);
    sig = sigsetjmp(back, 1);
    if (!sig)
        __asm__ volatile("brk #5");
    printf("breakpoint: signal %d code %d\n", sig, seen_code);
#endif
    char name[] = "/tmp/signals-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    volatile char *file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    sig = sigsetjmp(back, 1);
    if (!sig)
        printf("%d\n", file[5]);
    printf("beyond the file: signal %d code %d offset %ld\n", sig, seen_code, (long)(seen_addr - (uintptr_t)file));
    seen_code = 99;
    sig = sigsetjmp(back, 1);
    if (!sig)
        kill(getpid(), SIGSEGV);
    printf("sent: signal %d code %d\n", sig, seen_code);
}

static void on_step(int sig, siginfo_t *info, void *p)
{
    ucontext_t *uc = p;
    (void)sig;
    seen_addr = (uintptr_t)info->si_addr;
#if defined(__aarch64__)
    uc->uc_mcontext.pc += 4; /* skip the instruction */
    uc->uc_mcontext.regs[9] = 0x1234;
#else
    (void)uc;
#endif
}

static void test_context(void)
{
#if defined(__aarch64__)
    install(SIGSEGV, on_step, 0);
    register uint64_t x9 __asm__("x9") = 7;
    register uint64_t x10 __asm__("x10") = 8;
    uint64_t flags, v;
    __asm__ volatile("cmp %1, #8\n fmov d7, %1\n str wzr, [%4]\n mrs %2, nzcv\n fmov %3, d7"
                     : "+r"(x9), "+r"(x10), "=&r"(flags), "=&r"(v)
                     : "r"(0x40ul)
                     : "v7", "cc", "memory");
    printf("context: x9 %lx x10 %lx nzcv %lx d7 %lx address %lx\n", x9, x10, flags, v, (unsigned long)seen_addr);
#endif
    signal(SIGSEGV, SIG_DFL);
}

static void test_restart(void)
{
    int pipes[2];
    char c = 0;
    for (int flags = 0; flags < 2; flags++) {
        install(SIGALRM, on_count, flags ? SA_RESTART : 0);
        if (pipe(pipes))
            return;
        pid_t pid = fork();
        if (!pid) {
            usleep(150000);
            _exit(write(pipes[1], "x", 1) != 1);
        }
        struct itimerval t = {.it_value = {0, 50000}};
        setitimer(ITIMER_REAL, &t, NULL);
        ssize_t n = read(pipes[0], &c, 1);
        printf("read with%s SA_RESTART: %zd %s\n", flags ? "" : "out", n, n < 0 ? strerror(errno) : "");
        waitpid(pid, NULL, 0);
    }
    struct timespec left = {0, 0}, want = {0, 300000000};
    struct itimerval t = {.it_value = {0, 50000}};
    setitimer(ITIMER_REAL, &t, NULL);
    int r = nanosleep(&want, &left);
    printf("nanosleep: %d %s left %d\n", r, strerror(errno), left.tv_nsec > 100000000);
}

static void test_suspend(void)
{
    sigset_t set, old;
    install(SIGUSR1, on_count, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    count = 0;
    int ready[2]; /* two that came at once would be one */
    char byte = 0;
    pipe(ready);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        for (int i = 0; i < 3 && read(ready[0], &byte, 1) == 1; i++) {
            usleep(20000);
            kill(parent, SIGUSR1);
        }
        _exit(0);
    }
    sigemptyset(&set);
    for (int i = 0; i < 3; i++) {
        write(ready[1], &byte, 1);
        if (sigsuspend(&set) != -1 || errno != EINTR)
            printf("sigsuspend?\n");
    }
    close(ready[0]);
    close(ready[1]);
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf("sigsuspend: count %d still blocked %d\n", count, sigismember(&set, SIGUSR1));
    waitpid(pid, NULL, 0);
    raise(SIGUSR1);
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    printf("sigwaitinfo: %d", sigwaitinfo(&set, &info) == SIGUSR1);
    printf(" own %d\n", info.si_pid == getpid());
    struct timespec short_time = {0, 10000000};
    int r = sigtimedwait(&set, NULL, &short_time);
    printf("sigtimedwait: %d %s\n", r, strerror(errno));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void on_tick(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)info, (void)uc;
    count++;
}

/* A loop whose registers must survive many signals. */
static void test_storm(void)
{
    install(SIGALRM, on_tick, SA_RESTART);
    struct itimerval t = {{0, 500}, {0, 500}}, off = {{0, 0}, {0, 0}};
    uint64_t a = 1, b = 2, c = 3;
    double d = 1;
    count = 0;
    setitimer(ITIMER_REAL, &t, NULL);
    for (uint64_t i = 0; i < 100000000 && count < 200; i++) {
        a = a * 6364136223846793005u + 1442695040888963407u;
        b ^= a >> 13;
        c += b * 3;
        d = d * 0.5 + 1;
        if (c == 0)
            break;
        uint64_t a2 = a * 3, b2 = b + a2, c2 = c ^ b2;
        if (a2 - a - a != a || b2 - a2 != b || (c2 ^ b2) != c || d > 2) {
            printf("corrupt\n");
            break;
        }
    }
    setitimer(ITIMER_REAL, &off, NULL);
    printf("storm: %s\n", count >= 200 ? "ok" : "too few");
}

static void test_child_status(void)
{
    int sigs[] = {SIGTERM, SIGSEGV, SIGKILL, SIGABRT};
    for (unsigned i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            freopen("/dev/null", "w", stderr);
            signal(sigs[i], SIG_DFL);
            raise(sigs[i]);
            _exit(1);
        }
        waitpid(pid, &status, 0);
        printf("child: signaled %d signal %d\n", WIFSIGNALED(status), WTERMSIG(status));
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    test_raise();
    test_queue();
    test_nesting();
    test_altstack();
    test_flags();
    test_faults();
    test_context();
    test_restart();
    test_suspend();
    test_storm();
    test_child_status();
    return 0;
}
