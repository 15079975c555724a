/** The life of an alert, as a pure function of what was before, what was read, and the time.
 *
 *    (none) ──beyond──> pending ──for `forMs`──> firing ──back──> (holding) ──for `keepMs`──> resolved
 *                          └──back──> (none)        ^──beyond again──┘
 *
 *  An alert that fired or resolved four times within an hour is flapping: it then holds until an hour was calm. */
import { isAdvice, isBeyond, isBurn, type CheckedRule } from './rule.ts'

export interface Reading {
  labels: Readonly<Record<string, string>>
  /** What makes it the same alert as before. Defaults to all labels. */
  key?: string
  /** Of a burn rate: how many times too fast. */
  value: number
  /** Whether there were enough values to say anything. */
  enough: boolean
}

export interface AlertState {
  rule: string
  /** Of the labels, in the order of their names. */
  key: string
  labels: Readonly<Record<string, string>>
  state: 'pending' | 'firing' | 'resolved'
  value: number
  /** When the condition first held. */
  activeAt: number
  firedAt?: number
  /** Since when a firing one is back to normal. */
  backSince?: number
  resolvedAt?: number
  /** When it fired and resolved, within the last hour. */
  turns: readonly number[]
  acknowledgedBy?: string
}

const HOUR_MS = 3_600_000
const FLAPPING_TURNS = 4

export function keyOf(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(',')
}

/** The states of one rule after a look at it; what is neither on nor of interest any more is left out. */
export function judge(
  rule: CheckedRule,
  before: readonly AlertState[],
  readings: readonly Reading[],
  now: number,
): AlertState[] {
  const known = new Map(before.map((state) => [state.key, state]))
  const read = new Map(readings.map((reading) => [reading.key ?? keyOf(reading.labels), reading]))
  const keys = new Set([...known.keys(), ...read.keys()])
  return [...keys].flatMap((key) => {
    const state = known.get(key)
    return next(rule, key, state && { ...state, turns: recent(state.turns, now) }, read.get(key), now) ?? []
  })
}

function next(
  rule: CheckedRule,
  key: string,
  state: AlertState | undefined,
  reading: Reading | undefined,
  now: number,
): AlertState | undefined {
  const firing = state?.state === 'firing'
  const on = reading !== undefined && isOn(rule, reading, firing)
  const value = reading?.value ?? state?.value ?? 0
  if (firing) return on ? goesOn({ ...state, value }) : holds(rule, { ...state, value }, now)
  if (!on) return state && remembered(state)
  const pending: AlertState =
    state?.state === 'pending'
      ? { ...state, value }
      : {
          rule: rule.name,
          key,
          labels: reading.labels,
          state: 'pending',
          value,
          activeAt: now,
          turns: state?.turns ?? [],
        }
  if (now - pending.activeAt < rule.forMs) return pending
  return { ...pending, state: 'firing', firedAt: now, turns: [...pending.turns, now] }
}

function isOn({ when }: CheckedRule, { value, enough }: Reading, firing: boolean): boolean {
  // What fires goes on by its value alone: a fault that leaves no traffic to count is not over.
  if (!enough && !firing) return false
  if (isAdvice(when)) return value > 0
  return isBurn(when) ? value > when.burn.factor : isBeyond(when, value, firing)
}

function goesOn(state: AlertState): AlertState {
  const { backSince: _, ...rest } = state
  return rest
}

function holds(rule: CheckedRule, state: AlertState, now: number): AlertState {
  const backSince = state.backSince ?? now
  const keepMs = isFlapping(state) ? Math.max(rule.keepMs, HOUR_MS) : rule.keepMs
  if (now - backSince < keepMs) return { ...state, backSince }
  const { acknowledgedBy: _, ...rest } = state
  return { ...rest, backSince, state: 'resolved', resolvedAt: now, turns: [...state.turns, now] }
}

/** One that never fired is forgotten at once; one that did, when it can no longer be flapping. */
function remembered(state: AlertState): AlertState | undefined {
  return state.state === 'resolved' && state.turns.length > 0 ? state : undefined
}

export function isFlapping({ turns }: Pick<AlertState, 'turns'>): boolean {
  return turns.length >= FLAPPING_TURNS
}

function recent(turns: readonly number[], now: number): number[] {
  return turns.filter((at) => now - at < HOUR_MS)
}
