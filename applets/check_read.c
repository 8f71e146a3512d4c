/* check_read.c - reads the files of golden instruction tests. */
#include "applets/check_read.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/guests.h"
#include "core/cpu.h"
#include "core/log.h"

static const struct {
    const char *name;
    int number;
} signal_names[] = {{"SIGILL", SIGILL},
                    {"SIGTRAP", SIGTRAP},
                    {"SIGBUS", SIGBUS},
                    {"SIGFPE", SIGFPE},
                    {"SIGSEGV", SIGSEGV}};

static void __attribute__((noreturn))
malformed(const struct test *t, unsigned line, const char *what)
{
    die("%s:%u: %s", t->path, line, what);
}

/* Parse up to 32 hex digits into two halves. */
static bool parse_value(const char *text, uint64_t value[2])
{
    size_t n = strlen(text);
    value[0] = value[1] = 0;
    if (!n || n > 32)
        return false;
    for (; *text; text++) {
        if (!isxdigit((unsigned char)*text))
            return false;
        unsigned digit = isdigit((unsigned char)*text) ? (unsigned)(*text - '0')
                                                       : (unsigned)((*text | 32) - 'a' + 10);
        value[1] = value[1] << 4 | value[0] >> 60;
        value[0] = value[0] << 4 | digit;
    }
    return true;
}

static bool parse_bytes(const char *text, uint8_t *to, size_t room)
{
    size_t n = strlen(text);
    if (n % 2 || n / 2 > room)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], 0}, *end;
        to[i] = (uint8_t)strtoul(pair, &end, 16);
        if (*end)
            return false;
    }
    return true;
}

static int find_var(const struct guest_isa *isa, const char *name)
{
    for (unsigned i = 0; i < isa->n_vars; i++)
        if (!strcmp(isa->vars[i].name, name))
            return (int)i;
    return -1;
}

static bool assign(const struct test *t, struct state *s, char *word)
{
    const struct guest_isa *isa = t->guest->isa;
    uint64_t value[2];
    char *equals = strchr(word, '=');
    if (!strncmp(word, "pc", 2) && (word[2] == '+' || word[2] == '-')) {
        s->pc = strtoll(word + 2, NULL, 16);
        return s->has_pc = true;
    }
    if (!equals)
        return false;
    *equals = 0;
    char *text = equals + 1;
    if (!strncmp(word, "mem+", 4)) {
        unsigned long at = strtoul(word + 4, NULL, 16);
        return at < MEMORY && parse_bytes(text, s->memory + at, MEMORY - at);
    }
    if (!strcmp(word, "signal")) {
        for (unsigned i = 0; i < ARRAY_SIZE(signal_names); i++)
            if (!strcmp(signal_names[i].name, text))
                s->signal = signal_names[i].number;
        return s->signal;
    }
    if (!parse_value(text, value))
        return false;
    int var = find_var(isa, word);
    if (var >= 0) {
        memcpy(s->var[var], value, sizeof value);
        return true;
    }
    if (!strcmp(word, "nzcv")) {
        s->nzcv = (unsigned)value[0];
        return value[0] < 16;
    }
    for (unsigned i = 0; isa->specials && isa->specials[i].name; i++)
        if (!strcmp(isa->specials[i].name, word)) {
            s->special[i] = value[0];
            return true;
        }
    return false;
}

static void fill_pattern(const struct test *t, struct state *s)
{
    const struct guest_isa *isa = t->guest->isa;
    memset(s, 0, sizeof *s);
    memcpy(s->memory, t->memory, MEMORY);
    for (unsigned i = 0; i < isa->n_vars; i++) {
        s->var[i][0] = 0xb5a6978800000000u + i * 0x01010101u;
        s->var[i][1] = isa->vars[i].size == 16 ? 0x4b5c6d7e90a1b2c3u + i : 0;
        if (isa->vars[i].offset == offsetof(struct cpu, gpr) + 8u * t->guest->abi->sp_reg)
            s->var[i][0] = MEMORY_AT + MEMORY / 2;
    }
}

