#!/bin/sh
# run.sh - what the command line prints and returns, against the texts that scripts depend on.
#   run.sh ANYARCH WORK [ARM64-COMPILER]   without a compiler the parts that run a program are left out
set -u
anyarch=$(realpath "$1")
mkdir -p "$2"
cd "$2" || exit 1
compiler=${3:-}
ln -sf "$anyarch" qemu-aarch64-static
ln -sf "$anyarch" qemu-arm-static
ln -sf "$anyarch" buildkit-qemu-aarch64
ln -sf "$anyarch" aarch64-binfmt-P
ln -sf "$anyarch" anyarch
ln -sf "$anyarch" .buildkit_qemu_emulator
ln -sf "$anyarch" qemu-vax-static
mkdir -p names && ln -sf "$anyarch" names/check
failed=0

# expect NAME STATUS PATTERN COMMAND...: exit status, and a line of stdout and stderr that contains PATTERN (empty: no output).
expect() {
    name=$1 status=$2 pattern=$3
    shift 3
    output=$("$@" 2>&1 < /dev/null)
    got=$?
    if [ "$got" != "$status" ]; then
        echo "$name: exit status $got, expected $status; output: $output"
        failed=1
    fi
    if { [ -z "$pattern" ] && [ -n "$output" ]; } || ! printf '%s\n' "$output" | grep -qF -e "$pattern"; then
        echo "$name: output lacks '$pattern': $output"
        failed=1
    fi
}

e=./qemu-aarch64-static
printf 'no program' > text
chmod +x text
printf 'not executable' > plain
printf '\177ELF\2\1\1' > short
chmod +x short
expect no_program 1 'qemu: no user program specified' $e
expect unknown_option 1 "qemu: unknown option 'foo'" $e -foo
expect two_dashes 1 "qemu: unknown option 'foo'" $e --foo
expect missing_argument 1 "qemu: missing argument for option 'L'" $e -L
expect version 0 'qemu-aarch64 version ' $e -version
expect version_dashes 0 'qemu-aarch64 version ' $e --version
expect version_variable 0 'qemu-aarch64 version ' env QEMU_VERSION= $e ./plain
expect help 0 'usage: qemu-aarch64 [options] program [arguments...]' $e -h
expect help_table 0 'QEMU_LD_PREFIX    set the elf interpreter prefix' $e -help
expect log_help 1 'Log items (comma separated):' $e -d help
expect log_bad 1 'Log items (comma separated):' $e -d nosuchitem ./plain
expect cpu_help 1 'cortex-a53' $e -cpu help
expect bad_filter 1 'qemu-aarch64-static: Bad range specifier' $e -dfilter xx ./plain
expect bad_threshold 1 'malformed value' $e -tier2-threshold many ./plain
expect bad_fp_traps 1 'malformed value' $e -fp-traps -1 ./plain
expect bad_stack 1 'malformed value' $e -s 12x ./plain
expect missing_file 1 'qemu-aarch64-static: cannot load ./nothing: No such file or directory' $e ./nothing
expect no_permission 1 'cannot load ./plain: Permission denied' $e ./plain
expect directory 1 'Permission denied' $e .
expect not_elf 1 'Exec format error' $e ./text
expect truncated 1 'Exec format error' $e ./short
expect wrong_architecture 255 "$anyarch: Invalid ELF image for this architecture" $e "$anyarch"
expect wrong_architecture_says_what 255 'is a 64-bit little-endian x86_64 program; expected one for aarch64' $e "$anyarch"
expect other_guest 1 'qemu-arm-static: programs for arm cannot be translated yet' ./qemu-arm-static ./text
expect unknown_guest 1 'vax is no architecture known here' ./qemu-vax-static ./text
expect overview_untranslated 0 'known, not translated yet:' ./anyarch
expect overview_translated 0 '          aarch64' ./anyarch --help
expect applet_help 0 'usage: anyarch guests' ./anyarch guests --help
expect applet_by_name 1 'usage: anyarch check' names/check
expect native 3 '' ./anyarch /bin/sh -c 'exit 3'
expect overview 0 'usage: anyarch [options] PROGRAM [ARG...]' ./anyarch
expect guests 0 'riscv64' ./anyarch guests
expect syscalls 0 'openat' ./anyarch syscalls
expect syscalls_refused 0 'ptrace                     refused ' ./anyarch syscalls

