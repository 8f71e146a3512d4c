#!/bin/bash
# schema.sh - the Kubernetes manifests against the API's types: schema.sh WORK. Fetches three npm packages into WORK; 77 (skipped) if it cannot.
set -u
here=$(dirname "$(realpath "$0")")
mkdir -p "$1"
cd "$1" || exit 1
command -v node > /dev/null && command -v npm > /dev/null || { echo "skipped: no node and npm"; exit 77; }
[ -d node_modules/typescript ] || timeout 200 npm install --silent --no-fund kubernetes-types typescript js-yaml > npm.log 2>&1 || {
    echo "skipped: npm cannot fetch packages: $(tail -n 1 npm.log)"
    exit 77
}

# check FILE...
check() {
    node "$here/schema.mjs" "$@" > values.ts &&
        node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler values.ts
}

failed=0
check "$here"/../../docker/kubernetes/*.yaml || failed=1
# It finds what it is for.
for change in 's/matchLabels/matchLabelz/' 's/privileged: true/privileged: "yes"/' 's/mountPath/mountPaths/'; do
    for file in daemonset buildkit; do
        sed "$change" "$here/../../docker/kubernetes/$file.yaml" > $file.yaml
    done
    check daemonset.yaml buildkit.yaml > /dev/null && { echo "not found: $change"; failed=1; }
done
exit $failed
