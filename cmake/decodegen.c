/* decodegen - turn .decode instruction descriptions into a C decoder.
 *
 *   decodegen ISA OUT FILE.decode...
 *
 * Writes OUT.h: `struct ISA_args` with every field that the files mention and
 * the prototype of one function per pattern, to be written by hand:
 *
 *   bool ISA_PATTERN(struct translator *t, const struct ISA_args *a);
 *
 * and for each ?FEATURE a predicate, to be written too:
 *
 *   bool ISA_has_FEATURE(const struct translator *t);
 *
 * and OUT.c: per file a function
 *
 *   bool FILE_decode(struct translator *t, uint32_t insn);
 *
 * which finds the pattern, fills its fields and calls its function. It returns
 * false for an undefined instruction: no pattern matches, or the function says
 * so. The syntax of .decode files is described in arch/README.md.
 * "@a|b" stands for one pattern with format a and one with b.
 *
 * Two patterns may overlap only if one fixes every bit that the other fixes;
 * the more specific one wins. Any other overlap is an error at build time. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256, MAX_ITEMS = 4096, MAX_PARTS = 8, MAX_SETS = 24, NAME_LEN = 40 };

struct field { /* (concat(parts, most significant first) << shift) + bias */
    char name[NAME_LEN];
    int n_parts, shift, bias;
    bool constant;
    int value; /* if constant */
    struct {
        int pos, len;
        bool is_signed;
    } part[MAX_PARTS];
};

struct pattern { /* also used for formats, with mask == match == 0 allowed */
    char name[NAME_LEN];
    char feature[NAME_LEN]; /* "" if unconditional */
    uint32_t mask, match;
    int width, line;
    int n_sets;
    struct field set[MAX_SETS];
};

static struct field fields[MAX_NAMES];
static struct pattern formats[MAX_NAMES], patterns[MAX_ITEMS];
static struct {
    char name[NAME_LEN];
    int64_t min, max;
} args[MAX_NAMES]; /* members of ISA_args */
static int n_fields, n_formats, n_patterns, n_args;
static const char *isa, *file_name;
static int line_no;

static void fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s:%d: ", file_name, line_no);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

/* ---- Parsing ---- */

static void set_name(char *dst, const char *src, size_t len)
{
    if (len == 0 || len >= NAME_LEN)
        fail("bad name '%.*s'", (int)len, src);
    memcpy(dst, src, len);
    dst[len] = 0;
}

static struct field *find_field(const char *name)
{
    for (int i = 0; i < n_fields; i++)
        if (!strcmp(fields[i].name, name))
            return &fields[i];
    fail("unknown field '%%%s'", name);
    return NULL;
}

/* Widen the range of the argument that field F sets. */
static void note_range(const struct field *f)
{
    int64_t min = f->value, max = f->value;
    if (!f->constant) {
        int bits = 0;
        for (int i = 0; i < f->n_parts; i++)
            bits += f->part[i].len;
        bool is_signed = f->n_parts && f->part[0].is_signed;
        max = (((int64_t)1 << (bits - is_signed)) - 1) * (1 << f->shift) + f->bias;
        min = (is_signed ? -((int64_t)1 << (bits - 1)) : 0) * (1 << f->shift) + f->bias;
    }
    int i = 0;
    while (i < n_args && strcmp(args[i].name, f->name))
        i++;
    if (i == MAX_NAMES)
        fail("too many field names");
    if (i == n_args)
        strcpy(args[n_args++].name, f->name);
    args[i].min = min < args[i].min ? min : args[i].min;
    args[i].max = max > args[i].max ? max : args[i].max;
}

static void add_set(struct pattern *p, const struct field *f, const char *name, size_t len)
{
    if (p->n_sets == MAX_SETS)
        fail("too many fields");
    struct field *s = &p->set[p->n_sets++];
    *s = *f;
    set_name(s->name, name, len);
    note_range(s);
}

/* "%imm 31:s1 7:1 25:6 8:4 <<1", "%rd3 2:3 +8" */
static void parse_field(char *tok)
{
    if (n_fields == MAX_NAMES)
        fail("too many fields");
    struct field *f = &fields[n_fields++];
    set_name(f->name, tok + 1, strlen(tok + 1));
    while ((tok = strtok(NULL, " \t\n"))) {
        int pos, len, used = 0;
        if ((sscanf(tok, "<<%d%n", &f->shift, &used) == 1 ||
             sscanf(tok, "+%d%n", &f->bias, &used) == 1) &&
            !tok[used])
            continue;
        if (f->n_parts == MAX_PARTS)
            fail("field '%s' has too many parts", f->name);
        bool is_signed = sscanf(tok, "%d:s%d%n", &pos, &len, &used) == 2 && !tok[used];
        if (!is_signed && (sscanf(tok, "%d:%d%n", &pos, &len, &used) != 2 || tok[used]))
            fail("bad field part '%s'", tok);
        f->part[f->n_parts].pos = pos;
        f->part[f->n_parts].len = len;
        f->part[f->n_parts++].is_signed = is_signed;
    }
}

