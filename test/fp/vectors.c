/* vectors.c - floating-point cases for `anyarch check` with results and flags computed by MPFR.
 *
 *   vectors FOLDER SEED N     writes FOLDER/<operation>.test, N cases each
 *
 * MPFR rounds once, to any precision and exponent range. What IEEE 754 leaves open is from the Arm manual's
 * pseudocode: which NaN is propagated (FPProcessNaNs), tininess before rounding (FPRound), saturation of
 * conversions to integers (FPToFixed). Lanes that an instruction does not use hold anything. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MPFR_USE_INTMAX_T
#include <mpfr.h>

enum { IOC = 1, DZC = 2, OFC = 4, UFC = 8, IXC = 16 };
enum { NEAREST, UP, DOWN, ZERO, AWAY };
enum { MAX_CASES = 1000, WORK_BITS = 2300 }; /* WORK_BITS: any sum or product of the formats is exact */

/* ---- Formats ----------------------------------------------------------------------------------------- */

static const struct format {
    const char *name;
    int bits, precision; /* with the hidden bit */
    int min, max;        /* MPFR's exponents of the least subnormal and of the greatest number */
    uint32_t type;       /* bits 23, 22 of an instruction */
} formats[] = {
    {"f16", 16, 11, -23, 16, 3},
    {"f32", 32, 24, -148, 128, 0},
    {"f64", 64, 53, -1073, 1024, 1},
};

static uint64_t sign_bit(const struct format *f) { return (uint64_t)1 << (f->bits - 1); }
static uint64_t quiet_bit(const struct format *f) { return (uint64_t)1 << (f->precision - 2); }
static uint64_t mantissa_mask(const struct format *f) { return ((uint64_t)1 << (f->precision - 1)) - 1; }
static uint64_t infinity(const struct format *f) { return (sign_bit(f) - 1) & ~mantissa_mask(f); }
static uint64_t default_nan(const struct format *f) { return infinity(f) | quiet_bit(f); }
static bool is_nan(const struct format *f, uint64_t v) { return (v & (sign_bit(f) - 1)) > infinity(f); }
static bool is_snan(const struct format *f, uint64_t v) { return is_nan(f, v) && !(v & quiet_bit(f)); }
static bool is_inf(const struct format *f, uint64_t v) { return (v & (sign_bit(f) - 1)) == infinity(f); }
static bool is_zero(const struct format *f, uint64_t v) { return !(v & (sign_bit(f) - 1)); }

static void to_mpfr(mpfr_t out, const struct format *f, uint64_t v)
{
    uint64_t mantissa = v & mantissa_mask(f), exponent = (v & infinity(f)) >> (f->precision - 1);
    int sign = v & sign_bit(f) ? -1 : 1;
    if (is_inf(f, v)) {
        mpfr_set_inf(out, sign);
    } else if (is_zero(f, v)) {
        mpfr_set_zero(out, sign);
    } else {
        if (exponent)
            mantissa |= mantissa_mask(f) + 1, exponent--;
        mpfr_set_uj_2exp(out, mantissa, f->min - 1 + (int)exponent, MPFR_RNDN);
        mpfr_setsign(out, out, sign < 0, MPFR_RNDN);
    }
}

static uint64_t from_mpfr(const struct format *f, const mpfr_t v)
{
    uint64_t sign = mpfr_signbit(v) ? sign_bit(f) : 0;
    if (mpfr_inf_p(v))
        return sign | infinity(f);
    if (mpfr_zero_p(v))
        return sign;
    int normal = f->min + f->precision - 1; /* exponent of the least normal number */
    int unit = mpfr_get_exp(v) < normal ? f->min - 1 : (int)mpfr_get_exp(v) - f->precision;
    mpfr_t m;
    mpfr_init2(m, 64);
    mpfr_mul_2si(m, v, -unit, MPFR_RNDN);
    mpfr_abs(m, m, MPFR_RNDN);
    uint64_t mantissa = mpfr_get_uj(m, MPFR_RNDN);
    mpfr_clear(m);
    return sign | (mantissa + ((uint64_t)(unit - (f->min - 1)) << (f->precision - 1)));
}

