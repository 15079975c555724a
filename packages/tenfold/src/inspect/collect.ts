import type { LogRecord, Metrics, RuntimeSample, Sink, SpanKind, TraceRecord } from '../telemetry/index.ts'
import { Accumulator, addTo, ALL, mergeInto } from './accumulate.ts'
import { FoundPoints } from './findings.ts'
import { LEVELS, LogLines } from './loglines.ts'
import { MetricPoints } from './metrics.ts'
import type { Batch, RuntimePoint } from './postgres/write.ts'
import { failed, Sampler } from './sampler.ts'
import type { CheckedSettings } from './settings.ts'

const TEN_SECONDS = 10_000
const MINUTE = 60_000
const DAY = 86_400_000
const ROOTS: ReadonlySet<SpanKind> = new Set(['request', 'job', 'cron', 'event', 'task'])
const MAX_SERIES = 2000
const MAX_WAITING_POINTS = 10_000
const MAX_WAITING_TRACES = 1000
const MAX_WAITING_SPANS = 20_000
const MAX_WAITING_LOGS = 1000
const MAX_WAITING_LOG_BYTES = 4 * 1024 * 1024

/** How much of traces and logs may be stored: `some` are errors, slow ones and warnings. */
export type Room = 'all' | 'some' | 'none'

/** What this process has seen and not yet stored. All of it is bounded; whatever is beyond is dropped and counted. */
export class Collector implements Sink {
  private droppedPoints = 0
  room: { traces: Room; logs: Room } = { traces: 'all', logs: 'all' }
  private readonly now: () => number
  private readonly leastLevel: number
  private readonly tenSeconds = new Accumulator(TEN_SECONDS, MAX_SERIES)
  private readonly minutes = new Accumulator(MINUTE, MAX_SERIES)
  private readonly sampler: Sampler
  private readonly logs: LogLines
  private readonly findings = new FoundPoints()
  private runtimeOfMinute: RuntimePoint[] = []
  private readonly metrics: MetricPoints
  private waiting: Points = emptyPoints()

  constructor(settings: CheckedSettings, now: () => number, metrics: Metrics) {
    this.now = now
    this.metrics = new MetricPoints(metrics, settings.metrics, settings.metricsEveryMs)
    this.leastLevel = LEVELS[settings.logLevel]
    this.logs = new LogLines({
      max: MAX_WAITING_LOGS,
      maxBytes: MAX_WAITING_LOG_BYTES,
      accessPerSecond: settings.accessPerSecond,
    })
    this.sampler = new Sampler({
      slowMs: settings.slowMs,
      perName: settings.perName,
      ordinary: settings.perFlush,
      maxWaiting: MAX_WAITING_TRACES,
      maxSpans: MAX_WAITING_SPANS,
    })
  }

  get dropped(): { traces: number; logs: number; points: number } {
    return {
      traces: this.sampler.dropped,
      logs: this.logs.dropped,
      points: this.droppedPoints + this.tenSeconds.dropped + this.metrics.dropped,
    }
  }

  onTrace(trace: TraceRecord): void {
    const now = this.now()
    const isFailed = failed(trace)
    const durationMs = trace.durationUs / 1000
    let queries = 0
    for (let i = 1; i < trace.spans.length; i++) {
      const { kind, name, module = '', durationUs, error, attributes } = trace.spans[i]!
      const isQuery = kind === 'query'
      if (isQuery) queries++
      const rows = isQuery ? attributes['db.response.returned_rows'] : undefined
      // Of a call, who called is asked, not the request within which.
      const whose = kind === 'call' ? String(attributes['tenfold.caller'] ?? module) : module
      addTo(
        this.tenSeconds.at(now, kind, whose, name),
        durationUs / 1000,
        error !== undefined,
        typeof rows === 'number' ? rows : 0,
      )
    }
    addTo(this.tenSeconds.at(now, trace.kind, trace.module ?? '', trace.name), durationMs, isFailed, queries)
    addTo(this.tenSeconds.at(now, trace.kind, '', ALL), durationMs, isFailed, queries)
    if (trace.findings) this.findings.add(trace.findings, now)
    this.sampler.offer(trace)
  }

  onLog(log: LogRecord): void {
    if (LEVELS[log.level] >= this.leastLevel) this.logs.add(log)
  }