static void use_format(struct pattern *p, const char *name)
{
    for (int i = 0; i < n_formats; i++) {
        const struct pattern *f = &formats[i];
        if (strcmp(f->name, name))
            continue;
        if (f->width && p->width && f->width != p->width)
            fail("format '@%s' has %d bits, the pattern %d", name, f->width, p->width);
        p->mask |= f->mask;
        p->match |= f->match;
        for (int s = 0; s < f->n_sets; s++)
            add_set(p, &f->set[s], f->set[s].name, strlen(f->set[s].name));
        return;
    }
    fail("unknown format '@%s'", name);
}

/* Bits first ("01.-" runs and "name:len" fields, most significant bit first), then "@format",
 * "%field", "name=%field", "name=number", "?feature". */
static void parse_pattern(struct pattern *p, char *tok)
{
    p->line = line_no;
    set_name(p->name, tok, strlen(tok));
    struct {
        const char *name;
        size_t len;
        int pos, width;
        bool is_signed;
    } inl[MAX_SETS];
    int n_inline = 0;
    while ((tok = strtok(NULL, " \t\n"))) {
        char *colon = strchr(tok, ':'), *equals = strchr(tok, '=');
        if (strspn(tok, "01.-") == strlen(tok)) {
            for (; *tok; tok++, p->width++) {
                p->mask = p->mask << 1 | (*tok == '0' || *tok == '1');
                p->match = p->match << 1 | (*tok == '1');
            }
        } else if (*tok == '@') {
            use_format(p, tok + 1);
        } else if (*tok == '?') {
            set_name(p->feature, tok + 1, strlen(tok + 1));
        } else if (*tok == '%') {
            add_set(p, find_field(tok + 1), tok + 1, strlen(tok + 1));
        } else if (equals && equals[1] == '%') {
            add_set(p, find_field(equals + 2), tok, (size_t)(equals - tok));
        } else if (equals) {
            struct field f = {.constant = true, .value = (int)strtol(equals + 1, NULL, 0)};
            add_set(p, &f, tok, (size_t)(equals - tok));
        } else if (colon && n_inline < MAX_SETS) {
            bool is_signed = colon[1] == 's';
            int len = atoi(colon + 1 + is_signed);
            if (len < 1 || len > 32 || p->width + len > 32)
                fail("bad field '%s'", tok);
            p->width += len;
            p->mask = len < 32 ? p->mask << len : 0;
            p->match = len < 32 ? p->match << len : 0;
            inl[n_inline].name = tok;
            inl[n_inline].len = (size_t)(colon - tok);
            inl[n_inline].pos = p->width; /* turned round below */
            inl[n_inline].width = len;
            inl[n_inline++].is_signed = is_signed;
        } else {
            fail("cannot read '%s'", tok);
        }
        if (p->width > 32)
            fail("more than 32 bits");
    }
    for (int i = 0; i < n_inline; i++) {
        struct field f = {.n_parts = 1};
        f.part[0].pos = p->width - inl[i].pos;
        f.part[0].len = inl[i].width;
        f.part[0].is_signed = inl[i].is_signed;
        add_set(p, &f, inl[i].name, inl[i].len);
    }
}

/* LINE with its "@a|b|c" cut down to alternative number N; false: there are not so many. */
static bool choose_format(const char *line, int n, char *out, size_t size)
{
    const char *at = strchr(line, '@'), *bar = strchr(line, '|');
    if (!at || !bar || bar < at) {
        snprintf(out, size, "%s", line);
        return n == 0;
    }
    const char *end = at + strcspn(at, " \t"), *from = at + 1;
    for (; n > 0; n--) {
        from += strcspn(from, "|");
        if (from >= end)
            return false;
        from++;
    }
    size_t len = strcspn(from, "| \t");
    snprintf(out, size, "%.*s@%.*s%s", (int)(at - line), line, (int)len, from, end);
    return true;
}

