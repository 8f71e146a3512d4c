/* host_stubs.c - code generated once: entering and leaving blocks, calling C from them. */
#include <stddef.h>
#include <string.h>

#include "arch/x86/host_backend.h"
#include "arch/x86/host_emit.h"
#include "core/code_buffer.h"
#include "core/dispatch.h"
#include "core/eval.h"
#include "core/helper.h"
#include "core/log.h"

const void *host_stub_code[8];
void (*host_enter)(void *cpu, const void *code);
const void *host_leave_nosave;

static const uint8_t callee_saved[] = {RBX, RBP, R12, R13, R14, R15};

static struct x86_mem cpu_field(size_t offset) { return mem_cpu((int32_t)offset); }

static bool is_callee_saved(int pin)
{
    return pin >= 0 && pin < RA_VEC && memchr(callee_saved, pin, sizeof callee_saved);
}

/* ALL: also those that C functions keep. */
static void each_pin(struct x86_asm *a, bool store, bool all)
{
    for (unsigned var = 0; var < host_n_vars; var++) {
        int pin = host_pin[var];
        if (!all && is_callee_saved(pin))
            continue;
        struct x86_mem m = cpu_field(host_vars[var].offset);
        if (pin >= RA_VEC && store)
            asm_vstore(a, V_movaps_st, m, (unsigned)vec_reg(pin));
        else if (pin >= RA_VEC)
            asm_v2m(a, V_movaps, (unsigned)vec_reg(pin), m);
        else if (pin >= 0 && store)
            asm_mov_mr(a, 3, m, (unsigned)pin);
        else if (pin >= 0)
            asm_mov_rm(a, 3, (unsigned)pin, m);
    }
}

/* enter(rdi = cpu, rsi = code) */
static void make_enter(struct x86_asm *a)
{
    for (unsigned i = 0; i < sizeof callee_saved; i++)
        asm_push_r(a, callee_saved[i]);
    asm_lea(a, 1, RSP, x86_mem(RSP, -8));
    asm_lea(a, 1, RBP, x86_mem(RDI, CPU_BIAS));
    asm_mov_rr(a, 1, RAX, RSI);
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, host_sp)), RSP);
    asm_mov_rm(a, 3, RSP, cpu_field(offsetof(struct cpu, return_sp)));
    each_pin(a, false, true);
    asm_jmp_r(a, RAX);
}

/* eax = reason */
static void make_exit(struct x86_asm *a, uint32_t *nosave)
{
    each_pin(a, true, true);
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, return_sp)), RSP);
    *nosave = asm_offset(a);
    asm_mov_mr(a, 2, cpu_field(offsetof(struct cpu, exit_reason)), RAX);
    asm_mov_rm(a, 3, RSP, cpu_field(offsetof(struct cpu, host_sp)));
    asm_mov_mi(a, 3, cpu_field(offsetof(struct cpu, host_sp)), 0);
    asm_lea(a, 1, RSP, x86_mem(RSP, 8));
    for (unsigned i = sizeof callee_saved; i-- > 0;)
        asm_pop_r(a, callee_saved[i]);
    asm_plain(a, X_RET);
}

static void make_link(struct x86_asm *a, uint32_t exit)
{
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, scratch)), RCX);
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, exit_data)), RAX);
    asm_mov_ri(a, RAX, EXIT_LINK);
    asm_jmp_to(a, exit);
}

static void make_miss(struct x86_asm *a, uint32_t exit)
{
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, pc)), RAX);
    asm_mov_ri(a, RAX, EXIT_LOOKUP);
    asm_jmp_to(a, exit);
}

static void make_return(struct x86_asm *a, uint32_t miss)
{
    int32_t table = JUMP_CACHE_OFFSET - CPU_BIAS;
    asm_mov_rm(a, 3, RSP, cpu_field(offsetof(struct cpu, return_base)));
    asm_mov_rr(a, 0, RCX, RAX);
    asm_alu_ri(a, ALU_AND, 0, RCX, (JUMP_CACHE_SIZE - 1) << 2);
    asm_alu_rm(a, ALU_CMP, 1, RAX, x86_mem_index(RBP, RCX, 2, table));
    asm_jcc_to(a, CC_NE, miss);
    asm_jmp_m(a, x86_mem_index(RBP, RCX, 2, table + (int32_t)offsetof(struct jump_cache_entry, code)));
}

/* From the return stack to the C stack and back, around a call of function number eax. */
static void call_c(struct x86_asm *a)
{
    asm_mov_rr(a, 0, RAX, RAX);
    asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, return_sp)), RSP);
    asm_mov_rm(a, 3, RSP, cpu_field(offsetof(struct cpu, host_sp)));
    asm_lea(a, 1, RDI, x86_mem(RBP, -CPU_BIAS));
    asm_mov_rm(a, 3, R10, cpu_field(offsetof(struct cpu, functions)));
    asm_call_m(a, x86_mem_index(R10, RAX, 3, 0));
    asm_mov_rm(a, 3, RSP, cpu_field(offsetof(struct cpu, return_sp)));
}

