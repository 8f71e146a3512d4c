# script.sh - shell work of all kinds; prints the same under any busybox of the same version.
# Nothing that names a process, a time or a host may be printed.
set -u
cd /work || exit 1
export LC_ALL=C TZ=UTC
umask 022
failures=0

section() {
    echo "== $*"
}

check() { # description, expected, got
    if [ "$2" = "$3" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1: expected <$2>, got <$3>"
        failures=$((failures + 1))
    fi
}

section "the tree"
mkdir tree
for d in 0 1 2 3 4 5 6 7 8 9; do
    mkdir -p tree/d$d/sub
    i=0
    while [ $i -lt 50 ]; do
        echo "file $d $i line one" > tree/d$d/f$i.txt
        echo "number $((d * 50 + i)) squared $(((d * 50 + i) * (d * 50 + i)))" >> tree/d$d/f$i.txt
        echo "data,$d,$i,$((i % 7))" > tree/d$d/sub/g$i.csv
        i=$((i + 1))
    done
done
find tree -type f | wc -l
find tree -name '*.csv' | sort | head -n 5
find tree -type d | sort | tail -n 4
find tree -name 'f1*.txt' -exec cat {} + | wc
find tree -type f -size -2 -print | sort | md5sum

section "pipes"
cat tree/*/sub/*.csv | cut -d, -f4 | sort | uniq -c | sort -rn
cat tree/*/*.txt | grep squared | awk '{ s += $4 } END { print "sum", s }'
find tree -type f | xargs cat | sort | sha256sum
find tree -name '*.txt' | sort | xargs -n 50 grep -h 'number 4[0-9]9 ' | sort -k2n
seq 1 2000 | sed -n '/7$/p' | awk '{ a[NR % 5] += $1 } END { for (i = 0; i < 5; i++) print i, a[i] }'
seq 1 100 | tr '\n' ' ' | fold -w 40 | head -n 3
echo one two three | tr a-z A-Z | rev
yes abc | head -n 1000 | sha1sum
seq 1 10 | paste -s -d + | bc 2> /dev/null || seq 1 10 | awk '{ s += $1 } END { print s }'

section "sed and awk"
sed -e 's/line/LINE/' -e '2s/squared/^2/' tree/d3/f7.txt
sed -n '1!G;h;$p' tree/d1/f1.txt
echo "a=1;b=22;c=333" | sed 's/\([a-z]\)=\([0-9]*\)/\2:\1/g'
printf 'x\ny\nz\n' | sed '2i\inserted' | sed '$a\appended'
awk -F, '$4 == 3 { n++ } END { print n }' tree/*/sub/*.csv
awk 'BEGIN { x = 1; for (i = 0; i < 40; i++) x = x * 1.5; printf "%.6e %d %s\n", x, x / 1000, x > 10 ? "big" : "small" }'
awk 'BEGIN { print sin(1), cos(2), atan2(1, 2), exp(1), log(10), sqrt(2), int(-3.7) }'
awk 'BEGIN { s = "the quick brown fox"; n = split(s, w, " "); for (i = n; i > 0; i--) printf "%s ", w[i]; print length(s), substr(s, 5, 5), index(s, "fox"), toupper(w[2]) }'
awk '{ gsub(/[0-9]+/, "<&>"); print }' tree/d9/f49.txt
awk 'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } BEGIN { print fib(17) }'

section "here-documents"
name=world
cat << END
hello $name $((6 * 7)) $(echo command)
END
cat << 'END'
literal $name $((6 * 7))
END
cat <<- END | sort -r
	tabs
	are
	removed
END
while read -r a b; do echo "$b-$a"; done << END
1 one
2 two words
END

section "subshells and variables"
v=outer
(v=inner; echo "$v"; cd tree && pwd)
echo "$v" "$(pwd)"
set -- a 'b c' d
echo $# "$2" "$*"
for x in "$@"; do echo "<$x>"; done
shift; echo "$1" "${1#b }" "${1%c}" "${2:-none}" "${3:-default}" "${#1}"
path=/usr/local/lib/file.tar.gz
echo "${path##*/} ${path%/*} ${path%%.*} ${path##*.} ${path#/usr}"
f() { local v=local; echo "$v $1"; return 7; }
f argument; echo "status $?" "$v"
n=0; while :; do n=$((n + 1)); [ $n -ge 5 ] && break; [ $n = 2 ] && continue; echo "loop $n"; done
case abc in a*c) echo "glob matched" ;; *) echo no ;; esac
echo $((0x1f + 010 - 3 ** 2)) $((5 / 2)) $((-5 % 3)) $((1 << 20)) $((7 & 3 | 8)) $((3 > 2 ? 10 : 20))
if false || ! true; then echo wrong; elif [ -d tree ] && [ ! -e nothing ]; then echo right; fi
IFS=:; set -- a:b:c; for x in $1; do printf '[%s]' "$x"; done; echo; unset IFS
eval 'dynamic=evaluated'; echo "$dynamic"
echo "$(echo "$(echo "$(echo nested)")")"
printf '%5d|%-5s|%05.1f|%x|%c|%b\n' 42 ab 3.14159 255 xyz 'tab\there'

section "exit codes"
true; echo $?
false; echo $?
(exit 42); echo $?
sh -c 'exit 300'; echo $?
sh -c 'kill -9 $$'; echo $?
sh -c 'kill -TERM $$'; echo $?
nonexistent-command 2> /dev/null; echo $?
./tree 2> /dev/null; echo $?
ls nothing 2> /dev/null; echo $?
grep absent tree/d0/f0.txt; echo $?
false | true; echo $?
true | false; echo $?
! true; echo $?
(set -e; false; echo unreached); echo $?

section "background jobs"
(sleep 0.1; echo "first done" > one) &
(sleep 0.05; echo "second done" > two; exit 5) & second=$!
wait $second; echo "status $?"
wait; echo "all $?"
cat one two
for i in 1 2 3 4 5 6 7 8; do (echo "job $i"; exit $i) > job.$i & done
wait
cat job.*
sleep 30 & victim=$!
kill $victim; wait $victim 2> /dev/null; echo "killed $?"
(for i in 1 2 3; do echo "tick $i"; sleep 0.01; done) | while read -r l; do echo "got $l"; done
mkfifo pipe
(seq 1 500 > pipe) & awk '{ s += $1 } END { print "fifo", s }' < pipe; wait

section "traps"
(trap 'echo "exit trap $?"' EXIT; exit 3); echo $?
(trap 'echo caught TERM' TERM; kill -TERM "$(sh -c 'echo $PPID')"; echo after); echo $?
sh -c 'trap "echo usr1; exit 9" USR1; kill -USR1 $$; echo not reached'; echo $?
sh -c 'trap "" TERM; kill -TERM $$; echo ignored'; echo $?
sh -c 'trap "echo interrupted" INT; kill -INT $$; trap - INT; echo reset'; echo $?

section "redirection"
{ echo out; echo err >&2; } > both 2>&1; cat both
echo appended >> both; wc -l < both
exec 3> third; echo "to three" >&3; exec 3>&-; cat third
exec 4< both; read -r l <&4; echo "$l"; exec 4<&-
{ echo swapped >&2; } 2>&1 > /dev/null
ls /nothing 2>&1 | sed 's/.*: //'

section "archives"
find tree -exec touch -d "2021-01-01 00:00:00" {} +
tar cf tree.tar --no-recursion $(find tree | sort)
tar tf tree.tar | wc -l
mkdir copy && tar xf tree.tar -C copy && (cd copy && find tree -type f | sort | xargs sha256sum) | sha256sum
(cd . && find tree -type f | sort | xargs sha256sum) | sha256sum
gzip -9 -c tree.tar > tree.tar.gz; gunzip -c tree.tar.gz | cmp - tree.tar && echo "gzip round trip"
bzip2 -c tree.tar 2> /dev/null | bunzip2 -c | cmp - tree.tar && echo "bzip2 round trip"
tar czf all.tgz tree/d1 tree/d2 && tar tzf all.tgz | sort | tail -n 2
find tree/d5 -type f | sort | cpio -o -H newc 2> /dev/null | cpio -t 2> /dev/null | wc -l
rm -rf copy

section "dd and sums"
dd if=tree.tar of=part bs=512 skip=3 count=20 2> /dev/null; sha256sum part
dd if=/work/tree.tar bs=4k count=5 2> /dev/null | md5sum
sha512sum tree/d7/f7.txt | cut -c1-40
sha3sum tree/d7/f7.txt 2> /dev/null | cut -c1-40
crc32 tree/d8/f8.txt
od -A d -t x1 tree/d0/f0.txt | head -n 3
hexdump -C tree/d0/f1.txt | tail -n 2
echo "some text to encode" | base64 | tee encoded | base64 -d
uuencode name < tree/d0/f0.txt | head -n 2
dd if=/work/tree.tar bs=100000 count=3 2> /dev/null | wc -c
truncate -s 1M sparse; stat -c '%s %F %a' sparse

section "files"
ln -s tree/d0/f0.txt link; readlink link; cat link | head -n 1
ln tree/d0/f0.txt hard; stat -c '%h %s %a' hard
chmod 600 hard; ls -l hard | cut -c1-10
cp -r tree/d4 d4; diff -r tree/d4 d4 && echo same
echo changed >> d4/f3.txt; diff tree/d4/f3.txt d4/f3.txt
mv d4 moved; ls moved | wc -l; rm -r moved
touch -d '2020-02-29 12:34:56' dated; date -r dated '+%Y-%m-%d %H:%M:%S %j'
date -u -d @1000000000 '+%A %d %B %Y %T'
test hard -nt dated && echo newer
basename /a/b/c.txt .txt; dirname /a/b/c.txt; realpath tree/../tree/d1
find tree -newer dated -name 'f4?.txt' | wc -l
du -s tree/d0 | cut -f2
expr 6 \* 7; expr length "hello"; expr abc : 'a\(.\)c'

section "many processes"
i=0
while [ $i -lt 200 ]; do
    r=$(echo $i | sed 's/$/x/')
    [ "$r" = "${i}x" ] || echo "wrong $r"
    i=$((i + 1))
done
echo "$i substitutions"
find tree/d6 -type f | sort | while read -r p; do wc -c < "$p"; done | awk '{ s += $1 } END { print s }'
find tree/d7 -name '*.txt' | xargs -n 1 -P 4 sha256sum | sort | sha256sum
xargs -n 3 echo < one
seq 1 20 | xargs -I {} sh -c 'exit 0' && echo "xargs ok"

section "editors and viewers"
printf '1i\nfirst\n.\nw\nq\n' | ed -s two 2> /dev/null; cat two
sort -t, -k3n -k2nr tree/*/sub/*.csv | head -n 4
sort -u one two both | nl | head -n 3
head -c 20 tree.tar | strings | head -n 1
tac one 2> /dev/null; cat -n both | tail -n 2
cal 2 2024 2> /dev/null | head -n 3
factor 1234567890 360 97
echo 'BEGIN' | tee copy1 copy2 > /dev/null; cmp copy1 copy2 && echo equal
env -i A=1 B=2 env | sort
id -u; whoami 2> /dev/null || echo "no names"
uname -s; nproc > /dev/null && echo counted
timeout 1 sleep 10; echo $?
time -p true 2>&1 | sed 's/[0-9.]*$/N/'

section "checks"
check "arithmetic" 42 $((6 * 7))
check "substitution" abc "$(printf a; printf b; printf c)"
check "quoting" 'a"b' "a\"b"
check "long argument" 100000 "$(seq 1 100000 | tail -n 1)"
check "read loop" 10 "$(seq 1 10 | while read -r x; do last=$x; echo $last; done | tail -n 1)"
check "nested quotes" "x y" "$(eval "echo \"x y\"")"
echo "failures $failures"
exit $((failures + 17))
