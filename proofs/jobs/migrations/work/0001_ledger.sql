--! phase: expand
-- What was committed: written in the transaction of the enqueue, or after an enqueue without one was acknowledged.
create table promise (
  marker text primary key,
  kind text not null,
  job_id bigint,
  not_before timestamptz
);

-- What must never run: written before a transaction that is rolled back on purpose.
create table never (marker text primary key);

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
