/* slot.c - run a short instruction sequence from a given machine state. */
#define _GNU_SOURCE
#include "slot.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct context context __attribute__((aligned(16)));

void fuzz_enter(struct context *c);
void fuzz_leave(void);  /* jumped to at the end of a slot */
void fuzz_resume(void); /* after a fault: state is already saved */

__asm__(".text\n"
        ".global fuzz_enter, fuzz_leave, fuzz_resume\n"
        "fuzz_enter:\n"
        "  stp x19, x20, [sp, #-176]!\n"
        "  stp x21, x22, [sp, #16]\n"
        "  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n"
        "  stp x27, x28, [sp, #64]\n"
        "  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  mov x1, sp\n"
        "  str x1, [x0, #288]\n"
        "  mrs x1, tpidr_el0\n"
        "  str x1, [x0, #296]\n"
        "  mrs x1, fpcr\n"
        "  str x1, [x0, #304]\n"
        "  add x1, x0, #320\n"
        "  ldp q0, q1, [x1], #32\n  ldp q2, q3, [x1], #32\n"
        "  ldp q4, q5, [x1], #32\n  ldp q6, q7, [x1], #32\n"
        "  ldp q8, q9, [x1], #32\n  ldp q10, q11, [x1], #32\n"
        "  ldp q12, q13, [x1], #32\n  ldp q14, q15, [x1], #32\n"
        "  ldp q16, q17, [x1], #32\n  ldp q18, q19, [x1], #32\n"
        "  ldp q20, q21, [x1], #32\n  ldp q22, q23, [x1], #32\n"
        "  ldp q24, q25, [x1], #32\n  ldp q26, q27, [x1], #32\n"
        "  ldp q28, q29, [x1], #32\n  ldp q30, q31, [x1], #32\n"
        "  ldr x1, [x0, #264]\n"
        "  msr fpcr, x1\n"
        "  ldr x1, [x0, #272]\n"
        "  msr fpsr, x1\n"
        "  ldr x1, [x0, #256]\n"
        "  msr nzcv, x1\n"
        "  ldr x1, [x0, #248]\n"
        "  mov sp, x1\n"
        "  ldr x30, [x0, #280]\n"
        "  clrex\n"
        "  ldp x2, x3, [x0, #16]\n  ldp x4, x5, [x0, #32]\n"
        "  ldp x6, x7, [x0, #48]\n  ldp x8, x9, [x0, #64]\n"
        "  ldp x10, x11, [x0, #80]\n  ldp x12, x13, [x0, #96]\n"
        "  ldp x14, x15, [x0, #112]\n  ldp x16, x17, [x0, #128]\n"
        "  ldp x18, x19, [x0, #144]\n  ldp x20, x21, [x0, #160]\n"
        "  ldp x22, x23, [x0, #176]\n  ldp x24, x25, [x0, #192]\n"
        "  ldp x26, x27, [x0, #208]\n  ldp x28, x29, [x0, #224]\n"
        "  ldp x0, x1, [x0]\n"
        "  br x30\n"
        "fuzz_leave:\n"
        "  adrp x30, context\n"
        "  add x30, x30, :lo12:context\n"
        "  stp x0, x1, [x30]\n  stp x2, x3, [x30, #16]\n"
        "  stp x4, x5, [x30, #32]\n  stp x6, x7, [x30, #48]\n"
        "  stp x8, x9, [x30, #64]\n  stp x10, x11, [x30, #80]\n"
        "  stp x12, x13, [x30, #96]\n  stp x14, x15, [x30, #112]\n"
        "  stp x16, x17, [x30, #128]\n  stp x18, x19, [x30, #144]\n"
        "  stp x20, x21, [x30, #160]\n"
        "  stp x22, x23, [x30, #176]\n  stp x24, x25, [x30, #192]\n"
        "  stp x26, x27, [x30, #208]\n"
        "  stp x28, x29, [x30, #224]\n"
        "  mrs x0, tpidr_el0\n"
        "  str x0, [x30, #240]\n"
        "  mov x0, sp\n"
        "  str x0, [x30, #248]\n"
        "  mrs x0, nzcv\n"
        "  str x0, [x30, #256]\n"
        "  mrs x0, fpcr\n"
        "  str x0, [x30, #264]\n"
        "  mrs x0, fpsr\n"
        "  str x0, [x30, #272]\n"
        "  add x1, x30, #320\n"
        "  stp q0, q1, [x1], #32\n  stp q2, q3, [x1], #32\n"
        "  stp q4, q5, [x1], #32\n  stp q6, q7, [x1], #32\n"
        "  stp q8, q9, [x1], #32\n  stp q10, q11, [x1], #32\n"
        "  stp q12, q13, [x1], #32\n  stp q14, q15, [x1], #32\n"
        "  stp q16, q17, [x1], #32\n  stp q18, q19, [x1], #32\n"
        "  stp q20, q21, [x1], #32\n  stp q22, q23, [x1], #32\n"
        "  stp q24, q25, [x1], #32\n  stp q26, q27, [x1], #32\n"
        "  stp q28, q29, [x1], #32\n  stp q30, q31, [x1], #32\n"
        "fuzz_resume:\n"
        "  adrp x30, context\n"
        "  add x30, x30, :lo12:context\n"
        "  ldr x0, [x30, #296]\n"
        "  msr tpidr_el0, x0\n"
        "  ldr x0, [x30, #304]\n"
        "  msr fpcr, x0\n"
        "  ldr x0, [x30, #288]\n"
        "  mov sp, x0\n"
        "  ldp x21, x22, [sp, #16]\n"
        "  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n"
        "  ldp x27, x28, [sp, #64]\n"
        "  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  ldp x19, x20, [sp], #176\n"
        "  ret\n");

