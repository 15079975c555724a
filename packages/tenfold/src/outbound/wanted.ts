/** How long the present request, job or call is still wanted. Calls that it makes inherit this. */
import type { Context } from '../telemetry/index.ts'

export interface Wanted {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal
  /** `Infinity` without a deadline. */
  msLeft(): number
}

const WANTED = Symbol('tenfold.wanted')

export function wantedOf(context: Context | undefined): Wanted | undefined {
  return context?.slots.get(WANTED) as Wanted | undefined
}

export function setWanted(context: Context | undefined, wanted: Wanted): void {
  context?.slots.set(WANTED, wanted)
}
