--! phase: expand
-- Unlogged: counts are worth nothing after a crash, and writing them must not wait for the disk.
-- Half of each page stays free so that counting stays an update in place (HOT), without a new index entry.
create unlogged table tenfold.rate_limit (
  key text primary key,
  -- For each window the time at which the key is back at its full allowance, in milliseconds since 1970.
  until double precision[] not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Decides and counts under the lock of the one row, in one round trip. The clock is read after the lock was obtained:
-- whoever waited for it must not count with the time at which the wait began.
create function tenfold.rate_limit_take(
  p_key text, p_intervals double precision[], p_tolerances double precision[], p_cost double precision,
  out allowed boolean, out ahead double precision[]
) language plpgsql as $$
declare
  v_now double precision;
  v_until double precision[];
  v_next double precision[];
  v_then double precision;
begin
  loop
    select r.until into v_until from tenfold.rate_limit r where r.key = p_key for update;
    exit when found;
    insert into tenfold.rate_limit as r (key, until) values (p_key, array_fill(0::double precision, array[cardinality(p_intervals)]))
      on conflict do nothing returning r.until into v_until;
    exit when found;
  end loop;
  v_now := extract(epoch from clock_timestamp())::double precision * 1000;
  allowed := true;
  for i in 1 .. cardinality(p_intervals) loop
    -- A window that was added by a newer release has no count yet.
    v_then := greatest(coalesce(v_until[i], 0), v_now) + p_cost * p_intervals[i];
    v_next[i] := v_then;
    if v_then - v_now > p_tolerances[i] + least(1, p_intervals[i] / 2) then
      allowed := false;
    end if;
  end loop;
  if allowed then
    update tenfold.rate_limit r set until = v_next where r.key = p_key;
    v_until := v_next;
  end if;
  for i in 1 .. cardinality(p_intervals) loop
    ahead[i] := greatest(0, coalesce(v_until[i], 0) - v_now);
  end loop;
end $$;

-- Forgets some keys that are back at their full allowance.
create function tenfold.rate_limit_prune(p_limit integer) returns bigint language sql as $$
  with gone as (
    delete from tenfold.rate_limit where ctid = any (array(
      select r.ctid from tenfold.rate_limit r
      where (select max(u) from unnest(r.until) u) < extract(epoch from clock_timestamp()) * 1000
      limit p_limit for update skip locked
    )) returning 1
  )
  select count(*) from gone
$$;
