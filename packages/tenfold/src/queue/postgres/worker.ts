/** A worker: claims jobs, runs them, reports what became of them.
 *
 *    tenfold.job ──exchange()──> buffer ──begin()──> running ──> outcomes ──exchange()──> job_done | delayed | job_dead
 *
 *  One statement reports what is finished and claims what comes next, so while jobs are short a whole batch costs one
 *  commit. The buffer holds at most about 100 ms of work, measured: a longer one would keep jobs from idle workers and
 *  urgent ones waiting behind it. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Clock, type Service } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobInterrupted, JobLeaseLost } from '../errors.ts'
import type { WorkOptions } from '../queue.ts'
import { isBadData } from './enqueue.ts'
import { createHint } from './hint.ts'
import { createKeeper } from './keeper.ts'
import { createLease } from './lease.ts'
import { exchange, giveBack } from './report.ts'
import { startRun, type Claimed, type Outcome, type Run } from './run.ts'
import { createSignal } from './signal.ts'
import { RECONCILE } from './statements.ts'
import { watchJobs } from './watch.ts'
import type { News, Wake } from './wake.ts'

const BUFFER_MS = 100
const MAX_BUFFER = 500
/** While jobs are waiting in the buffer, outcomes gather for so long. */
const GATHER_MS = 5
const POLL_MIN_MS = 100
const POLL_MAX_MS = 1000

export interface WorkerParts {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  wake: Wake
}

