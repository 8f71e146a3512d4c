/* Seccomp filters: every verdict, what they see, order, inheritance by threads, children and exec, TSYNC, errors.
 * `expected` was recorded from a native x86-64 run of this file. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define IF_NOT(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static long install(struct sock_filter *code, unsigned n, unsigned flags)
{
    struct sock_fprog p = {(unsigned short)n, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p) < 0 ? -errno : 0;
}

/* Verdict VALUE for call NR, else allow; another architecture dies. */
static long on_call(int nr, unsigned value, unsigned flags)
{
    struct sock_filter code[] = {LOAD(arch), IF_NOT(ARCH, 3), LOAD(nr), IF_NOT(nr, 2), RETURN(value),
                                 RETURN(SECCOMP_RET_KILL_PROCESS), RETURN(SECCOMP_RET_ALLOW)};
    return install(code, COUNT(code), flags);
}

static void in_child(const char *name, void (*fn)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        fn();
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("%s: %s %d\n", name, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static long sys(long nr)
{
    long r = syscall(nr, 1, 2, 3);
    return r < 0 ? -errno : r;
}

static int first_mode; /* in a container it is not 0 */

static void errno_verdict(void)
{
    printf("mode as before %d\n", prctl(PR_GET_SECCOMP) == first_mode);
    printf("install %ld\n", on_call(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, 0));
    printf("mode %d\n", prctl(PR_GET_SECCOMP));
    printf("getppid %ld, getpid works %d\n", sys(SYS_getppid), sys(SYS_getpid) == getpid());
    printf("large errno %ld\n", on_call(SYS_getuid, SECCOMP_RET_ERRNO | 0xffff, 0));
    syscall(SYS_getuid);
    printf("getuid %d\n", errno);
    printf("zero %ld\n", on_call(SYS_geteuid, SECCOMP_RET_ERRNO, 0));
    printf("geteuid %ld\n", sys(SYS_geteuid));
    printf("trace %ld\n", on_call(SYS_getgid, SECCOMP_RET_TRACE | 7, 0));
    printf("getgid %ld\n", sys(SYS_getgid));
    printf("unknown call %ld\n", sys(100000));
    printf("deny unknown %ld\n", on_call(100000, SECCOMP_RET_ERRNO | EDOM, 0));
    printf("unknown call %ld\n", sys(100000));
}

static void order(void)
{
    on_call(SYS_getppid, SECCOMP_RET_ERRNO | 10, 0);
    on_call(SYS_getppid, SECCOMP_RET_ERRNO | 20, 0);
    printf("newest of equals %ld\n", sys(SYS_getppid));
    on_call(SYS_getppid, SECCOMP_RET_ALLOW, 0);
    on_call(SYS_getppid, SECCOMP_RET_LOG, 0);
    printf("strictest %ld\n", sys(SYS_getppid));
}

static volatile int seen[5];
static void on_sys(int sig, siginfo_t *info, void *context)
{
    seen[0] = sig;
    seen[1] = info->si_code;
    seen[2] = info->si_errno;
    seen[3] = info->si_syscall == SYS_getppid && info->si_arch == ARCH;
    seen[4] = info->si_call_addr != NULL;
}

static void trap(void)
{
    struct sigaction a = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &a, NULL);
    on_call(SYS_getppid, SECCOMP_RET_TRAP | 77, 0);
    sys(SYS_getppid);
    printf("trap: signal %d code %d errno %d call %d address %d\n", seen[0], seen[1], seen[2], seen[3], seen[4]);
}

static void trap_unhandled(void)
{
    on_call(SYS_getppid, SECCOMP_RET_TRAP, 0);
    sys(SYS_getppid);
}

static void trap_blocked(void)
{
    sigset_t s;
    sigfillset(&s);
    sigprocmask(SIG_BLOCK, &s, NULL);
    signal(SIGSYS, SIG_IGN);
    trap_unhandled();
}

static void kill_process(void)
{
    on_call(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
    sys(SYS_getppid);
}

static void kill_last_thread(void)
{
    on_call(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
    sys(SYS_getppid);
}

static void unknown_action(void)
{
    on_call(SYS_getppid, 0x12340000, 0);
    sys(SYS_getppid);
}

static void *killed_thread(void *p)
{
    on_call(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
    sys(SYS_getppid);
    puts("not reached");
    return NULL;
}

static void kill_thread(void)
{
    pthread_t t;
    pthread_create(&t, NULL, killed_thread, NULL);
    pthread_join(t, NULL);
    printf("the others go on: %d\n", sys(SYS_getppid) > 0);
}

static void strict(void)
{
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    write(1, "strict\n", 7);
    syscall(SYS_exit, 3);
}

static void strict_breaks(void)
{
    syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
    sys(SYS_getpid);
}

/* A filter on arguments and arithmetic: getppid(1, 2, 3) gives ERRNO | (1 + 2 * 3 << 2) & ~1 ^ 8 ... */
static void arithmetic(void)
{
    struct sock_filter code[] = {
        LOAD(nr), IF_NOT(SYS_getppid, 27),
        LOAD(args[1]), BPF_STMT(BPF_MISC | BPF_TAX, 0), LOAD(args[2]), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
        BPF_STMT(BPF_ST, 3), LOAD(args[0]), BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 6), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3e),
        BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 2), BPF_STMT(BPF_ALU | BPF_NEG, 0),
        BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_LDX | BPF_IMM, 2), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 4, 0, 3),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40, 2, 0), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_A, 0), RETURN(SECCOMP_RET_ERRNO | 99), RETURN(SECCOMP_RET_ERRNO | 98), RETURN(SECCOMP_RET_ALLOW)};
    printf("install %ld\n", install(code, COUNT(code), 0));
    printf("result %ld\n", sys(SYS_getppid));
}

