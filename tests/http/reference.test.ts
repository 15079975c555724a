/** The API reference in a real browser: the page runs under its own policy, shows each route, and calls it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { route, startServer } from '../../packages/tenfold/src/http/testing/index.ts'
import { openBrowser, openPage } from '../console/browser.ts'

test('the API reference shows every route and calls it, without complaint and without another host', async () => {
  const Line = z.object({ sku: z.string(), count: z.int().default(1) }).meta({ id: 'Line' })
  const server = await startServer([
    route('POST /orders', {
      summary: 'Place <b>an</b> order',
      body: z.object({ lines: z.array(Line) }),
      reply: z.object({ lines: z.number() }),
      handle: async ({ body }) => ({ lines: (body as { lines: unknown[] }).lines.length }),
    }),
    route('GET /orders/:id', {
      auth: { role: 'admin' },
      query: z.object({ page: z.coerce.number().min(1).default(1) }),
      handle: async () => ({}),
    }),
    route('PUT /avatar', { body: 'stream', auth: 'user', handle: async () => ({}) }),
  ])
  const browser = await openBrowser()
  try {
    const { page, complaints } = await openPage(browser, server.url)
    await page.goto('/docs')
    await page.waitForSelector('#putAvatar')
    assert.deepEqual(await page.locator('nav .route').allTextContents(), [
      'POST/orders',
      'GET/orders/:id',
      'PUT/avatar',
    ])
    assert.match((await page.textContent('#postOrders'))!, /Place <b>an<\/b> order/)
    assert.match((await page.textContent('#getOrdersById'))!, /role admin[^]*page\?: number \(minimum 1, default 1\)/)
    await page.click('#postOrders summary')
    await page.click('#postOrders button')
    await page.waitForSelector('#postOrders [role=status] pre')
    assert.match((await page.textContent('#postOrders [role=status]'))!, /200 OK[^]*"lines": 1/)
    await page.fill('#filter', 'avatar')
    assert.equal(await page.locator('nav .route:visible').count(), 1)
    assert.deepEqual(complaints, [])
  } finally {
    await browser.close()
    await server.stop()
  }
})
