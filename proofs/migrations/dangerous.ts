/** Migrations that take an app down, lose data, or break the release that runs. */
import type { Case } from './base.ts'

export interface Dangerous extends Case {
  /** The code of a finding that has to stop it. */
  code: string
}

const NONE = ['transaction: none']

export const DANGEROUS: readonly Dangerous[] = [
  // Locks and rewrites.
  {
    what: 'an index built under a lock',
    code: 'index-not-concurrent',
    sql: 'create index orders_paid on orders (paid_at);',
  },
  {
    what: 'a concurrent index inside a transaction',
    code: 'concurrent-in-transaction',
    sql: 'create index concurrently orders_paid on orders (paid_at);',
  },
  { what: 'an index dropped under a lock', code: 'drop-index-not-concurrent', sql: 'drop index orders_by_state;' },
  { what: 'a table reindexed under a lock', code: 'reindex-not-concurrent', sql: 'reindex table orders;' },
  { what: 'TRUNCATE', code: 'truncate', sql: 'truncate orders;' },
  { what: 'VACUUM FULL', code: 'vacuum-full', sql: 'vacuum full orders;', header: NONE },
  { what: 'CLUSTER', code: 'cluster', sql: 'cluster orders using orders_by_state;', header: NONE },
  { what: 'LOCK TABLE', code: 'lock-table', sql: 'lock table orders in share mode;' },
  {
    what: 'a materialized view refreshed under a lock',
    code: 'refresh-not-concurrent',
    sql: 'refresh materialized view totals;',
  },
  {
    what: 'a trigger on a table in use',
    code: 'create-trigger',
    sql: `create function stamp() returns trigger language plpgsql as $$ begin new.paid_at := now(); return new; end $$;
create trigger stamp before update on orders for each row execute function stamp();`,
  },
  {
    what: 'SET NOT NULL on a table that was not checked',
    code: 'set-not-null',
    sql: 'alter table orders alter column phone set not null;',
  },
  {
    what: 'SET NOT NULL with a check that is not validated',
    code: 'set-not-null',
    before: [
      '--! phase: expand\nalter table orders add constraint orders_phone_set check (phone is not null) not valid;\n',
    ],
    sql: 'alter table orders alter column phone set not null;',
  },
  {
    what: 'a NOT NULL constraint that is validated at once',
    code: 'set-not-null',
    sql: 'alter table orders add constraint phone_set not null phone;',
  },
  {
    what: 'a foreign key validated at once',
    code: 'foreign-key-validated',
    sql: 'alter table orders add constraint orders_customer foreign key (customer_id) references customers (id);',
  },
  {
    what: 'a foreign key within ADD COLUMN',
    code: 'foreign-key-validated',
    sql: 'alter table order_lines add column customer_id uuid references customers (id);',
  },
  {
    what: 'a check validated at once',
    code: 'check-validated',
    sql: `alter table orders add constraint orders_state check (state in ('placed', 'paid'));`,
  },
  {
    what: 'NOT VALID and VALIDATE in one transaction',
    code: 'validated-at-once',
    sql: 'alter table orders add constraint orders_discount check (discount >= 0) not valid;\nalter table orders validate constraint orders_discount;',
  },
  {
    what: 'a unique constraint that builds its index',
    code: 'unique-without-index',
    sql: 'alter table orders add constraint orders_one unique (customer_id, placed_at);',
  },
  { what: 'a unique column', code: 'unique-without-index', sql: 'alter table orders add column number text unique;' },
  {
    what: 'an exclusion constraint',
    code: 'exclusion',
    sql: 'alter table orders add constraint orders_apart exclude using btree (id with =);',
  },
  {
    what: 'a volatile default',
    code: 'volatile-default',
    sql: 'alter table orders add column token uuid default gen_random_uuid();',
  },
  {
    what: 'a stored generated column',
    code: 'stored-generated',
    sql: 'alter table orders add column net integer generated always as (total * 100) stored;',
  },
  {
    what: 'an identity column',
    code: 'identity',
    sql: 'alter table orders add column number bigint generated always as identity;',
  },
  { what: 'a serial column', code: 'identity', sql: 'alter table orders add column number bigserial;' },
  {
    what: 'a type that rewrites the table',
    code: 'type-rewrite',
    sql: 'alter table orders alter column total type bigint;',
  },
  { what: 'a shorter varchar', code: 'type-rewrite', sql: 'alter table orders alter column note type varchar(50);' },
  {
    what: 'another number of decimals',
    code: 'type-rewrite',
    sql: 'alter table orders alter column discount type numeric(8, 4);',
  },
  { what: 'SET UNLOGGED', code: 'table-rewrite', sql: 'alter table orders set unlogged;' },
  {
    what: 'a partition detached under a lock',
    code: 'detach-partition',
    sql: 'alter table events detach partition events_2024;',
  },
  {
    what: 'strong locks on two tables at once',
    code: 'several-locks',
    sql: 'alter table orders add column weight integer;\nalter table customers add column language text;',
  },
  {
    what: 'a table in use that looks like a new one',
    code: 'index-not-concurrent',
    sql: 'create table if not exists orders (id uuid primary key);\ncreate index orders_paid on orders (paid_at);',
  },
  // Data.
  { what: 'an UPDATE of a whole table', code: 'unbatched-update', sql: `update orders set state = 'placed';` },
  {
    what: 'an UPDATE of many rows',
    code: 'unbatched-update',
    sql: `update orders set state = 'placed' where paid_at is null;`,
  },
  {
    what: 'a DELETE of many rows',
    code: 'unbatched-delete',
    sql: `delete from orders where placed_at < '2020-01-01';`,
  },
  {
    what: 'rows copied in one go',
    code: 'unbatched-insert',
    sql: `insert into settings (key, value) select id::text, state from orders;`,
  },
  {
    what: 'an UPDATE hidden in WITH',
    code: 'unbatched-update',
    sql: `with done as (update orders set note = '' returning 1) select count(*) from done;`,
  },
  {
    what: 'a backfill that is not in batches',
    code: 'backfill-form',
    phase: 'backfill',
    header: ['table: orders'],
    sql: `update orders set state = 'placed' where paid_at is null;`,
  },
  {
    what: 'the schema and its rows in one transaction',
    code: 'data-with-schema',
    sql: `alter table settings add column unit text;\nupdate settings set unit = 'EUR' where key = 'price';`,
  },
  {
    what: 'an enum value used where it is added',
    code: 'enum-value-used',
    sql: `alter type badge add value 'bronze';\ncreate table medals (b badge not null default 'bronze');`,
  },
  { what: 'a DO block', code: 'opaque-block', sql: `do $$ begin update orders set note = ''; end $$;` },
  // The release that runs.
  { what: 'a column dropped while it is used', code: 'drop-column', sql: 'alter table orders drop column phone;' },
  { what: 'a table dropped while it is used', code: 'drop-table', sql: 'drop table order_lines;' },
  { what: 'a view dropped while it is used', code: 'drop-object', sql: 'drop view open_orders;' },
  { what: 'a function dropped while it is used', code: 'drop-object', sql: 'drop function order_total(uuid);' },
  {
    what: 'a default dropped while INSERTs rely on it',
    code: 'drop-default',
    sql: 'alter table orders alter column state drop default;',
  },
  { what: 'a column renamed', code: 'rename-column', sql: 'alter table orders rename column phone to telephone;' },
  { what: 'a table renamed', code: 'rename-table', sql: 'alter table settings rename to preferences;' },
  { what: 'an enum value renamed', code: 'rename-object', sql: `alter type mood rename value 'sad' to 'gloomy';` },
  {
    what: 'a column that old INSERTs do not know',
    code: 'required-column',
    sql: 'alter table orders add column currency text not null;',
  },
  {
    what: 'row security that hides all rows',
    code: 'row-security',
    sql: 'alter table orders enable row level security;',
  },
  { what: 'CASCADE in a contract', code: 'drop-cascade', phase: 'contract', sql: 'drop table retired cascade;' },
  // Found by replay alone.
  {
    what: 'a contract that the running release does not survive',
    code: 'replay/in-use',
    phase: 'contract',
    sql: 'alter table orders drop column phone;',
  },
  {
    what: 'a unique constraint that ON CONFLICT relies on, dropped',
    code: 'replay/fails',
    sql: 'alter table customers drop constraint customers_email_key;',
  },
  {
    what: 'a required column without default that was nullable',
    code: 'replay/insert',
    before: [
      '--! phase: expand\nalter table customers add column plan text;\nalter table customers add constraint plan_set check (plan is not null) not valid;\n',
      '--! phase: expand\nalter table customers validate constraint plan_set;\n',
    ],
    sql: 'alter table customers alter column plan set not null;',
  },
  {
    what: 'a view that loses a column the code reads',
    code: 'replay/apply',
    sql: 'create or replace view open_orders as select id from orders;',
  },
  {
    what: 'a right taken from the role of the module',
    code: 'replay/denied',
    sql: 'revoke select on orders from proof_shop;',
  },
  {
    what: 'a name that is not there',
    code: 'replay/apply',
    sql: 'alter table orders alter column colour set default 1;',
  },
  // Boundaries and the runner.
  {
    what: 'a foreign key into another module',
    code: 'other-module',
    sql: 'alter table orders add column secret_id bigint references vault.secret (id);',
  },
  {
    what: "a view over another module's table",
    code: 'other-module',
    sql: 'create view words as select word from vault.secret;',
  },
  { what: 'a right for another module', code: 'foreign-grant', sql: 'grant select on orders to proof_vault;' },
  { what: 'a right for everybody', code: 'foreign-grant', sql: 'grant select on orders to public;' },
  { what: 'SET ROLE', code: 'role-change', sql: 'set role proof_vault_owner;\ndrop table vault.secret;' },
  { what: 'RESET ROLE', code: 'role-change', sql: 'reset role;' },
  { what: 'set_config of the role', code: 'role-change', sql: `select set_config('role', 'proof_vault_owner', true);` },
  { what: 'another owner', code: 'role-change', sql: 'alter table orders owner to proof_vault_owner;' },
  {
    what: 'SECURITY DEFINER without a search_path',
    code: 'definer-without-path',
    sql: `create function f() returns bigint language sql security definer as 'select count(*) from orders';`,
  },
  {
    what: 'a COMMIT of its own',
    code: 'transaction-control',
    sql: 'alter table orders add column weight integer;\ncommit;',
  },
  {
    what: 'the brake taken away',
    code: 'session-setting',
    sql: 'set lock_timeout = 0;\nalter table orders add column weight integer;',
  },
  { what: 'a file copied from the server', code: 'outside-module', sql: `copy settings from program 'true';` },
]
