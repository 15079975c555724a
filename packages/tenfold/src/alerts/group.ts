/** When people are told. All alerts of one rule are one group, and one message: ten processes with the same trouble are one
 *  trouble. A pure function, as the judge is. */
import type { AlertState } from './judge.ts'

export interface GroupTimes {
  /** How long a new group waits for others to join it. */
  waitMs: number
  /** How long at least between two messages about changes. */
  intervalMs: number
  /** When it is told again although nothing has changed. */
  repeatMs: number
}

/** What was told about a rule. */
export interface Group {
  rule: string
  firstAt: number
  sentAt?: number
  /** The keys of what was said to fire. */
  sent: readonly string[]
  escalatedAt?: number
}

export interface Told {
  group: Group | undefined
  /** Absent: nobody is told anything. */
  send?: 'firing' | 'resolved'
}

/** `firing`: all that fire; `loud`: those of them that are neither silenced nor inhibited. */
export function tell(
  rule: string,
  before: Group | undefined,
  { firing, loud }: { firing: readonly AlertState[]; loud: readonly AlertState[] },
  times: GroupTimes,
  now: number,
): Told {
  const keys = loud.map(({ key }) => key).sort()
  if (firing.length === 0)
    return { group: undefined, ...(before?.sentAt !== undefined && { send: 'resolved' as const }) }
  if (keys.length === 0) return { group: before }
  const group: Group = before ?? { rule, firstAt: now, sent: [] }
  if (group.sentAt === undefined) return now - group.firstAt >= times.waitMs ? told(group, keys, now) : { group }
  const since = now - group.sentAt
  const joined = keys.some((key) => !group.sent.includes(key))
  if (joined && since >= times.intervalMs) return told(group, keys, now)
  const acknowledged = loud.every(({ acknowledgedBy }) => acknowledgedBy !== undefined)
  if (!acknowledged && since >= times.repeatMs) return told(group, keys, now)
  return { group }
}

function told(group: Group, keys: readonly string[], now: number): Told {
  return { group: { ...group, sentAt: now, sent: [...new Set([...group.sent, ...keys])] }, send: 'firing' }
}
