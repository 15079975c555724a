--! phase: expand

-- What the metrics did that are kept: those of the business, and those that alerts are about. One row for each process, slot
-- of half a minute, metric and set of labels.
create table telemetry_metric (
  time         timestamptz not null,
  instance_id  text        not null,
  name         text        not null,
  -- counter, gauge or histogram
  kind         text        not null,
  labels       jsonb       not null,
  -- Of a gauge its value, of a counter and of a histogram's sum what they gained.
  value        float8      not null,
  count        bigint,
  first_bucket int,
  buckets      int[]
) partition by range (time);
create index telemetry_metric_name_time on telemetry_metric (name, time);

-- As before, for each partitioned table there is, instead of a list of their names.
create or replace function telemetry_maintain(at timestamptz, keep jsonb) returns jsonb
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
  for parent in
    select relname from pg_class
     where relkind = 'p' and relnamespace = 'tenfold'::regnamespace and relname like 'telemetry\_%' order by 1
  loop
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
