#!/bin/bash
# binfmt.sh - the binfmt applet and its personalities, on a folder that looks like binfmt_misc and on the real one.
#   binfmt.sh ANYARCH WORK [ARM64-COMPILER]
# The real one is that of a user name space of its own (Linux 6.7), so the machine's is not touched; where that cannot
# be had, the last lines say so. Expected lines are those of the registration scripts in use and of the kernel.
set -u
anyarch=$(realpath "$1")
script=$(realpath "$0")
mkdir -p "$2"
work=$(realpath "$2")
compiler=${3:-}
magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
failed=0

# same NAME EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && return
    printf '%s: expected\n%s\ngot\n%s\n' "$1" "$2" "$3"
    failed=1
}

# expect NAME STATUS PATTERN COMMAND...: exit status, and text that stdout and stderr together contain.
expect() {
    local name=$1 status=$2 pattern=$3 output got
    shift 3
    output=$("$@" 2>&1 < /dev/null)
    got=$?
    [ "$got" = "$status" ] || { echo "$name: exit status $got, expected $status: $output"; failed=1; }
    grep -qF -e "$pattern" <<< "$output" || { echo "$name: output lacks '$pattern': $output"; failed=1; }
}

fake_folder() {
    rm -rf fake
    mkdir fake
    echo enabled > fake/status
    : > fake/register
    printf 'enabled\ninterpreter /init\nflags: PF\noffset 0\nmagic 4d5a\n' > fake/WSLInterop
}

# entry NAME INTERPRETER: an arm64 entry as the kernel shows it
entry() {
    printf 'enabled\ninterpreter %s\nflags: F\noffset 0\nmagic %s\nmask %s\n' "$2" \
        7f454c460201010000000000000000000200b700 ffffffffffffff00fffffffffffffffffeffffff > "fake/$1"
}

test_fake() {
    local binfmt=(bin/anyarch binfmt) out
    fake_folder
    expect install 0 "aarch64: registered, $PWD/bin/qemu-aarch64-static, flags PF" "${binfmt[@]}" install --mount fake
    same install_line ":qemu-aarch64:M::$magic:$mask:$PWD/bin/qemu-aarch64-static:PF" "$(cat fake/register)"
    expect install_says_what_not 0 'cannot be translated yet: aarch64_be, arm, ' "${binfmt[@]}" install --mount fake
    expect install_flags 0 'flags OF' "${binfmt[@]}" install --mount=fake --flags OF --path /usr/bin linux/arm64/v8
    same install_flags_line ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:OF" "$(cat fake/register)"
    expect install_no_flags 0 'flags none' "${binfmt[@]}" install --mount fake --flags - --path /usr/bin arm64
    same install_no_flags_line ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:" "$(cat fake/register)"
    expect flag_c_warns 0 'warning: flag C' "${binfmt[@]}" install --mount fake --flags PFC
    mkdir -p alone
    cp "$anyarch" alone/emu
    expect own_file 0 "$PWD/alone/emu, flags PF" alone/emu binfmt install --mount fake arm64

    # What makes no sense changes nothing.
    : > fake/register
    expect host_family 1 'runs such programs itself' "${binfmt[@]}" install --mount fake arm64 amd64
    expect host_family_386 1 'runs such programs itself' "${binfmt[@]}" install --mount fake 386
    expect not_translated 1 'cannot be translated yet' "${binfmt[@]}" install --mount fake s390x
    expect unknown_arch 1 'no such architecture' "${binfmt[@]}" install --mount fake arm46
    expect bad_flags 1 'the flags are P, O, C and F' "${binfmt[@]}" install --mount fake --flags PX
    expect bad_option 1 "unknown option '--presistent'" "${binfmt[@]}" install --presistent
    expect no_value 1 'option --path needs a value' "${binfmt[@]}" install --path
    expect bad_verb 1 "but no 'instal'" "${binfmt[@]}" instal
    expect command_needs_user 1 'needs --user' "${binfmt[@]}" install --mount fake -- true
    expect long_path 1 'no interpreter path of more than 127 bytes' "${binfmt[@]}" install --mount fake \
        --path "/$(printf '%0150d' 0)" arm64
    expect not_mounted 1 'cannot mount binfmt_misc filesystem at nowhere' "${binfmt[@]}" install --mount nowhere arm64
    expect uninstall_nothing 1 'uninstall: name entries' "${binfmt[@]}" uninstall --mount fake
    expect uninstall_missing 1 'qemu-arm: no such entry' "${binfmt[@]}" uninstall --mount fake qemu-arm
    same mistakes_change_nothing '' "$(cat fake/register)"

    entry qemu-aarch64 /usr/bin/other-emulator
    expect foreign_entry 1 'belongs to /usr/bin/other-emulator already; --replace' "${binfmt[@]}" install --mount fake
    same foreign_entry_stays '' "$(cat fake/register)"
    expect dry_run 0 'echo -1 > fake/qemu-aarch64' "${binfmt[@]}" install --mount fake --dry-run --replace arm64
    same dry_run_changes_nothing '' "$(cat fake/register)"
    out=$("${binfmt[@]}" status --mount fake)
    expect status 0 'qemu-aarch64         enabled   F     aarch64      /usr/bin/other-emulator' echo "$out"
    "${binfmt[@]}" status --mount fake --json | python3 -c 'import json, sys
s = json.load(sys.stdin)
assert s["mounted"] and s["enabled"], s
assert [e["name"] for e in s["entries"]] == ["WSLInterop", "qemu-aarch64"], s
assert s["entries"][1]["guest"] == "aarch64" and s["entries"][0]["guest"] is None, s' || failed=1
    entry other-aarch64 /usr/bin/other-emulator
    rm fake/qemu-aarch64
    expect rival 0 'note: entry other-aarch64 (/usr/bin/other-emulator) also takes' "${binfmt[@]}" install --mount fake
    expect uninstall_pattern 0 'other-aarch64: removed' "${binfmt[@]}" uninstall --mount fake '*'
    same uninstall_wrote '-1' "$(cat fake/other-aarch64)"
    expect uninstall_keeps_wsl 0 'interpreter /init' cat fake/WSLInterop

    same export_systemd ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:PF" \
        "$("${binfmt[@]}" export systemd arm64)"
    same export_debian "package anyarch
interpreter /opt/qemu-aarch64-static
magic $magic
offset 0
mask $mask
credentials no
fix_binary yes
preserve yes" "$("${binfmt[@]}" export debian --path /opt)"
    "${binfmt[@]}" export systemd --dir . && expect export_file 0 ':qemu-aarch64:M::' cat qemu-aarch64.conf
    expect export_what 1 'say systemd (binfmt.d) or debian' "${binfmt[@]}" export
}