/* EXACT: the function looks at guest registers, or changes them. */
static void make_call(struct x86_asm *a, bool exact)
{
    each_pin(a, true, exact);
    asm_mov_rm(a, 3, RSI, cpu_field(offsetof(struct cpu, scratch)));
    asm_mov_rm(a, 3, RDX, cpu_field(offsetof(struct cpu, scratch) + 8));
    asm_mov_rm(a, 3, RCX, cpu_field(offsetof(struct cpu, scratch) + 16));
    call_c(a);
    each_pin(a, false, exact);
    asm_plain(a, X_RET);
}

/* ev_*(rdi cpu, esi desc, rdx result, rcx r8 r9 operands) */
static void make_eval(struct x86_asm *a)
{
    each_pin(a, true, true);
    asm_mov_rr(a, 0, RSI, RCX);
    asm_lea(a, 1, RDX, cpu_field(offsetof(struct cpu, res)));
    asm_lea(a, 1, RCX, cpu_field(offsetof(struct cpu, arg)));
    asm_lea(a, 1, R8, cpu_field(offsetof(struct cpu, arg) + 16));
    asm_lea(a, 1, R9, cpu_field(offsetof(struct cpu, arg) + 32));
    call_c(a);
    each_pin(a, false, true);
    asm_plain(a, X_RET);
}

enum { N_FUNCTIONS = N_HELPERS + IR_N_OPS + 1, FUNCTION_SLOW = N_HELPERS + IR_N_OPS };

/* On the return stack: return address, desc, what. Every register is kept, but for the result's. */
static void make_slow(struct x86_asm *a)
{
    for (unsigned r = 0; r < 16; r++)
        if (r != RSP && r != RBP)
            asm_mov_mr(a, 3, cpu_field(offsetof(struct cpu, saved_gpr) + 8 * r), r);
    for (unsigned v = 0; v < 16; v++)
        asm_vstore(a, V_movaps_st, cpu_field(offsetof(struct cpu, saved_vec) + 16 * v), v);
    asm_mov_rm(a, 2, RSI, x86_mem(RSP, 16));
    asm_mov_rm(a, 2, RDX, x86_mem(RSP, 8));
    asm_mov_ri(a, RAX, FUNCTION_SLOW);
    call_c(a);
    for (unsigned v = 0; v < 16; v++)
        asm_v2m(a, V_movaps, v, cpu_field(offsetof(struct cpu, saved_vec) + 16 * v));
    for (unsigned r = 0; r < 16; r++)
        if (r != RSP && r != RBP)
            asm_mov_rm(a, 3, r, cpu_field(offsetof(struct cpu, saved_gpr) + 8 * r));
    asm_plain(a, X_RET);
}

void host_slow(struct cpu *cpu, uint32_t what, uint32_t desc)
{
    union vec result, integer = {.u64 = {cpu->saved_gpr[what >> 14 & 15]}};
    const union vec *a = what >> 30 & 1 ? &integer : &cpu->saved_vec[what >> 14 & 31];
    eval_of(what & 511)(cpu, desc, &result, a, &cpu->saved_vec[what >> 19 & 31], &cpu->saved_vec[what >> 24 & 31]);
    if (what >> 29 & 1)
        cpu->saved_gpr[what >> 9 & 15] = result.u64[0];
    else
        cpu->saved_vec[what >> 9 & 31] = result;
}

static const void *const *function_table(void)
{
    static const void *table[N_FUNCTIONS];
    for (unsigned i = 0; i < N_HELPERS; i++)
        table[i] = (const void *)helper_info[i].fn;
    for (unsigned i = 0; i < IR_N_OPS; i++)
        table[N_HELPERS + i] = (const void *)eval_of(i);
    table[FUNCTION_SLOW] = (const void *)host_slow;
    return table;
}

const void *const *host_functions;

void host_make_stubs(void)
{
    static PART_TABLE struct x86_asm a;
    uint8_t *code = code_buffer_begin(8192);
    uint32_t at[STUB_N], nosave, enter;
    asm_begin(&a, code, 8192, &host_features);
    enter = asm_offset(&a);
    make_enter(&a);
    at[STUB_EXIT] = asm_offset(&a);
    make_exit(&a, &nosave);
    at[STUB_LINK] = asm_offset(&a);
    make_link(&a, at[STUB_EXIT]);
    at[STUB_MISS] = asm_offset(&a);
    make_miss(&a, at[STUB_EXIT]);
    at[STUB_RETURN] = asm_offset(&a);
    make_return(&a, at[STUB_MISS]);
    at[STUB_CALL] = asm_offset(&a);
    make_call(&a, true);
    at[STUB_CALL_PLAIN] = asm_offset(&a);
    make_call(&a, false);
    at[STUB_EVAL] = asm_offset(&a);
    make_eval(&a);
    at[STUB_SLOW] = asm_offset(&a);
    make_slow(&a);
    if (a.overflow)
        bug("stubs do not fit");
    code_buffer_end(asm_offset(&a));
    for (unsigned i = 0; i < STUB_N; i++)
        host_stub_code[i] = code + at[i];
    host_enter = (void (*)(void *, const void *))(void *)(code + enter);
    host_leave_nosave = code + nosave;
    host_functions = function_table();
}