static void read_case(struct test *t, unsigned line, char *text)
{
    if (t->n_cases == MAX_CASES || !t->guest)
        malformed(t, line, t->guest ? "too many cases" : "a guest line must come first");
    if (!t->n_codes)
        malformed(t, line, "a code line must come first");
    struct test_case *c = &t->cases[t->n_cases++];
    c->code = &t->codes[t->n_codes - 1];
    bool right = false;
    c->line = line;
    fill_pattern(t, &c->before);
    for (char *word = strtok(text, " \t"); word; word = strtok(NULL, " \t")) {
        if (!strcmp(word, "->")) {
            c->after = c->before;
            right = true;
        } else if (!assign(t, right ? &c->after : &c->before, word)) {
            malformed(t, line, "unknown register, or malformed value");
        }
    }
    if (!right)
        malformed(t, line, "a case needs ->");
}

static void read_code(struct test *t, unsigned number, char *text)
{
    struct code *code = t->n_codes ? &t->codes[t->n_codes - 1] : NULL;
    if (!code || (t->n_cases && t->cases[t->n_cases - 1].code == code)) {
        if (t->n_codes == MAX_CODES)
            malformed(t, number, "too many code lines");
        code = &t->codes[t->n_codes++];
        code->n = 0;
    }
    for (char *word = strtok(text, " \t"); word; word = strtok(NULL, " \t")) {
        char *end;
        if (code->n == MAX_CODE)
            malformed(t, number, "too much code");
        code->words[code->n++] = (uint32_t)strtoul(word, &end, 16);
        if (*end)
            malformed(t, number, "code is hexadecimal words");
    }
}

static void choose_cpu(const struct test *t, unsigned number, const char *model)
{
    const char *bad;
    if (!t->guest)
        malformed(t, number, "a guest line must come first");
    if (t->guest->isa->set_cpu && !t->guest->isa->set_cpu(model, &bad))
        malformed(t, number, "no such CPU model or feature");
}

static void read_line(struct test *t, unsigned number, char *line)
{
    char *hash = strchr(line, '#');
    if (hash)
        *hash = 0;
    line[strcspn(line, "\r\n")] = 0;
    char *rest = line + strcspn(line, " \t");
    if (*rest)
        *rest++ = 0;
    rest += strspn(rest, " \t");
    if (!*line)
        return;
    if (!strcmp(line, "guest")) {
        rest[strcspn(rest, " \t")] = 0;
        t->guest = guest_by_name(rest);
        if (!t->guest || !t->guest->isa)
            malformed(t, number, "no such guest");
        choose_cpu(t, number, NULL);
    } else if (!strcmp(line, "cpu")) {
        rest[strcspn(rest, " \t")] = 0;
        choose_cpu(t, number, rest);
    } else if (!strcmp(line, "code")) {
        read_code(t, number, rest);
    } else if (!strcmp(line, "mem")) {
        memset(t->memory, 0, MEMORY);
        if (!parse_bytes(rest, t->memory, MEMORY))
            malformed(t, number, "mem is hexadecimal bytes");
    } else if (!strcmp(line, "case")) {
        read_case(t, number, rest);
    } else if (!strcmp(line, "cost")) {
        if (sscanf(rest, "x86_64 %u", &t->cost) == 1)
            t->cost_line = number;
    } else {
        malformed(t, number, "unknown line");
    }
}

void check_read(struct test *t)
{
    FILE *f = fopen(t->path, "re");
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    if (!f)
        die("cannot open %s: %s", t->path, strerror(errno));
    while (getline(&line, &size, f) >= 0)
        read_line(t, ++number, line);
    free(line);
    fclose(f);
    if (!t->n_codes)
        malformed(t, number, "no code");
}
