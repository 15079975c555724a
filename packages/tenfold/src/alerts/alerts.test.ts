import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { after, before, test, type TestContext } from 'node:test'
import { testDatabase, type TestDatabase } from '../database/testing/index.ts'
import { createStore, migrations as inspect } from '../inspect/index.ts'
import { migrations as mail, readCaughtMails, startMailCatcher } from '../mail/index.ts'
import { migrations as queueMigrations, openQueue } from '../queue/index.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import {
  DELIVER,
  migrations,
  openAlerts,
  type Advised,
  type AdviceSource,
  type AlertRule,
  type Alerts,
  type AlertSettings,
} from './index.ts'
import type { Notice } from './notice.ts'

let db: TestDatabase
before(async () => {
  db = await testDatabase({ migrations: [queueMigrations, mail, inspect, migrations] })
})
after(() => db.close())

interface Got {
  headers: IncomingHttpHeaders
  text: string
  body: ReturnType<typeof JSON.parse>
}

/** Takes messages, unless told to fail. */
async function receiver(t: TestContext) {
  const got: Got[] = []
  const state = { status: 200 }
  const server: Server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    if (state.status === 200) got.push({ headers: request.headers, text, body: text ? JSON.parse(text) : undefined })
    response.writeHead(state.status).end('an answer')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  return { got, state, url: `http://127.0.0.1:${(server.address() as { port: number }).port}/` }
}

const RULE: AlertRule = {
  name: 'orders-failing',
  severity: 'page',
  says: 'Only {percent} of the orders of {country} succeed.',
  todo: 'See the payments.',
  when: { metric: 'orders.order_success_rate', take: 'success', each: ['country'], below: 0.9, atLeast: 5 },
  keepFiring: 0,
}

/** A process of the app: it measures, stores, works and looks at the rules. Each test has labels of its own, and a database
 *  without what the tests before it left. */
function instance(
  t: TestContext,
  settings: AlertSettings,
  { works = true, over = {}, advice }: { works?: boolean; over?: object; advice?: AdviceSource } = {},
) {
  const telemetry: Telemetry = createTelemetry({
    service: 'shop',
    env: 'test',
    destination: { write: (line) => void (process.env['SHOW'] && process.stderr.write(line)) },
  })
  const store = createStore({
    db: db.system,
    telemetry,
    roles: ['web'],
    flushEvery: '1m',
    metrics: ['orders.order_success_rate'],
    metricsEvery: 0,
  })
  const queue = openQueue({ db: db.system, telemetry, secrets: ['a-secret-of-many-letters-for-tests'] })
  const orders = telemetry.metrics.counter('orders.order_success_rate', { help: 'Orders.', unit: '1' })
  const opened = openAlerts({
    defaults: false,
    rules: [RULE],
    every: 50,
    group: { wait: 0, interval: 0 },
    ...settings,
    app: 'shop',
    db: db.system,
    telemetry,
    jobs: queue,
    ...over,
  })
  const start = async (): Promise<Alerts> => {
    const alerts = await opened
    const run = ({ payload }: { payload: unknown }) => alerts.deliver((payload as { id: string }).id)
    const services = [
      store,
      ...(works ? [queue.work({ handlers: new Map([[DELIVER, { run }]]) })] : []),
      alerts.watch({ ...(advice && { advice }) }),
    ]
    for (const service of services) await service.start()
    t.after(async () => {
      for (const service of services.reverse()) await service.stop()
      alerts.close()
      await queue.close()
      await telemetry.close()
    })
    return alerts
  }
  const record = async (country: string, outcomes: { success?: number; failure?: number }): Promise<void> => {
    for (const [outcome, n] of Object.entries(outcomes)) orders.add(n, { country, outcome })
    assert.equal(await store.flush(), true)
  }
  return { telemetry, start, record }
}

async function forget(): Promise<void> {
  await db.system.query('delete from tenfold.alert_state')
  await db.system.query('delete from tenfold.alert_group')
  await db.system.query('delete from tenfold.alert_notice')
  await db.system.query('delete from tenfold.alert_silence')
  await db.system.query('delete from tenfold.telemetry_metric')
}

