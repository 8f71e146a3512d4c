/* test_fold.c - folding and optimisation do not change what a block does.
 *
 * Random blocks are built three times: as they are, with folding, and with folding and all passes.
 * The interpreter must end all three with the same registers, flags, memory and pc. One in four
 * blocks ends by a fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/dispatch.h"
#include "core/flags.h"
#include "core/ir_scalar.h"
#include "core/opt.h"
#include "core/thread.h"

enum {
    N_GPR = 8,
    N_VEC = 4,
    N_BLOCKS = 4000,
    MAX_STEPS = 40,
    MEMORY_SIZE = 256,
    BLOCK_PC = 0x4000
};

#define GPR(n)                                                                                     \
    {                                                                                              \
        "x" #n, offsetof(struct cpu, gpr) + 8 * (n), 8, IR_CLASS_I                                 \
    }
#define VEC(n)                                                                                     \
    {                                                                                              \
        "v" #n, offsetof(struct cpu, v) + 16 * (n), 16, IR_CLASS_V                                 \
    }
static const struct ir_var vars[] = {
    GPR(0), GPR(1), GPR(2), GPR(3), GPR(4), GPR(5), GPR(6), GPR(7), VEC(0), VEC(1), VEC(2), VEC(3),
};

static struct thread *thread;
static uint8_t *memory; /* MEMORY_SIZE bytes before a page that cannot be accessed */
static uint64_t random_state = 1;

static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1d;
}

static unsigned pick(unsigned n)
{
    return (unsigned)(random_bits() >> 33) % n;
}

static uint64_t interesting(void)
{
    static const uint64_t values[] = {
        0,
        1,
        2,
        3,
        4,
        7,
        8,
        31,
        32,
        63,
        64,
        0xff,
        0xffff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffffffffffff,
        0xffffffff80000000,
        0xffffffffffffff80,
    };
    return pick(4) ? values[pick(ARRAY_SIZE(values))] : random_bits() >> pick(64);
}

/* A block being built, with the values that later steps may use. */
struct builder {
    struct ir ir;
    ir_ref value[MAX_STEPS * 2 + N_GPR];
    unsigned n_values;
    ir_ref flags[MAX_STEPS];
    unsigned n_flags;
};

static ir_ref any_value(struct builder *b)
{
    if (b->n_values == 0 || pick(5) == 0)
        return ir_const(&b->ir, interesting());
    if (pick(4) == 0)
        return ir_get(&b->ir, pick(N_GPR));
    unsigned near = b->n_values < 6 ? b->n_values : 6;
    return b->value[b->n_values - 1 - pick(near)];
}

static ir_ref any_flags(struct builder *b)
{
    return b->n_flags == 0 || pick(4) == 0 ? ir_get_flags(&b->ir) : b->flags[pick(b->n_flags)];
}

static void keep(struct builder *b, ir_ref ref)
{
    b->value[b->n_values++] = ref;
    if (pick(2))
        ir_put(&b->ir, pick(N_GPR - 1), ref);
}

static void step_scalar(struct builder *b)
{
    unsigned opcode;
    do
        opcode = IR_add + pick(IR_umin - IR_add + 1);
    while (!ir_is_scalar(opcode));
    bool only_64 =
        opcode == IR_umulh || opcode == IR_smulh || opcode == IR_sext32 || opcode == IR_zext32;
    struct ir_op op = {.op = (uint16_t)opcode, .type = only_64 || pick(2) ? T_I64 : T_I32};
    unsigned width = op.type == T_I32 ? 32 : 64;
    op.a = any_value(b);
    if (ir_op_info[opcode].b == IR_CLASS_I)
        op.b = pick(8) ? any_value(b) : op.a;
    if (opcode == IR_crc32 || opcode == IR_crc32c)
        op.aux = (uint8_t)pick(4);
    if (opcode == IR_extr)
        op.d = (uint16_t)pick(width);
    if (opcode >= IR_ubfx && opcode <= IR_bfi) {
        op.aux = pick(3) ? (uint8_t)pick(width) : 0;
        op.d = (uint16_t)(1 + pick(width - op.aux));
    }
    keep(b, ir_add(&b->ir, op));
}

