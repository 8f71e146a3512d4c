/* test_vdso.c - the vDSO image, read with the structures of ELF as a dynamic linker reads it. */
#include <elf.h>
#include <stddef.h>

#include "loader/elf.h"
#include "loader/vdso.h"
#include "test/unit/unit.h"

enum { PAGE = 4096, MACHINE = 243 };

static const uint8_t first[20] = {1, 2, 3}, second[7] = {4, 5, 6}, third[16] = {7};
static const struct vdso_function functions[] = {
    {"first_function", first, sizeof first},
    {"second", second, sizeof second},
    {"third", third, sizeof third},
};
static const struct vdso vdso = {"VERSION_1.2.3", functions, ARRAY_SIZE(functions), 1};

static struct {
    uint8_t page[PAGE] __attribute__((aligned(16)));
    uint8_t behind[16];
} image;
static guest_addr address[VDSO_MAX_FUNCTIONS];
static size_t used;

static int set_up(void **state)
{
    (void)state;
    memset(&image, 0xee, sizeof image);
    used = vdso_build(&vdso, MACHINE, image.page, PAGE, address);
    return 0;
}

static const Elf64_Phdr *segment(uint32_t type)
{
    const Elf64_Ehdr *head = (const void *)image.page;
    const Elf64_Phdr *p = (const void *)(image.page + head->e_phoff);
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (p[i].p_type == type)
            return &p[i];
    return NULL;
}

/* The value of TAG, which must be there once. */
static uint64_t dynamic(int64_t tag)
{
    const Elf64_Phdr *p = segment(PT_DYNAMIC);
    const Elf64_Dyn *d = (const void *)(image.page + p->p_offset);
    uint64_t value = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < p->p_filesz / sizeof *d && d[i].d_tag != DT_NULL; i++) {
        if (d[i].d_tag == tag) {
            value = d[i].d_un.d_val;
            n++;
        }
    }
    assert_int_equal(n, 1);
    return value;
}

static const void *dynamic_at(int64_t tag) { return image.page + dynamic(tag); }

static const char *string(uint64_t offset)
{
    assert_true(offset < dynamic(DT_STRSZ));
    return (const char *)dynamic_at(DT_STRTAB) + offset;
}

static void test_vdso_headers(void **state)
{
    (void)state;
    static struct elf_image parsed;
    assert_int_equal(elf_parse(image.page, PAGE, &parsed), 0);
    assert_true(parsed.is_dyn);
    assert_int_equal(parsed.bits, 64);
    assert_false(parsed.big_endian);
    assert_int_equal(parsed.machine, MACHINE);
    assert_int_equal(parsed.n_segments, 1);
    const Elf64_Phdr *load = segment(PT_LOAD), *p = segment(PT_DYNAMIC);
    assert_int_equal(load->p_vaddr, 0);
    assert_int_equal(load->p_offset, 0);
    assert_int_equal(load->p_filesz, used);
    assert_int_equal(load->p_flags, PF_R | PF_X);
    assert_int_equal(p->p_vaddr, p->p_offset);
    assert_true(p->p_offset + p->p_filesz <= used);
}

static void test_vdso_stays_in_its_page(void **state)
{
    (void)state;
    assert_true(used < PAGE);
    for (size_t i = used; i < PAGE; i++)
        assert_int_equal(image.page[i], 0);
    for (size_t i = 0; i < sizeof image.behind; i++)
        assert_int_equal(image.behind[i], 0xee);
}

static void test_vdso_is_the_same_every_time(void **state)
{
    (void)state;
    static uint8_t again[PAGE] __attribute__((aligned(16)));
    memset(again, 0x55, sizeof again);
    assert_int_equal(vdso_build(&vdso, MACHINE, again, PAGE, address), used);
    assert_memory_equal(again, image.page, PAGE);
}

