/** The app that is killed: jobs of every kind, and events to another module. Each run leaves a row when it begins and when
 *  it ends, and its side effect once per job, so that afterwards every run can be accounted for. */
import { app, contract, defineModule, type Db } from 'tenfold'
import { z } from 'zod'

const Input = z.object({
  marker: z.string(),
  /** How long it takes, in ms. */
  ms: z.number(),
  /** Runs that fail before one succeeds. */
  failures: z.number().default(0),
  key: z.string().optional(),
})
export type Input = z.input<typeof Input>

/** Faults to plant, to see that the proof finds them:
 *    lose     a worker forgets some side effects
 *    outside  what is rolled back was enqueued without the transaction
 *    crowd    the limit of the jobs with a key is not kept
 *    again    finished jobs are put back into the queue (planted by the proof itself) */
export const PLANTS = ['lose', 'outside', 'crowd', 'again'] as const
export type Plant = (typeof PLANTS)[number]

export function planted(plant: Plant): boolean {
  return (process.env.PLANT ?? '').split(',').includes(plant)
}

export const LIMIT = 2
export const SUBSCRIBERS = ['ears.first', 'ears.second', 'ears.third']
/** What runs on Redis, where there is one. */
export const ON_REDIS = ['work.carried', 'ears.third']

export const work = contract('work', {}, { noted: Input })

const m = defineModule('work')
const retries = { attempts: 12, backoff: { base: '50ms', max: '500ms' } } as const

export const plain = m.job('plain', {
  input: Input,
  ...retries,
  run: (context) => record(context, 'plain', context.input),
})

export const carried = m.job('carried', {
  input: Input,
  engine: 'redis',
  ...retries,
  run: (context) => record(context, 'carried', context.input),
})

export const flaky = m.job('flaky', {
  input: Input,
  ...retries,
  run: (context) => record(context, 'flaky', context.input),
})

export const unique = m.job('unique', {
  input: Input,
  ...retries,
  unique: (input) => input.key!,
  run: (context) => record(context, 'unique', context.input),
})

export const keyed = m.job('keyed', {
  input: Input,
  ...retries,
  concurrency: { key: (input) => input.key!, limit: planted('crowd') ? 50 : LIMIT },
  run: (context) => record(context, 'keyed', context.input),
})

export const noted = m.event(work.events.noted)

const ears = defineModule('ears', { uses: { work } })

const first = ears.on(work.events.noted, 'first', {
  ...retries,
  run: (context) => record(context, 'first', context.event),
})

const second = ears.on(work.events.noted, 'second', {
  ...retries,
  run: (context) => record(context, 'second', context.event),
})

const third = ears.on(work.events.noted, 'third', {
  ...retries,
  engine: 'redis',
  run: (context) => record(context, 'third', context.event),
})

export default app({
  name: 'proof',
  modules: [
    m.build({
      parts: [plain, carried, flaky, unique, keyed, noted],
      migrations: new URL('./migrations/work/', import.meta.url),
    }),
    ears.build({ parts: [first, second, third], migrations: new URL('./migrations/ears/', import.meta.url) }),
  ],
})

interface Facts {
  db: Db<object>
  jobId: string
}

async function record({ db, jobId }: Facts, kind: string, input: z.output<typeof Input>): Promise<void> {
  const { marker, ms, failures, key = null } = input
  const beganAt = new Date() // and not when the row is written: a process may stand still in between
  const { rows } = await db.sql<{ id: number }>`
    insert into run (job_id, marker, kind, key, pid, began_at)
    values (${jobId}, ${marker}, ${kind}, ${key}, ${process.pid}, ${beganAt})
    returning id`
  const run = rows[0]!.id
  await new Promise((resolve) => setTimeout(resolve, ms))
  if (failures > 0 && (await failedRuns(db, jobId)) < failures) {
    await db.sql`update run set outcome = 'failed', ended_at = clock_timestamp() where id = ${run}`
    throw new Error('fails as planned')
  }
  const forgotten = planted('lose') && marker.endsWith('7')
  await db.sql`
    with ended as (update run set outcome = 'done', ended_at = clock_timestamp() where id = ${run})
    insert into effect (job_id) select ${jobId}::bigint where not ${forgotten} on conflict do nothing`
}

async function failedRuns(db: Db<object>, jobId: string): Promise<number> {
  const { rows } = await db.sql<{ n: number }>`
    select count(*)::int as n from run where job_id = ${jobId} and outcome = 'failed'`
  return rows[0]!.n
}
