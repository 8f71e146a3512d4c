#!/bin/bash
# run.sh - the translation cache from outside: what is written and used, when it is not trusted, damage, many writers.
#   run.sh ANYARCH SOURCE-FOLDER WORK ARM64-COMPILER
set -u
anyarch=$(realpath "$1") source=$(realpath "$2") compiler=$4
rm -rf "$3"
mkdir -p "$3" && cd "$3" || exit 1
failed=0
cc=("$compiler" -std=gnu11 -O2 -static -w -Wl,--build-id=none "$source/main.c")
"${cc[@]}" -o program && "${cc[@]}" -DVALUE=43 -o other || exit 77
"$anyarch" -cache off ./program > expected 2>&1
grep -q '^value 42$' expected || { echo "the program fails without a cache"; cat expected; exit 1; }
sed 's/^value 42$/value 43/; s/^patched 42$/patched 43/' expected > expected43

fail() { echo "$1: ${*:2}"; failed=1; }
cached() { ls "$1" 2> /dev/null | grep -c '\.tbc$'; }

# run NAME FOLDER [OPTION...]: the program's output must be right. Leaves the log's line in $line.
run() {
    local name=$1 folder=$2
    shift 2
    ANYARCH_CACHE=$folder "$anyarch" -D log.$$ -d cache "$@" ./program > output 2>&1 || fail "$name" "exit status $?"
    cmp -s output expected || { fail "$name" "wrong output"; diff expected output | head -5; }
    line=$(grep -h '^cache:.* program:' log.$$ 2> /dev/null | tail -n 1)
    rm -f log.$$
}
hits() { [[ $line =~ ([0-9]+)\ hits,\ ([0-9]+)\ misses ]] && echo "${BASH_REMATCH[1]}" || echo 0; }

