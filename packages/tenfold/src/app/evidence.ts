/** What the advisor is told: this process's part of it, and how the whole is gathered. */
import { createAdvice, type AdviceView } from '../advisor/index.ts'
import type { Environment } from '../config/index.ts'
import type { Database, SystemDatabase } from '../database/index.ts'
import { createRecorder, gatherEvidence, type Evidence, type RecorderOptions } from '../evidence/index.ts'
import { readDays, readHours, repeatsOf, type Inspector } from '../inspect/index.ts'
import { toMs, type Service } from '../kernel/index.ts'
import type { Queue } from '../queue/index.ts'
import type { Ground } from './instance.ts'
import { isLocal, stageOf } from './stage.ts'

/** p95 of requests that users are promised, unless the configuration says otherwise. */
const PROMISED_P95_MS = 300

export interface EvidencePart {
  service: Service
  /** Ends the running slot now: what happened until here is then part of the evidence. */
  flush(): Promise<void>
  gather(minutes?: number): Promise<Evidence>
  /** A verdict with its words, at most ten seconds old. */
  advice(): Promise<AdviceView>
}

export function openEvidence(ground: Ground, queue: Queue, inspector: Inspector): EvidencePart {
  const { app, environment, database, telemetry, roles, config } = ground
  const aside = database.aside('evidence')
  const { p95, every } = config.advice ?? {}
  const recorder = createRecorder({
    app: app.name,
    db: aside.system,
    sameHost: isLocal(environment),
    telemetry,
    roles,
    pool: () => database.counts(),
    jobs: () => queue.summary(),
    configuration: {
      stage: stageOf(environment),
      promisedP95: p95 === undefined ? PROMISED_P95_MS : toMs(p95),
      poolSize: config.database?.connections ?? 20,
      workerConcurrency: config.worker?.concurrency ?? 10,
      replicas: environment.databaseReplicaUrls.length,
      redis: environment.redisUrl !== undefined,
      pooler: isPooled(environment),
    } satisfies RecorderOptions['configuration'],
    ...(every !== undefined && { slotMs: toMs(every) }),
  })
  const names = app.modules.map(({ name }) => name)
  const gathered = (minutes?: number): Promise<Evidence> =>
    gather({ app: app.name, modules: names, database, db: aside.system, inspector, ...(minutes && { minutes }) })
  return {
    service: {
      name: recorder.name,
      start: () => recorder.start(),
      async stop() {
        await recorder.stop()
        await aside.service.stop()
      },
    },
    flush: () => recorder.flush(),
    gather: gathered,
    advice: createAdvice(database.system, gathered),
  }
}

export interface Gathered {
  app: string
  modules: readonly string[]
  database: Database
  /** Defaults to the database's own. */
  db?: SystemDatabase
  inspector?: Pick<Inspector, 'findings'>
  minutes?: number
}

/** From the database alone: what all processes have left there. */
export function gather({
  app,
  modules,
  database,
  db = database.system,
  inspector,
  minutes,
}: Gathered): Promise<Evidence> {
  return gatherEvidence({
    app,
    db,
    ...(minutes !== undefined && { minutes }),
    asModule: (module) =>
      modules.includes(module)
        ? {
            query: (text, values) =>
              database.module(module).transaction((tx) => tx.query(text, values), { readOnly: true }),
          }
        : undefined,
    days: () => readDays(db, { days: 60 }),
    hours: () => readHours(db, { days: 28, most: 12 }),
    repeats: async (window) => repeatsOf((await inspector?.findings({ minutes: window }).catch(() => [])) ?? []),
  })
}

function isPooled({ databaseUrl, databaseDirectUrl }: Environment): boolean {
  return databaseDirectUrl !== undefined && databaseDirectUrl !== databaseUrl
}
