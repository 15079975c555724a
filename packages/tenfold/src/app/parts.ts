/** The capabilities of an instance, opened on its database, and joined by the scope in which definitions work. */
import type { Analytics } from '../analytics/index.ts'
import { openCaches } from '../cache/index.ts'
import { openCron, type Cron } from '../cron/index.ts'
import {
  CACHE_METRICS,
  createFleetLevel,
  createInspector,
  createStore,
  LIMIT_METRICS,
  type FleetLevel,
  type Inspector,
  type Store,
} from '../inspect/index.ts'
import { PeerMissing, systemClock } from '../kernel/index.ts'
import { openLimits, type Limits } from '../limits/index.ts'
import { readCaughtMails, startMailCatcher } from '../mail/index.ts'
import type { Scope } from '../modules/index.ts'
import { openOutbound } from '../outbound/index.ts'
import { openPubSub } from '../pubsub/index.ts'
import { openQueue, type Queue } from '../queue/index.ts'
import { openRedis, type Redis } from '../redis/index.ts'
import { openSessions, type Sessions } from '../sessions/index.ts'
import { openStorage, type Storage } from '../storage/index.ts'
import { openAppAnalytics } from './analytics.ts'
import { openAlertsPart, type AlertsPart } from './alerts.ts'
import { scheduleBackups, type ScheduledBackups } from './backups.ts'
import { filesFolder } from './bindings.ts'
import { createContexts, type Contexts } from './contexts.ts'
import { cronsOf } from './crons.ts'
import { engineOf, jobsOnRedis, openQueueWithRedis } from './engines.ts'
import { openEvidence, type EvidencePart } from './evidence.ts'
import type { Ground } from './instance.ts'
import { createRemote, createSignatures, type Signatures } from './remote/index.ts'
import { createResources } from './resources.ts'
import { createLive, type Live } from './live.ts'
import { createScope } from './scope.ts'
import { stageOf } from './stage.ts'
import { joinTelemetry } from './telemetry.ts'

export interface Parts {
  live: Live
  queue: Queue
  /** Undefined without REDIS_URL. */
  redis: Redis | undefined
  files: Storage
  sessions: Sessions
  limits: Limits
  analytics: Analytics
  crons: Cron
  backups: ScheduledBackups
  store: Store
  level: FleetLevel
  inspector: Inspector
  evidence: EvidencePart
  alerts: AlertsPart
  contextOf: Contexts['contextOf']
  callingFor: Contexts['callingFor']
  signatures: Signatures
  scope: Scope
}

/** Ends of sessions are told to all instances at once; this bounds what an instance may miss whose line is dead. */
const SESSION_MEMORY = '5s'

