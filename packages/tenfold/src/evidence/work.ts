import { jobNameOf } from '../cron/index.ts'
import { type Buckets, LogLinear, type Sink, type SpanRecord, type TraceRecord } from '../telemetry/index.ts'

/** One route or job in one slot, as it is stored: the histogram makes percentiles of several processes one. */
export interface WorkSample {
  name: string
  module: string
  count: number
  errors: number
  ms: number
  durations: Buckets
  self: number
  pool: number
  database: number
  outgoing: number
  calls: number
  rows: number
  hosts: Record<string, [count: number, ms: number]>
  queries: Record<string, [calls: number, ms: number, rows: number, repeated: number, mostInOne: number]>
}

export interface WorkOfSlot {
  requests: WorkSample[]
  jobs: WorkSample[]
  crons: { name: string; at: number; ms: number }[]
  /** [second since 1970, requests, ms, slower than promised]. */
  seconds: [number, number, number, number][]
  topClientShare: number
  clients?: [seen: number, topTimeShare: number]
}

interface Adding extends Omit<WorkSample, 'durations'> {
  durations: LogLinear
}

const MAX_NAMES = 150
const MAX_QUERIES = 12
const MAX_HOSTS = 8
const MAX_CLIENTS = 500
const MAX_CRON_RUNS = 100
const REPEATED = 10
/** A tick of a cron is a job whose name begins like this. */
const CRON = jobNameOf('')

/** Adds up where the time of requests and jobs went, from the spans that they recorded. */
export class WorkWatch implements Sink {
  readonly #promisedMs: number
  #requests = new Map<string, Adding>()
  #jobs = new Map<string, Adding>()
  #crons: WorkOfSlot['crons'] = []
  #seconds = new Map<number, [number, number, number]>()
  /** Who asked how often. Stays in this process: what leaves it is the share of the most frequent. */
  #clients = new Map<string, { count: number; ms: number }>()

  constructor(promisedMs: number) {
    this.#promisedMs = promisedMs
  }

