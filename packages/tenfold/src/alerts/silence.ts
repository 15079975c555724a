/** When nobody is to be told: silences that somebody made, and maintenance windows that come again. */
import type { AlertState } from './judge.ts'

export interface Silence {
  id: string
  by: string
  comment: string
  createdAt: number
  startsAt: number
  endsAt: number
  /** Only this rule. Defaults to all. */
  rule?: string
  /** Only alerts with these labels. */
  labels?: Readonly<Record<string, string>>
}

export interface Maintenance {
  /** When it begins, as a cron says it, in UTC: `0 3 * * 0`. */
  schedule: string
  /** In milliseconds. */
  lengthMs: number
  /** Defaults to all. */
  rules?: readonly string[]
  /** The beginnings of it between two times. */
  between(fromMs: number, toMs: number): number[]
}

export function isSilenced(
  { rule, labels }: Pick<AlertState, 'rule' | 'labels'>,
  silences: readonly Silence[],
  maintenance: readonly Maintenance[],
  now: number,
): boolean {
  const bySilence = silences.some(
    (silence) =>
      silence.startsAt <= now &&
      now < silence.endsAt &&
      (silence.rule === undefined || silence.rule === rule) &&
      Object.entries(silence.labels ?? {}).every(([name, value]) => labels[name] === value),
  )
  return bySilence || maintenance.some((window) => (window.rules?.includes(rule) ?? true) && isWithin(window, now))
}

function isWithin({ between, lengthMs }: Maintenance, now: number): boolean {
  return between(now - lengthMs, now + 1).some((start) => start <= now && now < start + lengthMs)
}
