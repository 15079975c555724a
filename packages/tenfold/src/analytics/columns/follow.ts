/** Keeps a copy by columns up to date: before a question is asked, what Postgres got since the last one.
 *
 *  Rows bear the number of the transaction that stored them. Below the oldest one that is still open
 *  (`pg_snapshot_xmin`) nothing can appear any more: that is the next position. What is above it comes again next time, so
 *  that nothing is missed that commits late. */
import type { SqlTransaction, SystemDatabase } from '../../database/index.ts'
import type { Columns } from './columns.ts'

const ROWS = 5_000
const PEOPLE = 5_000

export interface Follower {
  /** Resolves when the copy has all that was committed before the call. */
  catchUp(): Promise<void>
}

export function createFollower(db: SystemDatabase, columns: Columns): Follower {
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined

  const run = (): Promise<void> =>
    db.transaction(async (tx) => {
      // The first copy of many events takes minutes, and others wait for it; the role's limits are those of requests.
      await tx.query(
        `select set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true),
                set_config('idle_in_transaction_session_timeout', '0', true)`,
      )
      // One at a time over all processes: or what one of them has just forgotten could come back with the rows of another.
      await tx.query(`select pg_advisory_xact_lock(hashtext('tenfold.analytics_columns'))`)
      const renumbered = await forgetForeignNumbers(tx)
      const { rows } = await tx.query<{ until: string }>(
        'select pg_snapshot_xmin(pg_current_snapshot())::text as until',
      )
      const { until } = rows[0]!
      let from = await columns.position()
      if (BigInt(from) > BigInt(until) || renumbered) {
        // The database was restored, and counts transactions from an earlier moment: what was copied since is not in it.
        await columns.clear()
        from = '0'
      }
      await columns.copy(from, until, {
        events: linesOf(tx, eventsSince(from)),
        merged: linesOf(tx, mergedSince(from)),
        forgotten: forgottenSince(tx, from),
      })
    })

  return {
    catchUp() {
      // A run that is under way may have begun before the last event was stored: all callers since then share the next one.
      waiting ??= (running ?? Promise.resolve())
        .catch(() => {})
        .then(() => {
          running = waiting
          waiting = undefined
          return run()
        })
      return waiting
    },
  }
}

/** A dump that is restored into another cluster brings numbers that this one has not come to. They would be copied again with every
 *  question until it has: they become rows without a number, which are old. True if there were any. */
async function forgetForeignNumbers(tx: SqlTransaction): Promise<boolean> {
  let found = 0
  for (const [table, number] of NUMBERED) {
    const { rowCount } = await tx.query(
      `update tenfold.${table} set xact = ${number} where xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint`,
    )
    found += rowCount
  }
  return found > 0
}

const NUMBERED = [
  ['analytics_event', 'null'],
  ['analytics_merged', 'null'],
  ['analytics_forgotten', '0'],
] as const

const EVENTS = `
  select (extract(epoch from e.ts) * 1000000)::bigint as ts, e.person_id as person, e.name_id, n.name, e.seq, e.id,
         coalesce(e.xact, 0) as xact,
         coalesce((select json_object_agg(key, value) from (
             select key, value from jsonb_each_text(e.props) where key <> '$groups' and value is not null
             union all select '$group.' || key, value from jsonb_each_text(e.props -> '$groups') where value is not null
           ) t), '{}') as texts,
         coalesce((select json_object_agg(key, value) from jsonb_each(e.props) where jsonb_typeof(value) = 'number'), '{}') as numbers
    from tenfold.analytics_event e join tenfold.analytics_name n on n.id = e.name_id`

function eventsSince(position: string): string {
  return `select row_to_json(r)::text as line from (${EVENTS} ${since('e.xact', position)}) r`
}

function mergedSince(position: string): string {
  return `select row_to_json(r)::text as line from (
            select person_id as person, into_id, coalesce(m.xact, 0) as xact from tenfold.analytics_merged m
            ${since('m.xact', position)}) r`
}

/** Rows that are older than the column have no number. */
function since(xact: string, position: string): string {
  return position === '0' ? '' : `where ${xact} >= ${BigInt(position)}`
}

async function* linesOf(tx: SqlTransaction, select: string): AsyncIterable<string> {
  await tx.query(`declare analytics_lines no scroll cursor for ${select}`)
  for (;;) {
    const { rows } = await tx.query<{ line: string }>(`fetch ${ROWS} from analytics_lines`)
    if (rows.length > 0) yield rows.map(({ line }) => `${line}\n`).join('')
    if (rows.length < ROWS) break
  }
  await tx.query('close analytics_lines')
}

async function* forgottenSince(tx: SqlTransaction, position: string): AsyncIterable<number[]> {
  const { rows } = await tx.query<{ person_id: string }>(
    'select person_id from tenfold.analytics_forgotten where xact >= $1::bigint order by person_id',
    [position],
  )
  // ClickHouse reads no statement of more than 256 KiB (`max_query_size`).
  for (let i = 0; i < rows.length; i += PEOPLE)
    yield rows.slice(i, i + PEOPLE).map(({ person_id }) => Number(person_id))
}
