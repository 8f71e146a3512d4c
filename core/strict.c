/* strict.c - versions of guest memory for -strict-exclusives; helpers that translated code calls around its accesses. */
#include "core/strict.h"

#include <sched.h>

#include "core/helper.h"

enum { GRANULE_LOG2 = 4, N_VERSIONS = 1 << 16, SPINS = 200 };

static LARGE_TABLE uint64_t version[N_VERSIONS]; /* bit 0: locked; the rest counts stores. Atomic */

static uint32_t index_of(guest_addr addr)
{
    return (uint32_t)(addr >> GRANULE_LOG2 ^ addr >> 20) % N_VERSIONS;
}

/* ---- Versions ---------------------------------------------------------------------------------------- */

/* The holder only makes one store, so it is gone soon unless the kernel has taken its processor away. */
static void lock(uint32_t i)
{
    for (unsigned tries = 0;; tries++) {
        uint64_t v = __atomic_load_n(&version[i], __ATOMIC_RELAXED);
        if (!(v & 1) &&
            __atomic_compare_exchange_n(&version[i], &v, v | 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
        if (tries >= SPINS)
            sched_yield();
    }
}

static void unlock(struct cpu *cpu, uint32_t i, bool stored)
{
    uint64_t old = version[i] & ~(uint64_t)1, new = stored ? old + 2 : old;
    /* The thread's own store leaves its monitor as it is, unless another one came before. */
    if (cpu->excl_index == i && cpu->excl_version == old)
        cpu->excl_version = new;
    __atomic_store_n(&version[i], new, __ATOMIC_RELEASE);
}

static void lock_range(struct cpu *cpu, guest_addr addr, uint64_t size)
{
    uint32_t first = index_of(addr), last = index_of(addr + size - 1);
    uint32_t low = first < last ? first : last, high = first < last ? last : first;
    lock(low);
    cpu->strict_held[cpu->n_strict_held++] = low;
    if (low != high) {
        lock(high);
        cpu->strict_held[cpu->n_strict_held++] = high;
    }
}

static void unlock_range(struct cpu *cpu, bool stored)
{
    while (cpu->n_strict_held)
        unlock(cpu, cpu->strict_held[--cpu->n_strict_held], stored);
}

void strict_release(struct cpu *cpu)
{
    unlock_range(cpu, false);
}

void strict_after_fork(void)
{
    for (unsigned i = 0; i < N_VERSIONS; i++)
        if (version[i] & 1)
            version[i]++;
}

/* ---- Helpers ------------------------------------------------------------------------------------------- */

/* Before the load: a store that comes between is noticed. */
uint64_t helper_strict_load_exclusive(struct cpu *cpu, uint64_t addr, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    cpu->excl_index = index_of(addr);
    cpu->excl_version = __atomic_load_n(&version[cpu->excl_index], __ATOMIC_ACQUIRE) & ~(uint64_t)1;
    return 0;
}

/* Ends with the lock taken, or with the monitor clear so that nothing is stored. A failure changes no version: two
 * threads must not make each other fail for ever. */
uint64_t helper_strict_store_exclusive(struct cpu *cpu, uint64_t addr, uint64_t size, uint64_t c)
{
    (void)c;
    lock_range(cpu, addr, size);
    if (cpu->excl_index != index_of(addr) || (version[cpu->excl_index] & ~(uint64_t)1) != cpu->excl_version) {
        unlock_range(cpu, false);
        cpu->excl_addr = EXCL_NONE;
    }
    return 0;
}

uint64_t helper_strict_begin(struct cpu *cpu, uint64_t addr, uint64_t size, uint64_t c)
{
    (void)c;
    lock_range(cpu, addr, size);
    return 0;
}

/* FAILED: nothing was stored. */
uint64_t helper_strict_end(struct cpu *cpu, uint64_t failed, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    unlock_range(cpu, !failed);
    return 0;
}

/* ---- Calls around an access ---------------------------------------------------------------------------- */

enum guard { NO_GUARD, GUARD_LOAD, GUARD_STORE, GUARD_STORE_EXCLUSIVE };

static enum guard guard_of(const struct ir_op *op)
{
    switch (op->op) {
    case IR_store: case IR_storev: case IR_swp: case IR_ldadd: case IR_ldand: case IR_ldor: case IR_ldxor:
    case IR_ldsmax: case IR_ldsmin: case IR_ldumax: case IR_ldumin: case IR_cas: case IR_casv:
        return GUARD_STORE;
    case IR_ldx: case IR_ldxv:
        return GUARD_LOAD;
    case IR_stx: case IR_stxv:
        return GUARD_STORE_EXCLUSIVE;
    default:
        return NO_GUARD;
    }
}

static ir_ref address_of(struct ir *ir, const struct ir_op *op)
{
    if (op->op != IR_store && op->op != IR_storev)
        return op->a;
    ir_ref addr = op->a;
    unsigned scale = op->aux >> MEM_SCALE_SHIFT & 3;
    if (op->b)
        addr = ir_2(ir, IR_add, T_I64, addr, ir_2(ir, IR_shl, T_I64, op->b, ir_const(ir, scale)));
    return ir_add_const(ir, T_I64, addr, op->disp);
}

/* Not 0 if a compare-and-swap stored nothing: other threads that spin on one must not disturb an exclusive pair. */
static ir_ref has_failed(struct ir *ir, const struct ir_op *op, ir_ref seen)
{
    unsigned bits = 8u << (op->aux & MEM_SIZE);
    if (op->op != IR_cas)
        return ir_const(ir, 0);
    ir_ref differ = ir_2(ir, IR_xor, T_I64, seen, op->b);
    return bits == 64 ? differ : ir_2(ir, IR_and, T_I64, differ, ir_const(ir, ((uint64_t)1 << bits) - 1));
}

ir_ref strict_add(struct ir *ir, const struct ir_op *op, ir_ref (*append)(struct ir *ir, const struct ir_op *op))
{
    static const uint16_t before[] = {
        [GUARD_LOAD] = HELPER_strict_load_exclusive,
        [GUARD_STORE] = HELPER_strict_begin,
        [GUARD_STORE_EXCLUSIVE] = HELPER_strict_store_exclusive,
    };
    enum guard guard = guard_of(op);
    if (guard == NO_GUARD)
        return append(ir, op);
    ir_ref size = ir_const(ir, (uint64_t)1 << (op->aux & MEM_SIZE));
    ir_call(ir, before[guard], address_of(ir, op), size, IR_NONE);
    ir_ref result = append(ir, op);
    if (guard != GUARD_LOAD)
        ir_call(ir, HELPER_strict_end, has_failed(ir, op, result), IR_NONE, IR_NONE);
    return result;
}
