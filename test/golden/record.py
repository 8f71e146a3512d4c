#!/usr/bin/env python3
"""record.py - write test/golden/aarch64/NAME.test for the patterns of arch/aarch64/*.decode.

  record.py [-judge COMMAND] [-work DIR] [-all] [NAME...]

Expected values are what the judge (qemu-aarch64-static) leaves when it runs test/fuzz/oracle.c. Every row of a pattern gets a few
encodings, every encoding a few operands; what an instruction reads is found by changing one register at a time.
Without names or -all only missing files are written. Files of other origin (no "recorded" line) are left alone.
"""
import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fuzz"))
import a64
import golden_text
from exceptions import JUDGE_KEYS, NOT_RECORDED, SEQUENCES

BASE, MEMORY = 48, 112          # offset of the access, bytes of memory given
FPCR_TRIED = [0x00400000, 0x00800000, 0x00c00000, 0x01000000, 0x02000000, 0x04000000, 0x00080000]


PAUTH = ("paca", "pacg")


class Recorder:
    def __init__(self, judge, oracle):
        self.command = shlex.split(judge) + [oracle]

    def run(self, cases):
        out = []
        for k in range(0, len(cases), a64.SLOTS):
            part = cases[k:k + a64.SLOTS]
            blob = a64.run(self.command, b"".join(a64.pack(c) for c in part))
            out += [a64.unpack(blob[i * a64.RESULT_SIZE:(i + 1) * a64.RESULT_SIZE]) for i in range(len(part))]
        return out


def get(case, name):
    if name == "sp" or name in ("nzcv", "fpcr", "fpsr"):
        return case[name]
    k = int(name[1:])
    return case["x"][k] if name[0] == "x" else (case["v"][2 * k], case["v"][2 * k + 1])


def put(case, name, value):
    """A copy of CASE with one register changed."""
    if name == "sp" or name in ("nzcv", "fpcr", "fpsr"):
        return dict(case, **{name: value})
    k, kind = int(name[1:]), name[0]
    new = list(case[kind])
    if kind == "x":
        new[k] = value
    else:
        new[2 * k:2 * k + 2] = value
    return dict(case, **{kind: new})


REGISTERS = [f"x{k}" for k in range(31)] + ["sp"] + [f"v{k}" for k in range(32)] + ["nzcv", "fpcr", "fpsr"]


def pauth_key(i):
    """Name of the key that an instruction of pointer authentication uses, or "" (Arm ARM, Top-level encodings)."""
    if a64.bits(i, 31, 16) == 0b1101101011000001 and a64.bits(i, 15, 14) == 0:
        return ("ia", "ib", "da", "db")[a64.bits(i, 11, 10)]
    if i & 0xffe0fc00 == 0x9ac03000:
        return "ga"
    if i & 0xfffffd1f == 0xd503211f and not i & 0x20 or i & 0xffffff1f == 0xd503231f:
        return ("ia", "ib")[a64.bits(i, 6, 6)]
    if i & 0xfe9ff800 == 0xd61f0800:
        return ("ia", "ib")[a64.bits(i, 10, 10)]
    if i & 0xff200400 == 0xf8200400:
        return ("da", "db")[a64.bits(i, 23, 23)]
    return ""


def key_words(insns):
    """What a case says about the keys of the judge."""
    keys = sorted({pauth_key(i) for i in insns} - {""})
    return "".join(f"ap{k}key{half}={JUDGE_KEYS[k][half]:x} " for k in keys for half in ("lo", "hi"))


def changed(case, result):
    return {n: get(result, n) for n in REGISTERS if get(result, n) != get(case, n)}


def visible(case, result, without):
    """What a run changed, but for one register."""
    now = changed(case, result)
    now.pop(without, None)
    return now, result["memory"], result["signal"], result["pc"]


