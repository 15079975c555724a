import { messageOf } from '../../kernel/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { SystemDatabase } from '../../database/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { LimitStore, Verdict } from '../limits.ts'

export interface PostgresStoreOptions {
  db: SystemDatabase
  clock: Clock
  log: Logger
  /** How often keys that nobody uses any more are removed, in ms. Defaults to 60,000. */
  pruneEvery?: number
}

const PRUNE_BATCH = 5000

/** Counts in Postgres: exact over any number of processes, and by one clock. */
export function openPostgresStore({ db, clock, log, pruneEvery = 60_000 }: PostgresStoreOptions): LimitStore {
  const closing = new AbortController()

  const prune = async (): Promise<void> => {
    for (let full = true; full && !closing.signal.aborted;) {
      const { rows } = await db.query<{ gone: number }>('select tenfold.rate_limit_prune($1)::int as gone', [
        PRUNE_BATCH,
      ])
      full = rows[0]?.gone === PRUNE_BATCH
    }
  }
  const keepPruning = async (): Promise<void> => {
    for (;;) {
      // Spread, so that instances started together do not prune together.
      await clock.sleep(pruneEvery * (0.5 + Math.random()), closing.signal)
      if (closing.signal.aborted) return
      await prune().catch((error: unknown) => log.warn('Rate limits were not pruned.', { error: messageOf(error) }))
    }
  }
  const pruning = keepPruning()

  return {
    async take(key, paces, cost) {
      const intervals = paces.map((pace) => pace.interval)
      const tolerances = paces.map((pace) => pace.tolerance)
      const { rows } = await db.query<Verdict>('select allowed, ahead from tenfold.rate_limit_take($1, $2, $3, $4)', [
        key,
        intervals,
        tolerances,
        cost,
      ])
      return rows[0]!
    },
    async reset(key) {
      await db.query('delete from tenfold.rate_limit where key = $1', [key])
    },
    async close() {
      closing.abort()
      await pruning
    },
  }
}
