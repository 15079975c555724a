/** Jobs without extras, which most are, go in as columns: what they have in common is said once, and the rest is a list each. */
import type { SystemDatabase } from '../../database/index.ts'
import { check, encodePayload, hasLane, retryFields, type Encoding } from './encode.ts'
import type { NewJob } from '../queue.ts'

export interface PlainRow {
  /** Name and numbers of its kind, as `kindOf` writes them. */
  kind: string
  trace: string | undefined
  payload: string
}

const TRACE = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/

/** Whether `tenfold.enqueue_plain` takes it. */
export function isPlain(job: NewJob, { encrypt }: Encoding): boolean {
  return (
    job.uniqueKey === undefined &&
    job.unique === undefined &&
    job.concurrency === undefined &&
    job.after === undefined &&
    job.runAt === undefined &&
    !job.delay &&
    job.keepMs === undefined &&
    (job.version === undefined || job.version === 1) &&
    !(job.encrypt ?? encrypt) &&
    (job.traceparent === undefined || TRACE.test(job.traceparent)) &&
    !hasLane(job)
  )
}

export function encodePlain(job: NewJob, encoding: Encoding, traceparent: string | undefined): PlainRow {
  check(job)
  return {
    kind: kindOf(job),
    trace: job.traceparent ?? traceparent,
    payload: encodePayload(job.name, job.payload, encoding.maxPayloadBytes),
  }
}

export function sizeOf({ payload }: PlainRow): number {
  return payload.length
}

/** Writes rows; gives their ids, in order. */
export function writePlain(sql: Pick<SystemDatabase, 'query'>): (rows: readonly PlainRow[]) => Promise<string[]> {
  return async (rows) => {
    const kinds = new Map<string, number>()
    const ofKind: number[] = []
    for (const { kind } of rows) {
      let place = kinds.get(kind)
      if (place === undefined) kinds.set(kind, (place = kinds.size + 1))
      ofKind.push(place)
    }
    const said = [...kinds.keys()].map((kind) => kind.split(' '))
    const { rows: answer } = await sql.query<{ ids: string }>(TEXT, [
      // Names have no character that would have to be escaped here.
      `{${said.map(([name]) => `"${name}"`).join(',')}}`,
      `{${said.map(([, ...numbers]) => numbers.join(',')).join(',')}}`,
      `{${ofKind.join(',')}}`,
      `{${rows.map(({ trace }) => trace ?? 'null').join(',')}}`,
      `[${rows.map(({ payload }) => payload).join(',')}]`,
    ])
    return answer[0]!.ids.slice(1, -1).split(',')
  }
}

const TEXT = `select tenfold.enqueue_plain(
  $1::text::text[], $2::text::integer[], $3::text::integer[], $4::text::text[], $5::text::jsonb)::text as ids`

function kindOf(job: NewJob): string {
  const { attempts, timeout, backoff, backoffMax } = retryFields(job)
  return `${job.name} ${-(job.priority ?? 0)} ${attempts} ${timeout} ${backoff} ${backoffMax}`
}