if [ -n "$compiler" ]; then
    cat > show.c << 'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
extern char **environ;
int main(int argc, char **argv)
{
    struct utsname u;
    uname(&u);
    for (int i = 0; i < argc; i++)
        printf("[%s]", argv[i]);
    int variables = 0;
    for (char **p = environ; *p; p++)
        variables += !strncmp(*p, "QEMU_", 5) || !strncmp(*p, "ANYARCH_", 8);
    printf(" %s %s A=%s B=%s variables=%d secure=%ld execfn=%s\n", u.machine, u.release, getenv("A") ? getenv("A") : "-",
           getenv("B") ? getenv("B") : "-", variables, getauxval(AT_SECURE), (char *)getauxval(AT_EXECFN));
    return argc;
}
END
    "$compiler" -O1 -static -o show show.c && "$compiler" -O1 -static-pie -o show-pie show.c &&
        "$compiler" -O1 -o show-dynamic show.c || exit 1
    printf '#!./show  -x  y \n' > script
    printf '#!./script\n' > script2
    printf '#!./loop\n' > loop
    printf '#!\n' > empty
    chmod +x script script2 loop empty
    expect plain 3 '[./show][a][b c] aarch64' $e ./show a 'b c'
    expect pie 1 '[./show-pie] aarch64' $e ./show-pie
    expect argv0 1 '[other] aarch64' $e -0 other ./show
    expect uname 1 'aarch64 9.8.7 A=' $e -r 9.8.7 ./show
    expect environment 1 'A=1 B=2 ' $e -E A=1,B=2 ./show
    expect environment_unset 1 'A=- B=2 ' env A=9 B=2 $e -U A ./show
    expect environment_variable 1 'A=5 ' env QEMU_SET_ENV=A=5 $e ./show
    expect options_end 2 '[./show][-version]' $e -- ./show -version
    expect script 4 '[./show][-x  y][./script][s] aarch64' $e ./script s
    expect script_nested 4 '[./show][-x  y][./script][./script2]' $e ./script2
    expect script_loop 1 'cannot load ./loop: ' $e ./loop
    expect script_empty 1 'Exec format error' $e ./empty
    expect search_path 1 '[show] aarch64' env "PATH=$PWD" $e show
    expect by_header 1 '[./show] aarch64' ./anyarch ./show
    expect by_header_run 1 '[./show] aarch64' ./anyarch run ./show
    expect buildkit_name 1 '[./show] aarch64' ./buildkit-qemu-aarch64 ./show
    cp show check
    expect buildkit_hook 2 '[check][a] aarch64' env "PATH=$PWD" ./.buildkit_qemu_emulator check a
    rm -f check
    expect buildkit_hook_path 1 '[./show] aarch64' ./.buildkit_qemu_emulator ./show
    cp show other-machine
    printf '\050' | dd of=other-machine bs=1 seek=18 conv=notrunc 2> /dev/null # arm
    printf '\001' | dd of=other-machine bs=1 seek=4 conv=notrunc 2> /dev/null # 32 bits
    expect known_not_translated 255 'armv7l program, which cannot be translated yet' ./anyarch ./other-machine
    expect binfmt_name 2 '[zero][one] aarch64' ./aarch64-binfmt-P ./show zero one
    expect strace 1 'exit_group(1)' $e -strace ./show
    expect no_interpreter 1 "Could not open '/lib/ld-linux-aarch64.so.1'" $e -L /nowhere ./show-dynamic
    expect interpreter_engine 1 '[./show] aarch64' $e -engine interp ./show
    expect prof 1 'how it ends' $e -d prof ./show
    expect prof_block 1 '    1  0x' $e -d prof -no-tier2 ./show
    expect log_file 1 '[./show] aarch64' $e -d strace -D log.%d ./show
    if ! cat log.* | grep -qF 'exit_group(1)'; then
        echo "log_file: no log"
        failed=1
    fi
    rm -f log.*
    expect little_address_space 1 '[./show] aarch64' sh -c "ulimit -v 200000; exec $e ./show"
    # A set-id program obeys neither variables nor options (AT_SECURE), and does not hand the variables on.
    cp "$anyarch" set-id
    if [ "$(id -u)" = 0 ] && chown 65534 set-id && chmod 4755 set-id && ./set-id ./show | grep -q secure=1; then
        expect secure_variables 1 '[./show] aarch64' env QEMU_SET_ENV=A=1 QEMU_STRACE=1 QEMU_UNAME=9.8.7 ./set-id ./show
        expect secure_unset 1 'A=- B=- variables=0' env QEMU_SET_ENV=A=1 ANYARCH_ENGINE=jit ./set-id ./show
        expect secure_options 1 'A=- B=- ' ./set-id -E B=2 -r 9.8.7 -L /nowhere -strace ./show
        if printf '%s\n' "$output" | grep -qE 'exit_group|9.8.7'; then
            echo "secure_options: obeyed: $output"
            failed=1
        fi
        expect secure_version 0 'qemu-user version ' ./set-id -version
        expect not_secure 1 'A=1 B=- variables=1' env -u ANYARCH_CACHE QEMU_SET_ENV=A=1 $e -cache off ./show
    else
        echo "secure: not tested: needs root, and set-id programs allowed here"
    fi
    rm -f set-id
    libraries=$(dirname "$("$compiler" -print-file-name=libc.so.6)")/..
    if [ -e "$libraries/lib/ld-linux-aarch64.so.1" ]; then
        expect dynamic 1 '[./show-dynamic] aarch64' $e -L "$libraries" ./show-dynamic
    fi
    # CPU models: what real machines of these CPUs report (the cores' manuals; Linux without evtstrm, SVE, LSE2).
    cat > cpu.c << 'END'
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
int main(void)
{
    unsigned long midr, isar0;
    char line[1000] = "";
    asm("mrs %0, midr_el1" : "=r"(midr));
    asm("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f) && strncmp(line, "Features", 8))
        ;
    printf("%lx %lx %lx %lx %s", midr, isar0, getauxval(AT_HWCAP), getauxval(AT_HWCAP2), line);
    return 0;
}
END
    "$compiler" -O1 -static -o cpu cpu.c || exit 1
    expect cpu_a53 0 '410fd034 11120 8fb 0 Features	: fp asimd aes pmull sha1 sha2 crc32 cpuid' $e -cpu cortex-a53 ./cpu
    expect cpu_a72 0 '410fd083 11120 8fb 0 Features	: fp asimd aes pmull sha1 sha2 crc32 cpuid' $e -cpu cortex-a72 ./cpu
    expect cpu_n1 0 'fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs' \
        $e -cpu neoverse-n1 ./cpu
    expect cpu_n1_registers 0 '414fd0c1 100010211120 10119ffb 0 ' $e -cpu neoverse-n1 ./cpu
    expect cpu_default 0 '414fd0c1 ' $e ./cpu
    expect cpu_v1 0 'fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc dcpop sha3 sm3 sm4 asimddp sha512 asimdfhm dit uscat ilrcpc flagm ssbs paca pacg dcpodp i8mm bf16 dgh rng' \
        $e -cpu neoverse-v1 ./cpu
    expect cpu_v1_registers 0 '411fd401 1011111110212120 ' $e -cpu neoverse-v1-without-SVE ./cpu
    expect cpu_off 0 '410fd083 11100 8e3 0 ' $e -cpu cortex-a72,aes=off,pmull=off ./cpu
    expect cpu_off_needed 0 '410fd083 11100 8e3 0 ' $e -cpu cortex-a72,aes=off ./cpu
    expect cpu_on 0 ' crc32 atomics cpuid' $e -cpu cortex-a72,atomics=on ./cpu
    expect cpu_pauth 0 ' paca pacg ' $e -cpu max,pauth=on ./cpu
    expect cpu_unknown 1 "unable to find CPU model 'sve=on'" $e -cpu max,sve=on ./cpu
    expect cpu_without 132 'Illegal instruction' $e -cpu max,cpuid=off ./cpu
    head -c 5000 show > cut
    chmod +x cut
    expect cut 1 'is truncated: segment 0 ends at byte' $e ./cut
fi
exit $failed
