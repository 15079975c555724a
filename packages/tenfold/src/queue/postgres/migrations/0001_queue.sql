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
language plpgsql security definer set search_path = pg_catalog, tenfold set lock_timeout = '1s' as $$
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
language plpgsql security definer set search_path = pg_catalog, tenfold as $$
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

-- Lets held jobs of these keys go, as many as their limit has room for: what is ready or leased counts, nothing else does,
-- so a worker that dies cannot leak a place. One at a time per key.
create function queue_admit(names text[], keys text[]) returns integer
language plpgsql set search_path = pg_catalog, tenfold as $$
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
language sql security definer set search_path = pg_catalog, tenfold as $$
  with ids as materialized (
    select ordinality as n, "name", "trace", "payload", nextval(pg_get_serial_sequence('tenfold.event_outbox', 'id')) as id
    from rows from (jsonb_to_recordset(events) as ("name" text, "trace" text, "payload" jsonb)) with ordinality
  ), stored as (
    insert into event_outbox (id, name, traceparent, payload) overriding system value
      select id, "name", "trace", coalesce("payload", 'null') from ids order by n
  )
  select array_agg(id order by n) from ids
$$;

revoke all on function enqueue(jsonb), publish(jsonb), queue_partitions(integer), queue_admit(text[], text[]), job_input(jsonb) from public;
grant execute on function enqueue(jsonb), publish(jsonb) to :modules, :system;
grant execute on function queue_partitions(integer), queue_admit(text[], text[]), job_input(jsonb) to :system;
