/** Looking at jobs on Redis, and the few things that people do to them by hand. */
import type { Redis } from '../../redis/index.ts'
import type { JobDetail, JobFilter, JobRow, JobState, JobSummary, Queue } from '../queue.ts'
import type { BullJob, BullQueue, BullState } from './bullmq.ts'
import { priorityOf, type BullData, type CancelledResult } from './encode.ts'
import type { StoredStep } from './journal.ts'
import { bullIdOf, idOf, keysOf } from './names.ts'
import { MAX_DEATHS, type Producer } from './producer.ts'
import { readCounts } from './stats.ts'

const STATES: Record<JobState, BullState[]> = {
  waiting: ['wait', 'paused', 'prioritized'],
  delayed: ['delayed'],
  running: ['active'],
  dead: ['failed'],
  done: ['completed'],
  blocked: [],
  // Last, since it is any of these: those that had not begun wait for a worker to end them.
  cancelled: ['wait', 'paused', 'prioritized', 'delayed', 'completed'],
}
const CANCELS_SECONDS = 7 * 86_400
/** Of one name and state, so many are looked at. */
const MOST_IDS = 5000

export type RedisAdmin = Pick<Queue, 'list' | 'get' | 'summary' | 'retry' | 'discard' | 'retryAll' | 'cancel'>

interface Loaded {
  row: JobRow
  job: BullJob
}

