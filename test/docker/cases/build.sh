# shellcheck shell=bash disable=SC2154,SC2034
# A Dockerfile of ten RUN lines, built by buildah under the registered file.
images
debian_image
reset
register > /dev/null
timeout 1500 buildah bud --arch arm64 --network host --pull-never -t localhost/ten "$here/ten" > build.log 2>&1 || tail -n 20 build.log
same ten_lines "$ten_result" "$(arm64 localhost/ten cat /result)"
