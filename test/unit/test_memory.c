/* test_memory.c - the map of guest regions: splitting, merging, protection, and the translator's
 * own ranges. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/host.h"
#include "core/memory.h"
#include "test/unit/unit.h"

enum {
    PAGE = 4096,
    BASE = 0x100000,
    RW = PROT_READ | PROT_WRITE,
    ANON = MAP_PRIVATE | MAP_ANONYMOUS
};

static void add(guest_addr start, guest_addr end, int prot, int flags, off_t offset,
                const char *name)
{
    memory_map_add(&(struct region){.start = BASE + start * PAGE,
                                    .end = BASE + end * PAGE,
                                    .prot = prot,
                                    .flags = flags,
                                    .offset = offset * PAGE,
                                    .name = (char *)name});
}

/* The region at or above page AT must be [start, end) with PROT. */
static void expect(guest_addr at, guest_addr start, guest_addr end, int prot)
{
    struct region r;
    assert_true(memory_map_find(BASE + at * PAGE, &r));
    assert_int_equal(r.start, BASE + start * PAGE);
    assert_int_equal(r.end, BASE + end * PAGE);
    assert_int_equal(r.prot, prot);
}

static int clear(void **state)
{
    struct region r;
    (void)state;
    memory_map_remove(0, (guest_addr)1 << 47);
    assert_false(memory_map_find(0, &r));
    return 0;
}

static void test_memory_merges_like_neighbours(void **state)
{
    (void)state;
    add(0, 2, RW, ANON, 0, NULL);
    add(4, 6, RW, ANON, 0, NULL);
    add(2, 4, RW, ANON, 0, NULL);
    expect(0, 0, 6, RW);
    add(6, 8, PROT_READ, ANON, 0, NULL);
    expect(7, 6, 8, PROT_READ);
}

static void test_memory_merges_files_only_if_offsets_follow(void **state)
{
    (void)state;
    add(0, 2, PROT_READ, MAP_PRIVATE, 0, "/a");
    add(2, 4, PROT_READ, MAP_PRIVATE, 2, "/a");
    expect(0, 0, 4, PROT_READ);
    add(4, 6, PROT_READ, MAP_PRIVATE, 7, "/a");
    expect(4, 4, 6, PROT_READ);
    add(6, 8, PROT_READ, MAP_PRIVATE, 9, "/b");
    expect(6, 6, 8, PROT_READ);
}

static void test_memory_replaces_the_middle(void **state)
{
    struct region r;
    (void)state;
    add(0, 10, PROT_READ, MAP_PRIVATE, 100, "/file");
    add(3, 5, RW, ANON, 0, NULL);
    expect(0, 0, 3, PROT_READ);
    expect(3, 3, 5, RW);
    expect(5, 5, 10, PROT_READ);
    assert_true(memory_map_find(BASE + 5 * PAGE, &r));
    assert_int_equal(r.offset, 105 * PAGE);
}

static void test_memory_remove_over_several(void **state)
{
    (void)state;
    add(0, 2, RW, ANON, 0, NULL);
    add(3, 5, PROT_READ, ANON, 0, NULL);
    add(6, 9, RW, ANON, 0, NULL);
    memory_map_remove(BASE + 1 * PAGE, BASE + 7 * PAGE);
    expect(0, 0, 1, RW);
    expect(1, 7, 9, RW);
}

static void test_memory_protect_reports_holes(void **state)
{
    (void)state;
    add(0, 4, RW, ANON, 0, NULL);
    assert_true(memory_map_protect(BASE + 1 * PAGE, BASE + 2 * PAGE, PROT_READ));
    expect(0, 0, 1, RW);
    expect(1, 1, 2, PROT_READ);
    expect(2, 2, 4, RW);
    assert_true(memory_map_protect(BASE + 1 * PAGE, BASE + 2 * PAGE, RW));
    expect(0, 0, 4, RW);
    assert_false(memory_map_protect(BASE + 3 * PAGE, BASE + 6 * PAGE, PROT_NONE));
    expect(3, 3, 4, PROT_NONE);
}

static void test_memory_that_was_writable_may_differ_from_its_file(void **state)
{
    struct region r = {.start = BASE, .end = BASE + 6 * PAGE, .prot = PROT_READ, .flags = MAP_PRIVATE, .name = (char *)"/a", .changed = 7};
    (void)state;
    memory_map_add(&r);
    memory_map_protect(BASE + 2 * PAGE, BASE + 4 * PAGE, RW);
    assert_true(memory_map_find(BASE, &r));
    assert_int_equal(r.changed, 7);
    assert_true(memory_map_find(BASE + 3 * PAGE, &r));
    assert_int_equal(r.changed, 0);
    memory_map_protect(BASE + 2 * PAGE, BASE + 4 * PAGE, PROT_READ);
    expect(3, 0, 6, PROT_READ);
    assert_true(memory_map_find(BASE, &r));
    assert_int_equal(r.changed, 0);
    r.prot = RW;
    r.changed = 7;
    memory_map_add(&r);
    assert_true(memory_map_find(BASE, &r));
    assert_int_equal(r.changed, 0);
}

