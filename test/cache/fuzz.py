#!/usr/bin/env python3
"""fuzz.py - damaged cache files: whatever is in them, programs run as without a cache.

  fuzz.py -anyarch FILE -work FOLDER -cc ARM64-COMPILER [-n RUNS] [-seed N] [-jobs N] [-first N] [-verifier FILE]
          [-every K]

A run of the program reads every K-th file, all by default; one run in ten is followed by another, from what the first made
of it. With -verifier, an anyarch with AddressSanitizer, `cache verify` reads all of them, a hundred at a time.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))


def damage(rng, good):
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        kind, at, n = rng.randrange(7), rng.randrange(len(data)), min(rng.choice((1, 8, 64, 4096)), len(data) - 1)
        if rng.random() < 0.4:
            at = rng.randrange(min(512, len(data)))
        if kind <= 2:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:
            data[at:at + n] = bytes(len(data[at:at + n]))
        elif kind == 4:
            data[at:at + n] = rng.randbytes(len(data[at:at + n]))
        elif kind == 5:
            start = rng.randrange(len(data) - n + 1)
            data[at:at + n] = data[start:start + n][:len(data[at:at + n])]
        elif len(data) > 8192:
            del data[rng.randrange(len(data)):]
            data.extend(b"\0" * rng.choice((1, 0, 0, 4096)))
            if not data:
                return b"\0"
    return bytes(data)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-anyarch", required=True)
    p.add_argument("-work", required=True)
    p.add_argument("-cc", default="aarch64-linux-gnu-gcc")
    p.add_argument("-n", type=int, default=100000)
    p.add_argument("-seed", type=int, default=1)
    p.add_argument("-jobs", type=int, default=2)
    p.add_argument("-first", type=int, default=0)
    p.add_argument("-verifier")
    p.add_argument("-every", type=int, default=1)
    a = p.parse_args()
    anyarch = os.path.abspath(a.anyarch)
    shutil.rmtree(a.work, ignore_errors=True)
    os.makedirs(a.work, mode=0o700)
    program = os.path.join(a.work, "program")
    subprocess.run([a.cc, "-std=gnu11", "-O2", "-static", "-w", "-o", program, HERE + "/main.c"], check=True)

    def run(folder):
        env = dict(os.environ, ANYARCH_CACHE=folder)
        r = subprocess.run([anyarch, program], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60, check=False)
        return r.returncode, r.stdout

    expected = run("off")
    clean = os.path.join(a.work, "clean")
    if run(clean) != expected or run(clean) != expected:
        sys.exit("the cache fails undamaged")
    name, = [n for n in os.listdir(clean) if n.endswith(".tbc")]
    with open(os.path.join(clean, name), "rb") as f:
        good = f.read()

    def one(number):
        data = damage(random.Random(a.seed * 1000003 + number), good)
        if a.verifier:
            with open(os.path.join(batch, "%032x.tbc" % number), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(data)
        if number % a.every:
            return None
        folder = os.path.join(a.work, str(number))
        os.mkdir(folder, 0o700)
        with open(os.path.join(folder, name), "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(data)
        result = run(folder)
        if result == expected and (number // a.every % 10 or run(folder) == expected):
            shutil.rmtree(folder)
            return None
        return "run %d (seed %d) differs: %r; the file is in %s" % (number, a.seed, result, folder)

    batch, bad = os.path.join(a.work, "batch"), []
    with ThreadPoolExecutor(a.jobs) as pool:
        for first in range(a.first, a.first + a.n, 100):
            os.makedirs(batch, mode=0o700)
            bad += [r for r in pool.map(one, range(first, min(first + 100, a.first + a.n))) if r]
            if a.verifier:
                r = subprocess.run([os.path.abspath(a.verifier), "cache", "verify", program],
                                   env=dict(os.environ, ANYARCH_CACHE=batch), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, timeout=600, check=False)
                if r.returncode not in (0, 1) or r.stderr:
                    bad.append("files %d and on: the verifier says %r" % (first, r.stderr))
                    shutil.move(batch, batch + str(first))
            shutil.rmtree(batch, ignore_errors=True)
    print("\n".join(bad))
    print("%d damaged files, %d wrong runs" % (a.n, len(bad)))
    sys.exit(bool(bad))


main()
