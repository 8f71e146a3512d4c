# shellcheck shell=bash disable=SC2154,SC2034
# Way (d): podman of a user without rights, with entries of his own (Linux 6.7).
arm64_image
plain_user
cp "$anyarch" $home/anyarch

plain_arm64() {
    plain podman run --rm --pull=never --platform linux/arm64 localhost/a64 "$@" | grep -v WARNING
}

has is_rootless 'rootless: true' "$(plain podman info)"
has nothing_registered 'exec format error' "$(plain_arm64 uname -m)"
has registered "aarch64: registered, $home/anyarch, flags PF" "$(plain podman unshare anyarch binfmt install --user)"
same runs aarch64 "$(plain_arm64 uname -m)"
same children "$twenty" "$(plain_arm64 sh -c "$children")"
has status 'qemu-aarch64         enabled   PF    aarch64' "$(plain podman unshare anyarch binfmt status)"
same nobody_else 'register status' "$(echo $(ls $binfmt))"
mkdir -m 755 $home/build
printf 'FROM localhost/a64\nRUN uname -m > /machine && cat /machine\n' > $home/build/Dockerfile
has builds aarch64 "$(plain podman build --network=none --pull=never --platform linux/arm64 -t built build)"
has removed 'qemu-aarch64: removed' "$(plain podman unshare anyarch binfmt uninstall arm64)"
has gone 'exec format error' "$(plain_arm64 uname -m)"
plain podman system migrate > /dev/null
