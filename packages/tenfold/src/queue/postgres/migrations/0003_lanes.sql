--! phase: expand
-- Jobs with a lane: tenants that take turns, limits that hold together, rates. They never become ready: a worker with a free
-- place asks for the next ones, and they are leased under a lock per name. So what is running, and what began, is known when
-- the next one is chosen, and no counter can be left wrong by a crash.

-- Claims up to `most` held jobs of these names.
--   turn      the most urgent rank first; within it tenants take turns, and within a tenant the oldest job goes first
--   places    key and total: what is leased counts, nothing else does
--   rate      starts of the last window, of all processes, by the clock of the database
--   ordered   one unfinished job of the lane at a time, a failed one included
-- `retry_in` is when a rate lets the next one go, in ms.
create function queue_claim_lanes(worker_id bigint, names text[], most integer, out jobs text, out retry_in float8)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  one_name text;
  taken bigint[] := '{}';
begin
  perform from worker where id = worker_id and leased_until > now() for key share;
  if not found then return; end if;
  -- In the order of names, since each takes a lock; but not always the same one first.
  for one_name in select distinct n from unnest(names) as n where not exists (select from job_pause p where p.name = n) order by n loop
    exit when cardinality(taken) >= most;
    continue when not exists (select from job where name = one_name and state = 'held' and lane is not null);
    perform pg_advisory_xact_lock(7285, hashtext(one_name));
    declare
      chosen record;
    begin
      select * into chosen from queue_next_lanes(one_name, most - cardinality(taken));
      taken := taken || chosen.ids;
      retry_in := least(retry_in, chosen.wait);
    end;
  end loop;
  if cardinality(taken) > 0 then jobs := queue_lease(taken, worker_id); end if;
end $$;

create function queue_next_lanes(of_name text, most integer, out ids bigint[], out wait float8)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  -- Leased jobs of this name, by concurrency key.
  busy jsonb;
  running integer;
  -- What a rate key has left in its window.
  tokens jsonb := '{}';
  used jsonb := '{}';
  blocked text[] := '{}';
  at_rank smallint := -32768;
  turn text collate "C" := coalesce((select t.lane from job_turn t where t.name = of_name), '');
  within jsonb := coalesce((select t.within from job_turn t where t.name = of_name), '{}');
  tenant text collate "C";
  position text collate "C";
  whole boolean;
  moved boolean;
  one record;
  rate_key text;
  remaining integer;
  moment timestamptz := clock_timestamp();
  free_at timestamptz;
