/** A worker on Redis: one worker of BullMQ for each name, which fetches, locks and reports; what a run is (a trace, a time
 *  limit, a signal, an outcome) is the same as on Postgres.
 *
 *    BullMQ: wait | prioritized ──> active ──> processor ──┬─> done     returns the result
 *                     ^                                    ├─> failed   throws; delayed, or a dead letter
 *                     └──────────── given back ────────────┘
 *
 *  The names of one worker share its places: a job that was fetched waits for one, its lock kept, so no more than
 *  `concurrency` run at a time, and no more than that of each name are held. */
import { messageOf, type Service } from '../../kernel/index.ts'
import type { PatientRedis, Redis } from '../../redis/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobInterrupted, JobLeaseLost } from '../errors.ts'
import { startBatch } from '../postgres/batch.ts'
import { startSingle, type Claimed, type Outcome, type Run, type RunTools } from '../postgres/run.ts'
import { watchJobs } from '../postgres/watch.ts'
import type { BatchWork, SingleWork, WorkOptions } from '../queue.ts'
import type { Sealer } from '../secret.ts'
import { liftStarved } from './age.ts'
import { createGatherer } from './batches.ts'
import type { BullJob, BullWorker } from './bullmq.ts'
import { claimedOf, pauseAfter, type BullData, type CancelledResult, type FailedRun } from './encode.ts'
import type { Held } from './held.ts'
import { createRedisJournal } from './journal.ts'
import { bullNameOf, idOf, keysOf } from './names.ts'
import { createPlaces } from './places.ts'
import { MAX_DEATHS, STALLED_EVERY_MS, type Producer } from './producer.ts'
import { writeCounts } from './stats.ts'
import type { Waits } from './waits.ts'

const KEEP_EVERY_MS = 1000
/** How often workers are looked for that died: twice in a lease, at least every so often. */
const LOOK_EVERY_MS = 5000
/** As on Postgres. */
const STARVED_MS = 60_000
/** Past the deadline of a shutdown, for telling Redis how it ended. */
const CLOSE_MS = 3000

/** So long Postgres may be away when a job is done; then it is called done all the same. */
const RELEASE_MS = 60_000
/** So long a job waits that may have run, while Postgres cannot be asked. */
const ASK_AGAIN_MS = 1000
/** By so much the clocks of two machines may differ. */
const CLOCKS_MS = 60_000

export interface RedisWorkerParts {
  redis: Redis
  producer: Producer
  prefix: string
  telemetry: Telemetry
  held: Held
  sealer: Sealer
  waits: Waits
}

/** A job that BullMQ has given to this process. */
interface Fetched {
  claimed: Claimed
  job: BullJob
  /** Of its lock. */
  token: string | undefined
  /** It has asked for its steps. */
  stepped: boolean
}

