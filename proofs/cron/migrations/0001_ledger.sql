--! phase: expand

-- A row when a run begins and one when it ends, so that every run can be accounted for.
create table run (
  cron     text        not null,
  fire_at  timestamptz not null,
  pid      int         not null,
  -- The way to the database that the process uses: it can be cut.
  line     int         not null,
  what     text        not null check (what in ('begin', 'end')),
  at       timestamptz not null default clock_timestamp()
);
