/* interrupted - what a signal does to each kind of sleeping call, with and without SA_RESTART. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pipe_fd[2], pair[2], epoll_fd, queue, semaphore;
static volatile sig_atomic_t count;

/* The second signal ends what the first did not, so that a restarted call ends too. */
static void on_alarm(int sig)
{
    (void)sig;
    if (++count == 2) {
        write(pipe_fd[1], "p", 1);
        write(pair[1], "s", 1);
    }
}

static void report(const char *name, long result)
{
    int error = errno;
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    printf("%-16s %ld%s\n", name, result,
           result < 0 ? error == EINTR    ? " EINTR"
                        : error == EAGAIN ? " EAGAIN"
                                          : " other"
                      : "");
    char rest[8];
    fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
    read(pipe_fd[0], rest, sizeof rest);
    fcntl(pipe_fd[0], F_SETFL, 0);
    recv(pair[0], rest, sizeof rest, MSG_DONTWAIT);
    fflush(stdout);
}

static void start(void)
{
    struct itimerval twice = {{0, 60000}, {0, 60000}};
    count = 0;
    errno = 0;
    setitimer(ITIMER_REAL, &twice, NULL);
}

static void all_calls(int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_alarm;
    a.sa_flags = flags;
    sigaction(SIGALRM, &a, NULL);
    char byte;

    start();
    report("read pipe", read(pipe_fd[0], &byte, 1));
    start();
    report("recv", recv(pair[0], &byte, 1, 0));
    start();
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    report("recvmsg", recvmsg(pair[0], &m, 0));

    struct timeval limit = {5, 0}, none = {0, 0};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    start();
    report("recv timeout", recv(pair[0], &byte, 1, 0));
    start();
    report("read timeout", read(pair[0], &byte, 1));
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);

    struct pollfd p = {pipe_fd[0], POLLIN, 0};
    start();
    report("poll", poll(&p, 1, 5000));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_fd[0], &set);
    struct timeval five = {5, 0};
    start();
    report("select", select(pipe_fd[0] + 1, &set, NULL, NULL, &five));
    struct epoll_event e;
    start();
    report("epoll_wait", epoll_wait(epoll_fd, &e, 1, 5000));

    struct timespec sleep = {5, 0}, left = {0, 0};
    start();
    report("nanosleep", nanosleep(&sleep, &left));
    printf("left %d\n", left.tv_sec == 4);
    start();
    report("clock_nanosleep",
           (errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &sleep, &left)) ? -1 : 0);
    struct {
        long type;
        char text[8];
    } message;
    start();
    report("msgrcv", msgrcv(queue, &message, sizeof message.text, 0, 0));
    struct sembuf down = {0, -1, 0};
    start();
    report("semop", semop(semaphore, &down, 1));
    start();
    report("pause", pause());

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct timespec wait = {0, 300000000};
        nanosleep(&wait, NULL);
        _exit(7);
    }
    int status = 0;
    start();
    report("waitpid", waitpid(child, &status, 0) == child ? status >> 8 : -1);
    if (!status)
        while (waitpid(child, &status, 0) < 0)
            ;
}

/* A mask that is in force only for the call. */
static void masks(void)
{
    sigset_t blocked, open;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, &open);
    struct pollfd p = {pipe_fd[0], POLLIN, 0};
    struct timespec five = {5, 0}, short_time = {0, 150000000};
    start();
    report("ppoll open", ppoll(&p, 1, &five, &open));
    printf("count %d\n", count > 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_fd[0], &set);
    start();
    report("pselect open", pselect(pipe_fd[0] + 1, &set, NULL, NULL, &five, &open));
    struct epoll_event e;
    start();
    report("epoll_pwait open", epoll_pwait(epoll_fd, &e, 1, 5000, &open));
    start();
    report("ppoll closed", ppoll(&p, 1, &short_time, &blocked));
    printf("count %d\n", (int)count);
    sigset_t pending;
    sigpending(&pending);
    printf("pending %d\n", sigismember(&pending, SIGALRM));
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    printf("blocked %d\n", sigismember(&now, SIGALRM));
    raise(SIGALRM);
    start();
    report("ppoll pending", ppoll(&p, 1, &five, &open));
    report("ppoll ready", (write(pipe_fd[1], "x", 1), ppoll(&p, 1, &five, &open)));
    sigprocmask(SIG_SETMASK, &open, NULL);
}

int main(void)
{
    pipe(pipe_fd);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    epoll_fd = epoll_create1(0);
    struct epoll_event e = {EPOLLIN, {.fd = pipe_fd[0]}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fd[0], &e);
    queue = msgget(IPC_PRIVATE, 0600);
    semaphore = semget(IPC_PRIVATE, 1, 0600);
    puts("-- no SA_RESTART");
    all_calls(0);
    puts("-- SA_RESTART");
    all_calls(SA_RESTART);
    puts("-- masks");
    masks();
    msgctl(queue, IPC_RMID, NULL);
    semctl(semaphore, 0, IPC_RMID);
    return 0;
}
