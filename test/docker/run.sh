#!/bin/bash
# run.sh - the container images, as users meet them.
#   run.sh ANYARCH WORK TEST     TEST: images, ways, transcripts, build, kube, docker
# ANYARCH is the release build. Everything happens in a user name space of its own (userns.py) and in WORK, so neither the
# machine's binfmt_misc nor its containers are touched. A small Debian arm64 root folder is made once, by debootstrap, whose second
# stage runs under our file with nothing registered. Ends with 77 (skipped) and the reason where something is missing.
set -u
here=$(dirname "$(realpath "$0")")
anyarch=$(realpath "$1") test=$3
mkdir -p "$2"
work=$(realpath "$2")
failed=0
binfmt=/proc/sys/fs/binfmt_misc

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
for tool in podman buildah runc catatonit python3; do
    command -v $tool > /dev/null || skip "no $tool"
done
if [ -z "${ANYARCH_INSIDE:-}" ]; then
    export ANYARCH_INSIDE=1
    exec "$here/userns.py" "$(realpath "$0")" "$anyarch" "$work" "$test"
fi

# A store of this run's own: mounts of an earlier run's name space are gone.
state=$(mktemp -d "$work/state.XXXXXX")
trap 'podman pod rm -af > /dev/null 2>&1; podman rm -af > /dev/null 2>&1; umount "$state/store/overlay" 2> /dev/null; rm -rf "$state"' EXIT
files=$(ulimit -Hn) processes=$(ulimit -Hu)
[ "$processes" = unlimited ] || [ "$processes" -gt 16384 ] && processes=16384
cat > "$state/containers.conf" << END
[containers]
default_ulimits = ["nofile=$files:$files","nproc=$processes:$processes"]
netns = "none"
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$state/libpod"
END
cat > "$state/storage.conf" << END
[storage]
driver = "overlay"
graphroot = "$state/store"
runroot = "$state/run"
END
export CONTAINERS_CONF=$state/containers.conf CONTAINERS_STORAGE_CONF=$state/storage.conf
cd "$work" || exit 1
podman info > info 2>&1 || skip "podman does not work here: $(tail -n 1 info)"

images() {
    "$here/../../docker/build" "$anyarch" > "$work/list" || exit 1
}
image=localhost/anyarch

