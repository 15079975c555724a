import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { openDatabase } from '../../database/index.ts'
import { testDatabase } from '../../database/testing/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openCaches } from '../index.ts'
import { openPostgresLine } from './line.ts'
import { messageOf, payloadsOf } from './payload.ts'

const silent = () => createTelemetry({ service: 'test', env: 'test', level: 'silent' })

test('a line whose connection is dead but looks open is found out, and everything is forgotten', async () => {
  const database = await testDatabase()
  const { url, app, secretKey, roleMode } = database
  const proxy = await startProxy(new URL(url))
  const telemetry = silent()
  const behind = openDatabase({ url, directUrl: proxy.url, app, secretKey, roleMode, telemetry })
  const gaps: number[] = []
  const line = await openPostgresLine(
    { db: behind.system, clock: systemClock, log: telemetry.log, echoEvery: 20, echoWithin: 300 },
    { onChange: () => {}, onGap: () => gaps.push(Date.now()) },
  )
  try {
    assert.equal(line.linked, true)
    const before = gaps.length
    proxy.freeze()
    await until(() => !line.linked)
    assert.ok(gaps.length > before, 'the listener was told to forget everything')
    proxy.thaw()
    await until(() => line.linked)
  } finally {
    await line.close()
    proxy.close()
    await behind.service.stop()
    await database.close()
  }
})

test('an app starts without its line, and keeps values for seconds only until it has one', async () => {
  const database = await testDatabase()
  const { url, app, secretKey, roleMode } = database
  const telemetry = silent()
  const nobody = 'postgres://127.0.0.1:1/none'
  const deaf = openDatabase({ url, directUrl: nobody, app, secretKey, roleMode, telemetry })
  let now = 0
  const clock = { ...systemClock, elapsed: () => performance.now() + now }
  const caches = await openCaches({ db: deaf.system, telemetry, clock })
  const cache = caches.define({ name: 'test.deaf', ttl: '1h', jitter: 0, load: (key: string) => key })
  try {
    await cache.get('k')
    assert.equal(cache.peek('k'), 'k')
    now += 5001
    assert.equal(cache.peek('k'), undefined)
  } finally {
    await caches.close()
    await deaf.service.stop()
    await database.close()
  }
})

test('changes made at once are sent together', async () => {
  const database = await testDatabase()
  const telemetry = silent()
  const sent: unknown[] = []
  const db = {
    ...database.system,
    query: (text: string, values: readonly unknown[]) => (sent.push(values[0]), database.system.query(text, values)),
  } as typeof database.system
  const listener = { onChange: () => {}, onGap: () => {} }
  const line = await openPostgresLine({ db, clock: systemClock, log: telemetry.log }, listener)
  try {
    sent.length = 0
    await Promise.all(Array.from({ length: 50 }, (_, i) => line.tell({ cache: 'test.a', key: `${i % 25}` })))
    assert.equal(sent.length, 1)
    assert.equal(messageOf((sent[0] as string[])[0]!)?.changes.length, 25)
  } finally {
    await line.close()
    await database.close()
  }
})

test('payloads stay below the 8000 bytes that Postgres takes, and carry every change', () => {
  const changes = Array.from({ length: 500 }, (_, i) => ({ cache: 'test.a', key: `${i}${'\u0000ü"'.repeat(60)}` }))
  const payloads = payloadsOf('me', changes)
  assert.ok(payloads.every((payload) => Buffer.byteLength(payload) < 8000))
  assert.deepEqual(
    payloads.flatMap((payload) => messageOf(payload)!.changes),
    changes,
  )
})

test('a payload that is not ours is ignored', () => {
  for (const payload of ['', 'null', '{', '{"from":1}', '[]']) assert.equal(messageOf(payload), undefined)
  assert.deepEqual(messageOf('{"from":"x","changes":[null,{"cache":1},{"cache":"a","key":3}]}')?.changes, [])
})

async function startProxy(target: URL) {
  const sockets = new Set<Socket>()
  const state = { frozen: false }
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => (near.destroy(), far.destroy(), sockets.delete(socket)))
    }
    near.pipe(far)
    far.on('data', (data) => {
      // What comes while frozen is lost, as with a firewall that forgot the connection.
      if (!state.frozen) near.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    freeze: () => void (state.frozen = true),
    thaw: () => void (state.frozen = false),
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'it did not come true within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
