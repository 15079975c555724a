/** What an instance's roles run, in the order in which it starts; the web server comes last, when all it needs is there. */
import { fileURLToPath } from 'node:url'
import type { Role } from '../config/index.ts'
import { createConsole, type Console, type IndexAdvisor } from '../console/index.ts'
import { createServer, staticFiles, type HttpRoute, type HttpServer } from '../http/index.ts'
import { systemClock, type Service } from '../kernel/index.ts'
import { analyticsRoutes } from './analytics.ts'
import { describeApp } from './describe.ts'
import { cronsOf } from './crons.ts'
import { createIndexAdvisor } from './indexes.ts'
import { loadRunsOf } from './loads.ts'
import { migrationsOf } from './migrations.ts'
import type { Ground } from './instance.ts'
import { handlersOf, subscriptionsOf } from './jobs.ts'
import type { JobWork } from '../queue/index.ts'
import type { Parts } from './parts.ts'
import { portOfConsole, portOfWeb } from './ports.ts'
import { callRoutes } from './remote/index.ts'
import { routesOf } from './routes.ts'
import { telemetryServices } from './telemetry.ts'
import { webhooksOf } from './webhooks.ts'

const STOP_TIMEOUT_MS = 25_000

export interface Services {
  services: Service[]
  /** There in every instance: `fetch` goes through it even where it does not listen. */
  server: HttpServer
  console: Console | undefined
}

export async function servicesOf(ground: Ground, parts: Parts): Promise<Services> {
  const has = (role: Role): boolean => ground.roles.includes(role)
  const server = await webServer(ground, parts)
  const console = has('console') ? await consoleOf(ground, parts) : undefined
  const services = [
    ...telemetryServices(ground),
    parts.store,
    parts.level.service,
    parts.evidence.service,
    ...(has('worker') ? workers(ground, parts) : []),
    ...(has('cron')
      ? [parts.crons.schedule(scheduledHere(ground, parts)), ...parts.backups.services, ...parts.alerts.services(parts)]
      : []),
    ...(console ? [console] : []),
    ...(has('web') ? [server] : []),
  ]
  return { services, server, console }
}

/** Any process may start a cron by hand; at their times those that serve their modules do. */
function scheduledHere({ serving }: Ground, { backups }: Parts): ReadonlySet<string> {
  return new Set([...cronsOf(serving), ...backups.crons].map(({ name }) => name))
}

function workers(
  { app, serving, config, database }: Ground,
  { queue, scope, contextOf, backups, alerts }: Parts,
): Service[] {
  const { concurrency = 10, leaseMs } = config.worker ?? {}
  return [
    queue.relay({ subscriptions: subscriptionsOf(app.modules) }),
    queue.work({
      handlers: new Map<string, JobWork>([
        ...handlersOf(serving, scope, contextOf, database.positions, database.watch),
        ...backups.handlers,
        ...alerts.handlers,
      ]),
      concurrency,
      ...(leaseMs !== undefined && { leaseMs }),
      stopTimeoutMs: config.stopTimeoutMs ?? STOP_TIMEOUT_MS,
    }),
  ]
}

async function webServer(ground: Ground, parts: Parts): Promise<HttpServer> {
  const { app, serving, environment, config, telemetry, bindings, database, version, sockets } = ground
  const { env, host, trustProxy, corsOrigins, drainDelayMs } = environment
  const { redis, scope, contextOf, sessions, limits, files, analytics } = parts
  return createServer({
    routes: [
      ...serving.flatMap((module) => routesOf(module, scope, contextOf, database.watch)),
      ...callsFrom(ground, parts),
      ...analyticsRoutes(config.analytics?.browser, { analytics, telemetry }),
      ...(app.pages ? [staticFiles({ prefix: '/', directory: fileURLToPath(app.pages) })] : []),
    ],
    name: app.name,
    version,
    env,
    telemetry,
    limits,
    sessions,
    ...(database.positions && { positions: database.positions }),
    storage: files,
    checks: { database: () => database.ping() },
    // Whatever is in Redis has a way around it: an instance that a load balancer takes away for its sake would be missed.
    ...(redis && { spareChecks: { redis: () => redis.ping() } }),
    secretKey: bindings.secretKeys,
    port: sockets.web === undefined ? await portOfWeb(environment) : 0,
    host,
    ...(sockets.web !== undefined && { listenFd: sockets.web }),
    trustProxy,
    drainDelay: drainDelayMs,
    onClosing: () => parts.live.end(),
    stopTimeout: config.stopTimeoutMs ?? STOP_TIMEOUT_MS,
    ...(config.shedding !== undefined && { shedding: config.shedding }),
    ...(corsOrigins.length > 0 && { cors: { origins: corsOrigins } }),
  })
}

/** Where the app runs in parts, the others call the modules of this one. */
function callsFrom({ places, telemetry, database, version }: Ground, parts: Parts): HttpRoute[] {
  if (!places.split) return []
  const { serving } = places
  const { positions } = database
  return callRoutes({ ...parts, serving, release: version, clock: systemClock, telemetry, positions })
}

/** The console of a production instance opens only with a token; without one it stays closed. */
async function consoleOf(
  ground: Ground,
  { inspector, analytics, evidence, alerts, sessions, files, queue, level }: Parts,
): Promise<Console | undefined> {
  const { environment, telemetry, sockets } = ground
  const { env, consoleToken: token, consoleHost: host } = environment
  if (env === 'production' && !token) {
    telemetry.log.info('The console is closed: set TENFOLD_CONSOLE_TOKEN to open it.')
    return undefined
  }
  const port = sockets.console === undefined ? await portOfConsole(environment) : 0
  return createConsole({
    inspector: {
      ...inspector,
      modules: () => describeApp(ground),
      twinRuns: async () =>
        (await import('../twin/index.ts')).listRuns(fileURLToPath(new URL('.tenfold/twin', ground.root))),
      load: loadRunsOf(ground.root),
      analytics,
      level,
      sessions,
      files,
      webhooks: webhooksOf(ground.app, ground.database, queue),
      indexes: indexAdvisorOf(ground),
      advice: () => evidence.advice(),
      ...alerts.shown,
    },
    telemetry,
    scrape: { telemetry, token: environment.metricsToken },
    host,
    port,
    listenFd: sockets.console,
    access: token ? { kind: 'token', token, readToken: environment.consoleReadToken } : { kind: 'open' },
  })
}

function indexAdvisorOf({ app, bindings, database }: Ground): IndexAdvisor {
  const target = { url: bindings.databaseDirectUrl, app: app.name, sources: migrationsOf(app) }
  return createIndexAdvisor(target, database.system)
}
