--! phase: expand
-- Every run, finished or not.
create table run (
  id bigint generated always as identity primary key,
  job_id bigint not null,
  marker text not null,
  kind text not null,
  key text,
  pid integer not null,
  began_at timestamptz not null,
  ended_at timestamptz,
  outcome text
);
create index run_job on run (job_id);

-- The side effect, once for each job however often it runs.
create table effect (job_id bigint primary key);
