/* test_host_vec.c - open-coded vector operations against the out-of-line functions that define them.
 *
 * A register allocator of this test's own places operands in random registers or in memory; the code runs on random and
 * special values, for several sets of CPU features, and must give the bits and raise the flags that ev_<op> does. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The linker sends calls of these to this file (cmake/Tests.cmake). */
#define ra_use __wrap_ra_use
#define ra_use_mem __wrap_ra_use_mem
#define ra_def __wrap_ra_def
#define ra_def_reuse __wrap_ra_def_reuse
#define ra_def_over __wrap_ra_def_over
#define ra_temp __wrap_ra_temp
#define ra_take __wrap_ra_take
#define emit_eval_call __wrap_emit_eval_call
#define emit_slow __wrap_emit_slow
#define emit_address __wrap_emit_address

#include "arch/x86/host_emit.h"
#include "arch/x86/host_vec.h"
#include "core/eval.h"
#include "core/flags.h"

/* -- A register allocator that only serves one operation ---------------------------------------------- */

enum { CODE_SIZE = 1 << 16, N_OPERANDS = 3, MAX_SLOW = 4 };
static struct fake {
    struct emitter e;
    struct ir ir;
    struct ir_op op[16];
    struct ra_value value[16];
    int reg_of[16];       /* by operation: ra number, RA_NONE: in memory */
    int result;           /* register of the result */
    bool evaluated;       /* handed to emit_eval_call */
    uint8_t clean[3];     /* operands known to be zero above 2^n bytes; 0: not */
    bool keep_operands;   /* operands live on after the operation */
    struct ool slow[MAX_SLOW];
    unsigned n_slow;
    unsigned n_ops;       /* operations from number 4 on */
} fake = {.n_ops = 1};
static struct cpu *cpu;
static uint8_t *code;
static unsigned seed = 1;

static unsigned draw(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}
static uint64_t draw64(void)
{
    return (uint64_t)draw(1 << 22) << 42 ^ (uint64_t)draw(1 << 22) << 21 ^ draw(1 << 22);
}

static uint64_t bit_of(int reg) { return 1ull << reg; }
static uint64_t used;

static int take_any(bool vec)
{
    for (;;) {
        int reg = (int)draw(16) + (vec ? RA_VEC : 0);
        if (reg == RSP || reg == RBP || used & bit_of(reg))
            continue;
        used |= bit_of(reg);
        return reg;
    }
}

static int32_t slot_of(ir_ref v) { return (int32_t)offsetof(struct cpu, arg) + 16 * (v - 1); }
static bool is_vec_ref(ir_ref v) { return ir_op_info[fake.op[v].op].res == IR_CLASS_V; }

static void load(int reg, ir_ref v)
{
    if (reg >= RA_VEC)
        asm_v2m(&fake.e.a, V_movaps, (unsigned)vec_reg(reg), mem_cpu(slot_of(v)));
    else
        asm_mov_rm(&fake.e.a, 3, (unsigned)reg, mem_cpu(slot_of(v)));
}

int ra_use(struct ra *ra, ir_ref v)
{
    (void)ra;
    if (fake.reg_of[v] == RA_NONE)
        load(fake.reg_of[v] = take_any(is_vec_ref(v)), v);
    return fake.reg_of[v];
}
int ra_use_mem(struct ra *ra, ir_ref v, int32_t *offset)
{
    if (fake.reg_of[v] != RA_NONE || draw(2))
        return ra_use(ra, v);
    *offset = slot_of(v);
    return RA_NONE;
}
int ra_def(struct ra *ra, ir_ref v)
{
    (void)ra;
    return fake.result = fake.reg_of[v] = take_any(is_vec_ref(v));
}
int ra_def_reuse(struct ra *ra, ir_ref v)
{
    ir_ref first = (ir_ref)(1 + draw(3));
    for (ir_ref i = 0; i < 3 && draw(4) && !fake.keep_operands; i++) {
        ir_ref r = (ir_ref)((first + i) % 3 + 1);
        if (fake.reg_of[r] != RA_NONE && is_vec_ref(r) == is_vec_ref(v))
            return fake.result = fake.reg_of[r];
    }
    return ra_def(ra, v);
}
int ra_def_over(struct ra *ra, ir_ref v, ir_ref a)
{
    if (fake.reg_of[a] != RA_NONE && draw(2) && (!fake.keep_operands || a > 3))
        return fake.result = fake.reg_of[v] = fake.reg_of[a];
    ra_def(ra, v);
    if (fake.reg_of[a] == RA_NONE)
        load(fake.result, a);
    else if (fake.result >= RA_VEC)
        asm_movv(&fake.e.a, (unsigned)vec_reg(fake.result), (unsigned)vec_reg(fake.reg_of[a]));
    else
        asm_mov_rr(&fake.e.a, 1, (unsigned)fake.result, (unsigned)fake.reg_of[a]);
    return fake.result;
}
int ra_temp(struct ra *ra, bool vec)
{
    (void)ra;
    return take_any(vec);
}
void ra_take(struct ra *ra, int reg)
{
    (void)ra;
    used |= bit_of(reg);
}
void emit_eval_call(struct emitter *e, ir_ref ref, const struct ir_op *op)
{
    (void)e, (void)ref, (void)op;
    fake.evaluated = true;
}
struct ool *emit_slow(struct emitter *e, ir_ref ref, asm_label jump, int dst, int a, int b, int c)
{
    const int reg[4] = {dst, a, b, c};
    struct ool *o = &fake.slow[fake.n_slow++];
    *o = (struct ool){.n_jumps = 1, .jump = {jump}, .op = &e->ir->ops[ref], .resume = asm_offset(&e->a)};
    for (unsigned i = 0; i < 4; i++)
        o->reg[i] = (uint8_t)reg[i];
    return o;
}
struct x86_mem emit_address(struct emitter *e, const struct ir_op *op)
{
    (void)e, (void)op;
    return mem_cpu((int32_t)offsetof(struct cpu, spill_vec) + 5);
}

