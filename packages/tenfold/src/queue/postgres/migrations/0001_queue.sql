--! phase: expand
-- The queue. `job` is the hot table: it holds only what is unfinished, so it stays as small as the backlog.
--
--   enqueue ─┬─> delayed ──(run_at)──┬─> ready ──(claim)──> leased ──┬─> job_done   (by day, dropped whole)
--            ├─> held ──(key free)───┘     ^                         ├─> delayed    (failed, attempts left)
--            └─────────────────────────────┴──(worker died)──────────┴─> job_dead   (kept until retried or discarded)

create sequence job_seq;

create table worker (
  id bigint generated always as identity primary key,
  instance_id text not null,
  started_at timestamptz not null default now(),
  -- The lease of all jobs that this worker holds: one row to renew, however many jobs.
  leased_until timestamptz not null
);

create table job (
  id bigint primary key,
  -- The place in line: drawn again when a job becomes ready later, so that the newest ready job is always last.
  seq bigint not null,
  name text not null,
  state text not null check (state in ('ready', 'delayed', 'held', 'leased')),
  -- The priority turned round: the index goes up, the most urgent job comes first.
  rank smallint not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  -- Claims so far. With id and owner it is the fence: nobody finishes a job under an older claim.
  attempt integer not null default 0,
  -- Claims whose worker died. They do not count as attempts.
  lost smallint not null default 0,
  max_attempts integer not null,
  timeout_ms integer not null,
  backoff_ms integer not null,
  backoff_max_ms integer not null,
  owner bigint,
  leased_at timestamptz,
  progress real,
  unique_key text,
  concurrency_key text,
  concurrency_limit integer,
  traceparent text,
  event_id bigint,
  errors jsonb,
  payload jsonb not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.1);

create index job_ready on job (rank, seq) where state = 'ready';
create index job_due on job (run_at) where state = 'delayed';
create unique index job_unique on job (name, unique_key) where unique_key is not null;
create index job_concurrency on job (name, concurrency_key, state, rank, seq) where concurrency_key is not null;

create table job_dead (
  id bigint primary key,
  name text not null,
  rank smallint not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  finished_at timestamptz not null default now(),
  attempt integer not null,
  lost smallint not null,
  max_attempts integer not null,
  timeout_ms integer not null,
  backoff_ms integer not null,
  backoff_max_ms integer not null,
  duration_ms real,
  instance_id text,
  unique_key text,
  concurrency_key text,
  concurrency_limit integer,
  traceparent text,
  event_id bigint,
  errors jsonb,
  payload jsonb not null
);
create index job_dead_name on job_dead (name, id);

create table job_done (
  id bigint not null,
  name text not null,
  rank smallint not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  finished_at timestamptz not null default now(),
  attempt integer not null,
  lost smallint not null,
  max_attempts integer not null,
  duration_ms real,
  instance_id text,
  unique_key text,
  concurrency_key text,
  traceparent text,
  event_id bigint,
  errors jsonb,
  payload jsonb not null,
  result jsonb
) partition by range (finished_at);
create index job_done_id on job_done (id);

-- What ran, per minute: the summary reads this instead of counting history.
create table job_stat (
  minute timestamptz not null,
  name text not null,
  done bigint not null,
  failed bigint not null,
  run_ms double precision not null,
  primary key (minute, name)
);