# The arm64 root folder as the image localhost/a64. Emulators in it: none.
arm64_image() {
    podman image exists localhost/a64 && return
    if [ ! -e "$work/a64.tar" ]; then
        command -v debootstrap > /dev/null || skip "no debootstrap"
        rm -rf "$work/a64"
        debootstrap --arch=arm64 --foreign --variant=minbase bookworm "$work/a64" > debootstrap.log 2>&1 ||
            skip "debootstrap cannot fetch packages: $(tail -n 1 debootstrap.log)"
        cp "$anyarch" "$work/a64/anyarch"
        chroot "$work/a64" /anyarch /bin/sh /debootstrap/debootstrap --second-stage >> debootstrap.log 2>&1 || {
            tail -n 20 debootstrap.log
            echo "debootstrap's second stage fails"
            exit 1
        }
        rm -rf "$work/a64/anyarch" "$work/a64/var/cache/apt/archives"/*.deb
        tar -C "$work/a64" --exclude=./dev/* -cf a64.tar.new . && mv a64.tar.new a64.tar
        rm -rf "$work/a64"
    fi
    podman import --arch arm64 --os linux --change 'CMD ["/bin/bash"]' a64.tar localhost/a64 > /dev/null 2>&1 || exit 1
}

run() {
    podman run --rm --pull=never "$@" 2>&1
}

arm64() {
    run --platform linux/arm64 "$@"
}

reset() {
    local entry
    for entry in "$binfmt"/qemu-*; do
        [ -e "$entry" ] && echo -1 > "$entry"
    done
}

children='i=0; while [ $i -lt 20 ]; do /bin/uname -m || exit 1; i=$((i + 1)); done | sort | uniq -c | sed "s/^ *//"'

# -- The tests --------------------------------------------------------------------------------------

test_images() {
    images
    cat list
    cp list list.first
    # Another file of the same content, at another time, from another folder.
    cp "$anyarch" copy
    touch "$here/../../docker/Dockerfile"
    "$here/../../docker/build" -o out copy > list
    same same_digests "$(cat list.first)" "$(cat list)"
    same six_images 6 "$(wc -l < list)"
    while read -r name _ size; do
        [ "$size" -lt 4000000 ] || { echo "$name: $size bytes"; failed=1; }
        [ -s "out/$name.tar" ] || { echo "$name: no archive"; failed=1; }
    done < list
    python3 -m json.tool out/anyarch.spdx.json > /dev/null || failed=1
    same binary_size 1 "$(($(stat -c %s "$anyarch") <= 2000000))"
    local id
    id=$(buildah from "$image:x86_64-aarch64")
    same one_file ./usr/bin/qemu-aarch64-static "$(cd "$(buildah mount "$id")" && find . -type f)"
    buildah rm "$id" > /dev/null
}

# The ways to run an arm64 container (README.md).
test_ways() {
    local twenty='20 aarch64'
    images
    arm64_image
    reset
    has nothing_registered 'exec format error' "$(arm64 localhost/a64 uname -m)"
    # Registered with F by the documented line.
    has register 'Setting /usr/bin/qemu-aarch64-static as binfmt interpreter for aarch64' \
        "$(run --privileged $image:register --reset -p yes)"
    same registered_F aarch64 "$(arm64 localhost/a64 uname -m)"
    same registered_F_children "$twenty" "$(arm64 localhost/a64 sh -c "$children")"
    has registered_F_doctor 'ok    aarch64        by itself' "$(run --privileged $image:anyarch doctor)"
    # Without F, the file brought along.
    reset
    has register_only 'Setting' "$(run --privileged $image:register-only --reset)"
    has without_file 'no such file' "$(arm64 localhost/a64 uname -m)"
    same bind_mounted aarch64 "$(arm64 -v "$anyarch:/usr/bin/qemu-aarch64-static:ro" localhost/a64 uname -m)"
    same bind_mounted_children "$twenty" \
        "$(arm64 -v "$anyarch:/usr/bin/qemu-aarch64-static:ro" localhost/a64 sh -c "$children")"
    # Nothing registered: the file is the entry point. Default seccomp profile, a user, a root that cannot be written.
    reset
    local plain=(-v "$anyarch:/anyarch:ro" --read-only --user 1000 --cap-drop ALL --security-opt no-new-privileges)
    same entry_point aarch64 "$(arm64 "${plain[@]}" --entrypoint '["/anyarch","/bin/uname","-m"]' localhost/a64)"
    same entry_point_children "$twenty" "$(arm64 "${plain[@]}" --entrypoint /anyarch localhost/a64 /bin/sh -c "$children")"
    # The same without /proc.
    local id
    id=$(buildah from --pull-never localhost/a64)
    cp "$anyarch" "$(buildah mount "$id")/anyarch"
    same no_proc_children "$twenty" "$(chroot "$(buildah mount "$id")" /anyarch /bin/sh -c "$children")"
    buildah rm "$id" > /dev/null
    # Baked into an image FROM scratch.
    mkdir -p baked
    cp "$anyarch" baked/anyarch
    [ -e baked/a64.tar ] || ln a64.tar baked/a64.tar
    printf 'FROM scratch\nADD a64.tar /\nCOPY anyarch /anyarch\nENTRYPOINT ["/anyarch"]\nCMD ["/bin/uname", "-m"]\n' > baked/Dockerfile
    buildah bud -q --arch arm64 -t localhost/baked baked > /dev/null
    same baked aarch64 "$(arm64 localhost/baked)"
    same baked_children "$twenty" "$(arm64 localhost/baked /bin/sh -c "$children")"
    # In a user name space of a plain user's.
    same rootless aarch64 "$(setpriv --reuid 1000 --regid 1000 --clear-groups env -C / unshare -Urm sh -c \
        '"$0" binfmt install --user > /dev/null && "$1"' "$anyarch" "$PWD/hello")"
}

# Lines that people follow today.
test_transcripts() {
    images
    arm64_image
    reset
    cp "$anyarch" qemu-aarch64-static
    local magic=7f454c460201010000000000000000000200b700 mask=ffffffffffffff00fffffffffffffffffeffffff
    has hello_format 'Exec format error' "$(bash -c ./hello 2>&1)"
    same hello_emulated aarch64 "$(./qemu-aarch64-static ./hello)"
    has ubuntu_format 'exec format error' "$(arm64 -t localhost/a64 uname -m)"
    run --privileged $image:register --reset -p yes > /dev/null
    same ubuntu_registered aarch64 "$(arm64 -t localhost/a64 uname -m | tr -d '\r')"
    same entry "enabled
interpreter /usr/bin/qemu-aarch64-static
flags: F
offset 0
magic $magic
mask $mask" "$(cat $binfmt/qemu-aarch64)"
    has exists_already 'registered already, for /usr/bin/qemu-aarch64-static; --reset' \
        "$(run --privileged $image:register -p yes)"
    echo -1 > $binfmt/qemu-aarch64
    same removed no "$([ -e $binfmt/qemu-aarch64 ] && echo yes || echo no)"
    run --privileged $image:register-only --reset > /dev/null
    same register_only aarch64 "$(arm64 -t -v "$PWD/qemu-aarch64-static:/usr/bin/qemu-aarch64-static" localhost/a64 \
        uname -m | tr -d '\r')"
    mkdir -p simple
    cat > simple/Dockerfile << 'END'
FROM localhost/a64
RUN mkdir -p /workspace
ENV HELLO world
WORKDIR /workspace
RUN touch a.txt
RUN echo $HELLO > b.txt
END
    run --privileged $image:register --reset -p yes > /dev/null
    buildah bud -q --arch arm64 --pull-never -t localhost/simple simple > simple.log 2>&1 || cat simple.log
    same dockerfile 'a.txt b.txt world' "$(echo $(arm64 localhost/simple sh -c 'ls; cat b.txt'))"
    has help 'usage: qemu-aarch64 [options] program' "$(run -t $image:x86_64-aarch64 /usr/bin/qemu-aarch64-static -help)"
    has version 'qemu-aarch64 version' "$(run -t $image:x86_64-aarch64 /usr/bin/qemu-aarch64-static -version)"
    # docker/setup-qemu-action's four calls
    has action_version 'binfmt/' "$(run --privileged $image:binfmt --version)"
    has action_uninstall 'uninstalling: qemu-aarch64 OK' "$(run --privileged $image:binfmt --uninstall 'qemu-*')"
    has action_install 'installing: arm64 OK' "$(run --privileged $image:binfmt --install all)"
    has action_state '"linux/arm64"' "$(podman run --rm --privileged $image:binfmt 2> /dev/null)"
    podman run --rm --privileged $image:binfmt 2> /dev/null | python3 -c 'import json, sys
s = json.load(sys.stdin)
assert "linux/arm64" in s["supported"] and "qemu-aarch64" in s["emulators"], s' || failed=1
    same action_runs aarch64 "$(arm64 localhost/a64 uname -m)"
    reset
    # Options end at the program's name; a pipe is not the terminal; a whole root folder; a dynamic program by -L.
    local root
    root=$(buildah mount "$(buildah from --pull-never --name transcript localhost/a64)")
    cp "$anyarch" "$root/usr/bin/qemu-aarch64-static"
    has program_h 'Usage:' "$(chroot "$root" qemu-aarch64-static /bin/uname --help)"
    same prefix aarch64 "$(./qemu-aarch64-static -L "$root" "$root/bin/uname" -m)"
    same whole_root '20 aarch64' "$(chroot "$root" /usr/bin/qemu-aarch64-static /bin/sh -c "$children")"
    same pipe_and_tty 'data key' "$(python3 "$here/terminal.py" ./qemu-aarch64-static ./key)"
    buildah rm transcript > /dev/null
}

# A build of ten RUN lines.
test_build() {
    images
    arm64_image
    reset
    run --privileged $image:register --reset -p yes > /dev/null
    mkdir -p ten
    cat > ten/Dockerfile << 'END'
FROM localhost/a64
RUN uname -m > /machine
RUN useradd -m -s /bin/bash someone && id someone
RUN tar -C /etc -czf /etc.tar.gz . && tar -tzf /etc.tar.gz | grep -q passwd
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev python3-minimal
RUN printf '#include <stdio.h>\nint main(void) { puts("compiled"); }\n' > /t.c && gcc -O2 -o /t /t.c && /t > /compiled
RUN python3 -c 'import os; print(os.uname().machine, sum(range(1000)))' > /python
RUN su someone -c 'echo $HOME' > /home-of
RUN find /usr -name '*.so*' | sort | sha256sum > /sums
RUN for i in $(seq 50); do /bin/true || exit 1; done; perl -e 'print "perl\n"' > /perl
RUN cat /machine /compiled /python /home-of /perl > /result
END
    cp /etc/apt/sources.list ten/ 2> /dev/null
    # Packages come from where debootstrap got them.
    timeout 1500 buildah bud --arch arm64 --network host --pull-never -t localhost/ten ten > build.log 2>&1 || tail -n 20 build.log
    same ten_lines "aarch64
compiled
aarch64 499500
/home/someone
perl" "$(arm64 localhost/ten cat /result)"
}

# The DaemonSet's pod: registers, reports healthy, removes its entries.
test_kube() {
    images
    reset
    python3 - "$here/../../docker/kubernetes/daemonset.yaml" << 'END' > pod.yaml || skip "no python3-yaml"
import sys
import yaml
daemon = next(yaml.safe_load_all(open(sys.argv[1])))
pod = daemon['spec']['template']
pod.update(apiVersion='v1', kind='Pod')
pod['metadata'].update(name='anyarch', annotations={'io.podman.annotations.init.container.type': 'always'})
for key in ('nodeSelector', 'tolerations'):
    del pod['spec'][key]
for c in pod['spec']['initContainers'] + pod['spec']['containers']:
    c['image'] = 'localhost/' + c['image']
    c['imagePullPolicy'] = 'Never'
    c.pop('resources', None)
print(yaml.dump(pod))
END
    podman play kube --network none pod.yaml > kube.log 2>&1 || { cat kube.log; skip "podman play kube does not work here"; }
    for _ in $(seq 50); do [ -e $binfmt/qemu-aarch64 ] && break; sleep 0.1; done
    has kube_entry 'flags: PF' "$(cat $binfmt/qemu-aarch64 2>&1)"
    same kube_runs aarch64 "$(./hello)"
    for _ in $(seq 100); do podman logs anyarch-hold 2>&1 | grep -q held && break; sleep 0.1; done
    same kube_healthy 'aarch64: a test program runs' "$(podman exec anyarch-hold /usr/bin/anyarch binfmt check)"
    podman pod stop -t 20 anyarch > kube.log 2>&1
    podman play kube --down pod.yaml >> kube.log 2>&1
    same kube_removed no "$([ -e $binfmt/qemu-aarch64 ] && echo yes || echo no)"
}

# The Docker engine: classic builder, and BuildKit with nothing registered, by its own hook.
test_docker() {
    command -v dockerd > /dev/null || skip "no dockerd"
    arm64_image
    images
    reset
    podman save -q --format docker-archive -o "$state/a64.tar" localhost/a64
    mkdir -p "$state/bin" "$state/docker" simple
    cp "$anyarch" "$state/bin/buildkit-qemu-aarch64"
    PATH=$state/bin:$PATH dockerd --data-root "$state/docker/data" --exec-root "$state/docker/exec" \
        --pidfile "$state/docker/pid" -H "unix://$state/docker/sock" --iptables=false --ip-forward=false --bridge=none \
        > dockerd.log 2>&1 < /dev/null &
    local daemon=$!
    export DOCKER_HOST=unix://$state/docker/sock
    for _ in $(seq 100); do docker version > /dev/null 2>&1 && break; sleep 0.2; done
    docker version > /dev/null 2>&1 || skip "dockerd does not work here: $(tail -n 1 dockerd.log)"
    docker load -q -i "$state/a64.tar" > /dev/null || failed=1
    cat > simple/Dockerfile.docker << 'END'
FROM localhost/a64
RUN mkdir -p /workspace && uname -m > /workspace/machine
WORKDIR /workspace
RUN for i in $(seq 20); do uname -m; done | sort | uniq -c > count
RUN ["/bin/sh", "-c", "echo exec form > form"]
RUN cat machine form
END
    # /usr/bin/docker may be another version than one earlier in PATH, which lacks the builder.
    local client=docker
    [ -x /usr/bin/docker ] && client=/usr/bin/docker
    DOCKER_BUILDKIT=1 timeout 300 $client build --network none --platform linux/arm64 --progress plain -t hook \
        -f simple/Dockerfile.docker simple > buildkit.log 2>&1 || tail -n 20 buildkit.log
    same buildkit_hook 'aarch64 exec form' "$(docker run --rm --platform linux/arm64 --network none \
        -v "$anyarch:/anyarch:ro" --entrypoint /anyarch hook /bin/cat machine form | tr '\n' ' ' | sed 's/ $//')"
    "$anyarch" binfmt install --user > /dev/null
    DOCKER_BUILDKIT=0 timeout 300 $client build --network none --platform linux/arm64 -t classic \
        -f simple/Dockerfile.docker simple > classic.log 2>&1 || tail -n 20 classic.log
    same classic_builder '20 aarch64' \
        "$(docker run --rm --platform linux/arm64 --network none classic sed 's/^ *//' count)"
    kill $daemon
    wait $daemon
    umount "$state/docker/exec/netns/default" 2> /dev/null
}

if ! command -v aarch64-linux-gnu-gcc > /dev/null; then
    skip "no arm64 compiler"
fi
aarch64-linux-gnu-gcc -O1 -static -o hello "$here/hello.c" && aarch64-linux-gnu-gcc -O1 -static -o key "$here/key.c" || exit 1
"test_$test"
exit $failed
