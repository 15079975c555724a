/** What the twin test finds, as data. The sentences are made in `words.ts`. */
import type { Difference } from './compare.ts'
import type { Effect, Place, Site } from './evidence.ts'

/** An assumption that holds for one instance only. */
export type Cause =
  | 'local-files'
  | 'module-state'
  | 'memory-sessions'
  | 'memory-limits'
  | 'stale-cache'
  | 'startup-secret'
  | 'sticky-sockets'
  | 'duplicate-cron'
  | 'duplicate-work'
  | 'lost-work'
  | 'lost-requests'
  | 'clock-skew'
  | 'same-hostname'
  | 'role-ignored'
  | 'fixed-port'
  | 'releases'
  | 'pooled-session'
  | 'unexplained'

export type Evidence =
  | { kind: 'state'; site: Site; before: string; after: string; request?: string }
  | { kind: 'store'; package: string; at?: Place }
  | { kind: 'file'; path: string; at?: Place; request?: string }
  | { kind: 'value'; site: Site }
  | { kind: 'effect'; what: string; alone: number; together: number; at?: Place }
  | { kind: 'deferred'; ms: number; at?: Place; request?: string }
  | { kind: 'hostname'; at?: Place }
  | { kind: 'port'; port: number; at?: Place }
  /** A statement, and what it leaves in the session of the database. */
  | { kind: 'session'; what: string; keeps: string; at?: Place }
  | { kind: 'how'; text: string }

export interface Finding {
  cause: Cause
  /** Answers that differ because of it. */
  differences: Difference[]
  evidence: Evidence[]
  /** The lines to look at first. */
  places: Place[]
}

/** Seen, and no fault as far as this scenario goes. */
export interface Note {
  text: string
  places: Place[]
}

export function finding(cause: Cause, differences: Difference[], evidence: Evidence[]): Finding {
  const places = new Map<string, Place>()
  for (const one of evidence) {
    const place = 'site' in one ? one.site : 'at' in one ? one.at : undefined
    if (place) places.set(`${place.file}:${place.line}`, { file: place.file, line: place.line })
  }
  return { cause, differences, evidence, places: [...places.values()] }
}

/** The line that did it, or that set the timer that did it. */
export function placeOfEffect({ timer, at }: Effect): Place | undefined {
  return timer ?? at
}
