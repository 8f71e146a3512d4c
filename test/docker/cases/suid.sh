# shellcheck shell=bash disable=SC2154,SC2034
# Programs with the set-user-id bit: by default they run with the ids of who starts them, with flag C with their owner's, and then
# the caller's variables have no effect.
images
arm64_image
reset
mkdir -p suid
aarch64-linux-gnu-gcc -O1 -static -o suid/ids "$here/ids.c" || exit 1
printf 'FROM localhost/a64\nCOPY --chmod=4755 ids /ids\n' > suid/Dockerfile
buildah bud -q --arch arm64 --pull-never -t localhost/suid suid > suid.log 2>&1 || cat suid.log
user=(--user 1000 -e QEMU_STRACE=1)
plain='uid 1000 euid 1000 secure 0' owner='uid 1000 euid 0 secure 1'

run --privileged $image binfmt install > /dev/null
has by_default "$plain" "$(arm64 "${user[@]}" localhost/suid /ids)"
has by_default_child "$plain" "$(arm64 "${user[@]}" localhost/suid sh -c '/ids; true')"
has asked_for 'warning: flag C' "$(run --privileged $image binfmt install --flags PFC)"
same flag_C "$owner" "$(arm64 "${user[@]}" localhost/suid /ids)"
has flag_C_child "$owner" "$(arm64 "${user[@]}" localhost/suid sh -c '/ids; true')"
same no_new_privileges 'uid 1000 euid 1000 secure 0' "$(arm64 --user 1000 --security-opt no-new-privileges localhost/suid /ids)"
# The documented line of the image that people use.
reset
run --privileged $image:register --reset --persistent yes --credential yes > /dev/null
same credential "$owner" "$(arm64 "${user[@]}" localhost/suid /ids)"
reset
has entry_point "$plain" "$(arm64 "${user[@]}" -v "$anyarch:/anyarch:ro" --entrypoint /anyarch localhost/suid /bin/sh -c '/ids; true')"
rm -r suid
