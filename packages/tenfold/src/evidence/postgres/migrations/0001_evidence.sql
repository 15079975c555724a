--! phase: expand

-- What each process, and for all of them one of the processes, saw of the running whole in one slot of time. Kept for an hour.
create table evidence_sample (
  at     timestamptz not null,
  -- The instance; 'database' for what was seen of the server.
  source text        not null,
  -- Absent while the slot lasts: its row says who watches the server.
  sample jsonb,
  primary key (at, source)
);

-- The advice that was given, with what was predicted, so that the next one can say whether it came true.
create table advice (
  id       bigint generated always as identity primary key,
  given_at timestamptz not null default now(),
  finding  text        not null,
  advice   jsonb       not null,
  -- open, confirmed, refuted, expired
  state    text        not null default 'open',
  outcome  jsonb,
  ended_at timestamptz
);
create index advice_open on advice (finding) where state = 'open';
