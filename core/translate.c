/* translate.c - guest code to IR: fetch and translate instructions until the block ends.
 *
 * A block goes on over unconditional direct jumps and past conditional exits that are not taken. It ends at calls,
 * indirect jumps, backward conditional exits and after max_insns instructions. */
#include "core/translate.h"

#include <string.h>
#include <sys/mman.h>

#include "core/cache.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/tagged.h"

/* A loop body of straight-line code should fit into one block; the host's tables hold what MAX_OPS can need. */
enum { MAX_INSNS = 128, MAX_OPS = 440, PAGE_SIZE = 4096 };

void translate_lock(const struct translator *t)
{
    if (!t->has_lock)
        tb_lock_take();
}

void translate_unlock(const struct translator *t)
{
    if (!t->has_lock)
        tb_lock_release();
}

void translate_begin(struct translator *t, struct cache_unit *unit, guest_addr pc)
{
    t->unit = unit;
    t->noted = ALIGN_DOWN(pc, PAGE_SIZE);
    if (unit)
        cache_note_page(unit, pc);
}

static void note_page(struct translator *t, guest_addr addr)
{
    if (!t->unit || t->noted == ALIGN_DOWN(addr, PAGE_SIZE))
        return;
    translate_lock(t);
    cache_note_page(t->unit, addr);
    translate_unlock(t);
    t->noted = ALIGN_DOWN(addr, PAGE_SIZE);
}

/* Read ahead from ADDR to the end of its page at most. */
static bool fill_window(struct translator *t, guest_addr addr)
{
    unsigned size = PAGE_SIZE - (unsigned)(addr & (PAGE_SIZE - 1));
    if (size > TRANSLATE_WINDOW)
        size = TRANSLATE_WINDOW;
    t->window_pc = addr;
    t->window_size = 0;
    note_page(t, addr);
    if (!memory_check(addr, size, PROT_EXEC) || memory_read(t->window, addr, size) != 0)
        return false;
    t->window_size = size;
    return true;
}

bool translate_fetch(struct translator *t, guest_addr addr, void *dst, size_t n)
{
    if (addr - t->window_pc >= t->window_size || n > t->window_size - (addr - t->window_pc)) {
        bool crosses = n > PAGE_SIZE - (addr & (PAGE_SIZE - 1));
        if (crosses || n > TRANSLATE_WINDOW)
            return memory_check(addr, n, PROT_EXEC) && memory_read(dst, addr, n) == 0;
        if (!fill_window(t, addr))
            return false;
    }
    const uint8_t *src = t->window + (addr - t->window_pc);
    if (n == 4) /* sizes that are known take no call */
        memcpy(dst, src, 4);
    else if (n == 1)
        memcpy(dst, src, 1);
    else
        memcpy(dst, src, n);
    return true;
}

bool translate_depends(struct translator *t, guest_addr start, uint32_t size)
{
    for (unsigned i = 0; i < t->n_ranges; i++) {
        struct tb_range *r = &t->range[i];
        if (start >= r->start && start + size <= r->start + r->size)
            return true;
        if (start == r->start + r->size) {
            r->size += size;
            return true;
        }
    }
    if (t->n_ranges == TB_MAX_RANGES)
        return false;
    t->range[t->n_ranges++] = (struct tb_range){start, size};
    return true;
}

void translate_begin_insn(struct translator *t)
{
    unsigned length = t->isa->insn_align;
    t->next_pc = t->pc + length;
    t->n_insns++;
    t->ir.ignored_bits = tagged_is_place(t->pc) ? t->isa->ignored_bits : 0;
    ir_add(&t->ir, (struct ir_op){.op = IR_insn, .aux = (uint8_t)length, .imm = t->pc});
}

/* PC is where a block has to end: another one of the region starts there. */
static bool is_head(const struct translator *t, guest_addr pc)
{
    for (unsigned i = 0; i < t->n_heads; i++)
        if (t->heads[i] == pc)
            return true;
    return false;
}

static bool translate(struct translator *t, guest_addr pc, uint32_t mode)
{
    t->mode = mode;
    t->done = false;
    t->n_insns = t->n_ranges = t->window_size = 0;
    ir_begin(&t->ir, pc, t->isa->vars, t->isa->n_vars);
    t->ir.strict = engine_options.strict_exclusives;
    for (t->pc = pc; !t->done; t->pc = t->next_pc) {
        uint8_t first;
        unsigned length = t->isa->insn_align;
        bool stop = t->n_insns > 0 && (t->pc == engine_options.stop_pc || is_head(t, t->pc));
        if (t->n_insns == t->max_insns || stop || t->ir.n > MAX_OPS) {
            translate_jump(t, t->pc);
            break;
        }
        if (!translate_fetch(t, t->pc, &first, 1) || !translate_depends(t, t->pc, length)) {
            if (t->n_insns == 0)
                return false;
            translate_jump(t, t->pc);
            break;
        }
        translate_begin_insn(t);
        if (!t->isa->translate_insn(t))
            translate_leave(t, EXIT_UNDEF, 0, t->pc);
    }
    return true;
}

bool translate_block(struct translator *t, guest_addr pc, uint32_t mode)
{
    t->max_insns = engine_options.one_insn_per_tb ? 1 : MAX_INSNS;
    t->n_heads = 0;
    return translate(t, pc, mode);
}

bool translate_region_block(struct translator *t, guest_addr pc, uint32_t mode, const guest_addr *heads, unsigned n_heads,
                            unsigned max_insns)
{
    t->max_insns = max_insns && max_insns < MAX_INSNS ? max_insns : MAX_INSNS;
    t->heads = heads;
    t->n_heads = n_heads;
    return translate(t, pc, mode);
}

