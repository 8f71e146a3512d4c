/* guest_pauth.c - A64 pointer authentication (FEAT_PAuth with QARMA5) as Linux sets it up for user space.
 *
 * Addresses have 48 bits; bit 55 says which half they belong to. Lower addresses have a tag in bits 63:56 (TBI0 = 1), so
 * the code is in bits 54:48; upper addresses have none, and it is in bits 63:56 too. Authentication that fails puts an
 * error code into the pointer, whose use then faults (neither FEAT_EPAC, FEAT_PAuth2 nor FEAT_FPAC). */
#include "arch/aarch64/guest_pauth.h"

#include <errno.h>

#include "arch/aarch64/guest_bti.h"
#include "arch/aarch64/guest_features.h"
#include "arch/aarch64/guest_qarma.h"
#include "arch/aarch64/guest_translate.h"
#include "core/helper.h"
#include "core/random.h"

enum pauth_key { KEY_IA, KEY_IB, KEY_DA, KEY_DB, KEY_GA, N_KEYS };
enum { ADDRESS_KEYS = 1 << KEY_IA | 1 << KEY_IB | 1 << KEY_DA | 1 << KEY_DB };

#define CODE_BITS   ((uint64_t)0x007f << 48) /* of a lower address */
#define UPPER_BIT   ((uint64_t)1 << 55)
#define ABOVE_48    ((uint64_t)0xffff << 48)
#define POISON_FLIP ((uint64_t)1 << 54)

/* ---- Codes ---- */

static uint64_t compute(const struct cpu *cpu, uint64_t data, uint64_t modifier, unsigned key)
{
    const uint64_t *k = &cpu->guest[A64_KEYS + 2 * key];
    return a64_qarma5(data, modifier, k[1], k[0]);
}

/* Bits of a pointer that hold its code. */
static uint64_t code_bits(uint64_t pointer)
{
    return pointer & UPPER_BIT ? ABOVE_48 & ~UPPER_BIT : CODE_BITS;
}

/* POINTER without its code (Arm ARM, Strip). */
static uint64_t strip(uint64_t pointer)
{
    return pointer & UPPER_BIT ? pointer | ABOVE_48 : pointer & ~CODE_BITS;
}

/* Arm ARM, AddPAC. The code of a pointer that is no address is made wrong, so that it never authenticates. */
uint64_t helper_a64_pac(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    if (cpu->guest[A64_KEYS_OFF] >> c & 1)
        return a;
    uint64_t bits = code_bits(a), original = strip(a);
    uint64_t code = compute(cpu, original, b, (unsigned)c);
    if (a != original)
        code ^= a & UPPER_BIT ? (uint64_t)1 << 62 : POISON_FLIP;
    return (original & ~bits) | (code & bits);
}

/* Arm ARM, Auth. */
uint64_t helper_a64_aut(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    if (cpu->guest[A64_KEYS_OFF] >> c & 1)
        return a;
    uint64_t original = strip(a), error = c & 1 ? 2 : 1;
    if (!((a ^ compute(cpu, original, b, (unsigned)c)) & code_bits(a)))
        return original;
    unsigned at = a & UPPER_BIT ? 61 : 53;
    return (original & ~((uint64_t)3 << at)) | error << at;
}

uint64_t helper_a64_pacga(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)c;
    return compute(cpu, a, b, KEY_GA) & ~(uint64_t)0xffffffff;
}

/* ---- Instructions ---- */

static ir_ref call(struct translator *t, unsigned helper, ir_ref pointer, ir_ref modifier, unsigned key)
{
    return ir_call(&t->ir, helper, pointer, modifier, ir_const(&t->ir, key));
}

static ir_ref modifier_of(struct translator *t, const struct a64_args *a, unsigned reg)
{
    return a->zero ? ir_const(&t->ir, 0) : read_sp(t, reg);
}

bool a64_pac(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd, call(t, HELPER_a64_pac, read_x(t, a->rd), modifier_of(t, a, a->rn), a->key));
    return true;
}

bool a64_aut(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd, call(t, HELPER_a64_aut, read_x(t, a->rd), modifier_of(t, a, a->rn), a->key));
    return true;
}

bool a64_pac_1716(struct translator *t, const struct a64_args *a)
{
    write_x(t, 17, call(t, HELPER_a64_pac, read_x(t, 17), read_x(t, 16), a->key));
    return true;
}

bool a64_aut_1716(struct translator *t, const struct a64_args *a)
{
    write_x(t, 17, call(t, HELPER_a64_aut, read_x(t, 17), read_x(t, 16), a->key));
    return true;
}

static ir_ref sp_or_zero(struct translator *t, const struct a64_args *a)
{
    return a->sp ? read_sp(t, A64_SP) : ir_const(&t->ir, 0);
}

bool a64_pac_lr(struct translator *t, const struct a64_args *a)
{
    write_x(t, A64_LR, call(t, HELPER_a64_pac, read_x(t, A64_LR), sp_or_zero(t, a), a->key));
    return true;
}

bool a64_aut_lr(struct translator *t, const struct a64_args *a)
{
    write_x(t, A64_LR, call(t, HELPER_a64_aut, read_x(t, A64_LR), sp_or_zero(t, a), a->key));
    return true;
}

bool a64_pacga(struct translator *t, const struct a64_args *a)
{
    write_x(t, a->rd,
            ir_call(&t->ir, HELPER_a64_pacga, read_x(t, a->rn), read_sp(t, a->rm), IR_NONE));
    return true;
}

