--! phase: expand
create table task (
  id         bigint generated always as identity primary key,
  owner      text not null,
  title      text not null,
  done_at    timestamptz,
  created_at timestamptz not null default now()
);
create index task_of_owner on task (owner, id desc);
create index task_done on task (done_at) where done_at is not null;

-- How many tasks somebody has finished, kept up to date by a job.
create table score (
  owner    text primary key,
  finished integer not null
);