static void test_memory_check_needs_every_page(void **state)
{
    (void)state;
    add(0, 2, RW, ANON, 0, NULL);
    add(2, 4, PROT_READ | PROT_EXEC, ANON, 0, NULL);
    assert_true(memory_check(BASE + PAGE, 2 * PAGE, PROT_READ));
    assert_false(memory_check(BASE + PAGE, 2 * PAGE, PROT_WRITE));
    assert_true(memory_check(BASE + 4 * PAGE - 1, 1, PROT_EXEC));
    assert_false(memory_check(BASE + 4 * PAGE - 1, 2, PROT_EXEC));
    assert_false(memory_check(BASE - 1, 2, PROT_READ));
    assert_false(memory_check(UINT64_MAX - 10, 100, 0));
    assert_true(memory_check(BASE, 0, PROT_READ));
}

static void test_memory_own_ranges(void **state)
{
    (void)state;
    memory_reserve_own((void *)0x700000001000, PAGE);
    assert_false(memory_is_guest_or_free(0x700000000000, 0x700000002000));
    assert_true(memory_is_guest_or_free(0x700000000000, 0x700000001000));
    assert_true(memory_is_guest_or_free(0x700000002000, 0x700000003000));
    memory_release_own((void *)0x700000001000, PAGE);
    assert_true(memory_is_guest_or_free(0x700000000000, 0x700000002000));
}

static void test_memory_many_regions_stay_sorted(void **state)
{
    struct region r;
    unsigned n = 0;
    guest_addr last = 0;
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        add(i * 7 % 500 * 2, i * 7 % 500 * 2 + 1, i & 1 ? RW : PROT_READ, ANON, 0, NULL);
    for (guest_addr at = 0; memory_map_find(at, &r); at = r.end, n++) {
        assert_true(r.start >= last && r.end > r.start);
        last = r.end;
    }
    assert_int_equal(n, 500);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)info;
    if (!host_context_fail_copy(context))
        signal(sig, SIG_DFL);
}

/* A read and a write of each size that end at a hole, and that reach into it. */
static void test_memory_access_to_hole_fails(void **state)
{
    enum { LARGEST = 40 };
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;
    uint8_t *page = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0), *hole = page + PAGE, out[LARGEST], in[LARGEST];
    (void)state;
    assert_int_equal(mprotect(hole, PAGE, PROT_NONE), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, &old), 0);
    for (unsigned i = 0; i < LARGEST; i++)
        in[i] = (uint8_t)(i + 1);
    for (unsigned n = 1; n <= LARGEST; n++) {
        guest_addr at = (uintptr_t)hole - n;
        memset(out, 0, sizeof(out));
        assert_int_equal(memory_write(at, in, n), 0);
        assert_memory_equal(hole - n, in, n);
        assert_int_equal(memory_read(out, at, n), 0);
        assert_memory_equal(out, in, n);
        memset(out, 0, sizeof(out));
        assert_int_equal(memory_read(out, at + 1, n), -EFAULT);
        assert_int_equal(out[n - 1], 0);
        assert_int_equal(memory_write(at + 1, in, n), -EFAULT);
        assert_int_equal(memory_read(out, (uintptr_t)hole, n), -EFAULT);
    }
    sigaction(SIGSEGV, &old, NULL);
    munmap(page, 2 * PAGE);
}

static void test_memory_strings(void **state)
{
    /* At the end of a page, because whole rests of pages are read. */
    char out[16], *page = mmap(NULL, PAGE, RW, ANON, -1, 0), *text = page + PAGE - 13;
    guest_addr at = (uintptr_t)text;
    (void)state;
    memcpy(text, "twelve bytes", 13);
    assert_int_equal(memory_read_string(out, at, sizeof(out)), 12);
    assert_string_equal(out, text);
    assert_int_equal(memory_read_string(out, at, 13), 12);
    assert_int_equal(memory_read_string(out, at, 12), -ENAMETOOLONG);
    assert_int_equal(memory_read(out, (guest_addr)1 << 60, 1), -EFAULT);
    assert_int_equal(memory_write(((guest_addr)1 << 47) - 1, out, 2), -EFAULT);
    assert_int_equal(memory_zero(at + 3, 2), 0);
    assert_memory_equal(text, "twe\0\0e bytes", 13);
    munmap(page, PAGE);
}

