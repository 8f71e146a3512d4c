/* process - fork, vfork, exec of itself, pipes, exit codes, wait in its forms, process groups, environment. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *self;

static int child_mode(int argc, char **argv)
{
    char text[64];
    if (!strcmp(argv[1], "echo")) {
        printf("child: %s %s %s\n", argv[0][0] == '/' ? "path" : argv[0], argv[2], getenv("MARK") ? getenv("MARK") : "-");
        return 3;
    }
    if (!strcmp(argv[1], "upper")) {
        ssize_t n;
        while ((n = read(0, text, sizeof text)) > 0) {
            for (ssize_t i = 0; i < n; i++)
                if (text[i] >= 'a' && text[i] <= 'z')
                    text[i] -= 32;
            write(1, text, n);
        }
        return 0;
    }
    return 9;
}

static void show(const char *what, int status)
{
    if (WIFEXITED(status))
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    else
        printf("%s: signal %d\n", what, WTERMSIG(status));
    fflush(stdout);
}

static int clone_main(void *arg)
{
    *(int *)arg = 5;
    return 6;
}

int main(int argc, char **argv)
{
    int status, p[2], q[2];
    self = argv[0];
    if (argc > 1)
        return child_mode(argc, argv);
    if (fork() == 0)
        _exit(11);
    wait(&status);
    show("fork", status);
    if (vfork() == 0) {
        execl(self, self, "echo", "vfork", NULL);
        _exit(99);
    }
    wait(&status);
    show("vfork and exec", status);
    if (fork() == 0) {
        char *args[] = { "renamed", "echo", "environment", NULL }, *env[] = { "MARK=set", NULL };
        execve("/proc/self/exe", args, env);
        _exit(98);
    }
    wait(&status);
    show("exec of /proc/self/exe", status);
    pipe(p);
    pipe(q);
    if (fork() == 0) {
        dup2(p[0], 0);
        dup2(q[1], 1);
        close(p[1]);
        close(q[0]);
        execl(self, self, "upper", NULL);
        _exit(97);
    }
    close(p[0]);
    close(q[1]);
    write(p[1], "through two pipes\n", 18);
    close(p[1]);
    char text[100];
    ssize_t n = read(q[0], text, sizeof text);
    printf("%.*s", (int)n, text);
    wait(&status);
    show("filter", status);
    pid_t pid;
    char *args[] = { (char *)self, "echo", "spawned", NULL };
    int error = posix_spawn(&pid, self, NULL, NULL, args, environ);
    waitpid(pid, &status, 0);
    printf("spawn %d\n", error);
    show("posix_spawn", status);
    printf("exec of nothing: %d %d\n", execl("/nonexistent", "x", NULL), errno == ENOENT);
    printf("exec of a folder: %d %d\n", execl("/", "x", NULL), errno == EACCES);
    fflush(stdout);
    if ((pid = fork()) == 0) {
        raise(SIGSTOP);
        _exit(4);
    }
    waitpid(pid, &status, WUNTRACED);
    printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
    fflush(stdout);
    kill(pid, SIGCONT);
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED);
    printf("waitid code %d status %d mine %d\n", info.si_code, info.si_status, info.si_pid == pid);
    fflush(stdout);
    if (fork() == 0)
        *(volatile int *)0 = 0;
    struct rusage usage;
    wait4(-1, &status, 0, &usage);
    show("segfault", status);
    if (fork() == 0)
        abort();
    wait(&status);
    show("abort", status);
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int flag = 0;
    pid = clone(clone_main, stack + 65536, CLONE_VM | SIGCHLD, (void *)&flag);
    waitpid(pid, &status, 0);
    show("clone", status);
    printf("shared %d\n", flag);
    int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            __atomic_fetch_add(counter, i, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    printf("twenty children %d, no more: %d\n", *counter, errno == ECHILD);
    // 0 is the answer for a leader or a parent outside this process's pid namespace (pid_namespaces(7)).
    printf("group %d session %d parent %d\n", getpgid(0) == getpgrp(), getsid(0) >= 0, getppid() >= 0);
    fflush(stdout);
    execl(self, self, "echo", "last", NULL);
    return 1;
}
