import { LogLinear } from './histogram.ts'
import type { Counter, Exemplar, Gauge, Histogram, MetricOptions, MetricPoint, Metrics } from './telemetry.ts'

type Labels = Record<string, string>
type Kind = MetricPoint['kind']
type Read = Parameters<Metrics['observe']>[2]

interface Series {
  labels: Labels
  value: number
  histogram?: LogLinear
  /** The latest of each power of two, so that slow values keep theirs beside many fast ones. */
  exemplars?: Map<number, Exemplar>
}

/** Which trace a value belongs to; undefined outside of one. */
export type Where = () => { traceId: string; spanId: string } | undefined

/** Where recordings go once a metric has too many label sets; the label is OpenTelemetry's. */
const OVERFLOW: Labels = { 'otel.metric.overflow': 'true' }
const NONE: Labels = {}

class Metric {
  readonly name: string
  readonly kind: Kind
  readonly options: MetricOptions
  read: Read | undefined
  private readonly series = new Map<string, Series>()
  private readonly maxSeries: number
  private readonly onOverflow: () => void

  constructor(name: string, kind: Kind, options: MetricOptions, maxSeries: number, onOverflow: () => void) {
    this.name = name
    this.kind = kind
    this.options = options
    this.maxSeries = maxSeries
    this.onOverflow = onOverflow
  }

  at(labels: Labels = NONE): Series {
    let key = ''
    for (const name in labels) key += `${name}\u0001${labels[name]}\u0002`
    return this.series.get(key) ?? this.add(key, labels)
  }

  all(): Iterable<Series> {
    return new Set(this.series.values())
  }

  private add(key: string, labels: Labels): Series {
    // The same labels in another order are the same series; it is then known by both orders.
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
    const canonical = sorted.map(([name, value]) => `${name}\u0001${value}\u0002`).join('')
    let series = this.series.get(canonical)
    if (!series && this.series.size >= this.maxSeries) {
      this.onOverflow()
      const overflow = 'overflow'
      series = this.series.get(overflow) ?? this.create(overflow, OVERFLOW)
      return series
    }
    series ??= this.create(canonical, Object.fromEntries(sorted))
    if (this.series.size < this.maxSeries * 2) this.series.set(key, series)
    return series
  }

  private create(key: string, labels: Labels): Series {
    const series: Series = { labels, value: 0 }
    if (this.kind === 'histogram') series.histogram = new LogLinear()
    this.series.set(key, series)
    return series
  }
}

/** The registry of one Telemetry object. Asking for a name again gives the same metric. */
export class MetricRegistry implements Metrics {
  private readonly metrics = new Map<string, Metric>()
  private readonly maxSeries: number
  private readonly where: Where
  private exemplars = false
  /** Recordings that went to an overflow series, since the start. */
  overflowed = 0

  constructor(maxSeries: number, where: Where = () => undefined) {
    this.maxSeries = maxSeries
    this.where = where
  }

  keepExemplars(): void {
    this.exemplars = true
  }

  counter(name: string, options: MetricOptions): Counter {
    const metric = this.metric(name, 'counter', options)
    return {
      add(value, labels) {
        if (value >= 0) metric.at(labels).value += value
      },
    }
  }

  gauge(name: string, options: MetricOptions): Gauge {
    const metric = this.metric(name, 'gauge', options)
    return {
      set(value, labels) {
        metric.at(labels).value = value
      },
    }
  }

  histogram(name: string, options: MetricOptions): Histogram {
    const metric = this.metric(name, 'histogram', options)
    return {
      record: (value, labels) => this.record(metric.at(labels), value),
      series: (labels) => {
        let found: Series | undefined
        return { record: (value, at) => this.record((found ??= metric.at(labels)), value, at) }
      },
    }
  }

  private record(series: Series, value: number, at?: ReturnType<Where> | null): void {
    series.histogram?.record(value)
    if (!this.exemplars || !Number.isFinite(value)) return
    const from = at === undefined ? this.where() : at
    if (!from) return
    series.exemplars ??= new Map()
    const { traceId, spanId } = from
    series.exemplars.set(Math.floor(Math.log2(Math.max(value, 1e-9))), { value, traceId, spanId, timeMs: Date.now() })
  }

  observe(name: string, options: MetricOptions, read: Read, kind: 'gauge' | 'counter' = 'gauge'): void {
    this.metric(name, kind, options).read = read
  }

  snapshot(): MetricPoint[] {
    const points: MetricPoint[] = []
    for (const metric of this.metrics.values()) {
      const { name, kind, options } = metric
      for (const { labels, value, histogram, exemplars } of metric.read ? observed(metric.read) : metric.all()) {
        points.push({
          ...options,
          name,
          kind,
          labels,
          value,
          ...(histogram && { histogram: histogram.copy() }),
          ...(exemplars && { exemplars: [...exemplars.values()] }),
        })
      }
    }
    return points
  }

  deltas(): () => MetricPoint[] {
    let earlier = new Map<string, MetricPoint>()
    return () => {
      const now = new Map<string, MetricPoint>()
      const changed: MetricPoint[] = []
      for (const point of this.snapshot()) {
        const key = `${point.name} ${JSON.stringify(point.labels)}`
        now.set(key, point)
        const delta = difference(point, earlier.get(key))
        if (delta) changed.push(delta)
      }
      earlier = now
      return changed
    }
  }

  private metric(name: string, kind: Kind, options: MetricOptions): Metric {
    const known = this.metrics.get(name)
    if (known?.kind === kind) return known
    const metric = new Metric(name, kind, options, this.maxSeries, () => this.overflowed++)
    // A name taken by another kind is a mistake in the caller; it still gets something to record to.
    if (!known) this.metrics.set(name, metric)
    return metric
  }
}

function observed(read: Read): Series[] {
  try {
    const answer = read()
    return typeof answer === 'number' ? [{ labels: NONE, value: answer }] : answer
  } catch {
    return []
  }
}

/** Undefined when a counter or histogram did not move. */
function difference(point: MetricPoint, earlier: MetricPoint | undefined): MetricPoint | undefined {
  if (point.kind === 'gauge') return point
  if (point.kind === 'counter') {
    const value = point.value - (earlier?.value ?? 0)
    return value === 0 ? undefined : { ...point, value }
  }
  const histogram = point.histogram!.since(earlier?.histogram)
  return histogram.count === 0 ? undefined : { ...point, histogram }
}
