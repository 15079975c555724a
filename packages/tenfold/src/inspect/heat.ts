/** How long requests took, over time: how many of each length in each slot. */
import type { Sql } from '../database/index.ts'
import { middleOf } from '../telemetry/index.ts'
import { operationsByTime, spanOf } from './postgres/operations.ts'
import type { Window } from './sources.ts'

export interface HeatView {
  /** Where slots begin, in milliseconds since 1970, ascending; all are `stepMs` long. */
  times: number[]
  stepMs: number
  /** In milliseconds: row 0 is below the first, row 1 from the first to the second, and so on; the last is all above. */
  edges: number[]
  /** By slot, then by row. */
  counts: number[][]
}

const EDGES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
const SLOTS = 60
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Beyond it some of what is stored is by the hour. */
const BY_MINUTE = 120

/** @param name of a route; undefined for all requests */
export async function readHeat(
  sql: Sql,
  { minutes }: Window,
  name: string | undefined,
  nowMs: number,
): Promise<HeatView> {
  const finest = minutes <= 15 ? 10_000 : minutes <= BY_MINUTE ? MINUTE : HOUR
  const stepMs = Math.max(finest, Math.ceil((minutes * MINUTE) / SLOTS / finest) * finest)
  const operations = await operationsByTime(sql, 'request', spanOf(minutes, nowMs), stepMs, name)
  const bySlot = new Map(operations.map(({ timeMs, durations }) => [timeMs, durations.buckets()]))
  const first = Math.floor((nowMs - minutes * MINUTE) / stepMs) * stepMs
  const times = Array.from({ length: Math.floor((nowMs - first) / stepMs) + 1 }, (_, i) => first + i * stepMs)
  const counts = times.map((time) => {
    const rows = Array<number>(EDGES.length + 1).fill(0)
    const buckets = bySlot.get(time)
    buckets?.counts.forEach((count, i) => (rows[rowOf(middleOf(buckets.first + i))]! += count))
    return rows
  })
  return { times, stepMs, edges: EDGES, counts }
}

function rowOf(ms: number): number {
  const row = EDGES.findIndex((edge) => ms < edge)
  return row < 0 ? EDGES.length : row
}
