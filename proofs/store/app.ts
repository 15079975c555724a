/** The app beside whose queries those of telemetry are weighed: two reads by key, and a row written by every tenth request. */
import { app, defineModule, tables, type Generated } from 'tenfold'
import { z } from 'zod'

const m = defineModule('items', {
  tables: tables<{
    item: { id: number; name: string; price: number }
    visit: { id: Generated<number>; item: number }
  }>(),
})

const look = m.route('GET /items/:id', {
  auth: 'public',
  params: z.object({ id: z.coerce.number().int() }),
  reply: z.object({ name: z.string(), next: z.string() }),
  handler: async ({ params: { id }, db }) => {
    const name = async (n: number): Promise<string> =>
      (await db.selectFrom('item').select('name').where('id', '=', n).executeTakeFirstOrThrow()).name
    if (id % 10 === 0) await db.insertInto('visit').values({ item: id }).execute()
    return { name: await name(id), next: await name(1 + (id % 100_000)) }
  },
})

const items = m.build({ parts: [look], migrations: new URL('./migrations/', import.meta.url) })

export default app({ name: 'storeproof', modules: [items] })
