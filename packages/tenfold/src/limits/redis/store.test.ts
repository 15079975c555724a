import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../kernel/index.ts'
import { openRedis, type Redis } from '../../redis/index.ts'
import { startTestRedis, type TestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openLimits, type Limits } from '../index.ts'

describe('rate limits on redis', () => {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  let server: TestRedis
  let redis: Redis
  let limits: Limits
  before(async () => {
    server = await startTestRedis({ appendfsync: 'no' })
    redis = await openRedis({ url: server.url, telemetry })
    limits = openLimits({ redis: { redis, prefix: 'test' }, telemetry, clock: systemClock, timeout: '50ms' })
  })
  after(async () => {
    await limits.close()
    await redis.close()
    await server.stop()
  })

  it('L4 a flood of what is over its limit costs the server nothing', async () => {
    const limiter = limits.define({ name: 'test.flood', windows: [{ max: 5, per: '1h' }] })
    for (let i = 0; i < 6; i++) await limiter.take('k')
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await redis.command<string>('info', 'stats'))![1])
    const before = await commands()
    for (let i = 0; i < 10_000; i++) assert.equal((await limiter.take('k')).by, 'known')
    assert.ok((await commands()) - before < 10)
  })

  it('L7 keeps a key no longer than it has something to say', async () => {
    const limiter = limits.define({ name: 'test.short', windows: [{ max: 5, per: '100ms' }] })
    await limiter.take('k')
    const deadline = Date.now() + 5000
    while ((await redis.command<string[]>('keys', '*test.short*')).length > 0) {
      assert.ok(Date.now() < deadline, 'it was not forgotten')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })

  for (const [how, halt, resume] of [
    ['killed', () => server.kill(), () => server.start()],
    [
      'frozen',
      async () => void process.kill(server.pid, 'SIGSTOP'),
      async () => void process.kill(server.pid, 'SIGCONT'),
    ],
  ] as const) {
    it(`L6 decides without a server that is ${how}, and with it again when it is back`, async () => {
      const lenient = limits.define({ name: `test.open-${how}`, windows: [{ max: 5, per: '1h' }] })
      const strict = limits.define({ name: `test.closed-${how}`, windows: [{ max: 5, per: '1h' }], whenAway: 'closed' })
      assert.equal((await lenient.take('before')).by, 'store')
      await halt()
      try {
        for (let i = 0; i < 3; i++) assert.equal((await lenient.take(`k${i}`)).by, 'away')
        const decisions = await Promise.all(Array.from({ length: 100 }, () => lenient.take('k')))
        assert.equal(decisions.filter((decision) => decision.allowed).length, 5)
        assert.equal((await strict.take('k')).allowed, false)
      } finally {
        await resume()
      }
      const deadline = Date.now() + 20_000
      while ((await lenient.take(`after-${Date.now()}`)).by !== 'store') {
        assert.ok(Date.now() < deadline, 'the server was not used again')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
  }
})
