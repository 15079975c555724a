/** What an app is: a name and a list of modules. Inert until it is started. */
import type { AlertSettings } from '../alerts/index.ts'
import type { KeyvValues } from '../cache/index.ts'
import type { SheddingOptions } from '../http/index.ts'
import type { Duration } from '../kernel/index.ts'
import type { Module } from '../modules/index.ts'
import { startInstance, type Instance, type StartOptions } from './instance.ts'

export interface AppOptions {
  /** Lower-case; permanent: it is the prefix of the app's database roles. */
  name: string
  modules: readonly Module<any>[]
  /** A folder of static files (a small front end), served where no route matches. */
  pages?: URL
}

export interface App {
  readonly name: string
  readonly modules: readonly Module[]
  readonly pages: URL | undefined
  /** Starts an instance of it: by default with all roles, on what the environment says. */
  start(options?: StartOptions): Promise<Instance>
  /** Answers a request as production would (auth, validation, limits and all), without a port: the first call starts an
   *  instance that has no roles. `close` ends it. */
  fetch(request: Request): Promise<Response>
  close(): Promise<void>
}

/** The app, as `app.ts` exports it.
 *  @example
 *  export default app({ name: 'shop', modules: [auth, catalog, orders] }) */
export function app(options: AppOptions): App {
  let quiet: Promise<Instance> | undefined
  const definition: App = {
    name: options.name,
    modules: options.modules as readonly Module[],
    pages: options.pages,
    start: (start = {}) => startInstance(definition, start),
    fetch: async (request) => (await (quiet ??= startInstance(definition, { roles: [] }))).fetch(request),
    async close() {
      const started = quiet
      quiet = undefined
      await (await started)?.stop()
    },
  }
  return definition
}

/** `tenfold.config.ts`: the only file, beside the environment, that knows where the app runs. */
export interface Config {
  /** The module whose default export is the app, relative to this file. Defaults to `./app.ts`. */
  app?: string
  /** Small services that development needs: a script for each environment variable, started when that is not set. It
   *  listens on a free port and prints its URL as the first line.
   *  @example companions: { PAYMENTS_URL: './payments/provider.ts' } */
  companions?: Record<string, string>
  /** A script that fills a new database; run once in development, beside the app, when `tenfold start` has just made the
   *  database. Best written so that running it again adds nothing. */
  seed?: string
  database?: {
    /** Connections of one process, over all modules. Defaults to 20. */
    connections?: number
    /** A read replica that is further behind is not used, in milliseconds. Defaults to 10000, which is also the most. */
    maxReplicaLagMs?: number
  }
  cache?: {
    /** Where instances share the values of caches if REDIS_URL is not set, in place of the database: any Keyv.
     *  @example values: new Keyv(new KeyvMemcache('127.0.0.1:11211')) */
    values?: KeyvValues
  }
  /** Where jobs run, if REDIS_URL is set; without it all run on Postgres. */
  queue?: {
    /** Of all jobs, crons and subscriptions that say nothing else. Defaults to `postgres`. */
    default?: 'postgres' | 'redis'
    /** By name; decides before the `engine` of the definition.
     *  @example jobs: { 'media.resize': 'redis' } */
    jobs?: Readonly<Record<string, 'postgres' | 'redis'>>
  }
  /** Backups of the database. None by themselves by default; `tenfold backup` takes one at any time. */
  backup?: {
    /** When, in UTC, as a cron says it: `0 3 * * *`. */
    schedule: string
    /** Which to keep. Defaults to `7d/4w/12m`: the newest of each of 7 days, 4 weeks and 12 months. */
    keep?: string
    /** Where: a folder as `file:///mnt/backups`, best on another disk. Defaults to the app's own storage. */
    to?: string
    /** Whether the log is archived as it is written, so that any moment can be restored. Defaults to true, where the
     *  database's user may replicate. While no instance runs, the server keeps the log for the next one. */
    log?: boolean
  }
  /** What the advisor judges by. */
  advice?: {
    /** The p95 of requests that users are promised. Defaults to 300 ms. */
    p95?: Duration
    /** How often each process adds to the evidence. Defaults to 10 s. */
    every?: Duration
  }
  /** Product analytics: what people do in the product, for the console's funnels and retention. */
  analytics?: {
    /** Of days, weeks and months in reports, as `Europe/Berlin`. Defaults to `UTC`. Changing it counts the days anew. */
    timeZone?: string
    /** Defaults to 13. Older months are dropped whole. */
    keepMonths?: number
    /** Whether pages of this app may send events to it: `<script defer src="/_e.js"></script>`. Defaults to no. */
    browser?:
      | boolean
      | {
          /** Defaults to `/_e`. */
          path?: string
          /** Names that are kept; others are dropped. Defaults to all. */
          names?: readonly string[]
          /** Ids of users whose events are dropped: one's own team. */
          ignoreUsers?: readonly string[]
          /** Batches of one address in a minute. Defaults to 600. */
          perMinute?: number
        }
  }
  worker?: {
    /** Jobs that run at a time in one process. Defaults to 10. */
    concurrency?: number
    /** How long the jobs of a process that no longer answers stay with it, in milliseconds, before others get them.
     *  Defaults to 30000. A process that stands still for longer than this loses its jobs. */
    leaseMs?: number
  }
  /** Rules over what is measured, and who is told. Without it, the rules that every app has are in the console and the log. */
  alerts?: AlertSettings
  telemetry?: {
    /** Whether spans of libraries that use `@opentelemetry/api` join our traces; the package has to be installed. Defaults to
     *  false. The API has one provider in a process: the first app has it. */
    openTelemetryApi?: boolean
  }
  /** When requests are turned away because there are too many; `false` lets everyone in. On by default, except in tests. */
  shedding?: SheddingOptions | false
  /** How long a shutdown waits for requests and jobs, in milliseconds. Defaults to 25000. */
  stopTimeoutMs?: number
}

export function config(options: Config): Config {
  return options
}
