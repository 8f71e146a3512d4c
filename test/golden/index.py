#!/usr/bin/env python3
"""index.py - compare the front end with the instruction index: each instruction of aarch64.index is translated by a CPU
that has its feature, is undefined on one without it, and has a pattern in arch/aarch64/*.decode.

  index.py DECODES     the program built from decodes.c
"""
import os
import re
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fuzz"))
import a64

ALL = "max,pauth=on"


def read_index():
    for line in open(os.path.join(HERE, "aarch64.index")):
        if line[0] not in "#\n":
            feature, word, text = line.rstrip("\n").split(None, 2)
            yield feature, int(word, 16), text


def read_features():
    """name -> the feature that it needs."""
    text = open(os.path.join(a64.TOP, "arch/aarch64/guest_features.def")).read()
    return {m.group(1): m.group(2) for m in re.finditer(r"^FEATURE\((\w+),.*?(\w+)\)$", text, re.M)}


def decodes(program, cpu, words):
    p = subprocess.run([program, "aarch64", "-cpu", cpu], input=struct.pack(f"<{len(words)}I", *words), stdout=subprocess.PIPE)
    if p.returncode or len(p.stdout) != len(words):
        raise SystemExit(f"{program} -cpu {cpu} failed")
    return p.stdout.decode()


def main():
    index, needs, patterns = list(read_index()), read_features(), a64.read_patterns()
    words = [word for _, word, _ in index]
    wrong = []

    def expect(cpu, defined):
        for (feature, word, text), answer in zip(index, decodes(sys.argv[1], cpu, words)):
            want = "1" if defined(feature) else "0"
            if answer != want:
                wrong.append(f"-cpu {cpu}: {word:08x} {text} ({feature}) is " +
                             {"0": "undefined", "1": "translated", "?": "not implemented"}[answer])

    def has(features, off):
        return all(has_one(f, off) for f in features.split("+"))

    def has_one(feature, off):
        while feature != off and needs.get(feature, feature) != feature:
            feature = needs[feature]
        return feature not in (off, "absent")

    expect(ALL, lambda feature: feature != "absent")
    for off in needs:
        if off not in ("fp", "asimd"):
            expect(f"{ALL},{off}=off", lambda feature: has(feature, off))
    for feature, word, text in index:
        if feature != "absent" and not a64.find_pattern(patterns, word):
            wrong.append(f"{word:08x} {text} has no pattern")
    # fp and asimd cannot be off; DGH and BTI are hints; LSE2 has no instructions.
    unlisted = set(needs) - {f for r in index for f in r[0].split("+")} - {"fp", "asimd", "dgh", "bti", "uscat"}
    wrong += [f"feature {f} has no row" for f in sorted(unlisted)]
    print(f"{len(index)} instructions, {len(needs)} features, {len(wrong)} differences")
    print("\n".join(wrong[:100]))
    return bool(wrong)


sys.exit(main())
