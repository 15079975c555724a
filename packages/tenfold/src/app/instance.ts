/** One running instance of an app: what its roles need, started in order and stopped in the opposite one.
 *
 *    environment → telemetry → bindings (embedded what is not set) → migrations → database
 *      → sessions, limits, files, caches, queue, crons → telemetry store → worker, cron, web, console */
import { fileURLToPath, pathToFileURL } from 'node:url'
import { openCaches } from '../cache/index.ts'
import { readEnvironment, ROLES, type Environment, type Role } from '../config/index.ts'
import { createConsole, type Console } from '../console/index.ts'
import { openCron, type Cron } from '../cron/index.ts'
import {
  migrate,
  migrationStatus,
  MigrationsPending,
  openDatabase,
  refuseDamage,
  type Database,
  type Db,
  type RoleMode,
} from '../database/index.ts'
import { createServer, staticFiles } from '../http/index.ts'
import { createInspector, createStore, type Inspector } from '../inspect/index.ts'
import { startInOrder, systemClock, type Service } from '../kernel/index.ts'
import { openLimits } from '../limits/index.ts'
import { readCaughtMails, startMailCatcher } from '../mail/index.ts'
import { runInScope, type Module, type Scope } from '../modules/index.ts'
import { openQueue, type Queue } from '../queue/index.ts'
import { openSessions } from '../sessions/index.ts'
import { openStorage } from '../storage/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { bind, filesFolder, type Binding, type Bindings } from './bindings.ts'
import { problemsOf } from './check.ts'
import { createContexts } from './contexts.ts'
import { cronsOf } from './crons.ts'
import type { App, Config } from './define.ts'
import { BadApp } from './errors.ts'
import { handlersOf, subscriptionsOf } from './jobs.ts'
import { migrationsOf } from './migrations.ts'
import { freePort } from './ports.ts'
import { routesOf } from './routes.ts'
import { createScope } from './scope.ts'
import { stageOf } from './stage.ts'

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
  /** Defaults to one that is made from the environment. */
  telemetry?: Telemetry
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
  readonly inspector: Inspector
  readonly database: Database
  /** The tables of one module. */
  db<Tables = any>(module: string): Db<Tables>
  /** A request through the same path as one from the network: auth, validation, limits and all. */
  fetch(request: Request): Promise<Response>
  /** Runs code inside the app, so that definitions work: `app.run(() => sendReceipt.enqueue({ … }))`. */
  run<T>(fn: () => Promise<T>): Promise<T>
  /** Finishes what runs, then stops everything, the embedded database included. */
  stop(): Promise<void>
}

export async function startInstance(app: App, options: StartOptions): Promise<Instance> {
  const environment = readEnvironment(options.variables ?? process.env)
  const problems = problemsOf(app.name, app.modules)
  if (problems.length > 0) throw BadApp({ app: app.name, problems })
  const root = options.root ?? pathToFileURL(`${process.cwd()}/`)
  const version = options.version ?? '0.0.0'
  const telemetry =
    options.telemetry ??
    createTelemetry({ service: app.name, env: environment.env, version, level: environment.logLevel })
  const companions = options.config?.companions ?? {}
  const bindings = await bind({ app: app.name, environment, telemetry, root, companions })
  try {
    const roleMode = await migrated(app, bindings, options.migrate ?? bindings.databaseEmbedded, telemetry)
    const database = openDatabase({
      url: bindings.databaseUrl,
      directUrl: bindings.databaseDirectUrl,
      app: app.name,
      secretKey: bindings.secretKey,
      roleMode,
      telemetry,
      maxConnections: options.config?.database?.connections ?? 20,
    })
    return await startParts({ app, environment, root, version, telemetry, bindings, database, options })
  } catch (error) {
    await bindings.stop()
    throw error
  }
}

/** The schema is up to date, or this instance does not start. */
async function migrated(app: App, bindings: Bindings, mayMigrate: boolean, telemetry: Telemetry): Promise<RoleMode> {
  const target = {
    url: bindings.databaseDirectUrl,
    app: app.name,
    secretKey: bindings.secretKey,
    sources: migrationsOf(app),
  }
  if (mayMigrate) {
    const onProgress = (one: object): void => telemetry.log.debug('Migrated.', { ...one })
    return (await migrate({ ...target, onProgress })).roleMode
  }
  const { migrations, roleMode } = await migrationStatus(target)
  refuseDamage(migrations)
  const pending = migrations.filter((one) => one.state === 'pending').map((one) => `${one.module}/${one.name}`)
  if (pending.length > 0 || !roleMode) throw MigrationsPending({ pending })
  return roleMode
}

interface Ground {
  app: App
  environment: Environment
  root: URL
  version: string
  telemetry: Telemetry
  bindings: Bindings
  database: Database
  options: StartOptions
}

