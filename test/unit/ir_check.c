/* ir_check.c - runs a test/ir/NAME.ir file: IR in, IR expected.
 *
 * usage: ir_check FILE...
 *
 * A file holds cases:
 *
 *   == name of the case        (or "== [steps] name", see below)
 *   v1 = get.i64 [x0]          the input, in the text form of core/ir_text.c
 *   ...
 *   --
 *   v1 = get.i64 [x0]          what is expected of it; labels need not agree with those of the
 * input
 *   ...
 *
 * The input is checked by the verifier, written out and read again (the result must be the same),
 * then built anew with folding and optimised. Steps: [fold] does not optimise, [opt] does not fold,
 * [bad] expects the verifier to refuse the input: the expected part is a piece of its message.
 * Variables: x0..x30, sp (64 bits), w0, w1 (32 bits), v0..v31 (128 bits), d0 (64 bits). */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu.h"
#include "core/opt.h"

enum { N_VARS = 32 + 2 + 32 + 1, TEXT_SIZE = 65536 };

static struct ir_var vars[N_VARS];
static char var_names[N_VARS][16];
static char text_out[TEXT_SIZE];
static size_t text_used;

static void add_var(unsigned i, const char *prefix, int number, size_t offset, unsigned size,
                    unsigned class)
{
    if (number >= 0)
        snprintf(var_names[i], sizeof(var_names[i]), "%s%d", prefix, number);
    else
        snprintf(var_names[i], sizeof(var_names[i]), "%s", prefix);
    vars[i] = (struct ir_var){var_names[i], (uint16_t)offset, (uint8_t)size, (uint8_t) class};
}

static void make_vars(void)
{
    unsigned n = 0;
    for (int i = 0; i < 31; i++)
        add_var(n++, "x", i, offsetof(struct cpu, gpr) + 8 * (size_t)i, 8, IR_CLASS_I);
    add_var(n++, "sp", -1, offsetof(struct cpu, gpr) + 8 * 31, 8, IR_CLASS_I);
    for (int i = 0; i < 2; i++)
        add_var(n++, "w", i, offsetof(struct cpu, guest) + 8 * (size_t)i, 4, IR_CLASS_I);
    for (int i = 0; i < 32; i++)
        add_var(n++, "v", i, offsetof(struct cpu, v) + 16 * (size_t)i, 16, IR_CLASS_V);
    add_var(n++, "d", 0, offsetof(struct cpu, guest) + 16, 8, IR_CLASS_V);
}

static void begin(struct ir *ir)
{
    ir->ops = calloc(IR_MAX_OPS, sizeof(struct ir_op));
    if (!ir->ops)
        exit(2);
    ir_begin(ir, 0x1000, vars, N_VARS);
}

static void map_operands(struct ir_op *op, const ir_ref *map)
{
    const struct ir_op_info *info = &ir_op_info[op->op];
    if (info->a != IR_CLASS_N)
        op->a = map[op->a];
    if (info->b != IR_CLASS_N)
        op->b = map[op->b];
    if (info->c != IR_CLASS_N)
        op->c = map[op->c];
}

/* Add OP as a front end would. */
static ir_ref build_op(struct ir *to, const struct ir_op *op)
{
    switch (op->op) {
    case IR_get:
    case IR_getv:
        return ir_get(to, (unsigned)op->imm);
    case IR_put:
    case IR_putv:
        ir_put(to, (unsigned)op->imm, op->a);
        return IR_NONE;
    case IR_getf:
        return ir_get_flags(to);
    case IR_putf:
        ir_put_flags(to, op->a);
        return IR_NONE;
    case IR_const:
        return ir_const(to, op->imm);
    case IR_addr:
        return ir_addr(to, op->imm);
    case IR_load:
        return ir_load(to, op->type, op->a, op->b, op->disp, op->aux);
    case IR_store:
        ir_store(to, op->a, op->b, op->disp, op->c, op->aux);
        return IR_NONE;
    case IR_loadv:
        return ir_loadv(to, op->a, op->b, op->disp, op->aux);
    case IR_storev:
        ir_storev(to, op->a, op->b, op->disp, op->c, op->aux);
        return IR_NONE;
    case IR_call:
        return ir_call(to, (unsigned)op->disp, op->a, op->b, op->c);
    default:
        return ir_add(to, *op);
    }
}

static void build(struct ir *to, const struct ir *from)
{
    ir_ref *map = calloc(IR_MAX_OPS, sizeof(ir_ref));
    if (!map)
        exit(2);
    for (uint32_t i = 1; i < from->n; i++) {
        struct ir_op op = from->ops[i];
        map_operands(&op, map);
        map[i] = build_op(to, &op);
    }
    free(map);
}

