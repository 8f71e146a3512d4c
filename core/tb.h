/* tb.h - translation blocks: find, insert, chain, invalidate.
 *
 * Blocks are found by (pc, mode). tb_find is lock-free; everything that changes the tables holds tb_lock.
 * A block's memory is never reused before the whole code buffer is flushed, which happens while no thread runs
 * generated code. */
#pragma once
#include "core/types.h"

struct thread;

/* A direct exit of a block: a rel32 field in its code that may point to another block. */
struct tb_exit {
    guest_addr target;      /* guest pc */
    uint32_t site;          /* offset of the patchable field in the block's code */
    uint32_t stub : 31;     /* offset of its own exit stub */
    bool in_file : 1;       /* the cache file has it lead to its target directly: not to be linked */
    struct tb *to;          /* linked block, or null */
    struct tb_exit *next;   /* in to's list of incoming exits */
    struct tb *owner;
};

struct tb_range { guest_addr start; uint32_t size; }; /* guest bytes the translation depends on */

/* Where flags are live at an access that may fault but only in the host's flag register: code offsets, host's form. */
struct tb_flags_at { uint32_t host_offset, host_end, form; };

/* Where the value of a variable is at accesses that may fault, if not in its home: code offsets, a host register or (-1)
 * an offset in struct cpu. */
struct tb_place { uint32_t host_offset, host_end; int32_t slot; uint8_t var; int8_t reg; uint16_t unused; };

enum { TB_MAX_RANGES = 8, TB_NOT_MOVABLE = 0xffff /* as n_bias */ };

struct tb {
    guest_addr pc;
    uint32_t mode;
    uint32_t size;            /* bytes of host code */
    const uint8_t *code;      /* entry point */
    struct tb *hash_next;
    struct tb_exit *exits;
    struct tb_exit *incoming;
    uint16_t n_exits, n_insns, n_ranges, n_flags_at, n_places, n_bias;
    bool dead;                /* invalidated: unreachable for new entries */
    bool is_cold;             /* no region is to be made for it: */
    bool superseded;          /* there is one */
    bool counts;              /* its last exit is that of its counter in the cache file: linked once the head is settled */
    const void *counter;      /* promote.h: code that counts jumps to it and goes on there, or null */
    struct tb_range *range;
    /* Pairs (guest length, host length) as bytes, one pair per guest instruction; 255 in host length: the next two bytes
     * hold it; guest length 0: the next eight bytes hold a new guest pc (after a followed jump),
     * minus the block's. */
    const uint8_t *deltas;
    uint32_t n_delta_bytes;
    const struct tb_flags_at *flags_at;
    const struct tb_place *places;
    uint32_t n_host_insns;    /* on the path without side exits, for cost rows; not known of a block from the cache: */
    uint16_t n_moves, n_calls; /* of these, moves between registers and struct cpu; calls of C functions */
    const int8_t *pin;        /* of a region: variable -> register that is its home, or -1. Null: as at every entry */
    guest_addr base;          /* load address of the guest's file that the code uses, 0: none */
    const uint32_t *bias_at;  /* n_bias offsets of displacements that reach the cell which holds it */
    bool in_file;             /* its code is in a cache file */
    bool is_late;             /* promote.c: it is hot for the second time */
    uint8_t passes;           /* if so: ways out of it that were not linked, up to a limit */
    struct tb *unit_next;     /* in the list of blocks to be cached */
    const struct ir *ir;      /* interpreter engine: the block itself */
};

struct tb *tb_find(guest_addr pc, uint32_t mode);
/* Find or translate. Null: the code is not executable or not readable (cpu->exit_* say how the guest faults). */
struct tb *tb_get(struct thread *thread, guest_addr pc, uint32_t mode);
/* Point exit N of TB at TO unless one of them is dead. If TB is in a cache file only when exits have been taken a few times, or,
 * since that is certain, at once. */
void tb_link(struct tb *tb, unsigned n, struct tb *to);
void tb_link_at_once(struct tb *tb, unsigned n, struct tb *to);
/* With tb_lock: put BY in place of TB, which has the same pc and mode: it is found instead, and whatever was linked to TB
 * is linked to it. TB stays for those who are in it. BY null: link what is linked to TB again. */
void tb_supersede(struct tb *tb, struct tb *by);
/* With tb_lock: no room for one more block. */
bool tb_is_full(void);
/* The block whose code holds a host pc, or null; of one from the cache a copy in *COPY. */
const struct tb *tb_from_host(const void *host_pc, struct tb *copy);
/* The block from the cache that starts at CODE, of which an exit that is not linked was taken. */
struct tb *tb_owner(const void *code);
/* True if HOST_PC lies in generated code, be it from this process or from the cache. */
bool tb_is_code(const void *host_pc);
/* Guest pc of the instruction that host_pc belongs to. */
guest_addr tb_guest_pc(const struct tb *tb, const void *host_pc);
/* Some byte of [start, start+size) is in one of N ranges. */
bool tb_ranges_overlap(const struct tb_range *range, unsigned n, guest_addr start, uint64_t size);
/* Drop every block that depends on a byte of the range. */
void tb_invalidate(guest_addr start, uint64_t size);
/* Drop all; call with every other thread outside generated code (thread_stop_others). */
void tb_flush(void);
/* Changes at each flush: blocks known from before are gone. */
uint32_t tb_generation(void);
/* For those who change lists of blocks from outside, and around fork: the child has one thread. */
void tb_lock_take(void);
void tb_lock_release(void);
void tb_after_fork(void);
/* Allocate memory that lives until the next flush (exits, deltas). */
void *tb_alloc(size_t size);
