/** What the present request, job or task has seen and done: its place in the history of the database.
 *
 *    untouched ──read──> on one replica ──write | read of the primary──> on the primary ──(LINGER_MS)──> by its position
 *
 *  A write does not look up its position at once: that is done when somebody needs it (the answer that carries it, a read
 *  much later), once for all that was written, and together with all others who ask at that moment. */
import type { Telemetry } from '../../telemetry/index.ts'
import { laterOf, type Position } from './position.ts'
import type { Primary } from './primary.ts'
import type { Replica } from './replica.ts'

/** After it touched the primary, a request stays there for so long: it is done sooner. Long jobs go back to replicas. */
export const LINGER_MS = 1000

export interface Trail {
  /** What reads have to include, as far as it is known. */
  position: Position | undefined
  /** Counts what was done on the primary; of `settled` of these, `position` includes the effects. */
  touched: number
  settled: number
  /** The count of the last write. */
  wrote: number
  /** Reads stay on the primary until then, by the monotonic clock. */
  until: number
  /** All reads go here, so that time never runs backwards. */
  replica: Replica | undefined
  /** The last replica that was read from. */
  reader: Replica | undefined
}

const TRAIL = Symbol('tenfold.database.trail')

function newTrail(): Trail {
  return {
    position: undefined,
    touched: 0,
    settled: 0,
    wrote: 0,
    until: -Infinity,
    replica: undefined,
    reader: undefined,
  }
}

export interface Causality {
  /** Of the present context; outside of any, that of the whole process. */
  trail(): Trail
  touch(trail: Trail, kind: 'read' | 'write'): void
  /** Finds out the position of what was done up to now. */
  settle(trail: Trail): Promise<void>
  /** The same with a position that came along with a commit; `count` is `trail.touched` from before that commit. */
  settledAt(trail: Trail, count: number, position: Position): void
}

export function createCausality(telemetry: Telemetry, primary: Primary, elapsed: () => number): Causality {
  const ofProcess = newTrail()
  return {
    trail() {
      const slots = telemetry.current()?.slots
      if (!slots) return ofProcess
      let trail = slots.get(TRAIL) as Trail | undefined
      if (!trail) slots.set(TRAIL, (trail = newTrail()))
      return trail
    },
    touch(trail, kind) {
      trail.touched++
      trail.until = elapsed() + LINGER_MS
      trail.replica = undefined
      if (kind === 'write') trail.wrote = trail.touched
    },
    async settle(trail) {
      const count = trail.touched
      const position = await primary.now()
      trail.position = laterOf(trail.position, position)
      trail.settled = Math.max(trail.settled, count)
    },
    settledAt(trail, count, position) {
      trail.position = laterOf(trail.position, position)
      // What others did on the primary meanwhile, in parallel branches, is not covered.
      if (trail.touched === count) {
        trail.touched++
        trail.settled = trail.wrote = trail.touched
      } else {
        trail.touched++
        trail.wrote = trail.touched
      }
      trail.until = elapsed() + LINGER_MS
      trail.replica = undefined
    },
  }
}
