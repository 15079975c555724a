/** One queue over two engines: each job lies where its name belongs, and the line that enqueues it is the same. */
import { messageOf, type Service } from '../kernel/index.ts'
import { RedisAway, type Redis } from '../redis/index.ts'
import { openPostgresQueue, type PostgresQueue, type PostgresQueueOptions } from './postgres/queue.ts'
import type { JobFilter, JobRow, JobSummary, NewJob, Queue, RetryOptions, Subscriber, WorkOptions } from './queue.ts'
import { createRedisAdmin } from './redis/admin.ts'
import type { Bull } from './redis/bullmq.ts'
import { checkJob } from './redis/encode.ts'
import { createHeld, type HeldJob } from './redis/held.ts'
import { createIds } from './redis/ids.ts'
import { keysOf } from './redis/names.ts'
import {
  envelopeBytes,
  envelopeOf,
  forwarder,
  handOver,
  nameInOutbox,
  outboxName,
  subscriberOf,
} from './redis/outbox.ts'
import { createProducer, loadBull } from './redis/producer.ts'
import { createWaits } from './redis/waits.ts'
import { createRedisWorker } from './redis/worker.ts'
import { createSealer } from './secret.ts'

export type Engine = 'postgres' | 'redis'

export interface EnginesOptions extends PostgresQueueOptions {
  redis: Redis
  /** Starts all keys in Redis. The name of the app, so that several may share a server. */
  prefix: string
  engineOf(name: string): Engine
}

const FORWARDS_AT_A_TIME = 50

/** Opens both. Throws TF_PEER_MISSING if `bullmq` is not installed.
 *  @example
 *  const engineOf = (name) => (name === 'media.resize' ? 'redis' : 'postgres')
 *  const queue = await openEngines({ db: database.system, telemetry, redis, prefix: 'shop', engineOf })
 *  await queue.enqueue([{ name: 'media.resize', payload: { file } }], tx)   // through Postgres, then to Redis */
export async function openEngines(options: EnginesOptions): Promise<PostgresQueue> {
  return createEngines(await loadBull(), options)
}