export function createRedisWorker(parts: RedisWorkerParts, options: WorkOptions): Service {
  const { redis, producer, prefix, telemetry, held, waits } = parts
  const { handlers, concurrency = 10, leaseMs = 30_000, stopTimeoutMs = 25_000, starvedMs = STARVED_MS } = options
  const works = new Map([...handlers].map(([name, work]) => [name, typeof work === 'function' ? { run: work } : work]))
  /** What BullMQ gave for each claim. */
  const fetched = new WeakMap<Claimed, Fetched>()
  const tools = toolsOf(parts, fetched)
  const watch = watchJobs(telemetry)
  const places = createPlaces(concurrency)
  const running = new Map<string, { run: Run; job: BullJob; told: number | undefined }>()
  const workers: BullWorker[] = []
  let connection: PatientRedis | undefined
  let keeping: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let stopping = false
  /** When this process reached Redis last. */
  let reachedAt = Date.now()

  const putOff = async (job: BullJob, token: string | undefined, ms: number): Promise<never> => {
    await job.moveToDelayed(Date.now() + Math.ceil(ms), token).catch(() => {})
    throw new producer.bull.DelayedError()
  }

  const giveBack = async (job: BullJob, token: string | undefined): Promise<never> => {
    await job.moveToWait(token).catch(() => {}) // its lock was lost: others have it
    throw new producer.bull.WaitingError()
  }

  /** Before BullMQ is told: what it calls finished it may forget. */
  const release = async (id: string): Promise<void> => {
    for (const deadline = performance.now() + RELEASE_MS; ;) {
      try {
        return await held.release(id)
      } catch (error) {
        if (stopping || performance.now() > deadline) {
          telemetry.log.warn('A job on Redis is done, and Postgres could not be told yet.', {
            id,
            reason: messageOf(error),
          })
          return
        }
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  }

  /** Redis that crashed may not know what it was told in its last second; and a worker may have died before it told. What was
   *  added before that is looked up. */
  const hasRun = async (job: BullJob): Promise<boolean> => {
    if (!(job.data as BullData).held) return false
    if (job.stalledCounter === 0 && job.timestamp > reachedAt + CLOCKS_MS) return false
    return !(await held.has(idOf(job.id!)))
  }

  const process = async (name: string, job: BullJob, token: string | undefined): Promise<unknown> => {
    if (stopping) return giveBack(job, token)
    try {
      if (await hasRun(job)) return undefined
    } catch {
      return putOff(job, token, ASK_AGAIN_MS)
    }
    const claimed = claimedOf(name, job)
    const one: Fetched = { claimed, job, token, stepped: false }
    fetched.set(claimed, one)
    const gatherer = gatherers.get(name)
    const outcome = await (gatherer ? gatherer.add(one) : startAlone(one))
    return outcome ? settle(outcome, one) : giveBack(job, token)
  }

  const begun = async ({ claimed, job }: Fetched, run: Run): Promise<Outcome> => {
    watch.waited(claimed)
    running.set(claimed.id, { run, job, told: undefined })
    const outcome = await run.outcome
    // A job of a lost lease may have come back to this very process.
    if (running.get(claimed.id)?.run === run) running.delete(claimed.id)
    watch.ran(outcome)
    return outcome
  }

  const startAlone = async (one: Fetched): Promise<Outcome | undefined> => {
    if (!(await places.enter())) return undefined
    const run = startSingle(one.claimed, works.get(one.claimed.name) as SingleWork, tools)
    return begun(one, run).finally(() => places.leave())
  }

  /** In one place. */
  const startTogether = async (work: BatchWork, jobs: readonly Fetched[]): Promise<Promise<Outcome>[] | undefined> => {
    if (!(await places.enter())) return undefined
    const runs = startBatch(
      jobs.map(({ claimed }) => claimed),
      work,
      tools,
    )
    const outcomes = runs.map((run, i) => begun(jobs[i]!, run))
    void Promise.all(outcomes).finally(() => places.leave())
    return outcomes
  }

  const gatherers = new Map(
    [...works].flatMap(([name, work]) =>
      'batch' in work
        ? [[name, createGatherer(work.batch, (jobs: readonly Fetched[]) => startTogether(work, jobs))] as const]
        : [],
    ),
  )

  /** Tells BullMQ what became of a job: gives its result, or throws what BullMQ knows. */
  const settle = async (outcome: Outcome, { claimed, job, token, stepped }: Fetched): Promise<unknown> => {
    const { id, attempt } = claimed
    const { held: isHeld } = job.data as BullData
    switch (outcome.kind) {
      case 'suspended':
        if (!outcome.waits) await waits.end({ id })
        return putOff(job, token, outcome.leftMs)
      case 'returned':
        return outcome.delayMs === undefined ? giveBack(job, token) : putOff(job, token, outcome.delayMs)
      case 'failed':
        throw asFailure(outcome, attempt)
      default:
        if (isHeld) await release(id)
        if (stepped || attempt > 1 || outcome.kind === 'cancelled') await forget(claimed)
        return outcome.kind === 'done' ? outcome.result : ({ cancelled: outcome.message } satisfies CancelledResult)
    }
  }

  /** What lies beside a job that has finished. */
  const forget = async ({ name, id }: Claimed): Promise<void> => {
    const { steps, waits: waiting, cancels } = keysOf(prefix)
    await redis
      .batch([
        ['del', steps(name, id)],
        ['hdel', waiting, id],
        ['hdel', cancels, id],
      ])
      .catch(() => {}) // they are little, and end by themselves
  }

  const lost = (ids: readonly string[]): void => {
    watch.leasesLost(ids.length)
    telemetry.log.error('This worker lost its lease: its jobs run again elsewhere.', { jobs: ids.length, leaseMs })
    for (const id of ids) {
      const one = running.get(idOf(id))
      one?.run.interrupt(JobLeaseLost({ name: one.run.job.name }))
    }
  }

  const workerOf = (name: string): BullWorker => {
    const worker = new producer.bull.Worker(bullNameOf(name), (job, token) => process(name, job, token), {
      connection: connection!.client,
      prefix,
      name: telemetry.instanceId,
      autorun: false,
      concurrency:
        'batch' in works.get(name)! ? Math.max(concurrency, (works.get(name) as BatchWork).batch.size) : concurrency,
      lockDuration: leaseMs,
      maxStalledCount: MAX_DEATHS - 1,
      skipStalledCheck: true, // see `lookForTheDead`, which also looks where this process has no handler
      drainDelay: 1,
      runRetryDelay: 500,
      settings: { backoffStrategy: (attempts, _type, error, job) => pauseAfter(attempts, job, error) },
    })
    worker.on('lockRenewalFailed', lost)
    worker.on('error', (error) => {
      if (/Missing lock/.test(error.message)) lost([])
      else telemetry.log.debug('BullMQ met an error.', { job: name, reason: error.message })
    })
    return worker
  }

  const lookForTheDead = async (): Promise<void> => {
    const names = new Set([...handlers.keys(), ...(await producer.names())])
    for (const name of names) {
      if (stopping || !redis.ready()) return
      await producer.queue(name).getBackend().moveStalledJobsToWait()
    }
  }

  /** Of those that run here. */
  const cancel = async (): Promise<void> => {
    const ids = [...running.keys()]
    if (ids.length === 0) return
    const reasons = await redis.command<(string | null)[]>('hmget', keysOf(prefix).cancels, ...ids)
    reasons.forEach((reason, i) => {
      if (reason !== null) running.get(ids[i]!)?.run.cancel(reason)
    })
  }

  const keep = async (): Promise<void> => {
    for (const one of running.values()) {
      if (one.run.progress === one.told) continue
      one.told = one.run.progress
      await one.job.updateProgress(one.told!)
    }
    await cancel()
    const counts = watch.take()
    await writeCounts(redis, prefix, counts).catch((error: unknown) => {
      watch.putBack(counts)
      throw error
    })
    if (stopping) return
    await waits.look()
    await liftStarved(redis, prefix, [...handlers.keys()], { starvedMs, most: concurrency })
  }

  const every = (ms: number, what: () => Promise<void>): NodeJS.Timeout => {
    let busy = false
    const timer = setInterval(() => {
      if (busy || !redis.ready()) return
      busy = true
      what()
        .catch((error: unknown) => telemetry.log.debug('Redis could not be told.', { reason: messageOf(error) }))
        .finally(() => (busy = false))
    }, ms)
    return timer.unref()
  }

  /** Waits for what runs, then aborts it. */
  const waitForRuns = async (): Promise<void> => {
    const ended = Promise.all([...running.values()].map(({ run }) => run.outcome))
    let timer: NodeJS.Timeout | undefined
    await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, stopTimeoutMs)))])
    clearTimeout(timer)
    for (const { run } of running.values()) run.interrupt(JobInterrupted({ name: run.job.name }))
    await ended
  }

  return {
    name: 'worker on redis',
    async start() {
      connection = redis.patient()
      connection.client.on('ready', () => (reachedAt = Date.now()))
      for (const name of handlers.keys()) {
        const worker = workerOf(name)
        workers.push(worker)
        worker.run().catch((error: unknown) => {
          if (!stopping) telemetry.log.error('A worker on redis ended.', { job: name, reason: messageOf(error) })
        })
      }
      keeping = every(KEEP_EVERY_MS, keep)
      looking = every(Math.min(LOOK_EVERY_MS, Math.max(STALLED_EVERY_MS, leaseMs / 2)), lookForTheDead)
    },
    async stop() {
      stopping = true
      clearInterval(looking)
      for (const worker of workers) void worker.pause(true)
      for (const gatherer of gatherers.values()) gatherer.close()
      places.close()
      await waitForRuns()
      const closed = Promise.all(workers.map((worker) => worker.close().catch(() => {})))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, CLOSE_MS, 'late')))
      if ((await Promise.race([closed, late])) === 'late') {
        // Redis is away. The leases end by themselves; BullMQ would wait, with a timer that keeps the process alive.
        for (const worker of workers) void worker.lockManager.close()
      }
      clearTimeout(timer)
      clearInterval(keeping)
      await keep().catch(() => {})
      connection?.disconnect()
    },
  }
}

