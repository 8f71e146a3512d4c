# shellcheck shell=bash disable=SC2154,SC2034
# What users of containers get wrong: one line that names the cause or the fix, a status that is not 0, and nothing has changed.
images
arm64_image
reset

# mistake TEXT ARGUMENT...: of "podman run"
mistake() {
    local output status
    output=$(podman run --rm --pull=never "${@:2}" 2>&1 < /dev/null)
    status=$?
    # The image is for arm64, and podman says so.
    output=$(grep -v '^WARNING: image platform' <<< "$output")
    same "${*:2}" "1 line, status not 0, entries: register status" \
        "$(wc -l <<< "$output") line, status $( ((status)) && echo not) 0, entries: $(ls "$binfmt" | tr '\n' ' ' | sed 's/ $//')"
    has "  says" "$1" "$output"
}

file=(-v "$anyarch:/anyarch:ro" --entrypoint /anyarch localhost/a64)
mistake 'in a container with --privileged' $image:register --reset -p yes
mistake 'in a container with --privileged' $image:binfmt --install all
mistake 'in a container with --privileged' $image binfmt install
mistake 'in a container with --privileged' --user 1000 $image binfmt install
mistake 'in a container with --privileged' --cap-drop ALL $image binfmt install --user
mistake 'only root may change it' --user 1000 -v $binfmt:/b $image binfmt install --mount /b
mistake "run it by 'podman unshare'" --user 1000 $image binfmt install --user
mistake "'anyarch guests' lists those" --privileged $image binfmt install armm64
mistake 'cannot be translated yet' --privileged $image binfmt install riscv64
mistake 'such programs itself' --privileged $image binfmt install amd64
mistake 'does not exist, and flag F needs it now' --privileged $image binfmt install --path /nowhere arm64
mistake 'no such option' --privileged $image:register arm64
mistake "unknown option 'reset'" --privileged $image --reset -p yes
mistake 'say yes or no' --privileged $image:register --reset -p true
mistake "unknown option 'c'" "${file[@]}" -c 'uname -m'
mistake 'cannot load /nothing: No such file' "${file[@]}" /nothing
mistake 'cannot load /etc/passwd: Permission denied' "${file[@]}" /etc/passwd
mistake 'for arm cannot be translated yet' -v "$anyarch:/qemu-arm-static:ro" --entrypoint /qemu-arm-static localhost/a64 /bin/true
