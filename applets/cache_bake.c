/* cache_bake.c - the cache applet's bake: translate the common programs of root folders, and put what was kept into one file.
 *
 * The programs are run, each some times. To translate what entry points and symbols name instead would miss what indirect
 * jumps lead to and what stripped files do not name, and would make a file many times as large of code that nobody runs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "applets/cache_bake.h"
#include "core/cache_unit.h"
#include "core/log.h"

enum { RUNS = 3, SECONDS = 120, MAX_ARGS = 8, MAX_PARTS = 1 << 14, MAX_COMMANDS = 64 };

static const char *const programs[][MAX_ARGS] = {
    {"/bin/true"},
    {"/bin/sh", "-c", "for i in 1 2 3; do [ -d /tmp ] && echo \"$(echo $i | sed s/1/2/)\"; done; ls -l / | sort | head -n 3"},
    {"/bin/bash", "-c", "a=(1 2 3); for i in \"${a[@]}\"; do echo $((i * 2)); done; echo x | grep -q x; [[ abc =~ b ]]"},
    {"/bin/busybox", "sh", "-c", "ls -l /"},
    {"/bin/ls", "-l", "/"},
    {"/bin/cat", "/etc/passwd"},
    {"/bin/grep", "-E", "r(oo)t|x+", "/etc/passwd"},
    {"/bin/sed", "-n", "s/\\(r\\)\\(o*\\)/\\2\\1/p", "/etc/passwd"},
    {"/bin/tar", "-cf", "/dev/null", "/etc/passwd"},
    {"/bin/gzip", "-c", "/etc/passwd"},
    {"/usr/bin/env"},
    {"/usr/bin/id"},
    {"/usr/bin/sort", "/etc/passwd"},
    {"/usr/bin/find", "/etc", "-maxdepth", "1"},
    {"/usr/bin/awk", "-F:", "{ n[$7]++ } END { for (s in n) print s, n[s] }", "/etc/passwd"},
    {"/usr/bin/perl", "-e", "use strict; my %h = map { $_ => 1 } qw(a b c); print join(',', sort keys %h), \"\\n\""},
    {"/usr/bin/python3", "-c", "import json, re, os, subprocess; print(json.dumps({'a': [1, 2, re.sub('a', 'b', 'cab')]}))"},
    {"/usr/bin/dpkg", "-l"},
    {"/usr/bin/dpkg", "--version"},
    {"/usr/bin/apt-get", "--version"},
    {"/usr/bin/apt-cache", "policy"},
    {"/sbin/apk", "--version"},
    {"/usr/bin/gcc", "--version"},
    {"/usr/bin/make", "--version"},
    {"/usr/bin/git", "--version"},
    {"/usr/bin/openssl", "version"},
    {"/usr/bin/curl", "--version"},
    {"/usr/bin/node", "-e", "0"},
};

/* Become root of a name space if this is not root, for chroot. */
static bool may_change_root(void)
{
    char map[64];
    uid_t uid = geteuid();
    if (uid == 0)
        return true;
    if (unshare(CLONE_NEWUSER))
        return false;
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC), n = snprintf(map, sizeof map, "0 %u 1", uid);
    bool good = fd >= 0 && write(fd, map, (size_t)n) == n;
    close(fd);
    return good;
}

/* In a child: run ARGV in ROOT, translations going to the folder CACHE there. A byte to FAILED: the root was not changed. */
static void __attribute__((noreturn)) run_inside(int self, int failed, const char *root, const char *cache,
                                                 const char *const *argv)
{
    const char *full[MAX_ARGS + 6] = {"anyarch", "-cache", cache, "-host-off", "all"};
    char *env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C.UTF-8", NULL};
    unsigned n = 5;
    struct stat st;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (!may_change_root() || chroot(root) || chdir("/"))
        _exit(write(failed, "", 1) != 1);
    if (stat(argv[0], &st))
        _exit(0); /* it has no such program */
    for (unsigned i = 0; i < MAX_ARGS && argv[i]; i++)
        full[n++] = argv[i];
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    alarm(SECONDS);
    syscall(SYS_execveat, self, "", full, env, AT_EMPTY_PATH);
    _exit(127);
}

