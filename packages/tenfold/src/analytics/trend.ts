/** A trend as series: one for each event, or for each of its values. */
import type { TrendReport } from './analytics.ts'

/** Values of a breakdown that stand for themselves. */
export const MOST_VALUES = 10

export interface TrendRow {
  /** Its place among the events of the question. */
  event: number
  value: string | null
  /** Of all values that do not stand for themselves. */
  other: boolean
  /** The start of the period, as in the report. */
  time: string
  count: string | number
}

export function seriesOf(
  rows: readonly TrendRow[],
  times: readonly string[],
  names: readonly string[],
  broken: boolean,
): TrendReport['series'] {
  const place = new Map(times.map((time, i) => [time, i]))
  const series = new Map<string, TrendReport['series'][number]>()
  if (!broken) names.forEach((event, i) => series.set(`${i} `, { event, counts: times.map(() => 0), total: 0 }))
  for (const { event, value, other, time, count } of rows) {
    const label = other ? '(other)' : value
    const key = broken ? JSON.stringify([event, label]) : `${event} `
    let one = series.get(key)
    if (!one) series.set(key, (one = { event: names[event]!, value: label, counts: times.map(() => 0), total: 0 }))
    one.counts[place.get(time)!]! += Number(count)
    one.total += Number(count)
  }
  return [...series.values()]
}
