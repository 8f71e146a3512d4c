/* eval_crypto.c - out-of-line AES, SHA, SM3 and SM4 operations (Arm ARM, the instruction of the
 * same name). */
#include "core/eval_impl.h"

// clang-format off
static const uint8_t aes_sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t sm4_sbox[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};
// clang-format on

EVAL_INLINE uint32_t rol32(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

EVAL_INLINE uint32_t ror32(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

EVAL_INLINE uint64_t ror64(uint64_t x, unsigned n)
{
    return n ? x >> n | x << (64 - n) : x;
}

EVAL_INLINE uint64_t choose(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) ^ (~x & z);
}

EVAL_INLINE uint64_t majority(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

/* -- AES -- */

void ev_aese(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 16; i++) {
        const unsigned from = (i + 4 * (i % 4)) % 16;
        d->u8[i] = aes_sbox[a->u8[from] ^ b->u8[from]];
    }
}

static uint8_t inverse_sbox(uint8_t y)
{
    unsigned x = 0;
    while (aes_sbox[x] != y)
        x++;
    return (uint8_t)x;
}

void ev_aesd(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 16; i++) {
        const unsigned from = (i + 16 - 4 * (i % 4)) % 16;
        d->u8[i] = inverse_sbox(a->u8[from] ^ b->u8[from]);
    }
}

/* Product in the field of AES. */
static uint8_t aes_multiply(unsigned x, unsigned y)
{
    unsigned r = 0;
    for (; y; y >>= 1) {
        r ^= y & 1 ? x : 0;
        x = x << 1 ^ (x & 0x80 ? 0x11b : 0);
    }
    return (uint8_t)r;
}

static void mix_columns(union vec *d, const union vec *a, const uint8_t factor[4])
{
    for (unsigned i = 0; i < 16; i++) {
        uint8_t sum = 0;
        for (unsigned k = 0; k < 4; k++)
            sum ^= aes_multiply(a->u8[(i & ~3u) + (i + k) % 4], factor[k]);
        d->u8[i] = sum;
    }
}

void ev_aesmc(EVAL_PARAMS)
{
    mix_columns(d, a, (const uint8_t[]){2, 3, 1, 1});
}

void ev_aesimc(EVAL_PARAMS)
{
    mix_columns(d, a, (const uint8_t[]){14, 11, 13, 9});
}

/* -- SHA-1: a = hash words, b = fifth word, c = schedule -- */

enum sha1_function { SHA1_CHOOSE, SHA1_PARITY, SHA1_MAJORITY };

static void sha1_rounds(union vec *d, const union vec *a, const union vec *b, const union vec *c,
                        enum sha1_function function)
{
    uint32_t x[4] = {a->u32[0], a->u32[1], a->u32[2], a->u32[3]}, y = b->u32[0];
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t t = function == SHA1_CHOOSE   ? (uint32_t)choose(x[1], x[2], x[3])
                           : function == SHA1_PARITY ? x[1] ^ x[2] ^ x[3]
                                                     : (uint32_t)majority(x[1], x[2], x[3]);
        const uint32_t first = y + rol32(x[0], 5) + t + c->u32[i];
        y = x[3];
        x[3] = x[2];
        x[2] = rol32(x[1], 30);
        x[1] = x[0];
        x[0] = first;
    }
    memcpy(d->u32, x, sizeof(x));
}

void ev_sha1c(EVAL_PARAMS)
{
    sha1_rounds(d, a, b, c, SHA1_CHOOSE);
}

void ev_sha1p(EVAL_PARAMS)
{
    sha1_rounds(d, a, b, c, SHA1_PARITY);
}

void ev_sha1m(EVAL_PARAMS)
{
    sha1_rounds(d, a, b, c, SHA1_MAJORITY);
}

void ev_sha1h(EVAL_PARAMS)
{
    memset(d, 0, sizeof(*d));
    d->u32[0] = rol32(a->u32[0], 30);
}

void ev_sha1su0(EVAL_PARAMS)
{
    d->u64[0] = a->u64[1] ^ a->u64[0] ^ c->u64[0];
    d->u64[1] = b->u64[0] ^ a->u64[1] ^ c->u64[1];
}

void ev_sha1su1(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = rol32(a->u32[i] ^ (i < 3 ? b->u32[i + 1] : 0), 1);
    d->u32[3] ^= rol32(a->u32[0] ^ b->u32[1], 2);
}

/* -- SHA-256 -- */

static void sha256_rounds(union vec *d, const union vec *abcd, const union vec *efgh,
                          const union vec *w, bool first)
{
    uint32_t x[4], y[4];
    memcpy(x, abcd->u32, sizeof(x));
    memcpy(y, efgh->u32, sizeof(y));
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t t = y[3] + (ror32(y[0], 6) ^ ror32(y[0], 11) ^ ror32(y[0], 25)) +
                           (uint32_t)choose(y[0], y[1], y[2]) + w->u32[i];
        const uint32_t e = x[3] + t;
        const uint32_t start = t + (ror32(x[0], 2) ^ ror32(x[0], 13) ^ ror32(x[0], 22)) +
                               (uint32_t)majority(x[0], x[1], x[2]);
        memmove(x + 1, x, 3 * sizeof(x[0]));
        memmove(y + 1, y, 3 * sizeof(y[0]));
        x[0] = start;
        y[0] = e;
    }
    memcpy(d->u32, first ? x : y, sizeof(x));
}

void ev_sha256h(EVAL_PARAMS)
{
    sha256_rounds(d, a, b, c, true);
}

