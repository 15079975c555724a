--! phase: expand
create table tenfold.session (
  -- SHA-256 of the id that the client has.
  hash bytea primary key check (octet_length(hash) = 32),
  -- The public name in lists.
  ref uuid not null,
  user_id text,
  -- JSON as text: nothing in here is ever searched, and jsonb would refuse some strings.
  data text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- The earlier of idle and absolute expiry; moves on as the session is used.
  expires_at timestamptz not null,
  -- Absolute expiry.
  ends_at timestamptz not null,
  user_agent text,
  network text
);
create index session_user_id on tenfold.session (user_id) where user_id is not null;
create index session_expires_at on tenfold.session (expires_at);
