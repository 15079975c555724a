import type { Change } from '../change.ts'

/** Where the values are that all instances share, and where they agree on who loads a missing one. A backend gives:
 *
 *  T1  Of all who ask for a missing key at the same time, one leads: it is to load. The others wait and ask again. Who leads
 *      and is not heard of for `LEASE_MS` leads no more.
 *  T2  A value is stored only by who still leads, and not if anything that concerns it was dropped since it began: what was
 *      loaded before a change never appears after it, on no instance.
 *  T3  Stamps grow: what began later has a higher one, whichever instance began it.
 *  T4  Each call ends within a bounded time, or fails. */
export interface Tier {
  take(ask: Ask): Promise<Taken>
  /** Whether it was stored. */
  put(value: NewValue): Promise<boolean>
  /** Goes on leading. False when somebody else does by now. */
  renew(lead: Lead): Promise<boolean>
  /** Leads no more. After a failure those who wait do not queue up for the next attempt: each loads for itself. */
  release(lead: Lead, failed: boolean): Promise<void>
  drop(change: Change): Promise<void>
  /** Called when the tier can be reached again. */
  onReturn(listener: () => void): void
  close(): Promise<void>
}

export interface Ask {
  cache: string
  key: string
  /** Who asks. */
  token: string
  /** All times are those of the instances, in ms since 1970. */
  now: number
  /** Only a value that is fresh for longer than until then. */
  freshAfter: number
  /** Or one that may be given while it is refreshed. */
  orStale: boolean
  /** Only a value with a higher stamp. */
  afterStamp: number
}

export type Taken =
  | { kind: 'value'; body: Buffer; stamp: number; freshUntil: number; goneAt: number }
  | { kind: 'lead'; stamp: number }
  | { kind: 'wait' }
  | { kind: 'alone' }

export interface Lead {
  cache: string
  key: string
  token: string
}

export interface NewValue extends Lead {
  /** That of the lead. */
  stamp: number
  tags: readonly string[]
  body: Buffer
  freshUntil: number
  goneAt: number
  /** How long from now until it is gone, in ms. */
  keepMs: number
}

/** How long a leader may be silent. */
export const LEASE_MS = 3000
/** How long those who come after a failed load are told to load for themselves. */
export const FAILED_MS = 500
/** No value is kept for longer, so that marks of what was dropped need not be kept for ever. */
export const MAX_KEEP_MS = 86_400_000
export const MARK_MS = MAX_KEEP_MS + 3_600_000
