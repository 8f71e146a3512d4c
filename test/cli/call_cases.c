/* call_cases - the families of system calls that containers, build tools and servers use, right and wrong: what each answers.
 * Prints the same on every CPU. To be run in an empty folder, as root of name spaces of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/membarrier.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/stat.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* The result, or the error's name. A descriptor is closed: "fd". */
static long show(const char *what, long r)
{
    if (r < 0)
        printf("%s: %s\n", what, strerrorname_np(errno) ?: "?");
    else
        printf("%s: %ld\n", what, r);
    fflush(stdout);
    return r;
}

static int fd_of(const char *what, long r)
{
    show(what, r < 0 ? r : 0);
    return (int)r;
}

static void put(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    write(fd, text, strlen(text));
    close(fd);
}

/* -- Files -- */

/* The kernel answers EAGAIN where another process renames or mounts during the walk (RESOLVE_CACHED, RESOLVE_BENEATH,
 * RESOLVE_IN_ROOT) and asks to try again: only one that lasts is an answer. */
static long openat2_settled(const char *path, const struct open_how *how)
{
    long fd = -1;
    for (int tries = 0; tries < 200; tries++) {
        fd = syscall(SYS_openat2, AT_FDCWD, path, how, sizeof *how);
        if (fd >= 0 || errno != EAGAIN)
            break;
        usleep(1000);
    }
    return fd;
}

