/** A schema with what Postgres has: types of all kinds, generated columns, identity, enums, partitions, odd names. */
import { withClient } from './tables.ts'

export async function fillWithEverything(url: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`
      create role clerk nologin;
      create schema everything;
      create extension if not exists citext;
      create type everything.mood as enum ('fine', 'so so', 'ünhappy');
      create domain everything.percent as numeric(5, 2) check (value between 0 and 100);
      create type everything.point3 as (x float8, y float8, z float8);
      create table everything.plain (
        id bigint generated always as identity primary key,
        small smallint, whole int default 7, big numeric(40, 10), real4 real, real8 float8, yes boolean,
        words text, fixed char(5), varying varchar(20), folded citext, bytes bytea, uid uuid, day date, at timestamptz,
        local timestamp, noon time, span interval, doc json, docb jsonb, many int[], nested text[][], addr inet,
        mac macaddr, spot point, bits bit varying(12), slot tstzrange, slots int4multirange, search tsvector, price money, markup text,
        mood everything.mood, share everything.percent, place everything.point3,
        doubled int generated always as (small * 2) stored
      );
      insert into everything.plain (small, big, real4, real8, yes, words, fixed, varying, folded, bytes, uid, day, at, local, noon,
          span, doc, docb, many, nested, addr, mac, spot, bits, slot, slots, search, price, markup, mood, share, place)
        select n % 1000, n * 1.0000000001, n / 3.0, case n % 5 when 0 then 'NaN' when 1 then 'Infinity' else n / 7.0 end, n % 2 = 0,
          repeat('wörd\\"''\t' || chr(128512), n % 40), 'ab', 'v' || n, 'CaSe' || n, decode(repeat(lpad(to_hex(n % 256), 2, '0'), 9), 'hex'),
          md5(n::text)::uuid, date '2000-02-29' + n, timestamptz '2020-03-29 00:30+01' + n * interval '17 min',
          timestamp '1999-12-31 23:59:59.999999' + n * interval '1 day', time '12:00' + n * interval '1 s', n * interval '1 day 3 hours',
          json_build_object('n', n), jsonb_build_object('n', n, 'list', array[n, null], 'deep', jsonb_build_object('ü', 'x')),
          array[n, null, -n], array[['a', 'b'], ['c', n::text]], '10.1.2.3'::inet + n, '08:00:2b:01:02:03', point(n, -n), (n % 4096)::bit(12),
          tstzrange(timestamptz '2020-01-01 00:00Z', timestamptz '2020-01-01 00:00Z' + n * interval '1 h'), '{[1,3),[5,9)}',
          to_tsvector('simple', 'a quick ' || n), n::numeric::money, '<a>' || n || '</a>', (array['fine', 'so so', 'ünhappy'])[1 + n % 3]::everything.mood,
          n % 100, row(n, n + 0.5, -n)::everything.point3
        from generate_series(1, 1000) n;
      insert into everything.plain default values;
      create table everything.event (id bigserial, at date not null, what text) partition by range (at);
      create table everything.event_old partition of everything.event for values from (minvalue) to ('2024-01-01');
      create table everything.event_new partition of everything.event for values from ('2024-01-01') to (maxvalue);
      create index on everything.event (at);
      insert into everything.event (at, what) select date '2023-06-01' + n, 'event ' || n from generate_series(1, 400) n;
      create table everything."odd ""Name; drop" ("Column with space" int, "select" text);
      insert into everything."odd ""Name; drop" select n, 'x' from generate_series(1, 10) n;
      create table everything.parent (id int primary key, name text);
      create table everything.child (extra int) inherits (everything.parent);
      insert into everything.parent values (1, 'one');
      insert into everything.child values (2, 'two', 2);
      create table everything.line (id int primary key, plain_id bigint references everything.plain, qty int check (qty > 0), unique (plain_id, qty));
      insert into everything.line select n, n, n from generate_series(1, 300) n;
      create table everything.empty (id int);
      create table everything.long_values (id int primary key, body text, raw bytea);
      insert into everything.long_values select n, (select string_agg(md5(n::text || i), '') from generate_series(1, 2000) i), null from generate_series(1, 20) n;
      create unlogged table everything.fleeting (id int);
      insert into everything.fleeting values (1);
      create materialized view everything.summary as select mood, count(*) from everything.plain group by mood;
      create view everything.seen as select id, words from everything.plain where yes;
      create function everything.touch() returns trigger language plpgsql as $$ begin new.what := new.what || '!'; return new; end $$;
      create trigger touched before insert on everything.event for each row execute function everything.touch();
      create sequence everything.ticket start 5000 increment 7;
      select nextval('everything.ticket') from generate_series(1, 20);
      grant usage on schema everything to clerk;
      grant select on everything.plain to clerk`)
  })
}
