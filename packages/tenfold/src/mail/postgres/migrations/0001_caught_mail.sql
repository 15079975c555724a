--! phase: expand
-- What the development mail server received. Pruned by count, so small for ever.
create table caught_mail (
  id uuid primary key default uuidv7(),
  received_at timestamptz not null default now(),
  sender text not null,
  recipients text[] not null,
  subject text not null,
  raw bytea not null
);
create index caught_mail_received on caught_mail (received_at desc);
