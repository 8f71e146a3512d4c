/* host_region.c - code of a region: homes of its own for the guest registers that its loops use most, and the moves between
 * these and the homes that every block is entered with.
 *
 * A variable that is pinned at every entry either keeps its register or lives in struct cpu, and its register is another's
 * home. So the way in stores the variables that give way, then loads the others; the way out does the opposite. */
#include "arch/x86/host_emit.h"

#include <stddef.h>
#include <string.h>

#include "arch/x86/host_backend.h"
#include "core/log.h"

/* Temporaries that operations can do with, if none needs more: then more variables have homes. */
enum { FEW_GPRS = 1 << RAX | 1 << RCX | 1 << RDX | 1 << RBX, FEW_VECS = 6 };
/* A home has to save more than it costs on the ways in and out, also where a loop goes round only a few times: it is used
 * twice in each round (region.c: LOOP_WEIGHT_LOG2), and that much more often than what gives way to it. */
enum { LEAST_USES = 16, GIVE_WAY_USES = 16 };

/* Atomic accesses to 16 bytes: CMPXCHG16B has four registers of its own. */
static bool needs_many_gprs(unsigned op)
{
    return op == IR_casv || op == IR_ldxv || op == IR_stxv;
}

static bool needs_many_vecs(unsigned op)
{
    const struct ir_op_info *info = &ir_op_info[op];
    if (info->res != IR_CLASS_V && info->a != IR_CLASS_V && info->b != IR_CLASS_V && info->c != IR_CLASS_V)
        return false;
    switch (op) {
    case IR_getv: case IR_putv: case IR_vconst: case IR_loadv: case IR_storev: case IR_vlow: case IR_fadd: case IR_fsub:
    case IR_fmul: case IR_fdiv: case IR_fma: case IR_fsqrt: case IR_fneg: case IR_fabs: case IR_fcmp: case IR_i2f:
    case IR_vget: case IR_vdup: case IR_vdupl: case IR_vins: case IR_vadd: case IR_vsub: case IR_vand: case IR_vor:
    case IR_vxor: case IR_vnot: case IR_vcsel:
        return false;
    default:
        return true;
    }
}

/* The registers for temporaries: of those that blocks have, as few as the region's operations can do with. */
static uint64_t temporaries(const struct hot_region *r)
{
    uint64_t few = FEW_GPRS | ((1ull << FEW_VECS) - 1) << RA_VEC, gprs = (1ull << RA_VEC) - 1;
    if (r->mode & MODE_FP_SPECIAL) /* fp_is_special */
        few |= host_temporaries & ~gprs;
    for (unsigned b = 0; b < r->n_blocks; b++)
        for (uint32_t i = 1; i < r->block[b].ir.n; i++) {
            unsigned op = r->block[b].ir.ops[i].op;
            if (needs_many_gprs(op))
                few |= host_temporaries & gprs;
            if (needs_many_vecs(op))
                few |= host_temporaries & ~gprs;
        }
    return few;
}

static bool fits_home(unsigned var, bool vec)
{
    const struct ir_var *row = &host_vars[var];
    return vec ? row->class == IR_CLASS_V : row->class == IR_CLASS_I && row->size == 8;
}

/* Give the most used variables of a class registers: those of FREE, then those of pinned variables that are used less. */
static void choose_homes(const struct hot_region *r, bool vec, uint64_t free, int8_t *pin)
{
    bool done[IR_MAX_VARS] = {false};
    for (;;) {
        int best = RA_NONE, victim = RA_NONE;
        for (unsigned var = 0; var < host_n_vars; var++) {
            if (!fits_home(var, vec) || done[var])
                continue;
            if (pin[var] == RA_NONE && r->uses[var] >= LEAST_USES && (best == RA_NONE || r->uses[var] > r->uses[best]))
                best = (int)var;
            if (pin[var] != RA_NONE && host_pin[var] == pin[var] &&
                (victim == RA_NONE || r->uses[var] < r->uses[victim]))
                victim = (int)var;
        }
        if (best == RA_NONE)
            return;
        if (free) {
            pin[best] = (int8_t)__builtin_ctzll(free);
            free &= free - 1;
        } else if (victim != RA_NONE && r->uses[victim] + GIVE_WAY_USES <= r->uses[best]) {
            pin[best] = pin[victim];
            pin[victim] = RA_NONE;
            done[victim] = true;
        } else {
            return;
        }
        done[best] = true;
    }
}