/* ---- Random numbers and operands --------------------------------------------------------------------- */

static uint64_t state;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d;
}

static uint64_t any_operand(const struct format *f)
{
    uint64_t r = random64(), sign = r & 1 ? sign_bit(f) : 0, bias = infinity(f) / 2 & infinity(f), mask = mantissa_mask(f);
    uint64_t mantissa = random64() & mask, few = (random64() & 15) - 8;
    switch (r >> 1 & 15) {
    case 0: return sign;
    case 1: return sign | infinity(f);
    case 2: return sign | infinity(f) | quiet_bit(f) | mantissa;
    case 3: return sign | infinity(f) | ((mantissa & (quiet_bit(f) - 1)) + 1) % quiet_bit(f);
    case 4: return sign | mantissa;                                  /* subnormal */
    case 5: return sign | ((mask + 1 + few) & (sign_bit(f) - 1));    /* around the least normal number */
    case 6: return sign | (infinity(f) - 1 - (few & 7));             /* the greatest numbers */
    case 7: return sign | (bias + few);                              /* around 1 */
    case 8: return sign | (bias + (few << (f->precision - 1)) + (random64() & 3)); /* powers of two and their neighbours */
    case 9: return sign | (random64() & random64() & random64() & (infinity(f) - 1));
    case 10: case 11: return sign | (bias + ((random64() % 24 - 12) << (f->precision - 1)) + mantissa);
    case 12: return sign | (bias / 2 + (few << (f->precision - 1)) + mantissa) % infinity(f); /* squares near the limits */
    case 13: return sign | (bias / 2 * 3 + (few << (f->precision - 1)) + mantissa) % infinity(f);
    default: return sign | random64() % infinity(f);
    }
}

/* An operand of a conversion: often near the least normal number of TO. */
static uint64_t operand_near(const struct format *from, const struct format *to)
{
    int lost = from->precision - to->precision, bias = (1 << (from->bits - from->precision - 1)) - 1;
    uint64_t r = random64();
    if (lost < 0 || r & 1)
        return any_operand(from);
    uint64_t least = (uint64_t)(to->min + to->precision - 2 + bias) << (from->precision - 1);
    uint64_t few = ((random64() & 15) - 8) << (r >> 8) % ((unsigned)lost + 1);
    return (r & 2 ? sign_bit(from) : 0) | (least + few);
}

/* ---- Rounding ---------------------------------------------------------------------------------------- */

struct mode { int rounding; bool default_nan; };
struct result { uint64_t value; int flags; };

static mpfr_rnd_t mpfr_mode(int rounding)
{
    static const mpfr_rnd_t modes[] = {MPFR_RNDN, MPFR_RNDU, MPFR_RNDD, MPFR_RNDZ};
    return modes[rounding];
}

static void wide_range(void)
{
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
}

/* ROUNDED was computed with the precision of F and TERNARY, and CHOPPED the same toward zero, without exponent limits. */
static struct result finish(const struct format *f, int rounding, mpfr_t rounded, int ternary, const mpfr_t chopped)
{
    bool tiny = !mpfr_zero_p(chopped) && mpfr_number_p(chopped) && mpfr_get_exp(chopped) < f->min + f->precision - 1;
    mpfr_clear_flags();
    mpfr_set_emin(f->min);
    mpfr_set_emax(f->max);
    ternary = mpfr_check_range(rounded, ternary, mpfr_mode(rounding));
    ternary = mpfr_subnormalize(rounded, ternary, mpfr_mode(rounding));
    bool overflow = mpfr_overflow_p();
    wide_range();
    return (struct result){from_mpfr(f, rounded), (ternary ? IXC : 0) | (ternary && tiny ? UFC : 0) | (overflow ? OFC | IXC : 0)};
}

typedef int operation(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd);
static int op_add(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_add(r, v[0], v[1], rnd); }
static int op_sub(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_sub(r, v[0], v[1], rnd); }
static int op_mul(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_mul(r, v[0], v[1], rnd); }
static int op_div(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_div(r, v[0], v[1], rnd); }
static int op_sqrt(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_sqrt(r, v[0], rnd); }
static int op_fma(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_fma(r, v[1], v[2], v[0], rnd); } /* addend first */
static int op_set(mpfr_t r, const mpfr_t *v, mpfr_rnd_t rnd) { return mpfr_set(r, v[0], rnd); }

