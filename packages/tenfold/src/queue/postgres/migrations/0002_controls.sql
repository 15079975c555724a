--! phase: expand
-- What a job may carry beyond the plain case. A plain job has null in all of these columns, which takes no room, and is
-- in none of these indexes.
--
--   blocked ──(predecessors settled)──> as enqueued     parked ──(name resumed)──> ready
--   held, with a lane ──(queue_claim_lanes: its turn, a place, a token)──> leased

alter table job
  -- Somebody asked for the end of this job; says why. Whoever claims it ends it.
  add column cancel text,
  -- Of the payload. Null: 1.
  add column version smallint,
  -- Jobs with the same tenant, keys and limits share a lane; lanes take turns. Bytewise, so that a tenant's lanes lie together.
  add column lane text collate "C",
  -- { tenant, key, keyLimit, total, rateKey, rateMax, ratePer, ordered }
  add column gates jsonb,
  -- 1: others come after it, 2: it comes after others, 4: it has finished steps.
  add column links smallint,
  -- Predecessors that are not settled.
  add column pending integer,
  -- { keep: ms, sealed: true }
  add column extra jsonb,
  -- The rank it was given, if it waited so long that it was lifted.
  add column own_rank smallint;

alter table job drop constraint job_state_check;
alter table job add constraint job_state_check
  check (state in ('ready', 'delayed', 'held', 'leased', 'blocked', 'parked')) not valid;

create index job_lane on job (name, state, rank, lane, seq) where lane is not null;
create index job_parked on job (name) where state = 'parked';

alter table job_dead
  add column version smallint, add column lane text collate "C", add column gates jsonb, add column links smallint,
  add column extra jsonb;
-- Null: done.
alter table job_done add column outcome text check (outcome = 'cancelled');

-- Finished jobs that say how long they are kept.
create table job_kept (
  id bigint primary key,
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
  result jsonb,
  outcome text check (outcome = 'cancelled'),
  keep_until timestamptz not null
);
create index job_kept_until on job_kept (keep_until);

create table job_pause (
  name text primary key,
  paused_at timestamptz not null default now(),
  reason text
);

-- A unique key with a window stays taken until then, whatever became of its job.
create table job_window (
  name text not null,
  key text not null,
  until timestamptz not null,
  job_id bigint not null,
  primary key (name, key)
);

-- One row for each claim of jobs with a rate limit; what is younger than the window counts.
create table job_rate (
  name text not null,
  key text not null,
  at timestamptz not null,
  starts integer not null,
  primary key (name, key, at)
);

-- Whose turn it was last: `lane` among tenants, and in `within` by tenant, where a tenant has several lanes.
create table job_turn (name text primary key, lane text collate "C" not null, within jsonb not null default '{}');

-- What comes after what. `state` is set when the predecessor is settled.
create table job_edge (
  after_id bigint not null,
  job_id bigint not null,
  place integer not null,
  -- If the predecessor fails: wait (for its retry), cancel, run.
  policy text not null check (policy in ('wait', 'cancel', 'run')),
  state text check (state in ('done', 'dead', 'cancelled')),
  after_name text not null,
  result jsonb,
  primary key (after_id, job_id, place)
);
create index job_edge_job on job_edge (job_id);

-- Finished steps of unfinished jobs. A sleep has `until`; a wait for an event has none until the event or its time-out came.
create table job_step (
  job_id bigint not null,
  name text not null,
  finished_at timestamptz not null default now(),
  until timestamptz,
  result jsonb,
  primary key (job_id, name)
);

create table job_wait (
  job_id bigint not null,
  step text not null,
  event text not null,
  match jsonb not null,
  since timestamptz not null default now(),
  -- Times that the log was searched for what was relayed while this row was being written.
  checks smallint not null default 0,
  primary key (job_id, step)
);
create index job_wait_event on job_wait (event);

