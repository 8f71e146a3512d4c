/* ir_interp_memory.c - the reference engine: guest memory and atomic operations.
 *
 * Every guest access is one host access of the same size, so that other threads see the same
 * atomicity as with generated code. */
#include "core/ir_interp.h"

#include <string.h>

#include "core/log.h"
#include "core/memory.h"

void (*ir_store_hook)(struct thread *thread, guest_addr addr, unsigned size);

/* ---- Guest memory
 * ----------------------------------------------------------------------------------- */

typedef uint16_t any_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t any_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t any_u64 __attribute__((aligned(1), may_alias));
typedef uint64_t any_v128 __attribute__((vector_size(16), aligned(1), may_alias));

/* The guest may access any address, null too, at any alignment. */
#define GUEST_ACCESS __attribute__((no_sanitize("undefined")))

/* An access may end the block by a fault: what the block did before must be in memory by then. */
static inline void state_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static guest_addr address(const struct interp *r, const struct ir_op *op)
{
    guest_addr index =
        op->b != IR_NONE ? interp_integer(r, op->b) << (op->aux >> MEM_SCALE_SHIFT & 3) : 0;
    return interp_integer(r, op->a) + index + (guest_addr)(int64_t)op->disp;
}

GUEST_ACCESS static uint64_t memory_load(guest_addr addr, unsigned size_log2)
{
    const void *p = memory_host(addr);
    uint64_t value;
    state_barrier();
    /* clang-format off */
    switch (size_log2) {
    case 0: value = *(const volatile uint8_t *)p; break;
    case 1: value = *(const volatile any_u16 *)p; break;
    case 2: value = *(const volatile any_u32 *)p; break;
    default: value = *(const volatile any_u64 *)p; break;
    }
    /* clang-format on */
    state_barrier();
    return value;
}

GUEST_ACCESS static void memory_store(const struct interp *r, guest_addr addr, unsigned size_log2,
                                      uint64_t value)
{
    void *p = memory_host(addr);
    if (ir_store_hook)
        ir_store_hook(r->thread, addr, 1u << size_log2);
    state_barrier();
    /* clang-format off */
    switch (size_log2) {
    case 0: *(volatile uint8_t *)p = (uint8_t)value; break;
    case 1: *(volatile any_u16 *)p = (uint16_t)value; break;
    case 2: *(volatile any_u32 *)p = (uint32_t)value; break;
    default: *(volatile any_u64 *)p = value; break;
    }
    /* clang-format on */
    state_barrier();
}

static uint64_t swap_bytes(uint64_t value, unsigned size_log2)
{
    return __builtin_bswap64(value) >> (64 - (8 << size_log2));
}

unsigned interp_load(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned size = op->aux & MEM_SIZE;
    uint64_t value = memory_load(address(r, op), size);
    if (op->aux & MEM_SWAP)
        value = swap_bytes(value, size);
    if (op->aux & MEM_SIGN) {
        unsigned unused = 64 - (8u << size);
        value = (uint64_t)((int64_t)(value << unused) >> unused);
        if (op->type == T_I32)
            value = (uint32_t)value;
    }
    return interp_result(d, value);
}

unsigned interp_store(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned size = op->aux & MEM_SIZE;
    uint64_t value = interp_integer(r, op->c);
    (void)d;
    if (op->aux & MEM_SWAP)
        value = swap_bytes(value, size);
    memory_store(r, address(r, op), size, value);
    if (op->aux & MEM_RELEASE)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return EXIT_NONE;
}

GUEST_ACCESS static void load_vector(guest_addr addr, unsigned size_log2, union vec *d)
{
    *d = (union vec){0};
    if (size_log2 < 4) {
        d->u64[0] = memory_load(addr, size_log2);
        return;
    }
    state_barrier();
    any_v128 value = *(const volatile any_v128 *)memory_host(addr);
    memcpy(d, &value, sizeof(value));
    state_barrier();
}

/* All bytes of an access in the opposite order. */
static void swap_vector(union vec *v, unsigned size_log2)
{
    unsigned n = 1u << size_log2;
    for (unsigned i = 0; i < n / 2; i++) {
        uint8_t byte = v->u8[i];
        v->u8[i] = v->u8[n - 1 - i];
        v->u8[n - 1 - i] = byte;
    }
}

