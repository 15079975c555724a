import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { testDatabase, type TestDatabase } from '../../database/testing/index.ts'
import { systemClock } from '../../kernel/index.ts'
import { openRedis, type Redis } from '../../redis/index.ts'
import { startTestRedis, type TestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import type { Cache, CacheOptions, Caches } from '../cache.ts'
import { migrations, openCaches } from '../index.ts'

const INSTANCES = 4

describe('caches of four instances, and redis that comes and goes', () => {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const instances: { caches: Caches; redis: Redis }[] = []
  let database: TestDatabase
  let server: TestRedis
  let made = 0
  before(async () => {
    database = await testDatabase({ migrations: [migrations] })
    server = await startTestRedis()
    for (let i = 0; i < INSTANCES; i++) instances.push(await open())
  })
  const open = async () => {
    const redis = await openRedis({ url: server.url, telemetry })
    const shared = { redis: { redis, prefix: 'test' }, redisTimeout: 50 }
    return { redis, caches: await openCaches({ db: database.system, telemetry, clock: systemClock, ...shared }) }
  }
  after(async () => {
    for (const { caches, redis } of instances) {
      await caches.close()
      await redis.close()
    }
    await server.stop()
    await database.close()
  })

  /** What the caches load from: one row, which loads find as it is when they begin. */
  const define = (options: Partial<CacheOptions<string, string>> = {}) => {
    const source = { value: 'old', loads: 0, ms: 0 }
    const name = `test.outage-${++made}`
    const load = async (): Promise<string> => {
      source.loads++
      const { value } = source
      await new Promise((resolve) => setTimeout(resolve, source.ms))
      return value
    }
    const defineOn = ({ caches }: { caches: Caches }) =>
      caches.define<string, string>({ name, ttl: '1h', tags: () => ['t'], load, ...options })
    return { source, caches: instances.map(defineOn), defineOn }
  }
  /** What an instance finds that has nothing in its memory. */
  const found = async (defineOn: ReturnType<typeof define>['defineOn'], key: string): Promise<string> => {
    const late = await open()
    const cache = defineOn(late)
    const value = await cache.get(key)
    await late.caches.close()
    await late.redis.close()
    return value
  }
  const all = (caches: Cache<string, string>[], key: string): Promise<string[]> =>
    Promise.all(caches.map((cache) => cache.get(key)))
  const isUsed = async (): Promise<void> => {
    for (let tried = 0; ; tried++) {
      const { caches } = define()
      await until(async () => instances.every(({ redis }) => redis.ready()))
      await caches[0]!.get('k')
      await all(caches, 'k')
      if (caches.filter((cache) => cache.stats().sharedHits === 1).length === INSTANCES - 1) return
      assert.ok(tried < 500, 'redis was not used again')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  it('C2 loads once for 500 callers on each of four instances', async () => {
    await isUsed()
    const { source, caches } = define()
    source.ms = 50
    const callers = Array.from({ length: 500 * INSTANCES }, (_, i) => caches[i % INSTANCES]!.get('k'))
    assert.deepEqual(new Set(await Promise.all(callers)), new Set(['old']))
    assert.equal(source.loads, 1)
  })

  for (const [how, halt, resume] of [
    ['killed', () => server.kill(), () => server.start()],
    [
      'frozen',
      async () => void process.kill(server.pid, 'SIGSTOP'),
      async () => void process.kill(server.pid, 'SIGCONT'),
    ],
  ] as const) {
    it(`C12 goes on while redis is ${how}, forgets nothing that was invalidated meanwhile, and loads once again after it`, async () => {
      await isUsed()
      const { source, caches, defineOn } = define()
      const other = define()
      await all(caches, 'known')
      await all(caches, 'changed')
      await all(caches, 'by tag')
      assert.equal(source.loads, 3)
      await halt()
      try {
        // What is in memory is given from there, what is not is loaded, and nobody fails.
        assert.deepEqual(
          await all(caches, 'known'),
          Array.from({ length: INSTANCES }, () => 'old'),
        )
        for (let i = 0; i < 10; i++) await all(other.caches, `new ${i}`)
        assert.ok(other.source.loads <= 10 * INSTANCES)
        const began = performance.now()
        for (let i = 0; i < 100; i++) await all(other.caches, `further ${i}`)
        const each = (performance.now() - began) / 100
        assert.ok(each < 40, `a miss takes ${each} ms, as if somebody waited for redis`)
        source.value = 'new'
        await caches[0]!.invalidate('changed')
        await until(async () => (await all(caches, 'changed')).every((value) => value === 'new'))
        await caches[1]!.invalidateTag('t')
      } finally {
        await resume()
      }
      await isUsed()
      for (const key of ['changed', 'by tag']) assert.equal(await found(defineOn, key), 'new')
      const again = define()
      again.source.ms = 20
      await Promise.all(Array.from({ length: 200 }, (_, i) => again.caches[i % INSTANCES]!.get('k')))
      assert.equal(again.source.loads, 1, 'they did not all load at once')
    })
  }

  it('C12 an instance whose invalidation did not reach redis is caught up with by the others, even if it is gone', async () => {
    await isUsed()
    const { source, defineOn, caches } = define()
    await all(caches, 'k')
    const doomed = await open()
    const cache = defineOn(doomed)
    process.kill(server.pid, 'SIGSTOP')
    try {
      source.value = 'new'
      await cache.invalidate('k')
      await until(async () => caches.every((one) => one.peek('k') === undefined))
      await doomed.caches.close()
      doomed.redis.client.disconnect()
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await isUsed()
    assert.equal(await found(defineOn, 'k'), 'new')
  })
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, 'it did not come true within 15 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
