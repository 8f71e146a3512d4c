# shellcheck shell=bash disable=SC2154,SC2034
# The DaemonSet's pod: registers, reports healthy, holds its entries, removes them.
images
reset
python3 "$here/pod.py" "$top/docker/kubernetes/daemonset.yaml" > pod.yaml || skip "no python3-yaml"
podman play kube --network none pod.yaml > kube.log 2>&1 || { cat kube.log; skip "podman play kube does not work here"; }

# wait_for COMMAND...: wait at most 20 s for it to succeed
wait_for() {
    for _ in $(seq 200); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.1
    done
}

wait_for [ -e $binfmt/qemu-aarch64 ]
has entry 'flags: PF' "$(cat $binfmt/qemu-aarch64 2>&1)"
same runs aarch64 "$(./hello)"
wait_for grep -q held <(podman logs anyarch-hold 2>&1)
# By the manifest's probes, which podman itself would start through a shell.
for probe in readinessProbe livenessProbe; do
    mapfile -t words < <(python3 -c 'import sys, yaml
print("\n".join(yaml.safe_load(open("pod.yaml"))["spec"]["containers"][0][sys.argv[1]]["exec"]["command"]))' $probe)
    same $probe 'aarch64: a test program runs 0' "$(echo $(podman exec anyarch-hold "${words[@]}"; echo $?))"
done
# An entry that somebody removes is there again soon; meanwhile the probe says so.
echo -1 > $binfmt/qemu-aarch64
same unhealthy 1 "$(podman exec anyarch-hold "${words[@]}" > health.log 2>&1; echo $?)"
wait_for [ -e $binfmt/qemu-aarch64 ]
same healthy_again 0 "$(podman exec anyarch-hold "${words[@]}" > health.log 2>&1; echo $?)"
podman pod stop -t 20 anyarch > kube.log 2>&1; podman logs anyarch-hold >> kube.log 2>&1
same removed no "$([ -e $binfmt/qemu-aarch64 ] && echo yes || echo no)"
podman play kube --down pod.yaml >> kube.log 2>&1
same nothing_left 'register status' "$(echo $(ls $binfmt))"

# The init container of buildkit.yaml, beside which BuildKit's container has the emulator in PATH.
rm -rf emulators
mkdir emulators
mapfile -t words < <(python3 -c 'import sys, yaml
init = next(yaml.safe_load_all(open(sys.argv[1])))["spec"]["template"]["spec"]["initContainers"][0]
print("\n".join(["localhost/" + init["image"]] + init["args"]))' "$top/docker/kubernetes/buildkit.yaml")
run -v "$PWD/emulators:/emulators" "${words[@]}"
same buildkit_init aarch64 "$(cd emulators && ./buildkit-qemu-aarch64 ../hello)"
rm -r emulators
