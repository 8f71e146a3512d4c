#!/usr/bin/env python3
"""coverage.py - every pattern of arch/aarch64/*.decode has a golden file or is listed in exceptions.py."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fuzz"))
import a64
from exceptions import NOT_RECORDED

names = dict.fromkeys(p.name for p in a64.read_patterns())
missing = [n for n in names if n not in NOT_RECORDED and not os.path.exists(os.path.join(HERE, "aarch64", n + ".test"))]
stale = [n for n in NOT_RECORDED if n not in names]
print(f"{len(names)} patterns, {len(NOT_RECORDED)} exceptions, {len(missing)} without a golden test")
for name in missing:
    print(f"  {name}: record it with test/golden/record.py {name}")
for name in stale:
    print(f"  {name}: exception for a pattern that does not exist")
sys.exit(bool(missing or stale))
