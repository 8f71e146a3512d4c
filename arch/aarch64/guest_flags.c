/* guest_flags.c - look ahead whether NZCV is overwritten before it is read.
 *
 * Called for each conditional exit, so it classifies by a few bits instead of decoding. Whatever is
 * not certain counts as a reader. A fault on the way may show stale flags. */
#include "arch/aarch64/guest_flags.h"

#include <string.h>

#include "arch/aarch64/guest_cpu.h"
#include "core/dispatch.h"

enum { MAX_INSNS = 24, MAX_RUNS = 4, MAX_DEPTH = 2, PAGE = 4096 };
#define RET_LR 0xd65f03c0u

struct walk {
    struct translator *t;
    unsigned budget; /* instructions still to look at */
    unsigned n_runs;
    struct tb_range run[MAX_RUNS]; /* what the answer depends on */
};

/* What an instruction means for the flags. */
enum effect { NEUTRAL, WRITES, READS, JUMPS, FORKS };

static enum effect branch_effect(uint32_t w)
{
    if ((w & 0x7c000000) == 0x14000000) /* B, BL */
        return JUMPS;
    if ((w & 0x7c000000) == 0x34000000) /* CBZ, CBNZ, TBZ, TBNZ */
        return FORKS;
    if ((w & 0xffffe000) == 0xd5032000) /* hints, barriers */
        return NEUTRAL;
    if ((w & 0xffffffe0) == 0xd53bd040) /* MRS TPIDR_EL0 */
        return NEUTRAL;
    return READS;
}

/* An undefined encoding sets no flags: its signal handler may step over it. */
static bool shift_is_defined(uint32_t w)
{
    if ((w & 0x01200000) == 0x01200000) /* add, subtract, extended register */
        return (w >> 22 & 3) == 0 && (w >> 10 & 7) <= 4;
    return (w >> 31 || !(w >> 15 & 1)) && ((w >> 22 & 3) != 3 || !(w >> 24 & 1));
}

static bool bitmask_is_defined(uint32_t w)
{
    uint32_t imms = w >> 10 & 63, size = (w >> 22 & 1) << 6 | (~imms & 63);
    if (size < 2 || (size >= 64 && !(w >> 31)))
        return false;
    uint32_t ones = (1u << (31 - __builtin_clz(size))) - 1;
    return (imms & ones) != ones;
}

static enum effect register_effect(uint32_t w)
{
    switch (w >> 24 & 0x1f) {
    case 0x0a: /* logical, shifted register */
        if ((w >> 29 & 3) != 3)
            return NEUTRAL;
        return shift_is_defined(w) ? WRITES : READS;
    case 0x0b: /* add, subtract */
        if (!(w >> 29 & 1))
            return NEUTRAL;
        return shift_is_defined(w) ? WRITES : READS;
    case 0x1a: /* one and two sources; the others are ADC, RMIF, CCMP, CSEL ... */
        return (w >> 21 & 7) == 6 ? NEUTRAL : READS;
    default: /* three sources */
        return NEUTRAL;
    }
}

static enum effect effect_of(uint32_t w)
{
    switch (w >> 25 & 0xf) {
    case 0x8: /* data processing, immediate */
    case 0x9:
        if ((w >> 23 & 7) == 2)
            return w >> 29 & 1 ? WRITES : NEUTRAL;
        if ((w >> 23 & 7) != 4 || (w >> 29 & 3) != 3)
            return NEUTRAL;
        return bitmask_is_defined(w) ? WRITES : READS;
    case 0xa:
    case 0xb:
        return branch_effect(w);
    case 0x5:
    case 0xd:
        return register_effect(w);
    case 0x4: /* loads and stores */
    case 0x6:
    case 0xc:
    case 0xe:
        return NEUTRAL;
    case 0x7: /* Advanced SIMD and floating-point */
    case 0xf:
        if ((w & 0xff20fc07) == 0x1e202000 && (w >> 22 & 3) != 2) /* FCMP; type 2 is undefined */
            return WRITES;
        if ((w & 0xff200400) == 0x1e200400 ||
            (w & 0xff3ffc00) == 0x1e3e0000) /* FCCMP, FCSEL and others; FJCVTZS */
            return READS;
        return NEUTRAL;
    default:
        return READS;
    }
}

