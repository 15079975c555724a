/** Writes what became of jobs: one statement per kind, however many jobs. */
import type { SystemDatabase } from '../../database/index.ts'
import { storable } from './encode.ts'
import { backoffOf, isLast, type Claimed, type Outcome } from './run.ts'
import { ADMIT, BURY, EXCHANGE, FAIL, RETURN } from './statements.ts'

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
  const done: string[] = []
  const failed: string[] = []
  const buried: string[] = []
  const returned: Claimed[] = []
  let retryIn = Infinity
  for (const outcome of outcomes) {
    const { job, ms } = outcome
    if (outcome.kind === 'done') done.push(`{${fence(job)},"ms":${ms.toFixed(3)},"result":${outcome.result}}`)
    else if (outcome.kind === 'returned') returned.push(job)
    else if (isLast(job)) buried.push(`{${fence(job)},"ms":${ms.toFixed(3)},"error":${errorOf(job, outcome.message)}}`)
    else {
      const delay = backoffOf(job)
      retryIn = Math.min(retryIn, delay)
      failed.push(`{${fence(job)},"delay":${delay},"error":${errorOf(job, outcome.message)}}`)
    }
  }
  const [refusedFailures, refusedBuried] = await Promise.all([
    failed.length > 0 ? affected(db, FAIL, [list(failed)], failed.length) : 0,
    buried.length > 0 ? affected(db, BURY, [list(buried), instanceId], buried.length) : 0,
    returned.length > 0 ? giveBack(db, returned) : 0,
  ])
  const { rows } = await db.query<{ done: number; jobs: string | null }>(EXCHANGE, [
    done.length > 0 ? list(done) : null,
    ask.worker,
    instanceId,
    ask.names,
    ask.hint.rank,
    ask.hint.seq,
    ask.count,
  ])
  const { done: finished, jobs } = rows[0]!
  await admitNext(db, outcomes)
  return {
    jobs: claimedOf(jobs, ask.worker),
    refused: done.length - finished + refusedFailures + refusedBuried,
    ...(retryIn < Infinity && { retryIn }),
  }
}

export async function giveBack(db: SystemDatabase, jobs: readonly Claimed[]): Promise<void> {
  if (jobs.length > 0) await db.query(RETURN, [list(jobs.map((job) => `{${fence(job)}}`))])
}

/** Their keys have a place free. */
async function admitNext(db: SystemDatabase, outcomes: readonly Outcome[]): Promise<void> {
  const keyed = outcomes.filter(({ job, kind }) => job.key !== null && kind !== 'returned')
  if (keyed.length > 0) await db.query(ADMIT, [keyed.map(({ job }) => job.name), keyed.map(({ job }) => job.key)])
}

function claimedOf(json: string | null, owner: number): Claimed[] {
  if (!json) return []
  const jobs = JSON.parse(json) as Claimed[]
  for (const job of jobs) job.owner = owner
  return jobs.sort((a, b) => a.rank - b.rank || a.seq - b.seq)
}

async function affected(db: SystemDatabase, text: string, values: unknown[], expected: number): Promise<number> {
  return expected - (await db.query(text, values)).rowCount
}

export function fence({ id, attempt, owner }: Claimed): string {
  return `"id":${id},"attempt":${attempt},"owner":${owner}`
}

function errorOf(job: Claimed, message: string): string {
  return storable(JSON.stringify({ attempt: job.attempt - job.lost, at: Date.now(), message }))
}

export function list(rows: readonly string[]): string {
  return `[${rows.join(',')}]`
}
