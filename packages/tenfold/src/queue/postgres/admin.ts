/** Looking at jobs, and the few things that people do to them by hand. */
import type { SystemDatabase } from '../../database/index.ts'
import type { JobDetail, JobFilter, JobId, JobRow, JobState, JobSummary, Queue } from '../queue.ts'
import { PAGE_MARK, type Page } from './many.ts'
import type { Wake } from './wake.ts'

const MS = (column: string): string => `round(extract(epoch from ${column}) * 1000)::float8`

/** A page of events counts as so many jobs. */
const JOBS_OF = `coalesce((extra ->> 'many')::int, 1)`

/** The ids of a page's events follow its own; others may have been drawn in between. */
const NEAR = 2000

const IS_PAGE: Record<Table, string> = {
  job: `extra ? 'many'`,
  job_dead: `extra ? 'many'`,
  job_done: `payload ? '${PAGE_MARK}'`,
  job_kept: `payload ? '${PAGE_MARK}'`,
}

type Table = 'job' | 'job_dead' | 'job_done' | 'job_kept'

/** The tables as one shape. `full` adds what only the page of one job shows. */
function source(table: Table, full: boolean): string {
  const finished = table !== 'job'
  const history = table === 'job_done' || table === 'job_kept'
  const state = {
    job: `case state when 'leased' then 'running' when 'delayed' then 'delayed' when 'blocked' then 'blocked' else 'waiting' end`,
    job_dead: `'dead'`,
    job_done: `coalesce(outcome, 'done')`,
    job_kept: `coalesce(outcome, 'done')`,
  }[table]
  const events = `case when ${IS_PAGE[table]} and jsonb_typeof(payload -> 'ids') = 'array'
    then jsonb_array_length(payload -> 'ids') - case when jsonb_typeof(payload -> 'out') = 'array' then jsonb_array_length(payload -> 'out') else 0 end end`
  const rank = finished ? 'rank' : 'coalesce(own_rank, rank)'
  return `select j.id, name, ${state} as state, -${rank} as priority, attempt - lost as attempt, max_attempts as "maxAttempts",
    ${MS('created_at')} as "createdAt", ${MS('run_at')} as "runAt",
    ${finished ? `${MS('finished_at')} - round(duration_ms)` : MS('leased_at')} as "startedAt",
    ${finished ? MS('finished_at') : 'null::float8'} as "finishedAt", ${finished ? 'round(duration_ms::numeric, 3)::float8' : 'null::float8'} as "durationMs",
    ${finished ? 'null::float8' : 'progress::float8'} as progress, errors -> -1 ->> 'message' as error,
    ${finished ? 'j.instance_id' : 'worker.instance_id'} as "instanceId", ${events} as events
    ${full ? `, payload::text, ${history ? 'result::text' : 'null as result'}, unique_key as "uniqueKey", ${history ? 'concurrency_key' : `coalesce(concurrency_key, gates ->> 'key')`} as "concurrencyKey", ${history ? 'null' : `gates ->> 'tenant'`} as tenant, traceparent, coalesce(errors, '[]')::text as errors` : ''}
  from tenfold.${table} j ${finished ? '' : 'left join tenfold.worker on worker.id = j.owner'}`
}

type Row = { [Key in keyof JobRow]-?: JobRow[Key] | null }
type FullRow = Row & {
  payload: string
  result: string | null
  uniqueKey: string | null
  concurrencyKey: string | null
  tenant: string | null
  traceparent: string | null
  errors: string
}

const ALL: readonly Table[] = ['job', 'job_dead', 'job_done', 'job_kept']
const TABLES: Record<JobState, readonly Table[]> = {
  waiting: ['job'],
  delayed: ['job'],
  blocked: ['job'],
  running: ['job'],
  dead: ['job_dead'],
  done: ['job_done', 'job_kept'],
  cancelled: ['job_done', 'job_kept'],
}
const STATES: Partial<Record<JobState, string>> = {
  waiting: `and state in ('ready', 'held', 'parked')`,
  delayed: `and state = 'delayed'`,
  blocked: `and state = 'blocked'`,
  running: `and state = 'leased'`,
  done: `and outcome is null`,
  cancelled: `and outcome = 'cancelled'`,
}
/** What somebody types, looked for in all that is text. */
const FOUND = `($5::text is null or name ilike $5 or errors::text ilike $5 or unique_key ilike $5 or concurrency_key ilike $5 or payload::text ilike $5)`

