--! phase: expand

-- What was noticed while requests, jobs and the like ran, by the hour and process: one row for each place in the code.
create table telemetry_finding (
  -- Of the code, the origin, the place and the statement.
  name        text        not null,
  hour        timestamptz not null,
  instance_id text        not null,
  finding     jsonb       not null,
  first_seen  timestamptz not null,
  last_seen   timestamptz not null,
  -- In how many requests, jobs … it was seen, and how often the statement ran in them all together.
  contexts    bigint      not null,
  repeats     bigint      not null,
  primary key (name, hour, instance_id)
);
create index telemetry_finding_hour on telemetry_finding (hour);

alter table telemetry_trace add column findings jsonb;
