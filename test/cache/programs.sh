#!/bin/bash
# programs.sh - programs of test/programs with one cache for all.
#   programs.sh cold|warm|verified EMULATOR WORK
pass=$1 emulator=$2 work=$3
here=$(dirname "$0")
[ "$pass" = cold ] && rm -rf "$work"
mkdir -p -m 700 "$work/cache"
export ANYARCH_CACHE=$work/cache
options=()
[ "$pass" = verified ] && options=(-cache verify)
status=0
for name in bti cxx exec_rules faults jit jit_threads libc mapping memory_rules process recursion region_switch setjmp \
    signal_sources signals thread_rules threads; do
    "$here/../programs/run.sh" "$emulator" "$here/../programs/$name" "$work" "${options[@]}" || {
        result=$?
        [ $result = 77 ] && exit 77
        echo "$name fails"
        status=1
    }
done
if [ "$pass" = verified ]; then # also what these runs did not need
    "$(dirname "$emulator")/anyarch" cache verify "$work" > "$work/made-anew" 2>&1 || status=1
    grep -q '^not compared: 0 files .* whose program was not found' "$work/made-anew" || status=1
    [ $status = 0 ] || cat "$work/made-anew"
fi
exit $status