def candidates(insns):
    """Registers that an instruction may read, from the places where encodings name registers."""
    names = set()
    for i in insns:
        for low in (0, 5, 10, 16):
            k = i >> low & 31
            if k < 31:
                names.add(f"x{k}")
            for j in range(4):
                names.add(f"v{(k + j) % 32}")
        if pauth_key(i) or i == 0xd50320ff:  # XPACLRI
            names.update(("x16", "x17", "x30", "sp"))
        names.add(f"x{((i >> 16 & 31) + 1) % 31}")
        names.add(f"x{((i & 31) + 1) % 31}")
        names.add(f"v{i >> 16 & 15}")
        if a64.is_memory(i) and i >> 5 & 31 == 31:
            names.add("sp")
        if i >> 5 & 31 == 31 or i & 31 == 31:
            names.add("sp")
    return sorted(names) + ["nzcv", "fpcr", "fpsr"]


def shape_memory(rnd, i):
    """Small offsets, a base and an index that are not the data; None where the encoding cannot be used."""
    field = lambda word, low, width, value: word & ~(((1 << width) - 1) << low) | (value & (1 << width) - 1) << low
    if a64.is_literal_load(i):
        return field(i, 5, 19, rnd.choice([1, 2])), None, None
    base = rnd.choice([8, 9, 10, 31])
    i = field(i, 5, 5, base)
    index = None
    if a64.bits(i, 29, 27) == 7 and a64.bits(i, 24, 24) == 1:
        i = field(i, 10, 12, rnd.randrange(3))
    elif a64.bits(i, 29, 27) == 7 and a64.bits(i, 24, 24) == 0 and a64.bits(i, 21, 21) and a64.bits(i, 11, 10) == 2:
        index = rnd.choice([11, 12])
        i = field(i, 16, 5, index)
    elif a64.bits(i, 29, 27) == 7 and not a64.bits(i, 24, 24) and not a64.bits(i, 21, 21):
        i = field(i, 12, 9, rnd.randrange(-24, 24))
    elif a64.bits(i, 29, 24) == 0b011001 and not a64.bits(i, 21, 21):
        i = field(i, 12, 9, rnd.choice([-16, 0, 8, 16]))
    elif a64.is_pair(i):
        i = field(i, 15, 7, rnd.randrange(-2, 2))
    elif a64.bits(i, 29, 24) in (0b001100, 0b001101) and a64.bits(i, 23, 23) and a64.bits(i, 20, 16) != 31:
        index = rnd.choice([11, 12])
        i = field(i, 16, 5, index)
    return i, base, index


def draw_case(rnd, generator, pattern, zero_ignored):
    """One encoding of PATTERN in a machine state, or None."""
    i = pattern.match | rnd.getrandbits(32) & ~(pattern.mask | pattern.ignored)
    if not zero_ignored:
        i |= pattern.ignored
    base = index = None
    if a64.is_memory(i):
        i, base, index = shape_memory(rnd, i)
        if i is None:
            return None
    elif a64.is_system(i) and pattern.name in ("mrs", "msr"):
        i = i & ~(0xffff << 5) | rnd.choice(a64.SYSTEM_REGISTERS)[0] << 5
    elif a64.is_branch(i) and not a64.is_indirect(i):
        field, width = (0, 26) if a64.bits(i, 30, 26) == 5 else (5, 14) if a64.bits(i, 30, 25) == 0b011011 else (5, 19)
        i = i & ~(((1 << width) - 1) << field) | 2 << field
    if a64.unpredictable(i) or a64.is_indirect(i) and i >> 5 & 31 == 31:
        return None
    insns = [i]
    if a64.is_branch(i):
        insns = [i, 0xd2800540 | 20, 0x91000400 | 21 << 5 | 21]  # movz x20, #42; add x21, x21, #1
    elif a64.is_memory(i) and a64.is_literal_load(i):
        insns = [i] + [0x91000400 | k << 5 | k for k in range(20, 25)]
    return fill(rnd, generator, insns, base, index, pattern.name == "msr")


