/* ir_text.c - the text form of translation blocks: dump and parser.
 *
 *   v3 = add.i64.s v1, v2            .s: makes flags (IR_S)
 *   v4 = load.i64 v3, _, disp=8, size=3, signed
 *   put [x0], v4                     a variable in brackets; _ is an operand that is not given
 *   exit_if _, v3, cond=ne, disp=16, poll
 *
 * Operands come in the order a, b, c; then the fields that are not zero, as key=value or as a word.
 * Nops are not written. Labels are the operations' numbers; the parser accepts any increasing ones.
 * # starts a comment. */
#include "core/ir.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/helper.h"

static const char *const helper_name[N_HELPERS] = {
#define HELPER(name, props) [HELPER_##name] = #name,
#include "core/helpers.def"
#undef HELPER
};

/* Which fields an operation has besides operands. */
enum shape {
    SHAPE_PLAIN,
    SHAPE_IMM,
    SHAPE_VAR,
    SHAPE_FLAGS,
    SHAPE_COND,
    SHAPE_MEMORY,
    SHAPE_CALL,
    SHAPE_EXIT
};

static enum shape shape_of(unsigned op)
{
    switch (op) {
    case IR_insn:
    case IR_const:
    case IR_addr:
    case IR_vconst:
        return SHAPE_IMM;
    case IR_get:
    case IR_put:
    case IR_getv:
    case IR_putv:
        return SHAPE_VAR;
    case IR_add:
    case IR_sub:
    case IR_and:
    case IR_andn:
    case IR_adc:
    case IR_sbc:
        return SHAPE_FLAGS;
    case IR_cset:
    case IR_csel:
    case IR_vcsel:
    case IR_ccmp:
    case IR_ccmn:
        return SHAPE_COND;
    case IR_load:
    case IR_store:
    case IR_loadv:
    case IR_storev:
    case IR_swp:
    case IR_ldadd:
    case IR_ldand:
    case IR_ldor:
    case IR_ldxor:
    case IR_ldsmax:
    case IR_ldsmin:
    case IR_ldumax:
    case IR_ldumin:
    case IR_cas:
    case IR_casv:
    case IR_ldx:
    case IR_ldxv:
    case IR_stx:
    case IR_stxv:
        return SHAPE_MEMORY;
    case IR_call:
        return SHAPE_CALL;
    case IR_exit_if:
    case IR_exit_z:
    case IR_exit_nz:
    case IR_exit_bit:
    case IR_exit_eq:
    case IR_jump:
    case IR_jumpi:
    case IR_goto_call:
    case IR_calli:
    case IR_ret:
        return SHAPE_EXIT;
    default:
        return SHAPE_PLAIN;
    }
}

/* One-bit fields of aux or d that are written as words. */
struct word {
    const char *name;
    enum shape shape;
    uint8_t aux, d;
};
static const struct word words[] = {
    {"signed", SHAPE_MEMORY, MEM_SIGN, 0},
    {"release", SHAPE_MEMORY, MEM_RELEASE, 0},
    {"swap", SHAPE_MEMORY, MEM_SWAP, 0},
    {"poll", SHAPE_EXIT, 0, IR_POLL},
};

/* ---- Dump -------------------------------------------------------------------------------------
 */

struct text {
    char *buf;
    size_t size, n;
    bool truncated;
    const char *separator; /* before the next item */
};

static void put_text(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put_text(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->buf + t->n, t->size - t->n, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->size - t->n) {
        t->truncated = true;
        return;
    }
    t->n += (size_t)n;
}

static void separate(struct text *t)
{
    put_text(t, "%s", t->separator);
    t->separator = ", ";
}

static void put_operand(struct text *t, unsigned class, ir_ref ref)
{
    if (class == IR_CLASS_N)
        return;
    separate(t);
    if (ref == IR_NONE)
        put_text(t, "_");
    else
        put_text(t, "v%u", ref);
}

static void put_number(struct text *t, const char *key, int64_t value)
{
    if (value == 0)
        return;
    separate(t);
    put_text(t, "%s=%lld", key, (long long)value);
}

static void put_fields(struct text *t, const struct ir_op *op, enum shape shape)
{
    unsigned aux = op->aux, d = op->d;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (words[i].shape != shape || !((aux & words[i].aux) || (d & words[i].d)))
            continue;
        separate(t);
        put_text(t, "%s", words[i].name);
        aux &= ~(unsigned)words[i].aux;
        d &= ~(unsigned)words[i].d;
    }
    if (shape == SHAPE_COND || op->op == IR_exit_if) {
        separate(t);
        put_text(t, "cond=%s", ir_cond_name[aux & 15]);
        aux &= ~15u;
    }
    if (shape == SHAPE_MEMORY) {
        separate(t);
        put_text(t, "size=%u", aux & MEM_SIZE);
        put_number(t, "scale", aux >> MEM_SCALE_SHIFT & 3);
        aux = 0;
    }
    if (shape == SHAPE_FLAGS)
        aux &= ~(unsigned)IR_S;
    put_number(t, "aux", aux);
    if (shape == SHAPE_IMM || shape == SHAPE_VAR)
        return;
    put_number(t, "d", d);
    if (shape == SHAPE_CALL && op->disp >= 0 && op->disp < N_HELPERS) {
        separate(t);
        put_text(t, "helper=%s", helper_name[op->disp]);
    } else {
        put_number(t, "disp", op->disp);
    }
}

