/** What the rate limiters decided over time, out of the metrics that the store keeps. */
import type { Sql } from '../database/index.ts'
import { readMetricByTime, type MetricSlot } from './postgres/metrics.ts'
import { slotsOf } from './slots.ts'
import type { Window } from './sources.ts'

const DECISIONS = 'tenfold.limit.decisions'

/** What the store has to keep for it. */
export const LIMIT_METRICS: readonly string[] = [DECISIONS]

export interface LimitRow {
  name: string
  allowed: number
  refused: number
  /** Of the refused: without asking the shared store. */
  known: number
  /** Decided by the process alone, for want of the store. */
  away: number
}

export interface LimitsView {
  /** The most refusing first. */
  limits: LimitRow[]
  points: { time: number; allowed: number; refused: number }[]
}

export async function readLimits(sql: Sql, window: Window, nowMs: number): Promise<LimitsView> {
  const { fromMs, toMs, stepMs, times } = slotsOf(window, nowMs)
  const slots = await readMetricByTime(sql, DECISIONS, fromMs, toMs, stepMs)
  const limits = [...Map.groupBy(slots, ({ labels }) => labels['limiter'] ?? '')].map(([name, own]) => ({
    name,
    allowed: sum(own, 'allowed'),
    refused: sum(own, 'refused'),
    known: sum(own, 'known'),
    away: sum(own, 'away'),
  }))
  const byTime = Map.groupBy(slots, ({ timeMs }) => timeMs)
  return {
    limits: limits.sort((a, b) => b.refused - a.refused || b.allowed - a.allowed),
    points: times.map((time) => {
      const at = byTime.get(time) ?? []
      return { time, allowed: sum(at, 'allowed'), refused: sum(at, 'refused') }
    }),
  }
}

function sum(slots: readonly MetricSlot[], outcome: string): number {
  return slots.reduce((all, slot) => all + (slot.labels['outcome'] === outcome ? slot.sum : 0), 0)
}
