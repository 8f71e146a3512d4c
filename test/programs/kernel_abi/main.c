/* kernel_abi - numbers, flags and structures of arm64 Linux as raw system calls show them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

static void show(const char *what, long result)
{
    printf("%-22s %ld%s%s\n", what, result < 0 ? -1 : result, result < 0 ? " " : "",
           result < 0 ? strerrorname_np(errno) : "");
}

/* Every file of a 64-bit program has the flag; emulators may hide it. */
static int file_flags(int fd)
{
    enum { ARM64_LARGEFILE = 0400000 };
    return fcntl(fd, F_GETFL) & ~ARM64_LARGEFILE;
}

static void open_flags(void)
{
    mkdir("dir", 0700);
    symlink("dir", "link");
    close(open("file", O_CREAT | O_WRONLY, 0600));
    show("O_DIRECTORY file", open("file", O_RDONLY | O_DIRECTORY));
    show("O_NOFOLLOW link", open("link", O_RDONLY | O_NOFOLLOW));
    show("O_DIRECTORY write", open("dir", O_WRONLY));
    show("O_EXCL", open("file", O_CREAT | O_EXCL | O_WRONLY, 0600));
    int fd = open("dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    printf("flags of dir %#o fd %d\n", file_flags(fd), fcntl(fd, F_GETFD));
    close(fd);
    fd = open("link", O_PATH | O_NOFOLLOW);
    printf("flags of link %#o\n", file_flags(fd));
    close(fd);
    fd = open("file", O_RDWR | O_APPEND | O_NONBLOCK);
    printf("flags of file %#o\n", file_flags(fd));
    show("F_SETFL", fcntl(fd, F_SETFL, O_NONBLOCK));
    printf("flags of file %#o\n", file_flags(fd));
    close(fd);
    int p[2];
    show("pipe2 O_DIRECT", pipe2(p, O_DIRECT | O_NONBLOCK));
    printf("flags of pipe %#o %#o\n", file_flags(p[0]), file_flags(p[1]));
    write(p[1], "ab", 2);
    write(p[1], "cd", 2);
    char text[8];
    printf("packet %ld\n", (long)read(p[0], text, sizeof text));
    show("no packet 3", (read(p[0], text, sizeof text), read(p[0], text, sizeof text)));
    close(p[0]);
    close(p[1]);
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0)
        printf("O_TMPFILE flags %#o\n", file_flags(fd));
    else
        puts("O_TMPFILE flags 020040002");
    close(fd);
}

