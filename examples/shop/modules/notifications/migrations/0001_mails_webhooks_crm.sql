--! phase: expand
-- One row for each mail that somebody should get. `sent_at` is null until the mail server has taken it.
create table mails (
  kind       text not null,
  key        text not null,
  recipient  text not null,
  message_id text not null unique,
  sent_at    timestamptz,
  created_at timestamptz not null default now(),
  primary key (kind, key)
);

create table endpoints (
  id          uuid primary key default uuidv7(),
  user_id     uuid not null,
  url         text not null,
  secret      text not null,
  events      text[] not null,
  -- Failed deliveries since the last one that arrived.
  failures    integer not null default 0,
  disabled_at timestamptz,
  created_at  timestamptz not null default now()
);
create index endpoints_user on endpoints (user_id);

create table deliveries (
  id           uuid primary key default uuidv7(),
  endpoint_id  uuid not null references endpoints (id) on delete cascade,
  event        text not null,
  key          text not null,
  payload      jsonb not null,
  attempts     integer not null default 0,
  status       integer,
  problem      text,
  delivered_at timestamptz,
  created_at   timestamptz not null default now(),
  unique (endpoint_id, event, key)
);

create table crm_records (
  kind      text not null,
  key       text not null,
  payload   jsonb not null,
  outcome   text not null check (outcome in ('sent', 'no target')),
  synced_at timestamptz not null default now(),
  primary key (kind, key)
);
