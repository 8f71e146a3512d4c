/* Pointer authentication as Linux offers it: keys of threads, children and new programs, prctl, wrong pointers.
 *
 * qemu-user 7.2 knows neither PR_PAC_SET_ENABLED_KEYS nor PR_PAC_GET_ENABLED_KEYS: those lines of `expected` are from the
 * kernel's pointer-authentication.rst and prctl(2). */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESET_KEYS = 54, SET_ENABLED_KEYS = 60, GET_ENABLED_KEYS = 61, IA = 1, IB = 2, DA = 4, DB = 8, GA = 16 };

static const char *yes(int x) { return x ? "yes" : "no"; }

static uint64_t pacga(uint64_t x, uint64_t y)
{
    asm volatile("pacga %0, %0, %1" : "+r"(x) : "r"(y));
    return x;
}
#define OPERATION(name) \
    static uint64_t name(uint64_t x, uint64_t y) { asm volatile(#name " %0, %1" : "+r"(x) : "r"(y)); return x; }
OPERATION(pacia) OPERATION(autia) OPERATION(pacib) OPERATION(autib)
OPERATION(pacda) OPERATION(autda) OPERATION(pacdb) OPERATION(autdb)

/* What the keys make of fixed operands. */
struct codes { uint64_t ia, ib, da, db, ga; };
static struct codes codes(void)
{
    struct codes c = {0, 0, 0, 0, pacga(1, 2)};
    for (int i = 1; i <= 8; i++) { /* seven bits each: eight of them tell keys apart */
        c.ia = c.ia << 7 ^ pacia(4096 * i, i) >> 48;
        c.ib = c.ib << 7 ^ pacib(4096 * i, i) >> 48;
        c.da = c.da << 7 ^ pacda(4096 * i, i) >> 48;
        c.db = c.db << 7 ^ pacdb(4096 * i, i) >> 48;
    }
    return c;
}
static int same(struct codes a, struct codes b) { return !memcmp(&a, &b, sizeof a); }

static struct codes seen;
static void *thread_main(void *p)
{
    seen = codes();
    prctl(RESET_KEYS, IB | DA | DB | GA, 0, 0, 0); /* IA: this function has to return */
    return p;
}

static sigjmp_buf out;
static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    siglongjmp(out, sig);
}

__attribute__((noinline)) static int depth(int n) { return n ? depth(n - 1) + 1 : 0; }
__attribute__((noinline)) static void spoil_return(void)
{
    ((volatile uint64_t *)__builtin_frame_address(0))[1] ^= (uint64_t)1 << 50;
}

static void show(const char *what, long r) { printf("%s: %ld%s\n", what, r < 0 ? -errno : r, r < 0 ? " (error)" : ""); }

int main(int argc, char **argv)
{
    struct codes first = codes();
    if (argc > 1) { /* the program started anew: the old codes are in the arguments */
        struct codes old;
        sscanf(argv[1], "%lx,%lx,%lx,%lx,%lx", &old.ia, &old.ib, &old.da, &old.db, &old.ga);
        printf("exec: new keys: %s\n", yes(old.ia != first.ia && old.ib != first.ib && old.da != first.da &&
                                          old.db != first.db && old.ga != first.ga));
        show("exec: enabled keys", prctl(GET_ENABLED_KEYS, 0, 0, 0, 0));
        return 0;
    }
    uint64_t isar1;
    asm("mrs %0, s3_0_c0_c6_1" : "=r"(isar1));
    printf("hwcap: %lx, APA %lu GPA %lu\n", getauxval(AT_HWCAP) >> 30 & 3, isar1 >> 4 & 15, isar1 >> 24 & 15);

    static int object;
    uint64_t p = (uint64_t)&object;
    printf("round trips: %s\n", yes(autia(pacia(p, 1), 1) == p && autib(pacib(p, 2), 2) == p && autda(pacda(p, 3), 3) == p &&
                                    autdb(pacdb(p, 4), 4) == p));
    int wrong = 0;
    for (int i = 0; i < 64; i++)
        wrong += autia(pacia(p, i), i + 1) != p;
    printf("other modifiers are noticed: %s\n", yes(wrong > 56));
    printf("other keys are noticed: %s\n", yes(autib(pacia(p, 77), 77) != p || autdb(pacda(p, 78), 78) != p));
    printf("deep calls: %d\n", depth(1000));

    pthread_t thread;
    pthread_create(&thread, NULL, thread_main, NULL);
    pthread_join(thread, NULL);
    printf("a thread has the same keys: %s, and its own after a reset: %s\n", yes(same(first, seen)), yes(same(first, codes())));
    fflush(stdout);
    if (!fork())
        _exit(same(first, codes()));
    int status;
    wait(&status);
    printf("a child has the same keys: %s\n", yes(WEXITSTATUS(status)));

    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    int sig = sigsetjmp(out, 1);
    if (!sig)
        *(volatile int *)autda(pacda(p, 1) ^ (uint64_t)1 << 49, 1) = 1;
    printf("a wrong pointer: signal %d\n", sig);
    sig = sigsetjmp(out, 1);
    if (!sig)
        spoil_return();
    printf("a wrong return address: signal %d\n", sig);

    show("reset with an unknown key", prctl(RESET_KEYS, 32, 0, 0, 0));
    show("reset with an excess argument", prctl(RESET_KEYS, IA, 1, 0, 0));
    show("reset of IB and GA", prctl(RESET_KEYS, IB | GA, 0, 0, 0));
    struct codes now = codes();
    printf("changed: ia %s ib %s da %s db %s ga %s\n", yes(now.ia != first.ia), yes(now.ib != first.ib), yes(now.da != first.da),
           yes(now.db != first.db), yes(now.ga != first.ga));
    show("enabled keys", prctl(GET_ENABLED_KEYS, 0, 0, 0, 0));
    show("disable DA and DB", prctl(SET_ENABLED_KEYS, DA | DB, 0, 0, 0));
    show("enabled keys", prctl(GET_ENABLED_KEYS, 0, 0, 0, 0));
    printf("a disabled key does nothing: %s %s\n", yes(pacda(p, 1) == p && autdb(p | (uint64_t)1 << 50, 1) != p),
           yes(pacib(p, 1) != p || pacib(p, 2) != p));
    show("enable DB alone", prctl(SET_ENABLED_KEYS, DA | DB, DB, 0, 0));
    show("enabled keys", prctl(GET_ENABLED_KEYS, 0, 0, 0, 0));
    show("enable a key that is not named", prctl(SET_ENABLED_KEYS, IA, IB, 0, 0));
    show("enable the generic key", prctl(SET_ENABLED_KEYS, GA, GA, 0, 0));
    show("an excess argument", prctl(GET_ENABLED_KEYS, 1, 0, 0, 0));

    char text[128];
    snprintf(text, sizeof text, "%lx,%lx,%lx,%lx,%lx", now.ia, now.ib, now.da, now.db, now.ga);
    fflush(stdout);
    execl("/proc/self/exe", argv[0], text, (char *)NULL);
    return 1;
}
