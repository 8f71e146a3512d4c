/* text.h - texts and other bytes that grow. */
#pragma once
#include <stddef.h>

struct text {
    char *at; /* the caller frees it */
    size_t n, capacity;
};

/* Append N bytes of P (null: zeros). Returns where they are until the next call. */
void *text_add(struct text *x, const void *p, size_t n);
void text_print(struct text *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
