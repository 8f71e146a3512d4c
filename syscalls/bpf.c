/* bpf.c - the dialect of classic BPF that seccomp filters are written in (seccomp(2); kernel
 * documentation, "Linux Socket Filtering"). Loads see struct seccomp_data only, in aligned words. */
#include "syscalls/bpf.h"

#include <linux/filter.h>
#include <string.h>

enum { N_WORDS = 16 };

static bool is_conditional(uint16_t code)
{
    return BPF_CLASS(code) == BPF_JMP && BPF_OP(code) != BPF_JA;
}

/* One instruction by itself. LEFT: instructions behind it. */
static bool insn_is_valid(const struct bpf_insn *i, unsigned left)
{
    switch (i->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        return i->k < sizeof(struct seccomp_data) && i->k % 4 == 0;
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
        return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return i->k < N_WORDS;
    case BPF_ALU | BPF_DIV | BPF_K:
        return i->k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
        return i->k < 32;
    case BPF_JMP | BPF_JA:
        return i->k < left;
    }
    if (is_conditional(i->code) && BPF_OP(i->code) <= BPF_JSET)
        return i->jump_true < left && i->jump_false < left;
    if (BPF_CLASS(i->code) != BPF_ALU || i->code & ~0xff)
        return false;
    switch (BPF_OP(i->code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_DIV:
    case BPF_OR:
    case BPF_AND:
    case BPF_XOR:
    case BPF_LSH:
    case BPF_RSH:
        return true;
    }
    return false;
}

/* Follow every path: WRITTEN[i] has the scratch words that are surely written before i. */
static bool words_are_written(const struct bpf_insn *code, unsigned n)
{
    uint16_t written[BPF_MAX_INSNS];
    memset(written, 0xff, n * sizeof(*written));
    written[0] = 0;
    for (unsigned i = 0; i < n; i++) {
        uint16_t words = written[i];
        unsigned next = i + 1;
        switch (code[i].code) {
        case BPF_ST:
        case BPF_STX:
            words |= (uint16_t)(1u << code[i].k);
            break;
        case BPF_LD | BPF_MEM:
        case BPF_LDX | BPF_MEM:
            if (!(words & 1u << code[i].k))
                return false;
            break;
        case BPF_JMP | BPF_JA:
            next += code[i].k;
            break;
        case BPF_RET | BPF_K:
        case BPF_RET | BPF_A:
            continue;
        }
        if (is_conditional(code[i].code)) {
            written[next + code[i].jump_true] &= words;
            written[next + code[i].jump_false] &= words;
        } else {
            written[next] &= words;
        }
    }
    return true;
}

bool bpf_check(const struct bpf_insn *code, unsigned n)
{
    if (n == 0 || n > BPF_MAX_INSNS)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!insn_is_valid(&code[i], n - i - 1))
            return false;
    uint16_t last = code[n - 1].code;
    return (last == (BPF_RET | BPF_K) || last == (BPF_RET | BPF_A)) && words_are_written(code, n);
}

static uint32_t compute(unsigned op, uint32_t a, uint32_t b)
{
    switch (op) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return a / b;
    case BPF_OR:
        return a | b;
    case BPF_AND:
        return a & b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return a << (b & 31);
    case BPF_RSH:
        return a >> (b & 31);
    default: /* BPF_NEG */
        return -a;
    }
}

static bool holds(unsigned op, uint32_t a, uint32_t b)
{
    switch (op) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    default: /* BPF_JSET */
        return a & b;
    }
}

uint32_t bpf_run(const struct bpf_insn *code, const struct seccomp_data *data)
{
    uint32_t a = 0, x = 0, word[N_WORDS] = {0};
    for (const struct bpf_insn *i = code;; i++) {
        uint32_t operand = BPF_SRC(i->code) == BPF_X ? x : i->k;
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&a, (const char *)data + i->k, sizeof(a));
            continue;
        case BPF_LD | BPF_W | BPF_LEN:
            a = sizeof(*data);
            continue;
        case BPF_LDX | BPF_W | BPF_LEN:
            x = sizeof(*data);
            continue;
        case BPF_LD | BPF_IMM:
            a = i->k;
            continue;
        case BPF_LDX | BPF_IMM:
            x = i->k;
            continue;
        case BPF_LD | BPF_MEM:
            a = word[i->k];
            continue;
        case BPF_LDX | BPF_MEM:
            x = word[i->k];
            continue;
        case BPF_ST:
            word[i->k] = a;
            continue;
        case BPF_STX:
            word[i->k] = x;
            continue;
        case BPF_MISC | BPF_TAX:
            x = a;
            continue;
        case BPF_MISC | BPF_TXA:
            a = x;
            continue;
        case BPF_RET | BPF_K:
            return i->k;
        case BPF_RET | BPF_A:
            return a;
        case BPF_JMP | BPF_JA:
            i += i->k;
            continue;
        }
        if (BPF_CLASS(i->code) == BPF_JMP) {
            i += holds(BPF_OP(i->code), a, operand) ? i->jump_true : i->jump_false;
            continue;
        }
        if (BPF_OP(i->code) == BPF_DIV && !operand)
            return 0; /* as in the kernel, the program ends: SECCOMP_RET_KILL_THREAD */
        a = compute(BPF_OP(i->code), a, operand);
    }
}
