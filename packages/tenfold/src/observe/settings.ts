/** What the environment says to the observation. Its variables all begin with TENFOLD: an existing app may have a PORT, a
 *  CONSOLE_PORT and a METRICS_PORT of its own, and they are not ours to read. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Duration, toMs } from '../kernel/index.ts'

export interface ObserveSettings {
  /** TENFOLD_OBSERVE_NAME. Defaults to the name in package.json, else to that of the folder. */
  name: string
  version: string
  env: 'development' | 'production' | 'test'
  /** The app's folder. */
  root: string
  /** TENFOLD_OBSERVE_URL: the Postgres where all this is kept, in schema `tenfold`. Undefined: an embedded one, but in
   *  production. */
  storeUrl: string | undefined
  /** DATABASE_URL, if it is a Postgres: its statistics are read for the advisor. */
  appUrl: string | undefined
  /** TENFOLD_OBSERVE_PORT, of the console and of /metrics. Undefined: 4100, or the next free one. */
  port: number | undefined
  /** TENFOLD_OBSERVE_HOST. Defaults to 127.0.0.1. */
  host: string
  /** TENFOLD_CONSOLE_TOKEN. Needed in production. */
  token: string | undefined
  /** TENFOLD_METRICS_TOKEN: opens /metrics, and nothing else. */
  metricsToken: string | undefined
  /** TENFOLD_OBSERVE_EVERY: how often what was collected is written. Defaults to 10 s, in development to 2 s. */
  flushMs: number
  /** How long the slots of the advisor's evidence are: TENFOLD_OBSERVE_EVERY as well, but 10 s by default. */
  slotMs: number
  /** What is set and cannot be used. */
  problems: string[]
}

type Variables = Readonly<Record<string, string | undefined>>

const SHORTEST_TOKEN = 16

export function readObserveSettings(variables: Variables, root: string): ObserveSettings {
  const problems: string[] = []
  const text = (name: string): string | undefined => variables[name]?.trim() || undefined
  const read = <T>(name: string, parse: (value: string) => T | undefined, must: string): T | undefined => {
    const value = text(name)
    const parsed = value === undefined ? undefined : parse(value)
    if (value !== undefined && parsed === undefined) problems.push(`${name} ${must}`)
    return parsed
  }
  const { NODE_ENV } = variables
  const env = NODE_ENV === 'production' || NODE_ENV === 'test' ? NODE_ENV : 'development'
  const manifest = manifestIn(root)
  const long = (value: string): string | undefined => (value.length >= SHORTEST_TOKEN ? value : undefined)
  const everyMs = read('TENFOLD_OBSERVE_EVERY', everyOf, "must be a length of time from 100ms to 1m, such as '5s'")
  return {
    name: nameOf(text('TENFOLD_OBSERVE_NAME') ?? manifest.name ?? basename(root)),
    version: manifest.version ?? '0.0.0',
    env,
    root,
    storeUrl: read(
      'TENFOLD_OBSERVE_URL',
      postgresOf,
      'must be of the form postgres://user:password@host:5432/database',
    ),
    appUrl: postgresOf(text('DATABASE_URL') ?? ''),
    port: read('TENFOLD_OBSERVE_PORT', portOf, 'must be a port number from 0 to 65535'),
    host: text('TENFOLD_OBSERVE_HOST') ?? '127.0.0.1',
    token: read('TENFOLD_CONSOLE_TOKEN', long, `must have at least ${SHORTEST_TOKEN} characters`),
    metricsToken: read('TENFOLD_METRICS_TOKEN', long, `must have at least ${SHORTEST_TOKEN} characters`),
    flushMs: everyMs ?? (env === 'development' ? 2000 : 10_000),
    slotMs: everyMs ?? 10_000,
    problems,
  }
}

/** A name that can stand in addresses and labels: `@acme/shop` is `acme-shop`. */
function nameOf(given: string): string {
  return (
    given
      .replaceAll(/[^a-zA-Z0-9_]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 40)
      .toLowerCase() || 'app'
  )
}

function manifestIn(root: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name?: string; version?: string }
  } catch {
    return {}
  }
}

function postgresOf(value: string): string | undefined {
  return URL.canParse(value) && /^postgres(?:ql)?:$/.test(new URL(value).protocol) ? value : undefined
}

function portOf(value: string): number | undefined {
  const port = Number(value)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined
}

function everyOf(value: string): number | undefined {
  try {
    const ms = toMs(value as Duration)
    return ms >= 100 && ms <= 60_000 ? ms : undefined
  } catch {
    return undefined
  }
}
