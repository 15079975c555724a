--! phase: expand
-- Jobs that come after others; jobs that wait for events; events with keys, and what has handled them.

-- Like `enqueue`, for jobs with `after`. A predecessor that is unfinished is locked until this commits: it cannot finish
-- unseen. One that is finished is looked up where it is kept.
create function enqueue_chain(jobs jsonb) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  ids bigint[] := enqueue(jobs);
  one record;
  edge record;
  found_state text;
  found_result jsonb;
  found_name text;
  unsettled integer;
  ended text;
begin
  for one in select n, after, policy from job_new(jobs) where after is not null order by n loop
    unsettled := 0;
    ended := null;
    for edge in
      select value::bigint as id, ordinality as place from jsonb_array_elements_text(one.after) with ordinality order by value::bigint
    loop
      found_state := null;
      found_result := null;
      update job set links = coalesce(links, 0) | 1 where id = edge.id returning name into found_name;
      if found then
        unsettled := unsettled + 1;
      else
        select f.state, f.result, f.name into found_state, found_result, found_name from (
          select coalesce(outcome, 'done') as state, result, name from job_done where id = edge.id
          union all select coalesce(outcome, 'done'), result, name from job_kept where id = edge.id
          union all select 'dead', null, name from job_dead where id = edge.id) as f;
        if not found then
          raise exception 'there is no job %', edge.id using errcode = '22023', constraint = 'tenfold_after';
        end if;
        if found_state = 'dead' and one.policy = 'wait' then
          update job_dead set links = coalesce(links, 0) | 1 where id = edge.id;
          found_state := null;
          unsettled := unsettled + 1;
        elsif found_state <> 'done' and one.policy <> 'run' then
          ended := format('Job %s, which it comes after, is %s.', edge.id, found_state);
        end if;
      end if;
      insert into job_edge (after_id, job_id, place, policy, state, after_name, result)
        values (edge.id, ids[one.n], edge.place, one.policy, found_state, found_name, found_result);
    end loop;
    update job set links = coalesce(links, 0) | 2, pending = unsettled where id = ids[one.n];
    if ended is not null then
      perform queue_cancel(ids[one.n], ended);
    elsif unsettled = 0 then
      perform queue_unblock(ids[one.n]);
    end if;
  end loop;
  return ids;
end $$;

alter table event_outbox add column key text;
alter table event_log add column key text;
create index event_outbox_keyed on event_outbox (id) where key is not null;
create index event_log_name on event_log (name, relayed_at);

-- Publishes events; returns their ids, in order. Runs as its owner, like `enqueue`.
create or replace function publish(events jsonb) returns bigint[]
language sql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
  with ids as materialized (
    select ordinality as n, "name", "key", "trace", "payload", nextval(pg_get_serial_sequence('tenfold.event_outbox', 'id')) as id
    from rows from (jsonb_to_recordset(events) as ("name" text, "key" text, "trace" text, "payload" jsonb)) with ordinality
  ), stored as (
    insert into event_outbox (id, name, key, traceparent, payload) overriding system value
      select id, "name", "key", "trace", coalesce("payload", 'null') from ids order by n
  )
  select array_agg(id order by n) from ids
$$;

-- Ends the waits of one job (or of all, to be on the safe side) whose event has been relayed already. An event that ended
-- another wait of the job does not count again.
create function queue_find_events(of_job bigint) returns integer
language plpgsql set search_path = pg_catalog, tenfold, pg_temp as $$
declare
  wait record;
  event record;
  ended integer := 0;
begin
  for wait in
    select w.job_id, w.step, w.event, w.match, j.created_at from job_wait w join job j on j.id = w.job_id
    where w.job_id = of_job or of_job is null and w.checks < 2 and w.since < now() - case w.checks when 0 then interval '2 s' else interval '60 s' end
    for update of w skip locked
  loop
    select e.id, e.payload into event from event_log e
      where e.name = wait.event and e.relayed_at >= wait.created_at and e.payload @> wait.match
        and not exists (select from job_step s where s.job_id = wait.job_id and s.result ->> 'eventId' = e.id::text)
      order by e.relayed_at, e.id limit 1;
    if found then
      update job_step set until = null, result = jsonb_build_object('eventId', event.id::text, 'payload', event.payload)
        where job_id = wait.job_id and name = wait.step and until is not null;
      delete from job_wait where job_id = wait.job_id and step = wait.step;
      update job set run_at = clock_timestamp() where id = wait.job_id and state in ('delayed', 'leased');
      ended := ended + 1;
    elsif of_job is null then
      update job_wait set checks = checks + 1 where job_id = wait.job_id and step = wait.step;
    end if;
  end loop;
  return ended;
end $$;

-- What handled an event exactly once: the row is written in the transaction of the handler's own effects.
create table inbox (
  subscriber text not null,
  event_id bigint not null,
  handled_at timestamptz not null default now(),
  primary key (subscriber, event_id)
);
create index inbox_handled on inbox (handled_at);

-- True the first time. A second transaction waits for the first one's end. Runs as its owner: modules have no right on the table.
create function handle_once(of_subscriber text, of_event bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, tenfold, pg_temp as $$
begin
  insert into inbox (subscriber, event_id) values (of_subscriber, of_event) on conflict do nothing;
  return found;
end $$;

revoke all on function enqueue_chain(jsonb), queue_find_events(bigint), handle_once(text, bigint) from public;
grant execute on function enqueue_chain(jsonb), handle_once(text, bigint) to :modules, :system;
grant execute on function queue_find_events(bigint) to :system;