def fill(rnd, generator, insns, base, index, system):
    case = {"insns": insns, "names": [], "x": [rnd.choice(generator.x_pool) or 3 for _ in range(31)],
            "sp": a64.SCRATCH + 2048, "nzcv": rnd.randrange(16) << 28, "fpcr": 0, "fpsr": 0,
            "v": rnd.choices(generator.v_pool, k=64), "target": None,
            "memory": bytes(rnd.getrandbits(8) for _ in range(MEMORY)) + bytes(a64.SCRATCH_SIZE - MEMORY)}
    if rnd.randrange(5) == 0 and a64.is_fp(insns[0]) and not a64.is_memory(insns[0]):
        case["fpcr"] = rnd.choice(FPCR_TRIED)
    if system:
        case["x"] = [v & 0x07c80000 for v in case["x"]]
    if a64.is_indirect(insns[0]):
        case = put(case, f"x{insns[0] >> 5 & 31}", a64.CODE + 32 + 8)
    if base is not None:
        case = put(case, "sp" if base == 31 else f"x{base}", a64.SCRATCH + BASE)
    if index is not None:
        case = put(case, f"x{index}", rnd.choice([0, 1, 2, 0xffffffff00000001]))
    return case


def new_operands(rnd, generator, case, base, index):
    """The same encoding with other values."""
    return fill(rnd, generator, case["insns"], base, index, False)


def describe(recorder, rnd, cases):
    """For each case None or [case, names read, result]; found by running it with one register changed at a time."""
    runs, plan = [], []
    for case in cases:
        maybe = candidates(case["insns"])
        other = dict(case)
        other["x"] = [v if f"x{k}" in maybe else rnd.getrandbits(64) for k, v in enumerate(case["x"])]
        other["v"] = [v if f"v{k // 2}" in maybe else rnd.getrandbits(64) for k, v in enumerate(case["v"])]
        variants = [("", case), ("", other)]
        for n in maybe:
            if n == "nzcv":
                variants += [(n, put(case, n, case[n] ^ bits << 28)) for bits in (1, 2, 4, 8, 15)]
            elif n == "fpcr":
                variants += [(n, put(case, n, case[n] ^ bits)) for bits in FPCR_TRIED]
            elif n == "fpsr":
                variants.append((n, put(case, n, 0x0800009f)))
            elif n == "sp":
                variants.append((n, put(case, n, a64.SCRATCH + 1024)))
            elif n[0] == "x":
                variants += [(n, put(case, n, rnd.getrandbits(64))), (n, put(case, n, get(case, n) ^ 1))]
            else:
                variants.append((n, put(case, n, (rnd.getrandbits(64), rnd.getrandbits(64)))))
                variants.append((n, put(case, n, tuple(~v & a64.M64 for v in get(case, n)))))
        plan.append((case, variants))
        runs += [v for _, v in variants]
    results = iter(recorder.run(runs))
    described = []
    for case, variants in plan:
        got = [(n, c, next(results)) for n, c in variants]
        first = got[0][2]
        written = set(changed(case, first)) | set(changed(got[1][1], got[1][2]))
        for n, c, r in got[2:]:
            if get(c, n) != get(r, n) and n not in written and get(r, n) == get(first, n) and get(first, n) == get(case, n):
                written.add(n)  # written, with the value it happened to have
        if visible(got[1][1], got[1][2], "") != visible(case, first, "") or first["signal"]:
            described.append(None)  # reads something that is no candidate
            continue
        read = set()
        for n, c, r in got[2:]:
            # A register that is not written keeps what it was given, and a sticky flag stays set: no inputs.
            kept = get(c, n) == get(r, n) and get(case, n) == get(first, n) and n not in written
            sticky = n == "fpsr" and get(r, n) & ~get(c, n) == get(first, n) & ~get(c, n)
            skip = n if kept or sticky else ""
            if visible(c, r, skip) != visible(case, first, skip):
                read.add(n)
        if case["fpcr"]:
            read.add("fpcr")
        # An address is named even where the access does not happen (a failing exclusive store).
        for i in case["insns"]:
            if a64.is_memory(i) and not a64.is_literal_load(i):
                read.add("sp" if i >> 5 & 31 == 31 else f"x{i >> 5 & 31}")
        described.append(poisoned(case, read))
    found = [d for d in described if d]
    for d, result in zip(found, recorder.run([d[0] for d in found])):
        d.append(result)
    return described


