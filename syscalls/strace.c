/* strace.c - the lines of -strace: arguments by the kinds of the call's row.
 *
 * Nothing here may disturb the call: guest memory is read with memory_read, a bad pointer shows as
 * a number. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include "core/log.h"
#include "core/memory.h"
#include "syscalls/ioctl.h"
#include "syscalls/row.h"
#include "syscalls/task.h"

enum { TEXT_MAX = 64, PATH_SHOWN = 1024, ARGV_SHOWN = 16 };

/* A growing line. */
struct line {
    char *at;
    size_t room; /* with the NUL */
};

struct name {
    uint64_t value;
    const char *text;
};

static __attribute__((format(printf, 2, 3))) void put(struct line *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->at, l->room, fmt, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < l->room ? (size_t)n : l->room - 1;
    l->at += used;
    l->room -= used;
}

/* -- Names -- */

/* clang-format off */
/* The host's numbers, written out because the C library's headers hide some. */
static const struct name open_names[] = {
    {0100, "O_CREAT"}, {0200, "O_EXCL"}, {0400, "O_NOCTTY"}, {01000, "O_TRUNC"},
    {02000, "O_APPEND"},
    {04000, "O_NONBLOCK"}, {04010000, "O_SYNC"}, {010000, "O_DSYNC"}, {020000, "FASYNC"},
    {040000, "O_DIRECT"},
    {0100000, "O_LARGEFILE"}, {020200000, "O_TMPFILE"}, {0200000, "O_DIRECTORY"},
    {0400000, "O_NOFOLLOW"},
    {01000000, "O_NOATIME"}, {02000000, "O_CLOEXEC"}, {010000000, "O_PATH"}, {0}};