static void divide_by_zero(void)
{
    struct sock_filter code[] = {LOAD(nr), IF_NOT(SYS_getppid, 2), BPF_STMT(BPF_LDX | BPF_IMM, 0),
                                 BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RETURN(SECCOMP_RET_ALLOW)};
    printf("install %ld\n", install(code, COUNT(code), 0));
    fflush(stdout);
    sys(SYS_getppid);
}

static int pipe_of_thread[2], pipe_to_thread[2];
static void *synced(void *p)
{
    char c;
    write(pipe_of_thread[1], "x", 1);
    read(pipe_to_thread[0], &c, 1);
    printf("in the other thread %ld\n", sys(SYS_getppid));
    return NULL;
}

static void *own_filter(void *p)
{
    char c;
    on_call(SYS_getuid, SECCOMP_RET_ERRNO | 1, 0);
    write(pipe_of_thread[1], "x", 1);
    read(pipe_to_thread[0], &c, 1);
    return NULL;
}

static void tsync(void)
{
    pthread_t t;
    char c;
    pipe(pipe_of_thread);
    pipe(pipe_to_thread);
    on_call(SYS_getppid, SECCOMP_RET_LOG, 0);
    pthread_create(&t, NULL, synced, NULL);
    read(pipe_of_thread[0], &c, 1);
    printf("tsync %ld\n", on_call(SYS_getppid, SECCOMP_RET_ERRNO | 55, SECCOMP_FILTER_FLAG_TSYNC));
    write(pipe_to_thread[1], "x", 1);
    pthread_join(t, NULL);
    pthread_create(&t, NULL, own_filter, NULL);
    read(pipe_of_thread[0], &c, 1);
    struct sock_filter code[] = {RETURN(SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {1, code};
    printf("tsync names the other thread: %d\n",
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &p) > 0);
    printf("tsync with ESRCH %ld\n", install(code, 1, SECCOMP_FILTER_FLAG_TSYNC | 16));
    write(pipe_to_thread[1], "x", 1);
    pthread_join(t, NULL);
}

static char *self;
static void through_exec(void)
{
    on_call(SYS_getppid, SECCOMP_RET_ERRNO | 44, 0);
    on_call(SYS_getuid, SECCOMP_RET_ERRNO | 45, 0);
    execl(self, self, "executed", NULL);
}

static void executed(void)
{
    printf("after exec: mode %d, getppid %ld, getuid %ld\n", prctl(PR_GET_SECCOMP), sys(SYS_getppid), sys(SYS_getuid));
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        _exit((int)-sys(SYS_getppid));
    waitpid(pid, &status, 0);
    printf("child of it %d\n", WEXITSTATUS(status));
    pid = vfork();
    if (!pid) {
        execl(self, self, "again", NULL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    printf("its exec %d\n", WEXITSTATUS(status));
    for (int i = 3; i < 256; i++)
        if (fcntl(i, 1 /* F_GETFD */) >= 0)
            printf("descriptor %d is open\n", i);
}

static long call(unsigned operation, unsigned flags, void *p)
{
    return syscall(SYS_seccomp, operation, flags, p) < 0 ? -errno : 0;
}

static void errors(void)
{
    struct sock_filter ok[] = {RETURN(SECCOMP_RET_ALLOW)};
    struct sock_filter no_return[] = {LOAD(nr)};
    struct sock_filter odd_offset[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN(0)};
    struct sock_filter far_offset[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN(0)};
    struct sock_filter byte_load[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RETURN(0)};
    struct sock_filter far_jump[] = {IF_NOT(1, 1), RETURN(0)};
    struct sock_filter far_always[] = {BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(0)};
    struct sock_filter unwritten[] = {BPF_STMT(BPF_LD | BPF_MEM, 1), RETURN(0)};
    struct sock_filter half_written[] = {LOAD(nr), IF_NOT(1, 1), BPF_STMT(BPF_ST, 1), BPF_STMT(BPF_LD | BPF_MEM, 1), RETURN(0)};
    struct sock_filter far_word[] = {BPF_STMT(BPF_ST, 16), RETURN(0)};
    struct sock_filter divide[] = {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN(0)};
    struct sock_filter modulo[] = {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RETURN(0)};
    struct sock_filter shift[] = {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN(0)};
    struct sock_filter msh[] = {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), RETURN(0)};
#define TRY(code) printf(#code " %ld\n", install(code, COUNT(code), 0))
    TRY(no_return), TRY(odd_offset), TRY(far_offset), TRY(byte_load), TRY(far_jump), TRY(far_always), TRY(unwritten);
    TRY(half_written), TRY(far_word), TRY(divide), TRY(modulo), TRY(shift), TRY(msh);
    printf("empty %ld\n", install(ok, 0, 0));
    printf("too long %ld\n", install(ok, 4097, 0));
    printf("bad flags %ld\n", install(ok, 1, 0x8000));
    printf("bad code pointer %ld\n", install((void *)8, 1, 0));
    printf("bad pointer %ld\n", call(SECCOMP_SET_MODE_FILTER, 0, (void *)8));
    printf("bad operation %ld\n", call(99, 0, NULL));
    printf("strict with flags %ld\n", call(SECCOMP_SET_MODE_STRICT, 1, NULL));
    printf("prctl %d", prctl(PR_SET_SECCOMP, 9, 0, 0, 0));
    printf(" %d\n", errno);
    unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                          SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW, 0x12340000};
    for (unsigned i = 0; i < COUNT(actions); i++)
        printf("action 0x%08x %ld\n", actions[i], call(SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
    printf("mode as before %d\n", prctl(PR_GET_SECCOMP) == first_mode);
    printf("good %ld\n", install(ok, 1, 0));
    printf("strict after filter %ld\n", call(SECCOMP_SET_MODE_STRICT, 0, NULL));
}

static void status_file(void)
{
    char line[256];
    on_call(SYS_getppid, SECCOMP_RET_LOG, 0);
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "Seccomp:", 8) || !strncmp(line, "NoNewPrivs", 10))
            fputs(line, stdout);
}

int main(int argc, char **argv)
{
    self = argv[0];
    first_mode = prctl(PR_GET_SECCOMP);
    for (int i = 3; i < 256 && argc == 1; i++)
        close(i); /* of whoever started us */
    if (argc > 1 && !strcmp(argv[1], "executed"))
        return executed(), 0;
    if (argc > 1)
        return (int)-sys(SYS_getuid);
    in_child("errno", errno_verdict);
    in_child("order", order);
    in_child("trap", trap);
    in_child("trap_unhandled", trap_unhandled);
    in_child("trap_blocked", trap_blocked);
    in_child("kill_process", kill_process);
    in_child("kill_last_thread", kill_last_thread);
    in_child("unknown_action", unknown_action);
    in_child("kill_thread", kill_thread);
    in_child("strict", strict);
    in_child("strict_breaks", strict_breaks);
    in_child("arithmetic", arithmetic);
    in_child("divide_by_zero", divide_by_zero);
    in_child("tsync", tsync);
    in_child("through_exec", through_exec);
    in_child("errors", errors);
    in_child("status", status_file);
    return 0;
}
