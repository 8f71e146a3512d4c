#!/usr/bin/env python3
"""damage.py - change one byte of one block in a cache file, and make all checks of the file right again.

  damage.py FILE code|details|row|range|place OFFSET

Changes the first byte of the code, of the deltas or of the number of instructions of the block at OFFSET (hexadecimal) in the
guest's file, or the last one of where its guest code or its details are.
"""
import struct
import sys

MASK = (1 << 64) - 1
K0, K1, K2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93, 0xa0761d6478bd642f
SEGMENTS, TABLE = 36, 152  # where the number of segments is, and where the table of segments begins
SEGMENT, CHUNK = 64, 16 << 10  # bytes of a row of this table, and of a piece that is hashed
ENTRY, PARTS = struct.Struct("<5I7H2B"), (12, 8, 12, 16, 4)  # bytes of an exit, range, flags_at, place, bias_at


def fold(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK


def step(lane, data, at):
    first, second = struct.unpack_from("<2Q", data, at)
    lane ^= fold(first ^ K0, second ^ K1)
    return (lane << 29 | lane >> 35) * K2 & MASK


def hash_bytes(data, seed):
    n = len(data)
    a, b, whole = seed ^ K1, (seed + n) * K0 & MASK, n // 32 * 32
    data = bytes(data) + bytes(32 - n % 32)
    for at in range(0, whole + 32, 32):
        a, b = step(a, data, at), step(b, data, at + 16)
    return fold(a ^ K2, b ^ n) ^ fold(b ^ K0, (a + K1) & MASK)


def find(data, offset):
    """The row of the segment that holds the block, where the segment starts, and the block's entry."""
    n_segments = struct.unpack_from("<I", data, SEGMENTS)[0]
    for table in range(TABLE, TABLE + n_segments * SEGMENT, SEGMENT):
        start, _, entries, _, _, _, _, n_blocks = struct.unpack_from("<8I", data, table + 8)
        for row in range(start + entries, start + entries + n_blocks * ENTRY.size, ENTRY.size):
            if struct.unpack_from("<I", data, row)[0] == offset:
                return table, start, row
    sys.exit("no block at 0x%x" % offset)


def main():
    path, what, offset = sys.argv[1], sys.argv[2], int(sys.argv[3], 16)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    table, start, row = find(data, offset)
    size, _, _, _, details = struct.unpack_from("<5I", data, table + 12)
    e = ENTRY.unpack_from(data, row)
    n_exits, n_ranges, n_flags, n_places, n_bias = e[5], e[7], e[8], e[9], e[10]
    deltas = sum(n * size for n, size in zip((n_exits, n_ranges, n_flags, n_places, n_bias), PARTS))
    first = start + details + e[4]
    at = {"code": start + e[2], "details": first + deltas, "row": row + 22, "range": first + n_exits * PARTS[0] + 3,
          "place": row + 19}[what]
    data[at] ^= 1
    check = 0
    for piece in range(start, start + size, CHUNK):
        check = hash_bytes(data[piece:min(piece + CHUNK, start + size)], check)
    check = hash_bytes(data[table + 8:table + SEGMENT], check)
    struct.pack_into("<Q", data, table, check)
    end = TABLE + 24 * SEGMENT
    struct.pack_into("<Q", data, end, hash_bytes(data[:end], 0))
    with open(path, "wb") as f:
        f.write(data)


main()
