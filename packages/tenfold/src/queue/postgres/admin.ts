/** Looking at jobs, and the few things that people do to them by hand. */
import type { SystemDatabase } from '../../database/index.ts'
import type { JobDetail, JobFilter, JobId, JobRow, JobState, JobSummary, Queue } from '../queue.ts'
import type { Wake } from './wake.ts'

const MS = (column: string): string => `round(extract(epoch from ${column}) * 1000)::float8`

/** The three tables as one shape. `full` adds what only the page of one job shows. */
function source(table: 'job' | 'job_dead' | 'job_done', full: boolean): string {
  const finished = table !== 'job'
  const state = {
    job: `case state when 'leased' then 'running' when 'delayed' then 'delayed' else 'waiting' end`,
    job_dead: `'dead'`,
    job_done: `'done'`,
  }[table]
  return `select j.id, name, ${state} as state, -rank as priority, attempt - lost as attempt, max_attempts as "maxAttempts",
    ${MS('created_at')} as "createdAt", ${MS('run_at')} as "runAt",
    ${finished ? `${MS('finished_at')} - round(duration_ms)` : MS('leased_at')} as "startedAt",
    ${finished ? MS('finished_at') : 'null::float8'} as "finishedAt", ${finished ? 'round(duration_ms::numeric, 3)::float8' : 'null::float8'} as "durationMs",
    ${finished ? 'null::float8' : 'progress::float8'} as progress, errors -> -1 ->> 'message' as error,
    ${finished ? 'j.instance_id' : 'worker.instance_id'} as "instanceId"
    ${full ? `, payload::text, ${table === 'job_done' ? 'result::text' : 'null as result'}, unique_key as "uniqueKey", concurrency_key as "concurrencyKey", traceparent, coalesce(errors, '[]')::text as errors` : ''}
  from tenfold.${table} j ${finished ? '' : 'left join tenfold.worker on worker.id = j.owner'}`
}

type Row = { [Key in keyof JobRow]-?: JobRow[Key] | null }
type FullRow = Row & {
  payload: string
  result: string | null
  uniqueKey: string | null
  concurrencyKey: string | null
  traceparent: string | null
  errors: string
}

const TABLES: Record<JobState, 'job' | 'job_dead' | 'job_done'> = {
  waiting: 'job',
  delayed: 'job',
  running: 'job',
  dead: 'job_dead',
  done: 'job_done',
}
const STATES: Partial<Record<JobState, string>> = {
  waiting: `and state in ('ready', 'held')`,
  delayed: `and state = 'delayed'`,
  running: `and state = 'leased'`,
}

type Admin = Pick<Queue, 'list' | 'get' | 'summary' | 'retry' | 'discard' | 'retryAll'>

