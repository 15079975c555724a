/** Business metrics over time, for people: what was counted, which share went well, how the values lie. */
import type { Sql } from '../database/index.ts'
import { LogLinear } from '../telemetry/index.ts'
import { readMetricByTime, type MetricSlot } from './postgres/metrics.ts'
import { slotsOf } from './slots.ts'
import type { Window } from './sources.ts'

/** As a module declares it. */
export interface DeclaredMetric {
  name: string
  kind: 'counter' | 'ratio' | 'distribution'
  help: string
  unit: string
}

/** Of a counter: how many. Of a ratio: the share that went well. Of a distribution: the median. */
export interface BusinessValue {
  value: number | null
  /** How many values that is out of. */
  count: number
  /** Of a distribution. */
  p95?: number
}

export interface BusinessMetric extends DeclaredMetric, BusinessValue {
  points: ({ time: number } & BusinessValue)[]
  /** By dimension, where it has some; the largest first, at most 20. */
  by: ({ labels: Record<string, string> } & BusinessValue)[]
}

const MOST_ROWS = 20

export function readBusiness(
  sql: Sql,
  declared: readonly DeclaredMetric[],
  window: Window,
  nowMs: number,
): Promise<BusinessMetric[]> {
  const { fromMs, toMs, stepMs, times } = slotsOf(window, nowMs)
  return Promise.all(
    declared.map(async (metric) => {
      const slots = await readMetricByTime(sql, metric.name, fromMs, toMs, stepMs)
      const byTime = Map.groupBy(slots, ({ timeMs }) => timeMs)
      const byLabels = Map.groupBy(slots, ({ labels }) => JSON.stringify(withoutOutcome(labels)))
      const by = [...byLabels]
        .map(([labels, own]) => ({
          labels: JSON.parse(labels) as Record<string, string>,
          ...valueOf(metric.kind, own),
        }))
        .filter(({ labels }) => Object.keys(labels).length > 0)
      return {
        ...metric,
        ...valueOf(metric.kind, slots),
        points: times.map((time) => ({ time, ...valueOf(metric.kind, byTime.get(time) ?? []) })),
        by: by.sort((a, b) => b.count - a.count).slice(0, MOST_ROWS),
      }
    }),
  )
}

function withoutOutcome({ outcome: _, ...labels }: Record<string, string>): Record<string, string> {
  return labels
}

function valueOf(kind: DeclaredMetric['kind'], slots: readonly MetricSlot[]): BusinessValue {
  if (kind === 'distribution') {
    const all = new LogLinear()
    for (const { values } of slots) all.merge(values.buckets())
    return all.count === 0
      ? { value: null, count: 0 }
      : { value: all.quantile(0.5), count: all.count, p95: all.quantile(0.95) }
  }
  const count = slots.reduce((sum, slot) => sum + slot.sum, 0)
  if (kind === 'counter') return { value: count, count }
  const good = slots.reduce((sum, { labels, sum: n }) => sum + (labels['outcome'] === 'success' ? n : 0), 0)
  return { value: count === 0 ? null : good / count, count }
}