test_docker_style() {
    local out
    fake_folder
    ln -sf "$anyarch" bin/qemu-aarch64
    out=$(QEMU_BINARY_PATH=$PWD/bin bin/binfmt --mount fake --install all 2> err)
    same docker_install_all 'installing: arm64 OK' "$(cat err)"
    same docker_line ":qemu-aarch64:M::$magic:$mask:$PWD/bin/qemu-aarch64:FP" "$(cat fake/register)"
    python3 -c 'import json, sys
s = json.loads(sys.argv[1])
assert list(s) == ["supported", "emulators"] and s["supported"][0] == "linux/amd64", s
assert s["emulators"] == ["WSLInterop"], s' "$out" || failed=1
    entry qemu-aarch64 /usr/bin/qemu-aarch64
    bin/binfmt -mount=fake -install arm64,vax,arm,amd64 > out 2> err
    same docker_status 0 $?
    same docker_messages "installing: arm64 qemu-aarch64 already registered
installing: vax unsupported architecture: vax
installing: arm unsupported architecture: arm (known, but cannot be translated yet)" "$(cat err)"
    grep -qF '    "qemu-aarch64"' out || { echo "docker: no emulators"; failed=1; }
    rm fake/WSLInterop
    bin/binfmt --mount fake --uninstall 'qemu-*,x' > /dev/null 2> err
    same docker_uninstall "uninstalling: qemu-aarch64 OK
uninstalling: x not found" "$(cat err)"
    rm fake/qemu-aarch64
    expect docker_null 0 '"emulators": null' bin/binfmt --mount fake
    expect docker_version 0 'binfmt/' bin/binfmt --mount fake --version
    expect docker_by_applet 0 '"supported": [' bin/anyarch binfmt --mount fake --uninstall none
    expect docker_bad_option 1 'flag provided but not defined: -instal' bin/binfmt --instal all
    expect docker_missing 1 'flag needs an argument: -install' bin/binfmt --install
    expect docker_mount 1 'error: cannot mount binfmt_misc filesystem at nowhere' bin/binfmt --mount nowhere
}

test_install_to() {
    mkdir -p to
    expect install_to 0 '' bin/anyarch install-to to
    expect install_to_again 0 '' bin/anyarch install-to to
    same install_to_files 'anyarch buildkit-qemu-aarch64 qemu-aarch64-static' "$(echo $(ls to))"
    cmp "$anyarch" to/buildkit-qemu-aarch64 || failed=1
    expect install_to_nowhere 1 'nowhere/anyarch.new: No such file or directory' bin/anyarch install-to nowhere
    expect version 0 . bin/anyarch version
}