-- The rows of one `enqueue`, with defaults.
create function job_new(jobs jsonb) returns table (
  n bigint, name text, state text, rank smallint, run_at timestamptz, max_attempts integer, timeout_ms integer, backoff_ms integer,
  backoff_max_ms integer, unique_key text, conflict text, window_ms float8, max_wait_ms float8, key text, key_limit integer,
  lane text, gates jsonb, version smallint, after jsonb, policy text, extra jsonb, traceparent text, payload jsonb)
language sql stable as $$
  select ordinality, "name",
         case when "after" is not null then 'blocked'
              when coalesce("runAt" > extract(epoch from now()) * 1000, "delay" > 0, false) then 'delayed'
              when "key" is not null or "lane" is not null then 'held'
              else 'ready' end,
         -coalesce("priority", 0)::smallint,
         case when "runAt" is not null then to_timestamp("runAt" / 1000.0)
              when "delay" is not null then now() + "delay" * interval '1 ms' else now() end,
         "attempts", "timeout", "backoff", "backoffMax", "uniqueKey", "conflict", "window", "maxWait", "key", "keyLimit",
         "lane", "gates", "version", "after", "policy", "extra", "trace", coalesce("payload", 'null')
  from rows from (jsonb_to_recordset(jobs) as (
    "name" text, "priority" integer, "runAt" double precision, "delay" double precision, "attempts" integer,
    "timeout" integer, "backoff" integer, "backoffMax" integer, "uniqueKey" text, "conflict" text, "window" double precision,
    "maxWait" double precision, "key" text, "keyLimit" integer, "lane" text, "gates" jsonb, "version" smallint, "after" jsonb,
    "policy" text, "extra" jsonb, "trace" text, "payload" jsonb)) with ordinality
$$;

-- Enqueues; returns one id for each job, in order. A job whose unique key is taken gives the id of the one that holds it.
-- Runs as its owner, so that a module needs no right on these tables.
create or replace function enqueue(jobs jsonb) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  ids bigint[] := array(select nextval('job_seq') from generate_series(1, jsonb_array_length(jobs)));
  missing integer[];
begin
  if not jsonb_path_exists(jobs, '$[*].uniqueKey') then
    insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                     concurrency_key, concurrency_limit, lane, gates, version, extra, traceparent, payload)
      select ids[n], ids[n], name, state, rank, run_at, now(), max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
             key, key_limit, lane, gates, version, extra, traceparent, payload
      from job_new(jobs);
    return ids;
  end if;
  if jsonb_path_exists(jobs, '$[*].conflict') then return enqueue_unique(jobs, ids); end if;

  missing := array(select generate_series(1, cardinality(ids)));
  loop
    -- In the order of the keys, so that two of these never wait for each other.
    insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                     unique_key, concurrency_key, concurrency_limit, lane, gates, version, extra, traceparent, payload)
      select ids[n], ids[n], name, state, rank, run_at, now(), max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
             unique_key, key, key_limit, lane, gates, version, extra, traceparent, payload
      from job_new(jobs) where n = any (missing) order by name, unique_key, n
      on conflict (name, unique_key) where unique_key is not null do nothing;
    select array_agg(coalesce(own.id, holder.id) order by n),
           array_agg(n) filter (where own.id is null and holder.id is null)
      into ids, missing
      from job_new(jobs) as made
      left join job own on own.id = ids[n]
      left join job holder on holder.name = made.name and holder.unique_key = made.unique_key;
    exit when missing is null;
    -- The holder finished between the two statements: these may go in now.
    ids := array(select coalesce(id, nextval('job_seq')) from unnest(ids) with ordinality as u(id, n) order by n);
  end loop;
  return ids;
end $$;

-- The rows one by one, in the order of their keys: some change the job that holds their key, or have a window.
create function enqueue_unique(jobs jsonb, ids bigint[]) returns bigint[]
language plpgsql set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  one record;
  holder record;