static struct result compute(const struct format *f, int rounding, operation *op, const mpfr_t *v)
{
    mpfr_t r, z;
    mpfr_init2(r, f->precision);
    mpfr_init2(z, f->precision);
    op(z, v, MPFR_RNDZ);
    int ternary = op(r, v, mpfr_mode(rounding));
    struct result result;
    if (mpfr_nan_p(r)) /* the operands are numbers */
        result = (struct result){default_nan(f), IOC};
    else
        result = finish(f, rounding, r, ternary, z);
    mpfr_clears(r, z, (mpfr_ptr)0);
    return result;
}

/* FPProcessNaNs: the first signaling one, else the first quiet one. */
static bool propagate(const struct format *f, const struct mode *m, const uint64_t *v, int n, struct result *r)
{
    for (int quiet = 0; quiet < 2; quiet++)
        for (int i = 0; i < n; i++)
            if (quiet ? is_nan(f, v[i]) : is_snan(f, v[i])) {
                *r = (struct result){m->default_nan ? default_nan(f) : v[i] | quiet_bit(f), quiet ? 0 : IOC};
                return true;
            }
    return false;
}

static struct result arithmetic(const struct format *f, const struct mode *m, operation *op, const uint64_t *v, int n)
{
    struct result r;
    if (op == op_fma && is_nan(f, v[0]) && !is_snan(f, v[0]) &&
        ((is_inf(f, v[1]) && is_zero(f, v[2])) || (is_zero(f, v[1]) && is_inf(f, v[2]))))
        return (struct result){default_nan(f), IOC};
    if (propagate(f, m, v, n, &r))
        return r;
    mpfr_t x[3];
    for (int i = 0; i < n; i++) {
        mpfr_init2(x[i], 64);
        to_mpfr(x[i], f, v[i]);
    }
    r = compute(f, m->rounding, op, (const mpfr_t *)x);
    if (op == op_div && is_zero(f, v[1]) && !is_zero(f, v[0]) && !is_inf(f, v[0]))
        r.flags |= DZC;
    for (int i = 0; i < n; i++)
        mpfr_clear(x[i]);
    return r;
}

static struct result convert(const struct format *to, const struct format *from, const struct mode *m, uint64_t v)
{
    if (is_nan(from, v)) {
        uint64_t payload = v & mantissa_mask(from), result = v & sign_bit(from) ? sign_bit(to) : 0;
        int shift = to->precision - from->precision;
        result |= default_nan(to) | (shift < 0 ? payload >> -shift : payload << shift);
        return (struct result){m->default_nan ? default_nan(to) : result, is_snan(from, v) ? IOC : 0};
    }
    mpfr_t x[1];
    mpfr_init2(x[0], 64);
    to_mpfr(x[0], from, v);
    struct result r = compute(to, m->rounding, op_set, (const mpfr_t *)x);
    mpfr_clear(x[0]);
    return r;
}

static struct result from_integer(const struct format *f, int rounding, uint64_t v, bool wide, bool is_signed, int fraction)
{
    mpfr_t x[1];
    mpfr_init2(x[0], 64);
    if (is_signed)
        mpfr_set_sj(x[0], wide ? (int64_t)v : (int32_t)v, MPFR_RNDN);
    else
        mpfr_set_uj(x[0], wide ? v : (uint32_t)v, MPFR_RNDN);
    mpfr_div_2si(x[0], x[0], fraction, MPFR_RNDN);
    struct result r = compute(f, rounding, op_set, (const mpfr_t *)x);
    mpfr_clear(x[0]);
    return r;
}

