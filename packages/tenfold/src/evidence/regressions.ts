import { findShift, type HourPoint, type ShiftOptions } from './shifts.ts'
import type { Evidence, Shift } from './evidence.ts'

/** A route, query or job by the hour: [time, how many, mean in ms]. */
export interface Series {
  kind: Shift['kind']
  name: string
  hours: readonly (readonly [at: number, count: number, meanMs: number])[]
}

/** A release is rolled out over some time, and the first slow hour begins on the hour. */
const CAUSE_WITHIN_MS = 2 * 3_600_000

/** What became slower in the last two days, the worst first, with the release and the migration that came with it. */
export function findShifts(series: readonly Series[], changes: Evidence['changes'], options?: ShiftOptions): Shift[] {
  return series
    .flatMap(({ kind, name, hours }) => {
      const points: HourPoint[] = hours.map(([at, count, meanMs]) => ({ at, count, meanMs }))
      const found = findShift(points, options)
      return found ? [{ kind, name, ...found, with: causesOf(found.at, changes) }] : []
    })
    .toSorted((a, b) => b.after / b.before - a.after / a.before)
}

/** What was changed last before it: in the first slow hour, or shortly before that began. */
function causesOf(at: number, changes: Evidence['changes']): Shift['with'] {
  const near = changes.filter((change) => change.at > at - CAUSE_WITHIN_MS && change.at < at + 3_600_000)
  return (['release', 'migration'] as const).flatMap((what) => {
    const latest = near.filter((change) => change.what === what).toSorted((a, b) => b.at - a.at)[0]
    return latest ? [{ what, name: latest.name, at: latest.at }] : []
  })
}
