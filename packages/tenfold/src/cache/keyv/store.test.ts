import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../kernel/index.ts'
import { createTelemetry } from '../../telemetry/index.ts'
import { openCaches } from '../index.ts'
import { keyvStore } from './store.ts'

test('a store for Keyv keeps, finds and deletes, each namespace for itself', async () => {
  const telemetry = createTelemetry({ service: 'test', env: 'test', level: 'silent' })
  const caches = await openCaches({ telemetry, clock: fakeClock() })
  const cache = caches.define<string, unknown>({ name: 'test.keyv', ttl: '1h', load: () => undefined })
  const [one, other] = [keyvStore(cache), keyvStore(cache)]
  one.namespace = 'one'
  other.namespace = 'other'
  for (const store of [one, other]) assert.equal(await store.set('k', store.namespace), true)
  assert.deepEqual([await one.get('k'), await other.get('k')], ['one', 'other'])
  assert.deepEqual(await one.getMany(['k', 'none']), ['one', undefined])
  assert.deepEqual([await one.has('k'), await one.has('none')], [true, false])
  await one.clear()
  assert.deepEqual([await one.get('k'), await other.get('k')], [undefined, 'other'])
  assert.deepEqual([await other.delete('k'), await other.delete('k')], [true, false])
  assert.equal(await other.deleteMany(['k', 'none']), false)
  await caches.close()
})
