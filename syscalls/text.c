/* text.c - texts and other bytes that grow. */
#include "syscalls/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

void *text_add(struct text *x, const void *p, size_t n)
{
    if (x->n + n > x->capacity) {
        x->capacity = (x->n + n) * 2 + 4096;
        x->at = realloc(x->at, x->capacity);
        if (!x->at)
            die("out of memory");
    }
    char *added = x->at + x->n;
    x->n += n;
    return p ? memcpy(added, p, n) : memset(added, 0, n);
}

void text_print(struct text *x, const char *fmt, ...)
{
    char line[4096 + 256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    text_add(x, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