def poisoned(case, read):
    """[case as the checker sets it up, names]: what the text does not name holds the checker's pattern (applets/check_read.c)."""
    low = lambda k: 0xb5a6978800000000 + k * 0x01010101
    high = lambda k: 0x4b5c6d7e90a1b2c3 + k & a64.M64
    x = [v if f"x{k}" in read else low(k) for k, v in enumerate(case["x"])]
    v = [v if f"v{k // 2}" in read else (high if k & 1 else low)(32 + k // 2) for k, v in enumerate(case["v"])]
    new = dict(case, x=x, v=v)
    for name, value in (("sp", a64.SCRATCH + 2048), ("nzcv", 0), ("fpcr", 0), ("fpsr", 0)):
        if name not in read:
            new[name] = value
    return [new, sorted(read, key=REGISTERS.index)]


def line_of(case, read, result):
    return "case  " + key_words(case["insns"]) + " ".join(golden_text.left_side(case, read)) + " -> " + \
        " ".join(golden_text.right_side(case, result))


def uses_memory(insns):
    return any(a64.is_memory(i) for i in insns)


def record_pattern(recorder, patterns, name):
    """The text of one file, or None."""
    rnd = random.Random(zlib.crc32(name.encode()))
    generator = a64.Generator(rnd, patterns)
    rows = [p for p in patterns if p.name == name]
    per_row = 4 if len(rows) == 1 else 3 if len(rows) <= 3 else 2
    groups = []
    for row in rows:
        groups += encodings(recorder, rnd, generator, row, per_row)
    if not groups:
        return None
    version = subprocess.run(recorder.command[:1] + ["--version"], stdout=subprocess.PIPE, text=True).stdout.split()
    lines = [f"# {name}: recorded from qemu-user {version[2] if len(version) > 2 else '?'}", "guest aarch64"]
    if rows[0].feature in PAUTH:
        lines.append("cpu   max,pauth=on")
    memory = groups[0][0]["memory"] if uses_memory(groups[0][0]["insns"]) else None
    if memory:
        lines.append("mem   " + memory[:MEMORY].hex())
        groups = [(dict(first, memory=memory), base, index) for first, base, index in groups]
    for first, base, index in groups:
        cases = [first] + [dict(new_operands(rnd, generator, first, base, index), memory=first["memory"]) for _ in range(2)]
        if name == "msr":
            cases = [put(c, f"x{first['insns'][0] & 31}", rnd.getrandbits(32) &
                         dict(a64.SYSTEM_REGISTERS)[first["insns"][0] >> 5 & 0xffff]) if first["insns"][0] & 31 < 31 else c
                     for c in cases]
        if rows[0].feature in PAUTH:
            # For 0...1... (bits 63 and 55) the manual looks at bit 55, the judge at bit 63 (Arm ARM, AddPAC, with TBI0 = 1).
            cases = [dict(c, x=[v | (v & 1 << 55) << 8 for v in c["x"]]) for c in cases]
        found = [line_of(*d) for d in describe(recorder, rnd, cases) if d]
        found = [line for line in found if line.split() != ["case", "->"]] or found[:1]
        if found:
            listing = a64.disassemble(first["insns"])
            lines.append("code  " + " ".join(f"{i:08x}" for i in first["insns"]) + "   # " +
                         "; ".join(" ".join(l.split()[1:]) for l in listing))
            lines += list(dict.fromkeys(found))
    return "\n".join(lines) + "\n" if any(l.startswith("case") for l in lines) else None


def encodings(recorder, rnd, generator, row, wanted):
    """Up to WANTED encodings of a row that the judge executes."""
    tries = []
    for k in range(80):
        c = draw_case(rnd, generator, row, k % 2 == 0)
        if c:
            i = c["insns"][0]
            base = index = None
            if a64.is_memory(i) and not a64.is_literal_load(i):
                base = i >> 5 & 31
                m = i >> 16 & 31
                structure = a64.bits(i, 29, 24) in (0b001100, 0b001101) and a64.bits(i, 23, 23) and m != 31
                by_register = a64.bits(i, 29, 27) == 7 and not a64.bits(i, 24, 24) and a64.bits(i, 21, 21) and \
                    a64.bits(i, 11, 10) == 2
                index = m if structure or by_register else None
            tries.append((c, base, index))
    out = []
    for (c, base, index), r in zip(tries, recorder.run([t[0] for t in tries])):
        if not r["signal"] and len(out) < wanted and all(c["insns"] != o[0]["insns"] for o in out):
            out.append((c, base, index))
    return out


def assemble(text):
    """Instruction words of assembler text, by the cross assembler."""
    with tempfile.TemporaryDirectory() as d:
        source, obj, binary = (os.path.join(d, n) for n in ("a.s", "a.o", "a.bin"))
        with open(source, "w") as f:
            f.write(".arch armv8.5-a+crypto+sha3+fp16\n" + text.replace(";", "\n") + "\n")
        subprocess.run(["aarch64-linux-gnu-as", "-o", obj, source], check=True)
        subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", obj, binary], check=True)
        data = open(binary, "rb").read()
    return [int.from_bytes(data[k:k + 4], "little") for k in range(0, len(data), 4)]


def record_sequence(recorder, patterns, name, title, rows):
    """A file of sequences: rows of (assembler text, list of register settings)."""
    rnd = random.Random(zlib.crc32(name.encode()))
    memory = bytes(rnd.getrandbits(8) for _ in range(MEMORY)) + bytes(a64.SCRATCH_SIZE - MEMORY)
    lines = [f"# {title}: recorded from qemu-user", "guest aarch64", "mem   " + memory[:MEMORY].hex()]
    for text, settings in rows:
        insns = assemble(text)
        if any(map(pauth_key, insns)) and "cpu   max,pauth=on" not in lines:
            lines.insert(2, "cpu   max,pauth=on")
        lines.append("code  " + " ".join(f"{i:08x}" for i in insns) + "   # " + text)
        for setting in settings:
            case = dict(a64.empty_case(insns), memory=memory)
            for n, v in setting.items():
                case = put(case, n, v)
            case, names = poisoned(case, set(setting))
            lines.append(line_of(case, names, recorder.run([case])[0]))
    return "\n".join(lines) + "\n"


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("-judge", default="qemu-aarch64-static -cpu max,sve=off,sme=off,pauth=off")
    p.add_argument("-pauth-judge", default="qemu-aarch64-static -seed 1 -cpu max,sve=off,sme=off")
    p.add_argument("-work", default=tempfile.gettempdir())
    p.add_argument("-all", action="store_true")
    p.add_argument("names", nargs="*")
    args = p.parse_args()
    oracle = a64.build_oracle(args.work)
    plain, signing = Recorder(args.judge, oracle), Recorder(args.pauth_judge, oracle)
    patterns = a64.read_patterns()
    folder = os.path.join(HERE, "aarch64")
    jobs = {name: None for name in dict.fromkeys(q.name for q in patterns)}
    jobs.update({name: rows for name, *rows in SEQUENCES})
    for name, sequence in jobs.items():
        path = os.path.join(folder, name + ".test")
        if args.names and name not in args.names or not args.names and not args.all and os.path.exists(path):
            continue
        if os.path.exists(path) and "recorded from" not in open(path).readline():
            continue
        rows = [q for q in patterns if q.name == name]
        recorder = signing if name == "seq_pauth" or rows and rows[0].feature in PAUTH else plain
        if sequence:
            text = record_sequence(recorder, patterns, name, *sequence)
        elif name in NOT_RECORDED:
            continue
        else:
            text = record_pattern(recorder, patterns, name)
        if text is None:
            print(f"{name}: the judge executes no encoding of it", file=sys.stderr)
            continue
        with open(path, "w") as f:
            f.write(text)
    return 0


sys.exit(main())