static struct result to_integer(const struct format *f, int rounding, uint64_t v, bool wide, bool is_signed, int fraction)
{
    static int (*const rint_function[])(mpfr_t, const mpfr_t) = {mpfr_roundeven, mpfr_ceil, mpfr_floor, mpfr_trunc, mpfr_round};
    int bits = wide ? 64 : 32;
    uint64_t mask = wide ? ~(uint64_t)0 : 0xffffffff;
    uint64_t high = is_signed ? mask >> 1 : mask, low = is_signed ? (uint64_t)1 << (bits - 1) : 0;
    if (is_nan(f, v))
        return (struct result){0, IOC};
    mpfr_t x, least, most;
    struct result r;
    mpfr_inits2(WORK_BITS, x, least, most, (mpfr_ptr)0);
    to_mpfr(x, f, v);
    mpfr_mul_2si(x, x, fraction, MPFR_RNDN);
    int inexact = mpfr_integer_p(x) || mpfr_inf_p(x) ? 0 : IXC;
    rint_function[rounding](x, x);
    mpfr_set_uj(most, high, MPFR_RNDN);
    mpfr_set_uj(least, low, MPFR_RNDN);
    mpfr_neg(least, least, MPFR_RNDN);
    if (mpfr_cmp(x, most) > 0)
        r = (struct result){high, IOC};
    else if (mpfr_cmp(x, least) < 0)
        r = (struct result){low, IOC};
    else
        r = (struct result){(is_signed ? (uint64_t)mpfr_get_sj(x, MPFR_RNDN) : mpfr_get_uj(x, MPFR_RNDN)) & mask, inexact};
    mpfr_clears(x, least, most, (mpfr_ptr)0);
    return r;
}

/* ---- Cases ------------------------------------------------------------------------------------------- */

static const char *folder;
static unsigned n_wanted;
static FILE *out;

/* Change one of N operands, so that the result is near the least normal number: tininess is told before rounding. */
static void aim_at_least_normal(const struct format *f, operation *op, uint64_t *v, int n)
{
    int given = n - 1, aim = op == op_div ? 0 : n - 2;
    if (is_nan(f, v[given]) || is_inf(f, v[given]) || is_zero(f, v[given]))
        return;
    mpfr_t x, least;
    mpfr_init2(x, f->precision);
    mpfr_init2(least, f->precision);
    to_mpfr(x, f, v[given]);
    mpfr_set_ui_2exp(least, 1, f->min + f->precision - 2, MPFR_RNDN);
    if (op == op_div)
        mpfr_mul(x, least, x, MPFR_RNDN);
    else
        mpfr_div(x, least, x, MPFR_RNDN);
    if (mpfr_get_exp(x) > f->min + f->precision && mpfr_get_exp(x) < f->max)
        v[aim] = from_mpfr(f, x) + random64() % 5 - 2;
    if (n == 3)
        v[0] = random64() & 1 ? 0 : random64() & 3;
    mpfr_clears(x, least, (mpfr_ptr)0);
}

struct lanes { uint64_t half[2]; };

static void set_lane(struct lanes *v, const struct format *f, int lane, uint64_t value)
{
    int at = lane * f->bits;
    uint64_t mask = f->bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << f->bits) - 1;
    v->half[at / 64] = (v->half[at / 64] & ~(mask << at % 64)) | value << at % 64;
}

static struct mode begin_case(void)
{
    struct mode m = {(int)(random64() % 4), random64() % 8 == 0};
    fprintf(out, "case  fpcr=%x fpsr=0", m.rounding << 22 | m.default_nan << 25);
    return m;
}

static void put_vector(const char *name, struct lanes v)
{
    fprintf(out, " %s=%llx%016llx", name, (unsigned long long)v.half[1], (unsigned long long)v.half[0]);
}

static void open_test(const char *name, const char *suffix, uint32_t word)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s_%s.test", folder, name, suffix);
    out = fopen(path, "w");
    if (!out) {
        perror(path);
        exit(1);
    }
    fprintf(out, "guest aarch64\ncode  %08x\n", word);
}

