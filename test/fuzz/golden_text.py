"""golden_text.py - write cases and results in the text form of test/golden.

Registers that a case does not name are filled with a pattern by the checker and must keep it, so a case names what the
instruction reads and what it changes.
"""
import a64

MEMORY_SIZE = 256  # bytes of scratch memory that the checker maps at a64.SCRATCH


def vector(state, k):
    return f"{state['v'][2 * k + 1]:016x}{state['v'][2 * k]:016x}"


def memory_runs(old, new):
    """(offset, bytes) of 8-byte groups of NEW that differ from OLD, joined."""
    runs = []
    for k in range(0, MEMORY_SIZE, 8):
        if old[k:k + 8] != new[k:k + 8]:
            if runs and runs[-1][0] + len(runs[-1][1]) == k:
                runs[-1] = (runs[-1][0], runs[-1][1] + new[k:k + 8])
            else:
                runs.append((k, new[k:k + 8]))
    return runs


def inputs_of(case):
    """Names of the parts of CASE that are not zero."""
    names = [f"x{k}" for k in range(31) if case["x"][k]]
    names += [f"v{k}" for k in range(32) if case["v"][2 * k] or case["v"][2 * k + 1]]
    return names + [n for n in ("nzcv", "fpcr", "fpsr") if case[n]]


def left_side(case, names):
    out = []
    for n in names:
        if n[0] == "x":
            out.append(f"{n}={case['x'][int(n[1:])]:x}")
        elif n[0] == "v":
            out.append(f"{n}={vector(case, int(n[1:]))}")
        elif n == "sp":
            out.append(f"sp={case['sp']:x}")
        elif n == "nzcv":
            out.append(f"nzcv={case['nzcv'] >> 28:x}")
        else:
            out.append(f"{n}={case[n]:x}")
    return out


def right_side(case, result):
    out = [f"x{k}={result['x'][k]:x}" for k in range(31) if result["x"][k] != case["x"][k]]
    if result["sp"] != case["sp"]:
        out.append(f"sp={result['sp']:x}")
    out += [f"v{k}={vector(result, k)}" for k in range(32) if vector(case, k) != vector(result, k)]
    if result["nzcv"] != case["nzcv"]:
        out.append(f"nzcv={result['nzcv'] >> 28:x}")
    out += [f"{n}={result[n]:x}" for n in ("fpcr", "fpsr") if result[n] != case[n]]
    out += [f"mem+{offset:x}={data.hex()}" for offset, data in memory_runs(case["memory"], result["memory"])]
    if result["signal"]:
        name = a64.SIGNALS.get(result["signal"], str(result["signal"]))
        pc = result["pc"] - (result["pc"] >> 63 << 64)
        out.append(f"signal={name}" + (f" pc{pc:+x}" if pc else ""))
    return out


def case_line(case, result, names):
    return "case  " + " ".join(left_side(case, names)) + " -> " + " ".join(right_side(case, result))


def render(case, result, title="found by the fuzzer"):
    names = inputs_of(case)
    lines = [f"# {title}"]
    lines += [f"#   {text}" for text in a64.disassemble(case["insns"])]
    lines += ["guest aarch64", "code  " + " ".join(f"{i:08x}" for i in case["insns"])]
    runs = memory_runs(bytes(MEMORY_SIZE), case["memory"])
    if runs:
        lines.append("mem   " + case["memory"][:MEMORY_SIZE].hex())
    return "\n".join(lines + [case_line(case, result, names)]) + "\n"