static void parse_file(void)
{
    char line[1024], one[1024];
    FILE *in = fopen(file_name, "r");
    if (!in)
        fail("cannot open");
    n_fields = n_formats = n_patterns = 0;
    memset(fields, 0, sizeof fields);
    memset(formats, 0, sizeof formats);
    memset(patterns, 0, sizeof patterns);
    for (line_no = 1; fgets(line, sizeof line, in); line_no++) {
        line[strcspn(line, "#\n")] = 0;
        for (int n = 0; choose_format(line, n, one, sizeof one); n++) {
            char *tok = strtok(one, " \t\n");
            if (!tok)
                continue;
            if (n_patterns == MAX_ITEMS || n_formats == MAX_NAMES)
                fail("file too long");
            if (*tok == '%')
                parse_field(tok);
            else if (*tok == '@')
                parse_pattern(&formats[n_formats++], tok + 1);
            else
                parse_pattern(&patterns[n_patterns++], tok);
        }
    }
    fclose(in);
}

/* ---- Checking ---- */

static bool covers(uint32_t outer, uint32_t inner)
{
    return (outer & inner) == inner;
}

static void check_overlaps(void)
{
    for (int i = 0; i < n_patterns; i++) {
        const struct pattern *a = &patterns[i];
        line_no = a->line;
        if (a->width != patterns[0].width)
            fail("'%s' has %d bits, '%s' %d", a->name, a->width, patterns[0].name,
                 patterns[0].width);
        for (int j = 0; j < i; j++) {
            const struct pattern *b = &patterns[j];
            if ((a->match ^ b->match) & a->mask & b->mask)
                continue; /* disjoint */
            if (a->mask == b->mask ? *a->feature && *b->feature && strcmp(a->feature, b->feature)
                                   : covers(a->mask, b->mask) || covers(b->mask, a->mask))
                continue; /* ordered */
            fail("'%s' overlaps '%s' (line %d)", a->name, b->name, b->line);
        }
    }
}

/* ---- Output ---- */

static void indent(int depth)
{
    printf("%*s", depth * 4, "");
}

static void emit_value(const struct field *f)
{
    if (f->constant) {
        printf("%d", f->value);
        return;
    }
    int low = 0;
    bool parentheses = f->bias && f->n_parts > 1;
    if (parentheses)
        printf("(");
    for (int i = f->n_parts; i-- > 0;) {
        printf("%s%s(insn, %d, %d)", i == f->n_parts - 1 ? "" : " | ",
               f->part[i].is_signed ? "decode_sbits" : "decode_bits", f->part[i].pos,
               f->part[i].len);
        if (low + f->shift)
            printf(" * (1 << %d)", low + f->shift);
        low += f->part[i].len;
    }
    if (f->bias)
        printf("%s + %d", parentheses ? ")" : "", f->bias);
}

static const char *feature_test(const struct pattern *p)
{
    static char text[2 * NAME_LEN + 16];
    *text = 0;
    if (*p->feature)
        snprintf(text, sizeof text, "%s_has_%s(t)", isa, p->feature);
    return text;
}

static void emit_pattern(const struct pattern *p, uint32_t known, int depth)
{
    indent(depth);
    uint32_t mask = p->mask & ~known;
    if (mask)
        printf("if ((insn & 0x%xu) == 0x%xu%s%s) {", mask, p->match & mask,
               *p->feature ? " && " : "", feature_test(p));
    else if (*p->feature)
        printf("if (%s) {", feature_test(p));
    else
        printf("{");
    printf("  /* %s:%d */\n", file_name, p->line);
    for (int i = 0; i < p->n_sets; i++) {
        indent(depth + 1);
        printf("a.%s = ", p->set[i].name);
        emit_value(&p->set[i]);
        printf(";\n");
    }
    indent(depth + 1);
    printf("return %s_%s(t, &a);\n", isa, p->name);
    indent(depth);
    printf("}\n");
}

static int popcount(uint32_t x)
{
    return x ? (int)(x & 1) + popcount(x >> 1) : 0;
}

static int by_specificity(const void *a, const void *b)
{
    const struct pattern *p = *(struct pattern *const *)a, *q = *(struct pattern *const *)b;
    int d = popcount(q->mask) - popcount(p->mask);
    return d ? d : p->line - q->line;
}

/* Emit code that tries LIST, whose members agree with the bits in KNOWN that
 * they fix. The code falls through if none of them matches. */
