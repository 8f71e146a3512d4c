/* ir.h - the intermediate representation of one translation block.
 *
 * A block is an array of 16-byte operations. An operand is the index of an earlier operation (SSA);
 * guest registers are variables that get and put read and write. What each operation means is said
 * in ir_ops.def. The builder folds constants and forwards puts to gets while it adds. */
#pragma once
#include "core/arena.h"

enum ir_opcode {
#define IR_OP(name, res, a, b, c, props) IR_##name,
#include "core/ir_ops.def"
#undef IR_OP
    IR_N_OPS
};

enum ir_type {
    T_NONE, T_I32, T_I64, T_F16, T_F32, T_F64, /* scalars */
    T_8B, T_16B, T_4H, T_8H, T_2S, T_4S, T_1D, T_2D, /* lanes: odd distance from T_8B = 128 bits */
    T_N_TYPES
};

static inline bool type_is_vector(unsigned t) { return t >= T_8B; }
static inline bool type_is_128(unsigned t) { return t >= T_8B && ((t - T_8B) & 1); }
/* log2 of the bytes of a lane, or of a scalar. */
static inline unsigned type_lane_log2(unsigned t)
{
    return t >= T_8B ? (t - T_8B) / 2 : t == T_I32 || t == T_F32 ? 2 : t == T_F16 ? 1 : 3;
}
/* Number of lanes; 1 for scalars. */
static inline unsigned type_lanes(unsigned t)
{
    return t >= T_8B ? (8u << type_is_128(t)) >> type_lane_log2(t) : 1;
}
/* The vector type with lanes of 2^log2 bytes, 64 or 128 bits in all. */
static inline enum ir_type type_vector(unsigned log2, bool is_128) { return (enum ir_type)(T_8B + 2 * log2 + is_128); }

enum ir_class { IR_CLASS_N, IR_CLASS_I, IR_CLASS_V, IR_CLASS_F };
enum ir_props { IR_PURE = 1, IR_FAULT = 2, IR_END = 4, IR_EXIT = 8, IR_EVAL = 16, IR_CALL = 32 };
enum { IR_S = 1 };    /* aux of add sub and andn adc sbc: also produces flags */
/* d of exits. All but IR_POLL occur in regions only (region.h): where the exit leads to is not said by disp alone. */
enum { IR_POLL = 1, IR_BACK = 2, IR_GUESS = 4, IR_OUT = 8, IR_NO_FLAGS = 16 /* those that are handed on are dead */ };
enum { ALIGN_LOG2 = 7, ALIGN_WITHIN_16 = 8 }; /* aux of align */

/* Conditions, in the Arm encoding: odd = negation of the one before. */
enum ir_cond {
    COND_EQ, COND_NE, COND_CS, COND_CC, COND_MI, COND_PL, COND_VS, COND_VC,
    COND_HI, COND_LS, COND_GE, COND_LT, COND_GT, COND_LE, COND_AL, COND_NV
};

/* aux of memory operations. */
enum {
    MEM_SIZE = 7,         /* log2 of the bytes: 0..4 */
    MEM_SIGN = 8,
    MEM_SCALE_SHIFT = 4,  /* two bits: operand b is shifted left by 0..3 */
    MEM_RELEASE = 64,     /* store: not passed by a later load-acquire (x86: xchg) */
    MEM_SWAP = 128        /* opposite byte order to the host's */
};

/* aux of frint, f2i, i2f, vf2i: rounding in the low three bits. */
enum { IR_ROUND_NEAREST, IR_ROUND_UP, IR_ROUND_DOWN, IR_ROUND_ZERO, IR_ROUND_AWAY, IR_ROUND_CURRENT };
enum { IR_ROUND = 7, CVT_UNSIGNED = 8, FRINT_EXACT = 16, CVT_64 = 32 };

typedef uint16_t ir_ref;
enum { IR_NONE = 0, IR_MAX_OPS = 65000 };

struct ir_op {
    uint16_t op;  /* enum ir_opcode */
    uint8_t type; /* enum ir_type */
    uint8_t aux;
    ir_ref a, b;
    union {
        uint64_t imm;
        struct {
            ir_ref c;
            uint16_t d;
            int32_t disp;
        };
    };
};
_Static_assert(sizeof(struct ir_op) == 16, "IR operations are 16 bytes");

struct ir_op_info {
    char name[11];
    uint8_t res, a, b, c; /* enum ir_class; an operand of that class may be IR_NONE only where ir_ops.def says so */
    uint8_t props;
};
extern const struct ir_op_info ir_op_info[IR_N_OPS];
extern const char *const ir_type_name[T_N_TYPES]; /* "i32", "f64", "16b" ... */
extern const char *const ir_cond_name[16];

/* A guest variable: where it lives in struct cpu. */
struct ir_var {
    const char *name;
    uint16_t offset; /* in struct cpu */
    uint8_t size;    /* bytes: 4, 8 or 16 */
    uint8_t class;   /* enum ir_class */
};

enum { IR_MAX_VARS = 128 };