export function createRedisAdmin(parts: { redis: Redis; producer: Producer; prefix: string }): RedisAdmin {
  const { redis, producer, prefix } = parts
  const keys = keysOf(prefix)

  interface Found {
    name: string
    id: string
  }

  const namesFor = async (name: string | undefined): Promise<string[]> => (name ? [name] : producer.names())

  /** Which of these ids are there, under which name. */
  const find = async (ids: readonly string[], name?: string): Promise<Found[]> => {
    const pairs = (await namesFor(name)).flatMap((one) => ids.map((id) => ({ name: one, id })))
    const there = await redis.batch(pairs.map((pair) => ['exists', keys.job(pair.name, pair.id)] as const))
    return pairs.filter((_, i) => there[i] === 1)
  }

  const idsIn = async (name: string, state: JobState | undefined): Promise<Found[]> => {
    const states = state ? [state] : (Object.keys(STATES) as JobState[])
    const found = states.map((one) => producer.queue(name).getRanges(STATES[one], 0, MOST_IDS - 1, false))
    return [...new Set((await Promise.all(found)).flat())].map((id) => ({ name, id: idOf(id) }))
  }

  const load = async ({ name, id }: Found): Promise<Loaded | undefined> => {
    const job = await producer.queue(name).getJob(bullIdOf(id))
    if (!job) return undefined
    const state = stateOf(await job.getState(), job)
    return state && { row: rowOf(name, state, job), job }
  }

  const get = async (id: string): Promise<(Loaded & { name: string }) | undefined> => {
    const [found] = await find([id])
    const loaded = found && (await load(found))
    return loaded && { name: found.name, ...loaded }
  }

  const stepsOf = async ({ name, row }: Loaded & { name: string }): Promise<NonNullable<JobDetail['steps']>> => {
    const stored = await redis.command<Record<string, string>>('hgetall', keys.steps(name, row.id))
    return Object.entries(stored).flatMap(([step, json]) => {
      const { at, result } = JSON.parse(json) as StoredStep
      return at === undefined ? [] : [{ name: step, finishedAt: at, result }]
    })
  }

  /** Back to work with all its attempts, if its unique key is free. */
  const revive = async (name: string, job: BullJob): Promise<boolean> => {
    if (job.deduplicationId !== undefined) {
      const key = keys.unique(name, job.deduplicationId)
      const taken = (await redis.command('set', key, job.id!, 'nx')) === null
      if (taken && (await redis.command('get', key)) !== job.id) return false
    }
    const id = idOf(job.id)
    await redis.batch([
      ['hdel', keys.job(name, id), 'stc', 'defa'],
      ['hdel', keys.cancels, id],
    ])
    // It died before it heard that it was cancelled: whoever revives it wants it to run.
    const { cancel, ...data } = job.data as BullData
    if (cancel !== undefined) await job.updateData(data)
    if (!job.deferredFailure) await job.retry('failed', { resetAttemptsMade: true })
    return true
  }

  const summaryOf = async (
    name: string,
  ): Promise<Omit<JobSummary, 'doneLastHour' | 'failedLastHour' | 'meanRunMs'>> => {
    const queue = producer.queue(name)
    const [counts, oldest] = await Promise.all([
      queue.getJobCounts('wait', 'paused', 'prioritized', 'active', 'delayed', 'failed'),
      oldestIn(queue),
    ])
    const of = (state: BullState): number => counts[state] ?? 0
    return {
      name,
      waiting: of('wait') + of('paused') + of('prioritized'),
      delayed: of('delayed'),
      running: of('active'),
      dead: of('failed'),
      oldestWaitingMs: oldest === undefined ? 0 : Math.max(0, Date.now() - oldest),
    }
  }

  const admin: RedisAdmin = {
    async list({ state, name, ids, before, search, limit = 50 }: JobFilter = {}) {
      const found = ids
        ? await find(ids.filter(isId), name)
        : (await Promise.all((await namesFor(name)).map((one) => idsIn(one, state)))).flat()
      const most = Math.min(500, Math.max(1, limit))
      const wanted = found
        .filter(({ id }) => before === undefined || Number(id) < Number(before))
        .sort((a, b) => Number(b.id) - Number(a.id))
      const rows: JobRow[] = []
      // What changed its state since it was found is left out, so one round may not be enough.
      for (let at = 0; at < wanted.length && rows.length < most; at += most) {
        const loaded = await Promise.all(wanted.slice(at, at + most).map(load))
        const fits = (one: Loaded): boolean =>
          (!state || one.row.state === state) && (search === undefined || says(one, search.toLowerCase()))
        rows.push(...loaded.flatMap((one) => (one && fits(one) ? [one.row] : [])))
      }
      return rows.slice(0, most)
    },
    async get(id) {
      if (!isId(id)) return undefined
      const found = await get(id)
      if (!found) return undefined
      const steps = await stepsOf(found)
      return { ...detailOf(found.row, found.job), ...(steps.length > 0 && { steps }) }
    },
    async summary() {
      const [names, counts] = await Promise.all([producer.names(), readCounts(redis, prefix)])
      const rows = await Promise.all(names.map(summaryOf))
      return rows
        .map((row): JobSummary => {
          const { done, failed, ms } = counts.get(row.name) ?? { done: 0, failed: 0, ms: 0 }
          const runs = done + failed
          return { ...row, doneLastHour: done, failedLastHour: failed, meanRunMs: runs > 0 ? ms / runs : 0 }
        })
        .filter((row) => row.waiting + row.delayed + row.running + row.dead + row.doneLastHour + row.failedLastHour > 0)
    },
    async retry(id) {
      const found = isId(id) ? await get(id) : undefined
      if (found?.row.state === 'dead') return revive(found.name, found.job)
      if (found?.row.state !== 'delayed') return false
      await found.job.promote()
      return true
    },
    async discard(id) {
      const found = isId(id) ? await get(id) : undefined
      if (!found || found.row.state === 'running' || found.row.state === 'done') return false
      const removed = await found.job.remove().then(
        () => true,
        () => false, // a worker has just taken it
      )
      if (removed)
        await redis.batch([
          ['del', keys.steps(found.name, id)],
          ['hdel', keys.waits, id],
        ])
      return removed
    },
    async cancel(id, reason = 'Somebody cancelled it.') {
      const found = isId(id) ? await get(id) : undefined
      if (!found || found.row.state === 'done' || found.row.state === 'dead' || found.row.state === 'cancelled')
        return false
      const { job } = found
      await redis.batch([
        ['hset', keys.cancels, id, reason],
        ['expire', keys.cancels, CANCELS_SECONDS],
      ])
      // Whoever takes it from now on sees this; whoever has it looks every second.
      await job.updateData({ ...(job.data as BullData), cancel: reason })
      if (found.row.state === 'running') return true
      await job.removeDeduplicationKey()
      if (found.row.state === 'delayed') await job.promote().catch(() => {}) // its time has just come
      return true
    },
    async retryAll({ name }) {
      let revived = 0
      for (;;) {
        const ids = await producer.queue(name).getRanges(['failed'], 0, 199, true)
        const jobs = await Promise.all(ids.map((id) => producer.queue(name).getJob(id)))
        const results = await Promise.all(jobs.map(async (job) => job !== undefined && revive(name, job)))
        const count = results.filter(Boolean).length
        revived += count
        if (count === 0) return revived
      }
    },
  }

  const { reach } = producer
  return {
    list: (filter) => reach(() => admin.list(filter)),
    get: (id) => reach(() => admin.get(id)),
    summary: () => reach(() => admin.summary()),
    retry: (id) => reach(() => admin.retry(id)),
    discard: (id) => reach(() => admin.discard(id)),
    cancel: (id, reason) => reach(() => admin.cancel(id, reason)),
    // Thousands take their time.
    retryAll: (filter) => admin.retryAll(filter),
  }
}

