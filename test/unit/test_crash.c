/* test_crash.c - what the translator says and how it ends when it fails itself. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/log.h"
#include "syscalls/syscall.h"
#include "syscalls/task.h"
#include "test/unit/unit.h"

enum { NR_getpid = 172 };

/* A guest that has made one system call. */
static void start_guest(void)
{
    static const uint32_t code[8] = {0x91000400}; /* add x0, x0, #1 */
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    engine_options.engine = ENGINE_INTERP;
    const struct guest *guest = guest_by_name("aarch64");
    engine_init(guest);
    struct thread *t = thread_new(guest, NULL);
    process.guest = guest;
    process.exe = "/usr/bin/program";
    thread_enter(t);
    task_start(t);
    t->task->last_call = NR_getpid;
    t->task->syscalls = 3;
    t->cpu.pc = (uintptr_t)code;
}

static void fail_by_bug(void) { bug("value %d", 5); }
static void fail_by_access(void) { *(volatile int *)16 = 1; }
static void fail_twice(void)
{
    /* The report faults as well; not by a null pointer, which a sanitizer would report. */
    current_thread->guest = (const struct guest *)64;
    *(volatile int *)16 = 1;
}
static void fail_by_trap(void) { __builtin_trap(); }
static void fail_without_thread(void)
{
    current_thread = NULL;
    *(volatile int *)16 = 1;
}

/* Run FAILURE in a child; its stderr goes to TEXT. Returns the signal that ended it. */
static int outcome(void (*failure)(void), char *text, size_t size)
{
    int fd[2], status;
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(fd[1], STDERR_FILENO);
        start_guest();
        failure();
        _exit(0);
    }
    close(fd[1]);
    size_t n = 0;
    for (ssize_t got; n < size - 1 && (got = read(fd[0], text + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    text[n] = 0;
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

static void assert_complete(const char *text)
{
    assert_contains(text, "anyarch " ANYARCH_VERSION ": internal error: ");
    assert_contains(text, "  program:    /usr/bin/program (aarch64), process ");
    assert_contains(text, "  guest pc:   0x");
    assert_contains(text, "  guest code: 00040091");
    assert_contains(text, "  last call:  getpid (172), of 3\n");
    assert_contains(text, "Please report");
}

static void test_crash_of_a_broken_invariant(void **state)
{
    char text[8192];
    (void)state;
    assert_int_equal(outcome(fail_by_bug, text, sizeof(text)), SIGABRT);
    assert_contains(text, "internal error: value 5\n");
    assert_complete(text);
}

static void test_crash_by_a_bad_access(void **state)
{
    char text[8192];
    (void)state;
    assert_int_equal(outcome(fail_by_access, text, sizeof(text)), SIGSEGV);
    assert_contains(text, "host signal 11 (Segmentation fault), code 1, address 0x10\n");
    assert_contains(text, "  host pc:    0x");
    assert_complete(text);
}

static void test_crash_by_a_trap_instruction(void **state)
{
    char text[8192];
    (void)state;
    assert_int_equal(outcome(fail_by_trap, text, sizeof(text)), SIGILL);
    assert_contains(text, "host signal 4 (Illegal instruction)");
    assert_complete(text);
}

static void test_crash_in_the_report_ends_all_the_same(void **state)
{
    char text[8192];
    (void)state;
    assert_int_equal(outcome(fail_twice, text, sizeof(text)), SIGSEGV);
}

static void test_crash_outside_of_guest_threads(void **state)
{
    char text[8192];
    (void)state;
    assert_int_equal(outcome(fail_without_thread, text, sizeof(text)), SIGSEGV);
    assert_contains(text, "host signal 11");
    assert_contains(text, "Please report");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_of_a_broken_invariant),
        cmocka_unit_test(test_crash_by_a_bad_access),
        cmocka_unit_test(test_crash_by_a_trap_instruction),
        cmocka_unit_test(test_crash_in_the_report_ends_all_the_same),
        cmocka_unit_test(test_crash_outside_of_guest_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
