import { LogLinear } from '../telemetry/index.ts'
import type { SpanKind } from '../telemetry/index.ts'

/** Everything of one kind, module and name that ended within one slot of time. */
export interface Point {
  timeMs: number
  kind: SpanKind
  module: string
  name: string
  errors: number
  /** Queries within a request or job; rows out of a query. */
  inner: number
  /** Milliseconds. */
  durations: LogLinear
}

/** The sum over all names of a kind. */
export const ALL = '*'
const OTHERS = '(others)'

/** Adds up what ends, by slots of the wall clock. Bounded: beyond `maxSeries` names in a slot, further ones share one. */
export class Accumulator {
  readonly slotMs: number
  /** Points that nobody took in time. */
  dropped = 0
  private readonly maxSeries: number
  private slot = -1
  private open = new Map<SpanKind, Map<string, Map<string, Point>>>()
  private series = 0
  private closed: Point[] = []

  constructor(slotMs: number, maxSeries: number) {
    this.slotMs = slotMs
    this.maxSeries = maxSeries
  }

  at(nowMs: number, kind: SpanKind, module: string, name: string): Point {
    const slot = Math.floor(nowMs / this.slotMs)
    if (slot !== this.slot) this.turn(slot)
    // Three small maps instead of one long key: the names are the same string objects again and again.
    let names = this.open.get(kind)
    if (!names) this.open.set(kind, (names = new Map()))
    let modules = names.get(name)
    if (!modules) {
      if (this.series >= this.maxSeries && name !== ALL && name !== OTHERS) return this.at(nowMs, kind, '', OTHERS)
      names.set(name, (modules = new Map()))
    }
    let point = modules.get(module)
    if (!point) {
      point = { timeMs: slot * this.slotMs, kind, module, name, errors: 0, inner: 0, durations: new LogLinear() }
      modules.set(module, point)
      this.series++
    }
    return point
  }

  /** Removes and returns what has been added up: slots that are over, and with `open` the running one too. */
  take(nowMs: number, { open }: { open: boolean }): Point[] {
    const slot = Math.floor(nowMs / this.slotMs)
    if (open || slot !== this.slot) this.turn(slot)
    const taken = this.closed
    this.closed = []
    return taken
  }

  private turn(slot: number): void {
    for (const names of this.open.values())
      for (const modules of names.values()) for (const point of modules.values()) this.closed.push(point)
    // Nobody took them for long: the newest are kept.
    const tooMany = this.closed.length - this.maxSeries * 4
    if (tooMany > 0) {
      this.closed = this.closed.slice(tooMany)
      this.dropped += tooMany
    }
    this.open = new Map()
    this.series = 0
    this.slot = slot
  }
}

export function addTo(point: Point, durationMs: number, failed: boolean, inner: number): void {
  point.durations.record(durationMs)
  point.inner += inner
  if (failed) point.errors++
}

export function mergeInto(point: Point, other: Point): void {
  point.durations.merge(other.durations.buckets(), other.durations)
  point.inner += other.inner
  point.errors += other.errors
}
