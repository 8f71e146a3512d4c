/* litmus - small concurrent programs whose forbidden outcomes (Arm ARM, "The Armv8 memory model": external visibility
 * and ordered-before) must never be seen. That two stores can be overtaken by later loads has to be seen, or the test
 * would show nothing. Iterations of each test: variable LITMUS_ITERATIONS.
 *
 * Names are those of the herd tests: what orders the two accesses of each thread follows a +. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 2000, MAX_THREADS = 4, SPINS = 2000, PAUSE = 300, PATIENCE = 60 /* s */ };

struct instance { int x, pad1[31], y, pad2[31]; };
typedef void thread_code(int *x, int *y, int *r);

static struct instance instance[BATCH] __attribute__((aligned(128)));
static int r[MAX_THREADS][BATCH][2] __attribute__((aligned(128)));

/* Registers: %w0 %w1 results, x9 temporary; %2 = &x, %3 = &y, %w4 = 1, %w5 = 2. */
#define CODE(name, text)                                                                                              \
    static void name(int *x, int *y, int *result)                                                                     \
    {                                                                                                                 \
        int r0 = 0, r1 = 0;                                                                                           \
        __asm__ volatile(".arch armv8.4-a\n" text                                                                     \
                         : "+&r"(r0), "+&r"(r1) : "r"(x), "r"(y), "r"(1), "r"(2) : "x9", "x10", "memory");            \
        result[0] = r0;                                                                                               \
        result[1] = r1;                                                                                               \
    }

#define ISH "dmb ish\n"
#define ISHST "dmb ishst\n"
#define ISHLD "dmb ishld\n"
#define WX "str %w4, [%2]\n"
#define WY "str %w4, [%3]\n"
#define WX2 "str %w5, [%2]\n"
#define WY2 "str %w5, [%3]\n"
#define RELEASE_X "stlr %w4, [%2]\n"
#define RELEASE_Y "stlr %w4, [%3]\n"
#define RELEASE_X2 "stlr %w5, [%2]\n"
#define RELEASE_Y2 "stlr %w5, [%3]\n"
#define ADDRESS(r) "eor w9, %w" r ", %w" r "\n" /* a dependency: x9 = 0 */

CODE(wx, WX)
CODE(wy, WY)
CODE(wx_ish_wy, WX ISH WY)
CODE(wx_st_wy, WX ISHST WY)
CODE(wx_stlr_y, WX RELEASE_Y)
CODE(wx2_ish_wy, WX2 ISH WY)
CODE(wx2_stlr_y, WX2 RELEASE_Y)
CODE(ry_ish_rx, "ldr %w0, [%3]\n" ISH "ldr %w1, [%2]\n")
CODE(ry_ld_rx, "ldr %w0, [%3]\n" ISHLD "ldr %w1, [%2]\n")
CODE(ldar_y_rx, "ldar %w0, [%3]\n ldr %w1, [%2]\n")
CODE(ldapr_y_rx, "ldapr %w0, [%3]\n ldr %w1, [%2]\n")
CODE(ry_addr_rx, "ldr %w0, [%3]\n" ADDRESS("0") "ldr %w1, [%2, x9]\n")
CODE(rx_ish_ry, "ldr %w0, [%2]\n" ISH "ldr %w1, [%3]\n")
CODE(ldar_x_ry, "ldar %w0, [%2]\n ldr %w1, [%3]\n")
CODE(ldar_x_ldar_y, "ldar %w0, [%2]\n ldar %w1, [%3]\n")
CODE(ldar_y_ldar_x, "ldar %w0, [%3]\n ldar %w1, [%2]\n")
CODE(ldapr_x_ry, "ldapr %w0, [%2]\n ldr %w1, [%3]\n")
CODE(rx_addr_ry, "ldr %w0, [%2]\n" ADDRESS("0") "ldr %w1, [%3, x9]\n")
CODE(wx_ry, WX "ldr %w0, [%3]\n")
CODE(wy_rx, WY "ldr %w0, [%2]\n")
CODE(wx_ish_ry, WX ISH "ldr %w0, [%3]\n")
CODE(wy_ish_rx, WY ISH "ldr %w0, [%2]\n")
CODE(wx_sy_ry, WX "dmb sy\n ldr %w0, [%3]\n")
CODE(wy_sy_rx, WY "dsb ish\n ldr %w0, [%2]\n")
CODE(stlr_x_ldar_y, RELEASE_X "ldar %w0, [%3]\n")
CODE(stlr_y_ldar_x, RELEASE_Y "ldar %w0, [%2]\n")
CODE(rx_ish_wy, "ldr %w0, [%2]\n" ISH WY)
CODE(ry_ish_wx, "ldr %w0, [%3]\n" ISH WX)
CODE(rx_ld_wy, "ldr %w0, [%2]\n" ISHLD WY)
CODE(ry_ld_wx, "ldr %w0, [%3]\n" ISHLD WX)
CODE(ldar_x_wy, "ldar %w0, [%2]\n" WY)
CODE(ldapr_y_wx, "ldapr %w0, [%3]\n" WX)
CODE(rx_stlr_y, "ldr %w0, [%2]\n" RELEASE_Y)
CODE(rx_data_wy, "ldr %w0, [%2]\n" ADDRESS("0") "add w9, w9, %w4\n str w9, [%3]\n")
CODE(ry_data_wx, "ldr %w0, [%3]\n" ADDRESS("0") "add w9, w9, %w4\n str w9, [%2]\n")
CODE(wy2_ish_rx, WY2 ISH "ldr %w0, [%2]\n")
CODE(stlr_y2_ldar_x, RELEASE_Y2 "ldar %w0, [%2]\n")
CODE(wx_ish_wy2, WX ISH WY2)
CODE(wy_ish_wx2, WY ISH WX2)
CODE(wx_st_wy2, WX ISHST WY2)
CODE(wy_st_wx2, WY ISHST WX2)
CODE(stlr_x_stlr_y2, WX RELEASE_Y2)
CODE(stlr_y_stlr_x2, WY RELEASE_X2)
CODE(rx_rx, "ldr %w0, [%2]\n ldr %w1, [%2]\n")
CODE(ldapr_x_rx, "ldapr %w0, [%2]\n ldr %w1, [%2]\n")
/* Exclusives and atomics order like the loads and stores they are made of. */
CODE(wx_stlxr_y, WX "1: ldxr w9, [%3]\n stlxr w10, %w4, [%3]\n cbnz w10, 1b\n")
CODE(ldaxr_y_rx, "ldaxr %w0, [%3]\n clrex\n ldr %w1, [%2]\n")
CODE(wx_swpl_y, WX "swpl %w4, w9, [%3]\n")
CODE(ldadda_y_rx, "ldadda wzr, %w0, [%3]\n ldr %w1, [%2]\n")

