import { app, defineModule, tables, type Generated } from 'tenfold'
import { z } from 'zod'

interface Tables {
  entry: { id: Generated<number>; name: string; thanked: Generated<boolean> }
}
const m = defineModule('guestbook', { tables: tables<Tables>() })
const Entry = z.object({ id: z.number(), name: z.string(), thanked: z.boolean() })

const thank = m.job('thank', {
  input: z.object({ id: z.number() }),
  run: ({ input, db }) => db.updateTable('entry').set({ thanked: true }).where('id', '=', input.id).execute(),
})

const sign = m.route('POST /entries', {
  auth: 'public',
  limit: { by: 'ip', max: 10, per: '1m' },
  body: z.object({ name: z.string().trim().min(1).max(80) }),
  reply: Entry,
  handler: ({ body, db }) =>
    db.transaction(async (tx) => {
      const entry = await tx.insertInto('entry').values(body).returningAll().executeTakeFirstOrThrow()
      await thank.enqueue({ id: entry.id }, { tx }) // exists if and only if the entry does
      return entry
    }),
})

const list = m.route('GET /entries', {
  auth: 'public',
  reply: z.array(Entry),
  handler: ({ db }) => db.selectFrom('entry').selectAll().orderBy('id', 'desc').limit(100).execute(),
})

const guestbook = m.build({ parts: [thank, sign, list], migrations: new URL('./migrations/', import.meta.url) })
export default app({ name: 'guestbook', modules: [guestbook] })
