/* proc_view - what a program reads about itself in /proc is about itself and not about what runs it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
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

extern char **environ;
static char text[1 << 20];

static ssize_t slurp_at(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0, got;
    if (fd < 0)
        return -1;
    while ((got = read(fd, text + n, 100)) > 0)
        n += got;
    text[n] = 0;
    close(fd);
    return n;
}

static void cmdline(const char *title, ssize_t n)
{
    printf("%s:", title);
    for (char *p = text; n > 0 && p < text + n; p += strlen(p) + 1)
        printf(" [%s]", strrchr(p, '/') ? "program" : p);
    printf("\n");
}

static void *in_thread(void *p)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%ld/cmdline", syscall(SYS_gettid));
    cmdline("thread", slurp_at(AT_FDCWD, path));
    prctl(PR_SET_NAME, "a thread");
    slurp_at(AT_FDCWD, "/proc/thread-self/comm");
    printf("comm: %s", text);
    return p;
}

static void test_exe(const char *argv0)
{
    char link[PATH_MAX], real[PATH_MAX];
    struct stat a, b;
    ssize_t n = readlink("/proc/self/exe", link, sizeof(link));
    if (!realpath(argv0, real))
        perror("realpath");
    printf("exe: %d %d\n", n == (ssize_t)strlen(real), n > 0 && !memcmp(link, real, n));
    printf("short: %zd\n", readlink("/proc/self/exe", link, 3));
    int proc = open("/proc", O_PATH | O_DIRECTORY), self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    n = readlinkat(proc, "self/exe", link, sizeof(link));
    printf("relative: %d", n > 0 && !memcmp(link, real, n));
    n = readlinkat(self, "exe", link, sizeof(link));
    printf(" %d\n", n > 0 && !memcmp(link, real, n));
    stat(argv0, &a);
    stat("/proc/self/exe", &b);
    printf("stat: %d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    fstatat(self, "exe", &b, 0);
    printf(" %d", a.st_ino == b.st_ino);
    int fd = open("/proc/self/exe", O_RDONLY);
    fstat(fd, &b);
    printf(" %d", a.st_ino == b.st_ino);
    uint8_t head[20];
    read(fd, head, sizeof(head));
    printf(" %s", !memcmp(head, "\177ELF", 4) ? "ELF" : "?");
    lstat("/proc/self/exe", &b);
    printf(" link %d access %d\n", S_ISLNK(b.st_mode), access("/proc/self/exe", X_OK));
    cmdline("relative", slurp_at(self, "cmdline"));
    chdir("/proc");
    cmdline("from /proc", slurp_at(AT_FDCWD, "self/cmdline"));
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", getpid());
    cmdline("by number", slurp_at(AT_FDCWD, path));
    cmdline("odd spelling", slurp_at(AT_FDCWD, "/proc//self///cmdline"));
}

static void test_auxv(void)
{
    ssize_t n = slurp_at(AT_FDCWD, "/proc/self/auxv");
    unsigned long *v = (unsigned long *)text;
    int same = 1, has_end = 0;
    for (ssize_t i = 0; i + 16 <= n; i += 16, v += 2) {
        if (v[0] == AT_NULL)
            has_end = 1;
        else if ((v[0] == AT_PHDR || v[0] == AT_ENTRY || v[0] == AT_RANDOM || v[0] == AT_EXECFN) && getauxval(v[0]) != v[1])
            same = 0;
    }
    printf("auxv: same %d end %d\n", same, has_end);
    static char words[4096];
    enum { GET_AUXV = 0x41555856 };
    ssize_t all = prctl(GET_AUXV, words, sizeof(words), 0, 0), none = prctl(GET_AUXV, words, 0, 0, 0);
    printf("by prctl: %d %d %d\n", all >= n, !memcmp(words, text, n), none == all);
}

static void test_environ(void)
{
    ssize_t n = slurp_at(AT_FDCWD, "/proc/self/environ"), at = 0;
    int same = 1;
    for (char **e = environ; *e; e++) {
        if (at >= n || strcmp(text + at, *e))
            same = 0;
        at += strlen(*e) + 1;
    }
    printf("environ: %d %d\n", same, at == n);
}

static void test_stat(void)
{
    ssize_t n = slurp_at(AT_FDCWD, "/proc/self/stat");
    int pid, fields = 0;
    char name[64];
    unsigned long start_code = 0, end_code = 0, start_stack = 0;
    sscanf(text, "%d (%63[^)])", &pid, name);
    char *saved, *word = strtok_r(strrchr(text, ')') + 1, " \n", &saved);
    for (fields = 3; word; word = strtok_r(NULL, " \n", &saved), fields++) {
        if (fields == 26)
            start_code = strtoul(word, NULL, 10);
        if (fields == 27)
            end_code = strtoul(word, NULL, 10);
        if (fields == 28)
            start_stack = strtoul(word, NULL, 10);
    }
    uintptr_t code = (uintptr_t)&test_stat, stack = (uintptr_t)&n;
    printf("stat: pid %d name %s fields %d code %d stack %d\n", pid == getpid(), name, fields - 1,
           start_code < code && code < end_code, start_stack > stack && start_stack - stack < 1 << 20);
}

static void test_maps(void)
{
    char line[PATH_MAX + 100];
    int own = 0, stack = 0, smaps = 0, ordered = 1;
    unsigned long last = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof(line), f)) {
        unsigned long from, to;
        sscanf(line, "%lx-%lx", &from, &to);
        ordered &= from >= last && to > from;
        last = to;
        own += from <= (uintptr_t)test_maps && (uintptr_t)test_maps < to && strstr(line, "r-xp") && strchr(line, '/');
        stack += from <= (uintptr_t)line && (uintptr_t)line < to && strstr(line, "[stack]");
    }
    fclose(f);
    f = fopen("/proc/self/smaps", "r");
    while (f && fgets(line, sizeof(line), f))
        smaps += !strncmp(line, "Size:", 5) || !strncmp(line, "VmFlags:", 8);
    fclose(f);
    printf("maps: code %d stack %d ordered %d smaps %d\n", own, stack, ordered, smaps > 4 && smaps % 2 == 0);
}

/* The same of a child that runs another program: what ps and start-stop-daemon look at. */
static void test_child(void)
{
    char path[64], real[PATH_MAX] = "", link[PATH_MAX] = "";
    struct stat a, b;
    int ready[2];
    pipe(ready);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        char *args[] = {"renamed", "wait", "for it", NULL}, *env[] = {"D=4", NULL};
        dup2(ready[1], 1);
        execve("/proc/self/exe", args, env);
        _exit(1);
    }
    close(ready[1]);
    read(ready[0], text, 1);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    cmdline("cmdline of a child", slurp_at(AT_FDCWD, path));
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    cmdline("environ of a child", slurp_at(AT_FDCWD, path));
    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    if (readlink(path, link, sizeof(link) - 1) < 0 || readlink("/proc/self/exe", real, sizeof(real) - 1) < 0)
        perror(path);
    printf("exe of a child: %d %d\n", !strcmp(link, real), !stat(path, &a) && !stat(real, &b) && a.st_ino == b.st_ino);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The figure KEY of the mapping that holds ADDRESS. */
