/* signal_stress - no signal is lost, doubled or delivered to a blocked thread, however it meets system calls and threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENT = 4000, THREADS = 4, PER_THREAD = 1500 };

static atomic_int received, wrong_order, inside, nested, directed[THREADS];
static int last_value = -1;
static _Thread_local int my_index = -1;

static void on_queued(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)uc;
    if (atomic_fetch_add(&inside, 1))
        nested++;
    if (info->si_value.sival_int != last_value + 1)
        wrong_order++;
    last_value = info->si_value.sival_int;
    received++;
    atomic_fetch_sub(&inside, 1);
}

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_flags = SA_SIGINFO | flags};
    a.sa_sigaction = fn;
    sigemptyset(&a.sa_mask);
    sigaction(sig, &a, NULL);
}

static void work_ending_threads(void);

/* A child queues numbered signals as fast as it can; the parent makes all kinds of calls meanwhile. */
static void test_queue(const char *name, void (*work)(void))
{
    received = wrong_order = nested = 0;
    last_value = -1;
    install(SIGRTMIN, on_queued, SA_RESTART);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        for (int i = 0; i < SENT; i++)
            while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = i}))
                usleep(100);
        _exit(0);
    }
    while (received < SENT)
        work();
    waitpid(pid, NULL, 0);
    if (work == work_ending_threads) /* two threads may handle one each at a time */
        printf("%s: received %d\n", name, received);
    else
        printf("%s: received %d wrong order %d nested %d\n", name, received, wrong_order, nested);
}

static void work_mask(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    int before = received;
    for (int i = 0; i < 20; i++)
        getppid();
    if (received != before)
        printf("delivered while blocked\n");
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void work_loop(void)
{
    for (volatile int i = 0; i < 1000; i++)
        ;
}

static void work_pipe(void)
{
    static int fds[2] = {-1, -1};
    char text[64];
    if (fds[0] < 0 && pipe(fds))
        abort();
    if (write(fds[1], "0123456789", 10) != 10 || read(fds[0], text, 10) != 10)
        printf("pipe: %s\n", strerror(errno));
}

static void work_fork(void)
{
    int status = 1;
    pid_t pid = fork();
    if (!pid)
        _exit(received > SENT);
    if (waitpid(pid, &status, 0) != pid || status)
        printf("fork: %s %x\n", strerror(errno), status);
}

/* Blocks except inside ppoll: a lost wake-up would hang here. */
static void work_ppoll(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    if (received < SENT) {
        struct timespec limit = {1, 0};
        if (ppoll(NULL, 0, &limit, &old) == 0 && received < SENT - 1)
            printf("ppoll: timed out\n");
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void work_suspend(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    if (received < SENT)
        sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void on_directed(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)info, (void)uc;
    if (my_index < 0)
        wrong_order++;
    else
        directed[my_index]++;
}

static atomic_int ready, stop;

static void *run_thread(void *p)
{
    unsigned long x = 1;
    my_index = (int)(long)p;
    ready++;
    while (!stop) {
        for (int i = 0; i < 100; i++)
            x = x * 3 + 1;
        if (x == 0)
            break;
        if (my_index & 1)
            sched_yield();
    }
    return NULL;
}

/* Queued real-time signals to each of several threads: each gets exactly its own. */
static void test_directed(void)
{
    wrong_order = 0;
    pthread_t threads[THREADS];
    install(SIGRTMIN + 1, on_directed, SA_RESTART);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run_thread, (void *)i);
    while (ready < THREADS)
        sched_yield();
    for (int n = 0; n < PER_THREAD; n++)
        for (int i = 0; i < THREADS; i++)
            while (pthread_sigqueue(threads[i], SIGRTMIN + 1, (union sigval){.sival_int = n}) == EAGAIN)
                usleep(100);
    for (int i = 0; i < THREADS; i++)
        for (int wait = 0; directed[i] < PER_THREAD && wait < 5000; wait++)
            usleep(1000);
    stop = 1;
    printf("directed:");
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        printf(" %d", directed[i]);
    }
    printf(" to the wrong one %d\n", wrong_order);
}

/* Threads come and go while a process-wide timer ticks. */
static void on_tick(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)info, (void)uc;
    received++;
}

static void *short_thread(void *p)
{
    *(int *)p += 1;
    return p;
}

static void test_coming_and_going(void)
{
    struct itimerval t = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};
    int sum = 0;
    received = 0;
    install(SIGALRM, on_tick, SA_RESTART);
    setitimer(ITIMER_REAL, &t, NULL);
    for (int i = 0; i < 300; i++) {
        pthread_t id;
        if (pthread_create(&id, NULL, short_thread, &sum))
            printf("pthread_create failed\n");
        pthread_join(id, NULL);
    }
    setitimer(ITIMER_REAL, &off, NULL);
    printf("threads: %d\n", sum);
}

/* Process-wide signals arrive while threads that could take them end. */
static void work_ending_threads(void)
{
    pthread_t id;
    int sum = 0;
    pthread_create(&id, NULL, short_thread, &sum);
    pthread_join(id, NULL);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    test_queue("mask", work_mask);
    test_queue("loop", work_loop);
    test_queue("pipe", work_pipe);
    test_queue("fork", work_fork);
    test_queue("ppoll", work_ppoll);
    test_queue("sigsuspend", work_suspend);
    test_queue("ending threads", work_ending_threads);
    test_directed();
    test_coming_and_going();
    return 0;
}