async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() > deadline) throw new Error('it did not come to that within 30 seconds')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a business metric that goes wrong is told once over two processes, and that it is over, signed and under one key', async (t) => {
  await forget()
  const { got, url } = await receiver(t)
  const secret = 'a-secret-for-webhooks'
  const settings: AlertSettings = {
    channels: { hook: { kind: 'webhook', url, secret } },
    console: 'https://console.example.com/',
    runbook: 'https://example.com/runbook',
  }
  const [one, two] = [instance(t, settings), instance(t, settings)]
  const alerts = await one.start()
  await two.start()
  await one.record('DE', { success: 4, failure: 2 })
  await two.record('DE', { success: 2, failure: 2 })
  await two.record('FR', { success: 100, failure: 1 })
  await until(() => got.length > 0)
  await until(async () => ((await alerts.overview()).lastLook?.at ?? 0) > Date.now() - 40)
  await one.record('DE', { success: 200 })
  await until(() => got.length > 1)

  const [fired, resolved] = got.map(({ body }) => body as Notice)
  assert.equal(
    got.length,
    2,
    JSON.stringify(
      got.map(({ body }) => body),
      null,
      1,
    ),
  )
  assert.equal(fired!.status, 'firing')
  assert.match(fired!.summary, /^Only [\d.]+ % of the orders of DE succeed\.$/)
  assert.deepEqual(
    fired!.alerts.map(({ labels }) => labels),
    [{ country: 'DE' }],
  )
  assert.equal(fired!.link, 'https://console.example.com/alerts?open=orders-failing')
  assert.equal(fired!.runbook, 'https://example.com/runbook#orders-failing')
  assert.equal(resolved!.status, 'resolved')
  assert.equal(resolved!.dedupKey, fired!.dedupKey)
  const [, seconds, given] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(got[0]!.headers['x-tenfold-signature'] as string)!
  assert.equal(createHmac('sha256', secret).update(`${seconds}.${got[0]!.text}`).digest('hex'), given)
  const { history } = await alerts.overview()
  assert.deepEqual(
    history.slice(0, 2).map(({ what }) => what),
    ['resolved', 'fired'],
  )
})

test('a receiver that is down gets what it missed when it is up again, in order and once', async (t) => {
  await forget()
  const { got, state, url } = await receiver(t)
  state.status = 503
  const one = instance(t, { channels: { hook: { kind: 'webhook', url } } })
  const alerts = await one.start()
  await one.record('DE', { failure: 10 })
  await until(async () => (await alerts.overview()).channels[0]?.delivery?.lastError?.includes('503'))
  await one.record('DE', { success: 500 })
  await until(async () => (await alerts.overview()).rules.every((rule) => rule.state === 'ok'))
  assert.equal(got.length, 0)
  state.status = 200
  await until(() => got.length === 2)
  assert.deepEqual(
    got.map(({ body }) => body.status),
    ['firing', 'resolved'],
  )
})

test('without any worker a message arrives all the same', async (t) => {
  await forget()
  const { got, url } = await receiver(t)
  const one = instance(t, { channels: { hook: { kind: 'webhook', url } } }, { works: false, over: { overdueMs: 200 } })
  await one.start()
  await one.record('DE', { failure: 10 })
  await until(() => got.length === 1)
})

test('advice that is sure is told once, however its words change, and that it is over', async (t) => {
  await forget()
  const { got, url } = await receiver(t)
  const slow: Advised = { cause: 'slow-call', subject: 'GET /a', confidence: 'high', says: 'GET /a waits for 400 ms.' }
  const unsure: Advised = { cause: 'database-cpu', subject: 'CPU', confidence: 'medium', says: 'Perhaps.' }
  let said: Advised[] | undefined = [slow, unsure]
  let asked = 0
  const rules: AlertRule[] = [
    {
      name: 'advice',
      severity: 'ticket',
      says: '{says}',
      todo: '-',
      when: { advice: 'high' },
      keepFiring: 0,
      once: true,
    },
  ]
  const group = { wait: 0, interval: 0, repeat: 0 }
  const channels = { hook: { kind: 'webhook' as const, url } }
  const alerts = await instance(t, { rules, channels, group }, { advice: () => (asked++, said) }).start()
  const looks = (n: number): Promise<unknown> =>
    until(
      (
        (from) => () =>
          asked >= from + n
      )(asked),
    )
  const firing = async () => (await alerts.overview()).rules[0]!.alerts.map(({ says }) => says)
  await until(() => got.length === 1)
  said = [{ ...slow, says: 'GET /a waits for 900 ms.' }]
  await looks(3)
  // It does not know for a while: that is not the end of it.
  said = undefined
  await looks(3)
  assert.deepEqual(await firing(), ['GET /a waits for 400 ms.'])
  said = []
  await until(() => got.length === 2)
  assert.deepEqual(
    got.map(({ body }) => [body.status, body.summary]),
    [
      ['firing', 'GET /a waits for 400 ms.'],
      ['resolved', 'GET /a waits for 400 ms.'],
    ],
  )
})

test('when the process that looks dies, another goes on and tells nothing twice', async (t) => {
  await forget()
  const { got, url } = await receiver(t)
  const settings = { channels: { hook: { kind: 'webhook', url } } } as const
  const [one, two] = [instance(t, settings), instance(t, settings)]
  const alerts = await one.start()
  await one.record('DE', { failure: 10 })
  await until(() => got.length === 1)
  // It holds the lease and is never seen again.
  await db.system.query(
    `update tenfold.alert_leader set holder = 'gone', until = clock_timestamp() + interval '1 second'`,
  )
  await two.start()
  await until(async () => (await alerts.overview()).lastLook?.by !== 'gone')
  await two.record('DE', { success: 500 })
  await until(() => got.length === 2)
  assert.deepEqual(
    got.map(({ body }) => body.status),
    ['firing', 'resolved'],
  )
})