void ev_sha256h2(EVAL_PARAMS)
{
    sha256_rounds(d, b, a, c, false);
}

void ev_sha256su0(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t x = i < 3 ? a->u32[i + 1] : b->u32[0];
        d->u32[i] = a->u32[i] + (ror32(x, 7) ^ ror32(x, 18) ^ x >> 3);
    }
}

void ev_sha256su1(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t x = i < 2 ? c->u32[i + 2] : d->u32[i - 2];
        const uint32_t y = i < 3 ? b->u32[i + 1] : c->u32[0];
        d->u32[i] = a->u32[i] + y + (ror32(x, 17) ^ ror32(x, 19) ^ x >> 10);
    }
}

/* -- SHA-512, SHA-3 -- */

static uint64_t sha512_sigma1(uint64_t x)
{
    return ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41);
}

static uint64_t sha512_sigma0(uint64_t x)
{
    return ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39);
}

void ev_sha512h(EVAL_PARAMS)
{
    const uint64_t y1 = c->u64[1], x0 = b->u64[0], x1 = b->u64[1];
    const uint64_t high = choose(y1, x0, x1) + sha512_sigma1(y1) + a->u64[1];
    const uint64_t sum = high + c->u64[0];
    d->u64[1] = high;
    d->u64[0] = choose(sum, y1, x0) + sha512_sigma1(sum) + a->u64[0];
}

void ev_sha512h2(EVAL_PARAMS)
{
    const uint64_t y0 = c->u64[0], y1 = c->u64[1], x0 = b->u64[0];
    const uint64_t high = majority(x0, y1, y0) + sha512_sigma0(y0) + a->u64[1];
    d->u64[1] = high;
    d->u64[0] = majority(high, y0, y1) + sha512_sigma0(high) + a->u64[0];
}

void ev_sha512su0(EVAL_PARAMS)
{
    const uint64_t x[2] = {a->u64[1], b->u64[0]};
    for (unsigned i = 0; i < 2; i++)
        d->u64[i] = a->u64[i] + (ror64(x[i], 1) ^ ror64(x[i], 8) ^ x[i] >> 7);
}

void ev_sha512su1(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t x = b->u64[i];
        d->u64[i] = a->u64[i] + (ror64(x, 19) ^ ror64(x, 61) ^ x >> 6) + c->u64[i];
    }
}

void ev_xar(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 2; i++)
        d->u64[i] = ror64(a->u64[i] ^ b->u64[i], desc_d(desc));
}

void ev_rax1(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 2; i++)
        d->u64[i] = a->u64[i] ^ ror64(b->u64[i], 63);
}

/* -- SM3 -- */

void ev_sm3partw1(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t x = a->u32[i] ^ b->u32[i] ^ rol32(i < 3 ? c->u32[i + 1] : d->u32[0], 15);
        d->u32[i] = x ^ rol32(x, 15) ^ rol32(x, 23);
    }
}

void ev_sm3partw2(EVAL_PARAMS)
{
    for (unsigned i = 0; i < 4; i++)
        d->u32[i] = a->u32[i] ^ b->u32[i] ^ rol32(c->u32[i], 7);
    const uint32_t x = rol32(b->u32[0] ^ rol32(c->u32[0], 7), 15);
    d->u32[3] ^= x ^ rol32(x, 15) ^ rol32(x, 23);
}

void ev_sm3ss1(EVAL_PARAMS)
{
    memset(d, 0, sizeof(*d));
    d->u32[3] = rol32(rol32(a->u32[3], 12) + b->u32[3] + c->u32[3], 7);
}

void ev_sm3tt(EVAL_PARAMS)
{
    enum { TT1A, TT1B, TT2A, TT2B };
    const unsigned kind = desc_aux(desc);
    const uint32_t x = a->u32[3], y = a->u32[2], z = a->u32[1];
    uint32_t t = a->u32[0] + c->u32[desc_d(desc)];

    if (kind == TT1B)
        t += (uint32_t)majority(x, y, z);
    else if (kind == TT2B)
        t += (uint32_t)choose(x, y, z);
    else
        t += x ^ y ^ z;
    if (kind <= TT1B) {
        t += b->u32[3] ^ rol32(x, 12);
    } else {
        t += b->u32[3];
        t ^= rol32(t, 9) ^ rol32(t, 17);
    }
    d->u32[0] = z;
    d->u32[1] = rol32(y, kind <= TT1B ? 9 : 19);
    d->u32[2] = x;
    d->u32[3] = t;
}

/* -- SM4 -- */

static void sm4_rounds(union vec *d, const union vec *state, const union vec *key, bool expand)
{
    *d = *state;
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t in = d->u32[3] ^ d->u32[2] ^ d->u32[1] ^ key->u32[i];
        uint32_t x = 0;
        for (unsigned shift = 0; shift < 32; shift += 8)
            x |= (uint32_t)sm4_sbox[in >> shift & 0xff] << shift;
        if (expand)
            x ^= rol32(x, 13) ^ rol32(x, 23);
        else
            x ^= rol32(x, 2) ^ rol32(x, 10) ^ rol32(x, 18) ^ rol32(x, 24);
        x ^= d->u32[0];
        memmove(d->u32, d->u32 + 1, 3 * sizeof(d->u32[0]));
        d->u32[3] = x;
    }
}

void ev_sm4e(EVAL_PARAMS)
{
    sm4_rounds(d, a, b, false);
}

void ev_sm4ekey(EVAL_PARAMS)
{
    sm4_rounds(d, a, b, true);
}