export function createEngines(bull: Bull, options: EnginesOptions): PostgresQueue {
  const { db, redis, prefix, engineOf, telemetry, maxPayloadBytes = 262_144, secrets = [], encrypt = false } = options
  const producer = createProducer(bull, redis, prefix, telemetry)
  const postgres = openPostgresQueue(options, (name) =>
    nameInOutbox(name) === undefined ? maxPayloadBytes : envelopeBytes(maxPayloadBytes),
  )
  const admin = createRedisAdmin({ redis, producer, prefix })
  const ids = createIds(redis, keysOf(prefix).ids)
  const held = createHeld(db, redis, prefix, telemetry)
  const waits = createWaits(db, redis, prefix, producer)
  const sealer = createSealer(secrets)
  /** Of subscribers on Redis, as {@link Queue.relay} was told. */
  const retries = new Map<string, RetryOptions>()
  const outbox = { producer, held, retries }
  const detours = telemetry.metrics.counter('tenfold.job.redis_detours', {
    help: 'Jobs that went through Postgres because Redis was away.',
    unit: '{job}',
  })

  const isOnRedis = ({ name }: { name: string }): boolean => engineOf(name) === 'redis'

  /** A unique key that is held in Redis gives its holder; the others go into the outbox. */
  const viaOutbox = async (jobs: readonly NewJob[], within: Parameters<Queue['enqueue']>[1]): Promise<string[]> => {
    const holders = await Promise.all(
      jobs.map(async ({ name, uniqueKey }) =>
        uniqueKey === undefined ? undefined : producer.holderOf(name, uniqueKey).catch(ifAway(undefined)),
      ),
    )
    const written = await postgres.enqueue(
      jobs.filter((_, i) => holders[i] === undefined).map((job) => envelopeOf(job)),
      within,
    )
    return holders.map((holder) => holder ?? written.shift()!)
  }

  const toRedis = async (jobs: readonly NewJob[]): Promise<string[]> => {
    let given: string[] | undefined
    try {
      given = await ids.take(jobs.length)
      return await telemetry.span('enqueue', spanName(jobs), { 'job.count': jobs.length, 'job.engine': 'redis' }, () =>
        producer.add(jobs, given!, traced(telemetry.traceparent())),
      )
    } catch (error) {
      if (!RedisAway.is(error)) throw error
      detours.add(jobs.length)
      telemetry.log.warn('Redis is away: jobs wait in Postgres until it is back.', {
        jobs: jobs.length,
        reason: messageOf(error),
      })
      // Some may have arrived: under the same ids they are not added again.
      return postgres.enqueue(jobs.map((job, i) => envelopeOf(job, given?.[i]))).then((rows) => given ?? rows)
    }
  }

  /** Redis is told what Postgres remembers, where it knows otherwise. Postgres is asked last: it is told first. */
  const renewPauses = async (): Promise<void> => {
    const names = await producer.names()
    const { meta } = keysOf(prefix)
    const known = await redis.batch(names.map((name) => ['hexists', meta(name), 'paused'] as const))
    const inRedis = new Set(names.filter((_, i) => known[i] === 1))
    const inPostgres = new Set((await postgres.paused()).map(({ name }) => name))
    for (const name of new Set([...inRedis, ...inPostgres])) {
      if (!isOnRedis({ name }) || inRedis.has(name) === inPostgres.has(name)) continue
      await producer.queue(name)[inPostgres.has(name) ? 'pause' : 'resume']()
    }
  }

  /** Postgres remembers it, so that a Redis that was emptied is told again, or one that is lost in between. Nothing is
   *  changed while Redis is away: who asked would be told of a failure, and have it done all the same. */
  const tellBoth = async <T>(name: string, what: 'pause' | 'resume', inPostgres: () => Promise<T>): Promise<T> => {
    if (!isOnRedis({ name })) return inPostgres()
    await redis.ping()
    const told = await inPostgres()
    await producer.reach(() => producer.queue(name)[what]())
    return told
  }

  /** Unless it has meanwhile run to its end, or Redis did discard it and only the answer was lost. */
  const holdAgain = async (job: HeldJob): Promise<void> => {
    await held.hold(job)
    const state = await fromRedis<string>(async () => (await admin.get(job.id))?.state ?? 'gone', 'unknown')
    if (state === 'gone' || state === 'done') await held.release(job.id)
  }

  /** Redis's part, or nothing of it while it is away: what lies in Postgres can be looked at all the same. */
  const fromRedis = async <T>(ask: () => Promise<T>, otherwise: T): Promise<T> => ask().catch(ifAway(otherwise))

  const pages = async (filter: JobFilter, most: number): Promise<JobRow[]> => {
    const rows: JobRow[] = []
    let before = filter.before
    for (let page = 0; page < 10 && rows.length < most; page++) {
      const found = await postgres.list({ ...filter, limit: most, ...(before !== undefined && { before }) })
      rows.push(...found.flatMap((row) => asSeen(row) ?? []))
      if (found.length < most) break
      before = found.at(-1)!.id
    }
    return rows
  }

  return {
    async enqueue(jobs, within) {
      if (!jobs.some(isOnRedis)) return postgres.enqueue(jobs, within)
      const onRedis = jobs.filter(isOnRedis).map((job) => checkJob(job, { maxPayloadBytes, sealer, encrypt }))
      const others = await postgres.enqueue(
        jobs.filter((job) => !isOnRedis(job)),
        within,
      )
      const added = await (within ? viaOutbox(onRedis, within) : toRedis(onRedis))
      return jobs.map((job) => (isOnRedis(job) ? added.shift()! : others.shift()!))
    },
    publish: (events, within) => postgres.publish(events, within),
    work: (work) => together(workersFor(work)),
    relay({ subscriptions }) {
      const routed = [...subscriptions].map(([event, list]): [string, (string | Subscriber)[]] => [
        event,
        list.map((one) => {
          const { job, ...own } = typeof one === 'string' ? { job: one } : one
          if (!isOnRedis({ name: job })) return one
          retries.set(job, own)
          return subscriberOf(job)
        }),
      ])
      return postgres.relay({ subscriptions: new Map(routed) })
    },

    replay(options) {
      const { job } = typeof options.subscriber === 'string' ? { job: options.subscriber } : options.subscriber
      return postgres.replay(isOnRedis({ name: job }) ? { ...options, subscriber: subscriberOf(job) } : options)
    },

    async list(filter = {}) {
      const { name, state, limit = 50 } = filter
      const most = Math.min(500, Math.max(1, limit))
      const inPostgres = [
        pages(filter, most),
        ...(name === undefined ? [] : [pages({ ...filter, name: outboxName(name) }, most)]),
      ]
      const [inRedis, ...others] = await Promise.all([fromRedis(() => admin.list(filter), []), ...inPostgres])
      const byId = new Map([...others.flat(), ...inRedis].map((row) => [row.id, row]))
      return [...byId.values()]
        .filter((row) => !state || row.state === state)
        .sort((a, b) => Number(b.id) - Number(a.id))
        .slice(0, most)
    },
    async get(id) {
      const found = await fromRedis(() => admin.get(id), undefined)
      if (found) return found
      const row = await postgres.get(id)
      const seen = row && asSeen(row)
      if (!row || !seen || nameInOutbox(row.name) === undefined) return row && seen && { ...row, ...seen }
      const { forward } = row.payload as { forward?: NewJob }
      return { ...row, ...seen, payload: forward ? forward.payload : row.payload, errors: [] }
    },
    async summary() {
      const [inPostgres, inRedis] = await Promise.all([postgres.summary(), fromRedis(() => admin.summary(), [])])
      return merged([...inPostgres.map(unforwarded), ...inRedis])
    },
    retry: async (id) => (await fromRedis(() => admin.retry(id), false)) || postgres.retry(id),
    async discard(id) {
      const job = await fromRedis(() => admin.get(id), undefined)
      if (!job || job.state === 'running' || job.state === 'done') return postgres.discard(id)
      // First in Postgres, so that what is gone from Redis is not taken for lost.
      const kept = await held.take(id)
      let discarded = false
      try {
        discarded = await fromRedis(() => admin.discard(id), false)
      } finally {
        if (kept && !discarded) await holdAgain(kept)
      }
      return discarded
    },
    async cancel(id, reason) {
      const job = await fromRedis(() => admin.get(id), undefined)
      if (!job) return postgres.cancel(id, reason)
      const cancelled = await admin.cancel(id, reason)
      if (cancelled && job.state !== 'running') await held.release(id)
      return cancelled
    },
    pause: (name, reason) => tellBoth(name, 'pause', () => postgres.pause(name, reason)),
    resume: (name) => tellBoth(name, 'resume', () => postgres.resume(name)),
    paused: () => postgres.paused(),
    async retryAll({ name, state }) {
      const counts = await Promise.all([
        isOnRedis({ name }) ? admin.retryAll({ name, state }) : 0,
        postgres.retryAll({ name: outboxName(name), state }),
        postgres.retryAll({ name, state }),
      ])
      return counts.reduce((sum, count) => sum + count, 0)
    },
    async close() {
      await held.drain()
      await postgres.close()
      await producer.close()
    },
  }

  /** The worker on Postgres knows all names, for jobs from before a name moved to Redis. */
  function workersFor(work: WorkOptions): Service[] {
    const onRedis = new Map([...work.handlers].filter(([name]) => isOnRedis({ name })))
    const forwarders = new Map([...onRedis.keys()].map((name) => [outboxName(name), forwarder(name, outbox)] as const))
    if (onRedis.size === 0) return [postgres.work(work)]
    return [
      postgres.work(work),
      createRedisWorker({ redis, producer, prefix, telemetry, held, sealer, waits }, { ...work, handlers: onRedis }),
      postgres.work({ ...work, handlers: forwarders, concurrency: FORWARDS_AT_A_TIME }),
      held.watch({ handOver: (job) => handOver(job, outbox), renew: renewPauses }),
    ]
  }
}