static void step_flags(struct builder *b)
{
    static const uint16_t opcodes[] = {IR_add, IR_sub, IR_and, IR_andn, IR_adc, IR_sbc};
    struct ir_op op = {
        .op = opcodes[pick(ARRAY_SIZE(opcodes))], .type = pick(2) ? T_I64 : T_I32, .aux = IR_S};
    op.a = any_value(b);
    op.b = any_value(b);
    if (ir_op_info[op.op].c == IR_CLASS_F)
        op.c = any_flags(b);
    ir_ref ref = ir_add(&b->ir, op);
    keep(b, ref);
    b->flags[b->n_flags++] = ref;
    if (pick(2))
        ir_put_flags(&b->ir, ref);
}

static void step_condition(struct builder *b)
{
    ir_ref flags = any_flags(b), x = any_value(b), y = any_value(b);
    unsigned type = pick(2) ? T_I64 : T_I32;
    switch (pick(4)) {
    case 0:
        keep(b, ir_3x(&b->ir, IR_cset, type, IR_NONE, IR_NONE, flags, pick(16), 0));
        break;
    case 1:
        b->flags[b->n_flags++] = ir_3x(&b->ir, IR_ccmp, type, x, y, flags, pick(16), pick(16));
        break;
    case 2:
        ir_3x(&b->ir, IR_exit_if, T_NONE, IR_NONE, ir_get_flags(&b->ir), flags, pick(14), 0);
        break;
    default:
        keep(b, ir_3x(&b->ir, IR_csel, type, x, y, flags, pick(16), 0));
        break;
    }
}

/* Address operands of an access of SIZE bytes inside memory, or beyond its end. x7 is its address.
 */
static void step_memory(struct builder *b, bool fault)
{
    unsigned size = pick(4), at = fault ? MEMORY_SIZE : pick(MEMORY_SIZE - 32);
    bool is_signed = pick(2);
    ir_ref base = ir_get(&b->ir, 7), index = IR_NONE;
    unsigned scale = 0;
    int64_t disp = at;
    if (pick(2)) {
        base = ir_add_const(&b->ir, T_I64, base, at - 8);
        disp = 8;
        if (pick(3) == 0)
            ir_put(&b->ir, 6, base);
    }
    if (pick(2)) {
        index = ir_2(&b->ir, IR_and, T_I64, any_value(b), ir_const(&b->ir, 1));
        if (pick(2))
            index = ir_2(&b->ir, IR_shl, T_I64, index, ir_const(&b->ir, pick(4)));
        else
            scale = pick(4);
    }
    unsigned type = size == 3 || pick(2) ? T_I64 : T_I32;
    unsigned mem = size | scale << MEM_SCALE_SHIFT;
    if (pick(2))
        keep(b, ir_load(&b->ir, type, base, index, disp, mem | (is_signed ? MEM_SIGN : 0)));
    else
        ir_store(&b->ir, base, index, disp, any_value(b), mem);
}

static void step_vector(struct builder *b)
{
    static const uint16_t opcodes[] = {IR_vand, IR_vor, IR_vxor, IR_vandn, IR_vorn, IR_vadd};
    ir_ref x = ir_get(&b->ir, N_GPR + pick(N_VEC)),
           y = pick(4) ? ir_get(&b->ir, N_GPR + pick(N_VEC)) : x;
    ir_ref result;
    switch (pick(8)) {
    case 0:
        result = ir_1x(&b->ir, IR_vlow, T_2D, x, pick(4), 0);
        break;
    case 1:
        result = ir_1(&b->ir, IR_vnot, T_16B, ir_1(&b->ir, IR_vnot, T_16B, x));
        break;
    case 2:
        result = ir_1(&b->ir, IR_vhigh, T_2D, x);
        break;
    case 3:
        result = ir_1(&b->ir, IR_vdup, T_8H, any_value(b));
        break;
    case 4:
        result = ir_vconst(&b->ir, interesting(), pick(2));
        break;
    case 5:
        if (pick(2))
            x = ir_vconst(&b->ir, interesting(), pick(2));
        result = ir_2x(&b->ir, IR_vins, T_4S, x, any_value(b), pick(4), 0);
        break;
    case 6:
        keep(b, ir_1x(&b->ir, pick(2) ? IR_vget : IR_vgets, T_8H, x, pick(8), 0));
        return;
    default:
        result = ir_2(&b->ir, opcodes[pick(ARRAY_SIZE(opcodes))], T_16B, x, y);
        break;
    }
    ir_put(&b->ir, N_GPR + pick(N_VEC), result);
}

