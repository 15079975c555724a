import type { Sql } from '../../database/index.ts'
import { uuidv7 } from '../../kernel/index.ts'
import type { Group } from '../group.ts'
import type { AlertState } from '../judge.ts'
import type { Silence } from '../silence.ts'

const ms = (column: string): string => `extract(epoch from ${column})::float8 * 1000`
const HISTORY_DAYS = 30

type Row = { [K in keyof AlertState]: AlertState[K] | null }

export async function readStates(sql: Sql): Promise<AlertState[]> {
  const { rows } = await sql.query<Row>(
    `select rule, key, labels, state, value, ${ms('active_at')} as "activeAt", ${ms('fired_at')} as "firedAt",
            ${ms('back_since')} as "backSince", ${ms('resolved_at')} as "resolvedAt", acknowledged_by as "acknowledgedBy",
            array(select ${ms('turn')} from unnest(turns) turn) as turns
       from tenfold.alert_state order by rule, key`,
  )
  return rows.map((row) => withoutNulls(row) as unknown as AlertState)
}

/** All of them: what is not among them any more is removed. */
export async function writeStates(tx: Sql, states: readonly AlertState[]): Promise<void> {
  const json = JSON.stringify(states)
  await tx.query(
    `insert into tenfold.alert_state as s
       (rule, key, labels, state, value, active_at, fired_at, back_since, resolved_at, turns, acknowledged_by)
     select rule, key, labels, state, value, to_timestamp("activeAt" / 1000), to_timestamp("firedAt" / 1000),
            to_timestamp("backSince" / 1000), to_timestamp("resolvedAt" / 1000),
            array(select to_timestamp(turn / 1000) from unnest(turns) turn), "acknowledgedBy"
       from jsonb_to_recordset($1::jsonb) as x(rule text, key text, labels jsonb, state text, value float8,
            "activeAt" float8, "firedAt" float8, "backSince" float8, "resolvedAt" float8, turns float8[],
            "acknowledgedBy" text)
     on conflict (rule, key) do update set labels = excluded.labels, state = excluded.state, value = excluded.value,
       active_at = excluded.active_at, fired_at = excluded.fired_at, back_since = excluded.back_since,
       resolved_at = excluded.resolved_at, turns = excluded.turns,
       -- Somebody may have acknowledged it since it was read.
       acknowledged_by = case when excluded.state = 'firing' then coalesce(excluded.acknowledged_by, s.acknowledged_by) end`,
    [json],
  )
  await tx.query(
    `delete from tenfold.alert_state
      where (rule, key) not in (select rule, key from jsonb_to_recordset($1::jsonb) as x(rule text, key text))`,
    [json],
  )
}

export async function readGroups(sql: Sql): Promise<Group[]> {
  const { rows } = await sql.query<{ [K in keyof Group]: Group[K] | null }>(
    `select rule, ${ms('first_at')} as "firstAt", ${ms('sent_at')} as "sentAt", sent, ${ms('escalated_at')} as "escalatedAt"
       from tenfold.alert_group`,
  )
  return rows.map((row) => withoutNulls(row) as unknown as Group)
}

export async function writeGroups(tx: Sql, groups: readonly Group[]): Promise<void> {
  await tx.query('delete from tenfold.alert_group')
  await tx.query(
    `insert into tenfold.alert_group (rule, first_at, sent_at, sent, escalated_at)
     select rule, to_timestamp("firstAt" / 1000), to_timestamp("sentAt" / 1000), sent, to_timestamp("escalatedAt" / 1000)
       from jsonb_to_recordset($1::jsonb) as x(rule text, "firstAt" float8, "sentAt" float8, sent text[], "escalatedAt" float8)`,
    [JSON.stringify(groups)],
  )
}

/** Something that happened, for whoever asks later. */
export interface HistoryEntry {
  at: number
  rule: string
  labels: Readonly<Record<string, string>>
  what: 'fired' | 'resolved' | 'acknowledged' | 'silenced' | 'silence ended' | 'told'
  value?: number
  by?: string
}

export async function writeHistory(tx: Sql, entries: readonly Omit<HistoryEntry, 'at'>[]): Promise<void> {
  if (entries.length === 0) return
  await tx.query(
    `insert into tenfold.alert_history (rule, labels, what, value, by)
     select rule, labels, what, value, by
       from jsonb_to_recordset($1::jsonb) as x(rule text, labels jsonb, what text, value float8, by text)`,
    [JSON.stringify(entries)],
  )
  await tx.query(`delete from tenfold.alert_history where at < now() - make_interval(days => ${HISTORY_DAYS})`)
}

export async function readHistory(sql: Sql, limit: number): Promise<HistoryEntry[]> {
  const { rows } = await sql.query<{ [K in keyof HistoryEntry]: HistoryEntry[K] | null }>(
    `select ${ms('at')} as at, rule, labels, what, value, by from tenfold.alert_history order by id desc limit $1`,
    [limit],
  )
  return rows.map((row) => withoutNulls(row) as unknown as HistoryEntry)
}

/** Of all labels, or those of one alert. False when nothing of that rule fires. */
export async function acknowledge(sql: Sql, rule: string, by: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update tenfold.alert_state set acknowledged_by = $2 where rule = $1 and state = 'firing'`,
    [rule, by],
  )
  return rowCount > 0
}

/** Those that have not ended, or ended within the last day. */
export async function readSilences(sql: Sql): Promise<Silence[]> {
  const { rows } = await sql.query<{ [K in keyof Silence]: Silence[K] | null }>(
    `select id, by, comment, ${ms('created_at')} as "createdAt", ${ms('starts_at')} as "startsAt",
            ${ms('ends_at')} as "endsAt", rule, labels
       from tenfold.alert_silence where ends_at > now() - interval '1 day' order by ends_at desc`,
  )
  return rows.map((row) => withoutNulls(row) as unknown as Silence)
}

export type NewSilence = Pick<Silence, 'by' | 'comment' | 'startsAt' | 'endsAt' | 'rule' | 'labels'>

export async function writeSilence(sql: Sql, silence: NewSilence): Promise<string> {
  const id = uuidv7()
  const { by, comment, startsAt, endsAt, rule = null, labels = {} } = silence
  await sql.query(
    `insert into tenfold.alert_silence (id, by, comment, starts_at, ends_at, rule, labels)
     values ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($5::float8 / 1000), $6, $7)`,
    [id, by, comment, startsAt, endsAt, rule, JSON.stringify(labels)],
  )
  return id
}

/** False when there is none that still lasts. */
export async function endSilence(sql: Sql, id: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    'update tenfold.alert_silence set ends_at = now() where id::text = $1 and ends_at > now()',
    [id],
  )
  return rowCount > 0
}

function withoutNulls<T extends object>(row: T): Partial<T> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Partial<T>
}
