# shellcheck shell=bash disable=SC2154,SC2034
# The images: the same digests when made again, small, labelled, with a list of what is in them.
images
cat list
cp list list.first
# Another file of the same content, at another time, from another folder.
cp "$anyarch" copy
touch "$top/docker/Dockerfile"
"$top/docker/build" -o out copy > list
same same_digests "$(cat list.first)" "$(cat list)"
same six_images 6 "$(wc -l < list)"
version=$("$anyarch" version)
while read -r name _ size; do
    [ "$size" -lt 4000000 ] || { echo "$name: $size bytes"; failed=1; }
    [ -s "out/$name.tar" ] || { echo "$name: no archive"; failed=1; }
    same "$name-version" "$version MIT" "$(podman image inspect --format \
        '{{index .Labels "org.opencontainers.image.version"}} {{index .Labels "org.opencontainers.image.licenses"}}' "$image:$name-$version")"
done < list
same same_image "$(podman images -q "$image:x86_64-aarch64")" "$(podman images -q "$image:aarch64-$version")"
same latest "$(podman images -q "$image:anyarch")" "$(podman images -q "$image:latest")"
# Every image's binary is the one that the list of contents describes.
same sbom "$(sha256sum < "$anyarch" | cut -d ' ' -f 1)" "$(python3 -c 'import json
s = json.load(open("out/anyarch.spdx.json"))
assert s["spdxVersion"] == "SPDX-2.3" and len(s["packages"]) == 4, s
assert all("unknown" not in p["versionInfo"] for p in s["packages"]), s
print(s["packages"][0]["checksums"][0]["checksumValue"])')"
echo "binary: $(stat -c %s "$anyarch") bytes"
same binary_size 1 "$(($(stat -c %s "$anyarch") <= 2000000))"
id=$(buildah from "$image:x86_64-aarch64")
same one_file ./usr/bin/qemu-aarch64-static "$(cd "$(buildah mount "$id")" && find . -type f)"
buildah rm "$id" > /dev/null
id=$(buildah from "$image:anyarch")
same links './usr/bin/qemu-aarch64-static' "$(cd "$(buildah mount "$id")" && find . -type l)"
buildah rm "$id" > /dev/null
