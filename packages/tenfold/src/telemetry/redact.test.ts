import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from './index.ts'
import { createRedactor, REDACTED } from './redact.ts'

// Planted: if any of these is found in the output, a secret got out.
const PLANTED = 'hunter2-planted'

test('planted secrets do not reach the output, at any depth, in any spelling', async () => {
  const lines: string[] = []
  const seen: unknown[] = []
  const telemetry = createTelemetry({
    service: 's',
    env: 'test',
    destination: { write: (line) => void lines.push(line) },
  })
  telemetry.addSink({ onLog: (log) => void seen.push(log) })
  telemetry.log.info(`connecting to postgres://app:${PLANTED}@db:5432/shop with Authorization: Bearer ${PLANTED}`, {
    password: PLANTED,
    newPassword: PLANTED,
    headers: {
      Authorization: `Basic ${PLANTED}`,
      cookie: PLANTED,
      'set-cookie': [PLANTED],
      'X-Api-Key': PLANTED,
      'proxy-authorization': PLANTED,
    },
    deep: [{ er: { still: { access_token: PLANTED, refreshToken: PLANTED, client_secret: { value: PLANTED } } } }],
    apiKey: PLANTED,
    SECRET_KEY: PLANTED,
    DATABASE_URL: `postgres://app:${PLANTED}@db/shop`,
    callback: `https://example.com/cb?state=1&access_token=${PLANTED}&x=2`,
    err: new Error(`login failed for https://me:${PLANTED}@example.com`, { cause: { token: PLANTED } }),
    map: new Map([['secret', PLANTED]]),
    jwt: PLANTED,
  })
  telemetry.log.child({ token: PLANTED }).info('child')
  assert.equal(lines.length, 2)
  assert.ok(!lines.join('').includes(PLANTED), lines.join(''))
  assert.ok(!JSON.stringify(seen).includes(PLANTED))
  assert.match(lines[0]!, /postgres:\/\/app:\[redacted\]@db:5432\/shop/)
  await telemetry.close()
})

test('card numbers are masked by their check digit, other numbers are left alone', () => {
  const { text, fields } = createRedactor()
  assert.equal(text('paid with 4111 1111 1111 1111 today'), `paid with ${REDACTED} today`)
  assert.equal(text('paid with 5500-0000-0000-0004'), `paid with ${REDACTED}`)
  assert.deepEqual(fields({ cardNumber: 4111111111111111, cvc: 123 }), { cardNumber: REDACTED, cvc: REDACTED })
  for (const harmless of [
    'order 4111 1111 1111 1112',
    'at 1732254171000000 us',
    '+49 30 1234567',
    '018f4e6a-7b3c-7def-8123-456789abcdef',
  ]) {
    assert.equal(text(harmless), harmless)
  }
})

test('ordinary fields are left as they are', () => {
  const { fields } = createRedactor()
  const ordinary = {
    orderId: 'o-1',
    author: 'Ann',
    tokens: 1200,
    hasPassword: true,
    keyboard: 'de',
    company: 'Pan & Co',
    route: 'POST /orders',
  }
  assert.deepEqual(fields(ordinary), ordinary)
})

test('a hostile text takes no more time than its length deserves', () => {
  const { text } = createRedactor()
  const hostile = [
    'a://'.repeat(50_000),
    '4 '.repeat(100_000),
    'bearer '.repeat(30_000),
    '?token'.repeat(30_000),
    'eyJ'.repeat(60_000),
  ]
  const started = performance.now()
  for (const one of hostile) text(one)
  assert.ok(performance.now() - started < 1000, `took ${performance.now() - started} ms`)
})
