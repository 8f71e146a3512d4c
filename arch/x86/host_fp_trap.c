/* host_fp_trap.c - invalid floating-point operations of generated code that the host stopped at (core/fault.c).
 *
 * The host stops before it writes a result. Arithmetic then gets the guest's, whose default NaN has the other sign and which
 * takes a signalling operand first; compares and conversions to integers get the host's, which is always the same here, so that
 * they need no second signal. Whatever else may stop has a test for NaNs behind it or gives the guest's result by itself. */
#include <string.h>
#include <ucontext.h>

#include "arch/x86/host_backend.h"
#include "core/cpu.h"
#include "core/host.h"

enum { PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2 }; /* as VEX.pp */
enum { OP_CVTT = 0x2c, OP_UCOMIS = 0x2e, OP_COMIS = 0x2f, OP_SQRT = 0x51, OP_ADD = 0x58, OP_SUB = 0x5c, OP_DIV = 0x5e };
enum { EFLAGS_STATUS = 0x8d5, EFLAGS_UNORDERED = 0x45 };

struct sse_insn {
    unsigned prefix, opcode, length;
    unsigned reg, rm, first; /* of ModRM; the first source */
    bool is_wide;            /* REX.W, VEX.W */
    bool has_memory;
};

/* ModRM and what belongs to it (SDM 2A, 2.1.5). Returns its end. */
static const uint8_t *skip_modrm(const uint8_t *at)
{
    unsigned mod = *at >> 6, base = *at & 7;
    at++;
    if (mod == 3)
        return at;
    if (base == 4)
        base = *at++ & 7;
    return at + (mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0);
}

/* The instruction at CODE, if it is one of the opcode map 0F without an immediate. */
static bool decode(const uint8_t *code, struct sse_insn *i)
{
    const uint8_t *at = code;
    unsigned r = 0, b = 0;
    bool is_vex = *at == 0xc4 || *at == 0xc5;
    *i = (struct sse_insn){.prefix = PREFIX_NONE};
    if (is_vex) {
        bool is_long = *at == 0xc4;
        unsigned last = at[is_long ? 2 : 1];
        if (is_long && (at[1] & 31) != 1)
            return false;
        r = !(at[1] & 0x80);
        b = is_long && !(at[1] & 0x20);
        i->is_wide = is_long && last & 0x80;
        i->prefix = last & 3;
        i->first = ~last >> 3 & 15;
        at += is_long ? 3 : 2;
    } else {
        if (*at == 0x66 || *at == 0xf2 || *at == 0xf3)
            i->prefix = *at == 0x66 ? PREFIX_66 : *at == 0xf2 ? PREFIX_F2 : PREFIX_F3, at++;
        if ((*at & 0xf0) == 0x40) {
            r = *at >> 2 & 1;
            b = *at & 1;
            i->is_wide = *at++ & 8;
        }
        if (*at++ != 0x0f)
            return false;
    }
    i->opcode = *at++;
    i->has_memory = *at < 0xc0;
    i->reg = (*at >> 3 & 7) | r << 3;
    i->rm = (*at & 7) | b << 3;
    if (!is_vex)
        i->first = i->reg;
    i->length = (unsigned)(skip_modrm(at) - code);
    return true;
}

static uint64_t operate(struct fp_env *env, unsigned opcode, enum fp_format f, uint64_t a, uint64_t b)
{
    switch (opcode) {
    case OP_ADD: return fp_add(env, f, a, b);
    case OP_SUB: return fp_sub(env, f, a, b);
    case OP_DIV: return fp_div(env, f, a, b);
    default: return fp_sqrt(env, f, b);
    }
}

static void do_arithmetic(struct fp_env *env, const struct sse_insn *i, void *xmm)
{
    bool is_double = i->prefix == PREFIX_F2 || i->prefix == PREFIX_66, is_scalar = i->prefix >= PREFIX_F3;
    unsigned n = is_scalar ? 1 : is_double ? 2 : 4;
    union vec *v = xmm, a = v[i->first], b = v[i->rm];
    for (unsigned k = 0; k < n; k++) {
        if (is_double)
            a.u64[k] = operate(env, i->opcode, FP64, a.u64[k], b.u64[k]);
        else
            a.u32[k] = (uint32_t)operate(env, i->opcode, FP32, a.u32[k], b.u32[k]);
    }
    v[i->reg] = a;
}

bool host_context_do_invalid(struct cpu *cpu, ucontext_t *uc)
{
    greg_t *r = uc->uc_mcontext.gregs;
    struct sse_insn i;
    if (!decode((const uint8_t *)(uintptr_t)r[REG_RIP], &i))
        return false;
    switch (i.opcode) {
    case OP_UCOMIS: case OP_COMIS:
        r[REG_EFL] = (r[REG_EFL] & ~(greg_t)EFLAGS_STATUS) | EFLAGS_UNORDERED;
        break;
    case OP_CVTT:
        if (i.prefix < PREFIX_F3)
            return false;
        r[host_context_reg[i.reg]] = i.is_wide ? INT64_MIN : (greg_t)1 << 31;
        break;
    case OP_ADD: case OP_SUB: case OP_DIV: case OP_SQRT:
        if (i.has_memory)
            return false;
        do_arithmetic(&cpu->fp, &i, uc->uc_mcontext.fpregs->_xmm);
        break;
    default:
        return false;
    }
    r[REG_RIP] += i.length;
    return true;
}
