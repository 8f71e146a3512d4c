/* test_workspace.c - threads that translate at once, the same code and each its own, while others invalidate it and the code buffer is
 * filled again and again: each block is what one thread alone makes of the same code. Nothing is run. */
#include "test/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "arch/guests.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/tb.h"
#include "core/thread.h"

enum { CODE = 0x30000000, BLOCKS = 400, INSNS = 24, SIZE = 0x10000, THREADS = 4, LINE = 64, CODE_SIZE = 1 << 20 };
enum { ROUNDS_ALONE = 4, ROUNDS = 12, MOST_ROUNDS = 1000 };

static const struct guest *guest;
static struct thread *threads[THREADS];
static atomic_bool stop;
static atomic_uint n_wrong, n_compared;

/* Of a block at each place in a cache line, 0: not known: a hash of its code but for where exits lead and for the distance to the word
 * with the file's address. */
static uint64_t alone[BLOCKS][LINE / 16];

static guest_addr pc_of(unsigned block) { return CODE + INSNS * 4 * block; }

static uint64_t hash_of(const struct tb *tb)
{
    uint8_t code[4096];
    uint64_t hash = tb->size;
    memcpy(code, tb->code, tb->size);
    for (unsigned i = 0; i < tb->n_exits; i++)
        memset(code + tb->exits[i].site, 0, 4);
    for (unsigned i = 0; i < tb->n_bias; i++)
        memset(code + tb->bias_at[i], 0, 4);
    for (uint32_t i = 0; i < tb->size; i++)
        hash = (hash ^ code[i]) * 0x100000001b3u;
    return hash;
}

/* Displacements lead to the word with the file's address. */
static bool reaches_cell(const struct tb *tb)
{
    for (unsigned i = 0; i < tb->n_bias; i++) {
        const uint8_t *field = tb->code + tb->bias_at[i];
        int32_t disp;
        memcpy(&disp, field, 4);
        if (*(const int64_t *)(const void *)(field + 4 + disp) != CODE)
            return false;
    }
    return tb->n_bias > 0;
}

/* What is patched while others run it lies in one line. */
static bool has_whole_sites(const struct tb *tb)
{
    for (unsigned i = 0; i < tb->n_exits; i++)
        if (((uintptr_t)tb->code + tb->exits[i].site) % LINE > LINE - 4)
            return false;
    return tb->n_exits > 0;
}

static bool is_right(const struct tb *tb, unsigned block)
{
    uint64_t known = alone[block][(uintptr_t)tb->code % LINE / 16];
    n_compared += known != 0;
    return (!known || known == hash_of(tb)) && reaches_cell(tb) && has_whole_sites(tb) && tb->pc == pc_of(block) &&
           tb_from_host(tb->code + tb->size / 2, NULL) == tb;
}

/* The code buffer, which note_alone empties as well. */
static bool was_filled(void) { return tb_generation() > ROUNDS_ALONE; }

static void *translate_all(void *p)
{
    unsigned id = (unsigned)(uintptr_t)p;
    thread_enter(threads[id]);
    for (unsigned n = 0; n < ROUNDS * BLOCKS || (!was_filled() && n < MOST_ROUNDS * BLOCKS); n++) {
        unsigned block = (n + id / 2 * BLOCKS / 2) % BLOCKS; /* two threads do the same */
        thread_inside(threads[id]);
        const struct tb *tb = tb_get(threads[id], pc_of(block), 0);
        n_wrong += !tb || !is_right(tb, block);
        thread_outside(threads[id]);
    }
    return NULL;
}

static void *invalidate(void *p)
{
    (void)p;
    for (unsigned n = 0; !stop; n = n * 5 + 1)
        tb_invalidate(pc_of(n % BLOCKS), n % 16 ? 4 : 4096);
    return NULL;
}

static void note_alone(void)
{
    for (unsigned round = 0; round < ROUNDS_ALONE; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            unsigned block = (i * (2 * round + 1) + round) % BLOCKS;
            const struct tb *tb = tb_get(threads[0], pc_of(block), 0);
            assert_non_null(tb);
            assert_true(is_right(tb, block));
            alone[block][(uintptr_t)tb->code % LINE / 16] = hash_of(tb);
        }
        tb_flush();
    }
}

static void test_several_threads_make_what_one_makes(void **state)
{
    (void)state;
    pthread_t id[THREADS], other;
    note_alone();
    n_compared = 0;
    for (unsigned i = 1; i < THREADS; i++)
        threads[i] = thread_new(guest, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, translate_all, (void *)i);
    pthread_create(&other, NULL, invalidate, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    stop = true;
    pthread_join(other, NULL);
    assert_int_equal(n_wrong, 0);
    assert_true(n_compared > THREADS * ROUNDS * BLOCKS / 2);
    assert_true(was_filled());
}

static uint32_t insn(unsigned n)
{
    switch (n % 4) {
    case 0: return 0x91000000u | (n & 0xfff) << 10; /* add x0, x0, #n */
    case 1: return 0x10000001u | (n & 0xff) << 5;   /* adr x1, . + 4 * n */
    case 2: return 0xca010000u;                     /* eor x0, x0, x1 */
    default: return 0xb5000040u;                    /* cbnz x0, . + 8 */
    }
}

static int start(void **state)
{
    (void)state;
    void *p = mmap(memory_host(CODE), SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != memory_host(CODE))
        return -1;
    uint32_t *code = p;
    for (unsigned i = 0; i < BLOCKS * INSNS; i++)
        code[i] = i % INSNS == INSNS - 1 ? 0xd65f03c0u : insn(i + i / INSNS); /* ret */
    guest = guest_by_name("aarch64");
    engine_options.engine = ENGINE_JIT;
    engine_options.no_tier2 = true;
    engine_options.code_size = CODE_SIZE;
    engine_init(guest);
    memory_map_add(&(struct region){
        .start = CODE, .end = CODE + SIZE, .prot = PROT_READ | PROT_EXEC, .flags = MAP_PRIVATE, .inode = 1});
    threads[0] = thread_new(guest, NULL);
    thread_enter(threads[0]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_threads_make_what_one_makes),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
