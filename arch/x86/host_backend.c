/* host_backend.c - x86-64 as a host: CPU features, register convention, contexts. */
#include "arch/x86/host_backend.h"

#include <cpuid.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "arch/x86/host_emit.h"
#include "core/code_buffer.h"
#include "core/dispatch.h"
#include "core/flags.h"
#include "core/memory.h"

extern const void *const *host_functions;

struct x86_features host_features;
bool host_fp_traps;
int8_t host_pin[IR_MAX_VARS];
uint64_t host_temporaries;
const struct ir_var *host_vars;
unsigned host_n_vars;

/* Homes of pinned variables, and temporaries. RBX must be a temporary: CMPXCHG16B overwrites it. */
static const uint8_t pin_regs[] = {R12, R13, R14, R8, R9, R10, R11, RSI, RDI};
static const uint8_t vec_pin_regs[] = {10, 11, 12, 13, 14, 15};
enum { TEMP_GPRS = 1 << RAX | 1 << RCX | 1 << RDX | 1 << RBX | 1 << R15, TEMP_VECS = 0x3ff };

/* ---- CPU features ------------------------------------------------------------------------------------- */

enum { LEAF1_ECX, LEAF7_EBX, LEAF7_ECX, EXT1_ECX, XCR0, N_WORDS };
enum { WORD_SIZE = 9 }; /* as text */

static const struct feature {
    char name[12];
    uint8_t word, bit, needs; /* needs: 0 nothing, 1 AVX state, 2 AVX-512 state */
    size_t offset;
} features[] = {
#define F(name, word, bit, needs) {#name, word, bit, needs, offsetof(struct x86_features, name)}
    F(avx, LEAF1_ECX, 28, 1), F(avx2, LEAF7_EBX, 5, 1), F(bmi1, LEAF7_EBX, 3, 0), F(bmi2, LEAF7_EBX, 8, 0),
    F(lzcnt, EXT1_ECX, 5, 0), F(fma, LEAF1_ECX, 12, 1), F(f16c, LEAF1_ECX, 29, 1), F(movbe, LEAF1_ECX, 22, 0),
    F(adx, LEAF7_EBX, 19, 0), F(sha, LEAF7_EBX, 29, 0), F(aes, LEAF1_ECX, 25, 0), F(pclmul, LEAF1_ECX, 1, 0),
    F(gfni, LEAF7_ECX, 8, 0), F(vaes, LEAF7_ECX, 9, 1), F(vpclmul, LEAF7_ECX, 10, 1),
    F(avx512vl, LEAF7_EBX, 31, 2), F(avx512bw, LEAF7_EBX, 30, 2), F(avx512dq, LEAF7_EBX, 17, 2),
    F(avx512cd, LEAF7_EBX, 28, 2), F(avx512vbmi, LEAF7_ECX, 1, 2), F(vnni, LEAF7_ECX, 11, 2),
    F(bitalg, LEAF7_ECX, 12, 2), F(vpopcntdq, LEAF7_ECX, 14, 2),
#undef F
};

static char cpu_text[N_WORDS * WORD_SIZE + 1];

static const char *cpu_words(void) { return cpu_text; }

static uint32_t enabled_state(void)
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

/* Few questions: where a hypervisor answers, each takes ten microseconds. */
static void ask_cpu(uint32_t word[N_WORDS])
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    word[LEAF1_ECX] = c;
    word[XCR0] = c >> 27 & 1 ? enabled_state() : 0;
    /* Leaves go further than 7 on all CPUs with XSAVE, whose leaf is 13; those with SSE4.2 alone have nothing that it tells. */
    if (c >> 27 & 1) {
        __cpuid_count(7, 0, a, b, c, d);
        word[LEAF7_EBX] = b;
        word[LEAF7_ECX] = c;
    }
    __cpuid(0x80000001, a, b, c, d); /* every CPU with long mode has it */
    word[EXT1_ECX] = c;
}

static bool parse_words(const char *text, uint32_t word[N_WORDS])
{
    for (unsigned i = 0; i < N_WORDS; i++, text += WORD_SIZE) {
        char *end;
        word[i] = (uint32_t)strtoul(text, &end, 16);
        if (end != text + WORD_SIZE - 1 || *end != (i + 1 < N_WORDS ? ',' : 0))
            return false;
    }
    return true;
}

