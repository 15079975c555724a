import { sql } from 'tenfold'
import { z } from 'zod'
import { m } from './kit.ts'

/** Counts anew instead of adding one: a job may run twice. */
export const countFinished = m.job('count-finished', {
  input: z.object({ owner: z.string() }),
  async run({ input, db }) {
    await db.sql`
      insert into score (owner, finished)
      select ${input.owner}, count(*) from task where owner = ${input.owner} and done_at is not null
      on conflict (owner) do update set finished = excluded.finished`
  },
})

export const score = m.route('GET /score', {
  summary: 'Who has finished most',
  auth: 'user',
  reply: z.array(z.object({ name: z.string(), finished: z.number() })),
  async handler({ db, call }) {
    const rows = await db.selectFrom('score').selectAll().orderBy('finished', 'desc').limit(10).execute()
    const people = await call.accounts.people({ ids: rows.map(({ owner }) => owner) })
    const names = new Map(people.map(({ id, name }) => [id, name]))
    return rows.map(({ owner, finished }) => ({ name: names.get(owner) ?? 'somebody', finished }))
  },
})

/** Every night, once over all instances. */
export const forget = m.cron('forget-finished', '0 3 * * *', {
  async run({ db }) {
    await db
      .deleteFrom('task')
      .where('done_at', '<', sql<Date>`now() - interval '1 year'`)
      .execute()
  },
})
