--! phase: expand
-- Crons without a leader: every instance tries to insert the tick; the primary key lets one of them.

create table cron (
  name text primary key,
  schedule text not null,
  time_zone text not null,
  -- Ticks before this moment are none of ours: the cron did not exist, or had another schedule.
  since timestamptz not null default clock_timestamp()
);

create table cron_tick (
  name text not null,
  fire_at timestamptz not null,
  inserted_at timestamptz not null default clock_timestamp(),
  -- The process that won the insert; its job may run in another.
  instance_id text not null,
  manual boolean not null default false,
  job_id bigint,
  primary key (name, fire_at)
);