static void files(void)
{
    struct statx x;
    put("a", "0123456789");
    mkdir("d", 0755);
    symlink("a", "l");
    symlink("/etc/passwd", "out");
    /* A link that is read in the tick in which it was made stays due for a new access time, and RESOLVE_CACHED sets none. */
    usleep(50000);
    show("statx", syscall(SYS_statx, AT_FDCWD, "a", 0, 0xfff, &x));
    printf("  %llu %o %u %d\n", x.stx_size, x.stx_mode, x.stx_nlink, (x.stx_mask & 0xfff) == 0xfff);
    show("statx nofollow", syscall(SYS_statx, AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, 0x7ff, &x));
    printf("  %o\n", x.stx_mode);
    show("statx flags", syscall(SYS_statx, AT_FDCWD, "a", 0x40000, 0x7ff, &x));
    show("statx mask", syscall(SYS_statx, AT_FDCWD, "a", 0, 0x80000000u, &x));
    show("statx sync", syscall(SYS_statx, AT_FDCWD, "a", 0x6000, 0x7ff, &x));
    show("statx empty", syscall(SYS_statx, AT_FDCWD, "", 0, 0x7ff, &x));
    show("statx null", syscall(SYS_statx, AT_FDCWD, NULL, 0, 0x7ff, &x));
    static const struct open_how how[] = {
        {O_RDONLY, 0, RESOLVE_BENEATH},   {O_RDONLY, 0, RESOLVE_NO_SYMLINKS}, {O_RDONLY, 0600, 0}, {O_RDONLY | 1u << 30, 0, 0},
        {O_RDONLY, 0, RESOLVE_IN_ROOT},   {O_RDONLY, 0, 1u << 20},            {O_PATH, 0, 0},      {O_RDONLY | O_DIRECTORY, 0, 0},
        {O_RDONLY, 0, RESOLVE_NO_XDEV},   {O_RDONLY | O_NOFOLLOW, 0, 0},      {O_WRONLY, 0, RESOLVE_CACHED},
        {O_PATH | O_RDWR, 0, 0},          {O_CREAT | O_DIRECTORY, 0600, 0},   {O_TMPFILE | O_RDWR, 0600, 0}};
    for (unsigned i = 0; i < sizeof how / sizeof *how; i++)
        for (const char *const *p = (const char *const[]){"a", "l", "out", "../x", "d", NULL}; *p; p++) {
            char title[64];
            sprintf(title, "openat2 %u %s", i, *p);
            int fd = fd_of(title, openat2_settled(*p, &how[i]));
            if (fd >= 0)
                close(fd);
        }
    char large[64] = {0};
    show("openat2 small", syscall(SYS_openat2, AT_FDCWD, "a", large, 8));
    show("openat2 large", syscall(SYS_openat2, AT_FDCWD, "a", large, 64) < 0 ? -1 : 0);
    large[60] = 1;
    show("openat2 unknown", syscall(SYS_openat2, AT_FDCWD, "a", large, 64));
    for (int flags = 0; flags <= 0x1000; flags = flags ? flags * 2 : 0x100) {
        show("faccessat2", syscall(SYS_faccessat2, AT_FDCWD, "l", R_OK | W_OK, flags));
        show("faccessat2 none", syscall(SYS_faccessat2, AT_FDCWD, "", R_OK, flags));
    }
    show("faccessat2 mode", syscall(SYS_faccessat2, AT_FDCWD, "a", 8, 0));
    show("fchmodat2", syscall(452, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW));
    show("fchmodat2 flags", syscall(452, AT_FDCWD, "l", 0600, 1));
    int in = open("a", O_RDWR), to = open("b", O_CREAT | O_RDWR, 0600), dir = open("d", O_RDONLY), app = open("c", O_CREAT | O_WRONLY | O_APPEND, 0600);
    loff_t from = 5, at = 1;
    show("copy_file_range", syscall(SYS_copy_file_range, in, &from, to, &at, 100, 0));
    printf("  %ld %ld\n", (long)from, (long)at);
    show("copy end", syscall(SYS_copy_file_range, in, &from, to, NULL, 100, 0));
    from = 0, at = 2;
    show("copy overlap", syscall(SYS_copy_file_range, in, &from, in, &at, 5, 0));
    show("copy dir", syscall(SYS_copy_file_range, dir, NULL, to, NULL, 5, 0));
    show("copy append", syscall(SYS_copy_file_range, in, NULL, app, NULL, 5, 0));
    show("copy flags", syscall(SYS_copy_file_range, in, NULL, to, NULL, 5, 1));
    show("renameat2 noreplace", syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", RENAME_NOREPLACE));
    show("renameat2 exchange", syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", RENAME_EXCHANGE));
    show("renameat2 both", syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", RENAME_EXCHANGE | RENAME_NOREPLACE));
    for (int fd = 40; fd < 44; fd++)
        dup2(in, fd);
    show("close_range cloexec", syscall(SYS_close_range, 40, 41, 4));
    printf("  %d %d\n", fcntl(40, F_GETFD), fcntl(42, F_GETFD));
    show("close_range unshare", syscall(SYS_close_range, 42, 50, 2));
    show("close_range flags", syscall(SYS_close_range, 42, 50, 1));
    printf("  %d %d\n", fcntl(41, F_GETFD), fcntl(42, F_GETFD));
    show("setxattr", setxattr("a", "user.x", "value", 5, 0));
    show("setxattr create", setxattr("a", "user.x", "value", 5, 1));
    char value[20];
    show("getxattr", getxattr("a", "user.x", value, 20));
    show("getxattr small", getxattr("a", "user.x", value, 2));
    show("getxattr none", getxattr("a", "user.y", value, 2));
    show("listxattr", listxattr("a", value, 20) >= 0 ? 0 : -1);
    show("setxattr name", setxattr("a", "x", "v", 1, 0));
    show("removexattr", removexattr("a", "user.x"));
    show("fallocate punch", fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2));
    show("fallocate mode", fallocate(to, 0x400, 0, 2));
    show("name_to_handle", syscall(SYS_name_to_handle_at, AT_FDCWD, "a", &(struct { unsigned n; int t; char h[8]; }){0}, value, 0));
    show("sync_file_range", sync_file_range(to, 0, 10, 7));
    show("sync_file_range flags", sync_file_range(to, 0, 10, 8));
    show("readahead", readahead(in, 0, 10));
    show("fadvise", posix_fadvise(in, 0, 0, 99));
    int p[2];
    pipe(p);
    show("splice", syscall(SYS_splice, in, NULL, p[1], NULL, 4, 0));
    show("tee", syscall(SYS_tee, p[0], p[1], 4, 0));
    struct iovec v = {value, 3};
    show("vmsplice", syscall(SYS_vmsplice, p[1], &v, 1, 0));
    show("F_GETPIPE_SZ", fcntl(p[0], F_GETPIPE_SZ));
    show("preadv2 flags", syscall(SYS_preadv2, in, &v, 1, 0, 0, 0x1000));
    show("preadv2", syscall(SYS_preadv2, in, &v, 1, 0, 0, 0));
    show("pwritev2 append", syscall(SYS_pwritev2, in, &v, 1, 0, 0, 0x10));
    show("cachestat", syscall(451, in, &(uint64_t[2]){0, 0}, &(uint64_t[5]){0}, 0));
}

static void memory_files(void)
{
    int fd = fd_of("memfd", syscall(SYS_memfd_create, "name", 2u));
    show("memfd flags", syscall(SYS_memfd_create, "name", 0x100u));
    char long_name[300];
    memset(long_name, 'x', 299), long_name[299] = 0;
    show("memfd name", syscall(SYS_memfd_create, long_name, 0));
    ftruncate(fd, 8192);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    show("seals", fcntl(fd, F_GET_SEALS));
    show("seal write mapped", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    show("seal future", fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    munmap(map, 4096);
    show("seal shrink", fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    show("shrink", ftruncate(fd, 4096));
    show("grow", ftruncate(fd, 16384));
    show("seal write", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    show("write", write(fd, "x", 1));
    show("map", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    show("seal seal", fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    show("seal grow", fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    show("seals", fcntl(fd, F_GET_SEALS));
    show("seals of a file", fcntl(open("a", O_RDWR), F_GET_SEALS));
    close(fd);
    show("memfd noexec", fcntl(syscall(SYS_memfd_create, "n", 8u), F_GET_SEALS));
    show("huge reservation", mmap(NULL, 1ul << 45, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED);
    show("beyond", mmap(NULL, 1ul << 47, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED);
    show("madvise populate", madvise(map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192, 23));
    show("madvise advice", madvise(map, 8192, 99));
    show("madvise collapse", madvise(map, 8192, 25));
    show("mlock2", syscall(SYS_mlock2, map, 8192, 1));
    show("mlock2 flags", syscall(SYS_mlock2, map, 8192, 2));
    unsigned char in[4];
    show("mincore", mincore(map, 8192, in));
    show("mincore hole", mincore((void *)8192, 4096, in));
    show("mremap dontunmap", mremap(map, 8192, 8192, MREMAP_MAYMOVE | 4, NULL) == MAP_FAILED ? -1 : 0);
    show("mremap dontunmap size", mremap(map, 8192, 4096, MREMAP_MAYMOVE | 4, NULL) == MAP_FAILED ? -1 : 0);
    struct iovec mine = {in, 4}, theirs = {map, 4};
    show("process_vm_readv", process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0));
    theirs.iov_base = (void *)8;
    show("process_vm_readv bad", process_vm_readv(getpid(), &mine, 1, &theirs, 1, 0));
    show("process_vm_writev flags", process_vm_writev(getpid(), &mine, 1, &theirs, 1, 1));
    show("process_vm_readv none", process_vm_readv(99999, &mine, 1, &theirs, 1, 0));
    show("process_madvise", syscall(SYS_process_madvise, syscall(SYS_pidfd_open, getpid(), 0), &(struct iovec){map, 4096}, 1, 20, 0));
    show("mbind", syscall(SYS_mbind, map, 8192, 0, NULL, 0, 0));
    int mode;
    show("get_mempolicy", syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0));
    show("membarrier query", syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
    show("membarrier private first", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    show("membarrier register", syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    show("membarrier private", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    show("membarrier sync core first", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    show("membarrier command", syscall(SYS_membarrier, 1 << 30, 0, 0));
}

/* -- Processes -- */

static void processes(void)
{
    siginfo_t info;
    struct pollfd p = {.events = POLLIN};
    pid_t pid = fork();
    if (!pid) {
        pause();
        _exit(1);
    }
    int fd = fd_of("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
    show("pidfd flags", fcntl(fd, F_GETFD));
    show("pidfd_open flags", syscall(SYS_pidfd_open, pid, 1));
    show("pidfd_open none", syscall(SYS_pidfd_open, 999999, 0));
    show("pidfd_open 0", syscall(SYS_pidfd_open, 0, 0));
    p.fd = fd;
    show("poll", poll(&p, 1, 0));
    int stolen = fd_of("pidfd_getfd", syscall(SYS_pidfd_getfd, fd, 1, 0));
    close(stolen);
    show("pidfd_getfd bad", syscall(SYS_pidfd_getfd, fd, 77, 0));
    show("pidfd_getfd flags", syscall(SYS_pidfd_getfd, fd, 1, 1));
    show("pidfd_send_signal 0", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    show("pidfd_send_signal flags", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1u << 20));
    show("pidfd_send_signal", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
    show("poll", poll(&p, 1, 5000));
    show("waitid pidfd", waitid(P_PIDFD, fd, &info, WEXITED));
    printf("  %d %d %d\n", info.si_code, info.si_status, info.si_pid == pid);
    show("waitid again", waitid(P_PIDFD, fd, &info, WEXITED));
    show("pidfd of the dead", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    close(fd);
    struct clone_args a = {.flags = CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, .exit_signal = SIGCHLD};
    int tid = 0;
    a.pidfd = (uintptr_t)&fd;
    a.child_tid = (uintptr_t)&tid;
    pid = syscall(SYS_clone3, &a, sizeof a);
    if (!pid)
        _exit(tid == getpid() ? 5 : 6);
    show("clone3 pidfd", waitid(P_PIDFD, fd, &info, WEXITED));
    printf("  %d %d\n", info.si_code, info.si_status);
    struct clone_args bad[] = {{.flags = CLONE_THREAD},
                               {.flags = CLONE_SIGHAND},
                               {.flags = CLONE_THREAD | CLONE_SIGHAND},
                               {.flags = CLONE_VM, .exit_signal = 200},
                               {.flags = 0xff},
                               {.flags = CLONE_NEWNS | CLONE_FS},
                               {.flags = CLONE_NEWUSER | CLONE_FS},
                               {.flags = CLONE_NEWPID | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND},
                               {.stack = 4096},
                               {.stack_size = 4096},
                               {.set_tid_size = 1},
                               {.set_tid_size = 64, .set_tid = (uintptr_t)&tid},
                               {.flags = 1ull << 40},
                               {.flags = CLONE_DETACHED},
                               {.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        char title[32];
        sprintf(title, "clone3 bad %u", i);
        long r = syscall(SYS_clone3, &bad[i], sizeof *bad);
        if (!r)
            _exit(0);
        show(title, r < 0 ? -1 : 0);
    }
    show("clone3 size", syscall(SYS_clone3, &a, 8));
    show("clone3 null", syscall(SYS_clone3, NULL, sizeof a));
    show("getpriority", getpriority(PRIO_PROCESS, 0));
    show("nice", setpriority(PRIO_PROCESS, 0, 3));
    show("ioprio", syscall(SYS_ioprio_set, 1, 0, 3 << 13));
    show("ioprio", syscall(SYS_ioprio_get, 1, 0));
    show("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 1, 1));
    show("kcmp vm", syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 1));
    show("kcmp type", syscall(SYS_kcmp, getpid(), getpid(), 99, 0, 1));
}

static void scheduling(void)
{
    cpu_set_t set;
    struct sched_param param = {0};
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t times[3];
    } attr = {sizeof attr};
    struct timespec t;
    show("getaffinity", sched_getaffinity(0, sizeof set, &set));
    show("getaffinity small", syscall(SYS_sched_getaffinity, 0, 3, &set));
    CPU_ZERO(&set);
    show("setaffinity none", sched_setaffinity(0, sizeof set, &set));
    CPU_SET(0, &set);
    if (!show("setaffinity", sched_setaffinity(0, sizeof set, &set)))
        show("cpu", sched_getcpu());
    show("scheduler", sched_getscheduler(0));
    show("batch", sched_setscheduler(0, SCHED_BATCH, &param));
    show("scheduler", sched_getscheduler(0));
    param.sched_priority = 1;
    show("batch priority", sched_setscheduler(0, SCHED_BATCH, &param));
    show("policy", sched_setscheduler(0, 77, &param));
    show("getattr", syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0));
    printf("  %u %d\n", attr.policy, attr.nice);
    show("getattr small", syscall(SYS_sched_getattr, 0, &attr, 8, 0));
    show("setattr", syscall(SYS_sched_setattr, 0, &attr, 0));
    show("max", sched_get_priority_max(SCHED_FIFO));
    show("min", sched_get_priority_min(99));
    show("interval", sched_rr_get_interval(0, &t));
    show("yield", sched_yield());
}

static void prctls(void)
{
    char name[16] = "";
    for (int option = 1; option < 80; option++) {
        /* Not here: what changes the process for good, what the guest's CPU answers, what takes a pointer. */
        static const uint8_t left_out[] = {2, 4, 9, 10, 11, 12, 15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 28, 35, 37, 40, 43, 44, 50, 51, 54, 55, 56, 59, 60, 61, 63, 64, 65, 66, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79};
        char title[32];
        if (memchr(left_out, option, sizeof left_out))
            continue;
        sprintf(title, "prctl %d", option);
        show(title, prctl(option, 0, 0, 0, 0));
    }
    show("set name", prctl(PR_SET_NAME, "a name that is cut"));
    show("get name", prctl(PR_GET_NAME, name));
    puts(name);
    show("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
    int on = 0;
    show("subreaper", prctl(PR_GET_CHILD_SUBREAPER, &on));
    printf("  %d\n", on);
    show("dumpable", prctl(PR_SET_DUMPABLE, 7));
    show("no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    show("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    show("capbset", prctl(PR_CAPBSET_READ, 99));
    show("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 99, 0, 0));
    show("option", prctl(12345, 0, 0, 0, 0));
}

/* -- Name spaces and mounts -- */

static int in_child(unsigned long long flags, int (*fn)(void))
{
    struct clone_args a = {.flags = flags, .exit_signal = SIGCHLD};
    int status;
    fflush(stdout);
    pid_t pid = syscall(SYS_clone3, &a, sizeof a);
    if (!pid) {
        int r = fn();
        fflush(stdout);
        _exit(r);
    }
    if (pid < 0)
        return -1;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int look_around(void)
{
    return (getpid() == 1) + 2 * (sethostname("x", 1) == 0) + 4 * (if_nametoindex("lo") == 1) + 8 * (getuid() == 0) +
           16 * (access("a", F_OK) == 0);
}

static int no_more(void) { return 3; }

static char thread_stack[65536] __attribute__((aligned(16)));
static volatile int thread_said;

static int thread_main(void *p)
{
    thread_said = 1 + (sethostname("thread", 6) == 0);
    return 0;
}

/* A thread in name spaces of its own. */
static void thread_in(const char *what, int flags)
{
    int tid = 1;
    char name[65] = "";
    thread_said = 0;
    int r = clone(thread_main, thread_stack + sizeof thread_stack, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID | flags, NULL, NULL, NULL, &tid);
    show(what, r < 0 ? -1 : 0);
    while (r > 0 && *(volatile int *)&tid)
        usleep(1000);
    gethostname(name, sizeof name);
    printf("  %d %d\n", thread_said, strcmp(name, "thread") == 0);
}

static void name_spaces(void)
{
    thread_in("thread uts", CLONE_NEWUTS);
    thread_in("thread mnt", CLONE_NEWNS);
    thread_in("thread mnt fs", CLONE_NEWNS | CLONE_FS);
    thread_in("thread ipc", CLONE_NEWIPC);
    thread_in("thread ipc sem", CLONE_NEWIPC | CLONE_SYSVSEM);
    thread_in("thread pid", CLONE_NEWPID);
    thread_in("thread user", CLONE_NEWUSER);
    thread_in("thread net", CLONE_NEWNET | CLONE_FS | CLONE_FILES);
    static const struct {
        const char *name;
        unsigned long long flag;
    } kinds[] = {{"mnt", CLONE_NEWNS},   {"uts", CLONE_NEWUTS},       {"ipc", CLONE_NEWIPC},   {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
                 {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}};
    for (unsigned i = 0; i < 8; i++) {
        char path[64], title[64];
        sprintf(title, "clone3 new %s", kinds[i].name);
        show(title, in_child(kinds[i].flag, look_around));
        sprintf(title, "legacy clone new %s", kinds[i].name);
        int status;
        fflush(stdout);
        pid_t pid = syscall(SYS_clone, kinds[i].flag | SIGCHLD, 0, 0, 0, 0);
        if (!pid)
            _exit(9);
        show(title, pid < 0 ? -1 : (waitpid(pid, &status, 0), WEXITSTATUS(status)));
        sprintf(path, "/proc/self/ns/%s", kinds[i].name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        sprintf(title, "setns own %s", kinds[i].name);
        show(title, setns(fd, kinds[i].flag));
        show("setns wrong", setns(fd, kinds[i].flag == CLONE_NEWUTS ? CLONE_NEWIPC : CLONE_NEWUTS));
        pid = fork();
        if (!pid) {
            sprintf(title, "unshare %s", kinds[i].name);
            long r = show(title, unshare(kinds[i].flag));
            if (!r)
                show("setns back", setns(fd, 0));
            fflush(stdout);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        close(fd);
    }
    show("all at once", in_child(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWCGROUP, look_around));
    show("unshare files", unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM));
    show("unshare nothing known", unshare(0x100));
    show("setns no name space", setns(0, 0));
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    show("setns pidfd", setns(self, CLONE_NEWUTS | CLONE_NEWIPC));
    show("into init of a pid name space that is gone", in_child(CLONE_NEWPID, no_more));
    uint32_t type = 0;
    int uts = open("/proc/self/ns/uts", O_RDONLY);
    show("NS_GET_NSTYPE", ioctl(uts, 0xb703) == CLONE_NEWUTS);
    show("NS_GET_USERNS", ioctl(uts, 0xb701) < 0 ? -1 : 0);
}

static int mounting(void)
{
    struct statfs fs;
    mkdir("m", 0755);
    mkdir("n", 0755);
    show("private", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    show("tmpfs", mount("none", "m", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=700"));
    statfs("m", &fs);
    printf("  %lx %lx\n", (long)fs.f_type, (long)fs.f_flags & 0xfff);
    put("m/file", "text");
    show("bind", mount("m", "n", NULL, MS_BIND, NULL));
    show("read-only", mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    show("write", open("n/file", O_WRONLY));
    show("umount busy", umount2("m/none", 0));
    show("umount flags", umount2("n", 0x100));
    show("umount", umount2("n", MNT_DETACH));
    show("umount again", umount2("n", 0));
    show("type", mount("none", "n", "nosuchfs", 0, NULL));
    show("option", mount("none", "n", "tmpfs", 0, "nosuchoption"));
    show("source", mount("/none", "n", NULL, MS_BIND, NULL));
    int fs_fd = fd_of("fsopen", syscall(SYS_fsopen, "tmpfs", 1));
    show("fsopen type", syscall(SYS_fsopen, "nosuchfs", 0));
    show("fsopen flags", syscall(SYS_fsopen, "tmpfs", 8));
    show("fsconfig", syscall(SYS_fsconfig, fs_fd, 1, "size", "1m", 0));
    show("fsconfig key", syscall(SYS_fsconfig, fs_fd, 1, "nosuch", "1m", 0));
    show("fsconfig command", syscall(SYS_fsconfig, fs_fd, 99, NULL, NULL, 0));
    show("fsmount early", syscall(SYS_fsmount, fs_fd, 0, 0));
    show("fsconfig create", syscall(SYS_fsconfig, fs_fd, 6, NULL, NULL, 0));
    int tree = fd_of("fsmount", syscall(SYS_fsmount, fs_fd, 1, 0));
    show("move_mount", syscall(SYS_move_mount, tree, "", AT_FDCWD, "n", 4));
    show("move_mount flags", syscall(SYS_move_mount, tree, "", AT_FDCWD, "n", 0x10000));
    put("n/x", "y");
    int copy = fd_of("open_tree", syscall(SYS_open_tree, AT_FDCWD, "n", 1 | O_CLOEXEC));
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    show("mount_setattr", syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &attr, sizeof attr));
    show("write", openat(copy, "x", O_WRONLY));
    show("mount_setattr size", syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &attr, 8));
    attr.attr_set = 1u << 30;
    show("mount_setattr unknown", syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &attr, sizeof attr));
    int pick = fd_of("fspick", syscall(SYS_fspick, AT_FDCWD, "n", 0));
    show("fspick reconfigure", syscall(SYS_fsconfig, pick, 7, NULL, NULL, 0));
    uint64_t list[64];
    struct {
        uint32_t size, spare;
        uint64_t id, param;
    } request = {24, 0, ~0ull, 0};
    show("listmount", syscall(458, &request, list, 64, 0) > 2);
    show("listmount flags", syscall(458, &request, list, 64, 8));
    show("statmount", syscall(457, &request, list, sizeof list, 1));
    show("pivot_root", syscall(SYS_pivot_root, "a", "d"));
    mkdir("m/old", 0700);
    chdir("m");
    show("pivot_root", syscall(SYS_pivot_root, ".", "old"));
    show("file", access("/file", F_OK));
    show("umount old", umount2("/old", MNT_DETACH));
    show("chroot", chroot("/file"));
    show("swapon", syscall(SYS_swapon, "/file", 0));
    show("quotactl", quotactl(QCMD(Q_SYNC, USRQUOTA), "/file", 0, NULL));
    show("quotactl command", quotactl(QCMD(0x123456, USRQUOTA), NULL, 0, NULL));
    return 0;
}

/* -- Events -- */

static void events(void)
{
    char buf[4096];
    int fd = fd_of("inotify", inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    show("inotify flags", inotify_init1(1));
    int watch = show("add", inotify_add_watch(fd, "d", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_ATTRIB));
    put("d/one", "x");
    rename("d/one", "d/two");
    chmod("d/two", 0600);
    unlink("d/two");
    ssize_t n = read(fd, buf, sizeof buf);
    for (char *p = buf; p < buf + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) {
        struct inotify_event *e = (void *)p;
        printf("  %x %s %d\n", e->mask, e->name, e->cookie != 0);
    }
    show("read", read(fd, buf, sizeof buf));
    show("remove", inotify_rm_watch(fd, watch));
    show("remove", inotify_rm_watch(fd, watch));
    show("add mask", inotify_add_watch(fd, "d", 0));
    fd = fd_of("fanotify", fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC | O_LARGEFILE));
    fd_of("fanotify class", fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
    show("fanotify flags", fanotify_init(1u << 30, O_RDONLY));
    show("fanotify event flags", fanotify_init(FAN_REPORT_FID, 0x70000000));
    show("mark", fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE | FAN_ONDIR, AT_FDCWD, "d") == 0 || errno == ENODEV || errno == EXDEV || errno == EOPNOTSUPP);
    show("mark flags", fanotify_mark(fd, 0, FAN_CREATE, AT_FDCWD, "d"));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = fd_of("signalfd", signalfd(-1, &set, SFD_NONBLOCK));
    struct signalfd_siginfo info[4];
    show("read", read(fd, info, sizeof info));
    sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 77});
    kill(getpid(), SIGUSR1);
    n = read(fd, info, sizeof info) / sizeof *info;
    for (int i = 0; i < n; i++)
        printf("  %u %d %d %d\n", info[i].ssi_signo, info[i].ssi_code, info[i].ssi_int, info[i].ssi_pid == getpid());
    show("signalfd flags", signalfd(-1, &set, 1));
    show("signalfd size", syscall(SYS_signalfd4, -1, &set, 4, 0));
    fd = fd_of("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec t = {{0, 0}, {0, 1000000}}, old;
    uint64_t count;
    show("read", read(fd, &count, 8));
    show("settime", timerfd_settime(fd, 0, &t, NULL));
    struct pollfd p = {fd, POLLIN};
    show("poll", poll(&p, 1, 5000));
    show("read", read(fd, &count, 8));
    show("gettime", timerfd_gettime(fd, &old));
    show("clock", timerfd_create(99, 0));
    t.it_value.tv_nsec = 2000000000;
    show("nanoseconds", timerfd_settime(fd, 0, &t, NULL));
    fd = fd_of("eventfd", eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
    show("read", read(fd, &count, 8));
    printf("  %lu\n", (long)count);
    show("read small", read(fd, &count, 4));
    count = ~0ull;
    show("write", write(fd, &count, 8));
    show("eventfd flags", eventfd(0, 4));
    int ep = fd_of("epoll", epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event e = {EPOLLIN | EPOLLET, {.u64 = 0x123456789abcdef0}}, got[4];
    show("add", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    show("add again", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
    show("wait", epoll_wait(ep, got, 4, 0));
    printf("  %x %lx\n", got[0].events, (long)got[0].data.u64);
    show("wait", epoll_wait(ep, got, 4, 0));
    struct timespec none = {0, 1000};
    show("pwait2", syscall(SYS_epoll_pwait2, ep, got, 4, &none, NULL, 8));
    show("wait none", epoll_wait(ep, got, 0, 0));
    show("modify file", epoll_ctl(ep, EPOLL_CTL_ADD, open("a", O_RDONLY), &e));
    show("itself", epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
    e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    show("exclusive", epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e));
    show("delete", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
    aio_context_t ctx = 0;
    show("io_setup", syscall(SYS_io_setup, 8, &ctx));
    char block[16] = "";
    struct iocb cb[2] = {{.aio_data = 11, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = open("a", O_RDWR), .aio_buf = (uintptr_t)block, .aio_nbytes = 4, .aio_offset = 2,
                          .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = fd},
                         {.aio_data = 12, .aio_lio_opcode = 99}};
    struct iocb *list[2] = {&cb[0], &cb[1]};
    show("io_submit", syscall(SYS_io_submit, ctx, 2, list));
    show("io_submit", syscall(SYS_io_submit, ctx, 1, &list[1]));
    struct io_event done[2];
    show("io_getevents", syscall(SYS_io_getevents, ctx, 1, 2, done, NULL));
    printf("  %lld %lld %.4s\n", done[0].data, done[0].res, block);
    show("io_cancel", syscall(SYS_io_cancel, ctx, &cb[0], done));
    show("io_destroy", syscall(SYS_io_destroy, ctx));
    show("io_destroy", syscall(SYS_io_destroy, ctx));
}

/* -- IPC, keys -- */

static void ipc(void)
{
    int id = fd_of("semget", semget(IPC_PRIVATE, 3, 0600));
    struct semid_ds sem;
    unsigned short values[3] = {4, 5, 6};
    struct sembuf op = {1, -6, IPC_NOWAIT};
    show("SETALL", semctl(id, 0, SETALL, values));
    show("GETVAL", semctl(id, 1, GETVAL));
    show("semop", semop(id, &op, 1));
    op.sem_op = -2;
    show("semop", semop(id, &op, 1));
    show("GETVAL", semctl(id, 1, GETVAL));
    struct timespec t = {0, 1000000};
    op = (struct sembuf){1, -9, 0};
    show("semtimedop", semtimedop(id, &op, 1, &t));
    show("IPC_STAT", semctl(id, 0, IPC_STAT, &sem));
    printf("  %lu %o %d\n", sem.sem_nsems, sem.sem_perm.mode, sem.sem_otime != 0);
    show("SETVAL", semctl(id, 9, SETVAL, 1));
    show("command", semctl(id, 0, 99));
    show("IPC_RMID", semctl(id, 0, IPC_RMID));
    id = fd_of("msgget", msgget(IPC_PRIVATE, 0600));
    struct {
        long type;
        char text[16];
    } m = {5, "message"};
    show("msgsnd", msgsnd(id, &m, 8, 0));
    m.type = 0;
    show("msgsnd type", msgsnd(id, &m, 8, 0));
    struct msqid_ds q;
    show("IPC_STAT", msgctl(id, IPC_STAT, &q));
    printf("  %lu %lu\n", (long)q.msg_qnum, (long)q.__msg_cbytes);
    show("msgrcv small", msgrcv(id, &m, 2, 0, 0));
    show("msgrcv", msgrcv(id, &m, 16, -9, MSG_NOERROR));
    printf("  %ld %s\n", m.type, m.text);
    show("msgrcv", msgrcv(id, &m, 16, 0, IPC_NOWAIT));
    show("IPC_RMID", msgctl(id, IPC_RMID, NULL));
    id = fd_of("shmget", shmget(IPC_PRIVATE, 10000, 0600));
    char *at = shmat(id, NULL, 0), *read_only = shmat(id, NULL, SHM_RDONLY);
    strcpy(at, "shared");
    printf("  %s\n", read_only);
    struct shmid_ds s;
    show("IPC_STAT", shmctl(id, IPC_STAT, &s));
    printf("  %lu %lu\n", s.shm_segsz, (long)s.shm_nattch);
    show("IPC_RMID", shmctl(id, IPC_RMID, NULL));
    show("shmdt", shmdt(at));
    show("shmdt", shmdt(at));
    show("shmat bad", shmat(-1, NULL, 0) == (void *)-1 ? -1 : 0);
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 32};
    mqd_t mq = fd_of("mq_open", mq_open("/call_cases", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &attr));
    show("mq_send", mq_send(mq, "low", 4, 1));
    show("mq_send", mq_send(mq, "high", 5, 9));
    show("mq_send size", mq_send(mq, m.text, 99, 0));
    char text[32];
    unsigned priority = 0;
    show("mq_receive", mq_receive(mq, text, sizeof text, &priority));
    printf("  %s %u\n", text, priority);
    show("mq_getattr", mq_getattr(mq, &attr));
    printf("  %ld %ld %ld\n", attr.mq_flags, attr.mq_curmsgs, attr.mq_msgsize);
    show("mq_unlink", mq_unlink("/call_cases"));
    show("mq_unlink", mq_unlink("/call_cases"));
    show("join session", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) > 0);
    long key = syscall(SYS_add_key, "user", "test:key", "payload", 7, KEY_SPEC_SESSION_KEYRING);
    show("add_key", key > 0);
    show("read", syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text));
    show("search", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "test:key", 0) == key);
    show("request", syscall(SYS_request_key, "user", "test:none", NULL, 0));
    show("revoke", syscall(SYS_keyctl, KEYCTL_REVOKE, key));
    show("read", syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text));
    show("command", syscall(SYS_keyctl, 9999, 0, 0, 0, 0));
    show("type", syscall(SYS_add_key, "nosuch", "x", "y", 1, KEY_SPEC_SESSION_KEYRING));
}

/* -- Devices, network, security -- */

static void devices(void)
{
    int master, slave, n = 0;
    struct termios term;
    struct winsize w = {24, 80};
    show("openpty", openpty(&master, &slave, NULL, NULL, &w));
    show("TCGETS", tcgetattr(slave, &term));
    printf("  %x %x %x %x %d\n", term.c_iflag, term.c_oflag, term.c_cflag, term.c_lflag, term.c_cc[VINTR]);
    cfmakeraw(&term);
    show("TCSETS", tcsetattr(slave, TCSANOW, &term));
    show("TIOCGWINSZ", ioctl(slave, TIOCGWINSZ, &w));
    printf("  %d %d\n", w.ws_row, w.ws_col);
    show("TIOCGPTN", ioctl(master, TIOCGPTN, &n));
    show("TIOCSPTLCK", ioctl(master, TIOCSPTLCK, &n));
    show("TIOCPKT", ioctl(master, TIOCPKT, &(int){1}));
    show("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &n));
    show("TIOCOUTQ", ioctl(slave, TIOCOUTQ, &n));
    show("TIOCGETD", ioctl(slave, TIOCGETD, &n));
    show("TCFLSH", tcflush(slave, TCIFLUSH));
    show("TCSBRK", tcsendbreak(slave, 0));
    show("TIOCGSID", ioctl(slave, TIOCGSID, &n));
    struct { char bytes[44]; } term2;
    show("TCGETS2", ioctl(slave, _IOC(_IOC_READ, 'T', 0x2a, 44), &term2));
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {.ifr_name = "lo"};
    show("SIOCGIFFLAGS", ioctl(s, SIOCGIFFLAGS, &r));
    printf("  %x\n", r.ifr_flags & (IFF_LOOPBACK | IFF_UP));
    show("SIOCGIFINDEX", ioctl(s, SIOCGIFINDEX, &r));
    show("SIOCGIFMTU", ioctl(s, SIOCGIFMTU, &r));
    show("SIOCGIFHWADDR", ioctl(s, SIOCGIFHWADDR, &r));
    show("SIOCGIFADDR", ioctl(s, SIOCGIFADDR, &r));
    r.ifr_flags = IFF_UP;
    show("SIOCSIFFLAGS", ioctl(s, SIOCSIFFLAGS, &r));
    strcpy(r.ifr_name, "none");
    show("SIOCGIFINDEX none", ioctl(s, SIOCGIFINDEX, &r));
    struct ifreq many[4];
    struct ifconf conf = {sizeof many, {(void *)many}};
    show("SIOCGIFCONF", ioctl(s, SIOCGIFCONF, &conf));
    printf("  %d %s\n", conf.ifc_len, many[0].ifr_name);
    uint64_t size = 0;
    int file = open("a", O_RDWR);
    show("BLKGETSIZE64", ioctl(file, _IOC(_IOC_READ, 0x12, 114, 8), &size));
    show("FIGETBSZ", ioctl(file, _IO(0, 2), &n) < 0 ? -1 : 0);
    show("FS_IOC_GETFLAGS", ioctl(file, _IOC(_IOC_READ, 'f', 1, 8), &n) < 0 ? -1 : 0);
    show("FICLONE", ioctl(file, _IOC(_IOC_WRITE, 0x94, 9, 4), -1));
    show("FIFREEZE", ioctl(file, _IOC(_IOC_READ | _IOC_WRITE, 'X', 119, 4), 0));
    show("FIONREAD", ioctl(file, FIONREAD, &n));
    show("FIOCLEX", ioctl(file, FIOCLEX));
    printf("  %d\n", fcntl(file, F_GETFD));
    struct { uint64_t start, length; uint32_t flags, mapped, count, spare; char extents[56]; } map = {0, ~0ull, 0, 0, 1};
    show("FIEMAP", ioctl(file, _IOC(_IOC_READ | _IOC_WRITE, 'f', 11, 32), &map) < 0 ? -1 : 0);
    show("unknown", ioctl(file, 0xdeadbeef, &n));
    int random = open("/dev/urandom", O_RDONLY);
    show("RNDGETENTCNT", ioctl(random, RNDGETENTCNT, &n));
    show("RNDZAPENTCNT", ioctl(random, RNDZAPENTCNT, &n));
    int tun = open("/dev/net/tun", O_RDWR), loop = open("/dev/loop-control", O_RDWR), dm = open("/dev/mapper/control", O_RDWR);
    struct ifreq t = {.ifr_name = "tt0", .ifr_flags = IFF_TUN | IFF_NO_PI};
    show("TUNGETFEATURES", ioctl(tun, TUNGETFEATURES, &n));
    show("TUNSETIFF", ioctl(tun, TUNSETIFF, &t));
    show("TUNSETOFFLOAD", ioctl(tun, TUNSETOFFLOAD, 0));
    show("LOOP_CTL_GET_FREE", ioctl(loop, 0x4c82) < 0 ? -1 : 0);
    struct { uint32_t version[3], size, start, count; char rest[288]; } d = {{4, 0, 0}, sizeof d};
    show("DM_VERSION", ioctl(dm, _IOC(_IOC_READ | _IOC_WRITE, 0xfd, 0, sizeof d), &d));
    show("getrandom", syscall(SYS_getrandom, &size, 8, 0));
    show("getrandom flags", syscall(SYS_getrandom, &size, 8, 8));
    show("getrandom both", syscall(SYS_getrandom, &size, 8, 6));
}

static void network(void)
{
    int fd = fd_of("netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
    } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}};
    show("send", send(fd, &request, sizeof request, 0));
    static char buf[32768];
    for (int end = 0; !end;) {
        int n = recv(fd, buf, sizeof buf, 0);
        for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            end = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
            if (h->nlmsg_type != RTM_NEWLINK)
                continue;
            struct ifinfomsg *i = NLMSG_DATA(h);
            int left = IFLA_PAYLOAD(h);
            for (struct rtattr *a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left))
                if (a->rta_type == IFLA_IFNAME)
                    printf("  link %d %s\n", i->ifi_index, (char *)RTA_DATA(a));
        }
    }
    request.h.nlmsg_type = 9999;
    send(fd, &request, sizeof request, 0);
    recv(fd, buf, sizeof buf, 0);
    printf("  error %d\n", ((struct nlmsgerr *)NLMSG_DATA((struct nlmsghdr *)buf))->error);
    for (int protocol = 0; protocol < 24; protocol++) {
        int s = socket(AF_NETLINK, SOCK_DGRAM, protocol);
        printf(" %s", s < 0 ? strerrorname_np(errno) : "ok");
        close(s);
    }
    puts("");
    for (int family = 0; family < 46; family++) {
        int s = socket(family, SOCK_DGRAM, 0);
        printf(" %s", s < 0 ? strerrorname_np(errno) : "ok");
        close(s);
    }
    puts("");
    int pair[2], on = 1;
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    show("SO_PASSCRED", setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    struct ucred cred;
    socklen_t length = sizeof cred;
    show("SO_PEERCRED", getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &cred, &length));
    printf("  %d %d\n", cred.pid == getpid(), cred.uid);
    int pidfd = -1;
    length = sizeof pidfd;
    show("SO_PEERPIDFD", getsockopt(pair[0], SOL_SOCKET, 77, &pidfd, &length));
    struct mmsghdr mm[2] = {{{.msg_iov = &(struct iovec){"one", 3}, .msg_iovlen = 1}}, {{.msg_iov = &(struct iovec){"three", 5}, .msg_iovlen = 1}}};
    show("sendmmsg", sendmmsg(pair[1], mm, 2, 0));
    char a[8], b[8];
    struct mmsghdr got[3] = {{{.msg_iov = &(struct iovec){a, 8}, .msg_iovlen = 1}}, {{.msg_iov = &(struct iovec){b, 8}, .msg_iovlen = 1}}};
    show("recvmmsg", recvmmsg(pair[0], got, 3, MSG_DONTWAIT, NULL));
    printf("  %u %u\n", got[0].msg_len, got[1].msg_len);
}

static void security(void)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    show("landlock version", version > 0);
    if (version > 0) {
        int set = fd_of("ruleset", syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0));
        show("ruleset size", syscall(SYS_landlock_create_ruleset, &attr, 4, 0));
        struct landlock_path_beneath_attr rule = {LANDLOCK_ACCESS_FS_WRITE_FILE, open("d", O_PATH)};
        show("add_rule", syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
        show("add_rule flags", syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 8));
        show("restrict", syscall(SYS_landlock_restrict_self, set, 0));
        show("inside", open("d/new", O_CREAT | O_WRONLY, 0600) < 0 ? -1 : 0);
        show("outside", open("a", O_WRONLY));
    } else {
        show("ruleset", syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0));
    }
    show("io_uring like none or refused", syscall(SYS_io_uring_setup, 0, NULL) < 0);
    show("bpf", syscall(SYS_bpf, 9999, NULL, 0));
    show("perf", syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
    show("userfaultfd", syscall(SYS_userfaultfd, 0x7000000));
    show("lsm list", syscall(461, NULL, NULL, 0));
    show("acct", syscall(SYS_acct, "/nosuch"));
    show("init_module", syscall(SYS_init_module, NULL, 0, ""));
    show("delete_module", syscall(SYS_delete_module, "nosuch", 0));
    show("reboot", syscall(SYS_reboot, 1, 2, 3, NULL));
    show("kexec", syscall(SYS_kexec_load, 0, 999, NULL, 0));
    show("vhangup", syscall(SYS_vhangup));
    show("syslog", syscall(SYS_syslog, 99, NULL, 0));
    show("settimeofday", syscall(SYS_clock_settime, CLOCK_MONOTONIC, &(struct timespec){0, 0}));
    show("adjtimex", syscall(SYS_clock_adjtime, 99, NULL));
    show("getcpu", syscall(SYS_getcpu, NULL, NULL, NULL));
    show("sysinfo", syscall(SYS_sysinfo, NULL));
    show("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, NULL, 0));
    show("nfsservctl", syscall(SYS_nfsservctl, 0, NULL, NULL));
    show("none", syscall(999));
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } parts[] = {{"files", files},     {"memory", memory_files}, {"processes", processes}, {"scheduling", scheduling}, {"names", name_spaces},
                 {"mounts", (void (*)(void))mounting}, {"events", events}, {"ipc", ipc}, {"devices", devices}, {"network", network}, {"prctl", prctls}, {"security", security}};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        int status;
        printf("-- %s\n", parts[i].name);
        fflush(stdout);
        pid_t pid = fork();
        if (!pid) {
            if (parts[i].fn == (void (*)(void))mounting)
                unshare(CLONE_NEWNS);
            parts[i].fn();
            fflush(stdout);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        printf("status %x\n", status);
    }
    return 0;
}