/* ---- Exits -------------------------------------------------------------------------------- */

static int32_t relative(const struct translator *t, guest_addr target) { return (int32_t)(target - t->ir.pc); }

/* Flags to store on a path to TARGET: none if cpu->flags is up to date or they are dead there. LINK: as for flags_dead. */
static ir_ref flags_after_call(struct translator *t, guest_addr target, guest_addr link)
{
    if (t->ir.flags == IR_NONE || t->ir.ops[t->ir.flags].op == IR_getf)
        return IR_NONE;
    if (target != engine_options.stop_pc && t->isa->flags_dead(t, target, link))
        return IR_NONE;
    return t->ir.flags;
}

static ir_ref flags_for(struct translator *t, guest_addr target) { return flags_after_call(t, target, 0); }

static ir_ref flags_for_unknown(const struct translator *t)
{
    return t->ir.flags && t->ir.ops[t->ir.flags].op != IR_getf ? t->ir.flags : IR_NONE;
}

/* Every loop goes backward somewhere; where a block is cut, TARGET is but the instruction that comes next. */
static unsigned poll_for(const struct translator *t, guest_addr target)
{
    return target <= t->pc && target != t->next_pc ? IR_POLL : 0;
}

static void end_with_jump(struct translator *t, guest_addr target)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_jump, .b = flags_for(t, target), .d = (uint16_t)poll_for(t, target),
                                  .disp = relative(t, target)});
    t->done = true;
}

static bool visited(const struct translator *t, guest_addr target)
{
    for (uint32_t i = 1; i < t->ir.n; i++)
        if (t->ir.ops[i].op == IR_insn && t->ir.ops[i].imm == target)
            return true;
    return false;
}

static bool in_reach(const struct translator *t, guest_addr target)
{
    int64_t d = (int64_t)(target - t->ir.pc);
    return d == (int32_t)d;
}

void translate_jump(struct translator *t, guest_addr target)
{
    if (!in_reach(t, target)) {
        translate_jump_indirect(t, ir_addr(&t->ir, target), 0);
        return;
    }
    bool follow = t->n_insns > 0 && t->n_insns < t->max_insns && target > t->pc && t->next_pc != target &&
                  target != engine_options.stop_pc && !is_head(t, target) && !visited(t, target) && t->n_ranges < TB_MAX_RANGES - 3;
    uint8_t probe;
    if (follow && translate_fetch(t, target, &probe, 1))
        t->next_pc = target;
    else
        end_with_jump(t, target);
}

/* After a conditional exit: a backward one ends the block, since it is likely to be taken. */
static void after_exit(struct translator *t, guest_addr target)
{
    if (target <= t->pc)
        end_with_jump(t, t->next_pc);
}

void translate_exit_cond(struct translator *t, enum ir_cond cond, guest_addr target)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_exit_if, .aux = cond, .b = flags_for(t, target), .c = ir_get_flags(&t->ir),
                                  .d = (uint16_t)poll_for(t, target), .disp = relative(t, target)});
    after_exit(t, target);
}

static void exit_on_zero(struct translator *t, unsigned type, ir_ref value, bool if_zero, guest_addr target)
{
    ir_add(&t->ir, (struct ir_op){.op = if_zero ? IR_exit_z : IR_exit_nz, .type = (uint8_t)type, .a = value,
                                  .b = flags_for(t, target), .d = (uint16_t)poll_for(t, target), .disp = relative(t, target)});
}

void translate_exit_zero(struct translator *t, unsigned type, ir_ref value, bool if_zero, guest_addr target)
{
    exit_on_zero(t, type, value, if_zero, target);
    after_exit(t, target);
}

void translate_retry(struct translator *t, ir_ref failed, guest_addr target)
{
    exit_on_zero(t, T_I64, failed, false, target);
}

void translate_exit_bit(struct translator *t, ir_ref value, unsigned bit, bool if_set, guest_addr target)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_exit_bit, .aux = (uint8_t)(bit | if_set << 7), .a = value,
                                  .b = flags_for(t, target), .d = (uint16_t)poll_for(t, target), .disp = relative(t, target)});
    after_exit(t, target);
}

void translate_jump_indirect(struct translator *t, ir_ref target, unsigned kind)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_jumpi, .aux = (uint8_t)kind, .a = target, .b = flags_for_unknown(t)});
    t->done = true;
}

void translate_call(struct translator *t, guest_addr target, ir_ref return_addr)
{
    if (!in_reach(t, target)) {
        translate_call_indirect(t, ir_addr(&t->ir, target), return_addr, 0);
        return;
    }
    ir_ref flags = flags_after_call(t, target, t->ir.ops[return_addr].imm);
    ir_add(&t->ir, (struct ir_op){.op = IR_goto_call, .a = return_addr, .b = flags, .disp = relative(t, target)});
    t->done = true;
}

void translate_call_indirect(struct translator *t, ir_ref target, ir_ref return_addr, unsigned kind)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_calli, .aux = (uint8_t)kind, .a = return_addr, .b = flags_for_unknown(t), .c = target});
    t->done = true;
}

void translate_return(struct translator *t, ir_ref target)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_ret, .a = target, .b = flags_for_unknown(t)});
    t->done = true;
}

void translate_leave(struct translator *t, unsigned reason, unsigned data, guest_addr pc)
{
    ir_add(&t->ir, (struct ir_op){.op = IR_leave, .aux = (uint8_t)data, .b = flags_for_unknown(t), .d = (uint16_t)reason,
                                  .disp = relative(t, pc)});
    t->done = true;
}
