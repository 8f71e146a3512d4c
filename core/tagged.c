/* tagged.c - places in guest code that use addresses with a tag, and their accesses. */
#include "core/tagged.h"

#include <stdatomic.h>

#include "core/tb.h"

enum { N_PLACES = 4096, MANY_PLACES = N_PLACES / 2, NEAR = 64 };

/* Open addressing. Places are added and read by any thread; what was translated without one is invalidated. */
static LARGE_TABLE _Atomic guest_addr places[N_PLACES];
static _Atomic unsigned n_places;

static unsigned slot_of(guest_addr pc) { return (unsigned)((pc >> 2) * 0x9e3779b1u >> 7) % N_PLACES; }

bool tagged_any(void) { return n_places != 0; }

/* With many places all are: their faults would cost more than the masks. */
bool tagged_is_place(guest_addr pc)
{
    if (likely(!n_places))
        return false;
    if (n_places >= MANY_PLACES)
        return true;
    for (unsigned i = slot_of(pc); places[i]; i = (i + 1) % N_PLACES)
        if (places[i] == pc)
            return true;
    return false;
}

bool tagged_add_place(guest_addr pc)
{
    if (tagged_is_place(pc))
        return false;
    for (unsigned i = slot_of(pc);; i = (i + 1) % N_PLACES) {
        guest_addr none = 0;
        if (atomic_compare_exchange_strong(&places[i], &none, pc) || none == pc)
            break;
    }
    /* The store-exclusive of a loop compares its address with that of the load before it accesses anything. */
    if (++n_places == MANY_PLACES)
        tb_invalidate(0, UINT64_MAX);
    else
        tb_invalidate(pc, NEAR);
    return true;
}

void tagged_forget(void)
{
    for (unsigned i = 0; n_places && i < N_PLACES; i++)
        places[i] = 0;
    n_places = 0;
}

struct ir_op tagged_access(struct ir *ir, const struct ir_op *op)
{
    struct ir_op plain = *op;
    bool has_index = op->op == IR_load || op->op == IR_store || op->op == IR_loadv || op->op == IR_storev;
    ir_ref addr = op->a, bits = ir_const(ir, ir->ignored_bits);
    if (has_index && op->b) {
        ir_ref scale = ir_const(ir, op->aux >> MEM_SCALE_SHIFT & 3);
        addr = ir_2(ir, IR_add, T_I64, addr, ir_2(ir, IR_shl, T_I64, op->b, scale));
        plain.b = IR_NONE;
        plain.aux &= (uint8_t)~(3 << MEM_SCALE_SHIFT);
    }
    if (has_index) {
        addr = ir_add_const(ir, T_I64, addr, op->disp);
        plain.disp = 0;
    }
    ir_ref extended = ir_2(ir, IR_sar, T_I64, ir_2(ir, IR_shl, T_I64, addr, bits), bits);
    plain.a = ir_2(ir, IR_and, T_I64, addr, extended);
    return plain;
}
