/* test_region.c - which blocks become one region, how deep its loops are, and what lives across its blocks. */
#include "test/unit/unit.h"

#include <sys/mman.h>

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/region.h"

/* A64 instructions; branches take their distance in instructions. */
#define ADD_X0_1 0x91000400u    /* add x0, x0, #1 */
#define ADD_X1_1 0x91000421u    /* add x1, x1, #1 */
#define CMP_X0_9 0xf100241fu    /* cmp x0, #9 */
#define CMP_X1_9 0xf100243fu    /* cmp x1, #9 */
#define MOV_X0_0 0xd2800000u    /* mov x0, #0 */
#define CSET_X2 0x9a9f17e2u     /* cset x2, eq: uses the flags */
#define LDR_X30_SP 0xf94003feu  /* ldr x30, [sp] */
#define RET 0xd65f03c0u
#define BTI_C 0xd503245fu
#define PACIASP 0xd503233fu     /* writes X30 */
#define CBNZ_X1(n) (0xb5000001u | ((uint32_t)(n)&0x7ffffu) << 5)
#define CBZ_X0(n) (0xb4000000u | ((uint32_t)(n)&0x7ffffu) << 5)
#define B(n) (0x14000000u | ((uint32_t)(n)&0x3ffffffu))
#define BL(n) (0x94000000u | ((uint32_t)(n)&0x3ffffffu))
#define B_NE(n) (0x54000001u | ((uint32_t)(n)&0x7ffffu) << 5)
#define B_EQ(n) (0x54000000u | ((uint32_t)(n)&0x7ffffu) << 5)

enum { CODE = 0x30000000, SIZE = 0x10000 };
static struct translator *translator;

static guest_addr at(unsigned insn) { return CODE + 4 * insn; }

static struct hot_region *form(const uint32_t *code, size_t size, unsigned head, bool alone)
{
    memset(memory_host(CODE), 0, SIZE);
    memcpy(memory_host(CODE), code, size);
    static struct region_maker maker;
    return region_form(&maker, translator, at(head), 0, alone);
}
#define FORM(code, head) form(code, sizeof(code), head, false)

static const struct region_block *block_at(const struct hot_region *r, unsigned insn)
{
    int b = region_find(r, at(insn), 0);
    assert_true(b >= 0);
    return &r->block[b];
}

static void test_region_of_one_block_that_jumps_to_itself(void **state)
{
    (void)state;
    static const uint32_t code[] = {ADD_X0_1, CMP_X0_9, B_NE(-2), RET};
    const struct hot_region *r = FORM(code, 0);
    assert_non_null(r);
    assert_int_equal(r->n_blocks, 1);
    assert_int_equal(r->n_insns, 3);
    assert_int_equal(r->block[0].depth, 1);
    assert_int_equal(r->block[0].to, 1);
    assert_true(r->is_put[0]);
    assert_false(r->is_put[1]);
}

static void test_region_needs_a_loop(void **state)
{
    (void)state;
    static const uint32_t code[] = {ADD_X0_1, CMP_X0_9, B_NE(2), ADD_X0_1, RET};
    assert_null(FORM(code, 0));
    const struct hot_region *r = form(code, sizeof code, 0, true); /* but for tests */
    assert_non_null(r);
    assert_int_equal(region_find(r, at(0), 0), (int)r->head);
}

static unsigned n_polls(const struct region_block *block)
{
    unsigned n = 0;
    for (uint32_t i = 1; i < block->ir.n; i++) {
        const struct ir_op *op = &block->ir.ops[i];
        n += (op->op == IR_jump || op->op == IR_exit_if) && op->d & IR_POLL;
    }
    return n;
}

/* for (;;) { x0 = 0; do x0++ while (x0 != 9); x1++; if (x1 == 9) break; }, hot inside */
static void test_region_takes_in_the_outer_loop(void **state)
{
    (void)state;
    static const uint32_t code[] = {MOV_X0_0, ADD_X0_1, CMP_X0_9, B_NE(-2), ADD_X1_1, CMP_X1_9, B_NE(-6), RET};
    const struct hot_region *r = FORM(code, 1);
    assert_non_null(r);
    assert_int_equal(block_at(r, 0)->depth, 1);
    assert_int_equal(block_at(r, 1)->depth, 2);
    assert_int_equal(block_at(r, 4)->depth, 1);
    assert_int_equal(region_find(r, at(7), 0), -1); /* no way back */
    assert_ptr_equal(&r->block[r->head], block_at(r, 1));
    assert_true(r->uses[0] > r->uses[1]);
    /* The ways back poll; where a block ends only because the next one begins there, nothing does. */
    assert_int_equal(n_polls(block_at(r, 0)), 0);
    assert_int_equal(n_polls(block_at(r, 1)), 1);
    assert_int_equal(n_polls(block_at(r, 4)), 1);
    assert_int_equal(r->n_ranges, 1);
    assert_true(r->range[0].start <= at(0) && r->range[0].start + r->range[0].size >= at(7));
}

