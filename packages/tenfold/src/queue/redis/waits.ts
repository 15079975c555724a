/** Jobs on Redis that wait for events. Who waits is listed in Redis; what was published is known in Postgres, whose log of
 *  events is asked once a second for all of them together. */
import type { SystemDatabase } from '../../database/index.ts'
import type { Redis } from '../../redis/index.ts'
import { END_WAIT, type StoredStep } from './journal.ts'
import { bullIdOf, keysOf } from './names.ts'
import type { Producer } from './producer.ts'

/** $1 [{ n, event, match, since, not }]: the first event that each of them waits for. */
const FIND = `
select w.n, e.id::text as "eventId", e.payload
from jsonb_to_recordset($1::text::jsonb) as w (n integer, event text, match jsonb, since float8, "not" jsonb)
cross join lateral (
  select id, payload from tenfold.event_log
  where name = w.event and relayed_at >= to_timestamp(w.since / 1000) and payload @> w.match and not w."not" ? id::text
  order by relayed_at, id limit 1
) e`

/** One process at a time looks, for all. */
const TURN_MS = 900

export interface WaitingJob {
  name: string
  id: string
  /** When it was enqueued, in ms since 1970: earlier events do not count. */
  since: number
}

export interface Waits {
  /** Listed until its run ends otherwise; looks for the event at once. */
  begin(job: WaitingJob): Promise<void>
  end(job: Pick<WaitingJob, 'id'>): Promise<void>
  /** Wakes all whose event is there. */
  look(): Promise<void>
}

export function createWaits(db: SystemDatabase, redis: Redis, prefix: string, producer: Producer): Waits {
  const keys = keysOf(prefix)

  /** Ends the waits of these jobs whose event is there; gives all that wait for nothing any more. */
  const find = async (jobs: readonly WaitingJob[]): Promise<WaitingJob[]> => {
    const stored = (await redis.batch(
      jobs.map(({ name, id }) => ['hgetall', keys.steps(name, id)] as const),
    )) as Record<string, string>[]
    const waits = jobs.flatMap((job, i) => {
      const steps = Object.entries(stored[i]!).map(([step, json]) => [step, JSON.parse(json) as StoredStep] as const)
      const had = steps.flatMap(([, { result }]) => (result as { eventId?: string } | null | undefined)?.eventId ?? [])
      return steps.flatMap(([step, { wanted }]) =>
        wanted ? [{ job, step, ...wanted, since: job.since, not: had }] : [],
      )
    })
    const asked = waits.map(({ event, match, since, not }, n) => ({ n, event, match, since, not }))
    const { rows } =
      asked.length === 0
        ? { rows: [] }
        : await db.query<{ n: number; eventId: string; payload: unknown }>(FIND, [JSON.stringify(asked)])
    for (const { n, ...result } of rows) {
      const { job, step } = waits[n]!
      await redis.run(END_WAIT, [keys.steps(job.name, job.id)], [step, JSON.stringify({ at: Date.now(), result })])
    }
    const ended = new Set(rows.map(({ n }) => waits[n]))
    const still = new Set(waits.filter((wait) => !ended.has(wait)).map(({ job }) => job))
    return jobs.filter((job) => !still.has(job))
  }

  return {
    async begin(job) {
      await redis.command('hset', keys.waits, job.id, JSON.stringify(job))
      await find([job])
    },
    end: async ({ id }) => void (await redis.command('hdel', keys.waits, id)),
    async look() {
      if ((await redis.command('set', `${keys.waits}:turn`, '1', 'px', TURN_MS, 'nx')) === null) return
      const listed = Object.values(await redis.command<Record<string, string>>('hgetall', keys.waits))
      if (listed.length === 0) return
      const found = await find(listed.map((json) => JSON.parse(json) as WaitingJob))
      for (const { name, id } of found) {
        const job = await producer.queue(name).getJob(bullIdOf(id))
        // One that is just being put to bed is woken by the next look.
        if (job && (await job.getState()) !== 'delayed') continue
        await redis.command('hdel', keys.waits, id)
        await job?.promote().catch(() => {})
      }
    },
  }
}
