import type { Sql } from '../database/index.ts'
import { systemClock } from '../kernel/index.ts'
import { operationsByTime, spanOf } from './postgres/operations.ts'

/** One day of requests, as far as whole hours are known. */
export interface DayOfRequests {
  /** `2026-03-01`, in UTC. */
  day: string
  requests: number
  /** Requests in a second, on average over its busiest hour. */
  peakPerSecond: number
  /** Of the busiest hour, in milliseconds. */
  p95: number
}

const HOUR = 3_600_000

/** The last days that are over, oldest first, at most 60. */
export async function readDays(sql: Sql, { days }: { days: number }): Promise<DayOfRequests[]> {
  const now = systemClock.now()
  const hours = await operationsByTime(sql, 'request', spanOf(Math.min(days, 60) * 24 * 60, now), HOUR)
  const today = new Date(now).toISOString().slice(0, 10)
  const byDay = new Map<string, DayOfRequests>()
  for (const { timeMs, count, durations } of hours) {
    const day = new Date(timeMs).toISOString().slice(0, 10)
    if (day === today) continue
    const known = byDay.get(day) ?? { day, requests: 0, peakPerSecond: 0, p95: 0 }
    known.requests += count
    if (count / 3600 > known.peakPerSecond) {
      known.peakPerSecond = count / 3600
      known.p95 = durations.quantile(0.95)
    }
    byDay.set(day, known)
  }
  return [...byDay.values()].sort((a, b) => a.day.localeCompare(b.day))
}
