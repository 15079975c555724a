import { dirname, join } from 'node:path/posix'
import type { Law } from './law.ts'
import { exists, type Tree } from './tree.ts'

interface Manifest {
  bin?: string | Record<string, string>
  exports?: Exported
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
type Exported = string | null | { [key: string]: Exported }

export const manifests: Law = {
  name: 'what a package.json points to is there, and what it installs is pinned',
  why: 'An export of a missing file breaks at the user, a script of a missing file breaks `npm ci`, and a range installs something else next week.',
  atLeast: 15,
  judge(tree) {
    const found = [...tree].filter(([path]) => /^([^/]+\/[^/]+\/)?package\.json$/.test(path))
    const targets = found.flatMap(([path, text]) => targetsOf(path, JSON.parse(text) as Manifest))
    const ranges = found.flatMap(([path, text]) => rangesOf(path, JSON.parse(text) as Manifest))
    return { seen: targets.length, faults: [...targets.flatMap((one) => missing(one, tree)), ...ranges] }
  },
}

interface Target {
  manifest: string
  /** How the manifest names it: `exports ./testing`. */
  as: string
  file: string
}

function targetsOf(manifest: string, { bin, exports, scripts }: Manifest): Target[] {
  const bins = Object.entries(typeof bin === 'string' ? { bin } : (bin ?? {})).map(([as, file]) => ({
    as: `bin ${as}`,
    file,
  }))
  const scripted = Object.entries(scripts ?? {}).flatMap(([as, line]) =>
    [...line.matchAll(/(?:^|\s)((?:\.\/)?[\w-]+(?:\/[\w.-]+)*\.(?:ts|js|sh))(?=\s|$)/g)].map(([, file = '']) => ({
      as: `script ${as}`,
      file,
    })),
  )
  return [...bins, ...exported('exports', exports), ...scripted].map((target) => ({ manifest, ...target }))
}

function exported(as: string, value: Exported | undefined): { as: string; file: string }[] {
  if (typeof value === 'string') return [{ as, file: value }]
  return Object.entries(value ?? {}).flatMap(([key, inner]) => exported(`${as} ${key}`, inner))
}

function missing({ manifest, as, file }: Target, tree: Tree): string[] {
  const path = join(dirname(manifest), file.replace(/\*.*$/, ''))
  if (/(^|\/)dist\//.test(path)) return []
  return exists(tree, path) ? [] : [`${manifest}: ${as} points to ${file}, which is not there`]
}

function rangesOf(manifest: string, { dependencies, devDependencies, optionalDependencies }: Manifest): string[] {
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version))
    .map(([name, version]) => `${manifest}: ${name} ${version} is a range; pin one version`)
}
