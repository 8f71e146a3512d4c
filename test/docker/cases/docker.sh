# shellcheck shell=bash disable=SC2154,SC2034
# The Docker engine, with the Dockerfile of ten RUN lines: BuildKit with nothing registered, by its own hook, and the classic
# builder with an entry.
for tool in dockerd slirp4netns; do
    command -v $tool > /dev/null || skip "no $tool"
done
# /usr/bin/docker may be another version than one earlier in PATH, which lacks the builder.
client=docker
[ -x /usr/bin/docker ] && client=/usr/bin/docker
debian_image
reset
podman save -q --format docker-archive -o "$state/debian.tar" localhost/debian
mkdir -p "$state/hook" "$state/docker"
cp "$anyarch" "$state/hook/buildkit-qemu-aarch64"
# Containers mount /sys, so the network must belong to this user name space; slirp4netns connects it with the one outside.
PATH=$state/hook:$PATH unshare --net dockerd --data-root "$state/docker/data" --exec-root "$state/docker/exec" \
    --pidfile "$state/docker/pid" -H "unix://$state/docker/sock" --iptables=false --ip-forward=false --bridge=none \
    > dockerd.log 2>&1 < /dev/null &
daemon=$!
export DOCKER_HOST=unix://$state/docker/sock
for _ in $(seq 100); do
    docker version > /dev/null 2>&1 && break
    sleep 0.2
done
docker version > /dev/null 2>&1 || skip "dockerd does not work here: $(tail -n 1 dockerd.log)"
slirp4netns --configure --mtu=65520 $daemon tap0 > slirp.log 2>&1 &
network=$!
docker load -q -i "$state/debian.tar" > /dev/null || failed=1
rm "$state/debian.tar"

# build NAME BUILDKIT
build() {
    DOCKER_BUILDKIT=$2 timeout 1500 $client build --network host --platform linux/arm64 --progress plain -t "$1" "$here/ten" \
        > "$1.log" 2>&1 || tail -n 20 "$1.log"
}

"$top/docker/build" -docker "$anyarch" > /dev/null || failed=1
same loaded "$("$anyarch" version)" "$(docker run --rm --network none anyarch version)"
same loaded_names 'aarch64 anyarch binfmt buildkit latest register register-only x86_64-aarch64' \
    "$(echo $(docker images --format '{{.Tag}}' anyarch | grep -v "$("$anyarch" version)$" | sort))"
same not_registered 'register status' "$(echo $(ls $binfmt))"
build hook 1
same buildkit_hook "$ten_result" "$(docker run --rm --platform linux/arm64 --network none \
    -v "$anyarch:/anyarch:ro" --entrypoint /anyarch hook /bin/cat /result)"
# --privileged, which is documented, wants a right that not every machine has (CAP_SYS_RESOURCE).
has register 'Setting /usr/bin/qemu-aarch64-static' "$(docker run --rm --network none --cap-add SYS_ADMIN \
    --security-opt seccomp=unconfined anyarch:register --reset -p yes)"
build classic 0
same classic_builder "$ten_result" "$(docker run --rm --platform linux/arm64 --network none classic cat /result)"
kill $daemon $network
wait
umount "$state/docker/exec/netns/default" 2> /dev/null
