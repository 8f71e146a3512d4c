/* system - registers that a program may read, DC ZVA, the thread pointer, and feature words against the instructions. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>

static volatile int undefined;

static void on_ill(int sig, siginfo_t *info, void *context)
{
    undefined = 1;
    ((ucontext_t *)context)->uc_mcontext.pc += 4;
}

#define READ(name)                                                    \
    ({                                                                \
        uint64_t value;                                               \
        __asm__ volatile("mrs %0, " name : "=r"(value));              \
        value;                                                        \
    })

/* A feature is offered if and only if its instruction runs. */
#define AGREES(bit, which, insn)                                                                              \
    do {                                                                                                      \
        undefined = 0;                                                                                        \
        __asm__ volatile(".inst " insn : : : "x0", "x1", "x2", "x3", "v0", "v1", "v2", "cc", "memory");       \
        int offered = getauxval(which) >> bit & 1;                                                            \
        if (offered == undefined)                                                                             \
            printf("hwcap %d bit %d: offered %d, undefined %d\n", which == AT_HWCAP2, bit, offered, undefined); \
    } while (0)

static uint8_t area[8192] __attribute__((aligned(4096)));
static __thread int local = 7;

int main(void)
{
    struct sigaction a = { .sa_sigaction = on_ill, .sa_flags = SA_SIGINFO };
    sigaction(SIGILL, &a, NULL);
    uint64_t dczid = READ("dczid_el0"), size = 4u << (dczid & 15);
    printf("dc zva allowed %d, block fits a page %d\n", !(dczid >> 4 & 1), size <= 4096);
    memset(area, 0xff, sizeof area);
    __asm__ volatile("dc zva, %0" : : "r"(area + 4096 + 5) : "memory");
    unsigned cleared = 0, first = 8192;
    for (unsigned i = 0; i < sizeof area; i++)
        if (!area[i]) {
            cleared++;
            first = i < first ? i : first;
        }
    printf("cleared as said %d, from the block's start %d\n", cleared == size, first == 4096);
    printf("thread pointer %d, local %d\n", READ("tpidr_el0") != 0, local);
    printf("lines %d\n", READ("ctr_el0") >> 31 & 1);
    printf("invalidation needed for instructions %d\n", !(READ("ctr_el0") >> 29 & 1));
    printf("frequency %d, counter runs %d\n", READ("cntfrq_el0") > 1000, READ("cntvct_el0") != 0);
    if (getauxval(AT_HWCAP) >> 11 & 1) /* HWCAP_CPUID */
        printf("midr %d pfr0 el0 is 64-bit %d\n", READ("midr_el1") != 0, (int)(READ("id_aa64pfr0_el1") & 15) >= 1);
    undefined = 0;
    (void)READ("sctlr_el1");
    printf("privileged register undefined %d\n", undefined);
    undefined = 0;
    __asm__ volatile("msr daifset, #2");
    printf("masking interrupts undefined %d\n", undefined);
    __asm__ volatile("mov x0, %0\n mov x1, #0\n mov x2, #0\n mov x3, #0" : : "r"(area) : "x0", "x1", "x2", "x3");
    AGREES(3, AT_HWCAP, "0x4e284820");   /* AESE */
    AGREES(4, AT_HWCAP, "0x0ee0e020");   /* PMULL 1Q */
    AGREES(5, AT_HWCAP, "0x5e280820");   /* SHA1H */
    AGREES(6, AT_HWCAP, "0x5e282820");   /* SHA256SU0 */
    AGREES(7, AT_HWCAP, "0x1ac14820");   /* CRC32H */
    AGREES(9, AT_HWCAP, "0x1ee12820");   /* FADD half */
    AGREES(10, AT_HWCAP, "0x4e421420");  /* FP16 vector FADD */
    AGREES(12, AT_HWCAP, "0x6e828420");  /* SQRDMLAH */
    AGREES(13, AT_HWCAP, "0x1e7e0001");  /* FJCVTZS */
    AGREES(14, AT_HWCAP, "0x6e82c420");  /* FCMLA */
    AGREES(17, AT_HWCAP, "0xce020820");  /* EOR3 */
    AGREES(18, AT_HWCAP, "0xce62c020");  /* SM3 */
    AGREES(20, AT_HWCAP, "0x4e829420");  /* SDOT */
    AGREES(21, AT_HWCAP, "0xcec08020");  /* SHA512SU0 */
    AGREES(22, AT_HWCAP, "0x04205000");  /* SVE ADDVL-ish */
    AGREES(23, AT_HWCAP, "0x4e22ec20");  /* FMLAL */
    AGREES(27, AT_HWCAP, "0xd500401f");  /* CFINV */
    AGREES(7, AT_HWCAP2, "0xd500403f");  /* XAFLAG */
    AGREES(8, AT_HWCAP2, "0x1e284020");  /* FRINT32Z */
    AGREES(13, AT_HWCAP2, "0x4e82a420"); /* SMMLA */
    AGREES(14, AT_HWCAP2, "0x6e42fc20"); /* BFDOT */
    printf("features agree\n");
    return 0;
}
