import { uuidv7 } from '../../kernel/index.ts'
import type { Analytics, EventName, PropertyFacts, SavedReport, TrackedEvent } from '../analytics.ts'
import { createCollector } from '../collector.ts'
import { AnalyticsBusy, AnalyticsEventInvalid, AnalyticsQueryInvalid } from '../errors.ts'
import type { AnalyticsOptions } from '../open.ts'
import { activity } from './activity.ts'
import { createStoreEvents } from './events.ts'
import { funnel } from './funnel.ts'
import { paths } from './paths.ts'
import { createPeople, moveDays } from './people.ts'
import { dayIn } from '../retention-report.ts'
import { lifecycle, retention } from './retention.ts'
import { trend } from './trend.ts'
import { useTimeZone } from './time-zone.ts'

const KINDS = ['funnel', 'retention', 'trend', 'lifecycle', 'paths', 'activity']
const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i
const MOST_PROPERTY_BYTES = 8192
const HOUR_MS = 3_600_000
const MONTH_MS = 31 * 24 * HOUR_MS

export function openPostgresAnalytics(options: Required<Omit<AnalyticsOptions, 'columns'>>): Analytics {
  const { db, telemetry, clock, keepMonths, timeZone } = options
  const people = createPeople(db, clock)
  let zone: Promise<string> | undefined
  /** Once for each process: whose days the stored ones are. */
  const ready = (): Promise<string> =>
    (zone ??= useTimeZone(db, timeZone).catch((error: unknown) => {
      zone = undefined
      throw error
    }))
  const collector = createCollector(
    createStoreEvents(db, people, ready),
    (events) => AnalyticsBusy({ events }),
    telemetry,
  )

  const checked = (event: TrackedEvent): TrackedEvent => {
    const { name, id, at, seq = 0, properties, groups } = event
    const now = clock.now()
    const refuse = (problem: string): never => {
      throw AnalyticsEventInvalid({ name: String(name).slice(0, 100), problem })
    }
    if (typeof name !== 'string' || name === '' || name.length > 100) refuse('its name has to have 1 to 100 characters')
    if (id !== undefined && !UUID.test(id)) refuse('its id is not a UUID')
    if (!Number.isInteger(seq) || seq < 0 || seq > 2_147_483_647) refuse('its sequence number is not a whole number')
    const time = at === undefined ? now : at.getTime()
    if (!(time <= now + HOUR_MS)) refuse('its time lies in the future')
    if (time < now - keepMonths * MONTH_MS) refuse(`its time is more than ${keepMonths} months ago`)
    const size = JSON.stringify({ ...properties, ...groups }).length
    if (size > MOST_PROPERTY_BYTES) refuse(`its properties have ${size} characters of at most ${MOST_PROPERTY_BYTES}`)
    return { ...event, at: new Date(time) }
  }

  return {
    async track(events) {
      return collector.add(events.map(checked))
    },
    identify: (userId, anonymousId, properties) => people.identify(userId, anonymousId, properties),
    forget: (who) => people.forget(who),
    funnel: async (query) => funnel(db, query, await ready(), clock.now()),
    retention: async (query) => retention(db, query, await ready(), clock.now()),
    trend: async (query) => trend(db, query, await ready()),
    lifecycle: async (query) => lifecycle(db, query, await ready(), clock.now()),
    paths: async (query) => paths(db, query, await ready()),
    activity: async (query) => activity(db, query, await ready()),

    async names() {
      const { rows } = await db.query<{ name: string; events: string; first_seen: Date }>(
        `select n.name, n.first_seen, coalesce(c.events, 0) as events from tenfold.analytics_name n left join (
           select name_id, count(*) as events from tenfold.analytics_event where ts >= to_timestamp($1) group by name_id
         ) c on c.name_id = n.id order by events desc, n.name`,
        [clock.now() / 1000 - 28 * 86_400],
      )
      return rows.map(({ name, events, first_seen }): EventName => ({
        name,
        last28Days: Number(events),
        firstSeen: first_seen.toISOString(),
      }))
    },

    async properties(event) {
      const { rows } = await db.query<PropertyFacts>(
        `with sample as (
           select e.props from tenfold.analytics_event e join tenfold.analytics_name n on n.id = e.name_id
            where n.name = $1 and e.props is not null order by e.ts desc limit 2000
         ), found as (
           select key, value, count(*) as times from sample, jsonb_each_text(props) where key <> '$groups' group by key, value
         )
         select key as name, (array_agg(value order by times desc, value))[1:20] as values
           from found where value is not null group by key order by key limit 100`,
        [event],
      )
      return rows
    },

    reports: {
      async list() {
        const { rows } = await db.query<Omit<SavedReport, 'createdAt'> & { created_at: Date }>(
          'select id, title, kind, query, created_at from tenfold.analytics_report order by title, id limit 500',
        )
        return rows.map(({ created_at, ...row }) => ({ ...row, createdAt: created_at.toISOString() }))
      },
      async save({ title, kind, query }) {
        if (typeof title !== 'string' || title.trim() === '' || title.length > 100) {
          throw AnalyticsQueryInvalid({ field: 'title', expected: 'a text of up to 100 characters' })
        }
        if (!KINDS.includes(kind)) {
          throw AnalyticsQueryInvalid({ field: 'kind', expected: KINDS.join(', ') })
        }
        const saved = { id: uuidv7(), title: title.trim(), kind, query, createdAt: new Date(clock.now()).toISOString() }
        await db.query(
          'insert into tenfold.analytics_report (id, title, kind, query, created_at) values ($1, $2, $3, $4::jsonb, $5)',
          [saved.id, saved.title, kind, JSON.stringify(query ?? null), saved.createdAt],
        )
        return saved
      },
      async remove(id) {
        if (!UUID.test(id)) return false
        return (await db.query('delete from tenfold.analytics_report where id = $1', [id])).rowCount > 0
      },
    },

    async maintain() {
      await moveDays(db)
      const today = dayIn('UTC', clock.now())
      await db.query('delete from tenfold.analytics_forgotten where at < $1::date - make_interval(months => $2::int)', [
        today,
        keepMonths,
      ])
      const { rows } = await db.query<{ dropped: string[] }>(
        `select tenfold.analytics_drop_before(($1::date - make_interval(months => $2::int))::date) as dropped`,
        [today, keepMonths],
      )
      return { dropped: rows[0]!.dropped }
    },
    close: () => collector.close(),
  }
}
