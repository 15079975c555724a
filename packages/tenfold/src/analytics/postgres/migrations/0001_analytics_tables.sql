--! phase: expand

-- What people do in the product. Events are kept as they came; a person is a number, and who is who lies beside.
create table analytics_name (
  id         int         generated always as identity primary key,
  name       text        not null unique,
  first_seen timestamptz not null default now()
);

-- One row for each id that a person was known by: 'u:' and the user's id, or 'a:' and the id of a browser.
create table analytics_person (
  id          bigint      generated always as identity primary key,
  distinct_id text        not null unique,
  first_seen  timestamptz not null default now(),
  properties  jsonb       not null default '{}'
);

-- Browsers whose owner has signed in: their events count as the user's, the earlier ones included. Events are not rewritten.
create table analytics_merged (
  person_id bigint      primary key references analytics_person (id) on delete cascade,
  into_id   bigint      not null references analytics_person (id) on delete cascade,
  at        timestamptz not null default now()
);
create index analytics_merged_into on analytics_merged (into_id);

create table analytics_event (
  ts        timestamptz not null,
  person_id bigint      not null,
  name_id   int         not null,
  -- The order of events of one page at the same time.
  seq       int         not null,
  id        uuid        not null,
  props     jsonb
) partition by range (ts);
-- Reports read this alone: neither the table nor the properties.
create index analytics_event_name_ts on analytics_event (name_id, ts) include (person_id, seq);

-- On which days somebody was there, in the time zone of the reports. Kept by the same statement that keeps the events.
create table analytics_person_day (
  day       date   not null,
  person_id bigint not null,
  primary key (day, person_id)
);
-- In the order in which the days of a person are read.
create index analytics_person_day_person on analytics_person_day (person_id, day);

create table analytics_report (
  id         uuid        primary key,
  title      text        not null,
  kind       text        not null,
  query      jsonb       not null,
  created_at timestamptz not null default now()
);

create table analytics_setting (
  only_row  boolean primary key default true check (only_row),
  -- Whose days analytics_person_day counts.
  time_zone text    not null
);

-- Makes the partition of the month in which `day` lies. Its index of ids is its own: that of a partitioned table would need
-- the time in it, and a repeated event must be found whatever time its second copy bears.
create function analytics_make_month(day date) returns void
language plpgsql security definer set search_path = pg_catalog, tenfold
as $$
declare
  month date := date_trunc('month', day)::date;
  part  text := 'analytics_event' || to_char(month, '_YYYYMM');
begin
  if to_regclass('tenfold.' || part) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('tenfold.analytics_make_month'));
  if to_regclass('tenfold.' || part) is not null then
    return;
  end if;
  -- Index-only scans need pages that are known to be visible to all: vacuum early, although nothing is ever updated.
  execute format('create table tenfold.%I partition of tenfold.analytics_event for values from (%L) to (%L)
                  with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 10000)', part,
                 month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
  execute format('create unique index %I on tenfold.%I (id)', part || '_id', part);
end $$;
revoke all on function analytics_make_month(date) from public;
grant execute on function analytics_make_month(date) to :system;

-- Drops the months that ended before `day`, and the days before it. Answers the names of what was dropped.
create function analytics_drop_before(day date) returns text[]
language plpgsql security definer set search_path = pg_catalog, tenfold set lock_timeout = '2s'
as $$
declare
  part    text;
  dropped text[] := '{}';
begin
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'tenfold.analytics_event'::regclass
       and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= day
  loop
    execute format('drop table tenfold.%I', part);
    dropped := dropped || part;
  end loop;
  if dropped <> '{}' then
    delete from tenfold.analytics_person_day d where d.day < date_trunc('month', analytics_drop_before.day)::date;
  end if;
  return dropped;
end $$;
revoke all on function analytics_drop_before(date) from public;
grant execute on function analytics_drop_before(date) to :system;
