/** What the shop does in every framework, over HTTP and on a real database. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { plainDatabase, type PlainDatabase } from '../../packages/tenfold/src/database/testing/index.ts'
import type { Server } from './server.ts'

export interface ServerOf {
  framework: string
  /** The same database, and `WORKER=off` for one that runs no jobs, come by the environment. */
  start(env: Record<string, string>): Promise<Server>
  /** What it ends with when it is asked to: an exit code, or the signal. */
  end: number | string
}

export function describeShop({ framework, start: open, end }: ServerOf): void {
  describe(`the shop on ${framework}`, () => {
    let database: PlainDatabase
    let server: Server
    const start = async (env: Record<string, string> = {}): Promise<void> => {
      server = await open({ DATABASE_URL: database.url, ...env })
    }
    before(async () => {
      database = await plainDatabase()
      await start({ WORKER: 'off' })
    })
    after(async () => {
      await server?.end('SIGKILL')
      await database.close()
    })

    test('an order that is rolled back leaves no job, and one that is not keeps its job when the server is killed', async () => {
      const cookie = cookieOf(await send(server, 'POST /sign-in', { name: 'ada' }))
      assert.match(cookie, /^__Host-session=./)
      assert.equal((await send(server, 'POST /orders', { product: 'poster' })).status, 500)
      const reply = await send(server, 'POST /orders', { product: 'mug' })
      assert.equal(reply.status, 201)
      const { id } = (await reply.json()) as { id: number }
      const order = async (): Promise<unknown> => (await send(server, `GET /orders/${id}`)).json()
      assert.deepEqual(await order(), { id, product: 'mug', receipt: 'pending' })
      assert.deepEqual(await namesOfJobs(database), ['orders.send-receipt'])
      await server.end('SIGKILL')
      await start()
      await until(async () => ((await order()) as { receipt: string }).receipt === 'sent')
      assert.deepEqual(await (await send(server, 'GET /me', undefined, cookie)).json(), { name: 'ada' })
    })

    test('who signs out is signed out, and is told to forget the cookie', async () => {
      const cookie = cookieOf(await send(server, 'POST /sign-in', { name: 'bob' }))
      assert.equal((await send(server, 'GET /me', undefined, cookie)).status, 200)
      assert.equal(cookieOf(await send(server, 'POST /sign-out', {}, cookie)), '__Host-session=')
      assert.equal((await send(server, 'GET /me', undefined, cookie)).status, 401)
    })

    test('a cached price is forgotten when it changes', async () => {
      const price = async (): Promise<unknown> => (await send(server, 'GET /prices/mug')).json()
      assert.deepEqual(await price(), { price: 900 })
      assert.equal((await send(server, 'PUT /prices/mug', { price: 950 })).status, 204)
      await until(async () => ((await price()) as { price: number }).price === 950)
    })

    test('who signs in too often is refused, and told for how long', async () => {
      let refusal: Response | undefined
      for (let i = 0; i < 100 && !refusal; i++) {
        const reply = await send(server, 'POST /sign-in', { name: 'eve' })
        if (reply.status === 429) refusal = reply
      }
      assert.equal(refusal?.headers.get('ratelimit-policy'), '"ip";q=5;w=60')
      assert.ok(Number(refusal.headers.get('retry-after')) >= 1)
    })

    test('it ends by itself when it is asked to', async () => {
      assert.equal(await server.end('SIGTERM'), end)
    })
  })
}

function send(
  { url }: Server,
  what: `${'GET' | 'POST' | 'PUT'} ${string}`,
  body?: object,
  cookie = '',
): Promise<Response> {
  const [method, path] = what.split(' ') as [string, string]
  return fetch(new URL(path, url), {
    method,
    headers: { cookie, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
}

function cookieOf(reply: Response): string {
  assert.equal(reply.status, 204)
  return reply.headers.getSetCookie()[0]!.split(';', 1)[0]!
}

async function namesOfJobs({ url }: PlainDatabase): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ name: string }>('select name from tenfold.job')
  await client.end()
  return rows.map(({ name }) => name)
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'not within a minute')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
