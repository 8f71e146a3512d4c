#!/usr/bin/env python3
"""fuzz.py - compare the translator with an outside judge on random arm64 instructions.

  fuzz.py -anyarch PATH [-judge "qemu-aarch64-static -cpu max"] [-seed N] [-n CASES | -time SECONDS] [-match REGEX]
          [-engines jit,interp] [-batch N] [-insns N] [-no-fpcr] [-faults P] [-keep N] [-skip-unimplemented] [-work DIR]

Each batch runs through test/fuzz/oracle.c under the judge and under each engine; the answers must be equal byte for
byte. A difference is shrunk to few instructions and registers and printed with both states and as a golden test.
Ends with 0 (no difference), 1 (differences) or 77 (no judge or no cross compiler: skipped).
"""
import argparse
import os
import random
import shlex
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import a64
import golden_text

ENGINES = {
    "jit": [],
    "interp": ["-engine", "interp"],
    "noopt": ["-no-opt"],
    "one": ["-one-insn-per-tb"],
    "nochain": ["-no-chain"],
    "sse": ["-host-off", "avx"],
    "avx2": ["-host-off", "avx512"],
    "lockstep": ["-lockstep"],
    "traps": ["-fp-traps", "1000000000"],
    "traps-sse": ["-fp-traps", "1000000000", "-host-off", "avx"],
    "regions": ["-tier2-threshold", "0"],
    "tier2": ["-tier2-threshold", "1"],
    "regions-sse": ["-tier2-threshold", "0", "-host-off", "avx"],
}
NZCV_NAMES = "NZCV"


def is_known_difference(engine, case, judge, ours):
    """Differences that are the judge's or that the architecture allows: a reason, or None."""
    if any(i & mask == match for i in case["insns"] for mask, match, _ in a64.JUDGE_IS_WRONG):
        return "the judge's fault, see JUDGE_IS_WRONG"
    flushing = case["fpcr"] >> 24 & 1 or any(i & 0xfff00000 == 0xd5100000 for i in case["insns"])
    if flushing and any(i & mask == match for i in case["insns"] for mask, match, _ in a64.JUDGE_IS_WRONG_FLUSHING):
        return "the judge's fault, see JUDGE_IS_WRONG_FLUSHING"
    at = judge["pc"] // 4 if judge["signal"] else None
    if judge["signal"] == 7 or ours["signal"] == 7:
        return "alignment of ordered accesses is the implementation's choice"
    undefined = judge["signal"] == 4 and at < len(case["insns"]) and a64.is_fp(case["insns"][at])
    if (judge["signal"] == 11 or undefined) and all(judge[k] == ours[k] for k in judge if k != "nzcv"):
        return "flags that nothing reads may be stale at a fault"
    if judge["signal"] == 11 and ours["signal"] == 11 and judge["pc"] == ours["pc"]:
        i = case["insns"][at] if at is not None and at < len(case["insns"]) else 0
        same = all(judge[k] == ours[k] for k in ("sp", "fpcr", "fpsr"))
        if same and judge["x"] == ours["x"] and judge["v"] == ours["v"] and a64.is_memory(i) and a64.bits(i, 31, 30) == 0 and \
                a64.bits(i, 26, 26):
            return "part of a faulting multi-register access is done, and which is open"  # STR Q
        if same and (a64.is_pair(i) or a64.bits(i, 29, 24) in (0b001100, 0b001101) or a64.is_exclusive(i)):
            return "part of a faulting multi-register access is done, and which is open"
    return None


def link_names(anyarch, folder):
    """The names under which the program is called."""
    name = os.path.join(folder, "qemu-aarch64-static")
    if os.path.lexists(name):
        os.remove(name)
    os.symlink(os.path.abspath(anyarch), name)
    return name


