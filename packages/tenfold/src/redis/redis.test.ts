import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../kernel/index.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createCircuit, openRedis, scriptOf, type Redis } from './index.ts'
import { startTestRedis, type TestRedis } from './testing/index.ts'

const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })

describe('the connection to redis', () => {
  let server: TestRedis
  let redis: Redis
  before(async () => {
    server = await startTestRedis({ appendfsync: 'always' })
    redis = await openRedis({ url: server.url, telemetry, timeoutMs: 500 })
  })
  after(async () => {
    await redis.close()
    await server.stop()
  })

  it('sends commands, alone and in batches', async () => {
    await redis.command('set', 'a', 'one')
    assert.deepEqual(
      await redis.batch([
        ['get', 'a'],
        ['incr', 'n'],
        ['get', 'nothing'],
      ]),
      ['one', 1, null],
    )
    assert.deepEqual(await redis.batch([]), [])
    await assert.rejects(redis.command('incr', 'a'), { code: 'TF_REDIS_COMMAND', message: /incr: ERR value is not/ })
    await assert.rejects(
      redis.batch([
        ['get', 'a'],
        ['incr', 'a'],
      ]),
      { code: 'TF_REDIS_COMMAND' },
    )
  })

  it('says what a crash may cost', async () => {
    assert.equal(await redis.durability(), 'always')
    await redis.command('config', 'set', 'appendfsync', 'everysec')
    assert.equal(await redis.durability(), 'everysec')
    const other = await startTestRedis({ appendfsync: 'no' })
    const volatile = await openRedis({ url: other.url, telemetry })
    assert.equal(await volatile.durability(), 'never')
    await volatile.close()
    await other.stop()
  })

  it('R1 R3 fails while the server is away, and comes back with it, and its data', async () => {
    await redis.command('set', 'kept', 'yes')
    await server.kill()
    await assert.rejects(redis.command('get', 'kept'), { code: 'TF_REDIS_AWAY' })
    await assert.rejects(redis.ping(), { code: 'TF_REDIS_AWAY', message: /^Redis at 127\.0\.0\.1:\d+\/0 / })
    await server.start()
    const deadline = Date.now() + 5000
    while (!redis.ready() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(await redis.command('get', 'kept'), 'yes')
  })

  it('R2 a command to a server that stands still ends', async () => {
    process.kill(server.pid, 'SIGSTOP')
    try {
      const started = Date.now()
      await assert.rejects(redis.command('get', 'a'), { code: 'TF_REDIS_AWAY' })
      assert.ok(Date.now() - started < 2000)
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
  })

  it('R5 runs a script whose text the server does not know, or has forgotten, and gives bytes as they are', async () => {
    const ECHO = scriptOf(`redis.call('SET', KEYS[1], ARGV[1]) return { redis.call('GET', KEYS[1]), 7 }`)
    assert.deepEqual(await redis.run(ECHO, ['echo'], ['text']), ['text', 7])
    await redis.command('script', 'flush')
    const bytes = Buffer.from([0, 255, 128, 10])
    assert.deepEqual(await redis.run(ECHO, ['echo'], [bytes], { bytes: true }), [bytes, 7])
    await assert.rejects(redis.run(scriptOf('return nonsense('), [], []), { code: 'TF_REDIS_COMMAND' })
  })

  it('a circuit opens when the server stands still, delays nobody from then on, and closes by itself', async () => {
    const circuit = createCircuit({ redis, clock: systemClock, log: telemetry.log, what: 'a test', timeoutMs: 50 })
    const returned = Promise.withResolvers<void>()
    circuit.onReturn(returned.resolve)
    const get = (): Promise<unknown> => circuit.run((one) => one.command('get', 'a'))
    await get()
    process.kill(server.pid, 'SIGSTOP')
    try {
      await Promise.all(Array.from({ length: 10 }, () => assert.rejects(get(), { code: 'TF_REDIS_AWAY' })))
      assert.equal(circuit.closed, false)
      const sent = performance.now()
      for (let i = 0; i < 1000; i++) await assert.rejects(get(), { code: 'TF_REDIS_AWAY' })
      assert.ok(performance.now() - sent < 5000, '1000 callers did not wait 50 ms each')
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await returned.promise
    assert.equal(circuit.closed, true)
    await get()
    await circuit.close()
  })

  it('R4 opens without a server, and does not tell the password', async () => {
    const away = await openRedis({ url: 'redis://user:secret-word@127.0.0.1:1/3', telemetry, timeoutMs: 300 })
    assert.equal(away.ready(), false)
    await assert.rejects(away.ping(), (error: Error) => {
      assert.match(error.message, /^Redis at 127\.0\.0\.1:1\/3 /)
      return !error.message.includes('secret-word')
    })
    await away.close()
  })
})
