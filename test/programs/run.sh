#!/bin/bash
# Build one arm64 program and compare what it prints and its exit code with `expected`.
#   run.sh EMULATOR FOLDER WORK [OPTION...]   options go to the emulator, as in: -engine interp
#   run.sh -record FOLDER                     write `expected` from a run of qemu-aarch64-static
# A folder holds main.c or main.cc; also, where needed: flags (for the compiler), args, stdin, cpu (for -cpu).
# The last line of `expected` is the exit code. Ends with 77 (skipped) if there is no compiler for the program.
emulator=$1 folder=$2 work=${3:-$(mktemp -d)}
shift 3
cc=aarch64-linux-gnu-gcc source=$folder/main.c
[ -f "$folder/main.cc" ] && cc=aarch64-linux-gnu-g++ source=$folder/main.cc
command -v $cc > /dev/null || { echo "skipped: no $cc"; exit 77; }
mkdir -p "$work" && work=$(realpath "$work")
name=$(basename "$folder")
mkdir -p "$work/run-$$"
program=$work/$name
if [ ! "$program" -nt "$source" ]; then
    # shellcheck disable=SC2046
    $cc -std=gnu11 -O2 -static -pthread -w $(cat "$folder/flags" 2> /dev/null) -o "$program.$$" "$source" -lm 2> "$program.log" ||
        $cc -O2 -static -pthread -w $(cat "$folder/flags" 2> /dev/null) -o "$program.$$" "$source" -lm || exit 1
    mv "$program.$$" "$program"
fi
command=("$emulator" "$@")
[ "$emulator" = -record ] && command=(qemu-aarch64-static)
[ -f "$folder/cpu" ] && command+=(-cpu "$(cat "$folder/cpu")")
read -r -a words < <(cat "$folder/args" 2> /dev/null)
input=/dev/null
[ -f "$folder/stdin" ] && input=$(realpath "$folder/stdin")
expected=$(realpath "$folder")/expected
cd "$work/run-$$" || exit 1
LC_ALL=C TZ=UTC "${command[@]}" "$program" "${words[@]}" < "$input" > ../$name.$$.out
echo "exit $?" >> ../$name.$$.out
cd ..
rm -rf "run-$$"
if [ "$emulator" = -record ]; then
    mv "$name.$$.out" "$expected"
    exit
fi
diff "$expected" "$name.$$.out"
status=$?
rm -f "$name.$$.out"
[ $status = 0 ] || echo "rerun: ${command[*]} $program ${words[*]}"
exit $status