async function oldestIn(queue: BullQueue): Promise<number | undefined> {
  const ids = await queue.getRanges(['wait', 'prioritized'], 0, 0, true)
  const jobs = await Promise.all(ids.map((id) => queue.getJob(id)))
  const times = jobs.flatMap((job) => (job ? [job.timestamp + job.delay] : []))
  return times.length > 0 ? Math.min(...times) : undefined
}

function isId(id: string): boolean {
  return /^\d{1,18}$/.test(id)
}

/** A job whose workers died too often waits for a worker that fails it: it will not run again. */
function stateOf(state: string, job: BullJob): JobState | undefined {
  const known = (Object.keys(STATES) as JobState[]).find((one) =>
    [...STATES[one], 'waiting'].includes(state as BullState),
  )
  if (cancelOf(state, job) !== undefined) return 'cancelled'
  if (state === 'waiting' || state === 'prioritized') return job.deferredFailure ? 'dead' : 'waiting'
  return known
}

/** Why it was cancelled; undefined if it was not, or runs still, or got done all the same. */
function cancelOf(state: string, { data, returnvalue }: BullJob): string | undefined {
  if (state === 'completed') return (returnvalue as CancelledResult | null)?.cancelled
  return state === 'active' || state === 'failed' ? undefined : (data as BullData).cancel
}

/** Whether its name, an error, its key or its payload has this text, which is in small letters. */
function says({ row, job }: Loaded, text: string): boolean {
  const { payload, sealed } = job.data as BullData
  const texts = [row.name, job.deduplicationId ?? '', ...errorsOf(job).map(({ message }) => message)]
  return [...texts, sealed ? '' : JSON.stringify(payload)].some((one) => one.toLowerCase().includes(text))
}

function rowOf(name: string, state: JobState, job: BullJob): JobRow {
  const { processedOn, finishedOn, processedBy, timestamp, progress } = job
  const finished = state === 'done' || state === 'dead' || state === 'cancelled'
  const error = (job.returnvalue as CancelledResult | null)?.cancelled ?? errorsOf(job).at(-1)?.message
  return {
    id: idOf(job.id),
    name,
    state,
    priority: priorityOf(job),
    attempt: job.attemptsMade + (state === 'running' ? 1 : 0),
    maxAttempts: job.opts.attempts ?? 1,
    createdAt: timestamp,
    runAt: timestamp + job.delay,
    ...(processedOn !== undefined && (finished || state === 'running') && { startedAt: processedOn }),
    ...(finished && finishedOn !== undefined && { finishedAt: finishedOn }),
    ...(finished && finishedOn !== undefined && processedOn !== undefined && { durationMs: finishedOn - processedOn }),
    ...(typeof progress === 'number' && progress > 0 && !finished && { progress }),
    ...(error !== undefined && { error }),
    ...(processedBy !== undefined && { instanceId: processedBy }),
  }
}

function detailOf(row: JobRow, job: BullJob): JobDetail {
  const { payload, trace } = job.data as BullData
  const traceId = trace?.split('-')[1]
  return {
    ...row,
    payload,
    ...(typeof job.returnvalue === 'string' && { result: JSON.parse(job.returnvalue) as unknown }),
    ...(job.deduplicationId !== undefined && { uniqueKey: job.deduplicationId }),
    ...(traceId !== undefined && { traceId }),
    errors: errorsOf(job),
  }
}

function errorsOf(job: BullJob): JobDetail['errors'] {
  const died = job.deferredFailure || /stalled more than/.test(job.failedReason ?? '')
  const failures = (job.stacktrace ?? []).flatMap((stack) => {
    try {
      return [JSON.parse(stack) as JobDetail['errors'][number]]
    } catch {
      return [] // BullMQ's own: see below
    }
  })
  if (!died) return failures
  const message = `The worker died, as ${MAX_DEATHS - 1} before it: the job may be what kills them.`
  return [...failures, { attempt: job.attemptsMade, at: job.finishedOn ?? Date.now(), message }]
}
