/** Migrations that may run at any time of the day, and those that look like the dangerous ones. */
import type { Case } from './base.ts'

const NONE = ['transaction: none']

export const SAFE: readonly Case[] = [
  {
    what: 'a new table',
    sql: 'create table carts (id uuid primary key default uuidv7(), customer_id uuid not null, changed_at timestamptz not null default now());',
  },
  {
    what: 'a new table with its index, foreign key and first rows',
    sql: `create table countries (code text primary key, name text not null);
create index countries_name on countries (name);
create table cities (id bigint generated always as identity primary key, country text not null references countries (code));
insert into countries values ('DE', 'Germany'), ('FR', 'France');
update countries set name = upper(name);
alter table cities add column mayor text not null;`,
  },
  { what: 'a nullable column', sql: 'alter table orders add column weight integer;' },
  {
    what: 'a column with a constant default',
    sql: `alter table orders add column currency text not null default 'EUR';`,
  },
  {
    what: 'a column that defaults to the time of the migration',
    sql: 'alter table orders add column seen_at timestamptz not null default now();',
  },
  {
    what: 'a virtual generated column',
    sql: 'alter table orders add column net integer generated always as (total * 100) virtual;',
  },
  {
    what: 'several columns of one table',
    sql: 'alter table orders add column weight integer, add column height integer;\nalter table orders add column width integer;',
  },
  {
    what: 'a volatile default for new rows only',
    sql: 'alter table orders add column token uuid;\nalter table orders alter column token set default gen_random_uuid();',
  },
  {
    what: 'a concurrent index',
    sql: 'create index concurrently orders_paid on orders (paid_at) where paid_at is not null;',
    header: NONE,
  },
  {
    what: 'a concurrent unique index',
    sql: 'create unique index concurrently orders_once on orders (customer_id, placed_at);',
    header: NONE,
  },
  {
    what: 'a unique constraint from an index',
    before: [
      '--! phase: expand\n--! transaction: none\ncreate unique index concurrently orders_once on orders (customer_id, placed_at);\n',
    ],
    sql: 'alter table orders add constraint orders_once unique using index orders_once;',
  },
  { what: 'an index dropped concurrently', sql: 'drop index concurrently orders_by_state;', header: NONE },
  { what: 'an index built anew concurrently', sql: 'reindex index concurrently orders_by_state;', header: NONE },
  {
    what: 'a check that is not validated yet',
    sql: 'alter table orders add constraint orders_discount check (discount >= 0) not valid;',
  },
  {
    what: 'a check validated in a later file',
    before: ['--! phase: expand\nalter table orders add constraint orders_discount check (discount >= 0) not valid;\n'],
    sql: 'alter table orders validate constraint orders_discount;',
  },
  {
    what: 'a foreign key that is not validated yet',
    sql: 'alter table orders add constraint orders_customer foreign key (customer_id) references customers (id) not valid;',
  },
  {
    what: 'a foreign key validated in a later file',
    before: [
      '--! phase: expand\nalter table orders add constraint orders_customer foreign key (customer_id) references customers (id) not valid;\n',
    ],
    sql: 'alter table orders validate constraint orders_customer;',
  },
  {
    what: 'SET NOT NULL after a validated check, with a default',
    before: [
      `--! phase: expand\nalter table orders alter column note set default '';\nalter table orders add constraint note_set check (note is not null) not valid;\n`,
      '--! phase: expand\nalter table orders validate constraint note_set;\n',
    ],
    sql: 'alter table orders alter column note set not null, drop constraint note_set;',
  },
  { what: 'DROP NOT NULL', sql: 'alter table customers alter column created_at drop not null;' },
  { what: 'a longer varchar', sql: 'alter table orders alter column note type varchar(400);' },
  { what: 'a varchar that becomes text', sql: 'alter table orders alter column note type text;' },
  { what: 'more digits', sql: 'alter table orders alter column discount type numeric(12, 2);' },
  { what: 'a new default', sql: `alter table orders alter column state set default 'placed';` },
  { what: 'an enum value', sql: `alter type badge add value 'bronze';` },
  {
    what: 'an enum value used in a later file',
    before: [`--! phase: expand\nalter type badge add value 'bronze';\n`],
    sql: `create table medals (id bigint primary key, b badge not null default 'bronze');`,
  },
  {
    what: 'a new enum, used at once',
    sql: `create type size as enum ('s', 'm');\nalter table orders add column size size default 's';`,
  },
  {
    what: 'a backfill in batches',
    phase: 'backfill',
    header: ['table: orders'],
    sql: `update orders set note = '' where note is null and :batch;`,
  },
  {
    what: 'a backfill that deletes',
    phase: 'backfill',
    header: ['table: orders', 'batch: 500'],
    sql: `delete from orders where placed_at < '2020-01-01' and :batch;`,
  },
  {
    what: 'a backfill by a key of two columns',
    phase: 'backfill',
    header: ['table: order_lines'],
    sql: 'update order_lines set quantity = 1 where quantity = 0 and :batch;',
  },
  { what: 'a row of settings', sql: `insert into settings (key, value) values ('price', '10');` },
  {
    what: 'one row by its key',
    sql: `update settings set value = '11' where key = 'price';\ndelete from settings where key = 'old';`,
  },
  { what: 'a view', sql: 'create view paid_orders as select id, customer_id from orders where paid_at is not null;' },
  {
    what: 'a view that gains a column',
    sql: "create or replace view open_orders as select id, customer_id, total, note from orders where state = 'placed';",
  },
  {
    what: 'a function',
    sql: `create function double(n integer) returns integer language sql immutable as 'select n * 2';`,
  },
  {
    what: 'a SECURITY DEFINER function with its path',
    sql: `create function shop_count() returns bigint language sql security definer set search_path = shop, pg_temp as 'select count(*) from orders';`,
  },
  { what: 'a materialized view refreshed concurrently', sql: 'refresh materialized view concurrently totals;' },
  {
    what: 'a partition more',
    sql: `create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');`,
  },
  {
    what: 'a partition detached concurrently',
    sql: 'alter table events detach partition events_2024 concurrently;',
    header: NONE,
  },
  {
    what: 'a comment and statistics',
    sql: `comment on table orders is 'What was bought';\nalter table orders alter column state set statistics 500;`,
  },
  { what: 'an index renamed', sql: 'alter index orders_by_state rename to orders_state;' },
  { what: 'a contract on what no live release uses', phase: 'contract', sql: 'drop table retired;' },
  {
    what: 'a contract on a column that no live release uses',
    phase: 'contract',
    sql: 'alter table retired drop column note;',
  },
  {
    what: 'something allowed by name, with its reason',
    header: ['allow: index-not-concurrent the table has forty rows'],
    sql: 'create index settings_value on settings (value);',
  },
  { what: 'a constraint that is only taken away', sql: 'alter table orders drop constraint orders_total_positive;' },
]
