/* test_ir_interp.c - the reference engine: results, flags, memory, atomics, exits and faults.
 *
 * A case is IR text; x0..x7 hold its inputs and results, v0..v3 vectors. Expected values are worked out by hand from
 * the meaning in ir_ops.def. */
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
#include "core/ir.h"
#include "core/thread.h"

#define GPR(n) {"x" #n, offsetof(struct cpu, gpr) + 8 * (n), 8, IR_CLASS_I}
#define VEC(n) {"v" #n, offsetof(struct cpu, v) + 16 * (n), 16, IR_CLASS_V}
static const struct ir_var vars[] = {
    GPR(0), GPR(1), GPR(2), GPR(3), GPR(4), GPR(5), GPR(6), GPR(7), VEC(0), VEC(1), VEC(2), VEC(3),
    {"w8", offsetof(struct cpu, gpr) + 64, 4, IR_CLASS_I},
};

static struct thread *thread;
static struct ir_op ops[IR_MAX_OPS];

enum { BLOCK_PC = 0x10000 };

/* Run TEXT, which need not end. */
static unsigned run(const char *text)
{
    static struct ir ir;
    char err[200], *whole;
    ir.ops = ops;
    ir_begin(&ir, BLOCK_PC, vars, ARRAY_SIZE(vars));
    assert_true(asprintf(&whole, "%s\njump _, disp=4\n", text) > 0);
    if (!ir_parse(&ir, whole, err, sizeof(err)))
        fail_msg("%s", err);
    free(whole);
    if (ir_op_info[ir.ops[ir.n - 2].op].props & IR_END)
        ir.n--;
    const char *wrong = ir_verify(&ir);
    if (wrong)
        fail_msg("%s", wrong);
    return ir_interpret(thread, &ir);
}

/* x2 = OP x0, x1 for each row. */
struct scalar_case {
    const char *op;
    uint64_t a, b, result;
};

