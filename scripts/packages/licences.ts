/** What of others comes along with the published packages, and under which licences. From the lock file: nothing is installed
 *  that is not in it. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../test/step.ts'
import { find } from './lock.ts'

export interface Shipped {
  name: string
  version: string
  licence: string
  /** How it reaches users: npm installs it, or its code is inside of the console's pages. */
  how: 'installed' | 'bundled'
}

interface Entry {
  version?: string
  license?: string
  link?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
export type Lock = { packages: Record<string, Entry & { devDependencies?: Record<string, string> }> }

/** Licences that ask for no more than to be named. Whoever adds one here has read it. */
const FREE = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
  'Zlib',
]

export async function shippedPackages(): Promise<Shipped[]> {
  return shippedIn(JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')) as Lock)
}

export function shippedIn(lock: Lock): Shipped[] {
  const all = lock.packages
  const found = new Map<string, Shipped>()
  const follow = (names: Record<string, string> = {}, from: string, how: Shipped['how']): void => {
    for (const name of Object.keys(names)) {
      const path = find(all, name, from)
      // Optional ones that this lock file leaves out are those of other systems.
      if (path === undefined || found.has(path)) continue
      const { version = '', license = 'none that npm knows', dependencies, optionalDependencies } = all[path]!
      found.set(path, { name, version, licence: license, how })
      follow({ ...dependencies, ...optionalDependencies }, path, how)
    }
  }
  for (const published of ['packages/tenfold', 'packages/create-tenfold'])
    follow(all[published]?.dependencies, published, 'installed')
  // The pages of the console are built: what they are built from is inside of them.
  follow(all['packages/console']?.devDependencies, 'packages/console', 'bundled')
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version))
}

/** Those whose licence is not known to be free; `MIT OR X` is as good as MIT, `MIT AND X` is not. */
export function notFree(shipped: readonly Shipped[]): Shipped[] {
  return shipped.filter(({ licence }) => {
    const either = licence.replace(/^\((.*)\)$/, '$1').split(' OR ')
    return !either.some((one) => one.split(' AND ').every((part) => FREE.includes(part.trim())))
  })
}

/** The licence texts of what is inside of a package, which have to come along with it. */
export async function notices(shipped: readonly Shipped[]): Promise<string> {
  const texts = shipped
    .filter(({ how }) => how === 'bundled')
    .map(async ({ name, version, licence }) => {
      const folder = join(repository, 'node_modules', name)
      const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one))
      if (!file) throw new Error(`${name} is inside of the package and brings no text of its licence`)
      return `## ${name} ${version} (${licence})\n\n${(await readFile(join(folder, file), 'utf8')).trim()}\n`
    })
  return `# What the console is made with\n\n${(await Promise.all(texts)).join('\n')}`
}
