/* fork_children - children of fork that go on where their parent turned back, in code that it has lost what was made of: what
 * one child had to look up is made for the next, and there is not room for all of it at once. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 150, MOST_INSNS = 100, ROUNDS = 60 };
enum { ROOM = MOST_INSNS + 2, SIZE = 2 * PAIRS * ROOM * 4, XOR = 0xca001c00 /* eor x0, x0, x0, lsl #7 */, RET = 0xd65f03c0 };

static uint32_t *code; /* the first parts, then the second ones */
static int wrong, bad_children;

static unsigned n_insns(unsigned part) { return MOST_INSNS - part * 7 % 23; }

static uint32_t *make_part(uint32_t *at, unsigned part)
{
    for (unsigned i = 0; i < n_insns(part); i++)
        *at++ = i % 2 ? 0x91000000 | (part + i) << 10 /* add x0, x0, # */ : XOR;
    return at;
}

static uint64_t run_part(unsigned part, uint64_t x)
{
    for (unsigned i = 0; i < n_insns(part); i++)
        x = i % 2 ? x + part + i : x ^ x << 7;
    return x;
}

/* Functions of a number and of whether to go on with the second part. */
static void make_code(void)
{
    code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < PAIRS; i++) {
        uint32_t *first = make_part(code + i * ROOM, i), *second = code + (PAIRS + i) * ROOM;
        first[0] = 0xb5000001 | (uint32_t)(second - first) << 5; /* cbnz x1, second */
        first[1] = RET;
        *make_part(second, PAIRS + i) = RET;
    }
    mprotect(code, SIZE, PROT_READ | PROT_EXEC);
}

static void forget_code(void)
{
    mprotect(code, SIZE, PROT_READ | PROT_WRITE);
    mprotect(code, SIZE, PROT_READ | PROT_EXEC);
}

static int run_code(int goes_on)
{
    int n = 0;
    for (unsigned i = 0; i < PAIRS; i++) {
        uint64_t x = ((uint64_t(*)(uint64_t, uint64_t))(code + i * ROOM))(i, (uint64_t)goes_on), y = run_part(i, i);
        n += x != (goes_on ? run_part(PAIRS + i, y) : y);
    }
    return n;
}

static void run_child(void)
{
    int status;
    pid_t pid = fork();
    if (!pid)
        _exit(run_code(1) != 0);
    bad_children += waitpid(pid, &status, 0) != pid || status;
}

int main(void)
{
    make_code();
    for (int round = 0; round < ROUNDS; round++) {
        wrong += run_code(0);
        run_child();
        forget_code();
        run_child();
        forget_code();
    }
    printf("wrong %d, bad children %d\n", wrong, bad_children);
    return 0;
}
