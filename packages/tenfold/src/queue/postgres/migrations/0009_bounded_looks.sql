--! phase: expand
-- A relay takes the oldest events without a key: with the index of all events it read past those that have one, however many wait.
create index event_outbox_free on event_outbox (id) where key is null;

-- Jobs that were lifted (see `queue_age`) and wait.
create index job_lifted on job (rank) where state = 'ready' and own_rank is not null;

-- As before, but while jobs that were lifted still wait, that many fewer are lifted: they go before all that is as urgent and younger, and
-- where jobs take longer than the pause between two passes they would pile up before what is urgent.
create or replace function queue_age(older interval, most integer, names text[]) returns integer
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
declare
  first smallint := (select rank from job where state = 'ready' and name = any (names) order by rank, seq limit 1);
  lifted integer;
begin
  if first is null then return 0; end if;
  most := most - (select count(*) from (
    select from job where state = 'ready' and own_rank is not null and rank = first and name = any (names) limit most) as waiting);
  if most <= 0 then return 0; end if;
  with recursive ranks as (
    select first as rank
    union all
    select (select j.rank from job j where j.state = 'ready' and j.rank > ranks.rank order by j.rank, j.seq limit 1)
    from ranks where ranks.rank is not null
  ), old as (
    select found.id from ranks cross join lateral (
      select j.id, j.run_at from job j where j.state = 'ready' and j.rank = ranks.rank and j.name = any (names) order by j.rank, j.seq limit most) as found
    where ranks.rank > first and found.run_at < now() - older order by found.run_at, found.id limit most
  )
  update job j set rank = first, own_rank = coalesce(j.own_rank, j.rank)
    where j.id = any (array(select id from old)) and j.state = 'ready';
  get diagnostics lifted = row_count;
  return lifted;
end $$;
