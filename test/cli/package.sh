#!/bin/bash
# package.sh - the packages: the archive holds what is installed, and the Debian package can be installed, registers, is removed
# and leaves nothing behind. In a root folder of its own with a binfmt_misc of its own (Linux 6.7).
#   package.sh BUILD-FOLDER WORK
set -u
build=$(realpath "$1") script=$(realpath "$0")
failed=0

# same NAME EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && return
    printf '%s: expected\n%s\ngot\n%s\n' "$1" "$2" "$3"
    failed=1
}

files='usr
usr/bin
usr/bin/anyarch
usr/bin/qemu-aarch64-static
usr/lib
usr/lib/binfmt.d
usr/lib/binfmt.d/anyarch.conf
usr/share
usr/share/bash-completion
usr/share/bash-completion/completions
usr/share/bash-completion/completions/anyarch
usr/share/doc
usr/share/doc/anyarch
usr/share/doc/anyarch/LICENSE
usr/share/doc/anyarch/support.md
usr/share/doc/anyarch/troubleshooting.md
usr/share/man
usr/share/man/man1
usr/share/man/man1/anyarch.1'

make_packages() {
    cpack --config "$build/CPackConfig.cmake" -B out > cpack.log 2>&1 || { tail cpack.log; exit 1; }
    same archive "$files" "$(tar -tf out/anyarch-*.tar.gz | sed 's#^\(anyarch-[^/]*\|\.\)/##; s#/$##' | grep -v '^$' | sort -u)"
    dpkg-deb -f out/anyarch_*.deb > control
    for line in 'Package: anyarch' 'Architecture: amd64' 'Conflicts: qemu-user-static' 'Section: otherosfs'; do
        grep -qx "$line" control || { echo "control lacks $line"; cat control; failed=1; }
    done
    grep '^Depends:' control && failed=1 # a static program needs nothing
}

# A root folder in which scripts of packages can be run.
make_root() {
    rm -rf root
    mkdir -p root/{bin,dev,proc,run/systemd/system,tmp,var/lib/dpkg/{info,updates}}
    : > root/var/lib/dpkg/status
    local file
    for file in /bin/sh /bin/cat /bin/grep $(ldd /bin/sh /bin/cat /bin/grep | grep -o '/[^ :]*' | sort -u); do
        install -D "$file" "root/$file"
    done
    # Says what it is asked for.
    printf '#!/bin/sh\necho "$@" >> /systemctl.log\n' > root/bin/systemctl
    chmod +x root/bin/systemctl
}

# As root of a name space.
inside() {
    local entries=root/proc/sys/fs/binfmt_misc
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 1
    mount --rbind /proc root/proc
    touch root/dev/null
    mount --bind /dev/null root/dev/null
    dpkg --root="$PWD/root" --install out/anyarch_*.deb > dpkg.log 2>&1 || { cat dpkg.log; exit 1; }
    same installed "$files" "$(cd root && find usr | sort)"
    same status 'install ok installed' "$(dpkg-query --admindir=root/var/lib/dpkg -W -f '${Status}' anyarch)"
    same postinst 'restart systemd-binfmt.service' "$(cat root/systemctl.log)"
    same link anyarch "$(readlink root/usr/bin/qemu-aarch64-static)"
    same version qemu-aarch64 "$(chroot root /usr/bin/qemu-aarch64-static -version | cut -d ' ' -f 1 | head -n 1)"
    # What systemd reads, read by the kernel.
    chroot root /bin/sh -c 'cat /usr/lib/binfmt.d/anyarch.conf > /proc/sys/fs/binfmt_misc/register' || failed=1
    same registered 'interpreter /usr/bin/qemu-aarch64-static' "$(grep ^interpreter $entries/qemu-aarch64)"
    same registered_flags 'flags: PF' "$(grep ^flags $entries/qemu-aarch64)"
    same works 'aarch64: a test program runs' "$(chroot root /usr/bin/anyarch binfmt check)"
    # The same version again: nothing gets lost.
    dpkg --root="$PWD/root" --install out/anyarch_*.deb > dpkg.log 2>&1 || { cat dpkg.log; failed=1; }
    same upgraded 'flags: PF' "$(grep ^flags $entries/qemu-aarch64)"
    # Entries of others stay, whatever they are called.
    echo ':qemu-other:E::other::/bin/sh:' > $entries/register
    dpkg --root="$PWD/root" --remove anyarch > dpkg.log 2>&1 || { cat dpkg.log; failed=1; }
    same entry_removed no "$([ -e $entries/qemu-aarch64 ] && echo yes || echo no)"
    same other_stays yes "$([ -e $entries/qemu-other ] && echo yes || echo no)"
    same removed '' "$(cd root && find . -path ./proc -prune -o -path './usr*' -name '*anyarch*' -print)"
}

if [ "${3:-}" = inside ]; then
    cd "$2" || exit 1
    inside
    exit $failed
fi
for tool in cpack dpkg dpkg-deb; do
    command -v $tool > /dev/null || { echo "skipped: no $tool"; exit 77; }
done
rm -rf "$2"
mkdir -p "$2"
cd "$2" || exit 1
make_packages
if ! unshare -Urm mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2> err; then
    echo "not installed here, no binfmt_misc in a user name space: $(cat err)"
    exit $failed
fi
make_root
unshare -Urm "$script" "$build" "$PWD" inside || failed=1
exit $failed
