# shellcheck shell=bash disable=SC2154,SC2034
# Lines that people follow today, word for word, with our file and images. "docker" is podman, under the name that the package
# podman-docker gives it.
images
arm64_image
reset
docker_is_podman
mkdir -p transcripts
cd transcripts || exit 1
rm -rf ./*
export PATH=$PWD:$PATH
cp "$anyarch" qemu-aarch64-static
ln -s qemu-aarch64-static qemu-aarch64
mkdir bin
printf '#include <stdio.h>\nint main(void) { puts("Hello World!"); }\n' > hello.c
aarch64-linux-gnu-gcc -static -o bin/hello-aarch64 hello.c

# line COMMAND: as typed; what it prints, on one line
line() {
    bash -c "$1" 2>&1 < /dev/null | tr '\r\n' '  ' | sed 's/WARNING: image platform[^)]*)[^)]*) //; s/  */ /g; s/ $//'
}

has hello_format 'Exec format error' "$(line 'bin/hello-aarch64')"
same hello_emulated 'Hello World!' "$(line 'qemu-aarch64-static bin/hello-aarch64')"

uname='docker run --rm -t arm64v8/ubuntu uname -m'
has ubuntu_format 'exec format error' "$(line "$uname")"
has reset 'Setting /usr/bin/qemu-aarch64-static as binfmt interpreter for aarch64' \
    "$(line 'docker run --rm --privileged anyarch:register --reset -p yes')"
same ubuntu_registered aarch64 "$(line "$uname")"
same entry 'enabled
interpreter /usr/bin/qemu-aarch64-static
flags: F
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff' "$(cat /proc/sys/fs/binfmt_misc/qemu-aarch64)"
has exists_already 'registered already, for /usr/bin/qemu-aarch64-static; --reset' \
    "$(line 'docker run --rm --privileged anyarch:register -p yes')"
same ubuntu_still_registered aarch64 "$(line "$uname")"
line 'echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64'
same removed no "$([ -e $binfmt/qemu-aarch64 ] && echo yes || echo no)"

# The file from outside, with and without emulators in the image that registers.
for from in register register-only; do
    reset
    line "docker run --rm --privileged anyarch:$from --reset" > /dev/null
    has $from-no-F 'flags: offset' "$(tr -s '\n' ' ' < $binfmt/qemu-aarch64)"
    has $from-without 'no such file' "$(line "$uname")"
    same $from-mounted aarch64 "$(line \
        'docker run --rm -t -v $(pwd)/qemu-aarch64-static:/usr/bin/qemu-aarch64-static arm64v8/ubuntu uname -m')"
done

cat > Dockerfile << 'END'
FROM arm64v8/ubuntu
RUN mkdir -p /workspace
ENV HELLO world
WORKDIR /workspace
RUN touch a.txt
RUN echo $HELLO > b.txt
END
line 'docker run --rm --privileged anyarch:register --reset -p yes' > /dev/null
has build 'Successfully tagged localhost/sample' "$(line 'docker build --rm -t sample .')"
same built 'a.txt b.txt world' "$(line 'docker run --rm -t sample sh -c "ls; cat b.txt"')"

has help 'usage: qemu-aarch64 [options] program' "$(line 'docker run --rm -t anyarch:aarch64 /usr/bin/qemu-aarch64-static -help')"
has version 'qemu-aarch64 version' "$(line 'docker run --rm -t anyarch:aarch64 /usr/bin/qemu-aarch64-static -version')"

# The four calls of docker/setup-qemu-action.
has action_version 'binfmt/' "$(line 'docker run --rm --privileged anyarch:binfmt --version')"
has action_uninstall 'uninstalling: qemu-aarch64 OK' "$(line "docker run --rm --privileged anyarch:binfmt --uninstall 'qemu-*'")"
has action_install 'installing: arm64 OK' "$(line 'docker run --rm --privileged anyarch:binfmt --install all')"
docker run --rm --privileged anyarch:binfmt 2> /dev/null | python3 -c 'import json, sys
s = json.load(sys.stdin)
assert "linux/arm64" in s["supported"] and "qemu-aarch64" in s["emulators"], s' || failed=1
same action_runs aarch64 "$(line "$uname")"
reset

# Options end at the program's name. A whole root folder. A dynamic program, by -L.
id=$(buildah from --pull-never localhost/a64 2> /dev/null)
root=$(buildah mount "$id")
cp "$anyarch" "$root/usr/bin/qemu-aarch64-static"
export ROOT=$root
has program_h 'usage: fzf' "$(line 'qemu-aarch64 -L $ROOT $ROOT/usr/bin/fzf -h')"
same prefix aarch64 "$(line 'qemu-aarch64 -L $ROOT $ROOT/bin/uname -m')"
same whole_root "$twenty" "$(chroot "$root" /usr/bin/qemu-aarch64-static /bin/sh -c "$children")"
same whole_root_by_name aarch64 "$(line 'chroot $ROOT qemu-aarch64-static /bin/uname -m')"

# Keys come from the terminal, data from the pipe.
# shellcheck disable=SC2016
{
    same pipe_and_tty 'data key' "$("$here/terminal.py" 'echo data | qemu-aarch64 ../key > out' '?' key)"
    same fzf 'echo second' "$("$here/terminal.py" 'set -o history
history -s "echo first"; history -s "echo second"; history -s "echo third"
history | cut -c 8- | qemu-aarch64 -L $ROOT $ROOT/usr/bin/fzf > out' 4/4 second 1/4 $'\r')"
}
buildah rm "$id" > /dev/null