const RELEASED = `case when concurrency_key is null and lane is null then 'ready' else 'held' end`

type Admin = Pick<Queue, 'list' | 'get' | 'summary' | 'retry' | 'discard' | 'retryAll'>

export function createAdmin(db: SystemDatabase, wake: Wake): Admin {
  const list = async ({ state, name, ids, search, before, limit = 50 }: JobFilter = {}): Promise<JobRow[]> => {
    const tables = state ? TABLES[state] : ALL
    const parts = tables.map(
      (table) => `(${source(table, false)}
        where ($1::text is null or name = $1) and ($2::bigint is null or j.id < $2) and ($3::bigint[] is null or j.id = any ($3))
          ${search ? `and ${FOUND}` : ''} ${(state && STATES[state]) ?? ''}
        order by j.id desc limit $4)`,
    )
    const { rows } = await db.query<Row>(
      `select * from (${parts.join(' union all ')}) as found order by id desc limit $4`,
      [
        name ?? null,
        idOf(before),
        ids ? ids.filter(isId) : null,
        Math.min(500, Math.max(1, limit)),
        ...(search ? [`%${search.replace(/[\\%_]/g, '\\$&')}%`] : []),
      ],
    )
    return rows.map(rowOf)
  }

  const get = async (id: JobId): Promise<JobDetail | undefined> => {
    if (!isId(id)) return undefined
    const parts = ALL.map((table) => `(${source(table, true)} where j.id = $1)`)
    const { rows } = await db.query<FullRow>(parts.join(' union all '), [id])
    if (!rows[0]) return onPage(id)
    const job = detailOf(rows[0])
    return job.finishedAt === undefined || job.state === 'dead' ? { ...job, ...(await unfinishedOf(id)) } : job
  }

  /** An event that shares a row with others. */
  const onPage = async (id: JobId): Promise<JobDetail | undefined> => {
    const parts = ALL.map(
      (table) => `(${source(table, true)} where j.id < $1::bigint and j.id >= $1::bigint - ${NEAR}
        and ${IS_PAGE[table]} and payload -> 'ids' @> to_jsonb($1::bigint) order by j.id desc limit 1)`,
    )
    const { rows } = await db.query<FullRow>(parts.join(' union all '), [id])
    if (!rows[0]) return undefined
    const { result: _result, events: _events, ...page } = detailOf(rows[0])
    const { events, ids } = page.payload as Partial<Page>
    const payload = ids && events?.[ids.indexOf(Number(id))]
    return payload && { ...page, id, payload, sharedRow: page.id }
  }

  /** What it comes after, and how far it has come. */
  const unfinishedOf = async (id: JobId): Promise<Pick<JobDetail, 'after' | 'steps'>> => {
    const { rows } = await db.query<{ after: string[] | null; steps: string | null }>(
      `select (select array_agg(after_id::text order by place) from tenfold.job_edge where job_id = $1) as after,
         (select json_agg(json_build_object('name', name, 'finishedAt', ${MS('finished_at')}, 'result', result) order by finished_at)::text
          from tenfold.job_step where job_id = $1 and until is null) as steps`,
      [id],
    )
    const { after, steps } = rows[0]!
    return { ...(after && { after }), ...(steps && { steps: JSON.parse(steps) as JobDetail['steps'] & object }) }
  }

  const summary = async (): Promise<JobSummary[]> => {
    const { rows } = await db.query<JobSummary & { paused: boolean }>(`
      with live as (
        select name, sum(${JOBS_OF}) filter (where state in ('ready', 'held', 'parked')) as waiting, sum(${JOBS_OF}) filter (where state in ('delayed', 'blocked')) as delayed,
          sum(${JOBS_OF}) filter (where state = 'held' and (concurrency_key is not null or gates ?| '{total,keyLimit,rateMax}')) as held,
          sum(${JOBS_OF}) filter (where state = 'leased') as running, min(run_at) filter (where state in ('ready', 'held', 'parked')) as oldest
        from tenfold.job group by name
      ), dead as (
        select name, count(*) as dead from tenfold.job_dead group by name
      ), ran as (
        select name, sum(done) as done, sum(failed) as failed, sum(run_ms) as run_ms
        from tenfold.job_stat where minute > now() - interval '1 hour' group by name
      ), held_back as (
        select name, true as paused from tenfold.job_pause
      )
      select name, coalesce(waiting, 0)::float8 as waiting, coalesce(delayed, 0)::float8 as delayed, coalesce(running, 0)::float8 as running,
        coalesce(dead, 0)::float8 as dead, coalesce(done, 0)::float8 as "doneLastHour", coalesce(failed, 0)::float8 as "failedLastHour",
        greatest(0, coalesce(${MS('now() - oldest')}, 0)) as "oldestWaitingMs", coalesce(run_ms / nullif(done + failed, 0), 0)::float8 as "meanRunMs", coalesce(paused, false) as paused,
        coalesce(held, 0)::float8 as held
      from live full join dead using (name) full join ran using (name) full join held_back using (name) order by name`)
    return rows.map(({ paused, held, ...row }) => ({ ...row, ...(paused && { paused }), ...(held && { held }) }))
  }

  /** Dead letters back to work, all their attempts before them. Whose unique key is taken stays dead. */
  const revive = async (where: string, value: string): Promise<number> => {
    const { rows } = await db.query<{ name: string; seq: number; key: string | null }>(
      `with chosen as (
         select * from tenfold.job_dead d where ${where} order by id limit 1000 for update skip locked
       ), revived as (
         insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
             unique_key, concurrency_key, concurrency_limit, traceparent, event_id, errors, payload, version, lane, gates, links, extra)
           select id, nextval('tenfold.job_seq'), name, ${RELEASED}, rank, now(), created_at,
             max_attempts, timeout_ms, backoff_ms, backoff_max_ms, unique_key, concurrency_key, concurrency_limit, traceparent, event_id, errors, payload,
             version, lane, gates, links, extra
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
      lanes: [...new Set(rows.map((row) => row.name))],
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
        `update tenfold.job set state = ${RELEASED}, run_at = now(), seq = nextval('tenfold.job_seq')
         where id = $1 and state = 'delayed' returning name, seq::float8 as seq, concurrency_key as key`,
        [id],
      )
      announce(rows)
      return rows.length > 0
    },
    async discard(id) {
      if (!isId(id)) return false
      const { rows } = await db.query<{ gone: number }>(
        `with dead as (delete from tenfold.job_dead where id = $1 returning id, links),
              unbegun as (delete from tenfold.job where id = $1 and state <> 'leased' returning id, links),
              gone as (select * from dead union all select * from unbegun)
         select count(*)::int as gone, tenfold.queue_settle(
           jsonb_agg(jsonb_build_object('id', id, 'state', 'cancelled')) filter (where links is not null)) from gone`,
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

function detailOf({
  payload,
  result,
  uniqueKey,
  concurrencyKey,
  tenant,
  traceparent,
  errors,
  ...row
}: FullRow): JobDetail {
  const traceId = traceparent?.split('-')[1]
  return {
    ...rowOf(row),
    payload: JSON.parse(payload) as unknown,
    ...(result !== null && { result: JSON.parse(result) as unknown }),
    ...(uniqueKey !== null && { uniqueKey }),
    ...(concurrencyKey !== null && { concurrencyKey }),
    ...(tenant !== null && { tenant }),
    ...(traceId !== undefined && { traceId }),
    errors: JSON.parse(errors) as JobDetail['errors'],
  }
}
