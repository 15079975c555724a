/** Who is who: numbers for names of events and for people, remembered by the process. */
import type { Sql, SystemDatabase } from '../../database/index.ts'
import type { Clock } from '../../kernel/index.ts'
import type { Properties, Who } from '../analytics.ts'
import { AnalyticsNames } from '../errors.ts'

const MOST_NAMES = 2000
const REMEMBERED = 100_000
/** Whoever was forgotten by another process is known here no longer than this. */
const REMEMBERED_MS = 60_000

export interface People {
  /** The number of each; new ones are made. */
  numbersOf(who: readonly Who[]): Promise<Map<string, number>>
  namesOf(names: readonly string[]): Promise<Map<string, number>>
  identify(userId: string, anonymousId: string | undefined, properties: Properties | undefined): Promise<boolean>
  forget(who: Who): Promise<number>
}

export function keyOf(who: Who): string {
  return 'user' in who ? `u:${who.user}` : `a:${who.anonymous}`
}

export function createPeople(db: SystemDatabase, clock: Clock): People {
  const people = new Map<string, number>()
  const names = new Map<string, number>()
  let rememberedSince = clock.elapsed()

  const numbers = async (sql: Sql, keys: readonly string[]): Promise<Map<string, number>> => {
    if (people.size > REMEMBERED || clock.elapsed() - rememberedSince > REMEMBERED_MS) {
      people.clear()
      rememberedSince = clock.elapsed()
    }
    const unknown = [...new Set(keys)].filter((key) => !people.has(key))
    if (unknown.length === 0) return new Map(keys.map((key) => [key, people.get(key)!]))
    // In one order everywhere, so that two processes with the same new people do not wait for each other in a circle.
    await sql.query(
      'insert into tenfold.analytics_person (distinct_id) select k from unnest($1::text[]) k order by k on conflict do nothing',
      [unknown],
    )
    const { rows } = await sql.query<{ id: string; distinct_id: string }>(
      'select id, distinct_id from tenfold.analytics_person where distinct_id = any($1)',
      [[...new Set(keys)]],
    )
    const found = new Map(rows.map(({ id, distinct_id }) => [distinct_id, Number(id)]))
    for (const [key, id] of found) people.set(key, id)
    return found
  }

  return {
    numbersOf: (who) => numbers(db, who.map(keyOf)),

    async namesOf(wanted) {
      const unknown = [...new Set(wanted)].filter((name) => !names.has(name))
      if (unknown.length > 0) {
        const { rows } = await db.query<{ id: number; name: string }>(
          `with room as (select ${MOST_NAMES} - count(*) as left_over from tenfold.analytics_name), new as (
             insert into tenfold.analytics_name (name) select n from unnest($1::text[]) n
              where n not in (select name from tenfold.analytics_name)
                and cardinality($1::text[]) <= (select left_over from room)
              order by n on conflict do nothing returning id, name
           ) select id, name from new union all select id, name from tenfold.analytics_name where name = any($1)`,
          [unknown],
        )
        for (const { id, name } of rows) names.set(name, id)
        const missing = unknown.filter((name) => !names.has(name))
        if (missing.length > 0) await again(db, missing, names)
      }
      return new Map(wanted.map((name) => [name, names.get(name)!]))
    },

    async identify(userId, anonymousId, properties) {
      const user = keyOf({ user: userId })
      const anonymous = anonymousId === undefined ? undefined : keyOf({ anonymous: anonymousId })
      const ids = await numbers(db, anonymous === undefined ? [user] : [user, anonymous])
      if (properties) {
        await db.query('update tenfold.analytics_person set properties = properties || $2::jsonb where id = $1', [
          ids.get(user),
          JSON.stringify(properties),
        ])
      }
      if (anonymous === undefined) return true
      return merge(db, ids.get(anonymous)!, ids.get(user)!)
    },

    async forget(who) {
      people.delete(keyOf(who))
      return db.transaction((tx) => forget(tx, keyOf(who)))
    },
  }
}

/** A name that another process made just now is not seen by the statement that met it; one for which there is no room is. */
async function again(db: Sql, missing: readonly string[], names: Map<string, number>): Promise<void> {
  const { rows } = await db.query<{ id: number; name: string }>(
    'select id, name from tenfold.analytics_name where name = any($1)',
    [missing],
  )
  for (const { id, name } of rows) names.set(name, id)
  const none = missing.find((name) => !names.has(name))
  if (none !== undefined) throw AnalyticsNames({ name: none, most: MOST_NAMES })
}

/** A browser becomes one of a user's, for good. Its days become the user's days. */
function merge(db: SystemDatabase, anonymous: number, user: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{ into_id: string }>(
      `insert into tenfold.analytics_merged (person_id, into_id) values ($1, $2)
       on conflict (person_id) do update set into_id = analytics_merged.into_id returning into_id`,
      [anonymous, user],
    )
    if (Number(rows[0]!.into_id) !== user) return false
    await moveDays(tx, anonymous)
    return true
  })
}

/** The days of browsers that were merged meanwhile; all of them without a number. */
export async function moveDays(sql: Sql, person?: number): Promise<void> {
  await sql.query(
    `with moved as (
       delete from tenfold.analytics_person_day d using tenfold.analytics_merged m
        where m.person_id = d.person_id and ($1::bigint is null or d.person_id = $1) returning d.day, m.into_id
     )
     insert into tenfold.analytics_person_day (day, person_id) select distinct day, into_id from moved on conflict do nothing`,
    [person ?? null],
  )
}

async function forget(tx: Sql, key: string): Promise<number> {
  const { rows } = await tx.query<{ ids: string[] }>(
    `select array_agg(id) as ids from (
       select id from tenfold.analytics_person where distinct_id = $1
       union
       select m.person_id from tenfold.analytics_merged m join tenfold.analytics_person p on p.id = m.into_id where p.distinct_id = $1
     ) all_of_them`,
    [key],
  )
  const ids = rows[0]!.ids
  if (!ids) return 0
  const { rowCount } = await tx.query('delete from tenfold.analytics_event where person_id = any($1::bigint[])', [ids])
  await tx.query('delete from tenfold.analytics_person_day where person_id = any($1::bigint[])', [ids])
  await tx.query('delete from tenfold.analytics_person where id = any($1::bigint[])', [ids])
  // Copies by columns learn of it with what they get next.
  await tx.query('insert into tenfold.analytics_forgotten (person_id) select unnest($1::bigint[])', [ids])
  return rowCount
}
