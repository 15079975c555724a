import type { SystemDatabase } from '../../database/index.ts'
import { AnalyticsQueryInvalid } from '../errors.ts'

/** The stored days are counted anew when the time zone of the reports is another than before. */
export async function useTimeZone(db: SystemDatabase, timeZone: string): Promise<string> {
  const { rows } = await db.query<{ known: boolean; current: string | null }>(
    `select exists (select from pg_timezone_names where name = $1) as known,
            (select time_zone from tenfold.analytics_setting) as current`,
    [timeZone],
  )
  if (!rows[0]!.known)
    throw AnalyticsQueryInvalid({ field: 'analytics.timeZone', expected: "a time zone such as 'Europe/Berlin'" })
  if (rows[0]!.current === timeZone) return timeZone
  await db.transaction(async (tx) => {
    // Writers of days wait for this lock, or a day of the old time zone could slip in between.
    await tx.query('lock table tenfold.analytics_setting, tenfold.analytics_person_day in share row exclusive mode')
    const { rows: before } = await tx.query<{ time_zone: string }>('select time_zone from tenfold.analytics_setting')
    if (before[0]?.time_zone === timeZone) return
    if (before[0]) {
      await tx.query('delete from tenfold.analytics_person_day')
      await tx.query(
        `insert into tenfold.analytics_person_day (day, person_id)
         select distinct (e.ts at time zone $1::text)::date, coalesce(m.into_id, e.person_id)
           from tenfold.analytics_event e left join tenfold.analytics_merged m on m.person_id = e.person_id`,
        [timeZone],
      )
    }
    await tx.query(
      `insert into tenfold.analytics_setting (time_zone) values ($1)
       on conflict (only_row) do update set time_zone = excluded.time_zone`,
      [timeZone],
    )
  })
  return timeZone
}
