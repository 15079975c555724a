import type { Buckets, MetricPoint, Metrics } from '../telemetry/index.ts'

/** One series of a metric in one slot, as it is stored. */
export interface MetricRow {
  timeMs: number
  name: string
  kind: MetricPoint['kind']
  labels: Record<string, string>
  value: number
  count?: number
  buckets?: Buckets
}

const MAX_SERIES = 1000
const MAX_WAITING = 5000

/** Reads the metrics that are kept, slot by slot. Bounded: series beyond `MAX_SERIES` in a slot, and rows that wait for longer
 *  than there is room, are dropped and counted. */
export class MetricPoints {
  dropped = 0
  private readonly read: (() => MetricPoint[]) | undefined
  private readonly names: ReadonlySet<string>
  private readonly everyMs: number
  private takenAt = -Infinity
  private waiting: MetricRow[] = []

  constructor(metrics: Metrics, names: readonly string[], everyMs: number) {
    this.names = new Set(names)
    this.everyMs = everyMs
    this.read = names.length > 0 ? metrics.deltas() : undefined
  }

  /** What is to be stored: nothing between two slots, unless it is the last time. */
  take(nowMs: number, { last }: { last: boolean }): MetricRow[] {
    const waiting = this.waiting
    this.waiting = []
    if (!this.read || (!last && nowMs - this.takenAt < this.everyMs)) return waiting
    this.takenAt = nowMs
    const timeMs = Math.floor(nowMs / 1000) * 1000
    const rows = this.read()
      .filter(({ name }) => this.names.has(name))
      .map((point) => rowOf(point, timeMs))
      .filter(({ value }) => Number.isFinite(value))
    this.dropped += Math.max(0, rows.length - MAX_SERIES)
    return [...waiting, ...rows.slice(0, MAX_SERIES)]
  }

  putBack(rows: readonly MetricRow[]): void {
    const all = [...rows, ...this.waiting]
    this.dropped += Math.max(0, all.length - MAX_WAITING)
    this.waiting = all.slice(-MAX_WAITING)
  }
}

function rowOf({ name, kind, labels, value, histogram }: MetricPoint, timeMs: number): MetricRow {
  if (!histogram) return { timeMs, name, kind, labels, value }
  return { timeMs, name, kind, labels, value: histogram.sum, count: histogram.count, buckets: histogram.buckets() }
}