static void emit_tree(struct pattern **list, int n, uint32_t known, int depth)
{
    if (n <= 2) {
        for (int i = 0; i < n; i++)
            emit_pattern(list[i], known, depth);
        return;
    }
    uint32_t common = ~known;
    for (int i = 0; i < n; i++)
        common &= list[i]->mask;
    struct pattern **part = malloc((size_t)n * sizeof *part);
    if (!common) {
        /* Split on the bit most often fixed. What overlaps a member of the
         * first half without fixing that bit is less specific: it comes after. */
        int best = -1, best_count = 0, k = 0;
        for (int bit = 0; bit < 32; bit++) {
            int count = 0;
            for (int i = 0; i < n; i++)
                count += (list[i]->mask & ~known) >> bit & 1;
            if (count > best_count)
                best_count = count, best = bit;
        }
        for (int want = 1; want >= 0; want--, k = 0) {
            for (int i = 0; i < n; i++)
                if (best < 0 ? want : (int)(list[i]->mask >> best & 1) == want)
                    part[k++] = list[i];
            if (best < 0 || k == n)
                for (int i = 0; i < k; i++)
                    emit_pattern(part[i], known, depth);
            else
                emit_tree(part, k, known, depth);
        }
    } else {
        bool *done = calloc((size_t)n, sizeof *done);
        indent(depth);
        printf("switch (insn & 0x%xu) {\n", common);
        for (int i = 0; i < n; i++) {
            if (done[i])
                continue;
            uint32_t value = list[i]->match & common;
            int k = 0;
            for (int j = i; j < n; j++)
                if ((list[j]->match & common) == value)
                    done[j] = true, part[k++] = list[j];
            indent(depth);
            printf("case 0x%xu:\n", value);
            emit_tree(part, k, known | common, depth + 1);
            indent(depth + 1);
            printf("break;\n");
        }
        indent(depth);
        printf("}\n");
        free(done);
    }
    free(part);
}

/* "a/rv32.decode" -> "rv32" (LEN characters) */
static const char *base_name(const char *path, int *len)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    *len = (int)strcspn(base, ".");
    return base;
}

static void emit_decoder(void)
{
    int base_len;
    const char *base = base_name(file_name, &base_len);
    struct pattern **list = malloc((size_t)n_patterns * sizeof *list);
    for (int i = 0; i < n_patterns; i++)
        list[i] = &patterns[i];
    qsort(list, (size_t)n_patterns, sizeof *list, by_specificity);
    printf("\nbool %.*s_decode(struct translator *t, uint32_t insn)\n{\n    struct %s_args a = { 0 "
           "};\n",
           base_len, base, isa);
    emit_tree(list, n_patterns, 0, 1);
    printf("    return false;\n}\n\nconst struct decode_pattern %.*s_patterns[] = {\n", base_len,
           base);
    for (int i = 0; i < n_patterns; i++)
        printf("    { \"%s\", 0x%xu, 0x%xu },\n", list[i]->name, list[i]->mask, list[i]->match);
    printf("    { \"\", 0, 0 }\n};\n");
    for (int i = 0; i < n_patterns; i++)
        printf("_Static_assert(sizeof \"%s\" <= sizeof %.*s_patterns->name, \"the name is too long\");\n", list[i]->name, base_len, base);
    free(list);
}

static void emit_prototypes(void)
{
    int base_len;
    const char *base = base_name(file_name, &base_len);
    printf("\nbool %.*s_decode(struct translator *t, uint32_t insn);\n", base_len, base);
    printf("extern const struct decode_pattern %.*s_patterns[];\n", base_len, base);
    for (int i = 0; i < n_patterns; i++)
        printf("bool %s_%s(struct translator *t, const struct %s_args *a);\n", isa,
               patterns[i].name, isa);
    for (int i = 0; i < n_patterns; i++)
        if (*patterns[i].feature)
            printf("bool %s_has_%s(const struct translator *t);\n", isa, patterns[i].feature);
}

static bool fits_byte(int i)
{
    return args[i].min >= 0 && args[i].max <= UINT8_MAX;
}

static void open_output(const char *path, char suffix)
{
    char name[4096];
    snprintf(name, sizeof name, "%s.%c", path, suffix);
    if (!freopen(name, "w", stdout)) {
        perror(name);
        exit(1);
    }
    printf("/* Generated by decodegen: edit the .decode files instead. */\n");
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: decodegen ISA OUT FILE.decode...\n");
        return 2;
    }
    isa = argv[1];
    const char *out = argv[2], *slash = strrchr(out, '/');

    open_output(out, 'h');
    printf("#pragma once\n#include \"core/decode.h\"\n\nstruct %s_args;\n", isa);
    for (int i = 3; i < argc; i++) {
        file_name = argv[i];
        parse_file();
        check_overlaps();
        emit_prototypes();
    }
    /* Small members keep the struct small: decoding clears it for each instruction. */
    printf("\nstruct %s_args {\n", isa);
    for (int i = 0; i < n_args; i++)
        if (!fits_byte(i))
            printf("    int32_t %s;\n", args[i].name);
    for (int i = 0; i < n_args; i++)
        if (fits_byte(i))
            printf("    uint8_t %s;\n", args[i].name);
    printf("};\n");

    open_output(out, 'c');
    printf("#include \"%s.h\"\n", slash ? slash + 1 : out);
    for (int i = 3; i < argc; i++) {
        file_name = argv[i];
        parse_file();
        emit_decoder();
    }
    return fclose(stdout) != 0;
}
