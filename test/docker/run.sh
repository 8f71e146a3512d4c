#!/bin/bash
# run.sh - the container images, as users meet them.
#   run.sh ANYARCH WORK TEST     TEST: a file of cases/, without .sh
# ANYARCH is the release build. Everything happens in a user name space of its own (userns.py) and in WORK, so neither the
# machine's binfmt_misc nor its containers are touched. Ends with 77 (skipped) and the reason where something is missing.
set -u
here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
anyarch=$(realpath "$1") test=$3
mkdir -p "$2"
work=$(realpath "$2")
failed=0
binfmt=/proc/sys/fs/binfmt_misc
image=localhost/anyarch

skip() {
    echo "skipped: $*"
    exit 77
}

# same NAME EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && { echo "ok $1"; return; }
    printf '%s: expected\n%s\ngot\n%s\n' "$1" "$2" "$3"
    failed=1
}

# has NAME TEXT ACTUAL
has() {
    grep -qF -e "$2" <<< "$3" && { echo "ok $1"; return; }
    printf '%s: lacks %s\n%s\n' "$1" "$2" "$3"
    failed=1
}

# -- What is needed ---------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || skip "needs root"
for tool in podman buildah runc catatonit python3 aarch64-linux-gnu-gcc; do
    command -v $tool > /dev/null || skip "no $tool"
done
if [ -z "${ANYARCH_INSIDE:-}" ]; then
    export ANYARCH_INSIDE=1
    exec "$here/userns.py" "$(realpath "$0")" "$anyarch" "$work" "$test"
fi

mount -t tmpfs tmpfs /dev/shm # where podman has locks
# A store of this run's own: mounts of an earlier run's name space are gone.
state=$(mktemp -d "$work/state.XXXXXX")
chmod 755 "$state"
trap 'podman pod rm -af > /dev/null 2>&1; podman rm -af > /dev/null 2>&1; umount "$state/store/overlay" 2> /dev/null; rm -rf "$state"' EXIT
files=$(ulimit -Hn) processes=$(ulimit -Hu)
[ "$processes" = unlimited ] || [ "$processes" -gt 16384 ] && processes=16384

# podman_settings FILE FOLDER: for machines without systemd, whose limits may not be raised, and without the network
podman_settings() {
    cat > "$1" << END
[containers]
default_ulimits = ["nofile=$files:$files","nproc=$processes:$processes"]
netns = "none"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$2"
END
}

podman_settings "$state/containers.conf" "$state/libpod"
cat > "$state/storage.conf" << END
[storage]
driver = "overlay"
graphroot = "$state/store"
runroot = "$state/run"
END
export CONTAINERS_CONF=$state/containers.conf CONTAINERS_STORAGE_CONF=$state/storage.conf
cd "$work" || exit 1
podman info > info 2>&1 || skip "podman does not work here: $(tail -n 1 info)"
aarch64-linux-gnu-gcc -O1 -static -o hello "$here/hello.c" && aarch64-linux-gnu-gcc -O1 -static -o key "$here/key.c" || exit 1

# -- What the cases share ---------------------------------------------------------------------------

images() {
    "$top/docker/build" "$anyarch" > "$work/list" || exit 1
}

# The image localhost/a64: a small Debian arm64 root folder, whose packages are only unpacked, with no emulator in it.
# Also under the name that people's transcripts use.
arm64_image() {
    if [ ! -e a64.tar ]; then
        rm -rf a64 a64.apt
        "$top/test/rootfs/make_root" arm64 a64 dash coreutils bash sed grep debianutils fzf > make_root.log 2>&1 ||
            skip "no arm64 packages can be fetched: $(tail -n 1 make_root.log)"
        tar -C a64 -cf a64.tar.new . && mv a64.tar.new a64.tar
        rm -rf a64 a64.apt
    fi
    podman import --arch arm64 --os linux --change 'CMD ["/bin/bash"]' a64.tar localhost/a64 > import.log 2>&1 || exit 1
    podman tag localhost/a64 localhost/arm64v8/ubuntu localhost/arm64v8/debian
}

