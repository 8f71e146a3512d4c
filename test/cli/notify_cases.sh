#!/bin/bash
# notify_cases.sh - seccomp's listeners: notify_cases.c native and translated print the same.
#   notify_cases.sh ANYARCH WORK NATIVE-COMPILER ARM64-COMPILER
# The kernel is the judge. Ends with 77 (skipped) under a filter, as in most containers, and with a kernel that has no listeners.
set -u
here=$(dirname "$(realpath "$0")") anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
grep -q '^Seccomp:.*0$' /proc/self/status || { echo "skipped: this process is filtered"; exit 77; }
"$3" -O1 -w -static -pthread -o native "$here/notify_cases.c" && "$4" -O1 -w -static -pthread -o arm64 "$here/notify_cases.c" || exit 77
timeout 60 ./native > native.out 2>&1 || { echo "skipped: no listeners here"; exit 77; }
timeout 60 "$anyarch" ./arm64 > translated.out 2>&1
diff native.out translated.out
