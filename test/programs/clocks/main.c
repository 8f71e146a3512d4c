/* clocks - time of day, monotonic clocks, sleeping, timers, CPU time, calendar conversions, the counter register. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint64_t counter(void)
{
    uint64_t v;
    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(v));
    return v;
}

int main(void)
{
    uint64_t frequency, c = counter();
    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
    double start = now(CLOCK_MONOTONIC), real = now(CLOCK_REALTIME);
    struct timespec t = { 0, 30000000 }, left;
    printf("sleep %d\n", nanosleep(&t, &left));
    double passed = now(CLOCK_MONOTONIC) - start, ticks = (double)(counter() - c) / frequency;
    printf("passed %d counter agrees %d\n", passed >= 0.03 && passed < 5, ticks > passed * 0.5 && ticks < passed * 2 + 1);
    printf("real %d\n", real > 1.5e9 && now(CLOCK_REALTIME) >= real);
    struct timeval tv;
    gettimeofday(&tv, NULL);
    printf("time agrees %d\n", labs(time(NULL) - tv.tv_sec) <= 1);
    printf("cpu %d\n", now(CLOCK_PROCESS_CPUTIME_ID) > 0 && now(CLOCK_THREAD_CPUTIME_ID) > 0);
    struct timespec res;
    clock_getres(CLOCK_MONOTONIC, &res);
    printf("resolution %ld\n", res.tv_nsec);
    t.tv_nsec = 2000000000;
    printf("invalid %d\n", nanosleep(&t, NULL) == -1 && errno == EINVAL);
    time_t fixed = 1234567890;
    struct tm tm;
    gmtime_r(&fixed, &tm);
    char text[64];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %A %j", &tm);
    printf("%s %ld\n", text, (long)mktime(&tm));
    struct rusage u;
    struct tms tms;
    printf("usage %d %d\n", getrusage(RUSAGE_SELF, &u), times(&tms) != -1);
    timer_t timer;
    struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &s, NULL);
    timer_create(CLOCK_MONOTONIC, &e, &timer);
    struct itimerspec when = { { 0, 0 }, { 0, 5000000 } };
    timer_settime(timer, 0, &when, NULL);
    siginfo_t info;
    printf("timer %d\n", sigwaitinfo(&s, &info) == SIGRTMIN && info.si_code == SI_TIMER);
    return 0;
}
