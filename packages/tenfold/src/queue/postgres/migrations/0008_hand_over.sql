--! phase: expand
-- Like `enqueue_plain`, for a process whose worker has free places: the first of these jobs are leased to it by the statement that inserts
-- them, so that they begin after this one commit, and no claim has to be made for them. Not while anything waits that the worker would have
-- to take before them, nor if its lease is over, nor while so much of other names waits before them that this cannot be seen at a glance.
--   chosen    which of the jobs, from 1: no more than the worker has places     worst  the least urgent rank among them
--   names, low_rank, low_seq  as in `queue_exchange`: what the worker can run, and where it would begin to look
--   begun     the ids of those that are leased
-- The columns that are written are those of `enqueue_plain` and of `ENQUEUE_ONE` in statements.ts: all three have to agree.
create function enqueue_begun(kind_names text[], kind_numbers integer[], of_kind integer[], traces text[], payloads jsonb, chosen integer[],
                              worst integer, worker_id bigint, names text[], low_rank integer, low_seq bigint,
                              out ids bigint[], out begun bigint[])
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
begin
  ids := array(select nextval('job_seq') from generate_series(1, cardinality(of_kind)));
  begun := '{}';
  -- As a claim does.
  perform from worker where id = worker_id and leased_until > now() for key share;
  if found then
    if exists (select from job_pause) then
      names := array(select n from unnest(names) as n where not exists (select from job_pause p where p.name = n));
    end if;
    -- Jobs of other names may wait by the hundred thousand, and the caller waits for this: what is not clear after 200 is left to a claim.
    if not exists (
      select from (select name, row_number() over () as n from (
          select name from job where state = 'ready' and rank < low_rank and rank <= worst order by rank, seq limit 200) as line
        union all
        select name, row_number() over () from (
          select name from job where state = 'ready' and (rank, seq) >= (low_rank, low_seq) and rank <= worst order by rank, seq limit 200) as line
      ) as before where name = any (names) or n = 200)
    then
      begun := array(select ids[n] from unnest(chosen) as n where kind_names[of_kind[n]] = any (names));
    end if;
  end if;
  insert into job (id, seq, name, state, rank, run_at, created_at, attempt, owner, leased_at, max_attempts, timeout_ms, backoff_ms,
                   backoff_max_ms, traceparent, payload)
    select id, id, kind_names[kind], case when here then 'leased' else 'ready' end, kind_numbers[kind * 5 - 4]::smallint, now(), now(),
           case when here then 1 else 0 end, case when here then worker_id end, case when here then clock_timestamp() end,
           kind_numbers[kind * 5 - 3], kind_numbers[kind * 5 - 2], kind_numbers[kind * 5 - 1], kind_numbers[kind * 5], trace, payload
    from rows from (unnest(ids), unnest(of_kind), unnest(traces), jsonb_array_elements(payloads)) as made (id, kind, trace, payload)
    cross join lateral (select id = any (begun) as here) as placed;
end $$;

revoke all on function enqueue_begun(text[], integer[], integer[], text[], jsonb, integer[], integer, bigint, text[], integer, bigint) from public;
grant execute on function enqueue_begun(text[], integer[], integer[], text[], jsonb, integer[], integer, bigint, text[], integer, bigint)
  to :system;

-- A claim writes its new version of a row beside the old one, on the same page, instead of all of it on another: half of what a claim writes
-- to the log. In all the table is no larger, since those versions need the room anyway.
alter table job set (fillfactor = 45);
