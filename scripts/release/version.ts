/** What a release changes in the repository, as texts: nothing is written here. */

export interface Edit {
  path: string
  text: string
}

export class NotReady extends Error {}

const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/

/** Refuses a version that npm would not take, or that is not above the present one. */
export function checkVersion(next: string, present: string): void {
  const [, ...wanted] = VERSION.exec(next) ?? []
  const [, ...now] = VERSION.exec(present) ?? []
  if (wanted.length === 0) throw new NotReady(`'${next}' is no version; it has to be like 0.2.0 or 1.0.0-rc.1`)
  const numbers = (parts: (string | undefined)[]): number[] => parts.slice(0, 3).map(Number)
  const [a, b] = [numbers(wanted), numbers(now)]
  const first = a.findIndex((part, i) => part !== b[i])
  // A release follows its own candidates.
  const above = first < 0 ? wanted[3] === undefined && now[3] !== undefined : a[first]! > b[first]!
  if (!above) throw new NotReady(`${next} is not above ${present}, which is the present version`)
}

/** The manifests and the lock file with the next version: also where one package names the other. */
export function withVersion(path: string, text: string, next: string, published: readonly string[]): Edit {
  const value = JSON.parse(text) as Manifest & { packages?: Record<string, Manifest> }
  const change = (manifest: Manifest): void => {
    for (const kind of ['dependencies', 'devDependencies', 'peerDependencies'] as const)
      for (const name of published) if (manifest[kind]?.[name]) manifest[kind][name] = next
  }
  if (value.packages) {
    for (const [folder, manifest] of Object.entries(value.packages)) {
      change(manifest)
      if (published.some((name) => folder === `packages/${name}`)) manifest.version = next
    }
  } else {
    if (published.includes(value.name ?? '')) value.version = next
    change(value)
  }
  return { path, text: `${JSON.stringify(value, null, 2)}\n` }
}

interface Manifest {
  name?: string
  version?: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

/** Cuts the section of what is not released yet: it gets the version and the day, and an empty one takes its place. */
export function withReleaseNotes(changelog: string, next: string, day: string): { text: string; notes: string } {
  const heading = '## [Unreleased]\n'
  const start = changelog.indexOf(heading)
  if (start < 0) throw new NotReady('CHANGELOG.md has no section [Unreleased]')
  if (changelog.includes(`## [${next}]`)) throw new NotReady(`CHANGELOG.md has a section for ${next} already`)
  const rest = changelog.slice(start + heading.length)
  const end = /^## \[/m.exec(rest)?.index ?? rest.length
  const notes = rest.slice(0, end).trim()
  if (!/^[-*] /m.test(notes)) throw new NotReady('CHANGELOG.md says nothing under [Unreleased]')
  const head = changelog.slice(0, start)
  return { notes, text: `${head}${heading}\n## [${next}] - ${day}\n\n${notes}\n\n${rest.slice(end)}`.trimEnd() + '\n' }
}
