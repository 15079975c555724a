import { basename, resolve } from 'node:path'

/** The name of the project that goes into a folder. */
export function nameOf(folder: string): string {
  return basename(resolve(folder))
}

/** The name of the app itself is part of the names of its database roles: Postgres has no hyphens there without quotes. */
export function appNameOf(name: string): string {
  return name.replaceAll('-', '_')
}

/** What is wrong with the name, or undefined. It names a package, an app and the roles of its database: the strictest decides. */
export function nameProblem(folder: string): string | undefined {
  const name = nameOf(folder)
  if (['node_modules', 'tenfold', 'create-tenfold'].includes(name)) return `'${name}' is taken by something else.`
  if (/^[a-z][a-z0-9-]{0,28}[a-z0-9]$/.test(name)) return undefined
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 30)
  const rule = 'lower-case letters, digits and hyphens, beginning with a letter, 2 to 30 of them'
  return `'${name}' cannot be the name of an app: ${rule}.${better.length > 1 ? ` '${better}' would do.` : ''}`
}
