/* signal_sources - signals from children, timers, pipes, terminals of control and descriptors, and what siginfo says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t n;
static siginfo_t last;
static volatile int on_thread;

static void handler(int sig, siginfo_t *info, void *uc)
{
    (void)sig, (void)uc;
    last = *info;
    n++;
    on_thread = (int)syscall(SYS_gettid);
}

static void install(int sig, int flags)
{
    struct sigaction a = {.sa_flags = SA_SIGINFO | flags};
    a.sa_sigaction = handler;
    sigemptyset(&a.sa_mask);
    sigaction(sig, &a, NULL);
    n = 0;
    memset(&last, 0, sizeof(last));
}

static void wait_for(int count)
{
    for (int i = 0; n < count && i < 2000; i++)
        usleep(1000);
}

static void test_child(void)
{
    int status;
    install(SIGCHLD, SA_RESTART);
    pid_t pid = fork();
    if (!pid)
        _exit(5);
    waitpid(pid, &status, 0);
    wait_for(1);
    printf("exited: n %d code %d status %d pid %d uid %d\n", n, last.si_code, last.si_status, last.si_pid == pid,
           last.si_uid == getuid());
    install(SIGCHLD, SA_RESTART);
    pid = fork();
    if (!pid) {
        raise(SIGSTOP);
        raise(SIGKILL);
    }
    waitpid(pid, &status, WUNTRACED);
    wait_for(1);
    printf("stopped: n %d code %d status %d\n", n, last.si_code, last.si_status);
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    wait_for(2); /* "continued" and "killed" may have become one */
    printf("killed: n %d signal %d\n", n >= 2, WTERMSIG(status));
    install(SIGCHLD, SA_RESTART | SA_NOCLDSTOP);
    pid = fork();
    if (!pid)
        raise(SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    usleep(10000);
    printf("no stop: n %d\n", n);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    wait_for(1);
    printf("no stop: n %d\n", n);
    install(SIGCHLD, SA_NOCLDWAIT);
    pid = fork();
    if (!pid)
        _exit(0);
    int r;
    while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    printf("no wait: %d %s n %d\n", r, strerror(errno), n);
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (!pid)
        _exit(0);
    r = waitpid(pid, &status, 0);
    printf("ignored: %d %s\n", r, strerror(errno));
    signal(SIGCHLD, SIG_DFL);
}

static void test_timers(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 77};
    struct itimerspec t = {{0, 0}, {0, 5000000}};
    timer_t id;
    install(SIGRTMIN + 2, 0);
    timer_create(CLOCK_MONOTONIC, &event, &id);
    timer_settime(id, 0, &t, NULL);
    wait_for(1);
    printf("timer: n %d code %d value %d\n", n, last.si_code, last.si_value.sival_int);
    timer_delete(id);
    static const int which[] = {ITIMER_VIRTUAL, ITIMER_PROF}, sigs[] = {SIGVTALRM, SIGPROF};
    for (int i = 0; i < 2; i++) {
        struct itimerval v = {{0, 0}, {0, 5000}};
        install(sigs[i], 0);
        setitimer(which[i], &v, NULL);
        while (!n)
            ;
        printf("interval timer: n %d code %d\n", n, last.si_code);
    }
}

