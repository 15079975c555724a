--! phase: expand

-- Since when each version of the app was seen: what became slower is compared with it.
create table evidence_release (
  release    text primary key,
  first_seen timestamptz not null default now()
);
