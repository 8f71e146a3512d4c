/* probe.c - tiny programs for each guest, to see whether such programs start here. */
#include "applets/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/self.h"

enum {
    STATUS = 7,
    CODE_AT = 128,
    MAX_CODE = 16,
    PROBE_SIZE = CODE_AT + MAX_CODE,
    BASE = 0x400000,
    TEXT = 96
};

/* exit(7) in the machine code of each guest, and the e_flags that its kernel wants to see. */
static const struct {
    const char *guest;
    uint32_t flags;
    uint8_t n, code[MAX_CODE];
} programs[] = {
    /* mov x0, #7; mov x8, #93; svc #0 */
    {"aarch64", 0, 12, {0xe0, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4}},
    /* mov r0, #7; mov r7, #1; svc 0 */
    {"arm",
     0x05000000,
     12,
     {0x07, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef}},
    /* mov ebx, 7; mov eax, 1; int 0x80 */
    {"i386", 0, 12, {0xbb, 7, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80}},
    /* mov edi, 7; mov eax, 60; syscall */
    {"x86_64", 0, 12, {0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}},
    /* li a0, 7; li a7, 93; ecall */
    {"riscv64", 0, 12, {0x13, 0x05, 0x70, 0x00, 0x93, 0x08, 0xd0, 0x05, 0x73, 0x00, 0x00, 0x00}},
    {"riscv32", 0, 12, {0x13, 0x05, 0x70, 0x00, 0x93, 0x08, 0xd0, 0x05, 0x73, 0x00, 0x00, 0x00}},
    /* li r0, 1; li r3, 7; sc */
    {"ppc64le", 2, 12, {0x01, 0x00, 0x00, 0x38, 0x07, 0x00, 0x60, 0x38, 0x02, 0x00, 0x00, 0x44}},
    /* lghi %r2, 7; svc 1 */
    {"s390x", 0, 6, {0xa7, 0x29, 0x00, 0x07, 0x0a, 0x01}},
    /* li v0, 5058; li a0, 7; syscall */
    {"mips64",
     0x80000000,
     12,
     {0x24, 0x02, 0x13, 0xc2, 0x24, 0x04, 0x00, 0x07, 0x00, 0x00, 0x00, 0x0c}},
    {"mips64el",
     0x80000000,
     12,
     {0xc2, 0x13, 0x02, 0x24, 0x07, 0x00, 0x04, 0x24, 0x0c, 0x00, 0x00, 0x00}},
    /* addi.w $a0, $zero, 7; addi.w $a7, $zero, 93; syscall 0 */
    {"loongarch64",
     0x43,
     12,
     {0x04, 0x1c, 0x80, 0x02, 0x0b, 0x74, 0x81, 0x02, 0x00, 0x00, 0x2b, 0x00}},
};

