/** Which modules this process serves, and where the others are. */
import type { Module } from '../../modules/index.ts'

export interface Places {
  /** Their routes, jobs and crons are served here. */
  serving: readonly Module[]
  /** Their code runs here: those that are served, and those that have no other place. */
  local: readonly Module[]
  /** By the name of the module. */
  remote: ReadonlyMap<string, string>
  /** Whether the app runs in parts, so that others may call this one. */
  split: boolean
  /** Of the variables. */
  problems: { at: string; problem: string }[]
}

/** A module that is named in `--modules` is here, whatever the variables say: so all hosts can have the same ones. */
export function placesOf(
  modules: readonly Module[],
  named: readonly string[] | undefined,
  variables: Readonly<Record<string, string | undefined>>,
): Places {
  const remote = new Map<string, string>()
  const problems: Places['problems'] = []
  for (const { name } of modules) {
    const at = variableOf(name)
    const url = variables[at]?.trim()
    if (!url || named?.includes(name)) continue
    const problem = problemOf(url)
    if (problem) problems.push({ at, problem })
    else remote.set(name, url)
  }
  const here = modules.filter(({ name }) => !remote.has(name))
  return {
    serving: named ? modules.filter(({ name }) => named.includes(name)) : here,
    local: here,
    remote,
    split: named !== undefined || remote.size > 0,
    problems,
  }
}

/** `billing` -> `REMOTE_BILLING_URL` */
export function variableOf(module: string): string {
  return `REMOTE_${module.toUpperCase()}_URL`
}

/** Variables that look like a place of a module that is not there. */
export function strayPlaces(
  modules: readonly Module[],
  variables: Readonly<Record<string, string | undefined>>,
): string[] {
  const known = new Set(modules.map(({ name }) => variableOf(name)))
  return Object.keys(variables).filter((name) => /^REMOTE_[A-Z0-9_]+_URL$/.test(name) && !known.has(name))
}

function problemOf(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be of the form http://billing.internal:3000'
  const { protocol, username, password, search, hash } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') return 'must begin with http:// or https://'
  if (username || password) return 'must not have a user or password in it: calls are signed with SECRET_KEY'
  return search || hash ? 'must not have a query or fragment' : undefined
}
