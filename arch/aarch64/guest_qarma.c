/* guest_qarma.c - QARMA-64 with five rounds and the S-box sigma2.
 *
 * R. Avanzi, "The QARMA Block Cipher Family"; Arm ARM, ComputePAC. A state is sixteen cells of four bits; cell 0 is the
 * most significant. Here each cell has a byte of a vector, so that permutations of cells, substitution of cells and
 * their rotation are one shuffle each. */
#include "arch/aarch64/guest_qarma.h"

#ifdef __x86_64__
#define WITH_SHUFFLES __attribute__((target("ssse3"))) /* part of what the translator asks of its host */
#else
#define WITH_SHUFFLES
#endif

typedef uint8_t cells __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

enum { ROUNDS = 5 };

/* clang-format off */
static const cells round_constant[ROUNDS] = { /* digits of pi */
    {0},
    {0x1, 0x3, 0x1, 0x9, 0x8, 0xa, 0x2, 0xe, 0x0, 0x3, 0x7, 0x0, 0x7, 0x3, 0x4, 0x4},
    {0xa, 0x4, 0x0, 0x9, 0x3, 0x8, 0x2, 0x2, 0x2, 0x9, 0x9, 0xf, 0x3, 0x1, 0xd, 0x0},
    {0x0, 0x8, 0x2, 0xe, 0xf, 0xa, 0x9, 0x8, 0xe, 0xc, 0x4, 0xe, 0x6, 0xc, 0x8, 0x9},
    {0x4, 0x5, 0x2, 0x8, 0x2, 0x1, 0xe, 0x6, 0x3, 0x8, 0xd, 0x0, 0x1, 0x3, 0x7, 0x7},
};
static const cells alpha = {0xc, 0x0, 0xa, 0xc, 0x2, 0x9, 0xb, 0x7, 0xc, 0x9, 0x7, 0xc, 0x5, 0x0, 0xd, 0xd};

static const cells substitute         = {11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10};
static const cells substitute_inverse = {5, 14, 13, 8, 10, 11, 1, 9, 2, 6, 15, 0, 4, 12, 7, 3};
static const cells permute            = {0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2};
static const cells permute_inverse    = {0, 5, 15, 10, 13, 8, 2, 7, 11, 14, 4, 1, 6, 3, 9, 12};
static const cells permute_tweak      = {6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11};
/* A linear-feedback shift register steps these cells of the tweak: b3 b2 b1 b0 -> b0^b1 b3 b2 b1. */
static const cells step               = {0, 8, 9, 1, 2, 10, 11, 3, 4, 12, 13, 5, 6, 14, 15, 7};
static const cells stepped            = {15, 15, 0, 15, 15, 0, 0, 0, 15, 0, 0, 15, 0, 15, 0, 0};
static const cells rotate_1           = {0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15};
static const cells rotate_2           = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
static const cells next_row           = {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3};
static const cells second_row         = {8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7};
static const cells third_row          = {12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
/* Bytes of the high digits (first half) and low digits of a little-endian number, most significant first. */
static const cells interleave         = {7, 15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8};
static const cells separate           = {14, 12, 10, 8, 6, 4, 2, 0, 15, 13, 11, 9, 7, 5, 3, 1};
/* clang-format on */

WITH_SHUFFLES static inline cells split(uint64_t value)
{
    const uint64_t low_digits = 0x0f0f0f0f0f0f0f0f;
    const halves digits = {value >> 4 & low_digits, value & low_digits};
    return __builtin_shuffle((cells)digits, interleave);
}

WITH_SHUFFLES static inline uint64_t join(cells c)
{
    const halves digits = (halves)__builtin_shuffle(c, separate);
    return digits[0] << 4 | digits[1];
}

/* Multiply the columns by the circulant matrix (0, r, r^2, r), r being the rotation of a cell. */
WITH_SHUFFLES static inline cells mix(cells c)
{
    cells once = __builtin_shuffle(rotate_1, c), twice = __builtin_shuffle(rotate_2, c);
    return __builtin_shuffle(once, next_row) ^ __builtin_shuffle(twice, second_row) ^ __builtin_shuffle(once, third_row);
}

WITH_SHUFFLES uint64_t a64_qarma5(uint64_t data, uint64_t modifier, uint64_t high, uint64_t low)
{
    const cells whitening = split(high), key = split(low);
    const cells whitening_end = split((high >> 1 | high << 63) ^ high >> 63);
    cells tweak[ROUNDS + 1] = {split(modifier)};
    for (unsigned i = 0; i < ROUNDS; i++) {
        cells t = __builtin_shuffle(tweak[i], permute_tweak);
        tweak[i + 1] = (t & ~stepped) | (__builtin_shuffle(step, t) & stepped);
    }

    cells c = split(data) ^ whitening;
    for (unsigned i = 0; i < ROUNDS; i++) {
        c ^= key ^ tweak[i] ^ round_constant[i];
        if (i)
            c = mix(__builtin_shuffle(c, permute));
        c = __builtin_shuffle(substitute, c);
    }
    c ^= whitening_end ^ tweak[ROUNDS];
    c = __builtin_shuffle(substitute, mix(__builtin_shuffle(c, permute)));

    c = mix(__builtin_shuffle(c, permute)) ^ key; /* the reflector */
    c = __builtin_shuffle(c, permute_inverse);

    c = __builtin_shuffle(mix(__builtin_shuffle(substitute_inverse, c)), permute_inverse);
    c ^= whitening ^ tweak[ROUNDS];
    for (unsigned i = ROUNDS; i-- > 0;) {
        c = __builtin_shuffle(substitute_inverse, c);
        if (i)
            c = __builtin_shuffle(mix(c), permute_inverse);
        c ^= key ^ alpha ^ tweak[i] ^ round_constant[i];
    }
    return join(c ^ whitening_end);
}
