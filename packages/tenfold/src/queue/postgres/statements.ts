/** The statements of a worker. All take their rows as one JSON parameter, which costs less than arrays or many parameters.
 *
 *  The fence is in each of them: `id`, `attempt` and `owner` have to be those of the claim, else the row is left alone. */

const FENCED = 'j.id = d.id and j.attempt = d.attempt and j.owner = d.owner'
const KEPT = `id, name, rank, run_at, created_at, attempt, lost, max_attempts`
const KEYS = `unique_key, concurrency_key, traceparent, event_id`

/** Finishes jobs and claims the next ones, in one commit: see the function.
 *  $1 finished (null: none)   $2 worker   $3 instance   $4 names that it can run   $5, $6 where to begin   $7 how many */
export const EXCHANGE =
  'select done, jobs from tenfold.queue_exchange($1::text::json, $2::bigint, $3::text, $4::text[], $5::int, $6::bigint, $7::int)'

/** $1 [{ id, attempt, owner, delay, error }]: these are tried again later. */
export const FAIL = `
update tenfold.job j
  set state = 'delayed', run_at = now() + d.delay * interval '1 ms', owner = null, leased_at = null, progress = null,
      errors = case when jsonb_array_length(j.errors) >= 10 then j.errors - 0 else coalesce(j.errors, '[]') end || d.error
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, delay double precision, error jsonb)
  where ${FENCED}`

/** $1 [{ id, attempt, owner, ms, error }], $2 instance: these have used their last attempt. */
export const BURY = `
with gone as (
  delete from tenfold.job j
    using json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, ms real, error jsonb)
    where ${FENCED}
    returning j.*, d.ms, d.error
)
insert into tenfold.job_dead (${KEPT}, ${KEYS}, concurrency_limit, timeout_ms, backoff_ms, backoff_max_ms, duration_ms, instance_id, errors, payload)
  select ${KEPT}, ${KEYS}, concurrency_limit, timeout_ms, backoff_ms, backoff_max_ms, ms, $2::text, coalesce(errors, '[]') || error, payload from gone`

/** $1 [{ id, attempt, owner }]: given back unharmed; the claim does not count. They keep their place in line. */
export const RETURN = `
update tenfold.job j
  set state = 'ready', owner = null, leased_at = null, progress = null, attempt = j.attempt - 1
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint)
  where ${FENCED}`

/** $1 [{ id, attempt, owner, progress }] */
export const PROGRESS = `
update tenfold.job j set progress = d.progress
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, progress real)
  where ${FENCED}`

/** $1 worker, $2 the ids that it knows of. After an answer was lost, jobs may have been claimed that nobody knows of. */
export const RECONCILE = `
update tenfold.job set state = 'ready', owner = null, leased_at = null, attempt = attempt - 1
  where owner = $1::bigint and not id = any ($2::bigint[])`

export const PROMOTE = 'select count, low, names, held, next from tenfold.queue_promote(1000)'

export const HELD_KEYS = 'select name, key from tenfold.queue_held_keys($1::text, $2::text, 500)'

export const ADMIT = 'select tenfold.queue_admit($1::text[], $2::text[]) as admitted'

/** $1 how many deaths of workers set a job aside. Frees what workers without a lease held; a job that was freed before
 *  waits a random moment, so that it does not fall together with the same neighbours. Returns the workers swept. */
export const SWEEP = {
  find: 'select id from tenfold.worker where leased_until < now() order by id for update skip locked',
  bury: `
with gone as (
  delete from tenfold.job where owner = any ($1::bigint[]) and lost + 1 >= $2::int returning *
)
insert into tenfold.job_dead (${KEPT}, ${KEYS}, concurrency_limit, timeout_ms, backoff_ms, backoff_max_ms, errors, payload)
  select ${KEPT}, ${KEYS}, concurrency_limit, timeout_ms, backoff_ms, backoff_max_ms,
    coalesce(errors, '[]') || jsonb_build_object('attempt', attempt, 'at', round(extract(epoch from now()) * 1000),
      'message', 'The worker died, as ' || lost || ' before it: the job may be what kills them.'), payload from gone`,
  free: `
update tenfold.job set owner = null, leased_at = null, progress = null, lost = lost + 1,
    state = case when lost >= 1 then 'delayed' else 'ready' end,
    run_at = case when lost >= 1 then now() + random() * lost * interval '5 s' else run_at end
  where owner = any ($1::bigint[])`,
  forget: 'delete from tenfold.worker where id = any ($1::bigint[])',
}

/** $1 [{ name, done, failed, ms }] */
export const STATS = `
insert into tenfold.job_stat (minute, name, done, failed, run_ms)
  select date_trunc('minute', now()), name, done, failed, ms
  from json_to_recordset($1::text::json) as d (name text, done bigint, failed bigint, ms double precision) order by name
  on conflict (minute, name) do update
    set done = job_stat.done + excluded.done, failed = job_stat.failed + excluded.failed, run_ms = job_stat.run_ms + excluded.run_ms`

export const PRUNE_STATS = `delete from tenfold.job_stat where minute < now() - interval '2 days'`
