import type { Window } from './sources.ts'

const MOST_POINTS = 180
const FINEST_MS = 60_000

/** A window cut into at most about 180 slots of whole minutes, for a chart. */
export interface Slots {
  fromMs: number
  toMs: number
  stepMs: number
  times: number[]
}

export function slotsOf({ minutes }: Window, nowMs: number): Slots {
  const stepMs = Math.max(FINEST_MS, Math.ceil((minutes * 60_000) / MOST_POINTS / FINEST_MS) * FINEST_MS)
  const fromMs = Math.floor((nowMs - minutes * 60_000) / stepMs) * stepMs
  const times = Array.from({ length: Math.floor((nowMs - fromMs) / stepMs) + 1 }, (_, i) => fromMs + i * stepMs)
  return { fromMs, toMs: nowMs + 1000, stepMs, times }
}