begin
  for one in select * from job_new(jobs) order by name, unique_key, n loop
    loop
      if one.window_ms is not null then
        select w.job_id as id, 'finished' as state into holder from job_window w
          where w.name = one.name and w.key = one.unique_key and w.until > clock_timestamp()
            and not exists (select from job j where j.id = w.job_id);
        if found then
          ids[one.n] := holder.id;
          exit;
        end if;
      end if;
      insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                       unique_key, concurrency_key, concurrency_limit, lane, gates, version, extra, traceparent, payload)
        values (ids[one.n], ids[one.n], one.name, one.state, one.rank, one.run_at, now(), one.max_attempts, one.timeout_ms, one.backoff_ms,
                one.backoff_max_ms, one.unique_key, one.key, one.key_limit, one.lane, one.gates, one.version, one.extra,
                one.traceparent, one.payload)
        on conflict (name, unique_key) where unique_key is not null do nothing;
      if found then
        if one.window_ms is not null then
          insert into job_window as w (name, key, until, job_id)
            values (one.name, one.unique_key, clock_timestamp() + one.window_ms * interval '1 ms', ids[one.n])
            on conflict (name, key) do update set until = excluded.until, job_id = excluded.job_id;
        end if;
        exit;
      end if;
      if coalesce(one.conflict, 'keep') = 'keep' then
        select j.id, j.state into holder from job j where j.name = one.name and j.unique_key = one.unique_key;
      else
        select j.id, j.state into holder from job j where j.name = one.name and j.unique_key = one.unique_key for update;
      end if;
      continue when not found;
      if coalesce(one.conflict, 'keep') <> 'keep' and holder.state = 'leased' then
        -- It runs with what it was given: the new one comes after it, as a job of its own.
        update job set unique_key = null where id = holder.id;
        continue;
      end if;
      if one.conflict = 'replace' then
        update job set payload = one.payload, version = one.version, extra = one.extra where id = holder.id;
      elsif one.conflict = 'postpone' then
        update job j set payload = one.payload, version = one.version, extra = one.extra,
            run_at = least(one.run_at, j.created_at + one.max_wait_ms * interval '1 ms'),
            state = case when j.state = 'blocked' then 'blocked' else 'delayed' end
          where id = holder.id;
      end if;
      ids[one.n] := holder.id;
      exit;
    end loop;
  end loop;
  return ids;
end $$;

-- Finishes jobs and claims the next ones, in one round trip and one commit. As before; beyond that it tells successors, and
-- claims nothing of a paused name.
create or replace function queue_exchange(finished json, worker_id bigint, instance text, names text[], low_rank integer,
                                          low_seq bigint, most integer, out done integer, out jobs text)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  ids bigint[];
  linked jsonb;
begin
  done := 0;
  if finished is not null then
    with gone as (
      delete from job j
        using json_to_recordset(finished) as d (id bigint, attempt integer, owner bigint, ms real, result jsonb)
        where j.id = d.id and j.attempt = d.attempt and j.owner = d.owner
        returning j.*, d.ms, d.result
    ), kept as (
      insert into job_done (id, name, rank, run_at, created_at, attempt, lost, max_attempts, duration_ms, instance_id,
                            unique_key, concurrency_key, traceparent, event_id, errors, payload, result)
        select id, name, coalesce(own_rank, rank), run_at, created_at, attempt, lost, max_attempts, ms, instance,
               unique_key, concurrency_key, traceparent, event_id, errors, payload, result
        from gone
    )
    select count(*), jsonb_agg(jsonb_build_object('id', id, 'state', 'done', 'result', result)) filter (where links is not null)
      into done, linked from gone;
    if linked is not null then perform queue_settle(linked); end if;
  end if;
  if most = 0 then return; end if;

  -- Locks the worker's own row, so that a claim and the sweep of a worker thought dead cannot both succeed.
  perform from worker where id = worker_id and leased_until > now() for key share;
  if not found then return; end if;
  if exists (select from job_pause) then
    names := array(select n from unnest(names) as n where not exists (select from job_pause p where p.name = n));
  end if;

  ids := array(
    select id from job where state = 'ready' and rank < low_rank and name = any (names)
    order by rank, seq limit most for update skip locked);
  if cardinality(ids) < most then
    ids := ids || array(
      select id from job where state = 'ready' and (rank, seq) >= (low_rank, low_seq) and name = any (names)
      order by rank, seq limit most - cardinality(ids) for update skip locked);
  end if;
  if cardinality(ids) = 0 then return; end if;
  jobs := queue_lease(ids, worker_id);