/* The same SEED gives the same block, whether it is folded or not. */
static void build(struct builder *b, uint64_t seed, bool no_fold)
{
    random_state = seed;
    ir_begin(&b->ir, BLOCK_PC, vars, ARRAY_SIZE(vars));
    b->ir.no_fold = no_fold;
    b->n_values = b->n_flags = 0;
    unsigned n = 5 + pick(MAX_STEPS - 5);
    bool fault = pick(4) == 0;
    for (unsigned i = 0; i < n; i++) {
        switch (pick(8)) {
        case 0:
        case 1:
        case 2:
            step_scalar(b);
            break;
        case 3:
            step_flags(b);
            break;
        case 4:
            step_condition(b);
            break;
        case 5:
        case 6:
            step_memory(b, fault && i + 3 >= n);
            break;
        default:
            step_vector(b);
            break;
        }
    }
    ir_2(&b->ir, IR_jump, T_NONE, IR_NONE, ir_get_flags(&b->ir));
}

/* What is visible after a block. */
struct outcome {
    uint64_t gpr[N_GPR];
    union vec v[N_VEC];
    guest_addr pc;
    uint32_t flags;
    unsigned reason;
    uint8_t memory[MEMORY_SIZE];
};

static void run(const struct ir *ir, uint64_t seed, struct outcome *out)
{
    struct cpu *cpu = &thread->cpu;
    random_state = seed + 12345;
    for (unsigned i = 0; i < N_GPR; i++)
        cpu->gpr[i] = interesting();
    cpu->gpr[7] = (uintptr_t)memory;
    for (unsigned i = 0; i < N_VEC; i++)
        cpu->v[i] = (union vec){.u64 = {random_bits(), random_bits()}};
    cpu->flags = flags_from_nzcv(pick(16));
    for (unsigned i = 0; i < MEMORY_SIZE; i++)
        memory[i] = (uint8_t)random_bits();

    memset(out, 0, sizeof(*out));
    out->reason = ir_interpret(thread, ir);
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    memcpy(out->v, cpu->v, sizeof(out->v));
    memcpy(out->memory, memory, MEMORY_SIZE);
    out->pc = cpu->pc;
    /* Flags that nobody uses may be stale at a fault. */
    out->flags = out->reason == EXIT_FAULT ? 0 : cpu->flags & FLAGS_MASK;
}

static void print_line(const char *line)
{
    print_message("  %s\n", line);
}

static void check(const char *what, uint64_t seed, const struct ir *plain, const struct ir *changed)
{
    struct outcome expected, got;
    const char *wrong = ir_verify(changed);
    if (wrong)
        fail_msg("block %llu: %s", (unsigned long long)seed, wrong);
    run(plain, seed, &expected);
    run(changed, seed, &got);
    if (memcmp(&expected, &got, sizeof(expected)) == 0)
        return;
    print_message("block %llu, %s\n", (unsigned long long)seed, what);
    ir_dump(plain, print_line);
    print_message("became\n");
    ir_dump(changed, print_line);
    for (unsigned i = 0; i < N_GPR; i++)
        print_message("x%u %llx %llx\n", i, (unsigned long long)expected.gpr[i],
                      (unsigned long long)got.gpr[i]);
    fail_msg("results differ");
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    if (!thread->cpu.recover)
        abort();
    __builtin_longjmp(thread->cpu.recover->word, 1);
}

static void test_fold_and_opt_keep_the_meaning(void **state)
{
    (void)state;
    static struct ir_op plain_ops[IR_MAX_OPS], folded_ops[IR_MAX_OPS];
    static struct builder plain, folded;
    plain.ir.ops = plain_ops;
    folded.ir.ops = folded_ops;
    unsigned shorter = 0;
    struct sigaction old, action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, &old);
    for (uint64_t seed = 1; seed <= N_BLOCKS; seed++) {
        build(&plain, seed * 7919, true);
        assert_null(ir_verify(&plain.ir));
        build(&folded, seed * 7919, false);
        check("folded", seed, &plain.ir, &folded.ir);
        shorter += folded.ir.n < plain.ir.n;
        opt_run(&folded.ir);
        check("folded and optimised", seed, &plain.ir, &folded.ir);
        opt_run(&plain.ir);
        check("optimised", seed, &folded.ir, &plain.ir);
    }
    sigaction(SIGSEGV, &old, NULL);
    assert_true(shorter > N_BLOCKS / 2);
}

static int set_up(void **state)
{
    (void)state;
    thread = aligned_alloc(64, ALIGN_UP(sizeof(*thread), 64));
    memset(thread, 0, sizeof(*thread));
    uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    memory = pages + 4096 - MEMORY_SIZE;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold_and_opt_keep_the_meaning),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
