/* test_ir.c - the builder: references, variables, flags, constants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <string.h>

#include "core/cpu.h"
#include "core/helper.h"
#include "core/ir.h"

static const struct ir_var vars[] = {
    {"x0", offsetof(struct cpu, gpr), 8, IR_CLASS_I},
    {"x1", offsetof(struct cpu, gpr) + 8, 8, IR_CLASS_I},
    {"w0", offsetof(struct cpu, guest), 4, IR_CLASS_I},
    {"v0", offsetof(struct cpu, v), 16, IR_CLASS_V},
};
enum { X0, X1, W0, V0 };

static struct ir_op ops[IR_MAX_OPS];

static struct ir *begin(void)
{
    static struct ir ir;
    ir.ops = ops;
    ir_begin(&ir, 0x1000, vars, ARRAY_SIZE(vars));
    return &ir;
}

static void test_ir_get_twice_is_one_read(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref first = ir_get(ir, X0);
    assert_int_equal(ir_get(ir, X0), first);
    assert_int_not_equal(ir_get(ir, X1), first);
}

static void test_ir_blocks_do_not_share_values(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_get(ir, X0);
    ir_ref constant = ir_const(ir, 77);
    ir = begin();
    ir_ref other = ir_get(ir, X1);
    assert_int_equal(other, 1);
    ir_ref again = ir_const(ir, 77);
    assert_int_equal(constant, 2);
    assert_int_equal(again, 2);
    assert_int_equal(ir->n, 3);
    assert_int_equal(ir->ops[2].op, IR_const);
}

static void test_ir_put_is_forwarded(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref sum = ir_2(ir, IR_add, T_I64, ir_get(ir, X0), ir_get(ir, X1));
    ir_put(ir, X0, sum);
    assert_int_equal(ir_get(ir, X0), sum);
}

static void test_ir_equal_constants_are_one_operation(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref a = ir_const(ir, 5);
    assert_int_equal(ir_const(ir, 5), a);
    assert_int_not_equal(ir_addr(ir, 5), a);
    uint64_t value = 0;
    assert_true(ir_is_const(ir, a, &value));
    assert_int_equal(value, 5);
    assert_false(ir_is_const(ir, ir_addr(ir, 5), &value));
}

static void test_ir_writing_helper_forgets_variables(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref before = ir_get(ir, X0), flags = ir_get_flags(ir);
    ir_call(ir, HELPER_a64_write_fpcr, before, IR_NONE, IR_NONE);
    assert_int_not_equal(ir_get(ir, X0), before);
    assert_int_not_equal(ir_get_flags(ir), flags);
}

static void test_ir_reading_helper_keeps_variables(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref before = ir_get(ir, X0);
    ir_call(ir, HELPER_a64_read_sysreg, before, IR_NONE, IR_NONE);
    assert_int_equal(ir_get(ir, X0), before);
}

static void test_ir_reading_helper_finds_flags_in_memory(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref x = ir_get(ir, X0);
    ir_ref flags = ir_2x(ir, IR_sub, T_I64, x, x, IR_S, 0);
    ir_put_flags(ir, flags);
    ir_ref call = ir_call(ir, HELPER_a64_read_sysreg, x, IR_NONE, IR_NONE);
    const struct ir_op *mark = &ir->ops[call - 1];
    assert_int_equal(mark->op, IR_putf);
    assert_int_equal(mark->aux, 1);
    assert_int_equal(mark->a, flags);
}

static void test_ir_large_displacement_is_added(void **state)
{
    (void)state;
    struct ir *ir = begin();
    ir_ref load = ir_load(ir, T_I64, ir_get(ir, X0), IR_NONE, 0x123456789a, 3);
    const struct ir_op *op = &ir->ops[load];
    assert_int_equal(op->disp, 0);
    assert_int_equal(ir->ops[op->a].op, IR_add);
}

static void test_ir_flag_makers(void **state)
{
    (void)state;
    assert_true(ir_makes_flags(&(struct ir_op){.op = IR_adc, .aux = IR_S}));
    assert_false(ir_makes_flags(&(struct ir_op){.op = IR_adc}));
    assert_false(ir_makes_flags(&(struct ir_op){.op = IR_or, .aux = IR_S}));
    assert_true(ir_makes_flags(&(struct ir_op){.op = IR_fcmp}));
}

static void test_ir_parser_names_the_line(void **state)
{
    (void)state;
    char err[100];
    struct ir *ir = begin();
    assert_false(ir_parse(ir, "v1 = get.i64 [x0]\nv2 = frobnicate v1\n", err, sizeof(err)));
    assert_non_null(strstr(err, "line 2"));
}

static void test_ir_parser_refuses_undefined_operands(void **state)
{
    (void)state;
    char err[100];
    assert_false(ir_parse(begin(), "v1 = not.i64 v7\n", err, sizeof(err)));
    assert_false(ir_parse(begin(), "v1 = not.i64 v70000\n", err, sizeof(err)));
    assert_false(ir_parse(begin(), "v1 = get.i64 [q9]\n", err, sizeof(err)));
    assert_false(ir_parse(begin(), "v1 = const.i64 abc\n", err, sizeof(err)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ir_get_twice_is_one_read),
        cmocka_unit_test(test_ir_blocks_do_not_share_values),
        cmocka_unit_test(test_ir_put_is_forwarded),
        cmocka_unit_test(test_ir_equal_constants_are_one_operation),
        cmocka_unit_test(test_ir_writing_helper_forgets_variables),
        cmocka_unit_test(test_ir_reading_helper_keeps_variables),
        cmocka_unit_test(test_ir_reading_helper_finds_flags_in_memory),
        cmocka_unit_test(test_ir_large_displacement_is_added),
        cmocka_unit_test(test_ir_flag_makers),
        cmocka_unit_test(test_ir_parser_names_the_line),
        cmocka_unit_test(test_ir_parser_refuses_undefined_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
