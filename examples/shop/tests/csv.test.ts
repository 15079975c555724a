import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { field } from '../modules/orders/csv.ts'
import { openShop, type Shop } from './shop.ts'
import type { Visitor } from './visitor.ts'

const ROWS = 300_000

/** Bytes that are really held: whatever is not, is collected first. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('the orders as CSV', () => {
  let shop: Shop
  let admin: Visitor
  before(async () => {
    shop = await openShop()
    admin = await shop.admin()
    await shop.app.db('orders').sql`
      insert into orders (id, user_id, idempotency_key, fingerprint, state, total, card, address)
      select uuidv7(), uuidv4(), 'key ' || n, '', 'paid', 100 + n, 'tok_visa', '{"name": "=cmd()", "street": "s", "postcode": "1", "city": "c", "country": "DE"}'
      from generate_series(1, ${ROWS}::int) n`
  })
  after(() => shop.close())

  test('come in pieces, complete, in memory that does not grow with their number', async () => {
    const response = await admin.open('/admin/orders.csv')
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-disposition') ?? '', /filename="orders.csv"/)
    const before = memoryInUse()
    let [bytes, lines, peak, measured] = [0, 0, 0, 0]
    for await (const piece of response.body!) {
      bytes += piece.length
      for (const byte of piece) if (byte === 10) lines++
      if (bytes - measured > 1_000_000) {
        measured = bytes
        peak = Math.max(peak, memoryInUse() - before)
      }
    }
    assert.equal(lines, ROWS + 1)
    assert.ok(bytes > 30_000_000)
    assert.ok(peak < 15_000_000, `it held ${Math.round(peak / 1e6)} MB at a time`)
  })

  test('stop at once when the reader goes away', async () => {
    const leave = new AbortController()
    const response = await admin.open('/admin/orders.csv', { signal: leave.signal })
    await response.body!.getReader().read()
    leave.abort()
    assert.equal((await admin.get('/admin/sales')).status, 200, 'the shop goes on')
  })

  test('hold nothing that a spreadsheet would run', () => {
    assert.equal(field('=cmd()'), "'=cmd()")
    assert.equal(field('+1'), "'+1")
    assert.equal(field('a "b", c'), '"a ""b"", c"')
    assert.equal(field('Ann'), 'Ann')
  })
})
