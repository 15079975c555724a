--! phase: expand
-- Where webhooks go. The secrets are sealed with a key made from SECRET_KEY.
create table webhook_endpoint (
  id               uuid primary key default uuidv7(),
  owner            text not null,
  url              text not null,
  -- Empty: all types.
  events           text[] not null,
  secret           text not null,
  -- Signs as well until its time is up, so that receivers can change theirs in between.
  old_secret       text,
  old_secret_until timestamptz,
  -- Attempts that failed since the last one that arrived, and since when.
  failures         integer not null default 0,
  failing_since    timestamptz,
  disabled_at      timestamptz,
  disabled_why     text,
  created_at       timestamptz not null default now()
);
create index webhook_endpoint_owner on webhook_endpoint (owner);

-- The body is text: each attempt sends the very same bytes.
create table webhook_message (
  id         uuid primary key default uuidv7(),
  owner      text not null,
  type       text not null,
  key        text,
  body       text not null,
  created_at timestamptz not null default now(),
  unique (owner, type, key)
);
create index webhook_message_created on webhook_message (created_at);

create table webhook_delivery (
  id           uuid primary key default uuidv7(),
  message_id   uuid not null references webhook_message (id) on delete cascade,
  endpoint_id  uuid not null references webhook_endpoint (id) on delete cascade,
  attempts     integer not null default 0,
  -- Of the last attempt: the status, what was wrong, and the beginning of what was answered.
  status       integer,
  problem      text,
  answer       text,
  attempted_at timestamptz,
  delivered_at timestamptz,
  created_at   timestamptz not null default now(),
  unique (message_id, endpoint_id)
);
create index webhook_delivery_endpoint on webhook_delivery (endpoint_id, id);

-- What came in, so that nothing is handled twice.
create table webhook_received (
  route       text not null,
  id          text not null,
  received_at timestamptz not null default now(),
  primary key (route, id)
);
create index webhook_received_at on webhook_received (received_at);
