import type { Sql } from '../../database/index.ts'
import type { Room } from '../collect.ts'
import type { CheckedSettings } from '../settings.ts'
import { dropFindings } from './findings.ts'

interface Answer {
  answer: { dropped: string[]; sizes: Record<string, number> }
}

/** Makes the partitions of the coming days, drops the old ones, adds up the hours that are over, and says how much room is left. */
export async function maintain(
  sql: Sql,
  { keepDays, maxBytes }: CheckedSettings,
  nowMs: number,
): Promise<{ dropped: string[]; room: { traces: Room; logs: Room } }> {
  const keep = {
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
  const { rows } = await sql.query<Answer>(
    'select tenfold.telemetry_maintain(to_timestamp($1::float8 / 1000), $2::jsonb) as answer',
    [nowMs, JSON.stringify(keep)],
  )
  await dropFindings(sql, nowMs - keepDays.hours * 86_400_000)
  const { dropped, sizes } = rows[0]!.answer
  const roomOf = (table: string): Room => {
    const size = sizes[table] ?? 0
    return size <= maxBytes ? 'all' : size <= 2 * maxBytes ? 'some' : 'none'
  }
  return { dropped, room: { traces: roomOf('telemetry_trace'), logs: roomOf('telemetry_log') } }
}
