/* host_asm_text.c - the listing of encoded instructions (-d out_asm), Intel syntax. */
#include "arch/x86/host_asm_enc.h"
#include <stdarg.h>
#include <stdio.h>
#include "core/log.h"

static const char *const gpr64[16] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};
static const char *const gpr32[16] = {
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
    "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d",
};
static const char *const gpr16[16] = {
    "ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
    "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w",
};
static const char *const gpr8[16] = {
    "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
    "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b",
};
static const char *const mem_size[] = {
    [O_NONE] = "", [O_8] = "BYTE PTR ", [O_16] = "WORD PTR ", [O_32] = "DWORD PTR ",
    [O_64] = "QWORD PTR ", [O_X] = "XMMWORD PTR ", [O_128] = "XMMWORD PTR ", [O_K] = "",
};

struct text {
    char s[160];
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    if (n > 0 && t->n + (size_t)n < sizeof t->s)
        t->n += (size_t)n;
}

static void add_comma(struct text *t, bool *any)
{
    text_add(t, *any ? "," : " ");
    *any = true;
}

static void add_reg(struct text *t, unsigned class, unsigned reg)
{
    switch (class) {
    case O_8: text_add(t, "%s", gpr8[reg]); break;
    case O_16: text_add(t, "%s", gpr16[reg]); break;
    case O_32: text_add(t, "%s", gpr32[reg]); break;
    case O_64: text_add(t, "%s", gpr64[reg]); break;
    case O_K: text_add(t, "k%u", reg); break;
    default: text_add(t, "xmm%u", reg); break;
    }
}

static void add_mem(struct text *t, const struct x86_asm *a, const struct enc *e)
{
    const struct x86_mem *m = &e->m;
    text_add(t, "%s", mem_size[e->mem_class]);
    if (m->base == X86_LITERAL) {
        const struct x86_literal *l = &a->literal[m->disp];
        text_add(t, "[rip] # 0x%016llx%016llx", (unsigned long long)l->hi, (unsigned long long)l->lo);
        return;
    }
    text_add(t, "[");
    if (m->base >= 0)
        text_add(t, "%s", gpr64[m->base]);
    if (m->index >= 0)
        text_add(t, "%s%s*%u", m->base >= 0 ? "+" : "", gpr64[m->index], 1u << m->scale);
    if (m->base < 0 && m->index < 0)
        text_add(t, "0x%x", (unsigned)m->disp);
    else if (m->disp)
        text_add(t, "%c0x%x", m->disp < 0 ? '-' : '+', m->disp < 0 ? 0u - (unsigned)m->disp : (unsigned)m->disp);
    text_add(t, "]");
}

static void add_rm(struct text *t, const struct x86_asm *a, const struct enc *e, bool *any)
{
    if (e->rm_class == O_NONE && !e->is_mem)
        return;
    add_comma(t, any);
    if (e->is_mem)
        add_mem(t, a, e);
    else
        add_reg(t, e->rm_class, e->rm);
}

static void add_field(struct text *t, unsigned class, unsigned reg, bool *any)
{
    if (class == O_NONE)
        return;
    add_comma(t, any);
    add_reg(t, class, reg);
}

void enc_list_text(const struct x86_asm *a, const uint8_t *from, const char *text)
{
    static const char digit[] = "0123456789abcdef";
    char bytes[48];
    size_t n = 0;
    for (const uint8_t *p = from; p < a->at && n < sizeof bytes - 3; p++) {
        bytes[n++] = digit[*p >> 4];
        bytes[n++] = digit[*p & 15];
        bytes[n++] = ' ';
    }
    bytes[n] = 0;
    log_write("0x%012llx:  %-30s %s\n", (unsigned long long)(uintptr_t)(from + a->moves), bytes, text);
}

void enc_list(const struct x86_asm *a, const uint8_t *from, const struct enc *e)
{
    struct text t = {.n = 0};
    bool any = false;
    bool is_avx = e->form != ENC_LEGACY && (e->reg_class >= O_X || e->rm_class >= O_X);
    text_add(&t, "%s%s%s", e->lock ? "lock " : "", is_avx && e->name[0] != 'v' ? "v" : "", e->name);
    unsigned v_class = e->form == ENC_LEGACY ? (unsigned)O_NONE : e->v_class;
    switch (e->order) {
    case ORDER_REG_RM:
        add_field(&t, e->reg_class, e->reg, &any);
        add_field(&t, v_class, e->v, &any);
        add_rm(&t, a, e, &any);
        break;
    case ORDER_RM_REG:
        add_rm(&t, a, e, &any);
        add_field(&t, e->reg_class, e->reg, &any);
        break;
    case ORDER_REG_RM_V:
        add_field(&t, e->reg_class, e->reg, &any);
        add_rm(&t, a, e, &any);
        add_field(&t, v_class, e->v, &any);
        break;
    case ORDER_V_RM:
        add_field(&t, v_class, e->v, &any);
        add_rm(&t, a, e, &any);
        break;
    }
    if (e->show_cl)
        text_add(&t, ",cl");
    if (e->imm_size)
        text_add(&t, "%s0x%llx", any ? "," : " ", (unsigned long long)e->imm);
    enc_list_text(a, from, t.s);
}
