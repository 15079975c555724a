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
import { JobEngine, JobInterrupted, JobLeaseLost } from '../errors.ts'
import { startSingle, type Outcome, type Run, type RunTools } from '../postgres/run.ts'
import { watchJobs } from '../postgres/watch.ts'
import type { JobWork, SingleWork, WorkOptions } from '../queue.ts'
import { createSealer } from '../secret.ts'
import type { BullJob, BullWorker } from './bullmq.ts'
import { REDIS_CANNOT } from './cannot.ts'
import { claimedOf, pauseAfter, type FailedRun } from './encode.ts'
import { bullNameOf, idOf } from './names.ts'
import { createPlaces } from './places.ts'
import { MAX_DEATHS, STALLED_EVERY_MS, type Producer } from './producer.ts'
import { writeCounts } from './stats.ts'

const KEEP_EVERY_MS = 1000
/** How often workers are looked for that died: twice in a lease, at least every so often. */
const LOOK_EVERY_MS = 5000
/** Past the deadline of a shutdown, for telling Redis how it ended. */
const CLOSE_MS = 3000

export interface RedisWorkerParts {
  redis: Redis
  producer: Producer
  prefix: string
  telemetry: Telemetry
}

export function createRedisWorker(parts: RedisWorkerParts, options: WorkOptions): Service {
  const { redis, producer, prefix, telemetry } = parts
  const { handlers, concurrency = 10, leaseMs = 30_000, stopTimeoutMs = 25_000 } = options
  const works = new Map([...handlers].map(([name, work]) => [name, singleOf(name, work)]))
  const tools = toolsOf(telemetry)
  const watch = watchJobs(telemetry)
  const places = createPlaces(concurrency)
  const running = new Map<string, { run: Run; job: BullJob; told: number | undefined }>()
  const workers: BullWorker[] = []
  let connection: PatientRedis | undefined
  let keeping: NodeJS.Timeout | undefined
  let looking: NodeJS.Timeout | undefined
  let stopping = false

  const giveBack = async (job: BullJob, token: string | undefined): Promise<never> => {
    await job.moveToWait(token).catch(() => {}) // its lock was lost: others have it
    throw new producer.bull.WaitingError()
  }

  const process = async (name: string, job: BullJob, token: string | undefined): Promise<unknown> => {
    if (stopping || !(await places.enter())) return giveBack(job, token)
    const claimed = claimedOf(name, job)
    watch.waited(claimed)
    const run = startSingle(claimed, works.get(name)!, tools)
    running.set(claimed.id, { run, job, told: undefined })
    const outcome = await run.outcome
    running.delete(claimed.id)
    places.leave()
    watch.ran(outcome)
    if (outcome.kind === 'done') return outcome.result
    if (outcome.kind === 'returned') return giveBack(job, token)
    throw asFailure(outcome, claimed.attempt)
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
      concurrency,
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

  const keep = async (): Promise<void> => {
    for (const one of running.values()) {
      if (one.run.progress === one.told) continue
      one.told = one.run.progress
      await one.job.updateProgress(one.told!)
    }
    const counts = watch.take()
    await writeCounts(redis, prefix, counts).catch((error: unknown) => {
      watch.putBack(counts)
      throw error
    })
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
  const settle = async (): Promise<void> => {
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
      places.close()
      await settle()
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

function singleOf(name: string, work: JobWork | SingleWork['run']): SingleWork {
  if (typeof work === 'function') return { run: work }
  if ('batch' in work) throw JobEngine({ name, reason: REDIS_CANNOT.Q27 })
  return work
}

function toolsOf(telemetry: Telemetry): RunTools {
  return {
    telemetry,
    sealer: createSealer([]),
    journalOf: ({ name }) => {
      throw JobEngine({ name, reason: REDIS_CANNOT.Q29 })
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