  onTrace(trace: TraceRecord): void {
    if (trace.kind === 'task') return
    const ms = trace.durationUs / 1000
    if (trace.kind === 'request') this.#request(trace, Math.min(ms, untilFirstPiece(trace)))
    else {
      addTrace(this.#of(this.#jobs, trace), trace, ms)
      if (trace.name.startsWith(CRON) && this.#crons.length < MAX_CRON_RUNS)
        this.#crons.push({ name: trace.name.slice(CRON.length), at: Math.round(trace.startUs / 1000), ms })
    }
  }

  take(): WorkOfSlot {
    const listed = (all: Map<string, Adding>): WorkSample[] =>
      [...all.values()].map((one) => ({ ...one, durations: one.durations.buckets() }))
    const requests = listed(this.#requests)
    const slot: WorkOfSlot = {
      requests,
      jobs: listed(this.#jobs),
      crons: this.#crons,
      seconds: [...this.#seconds].map(([second, [n, ms, slow]]) => [second, n, Math.round(ms), slow]),
      ...this.#busiest(requests),
    }
    this.#requests = new Map()
    this.#jobs = new Map()
    this.#crons = []
    this.#seconds = new Map()
    this.#clients = new Map()
    return slot
  }

  #busiest(requests: readonly WorkSample[]): Pick<WorkOfSlot, 'topClientShare' | 'clients'> {
    const clients = [...this.#clients.values()]
    const of = (all: readonly { count: number; ms: number }[], key: 'count' | 'ms'): number =>
      all.reduce((sum, one) => sum + one[key], 0)
    const [top] = clients.toSorted((a, b) => b.count - a.count)
    if (!top) return { topClientShare: 0 }
    return {
      topClientShare: top.count / Math.max(1, of(requests, 'count')),
      clients: [clients.length, top.ms / Math.max(1, of(requests, 'ms'))],
    }
  }

  #request(trace: TraceRecord, ms: number): void {
    const { attributes } = trace.spans[0]!
    const work = this.#of(this.#requests, trace)
    addTrace(work, trace, ms)
    if (Number(attributes['http.response.status_code']) >= 500 && trace.error === undefined) work.errors++
    const second = Math.floor((trace.startUs + trace.durationUs) / 1e6)
    let sums = this.#seconds.get(second)
    if (!sums) this.#seconds.set(second, (sums = [0, 0, 0]))
    sums[0]++
    sums[1] += ms
    if (ms > this.#promisedMs) sums[2]++
    const client = trace.userId ?? String(attributes['client.address'] ?? '')
    const known = this.#clients.get(client)
    if (known) {
      known.count++
      known.ms += ms
    } else if (this.#clients.size < MAX_CLIENTS) this.#clients.set(client, { count: 1, ms })
  }

  #of(all: Map<string, Adding>, { name: given, module = '' }: TraceRecord): Adding {
    const name = all.has(given) || all.size < MAX_NAMES ? given : '(others)'
    let one = all.get(name)
    if (!one) {
      one = { name, module, count: 0, errors: 0, ms: 0, durations: new LogLinear(), ...NOTHING, hosts: {}, queries: {} }
      all.set(name, one)
    }
    return one
  }
}

/** What is answered in pieces may go on for hours (live pages, downloads): its user waits until it begins. */
function untilFirstPiece({ spans }: TraceRecord): number {
  return Number(spans[0]!.attributes['tenfold.http.first_piece_ms'] ?? Infinity)
}

const NOTHING = { self: 0, pool: 0, database: 0, outgoing: 0, calls: 0, rows: 0 }

/** Of what the trace holds, the first `ms`: what was still under way then counts until then, and what began later does not. */
function addTrace(work: Adding, trace: TraceRecord, ms: number): void {
  const { spans } = trace
  const endUs = ms * 1000 < trace.durationUs ? trace.startUs + ms * 1000 : Infinity
  work.count++
  work.ms += ms
  if (trace.error !== undefined) work.errors++
  work.durations.record(ms)
  let pool = 0
  let database = 0
  let outgoing = 0
  const waits: [start: number, end: number][] = []
  const queries = new Map<string, [calls: number, ms: number, rows: number]>()
  for (let i = 1; i < spans.length; i++) {
    const span = spans[i]!
    if (span.startUs >= endUs) continue
    const untilUs = Math.min(span.startUs + span.durationUs, endUs)
    const took = (untilUs - span.startUs) / 1000
    if (span.kind === 'query') {
      const waited = Number(span.attributes['tenfold.db.wait_ms'] ?? 0)
      const rows = Number(span.attributes['db.response.returned_rows'] ?? 0)
      pool += waited
      database += took
      work.calls++
      work.rows += rows
      waits.push([span.startUs - waited * 1000, untilUs])
      const known = queries.get(span.name)
      if (known) add(known, took, rows)
      else queries.set(span.name, [1, took, rows])
    } else if (span.kind === 'outgoing') {
      outgoing += took
      waits.push([span.startUs, untilUs])
      addHost(work, span, took)
    }
  }
  // What ran at once is counted once, and shared among the parts as they come.
  const waited = Math.min(ms, unionMs(waits))
  const scale = waited / Math.max(1e-9, pool + database + outgoing)
  // Who gave up waiting for a connection has no statement that could tell of it.
  const inVain = spans[0]?.attributes['error.type'] === 'TF_POOL_EXHAUSTED'
  work.self += inVain ? 0 : ms - waited
  work.pool += pool * scale + (inVain ? ms - waited : 0)
  work.database += database * scale
  work.outgoing += outgoing * scale
  for (const [query, counts] of queries) addQuery(work, query, counts)
}

function add(counts: [number, number, number], ms: number, rows: number): void {
  counts[0]++
  counts[1] += ms
  counts[2] += rows
}

function addHost({ hosts }: Adding, span: SpanRecord, ms: number): void {
  const given = String(span.attributes['server.address'] ?? 'unknown')
  const host = given in hosts || Object.keys(hosts).length < MAX_HOSTS ? given : '(others)'
  const known = (hosts[host] ??= [0, 0])
  known[0]++
  known[1] += ms
}

function addQuery({ queries }: Adding, query: string, [calls, ms, rows]: [number, number, number]): void {
  const name = query in queries || Object.keys(queries).length < MAX_QUERIES ? query : '(others)'
  const known = (queries[name] ??= [0, 0, 0, 0, 0])
  known[0] += calls
  known[1] += ms
  known[2] += rows
  if (calls >= REPEATED) known[3]++
  known[4] = Math.max(known[4], calls)
}

/** How long at least one of them was open. */
function unionMs(spans: [start: number, end: number][]): number {
  if (spans.length === 0) return 0
  if (spans.length > 1) spans.sort((a, b) => a[0] - b[0])
  let total = 0
  let [from, to] = spans[0]!
  for (const [start, end] of spans) {
    if (start > to) {
      total += to - from
      from = start
    }
    if (end > to) to = end
  }
  return (total + to - from) / 1000
}
