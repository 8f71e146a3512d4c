/* exec_rules - scripts, descriptors, errors and what a new program inherits, through execve and execveat. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[4096];

static void put(const char *name, const char *text, int mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    write(fd, text, strlen(text));
    fchmod(fd, mode);
    close(fd);
}

/* Run and report: the errno of a failed execve, or the exit status. */
static void run(const char *title, const char *path, char *const argv[], char *const envp[])
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        execve(path, argv, envp);
        printf("%s: %s\n", title, strerror(errno));
        fflush(stdout);
        _exit(99);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) != 99)
        printf("%s: status %x\n", title, status);
}

/* Without what differs from run to run: the folder, the program's own name. */
static const char *short_name(const char *name)
{
    const char *base = strrchr(self, '/') + 1;
    const char *in_tmp = strncmp(name, "/tmp/exec_rules-", 16) ? NULL : strchr(name + 16, '/');
    if (in_tmp)
        return in_tmp + 1;
    if (!strcmp(name, self) || !strncmp(name, base, 15))
        return "PROGRAM";
    return name;
}

static int child(int argc, char **argv)
{
    char comm[16], exe[4096];
    prctl(PR_GET_NAME, comm);
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    exe[n < 0 ? 0 : n] = 0;
    const char *base = strrchr((char *)getauxval(AT_EXECFN), '/');
    const char *execfn = base ? base + 1 : (char *)getauxval(AT_EXECFN);
    printf("  argc %d argv0 %s comm %s exe ok %d execfn %s\n", argc, short_name(argv[0]), short_name(comm),
           !strcmp(exe, self), short_name(execfn));
    for (int i = 1; i < argc; i++)
        printf("  [%s]\n", short_name(argv[i]));
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    struct sigaction term, segv, usr1;
    sigaction(SIGTERM, NULL, &term);
    sigaction(SIGSEGV, NULL, &segv);
    sigaction(SIGUSR1, NULL, &usr1);
    printf("  blocked hup %d segv %d, ignored term %d segv %d usr1 %d\n", sigismember(&set, SIGHUP),
           sigismember(&set, SIGSEGV), term.sa_handler == SIG_IGN, segv.sa_handler == SIG_IGN,
           usr1.sa_handler == SIG_IGN);
    sigset_t pending;
    sigpending(&pending);
    printf("  pending hup %d; descriptors", sigismember(&pending, SIGHUP));
    for (int fd = 3; fd < 100; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf(" %d", fd);
    printf("; environment %s\n", getenv("TEST") ? getenv("TEST") : "none");
    return 7;
}

static void on_usr1(int sig) { (void)sig; }

static void test_errors(void)
{
    char *argv[] = {"x", NULL};
    put("noexec", "#!/bin/sh\n", 0644);
    put("empty", "", 0755);
    put("text", "hello\n", 0755);
    put("noint", "#!\n", 0755);
    put("missing", "#!/no/such/interpreter\n", 0755);
    put("notexec", "#!./noexec\n", 0755);
    mkdir("dir", 0755);
    symlink("loop", "loop");
    for (int i = 0; i < 8; i++) {
        char name[16], text[64];
        snprintf(name, sizeof(name), "s%d", i);
        snprintf(text, sizeof(text), "#!./s%d\n", i + 1);
        put(name, text, 0755);
    }
    int fd = open("cut", O_WRONLY | O_CREAT, 0755), from = open(self, O_RDONLY);
    char head[40];
    read(from, head, sizeof(head));
    write(fd, head, sizeof(head));
    close(fd);
    close(from);
    static const char *const names[] = {"noexec", "empty", "text", "noint", "missing", "notexec", "dir", "loop", "s0",
                                        "s2", "cut", "nothing", "text/below", ""};
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
        run(names[i], names[i], argv, argv + 1);
    run("bad path", (char *)8, argv, argv + 1);
    run("bad argv", self, (char **)8, argv + 1);
    char *bad[] = {"x", (char *)8, NULL};
    run("bad argument", self, bad, argv + 1);
    char *longer = malloc(200000);
    memset(longer, 'a', 199999);
    longer[199999] = 0;
    char *big[] = {"x", longer, NULL};
    run("long argument", self, big, argv + 1);
    memset(longer, 'b', 5000);
    longer[5000] = 0;
    run("long path", longer, argv, argv + 1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && getenv("SELF")) {
        snprintf(self, sizeof(self), "%s", getenv("SELF"));
        return child(argc, argv);
    }
    if (!realpath(argv[0], self))
        return 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 3; i < 100; i++)
        close(i);
    char dir[] = "/tmp/exec_rules-XXXXXX", text[5000], env_self[5000];
    mkdtemp(dir);
    chdir(dir);
    snprintf(env_self, sizeof(env_self), "SELF=%s", self);
    char *envp[] = {env_self, "TEST=yes", NULL};
    char *args[] = {"name of my own", "one", "two words", "", NULL};
    run("plain", self, args, envp);
    symlink(self, "link");
    run("symlink", "./link", args, envp);
    snprintf(text, sizeof(text), "#!%s  with one  argument \nignored\n", self);
    put("script", text, 0755);
    run("script", "./script", args, envp);
    snprintf(text, sizeof(text), "#!%s/script\n", dir);
    put("outer", text, 0755);
    run("nested script", "outer", args, envp);
    put("relative", "#!./link\n", 0755);
    run("relative interpreter", "relative", args, envp);
    char *none[] = {"zero", "-L", "--", "-strace", NULL};
    run("options of nobody", self, none, envp);

    /* Signals and descriptors that pass through. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGSEGV);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGTERM, SIG_IGN);
    signal(SIGSEGV, SIG_IGN);
    signal(SIGUSR1, on_usr1);
    int fd = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    printf("open: %d %d\n", fd, closed);
    run("inherited", self, args, envp);
    pid_t pid = fork();
    if (!pid) {
        raise(SIGHUP);
        execve(self, args, envp);
    }
    waitpid(pid, NULL, 0);
    int status;
    pid = fork();
    if (!pid) {
        int program = open(self, O_RDONLY);
        execveat(program, "", args, envp, AT_EMPTY_PATH);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    printf("execveat: %x\n", status);
    pid = fork();
    if (!pid) {
        int program = open(self, O_RDONLY), copy = memfd_create("copy", MFD_CLOEXEC);
        ssize_t n;
        while ((n = read(program, text, sizeof(text))) > 0)
            write(copy, text, n);
        fexecve(copy, (char *[]){"from memory", NULL}, envp);
        perror("fexecve");
        _exit(1);
    }
    waitpid(pid, &status, 0);
    printf("memory: %x\n", status);
    signal(SIGSEGV, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    test_errors();
    pid = vfork();
    if (!pid) {
        execve("nothing", args, envp);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    printf("vfork: %x\n", status);
    printf("posix_spawn: %s\n", strerror(posix_spawn(&pid, "./noexec", NULL, NULL, args, envp)));
    posix_spawnattr_t attr;
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    posix_spawnattr_setsigdefault(&attr, &set);
    int error = posix_spawn(&pid, self, NULL, &attr, args, envp);
    waitpid(pid, &status, 0);
    printf("posix_spawn: %s, status %x\n", strerror(error), status);
    chdir("/");
    char clean[64];
    snprintf(clean, sizeof(clean), "rm -r %s", dir);
    return system(clean);
}