/* -- Code of one operation ---------------------------------------------------------------------------------- */

enum { SOME_EFLAGS = 0xd5 }; /* S Z A P C */

/* The compare and the saved form as they follow each other where flags are stored. */
static void fcmp_to_saved_form(struct emitter *e, const struct ir_op *op)
{
    used |= bit_of(RAX) | bit_of(RCX);
    emit_fcmp_compare(e, op);
    emit_fcmp_saved_form(e);
    fake.result = RAX;
}

static void spoil_registers(struct x86_asm *a)
{
    for (unsigned i = 0; i < 16; i++) {
        asm_v2m(a, V_movups, i, mem_cpu((int32_t)offsetof(struct cpu, saved_vec) + 16 * (int32_t)i));
        if (i != RSP && i != RBP)
            asm_mov_ri(a, i, 0x0123456789abcdefull * (i + 1));
    }
}

/* void code(cpu + CPU_BIAS). Returns false if the operation is left to emit_eval_call. */
static bool generate(const struct x86_features *has)
{
    static const uint8_t saved[] = {RBX, RBP, R12, R13, R14, R15};
    struct emitter *e = &fake.e;
    const struct ir_op *op = &fake.op[4];
    asm_begin(&e->a, code, CODE_SIZE, has);
    e->ir = &fake.ir;
    e->ra.ir = &fake.ir;
    e->ra.value = fake.value;
    fake.evaluated = false;
    fake.n_slow = 0;
    fake.result = RA_NONE;
    used = 0;
    for (unsigned i = 0; i < 16; i++)
        fake.reg_of[i] = RA_NONE;
    for (unsigned i = 0; i < sizeof saved; i++)
        asm_push_r(&e->a, saved[i]);
    asm_mov_rr(&e->a, 1, RBP, RDI);
    spoil_registers(&e->a);
    asm_mov_ri(&e->a, RAX, SOME_EFLAGS << 8);
    asm_plain(&e->a, X_SAHF);
    if (op->op == IR_fcmp)
        fcmp_to_saved_form(e, op);
    else
        for (ir_ref i = 4; i < 4 + fake.n_ops; i++)
            vec_emit(fake.op[i].op)(e, i, &fake.op[i]);
    if (fake.evaluated) {
        assert_false(vec_keeps_flags(op->op));
        return false;
    }
    if (fake.n_slow) { /* what the allocator makes room for before such an operation: no spill between its jumps */
        assert_in_range(__builtin_popcount((uint32_t)(used >> RA_VEC)), 0, 8);
        assert_in_range(__builtin_popcount((uint32_t)used), 0, fp_is_special(e) ? 4 : 2);
    }
    struct x86_mem res = mem_cpu((int32_t)offsetof(struct cpu, res));
    if (ir_op_info[op->op].res == IR_CLASS_V)
        asm_vstore(&e->a, V_movaps_st, res, (unsigned)vec_reg(fake.result));
    else
        asm_mov_mr(&e->a, 3, res, (unsigned)fake.result);
    uint32_t end = asm_offset(&e->a);
    asm_plain(&e->a, X_PUSHF);
    asm_pop_m(&e->a, mem_cpu((int32_t)offsetof(struct cpu, scratch) + 8));
    for (unsigned i = sizeof saved; i-- > 0;)
        asm_pop_r(&e->a, saved[i]);
    asm_plain(&e->a, X_RET);
    for (unsigned i = 0; i < fake.n_slow; i++) {
        struct ool *o = &fake.slow[i];
        for (unsigned j = 0; j < o->n_jumps; j++)
            asm_patch_here(&e->a, o->jump[j]);
        /* The operands must still be there: store them where the test compares them. */
        for (unsigned j = 1; j < 4; j++) {
            struct x86_mem m = mem_cpu((int32_t)offsetof(struct cpu, spill_vec) + 16 * (int32_t)(8 + j));
            if (o->reg[j] != 255 && o->reg[j] >= RA_VEC)
                asm_vstore(&e->a, V_movups_st, m, o->reg[j] - (unsigned)RA_VEC);
            else if (o->reg[j] != 255)
                asm_mov_mr(&e->a, 3, m, o->reg[j]);
        }
        asm_mov_mi(&e->a, 3, mem_cpu((int32_t)offsetof(struct cpu, scratch)), 1);
        asm_jmp_to(&e->a, end);
    }
    asm_flush_literals(&e->a);
    assert_false(e->a.overflow);
    return true;
}

/* -- Values --------------------------------------------------------------------------------------------------- */

