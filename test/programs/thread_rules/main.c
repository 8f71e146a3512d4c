/* thread_rules - ends of threads and processes in every order, exec from a thread, ids changed in all threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char **args;

static void in_child(const char *title, void (*fn)(void))
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        fn();
        _exit(50);
    }
    waitpid(pid, &status, 0);
    printf("%s: %x\n", title, status);
}

static void *sleep_and_exit(void *p)
{
    usleep(30000);
    exit((int)(long)p);
}

static void *sleep_forever(void *p)
{
    for (;;)
        pause();
    return p;
}

static void *spin(void *p)
{
    for (volatile unsigned long i = 0;; i++)
        ;
    return p;
}

static void start(void *(*fn)(void *), long value)
{
    pthread_t id;
    pthread_create(&id, NULL, fn, (void *)value);
}

static void main_ends_first(void)
{
    start(sleep_and_exit, 5);
    pthread_exit(NULL);
}

static void *just_end(void *p)
{
    usleep(20000);
    return p;
}

static void last_thread_ends(void)
{
    start(just_end, 0);
    start(just_end, 0);
    pthread_exit(NULL);
}

static void raw_exit_of_main(void)
{
    start(just_end, 0);
    syscall(SYS_exit, 9);
}

static void exit_while_others_run(void)
{
    start(spin, 0);
    start(sleep_forever, 0);
    usleep(10000);
    exit(6);
}

static void killed_while_others_run(void)
{
    start(spin, 0);
    start(sleep_forever, 0);
    usleep(10000);
    kill(getpid(), SIGTERM);
    pause();
}

static void *fault(void *p)
{
    *(volatile int *)p = 1;
    return p;
}

static void thread_faults(void)
{
    freopen("/dev/null", "w", stderr);
    start(spin, 0);
    start(fault, 8);
    pause();
}

static void *exec_from_thread(void *p)
{
    execv("/proc/self/exe", args);
    return p;
}

static void thread_execs(void)
{
    start(spin, 0);
    start(exec_from_thread, 0);
    for (;;)
        pause();
}

static atomic_int spun_enough;
static void *spin_a_while(void *p)
{
    while (!spun_enough)
        ;
    return p;
}

static void *fork_from_thread(void *p)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        pthread_t id;
        if (getpid() != syscall(SYS_gettid))
            _exit(1);
        pthread_create(&id, NULL, just_end, NULL);
        pthread_join(id, NULL);
        _exit(syscall(SYS_tgkill, getpid(), getppid(), 0) == -1 ? 8 : 2);
    }
    waitpid(pid, &status, 0);
    *(int *)p = status;
    return NULL;
}

static void map_and_look(int n)
{
    for (int i = 0; i < n; i++) {
        char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(p, 4096, PROT_READ);
        close(open("/proc/self/maps", O_RDONLY));
        munmap(p, 8192);
    }
}

static void *keep_mapping(void *p)
{
    while (!*(volatile int *)p)
        map_and_look(1);
    return NULL;
}

/* Children made by clone with flags that fork has not got, while other threads work. */
static void test_clones(void)
{
    enum { CHILDREN = 40 };
    static int stop;
    pthread_t id[3];
    int good = 0, status;
    for (int i = 0; i < 3; i++)
        pthread_create(&id[i], NULL, keep_mapping, &stop);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
        if (!pid) {
            pthread_t own;
            map_and_look(3);
            pthread_create(&own, NULL, just_end, NULL);
            _exit(3);
        }
        good += waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3;
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(id[i], NULL);
    printf("clones: %d\n", good);
}

static atomic_int arrived;
static void *check_uid(void *p)
{
    arrived++;
    while (arrived < 4)
        sched_yield();
    while (geteuid() == 0)
        sched_yield();
    *(int *)p = (int)geteuid();
    return NULL;
}

