import type { Seat } from './seat.ts'

export interface Counts {
  open: number
  idle: number
  waiting: number
  max: number
  opened: number
}

/** All pools of `pg` that this process uses, as one. Those of `postgres` do not tell how full they are. */
export function countsOf({ pools }: Pick<Seat, 'pools'>): Counts {
  const sum = { open: 0, idle: 0, waiting: 0, max: 0, opened: 0 }
  for (const known of pools) {
    const pool = known.deref()
    if (!pool) {
      pools.delete(known)
      continue
    }
    sum.open += pool.totalCount
    sum.idle += pool.idleCount
    sum.waiting += pool.waitingCount
    sum.max += pool.options.max ?? 10
  }
  return sum
}
