/** One running instance of an app. */
import { pathToFileURL } from 'node:url'
import { BadConfig, ROLES, type Environment, type Role } from '../config/index.ts'
import {
  isPlatform,
  migrate,
  migrationStatus,
  MigrationsPending,
  openDatabase,
  pendingInUse,
  refuseDamageToStart,
  type Database,
  type Db,
  type RoleMode,
} from '../database/index.ts'
import type { Analytics } from '../analytics/index.ts'
import type { Cron } from '../cron/index.ts'
import type { Inspector } from '../inspect/index.ts'
import { startInOrder } from '../kernel/index.ts'
import { runInScope, type Module } from '../modules/index.ts'
import type { Queue } from '../queue/index.ts'
import { createTelemetry, otelSettings, type Telemetry } from '../telemetry/index.ts'
import { bind, type Binding, type Bindings } from './bindings.ts'
import { problemsOf } from './check.ts'
import type { App, Config } from './define.ts'
import { engineProblems } from './engines.ts'
import { BadApp } from './errors.ts'
import type { EvidencePart } from './evidence.ts'
import { migrationsOf, type MigrationTarget } from './migrations.ts'
import { openParts } from './parts.ts'
import { placesOf, strayPlaces, variableOf, type Places } from './remote/index.ts'
import { servicesOf } from './services.ts'
import { environmentFor } from './settings.ts'

export interface StartOptions {
  /** What this process does. Defaults to all: web, worker, cron and console. None: `fetch` and `run` work all the same. */
  roles?: readonly Role[]
  /** Serve only the routes, jobs and crons of these modules. Defaults to all. */
  modules?: readonly string[]
  /** Defaults to `process.env`. */
  variables?: Record<string, string | undefined>
  /** What tenfold.config.ts says. */
  config?: Config
  /** The project's folder: `.tenfold` and companions are found from here. Defaults to the working directory. */
  root?: URL
  version?: string
  /** Whether missing migrations are applied first. Defaults to yes for the embedded database and no otherwise: there they
   *  are a step of the release, and an instance that lacks them does not start. */
  migrate?: boolean
  /** Called when migrations of modules that the database has already are about to be applied: what it throws ends the start,
   *  and nothing is applied. Defaults to nothing; `tenfold start` judges them here. */
  beforeMigrations?: (target: MigrationTarget) => Promise<void>
  /** Defaults to one that is made from the environment. */
  telemetry?: Telemetry
  /** What this process is called among those of one machine, `web-1`. */
  name?: string
  /** Sockets that this process has inherited, as file descriptors: listened on instead of PORT, CONSOLE_PORT and
   *  METRICS_PORT. */
  sockets?: { readonly web?: number; readonly console?: number; readonly metrics?: number }
}

export interface Instance {
  readonly app: App
  readonly environment: Environment
  readonly roles: readonly Role[]
  /** Undefined without the web role. */
  readonly url: string | undefined
  /** Undefined without the console role. */
  readonly consoleUrl: string | undefined
  readonly bindings: readonly Binding[]
  readonly telemetry: Telemetry
  readonly queue: Queue
  readonly crons: Cron
  readonly analytics: Analytics
  readonly inspector: Inspector
  readonly evidence: Pick<EvidencePart, 'gather' | 'flush'>
  readonly database: Database
  /** Whether this start applied the very first migration. */
  readonly newDatabase: boolean
  /** The tables of one module. */
  db<Tables = any>(module: string): Db<Tables>
  /** A request through the same path as one from the network: auth, validation, limits and all. */
  fetch(request: Request): Promise<Response>
  /** Runs code inside the app, so that definitions work: `app.run(() => sendReceipt.enqueue({ … }))`. */
  run<T>(fn: () => Promise<T>): Promise<T>
  /** Stops accepting, while a successor goes on with the same socket: see `HttpServer.handOver`. `stop` comes after it. */
  handOver(): Promise<void>
  /** Finishes what runs, then stops everything, the embedded database included. */
  stop(): Promise<void>
}

/** What was settled before anything could be opened. */
export interface Ground {
  app: App
  /** Those whose routes, jobs and crons are served. */
  serving: readonly Module[]
  /** Which modules run here, and where the others are. */
  places: Places
  environment: Environment
  roles: readonly Role[]
  root: URL
  version: string
  config: Config
  telemetry: Telemetry
  bindings: Bindings
  database: Database
  newDatabase: boolean
  sockets: NonNullable<StartOptions['sockets']>
}

/** Starts in this order, and stops in the opposite one; what was opened is closed again if a later step fails. */
export async function startInstance(app: App, options: StartOptions): Promise<Instance> {
  await using opened = new AsyncDisposableStack()
  const ground = await prepare(app, options, opened)
  tellPlaces(ground)
  const parts = await openParts(ground, opened)
  const { services, server, console } = await servicesOf(ground, parts)
  const running = startInOrder(services)
  await running.started
  opened.defer(() => running.stop())
  const all = opened.move()
  const { telemetry, database, roles, environment, bindings } = ground
  return {
    app,
    environment,
    roles,
    url: roles.includes('web') ? server.url : undefined,
    consoleUrl: console?.url(),
    bindings: bindings.list,
    telemetry,
    queue: parts.queue,
    crons: parts.crons,
    analytics: parts.analytics,
    inspector: parts.inspector,
    evidence: parts.evidence,
    database,
    newDatabase: ground.newDatabase,
    db: (module) => database.module(module),
    fetch: (request) => server.fetch(request),
    run: (fn) => telemetry.root({ kind: 'task', name: 'run' }, () => runInScope(parts.scope, fn)),
    handOver: () => (roles.includes('web') ? server.handOver() : Promise.resolve()),
    stop: () => all.disposeAsync(),
  }
}

