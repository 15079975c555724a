/** Moves published events from the outbox to their subscribers: one statement takes events, writes one job for each
 *  subscriber and records the event, so a crash leaves either all of it or nothing. Any number of processes relay at once;
 *  each event is taken by one of them. The order is that of publishing, as far as several processes allow. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, type Service } from '../../kernel/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import type { RelayOptions } from '../queue.ts'
import { retryFields } from './encode.ts'
import { createSignal } from './signal.ts'
import type { Wake } from './wake.ts'

const BATCH = 500
const POLL_MS = 1000

const RELAY = `
with taken as (
  delete from tenfold.event_outbox where id = any (array(
    select id from tenfold.event_outbox order by id limit ${BATCH} for update skip locked))
    returning id, name, published_at, traceparent, payload
), delivery as (
  select taken.id as event_id, taken.name as event, taken.published_at, taken.traceparent as trace, taken.payload as body,
         s.job, s.attempts, s.timeout, s.backoff, s."backoffMax",
         row_number() over (order by taken.id, s.job) as n
  from taken join json_to_recordset($1::text::json) as s (
    event text, job text, attempts integer, timeout integer, backoff integer, "backoffMax" integer) on s.event = taken.name
), numbered as materialized (
  select delivery.*, nextval('tenfold.job_seq') as id from delivery order by n
), jobs as (
  insert into tenfold.job (id, seq, name, state, rank, run_at, created_at, max_attempts, timeout_ms, backoff_ms, backoff_max_ms,
                           traceparent, event_id, payload)
    select id, id, job, 'ready', 0, now(), now(), attempts, timeout, backoff, "backoffMax", trace, event_id,
      jsonb_build_object('eventId', event_id::text, 'event', event,
        'publishedAt', round(extract(epoch from published_at) * 1000), 'payload', body)
    from numbered
    returning seq, name
), logged as (
  insert into tenfold.event_log (id, name, published_at, subscribers, payload)
    select id, name, published_at, (select count(*) from delivery where event_id = taken.id), payload from taken
)
select (select count(*)::int from taken) as taken, count(*)::int as jobs, min(seq)::float8 as low,
  array_to_json(array_agg(distinct name))::text as names
from jobs`

export function createRelay(
  { db, telemetry, wake }: { db: SystemDatabase; telemetry: Telemetry; wake: Wake },
  { subscriptions }: RelayOptions,
): Service {
  const nudge = createSignal()
  const subscribers = JSON.stringify(
    [...subscriptions].flatMap(([event, list]) =>
      list.map((one) => {
        const subscriber = typeof one === 'string' ? { job: one } : one
        return { event, job: subscriber.job, ...retryFields(subscriber) }
      }),
    ),
  )
  let stopping = false
  let loop: Promise<void> | undefined
  let stopListening: (() => Promise<void>) | undefined

  const relayBatch = async (): Promise<number> => {
    const { rows } = await db.query<{ taken: number; jobs: number; low: number | null; names: string | null }>(RELAY, [
      subscribers,
    ])
    const { taken, jobs, low, names } = rows[0]!
    if (jobs > 0) wake.tell({ ready: { names: JSON.parse(names!) as string[], count: jobs, low: low! } })
    return taken
  }

  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        if ((await relayBatch()) < BATCH) await nudge.wait(POLL_MS)
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
