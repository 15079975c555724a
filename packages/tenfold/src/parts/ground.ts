/** What a part stands on when it is used alone: a database (its own, or one that several parts share), and telemetry that is
 *  silent unless somebody listens. */
import { systemClock, type Clock } from '../kernel/index.ts'
import { openDatabase, type Database, type MigrationSource, type SystemDatabase } from '../database/index.ts'
import { createTelemetry, type LogRecord, type Telemetry } from '../telemetry/index.ts'
import { PartWithoutDatabase } from './errors.ts'
import { ensureTables } from './tables.ts'

/** Takes the lines of a part: `(level, message, fields) => log[level](fields, message)` for pino. */
export type Log = (level: LogRecord['level'], message: string, fields: Record<string, unknown>) => void

export interface Common {
  /** What this app is called: in the keys of Redis, and among the connections of the server. Defaults to `app`. */
  name?: string
  /** Told what goes wrong in the background. Defaults to silence. */
  log?: Log
}

/** A connection of the part's own. */
export interface Alone extends Common {
  /** `postgres://user:password@host:5432/database`; may lead through PgBouncer in transaction mode. */
  url: string
  /** Past the pooler, for LISTEN and migrations. Defaults to `url`. */
  directUrl?: string
  /** Connections that it opens at most, besides one that listens. Defaults to 5. */
  maxConnections?: number
  database?: never
}

/** Several parts on the same connections. */
export interface Together extends Pick<Common, 'log'> {
  /** Of `openDatabase` of tenfold/database. It is not closed with the part. */
  database: Shared
  url?: never
}

export type OnPostgres = (Alone | Together) & {
  /** Makes the tables of this part, in the schema `tenfold`, where they are missing. Defaults to false: then they have to be there. */
  migrate?: boolean
}

const GROUND = Symbol('tenfold.parts.ground')

/** A database that several parts may stand on. */
export interface Shared {
  readonly [GROUND]: Ground
}

export interface Ground {
  readonly name: string
  readonly url: string
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly database: Database
  /** The tables of the parts. */
  readonly db: SystemDatabase
  close(): Promise<void>
}

/** Of a part that this process has for itself. */
export interface LooseGround extends Pick<Ground, 'name' | 'telemetry' | 'clock' | 'close'> {
  database?: undefined
  db?: undefined
}

export function shared<T extends object>(ground: Ground, door: T): T & Shared {
  return Object.assign(door, { [GROUND]: ground })
}

/** The ground of one part, with its tables on it. Closing it closes what was opened here, and nothing else. */
export async function groundOf(part: string, source: MigrationSource, options: OnPostgres): Promise<Ground> {
  const ground = options.database ? lent(options.database[GROUND], options.log) : await openGround(part, options)
  try {
    const { name, url, db } = ground
    await ensureTables({ part, name, url, sources: [source] }, db, options.migrate === true)
    return ground
  } catch (error) {
    await ground.close()
    throw error
  }
}

/** On Postgres where an address was given; one that turns out undefined is a mistake, and not the wish to be alone. */
export async function groundIfAny(
  part: string,
  source: MigrationSource,
  options: OnPostgres | (Common & { url?: never; database?: never }),
): Promise<Ground | LooseGround> {
  return 'url' in options || 'database' in options
    ? groundOf(part, source, options as OnPostgres)
    : looseGround(options)
}

function looseGround(options: Common): LooseGround {
  const telemetry = telemetryOf(options)
  return { name: options.name ?? 'app', telemetry, clock: systemClock, close: () => telemetry.close() }
}

function lent(ground: Ground, log: Log | undefined): Ground {
  const telemetry = log ? telemetryOf({ name: ground.name, log }) : ground.telemetry
  return { ...ground, telemetry, close: async () => (log ? telemetry.close() : undefined) }
}

export interface GroundOptions extends Omit<Alone, 'database'> {
  replicaUrls?: readonly string[]
  maxReplicaLagMs?: number
}

export async function openGround(part: string, options: GroundOptions): Promise<Ground> {
  const { url, name = 'app', directUrl = url, maxConnections = 5, replicaUrls, maxReplicaLagMs } = options
  // What the environment lacks arrives here as undefined, whatever the types say.
  if (typeof url !== 'string' || !URL.canParse(url))
    throw PartWithoutDatabase({ part, given: `\`url\` is ${shown(url)}` })
  const telemetry = telemetryOf(options)
  const database = openDatabase({
    url,
    directUrl,
    app: name,
    secretKey: '',
    roleMode: 'shared',
    telemetry,
    maxConnections,
    watch: false,
    values: 'pg',
    ...(replicaUrls && { replicaUrls }),
    ...(maxReplicaLagMs !== undefined && { maxReplicaLagMs }),
  })
  return {
    name,
    url: directUrl,
    telemetry,
    clock: systemClock,
    database,
    db: database.system,
    async close() {
      await database.service.stop()
      await telemetry.close()
    },
  }
}

/** The address may hold a password. */
function shown(url: unknown): string {
  return typeof url === 'string' ? (url === '' ? 'empty' : 'no URL') : String(url)
}

function telemetryOf({ name = 'app', log }: Common): Telemetry {
  const telemetry = createTelemetry({
    service: name,
    env: 'production',
    level: log ? 'debug' : 'silent',
    destination: { write() {} },
  })
  if (log) telemetry.addSink({ onLog: ({ level, message, fields }) => log(level, message, fields) })
  return telemetry
}
