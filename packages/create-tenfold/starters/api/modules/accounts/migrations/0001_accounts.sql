--! phase: expand
create table account (
  id            bigint generated always as identity primary key,
  email         text not null check (email = lower(email)),
  name          text not null,
  password_hash text not null,
  created_at    timestamptz not null default now()
);
create unique index account_email on account (email);
