/* check_read.h - files of golden instruction tests.
 *
 * A test file:
 *
 *   # anything after a hash is a comment
 *   guest aarch64
 *   cpu   max,sb=off           as -cpu; without it, the default model
 *   code  91000420 d503201f    hex words in execution order; more lines append, after a case they
 *                              replace
 *   mem   0011223344           bytes at 0x10000000 for the cases below; the rest of 4096 is zero
 *   case  x0=1 v0=hex -> x0=2 nzcv=4 mem+8=hex signal=SIGSEGV pc+4
 *   cost  x86_64 3             host instructions of the first block with -host-off all, exact,
 *                              padding left out;
 *                              -bless rewrites
 *
 * Values are hexadecimal. Registers that a case does not name hold a pattern (flags, status and
 * control registers: zero; sp: 0x10000800), and whatever the right side does not name must be as
 * before. Code is at 0x20000020 and a case ends behind it, or with the named signal at the
 * instruction pc+N, or in the zeros around the code at pc+N. */
#pragma once
#include "core/ir.h"

struct guest;

enum {
    MAX_CODE = 64,
    MAX_CODES = 512,
    MAX_CASES = 1024,
    MAX_SPECIALS = 16,
    MEMORY = 4096,
    MEMORY_AT = 0x10000000
};

/* Everything a case may name. */
struct state {
    uint64_t var[IR_MAX_VARS][2];
    uint64_t special[MAX_SPECIALS];
    unsigned nzcv;
    uint8_t memory[MEMORY];
    int signal;
    int64_t pc; /* of the end, from CODE_AT; only compared if has_pc */
    bool has_pc;
};

/* The instructions of the cases that follow them in the file. */
struct code {
    uint32_t words[MAX_CODE];
    unsigned n;
};

struct test_case {
    unsigned line;
    const struct code *code;
    struct state before, after;
};

struct test {
    const char *path;
    const struct guest *guest;
    struct code *codes;
    unsigned n_codes, n_cases, cost, cost_line;
    uint8_t memory[MEMORY];
    struct test_case *cases;
};

/* Read T->path into T, which has room for MAX_CODES and MAX_CASES and is zero else; dies if the
 * file is malformed. */
void check_read(struct test *t);
