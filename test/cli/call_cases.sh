#!/bin/bash
# call_cases.sh - families of system calls, right and wrong: call_cases.c native and translated print the same.
#   call_cases.sh ANYARCH WORK NATIVE-COMPILER ARM64-COMPILER
# The kernel is the judge.
set -u
here=$(dirname "$(realpath "$0")") anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
"$3" -O1 -w -static -pthread -o native "$here/call_cases.c" && "$4" -O1 -w -static -pthread -o arm64 "$here/call_cases.c" || exit 77
names=(unshare -Urmipn --fork --mount-proc)
"${names[@]}" true 2> /dev/null || { echo "skipped: no name spaces can be made here"; exit 77; }

# run NAME COMMAND...: in an empty folder, as root of name spaces
run() {
    rm -rf folder
    mkdir folder
    (cd folder && "${names[@]}" "${@:2}" > "../$1.out" 2>&1 < /dev/null; echo "exit $?" >> "../$1.out")
    rm -rf folder
}
run native ../native
[ "$(tail -n 1 native.out)" = 'exit 0' ] || { tail native.out; exit 1; }
run translated "$anyarch" ../arm64
diff native.out translated.out
