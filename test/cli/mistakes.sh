#!/bin/bash
# mistakes.sh - what users get wrong: each mistake gives one line that names the cause or the fix, a status that is not 0, and
# changes nothing. Those that need containers: test/docker/cases/mistakes.sh.
#   mistakes.sh ANYARCH WORK [ARM64-COMPILER]
set -u
anyarch=$(realpath "$1")
rm -rf "$2"
mkdir -p "$2/fake"
cd "$2" || exit 1
compiler=${3:-}
for name in anyarch qemu-aarch64-static qemu-arm-static qemu-mipsn32-static qemu-vax-static register binfmt qemu-binfmt-conf.sh; do
    ln -s "$anyarch" $name
done
cp "$anyarch" alone
: > fake/register
echo enabled > fake/status
printf 'enabled\ninterpreter /usr/bin/other\nflags: F\noffset 0\nmagic 7f454c460201010000000000000000000200b700\n' > fake/qemu-aarch64
echo 'neither a program nor a script' > text
cp text plain
printf '#!\n' > empty-script
printf '#!/bin/sh\r\necho\n' > dos-script
printf '#!/no/interpreter\n' > lost-script
printf '\177ELF\2\1\1' > cut
chmod +x text empty-script dos-script lost-script cut
failed=0 count=0
state() {
    cat fake/*
    ls fake /proc/sys/fs/binfmt_misc
}
before=$(state)

# mistake TEXT COMMAND...
mistake() {
    local output status
    output=$("${@:2}" 2>&1 < /dev/null)
    status=$?
    count=$((count + 1))
    if [ $status = 0 ] || [ $status -gt 255 ] || [ "$(wc -l <<< "$output")" -gt 1 ] || ! grep -qF -e "$1" <<< "$output"; then
        echo "${*:2}: status $status; expected '$1' in: $output"
        failed=1
    fi
}

mistake 'No such file or directory' ./anyarch ./nothing
mistake 'Permission denied' ./anyarch ./plain
mistake 'neither an ELF file nor a script' ./anyarch ./text
mistake 'names no interpreter' ./anyarch ./empty-script
mistake 'ends in a carriage return' ./anyarch ./dos-script
mistake 'its interpreter /no/interpreter' ./anyarch ./lost-script
mistake 'too short for a program' ./anyarch ./cut
mistake 'x86_64 program; expected one for aarch64' ./qemu-aarch64-static "$anyarch"
mistake 'programs for arm cannot be translated yet' ./qemu-arm-static ./text
mistake 'programs for mipsn32 cannot be translated yet' ./qemu-mipsn32-static ./text
mistake 'vax is no architecture known here' ./qemu-vax-static ./text
mistake "unknown option 'srtace'" ./qemu-aarch64-static -srtace ./text
mistake "missing argument for option 'L'" ./qemu-aarch64-static -L
mistake 'no user program specified' ./qemu-aarch64-static
mistake 'such programs itself' ./anyarch binfmt install --mount fake amd64
mistake 'cannot be translated yet' ./anyarch binfmt install --mount fake riscv64
mistake "'anyarch guests' lists those" ./anyarch binfmt install --mount fake arm46
mistake '--replace takes its place' ./anyarch binfmt install --mount fake arm64
mistake 'the flags are P, O, C and F' ./anyarch binfmt install --mount fake --flags persistent
mistake '--help lists the options' ./anyarch binfmt install --mount fake --presistent
mistake "but no 'instal'" ./anyarch binfmt instal
mistake "'anyarch binfmt status' lists them" ./anyarch binfmt uninstall --mount fake qemu-arm
mistake 'must be the first option' ./register -p yes --reset
mistake 'say yes or no' ./qemu-binfmt-conf.sh --persistent true
mistake 'no such option' ./qemu-binfmt-conf.sh arm64
mistake 'the options are --install' ./binfmt --instal all
mistake 'flag needs an argument' ./binfmt --install
mistake 'takes one folder' ./anyarch install-to
mistake 'doctor has the options' ./anyarch doctor -v
if [ "$(id -u)" = 0 ]; then
    chmod o+x .
    mistake 'needs root' setpriv --reuid 65534 --regid 65534 --clear-groups ./alone binfmt install --mount /proc arm64
fi
if [ -n "$compiler" ]; then
    echo 'int main(void) { return 0; }' > dynamic.c
    "$compiler" -o dynamic dynamic.c || exit 1
    mistake '-L DIR or QEMU_LD_PREFIX' ./anyarch ./dynamic
fi
[ "$(state)" = "$before" ] || { echo "something has changed"; failed=1; }
echo "$count mistakes"
exit $failed
