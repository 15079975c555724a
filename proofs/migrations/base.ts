/** The module that all cases change: what its first migration made, and what its running release sends to the database. */

export const APP = 'proof'
export const MODULE = 'shop'
export const RUNNING = '1.4.0'
export const STOPPED = '1.3.0'

/** Another module, whose tables are none of its business. */
export const VAULT = `--! phase: expand
create table secret (id bigint generated always as identity primary key, word text not null);
`

export const BASE = `--! phase: expand
create type mood as enum ('happy', 'sad');
create type badge as enum ('gold', 'silver');

create table customers (
  id         uuid primary key default uuidv7(),
  email      text not null unique,
  country    varchar(2),
  mood       mood not null default 'happy',
  created_at timestamptz not null default now()
);

create table orders (
  id          uuid primary key default uuidv7(),
  customer_id uuid not null,
  state       text not null default 'placed',
  total       integer not null,
  discount    numeric(8, 2) not null default 0,
  note        varchar(200),
  phone       text,
  address     jsonb not null default '{}',
  placed_at   timestamptz not null default now(),
  paid_at     timestamptz,
  constraint orders_total_positive check (total > 0)
);
create index orders_by_customer on orders (customer_id, placed_at);
create index orders_by_state on orders (state);

create table order_lines (
  order_id uuid not null,
  line     integer not null,
  product  text not null,
  quantity integer not null,
  primary key (order_id, line)
);

create table settings (key text primary key, value text not null);
create table retired (id bigint generated always as identity primary key, note text);
create table events (id bigint not null, at timestamptz not null, body jsonb) partition by range (at);
create table events_2024 partition of events for values from ('2024-01-01') to ('2025-01-01');

create materialized view totals as select customer_id, sum(total) as total from orders group by customer_id;
create unique index totals_customer on totals (customer_id);
create view open_orders as select id, customer_id, total from orders where state = 'placed';
create function order_total(wanted uuid) returns integer language sql stable as 'select total from orders where id = wanted';
`

/** What the running release was seen to send. */
export const STATEMENTS: readonly string[] = [
  'select "id", "email", "country" from "customers" where "email" = $1',
  'insert into "customers" ("email", "country") values ($1, $2) returning "id"',
  'insert into customers (email) values ($1) on conflict (email) do update set email = excluded.email',
  'update customers set mood = $1 where id = $2',
  `select count(*) from customers where mood = 'sad'`,
  'select * from orders where customer_id = $1 order by placed_at desc limit $2',
  'insert into orders (customer_id, total, note) values ($1, $2, $3) returning id, placed_at',
  `update orders set state = 'paid', paid_at = now() where id = $1 and state = 'placed'`,
  'select sum(total - discount) from orders where placed_at > $1',
  'select id, phone from orders where id = any($1)',
  'insert into order_lines values ($1, $2, $3, $4)',
  'select product, sum(quantity) from order_lines join orders on orders.id = order_id group by product',
  'delete from orders where id = $1',
  'select value from settings where key = $1',
  'insert into settings (key, value) values ($1, $2) on conflict (key) do nothing',
  'select total from totals where customer_id = $1',
  'select id from open_orders where customer_id = $1',
  'select order_total($1)',
  'insert into events (id, at, body) values ($1, $2, $3)',
]

/** What only the release before it sent, of which no instance runs any more. */
export const OLD_STATEMENTS: readonly string[] = ['select id, note from retired order by id desc limit 10']

/** A case: files that were applied before, and the file in question. */
export interface Case {
  what: string
  /** Applied before, in order. */
  before?: readonly string[]
  sql: string
  phase?: 'expand' | 'backfill' | 'contract'
  /** More lines of the header: `transaction: none`. */
  header?: readonly string[]
}

export function fileOf({ sql, phase = 'expand', header = [] }: Case): string {
  return [`--! phase: ${phase}`, ...header.map((line) => `--! ${line}`), sql, ''].join('\n')
}
