/* faults - the state that a handler sees at a synchronous fault is that of the instruction, registers and flags included. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static uint32_t expected_pc_word;
static uint64_t seen[31], seen_nzcv, seen_address, seen_vector, seen_code, seen_signal, seen_sp_aligned;
static int seen_right_pc;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    memcpy(seen, uc->uc_mcontext.regs, sizeof seen);
    seen_nzcv = uc->uc_mcontext.pstate >> 28;
    seen_address = (uint64_t)info->si_addr;
    seen_code = info->si_code;
    seen_signal = sig;
    seen_sp_aligned = !(uc->uc_mcontext.sp & 15);
    seen_right_pc = *(uint32_t *)uc->uc_mcontext.pc == expected_pc_word;
    struct fpsimd_context *fp = (void *)uc->uc_mcontext.__reserved;
    seen_vector = fp->head.magic == FPSIMD_MAGIC ? (uint64_t)fp->vregs[9] : 0xbad;
    uc->uc_mcontext.pc += 4;
}

#define TRY(name, insn)                                                                                                    \
    do {                                                                                                                   \
        uint64_t r5, r6;                                                                                                   \
        __asm__ volatile("b 2f\n 1: " insn "\n 2: ldr %w0, 1b" : "=r"(expected_pc_word));                                 \
        __asm__ volatile("mov x5, #5\n mov x6, #6\n mov x7, %2\n mov x8, #-1\n movi v9.2d, #0xff00ff00ff00ff00\n"         \
                         "adds x10, x8, #1\n add x5, x5, #1\n mov x11, #100\n"                                             \
                         "1: " insn "\n"                                                                                   \
                         "mov %0, x5\n mov %1, x6\n cset x10, eq\n"                                                                       \
                         : "=&r"(r5), "=&r"(r6) : "r"(bad)                                                                 \
                         : "x10", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "v9", "cc", "memory");                             \
        printf("%s: signal %ld code %ld pc %d offset %ld x5 %ld x6 %ld x11 %ld nzcv %lx v9 %lx; after %ld %ld\n", name,    \
               seen_signal, seen_signal == SIGILL ? ILL_ILLOPC : seen_code, /* of which emulators make ILL_ILLOPN */ \
               seen_right_pc, seen_signal == SIGSEGV ? (long)(seen_address - bad) : 0, seen[5], seen[6], seen[11], seen_nzcv,   \
               seen_vector, r5, r6);                                                                                       \
        memset(seen, 0, sizeof seen);                                                                                      \
        seen_signal = 0;                                                                                                   \
    } while (0)

/* Registers that are written again soon after the access: the handler sees the values before, and so does what follows. */
static void overwritten_later(uint64_t bad)
{
    uint64_t x, v;
    __asm__ volatile("b 2f\n 1: ldr x6, [x7]\n 2: ldr %w0, 1b" : "=r"(expected_pc_word));
    __asm__ volatile("mov x7, %2\n mov x6, #6\n add x13, x7, #13\n dup v9.2d, x13\n add x12, x13, #1\n"
                     "ldr x6, [x7]\n"
                     "add x14, x13, x6\n umov x15, v9.d[1]\n add x15, x15, x12\n"
                     "sub x13, x7, #1\n dup v9.2d, x7\n sub x12, x7, #2\n mov %0, x14\n mov %1, x15\n"
                     : "=&r"(x), "=&r"(v)
                     : "r"(bad)
                     : "x6", "x7", "x12", "x13", "x14", "x15", "v9", "memory");
    printf("overwritten later: pc %d x12 %ld x13 %ld v9 %ld; after %ld %ld\n", seen_right_pc, (long)(seen[12] - bad),
           (long)(seen[13] - bad), (long)(seen_vector - bad), (long)(x - bad), (long)(v - 2 * bad));
}

int main(void)
{
    struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
    sigaction(SIGILL, &a, NULL);
    sigaction(SIGTRAP, &a, NULL);
    uint64_t bad = (uint64_t)mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
    TRY("load", "ldr x6, [x7]");
    TRY("load byte", "ldrb w6, [x7, #3]");
    TRY("store", "str x6, [x7, #8]");
    TRY("post-index", "ldr x6, [x7], #16");
    TRY("pre-index", "ldr x6, [x7, #16]!");
    TRY("pair", "ldp x6, x9, [x7]");
    TRY("store pair", "stp x6, x9, [x7, #32]");
    TRY("register offset", "ldr x6, [x7, x11, lsl #3]");
    TRY("vector", "ldr q9, [x7]");
    TRY("structure", "ld1 {v9.16b}, [x7]");
    TRY("exclusive", "ldxr x6, [x7]");
    TRY("acquire", "ldar x6, [x7]");
    TRY("release", "stlr x6, [x7]");
    TRY("undefined", "udf #3");
    TRY("break", "brk #3");
    overwritten_later(bad);
    return 0;
}
