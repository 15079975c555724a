/** What `queue_exchange` takes and gives: columns, which cost both sides a fraction of what a JSON object for each job does. */
import type { Claimed, More, Outcome } from './run.ts'

/** Of jobs that are done, for `queue_exchange`: ids, attempts and durations as array literals, results as JSON or none at all. */
export class DoneColumns {
  count = 0
  #ids = ''
  #attempts = ''
  #ms = ''
  #results = ''
  #hasResults = false

  add({ job, ms }: Outcome, result: string | null): void {
    const comma = this.count++ === 0 ? '' : ','
    this.#ids += comma + job.id
    this.#attempts += comma + job.attempt
    this.#ms += comma + Math.round(ms * 1000) / 1000
    this.#results += comma + (result ?? 'null')
    if (result !== null) this.#hasResults = true
  }

  /** Nulls, if there are none. */
  parameters(): [ids: string | null, attempts: string | null, ms: string | null, results: string | null] {
    if (this.count === 0) return [null, null, null, null]
    const results = this.#hasResults ? `[${this.#results}]` : null
    return [`{${this.#ids}}`, `{${this.#attempts}}`, `{${this.#ms}}`, results]
  }
}

/** The columns of the jobs that were claimed, each as the text of a list; null where none of them has such a thing. */
export interface ClaimedColumns {
  numbers: string | null
  names: string | null
  keys: string | null
  traces: string | null
  more: string | null
  payloads: string | null
}

const NUMBERS = 10

/** In the order of the line. */
export function claimedOf(columns: ClaimedColumns, owner: number): Claimed[] {
  if (columns.numbers === null) return []
  const numbers = JSON.parse(`[${columns.numbers}]`) as number[]
  const names = JSON.parse(columns.names!) as string[]
  const payloads = JSON.parse(columns.payloads!) as unknown[]
  const keys = listOf<string>(columns.keys)
  const traces = listOf<string>(columns.traces)
  const more = listOf<More>(columns.more)
  const jobs: Claimed[] = []
  for (let i = 0, at = 0; i < names.length; i++, at += NUMBERS) {
    jobs.push({
      id: String(numbers[at]),
      name: names[i]!,
      rank: numbers[at + 1]!,
      seq: numbers[at + 2]!,
      attempt: numbers[at + 3]!,
      lost: numbers[at + 4]!,
      maxAttempts: numbers[at + 5]!,
      timeoutMs: numbers[at + 6]!,
      backoffMs: numbers[at + 7]!,
      backoffMaxMs: numbers[at + 8]!,
      key: keys?.[i] ?? null,
      traceparent: traces?.[i] ?? null,
      payload: payloads[i],
      waitedMs: numbers[at + 9]!,
      more: more?.[i] ?? null,
      owner,
    })
  }
  return inOrder(jobs)
}

/** The database answers in whatever order it found the rows. */
export function inOrder(jobs: Claimed[]): Claimed[] {
  for (let i = 1; i < jobs.length; i++) if (byPlace(jobs[i - 1]!, jobs[i]!) > 0) return jobs.sort(byPlace)
  return jobs
}

export function byPlace(a: Claimed, b: Claimed): number {
  return a.rank - b.rank || a.seq - b.seq
}

function listOf<T>(json: string | null): (T | null)[] | undefined {
  return json === null ? undefined : (JSON.parse(json) as (T | null)[])
}