/* Thousands of regions against one word per page. */
static void test_memory_map_equals_a_page_table(void **state)
{
    enum { PAGES = 3000, STEPS = 30000 };
    static uint8_t page[PAGES];
    uint32_t random = 12345;
    (void)state;
    for (int i = 0; i < STEPS; i++) {
        random = random * 1664525 + 1013904223;
        guest_addr start = random >> 8 & 0xfff, end = start + 1 + (random >> 20 & 7);
        int prot = random & 64 ? RW : PROT_READ;
        if (end > PAGES)
            continue;
        switch (random >> 29 & (i % 4096 < 3072 ? 1 : 3)) {
        case 0:
        case 1:
            add(start, end, prot, ANON, 0, NULL);
            memset(page + start, 1 + prot, end - start);
            break;
        case 2:
            memory_map_remove(BASE + start * PAGE, BASE + end * PAGE);
            memset(page + start, 0, end - start);
            break;
        case 3:
            memory_map_protect(BASE + start * PAGE, BASE + end * PAGE, prot);
            for (guest_addr at = start; at < end; at++)
                page[at] = page[at] ? (uint8_t)(1 + prot) : 0;
            break;
        }
        if (i % 500)
            continue;
        struct region r;
        guest_addr at = 0;
        for (; at < PAGES && memory_map_find(BASE + at * PAGE, &r);) {
            for (; at < (r.start - BASE) / PAGE; at++)
                assert_int_equal(page[at], 0);
            for (; at < (r.end - BASE) / PAGE; at++)
                assert_int_equal(page[at], 1 + r.prot);
            assert_true(at == PAGES || page[at] != 1 + r.prot); /* like neighbours are merged */
        }
        for (; at < PAGES; at++)
            assert_int_equal(page[at], 0);
    }
}

#define CASE(name) cmocka_unit_test_setup(name, clear)

void *__wrap_memcpy(void *dst, const void *src, size_t n); /* arch/x86/host_copy.S: of the static program */

static void test_copies_move_just_their_bytes(void **state)
{
    enum { MOST = 2100, AROUND = 32 };
    static uint8_t src[MOST + 2 * AROUND], dst[sizeof src], expected[sizeof src];
    (void)state;
    for (unsigned i = 0; i < sizeof src; i++)
        src[i] = (uint8_t)(i * 7 + i / 256 * 3 + 1);
    for (unsigned n = 0; n <= MOST; n += n < 300 || (n > 1000 && n < 1050) ? 1 : 37)
        for (unsigned shift = 0; shift < 16; shift += 5)
            for (int ours = 0; ours < 2; ours++) {
                memset(dst, 0, sizeof dst);
                memset(expected, 0, sizeof expected);
                for (unsigned i = 0; i < n; i++)
                    expected[AROUND + i] = src[shift + i];
                if (ours)
                    assert_true(host_copy(dst + AROUND, src + shift, n));
                else
                    assert_ptr_equal(__wrap_memcpy(dst + AROUND, src + shift, n), dst + AROUND);
                assert_memory_equal(dst, expected, sizeof dst);
            }
}

static unsigned resident(const void *p, unsigned n)
{
    unsigned char in[64];
    unsigned found = 0;
    assert_int_equal(mincore((void *)(uintptr_t)p, n * PAGE, in), 0);
    for (unsigned i = 0; i < n; i++)
        found += in[i] & 1;
    return found;
}

static void test_populated_data_has_its_pages(void **state)
{
    enum { N = 16, AHEAD = 10 };
    char *p = mmap(NULL, N * PAGE, RW, ANON, -1, 0);
    (void)state;
    assert_ptr_not_equal(p, MAP_FAILED);
    if (madvise(p, PAGE, 23 /* MADV_POPULATE_WRITE */))
        skip(); /* before Linux 5.14 */
    memory_populate_data((uintptr_t)p, AHEAD * PAGE);
    assert_int_equal(resident(p, AHEAD), AHEAD);
    assert_int_equal(resident(p + AHEAD * PAGE, N - AHEAD), 0);
    munmap(p, N * PAGE);
}

/* A file that ends before its mapping: what there is of it is filled, and nothing is reported. */
static void test_populated_data_may_end_early(void **state)
{
    FILE *f = tmpfile();
    (void)state;
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), 100), 0);
    char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fileno(f), 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    memory_populate_data((uintptr_t)p, 4 * PAGE);
    assert_int_equal(p[0], 0);
    munmap(p, 4 * PAGE);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_populated_data_has_its_pages),
        CASE(test_populated_data_may_end_early),
        CASE(test_copies_move_just_their_bytes),
        CASE(test_memory_merges_like_neighbours),
        CASE(test_memory_merges_files_only_if_offsets_follow),
        CASE(test_memory_replaces_the_middle),
        CASE(test_memory_remove_over_several),
        CASE(test_memory_protect_reports_holes),
        CASE(test_memory_that_was_writable_may_differ_from_its_file),
        CASE(test_memory_check_needs_every_page),
        CASE(test_memory_own_ranges),
        CASE(test_memory_many_regions_stay_sorted),
        CASE(test_memory_access_to_hole_fails),
        CASE(test_memory_strings),
        CASE(test_memory_map_equals_a_page_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
