import { messageOf } from '../../kernel/index.ts'
import type { SystemDatabase } from '../../database/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { LimitStore, Verdict } from '../limits.ts'

export interface PostgresStoreOptions {
  db: SystemDatabase
  log: Logger
  /** How often keys that nobody uses any more are removed, in ms. Defaults to 60,000. */
  pruneEvery?: number
}

const PRUNE_BATCH = 5000

/** Counts in Postgres: exact over any number of processes, and by one clock. */
export function openPostgresStore({ db, log, pruneEvery = 60_000 }: PostgresStoreOptions): LimitStore {
  const state = { closed: false, pruning: Promise.resolve() }

  const prune = async (): Promise<void> => {
    for (let full = true; full && !state.closed;) {
      const { rows } = await db.query<{ gone: number }>('select tenfold.rate_limit_prune($1)::int as gone', [
        PRUNE_BATCH,
      ])
      full = rows[0]?.gone === PRUNE_BATCH
    }
  }
  // Spread, so that instances started together do not prune together.
  const timer = setInterval(
    () => {
      state.pruning = prune().catch((error: unknown) =>
        log.warn('Rate limits were not pruned.', { error: messageOf(error) }),
      )
    },
    pruneEvery * (0.5 + Math.random()),
  )
  timer.unref()

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
      state.closed = true
      clearInterval(timer)
      await state.pruning
    },
  }
}
