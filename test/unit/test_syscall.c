/* test_syscall.c - the dispatcher: numbers, errors, hidden descriptors, interruption, structures.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "arch/guests.h"
#include "core/fd.h"
#include "syscalls/row.h"
#include "syscalls/task.h"
#include "test/unit/unit.h"

/* Numbers of arm64 Linux. */
enum {
    NR_epoll_create1 = 20,
    NR_epoll_ctl = 21,
    NR_epoll_pwait = 22,
    NR_dup3 = 24,
    NR_fcntl = 25,
    NR_openat = 56,
    NR_close = 57,
    NR_pipe2 = 59,
    NR_read = 63,
    NR_write = 64,
    NR_ppoll = 73,
    NR_fstat = 80,
    NR_nanosleep = 101,
    NR_uname = 160,
    NR_getpid = 172,
    NR_recvfrom = 207,
    NR_io_uring_setup = 425,
    NR_close_range = 436
};

static struct thread thread;
static struct task task;

static int set_up(void **state)
{
    (void)state;
    memset(&thread, 0, sizeof(thread));
    memset(&task, 0, sizeof(task));
    thread.guest = guest_by_name("aarch64");
    thread.task = &task;
    task.pid = getpid();
    task.thread = &thread;
    return thread.guest == NULL;
}

static uint64_t pointer(const void *p)
{
    return (uintptr_t)p;
}

/* A path in memory of its own: strings of the guest are read by the page, beyond their end. */
static uint64_t path_at(const char *text)
{
    static char pages[4][4096] __attribute__((aligned(4096)));
    static unsigned next;
    char *page = pages[next++ % 4];
    strcpy(page, text);
    return pointer(page);
}

static long call(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                 uint64_t f)
{
    const uint64_t arg[6] = {a, b, c, d, e, f};
    thread.cpu.gpr[8] = nr;
    memcpy(thread.cpu.gpr, arg, sizeof(arg));
    return syscall_dispatch(&thread);
}

