/* files - opening, reading, writing, seeking, folders, links, attributes, locks, and errors of all of these. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void error(const char *what, long r)
{
    printf("%s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : "");
}

static void list(const char *path)
{
    DIR *d = opendir(path);
    char *names[2000];
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            names[n++] = strdup(e->d_name);
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    printf("%d entries, %s to %s\n", n, n ? names[0] : "", n ? names[n - 1] : "");
}

int main(void)
{
    char text[100] = { 0 }, path[PATH_MAX];
    struct stat st;
    umask(022);
    int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0666);
    error("create", fd >= 0 ? 0 : -1);
    error("exclusive", open("file", O_RDWR | O_CREAT | O_EXCL, 0666));
    error("write", write(fd, "0123456789", 10));
    error("seek", lseek(fd, -3, SEEK_END));
    error("read", read(fd, text, 100));
    puts(text);
    error("pwrite", pwrite(fd, "AB", 2, 4));
    struct iovec v[2] = { { text, 3 }, { text + 10, 20 } };
    lseek(fd, 0, SEEK_SET);
    error("readv", readv(fd, v, 2));
    printf("%.3s %s\n", text, text + 10);
    fstat(fd, &st);
    printf("size %ld mode %o links %ld block %ld\n", (long)st.st_size, st.st_mode, (long)st.st_nlink, (long)st.st_blksize);
    error("truncate", ftruncate(fd, 5));
    error("hole", lseek(fd, 100000, SEEK_SET));
    error("write", write(fd, "end", 3));
    stat("file", &st);
    printf("size %ld\n", (long)st.st_size);
    error("mkdir", mkdir("folder", 0755));
    error("mkdir again", mkdir("folder", 0755));
    int dir = open("folder", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "name%04d", i);
        close(openat(dir, text, O_CREAT | O_WRONLY, 0600));
    }
    list("folder");
    error("symlink", symlink("../file", "folder/link"));
    ssize_t n = readlink("folder/link", path, sizeof path);
    printf("link %.*s\n", (int)n, path);
    error("lstat", lstat("folder/link", &st));
    printf("is link %d\n", S_ISLNK(st.st_mode));
    error("nofollow", open("folder/link", O_RDONLY | O_NOFOLLOW));
    error("hard link", link("file", "second"));
    error("rename", rename("second", "third"));
    error("rmdir", rmdir("folder"));
    error("not a folder", open("file", O_RDONLY | O_DIRECTORY));
    error("missing", open("nothing/at/all", O_RDONLY));
    error("bad descriptor", read(999, text, 1));
    error("bad address", pread(fd, (void *)8, 1, 0));
    error("access", access("file", R_OK | W_OK));
    error("chmod", chmod("file", 0400));
    struct timespec times[2] = { { 1000000000, 5 }, { 1234567890, 123456789 } };
    error("utimensat", utimensat(AT_FDCWD, "file", times, 0));
    stat("file", &st);
    printf("times %ld %ld %ld mode %o\n", (long)st.st_atime, (long)st.st_mtime, st.st_mtim.tv_nsec, st.st_mode & 07777);
    struct statx sx;
    error("statx", statx(AT_FDCWD, "file", 0, STATX_ALL, &sx));
    printf("statx size %llu links %u\n", (unsigned long long)sx.stx_size, sx.stx_nlink);
    error("flock", flock(fd, LOCK_EX | LOCK_NB));
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
    error("fcntl lock", fcntl(fd, F_SETLK, &l));
    int copy = dup(fd), other = fcntl(fd, F_DUPFD_CLOEXEC, 50);
    printf("dup %d cloexec %d flags %x\n", copy > fd, fcntl(other, F_GETFD), fcntl(fd, F_GETFL) & O_ACCMODE);
    int out = open("copy", O_RDWR | O_CREAT, 0600);
    off_t from = 0;
    error("sendfile", sendfile(out, fd, &from, 200000));
    error("copy_file_range", copy_file_range(fd, &(off_t){ 0 }, out, &(off_t){ 0 }, 5, 0));
    int p[2], waiting;
    pipe(p);
    write(p[1], "abcdef", 6);
    ioctl(p[0], FIONREAD, &waiting);
    printf("waiting %d\n", waiting);
    error("not a terminal", isatty(p[0]) - 1);
    error("seek on pipe", lseek(p[0], 0, SEEK_SET));
    close(p[0]);
    error("fallocate", fallocate(out, 0, 0, 4096));
    struct statfs fs;
    error("statfs", statfs(".", &fs));
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "folder/name%04d", i);
        unlink(text);
    }
    error("unlink", unlink("folder/link"));
    error("chdir", chdir("folder"));
    printf("cwd ends %s\n", strrchr(getcwd(path, sizeof path), '/'));
    error("up", chdir(".."));
    error("rmdir", rmdir("folder"));
    FILE *f = fopen("stream", "w+");
    for (int i = 0; i < 10000; i++)
        fprintf(f, "%d\n", i * i);
    rewind(f);
    long sum = 0;
    while (fgets(text, sizeof text, f))
        sum += atol(text);
    fclose(f);
    printf("stream %ld\n", sum);
    char name[] = "tempXXXXXX";
    int t = mkstemp(name);
    printf("temporary %d\n", t >= 0);
    unlink(name), unlink("stream"), unlink("copy"), unlink("third"), unlink("file");
    list(".");
    return 0;
}