static const struct scalar_case scalar_cases[] = {
    /* clang-format off */
    {"add.i64 v1, v2",              0xffffffffffffffff, 2, 1},
    {"add.i32 v1, v2",              0xaaaaaaaaffffffff, 0x5500000002, 1},
    {"sub.i32 v1, v2",              1, 2, 0xffffffff},
    {"and.i64 v1, v2",              0xff00ff00ff00ff00, 0x0ff00ff00ff00ff0, 0x0f000f000f000f00},
    {"andn.i64 v1, v2",             0xff, 0x0f, 0xf0},
    {"andn.i32 v1, v2",             0xffffffffffffffff, 0, 0xffffffff},
    {"or.i32 v1, v2",               0x100000001, 2, 3},
    {"orn.i32 v1, v2",              0, 0xffff0000, 0xffff},
    {"orn.i64 v1, v2",              0, 0, 0xffffffffffffffff},
    {"xor.i64 v1, v2",              0xff, 0x0f, 0xf0},
    {"mul.i32 v1, v2",              0x10001, 0x10001, 0x20001},
    {"mul.i64 v1, v2",              0x100000001, 0x100000001, 0x200000001},
    {"umulh.i64 v1, v2",            0xffffffffffffffff, 0xffffffffffffffff, 0xfffffffffffffffe},
    {"smulh.i64 v1, v2",            0xffffffffffffffff, 0xffffffffffffffff, 0},
    {"smulh.i64 v1, v2",            0x8000000000000000, 2, 0xffffffffffffffff},
    {"udiv.i64 v1, v2",             7, 0, 0},
    {"udiv.i32 v1, v2",             0x1ffffffff, 0x100000002, 0x7fffffff},
    {"sdiv.i64 v1, v2",             0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000},
    {"sdiv.i32 v1, v2",             0x80000000, 0xffffffff, 0x80000000},
    {"sdiv.i32 v1, v2",             0xfffffff9, 2, 0xfffffffd},
    {"sdiv.i64 v1, v2",             0xfffffffffffffff9, 0, 0},
    {"shl.i64 v1, v2",              1, 63, 0x8000000000000000},
    {"shl.i64 v1, v2",              1, 64, 1},
    {"shl.i32 v1, v2",              3, 31, 0x80000000},
    {"shr.i32 v1, v2",              0xffffffff80000000, 31, 1},
    {"shr.i64 v1, v2",              0x8000000000000000, 127, 1},
    {"sar.i32 v1, v2",              0x80000000, 4, 0xf8000000},
    {"sar.i64 v1, v2",              0x8000000000000000, 4, 0xf800000000000000},
    {"ror.i32 v1, v2",              0x1234567800000001, 33, 0x80000000},
    {"ror.i64 v1, v2",              1, 4, 0x1000000000000000},
    {"ror.i64 v1, v2",              5, 64, 5},
    {"extr.i64 v1, v2, d=8",        0x12, 0x3456, 0x1200000000000034},
    {"extr.i32 v1, v2, d=8",        0x12, 0x3456, 0x12000034},
    {"extr.i32 v1, v2",             0x12, 0x100003456, 0x3456},
    {"sext8.i32 v1",                0x80, 0, 0xffffff80},
    {"sext8.i64 v1",                0x80, 0, 0xffffffffffffff80},
    {"sext16.i64 v1",               0x18000, 0, 0xffffffffffff8000},
    {"sext32.i64 v1",               0x80000000, 0, 0xffffffff80000000},
    {"zext8.i64 v1",                0x1ff, 0, 0xff},
    {"zext16.i32 v1",               0x1ffff, 0, 0xffff},
    {"zext32.i64 v1",               0x1ffffffff, 0, 0xffffffff},
    {"ubfx.i64 v1, aux=4, d=8",     0xabcde, 0, 0xcd},
    {"ubfx.i64 v1, aux=0, d=64",    0x8000000000000001, 0, 0x8000000000000001},
    {"sbfx.i64 v1, aux=4, d=8",     0xabcde, 0, 0xffffffffffffffcd},
    {"sbfx.i32 v1, aux=4, d=8",     0xabcde, 0, 0xffffffcd},
    {"bfi.i64 v1, v2, aux=8, d=8",  0xffffffffffffffff, 0x1200, 0xffffffffffff00ff},
    {"bfi.i32 v1, v2, aux=28, d=4", 0, 0xfff, 0xf0000000},
    {"bswap.i64 v1",                0x0102030405060708, 0, 0x0807060504030201},
    {"bswap.i32 v1",                0x0102030405060708, 0, 0x08070605},
    {"bswap16.i64 v1",              0x0102030405060708, 0, 0x0201040306050807},
    {"bswap16.i32 v1",              0x0102030405060708, 0, 0x06050807},
    {"rbit.i64 v1",                 1, 0, 0x8000000000000000},
    {"rbit.i32 v1",                 0x3, 0, 0xc0000000},
    {"clz.i64 v1",                  0, 0, 64},
    {"clz.i32 v1",                  0xf00000000, 0, 32},
    {"clz.i32 v1",                  1, 0, 31},
    {"cls.i64 v1",                  0, 0, 63},
    {"cls.i64 v1",                  0xffffffffffffffff, 0, 63},
    {"cls.i32 v1",                  0x80000000, 0, 0},
    {"cls.i32 v1",                  0xffff0000, 0, 15},
    {"cls.i64 v1",                  0x00ff000000000000, 0, 7},
    {"ctz.i32 v1",                  0x100000000, 0, 32},
    {"ctz.i64 v1",                  0x100000000, 0, 32},
    {"popcnt.i32 v1",               0xff00000003, 0, 2},
    {"smax.i32 v1, v2",             0xffffffff, 1, 1},
    {"smin.i64 v1, v2",             0xffffffffffffffff, 1, 0xffffffffffffffff},
    {"umax.i32 v1, v2",             0xffffffff, 0x100000001, 0xffffffff},
    {"umin.i64 v1, v2",             0xffffffffffffffff, 1, 1},
    /* Entry 1 of the usual byte tables. */
    {"crc32.i32 v1, v2, aux=0",     0, 1, 0x77073096},
    {"crc32c.i32 v1, v2, aux=0",    0, 1, 0xf26b8303},
    /* clang-format on */
};

