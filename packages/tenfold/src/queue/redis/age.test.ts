import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openRedis } from '../../redis/index.ts'
import { startTestRedis } from '../../redis/testing/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { liftStarved } from './age.ts'
import { bullIdOf, keysOf } from './names.ts'

it('no more old jobs are lifted than a worker has places, while those before them still wait, the oldest first', async (t) => {
  const server = await startTestRedis()
  const redis = await openRedis({
    url: server.url,
    telemetry: createTelemetry({ service: 'test', env: 'test', level: 'silent' }),
  })
  t.after(async () => {
    await redis.close()
    await server.stop()
  })
  const { prioritized, job } = keysOf('test')
  const band = 2 ** 32
  const enqueue = async (id: number, priority: number): Promise<void> => {
    await redis.command('zadd', prioritized('age'), priority * band + id, bullIdOf(String(id)))
    await redis.command('hset', job('age', String(id)), 'timestamp', id)
  }
  const lift = () => liftStarved(redis, 'test', ['age'], { starvedMs: 1000, most: 3 })
  const line = () => redis.command<string[]>('zrange', prioritized('age'), 0, -1)
  // The last band that there is: its scores are the largest.
  for (let id = 8; id <= 13; id++) await enqueue(id, 1101)
  await enqueue(20, 1100)
  await enqueue(21, 1100)
  await lift()
  const lifted = ['j8', 'j9', 'j10', 'j20', 'j21', 'j11', 'j12', 'j13']
  assert.deepEqual(await line(), lifted)
  await lift()
  await lift()
  assert.deepEqual(await line(), lifted, 'three of them wait already')
  await redis.command('zrem', prioritized('age'), 'j8', 'j9')
  await lift()
  assert.deepEqual(await line(), ['j10', 'j11', 'j12', 'j20', 'j21', 'j13'])
})