static uint64_t special_fp(unsigned log2)
{
    static const uint64_t f64[] = {
        0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
        0x7ff8000000000000, 0x7ff8000000000123, 0xfff8000000000001, 0x7ff0000000000001, 0xfff4000000000000, 1,
        0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x41e0000000000000, 0xc1e0000000000000,
        0x41dfffffffc00000, 0x41efffffffe00000, 0x41f0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
        0x43efffffffffffff, 0x43f0000000000000, 0x3fe0000000000000, 0xbfe0000000000000, 0x3ff8000000000000,
        0x4004000000000000, 0xbfeccccccccccccd, 0x41dfffffffe00000, 0xc1e0000000100000, 0x40efffc000000000,
        0x41efffffffefffff, 0x4000000000000000,
    };
    static const uint32_t f32[] = {
        0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7fc00123, 0xffc00001, 0x7f800001,
        0xffa00000, 1, 0x007fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x4f7fffff, 0x4f800000,
        0x5f000000, 0xdf000000, 0x5f7fffff, 0x5f800000, 0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0xbf666666,
        0x40000000,
    };
    static const uint16_t f16[] = {0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7e01, 0xfe00, 0x7c01, 0xfd00, 1,
                                   0x3ff, 0x400, 0x7bff, 0x3800, 0x3e00};
    if (log2 == 3)
        return f64[draw(ARRAY_SIZE(f64))];
    return log2 == 2 ? f32[draw(ARRAY_SIZE(f32))] : f16[draw(ARRAY_SIZE(f16))];
}

static uint64_t lane_value(unsigned log2, bool fp)
{
    uint64_t r = draw64();
    unsigned width = 8u << log2;
    switch (draw(8)) {
    case 0: return 0;
    case 1: return ~0ull;
    case 2: return 1ull << (width - 1);
    case 3: return (1ull << (width - 1)) - 1;
    case 4: return draw(80);
    case 5: return fp ? special_fp(log2) : -(uint64_t)draw(80);
    case 6:
        if (fp && log2 >= 2) { /* near 1: sums and products stay in range */
            unsigned mantissa = log2 == 3 ? 52 : 23;
            uint64_t exponent = (log2 == 3 ? 1023 : 127) - 40 + draw(80);
            return (r & ((1ull << mantissa) - 1)) | exponent << mantissa | (uint64_t)draw(2) << (width - 1);
        }
        return r;
    default: return r;
    }
}

/* Exponents of one case's values lie around it: 1, or where sums or products leave the range of normal values. */
static unsigned center_choice;

static uint64_t around_center(unsigned log2)
{
    unsigned mantissa = log2 == 3 ? 52 : 23, bias = log2 == 3 ? 1023 : 127;
    unsigned spread = center_choice == 0 ? 80 : 6;
    unsigned center = center_choice == 1 ? 4 : center_choice == 2 ? bias / 2 : center_choice == 3 ? 2 * bias - 3 : bias;
    uint64_t exponent = center - spread / 2 + draw(spread), fraction = draw64() & ((1ull << mantissa) - 1);
    if (draw(4) == 0)
        fraction = draw(2) ? (1ull << mantissa) - 1 : 0;
    return fraction | exponent << mantissa | (uint64_t)draw(2) << ((8u << log2) - 1);
}

static union vec random_vec(unsigned log2, bool fp)
{
    union vec v;
    bool plain = fp && draw(3); /* most lanes special leave nothing on the fast path */
    for (unsigned i = 0; i < 16; i += 1u << log2) {
        uint64_t x;
        if (plain && log2 >= 2) {
            x = draw(16) ? around_center(log2) : 0;
        } else {
            x = lane_value(log2, fp);
        }
        memcpy(v.u8 + i, &x, 1u << log2);
    }
    return v;
}

/* -- Running one case ----------------------------------------------------------------------------------------- */

static uint32_t mxcsr_of(unsigned round)
{
    static const uint8_t control[4] = {0, 2, 1, 3}; /* nearest, up, down, zero */
    return 0x1f80 | (uint32_t)control[round] << 13;
}

static uint32_t run(unsigned round)
{
    uint32_t old, mode = mxcsr_of(round), after;
    __asm__ volatile("stmxcsr %0" : "=m"(old));
    __asm__ volatile("ldmxcsr %0" : : "m"(mode) : "memory");
    ((void (*)(void *))(uintptr_t)code)((uint8_t *)cpu + CPU_BIAS);
    __asm__ volatile("stmxcsr %0" : "=m"(after));
    __asm__ volatile("ldmxcsr %0" : : "m"(old) : "memory");
    /* IE DE ZE OE UE PE; the guest has no flag for denormal operands here. */
    return (after & 1 ? FP_IOC : 0) | (after & 4 ? FP_DZC : 0) | (after & 8 ? FP_OFC : 0) | (after & 16 ? FP_UFC : 0) |
           (after & 32 ? FP_IXC : 0);
}

