# shellcheck shell=bash disable=SC2154,SC2034
# The ways to run an arm64 container: each must run uname, and a shell with 20 children.
images
arm64_image
reset
has nothing_registered 'exec format error' "$(arm64 localhost/a64 uname -m)"

# (a) Registered with F by the documented line.
has register 'Setting /usr/bin/qemu-aarch64-static as binfmt interpreter for aarch64' "$(register)"
same registered_F aarch64 "$(arm64 localhost/a64 uname -m)"
same registered_F_children "$twenty" "$(arm64 localhost/a64 sh -c "$children")"
has registered_F_doctor 'ok    aarch64        by itself' "$(run --privileged $image:anyarch doctor)"

# (b) Without F, the file brought along.
reset
has register_only 'Setting' "$(run --privileged $image:register-only --reset)"
has without_file 'no such file' "$(arm64 localhost/a64 uname -m)"
bind=(-v "$anyarch:/usr/bin/qemu-aarch64-static:ro")
same bind_mounted aarch64 "$(arm64 "${bind[@]}" localhost/a64 uname -m)"
same bind_mounted_children "$twenty" "$(arm64 "${bind[@]}" localhost/a64 sh -c "$children")"

# (c) Nothing registered: the file is the entry point. A user without rights, the default seccomp profile, a root that cannot
# be written.
reset
plain=(-v "$anyarch:/anyarch:ro" --read-only --user 1000 --cap-drop ALL --security-opt no-new-privileges)
same entry_point aarch64 "$(arm64 "${plain[@]}" --entrypoint '["/anyarch","/bin/uname","-m"]' localhost/a64)"
same entry_point_children "$twenty" "$(arm64 "${plain[@]}" --entrypoint /anyarch localhost/a64 /bin/sh -c "$children")"
has entry_point_seccomp 'Seccomp:	2' \
    "$(arm64 "${plain[@]}" --entrypoint /anyarch localhost/a64 /bin/grep Seccomp: /proc/self/status)"
# The same where /proc is not. No runtime starts a container without it, so that is left by chroot into a second root.
id=$(buildah from --pull-never localhost/a64 2> /dev/null)
root=$(buildah mount "$id")
cp "$anyarch" "$root/anyarch"
no_proc=(--read-only -v "$root:/second:ro" -v "$anyarch:/anyarch:ro" --entrypoint /anyarch localhost/a64
    /usr/sbin/chroot --userspec=1000:1000 /second /anyarch /bin/sh -c)
same no_proc '0 1000' "$(arm64 "${no_proc[@]}" 'echo $(ls /proc | wc -l) $(id -u)')"
same no_proc_children "$twenty" "$(arm64 "${no_proc[@]}" "$children")"
buildah rm "$id" > /dev/null

# (e) Baked into an image FROM scratch.
mkdir -p baked
cp "$anyarch" baked/anyarch
ln -f a64.tar baked/a64.tar
printf 'FROM scratch\nADD a64.tar /\nCOPY anyarch /anyarch\nENTRYPOINT ["/anyarch"]\nCMD ["/bin/uname", "-m"]\n' > baked/Dockerfile
buildah bud -q --arch arm64 -t localhost/baked baked > /dev/null
same baked aarch64 "$(arm64 localhost/baked)"
same baked_children "$twenty" "$(arm64 localhost/baked /bin/sh -c "$children")"
rm -r baked