bool ir_format_op(const struct ir *ir, ir_ref ref, char *buf, size_t size)
{
    const struct ir_op *op = &ir->ops[ref];
    const struct ir_op_info *info = &ir_op_info[op->op];
    enum shape shape = shape_of(op->op);
    struct text t = {.buf = buf, .size = size, .separator = " "};
    if (info->res != IR_CLASS_N)
        put_text(&t, "v%u = ", ref);
    put_text(&t, "%s", info->name);
    if (op->type != T_NONE)
        put_text(&t, ".%s", ir_type_name[op->type]);
    if (shape == SHAPE_FLAGS && op->aux & IR_S)
        put_text(&t, ".s");
    if (shape == SHAPE_VAR) {
        separate(&t);
        put_text(&t, "[%s]", op->imm < ir->n_vars ? ir->vars[op->imm].name : "?");
    }
    if (shape == SHAPE_IMM) {
        separate(&t);
        put_text(&t, "0x%llx", (unsigned long long)op->imm);
    }
    put_operand(&t, info->a, op->a);
    put_operand(&t, info->b, op->b);
    put_operand(&t, info->c, op->c);
    put_fields(&t, op, shape);
    return !t.truncated;
}

void ir_dump(const struct ir *ir, void (*out)(const char *line))
{
    char line[200];
    for (uint32_t i = 1; i < ir->n; i++) {
        if (ir->ops[i].op == IR_nop)
            continue;
        ir_format_op(ir, (ir_ref)i, line, sizeof(line));
        out(line);
    }
}

/* ---- Parser -------------------------------------------------------------------------------------
 */

struct parser {
    struct ir *ir;
    const char *at; /* in the text */
    unsigned line;
    uint16_t *label; /* label -> reference, 0: not defined */
    char *err;
    size_t err_size;
    bool failed;
};

enum { MAX_LABEL = 65535, MAX_NAME = 32 };

static void fail(struct parser *p, const char *what)
{
    if (!p->failed)
        snprintf(p->err, p->err_size, "line %u: %s", p->line, what);
    p->failed = true;
}

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
    if (*p->at == '#')
        p->at += strcspn(p->at, "\n");
}