function toolsOf(
  { telemetry, sealer, redis, prefix, waits }: RedisWorkerParts,
  fetched: WeakMap<Claimed, Fetched>,
): RunTools {
  return {
    telemetry,
    sealer,
    journalOf(claimed) {
      const { name, id, more } = claimed
      const one = fetched.get(claimed)!
      one.stepped = true
      const { job, token } = one
      const { since = job.timestamp } = job.data as BullData
      return createRedisJournal({
        redis,
        prefix,
        job: { id, name, sealed: more?.extra?.sealed === true },
        token,
        sealer,
        findEvent: () => waits.begin({ name, id, since }),
      })
    },
    predecessorsOf: async () => [],
  }
}

/** BullMQ keeps the stack of each failure: the one place that is written in the same step as the failure itself. A name
 *  that it knows makes a dead letter at once. */
function asFailure(outcome: Outcome, attempt: number): FailedRun {
  const message = 'message' in outcome ? outcome.message : outcome.kind
  const failed = outcome.kind === 'failed' ? outcome : undefined
  return Object.assign(new Error(message), {
    stack: JSON.stringify({ attempt, at: Date.now(), message }),
    ...(failed?.dead && { name: 'UnrecoverableError' }),
    ...(failed?.delayMs !== undefined && { delayMs: failed.delayMs }),
  })
}
