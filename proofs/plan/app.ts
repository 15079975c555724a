/** Routes that each need one thing: the processor of the app, that of the database, or a connection for some time. */
import { app, defineModule, sql, tables } from 'tenfold'
import { z } from 'zod'

const m = defineModule('work', { tables: tables<{ item: { id: number; value: number } }>() })
const Done = z.object({ value: z.number() })

/** Some milliseconds of the event loop. */
const burn = m.route('GET /burn', {
  auth: 'public',
  reply: Done,
  handler: () => {
    let value = 0
    for (let i = 0; i < 2_000_000; i++) value += Math.sqrt(i)
    return { value }
  },
})

/** Some milliseconds of the database's processor. */
const scan = m.route('GET /scan', {
  auth: 'public',
  reply: Done,
  handler: ({ db }) =>
    db
      .selectFrom('item')
      .select(sql<number>`sum(sqrt(value) * ln(value + id))`.as('value'))
      .executeTakeFirstOrThrow(),
})

/** A connection for 25 ms, always the same, and hardly any processor: what a disk or a lock costs. */
const hold = m.route('GET /hold', {
  auth: 'public',
  reply: Done,
  handler: ({ db }) =>
    db
      .selectFrom('item')
      .select(sql<number>`length(pg_sleep(0.025)::text)`.as('value'))
      .where('id', '=', 1)
      .executeTakeFirstOrThrow(),
})

/** The same on average, but spread as an exponential distribution is; from a replica, where there is one. */
const spread = m.route('GET /spread', {
  auth: 'public',
  reply: Done,
  handler: ({ db }) =>
    db.replica
      .selectFrom('item')
      .select(sql<number>`length(pg_sleep(-ln(1 - random()) * 0.025)::text)`.as('value'))
      .where('id', '=', 1)
      .executeTakeFirstOrThrow(),
})

const kept = m.cache('kept', {
  ttl: '10m',
  shared: false,
  load: async (key: string, { db }) => {
    const { rows } = await db.sql<{ value: number }>`
      select length(pg_sleep(0.025)::text) as value from item where id = length(${key})`
    return rows[0]?.value ?? 0
  },
})

/** `hold` behind a cache. */
const cached = m.route('GET /cached/:key', {
  auth: 'public',
  reply: Done,
  handler: async ({ params }) => ({ value: await kept.get(params.key) }),
})

const work = m.build({
  parts: [burn, scan, hold, spread, kept, cached],
  migrations: new URL('./migrations/', import.meta.url),
})

export default app({ name: 'planproof', modules: [work] })
