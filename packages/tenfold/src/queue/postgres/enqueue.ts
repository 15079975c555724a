/** Group commit for `enqueue` outside of transactions: the calls of one turn of the event loop become one statement, so
 *  fifty callers share one fsync. Each call is acknowledged after that commit, never before.
 *
 *    call ──> waiting ──(next turn, fewer than 2 under way)──> one statement ──> each call gets its ids
 *                                                                   └─ bad data: each call again, alone */
import type { SystemDatabase } from '../../database/index.ts'
import { QueueFull } from '../errors.ts'

const MAX_IN_FLIGHT = 2
const MAX_ROWS = 1000
const MAX_CHARS = 4_000_000
const MAX_WAITING_ROWS = 50_000
const MAX_WAITING_CHARS = 64_000_000

interface Call<Row, Written> {
  rows: Row[]
  chars: number
  resolve: (written: Written[]) => void
  reject: (error: unknown) => void
}

export interface Coalescer<Row, Written = string> {
  add(rows: Row[]): Promise<Written[]>
  /** Resolves when all that was added is written or refused. */
  drain(): Promise<void>
}

/** Of rows that are JSON, and go in as one list. */
export function createCoalescer(write: (rows: string) => Promise<string[]>): Coalescer<string> {
  return createGroupCommit(
    (rows) => write(`[${rows.join(',')}]`),
    (row) => row.length,
  )
}

/** @param write gives one answer for each row
 *  @param sizeOf in characters */
export function createGroupCommit<Row, Written>(
  write: (rows: Row[]) => Promise<Written[]>,
  sizeOf: (row: Row) => number,
): Coalescer<Row, Written> {
  const waiting: Call<Row, Written>[] = []
  const underWay = new Set<Promise<void>>()
  let rows = 0
  let chars = 0
  let scheduled = false

  const schedule = (): void => {
    if (scheduled || waiting.length === 0 || underWay.size >= MAX_IN_FLIGHT) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      const flush = send(take()).finally(() => {
        underWay.delete(flush)
        schedule()
      })
      underWay.add(flush)
      schedule()
    })
  }

  const take = (): Call<Row, Written>[] => {
    let takenRows = 0
    let takenChars = 0
    let end = 0
    while (end < waiting.length) {
      const call = waiting[end]!
      if (end > 0 && (takenRows + call.rows.length > MAX_ROWS || takenChars + call.chars > MAX_CHARS)) break
      takenRows += call.rows.length
      takenChars += call.chars
      end++
    }
    rows -= takenRows
    chars -= takenChars
    return waiting.splice(0, end)
  }

  const send = async (calls: Call<Row, Written>[]): Promise<void> => {
    try {
      const written = await write(calls.length === 1 ? calls[0]!.rows : calls.flatMap((call) => call.rows))
      let at = 0
      for (const call of calls) call.resolve(written.slice(at, (at += call.rows.length)))
    } catch (error) {
      if (calls.length === 1 || !isBadData(error)) return calls.forEach((call) => call.reject(error))
      for (const call of calls) await send([call])
    }
  }

  return {
    add(newRows) {
      const newChars = newRows.reduce((sum, row) => sum + sizeOf(row), 0)
      const full = rows > 0 && (rows + newRows.length > MAX_WAITING_ROWS || chars + newChars > MAX_WAITING_CHARS)
      if (full) return Promise.reject(QueueFull({ waiting: rows }))
      rows += newRows.length
      chars += newChars
      return new Promise((resolve, reject) => {
        waiting.push({ rows: newRows, chars: newChars, resolve, reject })
        schedule()
      })
    },
    async drain() {
      while (waiting.length > 0 || underWay.size > 0) {
        await Promise.all(underWay)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

/** Classes 22 (data exception) and 23 (constraint): the statement was refused for its content, nothing was written. */
export function isBadData(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return [code, cause?.code].some((state) => typeof state === 'string' && /^2[23]...$/.test(state))
}

/** Writes rows through a function in schema tenfold, which gives an array of ids. */
export function writeThrough(
  fn: 'enqueue' | 'enqueue_chain' | 'publish',
  sql: Pick<SystemDatabase, 'query'>,
): (rows: string) => Promise<string[]> {
  const text = `select array_to_json(tenfold.${fn}($1::text::jsonb))::text as ids`
  return async (rows) => {
    const result = await sql.query<{ ids: string }>(text, [rows])
    return (JSON.parse(result.rows[0]!.ids) as number[]).map(String)
  }
}
