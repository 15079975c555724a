/** What becomes of what was seen: the store, its inspector, the evidence and the advice. */
import { createAdvice } from '../advisor/index.ts'
import type { ConsoleSource } from '../console/index.ts'
import { createRecorder } from '../evidence/index.ts'
import { createInspector, createStore } from '../inspect/index.ts'
import type { Service } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { gatherObserved } from './gather.ts'
import { openQuietly, prepare } from './kept.ts'
import { findPlace } from './place.ts'
import { countsOf } from './pools.ts'
import { say } from './say.ts'
import type { Seat } from './seat.ts'
import type { ObserveSettings } from './settings.ts'

export interface Kept {
  source: ConsoleSource
  /** A clause about where it is kept. */
  where: string
}

const PROMISED_P95_MS = 300
const STAGE = { number: 1, name: 'observed' } as const

export function keep(seat: Seat, settings: ObserveSettings, telemetry: Telemetry): Kept {
  const { name: app, version, env, appUrl, flushMs, slotMs } = settings
  const place = findPlace(settings)
  const coming = prepare(place.url, app, say)
  const db = coming.prompt(2)
  const aside = coming.patient(1)
  const server = appUrl === undefined ? null : openQuietly(appUrl, app, { connections: 1, keepAlive: false }).system
  const store = createStore({ db: coming.patient(1), telemetry, roles: ['web'], flushEvery: flushMs })
  const inspector = createInspector({
    app,
    version,
    env,
    startedAt: Date.now(),
    stage: () => STAGE,
    bindings: () => [
      { part: 'observations', bound: place.where, embedded: place.embedded, variable: 'TENFOLD_OBSERVE_URL' },
    ],
    db,
    store,
  })
  const recorder = createRecorder({
    app,
    db: aside,
    server,
    sameHost: appUrl !== undefined && isLoopback(new URL(appUrl).hostname),
    telemetry,
    roles: ['web'],
    pool: () => countsOf(seat),
    jobs: async () => [],
    slotMs,
    configuration: {
      stage: STAGE,
      promisedP95: PROMISED_P95_MS,
      poolSize: 10,
      workerConcurrency: 0,
      replicas: 0,
      redis: false,
      pooler: false,
    },
  })
  // What is seen before the database is there waits for it.
  if (place.keeps) void start([store, recorder])
  const advice = createAdvice(db, () => gatherObserved({ app, db, server, inspector }))
  return { source: { ...inspector, advice }, where: place.where }
}

async function start(services: readonly Service[]): Promise<void> {
  for (const service of services) await service.start()
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|)$/.test(host)
}
