#!/bin/bash
# perf.sh - what -perfmap and -jitdump write: for each process, where each block is and what it was made from.
#   perf.sh ANYARCH WORK ARM64-COMPILER
set -u
anyarch=$(realpath "$1")
mkdir -p "$2" && cd "$2" || exit 1
failed=0
fail() { echo "$*"; failed=1; }
cat > program.c << 'END'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noipa)) unsigned turn(unsigned n, unsigned x)
{
    while (n--)
        x = x * 3 + n;
    return x;
}
int main(int argc, char **argv)
{
    unsigned x = turn(argc > 1 ? 200000000 : 100000, 1); /* long enough to be sampled, or short */
    int child = fork();
    if (!child)
        return turn(50000, x) == 0;
    waitpid(child, &(int){0}, 0);
    printf("%d %d %p\n", (int)getpid(), child, (void *)turn);
    return 0;
}
END
"$3" -O1 -static -o program program.c || exit 77
rm -f jit-*.dump
read -r pid child turn <<< "$("$anyarch" -perfmap -jitdump ./program)"
for p in $pid $child; do
    map=/tmp/perf-$p.map
    [ -f "$map" ] || { fail "no $map"; continue; }
    grep -vqE '^[0-9a-f]+ [0-9a-f]+ 0x[0-9a-f]+( [^ ]+\+0x[0-9a-f]+)?( region)?$' "$map" && fail "odd lines in $map"
    grep -qE " $turn program\+0x[0-9a-f]+$" "$map" || fail "$map lacks the function at $turn"
    grep -q ' program+0x[0-9a-f]* region$' "$map" || fail "$map lacks the region"
    python3 - "jit-$p.dump" "$map" "$p" << 'END' || fail "jit-$p.dump is wrong"
import struct, sys
data, lines, pid = open(sys.argv[1], "rb").read(), open(sys.argv[2]).read().splitlines(), int(sys.argv[3])
magic, version, size, machine, _, own, time, flags = struct.unpack_from("<6I2Q", data)
assert (magic, version, size, own, flags) == (0x4a695444, 1, 40, pid, 0) and machine in (62, 183), data[:40]
at, n = size, 0
while at < len(data):
    kind, size, t, p, tid, vma, address, length, number = struct.unpack_from("<2IQ2I4Q", data, at)
    name, code = data[at + 56:at + size - length].split(b"\0")[0].decode(), data[at + size - length:at + size]
    assert kind == 0 and p == tid == pid and vma == address and t >= time and length == len(code) > 0
    assert lines[n] == "%x %x %s" % (address, length, name), (lines[n], name)
    at, n, time = at + size, n + 1, t
assert n == len(lines), (n, len(lines))
END
    rm -f "$map"
done
# Children by execve, too; a folder that cannot be written costs the dump, not the program.
mkdir -p closed && cp program closed/ && chmod 500 closed
(cd closed && "$anyarch" -jitdump ./program > ../out 2> ../err) || fail "it fails where no file can be made"
if [ "$(id -u)" != 0 ]; then grep -q 'cannot make jit-.*dump: Permission denied' err || fail "silent: $(cat err)"; fi
chmod 700 closed
if command -v perf > /dev/null && perf record -o perf.data -e cpu-clock "$anyarch" -perfmap ./program long > pids 2> /dev/null; then
    perf report -i perf.data --stdio 2> /dev/null | grep -q 'program+0x.* region' || fail "perf does not find the region"
    read -r pid child _ < pids
    rm -f "/tmp/perf-$pid.map" "/tmp/perf-$child.map"
fi
exit $failed
