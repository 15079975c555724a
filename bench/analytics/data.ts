/** The same events in tenfold's tables and in the design that one writes first: one wide table with JSON. */
import type { Client } from 'pg'

export const DAYS = 90
const NAMES = ['page_view', 'view_item', 'search', 'add_to_cart', 'signed_up', 'checkout', 'purchase', 'help', 'log_in']
/** Of a thousand events, how many are of each name: a shop's, most of them pages. */
const UP_TO = [460, 700, 800, 868, 888, 918, 938, 958, 1000]

export async function fill(client: Client, events: number, log: (line: string) => void): Promise<void> {
  const people = Math.ceil(events / 25)
  await client.query('set search_path = tenfold')
  await client.query('insert into analytics_name (name) select unnest($1::text[])', [NAMES])
  await client.query(`insert into analytics_person (distinct_id) select 'u:' || n from generate_series(1, $1::int) n`, [
    people,
  ])
  await client.query(
    `select analytics_make_month(m::date) from generate_series(date_trunc('month', now() - interval '${DAYS} days'), now() + interval '1 month', interval '1 month') m`,
  )
  log(`${events} events of ${people} people over ${DAYS} days`)
  const name = `(select count(*) + 1 from unnest('{${UP_TO.slice(0, -1).join()}}'::int[]) b where b <= k)`
  await client.query('select setseed(0.42)')
  // Visits of seven events, twenty seconds apart; each person comes in weeks of their own, not evenly all the time.
  await client.query(
    `create table made as
       select to_timestamp(extract(epoch from date_trunc('day', now())) - ${DAYS * 86_400} + (i / 7 * 7)::float8 / $1 * ${DAYS * 86_400} + i % 7 * 20) as ts,
              1 + (((i / 7 * 7)::float8 / $1 * $2::bigint * 0.8)::bigint + (power(abs(hashint4(i / 7)) / 2147483648.0, 2) * $2::bigint * 0.2)::bigint) % $2::bigint as person_id,
              (select ${name} from (select (random() * 999)::int + i * 0 as k) r)::int as name_id, i as n
         from generate_series(1, $1::int) i`,
    [events, people],
  )
  log('stored in tenfold’s tables')
  await client.query(
    `insert into analytics_event (ts, person_id, name_id, seq, id, props)
     select ts, person_id, name_id, 0, uuidv7(), jsonb_build_object('path', '/products/' || n % 500, 'plan', n % 3) from made`,
  )
  await client.query(
    `insert into analytics_person_day select distinct (ts at time zone 'UTC')::date, person_id from made order by 1, 2`,
  )
  log('stored as one wide table with JSON')
  await client.query(
    `create table plain_event (id uuid primary key, ts timestamptz not null, name text not null, distinct_id text not null, props jsonb)`,
  )
  await client.query(
    `insert into plain_event select uuidv7(), ts, ($1::text[])[name_id], 'user-' || lpad(person_id::text, 12, '0'),
       jsonb_build_object('path', '/products/' || n % 500, 'plan', n % 3) from made`,
    [NAMES],
  )
  await client.query('create index on plain_event (name, ts)')
  await client.query('create index on plain_event (ts)')
  await client.query('drop table made')
  log('vacuum and analyse, as autovacuum does in time')
  await client.query('vacuum (analyze) analytics_event')
  await client.query('vacuum (analyze) analytics_person_day')
  await client.query('vacuum (analyze) plain_event')
}

/** The questions, as SQL on the wide table: correct, and without tricks. */
export const PLAIN = {
  funnel: `
    with steps as (
      select distinct_id, ts, case name when 'signed_up' then 1 when 'add_to_cart' then 2 else 3 end as step
        from plain_event
       where (name = 'signed_up' and ts >= $1::date and ts < $2::date + 1)
          or (name in ('add_to_cart', 'purchase') and ts >= $1::date and ts < $2::date + 1 + interval '14 days')
    ), second as (
      select *, case when step = 1 then ts end as c1,
             max(ts) filter (where step = 1) over (partition by distinct_id order by ts, step rows unbounded preceding) as start1
        from steps
    ), third as (
      select *, max(start1) filter (where step = 2 and ts - start1 <= interval '14 days')
                  over (partition by distinct_id order by ts, step rows unbounded preceding) as start2
        from second
    )
    select count(distinct distinct_id) filter (where step = 1) as one,
           count(distinct distinct_id) filter (where step = 2 and ts - start1 <= interval '14 days') as two,
           count(distinct distinct_id) filter (where step = 3 and ts - start2 <= interval '14 days') as three
      from third`,
  retention: `
    with weeks as (
      select distinct distinct_id, ((ts at time zone 'UTC')::date - $1::date) / 7 as week from plain_event
       where ts >= $1::date and ts < $2::date + 1
    ), firsts as (
      select distinct_id, min(week) as first from weeks group by distinct_id
    )
    select first, week - first as after, count(*) from weeks join firsts using (distinct_id) group by 1, 2`,
  activity: `
    select (ts at time zone 'UTC')::date as day, count(distinct distinct_id) from plain_event
     where ts >= $1::date and ts < $2::date + 1 group by 1`,
}
