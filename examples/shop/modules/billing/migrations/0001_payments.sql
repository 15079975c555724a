--! phase: expand
create table payments (
  order_id    uuid primary key,
  user_id     uuid not null,
  amount      integer not null check (amount > 0),
  card        text not null,
  -- Where the goods go.
  country     text not null,
  -- pending: asked, or about to ask; the provider may or may not have done it.
  state       text not null default 'pending' check (state in ('pending', 'charged', 'declined', 'refunded')),
  provider_id text,
  created_at  timestamptz not null default now(),
  changed_at  timestamptz not null default now()
);
create index payments_user on payments (user_id, created_at);

create table fraud_scores (
  order_id  uuid primary key,
  score     integer not null check (score between 0 and 100),
  reasons   text[] not null,
  scored_at timestamptz not null default now()
);
