import type { TraceRecord } from '../telemetry/index.ts'
import type { Point } from './accumulate.ts'

export interface SamplerOptions {
  /** Longer ones are always kept. In milliseconds. */
  slowMs: number
  /** Of the ordinary traces of one route or job, at most so many between two flushes. `0` keeps none of them. */
  perName: number
  /** Ordinary traces between two flushes, over all names. */
  ordinary: number
  /** Errors and slow ones that may wait for the database; more are dropped and counted. */
  maxWaiting: number
  /** Spans that may wait for the database, over all traces. */
  maxSpans: number
  /** 0 to 1. Replaced in tests. */
  random?: () => number
}

interface Reservoir {
  seen: number
  unusual: number
  kept: TraceRecord[]
}

const MAX_NAMES = 1000
const ENOUGH_FOR_P99 = 100

/** Chooses the traces worth keeping: every error, every slow one (over `slowMs`), some that took longer than 99 % of their
 *  kind did a minute ago or in which something was found, and an even sample of the rest. */
export class Sampler {
  dropped = 0
  private readonly options: SamplerOptions
  private readonly random: () => number
  private important: TraceRecord[] = []
  private byName = new Map<string, Reservoir>()
  private p99 = new Map<string, number>()
  private spans = 0

  constructor(options: SamplerOptions) {
    this.options = options
    this.random = options.random ?? Math.random
  }

  offer(trace: TraceRecord): void {
    if (this.matters(trace)) return this.keep(trace)
    const durationMs = trace.durationUs / 1000
    const reservoir = this.reservoirOf(trace.name)
    if (!reservoir) return
    const unusual = trace.findings !== undefined || durationMs > (this.p99.get(trace.name) ?? Infinity)
    if (unusual && reservoir.unusual < this.options.perName) {
      reservoir.unusual++
      return this.keep(trace)
    }
    this.sample(trace, reservoir)
  }

  /** Removes and returns what was kept since the last call. */
  take(): TraceRecord[] {
    const taken = this.important
    const limit = this.allowance()
    for (const { kept } of this.byName.values()) taken.push(...kept.slice(0, limit))
    this.important = []
    this.byName = new Map()
    this.spans = 0
    return taken
  }

  /** Puts back what could not be stored; the ordinary ones are let go. */
  putBack(traces: readonly TraceRecord[]): void {
    for (const trace of traces) if (this.matters(trace)) this.keep(trace)
  }

  /** It failed, or it was slow. */
  matters = (trace: TraceRecord): boolean => failed(trace) || trace.durationUs / 1000 > this.options.slowMs

  /** What was unusual is judged by the last full minute. */
  learn(minute: readonly Point[]): void {
    const p99 = new Map<string, number>()
    for (const { name, durations } of minute)
      if (durations.count >= ENOUGH_FOR_P99) p99.set(name, durations.quantile(0.99))
    this.p99 = p99
  }

  private keep(trace: TraceRecord): void {
    if (this.important.length >= this.options.maxWaiting || !this.fits(trace)) {
      this.dropped++
      return
    }
    this.spans += trace.spans.length
    this.important.push(trace)
  }

  /** Each of the traces seen so far is kept with the same probability. */
  private sample(trace: TraceRecord, reservoir: Reservoir): void {
    const limit = this.allowance()
    reservoir.seen++
    if (limit === 0) return
    const place = reservoir.kept.length < limit ? reservoir.kept.length : Math.floor(this.random() * reservoir.seen)
    if (place >= limit) return
    const spansBefore = reservoir.kept[place]?.spans.length ?? 0
    if (!this.fits(trace)) return
    this.spans += trace.spans.length - spansBefore
    reservoir.kept[place] = trace
  }

  private fits(trace: TraceRecord): boolean {
    return this.spans + trace.spans.length <= this.options.maxSpans
  }

  private allowance(): number {
    const { perName, ordinary } = this.options
    if (perName === 0 || ordinary === 0) return 0
    return Math.max(1, Math.min(perName, Math.floor(ordinary / Math.max(1, this.byName.size))))
  }

  private reservoirOf(name: string): Reservoir | undefined {
    let reservoir = this.byName.get(name)
    if (!reservoir && this.byName.size < MAX_NAMES) {
      reservoir = { seen: 0, unusual: 0, kept: [] }
      this.byName.set(name, reservoir)
    }
    return reservoir
  }
}

/** It threw, or it answered with a server error. */
export function failed(trace: TraceRecord): boolean {
  return trace.error !== undefined || (statusOf(trace) ?? 0) >= 500
}

export function statusOf(trace: TraceRecord): number | undefined {
  const status = trace.spans[0]?.attributes['http.response.status_code']
  return typeof status === 'number' ? status : undefined
}