static void test_interp_scalar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scalar_cases); i++) {
        const struct scalar_case *c = &scalar_cases[i];
        char text[200];
        snprintf(text, sizeof(text), "v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = %s\nput.i64 [x2], v3", c->op);
        thread->cpu.gpr[0] = c->a;
        thread->cpu.gpr[1] = c->b;
        run(text);
        if (thread->cpu.gpr[2] != c->result)
            fail_msg("%s: %llx, %llx -> %llx, not %llx", c->op, (unsigned long long)c->a, (unsigned long long)c->b,
                     (unsigned long long)thread->cpu.gpr[2], (unsigned long long)c->result);
    }
}

/* The check values of CRC-32 and CRC-32C, for the digits 1 to 9, are inverted at start and end. */
static void test_interp_crc_check_values(void **state)
{
    (void)state;
    memcpy(&thread->cpu.gpr[0], "12345678", 8);
    run("v1 = const.i64 0xffffffff\nv2 = get.i64 [x0]\nv3 = crc32.i32 v1, v2, aux=3\nv4 = const.i64 0x39\n"
        "v5 = crc32.i32 v3, v4\nv6 = not.i32 v5\nput.i64 [x1], v6\n"
        "v7 = crc32c.i32 v1, v2, aux=3\nv8 = crc32c.i32 v7, v4\nv9 = not.i32 v8\nput.i64 [x2], v9");
    assert_int_equal(thread->cpu.gpr[1], 0xcbf43926);
    assert_int_equal(thread->cpu.gpr[2], 0xe3069283);
}

/* Flags of OP x0, x1 as NZCV; NZCV before. */
struct flags_case {
    const char *op;
    unsigned before;
    uint64_t a, b, result;
    unsigned nzcv;
};

static const struct flags_case flags_cases[] = {
    /* clang-format off */
    {"add.i64.s v1, v2",     0,   0xffffffffffffffff, 1, 0, 0x6},
    {"add.i64.s v1, v2",     0,   0x7fffffffffffffff, 1, 0x8000000000000000, 0x9},
    {"add.i32.s v1, v2",     0,   0xffffffff, 1, 0, 0x6},
    {"add.i32.s v1, v2",     0,   0x80000000, 0x80000000, 0, 0x7},
    {"add.i32.s v1, v2",     0,   0x1f00000001, 0xff00000001, 2, 0x0},
    {"sub.i64.s v1, v2",     0,   5, 5, 0, 0x6},
    {"sub.i64.s v1, v2",     0,   5, 6, 0xffffffffffffffff, 0x8},
    {"sub.i32.s v1, v2",     0,   0x80000000, 1, 0x7fffffff, 0x3},
    {"sub.i32.s v1, v2",     0,   0, 0, 0, 0x6},
    {"and.i64.s v1, v2",     0xf, 0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000, 0x8},
    {"and.i32.s v1, v2",     0xf, 0x8000000000000000, 0xffffffffffffffff, 0, 0x4},
    {"andn.i64.s v1, v2",    0xf, 0xff, 0xff, 0, 0x4},
    {"adc.i64.s v1, v2, v3", 0x2, 0xffffffffffffffff, 0, 0, 0x6},
    {"adc.i64.s v1, v2, v3", 0x0, 0xffffffffffffffff, 0, 0xffffffffffffffff, 0x8},
    {"adc.i32.s v1, v2, v3", 0x2, 0x7fffffff, 0, 0x80000000, 0x9},
    {"sbc.i64.s v1, v2, v3", 0x2, 5, 5, 0, 0x6},
    {"sbc.i64.s v1, v2, v3", 0x0, 5, 5, 0xffffffffffffffff, 0x8},
    {"sbc.i32.s v1, v2, v3", 0x0, 0, 0xffffffff, 0, 0x4},
    {"adc.i64.s v1, v2, v3", 0x2, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0xa},
    /* clang-format on */
};

static void test_interp_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags_cases); i++) {
        const struct flags_case *c = &flags_cases[i];
        char text[200];
        snprintf(text, sizeof(text),
                 "v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = getf\nv4 = %s\nput.i64 [x2], v4\njump v4", c->op);
        thread->cpu.gpr[0] = c->a;
        thread->cpu.gpr[1] = c->b;
        thread->cpu.flags = flags_from_nzcv(c->before);
        run(text);
        assert_int_equal(thread->cpu.gpr[2], c->result);
        if (flags_to_nzcv(thread->cpu.flags) != c->nzcv)
            fail_msg("case %zu, %s: NZCV %x, not %x", i, c->op, flags_to_nzcv(thread->cpu.flags), c->nzcv);
    }
}