static void test_syscall_numbers(void **state)
{
    (void)state;
    assert_int_equal(call(NR_getpid, 0, 0, 0, 0, 0, 0), getpid());
    assert_string_equal(syscall_name(thread.guest, NR_getpid), "getpid");
    assert_int_equal(call(NR_io_uring_setup, 0, 0, 0, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(244, 0, 0, 0, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(100000, 0, 0, 0, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(0xffffffff, 0, 0, 0, 0, 0, 0), -ENOSYS);
}

static void test_syscall_every_row_is_complete(void **state)
{
    (void)state;
    for (unsigned i = SYSCALL_none + 1; i < SYSCALL_N; i++) {
        const struct syscall_row *row = &syscall_rows[i];
        assert_true(*syscall_row_name(row));
        /* read is the one call that the host numbers 0. */
        int kinds = (row->function != 0) + (row->error != 0) + (row->host_nr || i == SYSCALL_read);
        assert_int_equal(kinds, 1);
    }
}

static void test_syscall_open_flags(void **state)
{
    (void)state;
    const struct abi *abi = thread.guest->abi;
    enum { G_DIRECTORY = 040000, G_NOFOLLOW = 0100000, G_DIRECT = 0200000, G_LARGEFILE = 0400000 };
    assert_int_equal(open_flags_to_host(abi, G_DIRECTORY), O_DIRECTORY);
    assert_int_equal(open_flags_to_host(abi, G_NOFOLLOW), O_NOFOLLOW);
    assert_int_equal(open_flags_to_host(abi, G_DIRECT | O_CLOEXEC), O_DIRECT | O_CLOEXEC);
    for (unsigned bit = 0; bit < 32; bit++) {
        uint32_t flag = (uint32_t)1 << bit;
        assert_int_equal(open_flags_to_guest(abi, open_flags_to_host(abi, flag)), flag);
    }
    assert_int_equal(
        call(NR_openat, (uint64_t)AT_FDCWD, path_at("/proc/self/cwd"), G_NOFOLLOW, 0, 0, 0),
        -ELOOP);
    long fd = call(NR_openat, (uint64_t)AT_FDCWD, path_at("/"), G_DIRECTORY, 0, 0, 0);
    assert_true(fd >= 0);
    assert_int_equal(call(NR_fcntl, (uint64_t)fd, F_GETFL, 0, 0, 0, 0) & ~G_LARGEFILE, G_DIRECTORY);
    close((int)fd);
}

static void test_syscall_stat_layout(void **state)
{
    (void)state;
    uint8_t bytes[144];
    uint32_t mode;
    struct stat st;
    memset(bytes, 0xee, sizeof(bytes));
    int fd = open("/", O_RDONLY);
    assert_int_equal(call(NR_fstat, (uint64_t)fd, pointer(bytes), 0, 0, 0, 0), 0);
    memcpy(&mode, bytes + 16, sizeof(mode));
    fstat(fd, &st);
    assert_int_equal(mode, st.st_mode);
    assert_int_equal(bytes[127], 0);
    assert_int_equal(bytes[128], 0xee);
    close(fd);
}

static void test_syscall_epoll_layout(void **state)
{
    (void)state;
    struct {
        uint32_t events, pad;
        uint64_t data;
    } add = {1, 0, 0x1122334455667788}, got[2];
    int fds[2];
    long epoll = call(NR_epoll_create1, 0, 0, 0, 0, 0, 0);
    assert_int_equal(call(NR_pipe2, pointer(fds), 0, 0, 0, 0, 0), 0);
    assert_int_equal(call(NR_epoll_ctl, (uint64_t)epoll, 1, (uint64_t)fds[0], pointer(&add), 0, 0),
                     0);
    assert_int_equal(call(NR_write, (uint64_t)fds[1], path_at("x"), 1, 0, 0, 0), 1);
    memset(got, 0, sizeof(got));
    assert_int_equal(call(NR_epoll_pwait, (uint64_t)epoll, pointer(got), 2, 1000, 0, 8), 1);
    assert_int_equal(got[0].events, 1);
    assert_true(got[0].data == add.data);
    assert_true(got[1].data == 0);
    assert_int_equal(call(NR_epoll_pwait, (uint64_t)epoll, pointer(got), 0, 0, 0, 8), -EINVAL);
    close((int)epoll), close(fds[0]), close(fds[1]);
}

static void test_syscall_own_descriptors_are_hidden(void **state)
{
    (void)state;
    uint64_t high = 200;
    int victim = open("/", O_RDONLY);
    process.self_fd = fd_lowest_own = fcntl(victim, F_DUPFD, (int)high);
    high = (uint64_t)process.self_fd;
    assert_int_equal(call(NR_close, high, 0, 0, 0, 0, 0), -EBADF);
    assert_int_equal(call(NR_read, high, pointer(&victim), 0, 0, 0, 0), -EBADF);
    assert_int_equal(call(NR_dup3, (uint64_t)victim, high, 0, 0, 0, 0), -EBADF);
    assert_int_equal(call(NR_close_range, (uint64_t)victim, 0xffffffff, 0, 0, 0, 0), 0);
    assert_true(fcntl(process.self_fd, F_GETFD) >= 0);
    assert_int_equal(fcntl(victim, F_GETFD), -1);
    close(process.self_fd);
    process.self_fd = -1;
}

/* More events than one part of the conversion holds; what lies behind them stays. */
static void test_syscall_epoll_many(void **state)
{
    (void)state;
    enum { N = 150 };
    struct {
        uint32_t events, pad;
        uint64_t data;
    } add = {1, 0, 0}, got[N + 1];
    int fds[N][2];
    bool seen[N] = {false};
    long epoll = call(NR_epoll_create1, 0, 0, 0, 0, 0, 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
        add.data = (uint64_t)i << 33 | i;
        assert_int_equal(
            call(NR_epoll_ctl, (uint64_t)epoll, 1, (uint64_t)fds[i][0], pointer(&add), 0, 0), 0);
    }
    memset(got, 0xee, sizeof(got));
    assert_int_equal(call(NR_epoll_pwait, (uint64_t)epoll, pointer(got), N + 1, 0, 0, 8), N);
    for (unsigned i = 0; i < N; i++) {
        unsigned n = (unsigned)got[i].data;
        assert_int_equal(got[i].events, 1);
        assert_true(n < N && !seen[n] && got[i].data >> 33 == n);
        seen[n] = true;
        close(fds[n][0]), close(fds[n][1]);
    }
    assert_int_equal(got[N].events, 0xeeeeeeee);
    close((int)epoll);
}

/* With a signal pending no call that may sleep enters the kernel, and others run. */
static void test_syscall_pending_signal_goes_first(void **state)
{
    (void)state;
    int fds[2];
    char byte;
    uint64_t mask = 0;
    assert_int_equal(pipe(fds), 0);
    thread.cpu.pending = PENDING_SIGNAL;
    task.blocked = 0x100;
    assert_int_equal(call(NR_read, (uint64_t)fds[0], pointer(&byte), 1, 0, 0, 0), -ERESTARTNOINTR);
    assert_int_equal(call(NR_ppoll, 0, 0, 0, pointer(&mask), 8, 0), -ERESTARTNOINTR);
    assert_int_equal(task.blocked, 0x100);
    assert_false(task.restore_mask);
    assert_int_equal(call(NR_getpid, 0, 0, 0, 0, 0, 0), getpid());
    close(fds[0]), close(fds[1]);
}

static void test_syscall_rewind_window(void **state)
{
    (void)state;
    uintptr_t start = (uintptr_t)safe_syscall_start, end = (uintptr_t)safe_syscall_end, pc;
    for (uintptr_t at = start; at < end; at++) {
        pc = at;
        assert_true(safe_syscall_rewind(&pc));
        assert_true(pc == (uintptr_t)safe_syscall_interrupted);
    }
    pc = end;
    assert_false(safe_syscall_rewind(&pc));
    pc = start - 1;
    assert_false(safe_syscall_rewind(&pc));
}

static void on_alarm(int sig)
{
    (void)sig;
    task.caught[0].full = 1;
}

static void alarm_soon(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {{0, 20000}, {0, 20000}};
    task.caught[0].full = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void alarm_off(void)
{
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
}

static void test_syscall_interruption_by_kind(void **state)
{
    (void)state;
    int fds[2];
    char byte;
    struct timeval limit = {5, 0};
    int64_t five[2] = {5, 0}, left[2] = {0, 0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    alarm_soon();
    assert_int_equal(call(NR_read, (uint64_t)fds[0], pointer(&byte), 1, 0, 0, 0), -ERESTARTSYS);
    assert_int_equal(call(NR_recvfrom, (uint64_t)fds[0], pointer(&byte), 1, 0, 0, 0), -ERESTARTSYS);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(call(NR_recvfrom, (uint64_t)fds[0], pointer(&byte), 1, 0, 0, 0),
                     -ERESTARTNOHAND);
    assert_int_equal(call(NR_ppoll, 0, 0, 0, 0, 0, 0), -ERESTARTNOHAND);
    task.caught[0].full = 0;
    assert_int_equal(call(NR_nanosleep, pointer(five), pointer(left), 0, 0, 0, 0), -ERESTARTNOHAND);
    assert_int_equal(left[0], 4);
    alarm_off();
    close(fds[0]), close(fds[1]);
}

static void test_syscall_uname_is_the_guests(void **state)
{
    (void)state;
    char uts[6 * 65] = "";
    process.uname_release = "1.2.3";
    assert_int_equal(call(NR_uname, pointer(uts), 0, 0, 0, 0, 0), 0);
    assert_string_equal(uts, "Linux");
    assert_string_equal(uts + 2 * 65, "1.2.3");
    assert_string_equal(uts + 4 * 65, "aarch64");
    process.uname_release = NULL;
}

static void test_syscall_strace_line(void **state)
{
    (void)state;
    char line[256];
    const struct syscall_row *row = &syscall_rows[SYSCALL_openat];
    const uint64_t arg[6] = {
        (uint64_t)AT_FDCWD, path_at("/a\n\"b"), 0100 | 01 | 040000, 0644, 0, 0};
    size_t n = strace_call(&thread, row, arg, line, sizeof(line));
    strace_result(row, -ENOENT, line + n, sizeof(line) - n);
    assert_string_equal(
        line, "openat(AT_FDCWD,\"/a\\n\\\"b\",O_WRONLY|O_CREAT|O_DIRECTORY,0644) = -1 errno=2 "
              "(No such file or directory)\n");
    /* A line never outgrows its buffer. */
    char tiny[8];
    assert_true(strace_call(&thread, row, arg, tiny, sizeof(tiny)) < sizeof(tiny));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_syscall_numbers, set_up),
        cmocka_unit_test_setup(test_syscall_every_row_is_complete, set_up),
        cmocka_unit_test_setup(test_syscall_open_flags, set_up),
        cmocka_unit_test_setup(test_syscall_stat_layout, set_up),
        cmocka_unit_test_setup(test_syscall_epoll_layout, set_up),
        cmocka_unit_test_setup(test_syscall_epoll_many, set_up),
        cmocka_unit_test_setup(test_syscall_own_descriptors_are_hidden, set_up),
        cmocka_unit_test_setup(test_syscall_pending_signal_goes_first, set_up),
        cmocka_unit_test_setup(test_syscall_rewind_window, set_up),
        cmocka_unit_test_setup(test_syscall_interruption_by_kind, set_up),
        cmocka_unit_test_setup(test_syscall_uname_is_the_guests, set_up),
        cmocka_unit_test_setup(test_syscall_strace_line, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
