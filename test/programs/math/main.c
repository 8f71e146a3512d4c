/* math - libm's results in hexadecimal, conversions, rounding modes and exception flags. */
#include <complex.h>
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#define ROW(f) { #f, f }
static const struct { const char *name; double (*fn)(double); } unary[] = {
    ROW(sin), ROW(cos), ROW(tan), ROW(asin), ROW(acos), ROW(atan), ROW(sinh), ROW(cosh), ROW(tanh), ROW(exp), ROW(exp2),
    ROW(expm1), ROW(log), ROW(log2), ROW(log10), ROW(log1p), ROW(sqrt), ROW(cbrt), ROW(ceil), ROW(floor), ROW(trunc),
    ROW(round), ROW(rint), ROW(nearbyint), ROW(erf), ROW(erfc), ROW(lgamma), ROW(tgamma), ROW(fabs),
};
static const struct { const char *name; double (*fn)(double, double); } binary[] = {
    ROW(pow), ROW(atan2), ROW(fmod), ROW(remainder), ROW(hypot), ROW(fmin), ROW(fmax), ROW(fdim), ROW(nextafter), ROW(copysign),
};
static const struct { const char *name; float (*fn)(float); } single[] = {
    ROW(sinf), ROW(cosf), ROW(expf), ROW(logf), ROW(sqrtf), ROW(tanf), ROW(exp2f), ROW(log2f), ROW(rintf), ROW(cbrtf),
};
static volatile const double values[] = { 0, -0.0, 0.5, -0.75, 1, 1.5, -2.5, 3.14159, 10.25, 1e-10, 1e10, 709.9, 1e300, -1e-320,
                                          INFINITY, NAN };
#define N (sizeof values / sizeof *values)

/* NaN signs are the library's choice. */
static void show(double d)
{
    if (d != d)
        printf(" nan");
    else
        printf(" %a", d);
}

static void conversions(void)
{
    static volatile const double d[] = { 0.5, 1.5, -1.5, 2147483647.5, -2147483649.0, 4294967296.0, 9.3e18, -9.3e18, 1.9e19, 1e300 };
    for (unsigned i = 0; i < sizeof d / sizeof *d; i++) {
        int32_t w;
        uint32_t uw;
        int64_t x;
        uint64_t ux;
        __asm__("fcvtzs %w0, %d1" : "=r"(w) : "w"(d[i]));
        __asm__("fcvtzu %w0, %d1" : "=r"(uw) : "w"(d[i]));
        __asm__("fcvtzs %0, %d1" : "=r"(x) : "w"(d[i]));
        __asm__("fcvtzu %0, %d1" : "=r"(ux) : "w"(d[i]));
        printf("%g: %d %u %ld %lu lrint %ld llround %lld\n", d[i], w, uw, x, ux, i < 3 ? lrint(d[i]) : 0,
               i < 3 ? llround(d[i]) : 0);
    }
    static volatile const int64_t n[] = { 0, -1, INT64_MAX, INT64_MIN, 9007199254740993, 16777217 };
    for (unsigned i = 0; i < 6; i++)
        printf("%ld: %a %a %a %a\n", n[i], (double)n[i], (double)(uint64_t)n[i], (float)n[i], (float)(uint64_t)n[i]);
}

static void rounding(void)
{
    static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    volatile double one = 1, three = 3, big = 1e308, tiny = 1e-308;
    volatile float f = 1.1f;
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        feclearexcept(FE_ALL_EXCEPT);
        printf("mode %d: %a %a %a %a %a", i, one / three, -one / three, big * three, tiny / big, (double)(f * f));
        printf(" %a %a flags %x\n", rint(2.5), (double)(float)0.1, fetestexcept(FE_ALL_EXCEPT));
    }
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double zero = 0, x;
    x = one / zero;
    printf("divide by zero %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    x = zero / zero;
    printf("invalid %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    x = sqrt(-one);
    printf("sqrt %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT);
    x = one + tiny;
    printf("inexact %x %a\n", fetestexcept(FE_ALL_EXCEPT), x);
}

static double series(void)
{
    double sum = 0;
    for (int i = 1; i < 20000; i++)
        sum = fma(sin(i * 0.1), 1.0 / i, sum) + sqrt(i) * exp(-i * 0.001);
    return sum;
}

int main(void)
{
    for (unsigned f = 0; f < sizeof unary / sizeof *unary; f++) {
        printf("%s", unary[f].name);
        for (unsigned i = 0; i < N; i++)
            show(unary[f].fn(values[i]));
        printf("\n");
    }
    for (unsigned f = 0; f < sizeof binary / sizeof *binary; f++) {
        printf("%s", binary[f].name);
        for (unsigned i = 0; i < N; i++)
            for (unsigned j = 0; j < N; j += 3)
                show(binary[f].fn(values[i], values[j]));
        printf("\n");
    }
    for (unsigned f = 0; f < sizeof single / sizeof *single; f++) {
        printf("%s", single[f].name);
        for (unsigned i = 0; i < N; i++)
            show(single[f].fn((float)values[i]));
        printf("\n");
    }
    conversions();
    rounding();
    double complex c = cexp(1.0 + 2.0 * I) * csqrt(-3.0 + 0.5 * I);
    printf("complex %a %a\n", creal(c), cimag(c));
    printf("series %a\n", series());
    int e;
    double m = frexp(123.456, &e), ip, fp = modf(-7.75, &ip);
    printf("%a %d %a %a %a %d %d\n", m, e, ip, fp, ldexp(0.7, -1070), ilogb(1e-310), fpclassify(1e-310));
    return 0;
}
