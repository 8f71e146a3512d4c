/* host_emit.h - state of code generation for one block, shared by the host_*.c files.
 *
 * Fixed registers: rbp = &cpu + CPU_BIAS, rsp = return-prediction stack. rax rcx rdx and what is not pinned are
 * temporaries handed out by the register allocator. */
#pragma once
#include "arch/x86/host_asm.h"
#include "core/cpu.h"
#include "core/host.h"
#include "core/regalloc.h"
#include "core/region.h"
#include "core/tb.h"

/* What EFLAGS hold: the flags of an operation, in one of these forms. */
enum flags_form {
    FLAGS_SUB, /* CF = borrow = NOT C */
    FLAGS_ADD, /* CF = C (also logic operations: C = 0) */
    FLAGS_FCMP /* result of (U)COMIS a, b */
};

enum ool_kind { OOL_EXIT, OOL_FP, OOL_ALIGN, OOL_MISS_JUMP, OOL_MISS_CALL, OOL_LEAVE_JUMP, OOL_POLL };

/* Code placed after the block: what, jumps that lead there, where to go on. */
struct ool {
    uint8_t kind;
    uint8_t n_jumps;
    uint8_t reg[4];        /* result, operands (RA_VEC + n for vectors); 255: none */
    asm_label jump[8];     /* near jumps that lead here */
    uint32_t resume;       /* offset to return to */
    const struct ir_op *op;
    uint16_t exit;         /* index into tb->exits */
    ir_ref save_flags;     /* flags to store on this path, or none */
    bool poll;
    uint8_t bits;          /* OOL_FP: for fp_skip_harmless, the register with the sum; 255: none */
    bool negates;          /* the second operand is the negation of what its register holds */
    uint8_t branch_kind;   /* of an indirect branch, for its miss */
    enum flags_form form;  /* of EFLAGS on arrival */
    struct region_target to;
};

enum { MAX_OOL = 2048, MAX_EXITS = 300, MAX_BIAS_USES = 512, MAX_PLACES = 1000, MAX_BLOCK_CODE = 128 << 10 };

/* A jump to a block of the region that has no code yet. */
struct region_jump {
    asm_label at;
    uint8_t to;
};

/* Large arrays come last: what each block touches lies on few pages. */
struct emitter {
    struct ra ra;
    struct ra_host ra_host;
    int8_t region_pin[IR_MAX_VARS];  /* homes of the region whose code is being made */
    guest_addr pc;                   /* of the block or region */
    uint32_t mode;
    const uint8_t *buffer;           /* where the code buffer went on when the translation began */
    const int64_t *cell;             /* with the guest load address of the mapping at PC, null: fixed */
    guest_addr cell_base;            /* its value */
    const struct ir *ir;
    const struct hot_region *region;     /* null: a single block, with the homes that every block is entered with */
    const struct region_block *block;    /* of it, whose code is being made */
    const int8_t *pin;               /* homes: of host_pin, or the region's own */
    unsigned next_block;             /* the block of the region whose code follows this one's */
    unsigned n_region_jumps, n_table_uses;
    ir_ref eflags;            /* operation whose flags are in EFLAGS, or IR_NONE */
    enum flags_form form;
    ir_ref guest_flags;       /* current value of the guest's flags (last putf) or IR_NONE: as at entry */
    ir_ref saved_flags;       /* flags value that cpu->flags holds; IR_NONE: those at entry */
    ir_ref done;              /* operation that an earlier one has emitted with itself */
    guest_addr insn_pc;       /* guest instruction being emitted */
    uint32_t insn_start;      /* offset of its code */
    const int64_t *bias;      /* CELL, or null: the code has absolute addresses */
    unsigned n_host_insns, n_moves, n_calls; /* for cost rows */
    unsigned n_ool, n_exits, n_flags_at, n_places, n_delta_bytes, n_bias;
    bool places_full;
    uint16_t place_of[IR_MAX_VARS];        /* index of the last one of a variable since its last put, or MAX_PLACES */
    struct x86_asm a;
    struct tb_exit exit[MAX_EXITS];
    struct tb_flags_at flags_at[256];
    struct tb_place place[MAX_PLACES + 1]; /* of variables whose put is deferred */
    uint8_t delta[8192];
    uint32_t bias_at[MAX_BIAS_USES]; /* displacements that reach the cell */
    struct ool ool[MAX_OOL];
    uint32_t block_at[REGION_MAX_BLOCKS]; /* offset of each block's code, 0: not yet */
    asm_label table_use[REGION_MAX_BLOCKS]; /* displacements that reach the table of the region's indirect jumps */
    struct region_jump region_jump[MAX_OOL];
    _Alignas(64) uint8_t code[MAX_BLOCK_CODE + 64];
    struct ra_space ra_space;
};

typedef void emit_fn(struct emitter *e, ir_ref ref, const struct ir_op *op);

/* Open-coded vector and floating-point operations (host_vec.c, host_fp.c); null: emit_eval_call. */
emit_fn *vec_emit(unsigned op);
/* True if the open-coded form of operation OP leaves EFLAGS alone (host_vec.c). */
bool vec_keeps_flags(unsigned op);

/* Call ev_<op> out of line with all operands through memory. Works for every operation with the property EVAL; flags
 * as a result are left in RAX, in the saved form. */
