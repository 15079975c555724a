--! phase: expand
-- Unlogged: what is lost in a crash is loaded again, and writing it must not wait for the disk.
create unlogged table tenfold.cache_value (
  cache text,
  key text,
  -- When its load began; grows.
  stamp bigint not null default 0,
  -- By the clocks of the instances, in ms since 1970.
  fresh_until double precision not null default 0,
  gone_at double precision not null default 0,
  tags text[] not null default '{}',
  body bytea,
  -- Who loads it; `!` for a while after a load that failed.
  lease text,
  lease_until timestamptz,
  primary key (cache, key)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index cache_value_gone_at on tenfold.cache_value (gone_at);

-- The stamp at which a tag, a cache (tag '') or all caches (cache '*') were dropped.
create unlogged table tenfold.cache_mark (
  cache text,
  tag text,
  stamp bigint not null,
  at timestamptz not null default now(),
  primary key (cache, tag)
);
create sequence tenfold.cache_stamp;

create function tenfold.cache_dropped(p_cache text, p_tags text[], p_since bigint) returns boolean language sql stable as $$
  select exists (
    select from tenfold.cache_mark m
    where m.cache in (p_cache, '*') and (m.tag = '' or m.tag = any (p_tags)) and m.stamp >= p_since
  )
$$;

-- The value, or whose turn it is to load it.
create function tenfold.cache_take(
  p_cache text, p_key text, p_token text, p_now double precision, p_fresh_after double precision, p_or_stale boolean,
  p_after_stamp bigint, p_lease_ms integer,
  out kind text, out stamp bigint, out fresh_until double precision, out gone_at double precision, out body bytea
) language plpgsql as $$
declare
  v tenfold.cache_value;
begin
  select * into v from tenfold.cache_value c where c.cache = p_cache and c.key = p_key;
  if v.body is not null and v.stamp > p_after_stamp
    and (v.fresh_until > p_fresh_after or (p_or_stale and v.gone_at > p_now))
    and not tenfold.cache_dropped(p_cache, v.tags, v.stamp) then
    kind := 'value';
    stamp := v.stamp;
    fresh_until := v.fresh_until;
    gone_at := v.gone_at;
    body := v.body;
    return;
  end if;
  -- Only if nothing was stored since we looked: a value may have arrived, and its lease gone, this very moment.
  insert into tenfold.cache_value as c (cache, key, lease, lease_until)
    values (p_cache, p_key, p_token, clock_timestamp() + p_lease_ms * interval '1 ms')
    on conflict on constraint cache_value_pkey do update set lease = excluded.lease, lease_until = excluded.lease_until
    where (c.lease is null or c.lease_until < clock_timestamp()) and c.stamp = coalesce(v.stamp, 0);
  if found then
    kind := 'lead';
    stamp := nextval('tenfold.cache_stamp');
  else
    select case when c.lease = '!' then 'alone' else 'wait' end into kind
      from tenfold.cache_value c where c.cache = p_cache and c.key = p_key;
    kind := coalesce(kind, 'wait');
  end if;
end $$;
