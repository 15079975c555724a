/** The lock file of a project that uses a packed package: the same versions as this repository has, so that installing it
 *  asks no registry what is newest, and finds every tarball where `npm ci` has put it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../test/step.ts'

interface Entry {
  version?: string
  resolved?: string
  link?: boolean
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}
type Entries = Record<string, Entry>

export interface ProjectManifest {
  name: string
  version: string
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/** The manifest with more dependencies, in the versions that this repository has. */
export async function withPackages(manifest: ProjectManifest, names: readonly string[]): Promise<ProjectManifest> {
  const known = await lockedEntries()
  const added = names.map((name) => [name, known[`node_modules/${name}`]?.version ?? '*'])
  return { ...manifest, dependencies: { ...manifest.dependencies, ...Object.fromEntries(added) } }
}

/** The lock file for a project whose manifest names `tenfold` as a tarball and everything else as this repository has it. */
export async function lockFor(manifest: ProjectManifest): Promise<object> {
  const known = await lockedEntries()
  const { devDependencies: _, ...own } = known['packages/tenfold'] ?? {}
  const entries: Entries = { 'node_modules/tenfold': { ...own, resolved: manifest.dependencies.tenfold! } }
  const direct = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
  const queue = [
    ...namesOf(own).map((name) => ({ name, from: 'packages/tenfold' })),
    ...direct.filter((name) => name !== 'tenfold').map((name) => ({ name, from: '' })),
  ]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const path = find(known, next.name, next.from)
    if (path === undefined) continue
    const place = path.replace(/^packages\/tenfold\//, 'node_modules/tenfold/')
    if (place in entries) continue
    const { devDependencies: __, ...entry } = known[path]!
    entries[place] = entry
    queue.push(...namesOf(entry).map((name) => ({ name, from: path })))
  }
  const { name, version } = manifest
  return { name, version, lockfileVersion: 3, requires: true, packages: { '': manifest, ...entries } }
}

async function lockedEntries(): Promise<Entries> {
  const lock = await readFile(join(repository, 'package-lock.json'), 'utf8')
  return (JSON.parse(lock) as { packages: Entries }).packages
}

function namesOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }: Entry): string[] {
  const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional)
  return [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]
}

/** Where Node.js would find a package: in the nearest `node_modules` on the way up. */
export function find(known: Record<string, { link?: boolean }>, name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$|[^/]*$|\/[^/]+$/, '')) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (known[path] && !known[path].link) return path
    if (folder === '') return undefined
  }
}
