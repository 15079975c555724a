import { createHash } from 'node:crypto'
import { isDatabaseFinding, placeOf, type DatabaseFinding } from '../database/index.ts'
import { isSlowCall, type SlowCall } from '../outbound/index.ts'
import type { Finding } from '../telemetry/index.ts'

/** Those that are kept; others of a trace are not ours to describe. */
export type KeptFinding = DatabaseFinding | SlowCall

export function isKept(finding: Finding): finding is KeptFinding {
  return isDatabaseFinding(finding) || isSlowCall(finding)
}

/** One finding of one hour, over all contexts of this process in which it was seen. */
export interface FoundPoint {
  name: string
  hourMs: number
  finding: KeptFinding
  firstMs: number
  lastMs: number
  contexts: number
  repeats: number
}

const HOUR = 3_600_000
const MOST = 500

/** Adds up findings by their place in the code. Bounded: places beyond the first 500 between two flushes are dropped. */
export class FoundPoints {
  private points = new Map<string, FoundPoint>()

  add(findings: readonly Finding[], nowMs: number): void {
    for (const finding of findings) {
      if (!isKept(finding)) continue
      this.merge({
        name: nameOf(finding),
        hourMs: Math.floor(nowMs / HOUR) * HOUR,
        finding,
        firstMs: nowMs,
        lastMs: nowMs,
        contexts: 1,
        repeats: finding.times,
      })
    }
  }

  take(): FoundPoint[] {
    const taken = [...this.points.values()]
    this.points = new Map()
    return taken
  }

  putBack(points: readonly FoundPoint[]): void {
    for (const point of points) this.merge(point)
  }

  private merge(point: FoundPoint): void {
    const key = `${point.hourMs} ${point.name}`
    const known = this.points.get(key)
    if (!known) {
      if (this.points.size < MOST) this.points.set(key, { ...point })
      return
    }
    known.firstMs = Math.min(known.firstMs, point.firstMs)
    known.lastMs = Math.max(known.lastMs, point.lastMs)
    known.contexts += point.contexts
    known.repeats += point.repeats
  }
}

/** The same place, however often it was seen and by which process. */
function nameOf({ code, origin, query, callSite }: KeptFinding): string {
  const text = [code, origin.kind, origin.name, query, callSite ? placeOf(callSite) : ''].join('\n')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
