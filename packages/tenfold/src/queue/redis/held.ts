/** What was handed to Redis out of a transaction is kept in Postgres until it has run. Redis acknowledges what it has in
 *  memory: a crash costs up to a second of that (`appendfsync everysec`), a flush all of it.
 *
 *    outbox ──hold()──> tenfold.redis_held ──add()──> Redis ──> run to its end ──release()──> gone
 *                             └─ missing in Redis: handed over again, under the same id
 *
 *  A run releases its job before BullMQ is told, so a job that BullMQ has forgotten as finished is never held. Looked at is
 *  everything after a restart or a flush of Redis, else each job after 30 s and then ever more rarely. A dead letter stays
 *  held until it is discarded: if Redis loses it, it runs again with all its attempts. And the other way round: a job that
 *  Redis gives out again, since it lost the word that it was finished, is not held any more, and does not run. */
import type { SystemDatabase } from '../../database/index.ts'
import { messageOf, systemClock, type Service } from '../../kernel/index.ts'
import type { Redis } from '../../redis/index.ts'
import type { Telemetry } from '../../telemetry/index.ts'
import { createCoalescer, createGroupCommit } from '../postgres/enqueue.ts'
import { bullIdOf, keysOf } from './names.ts'

/** Gives for each whether it is held now. A row of the outbox that was here before, and whose job is not held any more, was
 *  handed over by somebody who could not say so (a lost lease, a crash), and has run since; so has one whose row is gone. */
const HOLD = `
with r as (
  select n, (e ->> 'id')::bigint as id, e ->> 'name' as name, e -> 'payload' as payload, e ->> 'traceparent' as traceparent,
         (e ->> 'outbox')::bigint as outbox
  from jsonb_array_elements($1::text::jsonb) with ordinality as t (e, n)
), ran as (
  select r.n from r left join tenfold.job j on j.id = r.outbox
  where r.outbox is not null and (j.id is null or j.extra ? 'handed')
    and not exists (select from tenfold.redis_held h where h.id = r.id)
), marked as (
  update tenfold.job j set extra = coalesce(j.extra, '{}') || '{"handed": true}'
  from r where j.id = r.outbox and not coalesce(j.extra ? 'handed', false)
), held as (
  insert into tenfold.redis_held (id, name, payload, traceparent)
    select id, name, payload, traceparent from r where n not in (select n from ran)
    on conflict (id) do nothing
)
select n not in (select n from ran) as held from r order by n`

const RELEASE =
  'delete from tenfold.redis_held where id in (select value::bigint from json_array_elements_text($1::text::json))'

const STILL = 'select id::text from tenfold.redis_held where id = any ($1::bigint[])'

const ROW = 'id::text, name, payload, traceparent'
const TAKE = `delete from tenfold.redis_held where id = $1::bigint returning ${ROW}`
/** The next look comes when twice the time has passed, at most an hour later. */
const DUE = `
with due as (
  select id from tenfold.redis_held where check_at < now() order by check_at limit $1 for update skip locked
)
update tenfold.redis_held h
  set check_at = now() + greatest(interval '30 s', least(interval '1 h', now() - held_at))
  from due where h.id = due.id returning h.id::text, h.name, h.payload, h.traceparent`
const ALL = `select ${ROW} from tenfold.redis_held where id > $1::bigint order by id limit $2`

const LOOK_MS = 2000
/** An outage too short for a look to see it may have cost Redis a word all the same. */
const RENEW_MS = 30_000
const PAGE = 500

/** A row of the outbox, as it was handed over. `name`: of the job. */
export interface HeldJob {
  id: string
  name: string
  payload: unknown
  traceparent: string | null
}

export interface Mending {
  handOver(job: HeldJob): Promise<void>
  /** Redis was started, emptied or away, or it is time: what it has to know besides jobs. */
  renew(): Promise<void>
}

export interface Held {
  /** Resolves when it is written. False, and it is not held: it has run already.
   *  @param outbox the row of the outbox that it comes from */
  hold(job: HeldJob, outbox?: string): Promise<boolean>
  /** False: it has run, or was discarded. */
  has(id: string): Promise<boolean>
  /** Ids that are not held are no error. */
  release(id: string): Promise<void>
  /** As `release`; gives what was held. */
  take(id: string): Promise<HeldJob | undefined>
  /** Hands over again what Redis has lost. Not yet started. */
  watch(mend: Mending): Service
  drain(): Promise<void>
}

