#!/bin/bash
# Build every program of list, statically: build.sh OUT [ARCH...]   output: OUT/ARCH/NAME and OUT/measure
out=$(realpath -m "${1:?folder}")
shift
cd "$(dirname "$0")" || exit 1
declare -A cross=([x86_64]='' [aarch64]=aarch64-linux-gnu-)
mkdir -p "$out/gen"
gcc -O2 -static -o "$out/measure" measure.c || exit 1
[ -s "$out/gen/bigcode.c" ] || python3 bigcode.py > "$out/gen/bigcode.c"
for arch in ${*:-x86_64 aarch64}; do
    cc=${cross[$arch]}gcc
    command -v "$cc" > /dev/null || { echo "no $cc: skipped $arch"; continue; }
    mkdir -p "$out/$arch"
    while read -r name class flags; do
        case $name in '' | '#'*) continue ;; esac
        src=$name.c
        case $name in
        bigcode) src=$out/gen/bigcode.c ;;
        aeshw | crchw)
            case $arch in
            x86_64) flags+=' -maes -msse4.2' ;;
            aarch64) flags+=' -march=armv8-a+crypto+crc' ;;
            esac ;;
        esac
        [ "$out/$arch/$name" -nt "$src" ] && continue
        # shellcheck disable=SC2086
        "$cc" $flags -w -static -pthread -o "$out/$arch/$name" "$src" -lm || echo "FAILED $arch $name"
    done < list
done