unsigned interp_loadv(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned size = op->aux & MEM_SIZE;
    load_vector(address(r, op), size, d);
    if (op->aux & MEM_SWAP)
        swap_vector(d, size);
    return EXIT_NONE;
}

GUEST_ACCESS unsigned interp_storev(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned size = op->aux & MEM_SIZE;
    guest_addr addr = address(r, op);
    union vec value = r->value[op->c];
    (void)d;
    if (op->aux & MEM_SWAP)
        swap_vector(&value, size);
    if (size < 4) {
        memory_store(r, addr, size, value.u64[0]);
    } else {
        any_v128 whole;
        memcpy(&whole, &value, sizeof(whole));
        if (ir_store_hook)
            ir_store_hook(r->thread, addr, 16);
        state_barrier();
        *(volatile any_v128 *)memory_host(addr) = whole;
        state_barrier();
    }
    if (op->aux & MEM_RELEASE)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return EXIT_NONE;
}

unsigned interp_align(struct interp *r, const struct ir_op *op, union vec *d)
{
    guest_addr addr = interp_integer(r, op->a) + (guest_addr)(int64_t)op->disp;
    (void)d;
    guest_addr size = (guest_addr)1 << (op->aux & ALIGN_LOG2);
    if (op->aux & ALIGN_WITHIN_16 ? (addr & 15) + size <= 16 : (addr & (size - 1)) == 0)
        return EXIT_NONE;
    r->thread->fault = (struct guest_fault){.signal = SIGBUS, .code = BUS_ADRALN, .address = addr};
    return EXIT_ALIGN;
}

unsigned interp_fence(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)r, (void)op, (void)d;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return EXIT_NONE;
}

/* ---- Atomics
 * --------------------------------------------------------------------------------------------- */

/* If the 2^SIZE_LOG2 bytes at ADDR equal EXPECTED, store DESIRED. Returns what was there,
 * zero-extended. */
GUEST_ACCESS static uint64_t compare_and_swap(const struct interp *r, guest_addr addr,
                                              unsigned size_log2, uint64_t expected,
                                              uint64_t desired)
{
    void *p = memory_host(addr);
    uint8_t e8 = (uint8_t)expected;
    uint16_t e16 = (uint16_t)expected;
    uint32_t e32 = (uint32_t)expected;
    enum { ORDER = __ATOMIC_SEQ_CST };
    if (ir_store_hook)
        ir_store_hook(r->thread, addr, 1u << size_log2);
    switch (size_log2) {
    case 0:
        __atomic_compare_exchange_n((uint8_t *)p, &e8, (uint8_t)desired, false, ORDER, ORDER);
        return e8;
    case 1:
        __atomic_compare_exchange_n((uint16_t *)p, &e16, (uint16_t)desired, false, ORDER, ORDER);
        return e16;
    case 2:
        __atomic_compare_exchange_n((uint32_t *)p, &e32, (uint32_t)desired, false, ORDER, ORDER);
        return e32;
    default:
        __atomic_compare_exchange_n((uint64_t *)p, &expected, desired, false, ORDER, ORDER);
        return expected;
    }
}

#if defined(__x86_64__)
/* The compiler's own 16-byte operation needs a run-time library. */
GUEST_ACCESS static union vec compare_and_swap_16(const struct interp *r, guest_addr addr,
                                                  union vec expected, union vec desired)
{
    if (ir_store_hook)
        ir_store_hook(r->thread, addr, 16);
    __asm__ volatile("lock cmpxchg16b %2"
                     : "+a"(expected.u64[0]), "+d"(expected.u64[1]),
                       "+m"(*(char(*)[16])memory_host(addr))
                     : "b"(desired.u64[0]), "c"(desired.u64[1])
                     : "cc", "memory");
    return expected;
}
#else
GUEST_ACCESS static union vec compare_and_swap_16(const struct interp *r, guest_addr addr,
                                                  union vec expected, union vec desired)
{
    unsigned __int128 *p = memory_host(addr), old, new;
    if (ir_store_hook)
        ir_store_hook(r->thread, addr, 16);
    memcpy(&old, &expected, sizeof(old));
    memcpy(&new, &desired, sizeof(new));
    old = __sync_val_compare_and_swap(p, old, new);
    memcpy(&expected, &old, sizeof(old));
    return expected;
}
#endif

