/* test_elf.c - which files the ELF reader accepts, and how it refuses the others. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "loader/elf.h"
#include "test/unit/unit.h"

enum { FILE_SIZE = 4096 };

static uint8_t file[FILE_SIZE];
static Elf64_Ehdr *head;
static Elf64_Phdr *phdr;
static struct elf_image image;

/* A small valid program: one segment with code and data. */
static int set_up(void **state)
{
    (void)state;
    memset(file, 0, sizeof file);
    head = (void *)file;
    phdr = (void *)(file + sizeof *head);
    memcpy(head->e_ident, "\177ELF\2\1\1", 7);
    *head = (Elf64_Ehdr){
        .e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_version = 1, .e_entry = 0x400100, .e_phoff = sizeof *head,
        .e_phentsize = sizeof *phdr, .e_phnum = 1, .e_ehsize = sizeof *head,
    };
    memcpy(head->e_ident, "\177ELF\2\1\1", 7);
    phdr[0] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = FILE_SIZE, .p_memsz = 0x2345,
        .p_align = 0x10000,
    };
    return 0;
}

static int parse(void) { return elf_parse(file, sizeof file, &image); }

static void test_elf_valid(void **state)
{
    (void)state;
    assert_int_equal(parse(), 0);
    assert_int_equal(image.low, 0x400000);
    assert_int_equal(image.high, 0x403000);
    assert_int_equal(image.phdr_vaddr, 0x400000 + sizeof *head);
    assert_int_equal(image.align, 0x10000);
    assert_false(image.has_interp);
}

static void test_elf_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof file; size++)
        assert_int_equal(elf_parse(file, size, &image), -ENOEXEC);
}

static void test_elf_not_elf(void **state)
{
    (void)state;
    file[0] = 'M';
    assert_int_equal(parse(), -ENOEXEC);
    assert_string_equal(image.error, "is neither an ELF file nor a script");
}

static void test_elf_object_file(void **state)
{
    (void)state;
    head->e_type = ET_REL;
    assert_int_equal(parse(), -ENOEXEC);
    assert_non_null(strstr(image.error, "object file"));
}

static void test_elf_file_larger_than_memory(void **state)
{
    (void)state;
    phdr->p_memsz = 5;
    assert_int_equal(parse(), -EINVAL);
}

static void test_elf_addresses_that_wrap(void **state)
{
    (void)state;
    phdr->p_vaddr = ~(uint64_t)0xfff;
    assert_int_equal(parse(), -EINVAL);
    phdr->p_vaddr = 0x400000;
    phdr->p_memsz = ~(uint64_t)0;
    assert_int_equal(parse(), -EINVAL);
}

static void test_elf_offsets_that_wrap(void **state)
{
    (void)state;
    phdr->p_offset = ~(uint64_t)0xfff;
    assert_int_equal(parse(), -ENOEXEC);
    head->e_phoff = ~(uint64_t)7;
    assert_int_equal(parse(), -ENOEXEC);
}

static void test_elf_unaligned_segment(void **state)
{
    (void)state;
    phdr->p_vaddr += 8;
    assert_int_equal(parse(), -EINVAL);
}

static void test_elf_interpreter(void **state)
{
    (void)state;
    static const char name[] = "/lib/ld-linux-aarch64.so.1";
    head->e_phnum = 2;
    phdr[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 512, .p_filesz = sizeof name, .p_memsz = sizeof name};
    memcpy(file + 512, name, sizeof name);
    assert_int_equal(parse(), 0);
    assert_string_equal(image.interp, name);
    phdr[1].p_filesz--; /* no longer ends in a NUL */
    assert_int_equal(parse(), -ENOEXEC);
    phdr[1].p_filesz = 1;
    assert_int_equal(parse(), -ENOEXEC);
    phdr[1].p_filesz = 1 << 20;
    assert_int_equal(parse(), -ENOEXEC);
}

static void test_elf_nothing_to_load(void **state)
{
    (void)state;
    phdr->p_type = PT_NOTE;
    assert_int_equal(parse(), -EINVAL);
    head->e_phnum = 0;
    assert_int_equal(parse(), -ENOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_elf_valid, set_up),
        cmocka_unit_test_setup(test_elf_every_truncation_is_refused, set_up),
        cmocka_unit_test_setup(test_elf_not_elf, set_up),
        cmocka_unit_test_setup(test_elf_object_file, set_up),
        cmocka_unit_test_setup(test_elf_file_larger_than_memory, set_up),
        cmocka_unit_test_setup(test_elf_addresses_that_wrap, set_up),
        cmocka_unit_test_setup(test_elf_offsets_that_wrap, set_up),
        cmocka_unit_test_setup(test_elf_unaligned_segment, set_up),
        cmocka_unit_test_setup(test_elf_interpreter, set_up),
        cmocka_unit_test_setup(test_elf_nothing_to_load, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
