/** A schema of a million rows, the gaps in its indexes, and queries that need none. */

export const MODULE = 'shop'

export const TABLES = `--! phase: expand
create table customers (
  id bigint primary key, email text not null, phone text, country text not null, created_at timestamptz not null
);
create table orders (
  id bigint primary key, customer_id bigint not null, tenant_id integer not null, status text not null, ref text not null,
  external_id uuid not null, total integer not null, note text, created_at timestamptz not null, deleted_at timestamptz
);
create index orders_status_total on orders (status, total);
create index orders_status on orders (status);
create table events (id bigint primary key, order_id bigint not null, kind text not null, props jsonb not null, tags text[] not null, at timestamptz not null);
create table invoices (id bigint primary key, order_id bigint not null, customer_id bigint not null, due_at timestamptz not null, paid_at timestamptz, amount integer not null);
create table sessions (id uuid primary key, customer_id bigint not null, expires_at timestamptz not null);
create table messages (id bigint primary key, thread_id integer not null, sender_id integer not null, read_at timestamptz, body text not null);
create table readings (id bigint primary key, sensor integer not null, value integer not null, at timestamptz not null, note text not null);
create table visits (id bigint primary key, visitor uuid not null, at timestamptz not null);
create index visits_visitor on visits (visitor);
create table settings (key text primary key, value text not null);
create index customers_country on customers (country);
`

/** `scale` 1 is a million orders. */
export const fill = (scale: number): string[] => {
  const of = (rows: number): number => Math.round(rows * scale)
  return [
    `insert into customers select n, 'User' || n || '@example.com', case when n % 2 = 0 then '+49' || n end,
       (array['DE','FR','US','IT','ES','PL','NL','SE'])[1 + n % 8], timestamptz '2025-01-01' + n::int * interval '11 min' from generate_series(1::bigint, ${of(50_000)}) n`,
    `insert into orders select n, 1 + (n * 7919) % ${of(50_000)}, (1 + (n * 31) % 200)::int,
       case when n % 1000 = 0 then 'pending' when n % 3 = 0 then 'paid' else 'done' end, 'R-' || md5(n::text), md5(n::text)::uuid, (n % 5000 + 1)::int,
       repeat('x', 40), timestamptz '2025-01-01' + n::int * interval '31 sec', case when n % 5000 = 0 then now() end from generate_series(1::bigint, ${of(1_000_000)}) n`,
    `insert into events select n, 1 + (n * 13) % ${of(1_000_000)}, 'k' || n % 5, jsonb_build_object('campaign', 'c' || n % 4000, 'n', n % 977),
       array['t' || n % 3000, 'u' || n % 2000], timestamptz '2025-01-01' + n::int * interval '100 sec' from generate_series(1::bigint, ${of(300_000)}) n`,
    `insert into invoices select n, n * 3, 1 + (n * 17) % ${of(50_000)}, timestamptz '2025-01-01' + n::int * interval '2 min',
       case when n % 200 <> 0 then timestamptz '2025-06-01' end, n % 1000 from generate_series(1::bigint, ${of(200_000)}) n`,
    `insert into sessions select md5(n::text)::uuid, 1 + n % ${of(50_000)}, timestamptz '2025-01-01' + (n * 7919 % ${of(200_000)})::int * interval '1 min' from generate_series(1::bigint, ${of(200_000)}) n`,
    `insert into messages select n, n % ${of(4000)}, n % 1009, case when n % 10 <> 0 then now() end, repeat('m', 60) from generate_series(1::bigint, ${of(200_000)}) n`,
    // Only ever appended: whatever the scale, large enough that a BRIN index says something.
    `insert into readings select n, n % 500, n % 97, timestamptz '2025-01-01' + n * interval '10 s', repeat('r', 60) from generate_series(1, 300000) n`,
    `insert into visits select n, md5(n::text)::uuid, timestamptz '2025-01-01' + n * interval '7 s' from generate_series(1, 300000) n`,
    // What was deleted leaves an index with pages that are nearly empty.
    `delete from visits where id % 12 <> 0`,
    `insert into settings select 'k' || n, 'v' from generate_series(1, 20) n`,
  ].map((sql) => sql)
}

export interface Planted {
  what: string
  text: string
  calls: number
  sample: readonly unknown[]
  /** An index that serves it has to be over these columns, in this order at the beginning; undefined: it needs none. */
  wants?: RegExp
}