static void test_region_ends_before_calls(void **state)
{
    (void)state;
    /* The way round by the call is not part of it: the block that makes it ends before. */
    static const uint32_t code[] = {ADD_X0_1, CMP_X0_9, B_NE(-2), ADD_X0_1, BL(100), B(-5)};
    const struct hot_region *r = FORM(code, 0);
    assert_non_null(r);
    assert_int_equal(r->n_blocks, 1);
    static const uint32_t only_call[] = {ADD_X0_1, BL(100), B(-2)};
    assert_null(FORM(only_call, 0));
}

/* for (;;) { x0++; f(); if (x0 == 9) break; } where f begins at instruction 8 */
#define CALLING_LOOP ADD_X0_1, BL(7), CMP_X0_9, B_NE(-3), RET, 0, 0, 0

static void test_region_takes_in_functions_that_are_called(void **state)
{
    (void)state;
    static const uint32_t code[] = {CALLING_LOOP, ADD_X1_1, RET};
    const struct hot_region *r = form(code, sizeof code, 0, true);
    assert_non_null(r);
    assert_int_equal(r->n_blocks, 3);
    assert_int_equal(r->n_contexts, 2);
    int f = region_find(r, at(8), 1);
    assert_int_equal(f, 1); /* between the call and what it returns to */
    assert_int_equal(region_find(r, at(8), 0), -1);
    assert_int_equal(r->block[f].depth, 1);
    const struct ir *ir = &r->block[f].ir;
    assert_int_equal(ir->ops[ir->n - 1].op, IR_jump);
    assert_int_equal(ir->ops[ir->n - 1].d, IR_BACK); /* whatever X30 holds is known */
    assert_int_equal(region_target(r, &r->block[f], &ir->ops[ir->n - 1]).pc, at(2));
}

/* f's rare part stands behind its end and jumps back: no loop, so nothing there polls. */
static void test_region_knows_which_backward_jumps_go_round(void **state)
{
    (void)state;
    static const uint32_t code[] = {CALLING_LOOP, CMP_X0_9, B_EQ(4), ADD_X1_1, RET, 0, ADD_X0_1, B(-4)};
    const struct hot_region *r = form(code, sizeof code, 0, true);
    assert_non_null(r);
    int rare = region_find(r, at(13), 1), end = region_find(r, at(10), 1);
    assert_true(rare >= 0 && end >= 0);
    assert_int_equal(r->block[end].depth, 1);
    assert_int_equal(n_polls(&r->block[rare]), 0);
    assert_int_equal(n_polls(block_at(r, 2)), 1);
}

static void test_region_puts_blocks_behind_jumps_to_them(void **state)
{
    (void)state;
    /* The block at 5 jumps over the one at 8, to the one at 9. */
    static const uint32_t code[] = {CMP_X0_9, B_EQ(4), CMP_X1_9, B_EQ(6), B(-4), ADD_X0_1, B_NE(2), B(2), ADD_X1_1, ADD_X1_1, B(-10)};
    const struct hot_region *r = FORM(code, 0);
    assert_non_null(r);
    assert_int_equal(r->n_blocks, 4);
    assert_int_equal(r->order[0], r->head);
    assert_int_equal(r->order[1], region_find(r, at(5), 0));
    assert_int_equal(r->order[2], region_find(r, at(9), 0));
    assert_int_equal(r->order[3], region_find(r, at(8), 0));
}

static void test_region_compares_return_addresses_that_may_have_changed(void **state)
{
    (void)state;
    static const uint32_t code[] = {CALLING_LOOP, LDR_X30_SP, RET};
    const struct hot_region *r = form(code, sizeof code, 0, true);
    assert_non_null(r);
    int f = region_find(r, at(8), 1);
    assert_true(f >= 0);
    const struct ir_op *end = &r->block[f].ir.ops[r->block[f].ir.n - 1];
    assert_int_equal(end[-1].op, IR_exit_eq);
    assert_int_equal(end[-1].d, IR_BACK);
    assert_int_equal(region_target(r, &r->block[f], end).block, -1);
    assert_int_equal(region_target(r, &r->block[f], end).pc, at(9)); /* the return is carried out outside */
    assert_int_equal(region_target(r, &r->block[f], end).context, 1);
    assert_int_equal(r->order[1], f);
    assert_int_equal(r->order[2], region_find(r, at(2), 0)); /* the usual way */
}

static void test_region_does_not_follow_recursion(void **state)
{
    (void)state;
    static const uint32_t code[] = {CALLING_LOOP, ADD_X1_1, BL(-1), RET};
    const struct hot_region *r = form(code, sizeof code, 0, true);
    assert_non_null(r);
    assert_int_equal(r->n_contexts, 2);
}

static void test_region_blocks_end_before_other_blocks(void **state)
{
    (void)state;
    /* Two ways that join: what follows is one block, not a copy in each. */
    static const uint32_t code[] = {CMP_X0_9, B_EQ(3), ADD_X0_1, B(2), ADD_X1_1, CMP_X1_9, B_NE(-6), RET};
    const struct hot_region *r = FORM(code, 0);
    assert_non_null(r);
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (unsigned c = 0; c < r->n_blocks; c++)
            if (b != c)
                assert_true(r->block[b].ir.pc != r->block[c].ir.pc);
    assert_true(r->n_insns <= 7 + 2);
}