/* Which bits of the result count. */
static union vec defined_bits(const struct ir_op *op)
{
    union vec m = {.u64 = {~0ull, ~0ull}};
    if (op->op == IR_fcmp)
        return (union vec){.u64 = {FLAGS_MASK, 0}};
    if (ir_op_info[op->op].res == IR_CLASS_I) {
        m.u64[1] = 0;
        return m;
    }
    bool narrow = op->op >= IR_vxtn && op->op <= IR_vrsubhn;
    if (op->op == IR_vins || op->op == IR_vinsl || narrow || op->op == IR_fcvtn ||
        (op->op >= IR_vaddv && op->op <= IR_vuminv) || op->op <= IR_vcombine)
        return m;
    if (!type_is_vector(op->type)) {
        m.u64[1] = 0;
        m.u64[0] = op->type == T_F16 ? 0xffff : op->type == T_F32 ? 0xffffffff : ~0ull;
    } else if (!type_is_128(op->type) && op->op != IR_vpmull && op->op < IR_aese) {
        m.u64[1] = 0;
    }
    return m;
}

static void print_vec(const char *name, const union vec *v)
{
    print_message("  %-8s %016llx %016llx\n", name, (unsigned long long)v->u64[1], (unsigned long long)v->u64[0]);
}

static unsigned n_fast, n_slow_cases;
static unsigned failures;

static void fail_case(const char *why, const union vec *want, uint32_t want_flags, uint32_t got_flags)
{
    char text[200];
    ir_format_op(&fake.ir, 4, text, sizeof text);
    print_message("%s: %s (aux %u d %u) features avx %d avx2 %d avx512 %d round %u\n", why, text, fake.op[4].aux,
                  fake.op[4].d, fake.e.a.has->avx, fake.e.a.has->avx2, fake.e.a.has->avx512vl, cpu->fp.round);
    for (unsigned i = 0; i < 3; i++)
        print_vec("operand", &cpu->arg[i]);
    print_vec("got", &cpu->res);
    print_vec("want", want);
    print_message("  flags got %x want %x\n", got_flags, want_flags);
    if (++failures > 40)
        fail();
}

static void check_case(void)
{
    const struct ir_op *op = &fake.op[4];
    unsigned round = draw(4);
    struct fp_env env = {.round = (uint8_t)round};
    if (draw(2))
        env.flags = FP_IXC;
    env.default_nan = draw(8) == 0;
    if (fake.e.mode & 1) {
        env.flush_to_zero = draw(2);
        env.flush_to_zero16 = draw(2);
    }
    cpu->fp = env;
    cpu->scratch[0] = 0;
    for (unsigned i = 0; i < 16; i++)
        cpu->saved_vec[i] = random_vec(3, true);
    memset(&cpu->res, 0xee, sizeof cpu->res);
    uint32_t flags = run(round) | cpu->fp.flags;
    union vec want = {{0}}, got = cpu->res;
    bool slow = cpu->scratch[0] != 0;
    cpu->fp = env;
    eval_of(op->op)(cpu, eval_desc(op), &want, &cpu->arg[0], &cpu->arg[op->b ? op->b - 1 : 1],
                       &cpu->arg[op->c ? op->c - 1 : 2]);
    uint32_t want_flags = cpu->fp.flags;
    if (slow) {
        n_slow_cases++;
        if (flags & ~want_flags)
            fail_case("flags raised before the slow path", &want, want_flags, flags);
        for (unsigned j = 1; j < 4; j++) {
            uint8_t reg = fake.slow[0].reg[j];
            if (reg == 255)
                continue;
            const union vec *kept = &cpu->spill_vec[8 + j];
            ir_ref ref = j == 1 ? op->a : j == 2 ? op->b : op->c;
            if (memcmp(kept, &cpu->arg[ref - 1], reg >= RA_VEC ? 16 : 8))
                fail_case("operand lost before the slow path", &want, want_flags, flags);
        }
        return;
    }
    n_fast++;
    if (vec_keeps_flags(op->op) && (cpu->scratch[1] & SOME_EFLAGS) != SOME_EFLAGS)
        fail_case("host flags changed", &want, want_flags, flags);
    union vec mask = defined_bits(op);
    bool same = !((got.u64[0] ^ want.u64[0]) & mask.u64[0]) && !((got.u64[1] ^ want.u64[1]) & mask.u64[1]);
    for (unsigned bytes = 4; bytes <= 8 && ir_op_info[op->op].res == IR_CLASS_V; bytes += 4)
        if (vec_is_clean(&fake.e, 4, bytes) && (got.u64[1] || (bytes == 4 && got.u32[1])))
            fail_case("upper part", &want, want_flags, flags);
    if (!same || flags != want_flags)
        fail_case(same ? "flags" : "result", &want, want_flags, flags);
}

/* -- Cases -------------------------------------------------------------------------------------------------------- */

#define BIT(t) (1u << (t))
enum {
    B = BIT(T_8B) | BIT(T_16B), H = BIT(T_4H) | BIT(T_8H), S = BIT(T_2S) | BIT(T_4S), D = BIT(T_1D) | BIT(T_2D),
    BHS = B | H | S, BHSD = BHS | D, BYTES = BIT(T_16B), NARROW = BIT(T_8B) | BIT(T_4H) | BIT(T_2S),
    WIDE = BIT(T_8H) | BIT(T_4S) | BIT(T_2D), FV = S | BIT(T_2D), FS = BIT(T_F32) | BIT(T_F64), FALL = FV | FS,
    FHALF = BIT(T_F16) | H
};
enum { AUX_NONE, AUX_LANE, AUX_ROUND, AUX_F2I, AUX_I2F, AUX_SIGNAL };
enum { D_NONE, D_SHL, D_SHR, D_SHRN, D_EXT, D_LANE, D_TABLE, D_FROM, D_ROT, D_FBITS };

