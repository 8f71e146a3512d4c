/* ir_scalar.c - the meaning of integer operations: for the interpreter and for folding constants.
 */
#include "core/ir_scalar.h"

#include "core/helper.h"
#include "core/log.h"

enum { CRC32_REFLECTED = 0xedb88320, CRC32C_REFLECTED = 0x82f63b78 };

static uint64_t reverse_bits(uint64_t x)
{
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
    return __builtin_bswap64(x);
}

/* CRC with the bit order of Arm and x86: least significant bit first, no inversions. */
static uint64_t crc(uint32_t sum, uint64_t data, unsigned bytes, uint32_t polynomial)
{
    for (unsigned i = 0; i < bytes; i++) {
        sum ^= data >> 8 * i & 0xff;
        for (unsigned bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? polynomial : 0);
    }
    return sum;
}

static uint64_t sign_extend(uint64_t x, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);
    uint64_t low = x & (sign | (sign - 1));
    return (low ^ sign) - sign;
}

static uint64_t low_mask(unsigned bits)
{
    return bits >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
}

static uint64_t signed_divide(uint64_t a, uint64_t b)
{
    if (b == 0)
        return 0;
    return b == ~(uint64_t)0 ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t count_leading_zeros(uint64_t x, unsigned width)
{
    return x ? (unsigned)__builtin_clzll(x) - (64 - width) : width;
}

/* Shifts and bit fields; A is zero-extended from the width. */
static uint64_t shift(const struct ir_op *op, uint64_t a, uint64_t b, unsigned width)
{
    unsigned n = b & (width - 1);
    switch (op->op) {
    case IR_shl:
        return a << n;
    case IR_shr:
        return a >> n;
    case IR_sar:
        return (uint64_t)((int64_t)sign_extend(a, width) >> n);
    case IR_ror:
        return n ? a >> n | a << (width - n) : a;
    case IR_extr:
        return op->d ? b >> op->d | a << (width - op->d) : b;
    case IR_ubfx:
        return a >> op->aux & low_mask(op->d);
    case IR_sbfx:
        return sign_extend(a >> op->aux, op->d);
    case IR_bfi: {
        uint64_t mask = low_mask(op->d) << op->aux;
        return (a & ~mask) | (b << op->aux & mask);
    }
    default:
        bug("ir_scalar: operation %s", ir_op_info[op->op].name);
    }
}

static uint64_t bits(const struct ir_op *op, uint64_t a, unsigned width)
{
    switch (op->op) {
    case IR_bswap:
        return __builtin_bswap64(a) >> (64 - width);
    case IR_bswap16:
        return (a >> 8 & 0x00ff00ff00ff00ff) | (a & 0x00ff00ff00ff00ff) << 8;
    case IR_rbit:
        return reverse_bits(a) >> (64 - width);
    case IR_clz:
        return count_leading_zeros(a, width);
    case IR_cls: {
        uint64_t s = sign_extend(a, width);
        return count_leading_zeros((s ^ (uint64_t)((int64_t)s >> 1)) & low_mask(width), width) - 1;
    }
    case IR_ctz:
        return a ? (unsigned)__builtin_ctzll(a) : width;
    case IR_popcnt:
        return (unsigned)__builtin_popcountll(a);
    default:
        bug("ir_scalar: operation %s", ir_op_info[op->op].name);
    }
}

static uint64_t arithmetic(const struct ir_op *op, uint64_t a, uint64_t b, unsigned width)
{
    uint64_t sa = sign_extend(a, width), sb = sign_extend(b, width);
    /* clang-format off */
    switch (op->op) {
    case IR_add:    return a + b;
    case IR_sub:    return a - b;
    case IR_and:    return a & b;
    case IR_andn:   return a & ~b;
    case IR_or:     return a | b;
    case IR_orn:    return a | ~b;
    case IR_xor:    return a ^ b;
    case IR_not:    return ~a;
    case IR_neg:    return -a;
    case IR_mul:    return a * b;
    case IR_umulh:  return (uint64_t)((unsigned __int128)a * b >> 64);
    case IR_smulh:  return (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
    case IR_udiv:   return b ? a / b : 0;
    case IR_sdiv:   return signed_divide(sa, sb);
    case IR_sext8:  return sign_extend(a, 8);
    case IR_sext16: return sign_extend(a, 16);
    case IR_sext32: return sign_extend(a, 32);
    case IR_zext8:  return (uint8_t)a;
    case IR_zext16: return (uint16_t)a;
    case IR_zext32: return (uint32_t)a;
    case IR_smax:   return (int64_t)sa > (int64_t)sb ? a : b;
    case IR_smin:   return (int64_t)sa < (int64_t)sb ? a : b;
    case IR_umax:   return a > b ? a : b;
    case IR_umin:   return a < b ? a : b;
    default:        bug("ir_scalar: operation %s", ir_op_info[op->op].name);
        /* clang-format on */
    }
}

uint64_t ir_scalar(const struct ir_op *op, uint64_t a, uint64_t b)
{
    if (op->op == IR_crc32)
        return crc((uint32_t)a, b, 1u << op->aux, CRC32_REFLECTED);
    if (op->op == IR_crc32c)
        return crc((uint32_t)a, b, 1u << op->aux, CRC32C_REFLECTED);

    unsigned width = op->type == T_I32 ? 32 : 64;
    uint64_t mask = low_mask(width);
    a &= mask;
    b &= mask;
    if ((op->op >= IR_shl && op->op <= IR_extr) || (op->op >= IR_ubfx && op->op <= IR_bfi))
        return shift(op, a, b, width) & mask;
    if (op->op >= IR_bswap && op->op <= IR_popcnt)
        return bits(op, a, width) & mask;
    return arithmetic(op, a, b, width) & mask;
}

uint64_t helper_crc32(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    (void)cpu;
    return crc((uint32_t)a, b, 1u << c, CRC32_REFLECTED);
}