/* NAME is one of the comma-separated names. */
static bool named(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = names; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == 0))
            return true;
    return false;
}

/* The same, or they say "all". */
static bool listed(const char *names, const char *name) { return named(names, name) || named(names, "all"); }

static bool detect(const char *off, const char *known)
{
    uint32_t word[N_WORDS] = {0};
    if (known && parse_words(known, word)) {
        strcpy(cpu_text, known);
    } else {
        ask_cpu(word);
        for (unsigned i = 0; i < N_WORDS; i++)
            snprintf(cpu_text + i * WORD_SIZE, WORD_SIZE + 1, "%08x,", word[i]);
        cpu_text[sizeof cpu_text - 2] = 0;
    }
    uint32_t c = word[LEAF1_ECX], state = word[XCR0];
    bool baseline = c >> 20 & 1 && c >> 19 & 1 && c >> 9 & 1 && c >> 13 & 1 && c >> 23 & 1; /* SSE4.2 4.1 SSSE3 CX16 POPCNT */
    bool avx = (state & 6) == 6 && !listed(off, "avx"), avx512 = avx && (state & 0xe6) == 0xe6 && !listed(off, "avx512");
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        const struct feature *f = &features[i];
        bool usable = f->needs == 0 || (f->needs == 1 ? avx : avx512);
        bool *flag = (bool *)((char *)&host_features + f->offset);
        *flag = usable && word[f->word] >> f->bit & 1 && !listed(off, f->name);
    }
    host_fp_traps = !named(off, "fptraps"); /* every CPU has them */
    return baseline;
}

enum { MAX_BIAS_CELLS = 512 };
static int64_t *bias_cells; /* in the code buffer, for rip-relative access */

static const char *backend_init(const struct guest_isa *isa, const char *features_off, const char *known)
{
    if (!detect(features_off, known))
        return "this machine's CPU is too old: SSE4.2, POPCNT and CMPXCHG16B (x86-64-v2) are needed";
    memset(host_pin, RA_NONE, sizeof host_pin);
    for (unsigned i = 0; i < sizeof pin_regs && isa->pins[i] != 0xff; i++)
        host_pin[isa->pins[i]] = (int8_t)pin_regs[i];
    for (unsigned i = 0; i < sizeof vec_pin_regs && isa->vec_pins[i] != 0xff; i++)
        host_pin[isa->vec_pins[i]] = (int8_t)(RA_VEC + vec_pin_regs[i]);
    host_vars = isa->vars;
    host_n_vars = isa->n_vars;
    host_temporaries = TEMP_GPRS | (uint64_t)TEMP_VECS << RA_VEC;
    host_make_stubs();
    bias_cells = (int64_t *)(void *)code_buffer_begin(MAX_BIAS_CELLS * sizeof *bias_cells);
    code_buffer_end(MAX_BIAS_CELLS * sizeof *bias_cells);
    code_buffer_keep();
    return NULL;
}

/* ---- Load addresses ------------------------------------------------------------------------------------- */

/* Also without tb_lock. */
const int64_t *host_bias_cell(guest_addr pc, guest_addr *base)
{
    struct region r;
    if (!memory_map_find(pc, &r) || r.start > pc || r.fixed_file || r.inode == 0)
        return NULL;
    *base = r.start - (guest_addr)r.offset;
    for (unsigned i = 0; *base && i < MAX_BIAS_CELLS; i++) {
        int64_t there = __atomic_load_n(&bias_cells[i], __ATOMIC_ACQUIRE);
        if (there == 0 && __atomic_compare_exchange_n(&bias_cells[i], &there, (int64_t)*base, false, __ATOMIC_ACQ_REL,
                                                      __ATOMIC_ACQUIRE))
            there = (int64_t)*base;
        if (there == (int64_t)*base)
            return &bias_cells[i];
    }
    return NULL;
}

/* ---- Threads ---------------------------------------------------------------------------------------------- */

/* The pc of an empty entry: one that is looked up elsewhere, so that no jump matches. */
static guest_addr empty_pc(unsigned index) { return index == 0 ? 4 : 0; }

static void clear_jump_cache(struct cpu *cpu)
{
    struct jump_cache_entry *cache = cpu_jump_cache(cpu);
    for (unsigned i = 0; i < JUMP_CACHE_SIZE; i++)
        __atomic_store_n(&cache[i].pc, empty_pc(i), __ATOMIC_RELAXED);
}

