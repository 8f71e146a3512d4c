#!/bin/bash
# known.sh - code that was made from a program's file as it is is not compared with it again, until that changes, and never while
# somebody may write to it.
#   known.sh ANYARCH SOURCE-FOLDER WORK ARM64-COMPILER
set -u
anyarch=$(realpath "$1") source=$(realpath "$2") compiler=$4
rm -rf "$3"
mkdir -p "$3" && cd "$3" || exit 1
failed=0
fail() { echo "$1: ${*:2}"; failed=1; }

cc=("$compiler" -std=gnu11 -O2 -static -w -Wl,--build-id=none "$source/main.c")
"${cc[@]}" -o known && cp known program && "${cc[@]}" -DVALUE=43 -o other || exit 77
tmpfs=$(stat -f -c %T .)
[ "$tmpfs" != tmpfs ] || { echo "skipped: on tmpfs no file is known"; exit 77; }

# known NAME [ARGUMENT...]: its output must be that without a cache.
known() {
    "$anyarch" -cache off ./known "${@:2}" > known.expected 2>&1
    ANYARCH_CACHE=known.cache "$anyarch" -D known.log -d cache ./known "${@:2}" > output 2>&1
    cmp -s output known.expected || fail "$1" "wrong output: $(diff known.expected output | head -n 5)"
    line=$(grep ' known:' known.log)
}
# A file system that grants no leases takes a minute.
is_known() {
    for i in {1..80}; do
        sleep 1
        known "$1, before a look" work 5
        [[ $line != *"(code known)"* ]] || return 0
        [ "$i" != 10 ] || sleep 50
    done
    return 1
}
known "first run" work 5
exec 9<> known
marked=0
for i in {1..6}; do
    sleep 0.5
    known "while it is open for writing" work 5
    [[ $line != *"(code known)"* ]] || fail open "known: $line"
    [[ $line != *"(marked)"* ]] || marked=1
done
((marked)) || fail open "the cache file is read again: $line"
exec 9>&-
known "before it is known" work 5
[[ $line != *"(code known)"* ]] || fail known "before a look: $line"
is_known "closed" && [[ $line =~ ([0-9]+)\ hits ]] && [ "${BASH_REMATCH[1]}" -gt 4 ] || fail known "not, or not used: $line"
known "known code that is changed in memory"
cat other > known
known "known code that is changed in the file" work 5
[[ $line != *"(code known)"* ]] || fail known "still: $line"
cat program > known
known "changed back" work 5
[[ $line != *"(code known)"* ]] || fail known "again: $line"
exit $failed
