--! phase: expand
create table users (
  id            uuid primary key default uuidv7(),
  email         text not null check (email = lower(email)),
  name          text not null,
  password_hash text not null,
  role          text not null default 'customer' check (role in ('customer', 'admin')),
  created_at    timestamptz not null default now()
);
create unique index users_email on users (email);