/* Arm ARM, ConditionHolds: bit i of the word = holds for NZCV i. */
static void test_interp_conditions(void **state)
{
    (void)state;
    for (unsigned nzcv = 0; nzcv < 16; nzcv++) {
        bool n = nzcv & 8, z = nzcv & 4, c = nzcv & 2, v = nzcv & 1;
        const bool holds[16] = {z, !z, c, !c, n, !n, v, !v, c && !z, !(c && !z), n == v, n != v,
                                n == v && !z, !(n == v && !z), true, true};
        for (unsigned cond = 0; cond < 16; cond++) {
            char text[200];
            snprintf(text, sizeof(text), "v1 = getf\nv2 = cset.i64 v1, cond=%s\nput.i64 [x0], v2", ir_cond_name[cond]);
            thread->cpu.flags = flags_from_nzcv(nzcv);
            run(text);
            assert_int_equal(thread->cpu.gpr[0], holds[cond]);
        }
    }
}

static void test_interp_conditional_compare(void **state)
{
    (void)state;
    thread->cpu.gpr[0] = 3;
    thread->cpu.gpr[1] = 5;
    thread->cpu.flags = flags_from_nzcv(4);
    const char *text = "v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = getf\n"
                       "v4 = ccmp.i64 v1, v2, v3, cond=eq, d=1\nv5 = ccmp.i64 v1, v2, v3, cond=ne, d=1\n"
                       "v6 = ccmn.i32 v1, v2, v3, cond=eq, d=1\n"
                       "v7 = nzcv_of v4\nput.i64 [x2], v7\nv8 = nzcv_of v5\nput.i64 [x3], v8\n"
                       "v9 = nzcv_of v6\nput.i64 [x4], v9\nv10 = nzcv v8\njump v10";
    run(text);
    assert_int_equal(thread->cpu.gpr[2], 0x80000000);
    assert_int_equal(thread->cpu.gpr[3], 0x10000000);
    assert_int_equal(thread->cpu.gpr[4], 0);
    assert_int_equal(flags_to_nzcv(thread->cpu.flags), 1);
}

static void test_interp_loads_and_stores(void **state)
{
    (void)state;
    static uint8_t memory[64];
    for (unsigned i = 0; i < sizeof(memory); i++)
        memory[i] = (uint8_t)(0x80 + i);
    thread->cpu.gpr[0] = (uintptr_t)memory;
    thread->cpu.gpr[1] = 2;
    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\n"
        "v3 = load.i64 v1, v2, size=1, scale=1, disp=1\nput.i64 [x2], v3\n"
        "v4 = load.i64 v1, _, size=2, signed\nput.i64 [x3], v4\n"
        "v5 = load.i32 v1, _, size=0, signed\nput.i64 [x4], v5\n"
        "v6 = load.i64 v1, _, size=3, swap\nput.i64 [x5], v6\n"
        "v7 = loadv.2d v1, _, size=2, disp=3\nputv.2d [v0], v7\n"
        "v8 = loadv.2d v1, _, size=4, disp=1\nputv.2d [v1], v8\n"
        "store.i64 v1, _, v2, size=1, disp=20\n"
        "store.i64 v1, _, v6, size=2, swap, disp=24\n"
        "store.i64 v1, _, v6, size=3, release, disp=40\n"
        "storev.2d v1, _, v8, size=3, disp=30");
    struct cpu *cpu = &thread->cpu;
    assert_int_equal(cpu->gpr[2], 0x8685);
    assert_int_equal(cpu->gpr[3], 0xffffffff83828180);
    assert_int_equal(cpu->gpr[4], 0xffffff80);
    assert_int_equal(cpu->gpr[5], 0x8081828384858687);
    assert_int_equal(cpu->v[0].u64[0], 0x86858483);
    assert_int_equal(cpu->v[0].u64[1], 0);
    assert_int_equal(cpu->v[1].u64[0], 0x8887868584838281);
    assert_int_equal(cpu->v[1].u64[1], 0x908f8e8d8c8b8a89);
    assert_int_equal(memory[20], 2);
    assert_int_equal(memory[21], 0);
    assert_int_equal(memory[22], 0x96);
    assert_memory_equal(memory + 24, "\x84\x85\x86\x87", 4);
    assert_memory_equal(memory + 30, "\x81\x82\x83\x84\x85\x86\x87\x88\xa6", 9);
    assert_memory_equal(memory + 40, "\x87\x86\x85\x84\x83\x82\x81\x80\xb0", 9);
}

