"""a64.py - random A64 instructions and machine states, and a way to run them.

Patterns come from the .decode files, so a new row is fuzzed without any change here. What an instruction does with
its registers is told from the encoding (Arm ARM, "Top-level encodings for A64"), not from names.
"""
import glob
import os
import re
import struct
import subprocess

SCRATCH, SCRATCH_SIZE, CODE, SLOT, SLOTS = 0x10000000, 4096, 0x20000000, 256, 4096
CASE_HEAD = struct.Struct("<2I32I31Q4Q64Q")
RESULT_HEAD = struct.Struct("<2I2Q31Q4Q64Q")
CASE_SIZE, RESULT_SIZE = CASE_HEAD.size + SCRATCH_SIZE, RESULT_HEAD.size + SCRATCH_SIZE
NOP = 0xd503201f
M64 = (1 << 64) - 1
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SIGNALS = {4: "SIGILL", 5: "SIGTRAP", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV"}


class Pattern:
    def __init__(self, name, mask, match, ignored, feature, line):
        self.name, self.mask, self.match = name, mask, match
        self.ignored, self.feature, self.line = ignored, feature, line


def parse_bits(tokens):
    """(width, mask, match, ignored) of the bit tokens of a row."""
    text = ""
    for token in tokens:
        m = re.fullmatch(r"([A-Za-z_]\w*):s?(\d+)", token)
        text += "." * int(m.group(2)) if m else token
    width = len(text)
    value = lambda chars: int("0" + "".join("1" if c in chars else "0" for c in text), 2)
    return width, value("01"), value("1"), value("-")


def is_bits(token):
    return re.fullmatch(r"[01.\-]+|[A-Za-z_]\w*:s?\d+", token) is not None


def read_patterns(paths=None):
    """All patterns of arch/aarch64/*.decode, in order."""
    formats, patterns = {}, []
    for path in paths or sorted(glob.glob(os.path.join(TOP, "arch/aarch64/*.decode"))):
        for raw in open(path):
            row = raw.split("#", 1)[0].split()
            if not row or row[0][0] == "%":
                continue
            name, rest = row[0], row[1:]
            bits = parse_bits([t for t in rest if is_bits(t)])
            if name[0] == "@":
                formats[name] = bits
                continue
            feature = next((t[1:] for t in rest if t[0] == "?"), "")
            chosen = [t[1:].split("|") for t in rest if t[0] == "@"]
            for form in chosen[0] if chosen else [None]:
                width, mask, match, ignored = bits
                assert width == 32, f"{path}: {raw}"
                if form:
                    _, fmask, fmatch, fignored = formats["@" + form]
                    if (match ^ fmatch) & mask & fmask:
                        continue
                    mask, match, ignored = mask | fmask, match | fmatch, ignored | fignored
                patterns.append(Pattern(name, mask, match, ignored & ~mask, feature, raw.strip()))
    return patterns


def find_pattern(patterns, insn):
    """The most specific pattern that covers INSN, or None."""
    best = None
    for p in patterns:
        if insn & p.mask == p.match and (not best or bin(p.mask).count("1") > bin(best.mask).count("1")):
            best = p
    return best


# -- What kind of instruction --

def bits(insn, high, low):
    return insn >> low & ((1 << high - low + 1) - 1)


def is_memory(i):
    return bits(i, 27, 27) == 1 and bits(i, 25, 25) == 0


def is_literal_load(i):
    return is_memory(i) and bits(i, 29, 27) == 3 and bits(i, 24, 24) == 0


def is_exclusive(i):
    return bits(i, 29, 24) == 0b001000 and bits(i, 23, 23) == 0


def is_pair(i):
    return is_memory(i) and bits(i, 29, 27) == 5


def is_ordered(i):
    """Exclusive, acquire/release, LSE atomic, RCPC: accesses with alignment rules of their own."""
    return bits(i, 29, 24) == 0b001000 or \
        bits(i, 29, 27) == 7 and bits(i, 24, 24) == 0 and bits(i, 21, 21) == 1 and bits(i, 11, 10) == 0 or \
        bits(i, 29, 24) == 0b011001


def is_branch(i):
    return bits(i, 28, 26) == 0b101 and not is_system(i)


def is_system(i):
    return bits(i, 31, 24) in (0xd4, 0xd5)


def loop_control(insns):
    """Indices of what makes a case with loops end, and the registers that count: a shrinker leaves them alone."""
    if not any(i & 0x7c000000 == 0x54000000 and i >> 23 & 1 or i & 0x7e000000 == 0x34000000 and i >> 23 & 1 or
               i & 0x7e000000 == 0x36000000 and i >> 18 & 1 for i in insns):
        return set(), set()
    lowers = [k for k, i in enumerate(insns) if i & 0x5ffffc00 == 0x51000400 and bits(i, 9, 5) == bits(i, 4, 0)]
    # MOVZ, B, RET and MOV to or from x30
    kept = [k for k, i in enumerate(insns) if i & 0xff800000 == 0xd2800000 or i & 0xfc000000 == 0x14000000 or
            i == 0xd65f03c0 or i & 0xffffffe0 == 0xaa1e03e0 or i & 0xffe0ffff == 0xaa0003fe]
    return set(lowers + kept), {bits(insns[k], 4, 0) for k in lowers}


def is_indirect(i):
    return bits(i, 31, 25) == 0b1101011


def is_fp(i):
    return bits(i, 27, 25) == 7


# -- Encodings that are not compared, and why --

def unpredictable(i):
    """CONSTRAINED UNPREDICTABLE register overlaps: implementations may differ."""
    if any(i & mask == match for mask, match, _ in JUDGE_IS_WRONG):
        return "the judge is wrong"
    rt, rn, rt2, rs = bits(i, 4, 0), bits(i, 9, 5), bits(i, 14, 10), bits(i, 20, 16)
    vector = bits(i, 26, 26)
    if is_pair(i):
        writeback = bits(i, 24, 23) in (1, 3)
        if bits(i, 22, 22) and rt == rt2:
            return "load pair into one register"
        return writeback and not vector and rn != 31 and rn in (rt, rt2) and "pair writes back a transferred register"
    if is_exclusive(i):
        load, pair = bits(i, 22, 22), bits(i, 21, 21)
        if load:
            return pair and rt == rt2 and "exclusive load pair into one register"
        return (rs == rt or pair and rs == rt2 or rs == rn != 31) and "exclusive store: status overlaps"
    if is_memory(i) and bits(i, 29, 27) == 7 and bits(i, 24, 24) == 0 and bits(i, 21, 21) == 0:
        return bits(i, 10, 10) and not vector and rt == rn != 31 and "writes back the transferred register"
    return False


# (name pattern, reason): rows that the judge cannot decide.
NOT_COMPARED = [
    (r"^(svc|hvc|smc|hlt)", "leaves the program"),
    (r"^(wfi|wfe|wfet|wfit|sev|sevl)$", "waits"),
    (r"^(dcps|eret|drps)", "privileged"),
    (r"(cntvct|cntfrq|tpidr|midr|id_|_id_|ctr|dczid|rndr)", "value belongs to the machine"),
    (r"(dc_zva|^sys$|^sysl$|^dc_|^ic_)", "block size and cache state belong to the machine"),
    (r"^(pac|aut|xpac|braa|blraa|retaa|retab|brab|blrab|ldraa|ldrab)", "key belongs to the machine"),
    (r"^([su](max|min)_(imm|reg)|abs|ctz|cnt)$", "FEAT_CSSC is younger than the judge: golden tests from the manual"),
    (r"^(irg|addg|subg|gmi|subp|ldg|st[z2]?g|stgp|stz2g)", "memory tagging is not offered"),
]


# (mask, match, reason): encodings that qemu 7.2 executes wrongly. They are neither drawn nor recorded.
JUDGE_IS_WRONG = [
    (0xdff0fc00, 0x5f10fc00, "FCVTZS, FCVTZU (scalar, fixed-point, half): the rest of the register is zero (Arm ARM, FCVTZS (vector, fixed-point))"),
]


# The same for cases in which denormals are flushed to zero (FPCR.FZ).
JUDGE_IS_WRONG_FLUSHING = [
    (0xfffffc00, 0x1e7e0000, "FJCVTZS of a flushed denormal clears Z (Arm ARM, FPToFixedJS), the judge sets it"),
]


def not_compared(pattern):
    return next((why for regex, why in NOT_COMPARED if re.search(regex, pattern.name)), None)


def select_patterns(patterns, match):
    """Those that may be compared and whose name contains the regular expression."""
    found = [p for p in patterns if re.search(match, p.name) and not not_compared(p)]
    if not found:
        raise SystemExit(f"no pattern matches {match!r}")
    return found


# Registers that MRS and MSR name: (op0..op2 as in bits 20:5, bits of the value that may be written).
SYSTEM_REGISTERS = [
    (0b1_1_011_0100_0010_000, 0xf0000000),  # NZCV
    (0b1_1_011_0100_0100_000, 0x07c80000),  # FPCR
    (0b1_1_011_0100_0100_001, 0x0800009f),  # FPSR
]


# -- Random instructions --

class Generator:
    """Draws cases. match: regular expression on pattern names; fp: random FPCR; faults: chance of a bad pointer."""

    def __init__(self, rnd, patterns, match="", max_insns=20, fpcr=True, faults=0.03):
        self.rnd, self.max_insns, self.fpcr, self.faults = rnd, max_insns, fpcr, faults
        self.patterns = select_patterns(patterns, match)
        self.x_pool, self.v_pool = [], []
        self.refresh()

    # Values

    def integer(self):
        r = self.rnd
        kind = r.randrange(8)
        if kind == 0:
            return r.choice([0, 1, 2, M64, 1 << 63, (1 << 63) - 1, 1 << 31, (1 << 31) - 1, 0xffffffff, 1 << 32])
        if kind == 1:
            return (1 << r.randrange(64)) + r.choice([-1, 0, 1]) & M64
        if kind == 2:
            return r.randrange(256)
        if kind == 3:
            return -r.randrange(1, 4096) & M64
        if kind == 4:
            return r.getrandbits(32)
        if kind == 5:
            return r.getrandbits(8) * 0x0101010101010101
        return r.getrandbits(64)

    def lane(self, width, exponent_bits):
        """A floating-point pattern of WIDTH bits, rich in special values."""
        r = self.rnd
        fraction_bits = width - 1 - exponent_bits
        bias = (1 << exponent_bits - 1) - 1
        sign = r.getrandbits(1) << width - 1
        kind = r.randrange(16)
        top = ((1 << exponent_bits) - 1) << fraction_bits
        fraction = r.choice([0, 1, (1 << fraction_bits) - 1, r.getrandbits(fraction_bits),
                             1 << r.randrange(fraction_bits)])
        if kind == 0:
            return sign
        if kind == 1:
            return sign | top
        if kind == 2:
            return sign | top | 1 << fraction_bits - 1 | fraction
        if kind == 3:
            return sign | top | (fraction & (1 << fraction_bits - 1) - 1 or 1)
        if kind == 4:
            return sign | fraction
        if kind == 5:
            return sign | 1 << fraction_bits | fraction
        if kind == 6:
            return sign | (top - (1 << fraction_bits)) | fraction
        if kind == 7:
            return sign | r.getrandbits(width - 1)
        span = min(bias - 1, 70) if kind < 10 else min(bias - 1, 4)
        return sign | bias + r.randint(-span, span) << fraction_bits | fraction

    def half_register(self):
        r = self.rnd
        kind = r.randrange(8)
        if kind <= 1:
            return self.lane(64, 11)
        if kind <= 3:
            return self.lane(32, 8) | self.lane(32, 8) << 32
        if kind == 4:
            return sum(self.lane(16, 5) << 16 * i for i in range(4))
        if kind == 5:
            return sum(r.choice([0, 1, 0x7f, 0x80, 0xff, r.getrandbits(8)]) << 8 * i for i in range(8))
        if kind == 6:
            return sum(r.choice([0, 1, 0x7fff, 0x8000, 0xffff, r.getrandbits(16)]) << 16 * i for i in range(4))
        return self.integer()

    def refresh(self):
        self.x_pool = [self.integer() for _ in range(2048)]
        self.v_pool = [self.half_register() for _ in range(4096)]

    # Instructions

    def word(self, pattern):
        r = self.rnd
        i = pattern.match | r.getrandbits(32) & ~pattern.mask
        if pattern.ignored and r.randrange(2):
            i |= pattern.ignored
        return i

    def place(self, i, pattern, k, n, roles):
        """Give instruction K of N operands that keep the case defined: forward branches, addresses in scratch."""
        r = self.rnd
        set_field = lambda word, low, width, value: word & ~(((1 << width) - 1) << low) | value << low
        if is_indirect(i):
            if roles["target"] is not None or roles["linked"]:
                return None
            roles["target"] = (roles["branch"], r.randint(k + 1, n))
            return set_field(i, 5, 5, roles["branch"])
        if is_branch(i):
            distance = r.randint(1, n - k)
            if bits(i, 30, 26) == 5:
                if bits(i, 31, 31):
                    if roles["target"] is not None:
                        return None
                    roles["linked"] = True
                return set_field(i, 0, 26, distance)
            if bits(i, 30, 25) == 0b011011:
                return set_field(i, 5, 14, distance)
            return set_field(i, 5, 19, distance)
        if is_system(i):
            if bits(i, 31, 22) == 0b1101010100 and bits(i, 20, 20):
                register = bits(i, 20, 5)
                if not pattern.mask >> 5 & 0x7fff:
                    register, _ = r.choice(SYSTEM_REGISTERS)
                    i = set_field(i, 5, 16, register)
                if not bits(i, 21, 21) and register in roles["system"]:
                    i = set_field(i, 0, 5, roles["system"][register])
            return i
        if not is_memory(i):
            return self.avoid(i, (0,), roles)
        if is_literal_load(i):
            return self.avoid(set_field(i, 5, 19, r.randint(-k - 6, n - k) & 0x7ffff), (0,), roles)
        base = r.choice(roles["pointers"])
        i = set_field(i, 5, 5, base)
        if bits(i, 29, 27) == 7 and bits(i, 24, 24) == 1:
            i = set_field(i, 10, 12, r.randrange(48))
        elif bits(i, 29, 27) == 7 and bits(i, 24, 24) == 0 and bits(i, 21, 21) and bits(i, 11, 10) == 2:
            i = set_field(i, 16, 5, roles["index"])
        elif bits(i, 29, 24) in (0b001100, 0b001101) and bits(i, 23, 23) and bits(i, 20, 16) != 31:
            i = set_field(i, 16, 5, roles["index"])
        fields = (0, 10) if is_pair(i) else (0, 10, 16) if bits(i, 29, 24) == 0b001000 else (0,)
        if bits(i, 26, 26):
            return i
        i = self.avoid(i, fields, roles)
        return None if i is None or unpredictable(i) else i

    def avoid(self, i, fields, roles):
        """Keep most writes away from registers that hold pointers."""
        r = self.rnd
        for low in fields:
            tries = 0
            while i >> low & 31 in roles["kept"] and tries < 20 and r.randrange(24):
                i = i & ~(31 << low) | r.randrange(32) << low
                tries += 1
            if {i >> low & 31, (i >> low & 31) + 1} & set(roles["system"].values()):
                return None  # bits of FPCR that have no function may read as written or as zero
        return i

    def case(self, n=None, pattern=None):
        """A random case as a dictionary: insns, x, sp, nzcv, fpcr, fpsr, v, memory, target (register, index) or None."""
        r = self.rnd
        n = n or r.choice([1, 2, 3, 4, 5, 6, 8, 12, self.max_insns, self.max_insns])
        regs = r.sample(range(30), 8)
        pointers = regs[:3] + ([31] if r.randrange(3) == 0 else [])
        roles = {"pointers": pointers, "index": regs[3], "branch": regs[4], "target": None, "linked": False,
                 "system": {reg: regs[5 + k] for k, (reg, _) in enumerate(SYSTEM_REGISTERS)},
                 "kept": set(regs) | {31 if 31 in pointers else 99}}
        insns, names, exclusive = [], [], None
        while len(insns) < n:
            p = pattern or r.choice(self.patterns)
            i = self.place(self.word(p), p, len(insns), n, roles)
            if i is None or unpredictable(i):
                if pattern:
                    roles["target"] = None
                continue
            if is_exclusive(i):
                shape = i & 0xc0200000
                if exclusive is not None and shape != exclusive and n > 1:
                    continue  # monitors differ in what they tag
                exclusive = shape
            insns.append(i)
            names.append(p.name)
        x = r.choices(self.x_pool, k=31)
        half = r.choices(self.v_pool, k=64)
        sp = SCRATCH + 2048
        ordered = any(is_memory(i) and is_ordered(i) for i in insns)
        for reg in regs[:3]:
            offset = r.choice([1024, 1536, 2048, 2560])
            if not ordered and r.randrange(4) == 0:
                offset += r.randrange(16)
            if r.random() < self.faults:
                offset = r.choice([-16, -1, 0, 4080, 4088, 4095, 4096, -SCRATCH + 8, 8192])
                if ordered:
                    offset &= ~15
            x[reg] = SCRATCH + offset & M64
        x[regs[3]] = r.choice([0, 1, 8, 16, 24, 32, 64, M64, M64 - 7, 0xfffffff8, 1 << 32 | 8])
        for k, (_, writable) in enumerate(SYSTEM_REGISTERS):
            x[regs[5 + k]] = r.getrandbits(32) & writable if self.fpcr or k != 1 else 0
        fpcr = 0
        if self.fpcr and r.randrange(2):
            fpcr = r.getrandbits(2) << 22 | r.choice([0, 1 << 24, 1 << 25, 1 << 26, 1 << 19, r.getrandbits(8) << 19])
            fpcr &= 0x07c80000
        return {"insns": insns, "names": names, "x": x, "sp": sp, "nzcv": r.getrandbits(4) << 28, "fpcr": fpcr,
                "fpsr": r.choice([0, 0, 0, 1, 1 << 27, 0x9f]), "v": half, "memory": r.randbytes(SCRATCH_SIZE),
                "target": roles["target"]}


def empty_case(insns):
    return {"insns": list(insns), "names": [], "x": [0] * 31, "sp": SCRATCH + 2048, "nzcv": 0, "fpcr": 0, "fpsr": 0,
            "v": [0] * 64, "memory": bytes(SCRATCH_SIZE), "target": None}


# -- Running --

def pack(case, slot=0, fixed=True):
    """The record of a case that will run in SLOT; fixed False: SLOT is its place in the batch."""
    x = case["x"]
    if case["target"]:
        x = list(x)
        register, index = case["target"]
        x[register] = CODE + slot * SLOT + 32 + 4 * index
    insns = case["insns"]
    return CASE_HEAD.pack(len(insns), slot + 1 if fixed else 0, *insns, *[0] * (32 - len(insns)), *x, case["sp"], case["nzcv"], case["fpcr"],
                          case["fpsr"], *case["v"]) + case["memory"]


def unpack(record):
    f = RESULT_HEAD.unpack_from(record)
    return {"signal": f[0], "code": f[1], "address": f[2], "pc": f[3], "x": list(f[4:35]), "sp": f[35], "nzcv": f[36],
            "fpcr": f[37], "fpsr": f[38], "v": list(f[39:103]), "memory": record[RESULT_HEAD.size:]}


class Died(Exception):
    """The program ended before it answered every case."""

    def __init__(self, answered, message):
        super().__init__(message)
        self.answered = answered


def run(command, blob, timeout=300):
    """Run the oracle on packed cases. Returns the packed results, or raises Died."""
    count = len(blob) // CASE_SIZE
    try:
        p = subprocess.run(command, input=blob, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Died(0, f"no answer within {timeout} s")
    if len(p.stdout) != count * RESULT_SIZE or p.returncode:
        raise Died(len(p.stdout) // RESULT_SIZE,
                   f"exit {p.returncode}: {p.stderr[-400:].decode(errors='replace').strip()}")
    return p.stdout


def build(out, sources, include=HERE):
    """Compile an arm64 program of the sources into OUT, if it is older than they are. False without a compiler."""
    if os.path.exists(out) and all(os.path.getmtime(out) > os.path.getmtime(s) for s in sources):
        return True
    try:
        subprocess.run(["aarch64-linux-gnu-gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-I", include, "-o", out] +
                       [s for s in sources if not s.endswith(".h")], check=True)
    except FileNotFoundError:
        return False
    return True


def build_oracle(folder):
    """Compile the oracle with the cross compiler into FOLDER. None without one."""
    out = os.path.join(folder, "oracle")
    return out if build(out, [os.path.join(HERE, f) for f in ("oracle.c", "slot.c", "slot.h")]) else None


def disassemble(insns):
    """Listing lines by the cross objdump, or the words alone."""
    import tempfile
    with tempfile.NamedTemporaryFile(suffix=".bin") as f:
        f.write(b"".join(struct.pack("<I", i) for i in insns))
        f.flush()
        try:
            text = subprocess.run(["aarch64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "aarch64", f.name],
                                  stdout=subprocess.PIPE, text=True).stdout
        except FileNotFoundError:
            return [f"{i:08x}" for i in insns]
    rows = [l.split("\t", 2) for l in text.splitlines() if re.match(r"\s+[0-9a-f]+:\t", l)]
    return [f"{r[1].strip()}  {r[2].strip()}".replace("\t", " ") for r in rows] or [f"{i:08x}" for i in insns]