/* ---- Forbidden outcomes: a, b ... = first and second result of thread 0, 1 ...; x and y at the end ---- */

#define RESULTS int a = r[0][i][0], b = r[1][i][0], b1 = r[1][i][1], c = r[2][i][0], c1 = r[2][i][1], d = r[3][i][0], \
    d1 = r[3][i][1], x = instance[i].x, y = instance[i].y; (void)a, (void)b, (void)b1, (void)c, (void)c1, (void)d, \
    (void)d1, (void)x, (void)y
#define OUTCOME(name, condition) static int name(int i) { RESULTS; return condition; }
OUTCOME(mp, b == 1 && b1 == 0)
OUTCOME(sb, a == 0 && b == 0)
OUTCOME(lb, a == 1 && b == 1)
OUTCOME(s, b == 1 && x == 2)
OUTCOME(rr, b == 0 && y == 2)
OUTCOME(w22, x == 1 && y == 1)
OUTCOME(corr, b == 1 && b1 == 0)
OUTCOME(wrc, b == 1 && c == 1 && c1 == 0)
OUTCOME(iriw, c == 1 && c1 == 0 && d == 1 && d1 == 0)

static const struct test {
    const char *name;
    int n_threads;
    thread_code *code[MAX_THREADS];
    int (*outcome)(int i);
    int must_be_seen; /* else it must not */
} tests[] = {
    {"SB", 2, {wx_ry, wy_rx}, sb, 1},
    {"SB+dmb.ishs", 2, {wx_ish_ry, wy_ish_rx}, sb},
    {"SB+dmb.sy+dsb.ish", 2, {wx_sy_ry, wy_sy_rx}, sb},
    {"SB+stlr-ldars", 2, {stlr_x_ldar_y, stlr_y_ldar_x}, sb},
    {"SB+stlr-ldar+dmb.ish", 2, {stlr_x_ldar_y, wy_ish_rx}, sb},
    {"MP+dmb.ishs", 2, {wx_ish_wy, ry_ish_rx}, mp},
    {"MP+dmb.ishst+dmb.ishld", 2, {wx_st_wy, ry_ld_rx}, mp},
    {"MP+stlr+ldar", 2, {wx_stlr_y, ldar_y_rx}, mp},
    {"MP+stlr+ldapr", 2, {wx_stlr_y, ldapr_y_rx}, mp},
    {"MP+dmb.ish+addr", 2, {wx_ish_wy, ry_addr_rx}, mp},
    {"MP+stlxr+ldaxr", 2, {wx_stlxr_y, ldaxr_y_rx}, mp},
    {"MP+swpl+ldadda", 2, {wx_swpl_y, ldadda_y_rx}, mp},
    {"LB+dmb.ishs", 2, {rx_ish_wy, ry_ish_wx}, lb},
    {"LB+dmb.ishlds", 2, {rx_ld_wy, ry_ld_wx}, lb},
    {"LB+ldar+ldapr", 2, {ldar_x_wy, ldapr_y_wx}, lb},
    {"LB+stlr+data", 2, {rx_stlr_y, ry_data_wx}, lb},
    {"LB+datas", 2, {rx_data_wy, ry_data_wx}, lb},
    {"S+dmb.ishs", 2, {wx2_ish_wy, ry_ish_wx}, s},
    {"S+stlr+data", 2, {wx2_stlr_y, ry_data_wx}, s},
    {"R+dmb.ishs", 2, {wx_ish_wy, wy2_ish_rx}, rr},
    {"R+stlr+stlr-ldar", 2, {wx_stlr_y, stlr_y2_ldar_x}, rr},
    {"2+2W+dmb.ishs", 2, {wx_ish_wy2, wy_ish_wx2}, w22},
    {"2+2W+dmb.ishsts", 2, {wx_st_wy2, wy_st_wx2}, w22},
    {"2+2W+stlrs", 2, {stlr_x_stlr_y2, stlr_y_stlr_x2}, w22},
    {"CoRR", 2, {wx, rx_rx}, corr},
    {"CoRR+ldapr", 2, {wx, ldapr_x_rx}, corr},
    {"WRC+dmb.ishs", 3, {wx, rx_ish_wy, ry_ish_rx}, wrc},
    {"WRC+data+addr", 3, {wx, rx_data_wy, ry_addr_rx}, wrc},
    {"WRC+stlr+ldapr", 3, {wx, rx_stlr_y, ldapr_y_rx}, wrc},
    {"IRIW+dmb.ishs", 4, {wx, wy, rx_ish_ry, ry_ish_rx}, iriw},
    {"IRIW+ldars", 4, {wx, wy, ldar_x_ry, ldar_y_rx}, iriw},
    {"IRIW+ldar-ldars", 4, {wx, wy, ldar_x_ldar_y, ldar_y_ldar_x}, iriw},
    {"IRIW+ldaprs", 4, {wx, wy, ldapr_x_ry, ldapr_y_rx}, iriw},
    {"IRIW+addrs", 4, {wx, wy, rx_addr_ry, ry_addr_rx}, iriw},
};

