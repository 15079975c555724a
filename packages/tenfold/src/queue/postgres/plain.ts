/** Jobs without extras, which most are, go in as columns: what they have in common is said once, and the rest is a list each. */
import type { SystemDatabase } from '../../database/index.ts'
import { check, encodePayload, hasLane, retryFields, type Encoding } from './encode.ts'
import type { NewJob } from '../queue.ts'
import { isBadData } from './enqueue.ts'
import type { Claimed } from './run.ts'
import { ENQUEUE_ONE } from './statements.ts'
import type { Offer, Takers } from './takers.ts'

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

/** A job that was written. `begun`: leased to a worker of this process, so nobody has to be told of it. */
export interface Written {
  id: string
  begun: boolean
}

/** Writes rows in somebody's transaction; gives their ids, in order. */
export function writePlain(sql: Pick<SystemDatabase, 'query'>): (rows: readonly PlainRow[]) => Promise<Written[]> {
  return (rows) => write(sql, PLAIN, kindsOf(rows).parameters)
}

/** Writes rows in a transaction of their own; gives what became of each, in order. Workers with free places begin them at once. */
export function writeAndBegin(db: SystemDatabase, takers: Takers): (rows: readonly PlainRow[]) => Promise<Written[]> {
  return async (rows) => {
    const kinds = kindsOf(rows)
    const offer = takers.offer(kinds.names, rows.length)
    if (!offer) return rows.length === 1 ? writeOne(db, rows[0]!) : write(db, PLAIN, kinds.parameters)
    let settle = (): void => offer.lose()
    try {
      const chosen = choose(kinds, offer)
      const written = await write(db, BEGUN, [
        ...kinds.parameters,
        `{${chosen.map((place) => place + 1).join(',')}}`,
        kinds.rankOf(chosen.at(-1)!),
        offer.worker,
        offer.names,
        offer.from.rank,
        offer.from.seq,
      ])
      const begun = chosen.filter((place) => written[place]!.begun)
      const jobs = begun.map((place) => begunOf(rows[place]!, written[place]!.id, offer))
      settle = () => offer.take(jobs)
      return written
    } catch (error) {
      if (isBadData(error)) settle = () => offer.take([])
      throw error
    } finally {
      settle()
    }
  }
}

interface Kinds {
  names: ReadonlySet<string>
  count: number
  nameOf(place: number): string
  rankOf(place: number): number
  parameters: string[]
}

function kindsOf(rows: readonly PlainRow[]): Kinds {
  const places = new Map<string, number>()
  const ofKind: number[] = []
  for (const { kind } of rows) {
    let place = places.get(kind)
    if (place === undefined) places.set(kind, (place = places.size + 1))
    ofKind.push(place)
  }
  const said = [...places.keys()].map((kind) => kind.split(' '))
  const names = said.map(([name]) => name!)
  return {
    names: new Set(names),
    count: rows.length,
    nameOf: (place) => names[ofKind[place]! - 1]!,
    rankOf: (place) => Number(said[ofKind[place]! - 1]![1]),
    parameters: [
      // Names have no character that would have to be escaped here.
      `{${names.map((name) => `"${name}"`).join(',')}}`,
      `{${said.map(([, ...numbers]) => numbers.join(',')).join(',')}}`,
      `{${ofKind.join(',')}}`,
      `{${rows.map(({ trace }) => trace ?? 'null').join(',')}}`,
      `[${rows.map(({ payload }) => payload).join(',')}]`,
    ],
  }
}

/** The most urgent ones, as many as there are places, in the order of the line. */
function choose({ count, nameOf, rankOf }: Kinds, { takes, places }: Offer): number[] {
  const able: number[] = []
  for (let place = 0; place < count; place++) if (takes(nameOf(place))) able.push(place)
  return able.sort((a, b) => rankOf(a) - rankOf(b) || a - b).slice(0, places)
}

/** As a claim would have returned it. */
function begunOf({ kind, trace, payload }: PlainRow, id: string, { worker }: Offer): Claimed {
  const [name, ...numbers] = kind.split(' ')
  const [rank, maxAttempts, timeoutMs, backoffMs, backoffMaxMs] = numbers.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    id,
    name: name!,
    rank,
    seq: Number(id),
    attempt: 1,
    lost: 0,
    maxAttempts,
    timeoutMs,
    backoffMs,
    backoffMaxMs,
    key: null,
    traceparent: trace ?? null,
    payload: JSON.parse(payload),
    waitedMs: 0,
    more: null,
    owner: worker,
  }
}

const COLUMNS = `$1::text::text[], $2::text::integer[], $3::text::integer[], $4::text::text[], $5::text::jsonb`
const PLAIN = `select tenfold.enqueue_plain(${COLUMNS})::text as ids`
const BEGUN = `select ids::text, begun::text from tenfold.enqueue_begun(${COLUMNS},
  $6::text::integer[], $7::int, $8::bigint, $9::text[], $10::int, $11::bigint)`

async function write(sql: Pick<SystemDatabase, 'query'>, text: string, values: readonly unknown[]): Promise<Written[]> {
  const { rows } = await sql.query<{ ids: string; begun?: string }>(text, values)
  const { ids, begun = '{}' } = rows[0]!
  const here = new Set(itemsOf(begun))
  return itemsOf(ids).map((id) => ({ id, begun: here.has(id) }))
}

async function writeOne(db: SystemDatabase, { kind, trace, payload }: PlainRow): Promise<Written[]> {
  const { rows } = await db.query<{ id: string }>(ENQUEUE_ONE, [...kind.split(' '), trace ?? null, payload])
  return [{ id: rows[0]!.id, begun: false }]
}

function itemsOf(array: string): string[] {
  return array === '{}' ? [] : array.slice(1, -1).split(',')
}

function kindOf(job: NewJob): string {
  const { attempts, timeout, backoff, backoffMax } = retryFields(job)
  return `${job.name} ${-(job.priority ?? 0)} ${attempts} ${timeout} ${backoff} ${backoffMax}`
}