begin
  ids := '{}';
  select coalesce(jsonb_object_agg(key, n) filter (where key is not null), '{}'), coalesce(sum(n), 0) into busy, running
    from (select gates ->> 'key' as key, count(*) as n from job
          where name = of_name and state = 'leased' and lane is not null group by 1) as leased;
  <<ranks>>
  loop
    at_rank := (select rank from job where name = of_name and state = 'held' and lane is not null and rank >= at_rank order by rank limit 1);
    exit when at_rank is null;
    position := turn;
    whole := turn = '';
    moved := false;
    loop
      exit ranks when cardinality(ids) >= most;
      select j.id, j.lane, j.gates, j.seq into one from job j
        where j.name = of_name and j.state = 'held' and j.rank = at_rank and j.lane > position and j.lane is not null
          and not j.id = any (ids)
        order by j.lane, j.seq limit 1 for update skip locked;
      if not found then
        -- The end of the round: once more from the start, unless a whole round moved nothing.
        exit when whole and not moved;
        position := '';
        whole := true;
        moved := false;
        continue;
      end if;
      tenant := split_part(one.lane, E'\x01', 1);
      if within ? tenant then
        -- This tenant's lanes take turns too: those after the last one first.
        if one.lane <= (within ->> tenant) collate "C" and position < tenant || E'\x01' then
          position := within ->> tenant;
          within := within - tenant;
          moved := true;
          continue;
        end if;
        within := within - tenant;
      end if;
      if one.lane = any (blocked)
        or (one.gates ->> 'total')::integer <= running
        or (one.gates ->> 'keyLimit')::integer <= coalesce((busy ->> (one.gates ->> 'key'))::integer, 0)
        or (one.gates ? 'ordered' and queue_lane_busy(of_name, one.lane, at_rank, one.seq))
      then
        position := one.lane;
        blocked := blocked || one.lane;
        continue;
      end if;
      if one.gates ? 'rateMax' then
        rate_key := coalesce(one.gates ->> 'rateKey', '');
        if not tokens ? rate_key then
          delete from job_rate r where r.name = of_name and r.key = rate_key
            and r.at <= moment - (one.gates ->> 'ratePer')::float8 * interval '1 ms';
          select (one.gates ->> 'rateMax')::integer - coalesce(sum(r.starts), 0), min(r.at) + (one.gates ->> 'ratePer')::float8 * interval '1 ms'
            into remaining, free_at from job_rate r
            where r.name = of_name and r.key = rate_key and r.at > moment - (one.gates ->> 'ratePer')::float8 * interval '1 ms';
          tokens := tokens || jsonb_build_object(rate_key, remaining);
          if remaining <= 0 then wait := least(wait, extract(epoch from free_at - moment) * 1000); end if;
        end if;
        if (tokens ->> rate_key)::integer <= 0 then
          wait := coalesce(wait, (one.gates ->> 'ratePer')::float8);
          position := one.lane;
          blocked := blocked || one.lane;
          continue;
        end if;
        tokens := tokens || jsonb_build_object(rate_key, (tokens ->> rate_key)::integer - 1);
        used := used || jsonb_build_object(rate_key, coalesce((used ->> rate_key)::integer, 0) + 1);
      end if;
      ids := ids || one.id;
      running := running + 1;
      if one.gates ? 'key' then
        busy := busy || jsonb_build_object(one.gates ->> 'key', coalesce((busy ->> (one.gates ->> 'key'))::integer, 0) + 1);
      end if;
      if one.gates ? 'ordered' then blocked := blocked || one.lane; end if;
      moved := true;
      if one.lane <> tenant || E'\x01\x01' then within := within || jsonb_build_object(tenant, one.lane); end if;
      -- The next tenant's lanes begin after this one's.
      position := tenant || E'\x02';
      turn := position;
    end loop;
    at_rank := at_rank + 1;
  end loop ranks;
  if cardinality(ids) > 0 then
    if (select count(*) from jsonb_object_keys(within)) > 1000 then within := '{}'; end if;
    insert into job_turn as t (name, lane, within) values (of_name, turn, within)
      on conflict (name) do update set lane = excluded.lane, within = excluded.within;
  end if;
  if used <> '{}' then
    insert into job_rate as r (name, key, at, starts) select of_name, u.key, moment, u.value::integer from jsonb_each_text(used) as u
      on conflict (name, key, at) do update set starts = r.starts + excluded.starts;
  end if;
end $$;

-- Whether an ordered lane has a job that comes first: one that is leased, that failed and waits to be tried again, or that
-- came back in line since ours was chosen. One statement, so one moment: a job that changes its state is not missed.
create function queue_lane_busy(of_name text, of_lane text, at_rank smallint, before bigint) returns boolean
language sql stable set search_path = pg_catalog, tenfold, pg_temp as $$
  select exists (select from job where name = of_name and state = 'leased' and rank = at_rank and lane = of_lane)
      or exists (select from job where name = of_name and state = 'delayed' and rank = at_rank and lane = of_lane and attempt > 0)
      or exists (select from job where name = of_name and state = 'held' and rank = at_rank and lane = of_lane and seq < before)
$$;

-- Names, in order, that have held jobs with a lane.
create function queue_lane_names() returns table (name text)
language sql stable set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set plan_cache_mode = force_generic_plan as $$
  with recursive step as (
    (select j.name from job j where j.lane is not null order by j.name limit 1)
    union all
    select (select j.name from job j where j.lane is not null and j.name > step.name order by j.name limit 1) from step where step.name is not null
  )
  select step.name from step where step.name is not null
    and exists (select from job j where j.name = step.name and j.state = 'held' and j.lane is not null)
$$;

revoke all on function queue_claim_lanes(bigint, text[], integer), queue_next_lanes(text, integer),
  queue_lane_busy(text, text, smallint, bigint), queue_lane_names() from public;
grant execute on function queue_claim_lanes(bigint, text[], integer), queue_next_lanes(text, integer),
  queue_lane_busy(text, text, smallint, bigint), queue_lane_names() to :system;
