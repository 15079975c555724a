/** The queue on Postgres. Everything that a worker does is in worker.ts; this is what callers touch. */
import type { SqlTransaction, SystemDatabase } from '../../database/index.ts'
import { systemClock, type Clock } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { JobId, NewJob, Queue } from '../queue.ts'
import { JobAfterUnknown } from '../errors.ts'
import { createSealer } from '../secret.ts'
import { createAdmin } from './admin.ts'
import { createCompanions } from './companions.ts'
import { createControls } from './controls.ts'
import { encodeEvent, encodeJob, hasLane, type Encoding } from './encode.ts'
import { createCoalescer, createGroupCommit, writeThrough } from './enqueue.ts'
import { encodePlain, isPlain, sizeOf, writeAndBegin, writePlain, type Written } from './plain.ts'
import type { Pages } from './many.ts'
import { createRelay, replay } from './relay.ts'
import { list } from './report.ts'
import { createTakers } from './takers.ts'
import { createWake, type News } from './wake.ts'
import { createWorker } from './worker.ts'

export interface PostgresQueueOptions {
  db: SystemDatabase
  telemetry: Telemetry
  clock?: Clock
  /** Of one payload, as JSON. Defaults to 256 kB (262144). */
  maxPayloadBytes?: number
  /** Payloads, results and steps of jobs with `encrypt` are encrypted with a key made from the first; all of them decrypt, so
   *  that a secret can be changed. Defaults to none: such jobs are refused. */
  secrets?: readonly string[]
  /** Of jobs that do not say. Defaults to false. */
  encrypt?: boolean
}

export interface PostgresQueue extends Queue {
  /** Resolves when all that was enqueued is written. Stop the workers first. */
  close(): Promise<void>
}

/** @param bytesOf of one payload of a job with this name, where not all have the same limit */
export function openPostgresQueue(options: PostgresQueueOptions, bytesOf?: (name: string) => number): PostgresQueue {
  const { db, telemetry, clock = systemClock, maxPayloadBytes = 262_144, secrets = [], encrypt = false } = options
  const sealer = createSealer(secrets)
  const encoding = { maxPayloadBytes, sealer, encrypt }
  const encodingOf = ({ name }: NewJob): Encoding =>
    bytesOf ? { ...encoding, maxPayloadBytes: bytesOf(name) } : encoding
  const wake = createWake(db, telemetry)
  const takers = createTakers()
  const pages: Pages = new Set()
  const parts = { db, telemetry, clock, wake, sealer, takers, pages }
  const plain = createGroupCommit(writeAndBegin(db, takers), sizeOf)
  const jobs = createCoalescer(writeThrough('enqueue', db))
  const events = createCoalescer(writeThrough('publish', db))
  const eventsWithin = createCompanions<string>((rows, within) => writeThrough('publish', within)(list(rows)))
  const chains = createCoalescer(writeThrough('enqueue_chain', db))

  /** A handler's own event may share its row with others; what is to come after it needs one. */
  const letGo = (ids: readonly JobId[]): Promise<unknown> => Promise.all([...pages].map((page) => page.letGo(ids)))

  /** Jobs of one call are in the same place in line and in the same commit, so they all go the same way. */
  const writeJobs = (newJobs: readonly NewJob[], within: SqlTransaction | undefined): Promise<Written[]> => {
    const traceparent = telemetry.traceparent()
    if (newJobs.every((job) => isPlain(job, encoding))) {
      const rows = newJobs.map((job) => encodePlain(job, encodingOf(job), traceparent))
      return within ? writePlain(within)(rows) : plain.add(rows)
    }
    const rows = newJobs.map((job) => encodeJob(job, encodingOf(job), traceparent))
    const after = newJobs.flatMap((job) => job.after ?? [])
    const chain = after.length > 0
    const write = (): Promise<string[]> =>
      within ? writeThrough(chain ? 'enqueue_chain' : 'enqueue', within)(list(rows)) : (chain ? chains : jobs).add(rows)
    return (chain ? letGo(after).then(write) : write()).then(
      (all) => all.map((id) => ({ id, begun: false })),
      (error: unknown) => refuseUnknown(newJobs[0]!.name, error),
    )
  }

  const tell = (news: News, within: SqlTransaction | undefined): void => {
    if (within) within.afterCommit(() => wake.tell(news))
    else wake.tell(news)
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
          const written = await writeJobs(newJobs, within)
          tell(newsOf(newJobs, written, clock), within)
          return written.map(({ id }) => id)
        },
      )
    },
    async publish(newEvents, within) {
      const first = newEvents[0]
      if (!first) return []
      return telemetry.span('enqueue', first.name, { 'event.count': newEvents.length }, async () => {
        const traceparent = telemetry.traceparent()
        const rows = newEvents.map((event) => encodeEvent(event, maxPayloadBytes, traceparent))
        const ids = await (within ? eventsWithin(rows, within) : events.add(rows))
        tell({ events: true }, within)
        return ids
      })
    },
    work: (work) => createWorker(parts, work),
    relay: (relay) => createRelay(parts, relay),
    replay: (options) => replay(parts, options),
    ...createAdmin(db, wake),
    ...createControls(db, wake),
    async close() {
      await Promise.all([plain.drain(), jobs.drain(), events.drain(), chains.drain()])
      await wake.close()
    },
  }
}

/** What `enqueue_chain` says when a predecessor is not there. */
function refuseUnknown(name: string, error: unknown): never {
  const { message, constraint, cause } = error as {
    message: string
    constraint?: string
    cause?: { constraint?: string; message: string }
  }
  if (constraint !== 'tenfold_after' && cause?.constraint !== 'tenfold_after') throw error
  throw JobAfterUnknown({ name, reason: cause?.message ?? message }, { cause: error })
}

function newsOf(jobs: readonly NewJob[], written: readonly Written[], clock: Clock): News {
  const names = new Set<string>()
  const held: { name: string; key: string }[] = []
  let count = 0
  let low = Infinity
  let dueIn = Infinity
  const lanes = new Set<string>()
  jobs.forEach((job, i) => {
    const { name, delay = 0, runAt, concurrency } = job
    const wait = runAt ? runAt.getTime() - clock.now() : delay
    if (wait > 0) return void (dueIn = Math.min(dueIn, wait))
    if (hasLane(job)) return void lanes.add(name)
    if (concurrency) return void held.push({ name, key: concurrency.key ?? '' })
    const { id, begun } = written[i]!
    if (begun) return
    names.add(name)
    count++
    low = Math.min(low, Number(id))
  })
  return {
    ...(count > 0 && { ready: { names: [...names], count, low } }),
    ...(held.length > 0 && { held }),
    ...(lanes.size > 0 && { lanes: [...lanes] }),
    ...(dueIn < Infinity && { dueIn }),
  }
}
