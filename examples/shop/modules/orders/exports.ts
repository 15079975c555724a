import { z } from 'zod'
import { csvOfOrders } from './csv.ts'
import { NoExport } from './errors.ts'
import { m } from './kit.ts'

const Id = z.object({ id: z.uuid() })

const Export = z.object({
  id: z.uuid(),
  state: z.enum(['running', 'ready']),
  rows: z.int(),
  /** Where to download it, for an hour; null until it is ready. */
  url: z.string().nullable(),
})

export const beginExport = m.route('POST /admin/exports', {
  summary: 'Write all orders to a file',
  auth: { role: 'admin' },
  reply: Export,
  status: 202,
  async handler({ user, db }) {
    const id = await db.transaction(async (tx) => {
      const { id } = await tx
        .insertInto('exports')
        .values({ requested_by: user.id })
        .returning('id')
        .executeTakeFirstOrThrow()
      await exportOrders.enqueue({ id }, { tx })
      return id
    })
    return { id, state: 'running', rows: 0, url: null }
  },
})

export const exportOrders = m.job('export-orders', {
  input: Id,
  attempts: 3,
  timeout: '1h',
  async run({ input: { id }, db, files, progress, signal }) {
    const { rows: expected } = (await db.sql<{ rows: number }>`select count(*) as rows from orders`).rows[0]!
    let rows = 0
    const csv = csvOfOrders(db, (count) => {
      rows = count
      progress(Math.min(1, count / Math.max(1, expected)))
    })
    await files.put(fileOf(id), csv, { contentType: 'text/csv; charset=utf-8', signal })
    await db.updateTable('exports').set({ state: 'ready', rows }).where('id', '=', id).execute()
  },
})

export const showExport = m.route('GET /admin/exports/:id', {
  summary: 'How far an export is',
  auth: { role: 'admin' },
  params: Id,
  reply: Export,
  async handler({ params: { id }, db, files }) {
    const found = await db.selectFrom('exports').selectAll().where('id', '=', id).executeTakeFirst()
    if (!found) throw NoExport({ id })
    if (found.state !== 'ready') return { id, state: 'running', rows: found.rows, url: null }
    const url = await files.signedUrl(fileOf(id), { method: 'GET', expiresIn: '1h', downloadAs: 'orders.csv' })
    return { id, state: 'ready', rows: found.rows, url }
  },
})

function fileOf(id: string): string {
  return `exports/${id}.csv`
}