static const struct row {
    uint16_t op;
    uint32_t types;
    uint8_t aux, d;
    bool fp;
} rows[] = {
    {IR_vdup, BHSD, 0, 0, 0}, {IR_vdupl, BHSD, AUX_LANE, 0, 0}, {IR_vins, BHSD, AUX_LANE, 0, 0},
    {IR_vinsl, BHSD, AUX_LANE, D_LANE, 0}, {IR_vget, BHSD, AUX_LANE, 0, 0}, {IR_vgets, BHSD, AUX_LANE, 0, 0},
    {IR_vand, BYTES, 0, 0, 0}, {IR_vor, BYTES, 0, 0, 0}, {IR_vxor, BYTES, 0, 0, 0}, {IR_vandn, BYTES, 0, 0, 0},
    {IR_vorn, BYTES, 0, 0, 0}, {IR_vnot, BYTES, 0, 0, 0}, {IR_vbsl, BYTES, 0, 0, 0},
    {IR_vadd, BHSD, 0, 0, 0}, {IR_vsub, BHSD, 0, 0, 0}, {IR_vneg, BHSD, 0, 0, 0}, {IR_vabs, BHSD, 0, 0, 0},
    {IR_vmul, BHS, 0, 0, 0}, {IR_vcmeq, BHSD, 0, 0, 0}, {IR_vcmgt, BHSD, 0, 0, 0}, {IR_vcmge, BHSD, 0, 0, 0},
    {IR_vcmhi, BHSD, 0, 0, 0}, {IR_vcmhs, BHSD, 0, 0, 0}, {IR_vtst, BHSD, 0, 0, 0}, {IR_vsmin, BHS, 0, 0, 0},
    {IR_vsmax, BHS, 0, 0, 0}, {IR_vumin, BHS, 0, 0, 0}, {IR_vumax, BHS, 0, 0, 0}, {IR_vsabd, BHS, 0, 0, 0},
    {IR_vuabd, BHS, 0, 0, 0}, {IR_vshadd, BHS, 0, 0, 0}, {IR_vuhadd, BHS, 0, 0, 0}, {IR_vsrhadd, BHS, 0, 0, 0},
    {IR_vurhadd, BHS, 0, 0, 0}, {IR_vcnt, B, 0, 0, 0}, {IR_vrbit, B, 0, 0, 0}, {IR_vclz, BHS, 0, 0, 0},
    {IR_vshl, BHSD, 0, D_SHL, 0}, {IR_vushr, BHSD, 0, D_SHR, 0}, {IR_vsshr, BHSD, 0, D_SHR, 0},
    {IR_vurshr, BHSD, 0, D_SHR, 0}, {IR_vsrshr, BHSD, 0, D_SHR, 0}, {IR_vsli, BHSD, 0, D_SHL, 0},
    {IR_vsri, BHSD, 0, D_SHR, 0}, {IR_vushl, BHSD, 0, 0, 0}, {IR_vsshl, BHSD, 0, 0, 0},
    {IR_vsqadd, B | H, 0, 0, 0}, {IR_vuqadd, B | H, 0, 0, 0}, {IR_vsqsub, B | H, 0, 0, 0}, {IR_vuqsub, B | H, 0, 0, 0},
    {IR_vxtn, NARROW, 0, 0, 0}, {IR_vsqxtn, NARROW, 0, 0, 0}, {IR_vuqxtn, NARROW, 0, 0, 0},
    {IR_vsqxtun, NARROW, 0, 0, 0}, {IR_vshrn, NARROW, 0, D_SHRN, 0}, {IR_vrshrn, NARROW, 0, D_SHRN, 0},
    {IR_vsqshrn, NARROW, 0, D_SHRN, 0}, {IR_vsqrshrn, NARROW, 0, D_SHRN, 0}, {IR_vuqshrn, NARROW, 0, D_SHRN, 0},
    {IR_vuqrshrn, NARROW, 0, D_SHRN, 0}, {IR_vsqshrun, NARROW, 0, D_SHRN, 0}, {IR_vsqrshrun, NARROW, 0, D_SHRN, 0},
    {IR_vaddhn, NARROW, 0, 0, 0}, {IR_vraddhn, NARROW, 0, 0, 0}, {IR_vsubhn, NARROW, 0, 0, 0},
    {IR_vrsubhn, NARROW, 0, 0, 0}, {IR_vsxtl, WIDE, 0, 0, 0}, {IR_vuxtl, WIDE, 0, 0, 0}, {IR_vsmull, WIDE, 0, 0, 0},
    {IR_vumull, WIDE, 0, 0, 0}, {IR_vpmull, BIT(T_1D) | BIT(T_8H), 0, 0, 0}, {IR_vsaddlp, H | S | D, 0, 0, 0},
    {IR_vuaddlp, H | S | D, 0, 0, 0}, {IR_vaddp, BHS | BIT(T_2D), 0, 0, 0}, {IR_vsmaxp, BHS, 0, 0, 0},
    {IR_vsminp, BHS, 0, 0, 0}, {IR_vumaxp, BHS, 0, 0, 0}, {IR_vuminp, BHS, 0, 0, 0}, {IR_vaddv, B | H | BIT(T_4S), 0, 0, 0},
    {IR_vsmaxv, B | H | BIT(T_4S), 0, 0, 0}, {IR_vsminv, B | H | BIT(T_4S), 0, 0, 0},
    {IR_vumaxv, B | H | BIT(T_4S), 0, 0, 0}, {IR_vuminv, B | H | BIT(T_4S), 0, 0, 0},
    {IR_vsaddlv, B | H | S, 0, 0, 0}, {IR_vuaddlv, B | H | S, 0, 0, 0},
    {IR_vzip1, BHS | BIT(T_2D), 0, 0, 0}, {IR_vzip2, BHS | BIT(T_2D), 0, 0, 0}, {IR_vuzp1, BHS | BIT(T_2D), 0, 0, 0},
    {IR_vuzp2, BHS | BIT(T_2D), 0, 0, 0}, {IR_vtrn1, BHS | BIT(T_2D), 0, 0, 0}, {IR_vtrn2, BHS | BIT(T_2D), 0, 0, 0},
    {IR_vext, B, 0, D_EXT, 0}, {IR_vrev16, B, 0, 0, 0}, {IR_vrev32, B | H, 0, 0, 0}, {IR_vrev64, BHS, 0, 0, 0},
    {IR_vtbl, BYTES, 0, D_TABLE, 0}, {IR_vsdot, S, 0, 0, 0}, {IR_vudot, S, 0, 0, 0}, {IR_vusdot, S, 0, 0, 0},
    {IR_fadd, FALL, 0, 0, 1}, {IR_fsub, FALL, 0, 0, 1}, {IR_fmul, FALL, 0, 0, 1}, {IR_fdiv, FALL, 0, 0, 1},
    {IR_fsqrt, FALL, 0, 0, 1}, {IR_fabs, FALL | FHALF, 0, 0, 1}, {IR_fneg, FALL | FHALF, 0, 0, 1},
    {IR_fmin, FALL, 0, 0, 1}, {IR_fmax, FALL, 0, 0, 1}, {IR_fminnm, FALL, 0, 0, 1}, {IR_fmaxnm, FALL, 0, 0, 1},
    {IR_fma, FALL, 0, 0, 1}, {IR_fabd, FALL, 0, 0, 1}, {IR_fcmeq, FALL, 0, 0, 1}, {IR_fcmge, FALL, 0, 0, 1},
    {IR_fcmgt, FALL, 0, 0, 1}, {IR_facge, FALL, 0, 0, 1}, {IR_facgt, FALL, 0, 0, 1}, {IR_frecps, FALL, 0, 0, 1},
    {IR_faddp, FALL, 0, 0, 1}, {IR_fmaxp, FALL, 0, 0, 1}, {IR_fminp, FALL, 0, 0, 1}, {IR_fmaxnmp, FALL, 0, 0, 1},
    {IR_fminnmp, FALL, 0, 0, 1}, {IR_fmaxv, BIT(T_4S), 0, 0, 1}, {IR_fminv, BIT(T_4S), 0, 0, 1},
    {IR_fmaxnmv, BIT(T_4S), 0, 0, 1}, {IR_fminnmv, BIT(T_4S), 0, 0, 1}, {IR_vsqdmulh, H | S, 0, 0, 0},
    {IR_vsqrdmulh, H | S, 0, 0, 0}, {IR_frint, FALL, AUX_ROUND, 0, 1}, {IR_fcvt, FS | BIT(T_F16), 0, D_FROM, 1},
    {IR_fcvtl, BIT(T_4S) | BIT(T_2D), 0, 0, 1}, {IR_fcvtn, BIT(T_4H) | BIT(T_2S), 0, 0, 1},
    {IR_f2i, FS, AUX_F2I, 0, 1}, {IR_i2f, FS, AUX_I2F, D_FBITS, 1}, {IR_vf2i, FALL, AUX_F2I, 0, 1},
    {IR_vi2f, FALL, AUX_I2F, D_FBITS, 0}, {IR_aese, BYTES, 0, 0, 0}, {IR_aesd, BYTES, 0, 0, 0},
    {IR_aesmc, BYTES, 0, 0, 0}, {IR_aesimc, BYTES, 0, 0, 0}, {IR_sha1c, BIT(T_4S), 0, 0, 0},
    {IR_sha1p, BIT(T_4S), 0, 0, 0}, {IR_sha1m, BIT(T_4S), 0, 0, 0}, {IR_sha1h, BIT(T_4S), 0, 0, 0},
    {IR_sha1su0, BIT(T_4S), 0, 0, 0}, {IR_sha1su1, BIT(T_4S), 0, 0, 0}, {IR_sha256h, BIT(T_4S), 0, 0, 0},
    {IR_sha256h2, BIT(T_4S), 0, 0, 0}, {IR_sha256su0, BIT(T_4S), 0, 0, 0}, {IR_sha256su1, BIT(T_4S), 0, 0, 0},
    {IR_fcmp, FS | BIT(T_F16), AUX_SIGNAL, 0, 1}, {IR_xar, BIT(T_2D), 0, D_ROT, 0}, {IR_rax1, BIT(T_2D), 0, 0, 0},
};