/** Opens them; each puts its own end on `opened`. */
export async function openParts(ground: Ground, opened: AsyncDisposableStack): Promise<Parts> {
  const { app, places, environment, roles, root, telemetry, bindings, database } = ground
  const clock = systemClock
  const db = database.system
  const { positions } = database
  const strict = environment.env !== 'production'

  await joinTelemetry(ground, opened)

  const outbound = openOutbound({ telemetry, clock })
  opened.defer(() => outbound.close())
  const mails = await catchMail(ground, opened)
  const redis = await connectRedis(ground, opened)
  const shared = redis && { redis: { redis, prefix: app.name } }
  const queue = redis
    ? await openQueueWithRedis(
        {
          db,
          telemetry,
          redis,
          prefix: app.name,
          secrets: bindings.secretKeys,
          engineOf: engineOf(app.modules, ground.config.queue),
        },
        jobsOnRedis(app.modules, ground.config.queue).length > 0,
      )
    : openQueue({ db, telemetry, secrets: bindings.secretKeys })
  opened.defer(() => queue.close())
  const caches = await openCaches({
    db,
    telemetry,
    clock,
    ...shared,
    ...ground.config.cache,
    ...(positions && { positions }),
  })
  opened.defer(() => caches.close())
  const files = await openStorage({ url: filesFolder(environment, root), secrets: bindings.secretKeys, clock })
  opened.defer(() => files.close())
  const sessions = openSessions({ db, telemetry, clock, cacheFor: SESSION_MEMORY, ...shared })
  opened.defer(() => sessions.close())
  const limits = openLimits({ db, telemetry, clock, ...shared })
  opened.defer(() => limits.close())

  const pubsub = openPubSub({ db, telemetry, ...shared })
  opened.defer(() => pubsub.close())
  const live = createLive(pubsub, telemetry)

  const analytics = openAppAnalytics(ground, opened)

  const { local } = places
  const { variables, secretKeys } = bindings
  const signatures = createSignatures(secretKeys, app.name)
  const remote = { outbound, telemetry, clock, signatures, positions }
  const remotes = new Map([...places.remote].map(([module, url]) => [module, createRemote(module, url, remote)]))
  const made = { app, database, files, sessions, telemetry, clock, secretKeys, variables, local, remotes }
  const { contextOf, callingFor } = await createContexts(made)
  const resources = createResources(contextOf, telemetry)
  opened.defer(() => resources.close())
  const joined = { queue, caches, pubsub, live, outbound, resources, analytics }
  const scope = createScope(local, { ...joined, all: app.modules, telemetry, strict, contextOf })
  const backups = await scheduleBackups(ground, opened)
  const crons = openCron({ db, telemetry, jobs: queue, crons: [...cronsOf(app.modules), ...backups.crons] })
  const alerts = await openAlertsPart(ground, queue, opened)
  const store = createStore({
    db,
    telemetry,
    roles,
    clock,
    metrics: [...new Set([...alerts.metrics, ...CACHE_METRICS, ...LIMIT_METRICS])],
    metricsEvery: alerts.metricsEveryMs,
  })
  const level = createFleetLevel({ db, telemetry, clock })
  const inspector = createInspector({
    app: app.name,
    version: ground.version,
    env: environment.env,
    startedAt: clock.now(),
    stage: () => stageOf(environment),
    bindings: () => bindings.list,
    db,
    store,
    jobs: queue,
    crons: { list: () => crons.list(), run: (name) => crons.runNow(name) },
    ...(mails && { mails }),
    ...(backups.status && { backup: backups.status }),
    clock,
  })
  const evidence = openEvidence(ground, queue, inspector)
  return {
    live,
    analytics,
    queue,
    redis,
    files,
    sessions,
    limits,
    crons,
    backups,
    store,
    level,
    inspector,
    evidence,
    alerts,
    contextOf,
    callingFor,
    signatures,
    scope,
  }
}

async function connectRedis({ environment, bindings, telemetry }: Ground, opened: AsyncDisposableStack) {
  if (!environment.redisUrl) return undefined
  const redis = await openRedis({ url: environment.redisUrl, telemetry })
  opened.defer(() => redis.close())
  bindings.list.push({ part: 'redis', bound: redis.where, embedded: false, variable: 'REDIS_URL' })
  return redis
}

/** In development, mail that nobody else was asked to deliver is kept for the console. An app without mail does not install
 *  what that needs; one with mail hears of it when its settings lack SMTP_URL. */
async function catchMail({ environment, bindings, database, telemetry }: Ground, opened: AsyncDisposableStack) {
  if (environment.env === 'production' || bindings.variables.SMTP_URL) return undefined
  const catcher = await startMailCatcher(database.system, telemetry).catch((error: unknown) => {
    if (!PeerMissing.is(error)) throw error
    telemetry.log.debug('No mail is caught.', { reason: error.message })
    return undefined
  })
  if (!catcher) return undefined
  opened.defer(() => catcher.stop())
  bindings.variables.SMTP_URL = catcher.url
  bindings.list.push({
    part: 'mail',
    bound: `${catcher.url}, kept for the console`,
    embedded: true,
    variable: 'SMTP_URL',
  })
  const { mails, mail } = readCaughtMails(database.system)
  return { list: mails, get: mail }
}