-- Events that were published and not yet handed to their subscribers.
create table event_outbox (
  id bigint generated always as identity primary key,
  name text not null,
  published_at timestamptz not null default now(),
  traceparent text,
  payload jsonb not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create table event_log (
  id bigint not null,
  name text not null,
  published_at timestamptz not null,
  relayed_at timestamptz not null default now(),
  subscribers integer not null,
  payload jsonb not null
) partition by range (relayed_at);
create index event_log_id on event_log (id);

-- Makes the partitions of today and of the next days, and drops those that are older than `keep_days`.
-- A definer's function, because the app's own role may not create tables.
create function queue_partitions(keep_days integer) returns void
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp set lock_timeout = '1s' as $$
declare
  parent text;
  day date;
  old record;
begin
  -- One at a time; whoever comes second has nothing left to do.
  if not pg_try_advisory_xact_lock(7283, 1) then return; end if;
  foreach parent in array array['job_done', 'event_log'] loop
    for offset_days in 0..3 loop
      day := (now() at time zone 'UTC')::date + offset_days;
      if to_regclass(format('tenfold.%I', parent || '_' || to_char(day, 'YYYYMMDD'))) is null then
        execute format('create table tenfold.%I partition of tenfold.%I for values from (%L) to (%L)',
          parent || '_' || to_char(day, 'YYYYMMDD'), parent,
          day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
      end if;
    end loop;
    for old in
      select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = format('tenfold.%I', parent)::regclass
        and c.relname ~ '_\d{8}$'
        and to_date(right(c.relname, 8), 'YYYYMMDD') < (now() at time zone 'UTC')::date - keep_days
    loop
      execute format('drop table tenfold.%I', old.relname);
    end loop;
  end loop;
end $$;
select queue_partitions(7);

-- Enqueues; returns one id for each job, in order. A job whose unique key is taken gives the id of the one that holds it.
-- Runs as its owner, so that a module needs no right on these tables.
create function enqueue(jobs jsonb) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  ids bigint[] := array(select nextval('job_seq') from generate_series(1, jsonb_array_length(jobs)));
  missing integer[];
begin
  if not jsonb_path_exists(jobs, '$[*].uniqueKey') then
    insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                     concurrency_key, concurrency_limit, traceparent, payload)
      select ids[n], ids[n], name,
             case when run_at > now() then 'delayed' when key is not null then 'held' else 'ready' end,
             rank, run_at, now(), max_attempts, timeout_ms, backoff_ms, backoff_max_ms, key, key_limit, traceparent, payload
      from job_input(jobs);
    return ids;
  end if;

  missing := array(select generate_series(1, cardinality(ids)));
  loop
    -- In the order of the keys, so that two of these never wait for each other.
    insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                     unique_key, concurrency_key, concurrency_limit, traceparent, payload)
      select ids[n], ids[n], name,
             case when run_at > now() then 'delayed' when key is not null then 'held' else 'ready' end,
             rank, run_at, now(), max_attempts, timeout_ms, backoff_ms, backoff_max_ms, unique_key, key, key_limit, traceparent, payload
      from job_input(jobs) where n = any (missing) order by name, unique_key, n
      on conflict (name, unique_key) where unique_key is not null do nothing;
    select array_agg(coalesce(own.id, holder.id) order by n),
           array_agg(n) filter (where own.id is null and holder.id is null)
      into ids, missing
      from job_input(jobs)
      left join job own on own.id = ids[n]
      left join job holder on holder.name = job_input.name and holder.unique_key = job_input.unique_key;
    exit when missing is null;
    -- The holder finished between the two statements: these may go in now.
    ids := array(select coalesce(id, nextval('job_seq')) from unnest(ids) with ordinality as u(id, n) order by n);
  end loop;
  return ids;
end $$;

-- The rows of one `enqueue`, with defaults.
create function job_input(jobs jsonb) returns table (
  n bigint, name text, rank smallint, run_at timestamptz, max_attempts integer, timeout_ms integer, backoff_ms integer,
  backoff_max_ms integer, unique_key text, key text, key_limit integer, traceparent text, payload jsonb)
language sql stable as $$
  select ordinality, "name", -coalesce("priority", 0)::smallint,
         case when "runAt" is not null then to_timestamp("runAt" / 1000.0)
              when "delay" is not null then now() + "delay" * interval '1 ms' else now() end,
         "attempts", "timeout", "backoff", "backoffMax", "uniqueKey", "key", "keyLimit", "trace", coalesce("payload", 'null')
  from rows from (jsonb_to_recordset(jobs) as (
    "name" text, "priority" integer, "runAt" double precision, "delay" double precision, "attempts" integer,
    "timeout" integer, "backoff" integer, "backoffMax" integer, "uniqueKey" text, "key" text, "keyLimit" integer,
    "trace" text, "payload" jsonb)) with ordinality
$$;

-- What workers call. These are functions for two reasons: their plans are made once per connection, and never from
-- statistics of a table that was empty a second ago: they walk the index that was made for them, whatever its size.

-- Finishes jobs and claims the next ones, in one round trip and one commit.
--   finished  [{ id, attempt, owner, ms, result }]: the fence (id, attempt, owner) leaves alone what others have by now
--   low_rank, low_seq  where to begin to look: without it, the scan steps over the index entries of all jobs finished since
--             the oldest open snapshot of the whole database. More urgent ranks are always looked at. Whoever commits late
--             has a place below; a worker therefore looks from the start once a second.
create function queue_exchange(finished json, worker_id bigint, instance text, names text[], low_rank integer, low_seq bigint,
                               most integer, out done integer, out jobs text)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  ids bigint[];
begin
  done := 0;
  if finished is not null then
    with gone as (
      delete from job j
        using json_to_recordset(finished) as d (id bigint, attempt integer, owner bigint, ms real, result jsonb)
        where j.id = d.id and j.attempt = d.attempt and j.owner = d.owner
        returning j.*, d.ms, d.result
    )
    insert into job_done (id, name, rank, run_at, created_at, attempt, lost, max_attempts, duration_ms, instance_id,
                          unique_key, concurrency_key, traceparent, event_id, errors, payload, result)
      select id, name, rank, run_at, created_at, attempt, lost, max_attempts, ms, instance,
             unique_key, concurrency_key, traceparent, event_id, errors, payload, result
      from gone;
    get diagnostics done = row_count;
  end if;
  if most = 0 then return; end if;

  -- Locks the worker's own row, so that a claim and the sweep of a worker thought dead cannot both succeed.
  perform from worker where id = worker_id and leased_until > now() for key share;
  if not found then return; end if;

  ids := array(
    select id from job where state = 'ready' and rank < low_rank and name = any (names)
    order by rank, seq limit most for update skip locked);
  if cardinality(ids) < most then
    ids := ids || array(
      select id from job where state = 'ready' and (rank, seq) >= (low_rank, low_seq) and name = any (names)
      order by rank, seq limit most - cardinality(ids) for update skip locked);
  end if;
  if cardinality(ids) = 0 then return; end if;

  with claimed as (
    update job j set state = 'leased', owner = worker_id, attempt = j.attempt + 1, leased_at = now()
      where j.id = any (ids)
      returning j.id::text as id, j.name, j.rank, j.seq, j.attempt, j.lost, j.max_attempts as "maxAttempts",
        j.timeout_ms as "timeoutMs", j.backoff_ms as "backoffMs", j.backoff_max_ms as "backoffMaxMs",
        j.concurrency_key as key, j.traceparent, j.payload,
        round(extract(epoch from clock_timestamp() - j.run_at) * 1000) as "waitedMs"
  )
  select json_agg(claimed)::text into jobs from claimed;