/* The C library changes the ids of every thread by sending each an internal signal. */
static void test_setuid(void)
{
    if (geteuid()) {
        printf("setuid: 1234 1234 1234\n");
        return;
    }
    fflush(stdout);
    int *uid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (!pid) {
        pthread_t id[3];
        for (int i = 0; i < 3; i++)
            pthread_create(&id[i], NULL, check_uid, &uid[i]);
        while (arrived < 3)
            sched_yield();
        setuid(1234);
        arrived++;
        for (int i = 0; i < 3; i++)
            pthread_join(id[i], NULL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    printf("setuid: %d %d %d\n", uid[0], uid[1], uid[2]);
}

static pthread_mutex_t robust;
static void *die_holding(void *p)
{
    pthread_mutex_lock(&robust);
    return p;
}

static void test_robust(void)
{
    pthread_mutexattr_t attr;
    pthread_t id;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_create(&id, NULL, die_holding, NULL);
    pthread_join(id, NULL);
    int r = pthread_mutex_lock(&robust);
    printf("robust: %s\n", strerror(r));
    printf("consistent: %s\n", strerror(pthread_mutex_consistent(&robust)));
    pthread_mutex_unlock(&robust);
}

static void test_pi(void)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&mutex, &attr);
    printf("priority inheritance: %s", strerror(pthread_mutex_lock(&mutex)));
    printf(" %s\n", strerror(pthread_mutex_unlock(&mutex)));
}

static void test_futex(void)
{
    static int word = 1;
    struct timespec t = {0, 20000000};
    long r = syscall(SYS_futex, &word, FUTEX_WAIT, 2, NULL);
    printf("futex: %ld %s", r, strerror(errno));
    r = syscall(SYS_futex, &word, FUTEX_WAIT, 1, &t);
    printf(", %ld %s", r, strerror(errno));
    r = syscall(SYS_futex, (int *)3, FUTEX_WAIT, 1, &t);
    printf(", %ld %s\n", r, strerror(errno));
}

static void *many(void *p)
{
    char area[20000];
    memset(area, (int)(long)p, sizeof(area));
    usleep(1000);
    return (void *)(long)area[19999];
}

static void test_many(void)
{
    static pthread_t id[300];
    long sum = 0;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (int round = 0; round < 3; round++) {
        for (long i = 0; i < 300; i++)
            if (pthread_create(&id[i], &attr, many, (void *)(i & 63)))
                printf("cannot make thread %ld\n", i);
        for (int i = 0; i < 300; i++) {
            void *value;
            pthread_join(id[i], &value);
            sum += (long)value;
        }
    }
    printf("many: %ld\n", sum);
}

/* The words for the tid: written before either thread goes on, and cleared for good when the thread ends. */
static atomic_int shared_word, child_word, bad_words;

static int check_words(void *p)
{
    int tid = syscall(SYS_gettid);
    bad_words += shared_word != tid || child_word != (p ? -1 : tid);
    return 0;
}

static void test_tid_words(void)
{
    static char stack[16384] __attribute__((aligned(16)));
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
                CLONE_CHILD_SETTID;
    int bad = 0;
    for (int i = 0; i < 1000; i++) {
        shared_word = child_word = -1;
        int one_word = i & 1; /* as the C libraries have it */
        int tid = clone(check_words, stack + sizeof stack, flags | CLONE_CHILD_CLEARTID, one_word ? stack : NULL,
                        &shared_word, NULL, one_word ? &shared_word : &child_word);
        int now = shared_word;
        bad += tid <= 0 || (now != tid && !(one_word && !now));
        atomic_int *cleared = one_word ? &shared_word : &child_word;
        while ((now = *cleared))
            syscall(SYS_futex, cleared, FUTEX_WAIT, now, NULL);
        for (int k = 0; k < 20; k++) {
            sched_yield();
            bad += *cleared != 0;
        }
    }
    printf("tid words: %d %d\n", bad, bad_words);
}

int main(int argc, char **argv)
{
    args = (char *[]){argv[0], "again", NULL};
    if (argc > 1)
        return getpid() == syscall(SYS_gettid) ? 33 : 34;
    setvbuf(stdout, NULL, _IONBF, 0);
    in_child("main ends first", main_ends_first);
    in_child("last thread ends", last_thread_ends);
    in_child("raw exit of main", raw_exit_of_main);
    in_child("exit while others run", exit_while_others_run);
    in_child("killed while others run", killed_while_others_run);
    in_child("thread faults", thread_faults);
    in_child("thread execs", thread_execs);
    int status = 0;
    pthread_t id, other;
    pthread_create(&other, NULL, spin_a_while, NULL);
    pthread_create(&id, NULL, fork_from_thread, &status);
    pthread_join(id, NULL);
    printf("thread forks: %x\n", status);
    test_clones();
    test_setuid();
    spun_enough = 1;
    pthread_join(other, NULL);
    test_robust();
    test_pi();
    test_futex();
    test_many();
    test_tid_words();
    return 0;
}