static uint64_t sign_extended(uint64_t value, unsigned size_log2)
{
    unsigned unused = 64 - (8u << size_log2);
    return (uint64_t)((int64_t)(value << unused) >> unused);
}

/* New value of memory for an old one; both zero-extended. */
static uint64_t modified(unsigned op, unsigned size_log2, uint64_t old, uint64_t b)
{
    int64_t s_old = (int64_t)sign_extended(old, size_log2),
            s_b = (int64_t)sign_extended(b, size_log2);
    /* clang-format off */
    switch (op) {
    case IR_swp:    return b;
    case IR_ldadd:  return old + b;
    case IR_ldand:  return old & b;
    case IR_ldor:   return old | b;
    case IR_ldxor:  return old ^ b;
    case IR_ldsmax: return s_old > s_b ? old : b;
    case IR_ldsmin: return s_old < s_b ? old : b;
    case IR_ldumax: return old > b ? old : b;
    case IR_ldumin: return old < b ? old : b;
    default:        bug("ir_interpret: operation %s", ir_op_info[op].name);
        /* clang-format on */
    }
}

unsigned interp_modify(struct interp *r, const struct ir_op *op, union vec *d)
{
    unsigned size = op->aux & MEM_SIZE;
    guest_addr addr = interp_integer(r, op->a);
    uint64_t b = interp_integer(r, op->b) & ~(uint64_t)0 >> (64 - (8u << size));
    uint64_t seen = memory_load(addr, size), old;
    do {
        old = seen;
        seen = compare_and_swap(r, addr, size, old, modified(op->op, size, old, b));
    } while (seen != old);
    return interp_result(d, old);
}

unsigned interp_cas(struct interp *r, const struct ir_op *op, union vec *d)
{
    return interp_result(d, compare_and_swap(r, interp_integer(r, op->a), op->aux & MEM_SIZE,
                                             interp_integer(r, op->b), interp_integer(r, op->c)));
}

unsigned interp_casv(struct interp *r, const struct ir_op *op, union vec *d)
{
    *d = compare_and_swap_16(r, interp_integer(r, op->a), r->value[op->b], r->value[op->c]);
    return EXIT_NONE;
}

/* ldx ldxv. */
unsigned interp_ldx(struct interp *r, const struct ir_op *op, union vec *d)
{
    struct cpu *cpu = &r->thread->cpu;
    unsigned size = op->aux & MEM_SIZE;
    guest_addr addr = interp_integer(r, op->a);
    load_vector(addr, size, d);
    cpu->excl_addr = addr;
    cpu->excl_size = size;
    cpu->excl_val = *d;
    return EXIT_NONE;
}

/* stx stxv. */
unsigned interp_stx(struct interp *r, const struct ir_op *op, union vec *d)
{
    struct cpu *cpu = &r->thread->cpu;
    unsigned size = op->aux & MEM_SIZE;
    guest_addr addr = interp_integer(r, op->a);
    bool stored = false;
    if (cpu->excl_addr == addr && cpu->excl_size == size) {
        if (size == 4) {
            union vec seen = compare_and_swap_16(r, addr, cpu->excl_val, r->value[op->b]);
            stored = seen.u64[0] == cpu->excl_val.u64[0] && seen.u64[1] == cpu->excl_val.u64[1];
        } else {
            uint64_t old = cpu->excl_val.u64[0];
            stored = compare_and_swap(r, addr, size, old, interp_integer(r, op->b)) == old;
        }
    }
    cpu->excl_addr = EXCL_NONE;
    return interp_result(d, !stored);
}

unsigned interp_clrex(struct interp *r, const struct ir_op *op, union vec *d)
{
    (void)op, (void)d;
    r->thread->cpu.excl_addr = EXCL_NONE;
    return EXIT_NONE;
}
