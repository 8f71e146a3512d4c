/* guest_helpers.c - C functions that translated A64 code calls (rows a64_* of core/helpers.def). */
#include <time.h>

#include "core/guest.h"
#include "core/helper.h"
#include "core/host.h"
#include "core/lockstep.h"
#include "core/random.h"
#include "core/tb.h"
#include "arch/aarch64/guest_cpu.h"
#include "arch/aarch64/guest_isa.h"
#include "arch/aarch64/guest_sysreg.h"

/* ---- FPCR, FPSR ---- */

enum {
    FPCR_FZ16 = 1 << 19,
    FPCR_RMODE_SHIFT = 22,
    FPCR_FZ = 1 << 24,
    FPCR_DN = 1 << 25,
    FPCR_AHP = 1 << 26
};
enum { FPSR_BITS = FP_IOC | FP_DZC | FP_OFC | FP_UFC | FP_IXC | FP_IDC | FP_QC };

uint32_t a64_read_fpcr(const struct cpu *cpu)
{
    const struct fp_env *e = &cpu->fp;
    return (uint32_t)e->round << FPCR_RMODE_SHIFT | (e->default_nan ? FPCR_DN : 0) |
           (e->flush_to_zero ? FPCR_FZ : 0) | (e->flush_to_zero16 ? FPCR_FZ16 : 0) |
           (e->alternative_half ? FPCR_AHP : 0);
}

void a64_write_fpcr(struct cpu *cpu, uint32_t value)
{
    struct fp_env *e = &cpu->fp;
    e->flags |= host_backend.fp_exceptions(); /* setting the host's mode forgets them */
    e->round = value >> FPCR_RMODE_SHIFT & 3;
    e->nan_rule = FP_NAN_ARM;
    e->default_nan = value & FPCR_DN;
    e->flush_to_zero = value & FPCR_FZ;
    e->flush_to_zero16 = value & FPCR_FZ16;
    e->alternative_half = value & FPCR_AHP;
    cpu->mode = a64_isa.mode(cpu);
    host_backend.set_fp_mode(cpu);
}

uint32_t a64_read_fpsr(const struct cpu *cpu)
{
    return (cpu->fp.flags | host_backend.fp_exceptions()) & FPSR_BITS;
}

void a64_write_fpsr(struct cpu *cpu, uint32_t value)
{
    cpu->fp.flags = value & FPSR_BITS;
    host_backend.set_fp_mode(cpu);
}

/* ---- Helpers
 * ------------------------------------------------------------------------------------------------
 */

uint64_t helper_a64_read_sysreg(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    if (a == A64_FPCR)
        return a64_read_fpcr(cpu);
    if (a == A64_FPSR)
        return a64_read_fpsr(cpu);
    if (a == A64_DIT)
        return cpu->guest[A64_PSTATE] & A64_PSTATE_DIT;
    if (a == A64_SSBS)
        return cpu->guest[A64_PSTATE] & A64_PSTATE_SSBS;
    struct timespec now; /* CNTVCT_EL0 */
    clock_gettime(CLOCK_MONOTONIC, &now);
    return lockstep_answer((uint64_t)now.tv_sec * A64_COUNTER_HZ + (uint64_t)now.tv_nsec);
}

uint64_t helper_a64_write_fpcr(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    a64_write_fpcr(cpu, (uint32_t)a);
    return 0;
}

uint64_t helper_a64_write_fpsr(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    a64_write_fpsr(cpu, (uint32_t)a);
    return 0;
}

uint64_t helper_a64_write_pstate(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)c;
    cpu->guest[A64_PSTATE] = (cpu->guest[A64_PSTATE] & ~b) | (a & b);
    return 0;
}

uint64_t helper_a64_random(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t value;
    (void)cpu, (void)a, (void)b, (void)c;
    if (!random_bytes(&value, sizeof value))
        value = 0;
    else if (!value)
        value = 1;
    return lockstep_answer(value);
}

uint64_t helper_a64_ic_ivau(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)cpu, (void)b, (void)c;
    tb_invalidate(ALIGN_DOWN(a, A64_CACHE_LINE), A64_CACHE_LINE);
    return 0;
}
