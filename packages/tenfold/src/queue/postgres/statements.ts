/** The statements of a worker. All take their rows as one JSON parameter, which costs less than arrays or many parameters.
 *
 *  The fence is in each of them: `id`, `attempt` and `owner` have to be those of the claim, else the row is left alone. */

const FENCED = 'j.id = d.id and j.attempt = d.attempt and j.owner = d.owner'
const KEPT = `id, name, rank, run_at, created_at, attempt, lost, max_attempts`
const KEPT_OF = `id, name, coalesce(own_rank, rank), run_at, created_at, attempt, lost, max_attempts`
const KEYS = `unique_key, concurrency_key, traceparent, event_id`
/** What a dead letter needs to come back as it was. */
const REVIVED = `concurrency_limit, timeout_ms, backoff_ms, backoff_max_ms, version, lane, gates, links, extra`
/** Where a job goes that may be claimed: with a lane it is never ready. */
const CLAIMABLE = `case when j.lane is null then 'ready' else 'held' end`
const settle = (state: string, result = 'null'): string => `
select count(*)::int as n, tenfold.queue_settle(
  jsonb_agg(jsonb_build_object('id', id, 'state', '${state}', 'result', ${result})) filter (where links is not null)) from gone`

/** What `enqueue_plain` does, of a single job: to unfold lists costs more than the job. The functions `enqueue_plain` and `enqueue_begun`
 *  write the same columns: what changes here has to change there.
 *  $1 name, $2 rank, $3 attempts, $4 time-out, $5 back-off, $6 its end, $7 traceparent, $8 payload */
export const ENQUEUE_ONE = `
insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms, traceparent, payload)
  select id, id, $1::text, 'ready', $2::smallint, now(), now(), $3::int, $4::int, $5::int, $6::int, $7::text, $8::text::jsonb
  from nextval('tenfold.job_seq') as id
  returning id::text`

/** Finishes jobs and claims the next ones, in one commit: see the function.
 *  $1 to $4 what is done (null: nothing)   $5 worker   $6 instance   $7 names that it can run   $8, $9 where to begin   $10 how many */
export const EXCHANGE = `
select done, numbers, job_names as names, keys, traces, more, payloads from tenfold.queue_exchange(
  $1::text::bigint[], $2::text::integer[], $3::text::real[], $4::text::jsonb, $5::bigint, $6::text, $7::text[], $8::int, $9::bigint, $10::int)`

/** $1 [{ id, attempt, owner, delay, error }]: these are tried again later. */
export const FAIL = `
update tenfold.job j
  set state = 'delayed', run_at = now() + case when j.cancel is null then d.delay else 0 end * interval '1 ms', owner = null, leased_at = null, progress = null,
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
), dead as (
  insert into tenfold.job_dead (${KEPT}, ${KEYS}, ${REVIVED}, duration_ms, instance_id, errors, payload)
    select ${KEPT_OF}, ${KEYS}, ${REVIVED}, ms, $2::text, coalesce(errors, '[]') || error, payload from gone
)${settle('dead')}`

/** $1 [{ id, attempt, owner, ms, result, keep }], $2 instance: done, and kept for another time than the others. */
export const FINISH_KEPT = `
with gone as (
  delete from tenfold.job j
    using json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, ms real, result jsonb, keep float8)
    where ${FENCED}
    returning j.*, d.ms, d.result, d.keep
), kept as (
  insert into tenfold.job_kept (${KEPT}, ${KEYS}, duration_ms, instance_id, errors, payload, result, keep_until)
    select ${KEPT_OF}, ${KEYS}, ms, $2::text, errors, payload, result, now() + keep * interval '1 ms' from gone where keep > 0
)${settle('done', 'result')}`

/** $1 [{ id, attempt, owner, ms, error }], $2 instance. */
export const CANCELLED = `
with gone as (
  delete from tenfold.job j
    using json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, ms real, error jsonb)
    where ${FENCED}
    returning j.*, d.ms, d.error
), kept as (
  insert into tenfold.job_done (${KEPT}, ${KEYS}, duration_ms, instance_id, errors, payload, outcome)
    select ${KEPT_OF}, ${KEYS}, ms, $2::text, coalesce(errors, '[]') || error, payload, 'cancelled' from gone
)${settle('cancelled')}`

/** $1 [{ id, attempt, owner, left, waits }]: they sleep. If an event came while one was put to bed, its time is now: the
 *  relay has moved its \`run_at\` past the claim. It costs no attempt. */
export const SUSPEND = `
update tenfold.job j
  set state = 'delayed', owner = null, leased_at = null, attempt = j.attempt - 1,
      run_at = case when d.waits and j.run_at > j.leased_at or j.cancel is not null then now() else now() + d."left" * interval '1 ms' end
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, "left" float8, waits boolean)
  where ${FENCED}`