test_doctor() {
    expect doctor 0 'under this file: a test program runs' bin/anyarch doctor
    expect doctor_bad_option 1 'doctor has the options' bin/anyarch doctor --jsno
    fake_folder
    entry qemu-aarch64 /usr/bin/other-emulator
    expect doctor_entry 0 '/usr/bin/other-emulator (flags F) takes programs for aarch64' bin/anyarch doctor --mount fake
    sed -i 's/flags: F/flags: P/' fake/qemu-aarch64
    expect doctor_missing 0 'does not exist here; register with flag F' bin/anyarch doctor --mount fake
    cp fake/qemu-aarch64 fake/other
    expect doctor_conflict 0 '2 take programs for aarch64; the newest wins' bin/anyarch doctor --mount fake
    bin/anyarch doctor --json --mount fake | python3 -c 'import json, sys
d = json.load(sys.stdin)
assert d["ok"] is True, d
assert {c["check"] for c in d["checks"]} >= {"kernel", "seccomp", "binfmt_misc", "user namespace", "CPU", "aarch64"}, d
assert all(c["state"] in ("ok", "note", "bad") and c["text"] for c in d["checks"]), d' || failed=1
}

test_conf_sh() {
    local conf=bin/qemu-binfmt-conf.sh
    expect conf_help 1 'usage: qemu-binfmt-conf.sh' $conf -h
    expect conf_yes_no 1 '--persistent maybe: say yes or no' $conf -p maybe
    expect conf_option 1 'no such option' $conf --persist
    expect conf_operand 1 'ALL: no such option' $conf ALL
    expect conf_reset 1 '--reset: it must be the first option' bin/register -p yes --reset --systemd ALL
    mkdir -p exported
    expect conf_systemd 0 'Setting /usr/bin/qemu-aarch64-static as binfmt interpreter for aarch64 for systemd-binfmt' \
        $conf -Q /usr/bin -F -static -s ALL -e exported -p yes -c yes
    same conf_file ":qemu-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:OCF" "$(cat exported/qemu-aarch64.conf)"
    expect conf_debian 0 '' $conf --debian --exportdir exported --preserve-argv0 yes --qemu-path /usr/bin
    expect conf_debian_file 0 'preserve yes' cat exported/qemu-aarch64
    expect conf_other_host 1 'no CPU of this name' env HOST_ARCH=aarch64 $conf --systemd ALL --exportdir exported
    expect conf_untranslated 1 's390x: no CPU of this name' $conf --systemd s390x --exportdir exported
}