static void test_descriptors(void)
{
    int fds[2];
    install(SIGPIPE, 0);
    pipe(fds);
    close(fds[0]);
    ssize_t r = write(fds[1], "x", 1);
    printf("pipe: %zd %s n %d code %d\n", r, strerror(errno), n, last.si_code);
    install(SIGIO, 0);
    install(SIGRTMIN + 4, 0);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    fcntl(fds[0], F_SETOWN, getpid());
    fcntl(fds[0], F_SETSIG, SIGRTMIN + 4);
    fcntl(fds[0], F_SETFL, O_ASYNC);
    write(fds[1], "x", 1);
    wait_for(1);
    printf("async: n %d code %d fd %d band %lx\n", n, last.si_code, last.si_fd == fds[0], last.si_band & 1);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 5);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo s[4];
    r = read(fd, s, sizeof(s));
    printf("signalfd: %zd %s\n", r, strerror(errno));
    kill(getpid(), SIGUSR1);
    sigqueue(getpid(), SIGRTMIN + 5, (union sigval){.sival_int = 9});
    sigqueue(getpid(), SIGRTMIN + 5, (union sigval){.sival_int = 10});
    r = read(fd, s, sizeof(s));
    printf("signalfd: %zd: %d %d, %d %d, %d\n", r / (ssize_t)sizeof(*s), s[0].ssi_signo, s[0].ssi_pid == getpid(),
           s[1].ssi_signo - SIGRTMIN, s[1].ssi_int, s[2].ssi_int);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void *waiter(void *p)
{
    siginfo_t info;
    int sig = sigwaitinfo(p, &info);
    printf("sigwaitinfo: %d code %d value %d\n", sig == SIGUSR2, info.si_code, info.si_value.sival_int);
    return NULL;
}

static void *mask_of(void *p)
{
    sigset_t set;
    stack_t ss;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    sigaltstack(NULL, &ss);
    printf("thread: usr2 %d hup %d stack %d\n", sigismember(&set, SIGUSR2), sigismember(&set, SIGHUP), ss.ss_flags);
    return p;
}

static void test_threads(void)
{
    static char stack[65536];
    sigset_t set;
    pthread_t id;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&id, NULL, waiter, &set);
    usleep(10000);
    sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 31});
    pthread_join(id, NULL);
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
    sigaltstack(&ss, NULL);
    pthread_create(&id, NULL, mask_of, NULL);
    pthread_join(id, NULL);
    install(SIGUSR1, 0);
    pthread_kill(pthread_self(), SIGUSR1);
    printf("pthread_kill: n %d code %d here %d\n", n, last.si_code, on_thread == (int)syscall(SYS_gettid));
    siginfo_t own = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    own.si_value.sival_int = 55;
    install(SIGUSR1, 0);
    long r = syscall(SYS_rt_tgsigqueueinfo, getpid(), (int)syscall(SYS_gettid), SIGUSR1, &own);
    printf("tgsigqueueinfo: %ld n %d value %d\n", r, n, last.si_value.sival_int);
    printf("bad: %d", kill(getpid(), 65));
    printf(" %s", strerror(errno));
    printf(", %ld", syscall(SYS_tgkill, getpid(), 1 << 29, SIGUSR1));
    printf(" %s\n", strerror(errno));
}

static void test_parent_death(void)
{
    int fds[2];
    char c = 0;
    pipe(fds);
    pid_t pid = fork();
    if (!pid) {
        pid_t grandchild = fork();
        if (!grandchild) {
            install(SIGUSR1, 0);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            write(fds[1], "r", 1);
            wait_for(1);
            write(fds[1], n ? "y" : "n", 1);
            _exit(0);
        }
        usleep(30000);
        _exit(0);
    }
    read(fds[0], &c, 1);
    read(fds[0], &c, 1);
    waitpid(pid, NULL, 0);
    printf("parent's death: %c\n", c);
}

static void test_job_control(void)
{
    int status;
    install(SIGTSTP, 0);
    install(SIGCONT, 0);
    pid_t pid = fork();
    if (!pid) {
        while (n < 2)
            pause();
        _exit(n);
    }
    usleep(20000);
    kill(pid, SIGTSTP); /* caught: does not stop */
    usleep(20000);
    printf("caught stop: %d\n", waitpid(pid, &status, WUNTRACED | WNOHANG));
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    printf("stopped: %d\n", WIFSTOPPED(status));
    kill(pid, SIGCONT); /* continues and is caught */
    waitpid(pid, &status, 0);
    printf("continued: %x\n", status);
    signal(SIGTSTP, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    test_child();
    test_timers();
    test_descriptors();
    test_threads();
    test_parent_death();
    test_job_control();
    return 0;
}
