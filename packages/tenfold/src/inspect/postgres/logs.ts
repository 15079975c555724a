import type { Sql } from '../../database/index.ts'
import type { LogRow } from '../api.ts'
import { LEVELS } from '../loglines.ts'
import type { LogFilter } from '../sources.ts'
import { isTraceId } from './traces.ts'

interface Row extends Omit<LogRow, 'level' | 'traceId'> {
  level: number
  traceId: string | null
}

const NAMES = new Map<number, LogRow['level']>(
  (Object.keys(LEVELS) as LogRow['level'][]).map((name) => [LEVELS[name], name]),
)

/** Newest first. */
export async function readLogs(sql: Sql, filter: LogFilter): Promise<LogRow[]> {
  const { level, search, trace, before, limit } = filter
  if (trace !== undefined && !isTraceId(trace)) return []
  if (before !== undefined && !/^\d{1,18}$/.test(before)) return []
  const { rows } = await sql.query<Row>(
    `select id::text as id, extract(epoch from time)::float8 * 1000 as time, level, message,
            replace(trace_id::text, '-', '') as "traceId", instance_id as "instanceId", fields
       from tenfold.telemetry_log
      where level >= $1::int
        and ($2::text is null or position(lower($2) in lower(message)) > 0 or position(lower($2) in lower(fields::text)) > 0)
        and ($3::uuid is null or trace_id = $3)
        and ($4::bigint is null or id < $4 and time <= to_timestamp($4::float8 / 1000000))
      order by id desc limit $5`,
    [level ? LEVELS[level] : 0, search ?? null, trace ?? null, before ?? null, limit],
  )
  return rows.map(({ traceId, level: number, ...row }) => ({
    ...row,
    level: NAMES.get(number) ?? 'info',
    ...(traceId !== null && { traceId }),
  }))
}