static void init_cpu(struct cpu *cpu, void *return_stack, size_t size)
{
    for (unsigned i = 0; i < STUB_N; i++)
        cpu->stub[i] = host_stub_code[i];
    cpu->functions = host_functions;
    const void **bottom = (const void **)((char *)return_stack + size) - 2;
    *bottom = host_stub_code[STUB_RETURN]; /* a return too many */
    cpu->return_base = cpu->return_sp = bottom;
    cpu_jump_cache(cpu)[0].pc = empty_pc(0); /* the others are zeroed memory */
}

RUN_OFTEN static void enter(struct cpu *cpu, const void *code) { host_enter(cpu, code); }

static void identify(void *dst, size_t size)
{
    _Static_assert(sizeof host_features <= 128, "fits every caller's buffer");
    memcpy(dst, &host_features, sizeof host_features < size ? sizeof host_features : size);
}

/* ---- Exits -------------------------------------------------------------------------------------------------- */

static void patch_exit(struct tb *tb, unsigned exit, const void *target)
{
    const struct tb_exit *x = &tb->exits[exit];
    uint8_t *code = (uint8_t *)tb->code;
    int64_t to = target ? (const uint8_t *)target - code : (int64_t)x->stub;
    if (to - x->site != (int32_t)(to - x->site))
        to = x->stub; /* too far for one jump: C is asked each time */
    if (!tb->in_file || host_exit_leads_to(code, x->site) != to) /* a page of a file that is not written stays shared */
        host_lead_exit(code, x->site, to);
}

/* ---- Host contexts ------------------------------------------------------------------------------------------ */

const uint8_t host_context_reg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* EFLAGS in the given form to the saved form (flags.h). */
static uint32_t saved_form(uint64_t eflags, enum flags_form form)
{
    if (form == FLAGS_FCMP) {
        bool z = eflags & 0x40, p = eflags & 4, c = eflags & 1;
        return p ? FLAG_V : z ? FLAG_Z : c ? FLAG_N | FLAG_NOT_C : 0;
    }
    uint32_t f = (eflags & 0x80 ? FLAG_N : 0) | (eflags & 0x40 ? FLAG_Z : 0) | (eflags & 0x800 ? FLAG_V : 0);
    bool carry = eflags & 1;
    return f | (carry == (form == FLAGS_SUB) ? FLAG_NOT_C : 0);
}

/* Write the homes of variables that are elsewhere at OFFSET. A place may be another variable's home: read all first. */
static void save_deferred(struct cpu *cpu, const struct tb *tb, uint32_t offset, const ucontext_t *uc)
{
    uint64_t value[IR_MAX_VARS][2];
    uint8_t var[IR_MAX_VARS];
    unsigned n = 0;
    for (unsigned i = 0; i < tb->n_places && n < IR_MAX_VARS; i++) {
        const struct tb_place *p = &tb->places[i];
        if (offset < p->host_offset || offset >= p->host_end)
            continue;
        const void *from = p->reg == RA_NONE    ? (const void *)((char *)cpu + p->slot)
                           : p->reg >= RA_VEC   ? (const void *)&uc->uc_mcontext.fpregs->_xmm[p->reg - RA_VEC]
                                                : (const void *)&uc->uc_mcontext.gregs[host_context_reg[p->reg]];
        memcpy(value[n], from, host_vars[p->var].size);
        var[n++] = p->var;
    }
    for (unsigned i = 0; i < n; i++)
        memcpy((char *)cpu + host_vars[var[i]].offset, value[i], host_vars[var[i]].size);
}

static void save_state(struct cpu *cpu, const struct tb *tb, const ucontext_t *uc)
{
    const greg_t *r = uc->uc_mcontext.gregs;
    uint32_t offset = (uint32_t)((const uint8_t *)(uintptr_t)r[REG_RIP] - tb->code);
    const int8_t *homes = tb->pin ? tb->pin : host_pin;
    save_deferred(cpu, tb, offset, uc);
    for (unsigned var = 0; var < host_n_vars; var++) {
        int pin = homes[var];
        void *home = (char *)cpu + host_vars[var].offset;
        if (pin >= RA_VEC)
            memcpy(home, &uc->uc_mcontext.fpregs->_xmm[pin - RA_VEC], 16);
        else if (pin != RA_NONE)
            memcpy(home, &r[host_context_reg[pin]], 8);
    }
    cpu->return_sp = (void *)(uintptr_t)r[REG_RSP];
    for (unsigned i = 0; i < tb->n_flags_at; i++)
        if (offset >= tb->flags_at[i].host_offset && offset < tb->flags_at[i].host_end)
            cpu->flags = saved_form((uint64_t)r[REG_EFL], tb->flags_at[i].form);
}

