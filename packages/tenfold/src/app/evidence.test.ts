/** Evidence of a running app, and advice that remembers what it predicted. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { z } from 'zod'
import { advise, adviseLive, viewOf } from '../advisor/index.ts'
import { readEvidence, type Evidence } from '../evidence/index.ts'
import { defineModule } from '../modules/index.ts'
import { startTestApp, type TestApp } from '../testing.ts'
import { app } from './index.ts'

const m = defineModule('shelf')
const books = m.route('GET /books', {
  auth: 'public',
  reply: z.unknown(),
  handler: async ({ db }) => {
    const { rows } = await db.sql`select count(*)::int as n from generate_series(1, 20000) where 'a secret value' <> ''`
    return rows
  },
})
const shelf = app({ name: 'shelf', modules: [m.build({ parts: [books] })] })

let running: TestApp
let evidence: Evidence
before(async () => {
  running = await startTestApp(shelf, { config: { advice: { every: '500ms', p95: '5s' } }, roles: ['web'] })
  // Until the server was looked at twice, with requests in between.
  const deadline = Date.now() + 20_000
  do {
    for (let i = 0; i < 15; i++) await (await running.fetch('/books')).text()
    await running.instance.evidence.flush()
    evidence = await running.instance.evidence.gather()
  } while (!isWhole() && Date.now() < deadline)
})
after(() => running.close())

/** What is read at its own times has come: statements on both sides, the way to the server, what the platform did. */
const isWhole = (): boolean =>
  ours() !== undefined &&
  (evidence.asked?.[0]?.calls ?? 0) >= 10 &&
  (evidence.database?.roundTripMs ?? 0) > 0 &&
  Object.values(evidence.database?.platform ?? {}).some((ms) => ms > 0)

/** The statement of the route, among those of the platform. */
const ours = () => evidence.database?.queries.find(({ query }) => query.includes('generate_series'))

test('has the form that its schema says, and comes back from a file as it was', () => {
  assert.deepEqual(readEvidence(JSON.stringify(evidence), 'evidence.json'), JSON.parse(JSON.stringify(evidence)))
  assert.deepEqual(evidence.configuration.roles, { web: 1 })
  assert.equal(evidence.configuration.promisedP95, 5000)
  assert.ok(evidence.processes[0]!.cpu > 0)
  assert.ok(evidence.hosts[0]!.memoryBytes > 0)
})

test('sees both ends of the same statements', () => {
  const [route] = evidence.routes
  const query = ours()
  assert.equal(route!.name, 'GET /books')
  assert.equal(query!.module, 'shelf')
  const { client, server, calls } = evidence.database!.seen
  // The edges of a slot are not the same moment for both: a request more or less on either side.
  assert.ok(Math.abs(query!.calls - calls) <= 15, `${query!.calls} and ${calls}`)
  assert.ok(server > 0 && server <= client * 2, `${server} of ${client}`)
})

test('sees what is asked again, the way to the server, and what the platform costs', async () => {
  const [asked] = evidence.asked!
  assert.match(asked!.query, /generate_series/)
  // It has no values: each call asks for the same.
  assert.ok(asked!.calls >= 10 && asked!.again > 0 && asked!.top === asked!.calls, JSON.stringify(asked))
  const { roundTripMs, platform } = evidence.database!
  assert.ok(roundTripMs! > 0)
  assert.ok(Object.values(platform!).reduce((sum, ms) => sum + ms, 0) > 0)
  assert.deepEqual(evidence.traffic.clients?.seen, 1)
  const { share } = (await running.instance.inspector.overview({ minutes: 5 })).telemetry
  assert.ok(share! > 0 && share! < 1, 'of the time of all statements, what stores telemetry')
})

test('holds no values of statements, no address of a client and no name of a machine', async () => {
  const text = JSON.stringify(evidence)
  const { hostname } = await import('node:os')
  assert.doesNotMatch(text, /a secret value|127\.0\.0\.1|password/)
  assert.ok(!text.includes(hostname()))
})

test('the processor time of the server is seen where it runs on the same machine', () => {
  if (process.platform === 'linux') assert.ok(evidence.hosts[0]!.postgres > 0)
  assert.equal(evidence.configuration.databaseOnSameHost, true)
})

test('advice is kept once, and says afterwards whether it came true', async () => {
  const { system } = running.instance.database
  const slow: Evidence = {
    ...evidence,
    configuration: { ...evidence.configuration, promisedP95: 50 },
    routes: [
      {
        ...evidence.routes[0]!,
        count: 300,
        ms: 90_000,
        outgoing: 80_000,
        p95: 400,
        hosts: [{ host: 'partner', count: 300, ms: 80_000 }],
      },
    ],
    coverage: { ...evidence.coverage, share: 1 },
    traffic: { ...evidence.traffic, requests: 300, p95: 400 },
  }
  const options = { leastSeconds: 0, leastRequests: 1 }
  const first = await adviseLive(system, slow, options)
  assert.equal(first.bottleneck?.code, 'slow-call')
  await adviseLive(system, slow, options)
  const { rows } = await system.query<{ state: string }>('select state from tenfold.advice')
  assert.deepEqual(rows, [{ state: 'open' }])

  const mended = { ...slow, routes: slow.routes.map((one) => ({ ...one, outgoing: 0, hosts: [], ms: 9000, p95: 30 })) }
  const later = await adviseLive(system, { ...mended, traffic: { ...slow.traffic, p95: 30 } }, options)
  assert.deepEqual(
    later.outcomes.map(({ code, cameTrue, measured }) => [code, cameTrue, measured]),
    [['slow-call', true, 30]],
  )
  // Whoever gets the evidence as a file is told the same.
  const file = JSON.stringify(await running.instance.evidence.gather())
  assert.deepEqual(advise(readEvidence(file, 'evidence.json'), options).outcomes, later.outcomes)
})

test('what became slower with a release is found in the hours that are kept', async () => {
  const client = new pg.Client({ connectionString: running.instance.environment.databaseUrl })
  await client.connect()
  await client.query(`
    select tenfold.telemetry_make_partition('telemetry_operation_1h', (now() at time zone 'UTC')::date - n) from generate_series(0, 22) n;
    insert into tenfold.telemetry_operation_1h
      select date_trunc('hour', now(), 'UTC') - make_interval(hours => n), '*', 'request', 'shelf', 'GET /books', 400, 0,
             400 * case when n <= 9 then 50 else 20 end * (1 + 0.03 * sin(n)), 0, 1, '{400}'
        from generate_series(1, 500) n;
    insert into tenfold.telemetry_rolled_up (until) values (date_trunc('hour', now(), 'UTC'))
      on conflict (only_row) do update set until = excluded.until;
    insert into tenfold.evidence_release values ('7.7.7', date_trunc('hour', now(), 'UTC') - interval '9 hours')
      on conflict (release) do update set first_seen = excluded.first_seen`)
  await client.end()
  const { shifts } = await running.instance.evidence.gather()
  assert.deepEqual(
    shifts?.map(({ name, with: causes }) => [name, causes.map((cause) => cause.name)]),
    [['GET /books', ['7.7.7']]],
  )
  const verdict = await adviseLive(running.instance.database.system, { ...evidence, shifts: shifts ?? [] })
  assert.match(
    viewOf(verdict).regressions[0]!,
    /^GET \/books has been slower since .+: 20 ms -> 50 ms .+ release 7\.7\.7$/,
  )
})