# The image localhost/debian: Debian arm64 by debootstrap, whose second stage runs under our file with nothing registered.
debian_image() {
    command -v debootstrap > /dev/null || skip "no debootstrap"
    if [ ! -e debian.tar ]; then
        # No device can be made here, and debootstrap tries whether one can.
        mkdir -p "$state/shim"
        printf '#!/bin/sh\n[ "$1" = -m ] && shift 2\n: > "$1"\n' > "$state/shim/mknod"
        chmod +x "$state/shim/mknod"
        rm -rf debian
        PATH=$state/shim:$PATH debootstrap --arch=arm64 --foreign --variant=minbase bookworm debian > debootstrap.log 2>&1 ||
            skip "debootstrap cannot fetch packages: $(tail -n 1 debootstrap.log)"
        mkdir -p debian/usr/local/sbin
        cp "$state/shim/mknod" debian/usr/local/sbin/
        cp "$anyarch" debian/anyarch
        chroot debian /anyarch /bin/sh /debootstrap/debootstrap --second-stage >> debootstrap.log 2>&1 || {
            tail -n 20 debootstrap.log
            echo "debootstrap's second stage fails"
            exit 1
        }
        rm -rf debian/anyarch debian/usr/local/sbin/mknod debian/var/cache/apt/archives/*.deb debian/dev/*
        tar -C debian -cf debian.tar.new . && mv debian.tar.new debian.tar
        rm -rf debian
    fi
    podman import --arch arm64 --os linux --change 'CMD ["/bin/bash"]' debian.tar localhost/debian > import.log 2>&1 || exit 1
}

run() {
    podman run --rm --pull=never "$@" 2>&1
}

arm64() {
    run --platform linux/arm64 "$@"
}

# Remove all entries.
reset() {
    local entry
    for entry in "$binfmt"/qemu-*; do
        [ -e "$entry" ] && echo -1 > "$entry"
    done
}

# Register as the README says, with flag F.
register() {
    run --privileged $image:register --reset -p yes
}

# A user without rights, "plain", with ids of his own for containers; made up, in this mount name space. The caller's files of that
# user are in $home.
home=/home/plain
plain_user() {
    local tool file
    for tool in newuidmap newgidmap setpriv; do
        command -v $tool > /dev/null || skip "no $tool"
    done
    mount -t tmpfs -o mode=755 tmpfs /home
    mkdir -p $home/.config/containers $home/run $home/tmp
    podman_settings $home/.config/containers/containers.conf $home/tmp
    chown -R 40000:40000 $home
    chmod 700 $home/run
    (grep -v ^plain: /etc/passwd; echo plain:x:40000:40000::$home:/bin/sh) > "$state/passwd"
    (grep -v ^plain: /etc/group; echo plain:x:40000:) > "$state/group"
    echo plain:41000:20000 > "$state/subids"
    for file in passwd group; do
        mount --bind "$state/$file" /etc/$file
    done
    for file in subuid subgid; do
        mount --bind "$state/subids" /etc/$file
    done
    plain podman import --arch arm64 --os linux - localhost/a64 < a64.tar > import.log || { cat import.log; exit 1; }
    plain podman tag localhost/a64 localhost/arm64v8/debian > /dev/null
}

# plain COMMAND...: as that user, at home
plain() {
    setpriv --reuid 40000 --regid 40000 --clear-groups env -i -C $home "PATH=$home:$PATH" HOME=$home XDG_RUNTIME_DIR=$home/run "$@" 2>&1
}

# The name that the package podman-docker gives to podman.
docker_is_podman() {
    mkdir -p "$state/bin"
    printf '#!/bin/sh\nexec podman "$@"\n' > "$state/bin/docker"
    chmod +x "$state/bin/docker"
    export PATH=$state/bin:$PATH
}

# A script that starts 20 children, and what it prints.
# shellcheck disable=SC2034
children='i=0; while [ $i -lt 20 ]; do /bin/uname -m || exit 1; i=$((i + 1)); done | sort | uniq -c | sed "s/^ *//"'
# shellcheck disable=SC2034
twenty='20 aarch64'
# What ten/Dockerfile leaves in /result.
# shellcheck disable=SC2034
ten_result='aarch64
compiled
aarch64 499500
/home/someone
perl'

# shellcheck source=/dev/null
source "$here/cases/$test.sh"
exit $failed