end $$;

-- What a worker is told of the jobs that it claims. `more` is null for plain jobs.
create function queue_lease(ids bigint[], worker_id bigint) returns text
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  jobs text;
begin
  with claimed as (
    update job j set state = 'leased', owner = worker_id, attempt = j.attempt + 1, leased_at = clock_timestamp()
      where j.id = any (ids)
      returning j.id::text as id, j.name, j.rank, j.seq, j.attempt, j.lost, j.max_attempts as "maxAttempts",
        j.timeout_ms as "timeoutMs", j.backoff_ms as "backoffMs", j.backoff_max_ms as "backoffMaxMs",
        j.concurrency_key as key, j.traceparent, j.payload,
        round(extract(epoch from clock_timestamp() - j.run_at) * 1000) as "waitedMs",
        case when j.links is not null or j.version is not null or j.cancel is not null or j.extra is not null or j.lane is not null
          then json_build_object('links', j.links, 'version', j.version, 'cancel', j.cancel, 'extra', j.extra, 'lane', j.lane) end as more
  )
  select json_agg(claimed)::text into jobs from claimed;
  return jobs;
end $$;

-- Tells successors what became of jobs, and forgets the jobs' own steps and predecessors.
--   settled  [{ id, state: done | dead | cancelled, result }]
create function queue_settle(settled jsonb) returns void
language plpgsql set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  edge record;
  unsettled integer;
begin
  for edge in
    select e.after_id, e.job_id, e.place, e.policy, s.state, s.result
    from jsonb_to_recordset(settled) as s (id bigint, state text, result jsonb) join job_edge e on e.after_id = s.id
    where e.state is null order by e.job_id, e.after_id, e.place
  loop
    continue when edge.state = 'dead' and edge.policy = 'wait';
    update job_edge set state = edge.state, result = edge.result
      where after_id = edge.after_id and job_id = edge.job_id and place = edge.place;
    if edge.state = 'done' or edge.policy = 'run' then
      update job set pending = pending - 1 where id = edge.job_id returning pending into unsettled;
      if found and unsettled = 0 then perform queue_unblock(edge.job_id); end if;
    else
      perform queue_cancel(edge.job_id, format('Job %s, which it comes after, is %s.', edge.after_id, edge.state));
    end if;
  end loop;
  delete from job_edge e using jsonb_to_recordset(settled) as s (id bigint, state text)
    where e.job_id = s.id and s.state <> 'dead';
  delete from job_step e using jsonb_to_recordset(settled) as s (id bigint, state text)
    where e.job_id = s.id and s.state <> 'dead';
  delete from job_wait e using jsonb_to_recordset(settled) as s (id bigint, state text) where e.job_id = s.id;
end $$;

create function queue_unblock(blocked_id bigint) returns void
language sql set search_path = pg_catalog, tenfold, pg_temp as $$
  update job set seq = nextval('job_seq'),
      state = case when run_at > now() then 'delayed' when concurrency_key is not null or lane is not null then 'held' else 'ready' end
    where id = blocked_id and state = 'blocked'
$$;

-- Ends a job that has not begun, at once; asks the worker of one that runs. 'gone', 'asked' or null (there is none).
create function queue_cancel(which bigint, reason text) returns text
language plpgsql set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  gone_links smallint;
begin
  with gone as (
    delete from job where id = which and state <> 'leased' returning *
  ), kept as (
    insert into job_done (id, name, rank, run_at, created_at, attempt, lost, max_attempts,
                          unique_key, concurrency_key, traceparent, event_id, errors, payload, outcome)
      select id, name, coalesce(own_rank, rank), run_at, created_at, attempt, lost, max_attempts, unique_key, concurrency_key,
             traceparent, event_id,
             coalesce(errors, '[]') || jsonb_build_object('attempt', attempt - lost, 'at', round(extract(epoch from now()) * 1000), 'message', reason),
             payload, 'cancelled' from gone
  )
  select gone.links into gone_links from gone;
  if found then
    if gone_links is not null then perform queue_settle(jsonb_build_array(jsonb_build_object('id', which, 'state', 'cancelled'))); end if;
    return 'gone';
  end if;
  update job set cancel = reason where id = which;
  return case when found then 'asked' end;