export function createAdmin(db: SystemDatabase, wake: Wake): Admin {
  const list = async ({ state, name, ids, before, limit = 50 }: JobFilter = {}): Promise<JobRow[]> => {
    const tables = state ? [TABLES[state]] : (['job', 'job_dead', 'job_done'] as const)
    const parts = tables.map(
      (table) => `(${source(table, false)}
        where ($1::text is null or name = $1) and ($2::bigint is null or j.id < $2) and ($3::bigint[] is null or j.id = any ($3))
          ${(state && STATES[state]) ?? ''}
        order by j.id desc limit $4)`,
    )
    const { rows } = await db.query<Row>(
      `select * from (${parts.join(' union all ')}) as found order by id desc limit $4`,
      [name ?? null, idOf(before), ids ? ids.filter(isId) : null, Math.min(500, Math.max(1, limit))],
    )
    return rows.map(rowOf)
  }

  const get = async (id: JobId): Promise<JobDetail | undefined> => {
    if (!isId(id)) return undefined
    const parts = (['job', 'job_dead', 'job_done'] as const).map((table) => `(${source(table, true)} where j.id = $1)`)
    const { rows } = await db.query<FullRow>(parts.join(' union all '), [id])
    return rows[0] && detailOf(rows[0])
  }

  const summary = async (): Promise<JobSummary[]> => {
    const { rows } = await db.query<JobSummary>(`
      with live as (
        select name, count(*) filter (where state in ('ready', 'held')) as waiting, count(*) filter (where state = 'delayed') as delayed,
          count(*) filter (where state = 'leased') as running, min(run_at) filter (where state in ('ready', 'held')) as oldest
        from tenfold.job group by name
      ), dead as (
        select name, count(*) as dead from tenfold.job_dead group by name
      ), ran as (
        select name, sum(done) as done, sum(failed) as failed, sum(run_ms) as run_ms
        from tenfold.job_stat where minute > now() - interval '1 hour' group by name
      )
      select name, coalesce(waiting, 0)::float8 as waiting, coalesce(delayed, 0)::float8 as delayed, coalesce(running, 0)::float8 as running,
        coalesce(dead, 0)::float8 as dead, coalesce(done, 0)::float8 as "doneLastHour", coalesce(failed, 0)::float8 as "failedLastHour",
        greatest(0, coalesce(${MS('now() - oldest')}, 0)) as "oldestWaitingMs", coalesce(run_ms / nullif(done + failed, 0), 0)::float8 as "meanRunMs"
      from live full join dead using (name) full join ran using (name) order by name`)
    return rows
  }

  /** Dead letters back to work, all their attempts before them. Whose unique key is taken stays dead. */
  const revive = async (where: string, value: string): Promise<number> => {
    const { rows } = await db.query<{ name: string; seq: number; key: string | null }>(
      `with chosen as (
         select * from tenfold.job_dead d where ${where} order by id limit 1000 for update skip locked
       ), revived as (
         insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
             unique_key, concurrency_key, concurrency_limit, traceparent, event_id, errors, payload)
           select id, nextval('tenfold.job_seq'), name, case when concurrency_key is null then 'ready' else 'held' end, rank, now(), created_at,
             max_attempts, timeout_ms, backoff_ms, backoff_max_ms, unique_key, concurrency_key, concurrency_limit, traceparent, event_id, errors, payload
           from chosen
           on conflict (name, unique_key) where unique_key is not null do nothing
           returning id, seq, name, concurrency_key
       ), gone as (
         delete from tenfold.job_dead where id in (select id from revived)
       )
       select name, seq::float8 as seq, concurrency_key as key from revived`,
      [value],
    )
    announce(rows)
    return rows.length
  }

  const announce = (rows: readonly { name: string; seq: number; key: string | null }[]): void => {
    if (rows.length === 0) return
    const held = rows.flatMap(({ name, key }) => (key === null ? [] : [{ name, key }]))
    const low = Math.min(...rows.map((row) => row.seq))
    wake.tell({
      ready: { names: [...new Set(rows.map((row) => row.name))], count: rows.length, low },
      ...(held.length > 0 && { held }),
    })
  }

  return {
    list,
    get,
    summary,
    async retry(id) {
      if (!isId(id)) return false
      if ((await revive('id = $1::bigint', id)) > 0) return true
      const { rows } = await db.query<{ name: string; seq: number; key: string | null }>(
        `update tenfold.job set state = case when concurrency_key is null then 'ready' else 'held' end, run_at = now(), seq = nextval('tenfold.job_seq')
         where id = $1 and state = 'delayed' returning name, seq::float8 as seq, concurrency_key as key`,
        [id],
      )
      announce(rows)
      return rows.length > 0
    },
    async discard(id) {
      if (!isId(id)) return false
      const { rows } = await db.query<{ gone: number }>(
        `with dead as (delete from tenfold.job_dead where id = $1 returning id),
              unbegun as (delete from tenfold.job where id = $1 and state <> 'leased' returning id)
         select ((select count(*) from dead) + (select count(*) from unbegun))::int as gone`,
        [id],
      )
      return rows[0]!.gone > 0
    },
    async retryAll({ name }) {
      let total = 0
      for (;;) {
        const revived = await revive('name = $1', name)
        total += revived
        if (revived < 1000) return total
      }
    },
  }
}

function isId(id: string): boolean {
  return /^\d{1,18}$/.test(id)
}

function idOf(id: string | undefined): string | null {
  return id !== undefined && isId(id) ? id : null
}

/** Without what is null, and the id as text. */
function rowOf(row: Row): JobRow {
  const present = Object.entries(row).filter(([, value]) => value !== null)
  return { ...Object.fromEntries(present), id: String(row.id) } as unknown as JobRow
}

function detailOf({ payload, result, uniqueKey, concurrencyKey, traceparent, errors, ...row }: FullRow): JobDetail {
  const traceId = traceparent?.split('-')[1]
  return {
    ...rowOf(row),
    payload: JSON.parse(payload) as unknown,
    ...(result !== null && { result: JSON.parse(result) as unknown }),
    ...(uniqueKey !== null && { uniqueKey }),
    ...(concurrencyKey !== null && { concurrencyKey }),
    ...(traceId !== undefined && { traceId }),
    errors: JSON.parse(errors) as JobDetail['errors'],
  }
}
