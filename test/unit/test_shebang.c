/* test_shebang.c - first lines of scripts, against what Linux's binfmt_script does. */
#include <errno.h>
#include <stdio.h>

#include "core/shebang.h"
#include "test/unit/unit.h"

static struct shebang line;

static int parse(const char *text) { return shebang_parse(text, strlen(text), &line); }

static void test_shebang_plain(void **state)
{
    (void)state;
    assert_int_equal(parse("#!/bin/sh\necho\n"), 1);
    assert_string_equal(line.interpreter, "/bin/sh");
    assert_false(line.has_argument);
}

static void test_shebang_argument_is_one_word(void **state)
{
    (void)state;
    assert_int_equal(parse("#! /usr/bin/env\t-S  a b \t\n"), 1);
    assert_string_equal(line.interpreter, "/usr/bin/env");
    assert_string_equal(line.argument, "-S  a b");
}

static void test_shebang_without_newline(void **state)
{
    (void)state;
    assert_int_equal(parse("#!/bin/sh"), 1);
    assert_string_equal(line.interpreter, "/bin/sh");
}

static void test_shebang_not_a_script(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("#"), 0);
    assert_int_equal(parse("\177ELF"), 0);
}

static void test_shebang_empty(void **state)
{
    (void)state;
    assert_int_equal(parse("#!"), -ENOEXEC);
    assert_int_equal(parse("#!\n/bin/sh"), -ENOEXEC);
    assert_int_equal(parse("#!  \t \n"), -ENOEXEC);
}

static void test_shebang_too_long(void **state)
{
    char text[SHEBANG_SIZE];
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "#!", 2);
    assert_int_equal(shebang_parse(text, sizeof text, &line), -ENOEXEC);
    text[100] = ' '; /* the name ends in time, its argument is cut */
    assert_int_equal(shebang_parse(text, sizeof text, &line), 1);
    assert_int_equal(strlen(line.interpreter), 98);
    assert_true(line.has_argument);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shebang_plain),           cmocka_unit_test(test_shebang_argument_is_one_word),
        cmocka_unit_test(test_shebang_without_newline), cmocka_unit_test(test_shebang_not_a_script),
        cmocka_unit_test(test_shebang_empty),           cmocka_unit_test(test_shebang_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
