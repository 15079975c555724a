import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { NPlusOne } from '../database/index.ts'
import type { SlowCall } from '../outbound/index.ts'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import { createInspector, createStore, migrations, type Inspector, type Store } from './index.ts'

let db: TestDatabase
let telemetry: Telemetry
let store: Store
let inspector: Inspector

before(async () => {
  telemetry = createTelemetry({ service: 'shop', env: 'test', level: 'silent' })
  db = await testDatabase({ migrations: [migrations], telemetry })
  store = createStore({ db: db.system, telemetry, roles: ['web'], flushEvery: '1m' })
  await store.start()
  inspector = createInspector({
    db: db.system,
    store,
    app: 'shop',
    version: '1.0.0',
    env: 'test',
    startedAt: 1,
    stage: () => ({ number: 1, name: 'one machine' }),
    bindings: () => [],
  })
})
after(async () => {
  await store.stop()
  await db.close()
})

const found = (times: number): NPlusOne => ({
  code: 'n-plus-one',
  what: 'read',
  origin: { kind: 'request', name: 'GET /posts' },
  module: 'blog',
  query: 'select * from "author" where "id" = ?',
  callSite: { file: 'modules/blog/list.ts', line: 12, function: 'list' },
  times,
  column: 'id',
  distinctKeys: times,
  source: { kind: 'query', query: 'select * from "post"', column: 'author_id' },
})

/** A request in which something was found, or not. */
async function request(finding?: NPlusOne | SlowCall): Promise<string> {
  return telemetry.root({ kind: 'request', name: 'GET /posts', module: 'blog' }, async (context) => {
    if (finding) context.onEnd((trace) => (trace.findings = [finding]))
    return context.traceId
  })
}

test('findings are added up by their place over all requests, and told with their rate', async () => {
  const traceId = await request(found(10))
  await request(found(20))
  await request()
  await request()
  assert.equal(await store.flush(), true)
  await request(found(30))
  assert.equal(await store.flush(), true)

  const rows = await inspector.findings({ minutes: 60 })
  assert.equal(rows.length, 1)
  const { firstSeen, lastSeen, id, ...row } = rows[0]!
  assert.match(id, /^[0-9a-f]{16}$/)
  assert.ok(firstSeen <= lastSeen && Date.now() - lastSeen < 60_000)
  assert.deepEqual(row, {
    code: 'n-plus-one',
    origin: { kind: 'request', name: 'GET /posts' },
    module: 'blog',
    title: 'N+1 in GET /posts: one query for each row, 30 times',
    says: `select * from "author" where "id" = ? ran 30 times, once for each 'author_id' in the result of: select * from "post"`,
    fix: "Ask once for all values of 'author_id': `where id = any($1)`, a join in the first query, or a loader (`m.loader`) where the rows are needed in many places.",
    query: 'select * from "author" where "id" = ?',
    times: 30,
    callSite: 'modules/blog/list.ts:12',
    function: 'list',
    source: { kind: 'query', query: 'select * from "post"', column: 'author_id' },
    contexts: 3,
    share: 3 / 5,
    meanRepeats: 20,
  })
  const trace = await inspector.trace(traceId)
  assert.deepEqual(
    trace!.findings.map(({ code, callSite, times }) => ({ code, callSite, times })),
    [{ code: 'n-plus-one', callSite: 'modules/blog/list.ts:12', times: 10 }],
  )
})

test('what was found while the database was away is written later, once', async () => {
  let away = true
  const other = createStore({
    db: { ...db.system, transaction: (fn) => (away ? Promise.reject(new Error('away')) : db.system.transaction(fn)) },
    telemetry,
    roles: ['web'],
    flushEvery: '1m',
  })
  await other.start()
  await request(found(5))
  assert.equal(await other.flush(), false)
  away = false
  assert.equal(await other.flush(), true)
  await other.stop()
  assert.equal((await inspector.findings({ minutes: 60 }))[0]!.contexts, 4)
})

test('a slow call is kept with its host and what it cost the request', async () => {
  const slow: SlowCall = {
    code: 'slow-call',
    origin: { kind: 'request', name: 'POST /orders' },
    module: 'orders',
    query: 'POST partner.example/orders',
    host: 'partner.example',
    writes: true,
    times: 1,
    waitedMs: 412.3,
    share: 0.83,
  }
  const traceId = await request(slow)
  assert.equal(await store.flush(), true)
  const row = (await inspector.findings({ minutes: 60 })).find(({ code }) => code === 'slow-call')
  assert.equal(row?.title, 'Slow call in the request path: POST /orders waits for partner.example')
  assert.equal(row.says, 'POST partner.example/orders took 412 ms, 83 % of the request.')
  assert.deepEqual(row.waited, { host: 'partner.example', ms: 412.3, share: 0.83 })
  assert.equal((await inspector.trace(traceId))?.findings[0]?.code, 'slow-call')
})
