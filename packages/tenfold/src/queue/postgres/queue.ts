/** The queue on Postgres. Everything that a worker does is in worker.ts; this is what callers touch. */
import type { SqlTransaction, SystemDatabase } from '../../database/index.ts'
import { systemClock, type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { NewJob, Queue } from '../queue.ts'
import { createAdmin } from './admin.ts'
import { encodeEvent, encodeJob } from './encode.ts'
import { createCoalescer, writeThrough } from './enqueue.ts'
import { createRelay } from './relay.ts'
import { createWake, type News } from './wake.ts'
import { createWorker } from './worker.ts'

export interface PostgresQueueOptions {
  db: SystemDatabase
  telemetry: Telemetry
  clock?: Clock
  /** Of one payload, as JSON. Defaults to 256 kB (262144). */
  maxPayloadBytes?: number
}

export interface PostgresQueue extends Queue {
  /** Resolves when all that was enqueued is written. Stop the workers first. */
  close(): Promise<void>
}

export function openPostgresQueue(options: PostgresQueueOptions): PostgresQueue {
  const { db, telemetry, clock = systemClock, maxPayloadBytes = 262_144 } = options
  const wake = createWake(db, telemetry)
  const parts = { db, telemetry, clock, wake }
  const jobs = createCoalescer(writeThrough('enqueue', db))
  const events = createCoalescer(writeThrough('publish', db))
  const write = async (
    rows: string[],
    within: SqlTransaction | undefined,
    through: 'enqueue' | 'publish',
    news: (ids: string[]) => News,
  ): Promise<string[]> => {
    if (within) {
      const ids = await writeThrough(through, within)(`[${rows.join(',')}]`)
      within.afterCommit(() => wake.tell(news(ids)))
      return ids
    }
    const ids = await (through === 'enqueue' ? jobs : events).add(rows)
    wake.tell(news(ids))
    return ids
  }

  return {
    async enqueue(newJobs, within) {
      const first = newJobs[0]
      if (!first) return []
      return telemetry.span(
        'enqueue',
        newJobs.length === 1 ? first.name : `${newJobs.length} jobs`,
        { 'job.count': newJobs.length },
        async () => {
          const traceparent = telemetry.traceparent()
          const rows = newJobs.map((job) => encodeJob(job, maxPayloadBytes, traceparent))
          return write(rows, within, 'enqueue', (ids) => newsOf(newJobs, ids, clock))
        },
      )
    },
    async publish(newEvents, within) {
      const first = newEvents[0]
      if (!first) return []
      return telemetry.span('enqueue', first.name, { 'event.count': newEvents.length }, async () => {
        const traceparent = telemetry.traceparent()
        const rows = newEvents.map((event) => encodeEvent(event, maxPayloadBytes, traceparent))
        return write(rows, within, 'publish', () => ({ events: true }))
      })
    },
    work: (work) => createWorker(parts, work),
    relay: (relay) => createRelay(parts, relay),
    ...createAdmin(db, wake),
    async close() {
      await Promise.all([jobs.drain(), events.drain()])
      await wake.close()
    },
  }
}

function newsOf(jobs: readonly NewJob[], ids: readonly string[], clock: Clock): News {
  const names = new Set<string>()
  const held: { name: string; key: string }[] = []
  let count = 0
  let low = Infinity
  let dueIn = Infinity
  jobs.forEach(({ name, delay = 0, runAt, concurrency }, i) => {
    const wait = runAt ? runAt.getTime() - clock.now() : delay
    if (wait > 0) return void (dueIn = Math.min(dueIn, wait))
    if (concurrency) return void held.push({ name, key: concurrency.key })
    names.add(name)
    count++
    low = Math.min(low, Number(ids[i]))
  })
  return {
    ...(count > 0 && { ready: { names: [...names], count, low } }),
    ...(held.length > 0 && { held }),
    ...(dueIn < Infinity && { dueIn }),
  }
}