void slot_stop(const char *what)
{
    dprintf(2, "fuzz: %s: %s\n", what, strerror(errno));
    _exit(98);
}

uint64_t slot_start(unsigned slot)
{
    return CODE_BASE + (uint64_t)slot * SLOT_SIZE;
}

enum { PAGE = 4096 };

/* Code is not writable while it runs: what comes of a store to it without cache maintenance is up to the machine. */
static void protect_code(uint64_t start, uint64_t end, int prot)
{
    uint64_t from = start & -(uint64_t)PAGE, to = (end + PAGE - 1) & -(uint64_t)PAGE;
    if (mprotect((void *)from, to - from, prot))
        slot_stop("mprotect");
}

/* Slot: literal of x30, address of fuzz_leave, ldr x30, nop, the instructions, tail. */
void slot_write(const struct fuzz_case *c, unsigned slot)
{
    uint64_t start = slot_start(slot);
    protect_code(start, start + SLOT_SIZE, PROT_READ | PROT_WRITE);
    uint32_t *w = (uint32_t *)start;
    uint64_t literal[2] = {c->x[30], (uint64_t)(uintptr_t)fuzz_leave};
    unsigned n = c->n_insns, tail = 8 + n;
    memcpy(w, literal, sizeof literal);
    w[4] = 0xd503201f; /* nop, so that the next two stay where they are */
    w[5] = 0xd503201f;
    w[6] = 0xd503201f;
    w[7] = 0x58000000 | (uint32_t)((-7 & 0x7ffff) << 5) | 30; /* ldr x30, literal[0] */
    memcpy(w + 8, c->insns, n * 4);
    w[tail] = 0xd51bd05e; /* msr tpidr_el0, x30 */
    w[tail + 1] = 0x58000000 | (uint32_t)((2 - (int)(tail + 1)) & 0x7ffff) << 5 |
                  30;         /* ldr x30, literal[1] */
    w[tail + 2] = 0xd61f03c0; /* br x30 */
    protect_code(start, start + SLOT_SIZE, PROT_READ | PROT_EXEC);
    __builtin___clear_cache((char *)start, (char *)start + SLOT_SIZE);
}

struct fpsimd_context *slot_find_fpsimd(ucontext_t *uc)
{
    uint8_t *p = uc->uc_mcontext.__reserved, *end = p + sizeof uc->uc_mcontext.__reserved;
    while (p + sizeof(struct _aarch64_ctx) <= end) {
        struct _aarch64_ctx *head = (struct _aarch64_ctx *)p;
        if (head->magic == FPSIMD_MAGIC)
            return (struct fpsimd_context *)p;
        if (!head->magic || head->size < sizeof *head)
            break;
        p += head->size;
    }
    return NULL;
}

void slot_abandon(ucontext_t *uc)
{
    uc->uc_mcontext.pc = (uint64_t)(uintptr_t)fuzz_resume;
    uc->uc_mcontext.sp = context.host_sp;
}

void slot_run(const struct fuzz_case *c, unsigned slot)
{
    memcpy((void *)SCRATCH_BASE, c->memory, SCRATCH_SIZE);
    memcpy(context.x, c->x, sizeof context.x);
    context.sp = c->sp;
    context.nzcv = c->nzcv;
    context.fpcr = c->fpcr;
    context.fpsr = c->fpsr;
    context.entry = slot_start(slot) + 16;
    memcpy(context.v, c->v, sizeof context.v);
    fuzz_enter(&context);
}

void slot_output(const void *buf, size_t n)
{
    while (n) {
        ssize_t put = write(1, buf, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            slot_stop("write");
        buf = (const char *)buf + put;
        n -= (size_t)put;
    }
}

static void *map_at(uint64_t address, size_t n, int prot)
{
    void *p = mmap((void *)address, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p != (void *)address)
        slot_stop("mmap");
    return p;
}

static void set_up_signals(void (*on_fault)(int, siginfo_t *, void *))
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    /* Not where a case's sp may point: for the judge a stack pointer at its lowest address is on the
     * stack, where there is no room for the frame; for Linux it is not. */
    stack_t stack = {.ss_sp = map_at(CODE_BASE + 0x12345000, 1 << 16, PROT_READ | PROT_WRITE),
                     .ss_size = 1 << 16};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (sigaltstack(&stack, NULL))
        slot_stop("sigaltstack");
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &action, NULL))
            slot_stop("sigaction");
}

void slot_set_up(void (*on_fault)(int, siginfo_t *, void *))
{
    map_at(SCRATCH_BASE - GUARD, 2 * GUARD + SCRATCH_SIZE, PROT_NONE);
    if (mprotect((void *)SCRATCH_BASE, SCRATCH_SIZE, PROT_READ | PROT_WRITE))
        slot_stop("mprotect");
    map_at(CODE_BASE, SLOTS * SLOT_SIZE, PROT_READ | PROT_EXEC);
    set_up_signals(on_fault);
}
