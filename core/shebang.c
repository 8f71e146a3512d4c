/* shebang.c - the first line of a script, read as the kernel reads it. */
#include "core/shebang.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

int shebang_parse(const char *start, size_t n, struct shebang *out)
{
    char line[SHEBANG_SIZE];
    if (n < 2 || start[0] != '#' || start[1] != '!')
        return 0;
    if (n > SHEBANG_SIZE)
        n = SHEBANG_SIZE;
    memcpy(line, start, n);

    /* A line that goes on beyond the buffer is accepted only if the interpreter's name surely ended
     * before. */
    char *end = memchr(line, '\n', n);
    bool whole = end || n < SHEBANG_SIZE;
    if (!end)
        end = line + (n < SHEBANG_SIZE ? n : n - 1);
    char *at = line + 2;
    while (at < end && is_blank(*at))
        at++;
    char *name = at;
    while (at < end && !is_blank(*at) && *at)
        at++;
    char *name_end = at;
    if (name == name_end || (!whole && name_end == end))
        return -ENOEXEC;
    while (end > name_end && is_blank(end[-1]))
        end--;
    while (at < end && is_blank(*at))
        at++;
    char *argument_end = memchr(at, '\0', (size_t)(end - at));
    if (!argument_end)
        argument_end = end;

    memset(out, 0, sizeof *out);
    memcpy(out->interpreter, name, (size_t)(name_end - name));
    memcpy(out->argument, at, (size_t)(argument_end - at));
    out->has_argument = argument_end > at;
    return 1;
}
