--! phase: expand
create table cart_lines (
  user_id    uuid not null,
  product_id uuid not null,
  quantity   integer not null check (quantity between 1 and 100),
  changed_at timestamptz not null default now(),
  primary key (user_id, product_id)
);
create index cart_lines_age on cart_lines (changed_at);

create table orders (
  id              uuid primary key,
  user_id         uuid not null,
  -- The client's own name for this order, and a hash of what it asked for: a repeated request finds the order it made.
  idempotency_key text not null,
  fingerprint     text not null,
  state           text not null default 'placed'
                  check (state in ('placed', 'paid', 'payment_failed', 'refunding', 'refunded')),
  failure         text check ((failure is not null) = (state = 'payment_failed')),
  total           integer not null check (total > 0),
  card            text not null,
  address         jsonb not null,
  flagged_at      timestamptz,
  placed_at       timestamptz not null default now(),
  paid_at         timestamptz,
  refunded_at     timestamptz,
  unique (user_id, idempotency_key)
);
create index orders_history on orders (user_id, id);
create index orders_unfinished on orders (placed_at) where state in ('placed', 'refunding');
create index orders_by_day on orders (paid_at) where state in ('paid', 'refunding');

create table order_lines (
  order_id   uuid not null references orders (id) on delete cascade,
  product_id uuid not null,
  name       text not null,
  price      integer not null,
  quantity   integer not null,
  primary key (order_id, product_id)
);

create table sales_by_day (
  day     date primary key,
  orders  integer not null,
  revenue bigint not null
);

create table exports (
  id           uuid primary key default uuidv7(),
  state        text not null default 'running' check (state in ('running', 'ready')),
  rows         integer not null default 0,
  requested_by uuid not null,
  created_at   timestamptz not null default now()
);
