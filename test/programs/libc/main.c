/* libc - formatted input and output, conversions, sorting, regular expressions, allocation. */
#include <ctype.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static uint32_t next(uint32_t *s)
{
    *s = *s * 1664525 + 1013904223;
    return *s;
}

static void formats(void)
{
    static const double values[] = { 0.1, -0.0, 1e308, 5e-324, 123456789.125, 1.0 / 3, 1e21, 2.5, 3.5, -1e-7 };
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        printf("%g %.17g %e %.3f %a %10.2f|%-12.1e|\n", values[i], values[i], values[i], values[i], values[i], values[i],
               values[i]);
    printf("%d %i %u %x %X %o %c %s %p %%\n", -5, 2147483647, 4000000000u, 0xbeef, 0xBEEF, 8, 'q', "text", (void *)0x1234);
    printf("%lld %llu %zd %hhd %hd %+d % d %05d %-5d| %5.3d\n", -9000000000000000000ll, 18000000000000000000ull, (size_t)7,
           300, 70000, 5, 5, 42, 42, 7);
    printf("%*.*f %n%s\n", 12, 3, 3.14159265, &(int){ 0 }, "end");
    printf("nan %f inf %f %F\n", __builtin_nan(""), __builtin_inf(), -__builtin_inf());
}

static void conversions(void)
{
    static const char *const texts[] = { "1.5", "0x1.8p3", "1e400", "-1e-400", "inf", "nan", "123456789012345678901234567890",
                                         "2.2250738585072011e-308", "9007199254740993", "0.1e", "abc", "  42xyz" };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *end;
        double d = strtod(texts[i], &end);
        float f = strtof(texts[i], NULL);
        printf("%s -> %a %a rest '%s' long %ld\n", texts[i], d, f, end, strtol(texts[i], NULL, 0));
    }
    int a, b;
    char w[10];
    double d;
    printf("%d", sscanf("12 0x1f word 2.75e2", "%d %i %9s %lf", &a, &b, w, &d));
    printf(" %d %d %s %g\n", a, b, w, d);
}

static void sorting(void)
{
    enum { N = 5000 };
    int *v = malloc(N * sizeof *v);
    uint32_t s = 1, sum = 0;
    for (int i = 0; i < N; i++)
        v[i] = (int)next(&s) >> 8;
    qsort(v, N, sizeof *v, by_value);
    for (int i = 0; i < N; i++)
        sum = sum * 31 + (uint32_t)v[i];
    int key = v[1234];
    printf("sorted %d %d %d sum %u found %d\n", v[0], v[N / 2], v[N - 1], sum,
           *(int *)bsearch(&key, v, N, sizeof *v, by_value) == key);
    free(v);
}

static void matching(void)
{
    regex_t r;
    regmatch_t m[3];
    const char *text = "name=value; other=42; last=";
    regcomp(&r, "([a-z]+)=([0-9]+)", REG_EXTENDED);
    if (!regexec(&r, text, 3, m, 0))
        printf("match %.*s = %.*s\n", (int)(m[1].rm_eo - m[1].rm_so), text + m[1].rm_so, (int)(m[2].rm_eo - m[2].rm_so),
               text + m[2].rm_so);
    regfree(&r);
}

static void allocation(void)
{
    enum { N = 400 };
    uint8_t *p[N] = { 0 };
    size_t size[N] = { 0 };
    uint32_t s = 7, bad = 0, total = 0;
    for (int i = 0; i < 20000; i++) {
        unsigned k = next(&s) >> 8 & 255;
        size_t n = next(&s) >> 12 & 0x3fff;
        if (i % 997 == 0)
            n <<= 7;
        for (size_t j = 0; j < size[k]; j += 61)
            bad += p[k][j] != (uint8_t)(k + j);
        p[k] = realloc(p[k], n + 1);
        size[k] = n;
        for (size_t j = 0; j < n; j += 61)
            p[k][j] = (uint8_t)(k + j);
        total += n;
    }
    for (int i = 0; i < N; i++)
        free(p[i]);
    printf("allocated %u bad %u\n", total, bad);
}

int main(void)
{
    formats();
    conversions();
    sorting();
    matching();
    allocation();
    char text[64];
    snprintf(text, sizeof text, "%s-%05d", "tok,en;list", 77);
    for (char *save, *t = strtok_r(text, ",;", &save); t; t = strtok_r(NULL, ",;", &save))
        printf("token %s upper %c\n", t, toupper(*t));
    wchar_t w[] = L"wide";
    printf("%zu %ls\n", wcslen(w), w);
    div_t q = div(-17, 5);
    printf("%d %d %ld\n", q.quot, q.rem, labs(-123456789012l));
    return 0;
}
