#!/bin/bash
# exec_cases.sh - a hundred ways to execute a program, right and wrong: exec_cases.c native and translated print the same.
#   exec_cases.sh ANYARCH WORK NATIVE-COMPILER ARM64-COMPILER
# The kernel is the judge. With our file as the entry of a binfmt_misc of a user name space's own (where that can be had), too.
set -u
here=$(dirname "$(realpath "$0")") anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
"$3" -O1 -w -static -pthread -o native "$here/exec_cases.c" && "$4" -O1 -w -static -pthread -o arm64 "$here/exec_cases.c" || exit 1

# run NAME COMMAND...: with an empty folder as last argument; as root of a name space, for chroot
run() {
    rm -rf folder
    mkdir folder
    unshare -Urm "${@:2}" folder > "$1.out" 2>&1 < /dev/null
    echo "exit $?" >> "$1.out"
    rm -rf folder
}

if ! unshare -Urm true; then
    echo "skipped: no user name space can be made here"
    exit 0
fi
failed=0
run native ./native
if [ "$(tail -n 1 native.out)" != 'exit 0' ]; then
    cat native.out
    exit 1
fi
run translated "$anyarch" ./arm64
diff native.out translated.out || failed=1
if unshare -Urm mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2> install.log; then
    # shellcheck disable=SC2016
    run registered sh -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && "$0" binfmt install --user > /dev/null && exec ./arm64 "$1"' "$anyarch"
    diff native.out registered.out || failed=1
else
    echo "not tested as an entry of binfmt_misc: $(head -n 1 install.log)"
fi
exit $failed