static unsigned draw_aux(const struct row *row, unsigned type)
{
    static const uint8_t rounding[] = {IR_ROUND_NEAREST, IR_ROUND_UP, IR_ROUND_DOWN, IR_ROUND_ZERO, IR_ROUND_CURRENT,
                                       IR_ROUND_AWAY};
    switch (row->aux) {
    case AUX_LANE: return draw(16 >> type_lane_log2(type));
    case AUX_ROUND: return rounding[draw(6)] | (draw(2) ? FRINT_EXACT : 0);
    case AUX_F2I:
        return (draw(2) ? (unsigned)IR_ROUND_ZERO : rounding[draw(6)]) | (draw(2) ? CVT_UNSIGNED : 0) |
               (draw(2) && row->op == IR_f2i ? CVT_64 : 0);
    case AUX_I2F: return (draw(2) ? CVT_UNSIGNED : 0) | (draw(2) && row->op == IR_i2f ? CVT_64 : 0);
    case AUX_SIGNAL: return draw(2);
    default: return 0;
    }
}

static unsigned draw_d(const struct row *row, unsigned type)
{
    static const uint8_t formats[3] = {T_F16, T_F32, T_F64};
    unsigned width = 8u << type_lane_log2(type);
    switch (row->d) {
    case D_SHL: return draw(width);
    case D_SHR: case D_SHRN: return 1 + draw(width);
    case D_EXT: return draw(type == T_16B ? 16 : 8);
    case D_LANE: return draw(16 >> type_lane_log2(type));
    case D_TABLE: return 16 * draw(4);
    case D_FROM: return formats[(type - T_F16 + 1 + draw(2)) % 3];
    case D_ROT: return draw(64);
    case D_FBITS: return draw(2) ? 0 : 1 + draw(width);
    default: return 0;
    }
}