static void put(const struct guest *g, uint8_t *at, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[g->big_endian ? n - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* An ELF program of one segment at FILE (PROBE_SIZE bytes, zero). */
static bool build(const struct guest *g, uint8_t *file)
{
    unsigned i = 0, w = g->bits / 8, head = 40 + 3 * w; /* bytes of the ELF header */
    while (i < ARRAY_SIZE(programs) && strcmp(programs[i].guest, g->name))
        i++;
    if (i == ARRAY_SIZE(programs))
        return false;
    memcpy(file, "\177ELF", 4);
    file[4] = (uint8_t)(w / 4);
    file[5] = g->big_endian ? 2 : 1;
    file[6] = 1;
    put(g, file + 16, 2, 2); /* ET_EXEC */
    put(g, file + 18, g->elf_machine, 2);
    put(g, file + 20, 1, 4);
    put(g, file + 24, BASE + CODE_AT, w);
    put(g, file + 24 + w, head, w);
    put(g, file + 24 + 3 * w, programs[i].flags, 4);
    put(g, file + 28 + 3 * w, head, 2);
    put(g, file + 30 + 3 * w, w == 8 ? 56 : 32, 2);
    put(g, file + 32 + 3 * w, 1, 2);
    put(g, file + 34 + 3 * w, w == 8 ? 64 : 40,
        2); /* size of section headers, of which there are none */
    uint8_t *segment = file + head;
    put(g, segment, 1, 4); /* PT_LOAD */
    put(g, w == 8 ? segment + 4 : segment + 24, 5, 4);
    put(g, segment + (w == 8 ? 16 : 8), BASE, w);
    put(g, segment + (w == 8 ? 24 : 12), BASE, w);
    put(g, segment + (w == 8 ? 32 : 16), PROBE_SIZE, w);
    put(g, segment + (w == 8 ? 40 : 20), PROBE_SIZE, w);
    put(g, segment + (w == 8 ? 48 : 28), 0x10000, w);
    memcpy(file + CODE_AT, programs[i].code, programs[i].n);
    return true;
}

/* Run PATH in a child. SELF: descriptor of this binary, which is to run it; -1: the kernel is.
 * Returns an errno if it does not start, else 0 and *status. */
static int run(int self, char *path, int *status)
{
    int report[2], error = 0;
    if (pipe2(report, O_CLOEXEC))
        return errno;
    pid_t pid = fork();
    if (!pid) {
        char *argv[] = {(char *)"anyarch", (char *)"--", path, NULL}, *env[] = {NULL};
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; null >= 0 && fd < 3; fd++)
            dup2(null, fd);
        if (self >= 0)
            fexecve(self, argv, env);
        else
            execve(path, argv + 2, env);
        error = errno;
        _exit(write(report[1], &error, sizeof error) != sizeof error);
    }
    error = pid < 0 ? errno : 0;
    close(report[1]);
    if (pid > 0 && read(report[0], &error, sizeof error) < 0)
        error = errno;
    close(report[0]);
    if (pid > 0)
        while (waitpid(pid, status, 0) < 0 && errno == EINTR)
            ;
    return error;
}

/* Write the program to a place from which it can be executed. Fills in PATH (64 bytes), empty PATH:
 * a memfd. */
static int place(const uint8_t *file, unsigned attempt, char *path)
{
    static const char *const folders[] = {"/tmp", "/dev/shm", "/var/tmp", "/run", ""};
    int fd;
    if (attempt < ARRAY_SIZE(folders)) {
        snprintf(path, 64, "%s/.anyarch-probe-XXXXXX", folders[attempt]);
        fd = mkstemp(path);
    } else if (attempt == ARRAY_SIZE(folders)) {
        fd = memfd_create("anyarch-probe", 0);
        *path = 0;
    } else {
        return -2;
    }
    if (fd < 0)
        return -1;
    if (write(fd, file, PROBE_SIZE) != PROBE_SIZE || fchmod(fd, 0700)) {
        if (*path)
            unlink(path);
        close(fd);
        return -1;
    }
    return fd;
}

static enum probe_result probe(const struct guest *g, int self, char *text)
{
    uint8_t file[PROBE_SIZE] = {0};
    int error = EACCES, status = 0, fd;
    char path[64], link[64];
    if (!build(g, file)) {
        snprintf(text, TEXT, "there is no test program for %s", g->name);
        return PROBE_UNKNOWN;
    }
    for (unsigned i = 0; error == EACCES && (fd = place(file, i, path)) > -2; i++) {
        if (fd < 0)
            continue;
        /* A file that is open for writing cannot be executed. */
        if (*path) {
            close(fd);
            error = run(self, path, &status);
            unlink(path);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            int reader = open(link, O_RDONLY);
            close(fd);
            snprintf(link, sizeof link, "/proc/self/fd/%d", reader);
            error = reader < 0 ? errno : run(self, link, &status);
            close(reader);
        }
    }
    if (error)
        snprintf(text, TEXT, "a test program does not start: %s", strerror(error));
    else if (WIFSIGNALED(status))
        snprintf(text, TEXT, "a test program dies of signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != STATUS)
        snprintf(text, TEXT, "a test program ends with status %d, not %d", WEXITSTATUS(status),
                 STATUS);
    else
        snprintf(text, TEXT, "a test program runs");
    return error || !WIFEXITED(status) || WEXITSTATUS(status) != STATUS ? PROBE_FAILS : PROBE_RUNS;
}

enum probe_result probe_kernel(const struct guest *g, char *text)
{
    return probe(g, -1, text);
}

enum probe_result probe_direct(const struct guest *g, char *text)
{
    int self = self_open(-1, "anyarch");
    if (self < 0) {
        snprintf(text, TEXT, "this binary's own file cannot be reached (is /proc mounted?)");
        return PROBE_FAILS;
    }
    enum probe_result result = probe(g, self, text);
    close(self);
    return result;
}