export const QUERIES: readonly Planted[] = [
  {
    what: 'one customer, newest first',
    calls: 900,
    text: 'select * from orders where customer_id = $1 order by created_at desc limit $2',
    sample: [4242, 20],
    wants: /orders \(customer_id/,
  },
  {
    what: 'a reference',
    calls: 500,
    text: 'select "id", "total" from "orders" where "ref" = $1',
    sample: ['R-x'],
    wants: /orders \(ref\)/,
  },
  {
    what: 'a page of one tenant',
    calls: 400,
    text: 'select id, total from orders where tenant_id = $1 and created_at > $2 order by created_at limit 50',
    sample: [17, '2025-12-20'],
    wants: /orders \((tenant_id, created_at|created_at)\)( include \(id, total\))?;/,
  },
  {
    what: 'a queue in a status',
    calls: 800,
    text: `select id from orders where status = 'pending' order by created_at limit 50`,
    sample: [],
    wants: /orders \((created_at\) where status|status, created_at)/,
  },
  {
    what: 'an update by a foreign id',
    calls: 300,
    text: 'update orders set note = $2 where external_id = $1',
    sample: ['00000000-0000-4000-8000-000000000000', 'x'],
    wants: /orders \(external_id\)/,
  },
  {
    what: 'what was deleted',
    calls: 60,
    text: 'select id, deleted_at from orders where deleted_at is not null',
    sample: [],
    wants: /orders \(.*deleted_at/,
  },
  {
    what: 'an e-mail in any case',
    calls: 400,
    text: 'select id from customers where lower(email) = $1',
    sample: ['user17@example.com'],
    wants: /customers \(lower\(email\)\)/,
  },
  {
    what: 'a telephone',
    calls: 200,
    text: 'select id from customers where phone = $1',
    sample: ['+4918'],
    wants: /customers \(phone\)/,
  },
  {
    what: 'the newest customers',
    calls: 200,
    text: 'select id, email from customers order by created_at desc limit 20',
    sample: [],
    wants: /customers \(created_at/,
  },
  {
    what: 'properties that contain',
    calls: 100,
    text: 'select id from events where props @> $1',
    sample: ['{"campaign": "c17"}'],
    wants: /events using gin \(props\)/,
  },
  {
    what: 'one property',
    calls: 150,
    text: `select count(*) from events where props ->> 'campaign' = $1`,
    sample: ['c17'],
    wants: /events \(\(props ->> 'campaign'\)\)/,
  },
  {
    what: 'tags that overlap',
    calls: 120,
    text: 'select id from events where tags && $1',
    sample: [['t17', 'u18']],
    wants: /events using gin \(tags\)/,
  },
  {
    what: 'events of an order, joined',
    calls: 350,
    text: 'select o.total, e.kind from orders o join events e on e.order_id = o.id where o.id = $1',
    sample: [42],
    wants: /events \(order_id\)/,
  },
  {
    what: 'invoices of several orders',
    calls: 250,
    text: 'select * from invoices where order_id = any($1)',
    sample: [[3, 6, 9]],
    wants: /invoices \(order_id\)/,
  },
  {
    what: 'what is due and not paid',
    calls: 90,
    text: 'select id, amount from invoices where paid_at is null and due_at < $1',
    sample: ['2025-01-20'],
    wants: /invoices \(.*(due_at|paid_at)/,
  },
  {
    what: 'customers with an invoice, one by one',
    calls: 80,
    text: 'select amount from invoices where customer_id = $1',
    sample: [77],
    wants: /invoices \(customer_id\)/,
  },
  {
    what: 'sessions that are over',
    calls: 70,
    text: 'delete from sessions where expires_at < $1',
    sample: ['2025-01-01 02:00'],
    wants: /sessions \(expires_at\)/,
  },
  {
    what: 'unread messages of a thread',
    calls: 300,
    text: 'select id from messages where thread_id = $1 and sender_id = $2 and read_at is null',
    sample: [17, 18],
    wants: /messages \(.*(thread_id|sender_id)/,
  },
  {
    what: 'the sum of one tenant, without a look into the table',
    calls: 60,
    text: 'select sum(total) from orders where tenant_id = $1',
    sample: [17],
    // The same one may serve the page of one tenant.
    wants: /orders \(tenant_id(, created_at)?\) include \((id, )?total\)/,
  },
  {
    what: 'a report over a part of what is only appended',
    calls: 40,
    text: 'select sensor, avg(value) from readings where at between $1 and $2 group by sensor',
    sample: ['2025-01-18 08:00', '2025-01-19'],
    wants: /readings using brin \(at\)/,
  },
  // None of these needs one.
  {
    what: 'the largest of a status, for which there is one',
    calls: 50,
    text: 'select id from orders where status = $1 order by total desc limit 10',
    sample: ['paid'],
  },
  {
    what: 'a visitor, for whom there is one',
    calls: 50,
    text: 'select at from visits where visitor = $1',
    sample: ['00000000-0000-4000-8000-000000000000'],
  },
  { what: 'a primary key', calls: 5000, text: 'select * from orders where id = $1', sample: [17] },
  {
    what: 'a report over everything',
    calls: 5,
    text: 'select status, sum(total) from orders group by status',
    sample: [],
  },
  { what: 'two thirds of the rows', calls: 5, text: `select avg(total) from orders where status = 'done'`, sample: [] },
  {
    what: 'an eighth of the rows, for which there is one',
    calls: 20,
    text: 'select count(*) from customers where country = $1',
    sample: ['DE'],
  },
  { what: 'a table of one page', calls: 9000, text: 'select value from settings where value = $1', sample: ['v'] },
  {
    what: 'a write',
    calls: 3000,
    text: 'insert into sessions (id, customer_id, expires_at) values ($1, $2, $3)',
    sample: ['00000000-0000-4000-8000-000000000000', 1, '2026-01-01'],
  },
]
