import type { Sql } from '../../database/index.ts'
import type { Room } from '../collect.ts'
import type { CheckedSettings } from '../settings.ts'
import { dropFindings } from './findings.ts'

const LOCK_NOT_AVAILABLE = '55P03'

type Rooms = Record<'traces' | 'logs', Room>

interface Answer {
  answer: { dropped: string[]; size: number }
}

/** Makes the partitions of the coming days, drops the old ones, adds up the hours that are over, and says how much room is left;
 *  of a table that could not be tidied, what was said of it before. */
export async function maintain(
  sql: Sql,
  { keepDays, maxBytes }: CheckedSettings,
  nowMs: number,
  before: Rooms,
): Promise<{ dropped: string[]; room: Rooms }> {
  const keep: Record<string, { days: number; bytes?: number }> = {
    telemetry_operation_10s: { days: keepDays.tenSeconds },
    telemetry_operation_1m: { days: keepDays.minutes },
    telemetry_operation_1h: { days: keepDays.hours },
    telemetry_runtime_10s: { days: keepDays.tenSeconds },
    telemetry_runtime_1m: { days: keepDays.minutes },
    telemetry_metric: { days: keepDays.metrics },
    telemetry_trace: { days: keepDays.traces, bytes: maxBytes },
    telemetry_log: { days: keepDays.logs, bytes: maxBytes },
  }
  // First of all: it reads what may be dropped next.
  await sql.query('select tenfold.telemetry_roll_up(to_timestamp($1::float8 / 1000))', [nowMs])
  const { rows: tables } = await sql.query<{ name: string }>(
    `select relname as name from pg_class
      where relkind = 'p' and relnamespace = 'tenfold'::regnamespace and relname like 'telemetry\\_%' order by 1`,
  )
  const dropped: string[] = []
  const sizes: Record<string, number> = {}
  for (const { name } of tables) {
    await sql.query('select tenfold.telemetry_make_partitions($1, to_timestamp($2::float8 / 1000))', [name, nowMs])
    try {
      const { rows } = await sql.query<Answer>(
        'select tenfold.telemetry_drop_partitions($1, to_timestamp($2::float8 / 1000), $3::jsonb) as answer',
        [name, nowMs, JSON.stringify(keep[name] ?? {})],
      )
      dropped.push(...rows[0]!.answer.dropped)
      sizes[name] = rows[0]!.answer.size
    } catch (error) {
      // A reader who takes long keeps one table as it is until the next time, and no other.
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
    }
  }
  await sql.query('select tenfold.telemetry_forget_before(to_timestamp($1::float8 / 1000), $2)', [
    nowMs,
    keepDays.hours,
  ])
  await dropFindings(sql, nowMs - keepDays.hours * 86_400_000)
  const roomOf = (table: string, unknown: Room): Room => {
    const size = sizes[table]
    if (size === undefined) return unknown
    return size <= maxBytes ? 'all' : size <= 2 * maxBytes ? 'some' : 'none'
  }
  return {
    dropped,
    room: { traces: roomOf('telemetry_trace', before.traces), logs: roomOf('telemetry_log', before.logs) },
  }
}
