// bake.mjs - node bake.mjs FILE.hcl: what "docker buildx bake" would build, as arguments of "buildah bud", one a line, an empty line
// after each target. Needs @cdktf/hcl2json (the HCL parser that buildx has) in the folder from where it is run. Anything in the file
// that is not known here is an error.
import fs from 'fs';
import { createRequire } from 'module';

const { parse } = createRequire(process.cwd() + '/')('@cdktf/hcl2json');
const file = await parse('bake.hcl', fs.readFileSync(process.argv[2], 'utf8'));
const known = {
    file: ['variable', 'group', 'target'],
    group: ['targets'],
    target: ['inherits', 'context', 'dockerfile', 'platforms', 'args', 'output', 'attest', 'target', 'tags'],
};

function check(what, object, names) {
    for (const key of Object.keys(object))
        if (!names.includes(key))
            throw new Error(`${what}: unknown ${key}`);
}

function value(text) {
    return text.replace(/\$\{([^}]*)\}/g, (_, name) => {
        if (!file.variable[name])
            throw new Error(`unknown variable ${name}`);
        return process.env[name] ?? file.variable[name][0].default;
    });
}

function target(name) {
    if (!file.target[name])
        throw new Error(`unknown target ${name}`);
    const own = file.target[name][0];
    check(`target ${name}`, own, known.target);
    return Object.assign({}, ...(own.inherits ?? []).map(target), own);
}

check('file', file, known.file);
for (const group of Object.values(file.group))
    check('group', group[0], known.group);
for (const name of file.group.default[0].targets) {
    const t = target(name), context = value(t.context), words = [];
    const { SOURCE_DATE_EPOCH: timestamp, ...args } = t.args;
    for (const output of t.output)
        if (!/^type=image(,rewrite-timestamp=true)?$/.test(output))
            throw new Error(`${name}: output ${output}`);
    for (const attest of t.attest)
        if (!/^type=(sbom|provenance,mode=max)$/.test(attest))
            throw new Error(`${name}: attest ${attest}`);
    words.push('--timestamp', timestamp, '--platform', t.platforms.join(','), '--target', value(t.target));
    words.push('--file', `${context}/${value(t.dockerfile)}`);
    for (const [key, text] of Object.entries(args))
        words.push('--build-arg', `${key}=${value(text)}`);
    for (const tag of t.tags)
        words.push('--tag', value(tag));
    console.log([...words, context, ''].join('\n'));
}
