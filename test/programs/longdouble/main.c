/* longdouble - 128-bit floating point, which the compiler's library computes with integers and v registers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    volatile long double a = 1.0L, b = 3.0L, c = 1e4000L, d = 1e-4940L;
    printf("%La %La %La %La\n", a / b, c * b, d / b, a - b);
    printf("%.35Lg %.30Lf %Le\n", a / b, sqrtl(2.0L), c);
    printf("%d %d %d\n", a < b, a == b, isnan(c * c - c * c));
    printf("%ld %lu %d\n", (long)-1.5e18L, (unsigned long)1.8e19L, (int)(b * 1000));
    printf("%La %La\n", strtold("0.1", NULL), (long double)0.1);
    printf("%a %a\n", (double)(a / b), (double)(float)(a / b));
    printf("%La %La %La\n", sinl(1.0L), expl(10.0L), logl(7.0L));
    long double sum = 0;
    for (int i = 1; i < 2000; i++)
        sum += 1.0L / i;
    printf("%.33Lg\n", sum);
    return 0;
}