/* v3 = op(v0, v1, v2); a scalar form uses one lane. NEGATE: operands whose sign is changed first, a bit each. */
static void arithmetic_cases(const char *name, const struct format *f, uint32_t word, operation *op, int n, int n_lanes,
                             unsigned negate)
{
    open_test(name, f->name, word);
    for (unsigned k = 0; k < n_wanted; k++) {
        struct mode m = begin_case();
        struct lanes in[3], result = {{0, 0}};
        int flags = 0;
        for (int i = 0; i < n; i++)
            in[i] = (struct lanes){{random64(), random64()}};
        for (int lane = 0; lane < n_lanes; lane++) {
            uint64_t v[3];
            bool aims = (op == op_mul || op == op_div || op == op_fma) && random64() % 4 == 0;
            for (int i = 0; i < n; i++)
                v[i] = any_operand(f);
            if (aims)
                aim_at_least_normal(f, op, v, n);
            for (int i = 0; i < n; i++) {
                set_lane(&in[i], f, lane, v[i]);
                v[i] ^= negate >> i & 1 ? sign_bit(f) : 0;
            }
            struct result r = arithmetic(f, &m, op, v, n);
            set_lane(&result, f, lane, r.value);
            flags |= r.flags;
        }
        for (int i = 0; i < n; i++)
            put_vector((const char *[]){"v0", "v1", "v2"}[i], in[i]);
        fprintf(out, " ->");
        /* FMLA adds to its destination. */
        put_vector(op == op_fma && n_lanes > 1 ? "v0" : "v3", result);
        fprintf(out, " fpsr=%x\n", flags);
    }
    fclose(out);
}

static void scalar_and_vector(const struct format *f)
{
    int n_lanes = 128 / f->bits, half = f->bits == 16;
    uint32_t type = f->type << 22, wide = f->bits == 64 ? 1u << 22 : 0;
    /* Operands v0, v1; vector forms: three registers, same size. The f16 ones have their own opcodes. */
    const struct { const char *name; operation *op; uint32_t scalar, vector, vector16; } rows[] = {
        {"fadd", op_add, 0x1e202800, 0x4e20d400, 0x4e401400},
        {"fsub", op_sub, 0x1e203800, 0x4ea0d400, 0x4ec01400},
        {"fmul", op_mul, 0x1e200800, 0x6e20dc00, 0x6e401c00},
        {"fdiv", op_div, 0x1e201800, 0x6e20fc00, 0x6e403c00},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char vector[16];
        snprintf(vector, sizeof vector, "%s_v", rows[i].name);
        arithmetic_cases(rows[i].name, f, rows[i].scalar | type | 1 << 16 | 3, rows[i].op, 2, 1, 0);
        arithmetic_cases(vector, f, (half ? rows[i].vector16 : rows[i].vector | wide) | 1 << 16 | 3, rows[i].op, 2, n_lanes, 0);
    }
    arithmetic_cases("fsqrt", f, 0x1e21c000 | type | 3, op_sqrt, 1, 1, 0);
    arithmetic_cases("fsqrt_v", f, (half ? 0x6ef9f800 : 0x6ea1f800 | wide) | 3, op_sqrt, 1, n_lanes, 0);
    /* v3 = +- v0 +- v1 * v2: the sign changes are those of the manual's operands. */
    static const struct { const char *name; uint32_t word; unsigned negate; } fused[] = {
        {"fmadd", 0x1f000000, 0}, {"fmsub", 0x1f008000, 2}, {"fnmadd", 0x1f200000, 3}, {"fnmsub", 0x1f208000, 1}};
    for (unsigned i = 0; i < 4; i++)
        arithmetic_cases(fused[i].name, f, fused[i].word | type | 2 << 16 | 0 << 10 | 1 << 5 | 3, op_fma, 3, 1, fused[i].negate);
    arithmetic_cases("fmla_v", f, (half ? 0x4e400c00 : 0x4e20cc00 | wide) | 2 << 16 | 1 << 5, op_fma, 3, n_lanes, 0);
    arithmetic_cases("fmls_v", f, (half ? 0x4ec00c00 : 0x4ea0cc00 | wide) | 2 << 16 | 1 << 5, op_fma, 3, n_lanes, 2);
}

