--! phase: expand
-- Messages that are too large for NOTIFY, for a minute. Unlogged: after a crash nobody waits for them.
create unlogged table tenfold.pubsub_large (
  id bigint generated always as identity primary key,
  message text not null,
  at timestamptz not null default now()
);
create index pubsub_large_at on tenfold.pubsub_large (at);

-- Sends messages in their order, the large ones as the number of their row.
create function tenfold.pubsub_publish(p_messages text[], p_channel text, p_largest int, p_kept_seconds int)
returns void language plpgsql as $$
declare
  v_message text;
  v_id bigint;
begin
  delete from tenfold.pubsub_large where at < now() - make_interval(secs => p_kept_seconds);
  foreach v_message in array p_messages loop
    if octet_length(v_message) > p_largest then
      insert into tenfold.pubsub_large (message) values (v_message) returning id into v_id;
      perform pg_notify(p_channel, '#' || v_id);
    else
      perform pg_notify(p_channel, v_message);
    end if;
  end loop;
end $$;