  /** Everything to be stored now. With `last`, the running minute too. */
  take(runtime: RuntimeSample, { last }: { last: boolean }): Batch {
    const now = this.now()
    const fresh = this.tenSeconds.take(now, { open: true })
    for (const point of fresh) mergeInto(this.minutes.at(point.timeMs, point.kind, point.module, point.name), point)
    const minutes = this.minutes.take(now, { open: last })
    const full = minutes.filter((point) => ROOTS.has(point.kind) && point.name !== ALL)
    if (full.length > 0) this.sampler.learn(full)
    this.takeRuntime(runtime, now, last)

    const points = this.waiting
    this.waiting = emptyPoints()
    points.tenSeconds.push(...fresh)
    points.minutes.push(...minutes)
    const traces = this.sampler.take()
    const logs = this.logs.take()
    const { room } = this
    return this.storable(now, {
      ...points,
      findings: this.findings.take(),
      metrics: this.metrics.take(now, { last }),
      traces: room.traces === 'all' ? traces : room.traces === 'none' ? [] : traces.filter(this.sampler.matters),
      logs:
        room.logs === 'all'
          ? logs
          : room.logs === 'none'
            ? []
            : logs.filter((line) => LEVELS[line.level] >= LEVELS.warn),
    })
  }

  /** The database did not take it: it waits for the next flush, as far as there is room. */
  putBack(batch: Batch): void {
    this.waiting = {
      tenSeconds: this.newest(batch.tenSeconds),
      minutes: this.newest(batch.minutes),
      runtimeTenSeconds: this.newest(batch.runtimeTenSeconds),
      runtimeMinutes: this.newest(batch.runtimeMinutes),
    }
    this.findings.putBack(batch.findings)
    this.metrics.putBack(batch.metrics)
    this.sampler.putBack(batch.traces)
    this.logs.putBack(batch.logs)
  }

  /** There are partitions from yesterday to the day after tomorrow: what lies outside would fail for ever. It comes from a
   *  clock that was set, a machine that slept, or a database that was away for days. */
  private storable(now: number, batch: Batch): Batch {
    const today = Math.floor(now / DAY) * DAY
    const inside = (timeMs: number): boolean => timeMs >= today - DAY && timeMs < today + 3 * DAY
    const points = <T extends { timeMs: number }>(all: T[]): T[] => {
      const kept = all.filter(({ timeMs }) => inside(timeMs))
      this.droppedPoints += all.length - kept.length
      return kept
    }
    return {
      tenSeconds: points(batch.tenSeconds),
      minutes: points(batch.minutes),
      runtimeTenSeconds: points(batch.runtimeTenSeconds),
      runtimeMinutes: points(batch.runtimeMinutes),
      findings: batch.findings,
      metrics: points(batch.metrics),
      traces: batch.traces.filter(({ startUs }) => inside(startUs / 1000)),
      logs: points(batch.logs),
    }
  }

  private newest<T>(points: T[]): T[] {
    const tooMany = Math.max(0, points.length - MAX_WAITING_POINTS)
    this.droppedPoints += tooMany
    return tooMany === 0 ? points : points.slice(tooMany)
  }

  private takeRuntime(runtime: RuntimeSample, now: number, last: boolean): void {
    const minute = Math.floor(now / MINUTE) * MINUTE
    const before = this.runtimeOfMinute
    if (before.length > 0 && before[0]!.timeMs !== minute) this.closeRuntimeMinute()
    this.runtimeOfMinute.push({ ...runtime, timeMs: minute })
    if (last) this.closeRuntimeMinute()
    this.waiting.runtimeTenSeconds.push({ ...runtime, timeMs: Math.floor(now / TEN_SECONDS) * TEN_SECONDS })
  }

  private closeRuntimeMinute(): void {
    const samples = this.runtimeOfMinute
    const mean = (of: (sample: RuntimePoint) => number): number =>
      samples.reduce((sum, s) => sum + of(s), 0) / samples.length
    this.waiting.runtimeMinutes.push({
      timeMs: samples[0]!.timeMs,
      cpuPercent: mean((s) => s.cpuPercent),
      memoryBytes: Math.round(mean((s) => s.memoryBytes)),
      eventLoopUtilization: mean((s) => s.eventLoopUtilization),
      eventLoopDelayP50: mean((s) => s.eventLoopDelayP50),
      eventLoopDelayP99: Math.max(...samples.map((s) => s.eventLoopDelayP99)),
      eventLoopDelayMax: Math.max(...samples.map((s) => s.eventLoopDelayMax)),
    })
    this.runtimeOfMinute = []
  }
}

type Points = Omit<Batch, 'traces' | 'logs' | 'findings' | 'metrics'>

function emptyPoints(): Points {
  return { tenSeconds: [], minutes: [], runtimeTenSeconds: [], runtimeMinutes: [] }
}
