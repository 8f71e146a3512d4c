/* translate.h - guest code to IR: the context that a guest's instruction functions work in. */
#pragma once
#include "core/guest.h"
#include "core/tb.h"

enum { TRANSLATE_WINDOW = 256 };

struct cache_unit;

struct translator {
    struct ir ir;
    const struct guest *guest;
    const struct guest_isa *isa;
    guest_addr pc;      /* of the instruction being translated */
    guest_addr next_pc; /* set by translate_insn: the instruction after it */
    uint32_t insn;      /* its bytes, for fixed-width ISAs */
    uint32_t mode;      /* of the block */
    unsigned n_insns, max_insns;
    bool done;          /* an instruction ended the block */
    bool single;        /* one instruction per block */
    struct tb_range range[TB_MAX_RANGES];
    unsigned n_ranges;
    const guest_addr *heads; /* n_heads places where a block of a region ends */
    unsigned n_heads;
    guest_addr window_pc; /* guest code read ahead for this block: window_size bytes from window_pc */
    unsigned window_size;
    struct cache_unit *unit; /* that pages of code are noted for before they are read, or null */
    guest_addr noted;   /* page that was the last one */
    bool has_lock;      /* tb_lock is held */
    uint8_t window[TRANSLATE_WINDOW];
};

/* Take and release tb_lock unless T says that it is held. */
void translate_lock(const struct translator *t);
void translate_unlock(const struct translator *t);

/* A translation begins that reads code of UNIT, or null, at PC first. With tb_lock. */
void translate_begin(struct translator *t, struct cache_unit *unit, guest_addr pc);

/* Translate the block at PC. Returns false if its first instruction cannot be fetched. */
bool translate_block(struct translator *t, guest_addr pc, uint32_t mode);

/* The same for a block of a region: it also ends before the N_HEADS addresses HEADS, and after MAX_INSNS instructions, 0: as
 * others. */
bool translate_region_block(struct translator *t, guest_addr pc, uint32_t mode, const guest_addr *heads, unsigned n_heads,
                            unsigned max_insns);

/* Copy N bytes of guest code at ADDR. False if they are not readable and executable. */
bool translate_fetch(struct translator *t, guest_addr addr, void *dst, size_t n);
/* The block depends on these guest bytes too. False if there is no room to say so. */
bool translate_depends(struct translator *t, guest_addr start, uint32_t size);

/* A guest instruction starts at t->pc: for front ends that translate several instructions in one call of translate_insn.
 * Sets t->next_pc behind it. The caller sees to translate_depends and to t->max_insns. */
void translate_begin_insn(struct translator *t);

/* Ends and exits. They store live flags, poll on backward paths, and set t->done where the block ends. */
void translate_jump(struct translator *t, guest_addr target); /* may go on translating at target */
void translate_exit_cond(struct translator *t, enum ir_cond cond, guest_addr target);
void translate_exit_zero(struct translator *t, unsigned type, ir_ref value, bool if_zero, guest_addr target);
void translate_exit_bit(struct translator *t, ir_ref value, unsigned bit, bool if_set, guest_addr target);
/* Back to TARGET if the i64 value is not 0, which is rare: the block goes on. */
void translate_retry(struct translator *t, ir_ref failed, guest_addr target);
/* KIND: see jump_cache_key in cpu.h. */
void translate_jump_indirect(struct translator *t, ir_ref target, unsigned kind);
/* Guest calls: the caller has put the return address into its register already. */
void translate_call(struct translator *t, guest_addr target, ir_ref return_addr);
void translate_call_indirect(struct translator *t, ir_ref target, ir_ref return_addr, unsigned kind);
void translate_return(struct translator *t, ir_ref target);
/* Leave to C with a reason (enum exit_reason). pc: where the guest goes on, or the instruction itself for faults. */
void translate_leave(struct translator *t, unsigned reason, unsigned data, guest_addr pc);
