/** Time travel, for tests: the clock of the database stays, and all times of the queue come nearer. */
import type { SystemDatabase } from '../../database/index.ts'

const NEARER = [
  `update tenfold.job set run_at = run_at - $1::float8 * interval '1 ms' where state = 'delayed'`,
  `update tenfold.job_step set until = until - $1::float8 * interval '1 ms' where until is not null`,
  `update tenfold.job_window set until = until - $1::float8 * interval '1 ms'`,
  `update tenfold.job_rate set at = at - $1::float8 * interval '1 ms'`,
]

/** In how many ms the next delayed job is due; undefined if there is none. */
export async function nextDue(db: SystemDatabase): Promise<number | undefined> {
  const { rows } = await db.query<{ ms: number | null }>(
    `select (extract(epoch from min(run_at) - clock_timestamp()) * 1000)::float8 as ms from tenfold.job where state = 'delayed'`,
  )
  const { ms } = rows[0]!
  return ms === null ? undefined : Math.max(0, ms)
}

/** Gives the delayed jobs that are due then. */
export async function passTime(db: SystemDatabase, ms: number): Promise<string[]> {
  for (const nearer of NEARER) await db.query(nearer, [ms])
  const { rows } = await db.query<{ id: string }>(
    `select id::text from tenfold.job where state = 'delayed' and run_at <= clock_timestamp() order by run_at, id`,
  )
  return rows.map(({ id }) => id)
}