struct atomic_case {
    const char *op;
    unsigned size;
    uint64_t memory, operand, after;
};

static const struct atomic_case atomic_cases[] = {
    /* clang-format off */
    {"swp",    3, 0x1122334455667788, 5, 5},
    {"swp",    0, 0x1122334455667788, 0xf05, 0x1122334455667705},
    {"ldadd",  1, 0x112233445566ffff, 0x10002, 0x1122334455660001},
    {"ldadd",  2, 0x1ffffffff, 1, 0x100000000},
    {"ldand",  2, 0x11223344ffffffff, 0xf0f0, 0x112233440000f0f0},
    {"ldor",   3, 1, 0xf0, 0xf1},
    {"ldxor",  3, 0xff, 0x0f, 0xf0},
    {"ldsmax", 0, 0x80, 0x7f, 0x7f},
    {"ldsmin", 0, 0x80, 0x7f, 0x80},
    {"ldumax", 0, 0x80, 0x7f, 0x80},
    {"ldumin", 0, 0x80, 0x7f, 0x7f},
    {"ldsmax", 3, 0xffffffffffffffff, 0, 0},
    {"ldsmin", 2, 0x80000000, 0xffffffff, 0x80000000},
    /* clang-format on */
};

static void test_interp_atomics(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(atomic_cases); i++) {
        const struct atomic_case *c = &atomic_cases[i];
        uint64_t memory = c->memory, mask = ~(uint64_t)0 >> (64 - (8 << c->size));
        char text[200];
        snprintf(text, sizeof(text), "v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = %s.i64 v1, v2, size=%u\nput.i64 [x2], v3",
                 c->op, c->size);
        thread->cpu.gpr[0] = (uintptr_t)&memory;
        thread->cpu.gpr[1] = c->operand;
        run(text);
        assert_int_equal(thread->cpu.gpr[2], c->memory & mask);
        assert_int_equal(memory, c->after);
    }
}

static void test_interp_compare_and_swap(void **state)
{
    (void)state;
    struct cpu *cpu = &thread->cpu;
    uint64_t memory[2] __attribute__((aligned(16))) = {0x1122334455667788, 9};
    cpu->gpr[0] = (uintptr_t)memory;
    cpu->gpr[1] = 0xff88; /* only the low byte is compared */
    cpu->gpr[2] = 0x1299;
    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = get.i64 [x2]\nv4 = cas.i64 v1, v2, v3, size=0\nput.i64 [x3], v4\n"
        "v5 = cas.i64 v1, v2, v3, size=3\nput.i64 [x4], v5");
    assert_int_equal(cpu->gpr[3], 0x88);
    assert_int_equal(cpu->gpr[4], 0x1122334455667799);
    assert_int_equal(memory[0], 0x1122334455667799);

    cpu->v[0] = (union vec){.u64 = {0x1122334455667799, 9}};
    cpu->v[1] = (union vec){.u64 = {1, 2}};
    run("v1 = get.i64 [x0]\nv2 = getv.2d [v0]\nv3 = getv.2d [v1]\nv4 = casv.2d v1, v2, v3, size=4\nputv.2d [v2], v4\n"
        "v5 = casv.2d v1, v2, v2, size=4\nputv.2d [v3], v5");
    assert_int_equal(memory[0], 1);
    assert_int_equal(memory[1], 2);
    assert_int_equal(cpu->v[2].u64[0], 0x1122334455667799);
    assert_int_equal(cpu->v[3].u64[1], 2);
}

