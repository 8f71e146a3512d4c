/* guest_signal.c - the signal frame of 64-bit Arm Linux: build it, and return from it; registers of
 * core files.
 *
 * From the stack pointer upwards: siginfo, ucontext with the sigcontext in it, and the frame record
 * {fp, lr} that x29 points to. The sigcontext ends in 4096 bytes of tagged records, the last used one
 * with the tag zero (uapi asm/sigcontext.h); what is behind that is not written, as by the kernel. */
#include "arch/aarch64/guest_signal.h"

#include <errno.h>
#include <string.h>

#include "arch/aarch64/guest_bti.h"
#include "arch/aarch64/guest_cpu.h"
#include "arch/aarch64/guest_features.h"
#include "core/flags.h"
#include "core/helper.h"
#include "core/memory.h"
#include "core/thread.h"

enum { N_REGS = 31, RESERVED_SIZE = 4096, SIGACTION_SIGINFO = 4 };

enum {
    FPSIMD_MAGIC = 0x46508001, /* struct fpsimd_context */
    ESR_MAGIC = 0x45535201,    /* struct esr_context */
};

/* op0:op1:CRn:CRm:op2 as helper_a64_read_sysreg takes it. */
enum { SYSREG_FPCR = 3 << 14 | 3 << 11 | 4 << 7 | 4 << 3 | 0, SYSREG_FPSR = SYSREG_FPCR | 1 };

struct record_head {
    uint32_t magic, size;
};

struct fpsimd_record {
    struct record_head head;
    uint32_t fpsr, fpcr;
    union vec v[32];
};

struct esr_record {
    struct record_head head;
    uint64_t esr;
};

struct a64_sigcontext {
    uint64_t fault_address, regs[N_REGS], sp, pc, pstate;
    uint8_t reserved[RESERVED_SIZE] __attribute__((aligned(16)));
};

struct frame {
    uint8_t info[128];
    uint64_t flags, link;
    struct {
        uint64_t sp;
        int32_t flags;
        uint32_t pad;
        uint64_t size;
    } stack;
    uint64_t mask;
    uint8_t unused[120];
    struct a64_sigcontext context __attribute__((aligned(16)));
};

_Static_assert(offsetof(struct frame, context) == 128 + 176, "struct ucontext");
_Static_assert(offsetof(struct a64_sigcontext, reserved) == 288, "struct sigcontext");
_Static_assert(sizeof(struct frame) == 128 + 4560, "struct rt_sigframe");
_Static_assert(sizeof(struct fpsimd_record) == 0x210, "struct fpsimd_context");

/* Exception syndrome of a data or instruction abort (Arm ARM, ESR_ELx, ISS encoding for an abort).
 */
static uint64_t fault_esr(const struct guest_fault *f)
{
    enum {
        DATA_ABORT = 0x24,
        FETCH_ABORT = 0x20,
        IL = 1 << 25,
        WNR = 1 << 6,
        TRANSLATION_L3 = 0x07,
        PERMISSION_L3 = 0x0f,
        ALIGNMENT = 0x21,
        EXTERNAL = 0x10
    };
    uint64_t status = f->code == SEGV_MAPERR ? TRANSLATION_L3 : PERMISSION_L3;
    if (f->signal == SIGBUS)
        status = f->code == BUS_ADRALN ? ALIGNMENT : TRANSLATION_L3;
    return (uint64_t)(f->is_fetch ? FETCH_ABORT : DATA_ABORT) << 26 | IL | (f->is_write ? WNR : 0) |
           status;
}

static uint64_t pstate_of(const struct cpu *cpu)
{
    return (uint64_t)flags_to_nzcv(cpu->flags) << 28 | cpu->guest[A64_PSTATE] |
           (uint64_t)cpu->branch_kind << A64_BTYPE_SHIFT;
}

