/** When visitors come. */

/** What one process has to do: `share` of `shares` of the visitors of a stage. */
export interface Timetable {
  /** Visitors a second at the start and at the end. */
  from: number
  to: number
  ms: number
  poisson: boolean
}

/** The times, in milliseconds from the start, at which visitors are due: evenly spaced along the ramp, or, with `poisson`, by
 *  the same rate but as independent people come (a Poisson process, by inverting its cumulative rate). */
export function* arrivals({ from, to, ms, poisson }: Timetable, random: () => number): Generator<number> {
  const seconds = ms / 1000
  const slope = (to - from) / seconds
  // How many have come by t is from*t + slope*t²/2; solved for t.
  const timeOf = (n: number): number =>
    Math.abs(slope) < 1e-9 ? n / from : (Math.sqrt(Math.max(0, from * from + 2 * slope * n)) - from) / slope
  const all = ((from + to) / 2) * seconds
  const step = (): number => (poisson ? -Math.log(1 - random()) : 1)
  for (let n = poisson ? step() : 0.5; n < all; n += step()) yield timeOf(n) * 1000
}

/** Random numbers from 0 to below 1 that a seed repeats: mulberry32 (Tommy Ettinger, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