# In the name space: root of it, with a binfmt_misc of our own.
test_real() {
    local folder=/proc/sys/fs/binfmt_misc binfmt=(bin/anyarch binfmt) flags want
    expect real_install 0 'registered,' "${binfmt[@]}" install --user
    same real_entry "enabled
interpreter $PWD/bin/qemu-aarch64-static
flags: PF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff" "$(cat $folder/qemu-aarch64)"
    expect real_again 0 'replaced,' "${binfmt[@]}" install --user
    same real_no_rest "qemu-aarch64 register status" "$(echo $(ls $folder))"
    expect real_docker 0 '"linux/arm64"' bin/binfmt
    expect real_exists 1 'qemu-aarch64: registered already' bin/register
    expect real_check 0 'aarch64: a test program runs' "${binfmt[@]}" check
    expect real_uninstall 0 'qemu-aarch64: removed' "${binfmt[@]}" uninstall arm64
    expect real_F_missing 1 'does not exist, and flag F needs it' "${binfmt[@]}" install --user --path /nowhere arm64
    expect real_docker_missing 0 'cannot register "/nowhere/qemu-aarch64"' env QEMU_BINARY_PATH=/nowhere bin/binfmt \
        --install arm64
    same real_still_nothing "register status" "$(echo $(ls $folder))"

    expect real_check_fails 1 'aarch64: a test program does not start: Exec format error' "${binfmt[@]}" check
    "${binfmt[@]}" install --user --hold > held &
    local pid=$!
    for _ in $(seq 100); do grep -q held held && break; sleep 0.05; done
    same held "flags: PF" "$(grep ^flags $folder/qemu-aarch64)"
    kill $pid
    wait $pid
    same held_status 0 $?
    same held_removed "register status" "$(echo $(ls $folder))"

    # The documented lines of the container images.
    expect register 0 "Setting $PWD/bin/qemu-aarch64-static as binfmt interpreter for aarch64" \
        env "QEMU_BIN_DIR=$PWD/bin" bin/register --reset -p yes
    same register_entry "flags: F" "$(grep ^flags $folder/qemu-aarch64)"
    expect register_reset 0 'Setting' env "QEMU_BIN_DIR=$PWD/bin" bin/register --reset --credential yes -p yes
    same register_credential "flags: OCF" "$(grep ^flags $folder/qemu-aarch64)"
    echo -1 > $folder/qemu-aarch64
    same register_removed "register status" "$(echo $(ls $folder))"
    expect switched_off 1 'binfmt_misc is switched off' sh -c "echo 0 > $folder/status; bin/anyarch binfmt install --user"
    echo 1 > $folder/status
    "${binfmt[@]}" uninstall all > /dev/null
    [ -n "$compiler" ] || return

    # What the program sees, for each combination of flags; without P the kernel does not pass argv[0] on.
    for flags in - F P PF O OF C OPF OPCF; do
        expect "flags_$flags" 0 'registered' "${binfmt[@]}" install --user --flags $flags
        want='[./show][one][-L two] execfn=./show aarch64'
        [[ $flags = *P* ]] && want=${want/.\/show/MYARGV0}
        same "argv_$flags" "$want" "$(exec -a MYARGV0 ./show one '-L two' 2>&1 | sed "s#$PWD/#./#g")"
        same "script_$flags" '[./show][-x  y][./script][s] execfn=./script aarch64' \
            "$(./script s)"
        # An applet's name, and one that looks like an option where the kernel says who started us.
        same "applet_name_$flags" "[check][a] execfn=check aarch64" \
            "$(cd names && exec -a check env -i "$PWD/check" a 2>&1 | sed "s#$PWD/##g")"
        "${binfmt[@]}" uninstall all > /dev/null
    done

    # F and an empty root: no /proc, no copy of us; children too.
    expect empty_root_install 0 'registered' "${binfmt[@]}" install --user
    rm -rf root
    mkdir root
    cp show spawn root
    same empty_root '[/show] execfn=/show aarch64' "$(chroot root /show)"
    same empty_root_children '[/show][child] execfn=/show aarch64' "$(chroot root /spawn /show child)"
    "${binfmt[@]}" uninstall all > /dev/null
    # Nothing registered: our file in the root is enough, by whatever name.
    cp "$anyarch" root/emu
    same unregistered_children '[/show][child] execfn=/show aarch64' "$(chroot root /emu /spawn /show child)"
    cp "$anyarch" root/.buildkit_qemu_emulator
    same buildkit_children '[/show][child] execfn=/show aarch64' \
        "$(chroot root /.buildkit_qemu_emulator /spawn /show child)"
    expect not_registered 126 'Exec format error' bash -c ./show
}

if [ "${4:-}" = inside ]; then
    cd "$work" || exit 1
    # The list that was there before, as of the machine's own, is not to be touched.
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 1
    echo ':outer:E::outer::/bin/true:' > /proc/sys/fs/binfmt_misc/register
    outer=$(ls -x /proc/sys/fs/binfmt_misc)
    unshare -Urm "$script" "$anyarch" "$work" "$compiler" deeper || failed=1
    same outer_untouched "$outer" "$(ls -x /proc/sys/fs/binfmt_misc)"
    exit $failed
fi
if [ "${4:-}" = deeper ]; then
    cd "$work" || exit 1
    test_real
    exit $failed
fi

rm -rf "$work"
mkdir -p "$work/bin" "$work/names"
cd "$work" || exit 1
for name in anyarch qemu-aarch64-static binfmt register qemu-binfmt-conf.sh; do
    cp "$anyarch" bin/$name
done
if [ -n "$compiler" ]; then
    cat > show.c << 'END'
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
int main(int argc, char **argv)
{
    struct utsname u;
    uname(&u);
    for (int i = 0; i < argc; i++)
        printf("[%s]", argv[i]);
    printf(" execfn=%s %s\n", (char *)getauxval(AT_EXECFN), u.machine);
}
END
    cat > spawn.c << 'END'
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    if (!fork()) {
        execv(argv[1], argv + 1);
        _exit(9);
    }
    int status;
    wait(&status);
    return argc < 2 || status;
}
END
    "$compiler" -O1 -static -o show show.c && "$compiler" -O1 -static -o spawn spawn.c || exit 1
    printf '#!./show  -x  y \n' > script
    chmod +x script
    cp show names/check
fi
test_fake
test_docker_style
test_conf_sh
test_install_to
test_doctor
if unshare -Urm mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2> err; then
    unshare -Urm "$script" "$anyarch" "$work" "$compiler" inside || failed=1
else
    echo "not tested here, no binfmt_misc in a user name space: $(cat err)"
fi
exit $failed