static bool accept(struct parser *p, char c)
{
    skip_space(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* Letters, digits and underscores into NAME; empty if there are none. */
static void parse_name(struct parser *p, char name[MAX_NAME])
{
    size_t n = 0;
    skip_space(p);
    while (isalnum((unsigned char)*p->at) || *p->at == '_') {
        if (n == MAX_NAME - 1) {
            fail(p, "name too long");
            break;
        }
        name[n++] = *p->at++;
    }
    name[n] = 0;
}

static uint64_t parse_number(struct parser *p)
{
    skip_space(p);
    char *end;
    bool negative = *p->at == '-';
    const char *digits = p->at + negative;
    uint64_t value = isdigit((unsigned char)*digits) ? strtoull(digits, &end, 0) : 0;
    if (!isdigit((unsigned char)*digits)) {
        fail(p, "number expected");
        return 0;
    }
    p->at = end;
    return negative ? -value : value;
}

/* vN or _ as the next operand. */
static void parse_operand(struct parser *p, struct ir_op *op, unsigned *n_operands,
                          const char *name)
{
    const struct ir_op_info *info = &ir_op_info[op->op];
    const uint8_t class[3] = {info->a, info->b, info->c};
    unsigned long label = name[0] == '_' ? 0 : strtoul(name + 1, NULL, 10);
    while (*n_operands < 3 && class[*n_operands] == IR_CLASS_N)
        ++*n_operands;
    if (*n_operands == 3) {
        fail(p, "too many operands");
        return;
    }
    if (label > MAX_LABEL || (name[0] != '_' && !p->label[label])) {
        fail(p, "operand is not defined");
        return;
    }
    ir_ref ref = name[0] == '_' ? IR_NONE : p->label[label];
    switch ((*n_operands)++) {
    case 0:
        op->a = ref;
        break;
    case 1:
        op->b = ref;
        break;
    default:
        op->c = ref;
        break;
    }
}

static int find_name(const char *name, const char *const *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

static void parse_field(struct parser *p, struct ir_op *op, const char *key)
{
    char name[MAX_NAME];
    int index = 0;
    if (strcmp(key, "cond") == 0) {
        parse_name(p, name);
        index = find_name(name, ir_cond_name, 16);
        op->aux |= (uint8_t)index;
    } else if (strcmp(key, "helper") == 0) {
        parse_name(p, name);
        index = find_name(name, helper_name, N_HELPERS);
        op->disp = index;
    } else if (strcmp(key, "size") == 0) {
        op->aux |= parse_number(p) & MEM_SIZE;
    } else if (strcmp(key, "scale") == 0) {
        op->aux |= (uint8_t)((parse_number(p) & 3) << MEM_SCALE_SHIFT);
    } else if (strcmp(key, "aux") == 0) {
        op->aux |= (uint8_t)parse_number(p);
    } else if (strcmp(key, "d") == 0) {
        op->d |= (uint16_t)parse_number(p);
    } else if (strcmp(key, "disp") == 0) {
        op->disp = (int32_t)parse_number(p);
    } else {
        fail(p, "unknown field");
    }
    if (index < 0)
        fail(p, "unknown name");
}

static void parse_variable(struct parser *p, struct ir_op *op)
{
    char name[MAX_NAME];
    parse_name(p, name);
    for (unsigned i = 0; i < p->ir->n_vars; i++) {
        if (strcmp(p->ir->vars[i].name, name) == 0) {
            op->imm = i;
            if (!accept(p, ']'))
                fail(p, "] expected");
            return;
        }
    }
    fail(p, "unknown variable");
}

static void parse_word(struct parser *p, struct ir_op *op, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(words[i].name, name) == 0 && words[i].shape == shape_of(op->op)) {
            op->aux |= words[i].aux;
            op->d |= words[i].d;
            return;
        }
    }
    fail(p, "unknown word");
}

/* One item after the operation's name: variable, immediate, operand, field or word. */
static void parse_item(struct parser *p, struct ir_op *op, unsigned *n_operands)
{
    char name[MAX_NAME];
    skip_space(p);
    if (accept(p, '[')) {
        parse_variable(p, op);
        return;
    }
    if (isdigit((unsigned char)*p->at) || *p->at == '-') {
        op->imm = parse_number(p);
        return;
    }
    parse_name(p, name);
    if (accept(p, '='))
        parse_field(p, op, name);
    else if ((name[0] == 'v' && isdigit((unsigned char)name[1])) || strcmp(name, "_") == 0)
        parse_operand(p, op, n_operands, name);
    else
        parse_word(p, op, name);
}

static void parse_opcode(struct parser *p, struct ir_op *op, const char *name)
{
    char suffix[MAX_NAME];
    unsigned opcode = 0;
    while (opcode < IR_N_OPS && strcmp(ir_op_info[opcode].name, name) != 0)
        opcode++;
    if (opcode == IR_N_OPS) {
        fail(p, "unknown operation");
        return;
    }
    op->op = (uint16_t)opcode;
    while (!p->failed && *p->at == '.') {
        p->at++;
        parse_name(p, suffix);
        int type = find_name(suffix, ir_type_name, T_N_TYPES);
        if (type >= 0)
            op->type = (uint8_t)type;
        else if (strcmp(suffix, "s") == 0)
            op->aux |= IR_S;
        else
            fail(p, "unknown type");
    }
}

static void parse_line(struct parser *p)
{
    struct ir_op op = {0};
    char name[MAX_NAME];
    unsigned long label = 0;
    unsigned n_operands = 0;
    parse_name(p, name);
    if (accept(p, '=')) {
        label = name[0] == 'v' ? strtoul(name + 1, NULL, 10) : 0;
        if (label == 0 || label > MAX_LABEL)
            fail(p, "bad label");
        parse_name(p, name);
    }
    parse_opcode(p, &op, name);
    skip_space(p);
    while (!p->failed && *p->at && *p->at != '\n') {
        parse_item(p, &op, &n_operands);
        if (!accept(p, ','))
            break;
    }
    skip_space(p);
    if (!p->failed && *p->at && *p->at != '\n')
        fail(p, "end of line expected");
    if (!p->failed && p->ir->n >= IR_MAX_OPS)
        fail(p, "too many operations");
    if (p->failed)
        return;
    p->ir->ops[p->ir->n] = op;
    if (label)
        p->label[label] = (uint16_t)p->ir->n;
    p->ir->n++;
}

bool ir_parse(struct ir *ir, const char *text, char *err, size_t err_size)
{
    struct parser p = {.ir = ir, .at = text, .line = 1, .err = err, .err_size = err_size};
    p.label = calloc(MAX_LABEL + 1, sizeof(p.label[0]));
    if (!p.label) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    while (!p.failed && *p.at) {
        skip_space(&p);
        if (*p.at && *p.at != '\n')
            parse_line(&p);
        if (*p.at == '\n') {
            p.at++;
            p.line++;
        }
    }
    free(p.label);
    return !p.failed;
}