export function createWorker(parts: WorkerParts, options: WorkOptions): Service {
  const { db, telemetry, clock, wake } = parts
  const { handlers, concurrency = 10, leaseMs = 30_000, stopTimeoutMs = 25_000 } = options
  const names = [...handlers.keys()]
  const watch = watchJobs(telemetry)
  const hint = createHint(clock)
  const nudge = createSignal()
  const buffer: Claimed[] = []
  const running = new Map<string, Run>()
  let outcomes: Outcome[] = []
  /** Mean of recent runs; the first guess makes the buffer as long as `concurrency`. */
  let meanMs = BUFFER_MS
  let maybeMore = true
  let promised = 0
  let idleMs = POLL_MIN_MS
  let answerLost = false
  let stopping = false
  let loop: Promise<void> | undefined
  let stopListening: (() => Promise<void>) | undefined

  const lease = createLease({
    db,
    telemetry,
    clock,
    leaseMs,
    onLost: () => {
      const lost = buffer.splice(0).length + running.size
      watch.leasesLost(lost)
      telemetry.log.error('This worker lost its lease: its jobs run again elsewhere.', { jobs: lost, leaseMs })
      for (const run of running.values()) run.interrupt(JobLeaseLost({ name: run.job.name }))
    },
    onRenewed: () => {
      begin()
      nudge.fire()
    },
  })
  const keeper = createKeeper(parts, { leaseMs, running, watch, onReady: () => more() })

  const more = (low = Infinity): void => {
    maybeMore = true
    idleMs = POLL_MIN_MS
    hint.lookBelow(low)
    nudge.fire()
  }

  const hear = (news: News): void => {
    if (news.ready && (news.ready.names.length === 0 || news.ready.names.some((name) => handlers.has(name)))) {
      promised += news.ready.count
      more(news.ready.low)
    }
    if (news.held) keeper.admit(news.held)
    if (news.dueIn !== undefined) keeper.dueIn(news.dueIn)
  }

  const room = (wanted: readonly string[]): number =>
    stopping || !wanted.every((name) => handlers.has(name))
      ? 0
      : Math.max(0, concurrency - running.size - buffer.length - promised)

  const begin = (): void => {
    while (!stopping && running.size < concurrency && buffer.length > 0 && lease.trusted()) {
      const job = buffer.shift()!
      const run = startRun(job, handlers.get(job.name)!, telemetry)
      running.set(job.id, run)
      void run.outcome.then(finish)
    }
  }

  const finish = (outcome: Outcome): void => {
    // A job of a lost lease may have come back to this very process.
    if (running.get(outcome.job.id)?.job === outcome.job) running.delete(outcome.job.id)
    meanMs += (outcome.ms - meanMs) * 0.05
    watch.ran(outcome)
    outcomes.push(outcome)
    begin()
    nudge.fire()
  }

  /** How many to claim now; 0 while enough are here. */
  const wanted = (): number => {
    if (stopping || !lease.trusted()) return 0
    const ahead = Math.min(MAX_BUFFER, Math.floor((concurrency * BUFFER_MS) / Math.max(meanMs, 0.01)))
    const free = concurrency - running.size
    return buffer.length > ahead / 2 ? 0 : Math.max(0, free + ahead - buffer.length)
  }

  const turn = async (): Promise<void> => {
    const count = wanted()
    const claim = count > 0 && maybeMore
    if (!claim && outcomes.length === 0) {
      if (!(await nudge.wait(count > 0 ? idleMs : POLL_MAX_MS)) && count > 0) {
        idleMs = Math.min(POLL_MAX_MS, idleMs * 2)
        maybeMore = true
      }
      return
    }
    if (!claim && count === 0 && buffer.length > 0 && outcomes.length < MAX_BUFFER / 2) await clock.sleep(GATHER_MS)
    await swap(stopping ? 0 : wanted())
  }

  const swap = async (count: number): Promise<void> => {
    const reporting = outcomes
    outcomes = []
    maybeMore = false
    promised = 0
    const from = hint.next()
    try {
      if (answerLost) await reconcile(reporting)
      const answer = await exchange(db, telemetry.instanceId, reporting, { worker: lease.id, names, count, hint: from })
      hint.saw(answer.jobs[0])
      if (answer.refused > 0) watch.leasesLost(answer.refused)
      if (answer.retryIn !== undefined) keeper.dueIn(answer.retryIn)
      if (answer.jobs.length > 0) {
        maybeMore ||= answer.jobs.length >= count
        idleMs = POLL_MIN_MS
        for (const job of answer.jobs) watch.waited(job)
        insert(answer.jobs)
        begin()
      }
      if (reporting.some(({ job }) => job.key !== null)) maybeMore = true
    } catch (error) {
      outcomes = [...(isBadData(error) ? reporting.map(withoutResult) : reporting), ...outcomes]
      maybeMore = true
      answerLost = true
      telemetry.log.warn('A worker could not reach the queue; trying again.', {
        reason: messageOf(error),
        unreported: outcomes.length,
      })
      await clock.sleep(200 + Math.random() * 800)
    }
  }

  const insert = (jobs: readonly Claimed[]): void => {
    const last = buffer.at(-1)
    buffer.push(...jobs)
    if (last && jobs[0]!.rank < last.rank) buffer.sort((a, b) => a.rank - b.rank || a.seq - b.seq)
  }

  const reconcile = async (reporting: readonly Outcome[]): Promise<void> => {
    const known = [...buffer, ...[...running.values()].map((run) => run.job), ...reporting.map(({ job }) => job)]
    await db.query(RECONCILE, [lease.id, known.map((job) => job.id)])
    answerLost = false
  }

  const run = async (): Promise<void> => {
    while (!stopping || running.size > 0) await turn()
  }

  /** Waits for what runs, then aborts it; true if all of it ended. */
  const settle = async (): Promise<void> => {
    const ended = Promise.all([...running.values()].map((one) => one.outcome))
    const deadline = new AbortController()
    const patient = clock.sleep(stopTimeoutMs, deadline.signal)
    await Promise.race([ended, patient])
    deadline.abort()
    for (const one of running.values()) one.interrupt(JobInterrupted({ name: one.job.name }))
    await ended
  }

  return {
    name: 'worker',
    async start() {
      await keeper.prepare()
      await lease.start()
      stopListening = await wake.listen({ takes: 'jobs', hear, room })
      keeper.start()
      loop = run()
    },
    async stop() {
      stopping = true
      await stopListening?.()
      nudge.fire()
      const unbegun = buffer.splice(0)
      await giveBack(db, unbegun).catch(() => outcomes.push(...unbegun.map(asReturned)))
      await settle()
      nudge.fire()
      await loop
      // What was claimed while we stopped.
      outcomes.push(...buffer.splice(0).map(asReturned))
      for (let tries = 0; tries < 5 && (outcomes.length > 0 || answerLost); tries++) await swap(0)
      const clean = outcomes.length === 0 && !answerLost
      if (unbegun.length > 0) wake.tell({ ready: { names, count: unbegun.length, low: unbegun[0]!.seq } })
      await keeper.stop()
      await lease.stop(clean).catch(() => {})
    },
  }
}

function asReturned(job: Claimed): Outcome {
  return { kind: 'returned', job, ms: 0 }
}

function withoutResult(outcome: Outcome): Outcome {
  return outcome.kind === 'done' ? { ...outcome, result: null } : outcome
}