static long smaps_figure(const void *address, const char *key)
{
    unsigned long from, to, at = (unsigned long)address;
    int inside = 0;
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[256];
    long kb = -1;
    while (f && kb < 0 && fgets(line, sizeof(line), f))
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= at && at < to;
        else if (inside && !strncmp(line, key, strlen(key)))
            kb = atol(line + strlen(key));
    fclose(f);
    return kb;
}

/* Redis looks like this for a page that a fork of the kernel loses. */
static void test_smaps(void)
{
    char *p = mmap(NULL, 3 * 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 65536;
    mprotect(p, 65536, PROT_READ | PROT_WRITE);
    *(volatile char *)p = 1;
    printf("smaps: size %ld rss %ld", smaps_figure(p, "Size:"), smaps_figure(p, "Rss:"));
    printf(" private %ld", smaps_figure(p, "Private_Dirty:"));
    madvise(p, 65536, MADV_FREE);
    *(volatile char *)p = 2;
    fflush(stdout);
    if (!fork()) {
        printf(" shared %ld", smaps_figure(p, "Shared_Dirty:"));
        printf(" private %ld", smaps_figure(p, "Private_Dirty:"));
        printf(" anonymous %ld, code %d\n", smaps_figure(p, "Anonymous:"), smaps_figure((void *)test_smaps, "Rss:") > 0);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc == 3) {
        write(1, "x", 1);
        pause();
    }
    if (argc == 1) {
        char *args[] = {argv[0], "one", "", "two words", NULL}, *env[] = {"A=1", "B=two words", "C=", NULL};
        execve("/proc/self/exe", args, env);
        return 1;
    }
    cmdline("cmdline", slurp_at(AT_FDCWD, "/proc/self/cmdline"));
    test_auxv();
    test_environ();
    test_stat();
    test_maps();
    slurp_at(AT_FDCWD, "/proc/self/comm");
    printf("comm: %s", text);
    pthread_t id;
    pthread_create(&id, NULL, in_thread, NULL);
    pthread_join(id, NULL);
    test_smaps();
    test_exe(argv[0]);
    test_child();
    return 0;
}
