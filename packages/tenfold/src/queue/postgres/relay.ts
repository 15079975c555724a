/** Moves published events from the outbox to their subscribers: one statement takes events, writes one job for each
 *  subscriber and records the event, so a crash leaves either all of it or nothing. Any number of processes relay at once;
 *  each event is taken by one of them. The order is that of publishing, as far as several processes allow. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Service } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { RelayOptions, Replay } from '../queue.ts'
import { retryFields } from './encode.ts'
import { PAGE_MARK, PAGE_VERSION } from './many.ts'
import { createSignal } from './signal.ts'
import type { Wake } from './wake.ts'

const BATCH = 500
const POLL_MS = 1000
const FIND_MS = 1000
/** Events of one job, at most, and how large they may be. */
const PAGE = 50
const PAGE_BYTES = 2000

/** The payload of a subscriber's job. */
export const DELIVERY = (id: string, event: string, at: string, payload: string): string =>
  `jsonb_build_object('eventId', ${id}::text, 'event', ${event}, 'publishedAt', round(extract(epoch from ${at}) * 1000), 'payload', ${payload})`

/** Keyed events go through one relay at a time, so that those of one key keep their order; the others through all of them.
 *  When many wait, a subscriber without order is handed pages of events as one job each (see many.ts): a tenth of those that
 *  were taken, so that all workers get some, and only small ones. */
const relayOf = (keyed: boolean): string => `
with subscriber as materialized (
  select * from json_to_recordset($1::text::json) as s (
    event text, job text, attempts integer, timeout integer, backoff integer, "backoffMax" integer, ordered boolean, pages boolean)
), taken as (
  delete from tenfold.event_outbox where id = any (array(
    select id from tenfold.event_outbox where key is ${keyed ? 'not null' : 'null'} order by id limit ${BATCH} for update skip locked))
    returning id, name, published_at, key, traceparent, payload, octet_length(payload::text) <= ${PAGE_BYTES} as small
), placed as materialized (
  select taken.*, row_number() over (partition by name, small order by id) - 1 as place,
    case when small then least(${PAGE}, count(*) over (partition by name) / 10) else 0 end as room
  from taken
), page as (
  select name, count(*)::int as many,
    jsonb_agg(${DELIVERY('id', 'name', 'published_at', 'payload')} || case when traceparent is null then '{}' else jsonb_build_object('trace', traceparent) end order by id) as events
  from placed where room > 1 group by name, place / room
), delivery as (
  select p.id as event_id, p.name as event, p.published_at, p.traceparent as trace, p.payload as body,
         s.job, s.attempts, s.timeout, s.backoff, s."backoffMax", ${keyed ? 'case when s.ordered then p.key end' : 'null::text'} as key
  from placed p join subscriber s on s.event = p.name and not (s.pages and p.room > 1${keyed ? ' and not s.ordered' : ''})
  order by p.id, s.job
), numbered as materialized (
  select delivery.*, nextval('tenfold.job_seq') as id from delivery
), pages as materialized (
  select s.*, page.many, page.events, nextval('tenfold.job_seq') as id,
    array(select nextval('tenfold.job_seq') from generate_series(1, page.many)) as ids
  from page join subscriber s on s.event = page.name and s.pages${keyed ? ' and not s.ordered' : ''}
), jobs as (
  insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                           traceparent, event_id, payload, version, extra${keyed ? ', lane, gates' : ''})
    select id, id, job, ${keyed ? `case when key is null then 'ready' else 'held' end` : `'ready'`}, 0, now(), now(), attempts, timeout, backoff, "backoffMax", trace, event_id,
      ${DELIVERY('event_id', 'event', 'published_at', 'body')}, null, null${keyed ? `, E'\\x01=' || key || E'\\x01', case when key is not null then '{"ordered":true}'::jsonb end` : ''}
    from numbered
    union all
    select id, id, job, 'ready', 0, now(), now(), attempts, timeout, backoff, "backoffMax", null, null,
      jsonb_build_object('${PAGE_MARK}', true, 'events', events, 'ids', to_jsonb(ids)), ${PAGE_VERSION}, jsonb_build_object('many', many)${keyed ? ', null, null' : ''}
    from pages
    returning seq, name, extra
), logged as (
  insert into tenfold.event_log (id, name, published_at, key, subscribers, payload)
    select id, name, published_at, key, (select count(*) from subscriber where event = taken.name), payload from taken
), awaited as (
  delete from tenfold.job_wait w using taken
    where w.event = taken.name and taken.payload @> w.match
      and taken.id = (select min(t.id) from taken t where t.name = w.event and t.payload @> w.match)
    returning w.job_id, w.step, taken.id, taken.payload
), arrived as (
  update tenfold.job_step s set until = null, result = jsonb_build_object('eventId', a.id::text, 'payload', a.payload)
    from awaited a where s.job_id = a.job_id and s.name = a.step and s.until is not null
    returning s.job_id
), woken as (
  update tenfold.job j set run_at = clock_timestamp() from arrived a where j.id = a.job_id and j.state in ('delayed', 'leased')
    returning j.id
)
select (select count(*)::int from taken) as taken, coalesce(sum(coalesce((extra ->> 'many')::int, 1)), 0)::int as jobs, min(seq)::float8 as low,
  array_to_json(array_agg(distinct name))::text as names, (select count(*)::int from woken) as woken
from jobs`

