/** What is kept of what was seen: the store, its inspector, the evidence and the advice. */
import { createAdvice } from '../advisor/index.ts'
import type { ConsoleSource } from '../console/index.ts'
import { createRecorder, gatherEvidence, type Evidence } from '../evidence/index.ts'
import { createInspector, createStore, readDays, readHours, repeatsOf } from '../inspect/index.ts'
import { messageOf } from '../kernel/index.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { openKept, prepareKept } from './kept.ts'
import { findPlace } from './place.ts'
import { countsOf } from './pools.ts'
import type { Seat } from './seat.ts'
import type { ObserveSettings } from './settings.ts'

export interface Kept {
  source: ConsoleSource
  /** A clause about where it is kept. */
  where: string
}

const PROMISED_P95_MS = 300

export async function keep(seat: Seat, settings: ObserveSettings, telemetry: Telemetry): Promise<Kept> {
  const { name: app, version, env, flushMs, slotMs } = settings
  const place = await findPlace(settings)
  const database = openKept(place.url, app)
  const db = database.system
  const store = createStore({ db, telemetry, roles: ['web'], flushEvery: flushMs })
  const inspector = createInspector({
    app,
    version,
    env,
    startedAt: Date.now(),
    stage: () => ({ number: 1, name: 'observed' }),
    bindings: () => [
      { part: 'observations', bound: place.where, embedded: place.embedded, variable: 'TENFOLD_OBSERVE_URL' },
    ],
    db,
    store,
  })
  const aside = openKept(place.url, app, 1)
  const recorder = createRecorder({
    app,
    db: aside.system,
    sameHost: place.embedded,
    telemetry,
    roles: ['web'],
    pool: () => countsOf(seat),
    jobs: async () => [],
    slotMs,
    configuration: {
      stage: { number: 1, name: 'observed' },
      promisedP95: PROMISED_P95_MS,
      poolSize: 10,
      workerConcurrency: 0,
      replicas: 0,
      redis: false,
      pooler: false,
    },
  })
  const gather = (): Promise<Evidence> =>
    gatherEvidence({
      app,
      db: aside.system,
      asModule: () => undefined,
      days: () => readDays(db, { days: 60 }),
      hours: () => readHours(db, { days: 28, most: 12 }),
      repeats: async (minutes) => repeatsOf(await inspector.findings({ minutes })),
    })
  const begin = async (): Promise<void> => {
    await prepareKept(place.url, app)
    await store.start()
    await recorder.start()
  }
  begin().catch((error) => telemetry.log.warn('Nothing is kept.', { reason: messageOf(error) }))
  return { source: { ...inspector, advice: createAdvice(db, gather) }, where: place.where }
}