void emit_eval_call(struct emitter *e, ir_ref ref, const struct ir_op *op);
/* Out-of-line exact evaluation of REF, entered by the near jump JUMP (asm_jcc_near):
 * operands are read from registers a, b, c (ra numbers, RA_NONE: absent), which the fast path has not overwritten, the result
 * goes to dst; all other registers are preserved; execution resumes after the current end of code as of the time
 * that emit_slow_resume() is called (or of this call if it is not). */
struct ool *emit_slow(struct emitter *e, ir_ref ref, asm_label jump, int dst, int a, int b, int c);
static inline void emit_slow_resume(struct emitter *e, struct ool *o) { o->resume = asm_offset(&e->a); }

/* EFLAGS are about to change (any instruction that writes them, comparisons and ptest included). */
static inline void emit_clobber_flags(struct emitter *e) { e->eflags = IR_NONE; }
/* Address of a memory operation; registers come from the allocator. */
struct x86_mem emit_address(struct emitter *e, const struct ir_op *op);
/* Operand in struct cpu. */
static inline struct x86_mem mem_cpu(int32_t offset) { return x86_mem(RBP, offset - CPU_BIAS); }
static inline int vec_reg(int ra_reg) { return ra_reg - RA_VEC; }

/* fcmp and fccmp compare: (U)COMIS a, b (host_fp.c). */
void emit_fcmp_compare(struct emitter *e, const struct ir_op *op);
/* EFLAGS of a (U)COMIS to the saved form in EAX; changes no other register but ECX (host_fp.c). */
void emit_fcmp_saved_form(struct emitter *e);

/* -- host_region.c ------------------------------------------------------------------------------- */

/* In a region, move guest registers from its homes to those that every block is entered with, or back. No host register that
 * is a temporary in both changes, nor do the flags. */
void emit_to_standard(struct emitter *e);
void emit_from_standard(struct emitter *e);
/* Jump to block TO of the region, always or if CC holds. */
void emit_region_jump(struct emitter *e, int to);
void emit_region_jcc(struct emitter *e, enum x86_cc cc, int to);
/* Jump indirectly to the guest address in TARGET, if a block of the region is there; after a poll if POLL. Else go to what is out
 * of line. */
void emit_region_jumpi(struct emitter *e, unsigned target, bool poll);
/* Behind the code: where the blocks are that these lead to. */
void emit_region_table(struct emitter *e);
bool host_emit_region(struct emitter *e, const struct hot_region *r);

/* -- host_emit.c ----------------------------------------------------------------------------------- */

/* The code of a block or region: begin it, add the operations of IR, end it (false: there is more than MAX_BLOCK_CODE). LEAD:
 * bytes of code in front of what is hot. */
void emit_begin(struct emitter *e, unsigned n_vars, const struct ra_host *homes, unsigned lead);
void emit_block(struct emitter *e, const struct ir *ir);
bool emit_end(struct emitter *e);

/* -- host_flags.c -------------------------------------------------------------------------------- */

/* How to test a condition with one or two condition codes. */
enum test_kind { TEST_ONE, TEST_OR, TEST_AND, TEST_ALWAYS, TEST_NEVER };
struct cond_test {
    uint8_t kind, cc1, cc2;
};
/* Make EFLAGS such that the returned test tells whether COND holds for the flags F (IR_NONE: the guest's at entry). */
struct cond_test emit_cond(struct emitter *e, ir_ref f, unsigned cond);
/* Make EFLAGS hold all of F, in any form. */
void emit_flags(struct emitter *e, ir_ref f);
/* Store F to cpu->flags unless it is there. */
void emit_save_flags(struct emitter *e, ir_ref f);
/* Code that stores the EFLAGS of FORM to cpu->flags; changes RAX (and RCX for FLAGS_FCMP). */
void emit_store_flags(struct emitter *e, enum flags_form form);
/* CF = C (inverted false) or NOT C of F. */
void emit_carry(struct emitter *e, ir_ref f, bool inverted);
/* The flags at a coming fault are known: stored, or recorded with the code from here to emit_fault_point_end. */
void emit_fault_point(struct emitter *e);
void emit_fault_point_end(struct emitter *e);
struct cond_test cond_test_invert(struct cond_test t);
emit_fn emit_fcmp, emit_ccmp, emit_csel, emit_vcsel, emit_cset, emit_nzcv, emit_nzcv_of, emit_putf;

/* -- host_int.c: integer operations; host_mem.c: memory and atomics; host_exit.c: ways out ------------------ */
emit_fn *int_emit(unsigned op);
emit_fn *mem_emit(unsigned op);
emit_fn *exit_emit(unsigned op);
/* Guest address constant into REG; leaves EFLAGS alone. */
void emit_guest_addr(struct emitter *e, unsigned reg, guest_addr addr);
struct ool *add_ool(struct emitter *e, enum ool_kind kind, asm_label jump);
/* Leave as the exit OP says if TEST holds; its flags are not to be stored. */
void emit_exit_on(struct emitter *e, struct cond_test test, const struct ir_op *op);
/* What is out of line, then the exits' stubs. */
void emit_out_of_line(struct emitter *e);
/* Operand B of an integer operation as immediate: true and the value if it fits a sign-extended 32-bit field. */
bool operand_imm(const struct emitter *e, ir_ref b, unsigned w, int32_t *imm);
static inline unsigned op_w(const struct ir_op *op) { return op->type == T_I64; }

/* Called by STUB_SLOW: what = IR opcode | result << 9 | a << 14 | b << 19 | c << 24, see host_backend.c. */
void host_slow(struct cpu *cpu, uint32_t what, uint32_t desc);
