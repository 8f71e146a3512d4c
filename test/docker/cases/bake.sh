# shellcheck shell=bash disable=SC2154,SC2034
# docker-bake.hcl, read by the parser that buildx has and built by buildah: the images of docker/build, under the same names.
command -v node > /dev/null && command -v npm > /dev/null || skip "no node and npm"
mkdir -p bake
cd bake || exit 1
[ -d node_modules/@cdktf ] || timeout 200 npm install --silent --no-fund @cdktf/hcl2json > npm.log 2>&1 ||
    skip "npm cannot fetch packages: $(tail -n 1 npm.log)"
bake=$top/docker/docker-bake.hcl
"$top/docker/build" "$anyarch" > list || exit 1

# names: every name and the image's id
names() {
    podman images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.Id}}' | grep anyarch | sort
}

names > built.names
podman rmi -af > /dev/null 2>&1
"$top/docker/build" -stage context "$anyarch"
REPOSITORY=localhost/anyarch CONTEXT=context VERSION=$("$anyarch" version) node "$here/bake.mjs" "$bake" > words || exit 1
arguments=()
while read -r word; do
    if [ -n "$word" ]; then
        arguments+=("$word")
        continue
    fi
    buildah bud -q "${arguments[@]}" > bud.log 2>&1 || { cat bud.log; failed=1; }
    arguments=()
done < words
same images "$(cat built.names)" "$(names)"
same all "$(wc -l < list)" "$(grep -c '^--target' words)"
# Without these variables it is complete too, and what is wrong is found.
same version "$("$anyarch" version)" "$(sed -n 's/^variable "VERSION".*default = "\(.*\)".*/\1/p' "$bake")"
same defaults "build/images" "$(node "$here/bake.mjs" "$bake" | tail -n 2 | head -n 1)"
for change in 's/dockerfile /dockerfiles /' 's/{VERSION}/{VERSIONS}/' 's/inherits = \["common/inherits = ["commons/' 's/^}//'; do
    sed "$change" "$bake" > wrong.hcl
    node "$here/bake.mjs" wrong.hcl > /dev/null 2>&1 && { echo "not found: $change"; failed=1; }
done