static void format_conversions(const struct format *from, const struct format *to)
{
    static const uint32_t opcode[] = {3, 0, 1};
    char name[32];
    snprintf(name, sizeof name, "fcvt_%s", from->name);
    open_test(name, to->name, 0x1e224000 | from->type << 22 | opcode[to - formats] << 15 | 3);
    for (unsigned k = 0; k < n_wanted; k++) {
        struct mode m = begin_case();
        uint64_t v = operand_near(from, to);
        struct result r = convert(to, from, &m, v);
        struct lanes in = {{random64(), random64()}};
        set_lane(&in, from, 0, v);
        put_vector("v0", in);
        fprintf(out, " ->");
        put_vector("v3", (struct lanes){{r.value, 0}});
        fprintf(out, " fpsr=%x\n", r.flags);
    }
    fclose(out);
}

/* FRACTION 0: the plain form. */
static void integer_conversions(const struct format *f, bool wide, bool is_signed, int fraction)
{
    static const struct { const char *name; uint32_t bits; int rounding; } rows[] = {
        {"fcvtn", 0 << 19 | 0 << 16, NEAREST}, {"fcvtp", 1 << 19, UP}, {"fcvtm", 2 << 19, DOWN},
        {"fcvtz", 3 << 19, ZERO}, {"fcvta", 4 << 16, AWAY}};
    uint32_t base = (fraction ? 0x1e000000u | (uint32_t)(64 - fraction) << 10 : 0x1e200000u) | (uint32_t)wide << 31 | f->type << 22;
    char name[32], suffix[32];
    snprintf(suffix, sizeof suffix, "%c%d_%s_%d", is_signed ? 's' : 'u', wide ? 64 : 32, f->name, fraction);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (fraction && rows[i].rounding != ZERO)
            continue;
        open_test(rows[i].name, suffix, base | rows[i].bits | (uint32_t)!is_signed << 16 | 1);
        for (unsigned k = 0; k < n_wanted; k++) {
            begin_case();
            uint64_t v = any_operand(f);
            struct lanes in = {{random64(), random64()}};
            if (random64() & 1) /* around the limits of integers */
                v = (v & (sign_bit(f) | mantissa_mask(f))) |
                    from_integer(f, ZERO, (uint64_t)1 << (random64() % 64), true, false, fraction).value;
            set_lane(&in, f, 0, v);
            struct result r = to_integer(f, rows[i].rounding, v, wide, is_signed, fraction);
            put_vector("v0", in);
            fprintf(out, " -> x1=%llx fpsr=%x\n", (unsigned long long)r.value, r.flags);
        }
        fclose(out);
    }
    snprintf(name, sizeof name, "cvtf");
    open_test(name, suffix, base | 2 << 16 | (uint32_t)!is_signed << 16 | 1 << 5 | 3);
    for (unsigned k = 0; k < n_wanted; k++) {
        struct mode m = begin_case();
        uint64_t v = random64() >> (random64() % 64);
        v = random64() & 1 ? v : random64() & 1 ? ~v : ((uint64_t)1 << (random64() % 64)) + (random64() % 5 - 2);
        struct result r = from_integer(f, m.rounding, v, wide, is_signed, fraction);
        fprintf(out, " x1=%llx ->", (unsigned long long)v);
        put_vector("v3", (struct lanes){{r.value, 0}});
        fprintf(out, " fpsr=%x\n", r.flags);
    }
    fclose(out);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: vectors FOLDER SEED N\n");
        return 1;
    }
    folder = argv[1];
    state = strtoull(argv[2], NULL, 0) * 2 + 1;
    n_wanted = (unsigned)strtoul(argv[3], NULL, 0);
    n_wanted = n_wanted > MAX_CASES ? MAX_CASES : n_wanted;
    wide_range();
    for (int i = 0; i < 3; i++) {
        scalar_and_vector(&formats[i]);
        for (int j = 0; j < 3; j++)
            if (i != j)
                format_conversions(&formats[i], &formats[j]);
        for (int k = 0; k < 4; k++) {
            integer_conversions(&formats[i], k & 1, k & 2, 0);
            integer_conversions(&formats[i], k & 1, k & 2, k & 1 ? 33 : 9);
        }
    }
    return 0;
}
