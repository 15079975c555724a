/** A worker: claims jobs, runs them, reports what became of them.
 *
 *    tenfold.job ──exchange()──> buffer ──begin()──> running ──> outcomes ──exchange()──> job_done | delayed | job_dead
 *
 *  One statement reports what is finished and claims what comes next, so while jobs are short a whole batch costs one
 *  commit. The buffer holds at most about 100 ms of work, measured: a longer one would keep jobs from idle workers and
 *  urgent ones waiting behind it. What a claim brought beyond that is given back at once. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Clock, type Service } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { JobInterrupted, JobLeaseLost } from '../errors.ts'
import type { BatchWork, JobWork, Predecessor, WorkOptions } from '../queue.ts'
import { startBatch } from './batch.ts'
import { isBadData } from './enqueue.ts'
import { createHint, type Place } from './hint.ts'
import { createJournal } from './journal.ts'
import { createKeeper } from './keeper.ts'
import { createLease } from './lease.ts'
import { createLanes } from './lanes.ts'
import { createLine, weightOf } from './line.ts'
import { exchange, giveBack, type Answer } from './report.ts'
import { isPage, startPage, type Pages } from './many.ts'
import { KEEP_OFF_MS, startSingle, type Claimed, type Outcome, type Run, type RunTools } from './run.ts'
import type { Sealer } from '../secret.ts'
import { createSignal } from './signal.ts'
import { PREDECESSORS, RECONCILE } from './statements.ts'
import type { Offer, Takers } from './takers.ts'
import { watchJobs } from './watch.ts'
import type { News, Wake } from './wake.ts'

const BUFFER_MS = 100
/** Jobs here and under way: while one batch runs, two are fetched. */
const MAX_BUFFER = 2000
const MAX_BATCH = 500
const MAX_EXCHANGES = 2
/** While jobs are waiting in the buffer, outcomes gather for so long. */
const GATHER_MS = 5
const POLL_MIN_MS = 100
const POLL_MAX_MS = 1000

export interface WorkerParts {
  db: SystemDatabase
  telemetry: Telemetry
  clock: Clock
  wake: Wake
  sealer: Sealer
  takers: Takers
  pages: Pages
}

