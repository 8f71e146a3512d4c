#!/bin/bash
# oom.sh - little memory (RLIMIT_AS that cannot be raised): a program that takes all there is ends well, or the translator says that
# memory is short and ends with 1; nobody is killed. At one step the C library may find too little to say so, as it does natively.
#   oom.sh ANYARCH WORK ARM64-COMPILER
set -u
here=$(dirname "$(realpath "$0")") anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
"$3" -O1 -w -static -pthread -o oom "$here/oom.c" || exit 77
drop=()
if ((EUID == 0)); then
    drop=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource)
    "${drop[@]}" true || { echo "skipped: no setpriv"; exit 77; }
fi
failed=0 well=0 refused=0 library=0
for ((kilobytes = 20000; kilobytes < 300000; kilobytes += kilobytes < 60000 ? 1000 : 40000)); do
    # shellcheck disable=SC2016
    "${drop[@]}" bash -c 'ulimit -v "$1" && ANYARCH_CACHE=off exec "$2" ./oom' bash $kilobytes "$anyarch" > out 2>&1
    case "$? $(cat out)" in
    "3 malloc Cannot allocate memory, threads as expected, fork as expected, 0.667") well=$((well + 1)) ;;
    1\ *anyarch:*[Oo]"ut of memory"* | 1\ *anyarch:*"memory for"* | 1\ *anyarch:*"more memory"*) refused=$((refused + 1)) ;;
    139\ "qemu: uncaught target signal 11"*) library=$((library + 1)) ;;
    *) failed=$((failed + 1)) && echo "$kilobytes kB: $(cat out)" ;;
    esac
done
echo "$well ended well, $refused were told, $failed failed"
((!failed && well > 5 && refused > 5 && library <= 1))