/** Environment, telemetry, bindings (what is not set is embedded), migrations, database. */
async function prepare(app: App, options: StartOptions, opened: AsyncDisposableStack): Promise<Ground> {
  const environment = await environmentFor(app.modules, {
    variables: options.variables ?? process.env,
    config: options.config ?? {},
    named: options.modules,
  })
  const problems = [...problemsOf(app.name, app.modules), ...engineProblems(app.modules, options.config?.queue)]
  if (problems.length > 0) throw BadApp({ app: app.name, problems })
  const places = placesOfApp(app, options.modules, environment)
  const { config = {}, roles = ROLES, version = '0.0.0', root = pathToFileURL(`${process.cwd()}/`) } = options
  const made = {
    service: app.name,
    env: environment.env,
    version,
    level: environment.logLevel,
    sampler: otelSettings(environment.variables).sampler,
    ...(options.name !== undefined && { instance: options.name }),
  }
  const telemetry = options.telemetry ?? createTelemetry(made)
  opened.defer(() => telemetry.close())
  const bindings = await bind({ app: app.name, environment, telemetry, root, companions: config.companions ?? {} })
  opened.defer(() => bindings.stop())
  const { roleMode, newDatabase } = await migrated(
    app,
    bindings,
    options.migrate ?? bindings.databaseEmbedded,
    telemetry,
    options.beforeMigrations,
  )
  const database = openDatabase({
    url: bindings.databaseUrl,
    directUrl: bindings.databaseDirectUrl,
    app: app.name,
    secretKey: bindings.secretKey,
    otherKeys: environment.previousSecretKeys,
    roleMode,
    telemetry,
    maxConnections: config.database?.connections ?? 20,
    replicaUrls: environment.databaseReplicaUrls,
    ...(config.database?.maxReplicaLagMs !== undefined && { maxReplicaLagMs: config.database.maxReplicaLagMs }),
  })
  opened.defer(() => database.service.stop())
  await database.service.start()
  const { sockets = {} } = options
  return {
    app,
    serving: places.serving,
    places,
    environment,
    roles,
    root,
    version,
    config,
    telemetry,
    bindings,
    database,
    newDatabase,
    sockets,
  }
}

interface Migrated {
  roleMode: RoleMode
  newDatabase: boolean
}

/** The schema is up to date, or this instance does not start. */
async function migrated(
  app: App,
  bindings: Bindings,
  mayMigrate: boolean,
  telemetry: Telemetry,
  before: StartOptions['beforeMigrations'],
): Promise<Migrated> {
  const target: MigrationTarget = {
    url: bindings.databaseDirectUrl,
    app: app.name,
    secretKey: bindings.secretKey,
    sources: migrationsOf(app),
  }
  if (mayMigrate) {
    if (before && (await changesWhatIsThere(target))) await before(target)
    const onProgress = (one: object): void => telemetry.log.debug('Migrated.', { ...one })
    const { roleMode, applied } = await migrate({ ...target, onProgress })
    const first = target.sources[0]!.module
    return { roleMode, newDatabase: applied.some((name) => name.startsWith(`${first}/0001`)) }
  }
  const { migrations, roleMode } = await migrationStatus(target)
  refuseDamageToStart(migrations)
  const pending = migrations.filter((one) => one.state === 'pending').map((one) => `${one.module}/${one.name}`)
  if (pending.length > 0 || !roleMode) throw MigrationsPending({ pending })
  return { roleMode, newDatabase: false }
}

/** The platform's files are not judged. */
async function changesWhatIsThere(target: MigrationTarget): Promise<boolean> {
  const { migrations } = await migrationStatus(target)
  return pendingInUse(migrations).some((one) => !isPlatform(one))
}

function placesOfApp(app: App, named: readonly string[] | undefined, environment: Environment): Places {
  const unknown = (named ?? []).filter((name) => !app.modules.some((module) => module.name === name))
  if (unknown.length > 0) {
    throw BadApp({ app: app.name, problems: unknown.map((name) => `there is no module '${name}'`) })
  }
  const places = placesOf(app.modules, named, environment.variables)
  if (places.problems.length > 0) throw BadConfig({ problems: places.problems })
  return places
}

/** Says where modules are that run elsewhere, and which variables mean nothing. */
function tellPlaces({ app, places, bindings, environment, telemetry }: Ground): void {
  for (const [module, url] of places.remote) {
    bindings.list.push({ part: `module ${module}`, bound: url, embedded: false, variable: variableOf(module) })
  }
  for (const variable of strayPlaces(app.modules, environment.variables)) {
    telemetry.log.warn(`${variable} is set, but the app has no such module.`)
  }
}
