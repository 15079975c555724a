import { gather, messageOf } from '../../kernel/index.ts'
import type { SystemDatabase } from '../../database/index.ts'
import type { Logger } from '../../telemetry/index.ts'
import type { LimitStore, Pace, Verdict } from '../limits.ts'

export interface PostgresStoreOptions {
  db: SystemDatabase
  log: Logger
  /** How often keys that nobody uses any more are removed, in ms. Defaults to 60,000. */
  pruneEvery?: number
}

const PRUNE_BATCH = 5000
/** Statements at the same time: what waits behind them is gathered into the next one. */
const LANES = 4

interface Question {
  key: string
  paces: readonly Pace[]
  cost: number
}

/** Counts in Postgres: exact over any number of processes, and by one clock. */
export function openPostgresStore({ db, log, pruneEvery = 60_000 }: PostgresStoreOptions): LimitStore {
  const state = { closed: false, pruning: Promise.resolve() }

  // Rows are locked in one order, so that two statements cannot wait for each other.
  const take = gather<Question, Verdict>(
    async (questions) => {
      const order = questions.map((_, i) => i).sort((a, b) => (questions[a]!.key < questions[b]!.key ? -1 : 1))
      const sorted = order.map((i) => questions[i]!)
      // Windows differ in number from limiter to limiter, and an array of arrays must not: they travel as text.
      const list = (pick: (pace: Pace) => number) => sorted.map(({ paces }) => `{${paces.map(pick).join()}}`)
      const { rows } = await db.query<Verdict>(
        `select t.allowed, t.ahead from unnest($1::text[], $2::text[], $3::text[], $4::float8[])
           with ordinality as q (key, intervals, tolerances, cost, n),
           tenfold.rate_limit_take(q.key, q.intervals::float8[], q.tolerances::float8[], q.cost) as t order by q.n`,
        [
          sorted.map(({ key }) => key),
          list((pace) => pace.interval),
          list((pace) => pace.tolerance),
          sorted.map(({ cost }) => cost),
        ],
      )
      const verdicts: Verdict[] = []
      order.forEach((i, n) => (verdicts[i] = rows[n]!))
      return verdicts
    },
    { lanes: LANES, most: 200 },
  )

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
    take: (key, paces, cost) => take({ key, paces, cost }),
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