test('silenced alerts are shown and not told; acknowledged ones are not escalated, others are', async (t) => {
  await forget()
  const [hook, pager] = [await receiver(t), await receiver(t)]
  const one = instance(t, {
    rules: [RULE, { ...RULE, name: 'quiet' }, { ...RULE, name: 'known' }],
    channels: {
      hook: { kind: 'webhook', url: hook.url },
      pager: { kind: 'pagerduty', routingKey: 'routing-key', url: pager.url },
    },
    send: { page: ['hook'] },
    escalate: { after: 1500, to: ['pager'] },
  })
  const alerts = await one.start()
  await alerts.silence({ by: 'kim', comment: 'known trouble', forMs: 60_000, rule: 'quiet' })
  await assert.rejects(alerts.silence({ by: 'kim', comment: '', forMs: 1, rule: 'nonsense' }), {
    code: 'TF_ALERT_UNKNOWN',
  })
  await one.record('DE', { failure: 10 })
  await until(() => alerts.acknowledge('known', 'kim'))
  await until(() => pager.got.length > 0)
  assert.deepEqual(
    [...new Set(hook.got.map(({ body }) => body.rule as string))].toSorted((a, b) => a.localeCompare(b)),
    ['known', 'orders-failing'],
  )
  assert.deepEqual(
    pager.got.map(({ body }) => [body.event_action, body.payload.class, body.payload.severity]),
    [['trigger', 'orders-failing', 'critical']],
  )
  const quiet = (await alerts.overview()).rules.find(({ name }) => name === 'quiet')!
  assert.equal(quiet.state, 'firing')
  assert.ok(quiet.alerts.every(({ silenced }) => silenced))
  await one.record('DE', { success: 5000 })
  await until(() => pager.got.length > 1)
  assert.deepEqual(pager.got[1]!.body, {
    routing_key: 'routing-key',
    dedup_key: pager.got[0]!.body.dedup_key,
    event_action: 'resolve',
  })
})

test('each kind of channel says it in its own way, and a test of one says what went wrong', async (t) => {
  const { got, state, url } = await receiver(t)
  const one = instance(t, {
    channels: {
      chat: { kind: 'slack', url },
      pager: { kind: 'pagerduty', routingKey: 'key', url },
      unset: { kind: 'webhook', url: undefined },
    },
  })
  const alerts = await one.start()
  await alerts.test('chat')
  assert.match(got[0]!.body.blocks[0].text.text, /shop \(test\): This is a test/)
  await alerts.test('pager')
  assert.equal(got[1]!.body.event_action, 'trigger')
  await assert.rejects(alerts.test('unset'), { code: 'TF_ALERT_UNKNOWN' })
  state.status = 404
  await assert.rejects(alerts.test('chat'), (error: { code: string; message: string }) => {
    return error.code === 'TF_ALERT_NOT_SENT' && error.message.includes('404 an answer')
  })
})

test('a mail goes out by SMTP, and that it is over is an answer to it', async (t) => {
  await forget()
  const catcher = await startMailCatcher(
    db.system,
    createTelemetry({ service: 'mail', env: 'test', destination: { write() {} } }),
  )
  t.after(() => catcher.stop())
  const one = instance(t, {
    channels: { mail: { kind: 'email', to: 'ops@example.com', from: 'shop@example.com', smtp: catcher.url } },
  })
  await one.start()
  const { mails, mail: read } = readCaughtMails(db.system)
  const subjects = async (): Promise<string[]> => (await mails()).map(({ subject }) => subject)
  await one.record('DE', { failure: 10 })
  await until(async () => (await subjects()).length === 1)
  await one.record('DE', { success: 1000 })
  await until(async () => (await subjects()).length === 2)
  const [over, fired] = await mails()
  assert.match(fired!.subject, /^\[page\] shop \(test\): Only 0 % of the orders of DE succeed\.$/)
  assert.match(over!.subject, /^\[resolved\] shop \(test\): /)
  assert.match((await read(fired!.id))!.text, /See the payments\./)
})

test('the dead-man signal is given after each look, and no longer when nobody looks', async (t) => {
  await forget()
  const outside = await receiver(t)
  const one = instance(t, { deadman: { url: outside.url, every: 50 } })
  await one.start()
  await until(() => outside.got.length > 2)
  // Another process holds the lease, and looks at nothing.
  await db.system.query(
    `update tenfold.alert_leader set holder = 'stuck', until = clock_timestamp() + interval '1 hour'`,
  )
  t.after(() => db.system.query('delete from tenfold.alert_leader'))
  await new Promise((resolve) => setTimeout(resolve, 200))
  const seen = outside.got.length
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(outside.got.length, seen)
})