# -- Use --
run cold c
[ "$(cached c)" = 1 ] || fail cold "no file was written"
[ "$(stat -c %a c)" = 700 ] || fail cold "the folder's mode is $(stat -c %a c)"
run warm c
[ "$(hits)" -gt 20 ] || fail warm "not used: $line"
# What the program does to its own code must not cost the others their place. What there was no time for is there by now.
# A few blocks are written now and then only.
for i in {1..40}; do
    cp c/*.tbc file.1
    for j in 1 2 3 4; do run "warm $i $j" c; done
    cmp -s c/*.tbc file.1 && break
done
((i < 40)) || fail warm "written again and again: $line"
run verified c -cache verify
[ "$(hits)" -gt 20 ] || fail verified "nothing compared: $line"
run "verified, folder named" off -cache verify:c
[ "$(hits)" -gt 20 ] || fail "verified, folder named" "nothing compared: $line"
for option in -no-opt -one-insn-per-tb "-cpu cortex-a53" "-host-off all"; do
    # shellcheck disable=SC2086
    run "$option" c $option
    [ "$(hits)" = 0 ] || fail "$option" "blocks of other options were used: $line"
    # shellcheck disable=SC2086
    run "$option again" c $option
    [ "$(hits)" -gt 0 ] || fail "$option again" "not used: $line"
    # shellcheck disable=SC2086
    run "$option verified" c $option -cache verify
done
run small_code c -code-size 1M
run interpreter c -engine interp
[ -z "$line" ] || fail interpreter "it uses the cache: $line"
cp -r c before
ANYARCH_CACHE=c "$anyarch" -cache off ./program | cmp -s - expected || fail off "wrong output"
diff -r c before > /dev/null || fail off "the folder has changed"
(cd / && HOME=$OLDPWD/home XDG_CACHE_HOME=$OLDPWD/xdg "$anyarch" -cache off "$OLDPWD/program") > /dev/null
[ ! -e home ] && [ ! -e xdg ] || fail off "a default folder was made"
if [ "$(id -u)" != 0 ]; then
    env -u ANYARCH_CACHE XDG_CACHE_HOME="$PWD/xdg" "$anyarch" ./program | cmp -s - expected || fail xdg "wrong output"
    [ "$(cached xdg/anyarch)" = 1 ] || fail xdg "no file was written"
    env -u ANYARCH_CACHE -u XDG_CACHE_HOME HOME="$PWD/home" "$anyarch" ./program | cmp -s - expected || fail home "wrong output"
    [ "$(cached home/.cache/anyarch)" = 1 ] || fail home "no file was written"
fi

# -- execve: saved before, and options reach the new program --
rm -rf e
"$anyarch" -cache e ./program exec ./program > output 2>&1
tail -n +1 expected > tail && tail -n "$(wc -l < expected)" output | cmp -s - tail || fail exec "wrong output"
[ "$(cached e)" = 1 ] || fail exec "no file was written"
# What a new program is told of the CPU is believed if it is well formed.
none=00000000,00000000,00000000,00000000,00000000
"$anyarch" -cache off -hostcpu $none ./program 2>&1 | grep -q 'CPU is too old' || fail hostcpu "words are not used"
for words in "" x ${none}0 ${none%0} "${none/,/;}"; do
    "$anyarch" -cache off -hostcpu "$words" ./program 2>&1 | cmp -s - expected || fail hostcpu "'$words' is no list of words"
done

# -- Many processes that each add a little: segments, and all in one again --
mkdir -m 700 parts
for pass in 1 2 3; do
    for i in $(seq 0 31); do
        "$anyarch" -cache off ./program work "$i" > part.expected
        ANYARCH_CACHE=parts "$anyarch" ./program work "$i" 2>&1 | cmp -s - part.expected || fail parts "wrong output of part $i, pass $pass"
    done
    ANYARCH_CACHE=parts "$anyarch" cache verify program > /dev/null || fail parts "damaged"
done
run parts parts
for i in 1 2 3; do line=$(ANYARCH_CACHE=parts "$anyarch" -d cache ./program work 31 2>&1 | grep ' program:'); done
[[ $line =~ \ [0-7]\ misses ]] || fail parts "not all was kept: $line"
for i in 0 9 31; do ANYARCH_CACHE=parts "$anyarch" -cache verify ./program work $i > /dev/null || fail parts "part $i differs"; done
# Damage at the end costs the last segment only.
cp -r parts ends
for f in ends/*.tbc; do printf 'XXXXXXXX' | dd of="$f" bs=1 seek=$(($(stat -c %s "$f") - 8)) conv=notrunc status=none; done
for i in $(seq 0 31) -1 $(seq 0 31); do
    [ "$i" = -1 ] && sleep 4 && continue # from then on all of a file is checked once
    "$anyarch" -cache off ./program work "$i" > part.expected
    ANYARCH_CACHE=ends "$anyarch" ./program work "$i" 2>&1 | cmp -s - part.expected || fail "damaged end" "wrong output of part $i"
done
ANYARCH_CACHE=ends "$anyarch" cache verify program > /dev/null || fail "after a damaged end" "not replaced"

# -- Hot loops: their regions are kept, and so run from the start; others are found when jumps inside the file are counted,
#    and take their heads' places --
"$anyarch" -cache off ./program work 7 3000000 > hot.expected
# How many regions were made, and how many there were: of a run with FOLDER and so many turns.
regions() {
    ANYARCH_CACHE=$1 "$anyarch" -D hot.log -d stats,cache ./program work 7 "$2" > output 2>&1 || fail hot "exit status $?"
    [ "$2" != 3000000 ] || cmp -s output hot.expected || fail hot "wrong output: $(head -c 100 output)"
    made=$(sed -n 's/.*stats: regions \([0-9]*\) .*/\1/p' hot.log) kept=$(sed -n 's/.* \([0-9]*\) regions, .*/\1/p' hot.log)
}
regions hot 3000000
[ "$made" -gt 0 ] && [ "$kept" = 0 ] || fail hot "$made regions in the first run"
# Run with FOLDER and so many turns until there are regions and no more are made: the others count, too.
settle() {
    for _ in {1..40}; do
        regions "$1" "$2"
        [ "$made" = 0 ] && [ "$kept" -gt 0 ] && return
    done
    fail "$1" "the last run made $made regions and found $kept"
}
regions hot 3000000
[ "$kept" -gt 0 ] || fail hot "none was kept"
settle hot 3000000
ANYARCH_CACHE=hot "$anyarch" cache verify program > /dev/null || fail hot "damaged"
ANYARCH_CACHE=hot "$anyarch" -cache verify ./program work 7 3000000 2>&1 | cmp -s - hot.expected || fail hot "a region differs"
regions cool 3
[ "$made$kept" = 00 ] || fail cool "a loop of few turns was found to be hot: $made, $kept"
for i in 1 2 3 4; do regions cool 3; done
regions cool 30000
[ "$made" -gt 0 ] || fail cool "no loop was found"
settle cool 3000000
ANYARCH_CACHE=cool "$anyarch" cache verify program > /dev/null || fail cool "damaged"
ANYARCH_CACHE=cool "$anyarch" -cache verify ./program work 7 3000000 2>&1 | cmp -s - hot.expected || fail cool "a region differs"

