#!/bin/bash
# docs.sh - the docs say what the program does, and installing puts everything in place.
#   docs.sh ANYARCH BUILD-FOLDER
set -u
top=$(realpath "$(dirname "$0")/../..") anyarch=$(realpath "$1") build=$(realpath "$2")
failed=0

fail() {
    echo "$*"
    failed=1
}

"$anyarch" guests --markdown | diff "$top/docs/support.md" - ||
    fail "docs/support.md is out of date: anyarch guests --markdown > docs/support.md"
if command -v man > /dev/null; then
    warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$top/docs/anyarch.1" 2>&1 > /dev/null)
    [ -z "$warnings" ] || fail "anyarch.1: $warnings"
fi
# Every applet is in the manual page, and has help; every name there is an applet.
mapfile -t applets < <("$anyarch" --help | sed -n '/^applets/,/^$/s/^  \([a-z-]*\) .*/\1/p')
[ ${#applets[@]} -ge 7 ] || fail "too few applets: ${applets[*]}"
for applet in "${applets[@]}"; do
    "$anyarch" "$applet" --help > help.txt 2>&1 || fail "$applet --help: exit status $?"
    grep -q '^usage: ' help.txt || fail "$applet --help does not say the usage: $(cat help.txt)"
    case $applet in run | version) continue ;; esac
    grep -q -e "^\.B .*$applet" "$top/docs/anyarch.1" || fail "anyarch.1 lacks $applet"
done
rm -f help.txt

# The messages in the table of troubleshooting.md are those of the program, or of the kernel and of container tools.
foreign=$(cat << 'END'
exec format error
Exec format error
cannot execute binary file
exec /bin/sh: no such file or directory
exec /bin/sh: exec format error
Operation not permitted
write error: Invalid argument
write error: File exists
sudo: effective uid is not 0
The requested image's platform (linux/arm64) does not match the detected host platform
image platform ({arm64 linux  [] }) does not match the expected platform
Text file busy
PTRACE_TRACEME: Operation not permitted
Could not trace the inferior process
FATAL: ThreadSanitizer: unsupported VMA range
Too many levels of symbolic links
END
)
sed -n 's/^| \(`[^|]*`[^|]*\)|.*/\1/p' "$top/docs/troubleshooting.md" | grep -o '`[^`]*`' | tr -d '`' | sort -u > messages.txt
[ "$(wc -l < messages.txt)" -ge 20 ] || fail "troubleshooting.md: too few messages"
while read -r message; do
    grep -qxF -e "$message" <<< "$foreign" && continue
    # Words that the program puts in differ.
    pattern=$(sed "s/'[^']*'/'%s'/; s/ for arm / for %s /; s/ \.\.\. / %s /; s/^\.\.\. //; s/ [A-Z]*$//" <<< "$message")
    grep -qaF -e "$pattern" "$anyarch" || fail "troubleshooting.md: the program does not say '$message'"
done < messages.txt
rm -f messages.txt

# Completion.
# shellcheck source=/dev/null
source "$top/docs/completion.bash"
complete_words() {
    COMP_WORDS=("$anyarch" "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _anyarch "$anyarch" "${!#}"
    echo "${COMPREPLY[*]}"
}
[ "$(complete_words doct)" = doctor ] || fail "completion of doct: $(complete_words doct)"
[ "$(complete_words binfmt unin)" = uninstall ] || fail "completion of binfmt unin: $(complete_words binfmt unin)"
[ "$(complete_words cache ba)" = bake ] || fail "completion of cache ba: $(complete_words cache ba)"
[ "$(complete_words binfmt install aa)" = aarch64 ] || fail "completion of install aa: $(complete_words binfmt install aa)"
[ "$(complete_words binfmt install --dr)" = --dry-run ] || fail "completion of --dr: $(complete_words binfmt install --dr)"
[ "$(complete_words -stra)" = -strace ] || fail "completion of -stra: $(complete_words -stra)"

# What is installed.
rm -rf "$build/installed"
DESTDIR=$build/installed cmake --install "$build" --prefix /usr > /dev/null || fail "cmake --install fails"
expected='lib/binfmt.d/anyarch.conf
bin/anyarch
bin/qemu-aarch64-static
share/bash-completion/completions/anyarch
share/man/man1/anyarch.1'
for file in $expected; do
    [ -e "$build/installed/usr/$file" ] || fail "not installed: $file"
done
[ "$("$build/installed/usr/bin/qemu-aarch64-static" -version | cut -d ' ' -f 1)" = qemu-aarch64 ] || fail "the link does not work"
cut -d : -f 2,7,8 "$build/installed/usr/lib/binfmt.d/anyarch.conf" | grep -q '^qemu-aarch64:/usr/bin/qemu-aarch64-static:PF$' ||
    fail "binfmt.d: $(cat "$build/installed/usr/lib/binfmt.d/anyarch.conf")"
rm -rf "$build/installed"
exit $failed