export function createWorker(parts: WorkerParts, options: WorkOptions): Service {
  const { db, telemetry, clock, wake, sealer, takers, pages } = parts
  const { concurrency = 10, leaseMs = 30_000, stopTimeoutMs = 25_000 } = options
  const works = worksOf(options)
  const all = [...works.keys()]
  /** Names whose jobs we could not run, until when we leave them to others. */
  const keptOff = new Map<string, number>()
  const largest = Math.max(0, ...[...works.values()].map((work) => ('batch' in work ? work.batch.size : 0)))
  const tools: RunTools = {
    telemetry,
    sealer,
    journalOf: (job) => createJournal(db, sealer, job),
    predecessorsOf: (job) => predecessorsOf(db, sealer, job),
  }
  const watch = watchJobs(telemetry)
  const hint = createHint(clock)
  const nudge = createSignal()
  const asWorker = AsyncLocalStorage.snapshot()
  const line = createLine(works, clock)
  const lanes = createLanes(db, clock, concurrency, (name) => works.has(name))
  const running = new Map<string, Run>()
  /** Places that are taken: by a job, or by a batch. */
  let busy = 0
  let outcomes: Outcome[] = []
  /** Exchanges that were not worked off (after a failure: with the pause that follows), those that wait for their answer, and how much work these asked for, in jobs. */
  const underWay = new Set<Promise<void>>()
  let awaited = 0
  let asked = 0
  /** Offers that were not answered yet, and how many places they keep. */
  let offers = 0
  let offered = 0
  /** A claim of lanes is under way. */
  let turning = false
  /** Mean of recent runs; the first guess makes the buffer as long as `concurrency`. */
  let meanMs = BUFFER_MS
  /** How many jobs a row is that a claim brings: more than one, if pages of events wait. Comes down slowly. */
  let meanWeight = 1
  /** Somebody said so since the last claim began. */
  let maybeMore = true
  /** The last claim got all that it asked for: there is more, and the next one need not wait for the end of another. */
  let backlog = false
  let promised = 0
  let idleMs = POLL_MIN_MS
  let answerLost = false
  let stopping = false
  let gatheringSince: number | undefined
  let batchTimer: NodeJS.Timeout | undefined
  let loop: Promise<void> | undefined
  let stopListening: (() => Promise<void>) | undefined
  let stopTaking: (() => void) | undefined

  const lease = createLease({
    db,
    telemetry,
    clock,
    leaseMs,
    onLost: () => {
      const lost = line.clear().length + running.size
      watch.leasesLost(lost)
      telemetry.log.error('This worker lost its lease: its jobs run again elsewhere.', { jobs: lost, leaseMs })
      for (const run of running.values()) run.interrupt(JobLeaseLost({ name: run.job.name }))
    },
    onRenewed: () => {
      begin()
      nudge.fire()
    },
  })
  const keeper = createKeeper(parts, {
    leaseMs,
    running,
    watch,
    concurrency,
    names: all,
    ...(options.starvedMs !== undefined && { starvedMs: options.starvedMs }),
    onReady: (low) => more(low),
    onLanes: (waiting) => enterLanes(waiting),
  })

  const more = (low = Infinity): void => {
    maybeMore = true
    idleMs = POLL_MIN_MS
    hint.lookBelow(low)
    nudge.fire()
  }

  const hear = (news: News): void => {
    if (news.ready && (news.ready.names.length === 0 || news.ready.names.some((name) => works.has(name)))) {
      promised += news.ready.count
      more(news.ready.low)
    }
    if (news.held) keeper.admit(news.held)
    if (news.dueIn !== undefined) keeper.dueIn(news.dueIn)
    if (news.lanes) enterLanes(news.lanes)
    if (news.cancel) keeper.seeCancelled()
  }

  const enterLanes = (waiting: readonly string[]): void => {
    lanes.hear(waiting)
    if (lanes.waiting()) nudge.fire()
  }

  const room = (wanted: readonly string[]): number =>
    stopping || !wanted.every((name) => works.has(name)) ? 0 : Math.max(0, free() - line.length - promised)

  /** Nothing is offered while jobs wait: those go first. */
  const offer = (wantedNames: ReadonlySet<string>, most: number): Offer | undefined => {
    if (stopping || answerLost || maybeMore || backlog || line.length > 0 || !lease.trusted()) return undefined
    const places = Math.min(most, free() - lanes.reserved())
    if (places <= 0) return undefined
    const can = names()
    const takes = (name: string): boolean => can.includes(name) && !('batch' in works.get(name)!)
    if (![...wantedNames].some(takes)) return undefined
    const { id: worker } = lease
    offers++
    offered += places
    const settle = (): void => {
      offers--
      offered -= places
    }
    return {
      worker,
      names: can,
      takes,
      places,
      from: hint.recent,
      take(jobs) {
        settle()
        // Not as a part of whatever enqueued them.
        asWorker(() => takeOn(ours(jobs)))
        nudge.fire()
      },
      lose() {
        settle()
        answerLost = true
        asWorker(begin)
        nudge.fire()
      },
    }
  }

  /** What was leased under a lease that was lost meanwhile is freed with the others. */
  const ours = (jobs: Claimed[]): Claimed[] => jobs.filter(({ owner }) => owner === lease.id)

  /** What was leased to us as it was inserted; if nothing was, its place is for others. */
  const takeOn = (jobs: Claimed[]): void => {
    for (const job of jobs) watch.waited(job)
    if (jobs.length > 0) hint.saw(jobs[0])
    line.add(jobs)
    begin()
  }

  const free = (): number => concurrency - busy - offered

  const begin = (): void => {
    while (!stopping && line.length > 0 && free() > lanes.reserved() && lease.trusted()) {
      const jobs = line.next()
      if (!jobs) return beginLater()
      start(jobs)
    }
  }

  /** When the batch that is gathering has waited long enough. */
  const beginLater = (): void => {
    clearTimeout(batchTimer)
    batchTimer = setTimeout(begin, Math.ceil(line.dueIn()))
  }

  /** Jobs that are run together, in one place. */
  const start = (jobs: readonly Claimed[]): void => {
    const work = works.get(jobs[0]!.name)!
    if (!jobs.some(isPage))
      return follow('batch' in work ? startBatch(jobs, work, tools) : [startSingle(jobs[0]!, work, tools)])
    for (const page of jobs.filter(isPage)) follow([startPage(page, work, { db, tools, pages, ...pageEvents })])
    const others = jobs.filter((job) => !isPage(job))
    if (others.length > 0) follow(startBatch(others, work as BatchWork, tools))
  }

  const follow = (runs: readonly Run[]): void => {
    busy++
    let left = runs.length
    for (const run of runs) {
      running.set(run.job.id, run)
      lanes.began(run.job)
      void run.outcome.then((outcome) => finish(outcome, runs.length, --left === 0))
    }
  }

  const pageEvents = {
    onReady: (name: string, count: number, low: number) => wake.tell({ ready: { names: [name], count, low } }),
    onOwn: (run: Run) => void running.set(run.job.id, run),
    onAlone: (run: Run) => follow([run]),
    onEnded(outcome: Outcome, own: boolean) {
      watch.ran(outcome)
      learn(outcome.ms)
      if (!own) return
      if (running.get(outcome.job.id)?.job === outcome.job) running.delete(outcome.job.id)
      outcomes.push(outcome)
      nudge.fire()
    },
  }

  const finish = (outcome: Outcome, together: number, last: boolean): void => {
    const { job } = outcome
    // A job of a lost lease may have come back to this very process.
    if (running.get(job.id)?.job === job) running.delete(job.id)
    if (last) busy--
    lanes.ended(job)
    if (!isPage(job)) {
      learn(outcome.ms / together)
      watch.ran(outcome)
    }
    outcomes.push(outcome)
    if (outcome.kind === 'returned' && outcome.delayMs !== undefined)
      keptOff.set(job.name, clock.elapsed() + KEEP_OFF_MS)
    begin()
    if (
      outcomes.length === 1 ||
      outcomes.length >= MAX_BATCH ||
      line.length === 0 ||
      stopping ||
      claimable() ||
      lanes.waiting()
    )
      nudge.fire()
  }

  const learn = (ms: number): void => {
    meanMs += (ms - meanMs) * 0.05
  }

  const names = (): string[] => {
    if (keptOff.size === 0) return all
    const now = clock.elapsed()
    for (const [name, until] of keptOff) if (until <= now) keptOff.delete(name)
    return all.filter((name) => !keptOff.has(name))
  }

  /** How much may lie here beside what runs, in jobs. */
  const ahead = (): number =>
    Math.max(Math.min(MAX_BUFFER, Math.floor((concurrency * BUFFER_MS) / Math.max(meanMs, 0.01))), largest)

  /** How many to claim now; 0 while enough are here or on their way. */
  const wanted = (): number => {
    if (stopping || !lease.trusted()) return 0
    const most = ahead()
    const here = line.weight + asked
    if (largest === 0 && here > most / 2) return 0
    return Math.min(Math.max(MAX_BATCH, largest), Math.max(0, Math.floor(free() + (most - here) / meanWeight)))
  }

  const claimable = (): boolean => (maybeMore || backlog) && wanted() > 0

  /** After a lost answer until all others are there: what they bring is ours. */
  const mustWait = (): boolean => awaited >= MAX_EXCHANGES || (answerLost && (underWay.size > 0 || offers > 0))

  /** Starts an exchange when there is a reason for one; else waits for one. */
  const turn = async (): Promise<void> => {
    if (mustWait()) return void (await nudge.wait(POLL_MAX_MS))
    const claim = claimable()
    const takesTurns = !turning && free() > 0 && lanes.waiting()
    if (!claim && !takesTurns && outcomes.length === 0) return idle(wanted())
    if (!claim && !takesTurns && outcomes.length < MAX_BATCH && (line.length > 0 || awaited > 0) && !stopping) {
      // More will come along: running jobs end, or a claim is asked for.
      if (gatheringSince === undefined) gatheringSince = clock.elapsed()
      const left = gatheringSince + GATHER_MS - clock.elapsed()
      if (left > 0) return void (await nudge.wait(left))
    }
    gatheringSince = undefined
    // What ends in this turn of the event loop is reported together.
    await new Promise((resolve) => setImmediate(resolve))
    if (!mustWait()) dispatch()
  }

  const dispatch = (): void => {
    const exchange: Promise<void> = swap(wanted()).finally(() => {
      underWay.delete(exchange)
      nudge.fire()
    })
    underWay.add(exchange)
  }

  const idle = async (count: number): Promise<void> => {
    const patience = Math.min(count > 0 ? idleMs : POLL_MAX_MS, lanes.dueIn())
    if (!(await nudge.wait(patience)) && count > 0 && patience === idleMs) {
      idleMs = Math.min(POLL_MAX_MS, idleMs * 2)
      maybeMore = true
    }
  }

  const swap = async (count: number): Promise<void> => {
    const reporting = outcomes
    outcomes = []
    if (count > 0) {
      maybeMore = false
      promised = 0
    }
    const from = count > 0 ? hint.next() : undefined
    const began = clock.elapsed()
    const most = ahead()
    try {
      const answer = await tell(reporting, count, from ?? NOWHERE)
      if (count > 0) backlog = answer.jobs.length >= count
      if (from) hint.saw(answer.jobs[0], from, clock.elapsed() - began)
      if (answer.refused > 0) watch.leasesLost(answer.refused)
      if (answer.retryIn !== undefined) keeper.dueIn(answer.retryIn)
      if (answer.jobs.length > 0) {
        idleMs = POLL_MIN_MS
        const jobs = ours(answer.jobs)
        for (const job of jobs) watch.waited(job)
        line.add(jobs)
        const weight = weightOf(answer.jobs) / answer.jobs.length
        meanWeight = Math.max(weight, (meanWeight + weight) / 2)
        // First the next claim: the database works on it while these run.
        if (backlog && awaited < MAX_EXCHANGES && !answerLost && wanted() > 0) dispatch()
        begin()
        await giveBackBeyond(most)
      }
      await takeTurns()
      if (reporting.some(({ job }) => job.key !== null)) maybeMore = true
      if (reporting.some(hasSuccessors)) wake.tell(ANYTHING)
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

  const tell = async (reporting: readonly Outcome[], count: number, from: Place): Promise<Answer> => {
    // Whole, so that nothing is left over when it is taken off again.
    const weight = Math.ceil(count * meanWeight)
    awaited++
    asked += weight
    try {
      if (answerLost) await reconcile(reporting)
      return await exchange(db, telemetry.instanceId, reporting, {
        worker: lease.id,
        names: names(),
        count,
        hint: from,
      })
    } finally {
      awaited--
      asked -= weight
    }
  }

  /** Others may have places for it. Pages of events weigh more than was thought, and places were taken meanwhile. A little more
   *  than what was asked for stays. */
  const giveBackBeyond = async (most: number): Promise<void> => {
    if (stopping || line.weight <= 2 * most + Math.max(0, free())) return
    const jobs = line.cut(most)
    try {
      await giveBack(db, jobs.map(asReturned))
      wake.tell({ ready: { names: [...new Set(jobs.map(({ name }) => name))], count: jobs.length, low: lowOf(jobs) } })
    } catch {
      // Some may have been given back. The others are among those that this worker does not know.
      answerLost = true
    }
  }

  /** What has lanes is begun as it is claimed. */
  const takeTurns = async (): Promise<void> => {
    const places = free()
    if (turning || stopping || places <= 0 || !lease.trusted() || !lanes.waiting()) return
    turning = true
    const jobs = ours(await lanes.claim(lease.id, places).finally(() => (turning = false)))
    for (const job of jobs) watch.waited(job)
    const byName = Map.groupBy(jobs, (job) => ('batch' in works.get(job.name)! ? job.name : job.id))
    for (const together of byName.values()) {
      if (stopping) outcomes.push(...together.map(asReturned))
      else start(together)
    }
    begin()
  }

  const reconcile = async (reporting: readonly Outcome[]): Promise<void> => {
    const here = [...running.values()]
    const known = [...line.jobs, ...here.map((run) => run.job), ...reporting.map(({ job }) => job)].map((job) => job.id)
    await db.query(RECONCILE, [lease.id, [...known, ...here.flatMap((run) => run.holds?.() ?? [])]])
    answerLost = false
    hint.lookBelow(0)
  }

  const run = async (): Promise<void> => {
    while (!stopping || running.size > 0 || offers > 0) await turn()
    await Promise.all(underWay)
  }

  /** Waits for what runs, then aborts it; true if all of it ended. */
  const settle = async (): Promise<void> => {
    // A page may end before one of its events does.
    const end = async (): Promise<void> => {
      while (running.size > 0) {
        await Promise.all([...running.values()].map((one) => one.outcome))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const ended = end()
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
      stopTaking = takers.join({ offer })
      keeper.start()
      loop = run()
    },
    async stop() {
      stopping = true
      stopTaking?.()
      await stopListening?.()
      nudge.fire()
      clearTimeout(batchTimer)
      const unbegun = line.clear()
      await giveBack(db, unbegun.map(asReturned)).catch(() => outcomes.push(...unbegun.map(asReturned)))
      await settle()
      nudge.fire()
      await loop
      // What was claimed while we stopped.
      outcomes.push(...line.clear().map(asReturned))
      for (let tries = 0; tries < 5 && (outcomes.length > 0 || answerLost); tries++) await swap(0)
      const clean = outcomes.length === 0 && !answerLost
      if (unbegun.length > 0) wake.tell({ ready: { names: all, count: unbegun.length, low: unbegun[0]!.seq } })
      await keeper.stop()
      await lease.stop(clean).catch(() => {})
    },
  }
}

/** For an exchange that only reports. */
const NOWHERE = { rank: 0, seq: 0 }

/** Jobs that came after others may be anything, and anywhere. */
const ANYTHING: News = { ready: { names: [], count: 1, low: 0 }, held: [] }

function hasSuccessors({ job }: Outcome): boolean {
  return job.more !== null && (job.more.links ?? 0) % 2 === 1
}

function worksOf({ handlers }: WorkOptions): Map<string, JobWork> {
  return new Map([...handlers].map(([name, work]) => [name, typeof work === 'function' ? { run: work } : work]))
}

async function predecessorsOf(db: SystemDatabase, sealer: Sealer, { id }: Claimed): Promise<Predecessor[]> {
  const { rows } = await db.query<{ id: string; state: Predecessor['state']; name: string; result: string | null }>(
    PREDECESSORS,
    [id],
  )
  return rows.map(({ result, name, ...row }) => ({
    ...row,
    result: result === null ? undefined : sealer.open(name, JSON.parse(result)),
  }))
}

function lowOf(jobs: readonly Claimed[]): number {
  return jobs.reduce((low, { seq }) => Math.min(low, seq), Infinity)
}

function asReturned(job: Claimed): Outcome & { kind: 'returned' } {
  return { kind: 'returned', job, ms: 0 }
}

function withoutResult(outcome: Outcome): Outcome {
  return outcome.kind === 'done' ? { ...outcome, result: null } : outcome
}
