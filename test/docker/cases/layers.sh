# shellcheck shell=bash disable=SC2154,SC2034
# docker/README.md's two ways to keep translations out of the layers of an image that RUN lines make: equal digests each time.
arm64_image
images
reset
register > /dev/null
mkdir -p layers

# digest NAME: of the image that layers/NAME makes
digest() {
    buildah bud -q --timestamp 0 --arch arm64 --pull-never --no-cache -t "$1" -f "layers/$1" layers > layers.log 2>&1 || cat layers.log
    buildah push -q "localhost/$1" "oci-archive:$state/layers.tar"
    tar -xOf "$state/layers.tar" index.json | sed 's/.*"digest":"\([^"]*\)".*/\1/'
    rm "$state/layers.tar"
}

command='seq 10 | sort > /sorted; bash -c "ls /usr/bin | md5sum" > /sum'
for name in argument mount; do
    way='ARG ANYARCH_CACHE=off' end=$'\nRUN'
    [ $name = mount ] && way='RUN --mount=type=cache,target=/var/cache/anyarch' end=''
    grep -qF "$way" "$top/docker/README.md" || { echo "docker/README.md lacks: $way"; failed=1; }
    printf 'FROM localhost/a64\n%s%s %s\n' "$way" "$end" "$command" > layers/$name
    same $name "$(digest $name)" "$(digest $name)"
    same $name-clean '1 no' "$(echo $(arm64 -e ANYARCH_CACHE=off localhost/$name sh -c \
        'sed -n 1p /sorted; [ -e /var/cache/anyarch ] && echo yes || echo no'))"
done
