/** All orders as CSV: straight to the client, or as a job into storage. In both, a few hundred rows are in memory at a time. */
import { stream, type Db } from 'tenfold'
import { m } from './kit.ts'
import type { OrdersTables } from './tables.gen.ts'

export const exportNow = m.route('GET /admin/orders.csv', {
  summary: 'All orders as CSV',
  auth: { role: 'admin' },
  timeout: 0,
  handler: ({ db }) => stream(csvOfOrders(db), { type: 'text/csv; charset=utf-8', filename: 'orders.csv' }),
})

const COLUMNS = ['order', 'placed_at', 'customer', 'state', 'total_cents', 'country', 'name']

/** In pieces of many lines, so that a million rows are not a million writes. */
export async function* csvOfOrders(db: Db<OrdersTables>, onRows?: (count: number) => void): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`
  const rows = db.selectFrom('orders').select(['id', 'placed_at', 'user_id', 'state', 'total', 'address']).orderBy('id')
  let piece = ''
  let count = 0
  for await (const row of db.stream(rows)) {
    const { country, name } = row.address as { country: string; name: string }
    piece += `${[row.id, row.placed_at.toISOString(), row.user_id, row.state, row.total, field(country), field(name)].join(',')}\r\n`
    if (++count % 500 === 0) {
      yield piece
      piece = ''
      onRows?.(count)
    }
  }
  if (piece) yield piece
  onRows?.(count)
}

/** Quoted where CSV needs it. A text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function field(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