static void set_operands(const struct row *row, unsigned type)
{
    const struct ir_op_info *info = &ir_op_info[row->op];
    unsigned log2 = row->op == IR_fcvt && fake.op[4].d ? type_lane_log2(fake.op[4].d)
                    : row->op == IR_fcvtl              ? type_lane_log2(type) - 1
                    : row->op == IR_fcvtn              ? type_lane_log2(type) + 1
                                                       : type_lane_log2(type);
    const uint8_t class[3] = {info->a, info->b, info->c};
    center_choice = draw(2) ? 0 : draw(4);
    for (unsigned i = 0; i < 3; i++) {
        fake.op[i + 1] = (struct ir_op){.op = class[i] == IR_CLASS_I ? IR_get : IR_getv, .imm = i};
        cpu->arg[i] = random_vec(log2, row->fp);
        if (class[i] == IR_CLASS_V && fake.clean[i]) {
            fake.op[i + 1] = (struct ir_op){.op = IR_vlow, .aux = fake.clean[i]};
            if (fake.clean[i] == 2)
                cpu->arg[i].u32[1] = 0;
            cpu->arg[i].u64[1] = 0;
        }
    }
    fake.op[4].a = info->a ? 1 : IR_NONE;
    fake.op[4].b = info->b ? 2 : IR_NONE;
    if (info->c)
        fake.op[4].c = 3;
    if (info->b == info->a && info->b && draw(8) == 0)
        fake.op[4].b = 1;
    if (row->op == IR_vtbl) {
        for (unsigned i = 0; i < 16; i++)
            if (draw(4))
                cpu->arg[1].u8[i] &= 63;
        if (draw(2)) {
            fake.op[3] = (struct ir_op){.op = IR_vconst};
            memset(&cpu->arg[2], 0, 16);
        }
    }
}

static void check_row(const struct row *row, const struct x86_features *has, unsigned n_shapes)
{
    for (unsigned shape = 0; shape < n_shapes; shape++) {
        unsigned type;
        do
            type = draw(T_N_TYPES);
        while (!(row->types >> type & 1));
        fake.op[4] = (struct ir_op){.op = row->op, .type = (uint8_t)type};
        fake.op[4].aux = (uint8_t)draw_aux(row, type);
        fake.op[4].d = (uint16_t)draw_d(row, type);
        fake.ir = (struct ir){.ops = fake.op, .n = 5};
        for (unsigned i = 0; i < 3; i++)
            fake.clean[i] = draw(3) ? 0 : (uint8_t)(2 + draw(2));
        set_operands(row, type);
        fake.e.mode = row->fp && row->op != IR_fabs && row->op != IR_fneg ? draw(2) : 0;
        if (type == T_F16 && row->op == IR_fcmp && !has->f16c)
            continue;
        if (!generate(has))
            continue;
        struct ir_op kept = fake.op[4], third = fake.op[3];
        for (unsigned i = 0; i < 24; i++) {
            check_case();
            set_operands(row, type);
            if (third.op == IR_vconst)
                memset(&cpu->arg[2], 0, 16);
            fake.op[4] = kept;
            fake.op[3] = third;
        }
    }
}

static struct x86_features detected(void)
{
    struct x86_features f = {
        .avx = __builtin_cpu_supports("avx"), .avx2 = __builtin_cpu_supports("avx2"), .fma = __builtin_cpu_supports("fma"),
        .f16c = __builtin_cpu_supports("avx2"), .aes = __builtin_cpu_supports("aes"),
        .pclmul = __builtin_cpu_supports("pclmul"), .gfni = __builtin_cpu_supports("gfni"),
        .avx512vl = __builtin_cpu_supports("avx512vl"), .avx512bw = __builtin_cpu_supports("avx512bw"),
        .avx512dq = __builtin_cpu_supports("avx512dq"), .avx512cd = __builtin_cpu_supports("avx512cd"),
        .avx512vbmi = __builtin_cpu_supports("avx512vbmi"), .vnni = __builtin_cpu_supports("avx512vnni"),
        .bitalg = __builtin_cpu_supports("avx512bitalg"),
    };
    unsigned a = 7, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    f.sha = b >> 29 & 1;
    return f;
}

