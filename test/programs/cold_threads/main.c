/* cold_threads - threads that come to new code at once, the same or each its own, and to hot loops, while some of the code is changed
 * all the time and the process forks. What ran before a change was told may be old, what runs after it may not. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 6, FUNCTIONS = 300, INSNS = 60, CHILDREN = 20 };
enum { RUNNERS = 2, FILLER = 100, FAR = 64, TURNS = 5000, CHANGES = 200, LONGEST_WAIT = 250000 };
enum { SIZE = FUNCTIONS * (INSNS + 1) * 4 };

static atomic_int wrong_cold, wrong_changed, wrong_loops, bad_children;

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* ---- Functions of one argument that nobody has run, and what they return ----------------------------- */

static uint32_t one_insn(uint64_t *seed)
{
    uint32_t n = (uint32_t)draw(seed);
    switch (n % 6) {
    case 0: return 0x91000000 | (n >> 8 & 0xfff) << 10;                /* add x0, x0, #n */
    case 1: return 0xd1000000 | (n >> 8 & 0xfff) << 10;                /* sub x0, x0, #n */
    case 2: return 0xca000000 | (1 + (n >> 8) % 63) << 10;             /* eor x0, x0, x0, lsl #n */
    case 3: return 0x8b000000 | (1 + (n >> 8) % 63) << 10;             /* add x0, x0, x0, lsl #n */
    case 4: return 0x93c00000 | (1 + (n >> 8) % 63) << 10;             /* ror x0, x0, #n */
    default: return 0x36000000 | (n >> 8 & 31) << 19 | 2 << 5;         /* tbz w0, #n, . + 8 */
    }
}

static void make_functions(uint32_t *code, uint64_t seed)
{
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int i = 0; i < INSNS; i++)
            *code++ = one_insn(&seed);
        code[-1] = 0x91000400; /* what is skipped is not the return */
        *code++ = 0xd65f03c0;  /* ret */
    }
}

static uint64_t expected(const uint32_t *code, uint64_t x)
{
    for (; *code != 0xd65f03c0; code++) {
        unsigned n = *code >> 10 & 63;
        switch (*code >> 24) {
        case 0x91: x += *code >> 10 & 0xfff; break;
        case 0xd1: x -= *code >> 10 & 0xfff; break;
        case 0xca: x ^= x << n; break;
        case 0x8b: x += x << n; break;
        case 0x93: x = x >> n | x << (64 - n); break;
        default: code += !(x >> (*code >> 19 & 31) & 1);
        }
    }
    return x;
}

static uint32_t *functions;
static pthread_barrier_t barrier;

static int run_functions(unsigned from)
{
    int wrong = 0;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        uint32_t *code = functions + (from + i) % FUNCTIONS * (INSNS + 1);
        wrong += ((uint64_t(*)(uint64_t))code)(i) != expected(code, i);
    }
    return wrong;
}