async function startParts(ground: Ground): Promise<Instance> {
  const { app, environment, root, version, telemetry, bindings, database, options } = ground
  const roles = options.roles ?? ROLES
  const serving = servedModules(app, options.modules)
  const has = (role: Role): boolean => roles.includes(role)
  const clock = systemClock
  const db = database.system
  const stopTimeoutMs = options.config?.stopTimeoutMs ?? 25_000
  const developing = environment.env !== 'production'

  const mail = developing && !bindings.variables.SMTP_URL ? await startMailCatcher(db, telemetry) : undefined
  const variables = { ...bindings.variables, ...(mail && { SMTP_URL: mail.url }) }
  if (mail)
    bindings.list.push({
      part: 'mail',
      bound: `${mail.url}, kept for the console`,
      embedded: true,
      variable: 'SMTP_URL',
    })

  const queue = openQueue({ db, telemetry })
  const caches = await openCaches({ db, telemetry, clock })
  const files = await openStorage({ url: filesFolder(environment, root), secrets: [bindings.secretKey], clock })
  const sessions = openSessions({ db, telemetry, clock })
  const limits = openLimits({ db, telemetry, clock })
  const contextOf = await createContexts({ app, database, files, telemetry, clock, variables })
  const scope: Scope = createScope(app.modules, {
    queue,
    caches,
    telemetry,
    strict: developing,
    contextOf,
  })
  const crons = openCron({ db, telemetry, jobs: queue, crons: cronsOf(serving) })
  const store = createStore({ db, telemetry, roles, clock })
  const mails = readCaughtMails(db)
  const startedAt = clock.now()
  const inspector = createInspector({
    app: app.name,
    version,
    env: environment.env,
    startedAt,
    stage: () => stageOf(environment),
    bindings: () => bindings.list,
    db,
    store,
    jobs: queue,
    crons: { list: () => crons.list(), run: (name) => crons.runNow(name) },
    ...(mail && { mails: { list: mails.mails, get: mails.mail } }),
    clock,
  })
  const server = createServer({
    routes: [
      ...serving.flatMap((module) => routesOf(module, scope, contextOf)),
      ...(app.pages ? [staticFiles({ prefix: '/', directory: fileURLToPath(app.pages) })] : []),
    ],
    name: app.name,
    version,
    env: environment.env,
    telemetry,
    limits,
    sessions,
    storage: files,
    checks: { database: () => database.ping() },
    secretKey: bindings.secretKey,
    port: await freePort(environment.port, 3000, environment.host, developing),
    host: environment.host,
    trustProxy: environment.trustProxy,
    stopTimeout: stopTimeoutMs,
    ...(environment.corsOrigins.length > 0 && { cors: { origins: environment.corsOrigins } }),
  })
  const console = has('console') ? await consoleOf(environment, inspector, telemetry, developing) : undefined
  const services: Service[] = [
    database.service,
    store,
    ...(has('worker')
      ? [
          queue.relay({ subscriptions: subscriptionsOf(app.modules) }),
          queue.work({
            handlers: handlersOf(serving, scope, contextOf),
            concurrency: options.config?.worker?.concurrency ?? 10,
            ...(options.config?.worker?.leaseMs !== undefined && { leaseMs: options.config.worker.leaseMs }),
            stopTimeoutMs,
          }),
        ]
      : []),
    ...(has('cron') ? [crons.schedule()] : []),
    ...(has('web') ? [server] : []),
    ...(console ? [console] : []),
  ]
  const running = startInOrder(services)
  const stop = async (): Promise<void> => {
    try {
      await running.stop()
    } finally {
      await closeAll([
        () => sessions.close(),
        () => caches.close(),
        () => queue.close(),
        async () => mail?.stop(),
        () => bindings.stop(),
        () => telemetry.close(),
      ])
    }
  }
  await running.started.catch(async (error: unknown) => {
    await stop().catch(() => {})
    throw error
  })
  return {
    app,
    environment,
    roles,
    url: has('web') ? server.url : undefined,
    consoleUrl: console?.url(),
    bindings: bindings.list,
    telemetry,
    queue,
    crons,
    inspector,
    database,
    db: (module) => database.module(module),
    fetch: (request) => server.fetch(request),
    run: (fn) => telemetry.root({ kind: 'task', name: 'run' }, () => runInScope(scope, fn)),
    stop,
  }
}

function servedModules(app: App, names: readonly string[] | undefined): readonly Module[] {
  if (!names) return app.modules
  const unknown = names.filter((name) => !app.modules.some((module) => module.name === name))
  if (unknown.length > 0)
    throw BadApp({ app: app.name, problems: unknown.map((name) => `there is no module '${name}'`) })
  return app.modules.filter((module) => names.includes(module.name))
}

/** The console of a production instance opens only with a token; without one it stays closed. */
async function consoleOf(
  environment: Environment,
  inspector: Inspector,
  telemetry: Telemetry,
  developing: boolean,
): Promise<Console | undefined> {
  const { consoleToken: token, consoleHost: host, consolePort } = environment
  if (!developing && !token) {
    telemetry.log.info('The console is closed: set TENFOLD_CONSOLE_TOKEN to open it.')
    return undefined
  }
  const port = await freePort(consolePort, 4100, host, developing)
  return createConsole({
    inspector,
    telemetry,
    host,
    port,
    access: token ? { kind: 'token', token } : { kind: 'open' },
  })
}

async function closeAll(closers: readonly (() => Promise<unknown> | undefined)[]): Promise<void> {
  for (const close of closers) await close()
}