static void test_interp_exclusive_monitor(void **state)
{
    (void)state;
    struct cpu *cpu = &thread->cpu;
    uint64_t memory[2] __attribute__((aligned(16))) = {7, 8};
    cpu->gpr[0] = (uintptr_t)memory;
    cpu->gpr[1] = 100;
    cpu->excl_addr = EXCL_NONE;
    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = stx.i64 v1, v2, size=3\nput.i64 [x2], v3");
    assert_int_equal(cpu->gpr[2], 1);
    assert_int_equal(memory[0], 7);

    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = ldx.i64 v1, size=3\nput.i64 [x2], v3\n"
        "v4 = stx.i64 v1, v2, size=3\nput.i64 [x3], v4\nv5 = stx.i64 v1, v3, size=3\nput.i64 [x4], v5");
    assert_int_equal(cpu->gpr[2], 7);
    assert_int_equal(cpu->gpr[3], 0);
    assert_int_equal(cpu->gpr[4], 1);
    assert_int_equal(memory[0], 100);

    /* Another size, and a value that changed in between. */
    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\nv3 = ldx.i64 v1, size=3\nv4 = stx.i64 v1, v2, size=2\nput.i64 [x3], v4\n"
        "v5 = ldx.i64 v1, size=3\nstore.i64 v1, _, v1, size=3\nv6 = stx.i64 v1, v2, size=3\nput.i64 [x4], v6\n"
        "v7 = ldx.i64 v1, size=3\nclrex\nv8 = stx.i64 v1, v2, size=3\nput.i64 [x5], v8");
    assert_int_equal(cpu->gpr[3], 1);
    assert_int_equal(cpu->gpr[4], 1);
    assert_int_equal(cpu->gpr[5], 1);
    assert_int_equal(memory[0], cpu->gpr[0]);

    cpu->v[0] = (union vec){.u64 = {5, 6}};
    run("v1 = get.i64 [x0]\nv2 = getv.2d [v0]\nv3 = ldxv.2d v1, size=4\nputv.2d [v1], v3\n"
        "v4 = stxv.2d v1, v2, size=4\nput.i64 [x2], v4");
    assert_int_equal(cpu->v[1].u64[1], 8);
    assert_int_equal(cpu->gpr[2], 0);
    assert_int_equal(memory[0], 5);
    assert_int_equal(memory[1], 6);
}

static void test_interp_exits(void **state)
{
    (void)state;
    struct cpu *cpu = &thread->cpu;
    cpu->pending = 0;
    cpu->gpr[0] = 0x100000000;
    cpu->gpr[1] = 0x5555;
    assert_int_equal(run("v1 = get.i64 [x0]\nexit_z.i32 v1, _, disp=-16"), EXIT_RESUME);
    assert_int_equal(cpu->pc, BLOCK_PC - 16);
    run("v1 = get.i64 [x0]\nexit_z.i64 v1, _, disp=-16");
    assert_int_equal(cpu->pc, BLOCK_PC + 4);
    run("v1 = get.i64 [x0]\nexit_nz.i64 v1, _, disp=32");
    assert_int_equal(cpu->pc, BLOCK_PC + 32);
    run("v1 = get.i64 [x0]\nexit_bit v1, _, aux=160, disp=32"); /* bit 32 set */
    assert_int_equal(cpu->pc, BLOCK_PC + 32);
    run("v1 = get.i64 [x0]\nexit_bit v1, _, aux=32, disp=32"); /* bit 32 clear */
    assert_int_equal(cpu->pc, BLOCK_PC + 4);
    run("v1 = get.i64 [x1]\nv2 = const 0x5555\nexit_eq.i64 v1, _, v2, disp=32");
    assert_int_equal(cpu->pc, BLOCK_PC + 32);
    run("v1 = get.i64 [x0]\nv2 = const 0\nexit_eq.i64 v1, _, v2, disp=32"); /* only the low halves are equal */
    assert_int_equal(cpu->pc, BLOCK_PC + 4);
    run("v1 = get.i64 [x1]\njumpi v1, _");
    assert_int_equal(cpu->pc, 0x5555);
    run("v1 = get.i64 [x1]\nret v1, _");
    assert_int_equal(cpu->pc, 0x5555);
    run("v1 = get.i64 [x0]\nv2 = get.i64 [x1]\ncalli v1, _, v2");
    assert_int_equal(cpu->pc, 0x5555);
    run("v1 = addr.i64 0x10004\ngoto_call v1, _, disp=0x100");
    assert_int_equal(cpu->pc, BLOCK_PC + 0x100);
    assert_int_equal(run("leave _, d=4, aux=17, disp=8"), EXIT_SYSCALL);
    assert_int_equal(cpu->pc, BLOCK_PC + 8);
    assert_int_equal(cpu->exit_data, 17);
}