end $$;

-- Jobs whose time has come get the last place in line of their rank. `next` is when the next one is due, in ms.
create or replace function queue_promote(most integer, out count integer, out low float8, out names text, out held text, out next float8)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
begin
  with due as (
    update job set state = case when concurrency_key is null and lane is null then 'ready' else 'held' end,
        -- A lane has an order of its own, which a failure does not change.
        seq = case when lane is null then nextval('job_seq') else seq end
      where id = any (array(
        select id from job where state = 'delayed' and run_at <= now() order by run_at limit most for update skip locked))
      returning seq, name, concurrency_key as key
  )
  select count(*), min(seq), array_to_json(array_agg(distinct name))::text,
         (json_agg(distinct jsonb_build_object('name', name, 'key', key)) filter (where key is not null))::text
    into queue_promote.count, low, names, held from due;
  next := (select extract(epoch from run_at - now()) * 1000 from job where state = 'delayed' and run_at > now() order by run_at limit 1);
end $$;

-- Parks what is ready of paused names, so that claims need not step over it, and lets go what was parked when its name was
-- resumed. Returns how many were let go.
create function queue_park(most integer) returns integer
language plpgsql set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  freed integer := 0;
begin
  if exists (select from job_pause) then
    update job set state = 'parked' where id = any (array(
      select j.id from job j where j.state = 'ready' and j.concurrency_key is null and j.name in (select name from job_pause)
      order by j.rank, j.seq limit most for update skip locked));
  end if;
  update job set state = 'ready', seq = nextval('job_seq') where id = any (array(
    select j.id from job j where j.state = 'parked' and j.name not in (select name from job_pause)
    order by j.seq limit most for update skip locked));
  get diagnostics freed = row_count;
  return freed;
end $$;

-- Lifts jobs of these names that have been ready for longer than `older` to the most urgent rank that is waiting: priorities decide who
-- goes first, not who goes at all. Returns how many.
create function queue_age(older interval, most integer, names text[]) returns integer
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
  first smallint := (select rank from job where state = 'ready' and name = any (names) order by rank, seq limit 1);
  lifted integer;
begin
  if first is null then return 0; end if;
  with recursive ranks as (
    select first as rank
    union all
    select (select j.rank from job j where j.state = 'ready' and j.rank > ranks.rank order by j.rank, j.seq limit 1)
    from ranks where ranks.rank is not null
  ), old as (
    select found.id from ranks cross join lateral (
      select j.id, j.run_at from job j where j.state = 'ready' and j.rank = ranks.rank and j.name = any (names) order by j.rank, j.seq limit most) as found
    where ranks.rank > first and found.run_at < now() - older order by found.run_at limit most
  )
  update job j set rank = first, own_rank = coalesce(j.own_rank, j.rank)
    where j.id = any (array(select id from old)) and j.state = 'ready';
  get diagnostics lifted = row_count;
  return lifted;
end $$;

revoke all on function job_new(jsonb), enqueue_unique(jsonb, bigint[]), queue_lease(bigint[], bigint), queue_settle(jsonb),
  queue_unblock(bigint), queue_cancel(bigint, text), queue_park(integer), queue_age(interval, integer, text[]) from public;
grant execute on function job_new(jsonb), queue_lease(bigint[], bigint), queue_settle(jsonb), queue_unblock(bigint),
  queue_cancel(bigint, text), queue_park(integer), queue_age(interval, integer, text[]) to :system;
