--! phase: expand

-- Which transaction stored a row: what copies of the events have not seen yet. Rows from before have none, and are old.
alter table analytics_event add column xact bigint;
alter table analytics_event alter column xact set default (pg_current_xact_id()::text::bigint);
alter table analytics_merged add column xact bigint;
alter table analytics_merged alter column xact set default (pg_current_xact_id()::text::bigint);

-- Events come in the order of their transactions, nearly: a summary of each megabyte finds the latest ones.
create index analytics_event_xact on analytics_event using brin (xact) with (autosummarize = on, pages_per_range = 32);
create index analytics_merged_xact on analytics_merged (xact);

-- Numbers of people who are in the copies until these have caught up; what they stood for is gone.
create table analytics_forgotten (
  person_id bigint      primary key,
  xact      bigint      not null default (pg_current_xact_id()::text::bigint),
  at        timestamptz not null default now()
);
create index analytics_forgotten_xact on analytics_forgotten (xact);
