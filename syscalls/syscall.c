/* syscall.c - number -> row of table.def -> function or host call -> result.
 *
 * The path of a plain call is short on purpose: two table look-ups, a test for descriptors of ours,
 * the call. What happens rarely (-strace, -L, unsupported calls, interruptions) is out of line. */
#include "syscalls/row.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/cache.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/perf.h"
#include "core/tagged.h"
#include "syscalls/seccomp.h"
#include "syscalls/task.h"

_Static_assert(offsetof(struct thread, cpu.pending) == SAFE_PENDING_OFFSET,
               "safe_syscall.S reads cpu.pending");
_Static_assert(ERESTARTNOINTR == SAFE_INTERRUPTED, "safe_syscall.S returns it");

enum { ARG_LOG_SIZE = 2048 };

/* -- The table -- */

#define IS_FD(kind)   ((kind) == FD || (kind) == DIRFD || (kind) == NEWFD)
#define IS_PATH(kind) ((kind) == PATH)
#define IS_PTR(kind)                                                                               \
    ((kind) == PTR || (kind) == STR || (kind) == PATH || (kind) == NEWPATH || (kind) == ARGV ||    \
     (kind) == TIMESPEC || (kind) == TIMEVAL || (kind) == SOCKADDR || (kind) == SIGMASK)
#define MASK_OF(is, a, b, c, d, e, f, ...)                                                         \
    (is(a) | is(b) << 1 | is(c) << 2 | is(d) << 3 | is(e) << 4 | is(f) << 5)
#define MASK(is, ...) MASK_OF(is, ##__VA_ARGS__, END, END, END, END, END, END, END)