/* Returns the number of bytes. */
static size_t fill_records(uint8_t *start, const struct thread *t, bool has_esr)
{
    uint8_t *at = start;
    struct cpu *cpu = (struct cpu *)&t->cpu;
    struct fpsimd_record *fp = (void *)at;
    fp->head = (struct record_head){FPSIMD_MAGIC, sizeof(*fp)};
    fp->fpsr = (uint32_t)helper_a64_read_sysreg(cpu, SYSREG_FPSR, 0, 0);
    fp->fpcr = (uint32_t)helper_a64_read_sysreg(cpu, SYSREG_FPCR, 0, 0);
    memcpy(fp->v, cpu->v, sizeof(fp->v));
    at += sizeof(*fp);
    if (has_esr) {
        struct esr_record esr = {{ESR_MAGIC, sizeof(esr)}, fault_esr(&t->fault)};
        memcpy(at, &esr, sizeof(esr));
        at += sizeof(esr);
    }
    memset(at, 0, sizeof(struct record_head));
    return (size_t)(at - start) + sizeof(struct record_head);
}

int a64_signal_setup(struct thread *t, const struct signal_delivery *d)
{
    struct cpu *cpu = &t->cpu;
    struct frame frame;
    uint64_t record[2] = {cpu->gpr[29], cpu->gpr[A64_LR]};

    memset(&frame, 0, offsetof(struct frame, context.reserved));
    if (d->flags & SIGACTION_SIGINFO)
        memcpy(frame.info, d->info, sizeof(frame.info));
    frame.stack.sp = d->alt_sp;
    frame.stack.flags = d->alt_flags;
    frame.stack.size = d->alt_size;
    frame.mask = d->mask;
    frame.context.fault_address = d->fault_address;
    memcpy(frame.context.regs, cpu->gpr, sizeof(frame.context.regs));
    frame.context.sp = cpu->gpr[A64_SP];
    frame.context.pc = cpu->pc;
    frame.context.pstate = pstate_of(cpu);
    size_t used = offsetof(struct frame, context.reserved);
    used += fill_records(frame.context.reserved, t, d->fault_esr != 0);

    guest_addr record_at = ALIGN_DOWN(d->sp - sizeof(record), 16);
    guest_addr frame_at = record_at - sizeof(frame);
    if (memory_write(record_at, record, sizeof(record)) ||
        memory_write(frame_at, &frame, used))
        return -EFAULT;

    cpu->gpr[0] = (uint64_t)d->signal;
    if (d->flags & SIGACTION_SIGINFO) {
        cpu->gpr[1] = frame_at;
        cpu->gpr[2] = frame_at + offsetof(struct frame, flags);
    }
    cpu->gpr[29] = record_at;
    cpu->gpr[A64_LR] = d->restorer;
    cpu->gpr[A64_SP] = frame_at;
    cpu->pc = d->handler;
    cpu->branch_kind = a64_has_guarded_pages() ? A64_BTYPE_CALL : 0;
    cpu->excl_addr = EXCL_NONE;
    return 0;
}

/* The FP state among the records; null where the kernel of a machine without SVE and SME would reject them. */
static const struct fpsimd_record *find_fpsimd(const uint8_t *records)
{
    const struct fpsimd_record *found = NULL;
    for (size_t at = 0;;) {
        struct record_head head;
        if (RESERVED_SIZE - at < sizeof(head))
            return NULL;
        memcpy(&head, records + at, sizeof(head));
        if (!head.magic)
            return head.size ? NULL : found;
        if (head.size < sizeof(head) || head.size % 16 || head.size > RESERVED_SIZE - at)
            return NULL;
        if (head.magic == FPSIMD_MAGIC) {
            if (found || head.size != sizeof(*found))
                return NULL;
            found = (const void *)(records + at);
        } else if (head.magic != ESR_MAGIC) {
            return NULL;
        }
        at += head.size;
    }
}

/* Read the frame at ADDR, usually one as a64_signal_setup makes it: the rest may be large. Returns its FP state, or null. */
static const struct fpsimd_record *read_frame(struct frame *frame, guest_addr addr)
{
    const struct fpsimd_record *fp = (const void *)frame->context.reserved;
    const struct record_head *end = (const void *)(fp + 1);
    enum { USUAL = offsetof(struct frame, context.reserved) + sizeof(*fp) + sizeof(*end) };
    if (memory_read(frame, addr, USUAL))
        return NULL;
    if (fp->head.magic == FPSIMD_MAGIC && fp->head.size == sizeof(*fp) && !end->magic && !end->size)
        return fp;
    return memory_read(frame, addr, sizeof(*frame)) ? NULL : find_fpsimd(frame->context.reserved);
}