# A loop that is hot in no process, but in several together.
regions mild 100
[ "$made$kept" = 00 ] || fail mild "a loop of 100 turns is hot: $made, $kept"
settle mild 100
ANYARCH_CACHE=mild "$anyarch" cache verify program > /dev/null || fail mild "damaged"
"$anyarch" -cache off ./program work 7 100 > mild.expected
for i in "" verify:; do "$anyarch" -cache ${i}mild ./program work 7 100 2>&1 | cmp -s - mild.expected || fail mild "wrong output"; done

# -- A thread in a loop that another changes --
"$compiler" -std=gnu11 -O2 -static -w -pthread "$source/spin.c" -o spin || exit 77
for way in long long "" "" ""; do
    # shellcheck disable=SC2086
    ANYARCH_CACHE=spin.cache timeout 60 "$anyarch" -D spin.log -d cache ./spin $way > output 2>&1 || fail spin "$way: exit status $?: $(cat output)"
done
grep -q ' [1-9][0-9]* regions,' spin.log || fail spin "no region was kept: $(cat spin.log)"

# -- Another program under the same name and of the same first page --
cp -r c mixed
cp program kept && cp other program
cp expected expected42 && cp expected43 expected
for i in 1 2 3; do run "other program, run $i" mixed; done
[ "$(cached mixed)" = "$(cached c)" ] || fail "other program" "has a file of its own"
[ "$(hits)" -gt 20 ] || fail "other program" "not used: $line"
mv kept program && cp expected42 expected
for i in 1 2 3; do run "first program again, run $i" mixed; done
[ "$(hits)" -gt 20 ] || fail "first program again" "not used: $line"

