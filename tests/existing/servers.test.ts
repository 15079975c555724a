/** Parts of tenfold in servers that have nothing else of it: the same shop in each framework, over HTTP, on a real database. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { plainDatabase, type PlainDatabase } from './plain-database.ts'
import { startServer, type Server } from './server.ts'

for (const framework of ['express', 'fastify', 'hono']) {
  describe(`the shop on ${framework}`, () => {
    let database: PlainDatabase
    let server: Server
    const start = async (env: Record<string, string> = {}): Promise<void> => {
      server = await startServer(`${framework}/server.ts`, { DATABASE_URL: database.url, ...env })
    }
    before(async () => {
      database = await plainDatabase()
      await start({ WORKER: 'off' })
    })
    after(async () => {
      await server.end('SIGKILL')
      await database.close()
    })

    const order = async (product: string): Promise<Response> =>
      fetch(new URL('/orders', server.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ product }),
      })
    const receiptOf = async (id: number): Promise<string> => {
      const reply = await fetch(new URL(`/orders/${id}`, server.url))
      return ((await reply.json()) as { receipt: string }).receipt
    }
    const sent = async (id: number): Promise<void> => {
      const deadline = Date.now() + 30_000
      while ((await receiptOf(id)) !== 'sent') {
        assert.ok(Date.now() < deadline, `no receipt for order ${id}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }

    test('a job that was enqueued in its transaction outlives a killed server', async () => {
      const { id } = (await (await order('mug')).json()) as { id: number }
      assert.equal(await receiptOf(id), 'pending')
      await server.end('SIGKILL')
      await start()
      await sent(id)
    })

    test('an order that is rolled back leaves no job behind', async () => {
      const reply = await order('poster')
      assert.equal(reply.ok, false)
    })

    test('it ends by itself when it is asked to', async () => {
      assert.equal(await server.end('SIGTERM'), 0)
    })
  })
}
