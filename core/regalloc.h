/* regalloc.h - host registers for the values of one block, assigned while code is emitted.
 *
 * A backward pass first finds each value's last use; then the host's instruction selection walks the operations
 * forward and asks for registers. A value may be in a host register, in a slot of struct cpu (its variable's home or
 * a spill slot), or be a constant. Pinned variables have a host register as their home: between operations that
 * register always holds the guest's current value. */
#pragma once
#include "core/ir.h"

enum { RA_MAX_REGS = 64, RA_NONE = -1 };
/* Register numbers: general 0..31, vector 32..63 (RA_VEC + number). */
enum { RA_VEC = 32 };
enum { FLAGS_CLOBBERED = 256 }; /* in ra_host.clobbers_flags: always */

/* What the allocator needs from a host. ctx is passed through. Moves must not change the host's flags. */
struct ra_host {
    uint64_t allocatable;               /* registers for temporaries, both classes */
    const uint16_t *clobbers_flags;     /* operation -> bits of aux, and FLAGS_CLOBBERED, with which it changes the host's flags */
    const int8_t *pin;                  /* variable -> general register that is its home, or RA_NONE */
    void (*move)(void *ctx, int dst, int src);                 /* same class */
    void (*load)(void *ctx, int dst, int32_t offset, int size);  /* from struct cpu; size 4, 8, 16; narrower zero-extends */
    void (*store)(void *ctx, int src, int32_t offset, int size);
    void (*load_const)(void *ctx, int dst, const struct ir_op *op); /* const, addr or vconst */
    bool no_deferred_puts;
    bool may_run_out;                   /* too few registers are no bug: see ra.ran_out */
    bool folds_negations;   /* multiply-add can negate a factor */
    bool (*store_const)(void *ctx, int32_t offset, uint64_t value); /* 8 bytes; false: no instruction for this value */
};

struct ra_value {
    int8_t reg;       /* or RA_NONE */
    int8_t want;      /* register that a coming put wants it in, or RA_NONE */
    int8_t was;       /* the last register it was in */
    bool deferred;    /* a put: the variable's home is not written, because a later put overwrites it unseen */
    bool must_save;   /* flags that cannot be made again: store them where they are made */
    bool saves_flags; /* may fault, and is the last chance to make the guest's flags again: store them first */
    uint16_t last_use;/* index of the last operation that uses it; 0: unused */
    uint16_t flags_until; /* last operation that uses its flags */
    uint16_t folded_into; /* the operation that is its only use and does it with itself: ra_folds. Or 0 */
    int32_t slot;     /* offset in struct cpu where a copy is, or -1 */
};

/* What the backward pass keeps of each operation. */
struct ra_note {
    uint16_t clobbers;     /* number of flag-changing operations before it */
    uint16_t saves;        /* guest flags that an operation that may fault saves first, or 0 */
    uint16_t put_at;       /* of the put that wants a value in its pinned register */
    uint16_t fault_before; /* nearest earlier operation that may fault */
};

/* Memory for a block of the largest size. Little of it is touched. */
struct ra_space {
    struct ra_value value[IR_MAX_OPS + 1];
    struct ra_note note[IR_MAX_OPS + 2];
};

/* A variable whose deferred put is in force: a fault finds its value where VALUE is. */
struct ra_deferred { uint8_t var; ir_ref value; };

struct ra {
    const struct ra_host *host;
    void *ctx;
    const struct ir *ir;
    struct ra_value *value;          /* per operation */
    ir_ref held[RA_MAX_REGS];        /* value in each register, or IR_NONE */
    ir_ref var_value[IR_MAX_VARS];   /* value that each variable's home holds, if known */
    uint64_t locked;                 /* set of registers not to be evicted during this operation */
    uint64_t spill_used[2];
    struct ra_deferred deferred[IR_MAX_VARS];
    unsigned n_deferred;
    ir_ref at;                       /* operation being emitted */
    bool ran_out;                    /* an operation needed more registers than there are: the code is wrong. The caller clears it */
};

/* Backward pass: last uses, wants, deferred puts. Uses of flags that are not adjacent to what makes them keep the
 * operands alive that can make them again. */
void ra_prepare(struct ra *ra, struct ir *ir, const struct ra_host *host, void *ctx, struct ra_space *space);

/* Start and end operation REF. Between them the registers handed out stay where they are. */
void ra_begin_op(struct ra *ra, ir_ref ref);
void ra_end_op(struct ra *ra);

/* A register that holds V (loading or materialising it). Do not write to it. */
int ra_use(struct ra *ra, ir_ref v);
/* The same, or RA_NONE and *offset = where in struct cpu V can be read as a memory operand (16 aligned bytes for
 * vectors). Never for constants: they get a register. */
int ra_use_mem(struct ra *ra, ir_ref v, int32_t *offset);
/* Register for the result of the current operation; distinct from every register handed out in it. */
int ra_def(struct ra *ra, ir_ref v);
/* The same, but may be that of an operand that dies here: only if no operand is read after the result is written. */
int ra_def_reuse(struct ra *ra, ir_ref v);
/* The same, already holding a copy of A (two-operand instructions); distinct from other operands' registers. */
int ra_def_over(struct ra *ra, ir_ref v, ir_ref a);
/* The same for an instruction that exchanges A for V in one step: until it has, which it may fault before, all homes are as they
 * were. */
int ra_def_exchanged(struct ra *ra, ir_ref v, ir_ref a);
/* A scratch register until ra_end_op. vec: a vector register. */
int ra_temp(struct ra *ra, bool vec);
/* Exactly register REG as scratch (or as result with ra_def_in): whatever is in it moves away. REG must not be pinned. */
void ra_take(struct ra *ra, int reg);
void ra_def_in(struct ra *ra, ir_ref v, int reg);
/* True if V is not used after the current operation. */
bool ra_dies(const struct ra *ra, ir_ref v);
/* put and putv: V becomes the value of variable VAR. Between two puts of a variable that lives in memory, with nothing but
 * accesses between them, only a fault can see the first: if its value stays somewhere up to the last of these accesses, it
 * is not stored; `deferred` lists it. */
void ra_put(struct ra *ra, unsigned var, ir_ref v);
/* B, the second operand of operation REF, is done by REF with itself: a shift by an addition, or a negation by a multiply-add.
 * Its own operand is still there. */
static inline bool ra_folds(const struct ra *ra, ir_ref ref, ir_ref b) { return ra->value[b].folded_into == ref; }
/* At the end of an operation that may fault: where V was during the access. Returns a register, or RA_NONE and *slot. */
int ra_place(const struct ra *ra, ir_ref v, int32_t *slot);
/* A helper has changed variables: forget all cached homes (pinned registers are reloaded by the call stub). */
void ra_forget_vars(struct ra *ra);
/* At the start of an operation that branches out of line before it has asked for its last register: see to it that N
 * registers can be had without storing anything, because a store behind the branch would not happen on the other way. */
void ra_make_room(struct ra *ra, bool vec, unsigned n);
/* Registers among CLOBBERED are about to be lost (C call): move or spill what they hold. */
void ra_evict(struct ra *ra, uint64_t clobbered);