static void run(int self, const char *root, const char *cache, const char *const *argv)
{
    for (unsigned i = 0; i < RUNS; i++) {
        int failed[2];
        char byte;
        pid_t pid = pipe2(failed, O_CLOEXEC) ? -1 : fork();
        if (pid == 0)
            run_inside(self, failed[1], root, cache, argv);
        if (pid < 0 || close(failed[1]) || waitpid(pid, NULL, 0) != pid)
            die("cache bake: cannot start a process: %s", strerror(errno));
        bool changed_root = read(failed[0], &byte, 1) == 0;
        close(failed[0]);
        if (!changed_root)
            die("cache bake: cannot change the root to %s: that takes root, or user name spaces", root);
    }
}

/* A whole file of the folder becomes a part, unless there is one of its key with more blocks. */
static void add_file(int folder, const char *name, struct cache_baked_part *part, uint32_t *n)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    void *p = fd >= 0 && !fstat(fd, &st) && st.st_size > 0
                  ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                  : MAP_FAILED;
    close(fd);
    if (p == MAP_FAILED || !cache_header_check(p, (uint64_t)st.st_size, NULL))
        return;
    const struct cache_header *h = p;
    for (uint32_t i = 0; i < *n; i++)
        if (!memcmp(&part[i].header->key, &h->key, sizeof h->key)) {
            if (part[i].header->file_size < h->file_size)
                part[i].header = h;
            return;
        }
    if (*n == MAX_PARTS)
        die("cache bake: too many files");
    part[(*n)++].header = h;
}

/* Take what is in the folder, and remove it. */
static void collect(const char *path, struct cache_baked_part *part, uint32_t *n)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = folder >= 0 ? fdopendir(folder) : NULL;
    if (!dir)
        die("cache bake: %s: %s", path, strerror(errno));
    for (struct dirent *d; (d = readdir(dir));) {
        size_t length = strlen(d->d_name);
        if (length > 4 && !strcmp(d->d_name + length - 4, ".tbc"))
            add_file(folder, d->d_name, part, n);
        unlinkat(folder, d->d_name, 0);
    }
    closedir(dir);
    rmdir(path);
}

static void bake_root(int self, const char *root, const char *const *commands, struct cache_baked_part *part, uint32_t *n)
{
    char path[4096], *inside;
    int length = snprintf(path, sizeof path, "%s/tmp/.anyarch-XXXXXX", root);
    if (length < 0 || (size_t)length >= sizeof path || !mkdtemp(path))
        die("cache bake: %s/tmp: %s", root, strerror(errno));
    inside = path + strlen(root);
    for (unsigned i = 0; i < ARRAY_SIZE(programs); i++)
        run(self, root, inside, programs[i]);
    for (; *commands; commands++)
        run(self, root, inside, (const char *const[]){"/bin/sh", "-c", *commands, NULL});
    collect(path, part, n);
}

static void write_out(const char *out, struct cache_baked_part *part, uint32_t n)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", out) >= (int)sizeof temporary)
        die("cache bake: %s: %s", out, strerror(ENAMETOOLONG));
    int fd = mkstemp(temporary);
    if (fd < 0 || !cache_bake(fd, part, n) || fchmod(fd, 0644) || close(fd) || rename(temporary, out)) {
        int error = errno;
        unlink(temporary);
        die("cache bake: %s: %s", out, strerror(error));
    }
}

int cache_bake_command(int argc, char **argv)
{
    static LARGE_TABLE struct cache_baked_part part[MAX_PARTS];
    const char *out = NULL, *commands[MAX_COMMANDS + 1] = {0};
    unsigned n_commands = 0;
    int n_roots = 0, self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    uint32_t n = 0;
    for (int i = 0; i < argc; i++) {
        if (i + 1 < argc && !strcmp(argv[i], "-o"))
            out = argv[++i];
        else if (i + 1 < argc && !strcmp(argv[i], "-c") && n_commands < MAX_COMMANDS)
            commands[n_commands++] = argv[++i];
        else if (argv[i][0] == '-')
            die("usage: anyarch cache bake ROOTFS... -o FILE [-c COMMAND]...");
        else
            argv[n_roots++] = argv[i];
    }
    if (!out || !n_roots)
        die("usage: anyarch cache bake ROOTFS... -o FILE [-c COMMAND]...");
    if (self < 0)
        die("cache bake: /proc/self/exe: %s", strerror(errno));
    for (int i = 0; i < n_roots; i++)
        bake_root(self, argv[i], commands, part, &n);
    write_out(out, part, n);
    printf("%s: translations of %u files\n", out, n);
    return 0;
}
