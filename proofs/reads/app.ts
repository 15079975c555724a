/** The app whose reads are watched: a note is written in each way there is, and read by whoever knows its text. */
import { app, defineModule, tables, type Generated } from 'tenfold'
import { z } from 'zod'

const m = defineModule('notes', { tables: tables<{ note: { id: Generated<number>; text: string } }>() })

const add = m.route('POST /notes', {
  auth: 'public',
  body: z.object({ text: z.string(), way: z.enum(['alone', 'transaction', 'raw']) }),
  handler: async ({ body: { text, way }, db }) => {
    if (way === 'alone') await db.insertInto('note').values({ text }).execute()
    else if (way === 'raw') await db.sql`insert into note (text) values (${text})`
    else await db.transaction((tx) => tx.insertInto('note').values({ text }).execute())
  },
})

const find = m.route('GET /notes/:text', {
  auth: 'public',
  reply: z.object({ found: z.boolean() }),
  handler: async ({ params, db }) => {
    const rows = await db.selectFrom('note').select('id').where('text', '=', params.text).execute()
    return { found: rows.length === 1 }
  },
})

const notes = m.build({ parts: [add, find], migrations: new URL('./migrations/', import.meta.url) })

export default app({ name: 'readsproof', modules: [notes] })