/* ---- Running ---- */

static const struct test *test;
static volatile long n_batches; /* left; volatile: the compiler must not read it before meet() */
static long seen;
static time_t deadline;
static int arrived, phase;
static struct { int at, pad[31]; } progress[MAX_THREADS] __attribute__((aligned(128)));

static void meet(void)
{
    int old = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == test->n_threads) {
        arrived = 0;
        __atomic_store_n(&phase, old + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spins = 0; __atomic_load_n(&phase, __ATOMIC_ACQUIRE) == old; spins++)
        if (spins >= SPINS)
            sched_yield();
}

/* Wait a little for the others, so that they do the same instance at the same time if they run at all. */
static void come_close(int id, int i)
{
    __atomic_store_n(&progress[id].at, i, __ATOMIC_RELEASE);
    for (int k = 0; k < test->n_threads; k++)
        for (int spins = 0; spins < PAUSE && __atomic_load_n(&progress[k].at, __ATOMIC_ACQUIRE) < i; spins++)
            ;
}

static void next_batch(void)
{
    for (int i = 0; i < BATCH; i++)
        seen += test->outcome(i);
    memset(instance, 0, sizeof instance);
    memset(progress, 0, sizeof progress);
    n_batches--;
    if (test->must_be_seen && n_batches <= 0)
        n_batches = !seen && time(NULL) < deadline;
}

static void *run(void *arg)
{
    int id = (int)(intptr_t)arg;
    thread_code *code = test->code[id];
    for (;;) {
        meet();
        if (n_batches <= 0)
            return NULL;
        for (int i = 0; i < BATCH; i++) {
            come_close(id, i);
            code(&instance[i].x, &instance[i].y, r[id][i]);
        }
        meet();
        if (id == 0)
            next_batch();
    }
}

int main(void)
{
    const char *text = getenv("LITMUS_ITERATIONS");
    long n = text ? atol(text) : 100000;
    for (unsigned k = 0; k < sizeof tests / sizeof *tests; k++) {
        pthread_t t[MAX_THREADS];
        test = &tests[k];
        n_batches = n / BATCH;
        seen = 0;
        deadline = time(NULL) + PATIENCE;
        for (int i = 0; i < test->n_threads; i++)
            pthread_create(&t[i], NULL, run, (void *)(intptr_t)i);
        for (int i = 0; i < test->n_threads; i++)
            pthread_join(t[i], NULL);
        if (test->must_be_seen)
            printf("%s: %s\n", test->name, seen ? "seen" : "never seen");
        else
            printf("%s: forbidden outcome %ld times\n", test->name, seen);
        fflush(stdout);
    }
    return 0;
}