const RELAY = { free: relayOf(false), keyed: relayOf(true) }
/** True if there are keyed events and nobody else is at them. */
const MAY_RELAY_KEYED = `
select case when exists (select from tenfold.event_outbox where key is not null) then pg_try_advisory_xact_lock(7286, 0) else false end as may`

export function createRelay(
  { db, telemetry, wake }: { db: SystemDatabase; telemetry: Telemetry; wake: Wake },
  { subscriptions }: RelayOptions,
): Service {
  const nudge = createSignal()
  const subscribers = JSON.stringify(
    [...subscriptions].flatMap(([event, list]) =>
      list.map((one) => {
        const subscriber = typeof one === 'string' ? { job: one } : one
        return {
          event,
          job: subscriber.job,
          ordered: subscriber.ordered === true,
          pages: subscriber.alone !== true,
          ...retryFields(subscriber),
        }
      }),
    ),
  )
  let stopping = false
  let loop: Promise<void> | undefined
  let stopListening: (() => Promise<void>) | undefined

  interface Relayed {
    taken: number
    /** Each event of a page counts. */
    jobs: number
    low: number | null
    names: string | null
    woken: number
  }

  const announce = ({ taken, jobs, low, names, woken }: Relayed): number => {
    if (jobs > 0) {
      const told = JSON.parse(names!) as string[]
      wake.tell({ ready: { names: told, count: jobs, low: low! }, lanes: told })
    }
    if (woken > 0) wake.tell({ dueIn: 0 })
    return taken
  }

  const relayFree = async (): Promise<number> => announce((await db.query<Relayed>(RELAY.free, [subscribers])).rows[0]!)

  const relayKeyed = async (): Promise<number> => {
    const relayed = await db.transaction(async (tx) => {
      const { rows } = await tx.query<{ may: boolean }>(MAY_RELAY_KEYED)
      return rows[0]!.may ? (await tx.query<Relayed>(RELAY.keyed, [subscribers])).rows[0]! : undefined
    })
    return relayed ? announce(relayed) : 0
  }

  /** An event that was relayed while a job was about to wait for it. */
  const findMissed = async (): Promise<void> => {
    const { rows } = await db.query<{ found: number }>('select tenfold.queue_find_events(null) as found')
    if (rows[0]!.found > 0) wake.tell({ dueIn: 0 })
  }

  const run = async (): Promise<void> => {
    let foundAt = -Infinity
    while (!stopping) {
      try {
        const most = Math.max(await relayFree(), await relayKeyed())
        if (performance.now() - foundAt > FIND_MS) {
          foundAt = performance.now()
          await findMissed()
        }
        if (most < BATCH) await nudge.wait(POLL_MS)
      } catch (error) {
        telemetry.log.warn('The relay of events could not reach the database; trying again.', {
          reason: messageOf(error),
        })
        await nudge.wait(POLL_MS)
      }
    }
  }

  return {
    name: 'relay',
    async start() {
      // The log of events needs today's partition.
      await db.query('select tenfold.queue_partitions(7)')
      stopListening = await wake.listen({
        takes: 'events',
        room: () => 0,
        hear: (news) => void (news.events && nudge.fire()),
      })
      loop = run()
    },
    async stop() {
      stopping = true
      await stopListening?.()
      nudge.fire()
      await loop
    },
  }
}

const REPLAY = `
with given as materialized (
  select e.*, nextval('tenfold.job_seq') as job_id from (
    select id, name, published_at, payload, key from tenfold.event_log
    where name = $1 and relayed_at >= to_timestamp($2::float8 / 1000) and relayed_at < to_timestamp($3::float8 / 1000)
    order by relayed_at, id) as e
)
insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                         event_id, payload, lane, gates)
  select job_id, job_id, s.job, case when s.ordered and key is not null then 'held' else 'ready' end, 0, now(), now(),
    s.attempts, s.timeout, s.backoff, s."backoffMax", id, ${DELIVERY('id', 'given.name', 'published_at', 'payload')},
    case when s.ordered then E'\\x01=' || key || E'\\x01' end, case when s.ordered and key is not null then '{"ordered":true}'::jsonb end
  from given cross join json_to_record($4::text::json) as s (
    job text, attempts integer, timeout integer, backoff integer, "backoffMax" integer, ordered boolean)
  order by job_id`

/** One subscriber gets what was relayed in a time once more. */
export async function replay(
  { db, wake }: { db: SystemDatabase; wake: Wake },
  { event, subscriber, since, until }: Replay,
): Promise<number> {
  const one = typeof subscriber === 'string' ? { job: subscriber } : subscriber
  const settings = JSON.stringify({ job: one.job, ordered: one.ordered === true, ...retryFields(one) })
  const { rowCount } = await db.query(REPLAY, [event, since.getTime(), until?.getTime() ?? Date.now(), settings])
  wake.tell({ ready: { names: [one.job], count: rowCount, low: 0 }, lanes: [one.job] })
  return rowCount
}
