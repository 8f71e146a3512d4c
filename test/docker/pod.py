"""pod.py DAEMONSET.yaml - its pod template as a pod of "podman play kube", which knows no DaemonSet."""
import sys

import yaml

with open(sys.argv[1]) as f:
    pod = next(yaml.safe_load_all(f))['spec']['template']
pod.update(apiVersion='v1', kind='Pod')
pod['metadata'].update(name='anyarch', annotations={'io.podman.annotations.init.container.type': 'always'})
# Otherwise podman starts the init container again and again.
pod['spec']['restartPolicy'] = 'OnFailure'
for key in ('nodeSelector', 'tolerations'):
    del pod['spec'][key]
for container in pod['spec']['initContainers'] + pod['spec']['containers']:
    container['image'] = 'localhost/' + container['image']
    container['imagePullPolicy'] = 'Never'
    container.pop('resources', None)
print(yaml.dump(pod))