/* Two each run the same at the same time. */
static void *run_cold(void *p)
{
    unsigned id = (unsigned)(uintptr_t)p;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        wrong_cold += run_functions(id / 2 * FUNCTIONS / 4);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

/* ---- Code that changes while others run it ------------------------------------------------------------- */

static struct changing {
    uint32_t *value;         /* mov w2, #version */
    uint32_t *code;
    atomic_uint version;     /* was put there, and the instruction cache told */
    unsigned turns;          /* a call adds up so many versions */
} straight, loop;

static void set_version(struct changing *c, unsigned version)
{
    __atomic_store_n(c->value, 0x52800002 | version << 5, __ATOMIC_RELAXED);
    __builtin___clear_cache((char *)c->value, (char *)(c->value + 1));
    c->version = version;
}

static uint32_t *new_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A long block, so that translating it takes time after its bytes have been read. */
static void make_straight(void)
{
    uint32_t *code = straight.code = new_code();
    straight.turns = 1;
    straight.value = code++;
    for (int i = 0; i < FILLER; i++)
        *code++ = i % 2 ? 0xca010c21 : 0x91000421; /* eor x1, x1, x1, lsl #3; add x1, x1, #1 */
    *code++ = 0x2a0203e0;                          /* mov w0, w2 */
    *code++ = 0xd65f03c0;
    set_version(&straight, 1);
}

/* The changing code is in another cache line than the loop's head, but half of the rounds go there. */
static void make_loop(void)
{
    uint32_t *code = loop.code = new_code(), *head = code + 2, *odd = code + FAR;
    loop.turns = TURNS / 2;
    code[0] = 0x52800001 | TURNS << 5; /* mov w1, #TURNS */
    code[1] = 0x52800000;              /* mov w0, #0 */
    head[0] = 0x51000421;              /* sub w1, w1, #1: with flags it would depend on what is at ODD */
    head[1] = 0x34000061;              /* cbz w1, . + 12 */
    head[2] = 0x37000001 | (uint32_t)(odd - head - 2) << 5; /* tbnz w1, #0, odd */
    head[3] = 0x17fffffd;              /* b head */
    head[4] = 0xd65f03c0;
    loop.value = odd;
    *++odd = 0x0b020000;               /* add w0, w0, w2 */
    for (int i = 0; i < FILLER; i++)
        *++odd = i % 2 ? 0xca030c63 : 0x91000463; /* eor x3, x3, x3, lsl #3; add x3, x3, #1 */
    odd++;
    *odd = 0x14000000 | ((uint32_t)(head - odd) & 0x3ffffff); /* b head */
    set_version(&loop, 1);
}

/* Between the version before the call and the one that may be on its way after it. */
static int run_changing(struct changing *c)
{
    unsigned before = c->version, got = ((unsigned (*)(void))c->code)(), after = c->version + 1;
    return got < before * c->turns || got > after * c->turns;
}

static atomic_bool stop;
static atomic_uint calls[RUNNERS];

static void *run_both(void *p)
{
    unsigned id = (unsigned)(uintptr_t)p;
    while (!stop) {
        wrong_changed += run_changing(&straight);
        wrong_loops += run_changing(&loop);
        calls[id]++;
    }
    return NULL;
}

/* What was made of the code is in use. */
static void let_run(unsigned times)
{
    for (int i = 0; i < RUNNERS; i++)
        for (unsigned from = calls[i]; calls[i] - from < times;)
            sched_yield();
}

/* Change the code once, and again when somebody may be translating it. */
static void *change_both(void *p)
{
    uint64_t seed = 1;
    (void)p;
    for (unsigned i = 0; i < CHANGES; i++) {
        struct changing *c = i % 2 ? &straight : &loop;
        set_version(c, c->version + 1);
        for (volatile unsigned wait = (unsigned)draw(&seed) % LONGEST_WAIT; wait; wait--)
            ;
        set_version(c, c->version + 1);
        let_run(3);
    }
    stop = true;
    return NULL;
}

static void run_while_changing(void)
{
    pthread_t running[RUNNERS], changing;
    for (uintptr_t i = 0; i < RUNNERS; i++)
        pthread_create(&running[i], NULL, run_both, (void *)i);
    pthread_create(&changing, NULL, change_both, NULL);
    pthread_join(changing, NULL);
    for (int i = 0; i < RUNNERS; i++)
        pthread_join(running[i], NULL);
}

/* ---- Children --------------------------------------------------------------------------------------------- */

static void *run_all(void *p)
{
    return (void *)(intptr_t)run_functions((unsigned)(uintptr_t)p);
}

/* All that the parent's threads were doing is to be done here once more. */
static int child(int i)
{
    pthread_t other;
    void *wrong = NULL;
    if (i % 2)
        pthread_create(&other, NULL, run_all, (void *)(uintptr_t)i);
    int bad = run_functions(0) + run_changing(&straight) + run_changing(&loop);
    if (i % 2)
        pthread_join(other, &wrong);
    return bad + (int)(intptr_t)wrong != 0;
}

static void fork_children(void)
{
    for (int i = 0; i < CHILDREN / ROUNDS + 1; i++) {
        int status;
        pid_t pid = fork();
        if (!pid)
            _exit(child(i));
        bad_children += waitpid(pid, &status, 0) != pid || status;
    }
}

static void new_functions(unsigned round)
{
    functions = mmap(functions, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (functions ? MAP_FIXED : 0), -1, 0);
    make_functions(functions, round);
    mprotect(functions, SIZE, PROT_READ | PROT_EXEC);
}

int main(void)
{
    pthread_t id[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    make_straight();
    make_loop();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, run_cold, (void *)i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        new_functions(round);
        pthread_barrier_wait(&barrier);
        fork_children();
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    run_while_changing();
    printf("cold %d, changed %d, loops %d, bad children %d\n", wrong_cold, wrong_changed, wrong_loops, bad_children);
    return 0;
}
