/** Keeps batches of events, each in one statement together with the days of its people. */
import type { SystemDatabase } from '../../database/index.ts'
import { uuidv7 } from '../../kernel/index.ts'
import type { Accepted, TrackedEvent } from '../analytics.ts'
import { keyOf, type People } from './people.ts'

export type StoreEvents = (events: readonly TrackedEvent[]) => Promise<Accepted>

export function createStoreEvents(db: SystemDatabase, people: People, timeZone: () => Promise<string>): StoreEvents {
  const months = new Set<string>()
  return async (events) => {
    const [names, persons] = [
      await people.namesOf(events.map(({ name }) => name)),
      await people.numbersOf(events.map(({ who }) => who)),
    ]
    const times = events.map(({ at = new Date() }) => at.toISOString())
    for (const month of new Set(times.map((time) => `${time.slice(0, 7)}-01`))) {
      if (months.has(month)) continue
      await db.query('select tenfold.analytics_make_month($1::date)', [month])
      months.add(month)
    }
    const { rows } = await db.query<{ stored: string }>(STORE, [
      events.map(({ id }) => id ?? uuidv7()),
      times,
      events.map(({ seq = 0 }) => seq),
      events.map(({ name }) => names.get(name)),
      events.map(({ who }) => persons.get(keyOf(who))),
      events.map(propsOf),
      await timeZone(),
    ])
    const stored = Number(rows[0]!.stored)
    return { stored, repeated: events.length - stored }
  }
}

const STORE = `
  with given as (
    select g.id, g.ts, g.seq, g.name, g.props, coalesce(m.into_id, g.person) as person
      from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::int[], $5::bigint[], $6::text[])
        as g (id, ts, seq, name, person, props) left join tenfold.analytics_merged m on m.person_id = g.person
  ), stored as (
    insert into tenfold.analytics_event (ts, person_id, name_id, seq, id, props)
    select ts, person, name, seq, id, props::jsonb from given on conflict do nothing returning ts, person_id
  ), days as (
    insert into tenfold.analytics_person_day (day, person_id)
    select distinct (ts at time zone $7::text)::date, person_id from stored order by 1, 2 on conflict do nothing
  )
  select count(*) as stored from stored`

function propsOf({ properties, groups }: TrackedEvent): string | null {
  if (!groups) return properties && Object.keys(properties).length > 0 ? JSON.stringify(properties) : null
  return JSON.stringify({ ...properties, $groups: groups })
}
