/* test_thread.c - what a new thread finds in the memory of an ended one. */
#include "test/unit/unit.h"

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/thread.h"

enum { SOME_PC = 0x1000, SOME_ENTRY = 7 };

static struct thread *first;

/* As the system call does: a thread that has run code of its mode and ends. */
static struct thread *ended_thread(void)
{
    struct thread *t = thread_new(first->guest, first);
    t->code_mode = t->cpu.mode;
    t->jump_cache[SOME_ENTRY].pc = SOME_PC;
    thread_enter(t);
    thread_free(t);
    thread_enter(first);
    return t;
}

static void test_nothing_is_known_of_another_mode(void **state)
{
    (void)state;
    first->cpu.mode = 1;
    struct thread *t = thread_new(first->guest, first);
    assert_int_equal(t->code_mode, 1);
    thread_free(t);
}

static void test_jumps_stay_known_when_a_thread_ends(void **state)
{
    (void)state;
    struct thread *old = ended_thread(), *t = thread_new(first->guest, first);
    assert_ptr_equal(t, old);
    assert_int_equal(t->jump_cache[SOME_ENTRY].pc, SOME_PC);
    assert_int_equal(t->code_mode, first->cpu.mode);
    thread_free(t);
}

static void test_the_mode_of_what_is_known_stays_known(void **state)
{
    (void)state;
    uint32_t mode = first->cpu.mode;
    struct thread *old = ended_thread();
    first->cpu.mode = mode + 1;
    struct thread *t = thread_new(first->guest, first);
    assert_ptr_equal(t, old);
    assert_int_equal(t->code_mode, mode);
    assert_int_equal(t->cpu.mode, mode + 1);
    thread_free(t);
}

static void test_jumps_are_forgotten_if_code_went_meanwhile(void **state)
{
    (void)state;
    struct thread *old = ended_thread();
    thread_kick_all();
    struct thread *t = thread_new(first->guest, first);
    assert_ptr_equal(t, old);
    assert_int_not_equal(t->jump_cache[SOME_ENTRY].pc, SOME_PC);
    thread_free(t);
}

static int start(void **state)
{
    (void)state;
    const struct guest *guest = guest_by_name("aarch64");
    engine_options.engine = ENGINE_INTERP;
    engine_init(guest);
    first = thread_new(guest, NULL);
    thread_enter(first);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known_of_another_mode),
        cmocka_unit_test(test_jumps_stay_known_when_a_thread_ends),
        cmocka_unit_test(test_the_mode_of_what_is_known_stays_known),
        cmocka_unit_test(test_jumps_are_forgotten_if_code_went_meanwhile),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