static int64_t field(uint32_t w, int pos, int len)
{
    return (int64_t)((uint64_t)w << (64 - pos - len)) >> (64 - len);
}

static guest_addr jump_target(uint32_t w, guest_addr pc)
{
    if ((w & 0x7c000000) == 0x14000000)
        return pc + (uint64_t)(field(w, 0, 26) * 4);
    if (w & 0x02000000) /* TBZ, TBNZ */
        return pc + (uint64_t)(field(w, 5, 14) * 4);
    return pc + (uint64_t)(field(w, 5, 19) * 4);
}

static bool depend(struct walk *k, guest_addr start, guest_addr end)
{
    for (unsigned i = 0; i < k->n_runs; i++) {
        struct tb_range *r = &k->run[i];
        if (start >= r->start && start <= r->start + r->size) { /* it, its end or what follows it */
            if (end > r->start + r->size)
                r->size = (uint32_t)(end - r->start);
            return true;
        }
    }
    if (k->n_runs == MAX_RUNS)
        return false;
    k->run[k->n_runs++] = (struct tb_range){start, (uint32_t)(end - start)};
    return true;
}

/* May an instruction that is NEUTRAL write the link register? Each may write what it names; of the hints, those for pointer
 * authentication do without naming it. */
static bool may_write_link(uint32_t w)
{
    if ((w & 0xfffff000) == 0xd5032000)
        return w != 0xd503201f && (w & 0xffffff3f) != 0xd503241f; /* NOP, BTI */
    return (w & 31) == A64_LR || (w >> 5 & 31) == A64_LR || (w >> 10 & 31) == A64_LR || (w >> 16 & 31) == A64_LR;
}

/* Straight-line code from PC to the end of its page. LINK: what the link register holds, or 0. */
static bool dead_from(struct walk *k, guest_addr pc, guest_addr link, unsigned depth)
{
    uint32_t code[MAX_INSNS];
    size_t n = (PAGE - (pc & (PAGE - 1))) / 4;
    if (n > k->budget)
        n = k->budget;
    if (pc & 3 || n == 0 || !translate_fetch(k->t, pc, code, n * 4))
        return false;
    for (size_t i = 0; i < n; i++) {
        guest_addr at = pc + i * 4, target;
        if (at == engine_options.stop_pc)
            return false;
        k->budget--;
        if (code[i] == RET_LR && link)
            return depend(k, pc, at + 4) && dead_from(k, link, 0, depth);
        switch (effect_of(code[i])) {
        case NEUTRAL:
            if (link && may_write_link(code[i]))
                link = 0;
            break;
        case WRITES:
            return depend(k, pc, at + 4);
        case JUMPS:
            return depend(k, pc, at + 4) &&
                   dead_from(k, jump_target(code[i], at), code[i] >> 31 ? at + 4 : link, depth);
        case FORKS:
            target = jump_target(code[i], at);
            if (target >= pc && target <= at) /* round again: nothing that was not looked at */
                break;
            return depth < MAX_DEPTH && depend(k, pc, at + 4) && dead_from(k, target, link, depth + 1) &&
                   dead_from(k, at + 4, link, depth + 1);
        case READS:
            return false;
        }
    }
    return false;
}

bool a64_flags_dead(struct translator *t, guest_addr pc, guest_addr link)
{
    struct walk k = {.t = t, .budget = MAX_INSNS};
    if (!dead_from(&k, pc, link, 0))
        return false;
    for (unsigned i = 0; i < k.n_runs; i++)
        if (!translate_depends(t, k.run[i].start, k.run[i].size))
            return false;
    return true;
}
