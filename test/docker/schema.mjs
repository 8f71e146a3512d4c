// schema.mjs - node schema.mjs FILE.yaml...: Kubernetes objects as typed TypeScript on stdout, so that tsc finds unknown keys and wrong
// types. Needs js-yaml and kubernetes-types in the folder from where it is run.
import fs from 'fs';
import { createRequire } from 'module';

const yaml = createRequire(process.cwd() + '/')('js-yaml');
const groups = { DaemonSet: 'apps/v1', StatefulSet: 'apps/v1', Service: 'core/v1' };
let n = 0;
for (const file of process.argv.slice(2)) {
    for (const object of yaml.loadAll(fs.readFileSync(file, 'utf8'))) {
        if (!groups[object.kind])
            throw new Error(`${file}: kind ${object.kind} is not known here`);
        console.log(`import type { ${object.kind} as K${n} } from 'kubernetes-types/${groups[object.kind]}';`);
        console.log(`export const v${n}: K${n} = ${JSON.stringify(object, null, 2)};`);
        n++;
    }
}
