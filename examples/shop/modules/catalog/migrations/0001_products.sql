--! phase: expand
create table products (
  id          uuid primary key default uuidv7(),
  sku         text not null unique,
  name        text not null,
  description text not null,
  category    text not null,
  price       integer not null check (price > 0),
  stock       integer not null check (stock >= 0),
  active      boolean not null default true,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  -- The name counts more than the description. `simple` knows no language, and so favours none.
  words       tsvector not null generated always as (
    setweight(to_tsvector('simple', name), 'A') ||
    setweight(to_tsvector('simple', category), 'B') ||
    setweight(to_tsvector('english', description), 'C')
  ) stored
);
create index products_words on products using gin (words);
create index products_by_price on products (price, id) where active;
create index products_by_category on products (category, id) where active;

-- A reservation outlives the request that made it: whoever dies in between, a cron finds it by `held_until`.
create table reservations (
  id         uuid primary key,
  state      text not null default 'held' check (state in ('held', 'kept', 'released')),
  held_until timestamptz not null,
  created_at timestamptz not null default now()
);
create index reservations_held on reservations (held_until) where state = 'held';

create table reservation_lines (
  reservation_id uuid not null references reservations (id) on delete cascade,
  product_id     uuid not null references products (id),
  quantity       integer not null check (quantity > 0),
  primary key (reservation_id, product_id)
);
create index reservation_lines_product on reservation_lines (product_id);
