/** What watching costs: the calls that a statement makes on its way, over contexts as requests open them, with the
 *  judgement at their end. Measured against the same contexts without. */
import { createRepeatWatch, type RepeatWatch } from '../../packages/tenfold/src/database/nplus1/index.ts'
import { createTelemetry, type Telemetry } from '../../packages/tenfold/src/telemetry/index.ts'

export interface Cost {
  what: string
  queries: number
  microsecondsPerQuery: number
}

interface Request {
  what: string
  queries: { fingerprint: string; values: unknown[]; rows: object[] }[]
}

const rows = (n: number, from: number): object[] =>
  Array.from({ length: n }, (_, i) => ({ id: from + i, author_id: 50_000 + i, title: `post ${i}`, at: new Date(i) }))

const REQUESTS: readonly Request[] = [
  {
    what: 'ten different queries of 20 rows',
    queries: Array.from({ length: 10 }, (_, i) => ({
      fingerprint: `select * from "table_${i}" where "owner" = ?`,
      values: [i],
      rows: rows(20, i * 1000),
    })),
  },
  {
    what: 'two queries of one row',
    queries: Array.from({ length: 2 }, (_, i) => ({
      fingerprint: `select * from "table_${i}" where "id" = ?`,
      values: [i],
      rows: rows(1, i),
    })),
  },
  {
    what: 'an N+1 of 50, found and described each time',
    queries: [
      { fingerprint: 'select * from "post"', values: [], rows: rows(50, 0) },
      ...Array.from({ length: 50 }, (_, i) => ({
        fingerprint: 'select * from "author" where "id" = ?',
        values: [50_000 + i],
        rows: rows(1, i),
      })),
    ],
  },
]

/** Medians over rounds of both, in turn. */
export async function measureCost(
  rounds: number,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<Cost[]> {
  const telemetry = createTelemetry({ service: 'cost', env: 'production', level: 'silent' })
  const watch = createRepeatWatch(telemetry)
  const costs: Cost[] = []
  for (const request of REQUESTS) {
    log(`what it costs: ${request.what}`)
    const times = { on: [] as number[], off: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted()
      times.off.push(await timeOf(request, telemetry, undefined))
      times.on.push(await timeOf(request, telemetry, watch))
    }
    const extra = Math.max(0, median(times.on) - median(times.off))
    costs.push({ what: request.what, queries: request.queries.length, microsecondsPerQuery: extra })
  }
  await telemetry.close()
  return costs
}

const QUERIES = 40_000

/** Microseconds of CPU for each query. */
async function timeOf({ queries }: Request, telemetry: Telemetry, watch: RepeatWatch | undefined): Promise<number> {
  const contexts = Math.ceil(QUERIES / queries.length)
  let seen = 0
  const before = process.cpuUsage()
  for (let i = 0; i < contexts; i++) {
    await telemetry.root({ kind: 'request', name: 'GET /' }, async () => {
      for (const { fingerprint, values, rows: found } of queries) {
        const occurrence = watch?.begin('shop', fingerprint, fingerprint, values, undefined)
        if (occurrence) watch!.end(occurrence, found)
        seen += found.length
      }
    })
  }
  const { user, system } = process.cpuUsage(before)
  return seen > 0 ? (user + system) / (contexts * queries.length) : Number.NaN
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