function ifAway<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (RedisAway.is(error)) return otherwise
    throw error
  }
}

function traced(traceparent: string | undefined): { traceparent?: string } {
  return traceparent === undefined ? {} : { traceparent }
}

function spanName(jobs: readonly NewJob[]): string {
  return jobs.length === 1 ? jobs[0]!.name : `${jobs.length} jobs`
}

/** A row of the outbox, as the job that it is to become; undefined once it became one. */
function asSeen(row: JobRow): JobRow | undefined {
  const name = nameInOutbox(row.name)
  if (name === undefined) return row
  if (row.state === 'done') return undefined
  return { ...row, name, attempt: 0, state: row.state === 'running' ? 'waiting' : row.state }
}

/** What waits in the outbox, as waiting; handing over is no run. */
function unforwarded(row: JobSummary): JobSummary {
  const name = nameInOutbox(row.name)
  if (name === undefined) return row
  const { waiting, running } = row
  return { ...row, name, waiting: waiting + running, running: 0, doneLastHour: 0, failedLastHour: 0, meanRunMs: 0 }
}

function merged(rows: readonly JobSummary[]): JobSummary[] {
  const byName = new Map<string, JobSummary>()
  for (const row of rows) {
    const other = byName.get(row.name)
    if (!other) {
      byName.set(row.name, row)
      continue
    }
    const runs = row.doneLastHour + row.failedLastHour
    const otherRuns = other.doneLastHour + other.failedLastHour
    byName.set(row.name, {
      name: row.name,
      ...((row.paused ?? other.paused) && { paused: true }),
      waiting: row.waiting + other.waiting,
      ...((row.held ?? other.held) !== undefined && { held: (row.held ?? 0) + (other.held ?? 0) }),
      delayed: row.delayed + other.delayed,
      running: row.running + other.running,
      dead: row.dead + other.dead,
      doneLastHour: row.doneLastHour + other.doneLastHour,
      failedLastHour: row.failedLastHour + other.failedLastHour,
      oldestWaitingMs: Math.max(row.oldestWaitingMs, other.oldestWaitingMs),
      meanRunMs: runs + otherRuns > 0 ? (row.meanRunMs * runs + other.meanRunMs * otherRuns) / (runs + otherRuns) : 0,
    })
  }
  return [...byName.values()]
    .filter(
      (row) =>
        row.paused || row.waiting + row.delayed + row.running + row.dead + row.doneLastHour + row.failedLastHour > 0,
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Several services as one: started in order, stopped at once. */
function together(services: readonly Service[]): Service {
  return {
    name: 'worker',
    async start() {
      for (const service of services) await service.start()
    },
    stop: async () => void (await Promise.all(services.map((service) => service.stop()))),
  }
}
