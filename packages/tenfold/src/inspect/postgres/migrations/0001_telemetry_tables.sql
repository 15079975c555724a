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

-- The same by the minute, written by the same processes: no roll-up job has to run.
create table telemetry_operation_1m (like telemetry_operation_10s including all) partition by range (time);

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
  foreach parent in array array['telemetry_operation_10s', 'telemetry_operation_1m', 'telemetry_runtime_10s',
                                'telemetry_runtime_1m', 'telemetry_trace', 'telemetry_log'] loop
    for day in select today + n from generate_series(-1, 2) n loop
      part := parent || to_char(day, '_YYYYMMDD');
      if to_regclass('tenfold.' || part) is null then
        execute format('create table tenfold.%I partition of tenfold.%I for values from (%L) to (%L)', part, parent,
                       day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
      end if;
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
  delete from telemetry_query_text where seen_on < today - coalesce((keep -> 'telemetry_operation_1m' ->> 'days')::int, 14) - 1;
  return jsonb_build_object('dropped', to_jsonb(dropped), 'sizes', sizes);
end $$;

revoke all on function telemetry_maintain(timestamptz, jsonb) from public;
grant execute on function telemetry_maintain(timestamptz, jsonb) to :system;