# -- Damage: a file that is not whole is not believed, and replaced --
cp -r c damaged
for f in damaged/*.tbc; do truncate -s 5000 "$f"; done
run truncated damaged
[ "$(hits)" = 0 ] || fail truncated "used: $line"
run "after truncation" damaged
[ "$(hits)" -gt 20 ] || fail "after truncation" "not replaced: $line"
for f in damaged/*.tbc; do : > "$f"; done
run empty damaged
for f in damaged/*.tbc; do head -c 100000 /dev/zero | dd of="$f" bs=4096 seek=1 conv=notrunc status=none; done
run zeroed damaged
for i in 1 2 3 4; do # a part where no process looks is found bad by one that looks at all for a mark, and all is made again
    run "after zeros, run $i" damaged
    [ "$(hits)" -gt 20 ] && break
done
[ "$(hits)" -gt 20 ] || fail "after zeros" "not replaced: $line"

# -- A file that was whole is not checked again, until it changes --
cp -r c marked
sleep 4 # a file that changed just now gets no mark
run "before the mark" marked
[[ $line != *"(marked)"* ]] || fail mark "there before the file was checked: $line"
for i in 1 2 3 4 5; do
    run "with a mark $i" marked
    [[ $line == *"(marked)"* ]] && break
    sleep 4 # the last run may have written a few blocks that were left
done
[[ $line == *"(marked)"* ]] && [ "$(hits)" -gt 20 ] || fail mark "none, or not used: $line"
for f in marked/*.tbc; do head -c 100000 /dev/zero | dd of="$f" bs=4096 seek=1 conv=notrunc status=none; done
run "zeroed after the mark" marked
[[ $line != *"(marked)"* ]] || fail mark "of a file that has changed: $line"
head -c 32768 /dev/urandom > marked/marks
run "other marks" marked
[[ $line != *"(marked)"* ]] || fail mark "random bytes are one: $line"
ANYARCH_CACHE=marked "$anyarch" cache clear > /dev/null
[ -z "$(ls -A marked)" ] || fail mark "clear leaves $(ls -A marked)"

# -- Trust --
untrusted() { run "$@"; [ "$(hits)" = 0 ] || fail "$1" "was trusted: $line"; }
for mode in 777 770 702; do
    cp -r c open && chmod $mode open
    untrusted "folder of mode $mode" open
    rm -r open
done
for mode in 666 660 602; do
    cp -r c open && chmod $mode open/*.tbc
    untrusted "file of mode $mode" open
    rm -r open
done
ln -s c link
untrusted "symbolic link as folder" link
mkdir -m 700 links && for f in c/*.tbc; do ln -s "../$f" links/; done
untrusted "symbolic links as files" links
mkdir -m 700 fifos && for f in c/*.tbc; do mkfifo "fifos/${f#c/}"; done
untrusted "pipes as files" fifos
if [ "$(id -u)" = 0 ]; then
    cp -r c foreign && chown 65534 foreign
    untrusted "another user's folder" foreign
    chown 0 foreign && chown 65534 foreign/*.tbc
    untrusted "another user's files" foreign
    if command -v setpriv > /dev/null && chmod -R a+rX c . 2> /dev/null && setpriv --reuid 65534 --clear-groups test -r program; then
        as=(setpriv --reuid 65534 --clear-groups)
        # Root's folder is read by others, never written.
        ls -l c > before.ls
        "${as[@]}" env ANYARCH_CACHE=c "$anyarch" -d cache ./program > output 2> log
        grep -v '^cache:' output | cmp -s - expected || fail "root's folder" "wrong output"
        line=$(grep -h ' program:' log)
        [ "$(hits)" -gt 20 ] || fail "root's folder" "not used: $line"
        ls -l c | cmp -s - before.ls || fail "root's folder" "has changed"
        # Set-id: the folder is the caller's choice.
        cp "$anyarch" secure && chmod 4755 secure && mkdir -m 777 caller
        "${as[@]}" env ANYARCH_CACHE="$PWD/caller" HOME="$PWD/caller" ./secure ./program 2> /dev/null | cmp -s - expected ||
            fail set-id "wrong output"
        [ -z "$(ls -A caller)" ] || fail set-id "the caller's folder was used"
        chmod 700 c
    fi
fi

# -- Nowhere to write: silent --
: > file
run "file as folder" "$PWD/file"
run "below a file" "$PWD/file/sub"
run "missing parent" "$PWD/no/such/folder"
[ ! -e no ] || fail "missing parent" "was made"
mkdir -m 500 readonly
run "read-only folder" readonly
# A read-only file system: what is there is used, and where nothing is no block is looked up or noted.
mkdir -p fixed && rm -f fixed.log && unshare -rm bash -c '
    mount -t tmpfs none fixed && cp -r c fixed/c && mkdir -m 700 fixed/empty && mount -o remount,ro fixed || exit 77
    for folder in c empty empty/none; do
        ANYARCH_CACHE=$PWD/fixed/$folder "$0" -D fixed.log -d cache ./program > output 2>&1
        cmp -s output expected || exit 2
        { echo "in $folder"; grep " program:" fixed.log; } >> fixed.lines
    done
    exit 0' "$anyarch"
case $? in # others: not allowed here
2) fail "read-only file system" "wrong output" ;;
0)
    grep -A1 '^in c$' fixed.lines | grep -q ' [1-9][0-9]* hits' || fail "read-only file system" "not used: $(cat fixed.lines)"
    grep -A1 '^in empty$' fixed.lines | grep -q ' 0 hits, 0 misses, 0 written$' || fail "read-only file system" "$(cat fixed.lines)"
    grep -A1 '^in empty/none$' fixed.lines | grep -q ' program:' && fail "read-only file system" "$(cat fixed.lines)"
    ;;
esac
mkdir -m 700 limited
(ulimit -f 4; ANYARCH_CACHE=limited "$anyarch" ./program 2>&1) | cmp -s - expected || fail "file size limit" "wrong output"
[ -z "$(ls limited | grep -v '^heat$')" ] || fail "file size limit" "left $(ls limited)"
# Neither do the tables beside the cache files end a process that may write no file: of a loop that is not hot yet, and of files
# that were found whole.
rm -f hot/marks
for folder in limited hot; do
    (ulimit -f 0; ANYARCH_CACHE=$folder "$anyarch" ./program work 7 3000000; echo $?) 2>&1 | cat > output
    { cat hot.expected && echo 0; } | cmp -s - output || fail "no file" "$folder: $(tail -n 3 output)"
done

# -- Libraries that are unmapped, and mapped again elsewhere --
"$compiler" -std=gnu11 -O2 -static -w "$source/remap.c" -o remap || exit 77
for step in 1 2; do
    "$compiler" -c -Wa,--defsym,STEP=$step "$source/sum.s" -o sum.o && "${compiler%gcc}objcopy" -O binary -j .text sum.o sum$step || exit 77
done
"$anyarch" -cache off ./remap sum1 sum2 > remap.expected
{
    for n in $(seq 0 11); do echo "$n: $(((3000 + n) * (n % 3 == 2 ? 2 : 1)))"; done
    printf 'at both: 4000\nat both: 4000\nover one: 8000\nover one: 4000\n'
} | cmp -s - remap.expected || fail remap "wrong output without a cache"
for i in 1 2 3; do
    ANYARCH_CACHE=remap.cache "$anyarch" -D remap.log -d cache ./remap sum1 sum2 2>&1 | cmp -s - remap.expected || fail remap "wrong output in run $i"
done
grep ' sum[12]:' remap.log | grep -q ' [1-9][0-9]* regions, [1-9]' || fail remap "not used: $(cat remap.log)"
"$anyarch" -cache verify:remap.cache ./remap sum1 sum2 2>&1 | cmp -s - remap.expected || fail remap "differs"

# -- Code that is too far from a cached block for a jump to it --
"$compiler" -std=gnu11 -O2 -static -w "$source/far.c" -o far || exit 77
for way in 0 1 0 1; do
    ANYARCH_CACHE=far.cache "$anyarch" ./far $way > output 2>&1 || fail "far, way $way" "exit status $?"
    "$anyarch" -cache off ./far $way | cmp -s - output || fail "far, way $way" "wrong output"
done

# -- Many writers at once, some killed --
mkdir -m 700 many
pids=()
for i in $(seq 50); do
    ANYARCH_CACHE=many "$anyarch" ./program > many.$i 2>&1 &
    pids+=($!)
    ((i % 5)) || { sleep 0.0$((RANDOM % 9)); kill -KILL $! 2> /dev/null; }
done
wait "${pids[@]}" 2> /dev/null
for i in $(seq 50); do
    ((i % 5)) && ! cmp -s many.$i expected && fail many "process $i: wrong output"
done
: > "many/$(printf '%032x' 1).tmp"
run "after many" many
ANYARCH_CACHE=many "$anyarch" cache prune > /dev/null || fail prune "exit status $?"
[ -z "$(ls many | grep '\.tmp$')" ] || fail many "temporary files remain"
run "many warm" many
[ "$(hits)" -gt 20 ] || fail "many warm" "$line"
run "many verified" many -cache verify

# -- Translations that come with an image: used where the folder has none, if only their owner writes them --
mkdir -p image/bin image/tmp && cp program image/bin/true
if "$anyarch" cache bake image -o baked -c 'exit 1' > bake.log 2>&1; then
    [ -z "$(ls -A image/tmp)" ] || fail bake "left $(ls -A image/tmp)"
    with_baked() { rm -rf none && ANYARCH_BAKED=$PWD/$1 run "$2" none; }
    with_baked baked baked
    [ "$(hits)" -gt 20 ] || fail baked "not used: $line"
    ANYARCH_BAKED=$PWD/baked ANYARCH_CACHE=$PWD/no/such "$anyarch" -d cache ./program 2>&1 | grep -q ' program:.* [1-9][0-9]* hits' ||
        fail baked "not used without a folder"
    not_baked() { with_baked "$@"; [ "$(hits)" = 0 ] || fail "$2" "was used: $line"; }
    cp baked loose && chmod 666 loose
    not_baked loose "baked file of mode 666"
    ln -s baked baked.link
    not_baked baked.link "symbolic link as baked file"
    not_baked image "folder as baked file"
    head -c 60 baked > short
    not_baked short "short baked file"
    cp baked flipped && printf 'XXXXXXXX' | dd of=flipped bs=1 seek=40 conv=notrunc status=none
    not_baked flipped "baked file with damaged rows"
    cp baked flipped && for at in 9000 30000 90000; do printf 'XXXXXXXX' | dd of=flipped bs=1 seek=$at conv=notrunc status=none; done
    with_baked flipped "baked file with damaged blocks" # what is whole is used
    if [ "$(id -u)" = 0 ]; then
        cp baked foreign.baked && chown 65534 foreign.baked
        not_baked foreign.baked "another user's baked file"
    fi
else
    grep -q 'cannot change the root' bake.log || fail bake "$(cat bake.log)"
fi

# -- A page of many blocks' program that is made writable and executable 2000 times: not all jumps are looked at each time --
"$compiler" -std=gnu11 -O2 -static -w -o patching "$source/patching.c" || fail patching "cannot be compiled"
for i in {1..30}; do
    ANYARCH_CACHE=p "$anyarch" -d cache ./patching once 2>&1 | grep -q ' 0 misses, 0 written' && break
done
# Milliseconds of CPU.
user_time() {
    local TIMEFORMAT=%U seconds
    seconds=$({ time "$anyarch" -cache "$1" ./patching > /dev/null; } 2>&1)
    echo $((10#${seconds/./}))
}
without=$(user_time off) with=$(user_time p)
((with < 4 * without + 500)) || fail patching "$with ms with a cache, $without ms without"

# -- The tool --
ANYARCH_CACHE=c "$anyarch" cache list | grep -q ' program$' || fail list "lacks the program"
ANYARCH_CACHE=c "$anyarch" cache stat | grep -q '^files ' || fail stat "lacks the number of files"
ANYARCH_CACHE=c "$anyarch" cache verify program > /dev/null || fail verify "finds damage"
cp -r c damaged2
# More than the gap between two blocks.
for f in damaged2/*.tbc; do printf 'X%.0s' {1..80} | dd of="$f" bs=1 seek=9000 conv=notrunc status=none; done
ANYARCH_CACHE=damaged2 "$anyarch" cache verify program > /dev/null && fail verify "finds no damage"

# -- verify translates anew: two programs, below a folder or by name, and what it does not compare is counted --
mkdir -p root/bin root/lib && cp program root/bin && cp spin root/lib
for i in 1 2 3; do
    ANYARCH_CACHE=two "$anyarch" root/bin/program > /dev/null 2>&1
    ANYARCH_CACHE=two timeout 60 "$anyarch" root/lib/spin > /dev/null 2>&1 || fail two "exit status $?"
done
# verified NAME STATUS TEXT FOLDER [PATH...]
verified() {
    local name=$1 status=$2 text=$3 folder=$4
    shift 4
    ANYARCH_CACHE=$folder "$anyarch" cache verify "$@" > output 2>&1
    [ $? = "$status" ] || fail "$name" "exit status is not $status: $(cat output)"
    grep -q -e "$text" output || fail "$name" "lacks '$text': $(cat output)"
}
verified "verify a root" 0 '^made anew: [1-9][0-9]* blocks of 2 files are equal, 0 differ; 0 programs failed$' two root
grep -q '^not compared: 0 files (0 blocks) whose' output || fail "verify a root" "$(cat output)"
verified "verify files" 0 'blocks of 2 files are equal' two program spin
verified "verify one" 0 '^not compared: 1 files ([1-9][0-9]* blocks) whose program was not found' two spin
verified "verify other options" 0 '^not compared: [1-9] files' c program
verified "verify a missing file" 1 'No such file' two missing
verified "verify a missing CPU" 1 '^anyarch: unable to find CPU model .none.$' two -cpu none program
for option in -no-opt -one-insn-per-tb "-cpu cortex-a53" "-host-off all"; do
    # shellcheck disable=SC2086
    verified "verify $option" 0 '^made anew: [1-9][0-9]* blocks of 1 files are equal, 0 differ' c $option program
done
QEMU_CPU=cortex-a53 verified "verify QEMU_CPU" 0 '^made anew: [1-9][0-9]* blocks of 1 files are equal, 0 differ' c program
QEMU_CPU=cortex-a72 verified "verify another QEMU_CPU" 0 '^made anew: 0 blocks of 0 files' c program
file=$(ANYARCH_CACHE=two "$anyarch" cache list | sed -n 's/ .* program$//p')
# Where main() begins in the file: each run needs it, and no child of it.
at=$(printf '0x%x' $((0x$("${compiler%gcc}nm" program | sed -n 's/ T main$//p') - 0x400000)))
for what in code details row; do
    rm -rf wrong && cp -r two wrong
    python3 "$source/damage.py" wrong/"$file" $what "$at" || fail "wrong $what" "cannot be made"
    verified "wrong $what" 1 "block 0x[0-9a-f]*, at $at of program, mode [0-9]*, .*: its translation differs from byte [0-9]* of its $what " wrong root
    grep -q '^made anew: .* 1 differ' output || fail "wrong $what" "$(cat output)"
    grep -q "program: 1 blocks of $file differ" output || fail "wrong $what" "$(cat output)"
    verified "wrong $what elsewhere" 0 'blocks of 1 files are equal, 0 differ' wrong spin
    # A run that needs the block says so too, and fails in the end.
    ANYARCH_CACHE=wrong "$anyarch" -cache verify ./program > output 2>&1 && fail "wrong $what" "a run with -cache verify succeeds"
    grep -v -e '^cache: ' -e 'cached blocks differ' output | cmp -s - expected || fail "wrong $what" "wrong output"
    grep -q "^cache: block .*, at $at of program, .* of its $what " output || fail "wrong $what" "a run says $(cat output)"
done
for what in range place; do
    rm -rf wrong && cp -r two wrong
    python3 "$source/damage.py" wrong/"$file" $what "$at" || fail "wrong $what" "cannot be made"
    [ $what = place ] && text="^$file: 1 of [0-9]* blocks are damaged" || text=", at $at of program, .*: it depends on pages"
    verified "wrong $what" 1 "$text" wrong root
done
cp program changed && printf '\37\40\3\325' | dd of=changed bs=1 seek=$((at)) conv=notrunc status=none
verified "verify a changed program" 0 '^not compared: [1-9][0-9]* blocks of other contents' two changed spin
ANYARCH_CACHE=c "$anyarch" cache prune 1 > /dev/null
[ "$(cached c)" = 0 ] || fail prune "files remain"
ANYARCH_CACHE=mixed "$anyarch" cache clear > /dev/null
[ "$(cached mixed)" = 0 ] || fail clear "files remain"
exit $failed