/* ---- The ways in and out --------------------------------------------------------------------------------------- */

static void move_home(struct emitter *e, unsigned var, int reg, bool store)
{
    struct x86_mem m = mem_cpu(host_vars[var].offset);
    if (reg >= RA_VEC && store)
        asm_vstore(&e->a, V_movaps_st, m, (unsigned)vec_reg(reg));
    else if (reg >= RA_VEC)
        asm_v2m(&e->a, V_movaps, (unsigned)vec_reg(reg), m);
    else if (store)
        asm_mov_mr(&e->a, 3, m, (unsigned)reg);
    else
        asm_mov_rm(&e->a, 3, (unsigned)reg, m);
}

void emit_to_standard(struct emitter *e)
{
    if (!e->region)
        return;
    for (unsigned var = 0; var < host_n_vars; var++)
        if (e->pin[var] != host_pin[var] && e->pin[var] != RA_NONE && e->region->is_put[var])
            move_home(e, var, e->pin[var], true);
    for (unsigned var = 0; var < host_n_vars; var++)
        if (e->pin[var] != host_pin[var] && host_pin[var] != RA_NONE)
            move_home(e, var, host_pin[var], false);
}

void emit_from_standard(struct emitter *e)
{
    if (!e->region)
        return;
    for (unsigned var = 0; var < host_n_vars; var++)
        if (e->pin[var] != host_pin[var] && host_pin[var] != RA_NONE)
            move_home(e, var, host_pin[var], true);
    for (unsigned var = 0; var < host_n_vars; var++)
        if (e->pin[var] != host_pin[var] && e->pin[var] != RA_NONE)
            move_home(e, var, e->pin[var], false);
}

/* ---- Jumps inside ---------------------------------------------------------------------------------------------- */

static void note_jump(struct emitter *e, asm_label at, unsigned to)
{
    if (e->n_region_jumps == ARRAY_SIZE(e->region_jump))
        bug("region has too many jumps");
    e->region_jump[e->n_region_jumps++] = (struct region_jump){at, (uint8_t)to};
}

void emit_region_jump(struct emitter *e, int to)
{
    if (e->block_at[to])
        asm_jmp_to(&e->a, e->block_at[to]);
    else
        note_jump(e, asm_jmp_near(&e->a), (unsigned)to);
}

void emit_region_jcc(struct emitter *e, enum x86_cc cc, int to)
{
    if (e->block_at[to])
        asm_jcc_to(&e->a, cc, e->block_at[to]);
    else
        note_jump(e, asm_jcc_near(&e->a, cc), (unsigned)to);
}

/* ---- Indirect jumps inside ----------------------------------------------------------------------------------------- */

/* The table is a hash table without chains. To what has no place in it the region's way out leads. */
enum { MIN_TABLE = 16, MAX_TABLE = 256 };
struct landing {
    guest_addr pc;
    int64_t code; /* from the table's start */
};

static unsigned table_place(guest_addr pc, unsigned size) { return (unsigned)(pc >> 2) & (size - 1); }

/* A power of two with which no two landings fall on one place, if there is one. */
static unsigned table_size(const struct hot_region *r)
{
    unsigned size = MIN_TABLE / 2;
    for (bool collides = true; collides && size < MAX_TABLE;) {
        bool used[MAX_TABLE] = {false};
        size *= 2;
        collides = false;
        for (unsigned b = 0; b < r->n_blocks; b++)
            if (r->block[b].is_landing) {
                bool *place = &used[table_place(r->block[b].ir.pc, size)];
                collides |= *place;
                *place = true;
            }
    }
    return size;
}

void emit_region_jumpi(struct emitter *e, unsigned target, bool poll)
{
    unsigned index = (unsigned)ra_temp(&e->ra, false), table = (unsigned)ra_temp(&e->ra, false);
    if (poll)
        asm_alu_mi(&e->a, ALU_CMP, 2, mem_cpu((int32_t)offsetof(struct cpu, pending)), 0);
    asm_label pending = poll ? asm_jcc_near(&e->a, CC_NE) : 0;
    asm_mov_rr(&e->a, 0, index, target);
    asm_alu_ri(&e->a, ALU_AND, 0, index, (int32_t)(table_size(e->region) - 1) << 2);
    e->table_use[e->n_table_uses++] = asm_lea_label(&e->a, table);
    asm_alu_rm(&e->a, ALU_CMP, 1, target, x86_mem_index((int)table, (int)index, 2, 0));
    struct ool *o = add_ool(e, OOL_LEAVE_JUMP, asm_jcc_near(&e->a, CC_NE));
    o->reg[1] = (uint8_t)target;
    if (poll)
        o->jump[o->n_jumps++] = pending;
    asm_alu_rm(&e->a, ALU_ADD, 1, table, x86_mem_index((int)table, (int)index, 2, offsetof(struct landing, code)));
    asm_jmp_r(&e->a, table);
}