#define KINDS(...)                                                                                 \
    .fd_mask = MASK(IS_FD, ##__VA_ARGS__), .path_mask = MASK(IS_PATH, ##__VA_ARGS__),              \
    .ptr_mask = MASK(IS_PTR, ##__VA_ARGS__), .kind = {__VA_ARGS__}

/* clang-format off */
#define PASS(...)
#define DENY(...)
#define NONE(...)
#define LESS(...)
enum {
    FUNCTION_NONE,
#define SYS(n, ...) FUNCTION_##n,
#include "syscalls/table.def"
#undef SYS
};
static READ_OFTEN syscall_fn *const functions[] = {
#define SYS(n, ...) [FUNCTION_##n] = sys_##n,
#include "syscalls/table.def"
#undef SYS
};
#undef PASS
#undef DENY
#undef NONE
#undef LESS

/* Without addresses (core/types.h). */
const struct syscall_row syscall_rows[SYSCALL_N] = {
    [SYSCALL_none] = {.error = ENOSYS},
#define SYS(n, w, ...) [SYSCALL_##n] = {.function = FUNCTION_##n, .wait = w, KINDS(__VA_ARGS__)},
#define PASS(n, w, ...) [SYSCALL_##n] = {.host_nr = HOST_NR_##n, .wait = w, KINDS(__VA_ARGS__)},
#define DENY(n, errno_is, why) [SYSCALL_##n] = {.error = errno_is},
#define NONE(n, why) DENY(n, ENOSYS, why)
#define LESS(n, what)
#include "syscalls/table.def"
#undef SYS
#undef PASS
#undef DENY
#undef NONE
#undef LESS
};

static const char names[SYSCALL_N][26] = {
    [SYSCALL_none] = "unknown",
#define SYS(n, ...) [SYSCALL_##n] = #n,
#define PASS SYS
#define DENY SYS
#define NONE SYS
#define LESS(n, what)
#include "syscalls/table.def"
#undef SYS
};
#define SYS(n, ...) _Static_assert(sizeof #n <= sizeof names[0], "the name is too long");
#include "syscalls/table.def"
#undef LESS
#undef SYS

const char *syscall_row_name(const struct syscall_row *row) { return names[row - syscall_rows]; }

/* Why a call is not there, or what is missing in one that is; or null. */
static const char *note_of(const struct syscall_row *row)
{
    switch (row - syscall_rows) {
    case SYSCALL_none: return "no such system call";
#define SYS(...)
#undef PASS
#define PASS(...)
#undef DENY
#define DENY(n, errno_is, why) case SYSCALL_##n: return why;
#undef NONE
#define NONE(n, why) case SYSCALL_##n: return why;
#define LESS(n, what) case SYSCALL_##n: return what;
#include "syscalls/table.def"
#undef SYS
#undef PASS
#undef DENY
#undef NONE
#undef LESS
    default: return NULL;
    }
}
/* clang-format on */

static const struct syscall_row *find_row(const struct abi *abi, uint32_t nr)
{
    return &syscall_rows[nr < abi->n_syscall_ids ? abi->syscall_ids[nr] : SYSCALL_none];
}

const char *syscall_name(const struct guest *guest, uint32_t nr)
{
    return syscall_row_name(find_row(guest->abi, nr));
}

/* -- Descriptors and paths -- */

bool fd_is_own(int fd)
{
    return fd > 2 && fd >= fd_lowest_own &&
           (fd == process.self_fd || fd == process.exe_fd || fd == log_fd() || cache_fd_is(fd) || perf_fd_is(fd));
}

static bool names_own_fd(const struct syscall_row *row, const uint64_t arg[6])
{
    for (unsigned mask = row->fd_mask; mask; mask &= mask - 1) {
        int fd = (int)arg[__builtin_ctz(mask)];
        if (unlikely(fd >= fd_lowest_own && fd_is_own(fd)))
            return true;
    }
    return false;
}

const char *path_translate(const char *path, char *buf)
{
    const char *prefix = process.ld_prefix;
    if (!prefix || !*prefix || path[0] != '/')
        return path;
    int n = snprintf(buf, PATH_MAX, "%s%s", prefix, path);
    if (n < 0 || n >= PATH_MAX)
        return path;
    struct stat st;
    return fstatat(AT_FDCWD, buf, &st, AT_SYMLINK_NOFOLLOW) ? path : buf;
}

/* -- Running a row -- */

static inline long run(struct thread *t, const struct syscall_row *row, const uint64_t arg[6])
{
    if (row->function)
        return functions[row->function](t, arg);
    if (row->wait == NOW)
        return host_syscall(row->host_nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    return safe_syscall(t, row->host_nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* With -L: replace paths that exist below the prefix. */
static __attribute__((noinline)) long
run_with_prefix(struct thread *t, const struct syscall_row *row, const uint64_t arg[6])
{
    uint64_t new_arg[6];
    char given[PATH_MAX], found[2][PATH_MAX];
    unsigned used = 0;
    memcpy(new_arg, arg, sizeof(new_arg));
    for (unsigned mask = row->path_mask; mask && used < 2; mask &= mask - 1) {
        unsigned i = __builtin_ctz(mask);
        if (memory_read_string(given, arg[i], sizeof(given)) < 0)
            continue; /* the call will say what is wrong */
        const char *path = path_translate(given, found[used]);
        if (path != given)
            new_arg[i] = (uintptr_t)found[used++];
    }
    return run(t, row, new_arg);
}

static __attribute__((noinline)) long run_unsupported(struct thread *t,
                                                      const struct syscall_row *row)
{
    if (LOG_ON(unimp)) {
        log_write("Unsupported syscall: %d (%s: %s)\n", (int)t->cpu.gpr[t->guest->abi->nr_reg],
                  syscall_row_name(row), note_of(row));
    }
    return -row->error;
}

RUN_OFTEN static inline long run_checked(struct thread *t, const struct syscall_row *row,
                               const uint64_t arg[6])
{
    if (unlikely(names_own_fd(row, arg)))
        return -EBADF;
    if (unlikely(row->path_mask && process.ld_prefix))
        return run_with_prefix(t, row, arg);
    return run(t, row, arg);
}

/* -- Interruption -- */

/* True if FD is a socket with a time limit: its calls are never restarted. */
static bool has_socket_timeout(int fd, int option)
{
    struct timeval limit = {0, 0};
    socklen_t size = sizeof(limit);
    if (host_syscall(HOST_NR_getsockopt, fd, SOL_SOCKET, option, (uintptr_t)&limit,
                     (uintptr_t)&size, 0))
        return false;
    return limit.tv_sec || limit.tv_usec;
}

/* The host's -EINTR says only that a signal came; what follows for the guest is the kernel's rule
 * for the call. */
static __attribute__((noinline)) long interrupted(const struct syscall_row *row,
                                                  const uint64_t arg[6], long result)
{
    switch ((enum call_wait)row->wait) {
    case WAIT:
        return -ERESTARTSYS;
    case READ:
        return has_socket_timeout((int)arg[0], SO_RCVTIMEO) ? -ERESTARTNOHAND : -ERESTARTSYS;
    case WRITE:
        return has_socket_timeout((int)arg[0], SO_SNDTIMEO) ? -ERESTARTNOHAND : -ERESTARTSYS;
    case INTR:
        return -ERESTARTNOHAND;
    case NOW:
    case OWN:
    case LEAVE:
        break;
    }
    return result;
}

/* -- Entry -- */

/* Pointers inside structures keep their tags, and are refused. The kernel takes none for new mappings either. */
static __attribute__((noinline)) void strip_pointers(const struct thread *t, const struct syscall_row *row, uint64_t arg[6])
{
    unsigned id = (unsigned)(row - syscall_rows);
    for (unsigned mask = row->ptr_mask; mask && id != SYSCALL_mmap && id != SYSCALL_brk; mask &= mask - 1) {
        unsigned i = (unsigned)__builtin_ctz(mask);
        arg[i] = tagged_strip(t->guest->isa, arg[i]);
    }
}

static __attribute__((noinline)) long run_traced(struct thread *t, const struct syscall_row *row,
                                                 const uint64_t arg[6])
{
    char line[ARG_LOG_SIZE];
    size_t n = (size_t)snprintf(line, sizeof(line), "%d ", (int)getpid());
    n += strace_call(t, row, arg, line + n, sizeof(line) - n);
    if (row->wait == LEAVE) {
        log_write("%s\n", line);
        n = 0;
    }
    long result = row->error ? run_unsupported(t, row) : run_checked(t, row, arg);
    if (result == -EINTR)
        result = interrupted(row, arg, result);
    if (row->wait == LEAVE && (result >= 0 || result == -ESYSDONE))
        return result;
    if (!n)
        n = (size_t)snprintf(line, sizeof(line), "%d %s(...)", (int)getpid(), syscall_row_name(row));
    strace_result(row, result, line + n, sizeof(line) - n);
    log_write("%s", line);
    return result;
}

static inline long run_row(struct thread *t, const struct syscall_row *row, const uint64_t arg[6])
{
    if (unlikely(row->error))
        return run_unsupported(t, row);
    long result = run_checked(t, row, arg);
    if (unlikely(result == -EINTR))
        return interrupted(row, arg, result);
    return result;
}

/* With filters, tags or a trace. */
static __attribute__((noinline)) long run_watched(struct thread *t, const struct syscall_row *row, uint64_t arg[6])
{
    if (t->task->seccomp_mode) {
        long stopped = seccomp_stops_call(t, arg);
        if (stopped)
            return stopped;
    }
    if (t->tagged_calls)
        strip_pointers(t, row, arg);
    return LOG_ON(strace) ? run_traced(t, row, arg) : run_row(t, row, arg);
}

RUN_OFTEN long syscall_dispatch(struct thread *t)
{
    const struct abi *abi = t->guest->abi;
    const uint8_t *reg = abi->arg_reg;
    const uint64_t *gpr = t->cpu.gpr;
    const struct syscall_row *row = find_row(abi, (uint32_t)gpr[abi->nr_reg]);
    uint64_t arg[6] = {gpr[reg[0]], gpr[reg[1]], gpr[reg[2]], gpr[reg[3]], gpr[reg[4]], gpr[reg[5]]};
    if (unlikely(t->task->seccomp_mode || t->tagged_calls || LOG_ON(strace)))
        return run_watched(t, row, arg);
    return run_row(t, row, arg);
}

void syscall_print_table(void)
{
    for (unsigned i = SYSCALL_none + 1; i < SYSCALL_N; i++) {
        const struct syscall_row *row = &syscall_rows[i];
        const char *status = !row->error            ? row->function ? "translated" : "passed"
                             : row->error == ENOSYS ? "unsupported"
                                                    : "refused";
        const char *note = note_of(row);
        printf("%-26s %-12s%s%s\n", names[i], status, note ? " " : "", note ? note : "");
    }
}
