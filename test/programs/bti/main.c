/* bti - what indirect branches may enter in guarded pages, and how handlers of signals are entered.
 *
 * expected has two lines that qemu 7.2 gets wrong: the kernel's code is ILL_ILLOPC (force_signal_inject in do_el0_bti), and
 * mprotect without PROT_BTI takes the guard away (VM_ARCH_CLEAR). */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { GUARDED = 0x10 /* PROT_BTI */, HWCAP2_BRANCHES = 1 << 17, NOP = 0xd503201f, RET = 0xd65f03c0, SLOT = 4, PAGE = 4096 };

static sigjmp_buf back;
static volatile uint64_t fault_at;
static volatile int fault_code, fault_btype;

static void on_undefined(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    (void)sig;
    fault_at = (uintptr_t)info->si_addr;
    fault_code = info->si_code;
    fault_btype = u->uc_mcontext.pstate >> 10 & 3;
    siglongjmp(back, 1);
}

static uint32_t *jumps, *targets;

/* MOV X30, X9; BR X0 or X17: jumps from a guarded page. */
static const uint32_t jump_code[] = {0xaa0903fe, 0xd61f0000, NOP, NOP, 0xaa0903fe, 0xd61f0220};

static const struct {
    const char *name;
    uint32_t code[SLOT];
} kinds[] = {
    {"nop", {NOP, RET}},
    {"bti", {0xd503241f, RET}},
    {"bti c", {0xd503245f, RET}},
    {"bti j", {0xd503249f, RET}},
    {"bti jc", {0xd50324df, RET}},
    {"paciasp", {0xd503233f, 0xd50323bf, RET}},
    {"pacibsp", {0xd503237f, 0xd50323ff, RET}},
};

static void by_blr(void *to) { __asm__ volatile("blr %0" : : "r"(to) : "x30", "memory"); }
static void by_br(void *to) { __asm__ volatile("adr x30, 1f; br %0; 1:" : : "r"(to) : "x30", "memory"); }
static void by_br16(void *to) { __asm__ volatile("mov x16, %0; adr x30, 1f; br x16; 1:" : : "r"(to) : "x16", "x30", "memory"); }
static void by_ret(void *to) { __asm__ volatile("mov x9, %0; adr x30, 1f; ret x9; 1:" : : "r"(to) : "x9", "x30", "memory"); }
static void guarded_br(void *to)
{
    __asm__ volatile("mov x0, %0; adr x9, 1f; ret %1; 1:" : : "r"(to), "r"(jumps) : "x0", "x9", "x30", "memory");
}
static void guarded_br17(void *to)
{
    __asm__ volatile("mov x17, %0; adr x9, 1f; ret %1; 1:" : : "r"(to), "r"(jumps + SLOT) : "x17", "x9", "x30", "memory");
}

static void enter(const char *how, void (*f)(void *), void *to)
{
    printf("  %-10s ", how);
    if (sigsetjmp(back, 1)) {
        printf("stopped at %+ld, btype %d\n", (long)(fault_at - (uintptr_t)to), fault_btype);
        return;
    }
    f(to);
    printf("entered\n");
}

/* Twice: the second time an answer may be remembered. */
static void enter_all(void *to)
{
    for (int i = 0; i < 2; i++) {
        enter("blr", by_blr, to);
        enter("br", by_br, to);
        enter("br x16", by_br16, to);
        enter("ret", by_ret, to);
        enter("guarded br", guarded_br, to);
        enter("br x17", guarded_br17, to);
    }
}

static void handle_at(void *to)
{
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = (void (*)(int))to}, NULL);
    raise(SIGUSR1);
}

static int make_code(int extra_prot)
{
    jumps = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    targets = jumps + PAGE / 4;
    memcpy(jumps, jump_code, sizeof jump_code);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        memcpy(targets + SLOT * i, kinds[i].code, sizeof kinds[i].code);
    __builtin___clear_cache((char *)jumps, (char *)jumps + 2 * PAGE);
    return mprotect(jumps, 2 * PAGE, PROT_READ | PROT_EXEC | extra_prot);
}

int main(void)
{
    sigaction(SIGILL, &(struct sigaction){.sa_sigaction = on_undefined, .sa_flags = SA_SIGINFO}, NULL);
    printf("hwcap %d\n", (getauxval(AT_HWCAP2) & HWCAP2_BRANCHES) != 0);
    printf("executable %d\n", make_code(0));
    enter_all(targets);
    printf("guarded %d\n", make_code(GUARDED));
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        printf("%s:\n", kinds[i].name);
        enter_all(targets + SLOT * i);
        enter("handler", handle_at, targets + SLOT * i);
    }
    enter("nop", by_blr, targets);
    printf("ILL_ILLOPC %d\n", fault_code == ILL_ILLOPC);
    printf("unguarded %d\n", mprotect(targets, PAGE, PROT_READ | PROT_EXEC));
    enter("nop", by_blr, targets);
    return 0;
}
