/** The route handlers of the Next.js example, called as Next.js calls them: with a `Request`, for a `Response`. Next.js itself is not
 *  installed here: decision 30 says why. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { plainDatabase, type PlainDatabase } from '../../packages/tenfold/src/database/testing/index.ts'

let database: PlainDatabase
let close: () => Promise<void>

before(async () => {
  database = await plainDatabase()
  process.env.DATABASE_URL = database.url
  const { shop } = await import('../../examples/existing/next/parts.ts')
  const opened = await shop()
  assert.equal(await shop(), opened, 'once for each process')
  await opened.work()
  close = opened.close
})
after(async () => {
  await close?.()
  await database?.close()
})

test('sign-ins are counted, set the cookie, and are known to the other handlers', async () => {
  const signIn = await import('../../examples/existing/next/app/sign-in/route.ts')
  const me = await import('../../examples/existing/next/app/me/route.ts')
  const ask = (): Promise<Response> =>
    signIn.POST(new Request('http://shop.test', { method: 'POST', body: '{"name":"ada"}' }))
  const reply = await ask()
  assert.equal(reply.status, 204)
  const cookie = reply.headers.getSetCookie()[0]!.split(';', 1)[0]!
  const known = await me.GET(new Request('http://shop.test', { headers: { cookie } }))
  assert.deepEqual(await known.json(), { name: 'ada' })
  assert.equal((await me.GET(new Request('http://shop.test'))).status, 401)
  let refusal: Response | undefined
  for (let i = 0; i < 100 && refusal?.status !== 429; i++) refusal = await ask()
  assert.ok(Number(refusal!.headers.get('retry-after')) >= 1)
})

test('an order enqueues its job, which a worker runs', async () => {
  const orders = await import('../../examples/existing/next/app/orders/route.ts')
  const one = await import('../../examples/existing/next/app/orders/[id]/route.ts')
  const place = (product: string): Promise<Response> =>
    orders.POST(new Request('http://shop.test', { method: 'POST', body: JSON.stringify({ product }) }))
  const { id } = (await (await place('mug')).json()) as { id: number }
  await assert.rejects(place('poster'), /product_stock_check/)
  const find = (wanted: number): Promise<Response> =>
    one.GET(new Request('http://shop.test'), { params: Promise.resolve({ id: String(wanted) }) })
  const deadline = Date.now() + 60_000
  while (((await (await find(id)).json()) as { receipt: string }).receipt !== 'sent') {
    assert.ok(Date.now() < deadline, 'not within a minute')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.equal((await find(id + 1000)).status, 404)
})