void emit_region_table(struct emitter *e)
{
    struct landing table[MAX_TABLE] = {{.pc = 4}}; /* an empty place has an address that belongs to another */
    if (!e->n_table_uses)
        return;
    unsigned size = table_size(e->region);
    uint32_t at = asm_align_data(&e->a);
    for (unsigned b = 0; b < e->region->n_blocks; b++) {
        guest_addr pc = e->region->block[b].ir.pc;
        if (e->region->block[b].is_landing)
            table[table_place(pc, size)] = (struct landing){pc, (int64_t)e->block_at[b] - at};
    }
    asm_data(&e->a, table, size * sizeof *table);
    for (unsigned i = 0; i < e->n_table_uses; i++)
        asm_patch_to(&e->a, e->table_use[i], at);
}

/* ---- The region -------------------------------------------------------------------------------------------------- */

/* Code of several files does not move as a whole, and what depends on what was run could not be made again to compare: such
 * a region has absolute addresses and is not kept. */
static void settle_bias(struct emitter *e, const struct hot_region *r)
{
    if (!r->follows_calls && !r->jumps_inside)
        return;
    e->bias = NULL;
    e->n_bias = MAX_BIAS_USES + 1;
}

/* The way in. Returns its size. */
static unsigned emit_entry(struct emitter *e, const struct hot_region *r)
{
    e->region = r;
    settle_bias(e, r);
    memset(e->block_at, 0, sizeof e->block_at);
    emit_from_standard(e);
    if (asm_offset(&e->a) == 0)
        asm_nop(&e->a, 1); /* offset 0 stands for no code yet */
    return asm_offset(&e->a);
}

static void emit_blocks(struct emitter *e, const struct hot_region *r)
{
    for (unsigned k = 0; k < r->n_blocks; k++) { /* the head is the first */
        unsigned b = r->order[k];
        e->block_at[b] = asm_offset(&e->a);
        e->next_block = k + 1 < r->n_blocks ? r->order[k + 1] : REGION_MAX_BLOCKS;
        e->block = &r->block[b];
        for (unsigned i = 0; i < r->block[b].ir.n_vars; i++)
            e->place_of[i] = MAX_PLACES;
        emit_block(e, &r->block[b].ir);
    }
    e->next_block = REGION_MAX_BLOCKS;
}

/* Homes of the region's variables, with FEW registers left for temporaries at least. */
static struct ra_host region_homes(const struct hot_region *r, uint64_t few, int8_t *pin)
{
    uint64_t extra = host_temporaries & ~few, gprs = (1ull << RA_VEC) - 1;
    memcpy(pin, host_pin, sizeof host_pin);
    choose_homes(r, false, extra & gprs, pin);
    choose_homes(r, true, extra & ~gprs, pin);
    for (unsigned var = 0; var < host_n_vars; var++) /* what nobody wanted stays a temporary */
        if (pin[var] != RA_NONE)
            extra &= ~((uint64_t)1 << pin[var]);
    return (struct ra_host){.allocatable = few | extra, .pin = pin, .may_run_out = few != host_temporaries};
}

bool host_emit_region(struct emitter *e, const struct hot_region *r)
{
    int8_t *pin = e->region_pin;
    struct ra_host homes = region_homes(r, temporaries(r), pin);
    unsigned lead = 0;
    for (;;) {
        emit_begin(e, host_n_vars, &homes, lead);
        unsigned entry = emit_entry(e, r);
        if (lead != entry) { /* once more, so that the head begins where a line does */
            lead = entry;
            continue;
        }
        emit_blocks(e, r);
        if (e->ra.ran_out) {
            homes = region_homes(r, host_temporaries, pin);
            continue;
        }
        if (e->places_full) {
            homes.no_deferred_puts = true;
            continue;
        }
        return emit_end(e);
    }
}