/* Copy without nops. */
static void compact(struct ir *to, const struct ir *from)
{
    ir_ref *map = calloc(IR_MAX_OPS, sizeof(ir_ref));
    if (!map)
        exit(2);
    for (uint32_t i = 1; i < from->n; i++) {
        struct ir_op op = from->ops[i];
        if (op.op == IR_nop)
            continue;
        map_operands(&op, map);
        map[i] = (ir_ref)to->n;
        to->ops[to->n++] = op;
    }
    free(map);
}

static void out_line(const char *line)
{
    int n = snprintf(text_out + text_used, TEXT_SIZE - text_used, "%s\n", line);
    if (n > 0 && text_used + (size_t)n < TEXT_SIZE)
        text_used += (size_t)n;
}

/* The block as text with labels 1, 2, 3 ... */
static char *text_of(const struct ir *ir)
{
    struct ir dense;
    begin(&dense);
    compact(&dense, ir);
    text_used = 0;
    text_out[0] = 0;
    ir_dump(&dense, out_line);
    free(dense.ops);
    return strdup(text_out);
}

struct test_case {
    const char *file;
    char *name, *input, *expected;
};

static bool fail(const struct test_case *c, const char *what, const char *detail)
{
    printf("%s: %s: %s\n%s\n", c->file, c->name, what, detail);
    return false;
}

static bool check_round_trip(const struct test_case *c, const struct ir *ir)
{
    char err[200];
    struct ir again;
    char *first = text_of(ir);
    begin(&again);
    bool ok = ir_parse(&again, first, err, sizeof(err));
    if (!ok) {
        fail(c, "dump is not accepted", err);
    } else {
        char *second = text_of(&again);
        ok = strcmp(first, second) == 0 || fail(c, "dump changes when read again", second);
        free(second);
    }
    free(first);
    free(again.ops);
    return ok;
}

static bool compare(const struct test_case *c, const struct ir *result)
{
    char err[200];
    struct ir expected;
    begin(&expected);
    bool ok = ir_parse(&expected, c->expected, err, sizeof(err)) || fail(c, "expected text", err);
    if (ok) {
        char *want = text_of(&expected), *got = text_of(result);
        ok = strcmp(want, got) == 0;
        if (!ok)
            printf("%s: %s: result differs\n--- expected\n%s--- got\n%s", c->file, c->name, want,
                   got);
        free(want);
        free(got);
    }
    free(expected.ops);
    return ok;
}

static bool run_passes(const struct test_case *c, const struct ir *input, bool fold, bool optimise)
{
    struct ir result;
    begin(&result);
    if (fold)
        build(&result, input);
    else
        compact(&result, input);
    if (optimise)
        opt_run(&result);
    const char *wrong = ir_verify(&result);
    bool ok = wrong ? fail(c, "the result is malformed", wrong) : compare(c, &result);
    free(result.ops);
    return ok;
}

static bool run_case(const struct test_case *c)
{
    char err[200];
    struct ir input;
    begin(&input);
    bool ok = ir_parse(&input, c->input, err, sizeof(err)) || fail(c, "input", err);
    if (!ok) {
        free(input.ops);
        return false;
    }
    const char *wrong = ir_verify(&input);
    if (strncmp(c->name, "[bad]", 5) == 0) {
        c->expected[strcspn(c->expected, "\n")] = 0;
        ok = (wrong && strstr(wrong, c->expected)) ||
             fail(c, "message of the verifier", wrong ? wrong : "none");
    } else if (wrong) {
        ok = fail(c, "the input is malformed", wrong);
    } else {
        ok = check_round_trip(c, &input) && run_passes(c, &input, strncmp(c->name, "[opt]", 5) != 0,
                                                       strncmp(c->name, "[fold]", 6) != 0);
    }
    free(input.ops);
    return ok;
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    static char buf[1 << 20];
    if (!f) {
        perror(path);
        exit(2);
    }
    size_t n = fread(buf, 1, sizeof(buf) - 1, f);
    fclose(f);
    buf[n] = 0;
    return buf;
}

/* Run the cases of one file. Returns how many failed. */
static unsigned run_file(const char *path)
{
    char *at = strstr(read_file(path), "== ");
    unsigned failed = 0, n = 0;
    while (at) {
        struct test_case c = {.file = path, .name = at + 3};
        char *next = strstr(at + 3, "\n== ");
        if (next)
            *next++ = 0;
        c.input = strchr(c.name, '\n');
        char *separator = c.input ? strstr(c.input, "\n--\n") : NULL;
        if (!separator) {
            printf("%s: %s: no \"--\" line\n", path, c.name);
            return failed + 1;
        }
        *c.input++ = 0;
        *separator = 0;
        c.expected = separator + 4;
        failed += !run_case(&c);
        n++;
        at = next;
    }
    printf("%s: %u of %u cases passed\n", path, n - failed, n);
    return failed + (n == 0);
}

int main(int argc, char **argv)
{
    unsigned failed = 0;
    make_vars();
    for (int i = 1; i < argc; i++)
        failed += run_file(argv[i]);
    return failed || argc < 2;
}
