--! phase: expand
-- Jobs that were handed to Redis out of a transaction, until they have run: what a crash of Redis costs is handed over again.
create table redis_held (
  id bigint primary key,
  -- The name of the row that was handed over, and what it holds.
  name text not null,
  payload jsonb not null,
  traceparent text,
  held_at timestamptz not null default now(),
  -- When somebody looks whether Redis still has it.
  check_at timestamptz not null default now() + interval '30 s'
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index redis_held_check on redis_held (check_at);