static void test_vdso_symbols(void **state)
{
    (void)state;
    const Elf64_Sym *symbol = dynamic_at(DT_SYMTAB);
    assert_int_equal(dynamic(DT_SYMENT), sizeof *symbol);
    assert_int_equal(symbol[0].st_name, 0);
    assert_int_equal(symbol[0].st_shndx, SHN_UNDEF);
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
        const Elf64_Sym *s = &symbol[i + 1];
        assert_string_equal(string(s->st_name), functions[i].name);
        assert_int_equal(s->st_value, address[i]);
        assert_int_equal(s->st_size, functions[i].size);
        assert_int_equal(s->st_info, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC));
        assert_int_not_equal(s->st_shndx, SHN_UNDEF);
        assert_int_equal(address[i] % 4, 0);
        assert_memory_equal(image.page + address[i], functions[i].code, functions[i].size);
    }
}

/* System V ABI, "Hash Table": the value of "printf" there is 0x077905a6. */
static uint32_t elf_hash(const char *name)
{
    uint32_t h = 0, g;
    for (; *name; h &= ~g) {
        h = (h << 4) + (uint8_t)*name++;
        g = h & 0xf0000000;
        h ^= g >> 24;
    }
    return h;
}

static void test_vdso_every_name_is_found_by_its_hash(void **state)
{
    (void)state;
    const uint32_t *table = dynamic_at(DT_HASH);
    uint32_t n_buckets = table[0], n_chain = table[1];
    const uint32_t *bucket = table + 2, *chain = bucket + n_buckets;
    const Elf64_Sym *symbol = dynamic_at(DT_SYMTAB);
    assert_int_equal(elf_hash("printf"), 0x077905a6);
    assert_int_equal(n_chain, ARRAY_SIZE(functions) + 1);
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
        uint32_t at = bucket[elf_hash(functions[i].name) % n_buckets], steps = 0;
        while (at && strcmp(string(symbol[at].st_name), functions[i].name)) {
            assert_true(at < n_chain && steps++ < n_chain);
            at = chain[at];
        }
        assert_int_equal(at, i + 1);
    }
    uint32_t at = bucket[elf_hash("missing") % n_buckets], steps = 0;
    for (; at; at = chain[at])
        assert_true(at < n_chain && steps++ < n_chain);
}

static void test_vdso_versions(void **state)
{
    (void)state;
    const uint8_t *at = dynamic_at(DT_VERDEF);
    const uint16_t *of_symbol = dynamic_at(DT_VERSYM);
    static const char *const names[] = {"linux-vdso.so.1", "VERSION_1.2.3"};
    assert_int_equal(dynamic(DT_VERDEFNUM), 2);
    assert_string_equal(string(dynamic(DT_SONAME)), names[0]);
    for (unsigned i = 0; i < 2; i++) {
        const Elf64_Verdef *v = (const void *)at;
        const Elf64_Verdaux *aux = (const void *)(at + v->vd_aux);
        assert_int_equal(v->vd_version, 1);
        assert_int_equal(v->vd_flags, i ? 0 : VER_FLG_BASE);
        assert_int_equal(v->vd_ndx, i + 1);
        assert_int_equal(v->vd_cnt, 1);
        assert_int_equal(v->vd_hash, elf_hash(names[i]));
        assert_string_equal(string(aux->vda_name), names[i]);
        assert_int_equal(aux->vda_next, 0);
        assert_int_equal(v->vd_next != 0, i == 0);
        at += v->vd_next;
    }
    assert_int_equal(of_symbol[0], VER_NDX_LOCAL);
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
        assert_int_equal(of_symbol[i + 1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_vdso_headers, set_up),
        cmocka_unit_test_setup(test_vdso_stays_in_its_page, set_up),
        cmocka_unit_test_setup(test_vdso_is_the_same_every_time, set_up),
        cmocka_unit_test_setup(test_vdso_symbols, set_up),
        cmocka_unit_test_setup(test_vdso_every_name_is_found_by_its_hash, set_up),
        cmocka_unit_test_setup(test_vdso_versions, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
