/** The door for what carries positions from one process to the next: HTTP, jobs, caches, calls. */
import type { Causality, Trail } from './causality.ts'
import { formatPosition, laterOf, parsePosition, POSITION_AGE_MS, type Position } from './position.ts'
import type { Primary } from './primary.ts'
import type { Replica } from './replica.ts'

/** What a value was read from: at least this place, at this time. */
export type ReadAt = Position

export interface Positions {
  /** Reads of the present context include everything up to this; text that is not a position is ignored. */
  accept(token: string | undefined): void
  /** Reads of the present context include everything that was committed before now, whoever did it. Costs nothing until
   *  there is a read. */
  acceptNow(): void
  /** What comes next has to know; undefined when nothing was written here. Looks the position up if need be. */
  written(): Promise<string | undefined>
  /** What reads of the present context have to include, for whoever reads on its behalf elsewhere; undefined for nothing. */
  needed(): Promise<string | undefined>
  /** Somebody wrote on behalf of the present context, up to this; null: nothing. Undefined: up to what is not known. */
  acceptWritten(token: string | null | undefined): void
  /** The position of all that is committed now; undefined when the primary cannot be asked. */
  now(): Promise<string | undefined>
  /** The later of two, as text. */
  later(one: string | undefined, other: string | undefined): string | undefined
  /** Runs a load and says what its value was read from; `readAt` is undefined for the primary, which has everything. */
  reading<T>(load: () => Promise<T>): Promise<{ value: T; readAt: ReadAt | undefined }>
  /** Whether the present context knows of a write that a value read there should have had, and has not. */
  misses(value: ReadAt): boolean
}

/** Clocks of two processes, as far as they know the primary's, differ by less. */
const CLOCK_SLACK_MS = 250

export function createPositions(causality: Causality, primary: Primary, replicas: readonly Replica[]): Positions {
  /** Later than anything: sends reads to the primary for as long as a position counts. */
  const unknown = (): Position => ({ history: primary.history ?? '0.0', lsn: (1n << 64n) - 1n, at: primary.time() })

  const settled = async (trail: Trail): Promise<Position | undefined> => {
    if (trail.settled < trail.wrote) await causality.settle(trail)
    return trail.position
  }

  return {
    accept(token) {
      const position = parsePosition(token)
      if (!position || primary.time() - position.at > POSITION_AGE_MS) return
      const trail = causality.trail()
      trail.position = laterOf(trail.position, position)
    },
    acceptNow() {
      const trail = causality.trail()
      trail.touched++
    },
    async written() {
      const trail = causality.trail()
      if (trail.wrote === 0) return undefined
      const position = await settled(trail).catch(unknown)
      return position && formatPosition(position)
    },
    async needed() {
      const trail = causality.trail()
      if (trail.settled < trail.touched) await causality.settle(trail).catch(() => (trail.position = unknown()))
      return trail.position && formatPosition(trail.position)
    },
    acceptWritten(token) {
      if (token === null) return
      const trail = causality.trail()
      const position = parsePosition(token)
      const whole = position !== undefined && trail.settled >= trail.touched
      trail.position = laterOf(trail.position, position)
      trail.wrote = ++trail.touched
      if (whole) trail.settled = trail.touched
    },
    async now() {
      try {
        return formatPosition(await primary.now())
      } catch {
        return undefined
      }
    },
    later(one, other) {
      const later = laterOf(parsePosition(one), parsePosition(other))
      return later && formatPosition(later)
    },
    async reading(load) {
      const { history } = primary
      // What a replica has replayed before the load began, the load has seen: the least that can be said.
      const before = new Map(replicas.map((replica) => [replica, replica.replay]))
      const trail = causality.trail()
      const value = await load()
      const { reader } = trail
      if (!reader || history === undefined) return { value, readAt: undefined }
      return { value, readAt: { history, lsn: before.get(reader) ?? 0n, at: primary.time() } }
    },
    misses(value) {
      const { position: demand } = causality.trail()
      // A write after the value was read is the business of invalidation.
      if (!demand || demand.at > value.at + CLOCK_SLACK_MS) return false
      return demand.history !== value.history || demand.lsn > value.lsn
    },
  }
}