static void check_all(const struct x86_features *has)
{
    failures = n_fast = n_slow_cases = 0;
    unsigned shapes = getenv("SHAPES") ? (unsigned)atoi(getenv("SHAPES")) : 24;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i], has, shapes);
    print_message("%u fast, %u slow\n", n_fast, n_slow_cases);
    assert_int_equal(failures, 0);
}

/* Moves have no out-of-line function. */
static void define_move(const struct ir_op *op, union vec *d, const union vec *a, const union vec *b)
{
    *d = (union vec){.u64 = {0, 0}};
    if (op->op == IR_vlow)
        memcpy(d, a, 1u << op->aux);
    else if (op->op == IR_vhigh)
        d->u64[0] = a->u64[1];
    else
        *d = (union vec){.u64 = {a->u64[0], b->u64[0]}};
}

static void test_vec_moves(void **state)
{
    (void)state;
    static const uint16_t ops[] = {IR_vlow, IR_vhigh, IR_vcombine};
    for (unsigned i = 0; i < 600; i++) {
        struct x86_features f = detected();
        const struct row row = {ops[i % 3], BIT(T_16B), 0, 0, 0};
        if (i & 8)
            f = (struct x86_features){.avx = false};
        fake.op[4] = (struct ir_op){.op = row.op, .aux = (uint8_t)draw(4)};
        fake.ir = (struct ir){.ops = fake.op, .n = 5};
        set_operands(&row, T_16B);
        assert_true(generate(&f));
        union vec want;
        define_move(&fake.op[4], &want, &cpu->arg[0], &cpu->arg[fake.op[4].b ? fake.op[4].b - 1 : 1]);
        run(0);
        assert_memory_equal(&cpu->res, &want, 16);
    }
}

/* Rounds of AES whose inner values nothing else reads are regrouped; the value at the end is the same. */
static void test_vec_aes_chain(void **state)
{
    (void)state;
    struct x86_features f = detected();
    if (!f.aes)
        skip();
    for (unsigned i = 0; i < 400; i++) {
        bool decrypts = i & 1, swaps = i & 2, extra_reader = i & 4;
        unsigned round = decrypts ? IR_aesd : IR_aese, mix = decrypts ? IR_aesimc : IR_aesmc;
        const struct ir_op op[10] = {
            [4] = {.op = (uint16_t)round, .a = 1, .b = 2}, [5] = {.op = (uint16_t)mix, .a = 4},
            [6] = {.op = (uint16_t)round, .a = swaps ? 3 : 5, .b = swaps ? 5 : 3},
            [7] = {.op = (uint16_t)mix, .a = 6}, [8] = {.op = (uint16_t)round, .a = 7, .b = 2},
            [9] = {.op = IR_vxor, .a = 8, .b = extra_reader ? 7 : 3},
        };
        memcpy(fake.op + 4, op + 4, 6 * sizeof *op);
        for (unsigned j = 0; j < 3; j++) {
            fake.op[j + 1] = (struct ir_op){.op = IR_getv};
            cpu->arg[j] = random_vec(3, false);
        }
        for (ir_ref r = 1; r < 10; r++)
            for (ir_ref user = r; user < 10; user++)
                if (user > 3 && (fake.op[user].a == r || fake.op[user].b == r))
                    fake.value[r].last_use = user;
        union vec v[10];
        memcpy(v + 1, cpu->arg, 3 * sizeof *v);
        for (unsigned j = 4; j < 10; j++)
            eval_of(fake.op[j].op)(cpu, T_16B, &v[j], &v[fake.op[j].a], &v[fake.op[j].b], NULL);
        f.avx = !(i & 8);
        fake.keep_operands = true;
        fake.n_ops = 6;
        assert_true(generate(&f));
        fake.keep_operands = false;
        fake.n_ops = 1;
        run(0);
        assert_memory_equal(&cpu->res, &v[9], 16);
        memset(fake.value, 0, sizeof fake.value);
    }
}

static void test_vec_sse(void **state)
{
    (void)state;
    struct x86_features f = {.avx = false};
    check_all(&f);
}

static void test_vec_avx2(void **state)
{
    (void)state;
    struct x86_features f = detected();
    if (!f.avx2)
        skip();
    check_all(&(struct x86_features){.avx = true, .avx2 = true, .fma = f.fma, .f16c = f.f16c, .aes = f.aes,
                                     .pclmul = f.pclmul});
}

static void test_vec_all_features(void **state)
{
    (void)state;
    struct x86_features f = detected();
    check_all(&f);
}

static int set_up(void **state)
{
    (void)state;
    cpu = aligned_alloc(64, ALIGN_UP(sizeof *cpu, 64));
    memset(cpu, 0, sizeof *cpu);
    code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vec_moves),
        cmocka_unit_test(test_vec_aes_chain),
        cmocka_unit_test(test_vec_sse),
        cmocka_unit_test(test_vec_avx2),
        cmocka_unit_test(test_vec_all_features),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
