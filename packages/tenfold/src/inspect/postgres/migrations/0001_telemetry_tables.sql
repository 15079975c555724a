--! phase: expand

-- What ran and how long it took, as counts in log-linear buckets. One row for each process, slot of time, and name of a
-- request, job, query, outgoing call …; rows of the same slot are added up by whoever reads them.
create table telemetry_operation_10s (
  time         timestamptz not null,
  instance_id  text        not null,
  kind         text        not null,
  module       text        not null,
  -- The name; of queries the key of their text. '*' is the sum over all names of that kind.
  name         text        not null,
  count        bigint      not null,
  errors       bigint      not null,
  total_ms     float8      not null,
  -- Of requests, jobs and the like: how many queries they made. Of queries: how many rows they returned.
  inner_count  bigint      not null,
  first_bucket int         not null,
  buckets      int[]       not null
) partition by range (time);
create index telemetry_operation_10s_kind_time on telemetry_operation_10s (kind, time);

-- The same by the minute, written by the same processes.
create table telemetry_operation_1m (like telemetry_operation_10s including all) partition by range (time);
-- The same by the hour, of all processes together (their instance_id is '*'): made of the rows by the minute.
create table telemetry_operation_1h (like telemetry_operation_10s including all) partition by range (time);
create table telemetry_rolled_up (
  only_row boolean     primary key default true check (only_row),
  until    timestamptz not null
);

create table telemetry_query_text (
  name    text primary key,
  text    text not null,
  seen_on date not null default current_date
);

-- How the processes did.
create table telemetry_runtime_10s (
  time                   timestamptz not null,
  instance_id            text        not null,
  cpu_percent            real        not null,
  memory_bytes           bigint      not null,
  event_loop_utilization real        not null,
  event_loop_delay_p99   real        not null
) partition by range (time);
create index telemetry_runtime_10s_time on telemetry_runtime_10s (time);
create table telemetry_runtime_1m (like telemetry_runtime_10s including all) partition by range (time);

-- One row for each running process; it goes when the process stops.
create table telemetry_process (
  instance_id            text        primary key,
  roles                  text[]      not null,
  pid                    int         not null,
  host                   text        not null,
  started_at             timestamptz not null,
  seen_at                timestamptz not null,
  -- Without another report until then, it is taken for dead.
  good_until             timestamptz not null,
  cpu_percent            real        not null,
  memory_bytes           bigint      not null,
  event_loop_utilization real        not null,
  event_loop_delay_p99   real        not null,
  dropped_traces         bigint      not null,
  flush_ms               real        not null
) with (fillfactor = 50);

-- One row for each root context that was kept: every error, every slow one, and a sample of the rest.
create table telemetry_trace (
  started_at    timestamptz not null,
  trace_id      uuid        not null,
  instance_id   text        not null,
  kind          text        not null,
  name          text        not null,
  module        text,
  duration_ms   float8      not null,
  status        int,
  failed        boolean     not null,
  error         text,
  user_id       text,
  queries       int         not null,
  dropped_spans int         not null,
  span_count    int         not null,
  spans         jsonb       not null
) partition by range (started_at);
create index telemetry_trace_started_at on telemetry_trace (started_at);
create index telemetry_trace_trace_id on telemetry_trace (trace_id);
create index telemetry_trace_failed on telemetry_trace (started_at) where failed;

create table telemetry_log (
  time        timestamptz not null,
  -- Milliseconds since 1970 times 1000, plus a running number: newer lines have greater ids.
  id          bigint      not null,
  level       smallint    not null,
  message     text        not null,
  trace_id    uuid,
  instance_id text        not null,
  fields      jsonb       not null
) partition by range (time);
create index telemetry_log_id on telemetry_log (id);
create index telemetry_log_warnings on telemetry_log (id) where level >= 40;
create index telemetry_log_trace_id on telemetry_log (trace_id) where trace_id is not null;

create function telemetry_make_partition(parent text, day date) returns void
language plpgsql set search_path = pg_catalog, tenfold
as $$
declare
  part text := parent || to_char(day, '_YYYYMMDD');
