# shellcheck shell=bash disable=SC2154,SC2034
# README.md's five ways to run containers, as printed there; "docker" is podman.
images
arm64_image
docker_is_podman
plain_user
install -D "$anyarch" $home/build/release/anyarch
install -D "$anyarch" readme/build/release/anyarch
# The n-th code block of the section, without its indent.
block() {
    awk -v n="$1" '/^## /{ section = ($2 == "Containers") } !section { next }
        /^       / { if (!inside) at++; inside = 1; if (at == n) print substr($0, 8); next } { inside = 0 }' "$top/README.md"
}

for way in 1 2 3 4 5; do
    reset
    block $way > readme/way
    [ $way = 5 ] && run_as=(plain) || run_as=(env -C readme)
    cat readme/way
    same way$way aarch64 "$("${run_as[@]}" bash -e -c "$(cat readme/way)" 2> readme/errors | tail -n 1)"
done
same no_sixth '' "$(block 6)"
plain podman system migrate > /dev/null
rm -r readme
