/* opt_dead.c - remove operations, register writes and flags that nobody can see.
 *
 * One walk from the end to the start. What is known at a point of the walk is about the operations
 * after it. */
#include "core/opt.h"

#include <string.h>

#include "core/helper.h"

static const uint8_t helper_props[N_HELPERS] = {
#define HELPER(name, props) [HELPER_##name] = props,
#include "core/helpers.def"
#undef HELPER
};

enum { MAX_RECENT = 16 };
enum { USED_VALUE = 1, USED_FLAGS = 2 }; /* as integer or vector; as flags */

struct liveness {
    uint8_t used[IR_MAX_OPS];               /* USED_* bits of each operation */
    uint64_t overwritten[IR_MAX_VARS / 64]; /* variables written later, before anyone can see them */

    /* Flags: a mark (putf) is needed if a fault can come before the next mark and the flags are
     * used after the first such fault. `recent` are the flags whose uses all come before that
     * fault. */
    bool fault_follows; /* before the next mark */
    unsigned n_recent;
    ir_ref recent[MAX_RECENT];
};

static bool test(const uint64_t *set, unsigned i)
{
    return set[i / 64] >> i % 64 & 1;
}

static void insert(uint64_t *set, unsigned i)
{
    set[i / 64] |= (uint64_t)1 << i % 64;
}

static void use_flags(struct liveness *l, ir_ref ref)
{
    if (l->used[ref] & USED_FLAGS)
        return;
    l->used[ref] |= USED_FLAGS;
    /* A use that is not noted counts as one after the fault, which only keeps more. */
    if (l->n_recent < MAX_RECENT)
        l->recent[l->n_recent++] = ref;
}

static void use(struct liveness *l, unsigned class, ir_ref ref)
{
    if (class == IR_CLASS_F)
        use_flags(l, ref);
    else
        l->used[ref] |= USED_VALUE;
}

static void use_operands(struct liveness *l, const struct ir_op *op, const struct ir_op_info *info)
{
    if (info->a != IR_CLASS_N)
        use(l, info->a, op->a);
    if (info->b != IR_CLASS_N)
        use(l, info->b, op->b);
    if (info->c != IR_CLASS_N)
        use(l, info->c, op->c);
}

static bool is_used_after_fault(const struct liveness *l, ir_ref flags)
{
    if (!(l->used[flags] & USED_FLAGS))
        return false;
    for (unsigned i = 0; i < l->n_recent; i++)
        if (l->recent[i] == flags)
            return false;
    return true;
}

/* Is the mark needed? */
static bool mark_is_live(struct liveness *l, const struct ir_op *op)
{
    bool live = op->aux || (l->fault_follows && is_used_after_fault(l, op->a));
    l->fault_follows = false;
    l->n_recent = 0;
    return live;
}

/* Everything before this operation's effect becomes visible. */
static void pass_barrier(struct liveness *l, const struct ir_op *op, unsigned props)
{
    bool is_fault = props & IR_FAULT;
    if (props & IR_CALL) {
        unsigned helper = helper_props[op->disp];
        if (!helper)
            return;
        is_fault = helper & HELPER_FAULTS;
    }
    memset(l->overwritten, 0, sizeof(l->overwritten));
    if (is_fault) {
        l->fault_follows = true;
        l->n_recent = 0;
    }
}

/* True if the operation has no visible effect. */
static bool is_dead(struct liveness *l, struct ir_op *op, ir_ref ref, const struct ir_op_info *info)
{
    switch (op->op) {
    case IR_put:
    case IR_putv:
        if (test(l->overwritten, (unsigned)op->imm))
            return true;
        insert(l->overwritten, (unsigned)op->imm);
        return false;
    case IR_putf:
        return !mark_is_live(l, op);
    default:
        break;
    }
    if (!(info->props & IR_PURE))
        return false;
    if (op->op >= IR_add && op->op <= IR_sbc && !(l->used[ref] & USED_FLAGS))
        op->aux &= (uint8_t)~IR_S;
    return !l->used[ref];
}

void opt_dead(struct ir *ir)
{
    struct liveness l;
    memset(l.used, 0, ir->n);
    memset(l.overwritten, 0, sizeof(l.overwritten));
    l.fault_follows = false;
    l.n_recent = 0;

    for (uint32_t i = ir->n - 1; i > 0; i--) {
        struct ir_op *op = &ir->ops[i];
        if (op->op <= IR_insn)
            continue;
        const struct ir_op_info *info = &ir_op_info[op->op];
        if (is_dead(&l, op, (ir_ref)i, info)) {
            *op = (struct ir_op){.op = IR_nop};
            continue;
        }
        if (info->props & (IR_FAULT | IR_CALL | IR_EXIT | IR_END))
            pass_barrier(&l, op, info->props);
        if (op->op == IR_get || op->op == IR_getv)
            l.overwritten[op->imm / 64] &= ~((uint64_t)1 << op->imm % 64);
        use_operands(&l, op, info);
    }
}
