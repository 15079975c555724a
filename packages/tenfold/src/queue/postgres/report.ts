/** Writes what became of jobs: one statement per kind, however many jobs. */
import type { SystemDatabase } from '../../database/index.ts'
import { claimedOf, DoneColumns, inOrder, type ClaimedColumns } from './columns.ts'
import { storable } from './encode.ts'
import { backoffOf, isLast, type Claimed, type Outcome } from './run.ts'
import { ADMIT, BURY, CANCELLED, CLAIM_LANES, EXCHANGE, FAIL, FINISH_KEPT, RETURN, SUSPEND } from './statements.ts'

type Group = 'kept' | 'failed' | 'buried' | 'cancelled' | 'suspended'

export interface Ask {
  worker: number
  names: readonly string[]
  /** How many to claim; 0 only reports. */
  count: number
  hint: { rank: number; seq: number }
}

export interface Answer {
  jobs: Claimed[]
  /** Outcomes that the fence refused: another worker has these jobs. */
  refused: number
  /** The nearest retry, in ms from now. */
  retryIn?: number
}

/** Reports outcomes and claims the next jobs. May be repeated after an error: the fence lets nothing happen twice. */
export async function exchange(
  db: SystemDatabase,
  instanceId: string,
  outcomes: readonly Outcome[],
  ask: Ask,
): Promise<Answer> {
  const done = new DoneColumns()
  /** Claimed under a lease that was lost: they are others' by now. */
  let lost = 0
  const others: Record<Group, string[]> = {
    kept: [],
    failed: [],
    buried: [],
    cancelled: [],
    suspended: [],
  }
  const returned: { job: Claimed; delayMs?: number }[] = []
  let retryIn = Infinity
  for (const outcome of outcomes) {
    const { job } = outcome
    if (outcome.kind === 'done') {
      const keep = job.more?.extra?.keep
      if (keep !== undefined) others.kept.push(`${factsOf(outcome)},"keep":${keep},"result":${outcome.result}}`)
      else if (job.owner === ask.worker) done.add(outcome, outcome.result)
      else lost++
    } else if (outcome.kind === 'returned') {
      returned.push(outcome)
    } else if (outcome.kind === 'suspended') {
      retryIn = Math.min(retryIn, outcome.leftMs)
      others.suspended.push(`{${fence(job)},"left":${outcome.leftMs},"waits":${outcome.waits}}`)
    } else if (outcome.kind === 'cancelled') {
      others.cancelled.push(`${factsOf(outcome)},"error":${errorOf(job, outcome.message)}}`)
    } else if (outcome.dead || isLast(job)) {
      others.buried.push(`${factsOf(outcome)},"error":${errorOf(job, outcome.message)}}`)
    } else {
      const delay = outcome.delayMs ?? backoffOf(job)
      retryIn = Math.min(retryIn, delay)
      others.failed.push(`{${fence(job)},"delay":${delay},"error":${errorOf(job, outcome.message)}}`)
    }
  }
  const refusedOthers = await Promise.all([
    others.failed.length > 0 ? affected(db, FAIL, [list(others.failed)], others.failed.length) : 0,
    others.suspended.length > 0 ? affected(db, SUSPEND, [list(others.suspended)], others.suspended.length) : 0,
    others.buried.length > 0 ? removed(db, BURY, others.buried, instanceId) : 0,
    others.kept.length > 0 ? removed(db, FINISH_KEPT, others.kept, instanceId) : 0,
    others.cancelled.length > 0 ? removed(db, CANCELLED, others.cancelled, instanceId) : 0,
    returned.length > 0 ? giveBack(db, returned) : 0,
  ])
  const { rows } = await db.query<ClaimedColumns & { done: number }>(EXCHANGE, [
    ...done.parameters(),
    ask.worker,
    instanceId,
    ask.names,
    ask.hint.rank,
    ask.hint.seq,
    ask.count,
  ])
  const answer = rows[0]!
  await admitNext(db, outcomes)
  return {
    jobs: claimedOf(answer, ask.worker),
    refused: lost + done.count - answer.done + refusedOthers.reduce((sum, n) => sum + n, 0),
    ...(retryIn < Infinity && { retryIn }),
  }
}

/** With a delay, if nobody here can run it. */
export async function giveBack(
  db: SystemDatabase,
  jobs: readonly { job: Claimed; delayMs?: number }[],
): Promise<number> {
  const rows = jobs.map(({ job, delayMs = null }) => `{${fence(job)},"delay":${delayMs}}`)
  if (rows.length > 0) await db.query(RETURN, [list(rows)])
  return 0
}

/** Claims jobs that have lanes; the next one of a rate is free in `retryIn` ms. */
export async function claimLanes(
  db: SystemDatabase,
  worker: number,
  names: readonly string[],
  count: number,
): Promise<{ jobs: Claimed[]; retryIn: number | null }> {
  const { rows } = await db.query<{ jobs: string | null; retryIn: number | null }>(CLAIM_LANES, [worker, names, count])
  return { jobs: lanedOf(rows[0]!.jobs, worker), retryIn: rows[0]!.retryIn }
}

/** Their keys have a place free. */
async function admitNext(db: SystemDatabase, outcomes: readonly Outcome[]): Promise<void> {
  const keyed = outcomes.filter(({ job, kind }) => job.key !== null && kind !== 'returned')
  if (keyed.length > 0) await db.query(ADMIT, [keyed.map(({ job }) => job.name), keyed.map(({ job }) => job.key)])
}

/** Jobs with a lane come as one JSON object each. */
function lanedOf(json: string | null, owner: number): Claimed[] {
  if (!json) return []
  const jobs = JSON.parse(json) as Claimed[]
  for (const job of jobs) job.owner = owner
  return inOrder(jobs)
}

async function affected(db: SystemDatabase, text: string, values: unknown[], expected: number): Promise<number> {
  return expected - (await db.query(text, values)).rowCount
}

/** Like `affected`, of statements that count for themselves. */
async function removed(db: SystemDatabase, text: string, rows: readonly string[], instanceId: string): Promise<number> {
  const found = await db.query<{ n: number }>(text, [list(rows), instanceId])
  return rows.length - found.rows[0]!.n
}

export function fence({ id, attempt, owner }: Claimed): string {
  return `"id":${id},"attempt":${attempt},"owner":${owner}`
}

function factsOf({ job, ms }: Outcome): string {
  return `{${fence(job)},"ms":${ms.toFixed(3)}`
}

function errorOf(job: Claimed, message: string): string {
  return storable(JSON.stringify({ attempt: job.attempt - job.lost, at: Date.now(), message }))
}

export function list(rows: readonly string[]): string {
  return `[${rows.join(',')}]`
}