/** $1 [{ id, attempt, owner, delay }]: given back unharmed; the claim does not count. They keep their place in line, unless
 *  nobody here can run them: then somebody else may, later. */
export const RETURN = `
update tenfold.job j
  set state = case when d.delay is null then ${CLAIMABLE} else 'delayed' end, owner = null, leased_at = null, progress = null,
      run_at = case when d.delay is null then j.run_at else now() + d.delay * interval '1 ms' end, attempt = j.attempt - 1
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, delay float8)
  where ${FENCED}`

/** $1 [{ id, attempt, owner, progress }] */
export const PROGRESS = `
update tenfold.job j set progress = d.progress
  from json_to_recordset($1::text::json) as d (id bigint, attempt integer, owner bigint, progress real)
  where ${FENCED}`

/** $1 worker, $2 the ids that it knows of. After an answer was lost, jobs may have been claimed that nobody knows of. */
export const RECONCILE = `
update tenfold.job j set state = ${CLAIMABLE}, owner = null, leased_at = null, attempt = attempt - 1
  where owner = $1::bigint and not id = any ($2::bigint[])`

export const PROMOTE = 'select count, low, names, held, next from tenfold.queue_promote(1000)'

/** $1 worker, $2 names, $3 how many. */
export const CLAIM_LANES =
  'select jobs, retry_in as "retryIn" from tenfold.queue_claim_lanes($1::bigint, $2::text[], $3::int)'

export const LANE_NAMES = 'select name from tenfold.queue_lane_names()'

/** $1 the ids that run here. */
export const CANCELS = 'select id::text, cancel from tenfold.job where id = any ($1::bigint[]) and cancel is not null'

export const PARK = 'select tenfold.queue_park(5000) as freed'

/** $1 after so many ms, $2 how many, $3 of these names. */
export const AGE = `select tenfold.queue_age($1::float8 * interval '1 ms', $2::int, $3::text[]) as lifted`

/** $1 the job: what it comes after, in order. */
export const PREDECESSORS = `
select after_id::text as id, state, after_name as name, result::text from tenfold.job_edge where job_id = $1 order by place`

export const HELD_KEYS = 'select name, key from tenfold.queue_held_keys($1::text, $2::text, 500)'

export const ADMIT = 'select tenfold.queue_admit($1::text[], $2::text[]) as admitted'

/** $1 how many deaths of workers set a job aside. Frees what workers without a lease held; a job that was freed before
 *  waits a random moment, so that it does not fall together with the same neighbours. Returns the workers swept. */
export const SWEEP = {
  find: 'select id from tenfold.worker where leased_until < now() order by id for update skip locked',
  bury: `
with gone as (
  delete from tenfold.job where owner = any ($1::bigint[]) and lost + 1 >= $2::int returning *
), dead as (
  insert into tenfold.job_dead (${KEPT}, ${KEYS}, ${REVIVED}, errors, payload)
    select ${KEPT_OF}, ${KEYS}, ${REVIVED},
      coalesce(errors, '[]') || jsonb_build_object('attempt', attempt, 'at', round(extract(epoch from now()) * 1000),
        'message', 'The worker died, as ' || lost || ' before it: the job may be what kills them.'), payload from gone
)${settle('dead')}`,
  free: `
update tenfold.job j set owner = null, leased_at = null, progress = null, lost = lost + 1,
    state = case when lost >= 1 then 'delayed' else ${CLAIMABLE} end,
    run_at = case when lost >= 1 then now() + random() * lost * interval '5 s' else run_at end
  where owner = any ($1::bigint[])`,
  forget: 'delete from tenfold.worker where id = any ($1::bigint[])',
}

/** Rows of the hot table that died and were not yet removed, as far as the server has counted. */
export const DEAD_ROWS = `select n_dead_tup::float8 as dead from pg_stat_user_tables where relid = 'tenfold.job'::regclass`

/** Whoever comes second has nothing left to do. Without the right to, the server says so in a notice and does nothing. */
export const TIDY = 'vacuum (skip_locked, truncate off) tenfold.job'

/** $1 [{ name, done, failed, ms }] */
export const STATS = `
insert into tenfold.job_stat (minute, name, done, failed, run_ms)
  select date_trunc('minute', now()), name, done, failed, ms
  from json_to_recordset($1::text::json) as d (name text, done bigint, failed bigint, ms double precision) order by name
  on conflict (minute, name) do update
    set done = job_stat.done + excluded.done, failed = job_stat.failed + excluded.failed, run_ms = job_stat.run_ms + excluded.run_ms`

export const PRUNE = [
  `delete from tenfold.job_stat where minute < now() - interval '2 days'`,
  `delete from tenfold.job_window where until < now()`,
  `delete from tenfold.job_rate where at < now() - interval '1 day'`,
  `delete from tenfold.job_kept where keep_until < now()`,
  `delete from tenfold.inbox where handled_at < now() - interval '30 days'`,
]
