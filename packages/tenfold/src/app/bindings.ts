/** What an app is bound to. What the environment does not name is embedded: started here, for one machine. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Environment } from '../config/index.ts'
import { startEmbedded } from '../database/embedded/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { startCompanion } from './companions.ts'

export interface Binding {
  part: string
  /** What it is bound to, without secrets. */
  bound: string
  embedded: boolean
  /** The variable that binds it to something else. */
  variable?: string
}

export interface Bindings {
  /** Of an administrator when embedded, otherwise DATABASE_URL. */
  databaseUrl: string
  databaseDirectUrl: string
  databaseEmbedded: boolean
  secretKey: string
  /** It, and those that are accepted beside it. */
  secretKeys: readonly [string, ...string[]]
  /** The environment's variables, with those of companions. */
  variables: Record<string, string | undefined>
  list: Binding[]
  /** Stops what was started here. */
  stop(): Promise<void>
}

export interface BindOptions {
  app: string
  environment: Environment
  telemetry: Telemetry
  /** The project's folder. */
  root: URL
  companions: Record<string, string>
}

export async function bind(options: BindOptions): Promise<Bindings> {
  const { environment, telemetry, root } = options
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  try {
    const secretKey = environment.secretKey ?? keptSecret(root)
    const database = await bindDatabase(options, stops)
    const companions = await bindCompanions(options, stops)
    return {
      ...database,
      secretKey,
      secretKeys: [secretKey, ...environment.previousSecretKeys],
      variables: { ...environment.variables, ...companions.variables },
      list: [database.binding, ...replicaBindings(environment), storageBinding(environment), ...companions.list],
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  } finally {
    telemetry.log.debug('Bound.', {})
  }
}

async function bindDatabase({ app, environment, telemetry, root }: BindOptions, stops: (() => Promise<void>)[]) {
  const { databaseUrl, databaseDirectUrl } = environment
  if (databaseUrl) {
    return {
      databaseUrl,
      databaseDirectUrl: databaseDirectUrl ?? databaseUrl,
      databaseEmbedded: false,
      binding: { part: 'database', bound: withoutPassword(databaseUrl), embedded: false, variable: 'DATABASE_URL' },
    }
  }
  const postgres = await startEmbedded({
    dataDir: fileIn(root, 'postgres'),
    database: app,
    log: (line) => telemetry.log.info(line),
  })
  stops.push(() => postgres.stop())
  return {
    databaseUrl: postgres.adminUrl,
    databaseDirectUrl: postgres.adminUrl,
    databaseEmbedded: true,
    binding: {
      part: 'database',
      bound: `Postgres ${postgres.version} on 127.0.0.1:${postgres.port}, data in .tenfold/postgres`,
      embedded: true,
      variable: 'DATABASE_URL',
    },
  }
}

async function bindCompanions(
  { environment, telemetry, root, companions }: BindOptions,
  stops: (() => Promise<void>)[],
) {
  const variables: Record<string, string> = {}
  const list: Binding[] = []
  for (const [variable, script] of Object.entries(companions)) {
    const given = environment.variables[variable]
    if (given) list.push({ part: nameOf(variable), bound: withoutPassword(given), embedded: false, variable })
    else if (environment.env !== 'production') {
      const companion = await startCompanion(variable, new URL(script, root), telemetry)
      stops.push(() => companion.stop())
      variables[variable] = companion.url
      list.push({ part: nameOf(variable), bound: companion.url, embedded: true, variable })
    }
  }
  return { variables, list }
}

function replicaBindings({ databaseReplicaUrls }: Environment): Binding[] {
  return databaseReplicaUrls.map((url, i) => ({
    part: `replica-${i + 1}`,
    bound: withoutPassword(url),
    embedded: false,
    variable: 'DATABASE_REPLICA_URLS',
  }))
}

/** PAYMENTS_URL binds `payments`. */
function nameOf(variable: string): string {
  return variable.toLowerCase().replace(/_url$/, '').replaceAll('_', ' ')
}

function storageBinding({ storageUrl }: Environment): Binding {
  const bound = storageUrl ? placeOf(storageUrl) : 'disk, in .tenfold/files'
  return { part: 'files', bound, embedded: !storageUrl, variable: 'STORAGE_URL' }
}

/** An address of files without keys and tokens. */
export function placeOf(storageUrl: string): string {
  if (!storageUrl.startsWith('s3:')) return storageUrl
  const { hostname, pathname, searchParams } = new URL(storageUrl)
  const endpoint = searchParams.get('endpoint')
  return `bucket ${hostname}${pathname === '/' ? '' : pathname}${endpoint ? ` at ${endpoint}` : ' on S3'}`
}

/** Where files are kept. */
export function filesFolder(environment: Environment, root: URL): string {
  return environment.storageUrl ?? fileIn(root, 'files')
}

/** The development key, made once: sessions and passwords derived from it outlive a restart. */
function keptSecret(root: URL): string {
  const file = fileIn(root, 'secret')
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    mkdirSync(fileIn(root, ''), { recursive: true })
    try {
      writeFileSync(file, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    return readFileSync(file, 'utf8').trim()
  }
}

function fileIn(root: URL, name: string): string {
  return join(decodeURIComponent(root.pathname), '.tenfold', name)
}

export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'set'
  const parsed = new URL(url)
  if (parsed.password) parsed.password = '…'
  return decodeURIComponent(parsed.href)
}