begin
  if to_regclass('tenfold.' || part) is null then
    execute format('create table tenfold.%I partition of tenfold.%I for values from (%L) to (%L)', part, parent,
                   day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
  end if;
end $$;

-- Makes the partitions of the days around `at` and drops those past their time: nothing is ever deleted row by row.
-- `keep` is { table: { days, bytes } }: over `bytes`, the oldest day goes early, but never today's.
-- Answers which partitions were dropped, and how many bytes each table now has.
create function telemetry_maintain(at timestamptz, keep jsonb) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, tenfold
set lock_timeout = '2s'
as $$
declare
  today   date := (at at time zone 'UTC')::date;
  dropped text[] := '{}';
  sizes   jsonb := '{}';
  parent  text;
  part    text;
  day     date;
  size    bigint;
begin
  perform pg_advisory_xact_lock(hashtext('tenfold.telemetry_maintain'));
  foreach parent in array array['telemetry_operation_10s', 'telemetry_operation_1m', 'telemetry_operation_1h',
                                'telemetry_runtime_10s', 'telemetry_runtime_1m', 'telemetry_trace', 'telemetry_log'] loop
    for day in select today + n from generate_series(-1, 2) n loop
      perform telemetry_make_partition(parent, day);
    end loop;

    select coalesce(sum(pg_total_relation_size(inhrelid)), 0) into size
      from pg_inherits where inhparent = ('tenfold.' || parent)::regclass;
    for part, day in
      select c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = ('tenfold.' || parent)::regclass
       order by 2
    loop
      if day < today - coalesce((keep -> parent ->> 'days')::int, 14)
         or (day < today and size > (keep -> parent ->> 'bytes')::bigint) then
        size := size - pg_total_relation_size(('tenfold.' || quote_ident(part))::regclass);
        execute format('drop table tenfold.%I', part);
        dropped := dropped || part;
      end if;
    end loop;
    sizes := sizes || jsonb_build_object(parent, size);
  end loop;

  delete from telemetry_process where seen_at < at - interval '1 day';
  delete from telemetry_query_text where seen_on < today - coalesce((keep -> 'telemetry_operation_1h' ->> 'days')::int, 14) - 1;
  return jsonb_build_object('dropped', to_jsonb(dropped), 'sizes', sizes);
end $$;

-- Adds up the hours that are over since 15 minutes; rows by the minute come later than that only after an outage, and then
-- they are missing here. Any process may call it: the first one does it. Answers how many hours had
-- something to add up.
create function telemetry_roll_up(at timestamptz) returns int
language plpgsql security definer
set search_path = pg_catalog, tenfold
as $$
declare
  hour  timestamptz;
  over  timestamptz := date_trunc('hour', at - interval '15 minutes', 'UTC');
  hours int := 0;
  moved boolean := false;
begin
  if not pg_try_advisory_xact_lock(hashtext('tenfold.telemetry_roll_up')) then
    return 0;
  end if;
  select until into hour from telemetry_rolled_up;
  if hour is null then
    select date_trunc('hour', min(time), 'UTC') into hour from telemetry_operation_1m;
  end if;
  if hour is null then
    return 0;
  end if;
  -- Older rows by the minute are gone.
  hour := greatest(hour, over - interval '14 days');
  -- Some seconds of work at most; the rest is for the next call.
  while hour < over and hours < 6 loop
    perform telemetry_make_partition('telemetry_operation_1h', (hour at time zone 'UTC')::date);
    with source as (
      select * from telemetry_operation_1m where time >= hour and time < hour + interval '1 hour'
    ), totals as (
      select kind, module, name, sum(count) as count, sum(errors) as errors, sum(total_ms) as total_ms,
             sum(inner_count) as inner_count
        from source group by kind, module, name
    ), counts as (
      select kind, module, name, first_bucket + place::int - 1 as bucket, sum(n) as n
        from source, unnest(buckets) with ordinality as u (n, place)
       where n > 0 group by 1, 2, 3, 4
    ), bounds as (
      select kind, module, name, min(bucket) as low, max(bucket) as high from counts group by kind, module, name
    ), dense as (
      select kind, module, name, low, array_agg(coalesce(n, 0)::int order by bucket) as buckets
        from (select kind, module, name, low, generate_series(low, high) as bucket from bounds) every
        left join counts using (kind, module, name, bucket)
       group by kind, module, name, low
    )
    insert into telemetry_operation_1h
    select hour, '*', kind, module, name, count, errors, total_ms, inner_count, low, buckets
      from totals join dense using (kind, module, name);
    if found then
      hours := hours + 1;
    end if;
    hour := hour + interval '1 hour';
    moved := true;
  end loop;
  if moved then
    insert into telemetry_rolled_up (until) values (hour) on conflict (only_row) do update set until = excluded.until;
  end if;
  return hours;
end $$;

revoke all on function telemetry_maintain(timestamptz, jsonb) from public;
grant execute on function telemetry_maintain(timestamptz, jsonb) to :system;
revoke all on function telemetry_roll_up(timestamptz), telemetry_make_partition(text, date) from public;
grant execute on function telemetry_roll_up(timestamptz) to :system;
