/** The environment, not the code, says where an app runs and what it is bound to. Read once, checked as a whole. */
import { type Duration, toMs } from '../kernel/index.ts'
import { BadConfig, type ConfigProblem } from './errors.ts'

export type Role = 'web' | 'worker' | 'cron' | 'console'
export const ROLES: readonly Role[] = ['web', 'worker', 'cron', 'console']

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export interface Environment {
  /** NODE_ENV. Defaults to `development`. */
  env: 'development' | 'production' | 'test'
  /** DATABASE_URL. Undefined: embedded Postgres under `.tenfold/postgres`. */
  databaseUrl: string | undefined
  /** DATABASE_DIRECT_URL, for what a pooler in transaction mode cannot do. Defaults to DATABASE_URL. */
  databaseDirectUrl: string | undefined
  /** DATABASE_REPLICA_URLS: read replicas of DATABASE_URL's server, one address each, separated by commas. Defaults to none. */
  databaseReplicaUrls: string[]
  /** REDIS_URL. Undefined: nothing uses Redis. */
  redisUrl: string | undefined
  /** PORT. Undefined: 3000 or the next free one in development. */
  port: number | undefined
  /** HOST. Defaults to 127.0.0.1, and in production to `::` (all addresses). */
  host: string
  /** PROCESSES: web processes that share the port, or `auto`: one for each core that there is memory for. Undefined: `auto` in
   *  production with a DATABASE_URL, otherwise 1. */
  processes: number | 'auto' | undefined
  /** DRAIN_DELAY, in milliseconds (given as `5s`): how long an instance that is told to stop says so at `/health/ready`, and
   *  serves all the same, before it refuses connections. Longer than the load balancer takes to notice. Defaults to 0. */
  drainDelayMs: number
  /** CONSOLE_PORT. Undefined: 4100 or the next free one in development. */
  consolePort: number | undefined
  /** CONSOLE_HOST. Defaults to 127.0.0.1. */
  consoleHost: string
  /** TENFOLD_CONSOLE_TOKEN. Needed for the console in production. */
  consoleToken: string | undefined
  /** TENFOLD_CONSOLE_READ_TOKEN: opens the console for looking only. Undefined: nobody looks only. */
  consoleReadToken: string | undefined
  /** METRICS_PORT: a port of its own for `/metrics`, which the console's port serves too. Undefined: none. */
  metricsPort: number | undefined
  /** METRICS_HOST. Defaults to 127.0.0.1; any other needs METRICS_TOKEN. */
  metricsHost: string
  /** METRICS_TOKEN: what a scraper sends as a bearer token. It opens `/metrics` and nothing else. */
  metricsToken: string | undefined
  /** LOG_LEVEL. Defaults to `info`. */
  logLevel: LogLevel
  /** SECRET_KEY. Undefined in development: one is made and kept in `.tenfold/secret`. */
  secretKey: string | undefined
  /** SECRET_KEY_PREVIOUS: accepted beside it, wherever something was signed, sealed or given a password. Empty by default. */
  previousSecretKeys: readonly string[]
  /** STORAGE_URL: `file:///var/lib/app/files`, or `s3://KEY:SECRET@bucket/prefix?region=…&endpoint=…`; key and secret may also be in
   *  AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Undefined: files on disk under `.tenfold/files`. */
  storageUrl: string | undefined
  /** ANALYTICS_COLUMNS: `duckdb:<file>` or the address of a ClickHouse, `http://user:password@host:8123/database`: a copy of the
   *  events of product analytics by columns. Undefined: Postgres answers all questions. */
  analyticsColumns: string | undefined
  /** PUBLIC_URL: the address that users see. Cookies and links are made for it. */
  publicUrl: string | undefined
  /** TRUST_PROXY: addresses or networks of the proxies in front, separated by commas. */
  trustProxy: string[]
  /** CORS_ORIGINS: other sites whose pages may call this app, separated by commas. Defaults to none. */
  corsOrigins: string[]
  /** All variables, for the `settings` of modules. */
  variables: Readonly<Record<string, string | undefined>>
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

/** Reads and checks the variables of the platform. Throws TF_BAD_CONFIG with all problems. */
export function readEnvironment(variables: Record<string, string | undefined>): Environment {
  const problems: ConfigProblem[] = []
  const text = (at: string): string | undefined => variables[at]?.trim() || undefined
  const read = <T>(at: string, parse: (value: string) => T | undefined, problem: string): T | undefined => {
    const value = text(at)
    const parsed = value === undefined ? undefined : parse(value)
    if (value !== undefined && parsed === undefined) problems.push({ at, problem })
    return parsed
  }
  const env =
    read('NODE_ENV', oneOf(['development', 'production', 'test']), 'must be development, production or test') ??
    'development'
  const secretKey = read(
    'SECRET_KEY',
    (value) => (value.length >= 32 ? value : undefined),
    'must have at least 32 characters; make one with `openssl rand -base64 48`',
  )
  const previousSecretKeys =
    read(
      'SECRET_KEY_PREVIOUS',
      (value) => (listOf(value).every((key) => key.length >= 32) ? listOf(value) : undefined),
      'must be keys of at least 32 characters, separated by commas',
    ) ?? []
  if (env === 'production' && !text('SECRET_KEY')) {
    problems.push({ at: 'SECRET_KEY', problem: 'is needed in production; make one with `openssl rand -base64 48`' })
  }
  if (!LOOPBACK.test(text('METRICS_HOST') ?? 'localhost') && !text('METRICS_TOKEN')) {
    problems.push({ at: 'METRICS_TOKEN', problem: 'is needed when METRICS_HOST is an address that others reach' })
  }
  const postgres = urlOf(['postgres:', 'postgresql:'])
  const environment: Environment = {
    env,
    databaseUrl: read('DATABASE_URL', postgres, 'must be of the form postgres://user:password@host:5432/database'),
    databaseDirectUrl: read(
      'DATABASE_DIRECT_URL',
      postgres,
      'must be of the form postgres://user:password@host:5432/database',
    ),
    databaseReplicaUrls:
      read(
        'DATABASE_REPLICA_URLS',
        (value) => {
          const urls = listOf(value)
          return urls.every((url) => postgres(url) !== undefined) ? urls : undefined
        },
        'must be addresses of the form postgres://user:password@host:5432/database, separated by commas',
      ) ?? [],
    redisUrl: read('REDIS_URL', urlOf(['redis:', 'rediss:']), 'must be of the form redis://user:password@host:6379/0'),
    port: read('PORT', portOf, 'must be a port number from 0 to 65535'),
    host: text('HOST') ?? (env === 'production' ? '::' : '127.0.0.1'),
    processes: read('PROCESSES', processesOf, 'must be a number from 1 to 256, or auto'),
    drainDelayMs: read('DRAIN_DELAY', durationOf, "must be a length of time, such as '5s'") ?? 0,
    consolePort: read('CONSOLE_PORT', portOf, 'must be a port number from 0 to 65535'),
    consoleHost: text('CONSOLE_HOST') ?? '127.0.0.1',
    consoleToken: read(
      'TENFOLD_CONSOLE_TOKEN',
      (value) => (value.length >= 16 ? value : undefined),
      'must have at least 16 characters',
    ),
    consoleReadToken: read(
      'TENFOLD_CONSOLE_READ_TOKEN',
      (value) => (value.length >= 16 && value !== text('TENFOLD_CONSOLE_TOKEN') ? value : undefined),
      'must have at least 16 characters, and be another one than TENFOLD_CONSOLE_TOKEN',
    ),
    metricsPort: read('METRICS_PORT', portOf, 'must be a port number from 0 to 65535'),
    metricsHost: text('METRICS_HOST') ?? '127.0.0.1',
    metricsToken: read(
      'METRICS_TOKEN',
      (value) => (value.length >= 16 ? value : undefined),
      'must have at least 16 characters; make one with `openssl rand -base64 24`',
    ),
    logLevel: read('LOG_LEVEL', oneOf(LEVELS), `must be one of ${LEVELS.join(', ')}`) ?? 'info',
    secretKey,
    previousSecretKeys,
    storageUrl: withKeys(
      read(
        'STORAGE_URL',
        urlOf(['file:', 's3:']),
        'must be of the form file:///var/lib/app/files or s3://KEY:SECRET@bucket?region=eu-central-1',
      ),
      variables,
    ),
    analyticsColumns: read(
      'ANALYTICS_COLUMNS',
      (value) => (/^duckdb:.+/.test(value) ? value : urlOf(['http:', 'https:'])(value)),
      'must be duckdb:<file>, or the address of a ClickHouse, http://user:password@host:8123/database',
    ),
    publicUrl: read('PUBLIC_URL', urlOf(['http:', 'https:']), 'must be of the form https://example.com'),
    trustProxy: listOf(text('TRUST_PROXY')),
    corsOrigins: listOf(text('CORS_ORIGINS')),
    variables,
  }
  if (problems.length > 0) throw BadConfig({ problems })
  return environment
}

function oneOf<const T extends string>(allowed: readonly T[]): (value: string) => T | undefined {
  return (value) => allowed.find((one) => one === value)
}

function urlOf(protocols: string[]): (value: string) => string | undefined {
  return (value) => (URL.canParse(value) && protocols.includes(new URL(value).protocol) ? value : undefined)
}

/** What the tools of AWS set for every program. */
function withKeys(url: string | undefined, variables: Environment['variables']): string | undefined {
  const {
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SESSION_TOKEN: token,
    AWS_REGION: region,
  } = variables
  if (!url?.startsWith('s3:') || new URL(url).username || !key || !secret) return url
  const whole = new URL(url)
  whole.username = encodeURIComponent(key)
  whole.password = encodeURIComponent(secret)
  if (token) whole.searchParams.set('token', token)
  if (region && !whole.searchParams.has('region')) whole.searchParams.set('region', region)
  return whole.href
}

function portOf(value: string): number | undefined {
  const port = Number(value)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined
}

function processesOf(value: string): number | 'auto' | undefined {
  const count = Number(value)
  return value === 'auto' ? value : Number.isInteger(count) && count >= 1 && count <= 256 ? count : undefined
}

function durationOf(value: string): number | undefined {
  try {
    return toMs(value as Duration)
  } catch {
    return undefined
  }
}

function listOf(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}