end $$;

-- Jobs whose time has come get the last place in line of their rank. `next` is when the next one is due, in ms.
create function queue_promote(most integer, out count integer, out low float8, out names text, out held text, out next float8)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
begin
  with due as (
    update job set state = case when concurrency_key is null then 'ready' else 'held' end, seq = nextval('job_seq')
      where id = any (array(
        select id from job where state = 'delayed' and run_at <= now() order by run_at limit most for update skip locked))
      returning seq, name, concurrency_key as key
  )
  select count(*), min(seq), array_to_json(array_agg(distinct name))::text,
         (json_agg(distinct jsonb_build_object('name', name, 'key', key)) filter (where key is not null))::text
    into queue_promote.count, low, names, held from due;
  next := (select extract(epoch from run_at - now()) * 1000 from job where state = 'delayed' and run_at > now() order by run_at limit 1);
end $$;

-- Pairs of name and key, in order, that have held jobs; after the given pair. Steps from pair to pair through the index.
create function queue_held_keys(after_name text, after_key text, most integer) returns table (name text, key text)
language sql stable set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
  with recursive pair as (
    (select j.name, j.concurrency_key as key from job j
      where j.concurrency_key is not null and j.state = 'held' and (j.name, j.concurrency_key) > (after_name, after_key)
      order by j.name, j.concurrency_key limit 1)
    union all
    select step.name, step.key from pair cross join lateral (
      select j.name, j.concurrency_key as key from job j
        where j.concurrency_key is not null and j.state = 'held' and (j.name, j.concurrency_key) > (pair.name, pair.key)
        order by j.name, j.concurrency_key limit 1) as step
  )
  select pair.name, pair.key from pair limit most
$$;

-- Lets held jobs of these keys go, as many as their limit has room for: what is ready or leased counts, nothing else does,
-- so a worker that dies cannot leak a place. One at a time per key.
create function queue_admit(names text[], keys text[]) returns integer
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  pair record;
  admitted integer;
  total integer := 0;
begin
  for pair in select distinct p.name, p.key from unnest(names, keys) as p(name, key) order by p.name, p.key loop
    perform pg_advisory_xact_lock(7284, hashtext(pair.name || ':' || pair.key));
    update job set state = 'ready', seq = nextval('job_seq')
      where state = 'held' and id = any (array(
        select h.id from job h
        where h.name = pair.name and h.concurrency_key = pair.key and h.state = 'held'
        order by h.rank, h.seq
        limit greatest(0,
          (select j.concurrency_limit from job j
           where j.name = pair.name and j.concurrency_key = pair.key and j.state = 'held' order by j.rank, j.seq limit 1)
          - (select count(*) from job j
             where j.name = pair.name and j.concurrency_key = pair.key and j.state in ('ready', 'leased')))
        for update skip locked));
    get diagnostics admitted = row_count;
    total := total + admitted;
  end loop;
  return total;
end $$;

-- Publishes events; returns their ids, in order. Runs as its owner, like `enqueue`.
create function publish(events jsonb) returns bigint[]
language sql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
  with ids as materialized (
    select ordinality as n, "name", "trace", "payload", nextval(pg_get_serial_sequence('tenfold.event_outbox', 'id')) as id
    from rows from (jsonb_to_recordset(events) as ("name" text, "trace" text, "payload" jsonb)) with ordinality
  ), stored as (
    insert into event_outbox (id, name, traceparent, payload) overriding system value
      select id, "name", "trace", coalesce("payload", 'null') from ids order by n
  )
  select array_agg(id order by n) from ids
$$;

revoke all on function enqueue(jsonb), publish(jsonb), job_input(jsonb), queue_partitions(integer), queue_admit(text[], text[]),
  queue_exchange(json, bigint, text, text[], integer, bigint, integer), queue_promote(integer), queue_held_keys(text, text, integer) from public;
grant execute on function enqueue(jsonb), publish(jsonb) to :modules, :system;
grant execute on function job_input(jsonb), queue_partitions(integer), queue_admit(text[], text[]),
  queue_exchange(json, bigint, text, text[], integer, bigint, integer), queue_promote(integer), queue_held_keys(text, text, integer) to :system;
