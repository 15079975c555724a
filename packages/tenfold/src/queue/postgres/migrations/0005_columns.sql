--! phase: expand
-- The two statements that every job passes, again, in columns: rows of jobs go in and out as a few arrays and lists instead of as one
-- JSON object each. Naming twenty keys, and finding out the type of twenty values, was most of what a job cost.

-- Like `enqueue`, for plain jobs: due now, and without unique keys, limits, lanes, versions, predecessors or other extras.
--   kind_names, kind_numbers  the kinds of these jobs: a name and, five numbers each, rank, attempts, time-out, back-off, its end
--   of_kind, traces, payloads one of each for each job
create function enqueue_plain(kind_names text[], kind_numbers integer[], of_kind integer[], traces text[], payloads jsonb) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  ids bigint[] := array(select nextval('job_seq') from generate_series(1, cardinality(of_kind)));
begin
  insert into job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms, traceparent, payload)
    select id, id, kind_names[kind], 'ready', kind_numbers[kind * 5 - 4]::smallint, now(), now(), kind_numbers[kind * 5 - 3],
           kind_numbers[kind * 5 - 2], kind_numbers[kind * 5 - 1], kind_numbers[kind * 5], trace, payload
    from rows from (unnest(ids), unnest(of_kind), unnest(traces), jsonb_array_elements(payloads)) as made (id, kind, trace, payload);
  return ids;
end $$;

-- Finishes jobs and claims the next ones, in one round trip and one commit. Right after a vacuum the planner may take the table for
-- empty, so no part of this may be answered by walking a whole index: `any (array[…])` can be looked up in the primary key and not be merged
-- with it, and rows that this very transaction has locked are found by where they lie. As `queue_exchange` before, but
--   done_*   what is done, all of it claimed by `worker_id`: with id and attempt that is the fence. `results`: null, or one each
--   numbers  of the jobs claimed, ten each: id, rank, place in line, attempt, lost, attempts at most, time-out, back-off, its end,
--            ms from ready to claimed
--   job_names, keys, traces, more  JSON arrays; null where there is none of it
create function queue_exchange(done_ids bigint[], done_attempts integer[], done_ms real[], results jsonb, worker_id bigint, instance text,
                               names text[], low_rank integer, low_seq bigint, most integer,
                               out done integer, out numbers text, out job_names text, out keys text, out traces text, out more text,
                               out payloads text)
language plpgsql set search_path = pg_catalog, tenfold, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
declare
  places tid[];
  linked jsonb;
begin
  done := 0;
  if done_ids is not null then
    with gone as (
      delete from job j using rows from (unnest(done_ids), unnest(done_attempts), unnest(done_ms)) with ordinality as d (id, attempt, ms, n)
        where j.id = any (array[d.id]) and j.attempt = d.attempt and j.owner = worker_id
        returning j.id, j.name, coalesce(j.own_rank, j.rank) as rank, j.run_at, j.created_at, j.attempt, j.lost, j.max_attempts,
          d.ms, j.unique_key, j.concurrency_key, j.traceparent, j.event_id, j.errors, j.payload, j.links,
          case when results is not null then nullif(results -> (d.n - 1)::integer, 'null') end as result
    ), kept as (
      insert into job_done (id, name, rank, run_at, created_at, attempt, lost, max_attempts, duration_ms, instance_id,
                            unique_key, concurrency_key, traceparent, event_id, errors, payload, result)
        select id, name, rank, run_at, created_at, attempt, lost, max_attempts, ms, instance,
               unique_key, concurrency_key, traceparent, event_id, errors, payload, result
        from gone
    )
    select count(*), jsonb_agg(jsonb_build_object('id', id, 'state', 'done', 'result', result)) filter (where links is not null)
      into done, linked from gone;
    if linked is not null then perform queue_settle(linked); end if;
  end if;
  if most = 0 then return; end if;

  -- Locks the worker's own row, so that a claim and the sweep of a worker thought dead cannot both succeed.
  perform from worker where id = worker_id and leased_until > now() for key share;
  if not found then return; end if;
  if exists (select from job_pause) then
    names := array(select n from unnest(names) as n where not exists (select from job_pause p where p.name = n));
  end if;

  places := array(
    select ctid from job where state = 'ready' and rank < low_rank and name = any (names)
    order by rank, seq limit most for update skip locked);
  if cardinality(places) < most then
    places := places || array(
      select ctid from job where state = 'ready' and (rank, seq) >= (low_rank, low_seq) and name = any (names)
      order by rank, seq limit most - cardinality(places) for update skip locked);
  end if;
  if cardinality(places) = 0 then return; end if;

  with claimed as (
    update job j set state = 'leased', owner = worker_id, attempt = j.attempt + 1, leased_at = clock_timestamp()
      where j.ctid = any (places)
      returning j.id, j.name, j.rank, j.seq, j.attempt, j.lost, j.max_attempts, j.timeout_ms, j.backoff_ms, j.backoff_max_ms,
        j.concurrency_key, j.traceparent, j.payload, j.run_at, j.leased_at, j.links, j.version, j.cancel, j.extra
  )
  select string_agg(concat_ws(',', id, rank, seq, attempt, lost, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                              (date_part('epoch', leased_at - run_at) * 1000)::bigint), ','),
         array_to_json(array_agg(name))::text,
         case when count(concurrency_key) > 0 then array_to_json(array_agg(concurrency_key))::text end,
         case when count(traceparent) > 0 then array_to_json(array_agg(traceparent))::text end,
         case when count(coalesce(links, version)) + count(cancel) + count(extra) > 0 then json_agg(
           case when links is not null or version is not null or cancel is not null or extra is not null
             then json_build_object('links', links, 'version', version, 'cancel', cancel, 'extra', extra, 'lane', null) end)::text end,
         '[' || string_agg(payload::text, ',') || ']'
    into numbers, job_names, keys, traces, more, payloads from claimed;
end $$;

revoke all on function enqueue_plain(text[], integer[], integer[], text[], jsonb),
  queue_exchange(bigint[], integer[], real[], jsonb, bigint, text, text[], integer, bigint, integer) from public;
grant execute on function enqueue_plain(text[], integer[], integer[], text[], jsonb) to :modules, :system;
grant execute on function queue_exchange(bigint[], integer[], real[], jsonb, bigint, text, text[], integer, bigint, integer) to :system;