export function createHeld(db: SystemDatabase, redis: Redis, prefix: string, telemetry: Telemetry): Held {
  const keys = keysOf(prefix)
  const writing = createGroupCommit<string, boolean>(
    async (rows) => (await db.query<{ held: boolean }>(HOLD, [`[${rows.join(',')}]`])).rows.map((row) => row.held),
    (row) => row.length,
  )
  const deleting = createCoalescer(async (ids) => (await db.query(RELEASE, [ids]), []))
  const looking = createGroupCommit<string, boolean>(
    async (ids) => {
      const held = await whichAreHeld(ids)
      return ids.map((id) => held.has(id))
    },
    (id) => id.length,
  )
  const resent = telemetry.metrics.counter('tenfold.job.redis_resent', {
    help: 'Jobs that Redis had lost, and that were handed to it again.',
    unit: '{job}',
  })

  const release = async (id: string): Promise<void> => void (await deleting.add([JSON.stringify(id)]))

  const look = async (jobs: readonly HeldJob[], handOver: (job: HeldJob) => Promise<void>): Promise<number> => {
    const found = await redis.batch(
      jobs.flatMap(({ name, id }): [string, ...string[]][] => [
        ['exists', keys.job(name, id)],
        ['zscore', keys.done(name), bullIdOf(id)],
      ]),
    )
    const missing = jobs.filter((_, i) => found[2 * i] === 0)
    const lost = await stillHeld(missing)
    await Promise.all([
      ...lost.map(handOver),
      ...jobs.filter((_, i) => found[2 * i] !== 0 && found[2 * i + 1] !== null).map(({ id }) => release(id)),
    ])
    return lost.length
  }

  /** Who is missing may have run meanwhile, and was released before BullMQ forgot it. */
  const stillHeld = async (jobs: readonly HeldJob[]): Promise<HeldJob[]> => {
    if (jobs.length === 0) return []
    const held = await whichAreHeld(jobs.map(({ id }) => id))
    return jobs.filter(({ id }) => held.has(id))
  }

  const whichAreHeld = async (ids: readonly string[]): Promise<Set<string>> =>
    new Set((await db.query<{ id: string }>(STILL, [ids])).rows.map(({ id }) => id))

  /** The same from one start of Redis to the next, as long as nobody empties it. */
  const epochIsKnown = async (): Promise<{ epoch: string; known: boolean }> => {
    const info = await redis.command<string>('info', 'server')
    const epoch = /run_id:(\w+)/.exec(info)?.[1] ?? 'unknown'
    return { epoch, known: (await redis.command<string | null>('get', keys.epoch)) === epoch }
  }

  return {
    hold: async (job, outbox) => (await writing.add([JSON.stringify({ ...job, outbox })]))[0]!,
    has: async (id) => (await looking.add([id]))[0]!,
    release,
    take: async (id) => (await db.query<HeldJob>(TAKE, [id])).rows[0],
    drain: async () => void (await Promise.all([writing.drain(), deleting.drain(), looking.drain()])),

    watch({ handOver, renew }) {
      const stop = new AbortController()
      let loop: Promise<void> | undefined
      let renewedAt = -Infinity

      const lookAtAll = async (): Promise<number> => {
        let lost = 0
        for (let after = '0'; !stop.signal.aborted;) {
          const { rows } = await db.query<HeldJob>(ALL, [after, PAGE])
          if (rows.length > 0) lost += await look(rows, handOver)
          if (rows.length < PAGE) break
          after = rows.at(-1)!.id
        }
        return lost
      }

      const turn = async (): Promise<void> => {
        if (!redis.ready()) {
          renewedAt = -Infinity
          return
        }
        const { epoch, known } = await epochIsKnown()
        let lost = 0
        if (!known || systemClock.elapsed() - renewedAt > RENEW_MS) {
          await renew()
          renewedAt = systemClock.elapsed()
        }
        if (!known) {
          lost = await lookAtAll()
          if (!stop.signal.aborted) await redis.command('set', keys.epoch, epoch)
        } else {
          const { rows } = await db.query<HeldJob>(DUE, [PAGE])
          if (rows.length > 0) lost = await look(rows, handOver)
        }
        if (lost === 0) return
        resent.add(lost)
        telemetry.log.warn('Redis had lost jobs: they were handed to it again.', { jobs: lost })
      }

      const run = async (): Promise<void> => {
        while (!stop.signal.aborted) {
          await turn().catch((error: unknown) =>
            telemetry.log.debug('What Redis holds could not be compared.', { reason: messageOf(error) }),
          )
          await systemClock.sleep(LOOK_MS * (0.5 + Math.random()), stop.signal)
        }
      }

      return {
        name: 'jobs held for redis',
        async start() {
          loop = run()
        },
        async stop() {
          stop.abort()
          await loop
        },
      }
    },
  }
}
