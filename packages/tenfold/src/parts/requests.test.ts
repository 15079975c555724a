/** Sessions, limits and caches alone: two processes of one app, here in one. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { plainDatabase, type PlainDatabase } from '../database/testing/index.ts'
import { openCache } from './cache.ts'
import { openDatabase, type Database } from './database.ts'
import { openLimits } from './limits.ts'
import { openSessions, type Sessions } from './sessions.ts'

describe('parts that requests use', () => {
  let plain: PlainDatabase
  let here: Database
  let there: Database
  before(async () => {
    plain = await plainDatabase()
    here = await openDatabase({ url: plain.url })
    there = await openDatabase({ url: plain.url })
  })
  after(async () => {
    await here.close()
    await there.close()
    await plain.close()
  })

  test('a session begins, changes its id at sign-in, and ends, with the requests of fetch', async () => {
    await using sessions = await openSessions({ database: here, migrate: true })
    await using others = await openSessions({ database: there })
    const visitor = new Browser()
    const first = await visitor.visit(sessions)
    assert.equal(first.userId, undefined)
    await first.set({ cart: ['mug'] })
    const before = visitor.cookie
    assert.match(
      visitor.setCookie!,
      /^__Host-session=[\w-]{43}; Max-Age=7776000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
    const second = await visitor.visit(others)
    assert.deepEqual(second.data, { cart: ['mug'] })
    await second.signIn('ada', { theme: 'dark' })
    assert.notEqual(visitor.cookie, before)
    const planted = new Browser(before)
    assert.equal((await planted.visit(sessions)).session, undefined)
    const third = await visitor.visit(sessions)
    assert.deepEqual([third.userId, third.data], ['ada', { cart: ['mug'], theme: 'dark' }])
    await third.signIn('bob')
    assert.deepEqual((await visitor.visit(sessions)).data, {}, "nothing of ada's passes to bob")
    await third.signOut()
    assert.match(visitor.setCookie!, /^__Host-session=; Max-Age=0;/)
    assert.equal(await sessions.revokeAll('bob'), 0)
  })

  test('cookies are what was wished for, and a foreign one is no session', async () => {
    const cookie = { name: 'sid', secure: false, sameSite: 'strict', domain: 'shop.test' } as const
    await using sessions = await openSessions({ database: here, cookie, migrate: true })
    const visitor = new Browser('sid=; other=1; sid=nonsense')
    const session = await visitor.visit(sessions)
    await session.signIn('ada')
    assert.match(
      visitor.setCookie!,
      /^sid=[\w-]{43}; Max-Age=7776000; Path=\/; Domain=shop\.test; HttpOnly; SameSite=Strict$/,
    )
  })

  test('the same works with requests and replies of Node.js, which also say from where', async () => {
    await using sessions = await openSessions({ database: here, migrate: true })
    await using limits = await openLimits({ database: here, migrate: true })
    const perUser = limits.define({ name: 'visits', by: 'user', windows: [{ max: 2, per: '1h' }] })
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const session = await sessions.of(request, response)
      if (request.url === '/sign-in') await session.signIn('eve')
      const admitted = await perUser.admit(session.userId ?? 'nobody', response)
      response.writeHead(admitted ? 200 : 429).end(session.userId)
    }
    const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
    const url = await new Promise<string>((resolve) =>
      server.once('listening', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
    )
    const signedIn = await fetch(`${url}/sign-in`, { headers: { 'user-agent': 'test/1' } })
    const cookie = signedIn.headers.getSetCookie()[0]!.split(';', 1)[0]!
    assert.equal(signedIn.headers.get('ratelimit'), '"user";r=1;t=1800')
    assert.equal((await fetch(url, { headers: { cookie } })).status, 200)
    const refused = await fetch(url, { headers: { cookie } })
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    const [listed] = await sessions.list('eve')
    assert.deepEqual([listed?.userAgent, listed?.network], ['test/1', '127.0.0.0/24'])
    server.close()
    server.closeAllConnections()
  })

  test('limits count together where they share a store, and alone without one', async () => {
    const options = { name: 'together', windows: [{ max: 1, per: '1h' }] } as const
    await using one = await openLimits({ database: here, migrate: true })
    await using other = await openLimits({ database: there })
    assert.equal((await one.define(options).take('ada')).allowed, true)
    assert.equal((await other.define(options).take('ada')).allowed, false)
    await assert.rejects(openLimits({ url: undefined as never }), { code: 'TF_PART_WITHOUT_DATABASE' })
    await assert.rejects(openLimits({ redisUrl: undefined as never }), { code: 'TF_PART_WITHOUT_DATABASE' })
    await using alone = await openLimits()
    const limiter = alone.define(options)
    const decisions = [await limiter.take('ada'), await limiter.take('ada')]
    assert.deepEqual(
      decisions.map(({ allowed }) => allowed),
      [true, false],
    )
    assert.deepEqual(Object.keys(limiter.headersOf(decisions[1]!)), ['ratelimit-policy', 'ratelimit', 'retry-after'])
  })

  test('what one process invalidates in its transaction, the other loads again', async () => {
    const pool = new pg.Pool({ connectionString: plain.url, max: 1 })
    const price = { now: 900 }
    const options = { name: 'prices', ttl: '1h', load: async (_product: string): Promise<number> => price.now } as const
    await using one = await openCache({ database: here, migrate: true })
    await using other = await openCache({ database: there })
    const [prices, elsewhere] = [one.define(options), other.define(options)]
    assert.deepEqual([await prices.get('mug'), await elsewhere.get('mug')], [900, 900])
    const client = await pool.connect()
    await client.query('begin')
    price.now = 950
    await prices.invalidate('mug', { tx: client })
    assert.deepEqual([await prices.get('mug'), await elsewhere.get('mug')], [900, 900], 'not before the commit')
    await client.query('commit')
    client.release()
    assert.equal(await prices.get('mug'), 950)
    await until(async () => (await elsewhere.get('mug')) === 950)
    await assert.rejects(prices.invalidate('mug', { tx: pool }), { code: 'TF_NOT_A_TRANSACTION' })
    await pool.end()
  })

  test('a cache in memory alone needs nothing', async () => {
    await using cache = await openCache()
    const loads: string[] = []
    const upper = cache.define({
      name: 'upper',
      ttl: '1m',
      load: (key: string) => (loads.push(key), key.toUpperCase()),
    })
    assert.deepEqual([await upper.get('a'), await upper.get('a'), upper.peek('a')], ['A', 'A', 'A'])
    await upper.invalidate('a')
    await upper.get('a')
    assert.deepEqual(loads, ['a', 'a'])
    assert.equal(cache.stats()['upper']?.loads, 2)
  })
})

/** Keeps one cookie, as browsers do. */
class Browser {
  cookie: string
  setCookie: string | undefined

  constructor(cookie = '') {
    this.cookie = cookie
  }

  /** Whatever the session sets afterwards is kept, too. */
  async visit(sessions: Sessions): Promise<Awaited<ReturnType<Sessions['of']>>> {
    const request = new Request('http://shop.test/', { headers: { cookie: this.cookie } })
    const append = (_name: string, value: string): void => {
      this.setCookie = value
      this.cookie = value.split(';', 1)[0]!
    }
    return sessions.of(request, { append })
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'not within a minute')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
