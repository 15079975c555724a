/** Messages on their way. A row is written with the change that it tells of; a job of the queue sends it. Whoever looks at the
 *  rules sends what no worker has sent within a minute: alerts must arrive when it is the workers that are gone. */
import type { Sql } from '../../database/index.ts'
import type { Notice } from '../notice.ts'

const CLAIM_SECONDS = 60
/** After this a message would only confuse. */
const STALE = `interval '1 day'`

export async function writeNotices(
  tx: Sql,
  notices: readonly { channel: string; notice: Notice }[],
): Promise<string[]> {
  if (notices.length === 0) return []
  const { rows } = await tx.query<{ id: string }>(
    `insert into tenfold.alert_notice (channel, rule, body)
     select one ->> 'channel', one -> 'body' ->> 'rule', one -> 'body'
       from jsonb_array_elements($1::jsonb) with ordinality as x(one, place) order by place
     returning id::text`,
    [JSON.stringify(notices.map(({ channel, notice }) => ({ channel, body: notice })))],
  )
  return rows.map(({ id }) => id)
}

/** `taken`: it is ours to send. `later`: an older one about the same is not delivered yet, or somebody sends it. */
export type Claim = { state: 'taken'; channel: string; notice: Notice } | { state: 'later' } | { state: 'done' }

export async function claim(sql: Sql, id: string): Promise<Claim> {
  const { rows } = await sql.query<{ channel: string; body: Notice }>(
    `update tenfold.alert_notice n
        set claimed_until = now() + make_interval(secs => ${CLAIM_SECONDS}), attempts = attempts + 1
      where id = $1 and delivered_at is null and coalesce(claimed_until, '-infinity') < now()
        and not exists (select from tenfold.alert_notice older
                         where older.channel = n.channel and older.rule = n.rule and older.id < n.id
                           and older.delivered_at is null and older.created_at > now() - ${STALE})
      returning channel, body`,
    [id],
  )
  const [row] = rows
  if (row) return { state: 'taken', channel: row.channel, notice: row.body }
  const { rows: left } = await sql.query(
    `select 1 from tenfold.alert_notice where id = $1 and delivered_at is null and created_at > now() - ${STALE}`,
    [id],
  )
  return { state: left.length > 0 ? 'later' : 'done' }
}

export async function delivered(sql: Sql, id: string): Promise<void> {
  await sql.query(
    'update tenfold.alert_notice set delivered_at = now(), claimed_until = null, last_error = null where id = $1',
    [id],
  )
}

export async function failed(sql: Sql, id: string, reason: string): Promise<void> {
  await sql.query('update tenfold.alert_notice set claimed_until = null, last_error = $2 where id = $1', [
    id,
    reason.slice(0, 500),
  ])
}

/** What nobody has sent for a minute, oldest first; removes what is long done. */
export async function overdue(sql: Sql, afterMs: number): Promise<string[]> {
  await sql.query(`delete from tenfold.alert_notice where created_at < now() - interval '7 days'`)
  const { rows } = await sql.query<{ id: string }>(
    `select id::text from tenfold.alert_notice
      where delivered_at is null and coalesce(claimed_until, '-infinity') < now()
        and created_at < now() - make_interval(secs => $1::float8 / 1000) and created_at > now() - ${STALE}
      order by id limit 20`,
    [afterMs],
  )
  return rows.map(({ id }) => id)
}

export interface Delivery {
  channel: string
  /** Of the last day. */
  delivered: number
  waiting: number
  lastDeliveredAt?: number
  lastError?: string
}

export async function readDeliveries(sql: Sql): Promise<Delivery[]> {
  const { rows } = await sql.query<Delivery & { lastDeliveredAt: number | null; lastError: string | null }>(
    `select channel, count(*) filter (where delivered_at is not null)::int as delivered,
            count(*) filter (where delivered_at is null)::int as waiting,
            extract(epoch from max(delivered_at))::float8 * 1000 as "lastDeliveredAt",
            (array_agg(last_error order by id desc) filter (where last_error is not null))[1] as "lastError"
       from tenfold.alert_notice where created_at > now() - ${STALE} group by channel order by channel`,
  )
  return rows.map(({ lastDeliveredAt, lastError, ...row }) => ({
    ...row,
    ...(lastDeliveredAt !== null && { lastDeliveredAt }),
    ...(lastError !== null && { lastError }),
  }))
}