/* strip() in IR. */
static void strip_register(struct translator *t, unsigned reg)
{
    ir_ref x = read_x(t, reg), shift = ir_const(&t->ir, 63);
    ir_ref upper = ir_2(&t->ir, IR_sar, T_I64, ir_2(&t->ir, IR_shl, T_I64, x, ir_const(&t->ir, 8)), shift);
    ir_ref high = ir_2(&t->ir, IR_and, T_I64, upper, ir_const(&t->ir, ABOVE_48));
    ir_ref low = ir_2(&t->ir, IR_and, T_I64, x, ir_const(&t->ir, ~CODE_BITS));
    write_x(t, reg, ir_2(&t->ir, IR_or, T_I64, low, high));
}

bool a64_xpac(struct translator *t, const struct a64_args *a)
{
    strip_register(t, a->rd);
    return true;
}

bool a64_xpaclri(struct translator *t, const struct a64_args *a)
{
    (void)a;
    strip_register(t, A64_LR);
    return true;
}

bool a64_braa(struct translator *t, const struct a64_args *a)
{
    translate_jump_indirect(t, call(t, HELPER_a64_aut, read_x(t, a->rn), modifier_of(t, a, a->rm), a->key),
                            a64_jump_kind(t, (unsigned)a->rn));
    return true;
}

bool a64_blraa(struct translator *t, const struct a64_args *a)
{
    ir_ref target = call(t, HELPER_a64_aut, read_x(t, a->rn), modifier_of(t, a, a->rm), a->key);
    ir_ref ret = ir_addr(&t->ir, t->next_pc);
    write_x(t, A64_LR, ret);
    translate_call_indirect(t, target, ret, a64_call_kind(t));
    return true;
}

bool a64_retaa(struct translator *t, const struct a64_args *a)
{
    translate_return(t, call(t, HELPER_a64_aut, read_x(t, A64_LR), read_sp(t, A64_SP), a->key));
    return true;
}

/* LDRAA, LDRAB. With writeback the base becomes the authenticated address. */
bool a64_ldraa(struct translator *t, const struct a64_args *a)
{
    ir_ref base = call(t, HELPER_a64_aut, read_sp(t, a->rn), ir_const(&t->ir, 0), KEY_DA + a->key);
    ir_ref value = ir_load(&t->ir, T_I64, base, IR_NONE, a->imm, 3);
    if (a->wback)
        write_sp(t, a->rn, ir_2(&t->ir, IR_add, T_I64, base, ir_const(&t->ir, (uint64_t)(int64_t)a->imm)));
    write_x(t, a->rt, value);
    return true;
}

/* ---- Keys ---- */

static void new_keys(struct cpu *cpu, unsigned which)
{
    for (unsigned key = 0; key < N_KEYS; key++)
        if (which >> key & 1)
            random_bytes(&cpu->guest[A64_KEYS + 2 * key], 16);
}

void a64_pauth_reset(struct cpu *cpu)
{
    cpu->guest[A64_KEYS_OFF] = 0;
    if (a64_has(A64_FEATURE_paca) || a64_has(A64_FEATURE_pacg))
        new_keys(cpu, ~0u);
}

/* Documentation/arch/arm64/pointer-authentication.rst, prctl(2). */
static long reset_keys(struct cpu *cpu, uint64_t which)
{
    bool address = a64_has(A64_FEATURE_paca), generic = a64_has(A64_FEATURE_pacg);
    unsigned known = (address ? ADDRESS_KEYS : 0) | (generic ? 1 << KEY_GA : 0);
    if (!known || which & ~(uint64_t)known)
        return -EINVAL;
    new_keys(cpu, which ? (unsigned)which : ~0u);
    return 0;
}

static long set_enabled_keys(struct cpu *cpu, uint64_t keys, uint64_t enabled)
{
    if (!a64_has(A64_FEATURE_paca) || keys & ~(uint64_t)ADDRESS_KEYS || enabled & ~keys)
        return -EINVAL;
    cpu->guest[A64_KEYS_OFF] = (cpu->guest[A64_KEYS_OFF] & ~keys) | (keys & ~enabled);
    return 0;
}

bool a64_prctl(struct thread *t, const uint64_t arg[6], long *result)
{
    enum { PAC_RESET_KEYS = 54, PAC_SET_ENABLED_KEYS = 60, PAC_GET_ENABLED_KEYS = 61 };
    enum { SET_TAGGED_ADDR_CTRL = 55, GET_TAGGED_ADDR_CTRL = 56, TAGGED_ADDR_ENABLE = 1 };
    struct cpu *cpu = &t->cpu;
    bool excess = arg[3] || arg[4];
    *result = -EINVAL;
    switch ((uint32_t)arg[0]) {
    case PAC_RESET_KEYS:
        if (!excess && !arg[2])
            *result = reset_keys(cpu, arg[1]);
        return true;
    case PAC_SET_ENABLED_KEYS:
        if (!excess)
            *result = set_enabled_keys(cpu, arg[1], arg[2]);
        return true;
    case PAC_GET_ENABLED_KEYS:
        if (!excess && !arg[1] && !arg[2] && a64_has(A64_FEATURE_paca))
            *result = (long)(ADDRESS_KEYS & ~cpu->guest[A64_KEYS_OFF]);
        return true;
    case SET_TAGGED_ADDR_CTRL: /* Documentation/arch/arm64/tagged-address-abi.rst; without MTE */
        if (!excess && !arg[2] && !(arg[1] & ~(uint64_t)TAGGED_ADDR_ENABLE)) {
            t->tagged_calls = arg[1];
            *result = 0;
        }
        return true;
    case GET_TAGGED_ADDR_CTRL:
        if (!excess && !arg[1] && !arg[2])
            *result = t->tagged_calls ? TAGGED_ADDR_ENABLE : 0;
        return true;
    default:
        return false;
    }
}
