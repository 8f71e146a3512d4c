/* test_emit.c - where the code of blocks comes to stand. */
#include "test/unit/unit.h"

#include <sys/mman.h>

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/tb.h"
#include "core/thread.h"

enum { CODE = 0x30000000, SIZE = 0x1000, LINE = 64, BLOCKS = 12 };

static struct thread *thread;

/* Blocks of 1, 2, 3 ... instructions, so that each ends at another place in a line. */
static void test_blocks_begin_where_a_cache_line_does(void **state)
{
    (void)state;
    uint32_t *code = memory_host(CODE);
    const struct tb *tb[BLOCKS];
    unsigned n = 0, moved = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned start = n;
        for (unsigned k = 0; k <= i; k++)
            code[n++] = 0x91000400u; /* add x0, x0, #1 */
        code[n++] = 0xd65f03c0u;     /* ret */
        tb[i] = tb_get(thread, CODE + 4 * start, 0);
        assert_non_null(tb[i]);
        assert_true((uintptr_t)tb[i]->code % LINE <= LINE / 4);
        moved += i && tb[i]->code - tb[i - 1]->code - tb[i - 1]->size >= LINE / 2;
    }
    assert_true(moved > 0); /* or the code above has not shown anything */
    assert_true(moved < BLOCKS - 1);
}

/* Regions whose way in is one instruction of one byte: their homes are those of all blocks. */
static void test_loops_begin_where_a_cache_line_does(void **state)
{
    (void)state;
    uint32_t *code = memory_host(CODE + SIZE / 2);
    unsigned n = 0;
    engine_options.no_tier2 = false;
    engine_options.tier2_threshold = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        unsigned start = n;
        for (unsigned k = 0; k <= i; k++)
            code[n++] = 0x91000400u;                                 /* add x0, x0, #1 */
        code[n] = 0xb5000000u | (0x7ffffu & (start - n)) << 5;       /* cbnz x0, start */
        code[++n] = 0xd65f03c0u;                                     /* ret */
        n++;
        const struct tb *tb = tb_get(thread, CODE + SIZE / 2 + 4 * start, 0);
        assert_non_null(tb);
        assert_non_null(tb->pin); /* it is a region */
        assert_true(((uintptr_t)tb->code + 1) % LINE <= LINE / 4);
    }
}

static int start(void **state)
{
    (void)state;
    const struct guest *guest = guest_by_name("aarch64");
    void *p = mmap(memory_host(CODE), SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    engine_options.engine = ENGINE_JIT;
    engine_options.no_tier2 = true;
    engine_init(guest);
    memory_map_add(&(struct region){
        .start = CODE, .end = CODE + SIZE, .prot = PROT_READ | PROT_EXEC, .flags = MAP_PRIVATE | MAP_ANONYMOUS});
    thread = thread_new(guest, NULL);
    thread_enter(thread);
    return p == memory_host(CODE) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_begin_where_a_cache_line_does),
        cmocka_unit_test(test_loops_begin_where_a_cache_line_does),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
