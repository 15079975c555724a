import { queryStatements, type Sql } from '../../database/index.ts'
import type { Overview, ProcessRow } from '../api.ts'
import type { Span } from './operations.ts'

/** Those that run: they reported lately, four times the flush interval at most. */
export async function readProcesses(sql: Sql): Promise<ProcessRow[]> {
  const { rows } = await sql.query<ProcessRow>(
    `select instance_id as "instanceId", roles, pid, host,
            extract(epoch from started_at)::float8 * 1000 as "startedAt", extract(epoch from seen_at)::float8 * 1000 as "seenAt",
            cpu_percent as "cpuPercent", memory_bytes::float8 as "memoryBytes",
            event_loop_utilization as "eventLoopUtilization", event_loop_delay_p99 as "eventLoopDelayP99"
       from tenfold.telemetry_process
      where good_until > now()
      order by started_at, instance_id`,
  )
  return rows
}

export interface RuntimeSlot {
  timeMs: number
  cpuPercent: number
  memoryBytes: number
  eventLoopUtilization: number
}

/** CPU and memory of all processes together, and the event loop of the busiest one. */
export async function readRuntime(sql: Sql, span: Span, stepMs: number): Promise<RuntimeSlot[]> {
  const columns = 'time, instance_id, cpu_percent, memory_bytes, event_loop_utilization'
  const { rows } = await sql.query<RuntimeSlot>(
    `with source as (
       select ${columns} from tenfold.telemetry_runtime_1m
        where time >= to_timestamp($1::float8 / 1000) and time < to_timestamp($2::float8 / 1000)
       union all
       select ${columns} from tenfold.telemetry_runtime_10s where time >= to_timestamp($2::float8 / 1000)
     ), each as (
       select floor(extract(epoch from time) * 1000 / $3::float8)::float8 * $3::float8 as slot, instance_id,
              avg(cpu_percent) as cpu, avg(memory_bytes) as memory, avg(event_loop_utilization) as utilization
         from source group by 1, 2
     )
     select slot as "timeMs", sum(cpu)::float8 as "cpuPercent", sum(memory)::float8 as "memoryBytes",
            max(utilization)::float8 as "eventLoopUtilization"
       from each group by slot order by slot`,
    [span.fromMs, span.cutMs, stepMs],
  )
  return rows
}

export async function readDatabaseFacts(sql: Sql): Promise<Overview['database']> {
  const { rows } = await sql.query<Overview['database']>(
    `select current_setting('server_version') as version,
            pg_database_size(current_database())::float8 as "sizeBytes",
            (select sum(numbackends)::int from pg_stat_database) as connections,
            current_setting('max_connections')::int as "maxConnections",
            (select case when blks_hit + blks_read = 0 then 1
                    else blks_hit::float8 / (blks_hit + blks_read) end
               from pg_stat_database where datname = current_database()) as "cacheHitRatio"`,
  )
  return rows[0]!
}

export async function readOwnCost(sql: Sql): Promise<Overview['telemetry']> {
  const share = await readOwnShare(sql)
  const { rows } = await sql.query<Overview['telemetry']>(
    `select coalesce(sum(n_live_tup), 0)::float8 as "storedRows",
            coalesce(sum(pg_total_relation_size(relid)), 0)::float8 as "storeBytes",
            (select coalesce(sum(dropped_traces), 0)::float8 from tenfold.telemetry_process) as "droppedTraces",
            (select coalesce(max(flush_ms), 0)::float8 from tenfold.telemetry_process
              where good_until > now()) as "flushMs"
       from pg_stat_user_tables where schemaname = 'tenfold' and relname like 'telemetry\\_%'`,
  )
  return share === undefined ? rows[0]! : { ...rows[0]!, share }
}

/** Of the time of all statements in this database, since the server began to count. */
async function readOwnShare(sql: Sql): Promise<number | undefined> {
  const rows = await queryStatements<{ share: number | null }>(
    sql,
    (view) =>
      `select sum(total_exec_time) filter (where query like '%tenfold.telemetry\\_%') / nullif(sum(total_exec_time), 0) as share
         from ${view} where dbid = (select oid from pg_database where datname = current_database())`,
  )
  return rows?.[0]?.share ?? undefined
}