static void leave_context(struct cpu *cpu, ucontext_t *uc, unsigned reason)
{
    greg_t *r = uc->uc_mcontext.gregs;
    r[REG_RIP] = (greg_t)(uintptr_t)host_leave_nosave;
    r[REG_RBP] = (greg_t)((uintptr_t)cpu + CPU_BIAS);
    r[REG_RAX] = (greg_t)reason;
}

const void *host_context_pc(const ucontext_t *uc) { return (const void *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP]; }

bool host_context_is_write(const ucontext_t *uc) { return uc->uc_mcontext.gregs[REG_ERR] & 2; }

extern const char host_copy_failed[]; /* host_copy.S: it ends there */

bool host_context_fail_copy(ucontext_t *uc)
{
    greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];
    if (*pc < (greg_t)(uintptr_t)host_copy || *pc >= (greg_t)(uintptr_t)host_copy_failed)
        return false;
    *pc = (greg_t)(uintptr_t)host_copy_failed;
    return true;
}

void host_context_call(ucontext_t *uc, void (*fn)(void *), void *arg)
{
    greg_t *r = uc->uc_mcontext.gregs;
    r[REG_RSP] = ((r[REG_RSP] - 256) & ~(greg_t)15) - 8; /* below the red zone, as after a call */
    r[REG_RIP] = (greg_t)(uintptr_t)fn;
    r[REG_RDI] = (greg_t)(uintptr_t)arg;
}

void host_context_reset_return_stack(struct cpu *cpu, ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)cpu->return_base;
}

/* ---- Floating-point state ------------------------------------------------------------------------------------ */

enum { MXCSR_MASKS = 0x1f80, MXCSR_IM = 0x80, EFLAGS_TF = 0x100 };

bool host_context_set_fp_traps(ucontext_t *uc, bool stops, bool steps)
{
    uint32_t *mxcsr = &uc->uc_mcontext.fpregs->mxcsr;
    greg_t *eflags = &uc->uc_mcontext.gregs[REG_EFL];
    bool stopped = !(*mxcsr & MXCSR_IM);
    *mxcsr = stops ? *mxcsr & ~(uint32_t)MXCSR_IM : *mxcsr | MXCSR_IM;
    *eflags = steps ? *eflags | EFLAGS_TF : *eflags & ~(greg_t)EFLAGS_TF;
    return stopped;
}

static uint32_t fp_exceptions(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return (mxcsr & 1 ? FP_IOC : 0) | (mxcsr & 4 ? FP_DZC : 0) | (mxcsr & 8 ? FP_OFC : 0) | (mxcsr & 16 ? FP_UFC : 0) |
           (mxcsr & 32 ? FP_IXC : 0);
}

static void set_fp_mode(struct cpu *cpu)
{
    static const uint8_t rounding[4] = {0, 2, 1, 3}; /* FP_ROUND_* to MXCSR.RC */
    uint32_t mxcsr = (cpu->mode & MODE_FP_TRAPS ? MXCSR_MASKS & ~MXCSR_IM : MXCSR_MASKS) | (uint32_t)rounding[cpu->fp.round & 3] << 13;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

const struct host_backend host_backend = {
    .name = "x86_64",
    .init = backend_init,
    .cpu_words = cpu_words,
    .init_cpu = init_cpu,
    .clear_jump_cache = clear_jump_cache,
    .first_emitter = &host_first_emitter,
    .emitter_size = sizeof(struct emitter),
    .begin_code = host_begin_code,
    .emit = host_emit_block,
    .emit_region = host_emit_region,
    .install = host_install,
    .put_counter = host_put_counter,
    .enter = enter,
    .patch_exit = patch_exit,
    .save_state = save_state,
    .leave_context = leave_context,
    .identify = identify,
    .reach_cell = host_reach_cell,
    .lead_exit = host_lead_exit,
    .exit_leads_to = host_exit_leads_to,
    .exit_is_call = host_exit_is_call,
    .fp_exceptions = fp_exceptions,
    .set_fp_mode = set_fp_mode,
};
