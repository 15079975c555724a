--! phase: expand

-- As before, but two processes that make the same month at once do not fail: after the wait, what `to_regclass` remembers may be
-- older than what the other one has made.
create or replace function analytics_make_month(day date) returns void
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
  if exists (select from pg_class where relname = part and relnamespace = 'tenfold'::regnamespace) then
    return;
  end if;
  -- Index-only scans need pages that are known to be visible to all: vacuum early, although nothing is ever updated.
  execute format('create table tenfold.%I partition of tenfold.analytics_event for values from (%L) to (%L)
                  with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 10000)', part,
                 month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
  execute format('create unique index %I on tenfold.%I (id)', part || '_id', part);
end $$;
