/** The statements of a worker. All take their rows as one JSON parameter, which costs less than arrays or many parameters.
 *
 *  The fence is in each of them: `id`, `attempt` and `owner` have to be those of the claim, else the row is left alone. */

const FENCED = 'j.id = d.id and j.attempt = d.attempt and j.owner = d.owner'
const KEPT = `id, name, rank, run_at, created_at, attempt, lost, max_attempts`
const KEYS = `unique_key, concurrency_key, traceparent, event_id`

/** Finishes jobs and claims the next ones, in one commit.
 *    $1 finished: [{ id, attempt, owner, ms, result }]   $2 worker   $3 names that it can run   $4, $5 hint   $6 how many
 *    $7 instance
 *
 *  The hint (rank, seq) is where the last claims began: without it, the scan would step over the index entries of all jobs
 *  finished since the oldest open snapshot of the whole database. Jobs of a more urgent rank are always looked at. Whoever
 *  commits late gets a place below the hint; the worker therefore claims without a hint once a second.
 *
 *  `me` locks the worker's own row, so that a claim and the sweep of a worker thought dead cannot both succeed. */
export const EXCHANGE = `
with done as (
  delete from tenfold.job j
    using json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, ms real, result jsonb)
    where ${FENCED}
    returning j.*, d.ms, d.result
), history as (
  insert into tenfold.job_done (${KEPT}, ${KEYS}, duration_ms, instance_id, errors, payload, result)
    select ${KEPT}, ${KEYS}, ms, $7::text, errors, payload, result from done
), me as materialized (
  select 1 from tenfold.worker where id = $2::bigint and leased_until > now() for key share
), picked as materialized (
  select line.id from me cross join lateral (
    select id from (select id from tenfold.job
      where state = 'ready' and rank < $4::int and name = any ($3::text[])
      order by rank, seq limit $6::int for update skip locked) as urgent
    union all
    select id from (select id from tenfold.job
      where state = 'ready' and (rank, seq) >= ($4::int, $5::bigint) and name = any ($3::text[])
      order by rank, seq limit $6::int for update skip locked) as rest
    limit $6::int
  ) as line
), claimed as (
  update tenfold.job j
    set state = 'leased', owner = $2::bigint, attempt = j.attempt + 1, leased_at = now()
    where j.id = any (array(select id from picked))
    returning j.id::text as id, j.name, j.rank, j.seq, j.attempt, j.lost, j.max_attempts as "maxAttempts",
      j.timeout_ms as "timeoutMs", j.backoff_ms as "backoffMs", j.backoff_max_ms as "backoffMaxMs",
      j.concurrency_key as key, j.traceparent, j.payload,
      round(extract(epoch from clock_timestamp() - j.run_at) * 1000) as "waitedMs"
)
select (select count(*)::int from done) as done,
       (select json_agg(claimed)::text from claimed) as jobs`

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

/** Jobs whose time has come get the last place in line of their rank. */
export const PROMOTE = `
with due as (
  update tenfold.job set state = case when concurrency_key is null then 'ready' else 'held' end, seq = nextval('tenfold.job_seq')
    where id = any (array(
      select id from tenfold.job where state = 'delayed' and run_at <= now() order by run_at limit 1000 for update skip locked))
    returning seq, name, concurrency_key as key
)
select count(*)::int as count, min(seq)::float8 as low,
  (select array_to_json(array_agg(distinct name)) from due)::text as names,
  (select json_agg(distinct jsonb_build_object('name', name, 'key', key)) from due where key is not null)::text as held,
  (select extract(epoch from min(run_at) - now())::float8 * 1000 from tenfold.job where state = 'delayed' and run_at > now()) as next
from due`

/** Up to 500 keys, in order, that have held jobs; after the pair ($1, $2). Steps from key to key through the index. */
export const HELD_KEYS = `
with recursive pair as (
  (select name, concurrency_key as key from tenfold.job
    where concurrency_key is not null and state = 'held' and (name, concurrency_key) > ($1::text, $2::text)
    order by name, concurrency_key limit 1)
  union all
  select next.name, next.key from pair cross join lateral (
    select name, concurrency_key as key from tenfold.job
      where concurrency_key is not null and state = 'held' and (name, concurrency_key) > (pair.name, pair.key)
      order by name, concurrency_key limit 1) as next
)
select name, key from pair limit 500`

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
