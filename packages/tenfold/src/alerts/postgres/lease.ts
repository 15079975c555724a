/** Who looks at the rules: the process whose name is in the row, until its time is up. The clock of the database decides.
 *
 *    anybody ──take()──> holder ──take() again in time──> holder
 *                           └── dies, or stands still ──> its time is up ──> anybody
 *
 *  A process that stood still and wakes up late writes nothing: `hold` asks within the transaction that writes. */
import type { Sql } from '../../database/index.ts'

/** Takes or keeps the lease for `forMs`; false when another has it. */
export async function takeLease(sql: Sql, holder: string, forMs: number): Promise<boolean> {
  const { rows } = await sql.query(
    `insert into tenfold.alert_leader as l (holder, until)
     values ($1, clock_timestamp() + make_interval(secs => $2::float8 / 1000))
     on conflict (only_row) do update set holder = excluded.holder, until = excluded.until
      where l.holder = excluded.holder or l.until < clock_timestamp()
     returning holder`,
    [holder, forMs],
  )
  return rows.length > 0
}

/** Whether the lease is still ours; if so, nobody else takes it before this transaction ends. */
export async function holdLease(tx: Sql, holder: string): Promise<boolean> {
  const { rows } = await tx.query(
    'select 1 from tenfold.alert_leader where holder = $1 and until > clock_timestamp() for update',
    [holder],
  )
  return rows.length > 0
}

/** Gives it back at once, for the next one. */
export async function leaveLease(sql: Sql, holder: string): Promise<void> {
  await sql.query(`update tenfold.alert_leader set until = '-infinity' where holder = $1`, [holder])
}

export async function lookedAt(tx: Sql): Promise<void> {
  await tx.query('update tenfold.alert_leader set looked_at = clock_timestamp()')
}

/** When the rules were last looked at, to the end, and by whom. In ms since 1970. */
export async function lastLook(sql: Sql): Promise<{ at: number; by: string } | undefined> {
  const { rows } = await sql.query<{ at: number; by: string }>(
    `select extract(epoch from looked_at)::float8 * 1000 as at, holder as by
       from tenfold.alert_leader where looked_at is not null`,
  )
  return rows[0]
}
