/* notify_cases - seccomp_unotify(2): what a supervisor sees, each way to answer, signals, inheritance, errors. Prints the same
 * on every CPU. Not to be run under a filter. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { WAIT_KILLABLE_RECV = 32, ADDFD_SEND = 2 };

static char *self;
static int listener;

static long install(int nr, unsigned flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {COUNT(code), code};
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
    return r < 0 ? -errno : r;
}

static long getsid_as(long a, long b)
{
    long r = syscall(SYS_getsid, a, b, 3, 4, 5, 6);
    return r < 0 ? -errno : r;
}

/* -- The one that is supervised -- */

static pthread_barrier_t ready;
static pid_t worker_tid;
static volatile int handled;
static void on_signal(int sig) { handled += sig == SIGUSR1; }

static void handle(int flags)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &a, NULL);
}

static void *worker(void *unused)
{
    char buf[8] = "";
    int status;
    worker_tid = (pid_t)syscall(SYS_gettid);
    listener = (int)install(SYS_getsid, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    printf("close on exec %d\n", fcntl(listener, F_GETFD));
    pthread_barrier_wait(&ready);
    printf("value %ld\n", getsid_as(111, 222));
    printf("error %ld\n", getsid_as(1, 2));
    printf("continued %d\n", getsid_as(0, 0) >= 0);
    printf("continued into an error %ld\n", getsid_as(-5, 0));
    int fd = (int)getsid_as(0, 0);
    printf("descriptor reads %zd %s\n", pread(fd, buf, 4, 0), buf);
    printf("second listener %ld\n", install(SYS_getpriority, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    printf("without listener %ld\n", install(SYS_getpriority, 0));
    errno = 0;
    syscall(SYS_getpriority, 0, 0);
    printf("no listener %d\n", errno);
    handle(SA_RESTART);
    long r = getsid_as(7, 7);
    printf("restarted %ld after %d signals\n", r, handled);
    handle(0);
    r = getsid_as(8, 8);
    printf("interrupted %ld after %d signals\n", r, handled);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        execl(self, self, "started", NULL);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
    fflush(stdout);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&ready);
    printf("listener closed %ld\n", getsid_as(0, 0));
    return NULL;
}

/* -- The supervisor -- */

static struct seccomp_notif receive(void)
{
    struct seccomp_notif n = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
        perror("receive");
    return n;
}

static int control(unsigned long request, void *p)
{
    int r = ioctl(listener, request, p);
    return r < 0 ? -errno : r;
}

static int answer(unsigned long long id, long value, int error, unsigned flags)
{
    struct seccomp_notif_resp a = {id, value, error, flags};
    return control(SECCOMP_IOCTL_NOTIF_SEND, &a);
}

static void supervise(FILE *out)
{
    struct seccomp_notif n = receive();
    unsigned long long bad = n.id + 77;
    fprintf(out, "seen: call %d arch %d flags %u args %llu %llu %llu %llu %llu %llu thread %d\n", n.data.nr == SYS_getsid,
           n.data.arch == ARCH, n.flags, n.data.args[0], n.data.args[1], n.data.args[2], n.data.args[3], n.data.args[4],
           n.data.args[5], (pid_t)n.pid == worker_tid);
    fprintf(out, "valid %d\n", control(SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
    fprintf(out, "valid %d\n", control(SECCOMP_IOCTL_NOTIF_ID_VALID, &bad));
    fprintf(out, "wrong id %d\n", answer(bad, 0, 0, 0));
    fprintf(out, "continue with an error %d\n", answer(n.id, 0, -1, 1));
    fprintf(out, "continue with a value %d\n", answer(n.id, 1, 0, 1));
    fprintf(out, "unknown flag %d\n", answer(n.id, 0, 0, 8));
    fprintf(out, "buffer not zero %d\n", control(SECCOMP_IOCTL_NOTIF_RECV, &n));
    fprintf(out, "bad pointer %d\n", control(SECCOMP_IOCTL_NOTIF_RECV, (void *)8));
    fprintf(out, "bad pointer %d\n", control(SECCOMP_IOCTL_NOTIF_SEND, (void *)8));
    fprintf(out, "answer %d\n", answer(n.id, 0x123456789, 0, 0));
    answer(receive().id, 0, -ENOTTY, 0);
    n = receive();
    answer(n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    n = receive();
    answer(n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
    int file = open(self, O_RDONLY);
    struct seccomp_notif_addfd add = {.id = receive().id, .flags = ADDFD_SEND, .srcfd = (unsigned)file};
    fprintf(out, "descriptor added %d\n", control(SECCOMP_IOCTL_NOTIF_ADDFD, &add) > file);
    for (int i = 0; i < 2; i++) {
        n = receive();
        syscall(SYS_tgkill, getpid(), worker_tid, SIGUSR1);
        /* Gone once the signal has been seen. */
        while (!ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id))
            usleep(1000);
        fprintf(out, "too late %d\n", answer(n.id, 1, 0, 0));
        if (i == 0)
            fprintf(out, "anew %d\n", answer(receive().id, 5, 0, 0));
    }
    n = receive();
    fprintf(out, "after exec: call %d arch %d args %llu %llu other process %d\n", n.data.nr == SYS_getsid, n.data.arch == ARCH,
           n.data.args[0], n.data.args[1], (pid_t)n.pid != worker_tid);
    answer(n.id, 42, 0, 0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    unsigned short sizes[3] = {0};
    char *text = NULL;
    size_t size = 0;
    unsigned action = SECCOMP_RET_USER_NOTIF;
    self = argv[0];
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    if (argc > 1)
        return (int)getsid_as(31, 32);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes);
    printf("sizes %hu %hu %hu\n", sizes[0], sizes[1], sizes[2]);
    printf("action %ld\n", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    printf("flags %ld %ld %ld\n", install(SYS_getsid, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC),
           install(SYS_getsid, WAIT_KILLABLE_RECV), install(SYS_getsid, 1 << 10));
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, worker, NULL);
    pthread_barrier_wait(&ready);
    FILE *out = open_memstream(&text, &size); /* the threads' texts one after the other */
    supervise(out);
    fclose(out);
    pthread_barrier_wait(&ready);
    close(listener);
    pthread_barrier_wait(&ready);
    pthread_join(thread, NULL);
    printf("%s", text);
    return 0;
}
