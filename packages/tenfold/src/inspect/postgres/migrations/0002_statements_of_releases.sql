--! phase: expand

-- Which version of the app a process runs.
alter table telemetry_process add column release text;

-- What each release sends to the database, one text for each shape: a migration is tried against it before it is applied.
create table telemetry_statement (
  release text        not null,
  module  text        not null,
  -- The key of its shape.
  name    text        not null,
  text    text        not null,
  seen_at timestamptz not null default now(),
  primary key (release, module, name)
);
