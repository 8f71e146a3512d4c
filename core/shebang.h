/* shebang.h - the first line of a script, read as the kernel reads it. */
#pragma once
#include "core/types.h"

enum {
    SHEBANG_SIZE = 256,
    SHEBANG_LEVELS = 5
}; /* bytes of a file that count; scripts in a row before ELOOP */

struct shebang {
    char interpreter[SHEBANG_SIZE];
    char argument[SHEBANG_SIZE]; /* everything after the interpreter, blanks trimmed; empty if
                                    has_argument is false */
    bool has_argument;
};

/* Parse the first bytes of a file: N is 0 to SHEBANG_SIZE (fewer only if the file is shorter).
 *
 * Returns 1 if it is a script, 0 if it does not begin with "#!", -ENOEXEC if the line names no
 * interpreter or the interpreter's name does not end within SHEBANG_SIZE. */
int shebang_parse(const char *start, size_t n, struct shebang *out);