/* asm-generic's struct stat by offsets. */
static void stat_layout(void)
{
    unsigned char s[144];
    struct statx x;
    memset(s, 0xee, sizeof s);
    int fd = open("file", O_RDWR);
    pwrite(fd, "0123456789", 10, 5000);
    fchmod(fd, 0640);
    show("fstat", syscall(SYS_fstat, fd, s));
    show("statx", statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    uint64_t dev, ino, rdev;
    uint32_t mode, nlink, blksize;
    int64_t size, blocks, mtime;
    memcpy(&dev, s, 8), memcpy(&ino, s + 8, 8), memcpy(&mode, s + 16, 4), memcpy(&nlink, s + 20, 4);
    memcpy(&rdev, s + 32, 8), memcpy(&size, s + 48, 8), memcpy(&blksize, s + 56, 4);
    memcpy(&blocks, s + 64, 8), memcpy(&mtime, s + 88, 8);
    printf("mode %o links %u size %ld rdev %lu\n", mode, nlink, (long)size, (unsigned long)rdev);
    printf("same %d%d%d%d%d end %x\n", dev == makedev(x.stx_dev_major, x.stx_dev_minor),
           ino == x.stx_ino, blksize == x.stx_blksize, blocks == (int64_t)x.stx_blocks,
           mtime == x.stx_mtime.tv_sec, s[128]);
    show("newfstatat empty", syscall(SYS_newfstatat, fd, "", s, AT_EMPTY_PATH));
    show("newfstatat no file", syscall(SYS_newfstatat, AT_FDCWD, "missing", s, 0));
    show("newfstatat bad path", syscall(SYS_newfstatat, AT_FDCWD, 16, s, 0));
    show("newfstatat bad buf", syscall(SYS_newfstatat, AT_FDCWD, "file", 16, 0));
    struct stat st;
    show("null device", stat("/dev/null", &st));
    printf("device %u:%u\n", major(st.st_rdev), minor(st.st_rdev));
    close(fd);
}

static void descriptors(void)
{
    show("dup3 same", dup3(0, 0, 0));
    show("dup3 flags", dup3(0, 50, O_CLOEXEC));
    printf("cloexec %d\n", fcntl(50, F_GETFD));
    show("dupfd", fcntl(0, F_DUPFD, 60));
    show("dupfd cloexec", fcntl(0, F_DUPFD_CLOEXEC, 60));
    show("close_range", syscall(SYS_close_range, 50, 100, 0));
    show("closed", fcntl(61, F_GETFD));
    show("close all", syscall(SYS_close_range, 3, ~0u, 0));
    show("close_range order", syscall(SYS_close_range, 5, 4, 0));
    show("close bad", close(12345));
    show("unknown call", syscall(1234));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    show("read bad", read(-1, &lock, 1));
    int fd = open("file", O_RDWR);
    show("F_SETLK", fcntl(fd, F_SETLK, &lock));
    show("F_OFD_SETLK", fcntl(fd, F_OFD_SETLK, &lock));
    show("getlk", fcntl(fd, F_GETLK, &lock));
    show("fallocate", fallocate(fd, 0, 0, 10000));
    show("lseek end", lseek(fd, 0, SEEK_END));
    show("lseek bad", lseek(fd, -1, SEEK_SET));
    int n = 0;
    lseek(fd, 9000, SEEK_SET);
    show("FIONREAD", ioctl(fd, FIONREAD, &n));
    printf("n %d\n", n);
    show("tty", ioctl(fd, 0x5401, &n));
    close(fd);
}

static void system_calls(void)
{
    struct utsname u;
    show("uname", uname(&u));
    printf("%s %s\n", u.sysname, u.machine);
    struct statfs fs;
    show("statfs", statfs("/proc", &fs));
    printf("type %lx\n", (unsigned long)fs.f_type);
    struct rlimit r;
    show("getrlimit", getrlimit(RLIMIT_NOFILE, &r));
    struct rlimit lower = {r.rlim_cur - 1, r.rlim_max};
    show("setrlimit", setrlimit(RLIMIT_NOFILE, &lower));
    getrlimit(RLIMIT_NOFILE, &r);
    printf("lower %d\n", r.rlim_cur == lower.rlim_cur);
    struct rlimit bad = {10, 5};
    show("setrlimit order", setrlimit(RLIMIT_NOFILE, &bad));
    show("setrlimit kind", setrlimit(99, &lower));
    int id = semget(IPC_PRIVATE, 3, 0640);
    struct semid_ds ds;
    memset(&ds, 0xee, sizeof ds);
    show("IPC_STAT", semctl(id, 0, IPC_STAT, &ds));
    printf("semaphores %ld mode %o ctime %d otime %ld\n", (long)ds.sem_nsems,
           ds.sem_perm.mode & 0777, ds.sem_ctime > 1000000000, (long)ds.sem_otime);
    ds.sem_perm.mode = 0600;
    show("IPC_SET", semctl(id, 0, IPC_SET, &ds));
    unsigned short values[3] = {1, 2, 3}, got[3];
    show("SETALL", semctl(id, 0, SETALL, values));
    show("GETALL", semctl(id, 0, GETALL, got));
    printf("values %d %d %d\n", got[0], got[1], got[2]);
    show("GETVAL", semctl(id, 1, GETVAL));
    show("IPC_RMID", semctl(id, 0, IPC_RMID));
    show("getcpu", syscall(SYS_getcpu, NULL, NULL, NULL));
    show("umask", umask(022) >= 0 ? 0 : -1);
    show("getpgid", getpgid(0) >= 0);
    show("getrandom", syscall(SYS_getrandom, &r, sizeof r, 0));
    show("memfd", memfd_create("name", MFD_CLOEXEC) >= 0 ? 0 : -1);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    open_flags();
    stat_layout();
    descriptors();
    system_calls();
    return 0;
}