static const struct name at_names[] = {
    {0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_REMOVEDIR"}, {0x400, "AT_SYMLINK_FOLLOW"},
    {0x800, "AT_NO_AUTOMOUNT"},
    {0x1000, "AT_EMPTY_PATH"}, {0x2000, "AT_STATX_FORCE_SYNC"}, {0x4000, "AT_STATX_DONT_SYNC"},
    {0}};
static const struct name access_names[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}, {0}};
static const struct name whence_names[] = {
    {0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"}, {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}, {0}};
static const struct name clock_names[] = {
    {0, "CLOCK_REALTIME"}, {1, "CLOCK_MONOTONIC"}, {2, "CLOCK_PROCESS_CPUTIME_ID"},
    {3, "CLOCK_THREAD_CPUTIME_ID"},
    {4, "CLOCK_MONOTONIC_RAW"}, {5, "CLOCK_REALTIME_COARSE"}, {6, "CLOCK_MONOTONIC_COARSE"},
    {7, "CLOCK_BOOTTIME"},
    {8, "CLOCK_REALTIME_ALARM"}, {9, "CLOCK_BOOTTIME_ALARM"}, {11, "CLOCK_TAI"}, {0}};
static const struct name family_names[] = {
    {0, "AF_UNSPEC"}, {1, "AF_UNIX"}, {2, "AF_INET"}, {10, "AF_INET6"}, {16, "AF_NETLINK"},
    {17, "AF_PACKET"},
    {38, "AF_ALG"}, {40, "AF_VSOCK"}, {0}};
static const struct name socktype_names[] = {
    {1, "SOCK_STREAM"}, {2, "SOCK_DGRAM"}, {3, "SOCK_RAW"}, {4, "SOCK_RDM"}, {5, "SOCK_SEQPACKET"},
    {0}};
static const struct name socktype_flags[] = {
    {04000, "SOCK_NONBLOCK"}, {02000000, "SOCK_CLOEXEC"}, {0}};
static const struct name sol_names[] = {
    {0, "SOL_IP"}, {1, "SOL_SOCKET"}, {6, "SOL_TCP"}, {17, "SOL_UDP"}, {41, "SOL_IPV6"},
    {270, "SOL_NETLINK"}, {0}};
static const struct name fcntl_names[] = {
    {0, "F_DUPFD"}, {1, "F_GETFD"}, {2, "F_SETFD"}, {3, "F_GETFL"}, {4, "F_SETFL"}, {5, "F_GETLK"},
    {6, "F_SETLK"},
    {7, "F_SETLKW"}, {8, "F_SETOWN"}, {9, "F_GETOWN"}, {10, "F_SETSIG"}, {11, "F_GETSIG"},
    {15, "F_SETOWN_EX"},
    {16, "F_GETOWN_EX"}, {36, "F_OFD_GETLK"}, {37, "F_OFD_SETLK"}, {38, "F_OFD_SETLKW"},
    {1024, "F_SETLEASE"},
    {1025, "F_GETLEASE"}, {1026, "F_NOTIFY"}, {1030, "F_DUPFD_CLOEXEC"}, {1031, "F_SETPIPE_SZ"},
    {1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}, {0}};
static const struct name prot_names[] = {
    {1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}, {0x10, "PROT_BTI"}, {0x20, "PROT_MTE"},
    {0x1000000, "PROT_GROWSDOWN"}, {0x2000000, "PROT_GROWSUP"}, {0}};
static const struct name map_names[] = {
    {3, "MAP_SHARED_VALIDATE"}, {1, "MAP_SHARED"}, {2, "MAP_PRIVATE"}, {0x10, "MAP_FIXED"},
    {0x20, "MAP_ANONYMOUS"},
    {0x100, "MAP_GROWSDOWN"}, {0x800, "MAP_DENYWRITE"}, {0x1000, "MAP_EXECUTABLE"},
    {0x2000, "MAP_LOCKED"},
    {0x4000, "MAP_NORESERVE"}, {0x8000, "MAP_POPULATE"}, {0x10000, "MAP_NONBLOCK"},
    {0x20000, "MAP_STACK"},
    {0x40000, "MAP_HUGETLB"}, {0x80000, "MAP_SYNC"}, {0x100000, "MAP_FIXED_NOREPLACE"}, {0}};
static const struct name futex_names[] = {
    {0, "FUTEX_WAIT"}, {1, "FUTEX_WAKE"}, {3, "FUTEX_REQUEUE"}, {4, "FUTEX_CMP_REQUEUE"},
    {5, "FUTEX_WAKE_OP"},
    {6, "FUTEX_LOCK_PI"}, {7, "FUTEX_UNLOCK_PI"}, {8, "FUTEX_TRYLOCK_PI"}, {9, "FUTEX_WAIT_BITSET"},
    {10, "FUTEX_WAKE_BITSET"}, {11, "FUTEX_WAIT_REQUEUE_PI"}, {12, "FUTEX_CMP_REQUEUE_PI"},
    {13, "FUTEX_LOCK_PI2"},
    {0}};
static const struct name futex_flags[] = {
    {128, "FUTEX_PRIVATE_FLAG"}, {256, "FUTEX_CLOCK_REALTIME"}, {0}};
static const struct name epoll_op_names[] = {
    {1, "EPOLL_CTL_ADD"}, {2, "EPOLL_CTL_DEL"}, {3, "EPOLL_CTL_MOD"}, {0}};
static const struct name clone_names[] = {
    {0x80, "CLONE_NEWTIME"}, {0x100, "CLONE_VM"}, {0x200, "CLONE_FS"}, {0x400, "CLONE_FILES"},
    {0x800, "CLONE_SIGHAND"},
    {0x1000, "CLONE_PIDFD"}, {0x2000, "CLONE_PTRACE"}, {0x4000, "CLONE_VFORK"},
    {0x8000, "CLONE_PARENT"},
    {0x10000, "CLONE_THREAD"}, {0x20000, "CLONE_NEWNS"}, {0x40000, "CLONE_SYSVSEM"},
    {0x80000, "CLONE_SETTLS"},
    {0x100000, "CLONE_PARENT_SETTID"}, {0x200000, "CLONE_CHILD_CLEARTID"},
    {0x400000, "CLONE_DETACHED"},
    {0x800000, "CLONE_UNTRACED"}, {0x1000000, "CLONE_CHILD_SETTID"}, {0x2000000, "CLONE_NEWCGROUP"},
    {0x4000000, "CLONE_NEWUTS"}, {0x8000000, "CLONE_NEWIPC"}, {0x10000000, "CLONE_NEWUSER"},
    {0x20000000, "CLONE_NEWPID"}, {0x40000000, "CLONE_NEWNET"}, {0x80000000, "CLONE_IO"}, {0}};
static const struct name resource_names[] = {
    {0, "RLIMIT_CPU"}, {1, "RLIMIT_FSIZE"}, {2, "RLIMIT_DATA"}, {3, "RLIMIT_STACK"},
    {4, "RLIMIT_CORE"},
    {5, "RLIMIT_RSS"}, {6, "RLIMIT_NPROC"}, {7, "RLIMIT_NOFILE"}, {8, "RLIMIT_MEMLOCK"},
    {9, "RLIMIT_AS"},
    {10, "RLIMIT_LOCKS"}, {11, "RLIMIT_SIGPENDING"}, {12, "RLIMIT_MSGQUEUE"}, {13, "RLIMIT_NICE"},
    {14, "RLIMIT_RTPRIO"}, {15, "RLIMIT_RTTIME"}, {0}};
static const struct name prctl_names[] = {
    {1, "PR_SET_PDEATHSIG"}, {2, "PR_GET_PDEATHSIG"}, {3, "PR_GET_DUMPABLE"},
    {4, "PR_SET_DUMPABLE"},
    {7, "PR_GET_KEEPCAPS"}, {8, "PR_SET_KEEPCAPS"}, {15, "PR_SET_NAME"}, {16, "PR_GET_NAME"},
    {21, "PR_GET_SECCOMP"},
    {22, "PR_SET_SECCOMP"}, {23, "PR_CAPBSET_READ"}, {24, "PR_CAPBSET_DROP"},
    {29, "PR_SET_TIMERSLACK"},
    {30, "PR_GET_TIMERSLACK"}, {35, "PR_SET_MM"}, {36, "PR_SET_CHILD_SUBREAPER"},
    {37, "PR_GET_CHILD_SUBREAPER"},
    {38, "PR_SET_NO_NEW_PRIVS"}, {39, "PR_GET_NO_NEW_PRIVS"}, {0x53564d41, "PR_SET_VMA"}, {0}};
static const struct name sighow_names[] = {
    {0, "SIG_BLOCK"}, {1, "SIG_UNBLOCK"}, {2, "SIG_SETMASK"}, {0}};
static const struct name wait_names[] = {
    {1, "WNOHANG"}, {2, "WUNTRACED"}, {4, "WEXITED"}, {8, "WCONTINUED"}, {0x1000000, "WNOWAIT"},
    {0x20000000, "__WNOTHREAD"}, {0x40000000, "__WALL"}, {0x80000000, "__WCLONE"}, {0}};
static const struct name madvise_names[] = {
    {0, "MADV_NORMAL"}, {1, "MADV_RANDOM"}, {2, "MADV_SEQUENTIAL"}, {3, "MADV_WILLNEED"},
    {4, "MADV_DONTNEED"},
    {8, "MADV_FREE"}, {9, "MADV_REMOVE"}, {10, "MADV_DONTFORK"}, {11, "MADV_DOFORK"},
    {12, "MADV_MERGEABLE"},
    {14, "MADV_HUGEPAGE"}, {15, "MADV_NOHUGEPAGE"}, {16, "MADV_DONTDUMP"}, {18, "MADV_WIPEONFORK"},
    {0}};
static const char *const signal_names[] = {
    "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
    "SIGKILL", "SIGUSR1",
    "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT",
    "SIGSTOP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH",
    "SIGIO", "SIGPWR",
    "SIGSYS"};
/* clang-format on */

static const char *find_name(const struct name *names, uint64_t value)
{
    for (; names->text; names++) {
        if (names->value == value)
            return names->text;
    }
    return NULL;
}

static void put_name(struct line *l, const struct name *names, uint64_t value)
{
    const char *text = find_name(names, value);
    if (text)
        put(l, "%s", text);
    else
        put(l, "%ld", (long)value);
}

/* ZERO: what to write if no bit is set. */
static void put_flags(struct line *l, const struct name *names, uint64_t value, const char *zero)
{
    if (!value) {
        put(l, "%s", zero);
        return;
    }
    const char *separator = "";
    for (; names->text; names++) {
        if ((value & names->value) != names->value)
            continue;
        put(l, "%s%s", separator, names->text);
        separator = "|";
        value &= ~names->value;
    }
    if (value)
        put(l, "%s%#lx", separator, (unsigned long)value);
}

/* -- Memory -- */

static void put_pointer(struct line *l, uint64_t addr)
{
    if (addr)
        put(l, "%#lx", (unsigned long)addr);
    else
        put(l, "NULL");
}

static void put_quoted(struct line *l, const char *text, size_t n, bool cut)
{
    put(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            put(l, "\\%c", c);
        else if (c == '\n')
            put(l, "\\n");
        else if (c < 32 || c >= 127)
            put(l, "\\%03o", c);
        else
            put(l, "%c", c);
    }
    put(l, cut ? "\"..." : "\"");
}

static void put_text(struct line *l, uint64_t addr, size_t limit)
{
    char text[PATH_SHOWN];
    size_t size = limit < sizeof(text) ? limit : sizeof(text);
    ssize_t n = memory_read_string(text, addr, size);
    if (n == -ENAMETOOLONG)
        put_quoted(l, text, size, true);
    else if (n < 0)
        put_pointer(l, addr);
    else
        put_quoted(l, text, (size_t)n, false);
}

static void put_argv(struct line *l, uint64_t addr)
{
    put(l, "{");
    for (unsigned i = 0;; i++) {
        uint64_t text;
        if (memory_read(&text, addr + 8 * i, 8))
            break;
        if (i)
            put(l, ",");
        if (!text) {
            put(l, "NULL");
            break;
        }
        if (i == ARGV_SHOWN) {
            put(l, "...");
            break;
        }
        put_text(l, text, TEXT_MAX);
    }
    put(l, "}");
}

static void put_time(struct line *l, uint64_t addr, bool micro)
{
    int64_t time[2];
    if (!addr || memory_read(time, addr, sizeof(time)))
        put_pointer(l, addr);
    else
        put(l, "{tv_sec = %ld,tv_%s = %ld}", (long)time[0], micro ? "usec" : "nsec", (long)time[1]);
}

static void put_sockaddr(struct line *l, uint64_t addr, uint64_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } a;
    memset(&a, 0, sizeof(a));
    if (size < sizeof(a.any.sa_family) || size > sizeof(a) || memory_read(&a, addr, size)) {
        put_pointer(l, addr);
        return;
    }
    const uint8_t *ip = (const uint8_t *)&a.in.sin_addr;
    switch (a.any.sa_family) {
    case AF_INET:
        put(l, "{sin_family=AF_INET,sin_port=%u,sin_addr=%u.%u.%u.%u}", ntohs(a.in.sin_port), ip[0],
            ip[1], ip[2], ip[3]);
        break;
    case AF_INET6:
        put(l, "{sin6_family=AF_INET6,sin6_port=%u,sin6_addr=", ntohs(a.in6.sin6_port));
        for (unsigned i = 0; i < 16; i += 2)
            put(l, "%s%x", i ? ":" : "",
                a.in6.sin6_addr.s6_addr[i] << 8 | a.in6.sin6_addr.s6_addr[i + 1]);
        put(l, "}");
        break;
    case AF_UNIX: {
        size_t room = size - offsetof(struct sockaddr_un, sun_path);
        bool abstract = room && !a.un.sun_path[0];
        put(l, "{sun_family=AF_UNIX,sun_path=%s", abstract ? "@" : "");
        put_quoted(l, a.un.sun_path + abstract, abstract ? room - 1 : strnlen(a.un.sun_path, room),
                   false);
        put(l, "}");
        break;
    }
    default:
        put(l, "{sa_family=%u,...}", a.any.sa_family);
    }
}

/* -- Kinds -- */

/* One argument on its way to the line. */
struct shown {
    struct line *line;
    const struct thread *thread;
    uint64_t value;
    uint64_t next;            /* the argument after it, for kinds with a length */
    const struct name *names; /* of the kind */
    const char *zero;         /* what no flag at all is called */
};

static void show_int(const struct shown *a)
{
    put(a->line, "%d", (int)a->value);
}

static void show_uint(const struct shown *a)
{
    put(a->line, "%u", (unsigned)a->value);
}

static void show_long(const struct shown *a)
{
    put(a->line, "%ld", (long)a->value);
}

static void show_size(const struct shown *a)
{
    put(a->line, "%lu", (unsigned long)a->value);
}

static void show_hex(const struct shown *a)
{
    put(a->line, "%#lx", (unsigned long)a->value);
}

static void show_mode(const struct shown *a)
{
    put(a->line, "%#o", (unsigned)a->value);
}

static void show_pointer(const struct shown *a)
{
    put_pointer(a->line, a->value);
}

static void show_text(const struct shown *a)
{
    put_text(a->line, a->value, TEXT_MAX);
}

static void show_path(const struct shown *a)
{
    put_text(a->line, a->value, PATH_SHOWN);
}

static void show_argv(const struct shown *a)
{
    put_argv(a->line, a->value);
}

static void show_dirfd(const struct shown *a)
{
    if ((int)a->value == AT_FDCWD)
        put(a->line, "AT_FDCWD");
    else
        show_int(a);
}

static void show_name(const struct shown *a)
{
    put_name(a->line, a->names, (uint64_t)(int64_t)(int)a->value);
}

static void show_flags(const struct shown *a)
{
    put_flags(a->line, a->names, (uint32_t)a->value, a->zero);
}

static void show_open_flags(const struct shown *a)
{
    static const char *const access[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    uint32_t flags = open_flags_to_host(a->thread->guest->abi, (uint32_t)a->value);
    put(a->line, "%s", access[flags & 3]);
    if (flags & ~3u) {
        put(a->line, "|");
        put_flags(a->line, open_names, flags & ~3u, "");
    }
}

static void show_fd_flags(const struct shown *a)
{
    uint32_t flags = open_flags_to_host(a->thread->guest->abi, (uint32_t)a->value);
    put_flags(a->line, open_names, flags, "0");
}

static void put_signal(struct line *l, int sig)
{
    if (sig >= 0 && sig < (int)ARRAY_SIZE(signal_names))
        put(l, "%s", signal_names[sig]);
    else
        put(l, "%d", sig);
}

static void show_signal(const struct shown *a)
{
    put_signal(a->line, (int)a->value);
}

static void show_sigmask(const struct shown *a)
{
    uint64_t mask;
    if (!a->value || memory_read(&mask, a->value, sizeof(mask))) {
        put_pointer(a->line, a->value);
        return;
    }
    const char *separator = "";
    put(a->line, "[");
    for (int sig = 1; sig <= N_SIGNALS; sig++) {
        if (!(mask & signal_bit(sig)))
            continue;
        put(a->line, "%s", separator);
        put_signal(a->line, sig);
        separator = ",";
    }
    put(a->line, "]");
}

static void show_timespec(const struct shown *a)
{
    put_time(a->line, a->value, false);
}

static void show_timeval(const struct shown *a)
{
    put_time(a->line, a->value, true);
}

static void show_sockaddr(const struct shown *a)
{
    put_sockaddr(a->line, a->value, (uint32_t)a->next);
}

static void show_socktype(const struct shown *a)
{
    enum { TYPE = 0xf };
    uint32_t flags = (uint32_t)a->value & ~(uint32_t)TYPE;
    put_name(a->line, socktype_names, a->value & TYPE);
    if (flags) {
        put(a->line, "|");
        put_flags(a->line, socktype_flags, flags, "");
    }
}

static void show_ioctl(const struct shown *a)
{
    const char *name = ioctl_name((uint32_t)a->value);
    if (name)
        put(a->line, "%s", name);
    else
        put(a->line, "%#x", (unsigned)a->value);
}

static void show_futex(const struct shown *a)
{
    enum { FLAGS = 384, COMMAND = 127 };
    if (a->value & FLAGS) {
        put_flags(a->line, futex_flags, a->value & FLAGS, "");
        put(a->line, "|");
    }
    put_name(a->line, futex_names, a->value & COMMAND);
}

/* The low byte is the signal that the parent gets. */
static void show_clone(const struct shown *a)
{
    enum { SIGNAL = 0x7f };
    put_flags(a->line, clone_names, a->value & ~(uint64_t)SIGNAL, "0");
    if (a->value & SIGNAL) {
        put(a->line, "|");
        put_signal(a->line, (int)(a->value & SIGNAL));
    }
}

/* clang-format off */
static const struct {
    void (*show)(const struct shown *a);
    const struct name *names;
    const char *zero;
} kinds[] = {
    [INT] = {.show = show_int},                 [UINT] = {.show = show_uint},
    [LONG] = {.show = show_long},               [SIZE] = {.show = show_size},
    [OFFSET] = {.show = show_long},             [HEX] = {.show = show_hex},
    [PTR] = {.show = show_pointer},             [MODE] = {.show = show_mode},
    [STR] = {.show = show_text},                [PATH] = {.show = show_path},
    [NEWPATH] = {.show = show_path},            [ARGV] = {.show = show_argv},
    [FD] = {.show = show_int},                  [DIRFD] = {.show = show_dirfd},
    [NEWFD] = {.show = show_int},               [OPEN_FLAGS] = {.show = show_open_flags},
    [FD_FLAGS] = {.show = show_fd_flags},       [SIG] = {.show = show_signal},
    [TIMESPEC] = {.show = show_timespec},       [TIMEVAL] = {.show = show_timeval},
    [SOCKADDR] = {.show = show_sockaddr},       [SOCKTYPE] = {.show = show_socktype},
    [IOCTL] = {.show = show_ioctl},             [FUTEX] = {.show = show_futex},
    [CLONE] = {.show = show_clone},             [SIGMASK] = {.show = show_sigmask},
    [AT_FLAGS] = {show_flags, at_names, "0"},
    [ACCESS] = {show_flags, access_names, "F_OK"},
    [PROT] = {show_flags, prot_names, "PROT_NONE"},
    [MAP] = {show_flags, map_names, "0"},
    [WAITOPT] = {show_flags, wait_names, "0"},
    [WHENCE] = {show_name, whence_names, 0},
    [CLOCK] = {show_name, clock_names, 0},
    [FAMILY] = {show_name, family_names, 0},
    [SOL] = {show_name, sol_names, 0},
    [FCNTL] = {show_name, fcntl_names, 0},
    [EPOLL_OP] = {show_name, epoll_op_names, 0},
    [RESOURCE] = {show_name, resource_names, 0},
    [PRCTL] = {show_name, prctl_names, 0},
    [SIGHOW] = {show_name, sighow_names, 0},
    [MADV] = {show_name, madvise_names, 0}};
/* clang-format on */

/* The mode of a call that may only make a file if told so. */
static bool mode_is_unused(const struct thread *t, const struct syscall_row *row,
                           const uint64_t *arg, unsigned i)
{
    enum { CREATE = 0100, TEMPORARY = 020000000 };
    if (row->kind[i] != MODE || !i || row->kind[i - 1] != OPEN_FLAGS)
        return false;
    return !(open_flags_to_host(t->guest->abi, (uint32_t)arg[i - 1]) & (CREATE | TEMPORARY));
}

/* -- Lines -- */

size_t strace_call(struct thread *t, const struct syscall_row *row, const uint64_t arg[6],
                   char *buf, size_t size)
{
    struct line l = {buf, size};
    put(&l, "%s(", syscall_row_name(row));
    if (row->error)
        put(&l, "number %d", (int)t->cpu.gpr[t->guest->abi->nr_reg]);
    for (unsigned i = 0; i < 6 && row->kind[i] != END; i++) {
        unsigned kind = row->kind[i];
        if (mode_is_unused(t, row, arg, i))
            break;
        if (i)
            put(&l, ",");
        struct shown shown = {
            &l, t, arg[i], i < 5 ? arg[i + 1] : 0, kinds[kind].names, kinds[kind].zero};
        kinds[kind].show(&shown);
    }
    /* A cut line still ends well, with room for its result. */
    if (l.room < 128 && size > 256) {
        l.at = buf + size - 160;
        l.room = 160;
        put(&l, "...");
    }
    put(&l, ")");
    return (size_t)(l.at - buf);
}

static const char *restart_name(long result)
{
    switch (-result) {
    case ERESTARTSYS:
        return "ERESTARTSYS";
    case ERESTARTNOINTR:
        return "ERESTARTNOINTR";
    case ERESTARTNOHAND:
        return "ERESTARTNOHAND";
    }
    return NULL;
}

size_t strace_result(const struct syscall_row *row, long result, char *buf, size_t size)
{
    struct line l = {buf, size};
    if ((unsigned long)result < (unsigned long)-4095L) {
        bool address = row->kind[0] == PTR && (result < 0 || result > 0xffff);
        put(&l, address ? " = %#lx\n" : " = %ld\n", result);
    } else if (restart_name(result)) {
        put(&l, " = ? %s (to be restarted if the signal's action says so)\n", restart_name(result));
    } else {
        put(&l, " = -1 errno=%d (%s)\n", (int)-result, strerror((int)-result));
    }
    return (size_t)(l.at - buf);
}

void strace_signal(int sig, int code, guest_addr address)
{
    char number[16];
    const char *name = number;
    if (sig > 0 && sig < (int)ARRAY_SIZE(signal_names))
        name = signal_names[sig];
    else
        snprintf(number, sizeof(number), "SIG%d", sig);
    if (code > 0)
        log_write("--- %s {si_signo=%s, si_code=%d, si_addr=0x%llx} ---\n", name, name, code,
                  (unsigned long long)address);
    else
        log_write("--- %s {si_signo=%s, si_code=%d} ---\n", name, name, code);
}
