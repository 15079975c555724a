/** `node --import tenfold/observe server.js` on apps that were not made for it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { APPS, createShop, getJson, start, tenfold, until, type Shop, type Started } from './start.ts'

interface Route {
  name: string
  requests: number
  errors: number
  queriesPerRequest: number
}
interface Query {
  text: string
  calls: number
  meanMs: number
}
interface Finding {
  code: string
  origin: { name: string }
  query: string
  times: number
  callSite?: string
}

const lineOf = async (app: string, part: string): Promise<number> =>
  (await readFile(join(APPS, app), 'utf8')).split('\n').findIndex((line) => line.includes(part)) + 1

describe('an observed app', { concurrency: false }, () => {
  let shop: Shop
  const running: Started[] = []
  before(async () => {
    shop = await createShop()
  })
  after(async () => {
    for (const { process: child } of running) child.kill('SIGKILL')
    await shop.drop()
  })
  const observed = async (app: string, variables: Record<string, string> = {}): Promise<Started> => {
    const started = await start(app, {
      variables: { DATABASE_URL: shop.url, TENFOLD_OBSERVE_URL: shop.url, ...variables },
    })
    running.push(started)
    return started
  }
  const ask = async ({ url }: Started, ...paths: string[]): Promise<void> => {
    for (const path of paths) await fetch(url + path).then((response) => response.text())
  }
  const routesOf = async (app: Started, least: Record<string, number>): Promise<Map<string, Route>> =>
    until(`${Object.keys(least).join(', ')} on the console`, async () => {
      const routes = new Map((await getJson<Route[]>(`${app.console}/api/routes`)).map((route) => [route.name, route]))
      return Object.entries(least).every(([name, n]) => (routes.get(name)?.requests ?? 0) >= n) && routes
    })

  test('Express with pg: requests by route, queries without values, an N+1 with its line, metrics, advice', async () => {
    const app = await observed('express-pg.cjs')
    await ask(
      app,
      '/shops/7/orders',
      '/shops/8/orders',
      '/shops/9/orders/5',
      '/slow',
      '/search?note=x',
      '/fails',
      '/nope/1',
    )
    const routes = await routesOf(app, {
      'GET /shops/:id/orders': 2,
      'GET /shops/:id/orders/:id': 1,
      'GET /slow': 1,
      'GET /search': 1,
      'GET /fails': 1,
      'GET (unmatched)': 1,
    })
    assert.equal(routes.get('GET /shops/:id/orders')!.queriesPerRequest, 21)
    assert.equal(routes.get('GET /shops/:id/orders/:id')!.queriesPerRequest, 1)
    assert.equal(routes.get('GET /fails')!.errors, 1)

    const queries = await getJson<Query[]>(`${app.console}/api/queries`)
    const slow = queries.find(({ text }) => text.includes('pg_sleep'))!
    assert.equal(slow.text, 'select pg_sleep(?), ? as word')
    assert.ok(slow.meanMs >= 45, `it slept for ${slow.meanMs} ms`)
    assert.equal(queries.find(({ text }) => text === 'select name from customers where id = ?')?.calls, 40)
    assert.ok(!queries.some(({ text }) => text.includes('tenfold.')), 'our own statements are not the app’s')

    const findings = await getJson<Finding[]>(`${app.console}/api/findings`)
    const line = await lineOf('express-pg.cjs', 'select name from customers')
    assert.deepEqual(
      findings.map(({ code, origin, query, times, callSite }) => ({
        code,
        origin: origin.name,
        query,
        times,
        callSite,
      })),
      [
        {
          code: 'n-plus-one',
          origin: 'GET /shops/:id/orders',
          query: 'select name from customers where id = ?',
          times: 20,
          callSite: `express-pg.cjs:${line}`,
        },
      ],
    )
    assert.match(app.said(), new RegExp(`N\\+1 in GET /shops/:id/orders.*express-pg\\.cjs:${line}`))

    const metrics = await (await fetch(`${app.console}/metrics`)).text()
    assert.match(
      metrics,
      /http_server_request_duration_seconds_count\{[^}]*http_response_status_code="500",http_route="\/fails"\} 1/,
    )
    assert.match(metrics, /db_client_operation_duration_seconds_count 46\n/)
    assert.match(metrics, /db_client_connection\{state="idle"\} \d/)

    const advice = await getJson<{ verdict: { app: string } }>(`${app.console}/api/advice`)
    assert.equal(advice.verdict.app, 'apps')
    assert.deepEqual(
      await app.end('SIGTERM'),
      { code: null, signal: 'SIGTERM' },
      'the app has no handler, so it dies of it',
    )
    for (const stored of ['telemetry_statement', 'telemetry_query_text'])
      assert.equal(await countOf(shop.url, `tenfold.${stored} as row where row::text like '%a secret%'`), 0)
  })

  test('Fastify with postgres: routes, N+1 of templates and of query builders; an end as without us', async () => {
    const app = await observed('fastify-postgres.mjs')
    await ask(app, '/orders', '/orders/7', '/built', '/fails', '/nope')
    await fetch(`${app.url}/orders/5/paid`, { method: 'POST' })
    const routes = await routesOf(app, {
      'GET /orders': 1,
      'GET /orders/:id': 1,
      'GET /built': 1,
      'GET /fails': 1,
      'POST /orders/:id/paid': 1,
    })
    assert.ok(routes.get('GET /fails')!.errors > 0)
    const findings = (await getJson<Finding[]>(`${app.console}/api/findings`)).filter(({ callSite }) =>
      callSite?.startsWith('fastify-postgres.mjs'),
    )
    const places = [
      `GET /built fastify-postgres.mjs:${await lineOf('fastify-postgres.mjs', "sql.unsafe('select id, name")}`,
      `GET /orders fastify-postgres.mjs:${await lineOf('fastify-postgres.mjs', 'sql`select name from customers')}`,
    ]
    // A row in a transaction of its own is meant to go one by one.
    assert.deepEqual(findings.map(({ origin, callSite }) => `${origin.name} ${callSite}`).toSorted(), places)
    // Somebody looks at the console; the app ends all the same, since nothing of ours keeps it.
    const looking = await fetch(`${app.console}/api/events`)
    assert.deepEqual(await app.end('SIGTERM'), { code: 0, signal: null })
    await looking.body?.cancel().catch(() => {})
  })

  test('Hono: routes, and calls to others by fetch and node:http, to which nothing is added', async (t) => {
    const headers: string[] = []
    const partner = createServer((request, response) => {
      headers.push(...Object.keys(request.headers))
      response.setHeader('content-type', 'application/json').end('{"rate":42}')
    })
    await new Promise<void>((resolve) => partner.listen(0, '127.0.0.1', resolve))
    t.after(() => partner.close())
    const address = `127.0.0.1:${(partner.address() as AddressInfo).port}`
    const app = await observed('hono-pg.mjs', { PARTNER_URL: `http://${address}` })
    await ask(app, '/customers/7', '/customers/99999', '/fetched', '/requested')
    const routes = await routesOf(app, { 'GET /customers/:id': 2, 'GET /fetched': 1, 'GET /requested': 1 })
    assert.equal(routes.get('GET /customers/:id')!.queriesPerRequest, 1)
    const metrics = await (await fetch(`${app.console}/metrics`)).text()
    assert.match(
      metrics,
      new RegExp(`http_client_request_duration_seconds_count\\{[^}]*server_address="${address}"\\} 2\n`),
    )
    assert.ok(!headers.includes('traceparent'))
    await app.end('SIGKILL')
  })

  for (const adapter of ['express', 'fastify'])
    test(`NestJS on ${adapter}: routes of its controllers, queries and an N+1 that runs all at once`, async () => {
      const before = new Map<string, number>()
      const app = await observed('nest-pg.mjs', { ADAPTER: adapter })
      for (const { name, requests } of await getJson<Route[]>(`${app.console}/api/routes`)) before.set(name, requests)
      await ask(app, '/orders', '/orders/7', '/nope')
      // Those of other apps, which have the same routes, lie in the same database.
      const more = (name: string): number => (before.get(name) ?? 0) + 1
      const routes = await routesOf(app, {
        'GET /orders': more('GET /orders'),
        'GET /orders/:id': more('GET /orders/:id'),
      })
      assert.equal(routes.get('GET /orders/:id')!.queriesPerRequest, 1)
      const place = `nest-pg.mjs:${await lineOf('nest-pg.mjs', 'select name from customers')}`
      await until(`the finding at ${place}`, async () =>
        (await getJson<Finding[]>(`${app.console}/api/findings`)).some(({ callSite }) => callSite === place),
      )
      await app.end('SIGKILL')
    })

  test('what nobody catches ends the app as it does without us', async () => {
    for (const path of ['/query', '/throw']) {
      const app = await observed('crash.cjs')
      const ended = new Promise((resolve) => app.process.once('exit', (code, signal) => resolve({ code, signal })))
      await fetch(app.url + path).catch(() => {})
      assert.deepEqual(await ended, { code: 1, signal: null })
      assert.match(app.said(), path === '/query' ? /relation "nothing_of_that_name"/ : /nobody catches this/)
    }
  })

  test('without a store that answers, the app answers and /metrics does', async () => {
    const app = await observed('express-pg.cjs', { TENFOLD_OBSERVE_URL: 'postgres://nobody@127.0.0.1:9/none' })
    await ask(app, '/search?note=x')
    await until('the metric', async () =>
      (await (await fetch(`${app.console}/metrics`)).text()).includes('http_route="/search"} 1'),
    )
    await until('a word about it', () => app.said().includes('nothing is kept for now'))
    const response = await fetch(`${app.console}/api/routes`)
    assert.equal(((await response.json()) as { code: string }).code, 'TF_DATABASE_UNREACHABLE')
    assert.deepEqual(await app.end('SIGTERM'), { code: null, signal: 'SIGTERM' })
  })

  test('in production the console is closed and nothing is kept, unless the environment says so', async () => {
    const variables = { DATABASE_URL: shop.url, NODE_ENV: 'production' }
    const closed = await start('express-pg.cjs', { variables })
    running.push(closed)
    assert.equal(closed.console, undefined)
    assert.match(closed.said(), /console is closed.*nothing is kept/)
    await closed.end('SIGKILL')
  })

  test('TENFOLD_OBSERVE=off leaves the app alone', async () => {
    const app = await start('express-pg.cjs', {
      variables: { DATABASE_URL: shop.url, TENFOLD_OBSERVE: 'off' },
      ready: /(?:)/,
    })
    running.push(app)
    await ask(app, '/shops/7/orders')
    assert.equal(app.said(), '')
    await app.end('SIGKILL')
  })

  test('the command line gathers evidence and advises, in the folder of the app', async () => {
    const variables = { DATABASE_URL: shop.url, TENFOLD_OBSERVE_URL: shop.url }
    const { code, output } = await tenfold(['evidence', '--minutes', '60'], variables)
    assert.equal(code, 0, output)
    const evidence = JSON.parse(output) as {
      routes: { name: string; count: number }[]
      repeats: { origin: string; place: string }[]
      database?: { tables: { name: string }[] }
    }
    assert.ok(evidence.routes.some(({ name }) => name === 'GET /orders'))
    assert.ok(
      evidence.repeats.some(({ origin, place }) => origin === 'GET /orders' && place.includes('fastify-postgres')),
    )
    assert.ok(evidence.database?.tables.some(({ name }) => name === 'public.orders'))
    const advice = await tenfold(['advise', '--json'], variables)
    const { verdict } = JSON.parse(advice.output) as { verdict: { next: { kind: string } } }
    assert.equal(advice.code, verdict.next.kind === 'step' ? 1 : 0)
  })
})

test('without an address, observations are kept in an embedded Postgres that ends with the app, however that ends', async (t) => {
  const shop = await createShop()
  const cwd = await mkdtemp(join(tmpdir(), 'tenfold-observe-'))
  t.after(async () => {
    await shop.drop()
    await rm(cwd, { recursive: true, force: true, maxRetries: 5 })
  })
  const app = await start('express-pg.cjs', { cwd, variables: { DATABASE_URL: shop.url } })
  t.after(() => app.process.kill('SIGKILL'))
  assert.match(app.said(), /kept in \.tenfold\/observe/)
  await fetch(`${app.url}/search?note=x`).then((response) => response.text())
  await until('the request', async () => {
    const routes = await getJson<Route[]>(`${app.console}/api/routes`)
    return routes.some(({ name }) => name === 'GET /search')
  })
  const pidFile = join(cwd, '.tenfold/observe/data/postmaster.pid')
  assert.match(await readFile(pidFile, 'utf8'), /^\d+\n/)
  await app.end('SIGKILL')
  await until('the end of its Postgres', async () =>
    readFile(pidFile).then(
      () => false,
      () => true,
    ),
  )
})

async function countOf(url: string, from: string): Promise<number> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${from}`)
    return rows[0]!.n
  } finally {
    await client.end()
  }
}