int a64_signal_return(struct thread *t, uint64_t *mask, uint64_t stack[3])
{
    struct cpu *cpu = &t->cpu;
    guest_addr sp = cpu->gpr[A64_SP];
    struct frame frame;
    enum { MODE_MASK = 0x1f, DAIF = 0xf << 6 };

    const struct fpsimd_record *fp = sp & 15 ? NULL : read_frame(&frame, sp);
    if (!fp || frame.context.pstate & (MODE_MASK | DAIF))
        return -EFAULT;
    memcpy(cpu->gpr, frame.context.regs, sizeof(frame.context.regs));
    cpu->gpr[A64_SP] = frame.context.sp;
    cpu->pc = frame.context.pc;
    cpu->branch_kind = a64_has_guarded_pages() ? frame.context.pstate >> A64_BTYPE_SHIFT & 3 : 0;
    cpu->flags = flags_from_nzcv(frame.context.pstate >> 28 & 15);
    cpu->guest[A64_PSTATE] =
        frame.context.pstate & ((a64_has(A64_FEATURE_dit) ? A64_PSTATE_DIT : 0) |
                                (a64_has(A64_FEATURE_ssbs) ? A64_PSTATE_SSBS : 0));
    memcpy(cpu->v, fp->v, sizeof(fp->v));
    helper_a64_write_fpcr(cpu, fp->fpcr, 0, 0);
    helper_a64_write_fpsr(cpu, fp->fpsr, 0, 0);
    cpu->excl_addr = EXCL_NONE;
    *mask = frame.mask;
    stack[0] = frame.stack.sp;
    stack[1] = (uint64_t)frame.stack.flags;
    stack[2] = frame.stack.size;
    return 0;
}

/* uapi asm/ptrace.h: struct user_pt_regs, user_fpsimd_state, user_pac_mask. */
size_t a64_register_set(const struct thread *t, unsigned index, uint32_t *type, uint8_t *buf)
{
    enum { PRSTATUS = 1, FPREGSET = 2, ARM_TLS = 0x401, ARM_PAC_MASK = 0x406 };
    struct cpu *cpu = (struct cpu *)&t->cpu;
    if (index == 0) {
        uint64_t regs[N_REGS + 3];
        memcpy(regs, cpu->gpr, N_REGS * sizeof(*regs));
        regs[N_REGS] = cpu->gpr[A64_SP];
        regs[N_REGS + 1] = cpu->pc;
        regs[N_REGS + 2] = pstate_of(cpu);
        *type = PRSTATUS;
        memcpy(buf, regs, sizeof(regs));
        return sizeof(regs);
    }
    if (index == 1) {
        struct {
            union vec v[32];
            uint32_t fpsr, fpcr, reserved[2];
        } fp = {.fpsr = (uint32_t)helper_a64_read_sysreg(cpu, SYSREG_FPSR, 0, 0),
                .fpcr = (uint32_t)helper_a64_read_sysreg(cpu, SYSREG_FPCR, 0, 0)};
        memcpy(fp.v, cpu->v, sizeof(fp.v));
        *type = FPREGSET;
        memcpy(buf, &fp, sizeof(fp));
        return sizeof(fp);
    }
    if (index == 2) {
        *type = ARM_TLS;
        memcpy(buf, &cpu->guest[A64_TPIDR], sizeof(uint64_t));
        return sizeof(uint64_t);
    }
    if (index == 3 && a64_has(A64_FEATURE_paca)) {
        const uint64_t code_bits = 0x7f000000000000, mask[2] = {code_bits, code_bits};
        *type = ARM_PAC_MASK;
        memcpy(buf, mask, sizeof(mask));
        return sizeof(mask);
    }
    return 0;
}
