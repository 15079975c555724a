--! phase: expand

-- A partition is made apart and then attached, which stops neither readers nor writers of the table; `create table … partition of`
-- waits for all of them, and while it waits everybody waits behind it.
--   https://www.postgresql.org/docs/18/sql-altertable.html (ATTACH PARTITION)
create or replace function telemetry_make_partition(parent text, day date) returns void
language plpgsql set search_path = pg_catalog, tenfold
as $$
declare
  part text := parent || to_char(day, '_YYYYMMDD');
begin
  if to_regclass('tenfold.' || part) is not null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('tenfold.telemetry_make_partition'));
  -- Asked of the table itself: what `to_regclass` remembers may be older than the wait.
  if exists (select from pg_class where relname = part and relnamespace = 'tenfold'::regnamespace) then
    return;
  end if;
  execute format('create table tenfold.%I (like tenfold.%I including defaults including constraints including indexes including storage)',
                 part, parent);
  execute format('alter table tenfold.%I attach partition tenfold.%I for values from (%L) to (%L)', parent, part,
                 day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
end $$;

-- In place of `telemetry_maintain`: of one table, and first what is needed, then what is not any more. Whoever drops a partition
-- holds the lock of one table and waits for no other, so that a reader of several tables is never in a circle with it; and if
-- that reader takes too long, the partitions of the coming days are there all the same.
create function telemetry_make_partitions(parent text, at timestamptz) returns void
language plpgsql security definer
set search_path = pg_catalog, tenfold
set lock_timeout = '2s'
as $$
declare
  today date := (at at time zone 'UTC')::date;
  day   date;
begin
  perform telemetry_check_parent(parent);
  for day in select today + n from generate_series(-1, 2) n loop
    perform telemetry_make_partition(parent, day);
  end loop;
end $$;

create function telemetry_check_parent(parent text) returns void
language plpgsql set search_path = pg_catalog, tenfold
as $$
begin
  if not exists (select from pg_class where relname = parent and relkind = 'p' and relnamespace = 'tenfold'::regnamespace
                                        and relname like 'telemetry\_%') then
    raise exception 'tenfold.% is no table of telemetry', parent;
  end if;
end $$;

-- `keep` is { days, bytes }; answers { dropped, size }, as `telemetry_maintain` did for all.
create function telemetry_drop_partitions(parent text, at timestamptz, keep jsonb) returns jsonb
language plpgsql security definer
set search_path = pg_catalog, tenfold
set lock_timeout = '2s'
as $$
declare
  today   date := (at at time zone 'UTC')::date;
  dropped text[] := '{}';
  part    text;
  day     date;
  size    bigint;
begin
  perform telemetry_check_parent(parent);
  perform pg_advisory_xact_lock(hashtext('tenfold.telemetry_maintain'));
  select coalesce(sum(pg_total_relation_size(inhrelid)), 0) into size
    from pg_inherits where inhparent = ('tenfold.' || quote_ident(parent))::regclass;
  for part, day in
    select c.relname, to_date(right(c.relname, 8), 'YYYYMMDD')
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = ('tenfold.' || quote_ident(parent))::regclass
     order by 2
  loop
    if day < today - coalesce((keep ->> 'days')::int, 14) or (day < today and size > (keep ->> 'bytes')::bigint) then
      size := size - pg_total_relation_size(('tenfold.' || quote_ident(part))::regclass);
      execute format('drop table tenfold.%I', part);
      dropped := dropped || part;
    end if;
  end loop;
  return jsonb_build_object('dropped', to_jsonb(dropped), 'size', size);
end $$;
revoke all on function telemetry_make_partitions(text, timestamptz), telemetry_drop_partitions(text, timestamptz, jsonb) from public;
grant execute on function telemetry_make_partitions(text, timestamptz), telemetry_drop_partitions(text, timestamptz, jsonb) to :system;

-- What is not partitioned.
create function telemetry_forget_before(at timestamptz, hours_kept int) returns void
language sql security definer
set search_path = pg_catalog, tenfold
as $$
  delete from telemetry_process where seen_at < at - interval '1 day';
  delete from telemetry_query_text where seen_on < (at at time zone 'UTC')::date - hours_kept - 1;
$$;
revoke all on function telemetry_forget_before(timestamptz, int) from public;
grant execute on function telemetry_forget_before(timestamptz, int) to :system;