struct ir {
    struct ir_op *ops; /* ops[0] is a nop so that 0 can mean none */
    uint32_t n;        /* operations in use */
    guest_addr pc;     /* of the block: exits' targets are relative to it */
    const struct ir_var *vars;
    unsigned n_vars;
    ir_ref current[IR_MAX_VARS]; /* value of each variable if known in this block */
    ir_ref flags;                /* current flags, IR_NONE = as at entry */
    uint8_t ignored_bits;        /* not 0: accesses ignore that many bits of their address, see tagged.h; ir_begin clears it */
    bool strict;                 /* guard stores for strict exclusives, see strict.h; ir_begin clears it */
    bool no_fold;                /* keep operations as they are given (parser, tests) */
    ir_ref recent_const[32];     /* constants by a hash of their value; entries are checked when used */
};

/* Start an empty block in ir->ops, which has room for IR_MAX_OPS operations. Clears no_fold. */
void ir_begin(struct ir *ir, guest_addr pc, const struct ir_var *vars, unsigned n_vars);

/* Add an operation. Operands are earlier references of the classes that ir_ops.def names, or IR_NONE.
 * Returns its reference, or that of an equal, already known value. */
ir_ref ir_add(struct ir *ir, struct ir_op op);

static inline ir_ref ir_0(struct ir *ir, unsigned op, unsigned type) { return ir_add(ir, (struct ir_op){.op = op, .type = type}); }
static inline ir_ref ir_1(struct ir *ir, unsigned op, unsigned type, ir_ref a) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .a = a}); }
static inline ir_ref ir_2(struct ir *ir, unsigned op, unsigned type, ir_ref a, ir_ref b) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .a = a, .b = b}); }
static inline ir_ref ir_3(struct ir *ir, unsigned op, unsigned type, ir_ref a, ir_ref b, ir_ref c) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .a = a, .b = b, .c = c}); }
/* With aux and d. */
static inline ir_ref ir_1x(struct ir *ir, unsigned op, unsigned type, ir_ref a, unsigned aux, unsigned d) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .aux = aux, .a = a, .d = d}); }
static inline ir_ref ir_2x(struct ir *ir, unsigned op, unsigned type, ir_ref a, ir_ref b, unsigned aux, unsigned d) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .aux = aux, .a = a, .b = b, .d = d}); }
static inline ir_ref ir_3x(struct ir *ir, unsigned op, unsigned type, ir_ref a, ir_ref b, ir_ref c, unsigned aux, unsigned d) { return ir_add(ir, (struct ir_op){.op = op, .type = type, .aux = aux, .a = a, .b = b, .c = c, .d = d}); }

ir_ref ir_const(struct ir *ir, uint64_t value);
ir_ref ir_vconst(struct ir *ir, uint64_t low, bool both_halves);
ir_ref ir_addr(struct ir *ir, guest_addr addr);
/* a + constant, folded into an earlier constant addition. type T_I32 or T_I64. */
ir_ref ir_add_const(struct ir *ir, unsigned type, ir_ref a, int64_t value);

/* Read and write a variable; class and width follow from its row. ir_put of an F variable is ir_put_flags. */
ir_ref ir_get(struct ir *ir, unsigned var);
void ir_put(struct ir *ir, unsigned var, ir_ref value);
ir_ref ir_get_flags(struct ir *ir);
void ir_put_flags(struct ir *ir, ir_ref flags);

/* Memory access at a + disp, or a + (b << scale) + disp. mem = MEM_* bits. */
ir_ref ir_load(struct ir *ir, unsigned type, ir_ref a, ir_ref b, int64_t disp, unsigned mem);
void ir_store(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, ir_ref value, unsigned mem);
ir_ref ir_loadv(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, unsigned mem);
void ir_storev(struct ir *ir, ir_ref a, ir_ref b, int64_t disp, ir_ref value, unsigned mem);

/* Call a helper of helpers.def with up to three integer operands (IR_NONE: absent). Returns its result. */
ir_ref ir_call(struct ir *ir, unsigned helper, ir_ref a, ir_ref b, ir_ref c);

/* Value of a constant, if REF is one. */
bool ir_is_const(const struct ir *ir, ir_ref ref, uint64_t *value);

/* Number of the flags' producer class: true if REF is an operation whose reference may serve as flags. */
bool ir_makes_flags(const struct ir_op *op);

/* Text form, one operation a line: "v12 = add.i64 v3, v4", see test/ir. ir_parse reads what ir_dump writes;
 * it returns false and a message in ERR (size ERR_SIZE) for malformed text. */
void ir_dump(const struct ir *ir, void (*out)(const char *line));
bool ir_format_op(const struct ir *ir, ir_ref ref, char *buf, size_t size);
bool ir_parse(struct ir *ir, const char *text, char *err, size_t err_size);

/* Check types, classes, definition before use, one END at the end. Returns null or a message (static storage). */
const char *ir_verify(const struct ir *ir);

/* Run a block on the reference engine. Returns the reason why it ended (enum exit_reason); cpu->pc is the next pc. */
struct thread;
unsigned ir_interpret(struct thread *thread, const struct ir *ir);
/* If not null, called before every guest store of the reference engine, atomics included (stores that turn out not to
 * happen too). Set while no thread runs. */
extern void (*ir_store_hook)(struct thread *thread, guest_addr addr, unsigned size);
