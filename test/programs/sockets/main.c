/* sockets - TCP and UDP over loopback, Unix sockets, messages with descriptors, poll, select, epoll, eventfd. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void tcp(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, value = 0;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    printf("bind %d listen %d\n", bind(server, (void *)&a, sizeof a), listen(server, 5));
    getsockname(server, (void *)&a, &n);
    fflush(stdout);
    if (fork() == 0) {
        int c = socket(AF_INET, SOCK_STREAM, 0);
        connect(c, (void *)&a, sizeof a);
        setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        send(c, "request", 7, 0);
        char text[20] = { 0 };
        recv(c, text, 5, MSG_WAITALL);
        _exit(strcmp(text, "reply") != 0);
    }
    struct sockaddr_in peer;
    n = sizeof peer;
    int s = accept4(server, (void *)&peer, &n, SOCK_NONBLOCK);
    struct pollfd p = { .fd = s, .events = POLLIN };
    printf("poll %d %x family %d\n", poll(&p, 1, 5000), p.revents, peer.sin_family == AF_INET);
    char text[20] = { 0 };
    ssize_t got = recv(s, text, sizeof text, 0);
    printf("got %zd %s\n", got, text);
    printf("would block %d\n", recv(s, text, 1, 0) == -1 && errno == EAGAIN);
    struct iovec v[2] = { { "re", 2 }, { "ply", 3 } };
    writev(s, v, 2);
    n = sizeof value;
    getsockopt(s, SOL_SOCKET, SO_TYPE, &value, &n);
    int status;
    wait(&status);
    printf("client %d type %d\n", WEXITSTATUS(status), value == SOCK_STREAM);
    printf("refused %d\n", connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&(struct sockaddr_in){
           .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, sizeof a) == -1 &&
           errno == ECONNREFUSED);
    close(s);
    close(server);
}

static void pass_descriptor(void)
{
    int pair[2], p[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pipe(p);
    char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'd';
    struct iovec v = { &byte, 1 };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &p[1], sizeof(int));
    printf("sendmsg %zd\n", sendmsg(pair[0], &m, 0));
    memset(control, 0, sizeof control);
    byte = 0;
    printf("recvmsg %zd", recvmsg(pair[1], &m, 0));
    c = CMSG_FIRSTHDR(&m);
    int fd = -1;
    if (c)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    write(fd, "via descriptor", 14);
    char text[20] = { 0 };
    read(p[0], text, sizeof text);
    printf(" %c %s\n", byte, text);
}

static void udp(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, from;
    socklen_t n = sizeof a;
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
    bind(s, (void *)&a, sizeof a);
    getsockname(s, (void *)&a, &n);
    sendto(c, "datagram", 8, 0, (void *)&a, sizeof a);
    char text[20] = { 0 };
    n = sizeof from;
    ssize_t got = recvfrom(s, text, sizeof text, 0, (void *)&from, &n);
    printf("udp %zd %s %s\n", got, text, inet_ntoa(from.sin_addr));
    struct timeval t = { 0, 10000 };
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    printf("timeout %d\n", recv(s, text, 1, 0) == -1 && errno == EAGAIN);
}

static void waiting(void)
{
    int e = epoll_create1(0), ev = eventfd(0, EFD_NONBLOCK), t = timerfd_create(CLOCK_MONOTONIC, 0), p[2];
    pipe2(p, O_CLOEXEC);
    struct epoll_event add = { EPOLLIN, { .u64 = 0x123456789abcdefull } }, got[4];
    epoll_ctl(e, EPOLL_CTL_ADD, ev, &add);
    add.data.u64 = 2;
    epoll_ctl(e, EPOLL_CTL_ADD, p[0], &add);
    add.data.u64 = 3;
    epoll_ctl(e, EPOLL_CTL_ADD, t, &add);
    printf("nothing %d\n", epoll_wait(e, got, 4, 0));
    uint64_t n = 5;
    write(ev, &n, 8);
    printf("event %d %lx\n", epoll_wait(e, got, 4, 1000), (unsigned long)got[0].data.u64);
    read(ev, &n, 8);
    struct itimerspec when = { { 0, 0 }, { 0, 1000000 } };
    timerfd_settime(t, 0, &when, NULL);
    printf("timer %d %lu", epoll_wait(e, got, 4, 1000), (unsigned long)got[0].data.u64);
    read(t, &n, 8);
    printf(" %lu\n", (unsigned long)n);
    write(p[1], "z", 1);
    fd_set r;
    FD_ZERO(&r);
    FD_SET(p[0], &r);
    struct timeval tv = { 1, 0 };
    printf("select %d %d\n", select(p[0] + 1, &r, NULL, NULL, &tv), FD_ISSET(p[0], &r));
    struct pollfd f[2] = { { p[0], POLLIN, 0 }, { 999, POLLIN, 0 } };
    printf("poll %d %x %x\n", poll(f, 2, 0), f[0].revents, f[1].revents);
    printf("epoll error %d\n", epoll_ctl(e, EPOLL_CTL_ADD, 999, &add) == -1 && errno == EBADF);
}

int main(void)
{
    tcp();
    udp();
    pass_descriptor();
    waiting();
    struct sockaddr_un u = { .sun_family = AF_UNIX, .sun_path = "sock" };
    int s = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
    printf("unix %d", bind(s, (void *)&u, sizeof u));
    printf(" %zd", sendto(c, "abc", 3, 0, (void *)&u, sizeof u));
    char text[10] = { 0 };
    printf(" %zd %s\n", recv(s, text, 10, 0), text);
    unlink("sock");
    return 0;
}
