#!/bin/bash
# core_cases.sh - what is in the core files of programs, core_cases.c native and translated: the kernel is the judge.
#   core_cases.sh ANYARCH WORK NATIVE-COMPILER ARM64-COMPILER
# Ends with 77 (skipped) where core files go elsewhere than into the current folder. The status has its flag if the translator may
# have a mount name space for itself.
set -u
here=$(dirname "$(realpath "$0")") anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
if ! [[ $(cat /proc/sys/kernel/core_pattern) =~ ^core(\.%p)?$ ]]; then
    echo "skipped: core_pattern is $(cat /proc/sys/kernel/core_pattern)"
    exit 77
fi
mkdir -p native arm64
flags=(-O1 -w -static -no-pie -pthread -Wl,-z,separate-code)
"$3" "${flags[@]}" -o native/core_cases "$here/core_cases.c" && "$4" "${flags[@]}" -o arm64/core_cases "$here/core_cases.c" || exit 1
(cd native && ./core_cases > ../native.out 2> /dev/null)
(cd arm64 && "$anyarch" ./core_cases > ../arm64.out 2> /dev/null)
rm -f native/core* arm64/core*
unshare -m mount --make-private /proc 2> /dev/null || sed -i '/^core flag/d' native.out arm64.out
[ -s native.out ] && diff native.out arm64.out