class Fuzzer:
    def __init__(self, args, oracle, engines):
        self.args, self.oracle, self.engines = args, oracle, engines
        self.judge = shlex.split(args.judge) + [oracle]
        self.unimplemented, self.known, self.kinds, self.failures, self.count = {}, {}, {}, 0, 0

    def run_safely(self, command, cases, slots=None):
        """Results of all cases; a case that ends the program is answered by None."""
        fixed = slots is not None
        slots = slots if fixed else range(len(cases))
        blob = b"".join(a64.pack(c, k % a64.SLOTS, fixed) for c, k in zip(cases, slots))
        try:
            blob = a64.run(command, blob, self.args.timeout)
            return [blob[k * a64.RESULT_SIZE:(k + 1) * a64.RESULT_SIZE] for k in range(len(cases))]
        except a64.Died as e:
            self.died = str(e)
            if len(cases) == 1:
                return [None]
        half = len(cases) // 2
        return self.run_safely(command, cases[:half], slots[:half]) + self.run_safely(command, cases[half:], slots[half:])

    def drop_undefined(self, rnd, cases, want):
        """Most undefined instructions make way, so that what follows them runs."""
        again = []
        for k, (case, record) in enumerate(zip(cases, want)):
            result = record and a64.unpack(record)
            if result and result["signal"] == 4 and rnd.randrange(8):
                at = result["pc"] // 4
                if at < len(case["insns"]):
                    case["insns"][at] = a64.NOP
                    again.append(k)
        # Slots are the same as in the full batch only if the whole batch is run.
        if again:
            want[:] = self.run_safely(self.judge, cases)

    def classify(self, command, case, judge, ours):
        """None: equal or explained; else the reason to fail."""
        if ours == judge:
            return None
        if judge is None:
            return None  # the judge itself died
        if ours is None:
            return f"ended the program: {self.died}"
        j, o = a64.unpack(judge), a64.unpack(ours)
        if o["signal"] == 4 and (j["signal"] != 4 or j["pc"] != o["pc"]) and o["pc"] // 4 < len(case["insns"]):
            insn = case["insns"][o["pc"] // 4]
            p = a64.find_pattern(self.args.patterns, insn)
            name = p.name if p else "undefined"
            self.unimplemented.setdefault(name, insn)
            if self.args.skip_unimplemented or name in self.args.known_unimplemented:
                return None
            return f"unimplemented {name}"
        why = is_known_difference("interp" if "interp" in command else "jit", case, j, o)
        if why:
            self.known[why] = self.known.get(why, 0) + 1
            return None
        return "states differ"

    def batch(self, generator):
        cases = [generator.case() for _ in range(self.args.batch)]
        generator.refresh()
        want = self.run_safely(self.judge, cases)
        for _ in range(3):
            self.drop_undefined(generator.rnd, cases, want)
        self.count += len(cases)
        for name, command in self.engines:
            got = self.run_safely(command, cases)
            bad = [(case, reason) for case, w, g in zip(cases, want, got) if g != w
                   for reason in [self.classify(command, case, w, g)] if reason]
            while bad and self.failures < self.args.keep:
                case, reason = bad.pop(0)
                at = cases.index(case) if case in cases else None
                culprits = self.report(name, command, case, reason, at is not None and (at, want[at], got[at]))
                bad = self.without(command, bad, culprits)

    def without(self, command, bad, culprits):
        """Those of BAD that fail for another reason: still when the instructions CULPRITS (names) are taken out."""
        if not bad or not culprits:
            return bad
        name = lambda i: (lambda p: p.name if p else "-")(a64.find_pattern(self.args.patterns, i))
        other = [dict(c, insns=[a64.NOP if name(i) in culprits else i for i in c["insns"]]) for c, _ in bad]
        want, got = self.run_safely(self.judge, other), self.run_safely(command, other)
        left = []
        for case, w, g in zip(other, want, got):
            reason = g != w and self.classify(command, case, w, g)
            if reason:
                left.append((case, reason))
        return left

    # Shrinking

    def still_fails(self, command, candidates, reason):
        want, got = self.run_safely(self.judge, candidates), self.run_safely(command, candidates)
        return [(self.classify(command, c, w, g) or "").split(":")[0] == reason.split(":")[0]
                for c, w, g in zip(candidates, want, got)]

    def shrink(self, command, case, reason):
        def attempt(make, keys):
            nonlocal case
            candidates = [make(case, k) for k in keys]
            for ok, key in zip(self.still_fails(command, candidates, reason), keys):
                if ok:
                    candidate = make(case, key)
                    if self.still_fails(command, [candidate], reason)[0]:
                        case = candidate

        def without(c, k):
            return dict(c, insns=c["insns"][:k] + [a64.NOP] + c["insns"][k + 1:])

        def zero_x(c, k):
            return dict(c, x=c["x"][:k] + [0] + c["x"][k + 1:])

        def zero_v(c, k):
            return dict(c, v=c["v"][:k] + [0] + c["v"][k + 1:])

        def zero_field(c, k):
            return dict(c, **{k: bytes(a64.SCRATCH_SIZE) if k == "memory" else 0})

        loops, counters = a64.loop_control(case["insns"])
        for _ in range(2):
            attempt(without, [k for k in range(len(case["insns"])) if k not in loops])
        attempt(zero_field, ["nzcv", "fpcr", "fpsr", "memory"])
        attempt(zero_x, [k for k in range(31) if k not in counters])
        attempt(zero_v, range(64))
        if not case["target"] and not any(a64.is_branch(i) or a64.is_literal_load(i) for i in case["insns"]):
            packed = dict(case, insns=[i for i in case["insns"] if i != a64.NOP] or [a64.NOP])
            if self.still_fails(command, [packed], reason)[0]:
                case = packed
        return case

    def report(self, name, command, case, reason, original=None):
        """Shrink and print a difference, unless one like it was printed. Returns the names of the patterns in it."""
        try:
            case = self.shrink(command, case, reason)
        except Exception as e:  # a failing shrink must not hide the failure
            print(f"  (not shrunk: {e})")
        patterns = [a64.find_pattern(self.args.patterns, i) for i in case["insns"] if i != a64.NOP]
        kind = (name, " ".join(p.name if p else "-" for p in patterns))
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.kinds[kind] > 1:
            return set(kind[1].split())
        self.failures += 1
        print(f"\nDIFFERENCE {self.failures}: engine {name}: {reason}")
        print("  " + " ".join(shlex.quote(c) for c in command))
        want, got = self.run_safely(self.judge, [case])[0], self.run_safely(command, [case])[0]
        for k, line in enumerate(a64.disassemble(case["insns"])):
            if case["insns"][k] == a64.NOP:
                continue
            p = a64.find_pattern(self.args.patterns, case["insns"][k])
            print(f"    {4 * k:3x}: {line:50} {p.name if p else '-'}")
        if want and want == got and original and original[1] and original[2]:
            print(f"  alone it does not fail; in the batch, as case {original[0]}, it did:")
            want, got = original[1:]
        if want and got:
            print_difference(a64.unpack(want), a64.unpack(got))
        if want:
            print("  golden test, values of the judge:")
            print("    " + golden_text.render(case, a64.unpack(want)).replace("\n", "\n    ").rstrip())
        if self.args.save:
            with open(os.path.join(self.args.save, f"failure-{self.failures}.case"), "wb") as f:
                f.write(a64.pack(case))
        sys.stdout.flush()
        return set(kind[1].split())


def print_difference(judge, ours):
    print(f"    {'':6}{'judge':>34} {'ours':>34}")
    def row(label, a, b, digits=16):
        if a != b:
            print(f"  * {label:6}{a:>34x} {b:>34x}")
    for key in ("signal", "code", "address", "pc"):
        row(key, judge[key], ours[key])
    for k in range(31):
        row(f"x{k}", judge["x"][k], ours["x"][k])
    for key in ("sp", "nzcv", "fpcr", "fpsr"):
        row(key, judge[key], ours[key])
    for k in range(32):
        wide = lambda s: s["v"][2 * k] | s["v"][2 * k + 1] << 64
        row(f"v{k}", wide(judge), wide(ours))
    for k in range(0, a64.SCRATCH_SIZE, 8):
        a, b = judge["memory"][k:k + 8], ours["memory"][k:k + 8]
        row(f"[{k:x}]", int.from_bytes(a, "little"), int.from_bytes(b, "little"))


def main():
    p = argparse.ArgumentParser(usage=__doc__, prefix_chars="-")
    p.add_argument("-anyarch", required=True)
    p.add_argument("-judge", default="qemu-aarch64-static -cpu max,sve=off,sme=off,pauth=off")
    p.add_argument("-seed", type=int, default=1)
    p.add_argument("-n", type=int, default=0)
    p.add_argument("-time", type=float, default=0)
    p.add_argument("-match", default="")
    p.add_argument("-engines", default="jit,interp")
    p.add_argument("-batch", type=int, default=2000)
    p.add_argument("-insns", type=int, default=20)
    p.add_argument("-no-fpcr", dest="fpcr", action="store_false")
    p.add_argument("-faults", type=float, default=0.03)
    p.add_argument("-keep", type=int, default=5, help="stop after so many differences")
    p.add_argument("-timeout", type=float, default=120)
    p.add_argument("-skip-unimplemented", action="store_true")
    p.add_argument("-save")
    p.add_argument("-work")
    args = p.parse_args()
    if not shutil.which(shlex.split(args.judge)[0]):
        print("skipped: no judge " + args.judge)
        return 77
    work = args.work or tempfile.mkdtemp(prefix="fuzz-")
    os.makedirs(work, exist_ok=True)
    oracle = a64.build_oracle(work)
    if not oracle:
        print("skipped: no aarch64-linux-gnu-gcc")
        return 77
    name = link_names(args.anyarch, work)
    engines = [(e, [name] + ENGINES[e] + [oracle]) for e in args.engines.split(",")]
    args.patterns = a64.read_patterns()
    args.known_unimplemented = set()
    fuzzer = Fuzzer(args, oracle, engines)
    rnd = random.Random(args.seed)
    generator = a64.Generator(rnd, args.patterns, args.match, args.insns, args.fpcr, args.faults)
    start = time.monotonic()
    print(f"seed {args.seed}, {len(generator.patterns)} patterns, engines {args.engines}, judge {args.judge}", flush=True)
    while fuzzer.failures < args.keep:
        fuzzer.batch(generator)
        elapsed = time.monotonic() - start
        if args.time and elapsed >= args.time or not args.time and fuzzer.count >= (args.n or args.batch):
            break
    elapsed = time.monotonic() - start
    for name, insn in sorted(fuzzer.unimplemented.items()):
        print(f"unimplemented: {name} (such as {insn:08x})")
    for (name, kind), count in fuzzer.kinds.items():
        if count > 1:
            print(f"engine {name}: {count} differences in {kind}")
    for why, count in fuzzer.known.items():
        print(f"not compared: {count} cases: {why}")
    print(f"seed {args.seed}: {fuzzer.count} cases in {elapsed:.0f} s, {fuzzer.failures} differences")
    return 1 if fuzzer.failures else 0


if __name__ == "__main__":
    sys.exit(main())