static void test_interp_polls_where_told(void **state)
{
    (void)state;
    thread->cpu.pending = 1;
    assert_int_equal(run("jump _, disp=-8"), EXIT_RESUME);
    assert_int_equal(run("jump _, disp=-8, poll"), EXIT_SIGNAL);
    assert_int_equal(thread->cpu.pc, BLOCK_PC - 8);
    thread->cpu.pending = 0;
    assert_int_equal(run("jump _, disp=-8, poll"), EXIT_RESUME);
}

static void test_interp_exit_stores_its_flags_only_when_taken(void **state)
{
    (void)state;
    thread->cpu.flags = flags_from_nzcv(1);
    thread->cpu.gpr[0] = 1;
    run("v1 = get.i64 [x0]\nv2 = sub.i64.s v1, v1\nexit_if v2, v2, cond=ne, disp=32");
    assert_int_equal(flags_to_nzcv(thread->cpu.flags), 1);
    run("v1 = get.i64 [x0]\nv2 = sub.i64.s v1, v1\nexit_if v2, v2, cond=eq, disp=32");
    assert_int_equal(flags_to_nzcv(thread->cpu.flags), 6);
}

static void test_interp_narrow_variable(void **state)
{
    (void)state;
    thread->cpu.gpr[0] = 0x1122334455667788;
    thread->cpu.gpr[8] = 0xffffffffffffffff;
    run("v1 = get.i64 [x0]\nput.i32 [w8], v1\nv2 = get.i32 [w8]\nput.i64 [x1], v2");
    assert_int_equal(thread->cpu.gpr[8], 0xffffffff55667788);
    assert_int_equal(thread->cpu.gpr[1], 0x55667788);
}

static void test_interp_vector_moves(void **state)
{
    (void)state;
    struct cpu *cpu = &thread->cpu;
    cpu->v[0] = (union vec){.u64 = {0x1122334455667788, 0x99aabbccddeeff00}};
    run("v1 = getv.2d [v0]\nv2 = vlow.2d v1, aux=1\nputv.2d [v1], v2\nv3 = vhigh.2d v1\nputv.2d [v2], v3\n"
        "v4 = vcombine.2d v3, v1\nputv.2d [v3], v4");
    assert_int_equal(cpu->v[1].u64[0], 0x7788);
    assert_int_equal(cpu->v[1].u64[1], 0);
    assert_int_equal(cpu->v[2].u64[0], 0x99aabbccddeeff00);
    assert_int_equal(cpu->v[2].u64[1], 0);
    assert_int_equal(cpu->v[3].u64[0], 0x99aabbccddeeff00);
    assert_int_equal(cpu->v[3].u64[1], 0x1122334455667788);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (!thread->cpu.recover)
        abort();
    thread->fault = (struct guest_fault){.signal = sig, .address = (uintptr_t)info->si_addr};
    __builtin_longjmp(thread->cpu.recover->word, 1);
}

static void test_interp_fault_is_exact(void **state)
{
    (void)state;
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction old, action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    assert_int_equal(sigaction(SIGSEGV, &action, &old), 0);
    thread->cpu.recover = NULL;
    thread->cpu.gpr[0] = (uintptr_t)page;
    thread->cpu.gpr[2] = 5;
    assert_int_equal(run("insn 0x10000, aux=4\nv1 = get.i64 [x0]\nput.i64 [x1], v1\n"
                         "insn 0x10004, aux=4\nv2 = load.i64 v1, _, size=3, disp=24\nput.i64 [x2], v2"),
                     EXIT_FAULT);
    sigaction(SIGSEGV, &old, NULL);
    assert_int_equal(thread->cpu.pc, 0x10004);
    assert_int_equal(thread->cpu.gpr[1], (uintptr_t)page);
    assert_int_equal(thread->cpu.gpr[2], 5);
    assert_int_equal(thread->fault.signal, SIGSEGV);
    assert_int_equal(thread->fault.address, (uintptr_t)page + 24);
    assert_null(thread->cpu.recover);
    munmap(page, 4096);
}