/* On the ways that go round. */
static unsigned n_flags_stored(const struct region_block *block)
{
    unsigned n = 0;
    for (uint32_t i = 1; i < block->ir.n; i++) {
        const struct ir_op *op = &block->ir.ops[i];
        n += op->op == IR_exit_if && op->b != IR_NONE;
    }
    return n;
}

static void test_region_stores_flags_for_those_who_use_them(void **state)
{
    (void)state;
    static uint32_t dead[80], live[80];
    /* Too far to see for the block that jumps: the loop's own compare, or a use before it. */
    for (unsigned i = 0; i < 70; i++)
        dead[i] = live[i] = ADD_X0_1;
    dead[70] = live[70] = CMP_X0_9;
    dead[71] = live[71] = B_NE(-71);
    dead[72] = live[72] = RET;
    live[69] = CSET_X2;
    const struct hot_region *r = form(dead, sizeof dead, 0, false);
    assert_non_null(r);
    assert_false(block_at(r, 0)->needs_flags);
    assert_int_equal(n_flags_stored(block_at(r, 0)), 0);
    r = form(live, sizeof live, 0, false);
    assert_non_null(r);
    assert_true(block_at(r, 0)->needs_flags);
    assert_int_equal(n_flags_stored(block_at(r, 0)), 1);
}

static void test_region_hands_no_flags_to_code_that_overwrites_them(void **state)
{
    (void)state;
    static uint32_t code[] = {CMP_X0_9, ADD_X1_1, CBNZ_X1(-1), CBZ_X0(3), B(-4), RET, CMP_X1_9, RET};
    const struct hot_region *r = FORM(code, 0);
    assert_non_null(r);
    assert_false(block_at(r, 3)->needs_flags);
    code[6] = CSET_X2;
    r = FORM(code, 0);
    assert_non_null(r);
    assert_true(block_at(r, 3)->needs_flags);
}

/* From instruction HEAD on, LINK being the return address. */
static bool flags_dead(const uint32_t *code, size_t size, unsigned head, guest_addr link)
{
    memset(memory_host(CODE), 0, SIZE);
    memcpy(memory_host(CODE), code, size);
    translator->window_size = translator->n_ranges = 0;
    return translator->isa->flags_dead(translator, at(head), link);
}

static void test_dead_flags_are_seen_behind_returns(void **state)
{
    (void)state;
    static uint32_t leaf[] = {BTI_C, ADD_X1_1, CBNZ_X1(-1), RET, CMP_X0_9, RET};
    assert_true(flags_dead(leaf, sizeof leaf, 0, at(4)));
    assert_false(flags_dead(leaf, sizeof leaf, 0, 0));
    leaf[0] = PACIASP;
    assert_false(flags_dead(leaf, sizeof leaf, 0, at(4)));
    leaf[0] = LDR_X30_SP;
    assert_false(flags_dead(leaf, sizeof leaf, 0, at(4)));
    leaf[0] = ADD_X1_1;
    leaf[4] = CSET_X2;
    assert_false(flags_dead(leaf, sizeof leaf, 0, at(4)));
    static const uint32_t call[] = {BL(4), CMP_X0_9, RET, CSET_X2, ADD_X1_1, RET};
    assert_true(flags_dead(call, sizeof call, 0, at(3))); /* the call's own return address takes the other's place */
    static const uint32_t twice[] = {ADD_X1_1, RET, RET, CMP_X0_9};
    assert_false(flags_dead(twice, sizeof twice, 0, at(2))); /* what the caller returns to is not known */
}

static int set_up(void **state)
{
    (void)state;
    const struct guest *guest = guest_by_name("aarch64");
    void *p = mmap(memory_host(CODE), SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    static struct translator t;
    static struct ir_op ops[IR_MAX_OPS];
    memory_map_add(&(struct region){
        .start = CODE, .end = CODE + SIZE, .prot = PROT_READ | PROT_EXEC, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
    t.ir.ops = ops;
    t.guest = guest;
    t.isa = guest->isa;
    translator = &t;
    return p == memory_host(CODE) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_of_one_block_that_jumps_to_itself),
        cmocka_unit_test(test_region_needs_a_loop),
        cmocka_unit_test(test_region_takes_in_the_outer_loop),
        cmocka_unit_test(test_region_ends_before_calls),
        cmocka_unit_test(test_region_takes_in_functions_that_are_called),
        cmocka_unit_test(test_region_knows_which_backward_jumps_go_round),
        cmocka_unit_test(test_region_puts_blocks_behind_jumps_to_them),
        cmocka_unit_test(test_region_compares_return_addresses_that_may_have_changed),
        cmocka_unit_test(test_region_does_not_follow_recursion),
        cmocka_unit_test(test_region_blocks_end_before_other_blocks),
        cmocka_unit_test(test_region_stores_flags_for_those_who_use_them),
        cmocka_unit_test(test_region_hands_no_flags_to_code_that_overwrites_them),
        cmocka_unit_test(test_dead_flags_are_seen_behind_returns),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