static void test_interp_alignment_fault(void **state)
{
    (void)state;
    thread->cpu.gpr[0] = 0x1004;
    assert_int_equal(run("insn 0x10008, aux=4\nv1 = get.i64 [x0]\nalign v1, aux=3"), EXIT_ALIGN);
    assert_int_equal(thread->cpu.pc, 0x10008);
    assert_int_equal(thread->fault.signal, SIGBUS);
    assert_int_equal(thread->fault.code, BUS_ADRALN);
    assert_int_equal(thread->fault.address, 0x1004);
    assert_int_equal(run("v1 = get.i64 [x0]\nalign v1, aux=3, disp=4"), EXIT_RESUME);
}

static unsigned hook_calls;

static void count_store(struct thread *t, guest_addr addr, unsigned size)
{
    assert_ptr_equal(t, thread);
    assert_int_equal(addr, thread->cpu.gpr[0]);
    assert_int_equal(size, 4);
    hook_calls++;
}

static void test_interp_reports_stores(void **state)
{
    (void)state;
    uint32_t memory = 0;
    thread->cpu.gpr[0] = (uintptr_t)&memory;
    hook_calls = 0;
    ir_store_hook = count_store;
    run("v1 = get.i64 [x0]\nstore.i64 v1, _, v1, size=2\nv2 = ldadd.i64 v1, v1, size=2");
    ir_store_hook = NULL;
    assert_int_equal(hook_calls, 2);
}

/* Values of such a block are not on the stack. */
static void test_interp_large_block(void **state)
{
    (void)state;
    enum { N = 5000 };
    static struct ir ir;
    ir.ops = ops;
    ir_begin(&ir, BLOCK_PC, vars, ARRAY_SIZE(vars));
    ir_ref sum = ir_get(&ir, 0);
    for (unsigned i = 0; i < N; i++)
        sum = ir_2(&ir, IR_add, T_I64, sum, ir_get(&ir, 1));
    ir_put(&ir, 2, sum);
    ir_0(&ir, IR_jump, T_NONE);
    thread->cpu.gpr[0] = 3;
    thread->cpu.gpr[1] = 2;
    assert_int_equal(ir_interpret(thread, &ir), EXIT_RESUME);
    assert_int_equal(thread->cpu.gpr[2], 2 * N + 3);
}

static int make_thread(void **state)
{
    (void)state;
    thread = aligned_alloc(64, ALIGN_UP(sizeof(*thread), 64));
    memset(thread, 0, sizeof(*thread));
    return 0;
}

static int free_thread(void **state)
{
    (void)state;
    free(thread);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interp_scalar),
        cmocka_unit_test(test_interp_crc_check_values),
        cmocka_unit_test(test_interp_flags),
        cmocka_unit_test(test_interp_conditions),
        cmocka_unit_test(test_interp_conditional_compare),
        cmocka_unit_test(test_interp_loads_and_stores),
        cmocka_unit_test(test_interp_atomics),
        cmocka_unit_test(test_interp_compare_and_swap),
        cmocka_unit_test(test_interp_exclusive_monitor),
        cmocka_unit_test(test_interp_exits),
        cmocka_unit_test(test_interp_polls_where_told),
        cmocka_unit_test(test_interp_exit_stores_its_flags_only_when_taken),
        cmocka_unit_test(test_interp_narrow_variable),
        cmocka_unit_test(test_interp_vector_moves),
        cmocka_unit_test(test_interp_fault_is_exact),
        cmocka_unit_test(test_interp_alignment_fault),
        cmocka_unit_test(test_interp_reports_stores),
        cmocka_unit_test(test_interp_large_block),
    };
    return cmocka_run_group_tests(tests, make_thread, free_thread);
}
